"""What people do with a Gopher client, done with curl, lynx, the client of the
University of Minnesota, sacc, VF-1, Bombadillo and Elpher: what they see is
what was meant.

When a test fails, the screens that led there are in its output.
"""
import re

import pytest

import rich as everything
from client import gopher, links, menu
from programs import (Bombadillo, Sacc, Umn, curl, elpher, latin1, lynx,
                      told, vf1, words)
from rich import PUNYCODE
from server import BIG_SIZE, PNG, BINARY_BYTES
from terminal import Terminal, needs

TOP = "The rich capsule"
FOUND = "1996 was the first year of marmalade"
LONG = ("A link whose text is so long that no line of 67 columns can hold it, "
        "which ends in zebra")


def hole(rich, path="", port="utf-8", scheme="gopher", host="127.0.0.1"):
    return "%s://%s:%d/%s" % (scheme, host, rich.gophers[port], path)


# -- curl --


def test_curl_searches_and_follows_a_result(rich):
    found = told("found", curl(hole(rich, "7/search%09marmalade")))
    item = next(i for i in links(menu(found.encode())) if i.type == "1")
    assert item.text == "History"
    assert FOUND in curl(hole(rich, "1" + item.selector.decode())).decode()


@pytest.mark.parametrize("scheme", ["gopher", "gophers"])
def test_curl_downloads_the_very_bytes(rich, home, scheme):
    curl("-k", "-o", home / "big", hole(rich, "9/big.bin", scheme=scheme))
    want = (rich.root / "big.bin").read_bytes()
    assert len(want) == BIG_SIZE and (home / "big").read_bytes() == want
    curl("-k", "-o", home / "small", hole(rich, "9/data.bin", scheme=scheme))
    assert (home / "small").read_bytes() == BINARY_BYTES
    curl("-k", "-o", home / "pixel", hole(rich, "I/pixel.png", scheme=scheme))
    assert (home / "pixel").read_bytes() == PNG


def test_curl_finds_the_capsule_of_a_name_in_other_letters_by_tls(rich):
    """Gopher says no host, but SNI does."""
    port = rich.gophers["utf-8"]
    got = curl("-k", "--resolve", "%s:%d:127.0.0.1" % (PUNYCODE, port),
               "gophers://%s:%d/" % (PUNYCODE, port))
    assert b"Capsule IDN" in got


def test_curl_asks_for_the_capabilities(rich):
    caps = told("caps.txt", curl(hole(rich, "0caps.txt")))
    assert caps.startswith("CAPS\r\n")
    assert "ServerTLSPort=%d\r\n" % rich.gophers["utf-8"] in caps


def test_curl_is_told_over_http_that_this_is_gopher(rich):
    got = told("http", curl("-i", "http://127.0.0.1:%d/"
                            % rich.gophers["utf-8"]))
    assert got.startswith("HTTP/1.0 200 ")
    assert "This port speaks Gopher" in got and "gopher://" in got


def test_curl_gets_a_page_that_leads_to_the_web(rich, web):
    got = told("URL:", curl(hole(rich, "hURL:" + web)))
    assert '<a href="%s">' % web in got
    assert 'http-equiv="refresh" content="2;url=%s"' % web in got


def test_curl_is_refused_what_only_members_read(rich):
    for scheme in ("gopher", "gophers"):
        got = curl("-k", hole(rich, "1/members/", scheme=scheme))
        assert got.startswith(b"3") and b"Welcome" not in got, got


# -- lynx --


def test_lynx_shows_a_menu_a_text_and_what_was_found(rich):
    top = lynx(hole(rich))
    assert TOP in top and "caf\u00e9 and c\u0153ur and \u20ac" in top
    assert "(DIR) The history" in top and "(FILE) A text to read" in top
    text = lynx(hole(rich, "0/plain.txt"))
    assert "first line" in text and ".. two dots" in text
    assert "last line" in text
    found = lynx(hole(rich, "7/search?marmalade"))
    assert "One page found" in found and "(DIR) History" in found


def test_lynx_shows_where_a_page_went_and_that_it_is_gone(rich):
    for path in ("1/old", "1/soon"):
        assert "(DIR)" in lynx(hole(rich, path))
    assert "(UNKN) Gone" in lynx(hole(rich, "1/gone"))
    assert "(UNKN) Not found" in lynx(hole(rich, "1/missing"))


def test_lynx_follows_a_link_out_to_the_web(rich, home, web):
    needs("lynx", "tmux")
    with Terminal(home, "lynx", "-cfg=/dev/null", hole(rich)) as t:
        t.wait(TOP)
        t.type("/")
        t.wait("search")
        t.type("On the web")
        t.keys("Enter")
        t.wait(TOP)
        t.keys("Right")
        # The page of ours between goes on after two seconds, with a key, or,
        # in lynx 2.9, at once.
        ours = "This link leads out of Gopher, to " + web
        there = "You have reached the web."
        if t.wait_for_one(ours, there) == ours:
            t.keys("Right")
        t.wait(there)


def test_lynx_shows_a_gophermap_as_it_was_meant(rich):
    hall = lynx(hole(rich, "1/hall"))
    assert "The hall" in hall and "Welcome to the hall" in hall
    assert "a comment" not in hall
    assert "(DIR) To the history" in hall and "(HTML) To the web" in hall
    assert "=> /history is no link here" in hall


def test_lynx_shows_the_feed_as_a_list_with_dates(rich):
    feed = lynx(hole(rich, "1/news.xml"))
    dates = re.findall(r"\(\w+\) (\d{4}-\d\d-\d\d) (.*)", feed)
    assert dates == [("2026-01-31", "A winter day"),
                     ("2024-02-29", "A leap day")]


def test_lynx_on_terminals_that_know_less_than_utf8(rich):
    old = lynx(hole(rich, port="latin1"), "iso-8859-1")
    assert "caf\u00e9 and coeur and EUR" in old
    text = lynx(hole(rich, "0/plain.txt", "latin1"), "iso-8859-1")
    assert "caf\u00e9 and coeur" in text
    ascii_only = lynx(hole(rich, port="ascii"), "us-ascii")
    assert "cafe and coeur and EUR" in ascii_only


# -- the client of the University of Minnesota --


def test_the_umn_client_walks_through_everything(rich, home):
    with Umn(home, "127.0.0.1", rich.gophers["utf-8"], lines=40) as t:
        t.first("Page: 1/1", TOP)
        t.open("The history", FOUND)
        t.keys("u")
        t.wait(TOP)
        t.open("A text to read", "first line", "last line")
        t.keys("q")
        t.wait(TOP, "-->")
        t.open("Look for words", "Words to search for")
        t.type("marmalade")
        t.keys("Enter")
        t.wait("One page found")
        t.open("History", FOUND)


def test_the_umn_client_is_told_of_an_item_by_gopher_plus(rich, home):
    with Umn(home, "127.0.0.1", rich.gophers["utf-8"], lines=40) as t:
        t.first("Page: 1/1", TOP)
        t.keys("=")
        t.wait("Port=%d" % rich.gophers["utf-8"], "Path=")


def test_the_umn_client_on_a_latin1_terminal(rich, home):
    """ASCII is what it shows everywhere, Latin-1 where the locale says so."""
    needs("gopher", "tmux", "localedef")
    done = everything.make_latin1_locale(home)
    if not done:
        pytest.skip("there are no sources of locales here")
    with Terminal(home, *latin1("gopher", "-T", "1", "-p", "/", "127.0.0.1",
                                rich.gophers["latin1"]),
                  **done) as t:
        Umn.first(t, "caf\u00e9 and coeur and EUR")
    with Umn(home, "-T", "1", "-p", "/", "127.0.0.1",
             rich.gophers["ascii"]) as t:
        t.first("cafe and coeur and EUR")


# -- sacc --


def test_sacc_walks_through_everything(rich, home):
    with Sacc(home, hole(rich)) as t:
        t.wait(TOP, "Dir+ The history", "Txt+ A text to read", "zebra")
        t.open("The history", FOUND)
        t.keys("h")
        t.wait(TOP)
        t.open("A text to read", "first line", "last line")
        t.keys("q")
        t.wait(TOP, "Dir+")
        t.open("Look for words", "search string")
        t.type("marmalade")
        t.keys("Enter")
        t.wait("One page found")
        t.open("History", FOUND)


def test_sacc_trusts_the_certificate_it_was_given(rich, home):
    with Sacc(home, hole(rich, scheme="gophers", host="localhost"),
              SSL_CERT_FILE=rich.folder / "capsule.crt") as t:
        t.wait(TOP)


# -- VF-1 --


def test_vf1_walks_through_everything(rich, home):
    shown = vf1(home, "go " + hole(rich), "1", "back", "2", "back", "3",
                "marmalade", "1")
    assert "[1] The history/" in shown and "[2] A text to read" in shown
    assert "first line" in shown and "last line" in shown
    assert "One page found" in shown
    assert shown.count(FOUND) >= 2
    gone = vf1(home, "go " + hole(rich, "1/gone"))
    assert "Error message from server" in gone


def test_vf1_saves_the_very_bytes(rich, home):
    vf1(home, "handler application/octet-stream true %s",
        "go " + hole(rich, "9/big.bin"), "save big")
    want = (rich.root / "big.bin").read_bytes()
    assert (home / "big").read_bytes() == want


# -- Bombadillo --


def test_bombadillo_walks_through_everything(rich, home):
    with Bombadillo(home, hole(rich)) as t:
        t.wait(TOP)
        t.open("The history", FOUND)
        t.go(hole(rich, "0/plain.txt"), "first line", "last line")
        t.go(hole(rich), TOP)
        t.open("Look for words", "?")
        t.type("marmalade")
        t.keys("Enter")
        t.wait("One page found")
        t.open("History", FOUND)
        t.go(hole(rich, "1/missing"), "ot found")
        t.go(hole(rich, port="b"), "Capsule B", "Home of B")


# -- Elpher --


def test_elpher_walks_through_everything(rich, home):
    pages = elpher(
        home, "go", hole(rich), "follow", "The history", "follow", "Home",
        "follow", "A text to read", "go", hole(rich), "answer", "marmalade",
        "follow", "Look for words", "follow", "History",
        "go", hole(rich, "1/hall"), "go", hole(rich, "1/old"),
        "go", hole(rich, port="b"))
    top, history, again, text, _, found, result, hall, old, b = pages
    assert TOP in top and "[/] The history" in top and TOP in again
    assert FOUND in history and FOUND in result
    assert "first line" in text and "last line" in text
    assert "One page found" in found
    assert "Welcome to the hall" in hall and "a comment" not in hall
    assert "[/]" in old
    assert "Capsule B" in b


# -- what all of them show alike --


def umn_page(rich, home):
    with Umn(home, "-T", "1", "-p", "/", "127.0.0.1", rich.gophers["ascii"],
             columns=80, lines=40) as t:
        return t.first("Words before", "zebra")


def sacc_page(rich, home):
    with Sacc(home, hole(rich, port="ascii"), columns=80, lines=40) as t:
        return t.wait("Words before", "zebra")


def bombadillo_page(rich, home):
    with Bombadillo(home, hole(rich, port="ascii"), columns=80,
                    lines=40) as t:
        return t.wait("Words before", "zebra")


PAGES = {
    "umn": umn_page, "sacc": sacc_page, "bombadillo": bombadillo_page,
    "lynx": lambda rich, home: lynx(hole(rich, port="ascii")),
    "vf1": lambda rich, home: vf1(home, "go " + hole(rich, port="ascii")),
    "elpher": lambda rich, home: elpher(home, "go",
                                        hole(rich, port="ascii"))[0],
}


@pytest.mark.parametrize("client", PAGES)
def test_info_lines_without_selector_and_host_are_plain_text(rich, home,
                                                             client):
    """The shortest form of them: nothing of it shows, and none is a link."""
    raw = gopher(rich.gophers["ascii"], b"\r\n")
    assert b"iWords before all links, cafe and coeur and EUR among them." \
        b"\t\t\t0\r\n" in raw
    shown = PAGES[client](rich, home)
    line = next(t for t in shown.split("\n") if "Words before" in t)
    assert re.fullmatch(r"[ |]*Words before all links, cafe and coeur and EUR "
                        r"among them\.", line), line
    assert "error.host" not in shown


@pytest.mark.parametrize("client", PAGES)
def test_the_text_of_a_long_link_is_seen_whole(rich, home, client):
    """On 80 columns, where sacc and the UMN client cut what is longer."""
    assert words(LONG) in words(PAGES[client](rich, home))
