#!/bin/sh
# i386.sh - the tree is built and tested where a pointer has 32 bits.
# usage: i386.sh [GOAL]	(from the top of the tree; "make unit-i386")
#
# In a Debian of its own, made the first time and kept under build/foreign
# until "make clean"; an amd64 processor runs what is in it.  GOAL is what
# make shall make there, "unit" unless told otherwise; then the daemon answers
# a Gemini and a Gopher client.  Wants root, and a network the first time.
# FOREIGN_SUITE names another release than this machine's, FOREIGN_MIRROR
# another mirror.

set -u
top=$PWD
goal=${1:-unit}
mirror=${FOREIGN_MIRROR:-http://deb.debian.org/debian}
# shellcheck disable=SC1091	# another system's
suite=${FOREIGN_SUITE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
root=$top/build/foreign/i386-$suite
# shellcheck source=conf/packages/debian.sh disable=SC1091
. "$top/conf/packages/debian.sh"

fail() {
	echo "i386: $*"
	exit 1
}

# within COMMAND...: run there, with process ids and mounts of its own, none
# of which outlives the command.
within() {
	# shellcheck disable=SC2016	# dollars for the other shell
	unshare --mount --pid --fork --kill-child setarch i386 sh -c '
	    mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
	    exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"' \
	    "$root" "$@" < /dev/null
}

# Made under another name first: what is there is whole.
make_root() {
	[ ! -d "$root" ] || return 0
	rm -rf "$root.new"
	mkdir -p "${root%/*}"
	debootstrap --arch=i386 --variant=minbase "$suite" "$root.new" \
	    "$mirror" && mv "$root.new" "$root"
}

# What building and testing takes, whenever that has become another list.
add_packages() {
	# shellcheck disable=SC2154	# set in debian.sh
	want="make openssl libcmocka-dev $run"
	[ "$want" != "$(cat "$root/packages" 2>/dev/null)" ] || return 0
	# shellcheck disable=SC2086	# a list
	cp /etc/resolv.conf "$root/etc/" && within apt-get -q update &&
	    within apt-get -q -y --no-install-recommends install $want &&
	    within apt-get clean && echo "$want" > "$root/packages"
}

# The tree as it is; what was built of it there stays.
copy_tree() {
	mkdir -p "$root/src" && find "$root/src" -mindepth 1 -maxdepth 1 \
	    ! -name build -exec rm -rf {} + &&
	    tar -c --exclude=./build --exclude=./.git . |
	    tar -x --no-same-owner -C "$root/src"
}

[ "$(id -u)" -eq 0 ] || fail "only root can make and enter another system"
make_root || fail "cannot make a system for i386 in $root"
add_packages || fail "cannot install what building takes in $root"
copy_tree || fail "cannot copy the tree into $root"
within make -C /src -j"$(getconf _NPROCESSORS_ONLN)" all "$goal" ||
    fail "make $goal failed"
within bash /src/tests/foreign/serve.sh /src ||
    fail "the daemon does not serve"
