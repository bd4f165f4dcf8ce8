"""A worker that was taken over writes what it likes into the tables that all
share: it may keep clients out, and that ends with it.

The attack is made from outside, by /proc/PID/mem of a worker.
"""
import os
import random
import signal
import time

import pytest

import server
from client import Plain, Tls, context, gemini, gopher, url
from crowd import SANITIZED
from server import conf, wait_for
from test_limits import is_let_in
from test_tls import TLS13

WRITTEN = 1 << 20  # bytes of each table, from its beginning
RANDOM = random.Random(7)


def shared_maps(pid):
    """(start, end) of the memory that a process shares with others."""
    with open("/proc/%d/maps" % pid) as maps:
        rows = [line.split() for line in maps]
    return [tuple(int(x, 16) for x in row[0].split("-"))
            for row in rows if row[1] == "rw-s"]


def write_tables(pid, words):
    """Write words again and again over all that pid shares."""
    pattern = b"".join(w.to_bytes(4, "little") for w in words)
    with open("/proc/%d/mem" % pid, "r+b", buffering=0) as memory:
        for start, end in shared_maps(pid):
            size = min(end - start, WRITTEN)
            memory.seek(start)
            memory.write((pattern * (size // len(pattern) + 1))[:size])


def may_write_memory(pid):
    try:
        with open("/proc/%d/mem" % pid, "r+b"):
            return True
    except OSError:
        return False


def served(d):
    try:
        return b"1996" in gopher(d.gopher, b"/history\r\n") and \
            gemini(d.gemini, url("/history")).status == 20
    except (AssertionError, OSError):
        return False


def visit_for_a_moment(d):
    """Whatever comes of it, and though nothing may come."""
    try:
        with Plain(d.gopher) as c:
            c.send(b"/history\r\n")
            c.read_all(0.5)
        with Tls(d.gemini, handshake=False) as c:
            c.sock.sendall(c.hello())
            Plain.read_all(c, 0.5)
    except OSError:
        pass


FORGED = {
    "ones": [0xffffffff],
    "far": [0x7fffff00],
    "small": [1, 2, 3, 0],
    "random": [RANDOM.getrandbits(32) for _ in range(1009)],
}


@pytest.mark.skipif(SANITIZED, reason="a sanitizer shares memory, too")
@pytest.mark.parametrize("words", FORGED.values(), ids=FORGED.keys())
def test_whatever_a_worker_writes_the_master_and_the_others_go_on(daemon,
                                                                  words):
    d = daemon(conf(server={"workers": "2", "rate": "1000",
                            "max_connections_per_address": "100"}),
               steady=False)
    assert served(d)
    taken_over, other = d.workers[:2]
    if not may_write_memory(taken_over):
        pytest.skip("may not write a worker's memory here")
    write_tables(taken_over, words)
    for _ in range(3):
        visit_for_a_moment(d)  # it may be kept out: but nobody dies of it
    os.kill(taken_over, signal.SIGKILL)
    wait_for("another worker",
             lambda: len(set(d.children()) - {taken_over}) >= 2)
    assert other in d.children() and d.proc.poll() is None
    wait_for("a service as before", lambda: served(d))
    d.reload()
    assert served(d) and d.proc.poll() is None
    assert "died" not in d.log().replace("worker %d died" % taken_over, "")


@pytest.mark.skipif(SANITIZED, reason="a sanitizer shares memory, too")
def test_a_lock_that_nobody_holds_stops_nobody_for_long(daemon):
    """Held by process 1, for the rest of time."""
    d = daemon(conf(server={"workers": "1"}))
    assert served(d)
    pid = d.workers[0]
    if not may_write_memory(pid):
        pytest.skip("may not write a worker's memory here")
    largest = max(shared_maps(pid), key=lambda m: m[1] - m[0])
    with open("/proc/%d/mem" % pid, "r+b", buffering=0) as memory:
        memory.seek(largest[0])
        memory.write((1).to_bytes(4, "little"))
    before, start = server.cpu_seconds(pid), time.monotonic()
    assert gopher(d.gopher, b"/history\r\n")
    print("%.2f s, %.2f of a processor" % (time.monotonic() - start,
                                           server.cpu_seconds(pid) - before))
    assert server.cpu_seconds(pid) - before < 0.2
    start = time.monotonic()
    assert is_let_in(d) and time.monotonic() - start < 5


@pytest.mark.skipif(SANITIZED, reason="a sanitizer shares memory, too")
def test_a_session_that_was_changed_begins_anew(daemon):
    d = daemon(conf(server={"workers": "2"}, tls={"tickets": "id"}),
               steady=False)
    ctx = context(TLS13, TLS13)
    with Tls(d.gemini, ctx=ctx) as c:
        c.send(url("/history").encode() + b"\r\n")
        c.read_all()
        session = c.finish()
    if not may_write_memory(d.workers[0]):
        pytest.skip("may not write a worker's memory here")
    write_tables(d.workers[0], [0xffffffff])
    os.kill(d.workers[0], signal.SIGKILL)  # the limits are mended by that
    wait_for("a service as before", lambda: served(d))
    with Tls(d.gemini, ctx=ctx, session=session) as c:
        assert not c.tls.session_reused
