#!/bin/sh
# readme.sh - the configuration that README.md shows is one that works, its
# links lead somewhere, and what it says of the package is what is tried.
# usage: readme.sh	(from the top of the tree, after make)

set -u
PICTURE_MAX=150000	# bytes; the README is read on slow lines, too
program=$PWD/build/capsuled
if [ ! -x "$program" ]; then
	echo "build/capsuled has not been built"
	exit 77
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# commands HEADING: the lines for a shell under it.
# shellcheck disable=SC2016	# backquotes are Markdown's
commands() {
	sed -n "/^## $1\$/,/^## /p" README.md |
	    sed -n '/^```sh$/,/^```$/p' | sed '/^```/d'
}

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
# Pictures, too; headings of other files are not looked for.
grep -o '](\([^):#]*\))' README.md doc/migrating.md |
    sed 's/^\(.*\):](\(.*\))$/\1 \2/' | while read -r from link; do
	[ -e "$(dirname "$from")/$link" ] ||
	    echo "$from: a link to $link, which is not there"
done > "$dir/dead"
if [ -s "$dir/dead" ]; then
	cat "$dir/dead"
	exit 1
fi

for picture in doc/*.png; do
	size=$(wc -c < "$picture")
	[ "$size" -le $PICTURE_MAX ] || {
		echo "$picture: $size bytes, at most $PICTURE_MAX are allowed"
		exit 1
	}
done

# The commands after installing the package, and those of its test.
commands "On Debian, as a package" > "$dir/told"
sed -n '/^readme() {/,/^}/p' debian/tests/smoke |
    sed -n 's/^	\([a-z].*\)/\1/p' | grep -v '^cat ' > "$dir/tried"
if [ ! -s "$dir/told" ] || ! cmp -s "$dir/told" "$dir/tried"; then
	echo "README.md and debian/tests/smoke type different commands:"
	diff "$dir/told" "$dir/tried"
	exit 1
fi

# The page of welcome tells the first of those for everybody, too.
commands "A capsule for everybody" > "$dir/told"
# shellcheck disable=SC2016	# backquotes are Markdown's
sed -n '/^``` Five commands/,/^```$/p' debian/welcome/index.gmi |
    sed '/^```/d' > "$dir/welcome"
head -n 5 "$dir/told" > "$dir/first"
if [ ! -s "$dir/welcome" ] || ! cmp -s "$dir/first" "$dir/welcome"; then
	echo "README.md and debian/welcome tell different commands:"
	diff "$dir/first" "$dir/welcome"
	exit 1
fi

# The folder that its text asks for.
mkdir -p "$dir/pages/files"
echo "# Hello" > "$dir/pages/index.gmi"
cd "$dir" && "$program" -n -c my.ini > out 2>&1 && exit 0
sed 's/^/README.md: /' out
exit 1
