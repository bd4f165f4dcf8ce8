"""What a worker has given up, and that it misses none of it.

"make e2e-fences" runs this file against a build whose workers die of the
first system call that their fences refuse; every daemon here is one whose
workers must all live to the end.
"""
import contextlib
import ctypes
import os
import signal
import ssl
import subprocess

import pytest

import application
import crowd
import server
from client import HOST, Plain, Reply, Tls, context, gemini, gopher, url
from crowd import SANITIZED
from server import conf, let_pass, wait_for

fenced = pytest.mark.skipif(SANITIZED or not os.uname().sysname == "Linux",
                            reason="sanitizers work without fences")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
FREE = {"rate": "0"}


def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


def has_landlock():
    """Containers may lack what the kernel has: landlock_create_ruleset(2)."""
    return ctypes.CDLL(None).syscall(444, None, 0, 1) > 0


@fenced
def test_every_worker_is_behind_its_fences(daemon):
    d = daemon(conf(server={"workers": "3"}))
    for pid in d.workers:
        s = status_of(pid)
        assert (s["Seccomp"], s["NoNewPrivs"]) == ("2", "1")
        for key in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(s[key], 16) == 0, key
        # Who may not be dumped has files in /proc that belong to root.
        assert os.stat("/proc/%d/environ" % pid).st_uid == 0
        with open("/proc/%d/limits" % pid) as f:
            core, = [li for li in f if li.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"]
    fences = "seccomp and Landlock" if has_landlock() \
        else "seccomp; this system has no Landlock"
    assert "confined by " + fences in d.log()
    # The master has none but what a container has given all of us.
    assert status_of(d.pid)["Seccomp"] == status_of(os.getpid())["Seccomp"]


def is_fenced(pid):
    s = status_of(pid)
    return s["Seccomp"] == "2" and int(s["CapEff"], 16) == 0


@fenced
@root_only
def test_new_workers_are_fenced_like_the_first(daemon):
    """After a death and after a reload."""
    d = daemon(steady=False)
    os.kill(d.workers[0], signal.SIGKILL)
    wait_for("another worker",
             lambda: set(d.children()) - set(d.workers))
    wait_for("its fences",
             lambda: status_of(d.children()[0])["Seccomp"] == "2")
    d.signal(signal.SIGHUP)
    wait_for("the reload", lambda: "reloaded" in d.log())
    for pid in wait_for("workers", d.children):
        wait_for("its fences", lambda: not server.is_running(pid)
                 or is_fenced(pid))


@root_only
def test_chroot_locks_workers_into_an_empty_folder(daemon, tmp_path):
    cage = tmp_path / "cage"
    cage.mkdir()
    d = daemon(conf(server={"workers": "2", "chroot": str(cage)}))
    for pid in d.workers:
        assert os.readlink("/proc/%d/root" % pid) == str(cage)
        assert os.readlink("/proc/%d/cwd" % pid) == str(cage)
    assert os.readlink("/proc/%d/root" % d.pid) == "/"
    assert gemini(d.gemini, url("/big.bin")).body == (
        d.root / "big.bin").read_bytes()
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    assert list(cage.iterdir()) == []


def visit_everything(d):
    """Both protocols, each version of TLS, small and large, good and bad."""
    big = (d.root / "big.bin").read_bytes()
    for version in VERSIONS:
        ctx, session = context(version, version), None
        for path, status in (("/history", 20), ("/big.bin", 20), ("/no", 51),
                             ("/old", 31), ("/1998", 52), ("/files/", 20)):
            with Tls(d.gemini, ctx=ctx, session=session) as c:
                assert c.tls.session_reused == (session is not None)
                c.send(url(path).encode() + b"\r\n")
                got = Reply(c.read_all())
                session = c.finish()
            assert (got.status, got.clean) == (status, True)
            assert path != "/big.bin" or got.body == big
        assert gopher(d.gopher, b"/big.bin\r\n", tls=True, ctx=ctx) == big
    for line in (b"\r\n", b"/history\r\n", b"/files/\r\n", b"/none\r\n",
                 b"URL:https://example.org/\r\n", b"/history\t$\r\n",
                 b"GET / HTTP/1.0\r\n\r\n", b"/caps.txt\r\n"):
        assert gopher(d.gopher, line)
    assert gopher(d.gopher, b"/big.bin\r\n") == big
    for junk in (b"\x16\3\1\0\4junk", b"\x15junk", b"", b"\0" * 5000):
        with Plain(d.gemini) as c:
            c.send(junk)
            with contextlib.suppress(OSError):  # it may have hung up
                c.half_close()
            assert c.read_all().end != "timeout"
    with Tls(d.gemini, rcvbuf=4096) as c:  # slowly, and then not at all
        c.send(url("/big.bin").encode() + b"\r\n")
        c.read(1024)
        let_pass(0.3, "a slow reader")
        c.read(1024)
    if server.IPV6:
        how = {"address": "::1"}
        assert gemini(d.gemini6, url("/history"), **how).status == 20
        assert b"1996" in gopher(d.gopher6, b"/history\r\n", **how)


def crowd_in(d):
    """More visitors than there are places, most of them silent."""
    with crowd.Crowd() as them:
        for i in range(120):
            them.add(d.gopher, b"" if i % 3 else b"/history\r\n")
        assert them.run(20)


@pytest.mark.parametrize("cage", [False, True])
def test_no_feature_needs_what_a_worker_gave_up(daemon, tmp_path, cage):
    """The whole tour, through reload, rotation, rates, limits and the end."""
    keys = {"workers": "2", "request_timeout": "2s", "idle_timeout": "2s",
            "max_connections": "40", "max_connections_per_address": "50",
            "drain_timeout": "5s", **FREE}
    if cage:
        if os.geteuid() != 0:
            pytest.skip("needs root")
        (tmp_path / "cage").mkdir()
        keys["chroot"] = str(tmp_path / "cage")
    d = daemon(conf(server=keys, log={"access": "access.log",
                                      "level": "debug"}))
    visit_everything(d)
    crowd_in(d)
    assert d.children() == d.workers, d.log()

    os.rename(d.folder / "access.log", d.folder / "access.log.1")
    d.signal(signal.SIGUSR1)
    wait_for("the new log", lambda: (d.folder / "access.log").exists())
    # The first visit may still be written into the old one.
    wait_for("a line in it", lambda: gopher(d.gopher, b"/history\r\n")
             and (d.folder / "access.log").stat().st_size > 0)
    assert d.children() == d.workers, d.log()

    d.rewrite(conf(server={**keys, "rate": "2"},
                   log={"access": "stderr"}, gopher={"tls": "no"}))
    old = d.workers
    d.signal(signal.SIGHUP)
    wait_for("the old workers to go",
             lambda: len(d.children()) == 2 and not set(d.children())
             & set(old))
    d.workers = d.children()
    statuses = set()
    for _ in range(12):
        try:
            statuses.add(gemini(d.gemini, url("/history")).status)
        except OSError:
            statuses.add("closed")
    assert statuses == {20, 44, "closed"}
    assert "died" not in d.log() and "ended with status" not in d.log()

    let_pass(1.1, "the bucket of the address fills")
    with Tls(d.gemini, rcvbuf=4096) as c:
        c.send(url("/big.bin").encode() + b"\r\n")
        first = c.read(1024)
        d.signal(signal.SIGTERM)
        got = c.read_all()
    big = (d.root / "big.bin").read_bytes()
    assert got.clean and (first + got.data).endswith(big)
    assert d.proc.wait(timeout=server.START) == 0
    assert "died" not in d.log() and "cut" not in d.log()


@pytest.mark.parametrize("is_scgi", [False, True])
def test_asking_an_application_needs_nothing_of_it(daemon, tmp_path, is_scgi):
    """Over both kinds of socket: answered, down, too long, cut, gone."""
    apps = [application.Server(is_scgi=is_scgi, path=path)
            for path in (None, tmp_path / "a.sock")]
    selectors = {"/%d/" % i: a.action for i, a in enumerate(apps)}
    gone = application.Server(is_scgi=is_scgi)
    gone.close()
    d = daemon(conf(server=FREE, selectors={**selectors, "/no": gone.action},
                    application={"timeout": "1s", "max_answer": "1m"}))
    for i, a in enumerate(apps):
        path = "/%d/x" % i
        line = path.encode() + b"\r\n"
        for answer, status in (
                (application.table, 20),
                (lambda r: r.answer(b"20 a/b\r\n" + b"x" * 500000), 20),
                (lambda r: r.answer(b"nonsense\n"), 42),
                (lambda r: r.await_end(), 42)):
            a.answer = answer
            assert gemini(d.gemini, url(path)).status == status
            assert gopher(d.gopher, line)
        a.answer = lambda r: r.answer(b"20 a/b\r\n" + b"x" * (2 << 20))
        with Tls(d.gemini) as c:
            c.send(url(path).encode() + b"\r\n")
            assert not c.read_all().notified
        with Tls(d.gemini) as c:
            a.answer = lambda r: r.await_end()
            n = len(a.requests)
            c.send(url(path).encode() + b"\r\n")
            request = a.wait(n + 1)
        assert request.gone.wait(application.PATIENCE)
    assert gemini(d.gemini, url("/no")).status == 43
    assert d.children() == d.workers, d.log()
    for a in apps:
        a.close()


def test_no_proxied_visit_needs_what_a_worker_gave_up(daemon):
    """Headers whole, in pieces, of nobody, too many, bad, and none."""
    behind = {"proxy_protocol": "127.0.5.1"}
    d = daemon(conf(server={"request_timeout": "3s", **FREE,
                            "max_connections_per_address": "2"},
                    gemini=behind, gopher=behind))
    how = {"source": "127.0.5.1"}
    header = b"PROXY TCP4 127.0.9.9 127.0.0.1 4242 70\r\n"
    v2 = b"\r\n\r\n\0\r\nQUIT\n"
    for first in (header, v2 + b"\x20\0\0\0", v2 + b"\x21\x21\0\x24"
                  + bytes(36)):
        for pieces in ([first], [first[:9], first[9:]]):
            with Plain(d.gopher, **how) as c:
                for piece in pieces:
                    c.send(piece)
                    assert c.is_silent(0.05)
                c.send(b"/history\r\n")
                assert b"1996" in c.read_all().data
        with Tls(d.gemini, handshake=False, **how) as c:
            c.sock.sendall(first + c.hello())
            c.handshake()
            c.send(url("/history").encode() + b"\r\n")
            assert Reply(c.read_all()).status == 20
    for junk in (b"/history\r\n", b"\x16\3\1\0\4junk", b"PROXY x\r\n"):
        with Plain(d.gopher, **how) as c:
            c.send(junk)
            assert c.read_all().data == b""
    silent = [Plain(d.gopher, **how) for _ in range(3)]
    for c in silent:
        c.send(header)
    assert sorted(c.read_all().data for c in silent) == [b""] * 3
    assert "sent no valid PROXY header" in d.log()
    assert d.children() == d.workers, d.log()


def test_a_worker_told_by_syslog_needs_no_way_to_it(daemon):
    """Its lines travel through the master."""
    d = daemon(conf(server=FREE, log={"access": "syslog"}))
    for _ in range(5):
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
    assert d.children() == d.workers


@fenced
def test_a_worker_that_asserts_dies_alone(daemon):
    """abort(3) has what it needs, and the master says how it ended."""
    d = daemon(steady=False)
    os.kill(d.workers[0], signal.SIGABRT)
    wait_for("the death to be told", lambda: "died: Aborted" in d.log())
    wait_for("another worker",
             lambda: set(d.children()) - set(d.workers))
    assert b"1996" in gopher(d.gopher, b"/history\r\n")


@fenced
def test_the_process_for_metrics_needs_nothing_that_it_gave_up(daemon):
    d = daemon(conf(metrics={"listen": "127.0.0.1:0"}))
    pids = d.exporters()
    for _ in range(3):
        with Plain(d.metrics) as one:
            one.send(b"GET /metrics HTTP/1.0\r\n\r\n")
            assert one.read_all().data.startswith(b"HTTP/1.1 200 ")
    assert d.exporters() == pids
    assert status_of(pids[0])["Seccomp"] == "2"
