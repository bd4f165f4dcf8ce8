"""Gemini on the wire: the request rules R1-R18, the header, the answers.

Source: protocol-specification 0.24.1, RFC 3986, and what clients reject.
"""
import os
import random
import re
import time
import urllib.parse

import pytest

import server
from client import HOST, Plain, Reply, Tls, gemini, gopher, url

QUIET = 0.4  # seconds after which we believe that no answer comes


def get(served, path="/", host=HOST):
    return gemini(served.gemini, url(path, host))


def status(served, line):
    got = gemini(served.gemini, line)
    assert got.clean, repr(got)
    return got.status


# -- R1, R2: where a request ends --


def test_a_request_is_answered_with_its_page(served):
    got = get(served, "/history")
    assert got.status == 20
    assert got.body == server.HISTORY.encode()


def test_a_bare_line_feed_ends_no_request(served):
    with Tls(served.gemini) as c:
        c.send(url("/history").encode() + b"\n")
        assert c.is_silent(QUIET)
        c.send(b"\r\n")
        assert Reply(c.read_all()).status == 59


def test_a_carriage_return_waits_for_its_line_feed(served):
    with Tls(served.gemini) as c:
        c.send(url("/history").encode() + b"\r")
        assert c.is_silent(QUIET)
        c.send(b"\n")
        got = Reply(c.read_all())
    assert (got.status, got.clean) == (20, True)


def test_a_request_may_come_one_byte_a_record(served):
    with Tls(served.gemini) as c:
        for byte in url("/history").encode() + b"\r\n":
            c.send(bytes([byte]))
        got = Reply(c.read_all())
    assert (got.status, got.body) == (20, server.HISTORY.encode())


def test_a_record_may_come_one_byte_a_segment(served):
    with Tls(served.gemini, handshake=False) as c:
        for byte in c.hello():
            c.sock.sendall(bytes([byte]))
        c.handshake()
        for byte in c.seal(url("/history").encode() + b"\r\n"):
            c.sock.sendall(bytes([byte]))
        got = Reply(c.read_all())
    assert (got.status, got.body) == (20, server.HISTORY.encode())


@pytest.mark.parametrize("cut", [1, 9, 28, 36, 37])
def test_a_request_may_come_in_two_records(served, cut):
    line = url("/history").encode() + b"\r\n"
    with Tls(served.gemini) as c:
        first, second = c.seal(line[:cut]), c.seal(line[cut:])
        c.sock.sendall(first)
        assert c.is_silent(0.02)
        c.sock.sendall(second)
        assert Reply(c.read_all()).status == 20


def of_length(size):
    base = url("/")
    return base + "a" * (size - len(base))


def test_a_url_of_1024_bytes_is_looked_up(served):
    assert status(served, of_length(1024)) == 51


def test_a_url_of_1025_bytes_is_refused(served):
    assert status(served, of_length(1025)) == 59


def test_a_url_of_1025_bytes_is_refused_before_it_ends(served):
    with Tls(served.gemini) as c:
        c.send(of_length(1025).encode())
        got = Reply(c.read_all())
    assert got.status == 59
    assert got.seconds < 1.5 and got.clean


def test_a_url_of_1024_bytes_may_still_be_ended(served):
    with Tls(served.gemini) as c:
        c.send(of_length(1024).encode())
        assert c.is_silent(QUIET)
        c.send(b"\r")
        assert c.is_silent(0.05)
        c.send(b"\n")
        assert Reply(c.read_all()).status == 51


# -- R3 to R16: one line each, and the exact status --


@pytest.mark.parametrize("line, want", [
    # R3: userinfo
    ("gemini://user@%s/" % HOST, 59),
    ("gemini://user:secret@%s/" % HOST, 59),
    ("gemini://@%s/" % HOST, 59),
    # R4: fragment
    (url("/#"), 59),
    (url("/history#year"), 59),
    (url("/?q#f"), 59),
    # R5: the empty path
    ("gemini://" + HOST, 20),
    ("gemini://" + HOST + "/", 20),
    ("gemini://" + HOST + "?words", 20),
    ("gemini://" + HOST + "/?words", 20),
    # R6: no byte order mark
    (b"\xef\xbb\xbf" + url("/").encode(), 59),
    # R7: scheme and authority
    ("//%s/" % HOST, 59),
    ("/", 59),
    ("/history", 59),
    ("", 59),
    ("Hello Gemini!", 59),
    ("gemini", 59),
    ("gemini:", 59),
    ("gemini:/x", 59),
    ("gemini:x", 59),
    ("gemini://", 59),
    ("gemini:///x", 59),
    ("://%s/" % HOST, 59),
    ("%s/" % HOST, 59),
    ("1gemini://%s/" % HOST, 59),
    # R8: other schemes
    ("http://%s/" % HOST, 53),
    ("https://%s/" % HOST, 53),
    ("gopher://%s/" % HOST, 53),
    ("GEMINI://%s/" % HOST, 20),
    ("GeMiNi://%s/" % HOST, 20),
    # R9: hosts
    ("gemini://wikipedia.example/", 53),
    ("gemini://sub.%s/" % HOST, 53),
    ("gemini://example.org/", 53),
    ("gemini://x%s/" % HOST, 53),
    ("gemini://%s/" % HOST.upper(), 20),
    ("gemini://%s./" % HOST, 20),
    ("gemini://%s../" % HOST, 53),
    ("gemini://%63apsule.example.org/", 20),
    ("gemini://%43APSULE.example.org/", 20),
    ("gemini://www.example.org/", 20),
    ("gemini://WWW.Example.ORG/history", 20),
    # R10: ports
    ("gemini://%s:1965/" % HOST, 20),
    ("gemini://%s:/" % HOST, 20),
    ("gemini://%s:443/" % HOST, 53),
    ("gemini://%s:70/" % HOST, 53),
    ("gemini://%s:port/" % HOST, 59),
    ("gemini://%s:-1/" % HOST, 59),
    # R11: addresses
    ("gemini://127.0.0.1/", 53),
    ("gemini://[::1]/", 53),
    ("gemini://[::1/", 59),
    # R14: bytes that no URI holds
    (b"gemini://" + HOST.encode() + b"/\0", 59),
    (b"gemini://" + HOST.encode() + b"/\x01", 59),
    (b"gemini://" + HOST.encode() + b"/\x1b[31m", 59),
    (b"gemini://" + HOST.encode() + b"/a b", 59),
    (b"gemini://" + HOST.encode() + b"/a\tb", 59),
    (b"gemini://" + HOST.encode() + b"/a\nb", 59),
    (b"gemini://" + HOST.encode() + b"/a\rb", 59),
    (b"gemini://" + HOST.encode() + b"/\x7f", 59),
    (b"gemini://" + HOST.encode() + b"/\xdc", 59),
    (b"gemini://" + HOST.encode() + b"/\xc3\xa9", 59),
    (b"gemini://caf\xc3\xa9.example/", 59),
    (b" " + url("/").encode(), 59),
    (url("/").encode() + b" ", 59),
    (url("/?a b").encode(), 59),
    (url("/<x>"), 59),
    (url('/"x"'), 59),
    (url("/a\\b"), 59),
    (url("/a^b"), 59),
    (url("/a`b"), 59),
    (url("/a{b}"), 59),
    (url("/a|b"), 59),
    # R15: dot segments
    (url("/../"), 59),
    (url("/.."), 59),
    (url("/../../"), 59),
    (url("/../history"), 59),
    (url("/%2e%2e/history"), 59),
    (url("/%2E./history"), 59),
    (url("/files/../../history"), 59),
    (url("/files/%2e%2e/%2e%2e/etc/passwd"), 59),
    (url("/./history"), 20),
    (url("/files/../history"), 20),
    (url("/files/%2e%2e/history"), 20),
    (url("/files/sub/.."), 20),
    (url("/files/sub/../"), 20),
    # R16: percent signs
    (url("/%zz"), 59),
    (url("/%"), 59),
    (url("/%4"), 59),
    (url("/history%"), 59),
    (url("/%00"), 59),
    (url("/history%00.txt"), 59),
    (url("/%68istory"), 20),
    (url("/%2568istory"), 51),
    # R17: queries
    (url("/history?"), 20),
    (url("/history?a=1&b=/../x?y"), 20),
    (url("/history?%0A%0D%0A"), 20),
    (url("/missing?x"), 51),
    (url("/old?x"), 31),
    # the rest of the map
    (url("/missing"), 51),
    (url("/History"), 51),
    (url("/history/"), 51),
    (url("//history"), 51),
    (url("/history.gmi"), 51),
    (url("/capsule.key"), 51),
    (url("/quiet/"), 51),
    (url("/quiet/one.txt"), 20),
    (url("/quiet/two.txt"), 51),
    (url("/indexed/"), 20),
    (url("/files/"), 20),
    (url("/files/sub/"), 20),
    (url("/files/sub/leaf"), 20),
    (url("/files/none"), 51),
    (url("/old"), 31),
    (url("/soon"), 30),
    (url("/1998"), 52),
], ids=lambda v: repr(v)[:60])
def test_each_request_gets_its_status(served, line, want):
    assert status(served, line) == want


@pytest.mark.parametrize("path", [
    "/files%2Fsub%2Fleaf", "/files/sub%2fleaf", "/%2F", "/..%2f..%2fetc",
    "/files/%2e%2e%2f%2e%2e%2fetc%2fpasswd"])
def test_an_encoded_slash_never_separates_segments(served, path):
    assert status(served, url(path)) in (51, 59)


def test_the_port_listened_on_is_ours(served):
    line = "gemini://%s:%d/history" % (HOST, served.gemini)
    assert status(served, line) == 20
    line = "gemini://%s:0%d/history" % (HOST, served.gemini)
    assert status(served, line) in (20, 53, 59)


def test_a_port_next_to_ours_is_not(served):
    used = {served.gemini, served.gemini6, 1965}
    other = next(p for p in range(served.gemini + 1, served.gemini + 4)
                 if p not in used)
    assert status(served, "gemini://%s:%d/" % (HOST, other)) == 53


@pytest.mark.parametrize("port", ["65536", "99999", "4294969261",
                                  "18446744073709553581", "9" * 40])
def test_a_port_too_large_never_wraps_to_ours(served, port):
    line = "gemini://%s:%s/" % (HOST, port)
    assert status(served, line) in (53, 59)


def test_any_port_is_ours_without_the_port_check(daemon):
    d = daemon(server.conf(gemini={"check_port": "no"}))
    assert gemini(d.gemini, "gemini://%s:443/" % HOST).status == 20
    assert gemini(d.gemini, "gemini://%s:4430/history" % HOST).status == 20
    assert gemini(d.gemini, "gemini://elsewhere.example:443/").status == 53


def test_what_comes_after_the_request_is_ignored(served):
    line = url("/history").encode() + b"\r\n"
    with Tls(served.gemini) as c:
        c.send(line + url("/").encode() + b"\r\n")
        got = Reply(c.read_all())
    assert got.body == server.HISTORY.encode()
    assert got.clean


def test_plain_text_on_the_tls_port_gets_no_byte(served):
    for junk in (b"GET / HTTP/1.0\r\n\r\n", url("/").encode() + b"\r\n"):
        with Plain(served.gemini) as c:
            c.send(junk)
            got = c.read_all()
        assert got.data == b"" and got.end != "timeout", repr(got)


# -- the answers --


def test_the_root_is_served_whole_and_without_redirect(served):
    for line in ("gemini://" + HOST, url("/"), "gemini://%s?x" % HOST):
        got = gemini(served.gemini, line)
        assert got.body == server.INDEX.encode(), line


def test_gemtext_has_its_type_and_language(served):
    got = get(served, "/history")
    assert got.mime == "text/gemini"
    assert got.params.get("lang") == "en"
    assert got.params.get("charset", "utf-8") == "utf-8"


def test_a_pattern_sets_another_language(served):
    assert get(served, "/fr/page.gmi").params.get("lang") == "fr"


@pytest.mark.parametrize("path, mime", [
    ("/plain.txt", "text/plain"),
    ("/data.bin", "application/octet-stream"),
    ("/pixel.png", "image/png"),
    ("/anim.gif", "image/gif"),
    ("/tune.mp3", "audio/mpeg"),
    ("/paper.pdf", "application/pdf"),
    ("/pack.tar.gz", "application/gzip"),
    ("/book.epub", "application/epub+zip"),
    ("/hall", "text/gemini"),
    ("/both", "text/gemini"),
    ("/files/", "text/gemini"),
    ("/files/sub/leaf", "application/octet-stream"),
    ("/robots.txt", "text/plain"),
])
def test_each_file_has_its_media_type(served, path, mime):
    got = get(served, path)
    assert (got.status, got.mime) == (20, mime)


@pytest.mark.parametrize("path, name", [
    ("/plain.txt", "plain.txt"), ("/crlf.txt", "crlf.txt"),
    ("/latin.txt", "latin.txt"), ("/empty.txt", "empty.txt"),
    ("/data.bin", "data.bin"), ("/pixel.png", "pixel.png"),
    ("/tune.mp3", "tune.mp3"), ("/big.bin", "big.bin"),
    ("/files/sub/", "files/sub/index.gmi"),
    ("/indexed/", "indexed/index.gmi"), ("/both", "both.gmi")])
def test_a_file_arrives_byte_for_byte(served, path, name):
    got = get(served, path)
    assert got.body == (served.root / name).read_bytes()
    assert got.clean


def test_no_page_starts_with_a_byte_order_mark(served):
    assert get(served, "/bom").body == b"# With a mark\n"


def target(served, path, got):
    return urllib.parse.urljoin(
        url(path).replace("gemini:", "https:"),
        got.meta.replace("gemini:", "https:")).replace("https:", "gemini:")


@pytest.mark.parametrize("path", ["/old", "/soon", "/old?words"])
def test_a_redirect_names_the_new_place_without_the_query(served, path):
    got = get(served, path)
    assert target(served, path, got) == url("/history")
    assert "#" not in got.meta and "?" not in got.meta


@pytest.mark.parametrize("path", ["/files", "/files?words", "/indexed",
                                  "/files/sub", "/files/sub?a/b"])
def test_a_folder_without_its_slash_leads_to_the_folder_once(served, path):
    got = get(served, path)
    if got.status // 10 == 3:
        there = target(served, path, got)
        assert there == url(path.split("?")[0] + "/")
        got = gemini(served.gemini, there)
    assert got.status == 20


def gemtext_links(body):
    """The links outside of preformatted blocks."""
    found, pre = [], False
    for line in body.decode("utf-8").splitlines():
        if line.startswith("```"):
            pre = not pre
        elif not pre and line.startswith("=>"):
            found.append(line[2:].split()[0])
    return found


def test_every_file_of_a_listing_can_be_followed(served):
    listing = get(served, "/files/")
    left = set(server.ODD)
    base = "https://%s/files/" % HOST
    for link in gemtext_links(listing.body):
        there = urllib.parse.urljoin(base, link)
        assert there.startswith("https://" + HOST), link
        got = gemini(served.gemini, there.replace("https:", "gemini:", 1))
        if got.mime == "text/gemini":
            continue
        name = got.body.decode("utf-8")
        assert name.startswith("content of "), link
        left.discard(name[len("content of "):].rstrip("\n"))
    assert left == set()


def test_a_listing_names_each_file_once_in_order(served):
    names = [urllib.parse.unquote(link)
             for link in gemtext_links(get(served, "/files/").body)]
    assert len(names) == len(set(names))
    assert any(name.endswith("sub/") for name in names)
    inside = [name.rsplit("/", 1)[-1] for name in names
              if not name.endswith("/")]
    assert sorted(inside) == sorted(server.ODD)


@pytest.mark.parametrize("name", server.ODD)
def test_an_odd_name_is_reached_by_its_encoded_form(served, name):
    path = "/files/" + urllib.parse.quote(name, safe="")
    got = get(served, path)
    assert (got.status, got.body.decode()) == (20, "content of %s\n" % name)


@pytest.mark.parametrize("name", ["semi;colon.txt", "col:on.txt", "a:b",
                                  "at@.txt", "plus+.txt", "amp&.txt",
                                  "eq=.txt", "-dash.txt", "'quote'.txt"])
def test_what_a_path_may_hold_needs_no_encoding(served, name):
    got = get(served, "/files/" + name)
    assert (got.status, got.body.decode()) == (20, "content of %s\n" % name)


def test_a_plus_is_a_plus_and_never_a_blank(served):
    assert get(served, "/files/a+b.txt").status == 51
    assert get(served, "/files/plus%20.txt").status == 51


def test_percent_signs_are_decoded_once(served):
    assert get(served, "/files/%2541.txt").body == b"content of %41.txt\n"
    assert get(served, "/files/%41.txt").status == 51


def test_a_gophermap_becomes_gemtext_with_only_its_own_links(served):
    got = get(served, "/hall")
    links = gemtext_links(got.body)
    assert [urllib.parse.urljoin("/", link) for link in links[:2]] == [
        "/history", "/plain.txt"]
    assert "https://www.example.org/" in links
    assert [link for link in links if link.startswith("gopher://")] == [
        "gopher://hole.example.org:7071/1/there"]
    assert len(links) == 4
    text = got.body.decode()
    assert "looks like a link" in text
    assert "after the end" not in text
    assert text.count("The hall") == 1
    for line in outside(text):
        assert not re.match(r"=> /history looks|# looks", line), line


def outside(text):
    pre = False
    for line in text.splitlines():
        if line.startswith("```"):
            pre = not pre
        elif not pre:
            yield line


def test_robots_and_friends_are_ordinary_selectors(served):
    got = get(served, "/robots.txt")
    assert got.body == (served.root / "robots.txt").read_bytes()
    assert get(served, "/favicon.txt").status == 51


@pytest.mark.parametrize("path", ["/files/.hidden", "/files/.git/config",
                                  "/files/.well-known/x/.hidden"])
def test_names_with_a_leading_dot_are_not_served(daemon, path):
    def prepare(root):
        put_file(root / path[1:])

    d = daemon(prepare=prepare)
    assert gemini(d.gemini, url(path)).status == 51
    assert gopher(d.gopher, path.encode() + b"\r\n").startswith(b"3")
    assert "hidden" not in gemini(d.gemini, url("/files/")).body.decode()


def test_well_known_names_are_served(daemon):
    def prepare(root):
        put_file(root / "files/.well-known/security.txt")

    d = daemon(server.conf(selectors={
        "/.well-known/security.txt": "plain.txt"}), prepare=prepare)
    for path in ("/.well-known/security.txt",
                 "/files/.well-known/security.txt"):
        assert gemini(d.gemini, url(path)).status == 20
        for line in (path, path[1:]):
            got = gopher(d.gopher, line.encode() + b"\r\n")
            assert not got.startswith(b"3"), line


def put_file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("secret\n")


def test_only_regular_files_below_the_root_are_served(daemon):
    """A FIFO would block whoever opens it; a link may lead to anything."""
    def prepare(root):
        os.mkfifo(root / "files/fifo")
        (root / "files/out").symlink_to("/etc/passwd")
        (root / "files/up").symlink_to("../../capsule.key")
        (root / "files/dir").symlink_to("/etc")
        (root / "files/loop").symlink_to("loop")
        (root / "files/round").symlink_to("../files")
        (root / "files/null").symlink_to("/dev/zero")
        (root / "files/in").symlink_to("../plain.txt")

    d = daemon(prepare=prepare)
    for name in ("fifo", "out", "up", "dir", "dir/passwd", "loop", "null"):
        assert gemini(d.gemini, url("/files/" + name)).status == 51, name
        got = gopher(d.gopher, b"/files/%s\r\n" % name.encode())
        assert got.startswith(b"3"), name
    assert gemini(d.gemini, url("/files/in")).status == 20
    listing = gemini(d.gemini, url("/files/")).body.decode()
    assert "fifo" not in listing and "out" not in listing.split()
    assert "fifo" in d.log(), "nobody was told"


def test_an_address_is_a_host_if_the_configuration_says_so(daemon):
    d = daemon(server.conf(capsule={
        "hostname": "capsule.example.org 127.0.0.1 [::1]"}))
    for host in (HOST, "127.0.0.1", "[::1]"):
        got = gemini(d.gemini, "gemini://%s/history" % host)
        assert (got.status, got.clean) == (20, True), host
        got = gemini(d.gemini, "gemini://%s/" % host, name=None)
        assert got.status == 20
    assert gemini(d.gemini, "gemini://127.0.0.2/").status == 53
    assert gemini(d.gemini, "gemini://[::2]/").status == 53


def test_noise_gets_an_answer_or_an_end_and_does_no_harm(served):
    """Whatever comes, the worker lives: the daemon's last check sees to it."""
    noise = random.Random(1965)
    base = url("/files/a%20b.txt?q").encode()
    for _ in range(150):
        line = bytearray(base)
        for _ in range(noise.randrange(1, 6)):
            at = noise.randrange(len(line))
            line[at:at + noise.randrange(3)] = noise.randbytes(
                noise.randrange(4))
        with Tls(served.gemini) as c:
            c.send(bytes(line) + b"\r\n")
            got = Reply(c.read_all())
        assert got.clean and got.status in (20, 51, 53, 59), bytes(line)


def test_noise_in_place_of_tls_does_no_harm(served):
    noise = random.Random(7)
    with Tls(served.gemini, handshake=False) as c:
        hello = c.hello()
    for i in range(60):
        line = bytearray(hello)
        for _ in range(noise.randrange(1, 6)):
            line[noise.randrange(len(line))] = noise.randrange(256)
        with Plain(served.gemini if i % 2 else served.gopher) as c:
            c.send(bytes(line))
            c.half_close()
            assert c.read_all().end != "timeout", bytes(line)


# -- A2: the header, and the end of every kind of answer --

KINDS = {
    "success": url("/history"),
    "root": url("/"),
    "file": url("/data.bin"),
    "empty file": url("/empty.txt"),
    "streamed file": url("/big.bin"),
    "listing": url("/files/"),
    "permanent redirect": url("/old"),
    "temporary redirect": url("/soon"),
    "not found": url("/missing"),
    "gone": url("/1998"),
    "other host": "gemini://elsewhere.example/",
    "other port": "gemini://%s:443/" % HOST,
    "other scheme": "https://%s/" % HOST,
    "bad request": "Hello Gemini!",
    "empty request": "",
    "too long": of_length(1025),
    "far too long": of_length(16000),
    "bad bytes": b"gemini://\xff\xfe/",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_ends_with_close_notify_and_fin(served, kind):
    got = gemini(served.gemini, KINDS[kind])
    assert got.notified, "%s: %r" % (kind, got)
    assert got.end == "fin", "%s: %r" % (kind, got)
    assert got.seconds < 1.5, "%s: %r" % (kind, got)


@pytest.mark.parametrize("kind", KINDS)
def test_every_header_has_one_blank_words_and_crlf(served, kind):
    got = gemini(served.gemini, KINDS[kind])
    assert got.data[2:3] == b" " and got.data[3:4] not in b" \t\r"
    assert got.header.endswith(b"\r\n") and got.header[-3:-2] not in b" \t"
    assert len(got.header) <= 1029
    assert not got.data.startswith(b"\xef\xbb\xbf")


def test_header_and_body_of_a_page_share_one_record(served):
    """A record of its own for the header costs 22 bytes and a segment."""
    with Tls(served.gemini) as c:
        c.send(url("/history").encode() + b"\r\n")
        first = c.read()
    assert first.endswith(server.HISTORY.encode())


def test_the_end_is_told_without_waiting_for_the_client(served):
    with Tls(served.gemini) as c:
        c.send(url("/history").encode() + b"\r\n")
        start = time.monotonic()
        got = c.read_all()
        assert got.clean and time.monotonic() - start < 1


@pytest.mark.skipif(not server.IPV6, reason="this machine has no IPv6")
def test_both_address_families_are_served(served):
    got = gemini(served.gemini6, url("/history"), address="::1")
    assert got.body == server.HISTORY.encode()
