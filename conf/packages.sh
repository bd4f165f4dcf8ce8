#!/bin/sh
# packages.sh - install what is missing to build, run or test capsuled.
# usage: packages.sh run|check|check-all|bench
#	 packages.sh missing run|check	(only say what is missing)
#
# "run" is what building and running takes, "check" what testing takes on top,
# "check-all" what the slow tests take on top of that, and "bench" what
# measuring can make use of and can do without.
# A system is a file in conf/packages/ that sets
#	run, check, slow
#			packages without which it does not work
#	bench		packages that some measurements use
#	extra		packages that more tests use; a release may lack some
#	by_hand		the command that a person would type before the names
# and defines
#	has PACKAGE	true if it is installed
#	offers PACKAGE	true if the system's own archive has it
#	refresh		bring the list of what the archive has up to date
#	add PACKAGE...	install
# All of that for missing packages only: with everything there, nothing is
# run, downloaded or changed.

set -u
here=$(dirname "$0")

usage() {
	echo "usage: packages.sh [missing] run|check|check-all|bench" >&2
	exit 2
}

# The file for this system, or nothing.
system() {
	case $(uname -s) in
	FreeBSD) echo freebsd ;;
	OpenBSD) echo openbsd ;;
	NetBSD) echo netbsd ;;
	Linux)
		# Derivatives name what they derive from in ID_LIKE.
		case " $(sed -n 's/^ID\(_LIKE\)*=//p' /etc/os-release \
		    2>/dev/null | tr '"\n' '  ') " in
		*" debian "* | *" ubuntu "*) echo debian ;;
		esac
		;;
	esac
}

# The names among the arguments that are not installed.
missing() {
	for package; do
		has "$package" || printf '%s ' "$package"
	done
}

# Run a command as root: as it is, or through sudo or doas.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	elif command -v doas >/dev/null 2>&1; then
		doas "$@"
	else
		echo "packages: not root, and neither sudo nor doas is here" >&2
		return 1
	fi
}

install_by_hand() {
	echo "packages: please install by hand, then try again:" >&2
	echo "  $by_hand $*" >&2
	exit 1
}

only_say=
if [ "${1:-}" = missing ]; then
	only_say=yes
	shift
fi
[ $# -eq 1 ] || usage
case $1 in run | check | check-all | bench) ;; *) usage ;; esac
goal=$1

name=$(system)
if [ -z "$name" ]; then
	[ -z "$only_say" ] || exit 0
	# Nobody has told us this system's names: what they stand for.
	for tool in cc ar pkg-config; do
		command -v $tool >/dev/null 2>&1 && continue
		echo "packages: no $tool" >&2
	done
	cat >&2 <<-'END'
	packages: this system is not known to conf/packages.sh; needed are
	  to build: a C11 compiler, GNU make, pkg-config, and the headers
	    of OpenSSL 3, libevent 2.1, inih, libunistring, libidn2 and
	    SQLite 3.36 with FTS5
	  to test:  python3 with pytest, cmocka, clang with libFuzzer and
	    the sanitizers, curl, openssl, mandoc, shellcheck;
	    for check-all a Debian with debootstrap and systemd-nspawn
	END
	exit 0
fi
# shellcheck source=conf/packages/debian.sh
. "$here/packages/$name.sh"

# shellcheck disable=SC2086,SC2154	# lists, set by the system's file
case $goal in
run) want=$(missing $run) more= ;;
check) want=$(missing $run $check) more=$(missing $extra) ;;
bench) want='' more=$(missing $bench) ;;
check-all) want=$(missing $run $check $slow) more=$(missing $extra) ;;
esac
[ -n "$want$more" ] || exit 0
if [ -n "$only_say" ]; then
	echo "$want" | sed 's/ *$//'
	exit 0
fi

echo "packages: missing here: $want$more"
# What the release lacks stays missing: that alone is no reason to ask for
# news each time.
if [ -n "$want" ]; then
	# shellcheck disable=SC2086
	refresh || install_by_hand $want
fi
can=
for package in $more; do
	if offers "$package"; then
		can="$can$package "
	else
		echo "packages: no $package on offer: what takes it is skipped"
	fi
done
if [ -n "$want$can" ]; then
	echo "packages: installing $want$can"
	# shellcheck disable=SC2086
	add $want $can && exit 0
fi
# shellcheck disable=SC2086
[ -z "$want" ] || install_by_hand $want
[ -z "$can" ] || echo "packages: going on without $can"
