# openbsd.sh - package names of OpenBSD.  UNTRIED on a real system.
# Read by conf/packages.sh, which says what each name here is for.
# The compiler, pkg-config and mandoc are in the base system; its LibreSSL has
# no providers, and its libevent is 1.4, too old.  OPENSSL in the Makefile
# names the folder of OpenSSL's branch.
# shellcheck shell=sh disable=SC2034	# used by packages.sh

run="gmake openssl%3.3 libevent inih libunistring libidn2 sqlite3"
check="python%3 py3-test cmocka curl"
slow=
extra="py3-test-xdist shellcheck lynx amfora tmux gnutls haproxy socat"
bench="python%3"
by_hand="pkg_add"

# "name%branch" asks pkg_add for one of several versions.
has() {
	case $1 in
	*%*) pkg_info -q -e "${1%%%*}-${1#*%}*" ;;
	*) pkg_info -q -e "$1-*" ;;
	esac
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
