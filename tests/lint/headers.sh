#!/bin/sh
# headers.sh - each header compiles alone, twice, without a warning.
# usage: CC="cc -D..." headers.sh	(from the top of the tree)
#
# Also: its guard is its own name in capitals, so that no two headers share
# one; it defines no variable; and it is not empty.

set -u
CC=${CC:-cc}
WARN=${WARN:--Wall -Wextra -Wundef -Wshadow -Wstrict-prototypes}
bad=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

find daemon -name '*.h' | LC_ALL=C sort > "$dir/list"
while read -r header; do
	guard=$(basename "$header" .h | tr 'a-z-' 'A-Z_')_H
	if ! grep -q "^#ifndef $guard\$" "$header" ||
	    ! grep -q "^#define $guard\$" "$header"; then
		echo "$header: its guard is not $guard"
		bad=1
	fi
	printf '#include "%s"\n#include "%s"\nint headers_lint;\n' \
	    "${header#daemon/}" "${header#daemon/}" > "$dir/try.c"
	# shellcheck disable=SC2086	# both are lists of words
	if ! $CC -std=c11 -fno-common -Idaemon $WARN -Werror \
	    -c -o "$dir/try.o" "$dir/try.c"; then
		echo "$header: does not compile alone"
		bad=1
	elif nm "$dir/try.o" | grep ' [BCDRSbdrs] ' |
	    grep -v headers_lint; then
		echo "$header: defines the variable above"
		bad=1
	fi
done < "$dir/list"
exit $bad
