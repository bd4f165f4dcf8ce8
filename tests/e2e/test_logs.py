"""The logs: one honest line a request, whoever sent what.

An access line is key=value from end to end; a client may choose what stands
between the quotes of selector, and nothing else.
"""
import datetime
import os
import re
import ssl
import subprocess

import pytest

import server
from client import HOST, Plain, Tls, context, gemini, gopher, url
from server import conf, wait_for

KEYS = ["proto", "from", "host", "selector", "status", "bytes", "ms", "tls",
        "resumed"]


def after(d, visit):
    """The access line that one visit adds, and the visit's result."""
    n = len(d.accesses())
    got = visit()
    lines = wait_for("an access line", lambda: d.accesses()[n:])
    assert len(lines) == 1, lines
    return lines[0], got


# -- the fields --


def test_a_gemini_line_says_what_happened(served):
    line, got = after(served, lambda: gemini(served.gemini,
                                             url("/history?words")))
    assert [k for k in line if k != "time"] == KEYS
    assert line["proto"] == "gemini"
    assert line["from"] == "127.0.0.1"
    assert line["host"] == HOST
    assert line["selector"] == '"/history"'
    assert line["status"] == "20"
    assert int(line["bytes"]) == len(got.data)
    assert 0 <= int(line["ms"]) < 5000
    assert (line["tls"], line["resumed"]) == ("1.3", "0")


def test_a_gopher_line_says_what_happened(served):
    line, got = after(served, lambda: gopher(served.gopher, b"/history\r\n"))
    assert [k for k in line if k != "time"] == KEYS
    assert line["proto"] == "gopher"
    assert line["selector"] == '"/history"'
    assert line["status"] == "20"
    assert int(line["bytes"]) == len(got)
    assert (line["tls"], line["resumed"]) == ("-", "0")


def test_a_line_tells_when(served):
    line, _ = after(served, lambda: gopher(served.gopher, b"\r\n"))
    when = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
    if when.tzinfo is None:
        when = when.astimezone()
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs((now - when).total_seconds()) < 60


@pytest.mark.parametrize("line, status, selector", [
    (url("/"), "20", "/"),
    ("gemini://" + HOST, "20", "/"),
    (url("/missing"), "51", "/missing"),
    (url("/old"), "31", "/old"),
    (url("/1998"), "52", "/1998"),
    ("gemini://elsewhere.example/x", "53", None),
    ("Hello Gemini!", "59", None),
    (url("/files/a%20b.txt"), "20", "/files/a b.txt"),
    (url("/files/%C3%A9t%C3%A9.txt"), "20", "/files/\u00e9t\u00e9.txt"),
])
def test_a_gemini_line_has_the_status_sent(served, line, status, selector):
    got, reply = after(served, lambda: gemini(served.gemini, line))
    assert got["status"] == status == str(reply.status)
    assert int(got["bytes"]) == len(reply.data)
    if selector is not None:
        assert got["selector"] == '"%s"' % selector


@pytest.mark.parametrize("line, status", [
    (b"\r\n", "20"), (b"/missing\r\n", "51"), (b"/1998\r\n", "52"),
    (b"/old\r\n", "31"), (b"x" * 2000, "59"), (b"/plain.txt\n", "20")])
def test_a_gopher_line_has_the_status_gemini_would_have_sent(served, line,
                                                             status):
    got, _ = after(served, lambda: gopher(served.gopher, line))
    assert got["status"] == status


def test_a_line_tells_the_version_and_the_resumption(served):
    for name, version in (("1.2", "TLSv1_2"), ("1.3", "TLSv1_3")):
        version = getattr(ssl.TLSVersion, version)
        ctx, session = context(version, version), None
        for resumed in "01":
            def visit():
                with Tls(served.gemini, ctx=ctx, session=session) as c:
                    c.send(url("/history").encode() + b"\r\n")
                    c.read_all()
                    return c.finish()
            line, session = after(served, visit)
            assert (line["tls"], line["resumed"]) == (name, resumed)


def test_a_gopher_line_tells_of_tls(served):
    line, _ = after(served, lambda: gopher(served.gopher, b"\r\n", tls=True))
    assert (line["proto"], line["tls"]) == ("gopher", "1.3")


def test_an_answer_that_was_cut_is_not_logged_as_whole(daemon):
    def make_huge(root):
        with open(root / "huge.bin", "wb") as f:
            f.truncate(48 << 20)

    d = daemon(conf(selectors={"/huge.bin": "huge.bin"}), prepare=make_huge)

    def visit():
        with Plain(d.gopher, rcvbuf=4096) as c:
            c.send(b"/huge.bin\r\n")
            assert c.more(1024)
    line, _ = after(d, visit)
    assert int(line["bytes"]) < 48 << 20


# -- addresses --


@pytest.mark.parametrize("how, v4, v6", [
    ("full", "127.1.2.3", "::1"),
    ("truncated", "127.1.2.0", "::"),
    ("none", "-", "-")])
def test_an_address_is_logged_as_far_as_allowed(daemon, how, v4, v6):
    d = daemon(conf(log={"addresses": how}))
    line, _ = after(d, lambda: gopher(d.gopher, b"\r\n", source="127.1.2.3"))
    assert line["from"] == v4
    line, _ = after(d, lambda: gemini(d.gemini, url("/"), source="127.1.2.3"))
    assert line["from"] == v4
    if server.IPV6:
        line, _ = after(d, lambda: gopher(d.gopher6, b"\r\n", address="::1"))
        assert line["from"] == v6
    if how != "full":
        assert "127.1.2.3" not in d.log() and "[::1]" not in log_of_visits(d)


def log_of_visits(d):
    return "\n".join(t for t in d.log().split("\n") if "proto=" in t)


# -- hostile bytes --

HOSTILE = [
    b"/\x1b[31mred\x1b]0;title\x07",
    b'/" status=20 bytes=1 from=192.0.2.1 x="',
    b"/\\\" status=20",
    b"/\\",
    b"/a\rproto=gemini from=192.0.2.1",
    b"/a\x0bb\x0cc\x85d\xe2\x80\xa8e\xe2\x80\xa9f",
    b"/\xff\xfe\xc3(\xed\xa0\x80\xf5\x80\x80\x80",
    b"/\xc2\x9b31m",
    b"/\x7f\x08\x08\x08",
    b"/%0a%0dproto=gemini",
    b"/" + b'"' * 200,
    b"/" + b"\xff" * 250,
    b"/tab\tproto=gemini from=192.0.2.1",
    b"GET /\x1b HTTP/1.0",
    b"URL:https://x.example/\x1b\"",
    b"/\xe2\x80\xaegnp.exe",
]


@pytest.mark.parametrize("selector", HOSTILE)
def test_no_selector_forges_a_line(served, selector):
    size = len(served.log_path.read_bytes())
    line, _ = after(served, lambda: gopher(served.gopher,
                                           selector + b"\r\n"))
    assert set(line) - {"time"} == set(KEYS)
    assert (line["proto"], line["from"]) == ("gopher", "127.0.0.1")
    raw = served.log_path.read_bytes()[size:]
    assert raw.count(b"\n") == 1
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw)
    text = raw.decode("utf-8")
    assert not re.search("[\x80-\x9f]", text)


@pytest.mark.parametrize("line", [
    b"gemini://\x1b[31m/", b'gemini://x" status=20/', b"\xff\xfe\x1b\"\\",
    b"gemini://capsule.example.org/%1b[31m%0aproto=gemini",
    b"gemini://capsule.example.org/%22%20status=20%20x=%22",
    b"gemini://%0a%22proto=gemini/", b"a\nproto=gemini from=192.0.2.1",
    pytest.param(b"\x1b" * 1025, id="1025 escapes")])
def test_no_url_forges_a_line(served, line):
    size = len(served.log_path.read_bytes())
    got, reply = after(served, lambda: gemini(served.gemini, line))
    assert set(got) - {"time"} == set(KEYS)
    assert got["status"] == str(reply.status)
    raw = served.log_path.read_bytes()[size:]
    assert raw.count(b"\n") == 1
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw)
    raw.decode("utf-8")


# -- where lines go --


def test_a_file_gets_the_access_lines_and_nothing_else(daemon):
    d = daemon(conf(log={"access": "access.log"}))
    path = d.folder / "access.log"
    for _ in range(3):
        gopher(d.gopher, b"/history\r\n")
    gemini(d.gemini, url("/history"))
    wait_for("four lines", lambda: len(d.accesses(path)) == 4)
    assert len(path.read_text().splitlines()) == 4
    assert "proto=" not in d.log()
    assert not path.stat().st_mode & 0o007


def test_a_file_is_added_to_from_start_to_start(daemon):
    d = daemon(conf(log={"access": "access.log"}))
    gopher(d.gopher, b"/history\r\n")
    d.stop()
    path = d.folder / "access.log"
    assert len(d.accesses(path)) == 1, "a line was lost in stopping"
    with server.running(d.folder, d.path.read_text()) as again:
        gopher(again.gopher, b"/history\r\n")
        wait_for("a second line", lambda: len(d.accesses(path)) == 2)


def test_several_workers_never_tear_a_line(daemon):
    d = daemon(conf(server={"workers": "3"}, log={"access": "access.log"}))
    selectors = [b"/%s-%d" % (b"x" * (i * 7 % 200), i) for i in range(60)]
    for selector in selectors:
        gopher(d.gopher, selector + b"\r\n")
    path = d.folder / "access.log"
    lines = wait_for("all lines", lambda: [
        a for a in [d.accesses(path)] if len(a) == len(selectors)])[0]
    assert sorted(line["selector"] for line in lines) == sorted(
        '"%s"' % s.decode() for s in selectors)


def test_access_none_writes_no_line(daemon):
    d = daemon(conf(log={"access": "none"}))
    gopher(d.gopher, b"/history\r\n")
    gemini(d.gemini, url("/history"))
    d.stop()
    assert "proto=" not in d.log()


@pytest.mark.parametrize("level, has_debug", [("info", False),
                                              ("debug", True)])
def test_the_level_chooses_what_is_written(daemon, level, has_debug):
    d = daemon(conf(log={"level": level}))
    gopher(d.gopher, b"/history\r\n")
    wait_for("an access line", d.accesses)
    assert (" debug " in d.log()) == has_debug


def test_v_adds_to_the_level(daemon):
    d = daemon(options=["-v"])
    gopher(d.gopher, b"/history\r\n")
    wait_for("an access line", d.accesses)
    assert " debug " in d.log()


def test_the_start_tells_what_is_served_where(daemon):
    d = daemon()
    assert HOST in d.log()
    assert str(d.gemini) in d.log() and str(d.gopher) in d.log()


def test_a_closed_standard_error_does_not_stop_the_service(daemon):
    d = daemon(stderr=subprocess.PIPE)
    d.proc.stderr.close()
    for _ in range(5):
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
        assert gemini(d.gemini, url("/history")).status == 20


def test_a_reader_who_never_reads_does_not_stop_the_service(daemon):
    """More lines than a pipe holds; those that do not fit are dropped."""
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "wb") as pipe:
        d = daemon(stderr=pipe)
        line = b"/" + b"\xff" * 250 + b"\r\n"
        for _ in range(100):
            with Plain(d.gopher) as c:
                c.send(line)
                assert c.read_all().end == "fin"
        assert gemini(d.gemini, url("/history")).status == 20


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_does_not_stop_the_service(daemon):
    d = daemon(conf(log={"access": "/dev/full"}))
    for _ in range(5):
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
        assert gemini(d.gemini, url("/history")).status == 20
