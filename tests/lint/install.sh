#!/bin/sh
# install.sh - make install puts everything in its place, and takes it back.
# usage: install.sh	(from the top of the tree, after make)
#
# Into a folder of its own, as a packager would.

set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0

complain() {
	echo "$*"
	bad=1
}

# A make without the settings of the one that may be running us.
build() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
	    "${MAKE:-make}" -j4 "$1" MODE=debug DESTDIR="$at" PREFIX=/usr \
	    SYSCONFDIR=/etc \
	    > "$dir/out" 2>&1 && return
	complain "make $1 failed:"
	cat "$dir/out"
}

[ -x build/release/capsuled ] || { echo "nothing is built"; exit 77; }
# In a copy, so that what is built here is not built anew for other places.
tar cf - --exclude=./build --exclude=./.git . | (mkdir "$dir/tree" &&
    cd "$dir/tree" && tar xf -) || exit 1
cd "$dir/tree" || exit 1

at=$dir/root
(umask 077 && build install) || bad=1
for file in usr/bin/capsuled usr/bin/capsulectl \
    usr/share/man/man1/capsulectl.1 usr/share/man/man8/capsuled.8 \
    usr/share/man/man5/capsuled.ini.5 usr/share/capsuled/index.gmi \
    usr/share/examples/capsuled/capsuled.ini \
    usr/share/examples/capsuled/haproxy.cfg \
    usr/share/examples/capsuled/roll.sh \
    usr/share/doc/capsuled/LICENSE \
    usr/share/doc/capsuled/doc/migrating.md \
    usr/share/doc/capsuled/doc/scaling.md \
    usr/share/capsuled/manual/index.gmi etc/capsuled/capsuled.ini; do
	# What an ordinary user needs to be able to read.
	case $(ls -ld "$at/$file" 2>&1) in
	-r?-?--r-[-x]* | -rw[-x]r-[-x]r-[-x]*) ;;
	*) complain "$(ls -ld "$at/$file" 2>&1)" ;;
	esac
done
left=$(grep -rl -e /usr/local -e '\.\./' "$at/usr/share/man" \
    "$at/usr/share/capsuled/manual" \
    "$at/usr/share/examples" "$at/usr/lib" "$at/etc" 2>/dev/null)
[ -z "$left" ] || complain "still names other places: $left"

echo "; mine" >> "$at/etc/capsuled/capsuled.ini"
build install
grep -q '^; mine' "$at/etc/capsuled/capsuled.ini" ||
    complain "overwrote a configuration"
build uninstall
[ "$(cd "$at" && find . -type f)" = ./etc/capsuled/capsuled.ini ] ||
    complain "uninstall leaves $(cd "$at" && find . -type f)"
exit $bad
