"""What readers cost who take their answers slowly, or not at all."""
import pathlib
import ssl

import crowd
import pytest

import server
from client import Plain, Tls, context, gemini, url
from crowd import SANITIZED
from server import conf, wait_for

HUGE = 48 << 20  # bytes; more than any socket buffer takes
STALLED = 100    # readers
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
