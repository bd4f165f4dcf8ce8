#!/bin/sh
# house.sh - what every file of the tree keeps to.
# usage: house.sh STEP	(from the top of the tree)
#
# shell      shell scripts pass sh -n and shellcheck
# manual     manual pages pass mandoc's lint
# functions  no C function has more than 100 lines
# columns    no line is wider than 80 columns, but for URLs
# paths      nothing names a place on one developer's machine
# format     C is as clang-format 14 leaves it
# keys       no key and no certificate is in the tree
#
# Exit status: 0 clean, 1 findings (printed), 77 the tool is not here.

set -u
FUNCTION_MAX=100	# lines, braces included
COLUMNS_MAX=80
CLANG_FORMAT=${CLANG_FORMAT:-clang-format}
CLANG_FORMAT_VERSION=14	# others break lines elsewhere
SKIP=77

# Every file but what git ignores, or what git would if it were here.
files() {
	if [ -e .git ]; then
		git ls-files -co --exclude-standard
	else
		find . -type f ! -path './build/*' ! -name '*.pyc' \
		    ! -path './capsule/manual/*' ! -name compile_commands.json |
		    sed 's,^\./,,'
	fi | LC_ALL=C sort | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

# Run a command on the files that are read from standard input, if any.
each_of() {
	list=$(cat)
	[ -z "$list" ] || echo "$list" | xargs "$@"
}

needs() {
	command -v "$1" >/dev/null 2>&1 && return
	echo "$1 is not installed"
	exit "$SKIP"
}

# By name, and by first line for those without one.
shell_scripts() {
	files | while read -r file; do
		case $file in
		*.sh) echo "$file" ;;
		rc.d/*) ;;	# rcd.sh knows their dialects
		*.*) ;;
		*) head -n 1 "$file" | LC_ALL=C grep -q '^#!.*sh$' &&
		    echo "$file" ;;
		esac
	done
}

shell() {
	for script in $(shell_scripts); do
		case $(head -n 1 "$script") in
		*bash*) bash -n "$script" ;;
		*) sh -n "$script" ;;
		esac || bad=1
	done
	needs shellcheck
	shell_scripts | each_of shellcheck -x || bad=1
}

manual() {
	needs mandoc
	files | grep '^man/.*\.[1-9]$' | each_of mandoc -Tlint -Wwarning ||
	    bad=1
}

# The style puts the braces of a function, and no others, in column 1.
functions() {
	files | grep '^daemon/.*\.c$' | each_of awk -v max=$FUNCTION_MAX '
	FNR == 1 { start = 0 }
	/^\{/ { start = FNR }
	/^}/ && start {
		if (FNR - start + 1 > max) {
			print FILENAME ":" start ": a function of " \
			    FNR - start + 1 " lines, more than " max
			bad = 1
		}
		start = 0
	}
	END { exit bad }' || bad=1
}

# Prose in Markdown is wrapped by what shows it.
# In the C locale, where every awk sees bytes: a character is its first one.
# shellcheck disable=SC2016	# the dollars are awk's
columns() {
	files | grep -E '\.([chn]|sh|py|awk|mk|ini|[1-9])$|(^|/)Makefile$' |
	    grep -v -E '^(capsule|tests/golden|tests/fuzz/seeds)/' |
	    each_of env LC_ALL=C awk -v max=$COLUMNS_MAX '
	/:\/\// { next }
	{
		gsub(/[\200-\277]/, "")
		width = 0
		n = split($0, part, "\t")
		for (i = 1; i <= n; i++) {
			width += length(part[i])
			if (i < n)
				width += 8 - width % 8
		}
		if (width > max) {
			print FILENAME ":" FNR ": " width " columns"
			bad = 1
		}
	}
	END { exit bad }' || bad=1
}

# Findings are what was printed: xargs has the last word on exit statuses.
none() {
	found=$(cat)
	[ -n "$found" ] || return 0
	echo "$found"
	bad=1
}

# The brackets keep this line from finding itself.
paths() {
	none <<-END
	$(files | each_of grep -n -I -E \
	    '(^|[^[:alnum:]_.>/-])/([w]ork|[r]oot|[h]ome/[a-z]+)/')
	END
}

format() {
	needs "$CLANG_FORMAT"
	if ! "$CLANG_FORMAT" --version |
	    grep -q "version $CLANG_FORMAT_VERSION\."; then
		echo "clang-format is not version $CLANG_FORMAT_VERSION"
		exit "$SKIP"
	fi
	files | grep -E '^(daemon|tests)/.*\.[ch]$' |
	    each_of "$CLANG_FORMAT" --dry-run -Werror || bad=1
}

# Test certificates included: tests make their own.
keys() {
	none <<-END
	$(files | grep -E '\.(key|crt|pem|p12)$')
	$(files | each_of grep -l -I -e '-----BEGIN .*PRIVATE [K]EY')
	END
}

bad=0
case ${1:-} in
shell) shell ;;
manual) manual ;;
functions) functions ;;
columns) columns ;;
paths) paths ;;
format) format ;;
keys) keys ;;
*)
	echo "usage: house.sh STEP, see its head" >&2
	exit 2
	;;
esac
exit $bad
