"""capsulectl status: what the daemon counted, and who is no daemon."""
import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

import server
from client import HOST, Plain, gemini, gopher, url
from ctl import BINARY, as_json, ctl
from server import conf, wait_for

ANSWER_MAX = 2097152  # bytes; as the manual says
DEADLINE = 5  # seconds; likewise
PAGE = (b'capsuled_build_info{version="9.9"} 1\n'
        b"capsuled_start_time_seconds 1000\n")
HEAD = b"HTTP/1.0 200 OK\r\n\r\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def measured(daemon, listen=None, **change):
    listen = listen or "127.0.0.1:%d" % free_port()
    return daemon(conf(metrics={"listen": listen}, **change))


def status(d, *options):
    return as_json("-c", d.path, "status", "--json", *options)


def count(found, protocol, number):
    return sum(r["count"] for r in found["requests"]
               if (r["protocol"], r["status"]) == (protocol, number))


# -- a daemon --

def test_json_tells_what_was_served(daemon):
    d = measured(daemon, server={"workers": "2"})
    for _ in range(5):
        assert gemini(d.gemini, url("/history")).status == 20
    assert gemini(d.gemini, url("/none")).status == 51
    sent = len(gopher(d.gopher, b"/history\r\n"))
    got = status(d)
    assert count(got, "gemini", 20) == 5 and count(got, "gemini", 51) == 1
    assert count(got, "gopher", 20) == 1 and count(got, "gopher", 51) == 0
    assert got["version"] == ctl("-V").stdout.split()[1]
    assert got["workers"] == 2 and 0 <= got["uptime_seconds"] < 600
    assert got["reload"]["fine"] is True
    assert got["reload"]["loaded"] == got["started"]
    assert got["connections"]["accepted"] == 7
    assert set(got["connections"]["open"]) >= {"waiting", "answering"}
    assert got["handshakes"]["done"] == 6
    assert got["handshakes"]["resumed"] == got["handshakes"]["failed"] == 0
    over_gemini, over_gopher = got["answers"]
    assert over_gopher["bytes"] == sent
    for one in (over_gemini, over_gopher):
        assert 0 < one["p50_ms"] <= one["p90_ms"] <= 30000
    assert got["sessions"]["stored"] == got["signatures"]["made"] == 6
    assert set(got["limits"].values()) == {0}
    assert got["deaths"] == {"worker": 0, "keeper": 0}
    certificate, = got["certificates"]
    assert certificate["host"] == HOST and certificate["days_left"] > 9999


def test_people_are_told_the_same(daemon):
    d = measured(daemon)
    assert gemini(d.gemini, url("/history")).status == 20
    with Plain(d.gopher):
        wait_for("who waits", lambda: status(d)["connections"]["open"]
                 ["waiting"] == 1)
        done = ctl("-c", d.path, "status")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {" ".join(li.split()) for li in done.stdout.splitlines()}
    assert "workers 1" in lines and "reloads 0 done, 0 refused" in lines
    assert "limits none" in lines and "signatures 1 made" in lines
    assert any(li.startswith("connections 1 open: 1 waiting; 2 accepted, ")
               for li in lines), lines
    assert any(li.startswith("gemini 20 1 ") for li in lines), lines
    assert any(li.startswith("certificate %s, " % HOST) for li in lines)
    assert "\033" not in done.stdout


def test_a_reload_and_its_refusal_are_told(daemon):
    d = measured(daemon)
    good = d.path.read_text()
    d.reload()
    assert status(d)["reload"]["done"] == 1
    other = d.folder / "good.ini"
    other.write_text(good)
    d.rewrite(good + "[nonsense]\n")
    d.signal(signal.SIGHUP)
    wait_for("the refusal", lambda: as_json(
        "-c", other, "status", "--json")["reload"]["refused"] == 1)
    assert as_json("-c", other, "status", "--json")["reload"]["fine"] is False
    assert "the last one was refused" in ctl("-c", other, "status").stdout
    d.steady = False


def test_a_socket_of_the_machine_answers_too(daemon, tmp_path):
    tmp_path.chmod(0o755)
    d = measured(daemon, "unix:%s/metrics" % tmp_path)
    assert status(d)["workers"] == 1


def test_a_daemon_that_listens_anywhere_is_asked_here(daemon):
    d = measured(daemon, "*:%d" % free_port())
    assert status(d)["workers"] == 1


def test_the_next_listener_is_asked_if_one_is_silent(daemon):
    port, dead = free_port(), free_port()
    d = measured(daemon, "127.0.0.1:%d" % port)
    other = d.folder / "other.ini"
    other.write_text(conf(metrics={
        "listen": "127.0.0.1:%d 127.0.0.1:%d" % (dead, port)}))
    assert as_json("-c", other, "status", "--json")["workers"] == 1


# -- nobody, or somebody else --

def asked_of(tmp_path, listen):
    """What is said when this is where [metrics] is to be."""
    path = tmp_path / "x.ini"
    path.write_text(conf(metrics={"listen": listen}))
    server.write_capsule(tmp_path / "root")
    done = ctl("-c", path, "status")
    assert done.stdout == ""
    assert done.stderr.startswith("capsulectl status: ")
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr[len("capsulectl status: "):-1]


def test_without_metrics_it_is_said_what_to_do(tmp_path):
    assert asked_of(tmp_path, "off") == (
        1, '[metrics] is off in %s: say "listen = 127.0.0.1:9965" there, and '
        "reload capsuled (HUP)" % (tmp_path / "x.ini"))


def test_a_port_that_the_kernel_chose_is_not_guessed(tmp_path):
    assert asked_of(tmp_path, "127.0.0.1:0") == (
        1, "the port of 127.0.0.1:0 is chosen anew at each start: [metrics] "
        "has to name one")


def test_nobody_at_the_address_is_told(tmp_path):
    port = free_port()
    assert asked_of(tmp_path, "127.0.0.1:%d" % port) == (
        1, "nobody answers at 127.0.0.1:%d: Connection refused; is capsuled "
        "running, and with this configuration?" % port)
    code, said = asked_of(tmp_path, "unix:%s/none" % tmp_path)
    assert code == 1 and said.startswith(
        "nobody answers at unix:%s/none: No such file" % tmp_path)


@contextlib.contextmanager
def impostor(answer):
    """Somebody else at an address: answer(SOCKET), once it was asked."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(60)
                asked = b""
                try:
                    while b"\r\n\r\n" not in asked:
                        asked += sock.recv(4096)
                    answer(sock)
                except OSError:  # who asked has had enough
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


NOT_TEXT = "line %d of what 127.0.0.1:%%d answers is not Prometheus' text " \
           "format"
GARBAGE = {
    "nothing": (b"", "what answers at 127.0.0.1:%d does not speak HTTP, or "
                "broke off"),
    "noise": (bytes(range(256)) * 9, "what answers at 127.0.0.1:%d does not "
              "speak HTTP, or broke off"),
    "half a head": (b"HTTP/1.0 200 OK\r\nContent-", "what answers at "
                    "127.0.0.1:%d does not speak HTTP, or broke off"),
    "half a page": (b"HTTP/1.0 200 OK\r\nContent-Length: 999\r\n\r\n" + PAGE,
                    "what answers at 127.0.0.1:%d does not speak HTTP, or "
                    "broke off"),
    "another server": (b"HTTP/1.1 403 No\r\n\r\nno", "what answers at "
                       "127.0.0.1:%d has no /metrics (HTTP says 403): it is "
                       "not capsuled"),
    "a web page": (HEAD + b"<html>\n", NOT_TEXT % 1),
    "half a line": (HEAD + PAGE + b"capsuled_workers 1", NOT_TEXT % 3),
    "another exporter": (HEAD + b"node_load1 0.5\n", "what answers at "
                         "127.0.0.1:%d is not capsuled"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_not_capsuled_is_told(tmp_path, name):
    data, said = GARBAGE[name]
    with impostor(lambda s: s.sendall(data)) as port:
        assert asked_of(tmp_path, "127.0.0.1:%d" % port) == (1, said % port)


def test_an_answer_that_never_ends_is_given_up_in_time(tmp_path):
    """Byte by byte or not at all: the time is that of the whole."""
    gone = threading.Event()

    def trickle(sock):
        sock.sendall(HEAD)
        while not gone.wait(0.1):
            sock.sendall(b"#")

    for answer in (trickle, lambda s: gone.wait(60)):
        gone.clear()
        with impostor(answer) as port:
            before = time.monotonic()
            assert asked_of(tmp_path, "127.0.0.1:%d" % port) == (
                1, "127.0.0.1:%d does not answer within %d seconds"
                % (port, DEADLINE))
            assert time.monotonic() - before >= DEADLINE
            gone.set()


@pytest.mark.parametrize("over", [0, 1])
def test_an_answer_has_a_greatest_size(tmp_path, over):
    data = HEAD + PAGE
    data += b"#" * (ANSWER_MAX - len(data) - 1 + over) + b"\n"
    assert len(data) == ANSWER_MAX + over
    with impostor(lambda s: s.sendall(data)) as port:
        listen = "127.0.0.1:%d" % port
        if over:
            assert asked_of(tmp_path, listen) == (
                1, "%s sends more than %d bytes: it is not capsuled"
                % (listen, ANSWER_MAX))
            return
        path = tmp_path / "x.ini"
        path.write_text(conf(metrics={"listen": listen}))
        assert as_json("-c", path, "status", "--json")["version"] == "9.9"


def test_certificates_that_need_care_are_told(tmp_path):
    days = {"fine.example.org": 30, "soon.example.org": 29,
            "last.example.org": 1, "over.example.org": -1,
            "later.example.org": 99}
    page = PAGE + "".join(
        'capsuled_certificate_expiry_seconds{host="%s"} %d\n'
        % (host, n * 86400) for host, n in days.items()).encode()
    path = tmp_path / "x.ini"
    with impostor(lambda s: s.sendall(HEAD + page)) as port:
        path.write_text(conf(metrics={"listen": "127.0.0.1:%d" % port}))
        said = [li.split(None, 1)[1] for li in
                ctl("-c", path, "status").stdout.splitlines()
                if li.startswith("  certificate")]
        assert said == ["soon.example.org expires in 29 days",
                        "last.example.org expires in 1 day",
                        "over.example.org has expired: every client refuses "
                        "it", "fine.example.org, 30 days left"]
        got = as_json("-c", path, "status", "--json")["certificates"]
        assert {c["host"]: c["days_left"] for c in got} == days


def test_what_a_page_says_reaches_no_terminal_as_it_is(tmp_path):
    evil = (b'capsuled_build_info{version="\x1b]0;x\x07"} 1\n'
            b"capsuled_start_time_seconds 1e300\n"
            b"capsuled_last_reload_time_seconds NaN\n"
            b"capsuled_workers -Inf\n"
            b'capsuled_limits_total{limit="\x1b[2J"} 1\n'
            b'capsuled_requests_total{protocol="\x9b",status="\\n"} 1e99\n'
            b'capsuled_certificate_expiry_seconds{host="\\"\x1b"} 1\n')
    path = tmp_path / "x.ini"
    with impostor(lambda s: s.sendall(HEAD + evil)) as port:
        path.write_text(conf(metrics={"listen": "127.0.0.1:%d" % port}))
        done = ctl("-c", path, "status")
        assert done.returncode == 0
        assert not set(done.stdout) & set(map(chr, [*range(10), *range(
            11, 32), *range(127, 160)]))
        as_json("-c", path, "status", "--json")


# -- again and again --

class Watcher:
    """capsulectl status --watch on a terminal of its own."""

    def __init__(self, path, **env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(BINARY, [BINARY, "-c", path, "status", "--watch", "1"],
                      {**os.environ, "TERM": "xterm", **env})
        self.said = ""

    def read(self):
        if select.select([self.fd], [], [], 0.05)[0]:
            self.said += os.read(self.fd, 65536).decode("utf-8", "replace")

    def wait(self, what, condition):
        return wait_for(what, lambda: (self.read(), condition())[1], 60)

    def screens(self):
        return self.said.split("\033[H\033[2J")[1:]

    def end(self):
        """^C; the status it ends with."""
        os.write(self.fd, b"\x03")
        pid, got = wait_for("its end", lambda: next(
            (r for r in [os.waitpid(self.pid, os.WNOHANG)] if r[0]), None))
        os.close(self.fd)
        return os.waitstatus_to_exitcode(got)


def test_watch_looks_again_until_it_is_interrupted(daemon):
    d = measured(daemon)
    w = Watcher(d.path)
    w.wait("a screen", lambda: "90 % within" in w.said)
    for _ in range(3):
        assert gemini(d.gemini, url("/history")).status == 20
    # Seen once as a rate, then only as a number.
    w.wait("the rate", lambda: any(
        "connections" in s and "3 accepted, " in s and
        "3 accepted, 0.00/s" not in s for s in w.screens()))
    w.wait("the rate's end", lambda: "3 accepted, 0.00/s" in w.said)
    assert w.end() == 0


def test_watch_waits_for_a_daemon_that_is_away(daemon):
    d = measured(daemon)
    w = Watcher(d.path)
    w.wait("a screen", lambda: "90 % within" in w.said)
    d.stop()
    w.wait("silence", lambda: "nobody answers at" in w.said)
    seen = len(w.said)
    again = server.Daemon(d.folder, d.path.read_text())
    try:
        w.wait("its return", lambda: "90 % within" in w.said[seen:])
        assert w.end() == 0
    finally:
        again.stop()


def test_watch_clears_no_screen_of_a_dumb_terminal(daemon):
    d = measured(daemon)
    w = Watcher(d.path, TERM="dumb")
    w.wait("two looks", lambda: w.said.count("90 % within") >= 2)
    assert "\033" not in w.said
    assert w.end() == 0


@pytest.mark.parametrize("seconds, fine", [
    ("0", False), ("1", True), ("3600", True), ("3601", False), ("x", False),
    ("", False)])
def test_seconds_of_watch_have_a_range(tmp_path, seconds, fine):
    done = ctl("-c", tmp_path / "none.ini", "status", "--watch", seconds)
    assert done.returncode == 2
    assert done.stderr == "capsulectl status: --watch" + (
        " is for terminals; scripts ask with --json\n" if fine else
        ': "%s" is not a number of seconds from 1 to 3600\n' % seconds)


def test_watch_and_json_do_not_go_together(tmp_path):
    done = ctl("-c", tmp_path / "none.ini", "status", "--json", "--watch=5")
    assert (done.returncode, done.stderr) == (
        2, "capsulectl status: --json and --watch do not go together\n")


def test_a_screen_that_cannot_be_written_is_a_failure(daemon):
    d = measured(daemon)
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "-c", d.path, "status"], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
