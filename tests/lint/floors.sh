#!/bin/sh
# floors.sh - the order of the floors, and that nothing is left out of make.
# usage: SOURCES="daemon/base/a.c ..." floors.sh FLOOR...
#	(from the top of the tree, lowest floor first)
#
# A file under daemon/FLOOR/ includes only headers of its own floor or of one
# named before it.  "ctl=site" is a floor that sees itself and what is up to
# site, not what stands between; "ctl=site+net/certificate" sees that one
# header besides.  Include lines name the floor.  Every .c file under daemon/
# and every test is in SOURCES, what make builds on one system or another.

set -u
SOURCES=${SOURCES:-}
bad=0

# shellcheck disable=SC2016	# the dollars are awk's
includes() {
	find daemon -name '*.[ch]' | LC_ALL=C sort | xargs awk -v order="$*" '
	BEGIN {
		n = split(order, word, " ")
		for (i = 1; i <= n; i++) {
			split(word[i], part, "=")
			rank[part[1]] = i
			top[part[1]] = i - 1
			more = split(part[2], seen, "+")
			if (more > 0)
				top[part[1]] = rank[seen[1]]
			for (k = 2; k <= more; k++)
				also[part[1], seen[k] ".h"] = 1
		}
	}
	FNR == 1 {
		me = FILENAME
		sub(/^daemon\//, "", me)
		if (sub(/\/[^\/]*$/, "", me) == 0 || !(me in rank)) {
			print FILENAME ": on no floor of the Makefile"
			bad = 1
			rank[me] = top[me] = 0
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		dep = $0
		sub(/^[^"]*"/, "", dep)
		sub(/".*/, "", dep)
		name = dep
		if (sub(/\/.*/, "", dep) == 0)
			why = "does not name its floor"
		else if (!(dep in rank))
			why = "names no floor"
		else if (dep != me && rank[dep] > top[me] &&
		    !((me, name) in also))
			why = "is above " me
		else
			next
		print FILENAME ":" FNR ": " name " " why
		bad = 1
	}
	END { exit bad }'
}

unlisted() {
	for file in daemon/*/*.c tests/unit/test_*.c tests/fuzz/fuzz_*.c; do
		case " $SOURCES " in
		*" $file "*) ;;
		*) [ ! -e "$file" ] || echo "$file: in no list of make" ;;
		esac
	done
}

includes "$@" || bad=1
left=$(unlisted)
if [ -n "$left" ]; then
	echo "$left"
	bad=1
fi
exit $bad
