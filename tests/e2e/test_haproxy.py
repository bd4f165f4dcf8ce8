"""Behind haproxy: conf/haproxy.cfg as it is, but for addresses and haste."""
import os
import signal
import subprocess

import pytest

import server
from balancer import BACKENDS, EXAMPLE, PROXY, behind
from client import Plain, Tls, context, gemini, gopher, url
from server import wait_for
from terminal import needs

VISITOR = "127.1.3.3"


def visitors(daemons):
    """The access lines of visits that are no checks."""
    return [line for d in daemons for line in d.accesses()
            if line["from"] != PROXY]


def visit_all_ways(h, source):
    assert gemini(h.gemini, url("/history"), source=source).status == 20
    assert b"1996" in gopher(h.gopher, b"/history\r\n", source=source)
    assert b"1996" in gopher(h.gopher, b"/history\r\n", tls=True,
                             source=source)


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("replicas", [1, 3])
def test_the_example_serves_and_names_every_visitor(daemon, haproxy, send,
                                                    replicas):
    daemons = [daemon(behind()) for _ in range(replicas)]
    h = haproxy(daemons, send=send)
    h.wait(["up"] * replicas)
    sources = ["127.1.2.%d" % i for i in range(1, 9)]
    for source in sources:
        visit_all_ways(h, source)
    big = (daemons[0].root / "big.bin").read_bytes()
    got = gemini(h.gemini, url("/big.bin"), source=VISITOR)
    assert got.body == big and got.clean
    lines = wait_for("all lines", lambda: visitors(daemons)
                     if len(visitors(daemons)) > 3 * len(sources) else None)
    assert sorted({line["from"] for line in lines}) == sorted(
        sources + [VISITOR])
    assert all(line["status"] == "20" for line in lines)


def test_checks_are_visits_of_the_proxys_own(daemon, haproxy):
    """Two and more of each protocol, all answered; and nothing to warn of."""
    d = daemon(behind())
    h = haproxy([d])
    h.wait(["up"])
    for proto in BACKENDS:
        def checks():
            lines = [li for li in d.accesses() if li["proto"] == proto]
            return lines if len(lines) >= 2 else None
        for line in wait_for("two checks", checks):
            assert (line["from"], line["status"]) == (PROXY, "20"), line
            assert line["selector"] == '"/"'
    assert "sent no valid PROXY header" not in d.log()


def test_checks_alone_may_send_the_header(daemon, haproxy):
    """check-send-proxy: checks of a port of their own name nobody, too."""
    d = daemon(behind())
    h = haproxy([d], send="send-proxy check-send-proxy port %d" % d.gopher)
    wait_for("the Gopher check", lambda: h.states().get(
        ("gopher", "capsule1")) == ("UP", "L7OK"))
    assert b"1996" in gopher(h.gopher, b"/history\r\n", source=VISITOR)
    assert "sent no valid PROXY header" not in d.log()


def test_a_visitor_stays_with_a_replica_and_its_session(daemon, haproxy):
    """Else TLS sessions could not be resumed."""
    daemons = [daemon(behind()) for _ in range(3)]
    h = haproxy(daemons)
    h.wait(["up"] * 3)
    for source in ("127.1.2.3", "127.1.2.4", "127.1.2.5", "127.1.2.6"):
        ctx, session = context(), None
        for resumed in (False, True, True):
            with Tls(h.gemini, ctx=ctx, session=session, source=source) as c:
                assert c.tls.session_reused == resumed
                c.send(url("/history").encode() + b"\r\n")
                assert b"1996" in c.read_all().data
                session = c.finish()


def test_limits_are_those_of_each_visitor(daemon, haproxy):
    """And not of all who come by one proxy."""
    d = daemon(behind(server={"max_connections_per_address": "2"}))
    h = haproxy([d])
    h.wait(["up"])

    def begin():
        c = Plain(h.gopher, source=VISITOR)
        c.send(b"/")
        return c
    silent = [begin(), begin()]

    def third_is_closed():
        # One that the third was faster than has no place: once more.
        for i, c in enumerate(silent):
            if not c.is_silent(0.05):
                c.sock.close()
                silent[i] = begin()
        with Plain(h.gopher, source=VISITOR) as third:
            third.send(b"/history\r\n")
            return third.read_all().data == b""
    wait_for("both to count", third_is_closed)
    visit_all_ways(h, "127.1.2.4")
    h.wait(["up"])
    for c in silent:
        c.sock.close()


def test_a_replica_that_goes_is_left_and_taken_again(daemon, haproxy):
    daemons = [daemon(behind()) for _ in range(3)]
    h = haproxy(daemons)
    h.wait(["up"] * 3)
    ports = daemons[1].gemini, daemons[1].gopher
    daemons[1].stop()
    h.wait(["up", "gone", "up"])
    for i in range(1, 9):
        visit_all_ways(h, "127.1.2.%d" % i)
    again = behind(gemini={"proxy_protocol": PROXY,
                         "listen": "127.0.0.1:%d" % ports[0]},
                 gopher={"proxy_protocol": PROXY,
                         "listen": "127.0.0.1:%d" % ports[1]})
    daemon(again)
    h.wait(["up"] * 3)
    visit_all_ways(h, VISITOR)


def test_a_replica_that_answers_wrongly_is_left(daemon, haproxy):
    """It accepts and speaks, but has no home page: no check of TCP or TLS
    alone would see that."""
    empty = behind(selectors=dict.fromkeys(server.SELECTORS, None)
                 | {"/history": "history.gmi"},
                 listing=None, languages=None)
    daemons = [daemon(behind()), daemon(empty)]
    h = haproxy(daemons)
    h.wait(["up", "wrong"])
    for i in range(1, 9):
        visit_all_ways(h, "127.1.2.%d" % i)
    assert not [line for line in daemons[1].accesses()
                if line["from"] != PROXY]


def test_a_replica_that_hangs_is_left(daemon, haproxy):
    """Its kernel goes on accepting: only an answer shows that it lives."""
    daemons = [daemon(behind()), daemon(behind())]
    h = haproxy(daemons)
    h.wait(["up", "up"])
    stopped = [daemons[1].pid, *daemons[1].children(),
               *daemons[1].key_processes()]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        h.wait(["up", "wrong"])
        for i in range(1, 9):
            visit_all_ways(h, "127.1.2.%d" % i)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    h.wait(["up", "up"])


def test_a_daemon_that_does_not_list_the_proxy_is_never_up(daemon, haproxy):
    """To it the header is garbage: a mistake that shows at once."""
    d = daemon(behind(gemini={"listen": "127.0.0.1:0"},
                    gopher={"listen": "127.0.0.1:0"}))
    h = haproxy([d])
    wait_for("the Gemini check to fail",
             lambda: h.states().get(("gemini", "capsule1"),
                                    ("",))[0] == "DOWN")


def test_the_example_is_valid_as_it_stands():
    needs("haproxy")
    done = subprocess.run(["haproxy", "-c", "-f", EXAMPLE],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
