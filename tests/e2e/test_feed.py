"""Feeds: what a reader program asks of Atom, and the same over Gopher."""
import datetime
import re
import xml.etree.ElementTree as ElementTree

import pytest

import server
from client import gemini, gopher, links, menu
from ctl import ctl

ATOM = "{http://www.w3.org/2005/Atom}"
PAGE = """# News of <the> "capsule" & more
## All that is new

=> /history 2024-02-29 A leap day
=> history 2026-01-31 - Relative
=> https://www.example.org/?a=1&b=2 2025-07-14 Elsewhere & <b>bold</b>
=> /plain.txt 2026-02-30 No such day
=> /plain.txt Without a date
"""


@pytest.fixture(scope="module")
def fed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fed")
    server.write_capsule(folder / "root")
    (folder / "root" / "news.gmi").write_text(PAGE)
    selectors = {"/news": "news.gmi", "/news.xml": "@atom news.gmi"}
    with server.running(folder, server.conf(selectors=selectors)) as one:
        yield one


def one_text(element, name):
    """The text of the one child of that name; RFC 4287 allows no second."""
    found = element.findall(ATOM + name)
    assert len(found) == 1, (name, found)
    return found[0].text


def check_date(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT12:00:00Z", text)
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def test_the_feed_has_what_rfc_4287_requires(fed):
    got = gemini(fed.gemini, "gemini://capsule.example.org/news.xml")
    assert (got.status, got.meta) == (20, "application/atom+xml")
    feed = ElementTree.fromstring(got.body)
    assert feed.tag == ATOM + "feed"
    home = "gemini://capsule.example.org"
    assert one_text(feed, "id") == home + "/news"
    assert one_text(feed, "title") == 'News of <the> "capsule" & more'
    assert one_text(feed, "subtitle") == "All that is new"
    author = feed.find(ATOM + "author")
    assert one_text(author, "name") == "The example capsule"
    assert one_text(author, "email") == "webmaster@example.org"
    rels = {e.get("rel"): (e.get("href"), e.get("type"))
            for e in feed.findall(ATOM + "link")}
    assert rels == {"self": (home + "/news.xml", "application/atom+xml"),
                    "alternate": (home + "/news", "text/gemini")}
    entries = feed.findall(ATOM + "entry")
    dates = [check_date(one_text(e, "updated")) for e in entries]
    assert dates == sorted(dates, reverse=True)
    assert check_date(one_text(feed, "updated")) == dates[0]
    ids = [one_text(e, "id") for e in entries]
    assert ids == [home + "/history", "https://www.example.org/?a=1&b=2",
                   home + "/history"]
    for e in entries:
        link = e.findall(ATOM + "link")
        assert [(x.get("rel"), x.get("href")) for x in link] == [
            ("alternate", one_text(e, "id"))]
    assert [one_text(e, "title") for e in entries] == [
        "Relative", "Elsewhere & <b>bold</b>", "A leap day"]


def test_gopher_lists_the_entries_with_dates(fed):
    items = links(menu(gopher(fed.gopher, b"/news.xml\r\n")))
    assert [(i.type, i.name.decode(), i.selector) for i in items] == [
        ("1", "2026-01-31 Relative", b"/history"),
        ("h", "2025-07-14 Elsewhere & <b>bold</b>",
         b"URL:https://www.example.org/?a=1&b=2"),
        ("1", "2024-02-29 A leap day", b"/history")]


def test_a_link_to_the_feed_is_a_menu_to_gopher(daemon):
    def prepare(root):
        (root / "news.gmi").write_text(PAGE)
        (root / "index.gmi").write_text("=> /news.xml Feed\n")
    one = daemon(server.conf(selectors={"/news.xml": "@atom news.gmi"}),
                 prepare)
    (item,) = links(menu(gopher(one.gopher, b"\r\n")))
    assert (item.type, item.selector) == ("1", b"/news.xml")


@pytest.mark.parametrize("page,want", [
    (None, 'the file "news.gmi" does not exist'),
    ("# No dates\n=> /x Title\n", "has no link with a date"),
])
def test_the_operator_is_told_of_a_feed_without_entries(tmp_path, page, want):
    server.write_capsule(tmp_path / "root")
    if page is not None:
        (tmp_path / "root" / "news.gmi").write_text(page)
    path = tmp_path / "capsuled.ini"
    path.write_text(server.conf(selectors={"/news.xml": "@atom news.gmi"}))
    assert server.run("-n", "-c", path).returncode == 0
    done = ctl("-c", path, "check")
    assert done.returncode == 1
    line = path.read_text().split("\n").index("/news.xml = @atom news.gmi")
    assert ":%d: /news.xml: " % (line + 1) in done.stdout
    assert want in done.stdout


def test_a_feed_leaves_out_what_its_readers_may_not_read(daemon, tmp_path):
    root = tmp_path / "root"
    server.write_capsule(root)
    page = "# News\n=> /open 2026-01-31 Open\n=> /closed 2026-02-01 Closed\n"
    for name in ("open.gmi", "closed.gmi"):
        (root / name).write_text("# Page\n")
    for name in ("news.gmi", "inside.gmi"):
        (root / name).write_text(page)
    one = daemon(text=server.conf(
        capsule={"root": root},
        selectors={"/open": "open.gmi", "/closed": "closed.gmi",
                   "/news": "news.gmi", "/news.xml": "@atom news.gmi",
                   "/inside": "inside.gmi", "/in.xml": "@atom inside.gmi"},
        access={"/closed": "any", "/inside": "any"}))
    got = gemini(one.gemini, "gemini://capsule.example.org/news.xml")
    assert got.status == 20
    assert b"/open" in got.body and b"losed" not in got.body
    got = gopher(one.gopher, b"/news.xml\r\n")
    assert b"/open" in got and b"losed" not in got
    # The feed of a protected page is as protected.
    got = gemini(one.gemini, "gemini://capsule.example.org/in.xml")
    assert got.status == 60
    assert b"Open" not in gopher(one.gopher, b"/in.xml\r\n")
