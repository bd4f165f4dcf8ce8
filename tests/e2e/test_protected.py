"""What [access] protects stays protected, whatever it is called.

A file is known by its one name below the root: another spelling, a link, a
second line of the map or another capsule that has it in its root publishes
nothing, or is told to the operator.
"""
import contextlib
import os
import threading
import time

import pytest

import server
from client import gemini, gopher, url
from ctl import ctl
from test_access import NEEDED, OPEN, STAFF, ask, own


# -- one file, whatever it is called --


def tree(root):
    """Pages, some below log/, which the tests protect, and ways there."""
    for name, page in {
            "index.gmi": "# Home\n=> other.gmi Other\n",
            "other.gmi": "# Other\n",
            "open/page.gmi": "# Open page\n",
            "log/index.gmi": "# Secret diary\n"
            "=> one.gmi 2026-01-31 Secret entry\n",
            "log/one.gmi": "# Secret page\nwith a secret word\n",
            "log/sub/two.gmi": "# Secret below\n"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(page)


def mapped(selectors, access="/log/* = any\n", more=""):
    return ("[server]\nworkers = 1\nrate = 0\n[gemini]\nlisten = 127.0.0.1:0\n"
            "[gopher]\nlisten = 127.0.0.1:0\n[capsule]\nhostname = %s\n"
            "root = root\n[selectors]\n%s[access]\n%s%s"
            % (OPEN, selectors, access, more))


@pytest.fixture
def guard(tmp_path):
    """guard(TEXT): a daemon that serves the tree, links added by link()."""
    tree(tmp_path / "root")

    def link(name, to):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).symlink_to(to)

    with contextlib.ExitStack() as stack:
        def start(text):
            return stack.enter_context(server.running(tmp_path, text))

        start.link = link
        yield start


def both(one, selector):
    """What a stranger gets at a selector, over Gemini and Gopher."""
    got = gemini(one.gemini, url(selector, OPEN))
    return got, gopher(one.gopher, selector.encode() + b"\r\n")


def expect_closed(one, selector):
    over_gemini, over_gopher = both(one, selector)
    assert (over_gemini.status, over_gemini.meta) == NEEDED, selector
    assert b"Only over Gemini, with a certificate" in over_gopher, selector
    assert b"ecret" not in over_gemini.body + over_gopher


SPELLINGS = ["log/index.gmi", "./log/index.gmi", "log//index.gmi",
             ".//log/./index.gmi", "open/../log/index.gmi",
             "diary/index.gmi", "page.gmi", "whole.gmi", "open/up/index.gmi"]


@pytest.mark.parametrize("root", ["./", "open/..//", ".//"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_feed_is_as_protected_as_its_page_however_that_is_written(
        guard, tmp_path, name, root):
    guard.link("diary", "log")
    guard.link("page.gmi", "log/index.gmi")
    guard.link("whole.gmi", tmp_path / "root" / "log" / "index.gmi")
    guard.link("open/up", "../log")
    one = guard(mapped("/ = %s\n/feed.xml = @atom %s\n" % (root, name)))
    expect_closed(one, "/feed.xml")
    expect_closed(one, "/log/")


def test_a_feed_of_what_is_no_page_is_as_protected_as_its_place(
        guard, tmp_path):
    for name in ("log/.drafts/x.gmi", "log/shadowed.gmi", "free.gmi"):
        guard.link(name, "/nowhere")
        (tmp_path / "root" / name).unlink()
        (tmp_path / "root" / name).write_text(
            "# Secret\n=> / 2026-01-31 Secret entry\n")
    one = guard(mapped("/ = ./\n/log/shadowed.gmi = other.gmi\n"
                       "/a.xml = @atom log/.drafts/x.gmi\n"
                       "/b.xml = @atom log/shadowed.gmi\n"
                       "/c.xml = @atom free.gmi\n"))
    expect_closed(one, "/a.xml")
    expect_closed(one, "/b.xml")
    assert both(one, "/c.xml")[0].status == 20


def test_a_link_in_a_folder_shows_nothing_that_is_protected(guard):
    guard.link("diary", "log")
    guard.link("open/page2.gmi", "../log/one.gmi")
    guard.link("open/same.gmi", "page.gmi")
    one = guard(mapped("/ = ./\n/search = @search\n",
                       more="[listing]\n/ = yes\n"))
    for selector in ("/diary/", "/diary/index.gmi", "/diary/one.gmi",
                     "/diary/sub/", "/diary/sub/two.gmi", "/open/page2.gmi"):
        expect_closed(one, selector)
    for selector, shows, hides in (
            ("/open/", b"same.gmi", b"page2"),
            ("/open/same.gmi", b"Open page", b"Secret")):
        for got in (both(one, selector)[0].body, both(one, selector)[1]):
            assert shows in got and hides not in got
    got = gemini(one.gemini, url("/search?secret", OPEN))
    assert b"No page here has this word" in got.body
    assert b"No page here has this word" in gopher(
        one.gopher, b"/search\tsecret\r\n")


def test_what_is_protected_is_not_even_counted_by_a_search(guard, tmp_path):
    """Neither among "more than" so many, nor as one with all the words."""
    for n in range(600):
        (tmp_path / "root/log" / ("p%d.gmi" % n)).write_text("# P\nowl fox\n")
    (tmp_path / "root/open/zoo.gmi").write_text("# Zoo\nowl\n")
    one = guard(mapped("/ = ./\n/search = @search\n"))
    for words, says in (("owl", b"One page found"),
                        ("owl%20fox", b"One has some"),
                        ("fox", b"No page here")):
        got = gemini(one.gemini, url("/search?" + words, OPEN))
        assert says in got.body and b"ore than" not in got.body


@pytest.mark.parametrize("address", [
    "/log/one.gmi", "log/one.gmi", "/log", "/log/", "/log/sub",
    "/%6cog/one.gmi", "open/../log/one.gmi", "gemini://" + OPEN + "/log/x",
    "//" + OPEN + "/log/x", "gopher://" + OPEN + "/0/log/one.gmi",
    "gophers://" + OPEN + ":7070/0/log/one.gmi", "/diary/one.gmi"])
def test_an_open_feed_tells_of_no_protected_page(guard, tmp_path, address):
    guard.link("diary", "log")
    (tmp_path / "root/news.gmi").write_text(
        "# News\n=> /open/page.gmi 2026-01-01 Open\n"
        "=> %s 2026-02-02 Secret\n" % address)
    one = guard(mapped("/ = ./\n/feed.xml = @atom news.gmi\n"))
    over_gemini, over_gopher = both(one, "/feed.xml")
    assert over_gemini.status == 20 and b"Open" in over_gopher
    assert b"Open" in over_gemini.body
    assert b"Secret" not in over_gemini.body + over_gopher


def warned(folder, text):
    """What is warned of, less the names of folders; -n may find no fault."""
    (folder / "x.ini").write_text(text)
    got = server.run("-n", "-c", "x.ini", cwd=folder)
    assert got.returncode == 0, got.stderr
    done = ctl("-c", "x.ini", "check", cwd=folder)
    return [line.removeprefix("x.ini:").removesuffix(" [warning]")
            for line in done.stdout.splitlines() if "[warning]" in line]


def warned_by_a_look(folder, text):
    """What -n tells of that without reading any page."""
    (folder / "x.ini").write_text(text)
    got = server.run("-n", "-c", "x.ini", cwd=folder)
    assert got.returncode == 0, got.stderr
    # Started by root, it may also want a user of its own for the keys.
    return [line.removeprefix("warning: x.ini:")
            for line in got.stderr.splitlines() if "_user" not in line]


def line_of(text, line):
    return text.split("\n").index(line) + 1


@pytest.mark.parametrize("line, says", [
    ("/diary/ = log/",
     '/diary/: shows "log/index.gmi" (and 2 more files)'),
    ("/diary/ = ./log//",
     '/diary/: shows "log/index.gmi" (and 2 more files)'),
    ("/diary/ = open/../log/sub/", '/diary/two.gmi: shows "log/sub/two.gmi"'),
    ("/one = log/one.gmi", '/one: shows "log/one.gmi"'),
    ("/one = to.gmi", '/one: shows "log/one.gmi"'),
    ("/diary/ = to/", '/diary/: shows "log/index.gmi" (and 2 more files)'),
])
def test_what_is_shown_here_and_protected_there_is_a_warning(
        guard, tmp_path, line, says):
    guard.link("to.gmi", "log/one.gmi")
    guard.link("to", "log")
    text = mapped("/ = ./\n%s\n" % line)
    (got,) = warned(tmp_path, text)
    assert got.startswith("%d: [selectors] %s to everybody, which [access] "
                          "/log/* protects as /log/" % (line_of(text, line),
                                                        says)), got
    if line.startswith("/one"):
        assert warned_by_a_look(tmp_path, text) == [got]
    # The map says so, and so it is.
    one = guard(text)
    assert both(one, line.split()[0])[0].status in (20, 51)
    assert says in one.log()
    done = ctl("-c", "x.ini", "check", "--without", "no-link,same-title",
               cwd=tmp_path)
    assert done.returncode == 1 and says in done.stdout
    assert "[warning]" in done.stdout


def test_one_file_in_one_place_is_no_reason_to_warn(guard, tmp_path):
    guard.link("diary", "log")
    (tmp_path / "root/log/pair.gophermap").write_text("Pair\n")
    (tmp_path / "root/log/pair.gmi").write_text("# Pair\n")
    os.link(tmp_path / "root/log/one.gmi", tmp_path / "root/open/hard.gmi")
    assert warned(tmp_path, mapped(
        "/ = ./\n/feed.xml = @atom log/index.gmi\n",
        more="[listing]\n/ = yes\n")) == []


SECOND = ("[capsule b]\nhostname = %s\nroot = %s\n[selectors b]\n%s")


@pytest.mark.parametrize("root, selectors, says", [
    ("root", "/ = ./\n", 'shows "%s/log/index.gmi" (and 2 more files)'),
    ("root/log", "/ = ./\n", 'shows "%s/log/index.gmi" (and 2 more files)'),
    ("root/open/..", "/x = log/one.gmi\n", 'shows "%s/log/one.gmi"'),
    ("other", "/x = link/log/one.gmi\n", None),
    ("root", "/f.xml = @atom log/index.gmi\n", 'shows "%s/log/index.gmi"'),
    ("root", "/ = open/\n", None),
])
def test_a_capsule_that_shows_what_another_protects_is_a_warning(
        guard, tmp_path, root, selectors, says):
    (tmp_path / "other/link").mkdir(parents=True)
    (tmp_path / "other/link/log").mkdir()
    (tmp_path / "other/link/log/one.gmi").write_text("# Theirs\n")
    text = mapped("/ = ./\n", more=SECOND % (STAFF, root, selectors))
    got = warned(tmp_path, text)
    if says is None:
        assert got == []
        return
    assert len(got) == 1 and "[selectors b] " in got[0], got
    assert says % (tmp_path / "root") in got[0]
    assert "which [access] /log/* protects as /log/" in got[0]
    # The order of the capsules makes no difference.
    text = mapped(selectors, access="", more="[capsule b]\nhostname = %s\n"
                  "root = root\n[selectors b]\n/ = ./\n[access b]\n"
                  "/log/* = any\n" % STAFF).replace(
                      "root = root", "root = " + root, 1)
    (got,) = warned(tmp_path, text)
    assert says % (tmp_path / "root") in got and "[access b]" in got


# -- lines of [access] that protect nothing --


@pytest.mark.parametrize("pattern, near", [
    ("/lgo/*", "/log/"), ("/log/sbu/*", "/log/sub/"), ("/log/noe.gmi",
                                                      "/log/one.gmi"),
    ("/lgo/sub/*", "/log/"), ("/opne*", "/open/"), ("/log", "/log/"),
    ("/zzzzzz/*", None), ("/Log/*", "/log/"), ("/caps.txt", None),
])
def test_a_line_that_no_page_fits_is_a_warning_with_the_nearest_name(
        guard, tmp_path, pattern, near):
    text = mapped("/ = ./\n", "%s = any\n" % pattern)
    want = "%d: [access] %s: protects nothing now: no page fits it%s" % (
        line_of(text, pattern + " = any"), pattern,
        "; nearest: " + near if near else "")
    assert warned(tmp_path, text) == [want]
    # What only reading the folder can tell: that no name begins so.
    assert warned_by_a_look(tmp_path, text) == (
        [] if pattern == "/opne*" else [want])
    done = ctl("-c", "x.ini", "check", "--without", "no-link", cwd=tmp_path)
    assert "x.ini:%s [warning]" % want in done.stdout.splitlines()
    done = ctl("-c", "x.ini", "check", "--without", "no-link,warning",
               cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    one = guard(text)
    assert want in one.log()
    one.steady = False
    before = one.log().count(want)
    one.signal(server.signal.SIGHUP)
    server.wait_for("the warning of the reload",
                    lambda: one.log().count(want) > before)


def test_a_line_that_no_selector_can_reach_is_an_error(tmp_path):
    tree(tmp_path / "root")
    text = mapped("/ = index.gmi\n/log/ = log/\n", "/lgo/* = any\n")
    (tmp_path / "x.ini").write_text(text)
    got = server.run("-n", "-c", "x.ini", cwd=tmp_path)
    assert got.returncode == 1
    assert got.stderr == (
        'x.ini:%d: [access] /lgo/*: "/lgo/*" protects nothing: no selector '
        "fits; nearest: /log/\n" % line_of(text, "/lgo/* = any"))


def test_a_line_for_an_application_needs_no_page(guard, tmp_path):
    assert warned(tmp_path, mapped(
        "/ = ./\n/app/ = @scgi 127.0.0.1:9\n",
        "/app/* = any\n/app/x/* = any\n/app/y = any\n")) == []


# -- with and without the last slash --


def test_without_its_slash_nothing_says_whether_a_folder_is_there(
        guard, tmp_path):
    """Nor over Gopher, nor below an application, which is not even asked."""
    one = guard(mapped(
        "/ = ./\n/app/ = @scgi 127.0.0.1:9\n/in/ = @scgi 127.0.0.1:9\n",
        "/log/* = any\n/ghost/* = any\n/app/* = any\n/in/box/* = any\n",
        "[listing]\n/ = yes\n"))
    own(tmp_path, "ada")
    for there, not_there in (("/log", "/ghost"), ("/log/sub", "/log/none"),
                             ("/log/", "/ghost/"), ("/app", "/ghost"),
                             ("/in/box", "/ghost"), ("/app/x", "/log/none")):
        (a, over_gopher), (b, other) = both(one, there), both(one, not_there)
        assert a.status == b.status in (31, 60), (there, not_there)
        if a.status == 31:
            assert (a.meta, b.meta) == (there + "/", not_there + "/")
        else:
            assert a.meta == b.meta
        assert over_gopher == other
        assert b"Only over Gemini" in other
    # Who may read it learns what is there.
    for selector, want in (("/log/sub", (31, "/log/sub/")),
                           ("/log/none", (51, "Not found")),
                           ("/ghost/", (51, "Not found")),
                           ("/open", (31, "/open/")),
                           ("/none", (51, "Not found"))):
        got = ask(one, selector, "ada", OPEN)
        assert (got.status, got.meta) == want, selector


# -- edits and reloads --

PATTERNS = ("/log/*", "/diary/*", "/alias", "/feed.xml")
# Every name of the protected pages: path, folder with and without a slash, a
# page of two sources, links, a folder mapped twice, a file mapped alone.
NAMES = ("/log/one.gmi", "/log/", "/log", "/log/index.gmi", "/log/pair",
         "/log/sub/two.gmi", "/diary/one.gmi", "/diary/", "/diary",
         "/diary/pair", "/alias", "/open/link.gmi", "/open/folder/one.gmi",
         "/open/folder/", "/open/folder", "/feed.xml")
FOLDERS = ("/log", "/diary", "/open/folder")  # answered as if there were none
MAP = ("/ = ./\n/log/pair = log/pair.gmi\n/diary/ = log/\n"
       "/alias = log/one.gmi\n/feed.xml = @atom log/index.gmi\n"
       "/search = @search\n")


def watched(access):
    return mapped(MAP, "".join("%s = any\n" % one for one in access),
                  "[listing]\n/ = yes\n").replace(
                      "workers = 1\n", "workers = 2\nwatch = auto\n")


class Askers:
    """Threads that ask for all names, in both protocols, all the time.

    closed_since: from when on no answer may hold the word; None: it may.
    """

    def __init__(self, one):
        self.one, self.stop = one, threading.Event()
        self.closed_since, self.open, self.wrong = None, 0, []
        self.threads = [threading.Thread(target=self.ask_all)
                        for _ in range(2)]

    def ask_all(self):
        while not self.stop.is_set():
            for name in (*NAMES, "/search?secret", "/search\tsecret"):
                began = time.monotonic()
                if "\t" in name:
                    got = gopher(self.one.gopher, name.encode() + b"\r\n")
                elif "?" in name:
                    got = gemini(self.one.gemini, url(name, OPEN)).body
                else:
                    over_gemini, got = both(self.one, name)
                    got = over_gemini.body + got
                # A search repeats what was typed, but has titles.
                if b"Secret" in got:
                    self.open += 1
                    if self.closed_since and began > self.closed_since:
                        self.wrong.append((name, got[:200]))

    def __enter__(self):
        for one in self.threads:
            one.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for one in self.threads:
            one.join()


def expect_all_closed(one):
    for name in NAMES:
        if name in FOLDERS:
            assert both(one, name)[0].status in (31, 60)
        else:
            expect_closed(one, name)


def reload_with(one, text):
    """What the operator does; it has returned once all is served so."""
    one.rewrite(text)
    done = ctl("-c", one.path, "reload")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def pairs(tmp_path):
    """The tree with all these names, and a daemon that watches it."""
    root = tmp_path / "root"
    tree(root)
    (root / "log/pair.gmi").write_text("# Secret\n")
    (root / "log/pair.gophermap").write_text("Secret\n")
    (root / "open/link.gmi").symlink_to("../log/one.gmi")
    (root / "open/folder").symlink_to("../log")
    with contextlib.ExitStack() as stack:
        def start(access):
            return stack.enter_context(server.running(
                tmp_path, watched(access), steady=False))
        yield start


def test_what_is_protected_by_a_reload_is_closed_when_it_has_returned(pairs):
    one = pairs(())
    with Askers(one) as askers:
        for _ in range(4):
            reload_with(one, watched(PATTERNS))
            askers.closed_since = time.monotonic()
            expect_all_closed(one)
            askers.closed_since = None
            before = askers.open
            reload_with(one, watched(()))
            server.wait_for("it to be open", lambda: askers.open > before)
    assert not askers.wrong


def replace(path, text):
    new = path.with_name(path.name + "~")
    new.write_text(text)
    os.replace(new, path)


def test_no_edit_opens_what_is_protected(pairs):
    """Neither for a moment nor for good, by whichever name."""
    one = pairs(PATTERNS)
    root = one.root

    def point(name, to):
        new = root / "open" / "new~"
        new.symlink_to(to)
        os.replace(new, root / name)

    edits = (
        lambda i: replace(root / "log/one.gmi", "# Secret %d\n" % i),
        lambda i: replace(root / "log/index.gmi", "# Secret %d\n=> one.gmi "
                          "2026-01-31 Secret entry\n" % i),
        lambda i: replace(root / "log/pair.gophermap", "Secret %d\n" % i),
        lambda i: (root / "log/pair.gophermap").unlink(),
        lambda i: point("open/link.gmi", "page.gmi"),
        lambda i: point("open/link.gmi", "../log/sub/two.gmi"),
        lambda i: (root / "log/index.gmi").unlink(),
        lambda i: point("open/folder", "../log/sub"),
        lambda i: (root / "log/sub").rename(root / "log/moved"),
        lambda i: (root / "log/moved").rename(root / "log/sub"),
        lambda i: point("open/folder", "../log"),
        lambda i: (root / "log/one.gmi").chmod(0),
        lambda i: (root / "log/one.gmi").chmod(0o644),
    )
    with Askers(one) as askers:
        askers.closed_since = time.monotonic()
        for i in range(2):
            for edit in edits:
                edit(i)
                replace(root / "other.gmi", "# Seen %d %d\n"
                        % (i, edits.index(edit)))
                server.wait_for("the edit", lambda: b"# Seen %d %d" % (
                    i, edits.index(edit)) in both(one, "/other.gmi")[0].body)
                if edits.index(edit) == 6:
                    one.rescan()
            reload_with(one, watched(PATTERNS))
            replace(root / "log/index.gmi", "# Secret\n")
    assert not askers.wrong
    server.wait_for("the last", lambda: both(one, "/log/")[0].status == 60)
    expect_all_closed(one)
