"""All sorts of visitors at once, for as long as you like.

usage: soak.py [SECONDS]  ("make soak" calls it; CAPSULED names the binary)

Polite visitors of both protocols, slow ones and hostile ones come from many
addresses of this machine while files change, the daemon reloads and workers
are killed.  Prints how many came, what failed, and the memory and descriptors
of every process at the start, along the way and at the end.

Exit status 1 if a polite visit failed, or if the daemon has grown.  A visit
under way when a worker was killed may be tried once more; those are counted
by themselves.
"""
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "e2e"))

import crowd  # noqa: E402
import server  # noqa: E402
from client import HOST, Plain, Reply, Tls, url  # noqa: E402

POLITE, SLOW, HOSTILE = 8, 4, 4  # visitors of each kind at a time
RELOAD_S, KILL_S, REPORT_S = 3.0, 7.0, 15.0
KILL_GRACE_S = 0.5  # a visit so close to a killing may be excused
GROWTH_MAX = 2 << 20  # bytes of memory, over all processes
WARM_UP = 0.2  # part of the time before growth is measured
SEED = 23


class Tally:
    """What happened, counted under one lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts, self.failures, self.kills = {}, [], []

    def add(self, what, n=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + n

    def fail(self, what):
        with self.lock:
            self.failures.append(what)

    def was_killed(self, began, ended):
        with self.lock:
            return any(began - KILL_GRACE_S <= k <= ended + KILL_GRACE_S
                       for k in self.kills)


class Visitor(threading.Thread):
    """One kind of visitor, coming again and again from ever new addresses."""

    def __init__(self, soak, number):
        super().__init__(daemon=True)
        self.soak, self.d, self.tally = soak, soak.d, soak.tally
        self.random = random.Random(SEED + number)
        self.session = None

    def source(self):
        return self.random.choice(crowd.SOURCES)

    def run(self):
        while not self.soak.stop.is_set():
            self.visit()

    def open(self, way, **how):
        if way == "gopher":
            return Plain(self.d.gopher, source=self.source(), **how)
        port = self.d.gemini if way == "gemini" else self.d.gopher
        return Tls(port, source=self.source(), **how)

    @staticmethod
    def line(way, path):
        if way == "gemini":
            return url(path).encode() + b"\r\n"
        return path.encode() + b"\r\n"


class Polite(Visitor):
    """Asks properly, and checks every byte that can be known."""

    PATHS = ("/", "/history", "/plain.txt", "/big.bin", "/files/", "/nothing",
             "/pixel.png", "/both", "/hall")

    def visit(self):
        way = self.random.choice(("gemini", "gemini", "gopher", "gophers"))
        path = self.random.choice(self.PATHS)
        for attempt in (1, 2):
            began = time.monotonic()
            try:
                self.ask(way, path)
                self.tally.add(way)
                break
            except Exception as e:
                self.session = None
                ended = time.monotonic()
                if attempt == 1 and self.tally.was_killed(began, ended):
                    self.tally.add("tried again after a killing")
                    continue
                self.tally.fail("%s %s: %r" % (way, path, e))
                break
        time.sleep(self.random.uniform(0, 0.02))

    def ask(self, way, path):
        how = {}
        if way == "gemini" and self.random.random() < 0.7:
            how["session"] = self.session
        with self.open(way, **how) as c:
            c.send(self.line(way, path))
            got = c.read_all()
            if way == "gemini":
                self.session = c.finish()
        assert got.end == "fin", got
        assert way == "gopher" or got.notified, got
        self.check(way, path, Reply(got) if way == "gemini" else got)

    def check(self, way, path, got):
        if way == "gemini":
            assert got.status == (51 if path == "/nothing" else 20), got
            body = got.body
        else:
            body = got.data
            assert body.startswith(b"3") == (path == "/nothing"), got
        if path == "/big.bin":
            assert body == self.soak.big
        if path == "/history":
            assert b"was the first year" in body, got


class Slow(Visitor):
    """Reads a little now and then, or writes so, and often leaves early."""

    def visit(self):
        way = self.random.choice(("gemini", "gopher"))
        try:
            with self.open(way, rcvbuf=4096) as c:
                if self.random.random() < 0.3:
                    for byte in self.line(way, "/history"):
                        c.send(bytes([byte]))
                        time.sleep(0.05)
                else:
                    c.send(self.line(way, "/big.bin"))
                for _ in range(self.random.randrange(40)):
                    if not c.more(4096):
                        break
                    time.sleep(0.1)
        except OSError:
            pass
        self.tally.add("slow")


class Hostile(Visitor):
    """Everything one should not do."""

    def visit(self):
        trick = self.random.choice((
            self.noise, self.silence, self.bent_hello, self.vanish,
            self.half_close, self.junk_in_tls, self.flood))
        try:
            trick()
        except OSError:
            pass
        self.tally.add("hostile")

    def port(self):
        return self.random.choice((self.d.gemini, self.d.gopher))

    def noise(self):
        with Plain(self.port(), source=self.source()) as c:
            c.send(self.random.randbytes(self.random.randrange(1, 5000)))
            c.read_all(1)

    def silence(self):
        with Plain(self.port(), source=self.source()) as c:
            c.read_all(self.random.uniform(0, 4))

    def bent_hello(self):
        with Tls(self.port(), source=self.source(), handshake=False) as c:
            hello = bytearray(c.hello())
            for _ in range(self.random.randrange(1, 4)):
                hello[self.random.randrange(1, len(hello))] ^= 0x41
            c.sock.sendall(hello[:self.random.randrange(1, len(hello) + 1)])
            Plain.read_all(c, 1)

    def vanish(self):
        """A reset in the middle of whatever is going on."""
        way = self.random.choice(("gemini", "gopher"))
        with self.open(way) as c:
            c.send(self.line(way, "/big.bin"))
            time.sleep(self.random.uniform(0, 0.01))
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\1\0\0\0\0\0\0\0")

    def half_close(self):
        with self.open("gopher", rcvbuf=4096) as c:
            c.send(b"/big.bin\r\n")
            c.half_close()
            time.sleep(self.random.uniform(0, 1))

    def junk_in_tls(self):
        with self.open("gemini") as c:
            c.send(self.random.randbytes(self.random.randrange(1, 3000)))
            c.sock.sendall(self.random.randbytes(100))
            c.read_all(1)

    def flood(self):
        """Far more than one address may have, at once."""
        source, clients = self.source(), []
        try:
            for _ in range(60):
                clients.append(Plain(self.port(), source=source))
                clients[-1].send(b"/history\r\n")
        finally:
            for c in clients:
                c.sock.close()


class Soak:
    def __init__(self, folder, seconds):
        self.seconds = seconds
        self.tally = Tally()
        self.stop = threading.Event()
        self.random = random.Random(SEED)
        self.version = 0
        server.write_capsule(folder / "root")
        self.big = (folder / "root" / "big.bin").read_bytes()
        # Polite visitors share addresses with a flood: only that is limited.
        self.text = server.conf(
            server={"workers": "3", "request_timeout": "3s",
                    "idle_timeout": "3s", "drain_timeout": "5s",
                    "rate": "1000", "max_connections": "2000",
                    "max_connections_per_address": "300"},
            log={"access": "access.log"})
        self.d = server.Daemon(folder, self.text, steady=False)

    def kill(self):
        alive = self.d.children()
        if alive:
            with self.tally.lock:
                self.tally.kills.append(time.monotonic())
            os.kill(self.random.choice(alive), signal.SIGKILL)

    def reload(self):
        """New content; now and then, what cannot be loaded."""
        self.version += 1
        page = self.d.root / "history.gmi"
        new = page.with_suffix(".new")
        new.write_text("# Version %d\n\n1996 was the first year.\n"
                       % self.version)
        os.replace(new, page)
        self.d.rewrite("nonsense\n" if self.version % 5 == 0 else self.text)
        self.d.signal(signal.SIGHUP)

    def rotate(self):
        log = self.d.folder / "access.log"
        if log.exists():
            os.replace(log, log.with_suffix(".old"))
        self.d.signal(signal.SIGUSR1)

    def report(self, when):
        """One line a process; returns memory and descriptors of all."""
        memory = files = 0
        for pid in [self.d.pid, *self.d.children()]:
            try:
                one, n = crowd.pss(pid), server.descriptors(pid)
            except (OSError, AssertionError):
                continue  # it has ended since we asked who is there
            memory, files = memory + one, files + n
            print("%8s  process %d: %6d KB, %3d descriptors"
                  % (when, pid, one // 1024, n))
        with self.tally.lock:
            print("%8s  %s; %d failures, %d killings, %d reloads" % (
                when, ", ".join("%d %s" % (n, what) for what, n
                                in sorted(self.tally.counts.items())),
                len(self.tally.failures), len(self.tally.kills),
                self.version), flush=True)
        return memory, files

    def is_settled(self, old):
        now = self.d.children()
        return (len(now) == 3 and not set(now) & old and sum(
            map(server.descriptors, now)) == self.files)

    def quiet(self, when):
        """The same once everybody has left: what is then left is growth."""
        self.d.rewrite(self.text)
        time.sleep(0.5)  # for reloads and deaths that are under way
        old = set(self.d.children())
        self.d.signal(signal.SIGHUP)
        for _ in range(3):  # and it stays that way
            server.wait_for("three new workers with the descriptors of the "
                            "first", lambda: self.is_settled(old), 40)
            time.sleep(0.3)
        return self.report(when)

    def crowd_for(self, seconds, start):
        """Let them all in for so long."""
        self.stop.clear()
        kinds = [Polite] * POLITE + [Slow] * SLOW + [Hostile] * HOSTILE
        visitors = [kind(self, i) for i, kind in enumerate(kinds)]
        for v in visitors:
            v.start()
        now = time.monotonic()
        end = now + seconds
        due = {self.reload: now + RELOAD_S, self.kill: now + KILL_S,
               self.rotate: now + 5, self.report: now + REPORT_S}
        every = {self.reload: RELOAD_S, self.kill: KILL_S, self.rotate: 5,
                 self.report: REPORT_S}
        while time.monotonic() < end:
            time.sleep(0.1)
            now = time.monotonic()
            for job in due:
                if now < due[job]:
                    continue
                due[job] = now + every[job] * self.random.uniform(0.5, 1.5)
                if job == self.report:
                    job("%d s" % (now - start))
                else:
                    job()
        self.stop.set()
        for v in visitors:
            v.join(40)
            assert not v.is_alive(), "a visitor is stuck"

    def run(self):
        start = time.monotonic()
        self.files = sum(map(server.descriptors, self.d.children()))
        self.report("start")
        # What is used once stays in use: growth is what comes after that.
        self.crowd_for(self.seconds * WARM_UP, start)
        before = self.quiet("warm")
        self.crowd_for(self.seconds * (1 - WARM_UP), start)
        after = self.quiet("end")
        return self.verdict(before, after)

    def verdict(self, before, after):
        grown = after[0] - before[0]
        failures = self.tally.failures
        for what in failures[:20]:
            print("failed: " + what)
        print("%d polite visits failed; %+d KB and %+d descriptors after all "
              "had left" % (len(failures), grown // 1024,
                            after[1] - before[1]))
        limit = GROWTH_MAX if not crowd.SANITIZED else 1 << 40
        return failures == [] and grown < limit and after[1] <= before[1]


def main():
    seconds = float((sys.argv[1:] or [os.environ.get("SOAK_SECONDS")
                                      or "600"])[0])
    crowd.many_files()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        soak = Soak(folder, seconds)
        try:
            good = soak.run()
            soak.d.stop()
        except BaseException:
            print(soak.d.log()[-4000:])
            raise
        finally:
            soak.d.kill()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
