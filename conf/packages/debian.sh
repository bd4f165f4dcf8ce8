# debian.sh - package names of Debian and Ubuntu; tried on Debian 12 and 13.
# Read by conf/packages.sh, which says what each name here is for.
# shellcheck shell=sh disable=SC2034	# used by packages.sh

run="gcc libc6-dev pkgconf libssl-dev libevent-dev libinih-dev
libunistring-dev libidn2-dev libsqlite3-dev"
check="python3 python3-pytest python3-pytest-xdist libcmocka-dev clang
libclang-rt-dev curl openssl procps php-fpm fcgiwrap uwsgi-core
uwsgi-plugin-python3"
extra="llvm shellcheck mandoc clang-format clang-tidy haproxy
socat lynx gopher sacc vf1 bombadillo amfora emacs-nox elpa-elpher gnutls-bin
tmux less locales universal-ctags libnss3-tools faketime systemd logrotate"
slow="debootstrap systemd-container util-linux prometheus haproxy iproute2
socat"
bench="python3 iproute2 libwrap0"
by_hand="apt-get install"

has() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
	    installed ]
}

offers() {
	LC_ALL=C apt-cache policy "$1" 2>/dev/null |
	    grep -q 'Candidate: [^(]'
}

refresh() {
	as_root apt-get -q update
}

# Recommended packages would bring a desktop's worth of clients along.
add() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
	    -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@"
}
