#!/bin/sh
# manual_pages.sh - the manuals in the capsule say what those in man/ say.
# usage: manual_pages.sh	(from the top of the tree)

set -u
command -v mandoc > /dev/null || { echo "mandoc is not installed"; exit 77; }
command -v python3 > /dev/null || { echo "there is no python3"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

PYTHONDONTWRITEBYTECODE=1 python3 man/gemtext.py "$dir" || exit 1
found=$(diff -r "$dir" capsule/manual) && exit
echo 'capsule/manual is stale; "make manual" writes it anew:'
echo "$found" | head -n 40
exit 1
