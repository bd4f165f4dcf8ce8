"""The demonstration capsule, walked from its front page in both protocols:
nothing it offers is missing, and both kinds of visitors reach the same."""
import re
import urllib.parse

import pytest

from client import gemini, gopher, links, menu


def gemtext_links(text):
    pre = False
    for line in text.splitlines():
        if line.startswith("```"):
            pre = not pre
        elif not pre and (link := re.match(r"=>[ \t]*(\S+)", line)):
            yield link[1]


@pytest.fixture(scope="module")
def by_gemini(demo):
    """Path to reply, for all that links from the front page lead to."""
    found, left = {}, ["/"]
    while left:
        path = left.pop()
        if path in found:
            continue
        got = found[path] = gemini(demo.gemini, "gemini://%s%s" % (
            demo.host, path))
        base = "https://%s%s" % (demo.host, path)
        places = [got.meta] if got.status // 10 == 3 else []
        if got.status == 20 and got.mime == "text/gemini":
            places = gemtext_links(got.body.decode("utf-8"))
        for place in places:
            there = urllib.parse.urlsplit(urllib.parse.urljoin(base, place))
            if (there.scheme, there.hostname) == ("https", demo.host):
                left.append(there.path)
    return found


@pytest.fixture(scope="module")
def by_gopher(demo):
    """Selector to (item type, bytes), for all the root menu leads to."""
    found, left = {}, [("1", b"")]
    while left:
        kind, selector = left.pop()
        if selector in found:
            continue
        data = gopher(demo.gopher, selector + b"\r\n")
        found[selector] = kind, data
        if kind != "1":
            continue
        left += [(i.type, i.selector) for i in links(menu(data))
                 if i.port == demo.gopher and i.type != "h"]
    return found


def test_every_gemini_link_leads_somewhere(by_gemini):
    assert len(by_gemini) > 10
    for path, got in by_gemini.items():
        assert got.status in (10, 20, 30, 31), (path, got)
        assert got.clean, path


def test_every_gopher_item_leads_somewhere(by_gopher):
    assert len(by_gopher) > 10
    for selector, (kind, data) in by_gopher.items():
        assert not data.startswith(b"3"), selector
        assert data != b"", selector


def test_every_item_is_of_the_type_it_promised(by_gopher):
    for selector, (kind, data) in by_gopher.items():
        if kind == "1":
            assert menu(data) != [], selector
        if kind == "0":
            data.decode("utf-8")
            assert b"\n" not in data.replace(b"\r\n", b""), selector
        if kind == "I":
            assert data[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"RIFF")


def test_both_kinds_of_visitors_reach_the_same(by_gemini, by_gopher):
    here = {urllib.parse.unquote(p) for p in by_gemini} - {"/"}
    there = {s.decode() for s in by_gopher} - {"/", ""}
    assert here == there


def test_every_page_is_valid_text_in_the_language_it_names(by_gemini):
    for path, got in by_gemini.items():
        if got.mime == "text/gemini":
            text = got.body.decode("utf-8")
            assert text.strip() and "\r" not in text, path
            assert got.params["lang"] == "en", path


def test_no_menu_is_wider_than_the_columns(by_gopher):
    for selector, (kind, data) in by_gopher.items():
        for item in menu(data) if kind == "1" else []:
            if item.type == "i":
                assert len(item.text) <= 67, (selector, item.text)
