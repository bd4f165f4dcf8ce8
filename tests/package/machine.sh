# machine.sh - steps that pass or fail, and machines in containers to try them.
# Read by life.sh, which says where things are: $work is its folder, $base a
# system to copy, of release $suite from $mirror, and $machine such a copy.
# shellcheck shell=sh disable=SC2154	# set by life.sh
# shellcheck disable=SC2317	# functions are called by their names

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
