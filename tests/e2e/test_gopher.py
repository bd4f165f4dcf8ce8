"""Gopher on the wire: menus, texts, raw bytes, and what is not Gopher.

Source: RFC 1436, RFC 4266, and what clients make of servers that differ.
"""
import random
import re
import unicodedata

import pytest

import server
from client import HOST, Ended, Item, Plain, Tls, gopher, links, menu


def get(served, line):
    if isinstance(line, str):
        line = line.encode("utf-8")
    return gopher(served.gopher, line)


def read_menu(served, line):
    return menu(get(served, line))


def width(text):
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    marks = sum(unicodedata.combining(c) != 0 for c in text)
    return len(text) + wide - marks


def body(name):
    """A file's text as a text item: every line ended by CRLF."""
    def read(served):
        lines = (served.root / name).read_bytes().split(b"\n")
        lines = [line.rstrip(b"\r") for line in lines]
        if lines[-1] == b"":
            lines.pop()
        return b"".join(line + b"\r\n" for line in lines)
    return read


def is_error(data):
    items = menu(data)
    return items != [] and items[0].type == "3" and links(items) == []


# -- requests --


@pytest.mark.parametrize("line", ["\r\n", "\n", "/\r\n", "/\n", "\t\r\n"])
def test_the_root_menu_has_several_spellings(served, line):
    assert get(served, line) == get(served, "\r\n")
    assert links(read_menu(served, line)) != []


@pytest.mark.parametrize("line", [
    "/history\r\n", "/history\n", "history\r\n", "history\n",
    "/history\t\r\n", "/history\twords\r\n", "/history\r\njunk"])
def test_a_selector_has_several_spellings(served, line):
    assert b"1996 was the first year." in get(served, line)
    assert get(served, line) == get(served, "/history\r\n")


@pytest.mark.parametrize("line", ["/files/\r\n", "/files\r\n", "files/\r\n",
                                  "files\r\n"])
def test_a_folder_is_found_with_and_without_slash(served, line):
    assert get(served, line) == get(served, "/files/\r\n")
    assert len(links(read_menu(served, line))) > len(server.ODD)


def test_a_request_may_come_byte_by_byte(served):
    with Plain(served.gopher) as c:
        for byte in b"/history\r\n":
            c.send(bytes([byte]))
        assert c.read_all().data == get(served, "/history\r\n")


def test_a_carriage_return_waits_for_its_line_feed(served):
    with Plain(served.gopher) as c:
        c.send(b"/history\r")
        assert c.is_silent(0.3)
        c.send(b"\n")
        assert c.read_all().data == get(served, "/history\r\n")


@pytest.mark.parametrize("line", [
    "/missing\r\n", "missing\r\n", "/files/none\r\n", "/quiet/\r\n",
    "/1998\r\n", "/../../etc/passwd\r\n", "/files/../../root/index.gmi\r\n",
    "/files//sub\r\n", "capsule.key\r\n", "/history.gmi\r\n",
    "x" * 255 + "\r\n", "x" * 256 + "\r\n", "x" * 1022 + "\r\n",
    "x" * 1023 + "\r\n", "x" * 5000 + "\r\n", "x" * 5000])
def test_what_is_not_there_is_an_error_item(served, line):
    assert is_error(get(served, line)), line[:40]


@pytest.mark.parametrize("line", [b"\0\r\n", b"/history\0\r\n",
                                  b"/history\0.txt\r\n", b"\0" * 2000])
def test_a_nul_never_shortens_a_selector(served, line):
    got = gopher(served.gopher, line)
    assert got == b"" or is_error(got)


@pytest.mark.parametrize("line", [b"\xff\xfe\r\n", b"/caf\xe9\r\n",
                                  b"\x1b[31m\r\n", b"/a\rb\r\n",
                                  b"<script>\r\n"])
def test_hostile_bytes_come_back_harmless(served, line):
    got = gopher(served.gopher, line)
    assert is_error(got)
    assert b"\x1b" not in got
    got.decode("utf-8")


def test_a_missing_selector_never_forges_a_menu_line(served):
    got = gopher(served.gopher, b"/x\r1Evil\t/evil\tevil.example\t70\r\n")
    assert is_error(got)
    assert b"evil.example\t70" not in got


# -- menus --


def test_every_menu_keeps_the_rules(served):
    for line in ("\r\n", "/history\r\n", "/files/\r\n", "/hall\r\n",
                 "/both\r\n", "/old\r\n", "/files/sub/\r\n"):
        assert read_menu(served, line) != []


def test_gemtext_text_is_wrapped_to_67_columns(served):
    infos = [i.text for i in read_menu(served, "\r\n") if i.type == "i"]
    assert max(map(width, infos)) <= 67
    assert max(map(width, infos)) > 50
    text = " ".join(" ".join(infos).split())
    assert "paragraph that is long enough to be wrapped once it" in text
    assert "caf\u00e9, na\u00efve and \u0153uvre" in text


def test_a_drawing_keeps_its_lines_and_links_nothing(served):
    items = read_menu(served, "\r\n")
    infos = [i.text for i in items if i.type == "i"]
    assert "  +---+" in infos and "  | o |" in infos
    assert any("/not A link inside" in text for text in infos)
    assert all(i.selector != b"/not" for i in links(items))


def test_each_link_becomes_an_item_of_its_type(served):
    own = (b"capsule.example.org", served.gopher)
    want = [
        ("1", b"The history", b"/history", *own),
        ("0", b"A text", b"/plain.txt", *own),
        ("1", b"Files of all sorts", b"/files/", *own),
        ("1", b"Two sources", b"/both", *own),
        ("1", b"An old address", b"/old", *own),
        ("9", b"Raw bytes", b"/data.bin", *own),
        ("I", b"A picture", b"/pixel.png", *own),
        ("g", b"A moving picture", b"/anim.gif", *own),
        ("s", b"A tune", b"/tune.mp3", *own),
        ("9", b"A paper", b"/paper.pdf", *own),
        ("h", b"On the web", b"URL:https://www.example.org/?a=1&b=2", *own),
        ("h", b"Another capsule", b"URL:gemini://elsewhere.example.org/x",
         *own),
        ("0", b"A hole", b"/notes.txt", b"hole.example.org", 7070),
        ("h", b"Write to us", b"URL:mailto:webmaster@example.org", *own),
        ("1", b"no-label-here", b"/no-label-here", *own),
    ]
    got = [(i.type, i.name, i.selector, i.host, i.port)
           for i in links(read_menu(served, "\r\n"))]
    for one, other in zip(want, got):
        if one[1] == b"no-label-here":  # what stands for no label is free
            one, other = one[:1] + one[2:], other[:1] + other[2:]
        assert one == other
    assert len(got) == len(want)


def test_every_link_of_the_root_menu_can_be_followed(served):
    for item in links(read_menu(served, "\r\n")):
        if item.host != HOST.encode():
            continue
        got = gopher(served.gopher, item.selector + b"\r\n")
        assert not got.startswith(b"3"), repr(item)


def test_a_menu_names_the_first_host_and_the_port_listened_on(served):
    for item in links(read_menu(served, "/files/\r\n")):
        assert (item.host, item.port) == (HOST.encode(), served.gopher)


def test_a_listing_names_and_reaches_every_file(served):
    left = set(server.ODD)
    for item in links(read_menu(served, "/files/\r\n")):
        got = gopher(served.gopher, item.selector + b"\r\n")
        if item.type == "1":
            continue
        assert got.startswith(b"content of "), repr(item)
        name = got[len("content of "):].rstrip(b"\r\n").decode()
        assert item.type == ("0" if name.endswith(".txt") else "9")
        assert name in item.text
        left.discard(name)
    assert left == set()


def test_what_the_map_does_not_list_is_listed_nowhere(served):
    assert is_error(get(served, "/quiet/\r\n"))
    assert get(served, "/quiet/one.txt\r\n") == b"one\r\n"


def test_a_gophermap_is_served_as_written(served):
    items = read_menu(served, "/hall\r\n")
    texts = [i.text for i in items if i.type == "i"]
    assert "Welcome to the hall" in texts
    assert "=> /history looks like a link" in texts
    assert "``` looks like a toggle" in texts
    assert "info line" in texts
    assert not any("some" in t or "after the end" in t for t in texts)
    own = (HOST.encode(), served.gopher)
    assert [(i.type, i.name, i.selector, i.host, i.port)
            for i in links(items)] == [
        ("1", b"History", b"/history", *own),
        ("0", b"Text", b"/plain.txt", *own),
        ("h", b"Web", b"URL:https://www.example.org/", *own),
        ("1", b"Away", b"/there", b"hole.example.org", 7071),
    ]


def test_a_gophermap_beside_gemtext_is_gophers_own(served):
    items = read_menu(served, "/both\r\n")
    assert "From a gophermap" in [i.text for i in items]
    assert "From gemtext" not in [i.text for i in items]


def test_a_redirect_is_a_menu_with_the_item_of_the_new_place(served):
    for line in ("/old\r\n", "/soon\r\n"):
        items = read_menu(served, line)
        assert [(i.type, i.selector) for i in links(items)] == [
            ("1", b"/history")]
        assert any(i.type in "i3" and i.text.strip() for i in items)


def test_hostile_content_never_breaks_a_menu(daemon):
    d = daemon()
    (d.root / "index.gmi").write_bytes(
        b"# T\tab\x1b[31m\x01 and \x7f\n"
        b"=> /history\tA\tname\twith\ttabs\x1b[0m\n"
        b"=> https://www.example.org/" + b"x" * 3000 + b" long\n"
        b"=> /" + b"y" * 3000 + b" no such page\n"
        b"\xff\xfe broken bytes\n"
        b"text with a carriage\rreturn\n" + b"z" * 5000 + b"\n")
    d.steady = False
    d.reload()
    data = gopher(d.gopher, b"\r\n")
    items = menu(data)
    data.decode("utf-8")
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", data)
    found = {i.selector for i in links(items)}
    assert b"/history" in found
    assert b"URL:https://www.example.org/" + b"x" * 3000 in found


# -- texts and files --


@pytest.mark.parametrize("name", ["plain.txt", "crlf.txt", "empty.txt",
                                  "robots.txt"])
def test_a_text_has_crlf_lines_and_no_dot_line(served, name):
    assert get(served, "/%s\r\n" % name) == body(name)(served)


def test_a_text_that_is_not_utf_8_keeps_its_bytes(served):
    assert get(served, "/latin.txt\r\n") == b"caf\xe9\r\n"


@pytest.mark.parametrize("name", ["data.bin", "pixel.png", "anim.gif",
                                  "tune.mp3", "paper.pdf", "pack.tar.gz",
                                  "book.epub", "big.bin"])
def test_a_file_arrives_byte_for_byte(served, name):
    assert get(served, "/%s\r\n" % name) == (served.root / name).read_bytes()


@pytest.mark.parametrize("line", ["robots.txt\r\n", "/robots.txt\r\n",
                                  "robots.txt\n"])
def test_robots_txt_is_found_as_crawlers_ask_for_it(served, line):
    assert get(served, line) == body("robots.txt")(served)


# -- caps.txt, URL:, HTTP, Gopher+ --


@pytest.mark.parametrize("line", ["caps.txt\r\n", "/caps.txt\r\n"])
def test_caps_txt_is_generated(served, line):
    text = get(served, line).decode()
    assert text.startswith("CAPS")
    lines = [t.strip() for t in text.splitlines()]
    keys = dict(t.split("=", 1) for t in lines
                if "=" in t and not t.startswith("#"))
    assert keys["CapsVersion"] == "1"
    assert keys["PathDelimeter"] == "/"
    assert keys["PathIdentity"] == "." and keys["PathParent"] == ".."
    assert keys["ServerAdmin"] == "webmaster@example.org"
    first = next(t for t in lines if "=" in t)
    assert first == "CapsVersion=1"


def test_a_mapped_caps_txt_comes_before_the_generated_one(daemon):
    d = daemon(server.conf(selectors={"/caps.txt": "plain.txt"}))
    assert gopher(d.gopher, b"caps.txt\r\n") == body("plain.txt")(d)


@pytest.mark.parametrize("prefix", ["URL:", "/URL:"])
def test_a_url_selector_gets_a_page_that_leads_there(served, prefix):
    page = get(served, prefix + "https://www.example.org/x?a=1\r\n").decode()
    assert "<html" in page.lower() and "</html>" in page.lower()
    assert page.count("https://www.example.org/x?a=1") >= 2
    assert re.search(r'href="https://www\.example\.org/x\?a=1"', page)


def test_a_url_page_escapes_what_it_is_given(served):
    page = get(served, "URL:https://x.example/\"><script>alert('1')</script>"
               "&b\r\n").decode()
    assert "<script" not in page.lower()
    for quote in re.findall(r'(?:href|content)="([^"]*)', page):
        assert "<" not in quote and ">" not in quote and "'" not in quote
    assert "alert('1')" not in page


@pytest.mark.parametrize("hostile", [
    "javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)",
    "data:text/html,<b>x</b>", "vbscript:x", "\x01javascript:alert(1)",
    "java\x0bscript:x", ""])
def test_a_url_page_leads_to_no_script(served, hostile):
    page = get(served, "URL:%s\r\n" % hostile).decode()
    for where in re.findall(r'(?:href="|url=)([^">]*)', page, re.I):
        assert re.match(r"(?i)(https?|gemini|gophers?|ftp|mailto|finger|"
                        r"telnet|[a-z+]+://)", where), page
        assert "script:" not in where.lower(), page


@pytest.mark.parametrize("url", ["https://x.example/" + "a" * 900])
def test_a_long_url_is_not_cut(served, url):
    assert url in get(served, "URL:%s\r\n" % url).decode()


def test_an_http_request_is_told_what_this_port_speaks(served):
    for line in (b"GET / HTTP/1.0\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: capsule.example.org\r\n"
                 b"User-Agent: x\r\n" + b"X-Long: y\r\n" * 200 + b"\r\n"):
        text = gopher(served.gopher, line).decode()
        assert "gopher" in text.lower()
        assert not text.startswith("3")


def test_gopher_plus_at_the_root_satisfies_the_umn_client(served):
    """It goes on only after "+-1" or "+-2" and at least one +INFO block."""
    for line in ("\t$\r\n", "/\t$\r\n"):
        text = get(served, line)
        assert re.match(rb"\+-[12]\r\n\+INFO: ", text), text
        infos = [Item(t) for t in re.findall(rb"(?m)^\+INFO: (.*)\r$", text)]
        own = [i for i in links(infos) if i.host == HOST.encode()]
        assert own and {i.port for i in own} == {served.gopher}
        if text.startswith(b"+-1"):
            assert text.endswith(b"\r\n.\r\n")


def test_gopher_plus_item_requests_get_an_answer_of_its_shape(served):
    text = get(served, "/plain.txt\t+\r\n")
    assert re.match(rb"\+(-1|-2|[0-9]+)\r\n", text) or \
        text == body("plain.txt")(served), text[:80]


def test_a_gopher_plus_mark_is_no_part_of_the_selector(served):
    for mark in ("+", "!", "$"):
        assert not get(served, "/history\t%s\r\n" % mark).startswith(b"3")


def test_noise_gets_an_answer_and_does_no_harm(served):
    noise = random.Random(70)
    for _ in range(200):
        line = bytearray(noise.choice([b"/files/a b.txt\t+", b"URL:https://x/",
                                       b"/history\tq\t$", b"GET / HTTP/1.0"]))
        for _ in range(noise.randrange(1, 5)):
            at = noise.randrange(len(line))
            line[at:at + noise.randrange(3)] = noise.randbytes(
                noise.randrange(4))
        if line[:1] == b"\x16":
            continue
        got = gopher(served.gopher, bytes(line) + b"\r\n")
        assert b"\x1b" not in got.replace(line, b"")


# -- settings --


def test_a_port_that_is_set_is_the_one_in_menus(daemon):
    d = daemon(server.conf(gopher={"port": "7070"}))
    for line in (b"\r\n", b"/files/\r\n", b"/hall\r\n", b"/old\r\n"):
        own = [i for i in links(menu(gopher(d.gopher, line)))
               if i.host == HOST.encode()]
        assert own and {i.port for i in own} == {7070}
    assert b"\t7070" in gopher(d.gopher, b"\t$\r\n")


@pytest.mark.parametrize("columns", [40, 80])
def test_columns_are_what_text_is_wrapped_to(daemon, columns):
    d = daemon(server.conf(gopher={"columns": str(columns)}))
    items = menu(gopher(d.gopher, b"\r\n"))
    widths = [width(i.text) for i in items if i.type == "i"]
    assert columns - 12 < max(widths) <= columns
    names = [i.text for i in links(items)]
    assert "Files of all sorts" in names


@pytest.mark.parametrize("charset, cafe, oeuvre", [
    ("utf-8", "caf\u00e9".encode(), "\u0153uvre".encode()),
    ("latin1", b"caf\xe9", b"oeuvre"),
    ("ascii", b"cafe", b"oeuvre")])
def test_text_is_written_in_the_charset_asked_for(daemon, charset, cafe,
                                                  oeuvre):
    d = daemon(server.conf(gopher={"charset": charset}))
    for line in (b"\r\n", b"/plain.txt\r\n"):
        got = gopher(d.gopher, line)
        assert cafe in got and oeuvre in got, line
    assert gopher(d.gopher, b"/data.bin\r\n") == server.BINARY_BYTES


def test_lastline_makes_strict_text_items(daemon):
    d = daemon(server.conf(gopher={"lastline": "yes"}))
    got = gopher(d.gopher, b"/plain.txt\r\n")
    want = body("plain.txt")(d).split(b"\r\n")[:-1]
    want = [b"." + line if line.startswith(b".") else line for line in want]
    assert got == b"\r\n".join(want + [b"."]) + b"\r\n"
    assert gopher(d.gopher, b"/empty.txt\r\n") == b".\r\n"
    assert gopher(d.gopher, b"/data.bin\r\n") == server.BINARY_BYTES
    assert gopher(d.gopher, b"/tune.mp3\r\n").endswith(b"noise")
    menu(gopher(d.gopher, b"\r\n"))


# -- TLS on the same port --


@pytest.mark.parametrize("line", [b"\r\n", b"/history\r\n", b"/data.bin\r\n",
                                  b"/big.bin\r\n", b"/missing\r\n"])
def test_tls_on_the_same_port_gives_the_same_bytes(served, line):
    with Tls(served.gopher) as c:
        c.send(line)
        got = c.read_all()
    assert got.clean, repr(got)
    assert got.data == gopher(served.gopher, line)


@pytest.mark.parametrize("first", [1, 2, 4, 5, 6, 100])
def test_the_first_byte_alone_tells_tls_from_text(served, first):
    with Tls(served.gopher, handshake=False) as c:
        hello = c.hello()
        c.sock.sendall(hello[:first])
        assert c.is_silent(0.05)
        c.sock.sendall(hello[first:])
        c.handshake()
        c.send(b"/history\r\n")
        assert c.read_all().data == get(served, "/history\r\n")


def test_an_unknown_alpn_does_not_end_the_handshake(served):
    from client import context
    ctx = context()
    ctx.set_alpn_protocols(["gopher", "h2"])
    with Tls(served.gopher, ctx=ctx) as c:
        c.send(b"/history\r\n")
        assert c.read_all().clean


def test_a_port_without_tls_closes_on_a_tls_record_without_a_byte(daemon):
    d = daemon(server.conf(gopher={"tls": "no"}))
    with Tls(d.gopher, handshake=False) as c:
        c.sock.sendall(c.hello())
        got = Plain.read_all(c)
    assert isinstance(got, Ended)
    assert got.data == b"" and got.end != "timeout" and got.seconds < 1.5
    with Plain(d.gopher) as c:
        c.send(b"\x16")
        got = c.read_all()
    assert got.data == b"" and got.end != "timeout" and got.seconds < 1.5
    assert b"1996" in gopher(d.gopher, b"/history\r\n")


@pytest.mark.skipif(not server.IPV6, reason="this machine has no IPv6")
def test_both_address_families_are_served(served):
    got = gopher(served.gopher6, b"/history\r\n", address="::1")
    assert b"1996 was the first year." in got
