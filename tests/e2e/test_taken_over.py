"""A taken-over worker: what it may send to others, and what becomes of it."""
import os
import signal
import socket
import struct

import pytest

import server
import worker
from client import gemini, gopher, url
from server import conf, let_pass, wait_for

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or os.uname().sysname != "Linux",
    reason="only root can act as another process, on Linux")


def assert_killed(d, why):
    """The worker, by its master, which goes on with another."""
    old, = d.workers
    wait_for("the reason", lambda: ") %s: killed" % why in d.log())
    wait_for("another worker", lambda: d.children() not in ([], [old]))
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    assert gemini(d.gemini, url("/history")).status == 20
    assert d.key_processes() == d.key_process


FORGERIES = {
    "an unknown word": (worker.record(b"?"), 0),
    "an end": (worker.record(b"\0"), 0),
    "a word of the master's": (worker.record(b"D"), 0),
    "a descriptor of the master's": (worker.record(b"K"), 1),
    "a descriptor with a word of its own": (worker.record(b"R"), 1),
    "many descriptors": (worker.record(b"R"), 100),
    "a short record": (b"C", 0),
    "a long record": (b"C" + bytes(100), 0),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_worker_that_forges_messages_is_killed(daemon, what):
    d = daemon(steady=False)
    before = server.descriptors(d.pid)
    data, n = FORGERIES[what]
    with worker.channel(d.workers[0]) as c:
        worker.send(c, data, [0] * n)
    assert_killed(d, "sends what no worker sends")
    wait_for("every descriptor to be closed",
             lambda: server.descriptors(d.pid) == before)


def test_a_worker_that_does_not_read_its_channel_is_killed(daemon):
    d = daemon(steady=False)
    os.kill(d.workers[0], signal.SIGSTOP)
    with worker.channel(d.workers[0]) as c:
        while server.is_running(d.workers[0]):
            try:
                worker.send(c, worker.record(b"C", 4711))
            except OSError:  # full for a moment, or closed
                pass
    assert_killed(d, "does not read its channel")


def test_a_worker_that_floods_its_channel_is_killed(daemon):
    d = daemon(steady=False)
    os.kill(d.workers[0], signal.SIGSTOP)
    with worker.channel(d.workers[0]) as c:
        while server.is_running(d.workers[0]):
            try:
                worker.send(c, worker.record(b"R"))
            except OSError:
                pass
    assert_killed(d, "floods its channel")


def test_a_worker_that_closes_its_channel_is_ended(daemon):
    """It could not be told to finish any more."""
    d = daemon(steady=False)
    old, = d.workers
    os.kill(old, signal.SIGSTOP)
    with worker.channel(old) as c:
        c.shutdown(2)
    wait_for("another worker", lambda: d.children() not in ([], [old]))
    assert b"1996" in gopher(d.gopher, b"/history\r\n")


def test_no_worker_can_talk_the_master_into_ending_the_key_process(daemon):
    """Its own word is what counts; and complaints have a limit."""
    d = daemon(steady=False)
    os.kill(d.workers[0], signal.SIGSTOP)
    with worker.channel(d.workers[0]) as c:
        for _ in range(8):
            worker.send(c, worker.record(b"S"))
        os.kill(d.workers[0], signal.SIGCONT)
        assert gemini(d.gemini, url("/history")).status == 20
        while server.is_running(d.workers[0]):
            try:
                worker.send(c, worker.record(b"S"))
            except OSError:
                pass
    assert_killed(d, "complains of the key process without end")
    assert "does not answer" not in d.log()


def test_no_worker_takes_anothers_way_to_the_key_process(daemon):
    """However often it asks for one, it has one.

    Not so often that it is ended for it, its honest complaints counted.
    """
    d = daemon(conf(server={"workers": "2"}), steady=False)
    before = server.descriptors(d.key_process[0])
    with worker.channel(d.workers[0]) as c:
        for _ in range(5):
            worker.send(c, worker.record(b"L"))

    def are_visits_answered():
        """While its way is replaced, a handshake of its own may be lost."""
        try:
            return all(gemini(d.gemini, url("/history")).status == 20
                       for _ in range(8))
        except OSError:  # hung up on, or an alert
            return False

    wait_for("eight visits in a row", are_visits_answered)
    wait_for("as many ways as workers",
             lambda: server.descriptors(d.key_process[0]) == before)
    assert d.children() == d.workers


def test_a_listening_socket_that_a_worker_shuts_is_back_at_once(daemon):
    """Again and again, on the same port, and for both protocols."""
    d = daemon()
    for port in (d.gopher, d.gemini, d.gopher):
        with worker.take(d.workers[0], worker.is_listening(port)) as s:
            s.shutdown(socket.SHUT_RDWR)
            wait_for("it to listen", lambda: s.getsockopt(
                socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1)
            assert s.getsockname()[1] == port
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
        assert gemini(d.gemini, url("/history")).status == 20
    assert "127.0.0.1:%d was shut down by a worker" % port in d.log()


def test_a_socket_that_stays_shut_costs_no_processor(daemon):
    """The others go on meanwhile, and it does when it is mended."""
    d = daemon()
    with worker.take(d.workers[0], worker.is_listening(d.gopher)) as s:
        os.kill(d.pid, signal.SIGSTOP)  # who would mend it at once
        try:
            s.shutdown(socket.SHUT_RDWR)
            before = server.cpu_seconds(d.workers[0])
            for _ in range(10):
                let_pass(0.1, "processor time is measured")
                assert gemini(d.gemini, url("/history")).status == 20
            assert server.cpu_seconds(d.workers[0]) - before < 0.4
        finally:
            os.kill(d.pid, signal.SIGCONT)
    wait_for("it to listen", lambda: "listening again" in d.log())
    assert b"1996" in gopher(d.gopher, b"/history\r\n")


LINGER = socket.SOL_SOCKET, socket.SO_LINGER
QUEUE = socket.IPPROTO_TCP, 25  # TCP_NOTSENT_LOWAT, which Python lacks


@pytest.mark.parametrize("option,value", [
    (LINGER, struct.pack("ii", 1, 0)),  # every connection would be reset
    (QUEUE, struct.pack("i", 1 << 30)),  # or fill the kernel's memory
])
def test_what_a_worker_leaves_on_a_listening_socket_goes_with_it(
        daemon, option, value):
    """Connections would inherit it."""
    d = daemon(steady=False)
    with worker.take(d.workers[0], worker.is_listening(d.gopher)) as s:
        before = s.getsockopt(*option, len(value))
        s.setsockopt(*option, value)
        assert s.getsockopt(*option, len(value)) != before
        os.kill(d.workers[0], signal.SIGKILL)
        wait_for("it to be mended",
                 lambda: s.getsockopt(*option, len(value)) == before)


# -- the content process: what it is told by a worker, and what it may send --


def content_of(d):
    pid, = d.contents()
    return pid


def test_a_worker_that_calls_all_damaged_has_nothing_looked_at(daemon):
    """Of a key that the store does not have there is nothing to be mended."""
    d = daemon(steady=False)
    with worker.take(d.workers[0], worker.is_way_to_search) as s:
        for i in range(100):
            worker.send(s, b"d" + bytes(4) + bytes([i]) * 16)
        # And one after it, which is answered in its turn.
        assert len(gopher(d.gopher, b"/big.bin\r\n")) > 0
    assert "is damaged" not in d.log()
    assert d.contents() == d.content


def assert_content_replaced(d, old, why):
    wait_for("the reason", lambda: "%d %s: killed" % (old, why) in d.log())
    wait_for("another one", lambda: d.contents() not in ([], [old]))
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    assert d.children() == d.workers


CONTENT_FORGERIES = {
    "an unknown word": (worker.record(b"?"), 0),
    "a word of a worker's": (worker.record(b"S"), 0),
    "a word of the master's": (worker.record(b"H"), 0),
    "a descriptor of the master's": (worker.record(b"K"), 1),
    "many descriptors": (worker.record(b"J"), 100),
    "a short record": (b"J", 0),
    "a long record": (b"J" + bytes(100), 0),
}


@pytest.mark.parametrize("what", CONTENT_FORGERIES)
def test_a_content_process_that_forges_messages_is_killed(daemon, what):
    d = daemon(steady=False)
    old = content_of(d)
    before = server.descriptors(d.pid)
    data, n = CONTENT_FORGERIES[what]
    with worker.channel(old) as c:
        worker.send(c, data, [0] * n)
    assert_content_replaced(d, old, "says what it never says")
    wait_for("every descriptor to be closed",
             lambda: server.descriptors(d.pid) == before)


def test_a_content_process_that_floods_its_channel_is_killed(daemon):
    d = daemon(steady=False)
    old = content_of(d)
    os.kill(old, signal.SIGSTOP)
    with worker.channel(old) as c:
        while server.is_running(old):
            try:
                worker.send(c, worker.record(b"I", 1))
            except OSError:
                pass
    assert_content_replaced(d, old, "says what it never says")


@pytest.mark.parametrize("word", [b"A", b"U", b"K"])
def test_a_descriptor_that_no_content_process_sends_is_closed(daemon, word):
    """By the worker, which hears no more of it."""
    d = daemon(steady=False)
    old = content_of(d)
    before = server.descriptors(d.workers[0])
    with worker.take(old, worker.is_way) as s:
        worker.send(s, worker.record(word), [0])
        wait_for("the way to be closed",
                 lambda: server.descriptors(d.workers[0]) == before - 1)
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    assert d.children() == d.workers
