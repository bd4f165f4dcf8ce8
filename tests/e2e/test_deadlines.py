"""Every state of a connection has a deadline, and somebody who tests it.

All the slow clients of one promise wait side by side, so that the suite
waits once for each deadline and not once for each client.
"""
import contextlib
import os
import signal
import threading
import time

import pytest

import server
from client import Plain, Reply, Tls, gemini, url
from server import let_pass, wait_for

REQUEST = 1.0  # seconds, as configured below
IDLE = 1.0
DRAIN = 1.0
LINGER = 2.0
LATE = 2.0  # seconds a busy machine may be late
HUGE = 48 << 20  # bytes; more than any socket buffer takes


def text(**server_keys):
    keys = {"request_timeout": "1s", "idle_timeout": "1s",
            "drain_timeout": "1s"}
    keys.update(server_keys)
    return server.conf(server=keys, selectors={"/huge.bin": "huge.bin"})


def make_huge(root):
    with open(root / "huge.bin", "wb") as f:
        f.truncate(HUGE)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A daemon with the shortest deadlines there are."""
    folder = tmp_path_factory.mktemp("hasty")
    server.write_capsule(folder / "root")
    make_huge(folder / "root")
    with server.running(folder, text()) as one:
        yield one


def silent(c):
    """Say nothing and wait for the end."""
    return c.read_all()


def drip(c, data, pause=0.2):
    """A byte now and then, until nobody listens any more."""
    start = time.monotonic()
    c.sock.settimeout(pause)
    got = b""
    for byte in data:
        try:
            c.sock.sendall(bytes([byte]))
            piece = c.sock.recv(4096)
            if piece == b"":
                break
            got += piece
        except TimeoutError:
            continue
        except OSError:
            break
    return got, time.monotonic() - start


def ends_in_time(ended):
    assert ended.end in ("fin", "reset"), repr(ended)
    assert REQUEST - 0.2 < ended.seconds < REQUEST + LATE, repr(ended)


@pytest.mark.parametrize("protocol", ["gemini", "gopher"])
def test_a_silent_client_is_dropped_without_a_byte(hasty, protocol):
    with Plain(getattr(hasty, protocol)) as c:
        got = silent(c)
    ends_in_time(got)
    assert got.data == b""


@pytest.mark.parametrize("protocol", ["gemini", "gopher"])
def test_a_client_silent_after_its_handshake_is_dropped(hasty, protocol):
    start = time.monotonic()
    with Tls(getattr(hasty, protocol)) as c:
        got = silent(c)
        got.seconds = time.monotonic() - start
    ends_in_time(got)
    if got.data:
        assert Reply(got).status in (40, 59) and got.clean


def test_a_request_without_its_end_is_dropped(hasty):
    for port, line in ((hasty.gemini, url("/history").encode() + b"\n"),
                       (hasty.gemini, url("/hist").encode())):
        with Tls(port) as c:
            c.send(line)
            got = silent(c)
        assert got.end != "timeout" and got.seconds < REQUEST + LATE
        if got.data:
            assert Reply(got).status in (40, 59) and got.clean


def test_a_gopher_request_without_its_end_is_dropped(hasty):
    with Plain(hasty.gopher) as c:
        c.send(b"/histor")
        got = silent(c)
    ends_in_time(got)
    assert b"1996" not in got.data


@pytest.mark.parametrize("cut", [1, 5, 60, -1])
def test_half_a_client_hello_is_dropped(hasty, cut):
    for port in (hasty.gemini, hasty.gopher):
        with Tls(port, handshake=False) as c:
            c.sock.sendall(c.hello()[:cut])
            got = Plain.read_all(c)
        ends_in_time(got)
        assert got.data[:1] in (b"", b"\x15")


def test_a_handshake_left_half_done_is_dropped(hasty):
    with Tls(hasty.gemini, handshake=False) as c:
        c.sock.sendall(c.hello())
        ends_in_time(Plain.read_all(c))


def test_dripping_bytes_does_not_put_the_deadline_off(hasty):
    """Handshake, request and selector, each one byte at a time."""
    results = {}

    def run(name, make):
        with make() as c:
            data = drips[name](c)
            results[name] = drip(c, data)

    drips = {
        "hello": lambda c: c.hello(),
        "request": lambda c: c.seal(url("/history").encode() + b"\r\n"),
        "selector": lambda c: b"/history" * 8 + b"\r\n",
    }
    makes = {
        "hello": lambda: Tls(hasty.gemini, handshake=False),
        "request": lambda: Tls(hasty.gemini),
        "selector": lambda: Plain(hasty.gopher),
    }
    threads = [threading.Thread(target=run, args=item)
               for item in makes.items()]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(results) == set(makes)
    for name, (got, seconds) in results.items():
        assert seconds < REQUEST + LATE, name
        assert b"1996" not in got, name


def test_the_handshake_and_the_request_share_one_deadline(hasty):
    """Slow in both: each part alone would have been in time."""
    start = time.monotonic()
    with Tls(hasty.gemini, handshake=False) as c:
        hello = c.hello()
        let_pass(0.7, "a slow client")
        c.sock.sendall(hello)
        c.handshake()
        got = c.read_all()
    assert got.end != "timeout"
    assert time.monotonic() - start < REQUEST + 0.7 - 0.1


@pytest.mark.parametrize("way", ["gemini", "gopher", "gophers"])
def test_a_client_that_reads_nothing_is_dropped(hasty, way):
    port = hasty.gemini if way == "gemini" else hasty.gopher
    line = url("/huge.bin").encode() if way == "gemini" else b"/huge.bin"
    with (Plain if way == "gopher" else Tls)(port, rcvbuf=4096) as c:
        n = len(hasty.accesses())
        start = time.monotonic()
        c.send(line + b"\r\n")
        logged = server.wait_for("the end", lambda: hasty.accesses()[n:])
        seconds = time.monotonic() - start
        got = c.read_all()
    assert IDLE - 0.2 < seconds < IDLE + LATE
    assert logged[0]["selector"] == '"/huge.bin"'
    assert int(logged[0]["bytes"]) < HUGE
    assert len(got.data) < HUGE
    assert not got.notified, "a cut answer looked whole: %r" % got
    if way == "gopher":
        assert got.end == "reset", repr(got)


@pytest.mark.parametrize("way", ["gemini", "gopher"])
def test_a_slow_but_steady_reader_is_never_dropped(hasty, way):
    """It takes twice the deadline, but some bytes all the time."""
    port = hasty.gemini if way == "gemini" else hasty.gopher
    line = url("/big.bin").encode() if way == "gemini" else b"/big.bin"
    with (Tls if way == "gemini" else Plain)(port, rcvbuf=4096) as c:
        c.send(line + b"\r\n")
        read = c.read if way == "gemini" else c.more
        start, size = time.monotonic(), 0
        while piece := read(16384):
            size += len(piece)
            # evenly over two and a half seconds
            ahead = 2.5 * size / server.BIG_SIZE - (time.monotonic() - start)
            let_pass(max(0, min(ahead, 0.3)), "a slow reader")
    assert piece == b""
    assert size >= server.BIG_SIZE


def test_nobody_else_waits_for_the_slow(hasty):
    slow = [Plain(hasty.gemini) for _ in range(20)]
    slow += [Plain(hasty.gopher) for _ in range(20)]
    start = time.monotonic()
    assert gemini(hasty.gemini, url("/history")).status == 20
    assert time.monotonic() - start < REQUEST / 2
    for c in slow:
        assert c.read_all().end != "timeout"
        c.sock.close()


def test_stopping_waits_no_longer_than_the_drain_deadline(daemon):
    d = daemon(text(idle_timeout="20s"), prepare=make_huge)
    with Tls(d.gemini, rcvbuf=4096) as c:
        c.send(url("/huge.bin").encode() + b"\r\n")
        assert c.read(1024)
        start = time.monotonic()
        d.signal(server.signal.SIGTERM)
        assert d.proc.wait(timeout=server.START) == 0
        seconds = time.monotonic() - start
        got = c.read_all()
    assert DRAIN - 0.3 < seconds < DRAIN + LATE
    assert not got.notified and len(got.data) < HUGE


def test_stopping_an_idle_daemon_waits_for_nothing(daemon):
    d = daemon(text(drain_timeout="30s"), prepare=make_huge)
    gemini(d.gemini, url("/history"))
    start = time.monotonic()
    d.signal(server.signal.SIGTERM)
    assert d.proc.wait(timeout=server.START) == 0
    assert time.monotonic() - start < LATE


@pytest.mark.parametrize("n", [64, 65])
def test_however_many_came_together_all_end_in_time(daemon, n):
    """So many deadlines are looked at in a turn of the loop; others follow."""
    d = daemon(text(max_connections_per_address="1000", rate="0"),
               prepare=make_huge)
    with contextlib.ExitStack() as stack:
        them = [stack.enter_context(Plain(d.gopher)) for _ in range(n)]
        began = time.monotonic()
        for c in them:
            assert c.read_all().end == "fin"
        assert time.monotonic() - began < REQUEST + LATE


@pytest.mark.parametrize("n", [1, 16, 17, 100])
def test_who_waits_to_be_accepted_when_we_stop_is_answered(daemon, n):
    """However many turns of the loop it takes to accept them all."""
    d = daemon(text(max_connections_per_address="1000", rate="0",
                    workers="1", drain_timeout="20s"), prepare=make_huge)
    worker, = d.workers
    with contextlib.ExitStack() as stack:
        os.kill(worker, signal.SIGSTOP)
        try:
            them = [stack.enter_context(Plain(d.gopher)) for _ in range(n)]
            for c in them:
                c.send(b"/history\r\n")
            d.signal(signal.SIGTERM)
            wait_for("the word to stop", lambda: "stopping: " in d.log())
        finally:
            os.kill(worker, signal.SIGCONT)
        for c in them:
            assert b"first year" in c.read_all().data
    assert d.proc.wait(timeout=server.START) == 0
