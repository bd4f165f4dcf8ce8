# openbsd.sh - package names of OpenBSD.  UNTRIED on a real system.
# Read by conf/packages.sh, which says what each name here is for.
# The compiler, LibreSSL and mandoc are in the base system; the libevent of
# the base system is 1.4, too old.
# shellcheck shell=sh disable=SC2034	# used by packages.sh

run="libevent inih libunistring libidn2 sqlite3"
check="python%3 py3-test cmocka curl"
slow=
extra="py3-test-xdist shellcheck lynx amfora tmux gmake gnutls haproxy"
bench="python%3"
by_hand="pkg_add"

# "name%branch" asks pkg_add for one of several versions.
has() {
	pkg_info -q -e "${1%%%*}-*"
}

offers() {
	[ -n "$(pkg_info -Q "${1%%%*}" 2>/dev/null)" ]
}

# pkg_add asks the mirror each time.
refresh() {
	:
}

add() {
	as_root pkg_add -I "$@"
}
