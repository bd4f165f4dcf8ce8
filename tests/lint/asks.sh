#!/bin/sh
# asks.sh - doc/asks.md has each of its asks once, and names tests that exist.
# usage: asks.sh [FILE]	(from the top of the tree)
#
# An ask is a heading "### N. words".  Below it stands "Shown by" and files in
# backquotes, after each of them a colon and tests of that file, likewise.  A
# file that is gone, a test that is in no such file, and a number that is
# missing, stands twice or out of order are findings; so is an ask that no
# test shows.

set -u
FILE=${1:-doc/asks.md}
ASKS=56
bad=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

[ -r "$FILE" ] || {
	echo "$FILE: is not there"
	exit 1
}

# "ask N LINE", "file PATH LINE" and "test NAME LINE", in the order of the text.
awk '
/^### / {
	number = $2
	sub(/\.$/, "", number)
	print "ask", number, FNR
	next
}
# Names count from the first file of a paragraph to its end.
{
	shown = /^$/ ? 0 : shown || /`tests\//
	n = split($0, part, "`")
	for (i = 2; i <= n; i += 2)
		if (part[i] ~ /^tests\/[a-z0-9_\/]+\.[a-z]+$/)
			print "file", part[i], FNR
		else if (shown && part[i] ~ /^[a-z0-9_]+$/)
			print "test", part[i], FNR
}
' "$FILE" > "$dir/found"

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

asks=0 file='' evidence=yes at=0
while read -r what name line; do
	case $what in
	ask)
		asks=$((asks + 1))
		[ "$name" = $asks ] ||
		    tell "$line" "ask \"$name\" stands where $asks should"
		[ -n "$evidence" ] || tell "$at" "no test shows this"
		evidence='' file='' at=$line
		;;
	file)
		file=$name
		[ -f "$name" ] || tell "$line" "there is no $name"
		evidence=yes
		;;
	test)
		if [ -z "$file" ]; then
			tell "$line" "$name is of no file"
		elif [ -f "$file" ] && ! has_test "$file" "$name"; then
			tell "$line" "$file has no $name"
		fi
		;;
	esac
done < "$dir/found"
[ -n "$evidence" ] || tell "$at" "no test shows this"
[ $asks -eq $ASKS ] || tell 0 "there are $asks asks, not $ASKS"
exit $bad
