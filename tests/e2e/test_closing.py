"""How connections end: the whole answer, close_notify, FIN, and no reset.

A reset overtakes what the client has not read yet and destroys it, so the
daemon reads on for a while before it closes; a body that had to be cut, on
the other hand, must never look complete.
"""
import os
import ssl
import time

import pytest

import server
from client import Plain, Reply, Tls, context, gemini, gopher, url
from server import let_pass

LINGER = 2.0  # seconds the daemon reads on after its answer
HUGE = 48 << 20  # bytes; more than any socket buffer takes

WAYS = ["gemini", "gopher", "gophers"]


def make_huge(root):
    """A file so large that it is never sent in one go."""
    with open(root / "huge.bin", "wb") as f:
        f.truncate(HUGE)


def connection(served, way, **how):
    if way == "gemini":
        return Tls(served.gemini, **how)
    return (Tls if way == "gophers" else Plain)(served.gopher, **how)


def request(way, path):
    if way == "gemini":
        return url(path).encode() + b"\r\n"
    return path.encode() + b"\r\n"


def whole(way, got, want):
    """The answer is complete, and so is its end."""
    assert got.end == "fin", repr(got)
    if way != "gopher":
        assert got.notified, repr(got)
    body = got.data
    if way == "gemini":
        body = Reply(got).body
    assert body == want


@pytest.fixture(scope="module")
def big(served):
    return (served.root / "big.bin").read_bytes()


@pytest.mark.parametrize("way", WAYS)
def test_a_big_answer_arrives_whole(served, big, way):
    with connection(served, way) as c:
        c.send(request(way, "/big.bin"))
        whole(way, c.read_all(), big)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", ["/data.bin", "/big.bin"])
def test_junk_after_the_request_destroys_nothing(served, way, path):
    """100 kB that nobody asked for lie unread when the daemon is done."""
    want = (served.root / path[1:]).read_bytes()
    with connection(served, way) as c:
        c.send(request(way, path) + b"j" * 100000)
        whole(way, c.read_all(), want)


@pytest.mark.parametrize("way", WAYS)
def test_junk_that_comes_after_the_answer_destroys_nothing(served, way):
    want = (served.root / "data.bin").read_bytes()
    with connection(served, way) as c:
        c.send(request(way, "/data.bin"))
        for _ in range(5):
            let_pass(0.02, "it comes after the answer")
            c.send(b"j" * 1000)
        whole(way, c.read_all(), want)


@pytest.mark.parametrize("line", [b"x" * 5000, b"\0" * 100000])
def test_junk_in_place_of_a_request_still_gets_its_59(served, line):
    with Tls(served.gemini) as c:
        c.send(line)
        got = Reply(c.read_all())
    assert got.status == 59 and got.clean


@pytest.mark.parametrize("way", ["gemini", "gophers"])
@pytest.mark.parametrize("path", ["/data.bin", "/big.bin"])
def test_an_early_close_notify_destroys_nothing(served, way, path):
    want = (served.root / path[1:]).read_bytes()
    with connection(served, way) as c:
        c.sock.sendall(c.seal(request(way, path)) + c.close_notify())
        whole(way, c.read_all(), want)


@pytest.mark.parametrize("way", ["gemini", "gophers"])
def test_an_early_close_notify_in_its_own_segment_neither(served, way):
    want = (served.root / "data.bin").read_bytes()
    with connection(served, way) as c:
        c.send(request(way, "/data.bin"))
        c.sock.sendall(c.close_notify())
        whole(way, c.read_all(), want)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", ["/data.bin", "/big.bin"])
def test_a_half_closed_client_gets_its_answer(served, way, path):
    want = (served.root / path[1:]).read_bytes()
    with connection(served, way) as c:
        c.send(request(way, path))
        c.half_close()
        whole(way, c.read_all(), want)


@pytest.mark.parametrize("way", ["gemini", "gophers"])
def test_close_notify_and_half_close_together_neither(served, big, way):
    with connection(served, way) as c:
        c.sock.sendall(c.seal(request(way, "/big.bin")) + c.close_notify())
        c.half_close()
        whole(way, c.read_all(), big)


@pytest.mark.parametrize("way", WAYS)
def test_a_slow_reader_gets_everything(served, big, way):
    """Pieces of 1 kB, and a rest after every sixteenth of them."""
    with connection(served, way, rcvbuf=4096) as c:
        c.send(request(way, "/big.bin"))
        read = c.read if way != "gopher" else c.more
        pieces, n = [], 0
        while sum(map(len, pieces[-1:])) or not pieces:
            piece = read(1024)
            assert piece is not None, "cut after %d bytes" % n
            pieces.append(piece)
            n += 1
            if n % 16 == 0:
                let_pass(0.002, "a slow reader")
        rest = Plain.read_all(c)
    got = b"".join(pieces)
    assert rest.data == b"" and rest.end == "fin"
    assert got[-len(big):] == big
    assert len(got) - len(big) == (got.index(b"\r\n") + 2
                                   if way == "gemini" else 0)


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_that_pauses_after_the_request_gets_everything(served, big,
                                                                way):
    """The answer, end and all, waits longer than the daemon lingers."""
    with connection(served, way) as c:
        c.send(request(way, "/data.bin"))
        with connection(served, way) as other:
            other.send(request(way, "/big.bin"))
            let_pass(LINGER + 0.3, "longer than the daemon lingers")
            whole(way, other.read_all(), big)
        whole(way, c.read_all(), server.BINARY_BYTES)


@pytest.mark.parametrize("way", WAYS)
def test_the_end_of_the_answer_waits_for_nobody(served, way):
    """FIN comes with the last bytes, while the client is still open."""
    with connection(served, way) as c:
        c.send(request(way, "/history"))
        got = c.read_all()
    assert got.end == "fin" and got.seconds < LINGER / 2, repr(got)


@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_never_closes_is_let_go_after_two_seconds(served, way):
    """Seen from outside: a byte sent later than that meets a reset."""
    with connection(served, way) as c:
        c.send(request(way, "/history"))
        got = c.read_all()
        assert got.end == "fin"
        start = time.monotonic()
        c.sock.settimeout(0.05)
        seconds = None
        while seconds is None:
            assert time.monotonic() - start < LINGER + 4, "never let go"
            let_pass(0.05, "a byte from time to time")
            try:
                c.sock.sendall(b"x")
            except OSError:
                seconds = time.monotonic() - start
    assert LINGER - 0.3 < seconds < LINGER + 1.5


@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_closes_is_forgotten_at_once(served, way):
    worker = served.workers[0]
    before = server.descriptors(worker)
    for _ in range(5):
        with connection(served, way) as c:
            c.send(request(way, "/history"))
            assert c.read_all().end == "fin"
    server.wait_for("the worker to close its descriptors",
                    lambda: server.descriptors(worker) <= before, LINGER / 2)


def test_clients_that_vanish_leave_nothing_behind(served):
    """In the middle of everything, with a reset or without."""
    worker = served.workers[0]
    # A large file stays open for others: let it be so before.
    with connection(served, "gopher") as c:
        c.send(request("gopher", "/big.bin"))
        c.read_all()
    before = server.descriptors(worker)
    for reset in (False, True):
        for way in WAYS:
            for path in (None, "/history", "/big.bin"):
                c = connection(served, way)
                if path is not None:
                    c.send(request(way, path))
                if reset:
                    linger = b"\1\0\0\0\0\0\0\0"
                    c.sock.setsockopt(server.socket.SOL_SOCKET,
                                      server.socket.SO_LINGER, linger)
                c.sock.close()
    server.wait_for("the worker to close its descriptors",
                    lambda: server.descriptors(worker) <= before, 6)
    assert gemini(served.gemini, url("/history")).status == 20


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_shrinks_while_it_is_sent_never_looks_complete(daemon,
                                                                   way):
    d = daemon(server.conf(selectors={"/huge.bin": "huge.bin"}),
               prepare=make_huge)
    with connection(d, way, rcvbuf=4096) as c:
        c.send(request(way, "/huge.bin"))
        first = c.read(1024) if way != "gopher" else c.more(1024)
        assert first
        os.truncate(d.root / "huge.bin", 1 << 20)
        got = c.read_all()
    assert len(got.data) < HUGE - 1024
    assert not got.notified, repr(got)
    if way == "gopher":
        assert got.end == "reset", repr(got)
    else:
        assert got.end in ("fin", "reset"), repr(got)
    assert b"1996" in gopher(d.gopher, b"/history\r\n")


class Watched(Tls):
    """A TLS client that keeps what it receives as it came."""

    def __init__(self, *arguments, **how):
        self.received = b""
        super().__init__(*arguments, **how)

    def pull(self, size=65536):
        data = self.more(size)
        if not data:
            self.ended = "reset" if data is None else "fin"
            return False
        self.received += data
        self.inward.write(data)
        return True

    def records(self):
        """The lengths of all sealed records, headers not counted."""
        found, at = [], 0
        while at + 5 <= len(self.received):
            length = int.from_bytes(self.received[at + 3:at + 5], "big")
            found.append(length)
            at += 5 + length
        assert at == len(self.received)
        return found


def records_of(served, path):
    """Those of one answer, its header's and the end among them."""
    with Watched(served.gemini, ctx=context(ssl.TLSVersion.TLSv1_3)) as c:
        before = len(c.records())
        c.send(url(path).encode() + b"\r\n")
        assert Reply(c.read_all()).status == 20
        return c.records()[before:]


def test_a_page_of_one_flight_is_one_record(served):
    got = gemini(served.gemini, url("/history"))
    want = len(got.data) + 17  # a type and a tag are sealed with it
    assert want in records_of(served, "/history")


def test_a_large_answer_begins_with_records_of_one_packet(served, big):
    """Its beginning can be read before the first flight is all there."""
    records = [n for n in records_of(served, "/big.bin") if n > 1000]
    assert records[:8] == [1360 + 17] * 8
    # Once it has shown how fast it is, the records are as large as can be.
    assert (16 << 10) + 17 in records
    assert len(records) < len(big) / (8 << 10)
