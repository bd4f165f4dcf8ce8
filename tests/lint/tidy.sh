#!/bin/sh
# tidy.sh - clang-tidy finds nothing of what .clang-tidy has it look for.
# usage: CC="cc -D..." OWN="daemon/base/a.c ..." tidy.sh
#	(from the top of the tree)
#
# A file that was clean is not looked at again while what the compiler reads
# of it stays the same: build/tidy remembers.
# shellcheck disable=SC2089,SC2090	# quotes for the C compiler

set -u
export CC="${CC:-cc}"
CLEAN=build/tidy
FLAGS="-std=c11 -Idaemon -DCAPSULED_VERSION=\"\" -DCAPSULED_CONF=\"\"
-DCAPSULED_CERTDIR=\"\" -DCAPSULED_PIDFILE=\"\" -DCAPSULED_CONTROL=\"\""
SHALLOW="-Xclang -analyzer-config -Xclang mode=shallow"

command -v clang-tidy > /dev/null || {
	echo "clang-tidy is not installed"
	exit 77
}

# The arguments after the name of the compiler.
# shellcheck disable=SC2086	# a list of words
flags() {
	set -- $CC
	shift
	echo "$*" $FLAGS
}

# shellcheck disable=SC2046,SC2086	# lists of words
check() {
	known=$CLEAN/$(echo "$1" | tr / -)
	{
		cat .clang-tidy
		clang-tidy --version
		${CC%% *} $(flags) -E "$1"
	} 2>&1 | cksum > "$known.new"
	cmp -s "$known.new" "$known" && return
	rm -f "$known"
	clang-tidy --quiet "$1" -- $(flags) $SHALLOW 2>&1 |
	    grep -v 'warnings\{0,1\} \(generated\|treated\)' > "$known.found"
	if [ -s "$known.found" ]; then
		cat "$known.found"
		exit 1
	fi
	mv "$known.new" "$known"
}

if [ $# -eq 1 ]; then
	check "$1"
	exit
fi
mkdir -p $CLEAN
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null ||
    getconf NPROCESSORS_ONLN 2>/dev/null || echo 1)
echo "${OWN:-}" | tr ' ' '\n' | grep . |
    xargs -P "$jobs" -n 1 sh "$0" || exit 1
