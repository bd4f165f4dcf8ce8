#!/bin/sh
# dist.sh - the archive of the source is the same whoever packs it, builds, and
# installs what the Debian package expects, no more and no less.
# usage: dist.sh	(from the top of the tree)
# shellcheck disable=SC2317	# functions are called by their names

set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
version=$(sed -n 's/^VERSION =[[:blank:]]*//p' Makefile)
archive=capsuled-$version.tar.gz
when=1767225600	# any moment; the first of 2026

complain() {
	echo "$*"
	bad=1
}

# Stop at what makes the rest pointless.
must() {
	"$@" > "$dir/out" 2>&1 && return
	echo "failed: $*"
	cat "$dir/out"
	exit 1
}

# A make without the settings of the one that may be running us.
build() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
	    "${MAKE:-make}" "$@"
}

# In the way of another packer: other rights, zone and language.
other_pack() {
	(umask 077 && TZ=Asia/Kathmandu LC_ALL=C.UTF-8 \
	    SOURCE_DATE_EPOCH=$when build dist)
}

must env SOURCE_DATE_EPOCH=$when sh conf/dist.sh "$version" \
    "$dir/one.tar.gz"
must tar -xzf "$dir/one.tar.gz" -C "$dir"
tree=$dir/capsuled-$version
cd "$tree" || exit 1
# As it is after unpacking, and as somebody leaves it who has worked in it.
touch CHANGES.md
must other_pack
cmp "$dir/one.tar.gz" "build/$archive" ||
    complain "an archive packed from an archive has other bytes"
gzip -dc "$dir/one.tar.gz" > "$dir/tar"
case $(tar -tvf "$dir/tar" | awk '{ print $2 }' | sort -u) in
0/0 | root/root) ;;
*) complain "the archive tells who packed it" ;;
esac
tar -tf "$dir/tar" > "$dir/names"
LC_ALL=C sort -c "$dir/names" || complain "the archive is not sorted"
grep -v "^capsuled-$version/" "$dir/names" &&
    complain "the archive unpacks beside its folder"
grep -E '/build/|/capsule/manual/|\.(o|pyc|key|crt)$' "$dir/names" &&
    complain "the archive holds what is made"
if SOURCE_DATE_EPOCH=yesterday sh conf/dist.sh "$version" \
    "$dir/two.tar.gz" 2> "$dir/out" || ! grep -q yesterday "$dir/out"; then
	complain "a SOURCE_DATE_EPOCH that is no number is not told"
fi

# What debian/rules says, with the words that only Debian's make knows left
# out.  The lists there are checked against what make install does.
examples=/usr/share/doc/capsuled/examples
must build -j2 MODE=debug PREFIX=/usr SYSCONFDIR=/etc EXAMPLESDIR=$examples \
    CAPSULEDIR=$examples/capsule DESTDIR="$dir/tmp" install
[ "$(sed -n 's/^EXAMPLES = //p' debian/rules)" = $examples ] ||
    complain "debian/rules installs examples elsewhere"
if [ "$(uname -s)" = Linux ]; then
	(cd "$dir/tmp" && find . -type f | sed 's,^\./,,') |
	    LC_ALL=C sort > "$dir/installed"
	{
		grep -v '^debian/' debian/capsuled.install
		grep -v '^#' debian/not-installed
	} | LC_ALL=C sort > "$dir/listed"
	while read -r name; do
		grep -q -e "^$name\$" -e "^$name/" "$dir/installed" ||
		    complain "debian/: $name is listed, but not installed"
	done < "$dir/listed"
	while read -r name; do
		while read -r entry; do
			case $name in "$entry" | "$entry"/*) echo "$name" ;;
			esac
		done < "$dir/listed" | grep -q . ||
		    complain "debian/: $name is installed, but not listed"
	done < "$dir/installed"
fi
sed -n 's,^\(debian/[^ ]*\) .*,\1,p' debian/capsuled.install > "$dir/own"
while read -r name; do
	[ -e "$name" ] || complain "debian/capsuled.install: there is no $name"
done < "$dir/own"
case $(sed -n '1s/^capsuled (\(.*\)-[0-9]*) .*/\1/p' debian/changelog) in
"$version") ;;
*) complain "debian/changelog is not about version $version" ;;
esac

# The configuration of the package, where its files are.
sed -e "s,/usr/share/capsuled,$tree/debian," -e "s,/var/lib,$dir/tmp," \
    -e '/^\(key_\|data_\)*user = /d' -e '/^store = /d' \
    debian/conf/capsuled.ini > "$dir/capsuled.ini"
mkdir -p "$dir/tmp/capsuled"
must "$dir/tmp/usr/bin/capsuled" -n -c "$dir/capsuled.ini"
exit $bad
