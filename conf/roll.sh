#!/bin/sh
# roll.sh - update replicas behind haproxy, one after the other.
# usage: roll.sh [-b BACKENDS] [-s SOCKET] [-t SECONDS] COMMAND [REPLICA...]
#
# For each replica: haproxy sends it no more visitors, those who are there
# finish, COMMAND is run by sh with the replica's name in $REPLICA, haproxy
# has to find it in good health anew, and only then is the next one's turn:
#
#	roll.sh 'ssh "$REPLICA" "git -C /srv/capsule pull --ff-only &&
#	    systemctl reload capsuled"'
#
# COMMAND has to end when the update is done, and to fail if it is not.
#
# -b	the backends that a replica is a server of, under the same name in
#	each: "gemini gopher"
# -s	haproxy's "stats socket", which has to be of level admin, as socat
#	knows it if it is no path: /run/haproxy/admin.sock
# -t	seconds to wait for visitors to leave (then COMMAND is run all the
#	same: a reload lets them finish) and for good health (then nothing
#	more is updated): 60
#
# Without names, all that the first backend has.  One that is not up is left
# out, and so is the last one that is up.  Whatever happens, none stays
# drained: haproxy's checks decide who gets visitors.
#
# Exit status: 0 all updated; 1 not all, with a sentence for each; 2 usage.

set -u
backends="gemini gopher"
socket=/run/haproxy/admin.sock
patience=60
out=	# the replica that is drained, if one is

usage() {
	sed -n 's/^# usage: /usage: /p' "$0" >&2
	exit 2
}

say() {
	echo "roll: $*"
}

complain() {
	echo "roll: $*" >&2
}

# What haproxy answers to a command.
ask() {
	echo "$1" | socat -t "$patience" - "$address" || {
		complain "cannot ask haproxy at $socket"
		exit 1
	}
}

# A command that has no answer, unless it was refused.
tell() {
	answer=$(ask "$1") || exit 1
	[ -z "$answer" ] && return
	complain "haproxy refuses \"$1\": $answer"
	exit 1
}

# stat BACKEND REPLICA COLUMN: a replica's value; nothing if it is not there.
stat() {
	table=$(ask "show stat") || exit 1
	echo "$table" | awk -F, -v b="$1" -v s="$2" -v name="$3" '
	NR == 1 {
		sub(/^# /, "")
		for (i = 1; i <= NF; i++)
			column[$i] = i
	}
	$1 == b && $2 == s { print $column[name] }'
}

# The replicas of a backend, or with UP those that are up.
replicas() {
	table=$(ask "show stat") || exit 1
	echo "$table" | awk -F, -v b="$1" -v want="${2:-}" '
	$1 == b && $2 != "FRONTEND" && $2 != "BACKEND" && $18 ~ "^" want {
		print $2
	}'
}

# each COMMAND...: to haproxy about the replica of each backend.
each() {
	for backend in $backends; do
		tell "set server $backend/$replica $*"
	done
}

restore() {
	[ -n "$out" ] || return
	replica=$out
	out=
	each state ready
}

# within CONDITION: look every second until it is true, for so long.
within() {
	left=$patience
	until "$@"; do
		[ "$left" -gt 0 ] || return 1
		left=$((left - 1))
		sleep 1
	done
}

# shellcheck disable=SC2317	# "within" calls it, and the next one
is_empty() {
	for backend in $backends; do
		[ "$(stat "$backend" "$replica" scur)" = 0 ] || return 1
	done
}

# has_status STATUS: as "show stat" has it, in every backend.
# shellcheck disable=SC2317
has_status() {
	for backend in $backends; do
		[ "$(stat "$backend" "$replica" status)" = "$1" ] || return 1
	done
}

# May it be taken away for a while?
is_spare() {
	for backend in $backends; do
		status=$(stat "$backend" "$replica" status)
		case $status in
		UP*) ;;	# "UP 1/2", too: a check failed, and one is nothing
		*)
			complain "$replica is ${status:-unknown} in $backend:" \
			    "left out"
			return 1
			;;
		esac
		[ "$(replicas "$backend" UP | wc -l)" -gt 1 ] && continue
		complain "$replica is the only one up in $backend: left out"
		return 1
	done
}

# Taken for down until checks say otherwise, it is up again only after as
# many good ones as "rise" has, all of them later than the update.
update() {
	out=$replica
	each state drain
	within is_empty ||
	    say "$replica: visitors still there after $patience seconds"
	if ! REPLICA=$replica sh -c "$command" </dev/null; then
		complain "$replica: the command failed; nothing more is updated"
		exit 1
	fi
	each health down
	if ! within has_status DRAIN; then
		complain "$replica: not in good health after $patience" \
		    "seconds; nothing more is updated"
		exit 1
	fi
	restore
	if ! within has_status UP; then
		complain "$replica: went down again; nothing more is updated"
		exit 1
	fi
	say "$replica: updated"
}

while getopts b:s:t: option; do
	case $option in
	b) backends=$OPTARG ;;
	s) socket=$OPTARG ;;
	t) patience=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
case $patience in '' | *[!0-9]*) usage ;; esac
if [ $# -eq 0 ] || [ -z "$backends" ]; then
	usage
fi
command=$1
shift
case $socket in
*:*) address=$socket ;;
*) address=UNIX-CONNECT:$socket ;;
esac
if ! command -v socat >/dev/null 2>&1; then
	complain "socat is not installed"
	exit 1
fi
if [ $# -eq 0 ]; then
	names=$(replicas "${backends%% *}") || exit 1
	# shellcheck disable=SC2086	# a list
	set -- $names
	if [ $# -eq 0 ]; then
		complain "there is no replica in ${backends%% *}"
		exit 1
	fi
fi

trap restore EXIT
trap 'exit 1' HUP INT TERM
failed=0
for replica; do
	if is_spare; then
		update
	else
		failed=1
	fi
done
exit $failed
