#!/bin/sh
# run.sh - run every fuzz target for some seconds, and say how it went.
# usage: run.sh FOLDER SECONDS	("make fuzz" calls it)
#
# FOLDER holds the programs fuzz_NAME.  Each starts from the seeds in
# tests/fuzz/seeds/NAME and from what earlier runs found, kept in
# FOLDER/corpus/NAME; an input that breaks it is left as FOLDER/NAME-crash-*.

set -u
folder=$1
seconds=$2
here=$(dirname "$0")
passed=0 failed=0

for program in "$folder"/fuzz_*; do
	[ -f "$program" ] || continue
	name=${program##*/fuzz_}
	mkdir -p "$folder/corpus/$name"
	set -- "$folder/corpus/$name"
	[ ! -d "$here/seeds/$name" ] || set -- "$@" "$here/seeds/$name"
	[ ! -f "$here/$name.dict" ] || set -- "$@" "-dict=$here/$name.dict"
	if "$program" "$@" -max_total_time="$seconds" -timeout=10 \
	    -rss_limit_mb=1024 -print_final_stats=1 \
	    -artifact_prefix="$folder/$name-" > "$folder/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "fuzz: ok    $name," \
		    "$(sed -n 's/^stat::number_of_executed_units: *//p' \
		    "$folder/$name.log") inputs"
	else
		failed=$((failed + 1))
		echo "fuzz: FAIL  $name, see $folder/$name.log"
		tail -n 40 "$folder/$name.log" | sed 's/^/    /'
	fi
done
echo "fuzz: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
