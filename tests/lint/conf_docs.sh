#!/bin/sh
# conf_docs.sh - every key of the table stands in the manual and in the
# sample, each in its section, and nothing else does.
# usage: CC="cc -D..." conf_docs.sh	(from the top of the tree)
#
# The table is asked itself: a helper is linked from the sources, so that
# neither a daemon nor any other test has to be built before.

set -u
CC=${CC:-cc}
MANUAL=man/capsuled.ini.5
SAMPLE=conf/capsuled.ini
bad=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# conf_print_keys needs the table, and the table nothing but itself.
cat > "$dir/keys.c" <<'END'
#include "site/conf_table.h"

int
main(void)
{
	conf_print_keys(stdout);
	return 0;
}
END
# shellcheck disable=SC2086	# a list of words
$CC -std=c11 -Idaemon -o "$dir/keys" "$dir/keys.c" daemon/site/conf_table.c ||
    exit 1
"$dir/keys" | LC_ALL=C sort > "$dir/table"
[ -s "$dir/table" ] || {
	echo "the table of keys is empty"
	exit 1
}

# Sections are ".Ss [name]"; keys in them ".It Ic name Ns = ...".
awk '
/^\.Ss / { section = "" }
/^\.Ss \[[a-z]+\]$/ {
	section = substr($2, 2, length($2) - 2)
	keys[section] = 0
}
/^\.It Ic / && section != "" {
	print section " " $3
	keys[section]++
}
END {
	for (section in keys)
		if (keys[section] == 0)
			print section
}' "$MANUAL" | LC_ALL=C sort > "$dir/manual"

# A line of the sample that is commented out is an example, not a key.
awk '
/^\[[a-z]+\]$/ {
	section = substr($1, 2, length($1) - 2)
	keys[section] = 0
}
/^[a-z_]+ *=/ {
	key = $0
	sub(/ *=.*/, "", key)
	print section " " key
	keys[section]++
}
END {
	for (section in keys)
		if (keys[section] == 0)
			print section
}' "$SAMPLE" | LC_ALL=C sort > "$dir/sample"

# compare NAME FILE
compare() {
	LC_ALL=C comm -23 "$dir/table" "$2" > "$dir/missing"
	LC_ALL=C comm -13 "$dir/table" "$2" > "$dir/unknown"
	while read -r section key; do
		echo "$1: [$section] $key is not told"
		bad=1
	done < "$dir/missing"
	while read -r section key; do
		echo "$1: [$section] $key is told, and there is none"
		bad=1
	done < "$dir/unknown"
}

# A key told twice would hide behind itself.
twice() {
	uniq -d "$2" > "$dir/twice"
	while read -r section key; do
		echo "$1: [$section] $key is told twice"
		bad=1
	done < "$dir/twice"
}

compare "$MANUAL" "$dir/manual"
compare "$SAMPLE" "$dir/sample"
twice "$MANUAL" "$dir/manual"
twice "$SAMPLE" "$dir/sample"
exit $bad
