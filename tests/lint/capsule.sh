#!/bin/sh
# capsule.sh - read the capsule as a careful reader would.
#
# usage: capsule.sh [CONF [ROOT [FACTS]]]
#
# Prints "FILE:LINE: sentence" for each finding and exits 1 if there was one,
# 2 if it could not do its work.  What it looks for:
#   bytes     not UTF-8, a control character, a character that an old terminal
#             cannot spell, text wider than Gopher's columns
#   gemtext   a page too heavy, no first heading, a heading that skips a level,
#             a preformatted block without alt text, no way back at the top
#   links     one that leads nowhere, a label too long for a menu
#   map       an address without a file, a file without an address
#   facts     a fact of the institute that no page tells, and a number that no
#             fact holds
# POSIX sh, awk, od, grep and find; nothing of the daemon, so that the two can
# disagree.

# Bytes are bytes for every awk and grep.
LC_ALL=C
export LC_ALL

front_max=2047   # bytes; a front page comes in two packets
page_max=4095    # bytes; about four seconds at 9600 bit/s
columns=67       # what Gopher text is wrapped at
label_max=60     # columns; a link's label is a menu line

case $# in
0)	cd "$(dirname "$0")/../.." || exit 2 ;;
esac
conf=${1:-conf/demo.ini}
root=${2:-capsule}
facts=${3:-tests/lint/facts.txt}
# What speaks of protocols and of the server, not of the institute.
about_itself=$root/reading.gmi
manuals=$root/manual/

for f in "$conf" "$facts" "$root/index.gmi"; do
	if ! test -r "$f"; then
		echo "$f: cannot be read" >&2
		exit 2
	fi
done
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 2' HUP INT TERM
found=$tmp/found
: > "$found"

# -- bytes --
#
# od makes numbers of them: no awk has to agree with another on what a
# character is.

check_bytes() { # FILE: its lines' characters
	od -An -v -tu1 "$1" | awk -v file="$1" -v columns="$columns" '
	function say(what) { print file ":" line ": " what }
	# One character is complete: is it one that all terminals can show?
	function character(c) {
		width++
		if (c < 32 && c != 9 || c >= 127 && c < 160)
			say("a control character, number " c)
		# Latin-1, its neighbours (oe), dashes, quotes, ellipsis, euro:
		# what the Gopher charsets spell out, each one column wide.
		else if (c > 383 && (c < 8208 || c > 8230) && c != 8364)
			say("a character that old terminals cannot spell, " \
			    "number " c)
		if (width <= 3 && c == 96)
			ticks++
	}
	function end_line() {
		if (need > 0)
			say("not UTF-8: the last character is cut short")
		if (ticks == 3)
			inside = !inside
		# Gemtext paragraphs are wrapped; all other text is as it is.
		else if (width > columns && (inside || !is_gemtext) && !is_free)
			say("is " width " columns wide, " columns " fit")
		line++
		width = ticks = need = 0
	}
	BEGIN {
		line = 1
		is_gemtext = file ~ /\.gmi$/
		# Tables are for programs, items of a map have fields.
		is_free = file ~ /\.(csv|gophermap)$/
	}
	{
		for (i = 1; i <= NF; i++) {
			b = $i + 0
			if (b == 10) {
				end_line()
			} else if (need > 0 && b >= 128 && b < 192) {
				value = value * 64 + b - 128
				if (--need > 0)
					continue
				if (value < least || value > 1114111 ||
				    value >= 55296 && value < 57344)
					say("not UTF-8: no such character")
				else
					character(value)
			} else if (need > 0 || b >= 128 && b < 192 || b > 244) {
				say("not UTF-8: byte " b " is out of place")
				need = 0
			} else if (b >= 240) {
				need = 3; least = 65536; value = b - 240
			} else if (b >= 224) {
				need = 2; least = 2048; value = b - 224
			} else if (b >= 192) {
				need = 1; least = 128; value = b - 192
			} else {
				character(b)
			}
			last = b
		}
	}
	END {
		if (NR > 0 && last != 10) {
			say("the last line does not end")
			end_line()
		}
	}'
}

# -- gemtext --

check_gemtext() { # FILE: weight, headings, alt text, the way back
	max=$page_max
	test "$1" = "$root/index.gmi" && max=$front_max
	# $((...)) drops the blanks that some wc write first.
	size=$(($(wc -c < "$1")))
	test "$size" -le "$max" ||
	    echo "$1:1: weighs $size bytes, at most $max are allowed"
	awk -v file="$1" -v front="$root/index.gmi" '
	function say(n, what) { print file ":" n ": " what }
	/^```/ {
		inside = !inside
		opened = NR
		if (inside && $0 ~ /^```[ \t]*$/)
			say(NR, "a preformatted block without alt text")
		next
	}
	inside { next }
	/^#/ {
		level = /^###/ ? 3 : /^##/ ? 2 : 1
		if (above == 0 && level > 1)
			say(NR, "a heading of level " level " before any of 1")
		else if (level > above + 1)
			say(NR, "a heading of level " level " below one of " \
			    "level " above)
		else if (level == 1 && above > 0)
			say(NR, "a second heading of level 1")
		if ($0 ~ /^#+[ \t]*$/)
			say(NR, "an empty heading")
		above = level
	}
	NR == 1 && !/^#/ { say(1, "the page does not start with a heading") }
	/[ \t]$/ { say(NR, "a blank at the end of the line") }
	# A client that opens a page at its first link finds it there.
	NR == 2 && file != front && !/^=>[ \t]*\/[ \t]/ {
		say(2, "no link to / below the first heading")
	}
	END {
		if (inside)
			say(opened, "a preformatted block that is not closed")
		if (NR == 1 && file != front)
			say(1, "no link to / below the first heading")
	}' "$1"
}

# -- map and links --
#
# One awk reads the map, then the list of files, then every page and menu:
# names on the command line say which is which.

check_links() { # FILE...: pages and gophermaps
	awk -v conf="$conf" -v root="$root" -v files="$tmp/files" \
	    -v label_max="$label_max" -v columns="$columns" '
	function say(what) { print FILENAME ":" FNR ": " what }
	function trim(s) {
		sub(/^[ \t]+/, "", s)
		sub(/[ \t]+$/, "", s)
		return s
	}
	# Columns: UTF-8 continuation bytes take none.  index() and substr()
	# count bytes or characters alike, one by one.
	function width(s,	i, n) {
		for (i = 1; i <= length(s); i++)
			if (index(continuation, substr(s, i, 1)) == 0)
				n++
		return n + 0
	}
	# The folder of the map that holds selector, the longest; or "".
	function folder_of(selector,	s, best) {
		for (s in folder)
			if (index(selector, s) == 1 && length(s) > length(best))
				best = s
		return best
	}
	# The file that answers selector; "" if none does.
	function file_of(selector,	f, path) {
		if (selector in target)
			return target[selector]
		if ((f = folder_of(selector)) == "")
			return ""
		path = folder[f] substr(selector, length(f) + 1)
		if (path in exists)
			return path
		if (path !~ /\/$/)
			return ""
		if ((path "index.gmi") in exists)
			return path "index.gmi"
		if ((path "index.gophermap") in exists)
			return path "index.gophermap"
		return (selector in listed) ? path : ""
	}
	# ref seen from the selector base, without dot segments.
	function resolve(base, ref,	n, part, out, i, path) {
		sub(/[?#].*/, "", ref)
		if (ref == "")
			return base
		if (ref !~ /^\//) {
			sub(/[^\/]*$/, "", base)
			ref = base ref
		}
		n = split(substr(ref, 2), part, "/")
		out = 0
		for (i = 1; i <= n; i++) {
			if (part[i] == "..") {
				if (out > 0)
					out--
			} else if (part[i] != ".") {
				kept[++out] = part[i]
				continue
			}
			if (i == n)
				kept[++out] = ""
		}
		path = ""
		for (i = 1; i <= out; i++)
			path = path "/" kept[i]
		return path == "" ? "/" : path
	}
	# The selector under which this file is served.
	function selector_of(path,	s, f) {
		sub(/\.gophermap$/, ".gmi", path)
		if (path in address)
			return address[path]
		for (f in folder)
			if (index(path, folder[f]) == 1)
				return f substr(path, length(folder[f]) + 1)
		return ""
	}
	function check_target(from, ref,	s) {
		if (ref ~ /^[A-Za-z][A-Za-z0-9+.-]*:/ || ref ~ /^\/\//)
			return
		s = resolve(from, ref)
		if (s in gone)
			say("a link to " s ", which is gone")
		else if (s in moved)
			say("a link to " s ", which has moved to " moved[s])
		else if (file_of(s) == "")
			say("a link to " s ", where nothing is")
	}
	function check_label(label) {
		if (label == "")
			say("a link without a label")
		else if (width(label) > label_max)
			say("a label of " width(label) " columns, " \
			    label_max " fit")
	}
	# What a line of [selectors] promises must be there.
	function check_map(	s, f, n, was, line) {
		for (s in line_of) {
			line = conf ":" line_of[s] ": "
			if (s in moved) {
				n = 0
				f = moved[s]
				while (f in moved && ++n < 10)
					f = moved[f]
				if (f in moved || file_of(f) == "")
					print line s " redirects to " moved[s] \
					    ", where nothing is"
			} else if (s in target) {
				if (!(target[s] in exists))
					print line s " maps " target[s] \
					    ", which is missing"
			} else if (s in folder) {
				was = 0
				for (f in exists)
					if (index(f, folder[s]) == 1)
						was = 1
				if (!was)
					print line s " maps " folder[s] \
					    ", which is missing or empty"
			}
		}
		for (f in exists)
			if (selector_of(f) == "")
				print root "/" f ":1: no address leads here"
	}
	BEGIN {
		for (i = 128; i < 192; i++)
			continuation = continuation sprintf("%c", i)
	}
	FILENAME == conf {
		line = $0
		if (line ~ /^[ \t]*[;#]/)
			next
		sub(/[ \t];.*/, "", line)
		line = trim(line)
		if (line ~ /^\[/) {
			section = line
			next
		}
		if ((at = index(line, "=")) == 0)
			next
		key = trim(substr(line, 1, at - 1))
		value = trim(substr(line, at + 1))
		if (section == "[listing]" && value == "yes")
			listed[key] = 1
		if (section != "[selectors]")
			next
		line_of[key] = FNR
		if (value ~ /^@redirect/) {
			moved[key] = trim(substr(value, index(value, " ")))
		} else if (value == "@gone") {
			gone[key] = 1
		} else if (value ~ /^@/) {
			target[key] = value
			exists[value] = 1
			address[value] = key
		} else if (key ~ /\/$/ && value ~ /\/$/) {
			folder[key] = value
		} else {
			target[key] = value
			if (!(value in address))
				address[value] = key
		}
		next
	}
	FILENAME == files {
		exists[substr($0, length(root) + 2)] = 1
		next
	}
	!mapped++ { check_map() }
	FNR == 1 {
		inside = 0
		here = selector_of(substr(FILENAME, length(root) + 2))
	}
	FILENAME ~ /\.gophermap$/ {
		if ($0 ~ /^[#.]/)
			next
		if (index($0, "\t") == 0) {
			line = $0
			sub(/^!/, "", line)
			if (width(line) > columns)
				say("is " width(line) " columns wide, " \
				    columns " fit")
			next
		}
		n = split($0, field, "\t")
		check_label(substr(field[1], 2))
		if (n < 3 || field[3] == "")
			check_target(here, field[2] == "" ? \
			    substr(field[1], 2) : field[2])
		next
	}
	/^```/ { inside = !inside; next }
	inside || !/^=>/ { next }
	{
		line = trim(substr($0, 3))
		at = match(line, /[ \t]/)
		check_target(here, at ? substr(line, 1, at - 1) : line)
		check_label(at ? trim(substr(line, at)) : "")
	}' "$conf" "$tmp/files" "$@"
}

# -- facts --

check_facts() { # FILE...: the pages
	n=0
	while IFS= read -r fact; do
		n=$((n + 1))
		case $fact in
		''|'# '*) continue ;;
		esac
		grep -F -i -q -e "$fact" -- "$@" ||
		    echo "$facts:$n: no page says \"$fact\""
	done < "$facts"
}

check_numbers() { # FILE...: those that speak of the institute
	awk -v facts="$facts" '
	# The numbers in s, into list; how many there were.
	function numbers(s, list,	n) {
		while (match(s, /[0-9]+/)) {
			list[++n] = substr(s, RSTART, RLENGTH)
			s = substr(s, RSTART + RLENGTH)
		}
		return n + 0
	}
	FILENAME == facts {
		if ($0 !~ /^# /)
			for (n = numbers($0, list); n > 0; n--)
				known[list[n]] = 1
		next
	}
	# The type of an item is no number.
	FILENAME ~ /\.gophermap$/ && index($0, "\t") > 0 {
		$0 = substr($0, 2)
	}
	{
		for (n = numbers($0, list); n > 0; n--)
			if (!(list[n] in known))
				print FILENAME ":" FNR ": no fact holds the " \
				    "number " list[n]
	}' "$facts" "$@"
}

find "$root" -type f ! -name '.*' | sort > "$tmp/files"
# Names of files in a capsule are words: a blank in one would be cut here.
if grep '[[:blank:]]' "$tmp/files" >&2; then
	echo "a blank in the name of a file" >&2
	exit 2
fi
pages=$(grep '\.gmi$' "$tmp/files")
maps=$(grep '\.gophermap$' "$tmp/files")
texts=$(grep -E '\.(gmi|gophermap|txt|csv)$' "$tmp/files")
told=$(grep -E '\.(gmi|gophermap)$|/files/' "$tmp/files" |
    grep -F -x -v -e "$about_itself" | grep -F -v -e "$manuals")

{
	for f in $texts; do
		check_bytes "$f"
	done
	for f in $pages; do
		check_gemtext "$f"
	done
	# The lists are meant to be cut at blanks.
	# shellcheck disable=SC2086
	{
		check_links $pages $maps
		check_facts $pages
		check_numbers $told
	}
} > "$found" || exit 2

cat "$found"
test ! -s "$found"
