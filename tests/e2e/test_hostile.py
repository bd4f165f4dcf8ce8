"""Bad input at the wire, bad content on the disk, bad manners in between.

What is refused is refused in time, without a byte that could help anybody, and
the next visitor notices nothing: each daemon here must keep its workers.
"""
import os
import random
import socket
import ssl
import struct
import threading
import time

import pytest

import crowd
import server
from client import (HOST, Plain, Reply, Tls, context, gemini, gopher, links,
                    menu, url)
from crowd import SANITIZED, side_by_side
from server import conf, let_pass, wait_for

IDLE = 2.0  # seconds, as configured below
LATE = 3.0  # seconds a busy machine may be late
FREE = {"rate": "0", "max_connections_per_address": "1000"}
SEED = 7


@pytest.fixture(scope="module")
def open_house(tmp_path_factory):
    """The usual capsule, without limits and with short deadlines."""
    folder = tmp_path_factory.mktemp("open")
    server.write_capsule(folder / "root")
    with open(folder / "root" / "middle.bin", "wb") as f:
        f.write(os.urandom(96 << 10))
    with open(folder / "root" / "huge.bin", "wb") as f:
        f.truncate(48 << 20)
    text = conf(server={**FREE, "workers": "2", "request_timeout": "2s",
                        "idle_timeout": "2s"},
                selectors={"/middle.bin": "middle.bin",
                           "/huge.bin": "huge.bin"})
    with server.running(folder, text) as one:
        yield one


def is_well(d):
    """Both protocols still answer as ever."""
    got = gemini(d.gemini, url("/history"))
    assert (got.status, got.clean) == (20, True)
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    return True


# -- slowness --


def crawl(c, read, until, size=4096, pause=0.25):
    """So many bytes at a time, so seldom; what came."""
    got, start = b"", time.monotonic()
    while time.monotonic() - start < until:
        piece = read(size)
        if not piece:
            return got, piece
        got += piece
        let_pass(pause, "a slow reader")
    return got, None


def test_a_reader_slower_than_any_deadline_gets_everything(open_house):
    """96 KB at 16 KB a second takes three times as long as idle_timeout.

    Once with all of it in the kernel's buffers from the start, where only
    the kernel sees it taken; once out of a file far beyond them, the first
    six seconds of it slowly.
    """
    d = open_house
    middle = (d.root / "middle.bin").read_bytes()

    def visit(i):
        way, path = (Plain, Tls)[i % 2], ("middle", "huge")[i // 2]
        port = d.gopher if way is Plain else d.gemini
        line = b"/%s.bin\r\n" % path.encode()
        if way is Tls:
            line = b"gemini://" + HOST.encode() + line
        with way(port, rcvbuf=4096) as c:
            c.send(line)
            if way is Plain:
                def read(size):
                    return c.more(size)
            else:
                def read(size):
                    return c.read(size, size)
            start = time.monotonic()
            got, end = crawl(c, read, 30 if path == "middle" else 3 * IDLE)
            seconds = time.monotonic() - start
            if path == "middle":
                assert end == b"", "ended with %r" % end
                assert got.endswith(middle)
                assert seconds > 2 * IDLE
                return
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            rest = c.read_all(30)
        size = len(got) + len(rest.data)
        assert size >= 48 << 20, rest
        assert rest.end == "fin" and (way is Plain or rest.notified)

    assert side_by_side(4, visit) == [None] * 4


def sending(port):
    """Server sockets on this port that hold unsent bytes, by state."""
    found = []
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port and fields[3] != "0A":
            if int(fields[4].split(":")[0], 16) > 0:
                found.append(fields[3])
    return found


@pytest.mark.parametrize("way", ["gemini", "gopher"])
def test_who_half_closes_and_never_reads_leaves_nothing_in_the_kernel(
        open_house, way):
    """An answer small enough for the kernel is our business until it went."""
    port = getattr(open_house, way)
    with (Tls if way == "gemini" else Plain)(port, rcvbuf=4096) as c:
        c.send(b"gemini://%s/middle.bin\r\n" % HOST.encode()
               if way == "gemini" else b"/middle.bin\r\n")
        c.half_close()
        wait_for("the answer to be stuck", lambda: sending(port))
        start = time.monotonic()
        let_pass(1, "it shall be kept for so long")
        assert sending(port), "dropped before its time"
        wait_for("the kernel to be rid of it", lambda: not sending(port), 15)
        assert time.monotonic() - start < 2 * IDLE + LATE
    assert is_well(open_house)


# -- TLS --


def record(kind, payload, version=0x0303, length=None):
    return struct.pack(">BHH", kind, version,
                       len(payload) if length is None else length) + payload


def random_bytes(n):
    return random.Random(SEED + n).randbytes(n)


GARBAGE = {
    "one byte": b"\x16",
    "zeros": b"\x16" + bytes(400),
    "noise": b"\x16" + random_bytes(2000),
    "an empty record": record(22, b""),
    "empty records": record(22, b"") * 2000,
    "an oversized record": record(22, b"\1" * 20000),
    "a record that claims 65535 bytes": record(22, b"\1" * 400,
                                               length=0xffff),
    "a message that claims 16 MB": record(22, b"\1\xff\xff\xff" + b"A" * 16000),
    "a server's hello": record(22, b"\2\0\0\x26" + bytes(38)),
    "a finished": record(22, b"\x14\0\0\x0c" + bytes(12)),
    "version 0": record(22, b"\1\0\0\x26" + bytes(38), version=0),
    "version 65535": record(22, b"\1\0\0\x26\xff\xff" + bytes(36),
                            version=0xffff),
    "a key update": record(22, b"\x18\0\0\1\1"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_in_place_of_a_handshake_gets_an_alert_or_nothing(open_house,
                                                                 name):
    for port in (open_house.gemini, open_house.gopher):
        with Plain(port) as c:
            try:
                c.send(GARBAGE[name])
            except OSError:
                pass  # it did not want to hear it all
            got = c.read_all(10)
        assert got.end in ("fin", "reset"), repr(got)
        assert got.data == b"" or (got.data[0] == 21 and len(got.data) == 7)
    assert is_well(open_house)


def test_every_bent_byte_of_a_hello_is_survived(open_house):
    """Each byte of a good ClientHello replaced by others."""
    with Tls(open_house.gemini, handshake=False) as c:
        hello = c.hello()
    cases = [hello[:i] + bytes([hello[i] ^ bit]) + hello[i + 1:]
             for i in range(len(hello)) for bit in (1, 0x80, 0xff)]
    step = 8 if SANITIZED else 2

    def visit(k):
        for case in cases[k::8 * step]:
            with Plain(open_house.gemini) as c:
                c.send(case)
                c.half_close()
                got = c.read_all(10)
                if case[0] != 0x16:
                    assert got.data == b""
                assert got.end != "timeout", repr(got)

    assert side_by_side(8, visit) == [None] * 8
    assert is_well(open_house)


FATAL, WARNING = 2, 1


@pytest.mark.parametrize("level", [WARNING, FATAL, 0, 255])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_an_alert_at_any_step_ends_one_connection(open_house, version, level):
    """Before the hello, after it, after the handshake, after the request."""
    alerts = b"".join(record(21, bytes([level, code]))
                      for code in (0, 10, 40, 90, 100, 255))
    for step in range(4):
        with Tls(open_house.gemini, ctx=context(version, version),
                 handshake=False) as c:
            if step == 1:
                c.sock.sendall(c.hello())
            elif step > 1:
                c.handshake()
            if step == 3:
                c.send(url("/big.bin").encode() + b"\r\n")
            try:
                c.sock.sendall(alerts)
            except OSError:
                pass
            got = Plain.read_all(c, 10)
        assert got.end != "timeout", (step, got)
        if step == 0:
            assert got.data == b""
    assert is_well(open_house)


def test_a_flood_of_warnings_or_cipher_changes_is_cut_off(open_house):
    for flood in (record(21, b"\1\x5a") * 500, record(20, b"\1") * 500):
        with Tls(open_house.gemini, handshake=False) as c:
            c.sock.sendall(c.hello() + flood)
            got = Plain.read_all(c, 10)
        assert got.end != "timeout", repr(got)
    assert is_well(open_house)


def test_records_after_the_handshake_that_are_not_ours_end_it(open_house):
    for junk in (record(23, b"A" * 20000), record(23, b""),
                 record(23, b"B" * 64), record(22, b"\0\0\0\0"),
                 record(24, b"\1\x40\0"), b"\xff" * 64, b"GET / HTTP/1.1\r\n"):
        with Tls(open_house.gemini) as c:
            try:
                c.sock.sendall(junk)
            except OSError:
                pass
            got = Plain.read_all(c, 10)
        assert got.end != "timeout", (junk[:8], got)
    assert is_well(open_house)


def test_a_storm_of_key_updates_is_survived(open_house, tmp_path):
    """The letter K makes the program ask for new keys, and answer ours."""
    p = server.subprocess.run(
        ["openssl", "s_client", "-connect",
         "127.0.0.1:%d" % open_house.gemini, "-servername", HOST, "-tls1_3"],
        input=b"K\n" * 60, capture_output=True, timeout=20)
    assert b"KEYUPDATE" in p.stderr or b"KEYUPDATE" in p.stdout
    assert is_well(open_house)


@pytest.mark.parametrize("version", [b"\x03\x00", b"\x03\x01", b"\x03\x02"])
def test_versions_before_1_2_get_an_alert_and_no_more(open_house, version):
    hello = (b"\1\0\0\x2b" + version + bytes(32) + b"\0"
             + b"\0\4\xc0\x09\xc0\x0a" + b"\1\0")
    with Plain(open_house.gemini) as c:
        c.send(record(22, hello, version=0x0301))
        got = c.read_all(10)
    assert got.end == "fin", repr(got)
    assert got.data[:1] == b"\x15" and len(got.data) == 7
    assert is_well(open_house)


@pytest.mark.parametrize("name", [
    ".".join(["a" * 63] * 4), ".".join(["a"] * 128),
    HOST.upper() + ".", HOST + "."])
def test_the_longest_and_the_oddest_names_are_read_whole(open_house, name):
    assert len(name) in (255, len(HOST) + 1)
    got = gemini(open_house.gemini, url("/history"), name=name)
    assert got.clean and got.status in (20, 53)
    assert is_well(open_house)


@pytest.mark.parametrize("at", [0, 5, len(HOST) - 1])
def test_a_nul_inside_the_name_is_refused(open_house, at):
    with Tls(open_house.gemini, handshake=False) as c:
        name = HOST.encode()
        bent = name[:at] + b"\0" + name[at + 1:]
        hello = c.hello()
        assert name in hello
        c.sock.sendall(hello.replace(name, bent))
        got = Plain.read_all(c, 10)
    assert got.end == "fin" and got.data[:1] in (b"", b"\x15"), repr(got)
    assert is_well(open_house)


@pytest.mark.parametrize("line", [
    b"GET / HTTP/1.1\r\nHost: capsule.example.org\r\n\r\n", b"HEAD / HTTP/1.0"
    b"\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-x\r\n",
    b"gemini://capsule.example.org/\r\n", b"\x80\x2e\1\0\2" + bytes(43),
    b"\0" * 64, b"\r\n", b"\x15\3\1\0\2\2\0"])
def test_without_tls_the_gemini_port_says_not_one_byte(open_house, line):
    with Plain(open_house.gemini) as c:
        c.send(line)
        got = c.read_all(10)
    assert (got.data, got.end != "timeout") == (b"", True), repr(got)


def test_noise_of_any_length_gets_an_answer_or_an_end(open_house):
    """Random requests, with and without line ends, on both ports."""
    rounds = 6 if SANITIZED else 25

    def visit(k):
        rng = random.Random(SEED * 100 + k)
        for _ in range(rounds):
            n = rng.choice((1, 10, 100, 1000, 1024, 1026, 4096, 20000))
            data = rng.randbytes(n)
            if rng.random() < 0.5:
                data = bytes(rng.choice(b"/.%:@?#[]\t ~abc012\xc3\xa9")
                             for _ in range(n))
            if rng.random() < 0.7:
                data += b"\r\n"
            way = rng.choice(("gemini", "gopher", "gophers"))
            port = getattr(open_house, way.rstrip("s"))
            if way == "gopher" and data[:1] == b"\x16":
                data = b"/" + data
            with (Plain if way == "gopher" else Tls)(port) as c:
                try:
                    c.send(data)
                    c.half_close()
                except OSError:
                    pass
                got = c.read_all(10)
            assert got.end != "timeout", (way, data[:80])
            if way == "gemini" and got.data:
                assert Reply(got).status in (51, 53, 59), got

    assert side_by_side(8, visit) == [None] * 8
    assert is_well(open_house)


# -- content --


ODD_NAMES = [b"tab\there.txt", b"line\nbreak.txt", b"carriage\rreturn.txt",
             b"escape\x1b[2J.txt", b"bell\x07.txt", b"del\x7f.txt",
             b"crlf\r\n=> gemini:evil.example.org Click.txt",
             b"item\r\n1Evil\t\tevil.example.org\t70.txt",
             b"latin\xe9.txt", b"c1\xc2\x9b2J.txt",
             b"bidi\xe2\x80\xae.txt", b"=> looks.txt", b"``` looks.txt",
             b"# looks.txt", b".\r\n.txt", b"\xff\xfe.txt", b"x" * 200]


def put_odd_names(root):
    for name in ODD_NAMES:
        with open(os.path.join(os.fsencode(root / "files"), name), "wb") as f:
            f.write(b"odd\n")


def listing(d):
    items = menu(gopher(d.gopher, b"/files/\r\n"))
    page = gemini(d.gemini, url("/files/"))
    assert (page.status, page.mime) == (20, "text/gemini")
    return items, page.body


def test_no_file_name_forges_a_line_of_a_menu_or_a_page(daemon):
    d = daemon(conf(server=FREE), prepare=put_odd_names)
    items, page = listing(d)
    controls = set(range(0x20)) | {0x7f}
    for item in items:
        assert not controls & set(item.name), repr(item)
        assert not controls & set(item.selector), repr(item)
        assert b"evil" not in item.host
    for bad in (b"\x1b", b"\r", b"\x7f", b"\x07", b"\t", b"\xc2\x9b"):
        assert bad not in page.replace(b"\r\n", b"\n"), bad
    lines = page.decode("utf-8").splitlines()
    assert not any(li.startswith("=> gemini:evil") for li in lines)
    assert not any(li.startswith("```") for li in lines)
    d.no_sanitizer_report()
    # Whatever is offered can be had.
    for item in links(items):
        got = gopher(d.gopher, item.selector + b"\r\n")
        assert not got.startswith(b"3"), item
    assert "\x1b" not in d.log()


def test_what_is_no_regular_file_is_neither_listed_nor_waited_for(daemon):
    """A FIFO, a socket, a device, and links to each and out of the root."""
    kept = []

    def prepare(root):
        files = root / "files"
        os.mkfifo(files / "pipe.txt")
        s = socket.socket(socket.AF_UNIX)
        s.bind(str(files / "socket.txt"))
        kept.append(s)
        if os.geteuid() == 0:
            os.mknod(files / "null.txt", 0o666 | 0o020000, os.makedev(1, 3))
            os.mknod(files / "zero.bin", 0o666 | 0o020000, os.makedev(1, 5))
        (files / "passwd.txt").symlink_to("/etc/passwd")
        (files / "up.txt").symlink_to("../../capsuled.ini")
        (files / "out").symlink_to("/etc")
        (files / "circle").symlink_to("circle")
        (files / "nowhere.txt").symlink_to("nothing")
        (files / "tozero.txt").symlink_to("/dev/zero")
        (files / "topipe.txt").symlink_to("pipe.txt")
        (files / ".secret.txt").write_text("hidden\n")
        (files / ".git").mkdir()
        (files / ".git" / "config").write_text("hidden\n")
        (files / ".well-known").mkdir()
        (files / ".well-known" / "security.txt").write_text("Contact: us\n")
        (files / "good.txt").write_text("good\n")

    start = time.monotonic()
    d = daemon(conf(server=FREE), prepare=prepare)
    assert time.monotonic() - start < 10
    items, page = listing(d)
    refused = ["pipe.txt", "socket.txt", "null.txt", "zero.bin", "passwd.txt",
               "up.txt", "out", "circle", "nowhere.txt", "tozero.txt",
               "topipe.txt", ".secret.txt", ".git"]
    for name in refused:
        assert name.encode() not in page, name
        assert not any(name.encode() in i.selector for i in items), name
        for path in (name, name + "/", name + "/passwd", name + "/config"):
            assert gemini(d.gemini, url("/files/" + path)).status == 51, path
            got = gopher(d.gopher, b"/files/%s\r\n" % path.encode())
            assert got.startswith(b"3"), path
    assert b"good.txt" in page
    assert gemini(d.gemini, url("/files/good.txt")).body == b"good\n"
    got = gemini(d.gemini, url("/files/.well-known/security.txt"))
    assert (got.status, got.body) == (20, b"Contact: us\n")
    for s in kept:
        s.close()


@pytest.mark.parametrize("kind", ["fifo", "link", "device", "socket"])
def test_a_mapped_name_that_is_no_regular_file_is_left_out(tmp_path, kind):
    if kind == "device" and os.geteuid() != 0:
        pytest.skip("needs root")
    root = tmp_path / "root"
    server.write_capsule(root)
    path = root / "thing.txt"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "device":
        os.mknod(path, 0o666 | 0o020000, os.makedev(1, 5))
    else:
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(path))
    ini = tmp_path / "capsuled.ini"
    ini.write_text(conf(selectors={"/thing": "thing.txt"}))
    got = server.run("-n", "-c", ini)
    assert got.returncode == 0
    said = [li for li in got.stderr.splitlines() if "_user" not in li]
    assert "thing.txt" in said[0] and len(said) == 1
    line = 1 + ini.read_text().splitlines().index("/thing = thing.txt")
    assert said[0].startswith("warning: %s:%d: " % (ini, line))
    with server.running(tmp_path, conf(selectors={"/thing": "thing.txt"},
                                       server=FREE)) as one:
        assert gemini(one.gemini, url("/thing")).status == 51
        assert gemini(one.gemini, url("/history")).status == 20


def test_a_link_put_in_place_later_leads_nowhere(daemon):
    """What a request names was opened while loading, not now."""
    d = daemon(conf(server=FREE))
    (d.root / "history.gmi").unlink()
    (d.root / "history.gmi").symlink_to("/etc/passwd")
    (d.root / "big.bin").unlink()
    (d.root / "big.bin").symlink_to("/etc/passwd")
    assert is_well(d)
    assert b"root:" not in gemini(d.gemini, url("/big.bin")).body


CLIMBS = ["/../etc/passwd", "/files/../../etc/passwd", "/%2e%2e/etc/passwd",
          "/files/%2e%2e/%2e%2e/etc/passwd", "/files/..%2f..%2fetc/passwd",
          "/files//etc/passwd", "//etc/passwd", "/files/./../../etc/passwd",
          "/%00/etc/passwd", "/files/good.txt%00.gmi", "/files\\..\\..\\etc"]


@pytest.mark.parametrize("path", CLIMBS)
def test_no_request_climbs_out_of_the_root(open_house, path):
    got = gemini(open_house.gemini, url(path))
    assert got.status in (51, 59) and b"root:" not in got.body
    raw = gopher(open_house.gopher, path.encode() + b"\r\n")
    assert raw.startswith(b"3") and b"root:" not in raw


def test_a_folder_of_a_hundred_thousand_names_is_loaded_and_served(daemon):
    count = 5000 if SANITIZED else 100000

    def prepare(root):
        many = root / "many"
        many.mkdir()
        for i in range(count):
            first = i - i % 50000  # a file may have so many names
            if i == first:
                (many / ("%d.txt" % i)).write_text("one of many\n")
            else:
                os.link(many / ("%d.txt" % first), many / ("%d.txt" % i))

    d = daemon(conf(server=FREE, selectors={"/many/": "many/"},
                    listing={"/many/": "yes"}), prepare=prepare)
    spent = server.cpu_seconds(d.pid)
    page = gopher(d.gopher, b"/many/\r\n")
    assert page.count(b"\r\n") > count
    got = gemini(d.gemini, url("/many/%d.txt" % (count - 1)))
    assert got.body == b"one of many\n"
    size = crowd.tree_pss(d)
    print("%d names: ready after %.1f s of the processor, %.0f MB"
          % (count, spent, size / 1e6))
    assert SANITIZED or size < 300e6
    assert spent < 20
