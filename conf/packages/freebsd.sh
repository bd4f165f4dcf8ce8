# freebsd.sh - package names of FreeBSD.  UNTRIED on a real system.
# Read by conf/packages.sh, which says what each name here is for.
# The compiler, OpenSSL and mandoc are in the base system.
# shellcheck shell=sh disable=SC2034	# used by packages.sh

run="gmake pkgconf libevent inih libunistring libidn2 sqlite3"
check="python3 py311-pytest cmocka curl"
slow=
extra="py311-pytest-xdist hs-ShellCheck llvm14 lynx gopher amfora sacc gnutls
tmux haproxy socat"
bench="python3"
by_hand="pkg install"

has() {
	pkg info -e "$1"
}

offers() {
	pkg rquery %n "$1" >/dev/null 2>&1
}

refresh() {
	as_root pkg update -q
}

add() {
	as_root pkg install -y "$@"
}
