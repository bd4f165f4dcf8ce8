#!/bin/sh
# bsd.sh - every file compiles for FreeBSD, NetBSD and OpenBSD, warning-free.
# usage: bsd.sh [HEADERS]	(from the top of the tree)
#	 BSD_HEADERS=HEADERS bsd.sh
#
# HEADERS is a folder with the headers of these systems' libc, as Zig's
# distribution has them in lib/libc/include: generic-freebsd beside
# x86_64-freebsd-none, and so on.  The headers of the libraries are those of
# this machine.  Nothing is linked and nothing is run: that a call exists and
# has these arguments is all that this shows.
#
# BSD_TARGETS="x86_64-freebsd ..." tries these alone.

set -u
HEADERS=${1:-${BSD_HEADERS:-}}
USUAL='-Wall -Wextra -Wundef -Wshadow -Wstrict-prototypes
    -Wno-missing-field-initializers'
WARN=${WARN:-$USUAL}
LIBRARIES='openssl event2 ini.h idn2.h unistring sqlite3.h cmocka.h uni*.h'
# 64 and 32 bits, and one where char has no sign.
MACHINES='x86_64 x86 aarch64'
SYSTEMS='freebsd netbsd openbsd'

skip() {
	echo "$1"
	exit 77
}

[ -n "$HEADERS" ] || skip "BSD_HEADERS names no folder of headers"
[ -d "$HEADERS" ] || { echo "$HEADERS: no such folder"; exit 1; }
command -v clang >/dev/null 2>&1 || skip "no clang"
links=$(mktemp -d) || exit 1
trap 'rm -rf "$links"' EXIT

# The libraries' headers without this machine's libc beside them.
link_libraries() {
	for root in /usr/include /usr/local/include "/usr/include/$(
	    clang -print-multiarch 2>/dev/null)"; do
		for name in $LIBRARIES; do
			for path in "$root"/$name; do
				[ ! -d "$path" ] || link_folder "$path"
				[ ! -f "$path" ] || ln -sf "$path" "$links/"
			done
		done
	done
}

# Some systems have half of such a folder in another place.
link_folder() {
	mkdir -p "$links/${1##*/}"
	ln -sf "$1"/*.h "$links/${1##*/}/"
}

# The folders of one target, those of the machine first; nothing if one lacks.
folders() {
	own=$(echo "$HEADERS/$1-$2"-*)
	for all in "$HEADERS/generic-$2" "$HEADERS/any-$2-any"; do
		[ ! -d "$own" ] || [ ! -d "$all" ] ||
		    echo "-isystem $own -isystem $all"
	done
}

# What make adds for this system.
flags() {
	sed -n "s/^CPPFLAGS_$1 *= *//p" Makefile | sed 's/-I[^ ]*//g'
}

release_of() {
	case $1 in
	freebsd) echo freebsd14 ;;
	netbsd) echo netbsd10 ;;
	openbsd) echo openbsd7.7 ;;
	esac
}

# Files of the other systems are none of this one's.
sources() {
	find daemon tests/unit tests/bench tests/fuzz -name '*.c' |
	    grep -v -e _linux.c -e /slowlink.c |
	    grep -v -E "_($(echo "$SYSTEMS" | sed "s/$1//" |
		tr -s ' ' '|' | sed 's/^|//; s/|$//')).c$" | LC_ALL=C sort
}

# try MACHINE SYSTEM
try() {
	where=$(folders "$1" "$2")
	[ -n "$where" ] || return 0
	tried=$((tried + 1))
	machine=$1
	[ "$machine" != x86 ] || machine=i386
	target=$machine-unknown-$(release_of "$2")
	# The names are the Makefile's DEFS.  cmocka guesses uintptr_t, which
	# <stdint.h> has told by then; OpenSSL's macros cast const away.
	# shellcheck disable=SC2046,SC2086	# lists of words
	sources "$2" | xargs -n 8 -P 2 clang -target "$target" \
	    -fsyntax-only -nostdlibinc $where -isystem "$links" -std=c11 \
	    -fno-common -Idaemon -Itests/unit $(flags "$2") \
	    -D_FILE_OFFSET_BITS=64 -D_UINTPTR_T '-DCAPSULED_VERSION=""' \
	    '-DCAPSULED_CONF=""' '-DCAPSULED_CERTDIR=""' \
	    '-DCAPSULED_PIDFILE=""' '-DCAPSULED_CONTROL=""' $WARN \
	    -Wno-cast-qual -Werror 2>&1 ||
	    { echo "the above: $1-$2"; bad=1; }
}

bad=0 tried=0
link_libraries
for target in ${BSD_TARGETS:-$(for s in $SYSTEMS; do for m in $MACHINES; do
    echo "$m-$s"; done; done)}; do
	try "${target%-*}" "${target##*-}"
done
[ $tried -gt 0 ] || { echo "$HEADERS has headers of no BSD"; exit 1; }
exit $bad
