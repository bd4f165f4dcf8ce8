"""What documents show: their blocks of code, and the tables they have."""
import re

import server


def read(name):
    return (server.ROOT / name).read_text(encoding="utf-8")


def blocks(name, kind, under=None):
    """The fenced blocks of that kind; those under one heading, if given."""
    text = read(name)
    if under is not None:
        found = re.search(r"(?ms)^## %s\n(.*?)(?=^## |\Z)" % re.escape(under),
                          text)
        assert found, "%s: no heading %r" % (name, under)
        text = found[1]
    return re.findall(r"(?ms)^```%s\n(.*?)^```$" % kind, text)


def commands(name, under):
    """The lines of the shell that stand under a heading."""
    return [line for block in blocks(name, "sh", under)
            for line in block.splitlines()]


def rows(name, under):
    """The rows of the tables under a heading, as lists of cells."""
    text = read(name).split("\n## %s\n" % under)[1].split("\n## ")[0]
    found = [line.strip("|").split("|") for line in text.splitlines()
             if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in found][1:]


def sections(text):
    """INI as a dict of dicts, in order."""
    found, here = {}, None
    for line in text.splitlines():
        if header := re.match(r"\[(.*)\]$", line):
            here = found[header[1]] = {}
        elif " = " in line:
            key, value = line.split(" = ", 1)
            here[key] = value
    return found
