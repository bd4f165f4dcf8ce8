"""Kill the content process and the search process, again and again.

usage: kills.py [KILLS]  ("make soak" calls it; CAPSULED names the binary)

Each of the two is killed so often, while files are edited, made and removed
and clients of both protocols ask for them.  Every answer has to be one version
of its page, whole, or a refusal that the documents name; and once all is quiet
every page has to be its file's last version, and to be found by its words.
Exit status 1 if not.
"""
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "e2e"))

import server  # noqa: E402
from client import gemini, gopher, url  # noqa: E402

SEED = 29
PAGES, COMING, LARGE = 12, 4, 2  # always there; now and then; large ones
LINES = 40  # of a page, each with its version
LARGE_SIZE = 300 << 10  # bytes; a worker has it opened for it
ROUND = 3  # kills of each in a row: then a reload, which forgets the pause
QUIET_S = 60  # until all has to be right, after the last kill
REPORT_S = 30


def page_name(i):
    return "p%d.gmi" % i if i < PAGES + COMING else "p%d.bin" % i


def is_large(i):
    return i >= PAGES + COMING


def token(i, version):
    """A word that is in this version of a page alone."""
    return "v%02dx%06d" % (i, version)


def text_of(i, version):
    if is_large(i):
        line = token(i, version).encode() + b"\n"
        return (line * (LARGE_SIZE // len(line) + 1))[:LARGE_SIZE]
    return ("# Page %s\n" % token(i, version) + "".join(
        "line %d of %s\n" % (n, token(i, version))
        for n in range(LINES))).encode()


class Kills:
    def __init__(self, folder, kills):
        self.kills = kills
        self.random = random.Random(SEED)
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.counts, self.failures = {}, []
        server.write_capsule(folder / "root")
        self.pages = folder / "root" / "log"
        self.pages.mkdir()
        self.versions = {}  # the last one of each page; None: it is not there
        self.highest = {}   # that was ever written
        self.text = server.conf(
            server={"workers": "2", "store": str(folder / "store"),
                    "watch": "auto", "drain_timeout": "2s"},
            selectors={"/log/": "log/", "/search": "@search"})
        for i in range(PAGES + COMING + LARGE):
            self.write(i)
        self.d = server.Daemon(folder, self.text, steady=False)
        self.right = {(way, i): self.ask(way, i)
                      for way in ("gemini", "gopher")
                      for i in self.versions}
        self.first = dict(self.highest)

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + n

    def fail(self, what):
        with self.lock:
            self.failures.append(what)
        print("failed: " + what, flush=True)

    # -- files --

    def write(self, i):
        version = self.highest.get(i, 0) + 1
        self.highest[i] = version  # it may be seen from now on
        new = self.pages / ("." + page_name(i))
        new.write_bytes(text_of(i, version))
        os.replace(new, self.pages / page_name(i))
        self.versions[i] = version

    def edit(self):
        i = self.random.randrange(PAGES + COMING + LARGE)
        comes = PAGES <= i < PAGES + COMING
        if comes and self.versions[i] is not None and \
                self.random.random() < 0.5:
            self.versions[i] = None
            (self.pages / page_name(i)).unlink()
        else:
            self.write(i)
        self.count("edits")

    def keep_editing(self):
        while not self.stop.is_set():
            self.edit()
            time.sleep(self.random.uniform(0.005, 0.1))

    # -- clients --

    def ask(self, way, i):
        """The whole answer over Gemini or Gopher."""
        path = "/log/" + page_name(i)
        if way == "gemini":
            got = gemini(self.d.gemini, url(path))
            assert got.clean, got
            return got.data
        return gopher(self.d.gopher, path.encode() + b"\r\n")

    def rendered(self, way, i, version):
        return self.right[way, i].replace(
            token(i, self.first[i]).encode(), token(i, version).encode())

    def version_in(self, way, i, answer):
        """The version that an answer is, 0 if it is none whole."""
        found = re.search(b"v%02dx([0-9]{6})" % i, answer)
        version = int(found[1]) if found else 0
        if answer == self.rendered(way, i, version):
            return version
        return 0

    @staticmethod
    def is_missing(way, answer):
        return answer.startswith(b"51 " if way == "gemini" else b"3")

    @staticmethod
    def is_refused(way, answer):
        """A large file that nobody opens just now; a worker that is new, and
        has no store yet."""
        return answer.startswith(b"40 " if way == "gemini"
                                 else (b"3This file cannot be",
                                       b"3This cannot be read just now"))

    def is_left_out(self, i):
        """Two processes in a row were killed while they read it."""
        return re.search("was killed while it read .*/%s: it is left out"
                         % page_name(i), self.d.log()) is not None

    def check(self, way, i):
        answer = self.ask(way, i)
        version = self.version_in(way, i, answer)
        if 0 < version <= self.highest[i]:
            self.count("pages whole")
        elif self.is_refused(way, answer):
            self.count("large files refused" if is_large(i)
                       else "pages refused")
        elif PAGES <= i < PAGES + COMING and self.is_missing(way, answer):
            self.count("pages missing")
        elif self.is_missing(way, answer) and self.is_left_out(i):
            self.count("pages left out")
        else:
            self.fail("%s %s: %r" % (way, page_name(i), answer[:300]))

    def search(self, i, version):
        """The status, and whether the page is found by its version."""
        got = gemini(self.d.gemini, url("/search?" + token(i, version)))
        found = re.findall(rb"(?m)^=> (/log/\S+)", got.body)
        return got.status, found

    def check_search(self):
        i = random.randrange(PAGES)
        status, found = self.search(i, self.highest[i])
        if status == 40:
            self.count("searches refused")
        elif status == 20 and set(found) <= {
                b"/log/" + page_name(i).encode()}:
            self.count("searches")
        else:
            self.fail("search for %s: %d %r" % (page_name(i), status, found))

    def visit(self):
        while not self.stop.is_set():
            try:
                for way in ("gemini", "gopher"):
                    self.check(way, random.randrange(PAGES + COMING + LARGE))
                self.check_search()
            except Exception as e:
                self.fail("a visit: %r" % e)

    # -- kills --

    def kill(self, what, processes):
        alive = server.wait_for("a %s process" % what, processes, 30)
        os.kill(self.random.choice(alive), signal.SIGKILL)
        self.count("%s killed" % what)

    def keep_killing(self):
        kinds = (("content", self.d.contents), ("search", self.d.searchers))
        said = time.monotonic()
        for n in range(self.kills):
            for what, processes in kinds:
                self.kill(what, processes)
                time.sleep(self.random.uniform(0, 0.15))
            if n % ROUND == ROUND - 1:
                self.d.signal(signal.SIGHUP)
                time.sleep(self.random.uniform(0, 0.3))
            if time.monotonic() > said + REPORT_S:
                said = time.monotonic()
                self.report()

    def report(self):
        with self.lock:
            print("%s; %d failures" % (", ".join(
                "%s: %d" % one for one in sorted(self.counts.items())),
                len(self.failures)), flush=True)

    # -- afterwards --

    def is_right(self, i):
        for way in ("gemini", "gopher"):
            for _ in range(4):  # each worker, more likely than not
                answer = self.ask(way, i)
                if self.versions[i] is None:
                    if not self.is_missing(way, answer):
                        return False
                elif self.version_in(way, i, answer) != self.versions[i]:
                    return False
        return True

    def is_found(self, i):
        version = self.versions[i]
        status, found = self.search(i, version or self.highest[i])
        wanted = [] if version is None else [
            b"/log/" + page_name(i).encode()]
        return status == 20 and found == wanted

    def settle(self):
        for i in sorted(self.versions):
            if self.is_left_out(i) and not self.is_right(i):
                self.write(i)  # an edit mends it
                self.count("edited again")
            server.wait_for("the last edit of " + page_name(i),
                            lambda i=i: self.is_right(i), QUIET_S)
            if not is_large(i):
                server.wait_for("what was said last in " + page_name(i),
                                lambda i=i: self.is_found(i), QUIET_S)
        for i in self.versions:
            assert self.is_right(i), page_name(i)

    def run(self):
        threads = [threading.Thread(target=self.visit, daemon=True)
                   for _ in range(3)]
        threads.append(threading.Thread(target=self.keep_editing,
                                        daemon=True))
        for one in threads:
            one.start()
        began = time.monotonic()
        try:
            self.keep_killing()
        finally:
            self.stop.set()
            for one in threads:
                one.join(60)
        killed = time.monotonic()
        self.settle()
        self.report()
        print("killed for %.0f s; all was right %.1f s later"
              % (killed - began, time.monotonic() - killed))
        return not self.failures


def is_whole(folder):
    """What capsulectl says of the store, once nobody writes it."""
    tool = server.BINARY.with_name("capsulectl")
    got = subprocess.run([tool, "store", "check", folder / "store"],
                         capture_output=True, text=True)
    print(got.stdout + got.stderr, end="")
    return got.returncode == 0


def main():
    kills = int((sys.argv[1:] or ["1000"])[0])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        soak = Kills(folder, kills)
        try:
            good = soak.run()
            soak.d.stop()
        except BaseException:
            print(soak.d.log()[-6000:])
            raise
        finally:
            soak.d.kill()
        good = is_whole(folder) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
