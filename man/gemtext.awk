# gemtext.awk - the manuals as pages of a capsule.
# usage: LC_ALL=C awk -f man/gemtext.awk folder=FOLDER man/capsuled.8 ...
#
# Reads mdoc(7), as far as these manuals use it, and makes gemtext of it, a
# page for each section, so that on a slow line nobody pays for more than was
# asked for.  Short sections share a page, long ones have several.  A macro
# that it does not know is an error with file and line.
#
# A block is a piece of a page that stays whole: its lines, and below them
# what it refers to, each in one string with line ends between.

BEGIN {
	PAGE_MAX = 3500		# bytes; links come on top
	SHARE_MAX = 1500	# bytes; sections that share a page are shorter
	COLUMNS = 67		# what Gopher text is wrapped at
	LABEL_MAX = 46		# columns of a link's text
	add_manual("capsuled.8", "capsuled", "The daemon")
	add_manual("capsuled.ini.5", "ini", "Its configuration")
	add_manual("capsulectl.1", "ctl", "The tool for authors and operators")
	split(". , : ; ) ] ? !", list, " ")
	for (i in list)
		closing[list[i]] = 1
	# Macros whose words are shown as they are.
	split("Ar Cm Ic Li Pa Ev Dv Em Sy No", list, " ")
	for (i in list)
		plain[list[i]] = macro[list[i]] = 1
	split("Fl Nm Xr Ql Pq Op Oo Oc Ns Sx Fn Nd Ox Fx Nx Ta", list, " ")
	for (i in list)
		macro[list[i]] = 1
	opens["Ql"] = "‘"; closes["Ql"] = "’"
	opens["Pq"] = "("; closes["Pq"] = ")"
	opens["Op"] = opens["Oo"] = "["; closes["Op"] = closes["Oo"] = "]"
	means["Ox"] = "OpenBSD"; means["Fx"] = "FreeBSD"
	means["Nx"] = "NetBSD"
}

function add_manual(file, stem, about,	name) {
	name = file
	sub(/\.[0-9]$/, "", name)
	stem_of[file] = stem
	about_of[file] = about
	name_of[file] = name
	title_of[file] = name "(" substr(file, length(file)) ")"
	file_of[title_of[file]] = file
	order[++manuals] = file
}

function die(what) {
	print FILENAME ":" FNR ": " what | "cat 1>&2"
	close("cat 1>&2")
	failed = 1
	exit 1
}

# -- a line of mdoc to words --

function unescape(s,	out, at, c) {
	while ((at = index(s, "\\")) > 0) {
		c = substr(s, at + 1, 1)
		out = out substr(s, 1, at - 1)
		if (c == "e")
			out = out "\\"
		else if (c == " " || c == "-")
			out = out c
		else if (c != "&")
			die("no way to show \\" c)
		s = substr(s, at + 2)
	}
	return out s
}

function words(s) {
	gsub(/[ \t]+/, " ", s)
	sub(/^ /, "", s)
	sub(/ $/, "", s)
	return s
}

# Into token[], and whether[] one was in quotes; how many there are.
function tokens(s,	n, at) {
	while (sub(/^[ \t]+/, "", s) || s != "") {
		if (s == "")
			break
		quoted[++n] = substr(s, 1, 1) == "\""
		if (quoted[n]) {
			s = substr(s, 2)
			at = index(s, "\"")
			token[n] = at ? substr(s, 1, at - 1) : s
			s = at ? substr(s, at + 1) : ""
		} else {
			at = match(s, /[^\\][ \t]/)
			token[n] = at ? substr(s, 1, at) : s
			s = at ? substr(s, at + 1) : ""
		}
	}
	return n + 0
}

function put(word) {
	if (text != "" && !joined)
		text = text " "
	text = text word
	joined = 0
}

function put_close(word) {
	joined = 1
	put(word)
}

function is_macro(i) {
	return !quoted[i] && token[i] in macro
}

# Tokens from i to n, as arguments of m until another macro comes.
function inline(i, n, m,	end, had) {
	for (; i <= n; i++) {
		if (!is_macro(i)) {
			if (!quoted[i] && token[i] in closing)
				put_close(token[i])
			else if (m == "Fl" && token[i] != "|")
				put("-" unescape(token[i]))
			else
				put(unescape(token[i]))
			if (!quoted[i] && token[i] ~ /^[(\[]$/)
				joined = 1
			continue
		}
		m = token[i]
		had = i < n && !is_macro(i + 1) && !(token[i + 1] in closing)
		if (m in means) {
			put(means[m])
		} else if (m == "Ns") {
			joined = 1
		} else if (m == "Oo") {
			put(opens[m])
			joined = 1
		} else if (m == "Oc") {
			put_close(closes["Oo"])
		} else if (m in opens) {
			for (end = n; token[end] in closing; end--)
				;
			put(opens[m])
			joined = 1
			inline(i + 1, end, "")
			put_close(closes[m])
			i = end
		} else if (m == "Nm" && !had) {
			put(name)
		} else if (m == "Fl" && !had) {
			put("-")
		} else if (m == "Nd") {
			put("—")
		} else if (m == "Xr") {
			put(token[i + 1] "(" token[i + 2] ")")
			xr = xr token[i + 1] "(" token[i + 2] ")\n"
			i += 2
		} else if (m == "Fn") {
			put(token[++i] "()")
		} else if (m == "Sx") {
			end = ""
			for (i++; i <= n && !(token[i] in closing) &&
			    !is_macro(i); i++)
				end = end " " unescape(token[i])
			put(words(end))
			sx = sx words(end) "\n"
			i--
		}
	}
}

# The words of a macro's arguments, apart from the paragraph at hand.
function shown(arguments, at,	saved, out) {
	saved = text
	text = ""
	joined = 0
	inline(at, tokens(arguments), "")
	out = words(text)
	text = saved
	return out
}

# -- words to blocks --

function block(lines, refers) {
	if (pending != "") {
		if (lines ~ /^[^=#*>`\n]/) {
			lines = "* " pending ": " lines
			pending = ""
		} else {
			end_item()
		}
	}
	line_of[++blocks] = lines
	link_of[blocks] = refers
	last_of[sections] = blocks
}

# A point of a list within a list, with nothing below it yet.
function end_item(	point) {
	point = "* " pending
	if (pending == "")
		return
	pending = ""
	block(point, "")
}

function paragraph() {
	text = words(text)
	if (text ~ /^(=>|#|\* |>|```)/)
		die("gemtext takes this for something else: " text)
	if (text != "")
		block(text, sx xr)
	text = sx = xr = ""
	joined = 0
}

# A heading has a blank line before it, which is part of its block.
function is_heading(lines) {
	return substr(lines, 1, 3) == "\n##"
}

# What is preformatted; neighbours become one.
function literal(head, lines,	old) {
	head = "```" head ": " title_at[sections] "\n"
	old = blocks >= first_of[sections] && pending == "" ? \
	    line_of[blocks] : ""
	if (index(old, head) == 1)
		line_of[blocks] = substr(old, 1, length(old) - 3) lines "```"
	else
		block(head lines "```", "")
}

# Wrapped, in lines that end.
function hung(line,	out, at, room, indent) {
	line = untabbed(line)
	while (length(line) > (room = COLUMNS - length(indent))) {
		for (at = room + 1; at > 1 && substr(line, at, 1) != " "; at--)
			;
		if (at == 1)
			at = room
		out = out indent substr(line, 1, at)
		sub(/ *$/, "\n", out)
		line = substr(line, at + 1)
		sub(/^ */, "", line)
		indent = "    "
	}
	return out indent line "\n"
}

function untabbed(line,	at) {
	while ((at = index(line, "\t")) > 0)
		line = substr(line, 1, at - 1) \
		    substr("        ", 1, 8 - (at - 1) % 8) \
		    substr(line, at + 1)
	return line
}

function call(	) {
	if (words(text) != "")
		calls = calls hung(words(text))
	text = ""
}

# "A, B, and C"
function all_of(count, list,	out, i) {
	for (i = 1; i <= count; i++)
		out = out (i == 1 ? "" : i < count ? ", " : \
		    count > 2 ? ", and " : " and ") list[i]
	return out
}

function reference(	line) {
	line = all_of(authors, author)
	if (line != "" && book["T"] != "")
		line = line ", "
	line = line book["T"]
	if (book["R"] != "")
		line = line ", " book["R"]
	if (book["D"] != "")
		line = line ", " book["D"]
	block("* " line ".", "")
}

function table_row(arguments,	n, i, from) {
	rows++
	cells[rows] = 0
	n = tokens(arguments)
	for (i = from = 1; i <= n + 1; i++) {
		if (i <= n && token[i] != "Ta")
			continue
		text = ""
		joined = 0
		inline(from, i - 1, "")
		cell[rows, ++cells[rows]] = words(text)
		text = ""
		from = i + 1
	}
}

function table(	i, k, wide, line, out) {
	for (i = 1; i <= rows; i++)
		for (k = 1; k <= cells[i]; k++)
			if (length(cell[i, k]) > wide[k])
				wide[k] = length(cell[i, k])
	for (i = 1; i <= rows; i++) {
		line = ""
		for (k = 1; k <= cells[i]; k++)
			line = line sprintf("%-" wide[k] + 2 "s", cell[i, k])
		sub(/ *$/, "", line)
		out = out line "\n"
	}
	rows = 0
	literal("Table", out)
}

function section(level, arguments,	n, own, i) {
	end_section()
	sections++
	n = tokens(arguments)
	for (i = 1; i <= n && !is_macro(i); i++)
		own = own " " tolower(token[i])
	gsub(/[^a-z0-9]+/, "-", own)
	gsub(/^-|-$/, "", own)
	slug_of[sections] = own
	own = shown(arguments, 1)
	if (own == toupper(own) && own ~ /^[A-Z]/)
		own = substr(own, 1, 1) tolower(substr(own, 2))
	title_at[sections] = own
	level_of[sections] = level
	first_of[sections] = blocks + 1
	last_of[sections] = blocks
}

function end_section() {
	if (title_at[sections] == "Synopsis") {
		call()
		block("```How it is called\n" calls "```", "")
		calls = ""
	}
	paragraph()
}

# -- the manual --

FNR == 1 {
	if (NR > 1)
		end_manual()
	for (file in stem_of)
		if (substr(FILENAME, length(FILENAME) - length(file)) == \
		    "/" file)
			manual = file
	name = name_of[manual]
	blocks = sections = depth = in_literal = 0
}
/^\.\\"/ || /^\.(Dd|Dt|Os)/ { next }
in_literal && /^\.Ed/ {
	in_literal = 0
	literal("Example", lines)
	next
}
in_literal && /^\./ { die("a macro between literal lines") }
in_literal {
	lines = lines hung(unescape($0))
	next
}
!/^\./ {
	joined = 0
	put(unescape($0))
	next
}
{
	m = substr($1, 2)
	rest = $0
	sub(/^[^ \t]*[ \t]*/, "", rest)
	joined = 0
}
m == "Sh" { section(1, rest); next }
m == "Ss" { section(2, rest); next }
m == "Pp" { paragraph(); next }
m == "Bd" {
	if (rest !~ /^-literal/)
		die("a display that is not literal")
	paragraph()
	lines = ""
	in_literal = 1
	next
}
m == "D1" || m == "Dl" {
	paragraph()
	literal("Example", hung(shown(rest, 1)))
	next
}
m == "Bl" {
	paragraph()
	kind[++depth] = substr(rest, 1, 4)
	if (rest !~ /^-(tag|column)/)
		die("a list of another kind than -tag and -column")
	next
}
m == "It" && kind[depth] == "-col" { table_row(rest); next }
m == "It" {
	paragraph()
	end_item()
	if (depth == 1)
		block("\n## " shown(rest, 1), "")
	else
		pending = shown(rest, 1)
	next
}
m == "El" {
	paragraph()
	end_item()
	if (kind[depth--] == "-col")
		table()
	next
}
m == "Rs" {
	paragraph()
	authors = 0
	book["T"] = book["R"] = book["D"] = ""
	next
}
m == "%A" { author[++authors] = rest; next }
m ~ /^%[TRD]$/ { book[substr(m, 2)] = rest; next }
m == "Re" { reference(); next }
m == "Nm" && title_at[sections] == "Synopsis" { call() }
m in macro { inline(1, tokens(m " " rest), ""); next }
{ die("no way to show ." m) }
END {
	if (failed)
		exit 1
	end_manual()
	write_index()
}

# -- sections to pages --

function size(lines) {
	return length(lines) + 1
}

function size_of(s,	b, sum) {
	for (b = first_of[s]; b <= last_of[s]; b++)
		sum += size(line_of[b])
	return sum + 0
}

function label_of(from, to,	s, label) {
	label = title_at[from]
	for (s = from + 1; s <= to; s++)
		if (size_of(s) > 0)
			label = label ", " tolower(substr(title_at[s], 1, 1)) \
			    substr(title_at[s], 2)
	return label
}

# A block of a page: a piece is what stays together with its heading.
function lay(lines, refers) {
	if (pieces == 0 || piece[pieces] !~ /\n##[^\n\f]*$/)
		pieces++
	else
		lines = piece[pieces] "\f" lines
	piece[pieces] = lines
	refer[pieces] = refer[pieces] refers
}

# One page of sections, or as many pages as it takes.
function lay_out(from, to,	s, b, lines, n, i, label, room) {
	pieces = 0
	split("", piece)
	split("", refer)
	for (s = from; s <= to; s++) {
		if (size_of(s) == 0)
			continue
		if (label_of(from, to) != title_at[from])
			lay("\n## " title_at[s], "")
		for (b = first_of[s]; b <= last_of[s]; b++) {
			lines = line_of[b]
			if (label_of(from, to) != title_at[from] &&
			    is_heading(lines))
				lines = "\n#" substr(lines, 2)
			lay(lines, link_of[b])
		}
	}
	label = label_of(from, to)
	room = 0
	for (i = 1; i <= pieces; i++) {
		if (i == 1 || room + size(piece[i]) > PAGE_MAX) {
			n++
			page_name[++pages] = stem_of[manual] "-" \
			    slug_of[from] (n > 1 ? "-" n : "")
			page_label[pages] = label (n > 1 ? ", part " n : "")
			page_text[pages] = page_links[pages] = ""
			room = 0
		}
		page_text[pages] = page_text[pages] piece[i] "\f"
		page_links[pages] = page_links[pages] refer[i]
		room += size(piece[i])
	}
}

function end_manual(	s, from, to, sum) {
	end_section()
	pages = 0
	for (s = 1; s <= sections; s++) {
		if (size_of(s) == 0 ||
		    title_at[s] ~ /^(Name|Synopsis|Description)$/)
			continue
		if (from && (sum + size_of(s) > SHARE_MAX ||
		    level_of[to] > level_of[s] ||
		    length(label_of(from, s)) > LABEL_MAX)) {
			lay_out(from, to)
			from = 0
		}
		if (!from) {
			from = s
			sum = 0
		}
		to = s
		sum += size_of(s)
	}
	if (from)
		lay_out(from, to)
	write_manual()
}

# -- pages to files --

function link(to, label) {
	return "=> " to ".gmi " label
}

# The page on which a section begins, or 0.
function page_of(title,	p, part, i) {
	for (p = 1; p <= pages; p++)
		for (i = split(page_label[p], part, ", "); i > 0; i--)
			if (tolower(part[i]) == tolower(title))
				return p
	return 0
}

function write(to, head, text, below,	part, n, i, out) {
	out = folder "/" to ".gmi"
	printf "%s", head > out
	n = split(text, part, /\f/)
	for (i = 1; i < n; i++) {
		# A blank line before all but points of a list, and the first
		# line below a heading.
		if (!is_heading(part[i]) && !is_heading(was) &&
		    !(part[i] ~ /^\* / && was ~ /^\* /))
			print "" > out
		print part[i] > out
		was = part[i]
	}
	printf "%s", below > out
	was = ""
	close(out)
}

# Links to what a page refers to, once each.
function nearby(p,	ref, n, i, to, label, out, seen) {
	seen[page_name[p]] = 1
	if (p < pages)
		seen[page_name[p + 1]] = 1
	n = split(page_links[p], ref, "\n")
	for (i = 1; i < n; i++) {
		if (ref[i] in file_of) {
			to = stem_of[file_of[ref[i]]]
			label = ref[i] ": " about_of[file_of[ref[i]]]
		} else if (page_of(ref[i])) {
			to = page_name[page_of(ref[i])]
			label = name ": " page_label[page_of(ref[i])]
		} else {
			continue
		}
		if (!(to in seen))
			out = out link(to, label) "\n"
		seen[to] = 1
	}
	return out
}

function write_manual(	s, b, p, stem, text, list, more) {
	stem = stem_of[manual]
	for (s = 1; s <= sections; s++)
		if (title_at[s] ~ /^(Name|Synopsis|Description)$/)
			for (b = first_of[s]; b <= last_of[s]; b++)
				text = text line_of[b] "\f"
	for (p = 1; p <= pages; p++)
		list = list link(page_name[p], page_label[p]) "\n"
	write(stem, "# " title_of[manual] ": " about_of[manual] \
	    "\n=> / Front page\n=> . Manuals\n", text, "\n## Sections\n" list)
	for (p = 1; p <= pages; p++) {
		more = nearby(p)
		if (p < pages)
			more = link(page_name[p + 1], \
			    "Next: " page_label[p + 1]) "\n" more
		write(page_name[p], "# " name ": " page_label[p] \
		    "\n=> / Front page\n=> . Manuals\n" \
		    link(stem, title_of[manual]) "\n", page_text[p], \
		    more == "" ? "" : "\n## Read on\n" more)
	}
}

function write_index(	i, out, list) {
	for (i = 1; i <= manuals; i++)
		list = list link(stem_of[order[i]], title_of[order[i]] ": " \
		    about_of[order[i]]) "\n"
	write("index", "# Manuals\n=> / Front page\n", "The server that you " \
	    "are reading this from documents itself. These are the manuals " \
	    "that are installed with it, a page for each section.\f", \
	    "\n" list)
}
