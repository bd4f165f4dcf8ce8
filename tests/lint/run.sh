#!/bin/sh
# run.sh - every lint, one line each, and the findings of those that failed.
# usage: CC="cc -D..." SOURCES="FILE..." OWN="FILE..." run.sh FLOOR...
#	(from the top of the tree)
#
# A lint is silent when clean, prints findings and exits 1 otherwise, and
# exits 77 when a tool that it takes is not here.

set -u
here=$(dirname "$0")
passed=0 failed=0 skipped=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

step() {
	name=$1
	shift
	sh "$@" > "$out" 2>&1
	case $? in
	0)
		passed=$((passed + 1))
		echo "lint: ok    $name"
		;;
	77)
		skipped=$((skipped + 1))
		echo "lint: skip  $name: $(tail -n 1 "$out")"
		;;
	*)
		failed=$((failed + 1))
		echo "lint: FAIL  $name"
		sed 's/^/    /' "$out"
		;;
	esac
}

step floors "$here/floors.sh" "$@"
step headers "$here/headers.sh"
for what in shell manual functions columns paths format keys; do
	step $what "$here/house.sh" $what
done
step services "$here/rcd.sh"
step "the lints themselves" "$here/selftest.sh"
# Lints of single modules, each beside these under its own name.
for script in "$here"/*.sh; do
	case ${script##*/} in
	run.sh | floors.sh | headers.sh | house.sh | rcd.sh | selftest.sh) ;;
	*) step "$(basename "$script" .sh)" "$script" ;;
	esac
done
echo "lint: $passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
