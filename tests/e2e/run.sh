#!/bin/sh
# run.sh - run the tests from outside, side by side where pytest can.
# usage: run.sh PYTHON CACHE ARGUMENT-OF-PYTEST...
#
# Most tests wait for deadlines and for other processes, so twice as many as
# there are processors do no harm; without pytest-xdist they run one after the
# other.  A few that failed in that crowd run once more, alone: what fails then
# has failed, and what passes is named on a line that begins "second try: ".
# The last line counts both tries together.  CACHE is a folder where pytest
# remembers which they are.

python=$1 cache=$2
shift 2
AGAIN_MAX=5 # more at once are no accident

side_by_side() {
	"$python" -c 'import xdist' 2>/dev/null || return 0
	n=$(getconf _NPROCESSORS_ONLN 2>/dev/null ||
	    getconf NPROCESSORS_ONLN 2>/dev/null || echo 1)
	[ "$n" -le 4 ] || n=4
	echo "-n $((2 * n)) --dist loadfile"
}

# try LOG ARGUMENT...: its status is pytest's
try() {
	log=$1
	shift
	{
		"$python" -m pytest -q -rfEs -o cache_dir="$cache" "$@" 2>&1
		echo $? > "$log.status"
	} | tee "$log" | sed -E 's/( in [0-9.]+s( \([0-9:]+\))?)$/\1 so far/'
	return "$(cat "$log.status")"
}

# said LOG WORD: the number before that word in pytest's last line
said() {
	grep -E ' in [0-9.]+s( \([0-9:]+\))?$' "$1" | tail -n 1 |
	    grep -oE "[0-9]+ $2" | grep -oE '[0-9]+' || echo 0
}

# bad LOG: the names of what failed or broke, a line each
bad() {
	sed -nE '/^(FAILED|ERROR) /{ s/^[A-Z]+ //; s/ - .*//; p; }' "$1" |
	    sort -u
}

# What failed only once has passed, and may have a fault for all that.
tell_second_tries() {
	bad "$cache/first" > "$cache/first.bad"
	bad "$cache/again" > "$cache/again.bad"
	echo
	comm -23 "$cache/first.bad" "$cache/again.bad" |
	    sed 's/^/second try: /'
}

mkdir -p "$cache" || exit 1
began=$(date +%s)
# shellcheck disable=SC2046	# several options, or none
try "$cache/first" $(side_by_side) "$@"
status=$?
passed=$(said "$cache/first" passed) failed=$(said "$cache/first" failed)
errors=$(said "$cache/first" error) skipped=$(said "$cache/first" skipped)
bad=$((failed + errors))
if [ $status -eq 1 ] && [ $bad -gt 0 ] && [ $bad -le $AGAIN_MAX ]; then
	echo
	echo "once more, alone:"
	try "$cache/again" --last-failed "$@"
	status=$?
	failed=$(($(said "$cache/again" failed) + $(said "$cache/again" error)))
	passed=$((passed + $(said "$cache/again" passed)))
	bad=$failed
	tell_second_tries
fi
if [ $status -ne 0 ] && [ $bad -eq 0 ]; then
	exit $status # it did not come to its end, and has said why
fi
echo "$passed passed, $bad failed, $skipped skipped in" \
    "$(($(date +%s) - began)).0s"
exit $status
