"""The PROXY protocol: who is believed, and what for.

Headers are written by hand here; test_haproxy.py has those of a real proxy.
"""
import ipaddress
import os
import signal
import socket
import time

import pytest

import crowd
import server
from client import Plain, Reply, Tls, gopher, menu, url
from server import conf, let_pass, wait_for

PROXY = "127.0.5.1"  # listed as an address
MEMBER = "127.0.6.77"  # listed with its network
STRANGER = "127.0.7.1"  # not listed
LISTED = {"proxy_protocol": "127.0.5.1 127.0.6.0/24 ::1"}
DEADLINE = 3.0  # seconds, the least there may be
LATE = 3.0  # seconds a busy machine may be late
FREE = {"rate": "0"}

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, BY_PROXY = 0x20, 0x21
V1_MAX, V2_MAX = 107, 536  # bytes of a header

PROTOCOLS = ["gemini", "gopher", "gophers"]


def v1(source, to="192.0.2.2"):
    family = "TCP6" if ":" in source else "TCP4"
    return ("PROXY %s %s %s 4242 70\r\n" % (family, source, to)).encode()


def v2(source, extra=b"", command=BY_PROXY):
    address = ipaddress.ip_address(source)
    family = 0x11 if address.version == 4 else 0x21
    block = (address.packed * 2 + (4242).to_bytes(2, "big")
             + (70).to_bytes(2, "big") + extra)
    return block_of(command, family, block)


def block_of(command, family, block):
    return (SIGNATURE + bytes([command, family])
            + len(block).to_bytes(2, "big") + block)


def sized_v1(size):
    line = b"PROXY UNKNOWN "
    return line + b"x" * (size - len(line) - 2) + b"\r\n"


def sized_v2(size, source="203.0.113.9"):
    """Filled up with a TLV that is to be skipped."""
    room = size - len(v2(source)) - 3
    return v2(source, b"\x04" + room.to_bytes(2, "big") + b"x" * room)


def text(server_keys=(), **sections):
    # Longer than a client here waits: what ends did not wait for a deadline.
    keys = {"request_timeout": "1m", "max_connections_per_address": "10000",
            **dict(server_keys)}
    sections.setdefault("gemini", LISTED)
    sections.setdefault("gopher", LISTED)
    return conf(server=keys, **sections)


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with server.running(tmp_path_factory.mktemp("behind"), text()) as one:
        yield one


class Visit:
    """One request for /history behind a header, however it is sent."""

    def __init__(self, d, protocol, source=PROXY, **how):
        self.d, self.logged = d, len(d.accesses())
        self.gemini = protocol == "gemini"
        port = d.gemini if self.gemini else d.gopher
        if protocol == "gopher":
            self.c = Plain(port, source=source, **how)
        else:
            self.c = Tls(port, source=source, handshake=False, **how)
        self.c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line = (url("/history").encode() if self.gemini
                     else b"/history") + b"\r\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.c.sock.close()

    def first(self):
        """What the client itself sends first."""
        return self.c.hello() if isinstance(self.c, Tls) else self.line

    def bytes(self, data):
        """Each in a packet of its own."""
        for i in range(len(data)):
            self.c.sock.sendall(data[i:i + 1])
            let_pass(0.001, "a packet each")

    def finish(self):
        """After the client's first bytes: the rest, the answer, its line."""
        if isinstance(self.c, Tls):
            self.c.handshake()
            self.c.send(self.line)
        got = self.c.read_all()
        if self.gemini:
            assert Reply(got).status == 20 and got.clean
        assert b"1996" in got.data and got.end == "fin", got
        wait_for("its line", lambda: len(self.d.accesses()) > self.logged)


def visit(d, protocol, header, source=PROXY, **how):
    with Visit(d, protocol, source, **how) as v:
        v.c.sock.sendall(header)
        v.c.sock.sendall(v.first())
        v.finish()


def seen_from(d, act):
    """The address that the access log has for what act does."""
    n = len(d.accesses())
    act()
    lines = wait_for("an access line", lambda: d.accesses()[n:])
    assert len(lines) == 1, lines
    return lines[0]["from"]


def is_closed(c):
    """Ended by the daemon, before any deadline and without a byte."""
    got = Plain.read_all(c)
    assert got.data == b"" and got.end in ("fin", "reset"), got
    return True


# -- whose connection it is --


NAMED = {
    "v1": (v1("203.0.113.9"), "203.0.113.9"),
    "v1 IPv6": (v1("2001:db8::9", "2001:db8::2"), "2001:db8::9"),
    "v1 IPv4 within IPv6": (v1("::ffff:203.0.113.9", "::ffff:192.0.2.2"),
                            "203.0.113.9"),
    "v2": (v2("203.0.113.9"), "203.0.113.9"),
    "v2 IPv6": (v2("2001:db8::9"), "2001:db8::9"),
    "v2 IPv4 within IPv6": (v2("::ffff:203.0.113.9"), "203.0.113.9"),
    "v2 with TLVs": (v2("203.0.113.9", b"\x02\0\x0bexample.org\x04\0\0"),
                     "203.0.113.9"),
}
NAMELESS = {
    "v1 UNKNOWN": b"PROXY UNKNOWN\r\n",
    "v1 UNKNOWN and a rest": b"PROXY UNKNOWN 203.0.113.9 x 1 2\r\n",
    "v2 LOCAL": block_of(LOCAL, 0, b""),
    "v2 LOCAL and an address": v2("203.0.113.9", command=LOCAL),
    "v2 unspecified": block_of(BY_PROXY, 0, b"whatever"),
    "v2 UDP": block_of(BY_PROXY, 0x12, b"\xcb\0\x71\x09" + bytes(8)),
    "v2 UNIX": block_of(BY_PROXY, 0x31, b"/run/x".ljust(216, b"\0")),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", NAMED)
def test_a_header_names_the_visitor(behind, protocol, case):
    header, want = NAMED[case]
    assert seen_from(behind, lambda: visit(behind, protocol, header)) == want


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", NAMELESS)
def test_a_header_that_names_nobody_leaves_the_proxy(behind, protocol, case):
    got = seen_from(behind,
                    lambda: visit(behind, protocol, NAMELESS[case]))
    assert got == PROXY


def test_a_network_may_be_listed(behind):
    assert seen_from(behind, lambda: visit(
        behind, "gemini", v2("203.0.113.9"), source=MEMBER)) == "203.0.113.9"


@pytest.mark.skipif(not server.IPV6, reason="this machine has no IPv6")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_proxy_may_come_by_ipv6(daemon, protocol):
    d = daemon(text(gemini={"listen": "[::1]:0", **LISTED},
                    gopher={"listen": "[::1]:0", **LISTED}))
    for header, want in (NAMED["v1"], NAMED["v2 IPv6"],
                         (NAMELESS["v2 LOCAL"], "::1")):
        assert seen_from(d, lambda: visit(
            d, protocol, header, source=None, address="::1")) == want


@pytest.mark.parametrize("how, v4, v6", [
    ("truncated", "203.0.113.0", "2001:db8:1::"), ("none", "-", "-")])
def test_a_named_address_is_logged_as_far_as_allowed(daemon, how, v4, v6):
    d = daemon(text(log={"addresses": how}))
    for header, want in ((v1("203.0.113.9"), v4),
                         (v2("2001:db8:1:2:3::9"), v6)):
        assert seen_from(d, lambda: visit(d, "gopher", header)) == want
    assert "203.0.113.9" not in d.log()


# -- in pieces --


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", ["v1", "v1 IPv6", "v2", "v2 with TLVs"])
def test_a_header_may_come_byte_by_byte(behind, protocol, case):
    header, want = NAMED[case]

    def act():
        with Visit(behind, protocol) as v:
            v.bytes(header + v.first())
            v.finish()
    assert seen_from(behind, act) == want


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", ["v1", "v2 with TLVs", "v2 LOCAL"])
def test_header_and_first_bytes_may_come_in_one_packet(behind, protocol,
                                                       case):
    header = {**{k: v[0] for k, v in NAMED.items()}, **NAMELESS}[case]
    with Visit(behind, protocol) as v:
        v.c.sock.sendall(header + v.first())
        v.finish()


@pytest.mark.parametrize("case", ["v1", "v2"])
def test_header_and_request_may_be_cut_anywhere(behind, case):
    """In two pieces, of which the first has come before the second leaves."""
    whole = NAMED[case][0] + b"/history\r\n"

    def act(cut):
        with Visit(behind, "gopher") as v:
            v.c.sock.sendall(whole[:cut])
            let_pass(0.01, "two packets")
            v.c.sock.sendall(whole[cut:])
            v.finish()
    cuts = range(1, len(whole))
    n = len(behind.accesses())
    got = crowd.side_by_side(len(cuts), lambda i: act(cuts[i]))
    assert got == [None] * len(cuts)
    lines = wait_for("all lines", lambda: behind.accesses()[n:]
                     if len(behind.accesses()) >= n + len(cuts) else None)
    assert {line["from"] for line in lines} == {"203.0.113.9"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("make, size", [(sized_v1, V1_MAX),
                                        (sized_v2, V2_MAX)])
def test_a_header_has_a_size_and_not_a_byte_more(behind, protocol, make,
                                                 size):
    assert len(make(size)) == size and len(make(size + 1)) == size + 1
    visit(behind, protocol, make(size))
    with Visit(behind, protocol) as v:
        v.bytes(make(size))
        v.c.sock.sendall(v.first())
        v.finish()
    with Visit(behind, protocol) as v:
        v.c.sock.sendall(make(size + 1))
        assert is_closed(v.c)


# -- who is not believed --


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_others_are_served_directly(behind, protocol):
    assert seen_from(behind, lambda: visit(behind, protocol, b"",
                                           source=STRANGER)) == STRANGER


def test_a_header_from_anybody_else_is_garbage(behind):
    """To Gemini it is no TLS; to Gopher a selector that nothing has."""
    for header in (NAMED["v1"][0], NAMED["v2"][0], NAMELESS["v2 LOCAL"]):
        with Visit(behind, "gemini", source=STRANGER) as v:
            v.c.sock.sendall(header + v.first())
            assert is_closed(v.c)
    with Plain(behind.gopher, source=STRANGER) as c:
        n = len(behind.accesses())
        c.send(NAMED["v1"][0] + b"/history\r\n")
        got = c.read_all()
    assert menu(got.data)[0].type == "3" and b"1996" not in got.data
    line, = wait_for("a line", lambda: behind.accesses()[n:])
    assert (line["from"], line["status"]) == (STRANGER, "51")


BAD = {
    "a request": b"/history\r\n",
    "a URL": b"gemini://capsule.example.org/\r\n",
    "a web browser": b"GET / HTTP/1.0\r\n\r\n",
    "two lines": b"\r\n/history\r\n",
    "noise": bytes(range(256)),
    "almost v1": b"PROXY TCP4 203.0.113.9 192.0.2.2 4242 70\n/history\r\n",
    "v1 without ports": b"PROXY TCP4 203.0.113.9 192.0.2.2\r\n",
    "v1 of a name": b"PROXY TCP4 example.org 192.0.2.2 4242 70\r\n",
    "almost v2": SIGNATURE[:-1] + b"X" + bytes(20),
    "v2 of another version": block_of(0x11, 0x11, bytes(12)),
    "v2 too short for its family": block_of(BY_PROXY, 0x21, bytes(12)),
}


@pytest.mark.parametrize("protocol", ["gemini", "gopher"])
@pytest.mark.parametrize("case", BAD)
def test_a_proxy_that_sends_no_header_gets_not_one_byte(behind, protocol,
                                                        case):
    with Plain(getattr(behind, protocol), source=PROXY) as c:
        c.send(BAD[case])
        assert is_closed(c)


@pytest.mark.parametrize("protocol", ["gemini", "gophers"])
def test_a_proxy_may_not_begin_with_tls(behind, protocol):
    with Visit(behind, protocol) as v:
        v.c.sock.sendall(v.first())
        assert is_closed(v.c)


def test_a_header_counts_once(behind):
    """A second one is the client's, and so garbage."""
    with Visit(behind, "gemini") as v:
        v.c.sock.sendall(NAMED["v1"][0] + NAMED["v2"][0] + v.first())
        assert is_closed(v.c)


def test_the_operator_is_told_once_of_a_proxy_without_header(daemon):
    d = daemon(text(log={"addresses": "none"}))
    assert "gopher, also over TLS, behind proxies" in d.log()
    for _ in range(5):
        with Plain(d.gopher, source=PROXY) as c:
            c.send(b"/history\r\n")
            assert is_closed(c)
    told = "%s is in [gopher] proxy_protocol and sent no valid" % PROXY
    wait_for("the warning", lambda: told in d.log())
    with Plain(d.gopher, source=PROXY):  # a check of the port is no mistake
        pass
    visit(d, "gopher", NAMED["v1"][0])
    assert d.log().count(told) == 1


# -- patience --


def test_a_header_has_the_time_of_a_request(daemon):
    """Silent, stopped in the middle, or slower than it may be."""
    d = daemon(text({"request_timeout": "3s"}))
    halves = [b"", b"P", v1("203.0.113.9")[:-1], SIGNATURE,
              v2("203.0.113.9")[:-1], v2("203.0.113.9")]

    def wait(half):
        def run(_=None):
            with Plain(d.gopher, source=PROXY) as c:
                c.send(half)
                return c.read_all()
        return run

    def drip(_=None):
        with Plain(d.gopher, source=PROXY) as c:
            start = time.monotonic()
            c.sock.settimeout(0.1)
            for i in range(200):
                try:
                    c.sock.sendall(sized_v2(V2_MAX)[i:i + 1])
                    if c.sock.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            return time.monotonic() - start

    acts = [wait(h) for h in halves] + [drip]
    *ended, dripped = crowd.side_by_side(len(acts), lambda i: acts[i]())
    for got in ended:
        assert got.data == b"" and got.end in ("fin", "reset"), got
        assert DEADLINE - 0.2 < got.seconds < DEADLINE + LATE, got
    assert DEADLINE - 0.2 < dripped < DEADLINE + LATE


def test_the_time_runs_on_behind_the_header(daemon):
    """From accept to the request's end: the header wins no new time."""
    d = daemon(text({"request_timeout": "3s"}))
    with Plain(d.gopher, source=PROXY) as c:
        start = time.monotonic()
        let_pass(2, "a slow header")
        c.send(v1("203.0.113.9") + b"/his")
        got = c.read_all()
        assert got.data == b"" and got.end in ("fin", "reset")
        assert time.monotonic() - start < DEADLINE + LATE - 1


@pytest.mark.parametrize("half", [b"", b"PROXY TCP4 203", SIGNATURE])
def test_a_proxy_that_hangs_up_in_its_header_is_let_go_at_once(behind, half):
    with Plain(behind.gopher, source=PROXY) as c:
        c.send(half)
        c.half_close()
        assert is_closed(c)


def test_half_a_header_costs_no_processor_time(daemon):
    d = daemon(text())
    before = crowd.workers_descriptors(d)
    waiting = [Plain(d.gopher, source=PROXY) for _ in range(20)]
    for i, c in enumerate(waiting):
        c.send(v2("203.0.113.9")[:i] if i % 2 else v1("::1", "::2")[:i])
    wait_for("all of them", lambda: crowd.workers_descriptors(d)
             == before + len(waiting))
    pids = [d.pid, *d.workers]
    spent = -sum(map(server.cpu_seconds, pids))
    let_pass(1.0, "processor time is measured")
    spent += sum(map(server.cpu_seconds, pids))
    assert spent < 0.1
    for c in waiting:
        c.sock.close()


# -- limits --


def let_in(d, header, source=PROXY):
    """A silent connection; None if it was not let in.

    One that waits for the request is told from one that was refused by the
    access line of its request, which only the former gets to send.
    """
    c = Plain(d.gopher, source=source)
    c.send(header)
    return c


def is_refused(d, header, source=PROXY):
    with let_in(d, header, source) as c:
        try:
            c.send(b"/history\r\n")
        except OSError:
            pass
        got = c.read_all()
    assert got.end != "timeout"
    return got.data == b""


def test_limits_count_by_the_address_that_the_header_names(daemon):
    d = daemon(text({"workers": "2", "max_connections_per_address": "3",
                     **FREE}))
    nine, ten = v1("127.0.9.9"), v2("127.0.9.10")
    before = crowd.workers_descriptors(d)
    silent = [let_in(d, nine), let_in(d, v2("127.0.9.9")),
              let_in(d, b"", source="127.0.9.9")]  # one of them directly
    wait_for("three", lambda: crowd.workers_descriptors(d) == before + 3)
    # A header is read after the accept: give the last one time to count.
    wait_for("them to count", lambda: is_refused(d, nine))
    assert is_refused(d, v1("::ffff:127.0.9.9", "::1"))
    assert is_refused(d, b"", source="127.0.9.9")
    assert not is_refused(d, ten)
    silent.pop(0).sock.close()
    wait_for("a place", lambda: not is_refused(d, nine))
    for c in silent:
        c.sock.close()


def test_a_proxy_brings_more_than_one_address_may_have(daemon):
    """Neither those that wait for its header count, nor those it names."""
    d = daemon(text({"workers": "2", "max_connections_per_address": "3",
                     **FREE}))
    before = crowd.workers_descriptors(d)
    silent = [let_in(d, b"") for _ in range(10)]
    silent += [let_in(d, v1("127.0.9.%d" % i)) for i in range(10)]
    wait_for("all", lambda: crowd.workers_descriptors(d)
             == before + len(silent))
    assert not is_refused(d, v1("127.0.9.99"))
    assert not is_refused(d, NAMELESS["v2 LOCAL"])
    for c in silent:
        assert c.is_silent(0.01)
        c.sock.close()


def test_what_the_proxy_does_not_name_counts_as_its_own(daemon):
    d = daemon(text({"max_connections_per_address": "2", **FREE}))
    silent = [let_in(d, NAMELESS["v2 LOCAL"]),
              let_in(d, NAMELESS["v1 UNKNOWN"])]
    wait_for("both to count",
             lambda: is_refused(d, NAMELESS["v1 UNKNOWN"]))
    assert not is_refused(d, v1("127.0.9.9"))
    assert not is_refused(d, NAMELESS["v1 UNKNOWN"], source=MEMBER)
    for c in silent:
        c.sock.close()


def test_who_waits_for_a_header_counts_in_all_connections(daemon):
    d = daemon(text({"workers": "2", "max_connections": "5", **FREE}))
    before = crowd.workers_descriptors(d)
    silent = [let_in(d, b"") for _ in range(5)]
    wait_for("five", lambda: crowd.workers_descriptors(d) == before + 5)
    with Visit(d, "gopher") as sixth:
        sixth.c.sock.sendall(v1("127.0.9.9") + sixth.first())
        assert sixth.c.is_silent(0.5)
        silent.pop().sock.close()
        sixth.finish()
    for c in silent:
        c.sock.close()


def test_a_rate_is_that_of_the_address_named(daemon):
    d = daemon(text({"workers": "2", "rate": "3"}))
    header = v2("127.0.9.9")

    def ask(header):
        with Visit(d, "gemini") as v:
            v.c.sock.sendall(header)
            v.c.handshake()
            v.c.send(v.line)
            return Reply(v.c.read_all()).status
    got = crowd.side_by_side(5, lambda _: ask(header))
    assert 44 in got and got.count(20) >= 3, got
    assert ask(v2("127.0.9.10")) == 20
    assert ask(NAMELESS["v2 LOCAL"]) == 20


# -- which listener, and when --


def test_each_service_has_proxies_of_its_own(daemon):
    def blog(root):
        (root / "blog").mkdir()
        (root / "blog/index.gmi").write_text("# A blog of 1996\n")
    other = "127.0.5.2"
    d = daemon(text(gemini={"proxy_protocol": PROXY},
                    gopher={"proxy_protocol": "no"},
                    **{"capsule blog": {"hostname": "blog.example.org",
                                        "root": "root/blog"},
                       "selectors blog": {"/history": "index.gmi"},
                       "gopher blog": {"listen": "127.0.0.1:0",
                                       "proxy_protocol": other}}),
               prepare=blog)
    blog_port = int(d.ready.split("gopher=")[1].split()[0].split(",")[-1])
    visit(d, "gemini", NAMED["v1"][0])
    assert seen_from(d, lambda: visit(d, "gopher", b"")) == PROXY
    assert seen_from(d, lambda: gopher(
        blog_port, b"/history\r\n", source=PROXY)) == PROXY
    with Plain(blog_port, source=other) as c:
        c.send(b"/history\r\n")
        assert is_closed(c)

    def named():
        with Plain(blog_port, source=other) as c:
            c.send(NAMED["v2"][0] + b"/history\r\n")
            assert b"1996" in c.read_all().data
    assert seen_from(d, named) == "203.0.113.9"


def test_a_reload_changes_who_is_believed(daemon):
    """The sockets stay, and so does who came before."""
    d = daemon(text(), steady=False)
    held = crowd.workers_descriptors(d)
    with Visit(d, "gopher") as before:
        before.c.sock.sendall(NAMED["v1"][0][:10])
        wait_for("it to be accepted by a worker of before",
                 lambda: crowd.workers_descriptors(d) == held + 1)
        d.rewrite(text(gopher={"proxy_protocol": "no"}))
        d.signal(signal.SIGHUP)
        wait_for("the new worker",
                 lambda: set(d.children()) - set(d.workers))
        wait_for("it to serve", lambda: is_served(d, b""))
        before.c.sock.sendall(NAMED["v1"][0][10:] + before.first())
        before.finish()
    d.rewrite(text(gopher={"proxy_protocol": MEMBER}))
    d.reload()
    assert is_served(d, b"") and is_served(d, NAMED["v1"][0], source=MEMBER)
    assert not is_served(d, b"", source=MEMBER)


def is_served(d, header, source=PROXY):
    try:
        visit(d, "gopher", header, source=source)
    except (AssertionError, OSError):
        return False
    return True


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to see a worker's files")
def test_nothing_is_left_of_headers_that_ended_badly(behind):
    before = crowd.workers_descriptors(behind)
    for data in list(BAD.values()) + [NAMED["v2"][0][:20], b""]:
        with Plain(behind.gopher, source=PROXY) as c:
            c.send(data)
    wait_for("all to be gone",
             lambda: crowd.workers_descriptors(behind) == before)
