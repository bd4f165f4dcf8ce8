"""What breaks around the daemon: processes, disks, files, certificates.

Well-behaved visitors go on while it breaks, and every failure they see has to
be accounted for.
"""
import contextlib
import os
import random
import signal
import subprocess
import threading
import time

import pytest

import crowd
import server
from client import HOST, Plain, Reply, Tls, gemini, gopher, url
from crowd import SANITIZED, SOURCES, side_by_side
from server import conf, let_pass, wait_for

FREE = {"rate": "0", "max_connections_per_address": "1000"}
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
HUGE = 24 << 20  # bytes; more than any socket buffer takes
SEED = 11


def text(log=None, selectors=None, **keys):
    return conf(server={**FREE, **keys}, log=log or {"access": "none"},
                selectors=selectors or {})


def huge_text(**keys):
    return text(selectors={"/huge.bin": "huge.bin"}, **keys)


def make_huge(root):
    with open(root / "huge.bin", "wb") as f:
        f.write(random.Random(SEED).randbytes(1 << 20))
        f.truncate(HUGE)


def make_some(root):
    """Too much to be sent in one go, or to be held in memory."""
    (root / "some.bin").write_bytes(random.Random(SEED).randbytes(1 << 20))


class Load:
    """Polite visitors on both protocols, each from an address of its own.

    failures: (when it began, when it ended, what) of every visit that was
    not answered in full.
    """

    def __init__(self, d, visitors=6):
        self.d, self.count = d, visitors
        self.stop = threading.Event()
        self.failures, self.visits = [], [0] * visitors

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(self.count)]
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join()

    def visit(self, i, source):
        if i % 3 == 0:
            got = gemini(self.d.gemini, url("/history"), source=source)
            assert got.clean and got.status == 20, got
            assert b"was the first year" in got.body
        elif i % 3 == 1:
            got = gopher(self.d.gopher, b"/history\r\n", source=source)
            assert got.endswith(b".\r\n") and b"first year" in got
        else:
            got = gopher(self.d.gopher, b"/big.bin\r\n", tls=True,
                         source=source)
            assert len(got) == server.BIG_SIZE

    def run(self, i):
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                self.visit(i, SOURCES[i])
                self.visits[i] += 1
            except Exception as e:
                self.failures.append((began, time.monotonic(), repr(e)))
            let_pass(0.002, "visitors have a pause")


# -- processes --


def test_killed_workers_lose_only_what_they_were_answering(daemon):
    d = daemon(text(workers="3"), steady=False)
    rng, kills = random.Random(SEED), []
    with Load(d) as load:
        for _ in range(5):
            let_pass(rng.uniform(0.05, 0.6), "any moment")
            alive = wait_for("a worker", d.children)
            kills.append(time.monotonic())
            one = rng.choice(alive)
            os.kill(one, signal.SIGKILL)
            wait_for("its end", lambda: not server.is_running(one))
        wait_for("all workers to be back", lambda: len(d.children()) == 3)
        before = list(load.visits)
        wait_for("all visitors to be answered again", lambda: all(
            now > then for now, then in zip(load.visits, before)))
    print("%d visits, %d lost with %d workers" % (
        sum(load.visits), len(load.failures), len(kills)))
    for began, ended, what in load.failures:
        assert any(began - 0.1 <= k <= ended + 0.1 for k in kills), what
    assert len(load.failures) <= len(kills) * load.count
    assert min(load.visits) > 5
    wait_for("every death to be told",
             lambda: d.log().count("died: Killed") == len(kills))


@pytest.mark.parametrize("way", ["gemini", "gopher", "gophers"])
def test_a_killed_worker_never_makes_a_cut_answer_look_whole(daemon, way):
    """The kernel would send what it holds, and a FIN as if that were all."""
    d = daemon(huge_text(), prepare=make_huge, steady=False)
    port = d.gemini if way == "gemini" else d.gopher
    line = url("/huge.bin").encode() if way == "gemini" else b"/huge.bin"
    with (Plain if way == "gopher" else Tls)(port, rcvbuf=4096) as c:
        c.send(line + b"\r\n")
        assert c.more(1024) if way == "gopher" else c.read(1024)
        os.kill(d.workers[0], signal.SIGKILL)
        got = c.read_all(30)
    assert (got.end, got.notified) == ("reset", False), repr(got)


@pytest.mark.parametrize("way", ["gemini", "gopher", "gophers"])
def test_a_killed_worker_takes_back_nothing_that_it_has_sent(daemon, way):
    """The kernel has the end of the answer, the client reads on."""
    d = daemon(conf(selectors={"/some.bin": "some.bin"}),
               prepare=make_some, steady=False)
    port = d.gemini if way == "gemini" else d.gopher
    line = url("/some.bin").encode() if way == "gemini" else b"/some.bin"
    with (Plain if way == "gopher" else Tls)(port, rcvbuf=4096) as c:
        c.send(line + b"\r\n")
        begin = b""
        while not d.accesses():
            begin += c.more(4096) if way == "gopher" else c.read(4096)
        os.kill(d.workers[0], signal.SIGKILL)
        wait_for("its end", lambda: not server.is_running(d.workers[0]))
        got = c.read_all(30)
    assert len(got.data) > 0
    assert (got.end, got.notified) == ("fin", way != "gopher"), repr(got)
    assert (begin + got.data).endswith((d.root / "some.bin").read_bytes())


def test_workers_that_keep_dying_are_replaced_ever_more_slowly(daemon):
    d = daemon(text(workers="1"), steady=False)
    gone = []
    for _ in range(5):
        old = wait_for("a worker", d.children)
        began = time.monotonic()
        os.kill(old[0], signal.SIGKILL)
        wait_for("the next", lambda: set(d.children()) - set(old))
        gone.append(time.monotonic() - began)
    print("away for " + ", ".join("%.2f s" % s for s in gone))
    assert gone[0] < 0.1 + 1 and 1.5 < gone[4] < 1.6 + 1
    assert b"1996" in gopher(d.gopher, b"/history\r\n")


def test_a_reload_forgets_how_fast_workers_died_before(daemon):
    """The pause would be more than six seconds otherwise."""
    d = daemon(text(workers="1"), steady=False)
    for _ in range(6):
        old = wait_for("a worker", d.children)
        os.kill(old[0], signal.SIGKILL)
        wait_for("the next", lambda: set(d.children()) - set(old))
    d.reload()
    old = d.children()
    began = time.monotonic()
    os.kill(old[0], signal.SIGKILL)
    wait_for("the next", lambda: set(d.children()) - set(old))
    assert time.monotonic() - began < 3


def test_workers_stopped_and_reloaded_for_ever_are_got_rid_of(daemon):
    """A drained worker that does not end may not keep new ones from starting.

    Stopped processes stand for readers that are slow for ever; so many
    reloads would use up every place there is.
    """
    d = daemon(text(workers="64", drain_timeout="2s"), steady=False)
    for i in range(5):
        wait_for("64 more", lambda: len(d.children()) >= 64 * min(i + 1, 4))
        for pid in d.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        (d.root / "history.gmi").write_text("# Version %d\n" % i)
        d.signal(signal.SIGHUP)
        wait_for("version %d" % i, lambda: b"Version %d" % i
                 in gopher(d.gopher, b"/history\r\n"))
    assert len(d.children()) <= 256
    assert "making room" in d.log()


def slow_reader(d, seconds):
    """Take a little, all the time; how long that was allowed."""
    with Plain(d.gopher, rcvbuf=4096) as c:
        c.send(b"/huge.bin\r\n")
        assert c.more(1024)
        yield
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            if not c.more(4096):
                break
            let_pass(0.05, "a slow reader")
        yield time.monotonic() - start


def test_after_a_reload_a_slow_reader_has_all_the_time_it_needs(daemon):
    """drain_timeout is for stopping: a reload cuts nobody who takes bytes."""
    d = daemon(huge_text(drain_timeout="1s"), prepare=make_huge, steady=False)
    reader = slow_reader(d, 3)
    next(reader)
    d.signal(signal.SIGHUP)
    wait_for("the reload", lambda: "reloaded" in d.log())
    assert next(reader) >= 3


def test_a_killed_masters_workers_finish_and_go(daemon):
    d = daemon(huge_text(workers="2", drain_timeout="30s"),
               prepare=make_huge)
    want = (d.root / "huge.bin").read_bytes()
    with Tls(d.gemini, rcvbuf=4096) as c:
        c.send(url("/huge.bin").encode() + b"\r\n")
        first = c.read(1024)
        d.kill()
        c.sock.setsockopt(server.socket.SOL_SOCKET, server.socket.SO_RCVBUF,
                          1 << 20)
        got = c.read_all(60)
    assert got.clean and (first + got.data).endswith(want)
    wait_for("the workers to go",
             lambda: not any(map(server.is_running, d.workers)))


def test_a_killed_masters_workers_go_even_if_a_reader_never_ends(daemon):
    """Nobody is left to stop them: drain_timeout holds without a master."""
    d = daemon(huge_text(workers="2", drain_timeout="2s"),
               prepare=make_huge)
    reader = slow_reader(d, 15)
    next(reader)
    d.kill()
    assert next(reader) < 8
    wait_for("the workers to go",
             lambda: not any(map(server.is_running, d.workers)))


# -- reloads --


def new_certificate(d, days=300):
    for name in ("capsule.crt", "capsule.key"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(d.folder / (name + ".next"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + HOST,
         "-addext", "subjectAltName=DNS:" + HOST, "-days", str(days),
         "-keyout", d.folder / "capsule.key.next",
         "-out", d.folder / "capsule.crt.next"],
        check=True, capture_output=True)
    for name in ("capsule.crt", "capsule.key"):
        os.replace(d.folder / (name + ".next"), d.folder / name)


def keep(path):
    """Bytes to put back after path was damaged."""
    return path, path.read_bytes()


DAMAGE = [
    ("capsule.crt", lambda p: p.unlink()),
    ("capsule.crt", lambda p: p.write_text("junk\n")),
    ("capsule.key", lambda p: p.unlink()),
    ("capsuled.ini", lambda p: p.write_text("[nonsense]\n")),
    ("capsuled.ini", lambda p: p.write_bytes(b"\xff\0\1" * 99)),
    ("capsuled.ini", lambda p: p.write_text(conf(access={"/": "none"}))),
]


def test_twenty_reloads_of_everything_whole_and_broken_fail_nobody(daemon):
    """Content changes, and certificate and configuration break, in turn."""
    d = daemon(text(workers="2"), steady=False)

    def settle():
        wait_for("the old workers to go", lambda: len(d.children()) == 2)

    def good(i):
        (d.root / "history.gmi").write_text(
            "# Version %d\n1996 was the first year.\n" % i)
        d.rewrite(text(workers="2", request_timeout="%ds" % (10 + i % 5)))
        if i % 3 == 0:
            new_certificate(d)
        told = d.log().count("reloaded ")
        d.signal(signal.SIGHUP)
        wait_for("reload %d" % i, lambda: d.log().count("reloaded ") > told)
        wait_for("version %d" % i, lambda: b"Version %d" % i
                 in gopher(d.gopher, b"/history\r\n"))

    def bad(i):
        name, damage = DAMAGE[i % len(DAMAGE)]
        path = d.folder / name
        told, workers = d.log().count("not reloaded"), set(d.children())
        before = path.read_bytes()
        damage(path)
        d.signal(signal.SIGHUP)
        wait_for("refusal %d" % i,
                 lambda: d.log().count("not reloaded") > told)
        # A child that looked at the keys may take a moment to be gone.
        wait_for("only the workers of before",
                 lambda: set(d.children()) <= workers)
        path.write_bytes(before)

    good(0)
    good(1)
    settle()
    memory, files = crowd.tree_pss(d), [server.descriptors(p) for p in
                                        (d.pid, *d.children())]
    with Load(d, 3) as load:
        for i in range(2, 12):
            good(i)
            bad(i)
    assert load.failures == []
    assert min(load.visits) > 10, load.visits
    good(12)
    settle()
    grown = crowd.tree_pss(d) - memory
    print("%d visits, %.0f KB more after %d reloads" % (
        sum(load.visits), grown / 1024, 21))
    assert SANITIZED or grown < 1 << 20
    wait_for("the descriptors of before", lambda: files == [
        server.descriptors(p) for p in (d.pid, *d.children())])


def free_port():
    with server.socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_new_workers_hold_nothing_of_what_was_served_before(daemon):
    """No file that was replaced, no port that is not listened on any more."""
    one, other = free_port(), free_port()
    d = daemon(conf(gopher={"listen": "127.0.0.1:0 127.0.0.1:%d" % one}),
               steady=False)
    before = server.descriptors(d.pid), server.descriptors(d.workers[0])
    assert b"1996" in gopher(one, b"/history\r\n")
    replaced(d.root / "big.bin")
    (d.root / "big.bin").write_bytes(bytes(server.BIG_SIZE))
    d.rewrite(conf(gopher={"listen": "127.0.0.1:0 127.0.0.1:%d" % other}))
    d.signal(signal.SIGHUP)
    wait_for("the other port", lambda: "reloaded" in d.log())
    assert b"1996" in gopher(other, b"/history\r\n")
    wait_for("the old worker to go", lambda: len(d.children()) == 1)
    for pid in (d.pid, *d.children()):
        held = [f for f in server.open_files(pid)
                if "(deleted)" in f and f.startswith(str(d.folder))]
        assert held == [], "%s of %d" % (held, pid)
    with pytest.raises(ConnectionRefusedError):
        Plain(one)
    # The visitors of just now have two seconds to close.
    wait_for("as many descriptors as before", lambda: before == (
        server.descriptors(d.pid), server.descriptors(d.children()[0])))


def test_sessions_of_an_old_certificate_resume_under_the_new(daemon):
    """A ticket is sealed by keys that outlive the certificate."""
    d = daemon(text(workers="2"), steady=False)
    stop, seen, failures = threading.Event(), [0, 0], []

    def visitor():
        session = None
        while not stop.is_set():
            try:
                with Tls(d.gemini, session=session) as c:
                    seen[c.tls.session_reused] += 1
                    c.send(url("/history").encode() + b"\r\n")
                    got = Reply(c.read_all())
                    assert got.clean and got.status == 20
                    session = c.finish()
            except Exception as e:
                failures.append(repr(e))
                return

    threads = [threading.Thread(target=visitor) for _ in range(3)]
    for t in threads:
        t.start()
    try:
        for i in range(4):
            new_certificate(d, days=300 + i)
            d.signal(signal.SIGHUP)
            wait_for("the reload",
                     lambda: d.log().count("reloaded ") == i + 1)
            before = seen[1]
            wait_for("more visits", lambda: seen[1] > before + 3)
    finally:
        stop.set()
        for t in threads:
            t.join()
    print("%d handshakes in full, %d resumed" % tuple(seen))
    assert failures == []
    assert seen[0] <= 3 and seen[1] > 20


# -- files --


def truncated(path):
    os.truncate(path, 3 << 20)


def emptied(path):
    os.truncate(path, 0)


def grown(path):
    with open(path, "ab") as f:
        f.write(b"more")


def rewritten(path):
    with open(path, "r+b") as f:
        f.write(b"new " * 1000)


def replaced(path):
    new = path.with_suffix(".new")
    new.write_bytes(b"new")
    os.replace(new, path)


def deleted(path):
    path.unlink()


def made_unreadable(path):
    path.chmod(0)


@pytest.mark.parametrize("way", ["gemini", "gopher", "gophers"])
@pytest.mark.parametrize("change, whole", [
    (truncated, False), (emptied, False), (grown, False), (rewritten, False),
    (replaced, True), (deleted, True), (made_unreadable, True)])
def test_a_file_changed_while_it_is_sent_arrives_whole_or_visibly_cut(
        daemon, change, whole, way):
    d = daemon(huge_text(), prepare=make_huge)
    want = (d.root / "huge.bin").read_bytes()
    port = d.gemini if way == "gemini" else d.gopher
    line = url("/huge.bin").encode() if way == "gemini" else b"/huge.bin"
    with (Plain if way == "gopher" else Tls)(port, rcvbuf=4096) as c:
        c.send(line + b"\r\n")
        first = c.more(1024) if way == "gopher" else c.read(1024)
        change(d.root / "huge.bin")
        c.sock.setsockopt(server.socket.SOL_SOCKET, server.socket.SO_RCVBUF,
                          1 << 20)
        got = c.read_all(30)
    body = first + got.data
    if whole:
        assert body.endswith(want)
        assert got.end == "fin" and (way == "gopher" or got.notified)
    else:
        assert not got.notified, "cut, but it looked whole: %r" % got
        assert way != "gopher" or got.end == "reset", repr(got)
    assert b"1996" in gopher(d.gopher, b"/history\r\n")


@pytest.mark.parametrize("way", ["gemini", "gopher", "gophers"])
def test_a_file_emptied_since_it_was_loaded_ends_at_once(daemon, way):
    """Nothing is what it holds now, and an end in good order says so."""
    d = daemon(huge_text(), prepare=make_huge)
    os.truncate(d.root / "huge.bin", 0)
    start = time.monotonic()
    port = d.gemini if way == "gemini" else d.gopher
    line = url("/huge.bin").encode() if way == "gemini" else b"/huge.bin"
    with (Plain if way == "gopher" else Tls)(port) as c:
        c.send(line + b"\r\n")
        got = c.read_all(10)
    assert got.data in (b"", b"20 application/octet-stream\r\n")
    assert got.end == "fin" and (way == "gopher" or got.notified), repr(got)
    assert time.monotonic() - start < 1.5


# -- logs --


@root_only
def test_a_full_disk_loses_lines_and_nothing_else(daemon, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=755",
                    "tmpfs", disk], check=True)
    try:
        d = daemon(text(log={"access": str(disk / "access.log")}))
        for i in range(300):
            assert b"1996" in gopher(d.gopher, b"/history\r\n")
        assert gemini(d.gemini, url("/history")).status == 20
        full = (disk / "access.log").stat().st_size
        assert 8000 < full <= 16384
        os.truncate(disk / "access.log", 0)  # somebody cleans up
        gopher(d.gopher, b"/after-the-flood\r\n")
        wait_for("lines again", lambda: "after-the-flood"
                 in (disk / "access.log").read_text("utf-8", "replace"))
        d.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_log_whose_reader_hangs_up_does_not_stop_the_service(daemon):
    """The pipe of a log program that died, in the middle of the load."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        d = daemon(text(log={"access": "stderr"}), stderr=pipe)
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    os.close(reading)
    for _ in range(20):
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
        assert gemini(d.gemini, url("/history")).status == 20
    before = server.cpu_seconds(d.pid) + server.cpu_seconds(d.workers[0])
    let_pass(0.5, "processor time is measured")
    after = server.cpu_seconds(d.pid) + server.cpu_seconds(d.workers[0])
    assert after - before < 0.1
