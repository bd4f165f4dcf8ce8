#!/bin/sh
# floors.sh - the order of the floors, and that nothing is left out of make.
# usage: SOURCES="daemon/base/a.c ..." floors.sh FLOOR...
#	(from the top of the tree, lowest floor first)
#
# A file under daemon/FLOOR/ includes only headers of its own floor or of one
# named before it.  Within a floor no modules (a .c file with its header) may
# include each other in a circle, but for those in CIRCLES.
# "ctl=site" is a floor that sees itself and what is up to
# site, not what stands between; "ctl=site+net/certificate" sees that one
# header besides.  Include lines name the floor.  Every .c file under daemon/
# and every test is in SOURCES, what make builds on one system or another.

set -u
SOURCES=${SOURCES:-}
bad=0

# Modules that still include each other, a semicolon after each circle: there
# shall be no other, and none of these may grow.
CIRCLES='ctl/rule ctl/survey;
	net/stream net/tls;
	site/build site/build_kept site/build_page;
	site/catalog site/pages site/prepare site/prepare_file site/program
	site/trouble;
	site/search site/search_db;
	site/store site/store_folder site/store_format site/store_reader
	site/store_table site/store_writer'

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

# Two modules are in one circle if each reaches the other: print each circle.
# shellcheck disable=SC2016	# the dollars are awk's
circles() {
	find daemon -name '*.[ch]' | LC_ALL=C sort |
	    CIRCLES=$CIRCLES xargs awk '
	FNR == 1 {
		me = FILENAME
		sub(/^daemon\//, "", me)
		sub(/\.[ch]$/, "", me)
		if (!(me in seen)) {
			seen[me] = 1
			module[++n] = me
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		dep = $0
		sub(/^[^"]*"/, "", dep)
		sub(/\.h".*/, "", dep)
		if (dep != me)
			needs[me] = needs[me] " " dep
	}
	function reach(from, at,	word, k, i) {
		k = split(needs[at], word, " ")
		for (i = 1; i <= k; i++)
			if (!((from, word[i]) in reached)) {
				reached[from, word[i]] = 1
				reach(from, word[i])
			}
	}
	function is_known(line,	circle, word, k, m, i, j) {
		m = split(line, word, " ")
		k = split(known, circle, ";")
		for (i = 1; i <= k; i++) {
			for (j = 1; j <= m; j++)
				if (!index(" " circle[i] " ",
				    " " word[j] " "))
					break
			if (j > m)
				return 1
		}
		return 0
	}
	END {
		known = ENVIRON["CIRCLES"]
		gsub(/[ \t\n]+/, " ", known)
		for (i = 1; i <= n; i++)
			reach(module[i], module[i])
		for (i = 1; i <= n; i++) {
			if (!((module[i], module[i]) in reached) || done[i])
				continue
			line = module[i]
			for (k = i + 1; k <= n; k++)
				if (((module[i], module[k]) in reached) &&
				    ((module[k], module[i]) in reached)) {
					line = line " " module[k]
					done[k] = 1
				}
			if (!is_known(line)) {
				print line ": include each other"
				bad = 1
			}
		}
		exit bad
	}'
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
circles || bad=1
left=$(unlisted)
if [ -n "$left" ]; then
	echo "$left"
	bad=1
fi
exit $bad
