"""The search, asked as clients ask: both protocols, and words of all sorts."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import urllib.parse

import pytest

import crowd
import server
from client import gemini, gopher, links, menu
from terminal import needs

HOST = "gemini://capsule.example.org"
PAGES = {
    "ecole.gmi": "# L'\u00e9cole d'\u00e9t\u00e9\nL\u2019universit\u00e9 "
                 "ouvre en juillet.\n",
    "management.gmi": "# Management\nWhat managers do in public.\n",
    "mention.gmi": "# Gardens\nManagement is mentioned among gardens.\n",
    "notes.txt": "Plain words AND others, in a file of text.\n",
}


def add_pages(root):
    for name, text in PAGES.items():
        (root / name).write_text(text)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searched")
    server.write_capsule(folder / "root")
    add_pages(folder / "root")
    selectors = {"/" + name: name for name in PAGES}
    selectors["/search"] = "@search"
    with server.running(folder, server.conf(selectors=selectors)) as one:
        yield one


def ask_gemini(one, words):
    return gemini(one.gemini, HOST + "/search?" + urllib.parse.quote(words))


def found_gemini(one, words):
    got = ask_gemini(one, words)
    assert (got.status, got.meta) == (20, "text/gemini")
    lines = got.body.decode("utf-8").split("\n")
    targets = [line.split()[1] for line in lines if line.startswith("=> ")]
    assert targets[-2:] == ["/search", "/"]
    return targets[:-2]


def found_gopher(one, words):
    items = links(menu(gopher(one.gopher,
                              b"/search\t" + words.encode() + b"\r\n")))
    assert [i.type for i in items[-2:]] == ["7", "1"]
    return [i.selector.decode() for i in items[:-2]]


@pytest.mark.parametrize("words,want", [
    ("management", ["/management.gmi", "/mention.gmi"]),
    ("manag", ["/management.gmi", "/mention.gmi"]),
    ("UNIVERSITE", ["/ecole.gmi"]),
    ("universit\u00e9", ["/ecole.gmi"]),
    ("l'universit\u00e9", ["/ecole.gmi"]),
    ("plain AND", ["/notes.txt"]),
    ("(\"others\" AND: -file) of*", ["/notes.txt"]),
    ("zzz", []),
])
def test_both_protocols_find_the_same(searched, words, want):
    got = found_gemini(searched, words)
    assert got == found_gopher(searched, words)
    assert got[:len(want)] == want
    assert want or got == []


@pytest.mark.parametrize("query", ["", "?", "?%20", "?%0D%0A"])
def test_gemini_asks_for_words(searched, query):
    got = gemini(searched.gemini, HOST + "/search" + query)
    assert got.status == 10
    assert got.meta == "Words to search for"


@pytest.mark.parametrize("line", [b"/search\r\n", b"/search\t\r\n",
                                  b"search\t \r\n"])
def test_gopher_explains_the_search(searched, line):
    items = menu(gopher(searched.gopher, line))
    assert [(i.type, i.selector) for i in links(items)] == [("7", b"/search")]
    assert any("Type a few words" in i.text for i in items)


def test_nothing_found_is_no_error_and_says_what_to_do(searched):
    text = ask_gemini(searched, "zzz").body.decode()
    assert "No page here has this word." in text
    assert "\n* Other words may find it" in text


@pytest.mark.parametrize("words", [
    "\r\n=> gemini://evil.example/ Evil", "\n# Evil\n```\n", "\t1Evil\t/e\th",
    "\x1b[31mred\x85", "%", "a" * 300, "\u202e evil", "'; DROP TABLE pages"])
def test_words_come_back_as_words(searched, words):
    text = ask_gemini(searched, words).body.decode("utf-8")
    assert text.startswith("# Search: ")
    for line in text.split("\n")[1:]:
        assert "evil" not in line.lower() or line.startswith(">"), line
    for c in "\x1b\t\r\x85":
        assert c not in text
    data = gopher(searched.gopher, b"/search\t" + words.replace(
        "\r", " ").replace("\n", " ").encode() + b"\r\n")
    for item in links(menu(data)):
        assert item.selector in (b"/search", b"/") or \
            item.selector.decode().lstrip("/") in PAGES or \
            item.selector.decode() in server.SELECTORS, item


def test_what_was_looked_for_is_not_logged(searched):
    ask_gemini(searched, "secretword")
    found_gopher(searched, "secretword")
    gopher(searched.gopher, b"/search?secretword\r\n")
    lines = server.wait_for("the log", lambda: [
        a for a in searched.accesses() if a["selector"] == '"/search"'])
    assert len(lines) >= 2
    assert "secretword" not in searched.log()


def test_a_link_to_the_search_is_an_item_of_type_7(daemon):
    def prepare(root):
        (root / "index.gmi").write_text("=> /search Find\n"
                                        "=> /search?history Found\n")
    one = daemon(server.conf(selectors={"/search": "@search"}), prepare)
    items = links(menu(gopher(one.gopher, b"\r\n")))
    assert [(i.type, i.selector) for i in items] == [
        ("7", b"/search"), ("1", b"/search?history")]
    got = links(menu(gopher(one.gopher, items[1].selector + b"\r\n")))
    assert b"/history" in [i.selector for i in got]


@pytest.mark.skipif(crowd.SANITIZED, reason="a sanitizer keeps freed memory")
def test_a_reload_finds_what_is_new_and_gives_memory_back(daemon):
    def prepare(root):
        (root / "many").mkdir()
        for i in range(300):
            (root / "many" / ("%d.gmi" % i)).write_text(
                "# Page %d\n%s\n" % (i, " ".join(
                    "word%d" % (i * 7 + k) for k in range(300))))

    one = daemon(server.conf(selectors={"/search": "@search",
                                        "/many/": "many/"}),
                 prepare, steady=False)
    assert found_gemini(one, "freshly") == []
    sizes = []
    for i in range(6):
        (one.root / "history.gmi").write_text("# History\nfreshly%d\n" % i)
        one.signal(signal.SIGHUP)
        server.wait_for("the reload", lambda: found_gemini(
            one, "freshly%d" % i) == ["/history"])
        status = (pathlib.Path("/proc/%d/status" % one.pid)
                  .read_text())
        # Its own: code comes and goes as it runs.
        sizes.append(int(status.split("RssAnon:")[1].split()[0]))
    assert sizes[-1] < sizes[1] * 1.1, sizes


def test_curl_searches(searched):
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    got = subprocess.run(
        ["curl", "-s", "gopher://127.0.0.1:%d/7/search%%09manag"
         % searched.gopher], capture_output=True, timeout=20)
    assert b"1Management\t/management.gmi\t" in got.stdout


def test_lynx_searches(searched, tmp_path):
    needs("lynx")
    got = subprocess.run(
        ["lynx", "-dump", "-nolist", "gopher://127.0.0.1:%d/7/search?manag"
         % searched.gopher], capture_output=True, text=True, timeout=20,
        env=dict(os.environ, HOME=str(tmp_path)))
    assert "Management" in got.stdout and "Gardens" in got.stdout


# -- what only some may read --


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Three pages with one word; /secret.gmi and all in /club/ are closed."""
    folder = tmp_path_factory.mktemp("guarded")
    server.write_capsule(folder / "root")
    (folder / "root" / "club").mkdir()
    for name in ("open.gmi", "secret.gmi", "club/in.gmi"):
        (folder / "root" / name).write_text("# Zebras\nA zebra of %s.\n" % name)
    (folder / "root" / "closed.gmi").write_text("# Okapis\nAn okapi.\n")
    selectors = {"/open.gmi": "open.gmi", "/secret.gmi": "secret.gmi",
                 "/club/": "club/", "/closed/a": "closed.gmi",
                 "/twice": "closed.gmi", "/search": "@search",
                 "/club/search": "@search"}
    text = server.conf(selectors=selectors, access={
        "/secret.gmi": "any", "/club/*": "any", "/closed/*": "any"})
    with server.running(folder, text) as one:
        yield one


@pytest.mark.parametrize("found", [found_gemini, found_gopher])
def test_a_protected_page_is_not_found(guarded, found):
    assert found(guarded, "zebra") == ["/open.gmi"]
    assert found(guarded, "secret") == []


def test_a_protected_page_is_not_counted(guarded):
    one = ask_gemini(guarded, "zebra").body
    assert b"secret" not in one and b"club/in" not in one
    got = gopher(guarded.gopher, b"/search\tzebra\r\n")
    assert b"secret" not in got and b"club/in" not in got
    for text in (one, got):
        assert re.findall(rb"([0-9]+|[Oo]ne) pages?", text) in (
            [b"1"], [b"One"], [b"one"]), text


def test_a_file_is_found_at_its_open_place(guarded):
    assert found_gemini(guarded, "okapi") == ["/twice"]


def test_a_protected_search_takes_no_words(guarded):
    got = gemini(guarded.gemini, HOST + "/club/search?zebra")
    assert got.status == 60
    for request in (b"/club/search\tzebra", b"/club/search?zebra",
                    b"/club/search\tzebra\t+"):
        got = gopher(guarded.gopher, request + b"\r\n")
        assert b"zebra of" not in got and b"open.gmi" not in got
