#!/bin/sh
# check.sh - everything that decides whether the tree is good, and one total.
# usage: MAKE=make check.sh FUZZ_SECONDS	("make check" calls it)
#	 MAKE=make check.sh FUZZ_SECONDS all	("make check-all")
#
# Runs the stages below one after the other, whatever became of those before,
# then prints a table and, as its last line, "N passed, N failed".  A stage
# that breaks without telling how many tests failed counts as one failure; so
# does a stage in which a compiler warned, or in which a test was skipped that
# does not say why.  Exit status: 0 if nothing failed.
#
# The whole output of a stage is in build/check/STAGE.log.

set -u
MAKE=${MAKE:-make}
FUZZ_SECONDS=${1:-5}
EXTENT=${2:-usual}
LOGS=build/check
JOBS=$(getconf _NPROCESSORS_ONLN 2>/dev/null ||
    getconf NPROCESSORS_ONLN 2>/dev/null || echo 1)
passed=0 failed=0 skipped=0
# Make would tell each folder that it enters.
GNUMAKEFLAGS=--no-print-directory
export GNUMAKEFLAGS

mkdir -p "$LOGS" || exit 1
rm -f "$LOGS"/*
table=$LOGS/table
skips=$LOGS/skips	# stage, how many, why
again=$LOGS/again	# stage, name
touch "$table" "$skips" "$again"

total() {
	echo
	printf '%-12s %8s %8s %8s %8s %8s\n' \
	    stage passed failed skipped again seconds
	cat "$table"
	[ ! -s "$skips" ] ||
	    { echo; echo "$skipped skipped, and why:"; cat "$skips"; }
	[ ! -s "$again" ] ||
	    { echo; echo "passed at a second try alone:"; cat "$again"; }
	echo
	echo "$passed passed, $failed failed" | tee "$LOGS/total"
}

# Asked to stop: what is left out must not look like a success.
stopped() {
	failed=$((failed + 1))
	echo "stopped before the end, counted as one failure" >> "$table"
	total
	exit 1
}
trap stopped HUP INT TERM

# What a person wants to see go by: no compiler calls, no list of all tests.
digest() {
	awk '
	/^\[ RUN / || /^\[       OK/ || /^\[=====/ || /^$/ { next }
	/^(CC|LD|AR|MANUAL) / { next }
	/^(mkdir|cp|rm|echo) -?/ || /^--- .* ---$/ { next }
	{ print "    " $0; fflush() }'
}

# "passed failed skipped" as cmocka, pytest and our own scripts tell them.
count() {
	awk '
	# cmocka 1.1.7 puts the name of the group before the number.
	/^\[  (PASSED|FAILED|SKIPPED) +\].* [0-9]+ test\(s\)/ {
		for (i = 4; $i !~ /^test\(s\)/; i++)
			;
		if ($2 == "PASSED")
			p += $(i - 1)
		else if ($2 == "FAILED")
			f += $(i - 1)
		else
			s += $(i - 1)
	}
	/^(lint|fuzz|package): [0-9]+ passed/ ||
	    / in [0-9.]+s( \([0-9:]+\))?( =+)?$/ {
		for (i = 2; i <= NF; i++) {
			if ($i ~ /^passed/)
				p += $(i - 1)
			else if ($i ~ /^(failed|errors?),?$/)
				f += $(i - 1)
			else if ($i ~ /^skipped/)
				s += $(i - 1)
		}
	}
	END { print p + 0, f + 0, s + 0 }' "$1"
}

# why LOG: "how-many reason" of what was skipped, a line each
why() {
	awk '
	/^SKIPPED \[[0-9]+\] / {
		n = substr($2, 2) + 0
		sub(/^SKIPPED \[[0-9]+\] [^ ]+ /, "")
		told[$0] += n
	}
	/^lint: skip / { sub(/^lint: skip +/, ""); told[$0]++ }
	/^skip: / { sub(/^skip: /, ""); told[$0]++ }
	END { for (reason in told) print told[reason], reason }' "$1"
}

# keep STAGE FILE: its lines, with the stage before each
keep() {
	awk -v stage="$1" '{ printf "%-12s %s\n", stage, $0 }' "$2"
}

# stage NAME ARGUMENT-OF-MAKE...
stage() {
	name=$1
	shift
	log=$LOGS/$(echo "$name" | tr ' ' -).log
	began=$(date +%s)
	echo "== $name: $MAKE $*"
	{
		$MAKE "$@" 2>&1
		echo $? > "$LOGS/status"
	} | tee "$log" | digest
	status=$(cat "$LOGS/status")
	# shellcheck disable=SC2046	# three numbers
	set -- $(count "$log")
	p=$1 f=$2 s=$3
	if [ "$f" -eq 0 ] && [ "$status" -ne 0 ]; then
		echo "    $name: ended with status $status, see $log"
		f=1
	fi
	if grep -q ': warning: ' "$log"; then
		echo "    $name: the compiler warned, see $log"
		f=$((f + 1))
	fi
	why "$log" > "$LOGS/why"
	sed -n 's/^second try: //p' "$log" > "$LOGS/tries"
	keep "$name" "$LOGS/why" >> "$skips"
	keep "$name" "$LOGS/tries" >> "$again"
	told=$(awk '{ n += $1 } END { print n + 0 }' "$LOGS/why")
	if [ "$told" -lt "$s" ]; then
		echo "    $name: $((s - told)) skipped and nobody says why," \
		    "see $log"
		f=$((f + 1))
	fi
	# A build that came to its end is one thing that works.
	[ "$p$f" != 00 ] || p=1
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-12s %8d %8d %8d %8d %8d\n' "$name" "$p" "$f" "$s" \
	    "$(wc -l < "$LOGS/tries")" $(($(date +%s) - began)) |
	    tee -a "$table" | sed 's/^/== /'
}

stage build -j"$JOBS" all
stage lint lint
stage unit -j"$JOBS" unit
stage e2e e2e
stage fences e2e-fences
stage "asan build" -j"$JOBS" MODE=asan all
stage "asan unit" -j"$JOBS" MODE=asan unit
stage "asan e2e" MODE=asan e2e
stage fuzz -j"$JOBS" FUZZ_SECONDS="$FUZZ_SECONDS" fuzz
# What takes root, a network or long: real programs around ours.
if [ "$EXTENT" = all ]; then
	stage "i386 unit" unit-i386
	stage package package
	stage "slow e2e" E2E="-m slow tests/e2e" e2e-only
fi
# build/capsuled is the last mode that was built: leave the one to be used.
$MAKE all >/dev/null 2>&1

total
[ "$failed" -eq 0 ]
