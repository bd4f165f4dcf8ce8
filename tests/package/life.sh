#!/bin/sh
# life.sh - the Debian package is built, installed, upgraded and taken away.
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
BOOT_MAX=120	# seconds until a machine has booted, or has stopped
# What the daemon fences itself in with, and a container lets through only
# when told to.
CALLS="landlock_create_ruleset landlock_add_rule landlock_restrict_self"
passed=0 failed=0
nspawn=
leader=

ok() {
	passed=$((passed + 1))
	echo "package: ok    $*"
}

fail() {
	failed=$((failed + 1))
	echo "package: FAIL  $*"
	[ ! -s "$work/out" ] || sed 's/^/    /' "$work/out" | tail -n 40
}

# step WORDS... -- COMMAND...: passes if the command does.
step() {
	words=
	while [ "$1" != -- ]; do
		words="$words $1"
		shift
	done
	shift
	if "$@" > "$work/out" 2>&1; then
		ok "${words# }"
	else
		fail "${words# } (exit status $?)"
		return 1
	fi
}

end() {
	halt
	echo "package: $passed passed, $failed failed"
	[ $failed -eq 0 ]
	exit
}

# -- containers --

# within FOLDER COMMAND...: run in a container that uses our network.
within() {
	root=$1
	shift
	systemd-nspawn -q --register=no --keep-unit --resolv-conf=copy-host \
	    --console=pipe --system-call-filter="$CALLS" -D "$root" \
	    --setenv=DEBIAN_FRONTEND=noninteractive --setenv=LC_ALL=C.UTF-8 \
	    "$@" < /dev/null
}

# Made under another name first: what is there is whole.
make_base() {
	[ ! -d "$base" ] || return 0
	rm -rf "$base.new"
	debootstrap --variant=minbase --include=systemd,systemd-sysv,openssl \
	    "$suite" "$base.new" "$mirror" || return
	rm -f "$base.new"/var/cache/apt/archives/*.deb
	mv "$base.new" "$base"
}

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

# The process that is the machine's first.
find_leader() {
	tr ' ' '\n' < "/proc/$nspawn/task/$nspawn/children" |
	    while read -r pid; do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != systemd ] ||
		    echo "$pid"
	done | grep .
}

# inside COMMAND...: run on the booted machine.
inside() {
	nsenter -a -t "$leader" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@" < /dev/null
}

# until SECONDS COMMAND...: try until it succeeds.
await() {
	patience=$1
	shift
	while ! "$@" > /dev/null 2>&1; do
		[ "$patience" -gt 0 ] || return 1
		patience=$((patience - 1))
		sleep 1
	done
}

is_found() {
	leader=$(find_leader)
}

has_booted() {
	case $(inside systemctl is-system-running) in
	running | degraded) ;;
	*) return 1 ;;
	esac
}

boot() {
	systemd-nspawn -q --register=no --keep-unit --private-network \
	    --console=read-only --system-call-filter="$CALLS" \
	    -D "$machine" --boot < /dev/null \
	    > "$work/console" 2>&1 &
	nspawn=$!
	await "$BOOT_MAX" is_found && await "$BOOT_MAX" has_booted && return
	cat "$work/console"
	return 1
}

is_gone() {
	! kill -0 "$nspawn" 2>/dev/null
}

halt() {
	[ -n "$nspawn" ] || return 0
	kill -TERM "$nspawn" 2>/dev/null
	await "$BOOT_MAX" is_gone || kill -KILL "$nspawn" 2>/dev/null
	wait "$nspawn" 2>/dev/null
	nspawn=
}
trap 'failed=$((failed + 1)); end' HUP INT TERM

# -- building --

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

prepare_machine() {
	rm -rf "$machine"
	cp -a "$base" "$machine" && cp -a "$work/debs" "$machine/debs" &&
	    cp "$top/debian/tests/smoke" "$machine/debs/" &&
	    within "$machine" apt-get -q update &&
	    within "$machine" sh -c 'apt-get -q -y satisfy \
	    "$(dpkg-deb -f "$1" Depends)"' sh \
	    "/debs/capsuled_$version-1_$arch.deb"
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
	step "$suite: answers both protocols, reloads, wakes by its socket" \
	    -- inside sh /debs/smoke || return
	cp "$work/out" "$work/smoke-$suite.log"
	first=$(key)
	was=$(main_pid)
	inside sh -c 'echo "; kept by hand" >> /etc/capsuled/capsuled.ini'
	step "$suite: is upgraded" -- install_revision 2 || return
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
	    prepare_machine || return
	step "$suite: boots" -- boot || return
	live
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
