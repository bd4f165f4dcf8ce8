"""Clients that people use, against the demonstration capsule.

Each shows on its own screen what our bytes look like to it; when a test
fails, that screen is in the message.
"""
import re
import shutil
import subprocess

import pytest

import programs
from client import gemini, gopher, links, menu
from programs import Umn, run, words
from terminal import Terminal, needs


def title(demo):
    """The first heading of the home page."""
    page = gemini(demo.gemini, "gemini://%s/" % demo.host).body.decode()
    return re.search(r"(?m)^#\s*(.+)$", page)[1].strip()


def first(demo, kind):
    """The first item of the root menu that is here and of that type."""
    for item in links(menu(gopher(demo.gopher, b"\r\n"))):
        if item.type == kind and item.port == demo.gopher:
            return item
    pytest.skip("the demonstration's menu has no item of type " + kind)


# -- curl --


def test_curl_gets_the_menu_and_its_pages(demo):
    needs("curl")
    base = "gopher://127.0.0.1:%d" % demo.gopher
    assert run("curl", "-s", base + "/") == gopher(demo.gopher, b"\r\n")
    item = first(demo, "1")
    where = base + "/1" + item.selector.decode()
    assert run("curl", "-s", where) == gopher(demo.gopher,
                                              item.selector + b"\r\n")


def test_curl_gets_the_menu_over_tls(demo):
    needs("curl")
    got = run("curl", "-sk", "gophers://127.0.0.1:%d/" % demo.gopher)
    assert got == gopher(demo.gopher, b"\r\n")


def test_curl_believes_the_certificate_it_was_given(demo):
    needs("curl")
    got = run("curl", "-s", "--cacert", demo.folder / "demo.crt",
              "--resolve", "localhost:%d:127.0.0.1" % demo.gopher,
              "gophers://localhost:%d/" % demo.gopher)
    assert got == gopher(demo.gopher, b"\r\n")


# -- lynx --


def lynx(demo, path=""):
    return programs.lynx("gopher://127.0.0.1:%d/%s" % (demo.gopher, path))


def test_lynx_shows_the_menu(demo):
    shown = lynx(demo)
    assert "Gopher Menu" in shown
    assert words(title(demo)) in words(shown), shown
    for item in links(menu(gopher(demo.gopher, b"\r\n"))):
        assert words(item.text)[:40] in words(shown), shown


def test_lynx_shows_a_page(demo):
    item = first(demo, "1")
    shown = lynx(demo, "1" + item.selector.decode())
    for line in menu(gopher(demo.gopher, item.selector + b"\r\n"))[:5]:
        assert words(line.text)[:40] in words(shown), shown


def test_lynx_shows_what_is_missing_as_unknown(demo):
    shown = lynx(demo, "1/no-such-page")
    assert "(UNKN)" in shown or "rror" in shown, shown


# -- the gopher client of the University of Minnesota --


def test_the_umn_client_shows_the_menu_and_opens_a_page(demo, home):
    items = menu(gopher(demo.gopher, b"\r\n"))
    item = first(demo, "1")
    with Umn(home, "127.0.0.1", demo.gopher) as t:
        shown = t.first("Page: 1/")
        assert words(title(demo)) in words(shown), shown
        # Its cursor walks over the items one can open.
        for _ in range(links(items).index(item)):
            t.keys("Down")
        t.keys("Enter")
        page = menu(gopher(demo.gopher, item.selector + b"\r\n"))
        head = next(i.text.strip() for i in page if i.text.strip())
        t.wait(head[:30])


def test_the_umn_client_shows_a_text(demo, home):
    text = gopher(demo.gopher, b"/robots.txt\r\n").decode()
    line = next(t.strip() for t in text.split("\n") if t.strip())
    with Umn(home, "-T", "0", "-p", "/robots.txt", "127.0.0.1",
             demo.gopher) as t:
        shown = t.first(line[:40])
    assert "\n." not in shown, shown


def test_the_umn_client_opens_every_page_at_its_top(demo, home):
    """It starts at a page's first link: each has one on the first screen."""
    for item in links(menu(gopher(demo.gopher, b"\r\n"))):
        if item.type != "1":
            continue
        head = menu(gopher(demo.gopher, item.selector + b"\r\n"))[0].text
        with Umn(home, "-T", "1", "-p", item.selector.decode(), "127.0.0.1",
                 demo.gopher, columns=80, lines=24) as t:
            t.first("Page: 1/", head)


# -- amfora --


def amfora(home, demo, path="/"):
    return Terminal(home, "amfora", "gemini://%s:%d%s" % (
        demo.host, demo.gemini, path))


def test_amfora_shows_the_home_page_and_follows_a_link(demo, home):
    needs("amfora", "tmux")
    with amfora(home, demo) as t:
        t.wait(title(demo)[:40])
        t.type("1")
        page = gemini(demo.gemini, "gemini://%s/" % demo.host).body.decode()
        there = re.search(r"(?m)^=>\s*(\S+)", page)[1]
        assert "://" not in there, "the first link leaves the capsule"
        there = "/" + there.lstrip("/")
        got = gemini(demo.gemini, "gemini://%s%s" % (demo.host, there))
        head = re.search(r"(?m)^#\s*(.+)$", got.body.decode())[1].strip()
        t.wait(head[:40])


def test_amfora_says_that_a_page_is_missing(demo, home):
    needs("amfora", "tmux")
    with amfora(home, demo, "/no-such-page") as t:
        t.wait("Not Found")


def test_amfora_trusts_the_same_certificate_again(demo, home):
    needs("amfora", "tmux")
    for _ in range(2):
        with amfora(home, demo) as t:
            shown = t.wait(title(demo)[:40])
            assert "certificate" not in shown.lower(), shown


# -- a client made of openssl and a pipe --


def test_openssl_in_a_pipe_is_a_gemini_client(demo):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % demo.gemini,
         "-servername", demo.host, "-quiet", "-ign_eof"],
        input=b"gemini://%s/\r\n" % demo.host.encode(), capture_output=True,
        timeout=30)
    assert done.stdout == gemini(demo.gemini,
                                 "gemini://%s/" % demo.host).data
