"""Who says over TLS what never becomes a request is dropped; others wait not.

The flooders are tests/bench/flood.c, beside one worker, which is the one that
everybody has to share.
"""
import ssl
import subprocess
import time

import pytest

import server
from client import Tls, context, gopher, url
from server import conf

BENCH = server.ROOT / "tests/bench"
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-O1"]
SECONDS = 3
REQUEST_TIMEOUT = 30  # seconds; what drops a flooder is not that
PATIENCE = 10  # seconds for an answer; it takes a thousandth
VISITS = 3  # of which so many have to be over before the flood is


@pytest.fixture(scope="module")
def flood(tmp_path_factory):
    """The tool, nicer than the daemon: elsewhere it would be no burden."""
    tool = tmp_path_factory.mktemp("tool") / "flood"
    subprocess.run(["cc", *FLAGS, "-o", tool, BENCH / "flood.c",
                    BENCH / "dial.c", "-lssl", "-lcrypto"], check=True)

    def start(mode, port, clients):
        return subprocess.Popen(
            ["nice", "-n", "19", tool, mode, "-p", str(port), "-c",
             str(clients), "-d", str(SECONDS)],
            stdout=subprocess.PIPE, text=True)

    return start


def values(line):
    return {key: int(value) for key, value in
            (pair.split("=") for pair in line.split())}


@pytest.fixture
def lone(daemon):
    """One worker, no rates, and deadlines that are far away."""
    return daemon(conf(server={
        "workers": "1", "rate": "0", "max_connections_per_address": "1000",
        "request_timeout": "%ds" % REQUEST_TIMEOUT}))


@pytest.mark.parametrize("clients", [1, 100])
@pytest.mark.parametrize("mode", ["keyupdate", "hello"])
def test_who_floods_is_dropped_and_others_are_answered(lone, flood, mode,
                                                       clients):
    running = flood(mode, lone.gemini, clients)
    visits = 0
    while running.poll() is None:
        start = time.monotonic()
        assert b"1996" in gopher(lone.gopher, b"/history\r\n")
        assert time.monotonic() - start < PATIENCE
        visits += running.poll() is None
    got = values(running.communicate()[0])
    print(visits, got)
    assert running.returncode == 0
    assert got["dropped"] > 0
    # Those that time cut off are the last of each.
    assert got["floods"] - got["dropped"] <= clients
    assert got["longest_ms"] < REQUEST_TIMEOUT * 1000
    assert visits >= VISITS


def test_a_request_a_byte_a_record_is_answered(lone):
    """Slow, and odd, but what it says does become a request."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with Tls(lone.gemini, ctx=context(version, version)) as c:
            for byte in url("/history").encode() + b"\r\n":
                c.send(bytes([byte]))
            got = c.read_all()
        assert got.clean and b"1996" in got.data
