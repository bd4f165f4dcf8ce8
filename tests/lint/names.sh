#!/bin/sh
# names.sh - a function's name says what it does without its file.
# usage: names.sh [FOLDER] (from the top of the tree; FOLDER is daemon)
#
# Breakpoints, profiles and grep find a function by its name, static ones too:
# counts the names that are defined more than once, and fails above
# NAMES_TWICE_MAX.  Functions with one file a system (os_linux.c, os_bsd.c) are
# not counted if all their definitions stand in such files.

set -u
export LC_ALL=C
folder=${1:-daemon}
# Lower it whenever fewer are left: the goal is 10, each for a reason.
most=${NAMES_TWICE_MAX:-10}

ctags --version 2>/dev/null | grep -q 'Universal Ctags' || {
	echo "no universal ctags here"
	exit 77
}
twice=$(ctags -x --languages=C --c-kinds=f --_xformat='%N %F' -R "$folder" |
    sort -u | awk '
	{
		where[$1] = where[$1] " " $2
		n[$1]++
		if ($2 !~ /_(bsd|linux|freebsd|netbsd|openbsd)\.c$/)
			elsewhere[$1] = 1
	}
	END {
		for (name in n)
			if (n[name] > 1 && name in elsewhere)
				print name ":" where[name]
	}' | sort)
count=$(printf '%s' "$twice" | grep -c :)
[ "$count" -le "$most" ] && exit 0
echo "$twice"
echo "$count names of functions are defined twice, at most $most may be"
exit 1
