"""Sockets that a service manager opened: taken by address, kept, or refused.

A parent of ours plays the manager where an exact set of descriptors matters;
systemd-socket-activate is the real one.
"""
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

import server
from client import gemini, gopher, url
from server import conf, wait_for

# Puts the descriptors it is told of where sd_listen_fds(3) has them.
PARENT = """
import fcntl, os, sys
fds, pid, command = sys.argv[1], sys.argv[2], sys.argv[3:]
fds = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in fds.split(",") if fd]
for i, fd in enumerate(fds):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.setdefault("LISTEN_FDS", str(len(fds)))
os.environ["LISTEN_FDNAMES"] = ":".join(["capsuled.socket"] * len(fds))
os.environ["LISTEN_PID"] = str(os.getpid() if pid == "ours" else os.getppid())
os.execv(command[0], command)
"""


class Passed:
    """Sockets as a manager has them, and how to start something with them."""

    def __init__(self, *sockets, pid="ours"):
        self.sockets = sockets
        fds = ",".join(str(s.fileno()) for s in sockets)
        self.under = [sys.executable, "-c", PARENT, fds, pid]
        self.how = {"under": self.under,
                    "pass_fds": [s.fileno() for s in sockets]}

    def run(self, *options, **popen):
        return subprocess.run(
            [*self.under, server.BINARY, *options],
            pass_fds=self.how["pass_fds"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=server.START, **popen)


def listening(address="127.0.0.1", only=True, listen=True):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(only))
    sock.bind((address, 0))
    if listen:
        sock.listen(1)
    return sock


@pytest.fixture
def sockets():
    """Make listening sockets that are closed after the test."""
    made = []

    def make(*args, **how):
        made.append(listening(*args, **how))
        return made[-1]

    yield make
    for sock in made:
        sock.close()


def name(sock):
    host, port = sock.getsockname()[:2]
    return "%s:%d" % ("[%s]" % host if ":" in host else host, port)


def ports(one, other, **more):
    return conf(gemini={"listen": name(one)}, gopher={"listen": name(other)},
                **more)


def is_served(d):
    return (gemini(d.gemini, url("/history")).status == 20
            and b"1996" in gopher(d.gopher, b"/history\r\n"))


def inode(sock):
    return os.readlink("/proc/self/fd/%d" % sock.fileno())


def start_and_fail(tmp_path, text, *handed, pid="ours", **popen):
    """The sentences of a start that must fail."""
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "capsuled.ini"
    path.write_text(text)
    done = Passed(*handed, pid=pid).run("-f", "-c", path, **popen)
    assert done.returncode == 1, done
    return done.stderr


# -- taking --


@pytest.mark.parametrize("foreground", [True, False])
def test_sockets_are_matched_by_address_in_any_order(daemon, sockets,
                                                     foreground):
    one, other = sockets(), sockets()
    passed = Passed(other, one)
    if foreground:
        d = daemon(ports(one, other), **passed.how)
        assert is_served(d)
        assert {inode(one), inode(other)} <= server.open_files(d.pid)
        assert d.log().count(", opened by the service manager") == 2
        assert (d.gemini, d.gopher) == (one.getsockname()[1],
                                        other.getsockname()[1])


def test_in_the_background_they_are_served_too(tmp_path, sockets):
    one, other = sockets(), sockets()
    server.let_in(tmp_path)
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "capsuled.ini"
    pid_file = tmp_path / "pid"
    path.write_text(ports(one, other, server={"pid_file": str(pid_file)}))
    done = Passed(one, other).run("-c", path)
    assert done.returncode == 0, done.stderr
    pid = int(pid_file.read_text())
    try:
        assert inode(one) in server.open_files(pid)
        assert b"1996" in gopher(other.getsockname()[1], b"/history\r\n")
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for("its end", lambda: not server.is_running(pid))


def test_what_is_not_handed_over_is_bound(daemon, sockets):
    one = sockets()
    d = daemon(conf(gemini={"listen": name(one)}), **Passed(one).how)
    assert is_served(d)
    assert d.log().count(", opened by the service manager") == 1


def test_both_halves_of_a_star_can_be_handed_over(daemon, sockets):
    if not server.IPV6:
        pytest.skip("this machine has no IPv6")
    six = sockets("::")
    four = socket.socket()
    with four:
        four.bind(("0.0.0.0", six.getsockname()[1]))
        four.listen()
        d = daemon(conf(gopher={"listen": "*:%d" % six.getsockname()[1]}),
                   **Passed(four, six).how)
        assert {inode(four), inode(six)} <= server.open_files(d.pid)
        for address in ("127.0.0.1", "::1"):
            assert b"1996" in gopher(d.gopher, b"/history\r\n",
                                     address=address)


def test_an_address_may_be_spelt_in_another_way(daemon, sockets):
    if not server.IPV6:
        pytest.skip("this machine has no IPv6")
    one = sockets("::1")
    spelt = "[0:0:0:0:0:0:0:1]:%d" % one.getsockname()[1]
    d = daemon(conf(gemini={"listen": spelt}), **Passed(one).how)
    assert inode(one) in server.open_files(d.pid)


def test_sockets_for_another_process_are_left_alone(daemon, sockets):
    d = daemon(conf(), **Passed(sockets(), pid="parent's").how)
    assert is_served(d)
    assert "service manager" not in d.log()


def test_a_visitor_who_came_before_the_daemon_is_served(daemon, sockets):
    """That is what it is for: between two daemons nobody is refused."""
    one, other = sockets(), sockets()
    with socket.create_connection(other.getsockname()) as early:
        early.sendall(b"/history\r\n")
        d = daemon(ports(one, other), **Passed(one, other).how)
        early.settimeout(server.START)
        assert b"1996" in early.makefile("rb").read()
        d.stop()
        with socket.create_connection(other.getsockname()) as between:
            between.sendall(b"/history\r\n")
            daemon(ports(one, other), **Passed(one, other).how)
            between.settimeout(server.START)
            assert b"1996" in between.makefile("rb").read()


# -- keeping --


def test_a_reload_keeps_them(daemon, sockets):
    one, other = sockets(), sockets()
    text = ports(one, other)
    d = daemon(text, steady=False, **Passed(one, other).how)
    for _ in range(2):
        d.reload()
        assert is_served(d)
        assert {inode(one), inode(other)} <= server.open_files(d.pid)
    # The protocols change places, the sockets stay.
    d.rewrite(ports(other, one))
    d.reload()
    assert gemini(other.getsockname()[1], url("/history")).status == 20
    assert b"1996" in gopher(one.getsockname()[1], b"/history\r\n")
    assert {inode(one), inode(other)} <= server.open_files(d.pid)


def test_a_reload_that_would_leave_one_unused_is_refused(daemon, sockets):
    one, other = sockets(), sockets()
    d = daemon(ports(one, other), steady=False, **Passed(one, other).how)
    d.rewrite(ports(one, other).replace("listen = " + name(other),
                                        "listen = off"))
    d.signal(signal.SIGHUP)
    wait_for("its reasons", lambda: "not reloaded" in d.log())
    assert ("hands over a socket for %s, which no \"listen\" names"
            % name(other)) in d.log()
    assert is_served(d)


# -- refusing --


def test_a_socket_that_no_listener_names_is_an_error(tmp_path, sockets):
    one = sockets()
    said = start_and_fail(tmp_path, conf(), one)
    assert said == (
        "%s: the service manager hands over a socket for %s, which no "
        "\"listen\" names; add it there, or take it out of the manager's "
        "unit\n" % (tmp_path / "capsuled.ini", name(one)))


def test_a_socket_for_both_families_is_refused(tmp_path, sockets):
    if not server.IPV6:
        pytest.skip("this machine has no IPv6")
    said = start_and_fail(tmp_path, conf(), sockets("::", only=False))
    assert "also answers IPv4; say BindIPv6Only=ipv6-only" in said


def test_what_is_no_listening_tcp_socket_is_refused(tmp_path, sockets):
    with (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
          socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as local,
          open(os.devnull) as null):
        datagrams.bind(("127.0.0.1", 0))
        said = start_and_fail(tmp_path, conf(), datagrams, local, null,
                              sockets(listen=False))
    lines = said.splitlines()
    assert len(lines) == 4, said
    for i, line in enumerate(lines[:3]):
        assert line == ("socket %d of the service manager (descriptor %d) is "
                        "no TCP socket; say ListenStream=ADDRESS:PORT"
                        % (i + 1, i + 3))
    assert lines[3].endswith("(descriptor 6) does not listen; say Accept=no")


@pytest.mark.parametrize("number", ["5", "-1", "two", "", "99999999999999"])
def test_a_number_that_is_not_true_is_an_error(tmp_path, sockets, number):
    said = start_and_fail(tmp_path, conf(), sockets(),
                          env=dict(os.environ, LISTEN_FDS=number))
    assert said == (
        "LISTEN_FDS is \"%s\", but 1 descriptors from 3 on are open; it is "
        "the number of sockets that a service manager hands over\n" % number)


# -- the real one --


def test_systemd_starts_it_for_its_first_visitor(tmp_path):
    activate = shutil.which("systemd-socket-activate")
    if activate is None:
        pytest.skip("systemd-socket-activate is not here")
    server.let_in(tmp_path)
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "capsuled.ini"
    log = tmp_path / "log"

    def attempt():
        """Ports that were free a moment ago may have been taken since."""
        with listening() as one, listening() as other:
            names = name(one), name(other)
        path.write_text(conf(gemini={"listen": names[0]},
                             gopher={"listen": names[1]}))
        with open(log, "wb") as out:
            proc = subprocess.Popen(
                [activate, "-l", names[0], "-l", names[1], server.BINARY,
                 "-f", "-c", path], stderr=out, stdin=subprocess.DEVNULL)
        wait_for("its sockets", lambda: proc.poll() is not None
                 or log.read_text().count("Listening on") == 2)
        return None if proc.poll() is not None else (proc, names)

    proc, names = wait_for("two free ports", attempt)
    try:
        # Nobody has come yet: the activator waits under its own name.
        assert "listening on" not in log.read_text()
        gopher_port = int(names[1].split(":")[1])
        assert b"1996" in gopher(gopher_port, b"/history\r\n")
        assert gemini(int(names[0].split(":")[1]),
                      url("/history")).status == 20
        wait_for("the log", lambda: log.read_text().count(
            "opened by the service manager") == 2)
    finally:
        proc.send_signal(signal.SIGTERM)
        assert proc.wait(timeout=server.START) == 0
