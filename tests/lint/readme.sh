#!/bin/sh
# readme.sh - the configuration that README.md shows is one that works.
# usage: readme.sh	(from the top of the tree, after make)

set -u
program=$PWD/build/capsuled
if [ ! -x "$program" ]; then
	echo "build/capsuled has not been built"
	exit 77
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# shellcheck disable=SC2016	# backquotes are Markdown's
sed -n '/^```ini$/,/^```$/p' README.md | sed '/^```/d' > "$dir/my.ini"
if [ ! -s "$dir/my.ini" ]; then
	echo "README.md: shows no configuration"
	exit 1
fi
lines=$(grep -c . "$dir/my.ini")
if [ "$lines" -gt 10 ]; then
	echo "README.md: a first configuration of $lines lines is too long"
	exit 1
fi
# The folder that its text asks for.
mkdir -p "$dir/pages/files"
echo "# Hello" > "$dir/pages/index.gmi"
cd "$dir" && "$program" -n -c my.ini > out 2>&1 && exit 0
sed 's/^/README.md: /' out
exit 1
