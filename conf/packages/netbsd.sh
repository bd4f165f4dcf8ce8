# netbsd.sh - package names of NetBSD's pkgsrc.  UNTRIED on a real system.
# Read by conf/packages.sh, which says what each name here is for.
# The compiler, OpenSSL and mandoc are in the base system.
# shellcheck shell=sh disable=SC2034	# used by packages.sh

run="gmake pkgconf libevent inih libunistring libidn2 sqlite3"
check="python311 py311-test cmocka curl"
slow=
extra="py311-test-xdist shellcheck lynx tmux gnutls haproxy socat"
bench="python311"
by_hand="pkgin install"

has() {
	pkg_info -q -e "$1"
}

offers() {
	[ -n "$(pkgin -p search "^$1-[0-9]" 2>/dev/null)" ]
}

refresh() {
	command -v pkgin >/dev/null 2>&1 && as_root pkgin -y update
}

add() {
	as_root pkgin -y install "$@"
}
