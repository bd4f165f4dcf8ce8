#!/bin/sh
# compile_commands.sh - how each file is compiled, as editors want to read it.
# usage: compile_commands.sh COMMAND FILE.c...	("make compile_commands.json")

set -u
# Backslashes and quotes of the shell, in a string of JSON.
command=$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')
shift
before='['
for file; do
	printf '%s\n{ "directory": "%s", "file": "%s", "command": "%s" }' \
	    "$before" "$PWD" "$file" "$command -c $file"
	before=,
done
printf '\n]\n'
