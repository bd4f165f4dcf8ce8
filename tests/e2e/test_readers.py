"""What readers cost who take their answers slowly, or not at all."""
import pathlib
import ssl
import threading
import time

import crowd
import pytest

import server
from client import Plain, Tls, context, gemini, gopher, url
from crowd import SANITIZED
from server import conf, let_pass, wait_for

HUGE = 48 << 20  # bytes; more than any socket buffer takes
STALLED = 100    # readers
PLACES = 12
# Bytes of memory a reader over TLS may take, and what one who only waits does.
MEMORY = 24 << 10
WAITING = (16 if ssl.OPENSSL_VERSION_INFO < (3, 2) else 24) << 10
QUEUE = 256 << 10  # bytes that may wait in the kernel for one


@pytest.fixture
def patient(daemon):
    def make(**keys):
        d = daemon(conf(
            server={"workers": "1", "rate": "0", "idle_timeout": "60s",
                    "max_connections_per_address": "1000", **keys},
            selectors={"/huge.bin": "huge.bin"}), prepare=make_huge)
        return d

    return make


def make_huge(root):
    with open(root / "huge.bin", "wb") as f:
        f.truncate(HUGE)


def queues(port):
    """Bytes that wait in the kernel for each peer of that port."""
    found = []
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[1].split(":")[1], 16) == port and words[3] == "01":
            found.append(int(words[4].split(":")[0], 16))
    return found


def crawl(them, stop):
    """Two bytes a second of each, until stop is set."""
    while not stop.wait(1):
        for c in them:
            c.sock.recv(2)


def test_new_visitors_are_answered_where_readers_crawl(patient):
    """All places are taken by readers of two bytes a second."""
    d = patient(max_connections=str(PLACES))
    them = [Plain(d.gopher, rcvbuf=4096) for _ in range(PLACES)]
    stop = threading.Event()
    reader = threading.Thread(target=crawl, args=(them[1:], stop))
    try:
        for c in them:
            c.send(b"/huge.bin\r\n")
        wait_for("all to be answered",
                 lambda: sum(n > 0 for n in queues(d.gopher)) == PLACES)
        reader.start()
        for _ in range(3):
            assert b"1996" in gopher(d.gopher, b"/history\r\n")
            assert gemini(d.gemini, url("/history")).clean
        # No more had to go than came.
        assert PLACES - 6 <= sum(n > 0 for n in queues(d.gopher)) < PLACES
        wait_for("the log", lambda: "end=room" in d.log())
    finally:
        stop.set()
        if reader.is_alive():
            reader.join()
        for c in them:
            c.sock.close()


def test_a_reader_whose_news_come_in_lumps_is_read_to_the_end(patient):
    """It takes some after half a second of silence, and then waits longer
    than idle_timeout: who has made progress is given time."""
    d = patient(idle_timeout="2s")
    with Plain(d.gopher, rcvbuf=4096) as c:
        c.send(b"/huge.bin\r\n")
        for _ in range(3):
            let_pass(1.2, "news come in lumps")
            c.sock.recv(1 << 16)
            c.sock.recv(1 << 16)
        let_pass(5, "longer than idle_timeout")
        assert len(c.read_all().data) > HUGE - (1 << 20)


def test_a_reader_who_stalls_costs_little(patient):
    """In the worker's memory and in the kernel's, in the clear and not."""
    d = patient()
    ctx = context(ssl.TLSVersion.TLSv1_3)
    gemini(d.gemini, url("/history"))
    warm = [Tls(d.gemini, ctx=ctx, rcvbuf=4096) for _ in range(20)]
    before = crowd.tree_pss(d)
    them = [Tls(d.gemini, ctx=ctx, rcvbuf=4096) for _ in range(STALLED)]
    clear = Plain(d.gopher, rcvbuf=4096)
    try:
        for c in them:
            c.send(url("/huge.bin").encode() + b"\r\n")
        clear.send(b"/huge.bin\r\n")
        wait_for("all to be answered",
                 lambda: sum(n > 0 for n in queues(d.gemini)) == STALLED)
        wait_for("the clear one, too", lambda: max(queues(d.gopher)) > 0)
        gemini(d.gemini, url("/history"))
        each = (crowd.tree_pss(d) - before) / STALLED
        print("%.0f bytes each, queues %d and %d" % (
            each, max(queues(d.gemini)), max(queues(d.gopher))))
        assert SANITIZED or each < WAITING + MEMORY
        assert max(queues(d.gemini)) <= QUEUE
        assert max(queues(d.gopher)) <= QUEUE
    finally:
        for c in [*warm, *them, clear]:
            c.sock.close()


def stroll(them, stop):
    """20 KB a second of each, until stop is set."""
    while not stop.wait(0.05):
        for c in them:
            c.sock.recv(1024)


def test_readers_who_go_on_are_spared_when_room_is_made(patient):
    """The one who takes nothing goes, and then who says nothing; slow as
    the others are, the socket of none of them can be written each second."""
    d = patient(max_connections="4")
    them = [Plain(d.gopher, rcvbuf=4096) for _ in range(4)]
    stop = threading.Event()
    reader = threading.Thread(target=stroll, args=(them[:3], stop))
    try:
        for c in them:
            c.send(b"/huge.bin\r\n")
        reader.start()
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
        wait_for("the log", lambda: "end=room" in d.log())
        for _ in range(3):
            with Plain(d.gopher) as silent:
                assert b"1996" in gopher(d.gopher, b"/history\r\n")
                assert silent.read_all().data == b""
        assert d.log().count("end=room") == 1
        assert them[3].read_all().end == "reset"
    finally:
        stop.set()
        if reader.is_alive():
            reader.join()
        for c in them:
            c.sock.close()


def test_nobody_has_to_go_in_the_first_second(patient):
    """Not even one who says nothing; who comes then is answered later."""
    d = patient(max_connections="4")
    began = time.monotonic()
    silent = [Plain(d.gopher) for _ in range(4)]
    try:
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
        assert time.monotonic() - began >= 0.99
        assert silent[0].read_all().data == b""  # it came before the others
        assert all(c.is_silent(0.01) for c in silent[1:])
    finally:
        for c in silent:
            c.sock.close()
