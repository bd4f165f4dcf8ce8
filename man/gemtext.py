"""gemtext.py - the manuals as pages of a capsule.
usage: gemtext.py FOLDER	(from the top of the tree; "make manual")

mandoc reads man/ and writes HTML, in which every word says what it is; this
makes gemtext of that, a page for each section, so that on a slow line nobody
pays for more than was asked for.  Short sections share a page, long ones have
several.  The pages are kept in the tree, so that building takes no mandoc, and
tests/lint/manual_pages.sh tells when they are stale.
"""
import collections
import html.parser
import pathlib
import re
import subprocess
import sys
import textwrap

PAGE_MAX = 4000     # bytes; the demonstration's pages have at most 4095
SHARE_MAX = 1500    # bytes; sections that share a page are shorter than this
COLUMNS = 67        # what Gopher text is wrapped at
LABEL_MAX = 46      # columns of a name; before it a link says what it leads to

# The manual, what its pages are called, and what it is about.
MANUALS = [
    ("capsuled.8", "capsuled", "The daemon"),
    ("capsuled.ini.5", "ini", "Its configuration"),
    ("capsulectl.1", "ctl", "The tool for authors and operators"),
]

Section = collections.namedtuple("Section", "title name level blocks")
Page = collections.namedtuple("Page", "name label blocks")
# A piece of a page that stays whole: its lines, and where its links lead.
Block = collections.namedtuple("Block", "lines links")


class Node:
    def __init__(self, tag, attrs, parent):
        self.tag, self.parent, self.children = tag, parent, []
        self.kinds = dict(attrs).get("class", "").split()

    def text(self):
        """The words below, blanks as they are."""
        return "".join(c if isinstance(c, str) else
                       "\n" if c.tag == "br" else c.text()
                       for c in self.children)

    def words(self):
        return " ".join(self.text().split())

    def all(self, kind):
        for child in self.nodes():
            if kind in child.kinds:
                yield child
            yield from child.all(kind)

    def nodes(self):
        return [c for c in self.children if isinstance(c, Node)]


class Tree(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.root = self.here = Node("", [], None)
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        node = Node(tag, attrs, self.here)
        self.here.children.append(node)
        if tag not in ("br", "hr", "meta", "link"):
            self.here = node

    def handle_startendtag(self, tag, attrs):
        self.here.children.append(Node(tag, attrs, self.here))

    def handle_endtag(self, tag):
        while self.here.tag != tag:
            self.here = self.here.parent
        self.here = self.here.parent

    def handle_data(self, data):
        self.here.children.append(data)


# -- a manual's tree to blocks --


def links(node):
    """What the words below refer to: sections, and other manuals."""
    return [n.words() for kind in ("Sx", "Xr") for n in node.all(kind)]


def paragraph(node, before=""):
    line = before + node.words()
    if not before and re.match(r"=>|#|\* |>|```", line):
        sys.exit("gemtext.py: a paragraph that gemtext takes for something "
                 "else: " + line)
    return [Block([line], links(node))] if line else []


def hung(line):
    """A line that is too wide for Gopher goes on in the next one."""
    line = line.expandtabs()
    if len(line) <= COLUMNS:
        return [line]
    return textwrap.wrap(line, COLUMNS, subsequent_indent="    ",
                         break_on_hyphens=False)


def literal(node, title):
    """Lines as they are; neighbours become one block later on."""
    lines = node.text().strip("\n").split("\n")
    if not list(node.all("pre")) and "pre" not in [n.tag for n in
                                                   node.nodes()]:
        lines = [node.words()]
    lines = [part for line in lines for part in hung(line)]
    return [Block(["```Example: " + title, *lines, "```"], [])]


def synopsis(table):
    """A command, and below its name what may follow it."""
    lines = []
    for row in table.nodes():
        lines += hung(" ".join(cell.words() for cell in row.nodes()))
    return [Block(["```How it is called", *lines, "```"], [])]


def columns(table, title):
    rows = [[cell.words() for cell in row.nodes()] for row in table.nodes()]
    wide = [max(len(r[i]) for r in rows if i < len(r))
            for i in range(max(map(len, rows)))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, wide)).rstrip()
             for r in rows]
    return [Block(["```Table: " + title, *lines, "```"], [])]


def tagged(node, title, depth):
    """A list of terms: headings, and points where it is in another list."""
    blocks, tags = [], []
    for child in node.nodes():
        if child.tag == "dt":
            tags.append(child.words())
            continue
        inside = contents(child, title, depth + 1)
        tag, tags = ", ".join(tags), []
        if depth == 0:
            blocks.append(Block(["", "## " + tag], []))
        elif inside and re.match(r"\w|[^=#*>`]", inside[0].lines[0]):
            first = inside.pop(0)
            blocks.append(Block(["* %s: %s" % (tag, first.lines[0]),
                                 *first.lines[1:]], first.links))
        else:
            blocks.append(Block(["* " + tag], []))
        blocks += inside
    return blocks


def element(node, title, depth):
    if node.tag == "dl":
        return tagged(node, title, depth)
    if node.tag == "table":
        return (columns(node, title) if "Bl-column" in node.kinds
                else synopsis(node))
    if node.tag == "cite":
        return paragraph(node, "* ")
    if node.tag == "pre":
        return literal(node, title)
    if "Bd" in node.kinds:
        return literal(node, title)
    if node.tag in ("p", "div", "ul"):
        return contents(node, title, depth)
    sys.exit("gemtext.py: no way to show <%s class=%s> in %s" % (
        node.tag, " ".join(node.kinds), title))


INLINE = ("a", "b", "code", "i", "span", "var", "em", "strong")


def contents(node, title, depth=0):
    """The blocks below a node: runs of words are paragraphs."""
    blocks, run = [], Node("p", [], node)

    def end_run():
        nonlocal run
        blocks.extend(paragraph(run))
        run = Node("p", [], node)

    for child in node.children:
        if isinstance(child, str) or child.tag in INLINE:
            run.children.append(child)
        elif child.tag in ("section", "h1", "h2", "br"):
            end_run()
        else:
            end_run()
            blocks += element(child, title, depth)
    end_run()
    return blocks


def slug(head):
    """For an address: a command's heading without its arguments."""
    own = next(n for n in head.nodes() if n.tag == "a").children[0]
    return "-".join(re.findall("[a-z0-9]+", own.lower()))


def sections(node):
    """All sections, those within others after them."""
    for child in node.nodes():
        if child.tag == "section":
            head = next(n for n in child.nodes() if n.tag in ("h1", "h2"))
            title = head.words()
            if title.isupper() and not title.startswith("["):
                title = title.capitalize()
            yield Section(title, slug(head), head.tag,
                          join(contents(child, title)))
        yield from sections(child)


def join(blocks):
    """Literal lines that follow each other are one block."""
    joined = []
    for block in blocks:
        if joined and block.lines[0].startswith("```") and \
                joined[-1].lines[0] == block.lines[0]:
            last = joined.pop()
            block = Block(last.lines[:-1] + block.lines[1:], block.links)
        joined.append(block)
    return joined


# -- sections to pages --


def size(blocks):
    return sum(len(line.encode()) + 1 for b in blocks for line in b.lines)


def deeper(blocks):
    """For a page whose sections have headings of their own."""
    return [b if b.lines[0].startswith("```") else
            Block([re.sub("^##", "###", t) for t in b.lines], b.links)
            for b in blocks]


def shared(stem, group):
    """One page of several short sections."""
    label = ", ".join([group[0].title] + [s.title[0].lower() + s.title[1:]
                                          for s in group[1:]])
    if len(group) == 1:
        blocks = group[0].blocks
    else:
        blocks = []
        for one in group:
            blocks.append(Block(["", "## " + one.title], []))
            blocks += deeper(one.blocks)
    return Page("%s-%s" % (stem, group[0].name), label, blocks)


def parts(page):
    """A page, or as many as it takes; a heading stays with its text."""
    pieces = []
    for block in page.blocks:
        if pieces and pieces[-1][-1].lines[-1].startswith("##"):
            pieces[-1].append(block)
        else:
            pieces.append([block])
    room = PAGE_MAX - 500   # the rest is for links
    made = [[]]
    for piece in pieces:
        if made[-1] and size(made[-1]) + size(piece) > room:
            made.append([])
        made[-1] += piece
    for i, blocks in enumerate(made, 1):
        more = i > 1
        yield Page(page.name + ("-%d" % i if more else ""),
                   page.label + (", part %d" % i if more else ""), blocks)


def pages(stem, found):
    """The pages of a manual, its start page aside."""
    group = []  # ends where a section begins that is above it

    def flush():
        made = list(parts(shared(stem, group))) if group else []
        group.clear()
        return made

    for one in found:
        if not one.blocks:
            continue
        both = group + [one]
        if group and (size([b for s in both for b in s.blocks]) > SHARE_MAX
                      or group[-1].level > one.level
                      or len(shared(stem, both).label) > LABEL_MAX):
            yield from flush()
        group.append(one)
    yield from flush()


# -- pages to files --


class Manual:
    def __init__(self, file, stem, about):
        done = subprocess.run(
            ["mandoc", "-T", "html", "-O", "fragment", "man/" + file],
            stdout=subprocess.PIPE, check=True)
        # Nothing here gives way at a line's end but blanks.
        text = done.stdout.decode("utf-8").replace("\u00a0", " ")
        found = list(sections(Tree(text).root))
        by_title = {s.title: s for s in found}
        name = re.match(r"(.*)\.(\d)$", file)
        self.stem, self.about = stem, about
        self.title = "%s(%s)" % (name[1], name[2])
        self.name = name[1]
        first = ("Name", "Synopsis", "Description")
        self.start = join([b for t in first if t in by_title
                           for b in by_title[t].blocks])
        self.rest = [s for s in found if s.title not in first]
        self.pages = list(pages(stem, self.rest))

    def page_of(self, title):
        """The page on which a section begins."""
        for page in self.pages:
            for part in page.label.split(", "):
                if part.lower() == title.lower():
                    return page
        return None


def nearby(page, manual, manuals):
    """Links to what a page refers to, once each."""
    wanted = {}
    for title in [t for b in page.blocks for t in b.links]:
        there = manual.page_of(title)
        if there is not None:
            wanted[there.name] = "%s: %s" % (manual.name, there.label)
        for other in manuals:
            if other.title == title:
                wanted[other.stem] = "%s: %s" % (title, other.about)
    wanted.pop(page.name, None)
    return wanted


def text_of(title, links, blocks, more):
    lines = ["# " + title, "=> / Front page", *links]
    for block in blocks:
        # A blank line before all but points of a list, and the first line
        # below a heading.
        if block.lines[0] and not lines[-1].startswith("##") and not (
                block.lines[0].startswith("* ") and
                lines[-1].startswith("* ")):
            lines.append("")
        lines += block.lines
    if more:
        lines += ["", "## Read on", *more]
    return "\n".join(lines) + "\n"


def write(folder, manuals):
    def put(name, text):
        (folder / (name + ".gmi")).write_text(text, encoding="utf-8")

    def link(name, label):
        return "=> %s.gmi %s" % (name, label)

    put("index", text_of("Manuals", [], [
        Block(["The server that you are reading this from documents itself. "
               "These are the manuals that are installed with it, a page for "
               "each section."], []),
        Block([link(m.stem, "%s: %s" % (m.title, m.about))
               for m in manuals], [])], []))
    for m in manuals:
        up = ["=> . Manuals"]
        put(m.stem, text_of(
            "%s: %s" % (m.title, m.about), up,
            m.start + [Block(["", "## Sections"], [])] +
            [Block([link(p.name, p.label) for p in m.pages], [])], []))
        for page, after in zip(m.pages, m.pages[1:] + [None]):
            more = nearby(page, m, manuals)
            below = []
            if after is not None:
                more.pop(after.name, None)
                below.append(link(after.name, "Next: " + after.label))
            below += [link(n, label) for n, label in more.items()]
            put(page.name, text_of(
                "%s: %s" % (m.name, page.label),
                up + [link(m.stem, m.title)], page.blocks, below))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: gemtext.py FOLDER")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.gmi"):
        old.unlink()
    write(folder, [Manual(*m) for m in MANUALS])


main()
