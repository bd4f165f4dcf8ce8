#!/bin/sh
# libraries.sh - say in one sentence what is missing to build; or say nothing.
# usage: CC="cc FLAG..." PKG_CONFIG=pkg-config libraries.sh GOAL LIBRARY...
#
# GOAL is the target of make that fetches what is missing.  A library is there
# if pkg-config knows it; libunistring, which tells pkg-config nothing, if its
# header is there.

set -u
goal=$1
shift

has() {
	case $1 in
	libunistring)
		$CC -include uninorm.h -E -x c /dev/null >/dev/null 2>&1
		;;
	*)
		$PKG_CONFIG --exists "$1" >/dev/null 2>&1
		;;
	esac
}

# Without the first two nothing can be told of the rest.
missing() {
	$CC --version >/dev/null 2>&1 || { echo "${CC%% *}"; return; }
	$PKG_CONFIG --version >/dev/null 2>&1 ||
	    { echo "${PKG_CONFIG##* }"; return; }
	for library; do
		has "$library" || printf '%s ' "$library"
	done
}

what=$(missing "$@")
[ -n "$what" ] || exit 0
what=${what% }
names=$(sh "$(dirname "$0")/packages.sh" missing "$goal")
echo "not found: $what - ${names:+install $names, or }type \"make $goal\"," \
    "which installs what is missing"
