#!/bin/sh
# dist.sh - pack the source, so that everybody gets the same bytes.
# usage: dist.sh VERSION FILE.tar.gz	(from the top of the tree)
#
# In a checkout, what git knows; in an unpacked archive, all but what is made.
# Nothing of whoever packs is left in it: names are sorted, modes are 755 or
# 644, the owner is nobody in particular, and the time is $SOURCE_DATE_EPOCH,
# or else that of the last commit, or else that of this archive's Makefile.

set -eu
version=$1
archive=$2
stem=capsuled-$version

die() {
	echo "dist: $*" >&2
	exit 1
}

files() {
	if [ -e .git ]; then
		git ls-files
	else
		find . -type f ! -path './build/*' ! -name '*.pyc' \
		    ! -path './capsule/manual/*' ! -name compile_commands.json |
		    sed 's,^\./,,'
	fi | LC_ALL=C sort
}

epoch() {
	if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
		echo "$SOURCE_DATE_EPOCH"
	elif [ -e .git ]; then
		git log -1 --format=%ct
	else
		stat -c %Y Makefile 2>/dev/null || stat -f %m Makefile
	fi
}

# GNU tar and that of libarchive say the same in different words.
pack() {
	case $($tar --version 2>/dev/null) in
	*GNU*) $tar --format=ustar --owner=0 --group=0 --numeric-owner \
	    --mtime="@$when" --no-recursion -T "$dir/list" -cf - ;;
	*bsdtar*) $tar --format=ustar --uid 0 --gid 0 --numeric-owner \
	    --no-recursion -T "$dir/list" -cf - ;;
	esac
}

tar=
for name in tar gtar bsdtar; do
	case $($name --version 2>/dev/null || :) in
	*GNU* | *bsdtar*) tar=$name; break ;;
	esac
done
[ -n "$tar" ] || die "needs GNU tar or bsdtar"
when=$(epoch)
case $when in
"" | *[!0-9]*) die "SOURCE_DATE_EPOCH is \"$when\", not a number of seconds" ;;
esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
stamp=$(date -u -d "@$when" +%Y%m%d%H%M.%S 2>/dev/null ||
    date -u -r "$when" +%Y%m%d%H%M.%S)

files > "$dir/files"
while IFS= read -r file; do
	[ -f "$file" ] || die "$file is known to git, but it is not here"
done < "$dir/files"
mkdir "$dir/$stem"
$tar -cf - -T "$dir/files" | (cd "$dir/$stem" && $tar -xf -)
find "$dir/$stem" -type f -perm -u+x -exec chmod 755 {} +
find "$dir/$stem" -type f ! -perm -u+x -exec chmod 644 {} +
TZ=UTC0 find "$dir/$stem" -exec touch -t "$stamp" {} +
sed "s,^,$stem/," "$dir/files" > "$dir/list"
mkdir -p "$(dirname "$archive")"
target=$(cd "$(dirname "$archive")" && pwd)/$(basename "$archive")
(cd "$dir" && pack) > "$dir/tar"
gzip -9n < "$dir/tar" > "$target"
echo "$archive: $(grep -c . "$dir/list") files"
