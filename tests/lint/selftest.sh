#!/bin/sh
# selftest.sh - each lint finds what it is there to find.
# usage: selftest.sh	(from anywhere)
#
# Builds a small tree that every lint finds clean, then spoils one thing at a
# time and expects the lint to fail and to name the file.
# shellcheck disable=SC2016,SC1003	# dollars and backslashes for others

set -u
lint=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
bad=0

good_tree() {
	rm -rf "$top/tree"
	mkdir -p "$top/tree/daemon/base" "$top/tree/daemon/format" \
	    "$top/tree/daemon/net" "$top/tree/daemon/ctl" "$top/tree/man" \
	    "$top/tree/tests/unit" "$top/tree/conf"
	cd "$top/tree" || exit 1
	cp "$lint/../../.clang-format" "$lint/../../.clang-tidy" .
	sources="daemon/base/a.c daemon/base/os_linux.c daemon/net/n.c \
daemon/ctl/c.c tests/unit/test_a.c"
	printf '#ifndef A_H\n#define A_H\n\nint a_get(void);\n\n#endif\n' \
	    > daemon/base/a.h
	printf '#ifndef N_H\n#define N_H\n\nint n_get(void);\n\n#endif\n' \
	    > daemon/net/n.h
	printf '#ifndef M_H\n#define M_H\n\nint m_get(void);\n\n#endif\n' \
	    > daemon/net/m.h
	printf '#include "base/a.h"\n\nint\na_get(void)\n{\n%s}\n' \
	    '	return 1;
' > daemon/base/a.c
	printf '#include "base/a.h"\n' > daemon/base/os_linux.c
	printf '#include "net/n.h"\n\n#include "base/a.h"\n' > daemon/net/n.c
	printf '#include "base/a.h"\n#include "net/m.h"\n' > daemon/ctl/c.c
	printf '#include "base/a.h"\n' > tests/unit/test_a.c
	printf '#!/bin/sh\necho "$1"\n' > conf/good.sh
	mkdir doc
	printf 'static void\nkept(void **state)\n{\n}\n' \
	    > tests/unit/a_kept.c
	awk 'BEGIN { for (i = 1; i <= 56; i++)
		printf "### %d. Ask\n\nSome `words`.\n%s\n\n", i,
		    "Shown by `tests/unit/a_kept.c`: `kept`." }' > doc/asks.md
	printf '## What is defended\n\n%s\n|---|---|---|\n%s\n' \
	    '| against | how | shown by |' \
	    '| a | b | `unit/a_kept.c::kept`, `::kept` |' > SECURITY.md
	printf '.Dd %s\n.Dt A 8\n.Os\n.Sh NAME\n.Nm a\n.Nd nothing\n' \
	    "\$Mdocdate: January 1 2026 \$" > man/a.8
}

run() {
	case $1 in
	floors)
		SOURCES=$sources sh "$lint/floors.sh" base format net \
		    ctl=format+net/m
		;;
	headers) CC=${CC:-cc} sh "$lint/headers.sh" ;;
	tidy) OWN=daemon/base/a.c sh "$lint/tidy.sh" ;;
	asks | security) sh "$lint/$1.sh" ;;
	names) NAMES_TWICE_MAX=1 sh "$lint/names.sh" ;;
	*) sh "$lint/house.sh" "$1" ;;
	esac > "$top/out" 2>&1
}

# Expect lint $1 to find the tree as it stands clean.
clean() {
	run "$1"
	case $? in
	0 | 77) ;;
	*)
		echo "$1 finds fault with a good tree:"
		cat "$top/out"
		bad=1
		;;
	esac
}

# Expect lint $1 to fail and to print $2; $3 says what was spoilt.
finds() {
	run "$1"
	case $? in
	77) ;;
	0)
		echo "$1 does not see $3"
		bad=1
		;;
	*)
		if ! grep -qF "$2" "$top/out"; then
			echo "$1 fails on $3 without saying $2:"
			cat "$top/out"
			bad=1
		fi
		;;
	esac
	good_tree
}

good_tree
for each in floors headers shell manual functions columns paths format keys \
    tidy asks security names; do
	clean $each
done

echo '#include "net/n.h"' >> daemon/base/a.c
finds floors "daemon/base/a.c:8" "an include of a higher floor"
echo '#include "net/n.h"' >> daemon/ctl/c.c
finds floors "daemon/ctl/c.c:3" "ctl using the network"
echo '#include "a.h"' >> daemon/base/a.c
finds floors "does not name its floor" "an include without a floor"
echo '#include "attic/a.h"' >> daemon/base/a.c
finds floors "names no floor" "an include of an unknown floor"
echo '#include "net/m.h"' >> daemon/net/n.h
echo '#include "net/n.h"' >> daemon/net/m.h
finds floors "net/m net/n: include each other" "modules in a circle"
mkdir daemon/attic
echo 'int x;' > daemon/attic/x.c
finds floors "daemon/attic/x.c: on no floor" "a folder that is no floor"
echo '#include "base/a.h"' > daemon/base/b.c
finds floors "daemon/base/b.c" "a source that make does not build"
echo '#include "base/a.h"' > tests/unit/test_b.c
finds floors "tests/unit/test_b.c" "a test that make does not run"

printf '#ifndef B_H\n#define B_H\nsize_t b_get(void);\n#endif\n' \
    > daemon/base/b.h
finds headers "daemon/base/b.h" "a header that does not stand alone"
printf '#ifndef OTHER_H\n#define OTHER_H\n#endif\n' > daemon/base/b.h
finds headers "is not B_H" "a guard of another name"
printf '#ifndef B_H\n#define B_H\nint b;\n#endif\n' > daemon/base/b.h
finds headers "defines the variable" "a variable in a header"
printf '#ifndef B_H\n#define B_H\nint b();\n#endif\n' > daemon/base/b.h
finds headers "daemon/base/b.h" "a header that compiles with a warning"

printf '#!/bin/sh\nif [ $1 == a ]; then\n' > conf/bad.sh
finds shell "conf/bad.sh" "a script with a syntax error"
printf '#!/bin/sh\nrm $1/*\n' > conf/bad.sh
finds shell "conf/bad.sh" "an unquoted variable"
printf '#!/usr/bin/env bash\nrm $1/*\n' > conf/bad
finds shell "conf/bad" "a script without a suffix"
printf '.Sh NAME\n.Nm a\n.Xx\n' > man/b.8
finds manual "man/b.8" "a manual page with an unknown macro"

awk 'BEGIN { print "int\nlong_one(void)\n{"
	for (i = 0; i < 98; i++) print "\tg();"; print "}" }' > daemon/base/l.c
clean functions
awk 'BEGIN { print "int\nlong_one(void)\n{"
	for (i = 0; i < 99; i++) print "\tg();"; print "}" }' > daemon/base/l.c
finds functions "daemon/base/l.c:3" "a function of 101 lines"

awk 'BEGIN { printf "/* %s */\n", substr(sprintf("%100s", ""), 1, 74) }' \
    > daemon/base/w.c
clean columns
awk 'BEGIN { printf "/* %s */\n", substr(sprintf("%100s", ""), 1, 75) }' \
    > daemon/base/w.c
finds columns "daemon/base/w.c:1: 81" "a line of 81 columns"
awk 'BEGIN { printf "\t/* %s */\n", substr(sprintf("%100s", ""), 1, 67) }' \
    > daemon/base/w.c
finds columns "daemon/base/w.c:1: 81" "a line made too wide by its TAB"
awk 'BEGIN { printf "/* \303\251%s */\n", \
	substr(sprintf("%100s", ""), 1, 73) }' > daemon/base/w.c
clean columns

printf '/* see %s/notes */\n' "/wo""rk" > daemon/base/p.c
finds paths "daemon/base/p.c:1" "a path of one machine"
printf '/* see %s/x */\n' "/ho""me/someone" > daemon/base/p.c
finds paths "daemon/base/p.c:1" "a path in someone's home"
printf 'int\nf(void)\n{\n  return 1;\n}\n' > daemon/base/f.c
finds format "daemon/base/f.c" "C that is indented otherwise"
printf 'int\na_bad(void);\n\nint\na_bad(void)\n{\n%s%s}\n' '	int *p = 0;

' '	return *p;
' >> daemon/base/a.c
finds tidy "daemon/base/a.c" "a null pointer that is followed"
printf 'int\nf(void)\n{\n\treturn 1;\n}\n' |
    tee daemon/base/f.c daemon/net/f.c > daemon/base/g.c
printf 'int\nh(void)\n{\n\treturn 1;\n}\n' |
    tee daemon/base/h_linux.c > daemon/base/h_bsd.c
clean names
printf 'static int\nh(void)\n{\n\treturn 1;\n}\n' > daemon/net/h.c
finds names "h: daemon/base/h_bsd.c" "a second name defined twice"
echo x > conf/a.key
finds keys "conf/a.key" "a key file"
echo "-----BEGIN EC PRIVATE K""EY-----" > conf/a.txt
finds keys "conf/a.txt" "a private key under another name"

sed 's/: `kept`/: `gone`/' doc/asks.md > doc/new && mv doc/new doc/asks.md
finds asks "a_kept.c has no gone" "a test that no file has"
rm tests/unit/a_kept.c
finds asks "there is no tests/unit/a_kept.c" "a file that is gone"
sed '/^### 7\./d' doc/asks.md > doc/new && mv doc/new doc/asks.md
finds asks 'ask "8" stands where 7 should' "a number that is missing"
sed 's/^### 56\./### 55./' doc/asks.md > doc/new && mv doc/new doc/asks.md
finds asks 'ask "55" stands where 56 should' "a number that stands twice"
echo '### 57. Ask' >> doc/asks.md
finds asks "there are 57 asks" "an ask too many"
awk '/Shown by/ && !done++ { next } { print }' doc/asks.md > doc/new &&
    mv doc/new doc/asks.md
finds asks "asks.md:1: no test shows this" "an ask that no test shows"

sed 's/`::kept`/`::gone`/' SECURITY.md > new && mv new SECURITY.md
finds security "a_kept.c has no gone" "a test that no file has"
sed 's/a_kept\.c/b.c/' SECURITY.md > new && mv new SECURITY.md
finds security "there is no tests/unit/b.c" "a file that is gone"
echo '| c | d | `site/x.c` |' >> SECURITY.md
finds security "SECURITY.md:6: no test shows this" "a row without a test"
printf '\nAs `::kept` shows.\n' >> SECURITY.md
finds security "::kept is of no file" "a test without its file"

exit $bad
