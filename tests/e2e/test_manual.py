"""The manuals as pages of the capsule: all of them, and light ones."""
import collections
import os
import re
import shutil
import subprocess

import pytest

import server
from client import gemini, gopher, links, menu
from terminal import needs

MANUALS = {"capsuled.8": "capsuled", "capsuled.ini.5": "ini",
           "capsulectl.1": "ctl"}
PAGES = server.ROOT / "capsule" / "manual"
PAGE_MAX = 4095  # bytes, as tests/lint/capsule.sh has it


def words(text):
    """A term of a list within a list has a colon behind it on a page."""
    return collections.Counter(w.rstrip(":") for w in text.casefold().split())


def pages(folder, stem):
    return sorted(p for p in folder.glob("*.gmi")
                  if p.stem == stem or p.stem.startswith(stem + "-"))


@pytest.mark.parametrize("name", MANUALS)
def test_no_word_of_a_manual_is_lost(name):
    needs("mandoc")
    shown = subprocess.run(
        ["mandoc", "-T", "utf8", "-O", "width=1000",
         server.ROOT / "man" / name], capture_output=True, text=True,
        check=True, timeout=60).stdout
    # Bold letters are struck twice; the first and last lines are the frame,
    # and the titles of a page of its own are that page's.
    lines = re.sub(".\b", "", shown).strip().split("\n")[1:-1]
    found = pages(PAGES, MANUALS[name])
    assert found
    lost = words("\n".join(lines)) - words(
        "\n".join(p.read_text() for p in found))
    assert not lost - words("name synopsis description \u2013"), lost


def test_no_page_is_heavy():
    for page in PAGES.glob("*.gmi"):
        assert page.stat().st_size <= PAGE_MAX, page


def convert(folder, tree, awk=("awk",)):
    """What make does, in a folder of its own."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [*awk, "-f", server.ROOT / "man" / "gemtext.awk",
         "folder=%s" % folder, *("man/" + name for name in MANUALS)],
        cwd=tree, env={**os.environ, "LC_ALL": "C"}, capture_output=True,
        text=True, timeout=60)


@pytest.fixture
def made(tmp_path):
    """Pages of another manual, beside the two that are there."""
    def make(body):
        (tmp_path / "man").mkdir(exist_ok=True)
        for name in MANUALS:
            (tmp_path / "man" / name).write_text(
                (server.ROOT / "man" / name).read_text())
        (tmp_path / "man" / "capsuled.8").write_text(
            ".Dd January 1, 2026\n.Dt CAPSULED 8\n.Os\n.Sh NAME\n"
            ".Nm capsuled\n.Nd a server\n.Sh DESCRIPTION\nIt serves.\n" +
            body)
        return convert(tmp_path / "out", tmp_path), tmp_path / "out"
    yield make


@pytest.mark.parametrize("awk", ["mawk", "gawk --posix", "original-awk",
                                 "busybox awk"])
def test_every_awk_makes_the_same_pages(tmp_path, awk):
    if shutil.which(awk.split()[0]) is None:
        pytest.skip(awk.split()[0] + " is not installed")
    done = convert(tmp_path / "out", server.ROOT, awk.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert {p.name: p.read_text() for p in (tmp_path / "out").iterdir()} == {
        p.name: p.read_text() for p in PAGES.iterdir()}


def test_a_section_that_is_too_long_goes_on_on_another_page(made):
    text = "".join(".It Cm key%d\n%s\n" % (i, "A sentence of it. " * 20)
                   for i in range(30))
    done, out = made(".Sh KEYS\n.Bl -tag -width Ds\n%s.El\n" % text)
    assert done.returncode == 0, done.stderr
    found = [out / ("capsuled-keys%s.gmi" % n) for n in ("", "-2", "-3")]
    for page in found:
        assert page.stat().st_size <= PAGE_MAX
    whole = "".join(p.read_text() for p in pages(out, "capsuled"))
    for i in range(30):
        assert whole.count("## key%d\nA sentence" % i) == 1, i
    assert "=> capsuled-keys-2.gmi Next: Keys, part 2" in (
        found[0].read_text())


def test_a_line_too_wide_for_gopher_goes_on_in_the_next(made):
    line = "capsuled.ini:12: " + "word " * 20
    done, out = made(".Sh EXAMPLES\n.Dl %s\n" % line)
    assert done.returncode == 0, done.stderr
    text = (out / "capsuled-examples.gmi").read_text()
    block = re.search(r"(?ms)^```.*?\n(.*?)^```$", text)[1].splitlines()
    assert len(block) == 2 and max(map(len, block)) <= 67
    assert " ".join(" ".join(block).split()) == line.strip()


def test_a_paragraph_that_gemtext_would_misread_is_refused(made):
    done, _ = made(".Sh EXAMPLES\n# not a heading\n")
    assert done.returncode == 1 and "# not a heading" in done.stderr


@pytest.mark.parametrize("line", [".Xx word", ".Bl -bullet", ".Bd -ragged",
                                  "a \\(em b"])
def test_what_it_cannot_show_is_refused_with_file_and_line(made, line):
    done, _ = made(".Sh EXAMPLES\nText.\n%s\n" % line)
    assert done.returncode == 1
    assert done.stderr.startswith("man/capsuled.8:11: "), done.stderr


def test_the_manuals_are_read_over_both_protocols(demo):
    got = gemini(demo.gemini, "gemini://localhost/manual/")
    assert "capsuled.ini(5)" in got.body.decode()
    for item in links(menu(gopher(demo.gopher, b"/manual/\r\n"))):
        assert not gopher(demo.gopher, item.selector + b"\r\n").startswith(
            b"3"), item
    found = gemini(demo.gemini,
                   "gemini://localhost/search?max_connections_per_address")
    assert "/manual/ini-server" in found.body.decode()
