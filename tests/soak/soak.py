"""All sorts of visitors at once, for as long as you like.

usage: soak.py [SECONDS]  ("make soak" calls it; CAPSULED names the binary)

Polite visitors of both protocols, slow ones, hostile ones and hammers come
from many addresses of this machine while files change, applications misbehave,
the daemon reloads and workers are killed.  Prints how many came, what failed,
and the memory and descriptors of every process at the start, along the way and
at the end.

Exit status 1 if a polite visit failed, or if the daemon has grown.  A visit
under way when a worker was killed may be tried once more; those are counted
by themselves.
"""
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "e2e"))

import crowd  # noqa: E402
import server  # noqa: E402
from hammer import PROXY, Hammer, Nasty, write_certificate  # noqa: E402
from visitors import SEED, Hostile, Polite, Slow  # noqa: E402

# Visitors of each kind at a time.
KINDS = ((Polite, 8), (Slow, 4), (Hostile, 4), (Hammer, 12))
RELOAD_S, KILL_S, REPORT_S = 3.0, 7.0, 15.0
KILL_GRACE_S = 0.5  # a visit so close to a killing may be excused
GROWTH_MAX = 2 << 20  # bytes of memory, over all processes
WARM_UP = 0.2  # part of the time before growth is measured


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


def further_capsules():
    """One for visitors with certificates alone, and one like the first."""
    return {
        "capsule private": {"hostname": "private.example.org", "root": "root"},
        "selectors private": {"/": "index.gmi"},
        "access private": {"/*": "any"},
        "capsule rsa": {"hostname": "rsa.example.org", "root": "root"},
        "selectors rsa": {"/": "index.gmi", "/history": "history.gmi"},
    }


class Soak:
    def __init__(self, folder, seconds):
        self.seconds = seconds
        self.tally = Tally()
        self.stop = threading.Event()
        self.random = random.Random(SEED)
        self.version = 0
        server.write_capsule(folder / "root")
        self.big = (folder / "root" / "big.bin").read_bytes()
        self.client_certificate = write_certificate(folder)
        # Polite visitors share addresses with a flood: only that is limited.
        self.text = server.conf(
            server={"workers": "3", "request_timeout": "3s",
                    "idle_timeout": "3s", "drain_timeout": "5s",
                    "rate": "1000", "max_connections": "2000",
                    "max_connections_per_address": "300"},
            log={"access": "access.log"}, metrics={"listen": "127.0.0.1:0"},
            gemini={"proxy_protocol": PROXY}, gopher={"proxy_protocol": PROXY},
            application={"timeout": "2s", "max_answer": "1m"},
            selectors={"/search": "@search", "/scgi/": Nasty(True).action,
                       "/fastcgi/": Nasty(False).action},
            **further_capsules())
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
        kinds = [kind for kind, count in KINDS for _ in range(count)]
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
