"""What was found, for a terminal, for Markdown, and as a picture.

A report is a list of blocks in the order in which they were found: each is
shown at once in the terminal, and kept for doc/performance.md.
"""
import datetime
import html
import json
import math
import os
import platform
import re
import ssl
import sys
import textwrap

import rig

COLUMNS = 79
BAR = 34  # columns of the longest bar
OFF_THE_CHART = 12  # times the shortest bar: longer ones are cut, and say so
KEPT = "What the figures mean"  # heading of what people wrote
RUNS_KEPT, RUNS_SHOWN = 20, 2
BEFORE = ("the run before", "and before that")
EIGHTHS = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"

# -- numbers for people --


def number(value, digits=3):
    """At least so many significant digits, thousands kept apart."""
    if value is None or math.isnan(value):
        return "-"
    if value == int(value):
        return format(int(value), ",")
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return "{:,.{}f}".format(value, max(0, min(places, 3)))


def times(value):
    return "-" if value is None or math.isnan(value) else "%.2f x" % value


def size(value):
    """Bytes in the unit that reads best."""
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if abs(value) >= scale:
            return "%s %s" % (number(value / scale), unit)
    return "%d B" % value


def scale(rows):
    """The value that the longest bar stands for."""
    least = min(value for _, value, _ in rows)
    return max(value for _, value, _ in rows
               if value <= OFF_THE_CHART * least)


def bar(part):
    """A bar of text; part is of the longest."""
    if part > 1:
        return "\u2588" * (BAR - 3) + " \u25b8\u25b8"
    eighths = round(max(0.0, min(part, 1.0)) * BAR * 8)
    text = "\u2588" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
    return text or EIGHTHS[1]


# -- the machine --


def processor():
    match = re.search(r"^model name\s*:\s*(.*)$", rig.read("/proc/cpuinfo"),
                      re.M)
    return " ".join(match[1].split()) if match else platform.machine()


def machine():
    """What a reader must know to compare."""
    system = rig.read("/etc/os-release")
    match = re.search(r'^PRETTY_NAME="?([^"\n]*)', system, re.M)
    return [
        ("date", datetime.datetime.now(datetime.timezone.utc)
         .strftime("%Y-%m-%d %H:%M UTC")),
        ("processor", "%d x %s" % (os.cpu_count(), processor())),
        ("memory", size(os.sysconf("SC_PHYS_PAGES")
                        * os.sysconf("SC_PAGE_SIZE"))),
        ("system", "%s, %s %s" % (match[1] if match else "?",
                                  platform.system(), platform.release())),
        ("TLS", ssl.OPENSSL_VERSION),
        ("busy before", "load average %.2f" % os.getloadavg()[0]),
    ]


# -- blocks --


class Goal:
    """Something promised: value against limit, below or above."""

    def __init__(self, text, value, sign, limit, show):
        self.text, self.sign = text, sign
        self.name = text.partition(" (")[0]  # the same in every run
        self.figure, self.limit = show(value), show(limit)
        self.met = value <= limit if sign == "<=" else \
            value >= limit if sign == ">=" else value < limit

    def row(self):
        return (self.text, self.figure, "%s %s" % (self.sign, self.limit),
                "met" if self.met else "MISSED")


def plain(rows, align):
    """Rows as columns of text."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) if how == "l" else cell.rjust(width)
                      for cell, width, how in zip(row, widths, align)).rstrip()
            for row in rows]


def markdown(rows, align):
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|" + "|".join("---" if how == "l" else "---:"
                         for how in align) + "|"
    for row in rows[1:]:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"


class Report:
    """quick: said in the document; out: where it is shown as it grows."""

    def __init__(self, quick, out=sys.stdout):
        self.quick, self.out = quick, out
        self.blocks, self.goals, self.charts = [], [], []
        self.is_terminal = out.isatty()

    def show(self, *lines):
        for line in lines:
            print(line, file=self.out)
        self.out.flush()

    def busy(self, what):
        """A line that the next one overwrites."""
        if self.is_terminal:
            print("\r\033[K  ... " + what, end="", file=self.out, flush=True)

    def done(self):
        if self.is_terminal:
            print("\r\033[K", end="", file=self.out, flush=True)

    def heading(self, text):
        self.done()
        self.blocks.append(["", "## " + text, ""])
        self.show("", "\u2501" * 3 + " " + text + " "
                  + "\u2501" * (COLUMNS - 5 - len(text)), "")

    def text(self, *sentences):
        self.done()
        text = " ".join(sentences)
        self.blocks.append([text, ""])
        self.show(*textwrap.wrap(text, COLUMNS), "")

    def machine(self):
        """For the terminal; the document has it at its top anyway."""
        self.show(*plain(machine(), "ll"), "")

    def table(self, head, rows, align=None):
        """head and rows of cells; align: a letter l or r a column."""
        self.done()
        align = align or "l" + "r" * (len(head) - 1)
        lines = plain([head, *rows], align)
        self.show(lines[0], "\u2500" * max(map(len, lines)), *lines[1:], "")
        self.blocks.append([*markdown([head, *rows], align), ""])

    def verbatim(self, lines):
        """Output of another program, as it is."""
        self.done()
        self.show(*lines, "")
        self.blocks.append(["    " + line for line in lines] + [""])

    def chart(self, title, unit, rows):
        """Bars; rows of (name, value, True if it is ours), unit said once."""
        rows = [row for row in rows if row is not None]
        longest = scale(rows)
        width = max(len(name) for name, _, _ in rows)
        self.done()
        self.show("%s (%s)" % (title, unit))
        for name, value, _ in rows:
            self.show("  %s %s %s" % (name.ljust(width), bar(value / longest),
                                      number(value)))
        self.show("")
        self.charts.append((title, unit, rows))

    def goal(self, text, value, sign, limit, show=number):
        goal = Goal(text, value, sign, limit, show)
        self.goals.append(goal)

    def show_goals(self):
        """All goals in one table, and how many were met."""
        if not self.goals:
            return
        self.heading("Goals")
        self.table(("goal", "figure", "wanted", ""),
                   [goal.row() for goal in self.goals], "lrrl")
        met = sum(goal.met for goal in self.goals)
        self.text("%d of %d goals met." % (met, len(self.goals)))

    # -- files --

    def remember(self, path):
        """Add this run's figures to those of the runs before it in a file;
        the figures of those, newest first: [{goal: figure}]."""
        if not self.goals:
            return []
        lines = path.read_text().splitlines() if path.exists() else []
        runs = [json.loads(line) for line in lines][-RUNS_KEPT:]
        now = {goal.name: goal.figure for goal in self.goals}
        # Others measured something else, or less exactly.
        before = [run["goals"] for run in reversed(runs)
                  if run["quick"] == self.quick and list(run["goals"])
                  == list(now)][:RUNS_SHOWN]
        runs.append({"quick": self.quick, "goals": now})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(run) + "\n" for run in runs))
        return before

    def goals_beside(self, before):
        """The table of goals, with what earlier runs brought."""
        head = ("goal", "figure", *BEFORE[:len(before)], "wanted", "")
        rows = []
        for goal in self.goals:
            text, figure, wanted, met = goal.row()
            rows.append((text, figure, *(run[goal.name] for run in before),
                         wanted, met))
        return [*markdown([head, *rows], "lr" + "r" * len(before) + "rl"), ""]

    def write_markdown(self, path, picture, before=()):
        """What was found, with earlier runs' figures; what stands behind
        KEPT in the document stays."""
        _, mark, kept = (path.read_text() if path.exists() else "").partition(
            "\n## %s\n" % KEPT)
        head = ["# Performance", "",
                "Written by `make bench BENCH=%s`; measured, not promised."
                % ('"quick write"' if self.quick else '"all write"'),
                *["What the figures mean, and why some goals are missed, "
                  "stands [at the end](#%s)." % KEPT.lower().replace(" ", "-")
                  for _ in mark[:1]], "",
                *markdown([("this machine", ""), *machine()], "ll"), "",
                "![Bars of the figures below](%s)" % picture, ""]
        goals = self.blocks[-3:] if self.goals else []
        rest = self.blocks[:-3] if self.goals else self.blocks
        if before:
            goals[1] = self.goals_beside(before)
        lines = head + [line for block in [*goals, *rest] for line in block]
        text = "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + mark + kept)

    def write_picture(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(picture(self.charts))


# -- the picture --

WIDTH, ROW, NAME, LEFT = 760, 22, 250, 16  # pixels
OURS, OTHERS = "#2a6f97", "#b8c4cc"


def svg_text(x, y, text, extra=""):
    return '<text x="%d" y="%d" %s>%s</text>' % (x, y, extra,
                                                 html.escape(text))


def svg_chart(title, unit, rows, y):
    """Lines of SVG, and how high they are."""
    longest = scale(rows)
    room = WIDTH - NAME - LEFT - 90
    lines = [svg_text(LEFT, y + 16, title, 'font-weight="bold"'),
             svg_text(WIDTH - LEFT, y + 16, unit,
                      'text-anchor="end" fill="#667"')]
    y += 26
    for name, value, ours in rows:
        width = max(1, round(room * min(value / longest, 1)))
        lines += [
            svg_text(NAME, y + 15, name, 'text-anchor="end"'),
            '<rect x="%d" y="%d" width="%d" height="%d" rx="2" fill="%s"/>'
            % (NAME + 10, y + 3, width, ROW - 6, OURS if ours else OTHERS),
            svg_text(NAME + 16 + width, y + 15, number(value)
                     + " \u25b8\u25b8" * (value > longest))]
        y += ROW
    return lines, y + 18


def picture(charts):
    """All charts below each other, as one SVG."""
    lines, y = [], 10
    for title, unit, rows in charts:
        more, y = svg_chart(title, unit, rows, y)
        lines += more
    return "\n".join([
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
        'font-family="sans-serif" font-size="13">' % (WIDTH, y),
        '<rect width="100%" height="100%" fill="white"/>', *lines,
        "</svg>"]) + "\n"
