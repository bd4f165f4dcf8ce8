#!/bin/sh
# life.sh - the Debian package is built, installed, upgraded and taken away;
# and a stranger reads the README that came with it, and does what it says.
# usage: life.sh [SUITE...]	(from the top of the tree; "make package")
#
# In containers of their own, which are made the first time and kept under
# build/package until "make clean": a builder, and a machine that boots with
# systemd and a network of its own, where the service runs as it would.
# SUITE is bookworm unless told otherwise; PACKAGE_MIRROR names another mirror.
# The last line is "package: N passed, N failed".
# shellcheck disable=SC2317	# functions are called by their names
# shellcheck disable=SC2016	# dollars for other shells

set -u
top=$PWD
work=$top/build/package
mirror=${PACKAGE_MIRROR:-http://deb.debian.org/debian}
# shellcheck source=tests/package/machine.sh
. tests/package/machine.sh
# shellcheck source=tests/package/stranger.sh
. tests/package/stranger.sh

# -- building --

make_builder() {
	[ ! -d "$builder" ] || return 0
	rm -rf "$builder.new"
	cp -a "$base" "$builder.new" || return
	within "$builder.new" apt-get -q update &&
	    within "$builder.new" apt-get -q -y install \
	    --no-install-recommends dpkg-dev debhelper lintian fakeroot &&
	    mkdir -p "$builder.new/debian-only/debian" &&
	    cp "$top/debian/control" "$builder.new/debian-only/debian/" &&
	    within "$builder.new" --chdir=/debian-only apt-get -q -y \
	    --no-install-recommends build-dep ./ &&
	    mv "$builder.new" "$builder"
}

# build REVISION: the package of the source as it is, with that number.
build() {
	within "$builder" --chdir="/src/capsuled-$version" sh -c \
	    'export DEB_BUILD_OPTIONS="parallel=2 $1"
	    dpkg-buildpackage -us -uc -b' sh "${2:-}" || return
	cp "$builder/src/capsuled_$version-$1"_*.deb "$work/debs/"
}

unpack() {
	make dist && rm -rf "$builder/src" "$work/debs" &&
	    mkdir -p "$builder/src" "$work/debs" &&
	    tar -xzf "build/capsuled-$version.tar.gz" -C "$builder/src"
}

# Another revision, with a configuration that has changed.
revise() {
	tree=$builder/src/capsuled-$version
	sed -n 's/^ -- \(.*>\)  .*/\1/p' "$tree/debian/changelog" |
	    head -n 1 > "$work/who"
	{
		printf 'capsuled (%s-2) unstable; urgency=medium\n\n' "$version"
		printf '  * Another one.\n\n -- %s  %s\n\n' \
		    "$(cat "$work/who")" "$(LC_ALL=C date -R)"
		cat "$tree/debian/changelog"
	} > "$work/changelog" &&
	    cp "$work/changelog" "$tree/debian/changelog" &&
	    echo "; new in this revision" >> "$tree/debian/conf/capsuled.ini"
}

# A package that any user may build is one that needs no root.
warned() {
	! grep -q ': warning: ' "$work/built"
}

# -- living --

# All files but those that systems write by themselves.
inventory() {
	inside find / -xdev ! -path '/proc/*' ! -path '/sys/*' \
	    ! -path '/dev/*' ! -path '/run/*' ! -path '/tmp/*' \
	    ! -path '/debs*' ! -path '/var/cache/*' ! -path '/var/log/*' \
	    ! -path '/var/tmp*' ! -path '/var/lib/apt/*' \
	    ! -path '/var/lib/dpkg/*' ! -path '/var/lib/systemd/*' |
	    LC_ALL=C sort
}

# Dependencies are there already: the machine has no way to the mirror.
install_revision() {
	inside apt-get -q -y -o Dpkg::Options::=--force-confdef \
	    -o Dpkg::Options::=--force-confold install \
	    "/debs/capsuled_$version-$1_$arch.deb"
}

key() {
	inside sha256sum /var/lib/capsuled/localhost.key | cut -d ' ' -f 1
}

has_key() {
	[ "$(key)" = "$1" ] && [ ${#1} -eq 64 ]
}

# As an older package left it: the service was _capsuled, and so were its files.
age() {
	inside sh -c 'echo line > /var/log/capsuled/access.log
	chmod 640 /var/log/capsuled/access.log
	chown -R _capsuled:_capsuled /var/lib/capsuled /var/log/capsuled'
}

is_roots() {
	others=$(inside find /var/lib/capsuled /var/log/capsuled \
	    ! '(' -user root -group root ')') && echo "$others" &&
	    [ -z "$others" ]
}

configuration_says() {
	inside grep -qx "$1" /etc/capsuled/capsuled.ini
}

main_pid() {
	inside systemctl show -P MainPID capsuled.service
}

answers() {
	inside bash -c 'exec 3<> /dev/tcp/127.0.0.1/70 && echo >&3 &&
	    grep -q "It works" <&3' &&
	    inside sh -c 'printf "gemini://localhost/\r\n" | openssl s_client \
	    -quiet -connect 127.0.0.1:1965 2>/dev/null | grep -q "It works"'
}

is_silent() {
	! inside bash -c 'exec 3<> /dev/tcp/127.0.0.1/70' 2>/dev/null &&
	    ! inside bash -c 'exec 3<> /dev/tcp/127.0.0.1/1965' 2>/dev/null &&
	    ! inside sh -c 'grep -l "^capsuled" /proc/[0-9]*/comm'
}

remove() {
	inside apt-get -q -y remove capsuled
}

purge() {
	inside apt-get -q -y purge capsuled
}

# prepare_machine PACKAGE...: with these, and all that ours depends on.
prepare_machine() {
	rm -rf "$machine"
	cp -a "$base" "$machine" && cp -a "$work/debs" "$machine/debs" &&
	    within "$machine" apt-get -q update &&
	    within "$machine" apt-get -q -y --no-install-recommends \
	    install "$@" &&
	    within "$machine" sh -c 'apt-get -q -y satisfy \
	    "$(dpkg-deb -f "$1" Depends)"' sh \
	    "/debs/capsuled_$version-1_$arch.deb"
}

# All of the source that the runner of its tests wants.
hand_over_tests() {
	mkdir -p "$machine/debs/source/debian" &&
	    cp -R "$top/debian/tests" "$machine/debs/source/debian/"
}

# What debian/tests/control lists, run by Debian's own runner: for "null" the
# machine is where it runs itself, and it does not know that this is a
# container.  What it skips is nothing that was tried.
run_tests() {
	# Python would leave what it has compiled.
	inside env PYTHONDONTWRITEBYTECODE=1 autopkgtest \
	    --ignore-restrictions=isolation-container \
	    -B "/debs/capsuled_$version-1_$arch.deb" /debs/source \
	    -- null > "$work/tests-$suite.log" 2>&1
	status=$?
	cat "$work/tests-$suite.log"
	sed -n 's/^Tests: *//p' debian/tests/control | tr -s ', ' '\n' |
	    sed 's/$/ PASS/' > "$work/wanted"
	sed '1,/@@@ summary$/d' "$work/tests-$suite.log" |
	    sed -n 's/^\([^ ]*\)  *\([A-Z][A-Z]*\)\( .*\)*$/\1 \2/p' |
	    tee "$work/told"
	[ "$status" -eq 0 ] && cmp "$work/wanted" "$work/told"
}

# And the list is one: it has what every system has.
knows_nothing() {
	grep -qx /etc/passwd "$work/before" && ! grep capsuled "$work/before"
}

# A user stays on the system, and so do the copies of files that name it.
leaves_nothing() {
	inventory > "$work/after"
	LC_ALL=C comm -13 "$work/before" "$work/after" |
	    grep -v -x -E '/etc/(g?shadow-|passwd-|group-|\.pwd\.lock)' \
	    > "$work/left"
	cat "$work/left"
	[ ! -s "$work/left" ]
}

live() {
	inventory > "$work/before"
	step "$suite: has had nothing of it" -- knows_nothing || return
	step "$suite: installs" -- install_revision 1 || return
	step "$suite: autopkgtest passes it: both protocols, reload, sockets" \
	    -- run_tests || return
	first=$(key)
	was=$(main_pid)
	inside sh -c 'echo "; kept by hand" >> /etc/capsuled/capsuled.ini'
	step "$suite: was the service of one user once" -- age || return
	step "$suite: is upgraded" -- install_revision 2 || return
	step "$suite: an upgrade gives its files to root" -- is_roots
	step "$suite: with the same key" -- has_key "$first"
	step "$suite: an upgrade keeps an edited configuration" -- \
	    configuration_says '; kept by hand'
	step "$suite: the one that came with it is beside it" -- \
	    inside grep -q '^; new in this revision' \
	    /etc/capsuled/capsuled.ini.dpkg-dist
	step "$suite: an upgrade starts the new program" -- \
	    test "$was" != "$(main_pid)"
	step "$suite: which answers" -- answers
	step "$suite: a removed service is silent" -- remove
	step "$suite: nothing of it runs" -- is_silent
	step "$suite: but keeps its configuration" -- \
	    configuration_says '; kept by hand'
	step "$suite: and comes back" -- install_revision 2
	step "$suite: with the key that visitors know" -- \
	    has_key "$first"
	step "$suite: answering again" -- answers
	step "$suite: is purged" -- purge
	step "$suite: is silent then" -- is_silent
	step "$suite: leaves no file behind" -- leaves_nothing
}

try() {
	suite=$1
	base=$work/$suite-base
	builder=$work/$suite-builder
	machine=$work/$suite-machine
	step "$suite: a base system" -- make_base || return
	step "$suite: a builder" -- make_builder || return
	arch=$(within "$builder" dpkg --print-architecture 2> "$work/out" |
	    tr -d "\r\n")
	step "$suite: the archive of make dist unpacks" -- unpack || return
	step "$suite: builds" -- build 1 || return
	cp "$work/out" "$work/built"
	step "$suite: without a warning" -- warned
	step "$suite: lintian finds nothing" -- within "$builder" \
	    --chdir=/src sh -c 'lintian --allow-root \
	    --fail-on error,warning capsuled_*.changes'
	step "$suite: another revision" -- revise || return
	step "$suite: builds, too" -- build 2 nocheck || return
	step "$suite: a machine with what it depends on" -- \
	    prepare_machine autopkgtest || return
	step "$suite: and its tests" -- hand_over_tests || return
	step "$suite: boots" -- boot || return
	live
	halt
	# As few other packages as a newcomer has; procps is on every system
	# that the installer made.
	step "$suite: a machine for a stranger" -- \
	    prepare_machine procps tmux amfora lynx || return
	step "$suite: boots, too" -- boot || return
	visit
	halt
	rm -rf "$machine" "$builder/src"
}

mkdir -p "$work" || exit 1
: > "$work/out"
[ "$(id -u)" -eq 0 ] || { fail "needs root, for containers"; end; }
for tool in debootstrap systemd-nspawn nsenter; do
	command -v $tool > /dev/null ||
	    { fail "needs $tool; \"sh conf/packages.sh check-all\""; end; }
done
version=$(sed -n 's/^VERSION =[[:blank:]]*//p' Makefile)
[ $# -gt 0 ] || set -- bookworm
for one; do
	try "$one"
	halt
done
end
