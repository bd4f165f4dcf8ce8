#!/bin/sh
# seeds.sh - seeds of the fuzz targets are few, and have names.
#
# A fuzzer names its finds by their hash, and finds thousands.  Kept are cases
# that a person chose, named for what they show, and of what a fuzzer found as
# many of "reaches-NN" as reach most of the code: REACHES_MAX a target.

REACHES_MAX=20 # files a target
seeds=$(dirname "$0")/../fuzz/seeds
bad=0

for folder in "$seeds"/*; do
	set -- "$folder"/reaches-*
	if [ -e "$1" ] && [ $# -gt "$REACHES_MAX" ]; then
		echo "${folder##*/}: $# files reaches-NN, at most $REACHES_MAX"
		bad=1
	fi
done
hashes=$(find "$seeds" -type f | grep -E '/[0-9a-f]{16,}$')
if [ -n "$hashes" ]; then
	echo "named by their hash; say what they show, or leave them out:"
	echo "$hashes" | head -n 5
	bad=1
fi
exit $bad
