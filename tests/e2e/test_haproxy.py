"""Behind haproxy: conf/haproxy.cfg as it is, but for addresses and haste."""
import contextlib
import os
import re
import signal
import socket
import subprocess

import pytest

import server
from client import Plain, Tls, context, gemini, gopher, url
from server import ROOT, conf, wait_for
from terminal import needs

EXAMPLE = ROOT / "conf" / "haproxy.cfg"
PROXY = "127.0.0.1"  # where haproxy connects from
VISITOR = "127.1.3.3"
BACKENDS = ["gemini", "gopher"]


def text(**sections):
    """A daemon that haproxy is in front of."""
    behind = {"proxy_protocol": PROXY, "listen": "127.0.0.1:0"}
    return conf(**{"gemini": behind, "gopher": behind, **sections})


def changed(pattern, new, example):
    """example with each match replaced, of which there must be one."""
    got, n = re.subn(pattern, new, example, flags=re.M)
    assert n > 0, "conf/haproxy.cfg has no " + pattern
    return got


class Haproxy:
    """The example with these daemons as its replicas.

    send: how it tells whose connection it is.  The sockets that visitors
    connect to are made here and handed over, on ports of the kernel's choice.
    """

    def __init__(self, folder, daemons, send="send-proxy-v2"):
        self.stats = folder / "stats"
        self.log_path = folder / "haproxy.log"
        self.sockets = {}
        example = EXAMPLE.read_text()
        for name, public in (("gemini", 1965), ("gopher", 70)):
            sock = self.sockets[name] = socket.create_server(
                ("127.0.0.1", 0))
            example = changed(r"bind :::%d v4v6$" % public,
                              "bind fd@%d" % sock.fileno(), example)
            example = changed(
                r"(\tserver capsule\d \S+:%d\n)+" % public,
                "".join("\tserver capsule%d 127.0.0.1:%d\n"
                        % (i + 1, getattr(d, name))
                        for i, d in enumerate(daemons)), example)
        example = changed(r"inter 5s", "inter 100ms", example)
        example = changed(r"send-proxy-v2$", send, example)
        self.conf = folder / "haproxy.cfg"
        self.conf.write_text(example)
        (folder / "stats.cfg").write_text(
            "global\n\tstats socket %s mode 600 level admin\n" % self.stats)
        with open(self.log_path, "ab") as log:
            self.proc = subprocess.Popen(
                ["haproxy", "-db", "-f", self.conf, "-f",
                 folder / "stats.cfg"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
                pass_fds=[s.fileno() for s in self.sockets.values()])

    @property
    def gemini(self):
        return self.sockets["gemini"].getsockname()[1]

    @property
    def gopher(self):
        return self.sockets["gopher"].getsockname()[1]

    def log(self):
        return self.log_path.read_text()

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(server.START)
            s.connect(str(self.stats))
            s.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def states(self):
        """What it thinks of each replica: {(backend, name): (state, check)}.

        Before its first check a replica is taken for up: that counts not.
        """
        assert self.proc.poll() is None, self.log()
        if not self.stats.exists():
            return {}
        try:
            rows = self.ask("show stat").lstrip("# ").splitlines()
        except ConnectionRefusedError:
            return {}
        names = rows[0].split(",")
        got = {}
        for row in rows[1:]:
            row = dict(zip(names, row.split(",")))
            if row.get("svname", "").startswith("capsule"):
                got[row["pxname"], row["svname"]] = (row["status"],
                                                     row["check_status"])
        return got

    def wait(self, want):
        """Until the replicas are in these states, one word for each."""
        def reached():
            got = self.states()
            return len(got) == 2 * len(want) and all(
                got[b, "capsule%d" % (i + 1)] in STATES[word]
                for b in BACKENDS for i, word in enumerate(want))
        try:
            wait_for("replicas to be " + str(want), reached)
        except AssertionError:
            raise AssertionError("%s\n%s" % (self.states(), self.log()))


STATES = {
    "up": [("UP", "L7OK")],
    "gone": [("DOWN", "L4CON")],
    "wrong": [("DOWN", "L7RSP"), ("DOWN", "L6RSP"), ("DOWN", "L7TOUT"),
              ("DOWN", "L4TOUT"), ("DOWN", "L6TOUT")],
}


@pytest.fixture
def haproxy(tmp_path):
    needs("haproxy")
    started = []

    @contextlib.contextmanager
    def start(daemons, **how):
        folder = tmp_path / ("haproxy%d" % len(started))
        folder.mkdir()
        one = Haproxy(folder, daemons, **how)
        started.append(one)
        yield one

    with contextlib.ExitStack() as stack:
        yield lambda daemons, **how: stack.enter_context(start(daemons,
                                                               **how))
        for one in started:
            one.proc.kill()
            one.proc.wait()
            for sock in one.sockets.values():
                sock.close()


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
    daemons = [daemon(text()) for _ in range(replicas)]
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
    d = daemon(text())
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
    d = daemon(text())
    h = haproxy([d], send="send-proxy check-send-proxy port %d" % d.gopher)
    wait_for("the Gopher check", lambda: h.states().get(
        ("gopher", "capsule1")) == ("UP", "L7OK"))
    assert b"1996" in gopher(h.gopher, b"/history\r\n", source=VISITOR)
    assert "sent no valid PROXY header" not in d.log()


def test_a_visitor_stays_with_a_replica_and_its_session(daemon, haproxy):
    """Else TLS sessions could not be resumed."""
    daemons = [daemon(text()) for _ in range(3)]
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
    d = daemon(text(server={"max_connections_per_address": "2"}))
    h = haproxy([d])
    h.wait(["up"])
    silent = [Plain(h.gopher, source=VISITOR) for _ in range(2)]
    for c in silent:
        c.send(b"/")

    def third_is_closed():
        with Plain(h.gopher, source=VISITOR) as third:
            third.send(b"/history\r\n")
            return third.read_all().data == b""
    wait_for("both to count", third_is_closed)
    visit_all_ways(h, "127.1.2.4")
    h.wait(["up"])
    for c in silent:
        c.sock.close()


def test_a_replica_that_goes_is_left_and_taken_again(daemon, haproxy):
    daemons = [daemon(text()) for _ in range(3)]
    h = haproxy(daemons)
    h.wait(["up"] * 3)
    ports = daemons[1].gemini, daemons[1].gopher
    daemons[1].stop()
    h.wait(["up", "gone", "up"])
    for i in range(1, 9):
        visit_all_ways(h, "127.1.2.%d" % i)
    again = text(gemini={"proxy_protocol": PROXY,
                         "listen": "127.0.0.1:%d" % ports[0]},
                 gopher={"proxy_protocol": PROXY,
                         "listen": "127.0.0.1:%d" % ports[1]})
    daemon(again)
    h.wait(["up"] * 3)
    visit_all_ways(h, VISITOR)


def test_a_replica_that_answers_wrongly_is_left(daemon, haproxy):
    """It accepts and speaks, but has no home page: no check of TCP or TLS
    alone would see that."""
    empty = text(selectors=dict.fromkeys(server.SELECTORS, None)
                 | {"/history": "history.gmi"},
                 listing=None, languages=None)
    daemons = [daemon(text()), daemon(empty)]
    h = haproxy(daemons)
    h.wait(["up", "wrong"])
    for i in range(1, 9):
        visit_all_ways(h, "127.1.2.%d" % i)
    assert not [line for line in daemons[1].accesses()
                if line["from"] != PROXY]


def test_a_replica_that_hangs_is_left(daemon, haproxy):
    """Its kernel goes on accepting: only an answer shows that it lives."""
    daemons = [daemon(text()), daemon(text())]
    h = haproxy(daemons)
    h.wait(["up", "up"])
    stopped = [daemons[1].pid, *daemons[1].children(),
               *daemons[1].keepers()]
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
    d = daemon(text(gemini={"listen": "127.0.0.1:0"},
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
