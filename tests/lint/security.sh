#!/bin/sh
# security.sh - each claim of SECURITY.md names tests, and they exist.
# usage: security.sh [FILE]	(from the top of the tree)
#
# In backquotes stand e2e/FILE.py::TEST and unit/FILE.c::TEST, or ::TEST for
# another one of the file before it in that row or paragraph, or a file or
# folder of these.  A file that is gone, a test that is in no such file, and a
# row of the first table without any of them are findings.

set -u
FILE=${1:-SECURITY.md}
bad=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

[ -r "$FILE" ] || {
	echo "$FILE: is not there"
	exit 1
}

# "row N LINE", "path PATH LINE" and "test PATH NAME LINE".
awk '
/^## / { claims = /^## What is defended/ }
/^$/ || /^\|/ { path = "" }
claims && /^\| / && !/^\| against \|/ { print "row", FNR, FNR }
{
	n = split($0, part, "`")
	for (i = 2; i <= n; i += 2) {
		word = part[i]
		if (word !~ /^(e2e|unit|tests)\/|^::/)
			continue
		name = ""
		if (split(word, half, "::") == 2) {
			word = half[1]
			name = half[2]
		}
		sub(/^e2e\//, "tests/e2e/", word)
		sub(/^unit\//, "tests/unit/", word)
		if (word != "")
			path = word
		if (path == "")
			path = "-"
		print "path", path, FNR
		if (name != "")
			print "test", path, name, FNR
	}
}' "$FILE" > "$dir/found"

tell() {
	echo "$FILE:$1: $2"
	bad=1
}

# A test is a function: of C with its state, of Python with its fixtures.
has_test() {
	case $1 in
	*.py) grep -q "^def $2(" "$1" ;;
	*.c) grep -q "^$2(void \*\*state)" "$1" ;;
	*) return 1 ;;
	esac
}

rows=0 row=
while read -r what path name line; do
	case $what in
	row)
		rows=$((rows + 1))
		[ -z "$row" ] || tell "$row" "no test shows this"
		row=$path
		;;
	path)
		row=
		[ "$path" = - ] || [ -e "$path" ] ||
		    tell "$name" "there is no $path"
		;;
	test)
		if [ "$path" = - ]; then
			tell "$line" "::$name is of no file"
		elif [ -e "$path" ] && ! has_test "$path" "$name"; then
			tell "$line" "$path has no $name"
		fi
		;;
	esac
done < "$dir/found"
[ -z "$row" ] || tell "$row" "no test shows this"
[ $rows -gt 0 ] || tell 1 "nothing is claimed under \"What is defended\""
exit $bad
