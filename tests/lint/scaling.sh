#!/bin/sh
# scaling.sh - the tests that doc/scaling.md calls as witnesses exist.
# usage: scaling.sh [FILE]	(from the top of the tree)

set -u
FILE=${1:-doc/scaling.md}
bad=0
# shellcheck disable=SC2016	# backquotes are Markdown's
names=$(grep -o '`test_[a-z0-9_]*`' "$FILE" | tr -d '`')
[ -n "$names" ] || {
	echo "$FILE: names no test"
	exit 1
}
for name in $names; do
	grep -q "^def $name(" tests/e2e/*.py && continue
	echo "$FILE: there is no $name"
	bad=1
done
exit $bad
