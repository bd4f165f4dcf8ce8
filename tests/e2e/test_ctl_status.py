"""capsulectl status: what the daemon counted, and who is no daemon."""
import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

import server
from client import HOST, Plain, gemini, gopher, url
from ctl import BINARY, as_json, ctl
from server import conf, wait_for

ANSWER_MAX = 2097152  # bytes
DEADLINE = 5  # seconds; as the manual says
PAGE = b"version 9.9\nstart_time_seconds 1000\n"


def status(d, *options):
    return as_json("-c", d.path, "status", "--json", *options)


def count(found, protocol, number):
    return sum(r["count"] for r in found["requests"]
               if (r["protocol"], r["status"]) == (protocol, number))


# -- a daemon --

def test_json_tells_what_was_served(daemon):
    d = daemon(conf(server={"workers": "2"}))
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
    assert set(got["connections"]["open"]) >= {"first_byte", "response"}
    assert got["handshakes"]["done"] == 6
    assert got["handshakes"]["resumed"] == got["handshakes"]["failed"] == 0
    over_gemini, over_gopher = got["answers"]
    assert over_gopher["bytes"] == sent
    for one in (over_gemini, over_gopher):
        assert 0 < one["p50_ms"] <= one["p90_ms"] <= 30000
    assert got["sessions"]["stored"] == got["signatures"]["made"] == 6
    assert set(got["limits"].values()) == {0}
    assert got["deaths"] == {"worker": 0, "key_process": 0}
    certificate, = got["certificates"]
    assert certificate["host"] == HOST and certificate["days_left"] > 9999


def test_people_are_told_the_same(daemon):
    d = daemon()
    assert gemini(d.gemini, url("/history")).status == 20
    with Plain(d.gopher):
        wait_for("who waits", lambda: status(d)["connections"]["open"]
                 ["first_byte"] == 1)
        done = ctl("-c", d.path, "status")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {" ".join(li.split()) for li in done.stdout.splitlines()}
    assert "workers 1" in lines and "reloads 0 done, 0 refused" in lines
    assert "limits none" in lines and "signatures 1 made" in lines
    assert any(li.startswith("connections 1 open: 1 first_byte; 2 accepted, ")
               for li in lines), lines
    assert any(li.startswith("gemini 20 1 ") for li in lines), lines
    assert any(li.startswith("certificate %s, " % HOST) for li in lines)
    assert "\033" not in done.stdout


def test_a_reload_and_its_refusal_are_told(daemon):
    d = daemon()
    good = d.path.read_text()
    d.reload()
    assert status(d)["reload"]["done"] == 1
    d.rewrite(good + "[nonsense]\n")
    d.signal(signal.SIGHUP)
    wait_for("the refusal", lambda: status(d)["reload"]["refused"] == 1)
    assert status(d)["reload"]["fine"] is False
    assert "the last one was refused" in ctl("-c", d.path, "status").stdout
    d.steady = False


def test_no_metrics_are_needed_and_a_broken_configuration_hinders_nobody(
        daemon):
    """Where the daemon is stands in it all the same."""
    d = daemon()
    good = d.path.read_text()
    d.rewrite(good + "[nonsense]\n")
    assert status(d)["workers"] == 1
    d.rewrite(good)


def test_quantiles_are_ends_of_buckets(tmp_path):
    """Of ten answers five took 5 ms at most, nine 100, and one too long."""
    buckets = {"0.001": 0, "0.005": 5, "0.01": 5, "0.05": 5, "0.1": 9,
               "0.5": 9, "30": 9, "+Inf": 10}
    page = "".join("request_duration_seconds_bucket.gemini.%s %d\n" % pair
                   for pair in buckets.items())
    page += "".join("request_duration_seconds_bucket.gopher.%s %d\n"
                    % (end, end == "+Inf") for end in buckets)
    path = tmp_path / "x.ini"
    with impostor(lambda s: s.sendall(PAGE + page.encode() + b"done\n")) as at:
        path.write_text(conf(server={"control": at}))
        over_gemini, over_gopher = as_json("-c", path, "status",
                                           "--json")["answers"]
        assert (over_gemini["p50_ms"], over_gemini["p90_ms"]) == (5, 100)
        assert over_gopher["p50_ms"] == over_gopher["p90_ms"] == 30000
        lines = [li.split() for li in
                 ctl("-c", path, "status").stdout.splitlines()]
        assert ["gemini", "0", "B", "5", "ms", "100", "ms"] in lines
        assert ["gopher", "0", "B", ">30", "s", ">30", "s"] in lines


# -- nobody, or somebody else --

@contextlib.contextmanager
def impostor(answer):
    """Somebody else at a socket: answer(SOCKET), once it was asked."""
    with tempfile.TemporaryDirectory(prefix="ctl") as folder:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(folder + "/x.sock")
        listener.listen()

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
                        while b"\n" not in asked:
                            asked += sock.recv(4096)
                        assert asked == b"status\n"
                        answer(sock)
                    except OSError:  # who asked has had enough
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield folder + "/x.sock"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(60)


def asked_of(tmp_path, at):
    """What is said when this is where the socket is to be."""
    path = tmp_path / "x.ini"
    path.write_text(conf(server={"control": at}))
    done = ctl("-c", path, "status")
    assert done.stdout == ""
    assert done.stderr.startswith("capsulectl status: ")
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr[len("capsulectl status: "):-1]


def test_nobody_at_the_socket_is_told(tmp_path):
    code, said = asked_of(tmp_path, "none.sock")
    assert (code, said) == (
        1, "cannot speak to capsuled at %s/none.sock: No such file or "
        "directory; is capsuled running, and with this configuration?"
        % tmp_path)
    with tempfile.TemporaryDirectory(prefix="ctl") as folder, \
            socket.socket(socket.AF_UNIX) as dead:
        dead.bind(folder + "/x.sock")
        assert asked_of(tmp_path, folder + "/x.sock") == (
            1, "cannot speak to capsuled at %s/x.sock: Connection refused; is "
            "capsuled running, and with this configuration?" % folder)


def test_a_configuration_that_is_not_there_is_told(tmp_path):
    done = ctl("-c", tmp_path / "none.ini", "status")
    assert (done.returncode, done.stderr) == (
        1, "%s/none.ini: cannot open: No such file or directory\n" % tmp_path)


FOREIGN = "what answers at %s is not capsuled"
BROKEN = "%s broke off its answer"
GARBAGE = {
    "nothing": (b"", "%s was closed without an answer: this user may not ask, "
                "or capsuled has just ended"),
    "noise": (bytes(range(256)) * 9, FOREIGN),
    "half a line": (PAGE + b"workers 1", BROKEN),
    "half an answer": (PAGE, BROKEN),
    "half the last word": (PAGE + b"done", BROKEN),
    "a page of the web": (b"HTTP/1.0 200 OK\r\n\r\nno", FOREIGN),
    "a line too many": (PAGE + b"done\nworkers 1\n", FOREIGN),
    "a key alone": (PAGE + b"workers\ndone\n", FOREIGN),
    "a refusal": (b"problem no\nfailed\n", "%s refuses to tell"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_not_capsuled_is_told(tmp_path, name):
    data, said = GARBAGE[name]
    with impostor(lambda s: s.sendall(data)) as at:
        assert asked_of(tmp_path, at) == (1, said % at)


def test_an_answer_that_never_ends_is_given_up_in_time(tmp_path):
    """Byte by byte or not at all: the time is that of the whole."""
    gone = threading.Event()

    def trickle(sock):
        while not gone.wait(0.1):
            sock.sendall(b"#")

    for answer in (trickle, lambda s: gone.wait(60)):
        gone.clear()
        with impostor(answer) as at:
            before = time.monotonic()
            assert asked_of(tmp_path, at) == (
                1, "%s does not answer within %d seconds" % (at, DEADLINE))
            assert time.monotonic() - before >= DEADLINE
            gone.set()


@pytest.mark.parametrize("over", [0, 1])
def test_an_answer_has_a_greatest_size(tmp_path, over):
    data = PAGE + b"x " + b"#" * (ANSWER_MAX - len(PAGE) - 8 + over)
    data += b"\ndone\n"
    assert len(data) == ANSWER_MAX + over
    with impostor(lambda s: s.sendall(data)) as at:
        if over:
            assert asked_of(tmp_path, at) == (
                1, "%s sends more than %d bytes: it is not capsuled"
                % (at, ANSWER_MAX))
            return
        path = tmp_path / "x.ini"
        path.write_text(conf(server={"control": at}))
        assert as_json("-c", path, "status", "--json")["version"] == "9.9"


def test_certificates_that_need_care_are_told(tmp_path):
    days = {"fine.example.org": 30, "soon.example.org": 29,
            "last.example.org": 1, "over.example.org": -1,
            "later.example.org": 99}
    page = PAGE + "".join(
        'certificate_expiry_seconds.%s %d\n'
        % (host, n * 86400) for host, n in days.items()).encode() + b"done\n"
    path = tmp_path / "x.ini"
    with impostor(lambda s: s.sendall(page)) as at:
        path.write_text(conf(server={"control": at}))
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
    evil = (b"version \x9b]0;x\n"
            b"start_time_seconds 1e300\n"
            b"last_reload_time_seconds 9999999999999999999999\n"
            b"workers -99999999999999999999\n"
            b"limits_total.\xc2\x9b2J 1\n"
            b"requests_total.\xff.\xfe 12x\n"
            b'certificate_expiry_seconds."\xc2\x9b 1\n'
            b"done\n")
    path = tmp_path / "x.ini"
    with impostor(lambda s: s.sendall(evil)) as at:
        path.write_text(conf(server={"control": at}))
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
    d = daemon()
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
    d = daemon()
    w = Watcher(d.path)
    w.wait("a screen", lambda: "90 % within" in w.said)
    d.stop()
    w.wait("silence", lambda: "cannot speak to capsuled at" in w.said)
    seen = len(w.said)
    again = server.Daemon(d.folder, d.path.read_text())
    try:
        w.wait("its return", lambda: "90 % within" in w.said[seen:])
        assert w.end() == 0
    finally:
        again.stop()


def test_watch_clears_no_screen_of_a_dumb_terminal(daemon):
    d = daemon()
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
    d = daemon()
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "-c", d.path, "status"], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
