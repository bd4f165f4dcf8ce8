"""Measure the daemon beside the least possible and beside other servers.

usage: bench.py [SECTION...] [quick] [write]  ("make bench" calls it)

Sections: cpu, bytes, memory, large, crowded, search, store, content, slow;
all of them unless some are named.  quick takes two to three minutes instead
of fifteen and is less exact.  write puts what was found into
doc/performance.md, with a picture beside it, and with the figures of up to two
runs of the same sections before this one.

Servers run side by side on this machine and are visited in turn, round by
round, the limit right before each of them: whatever else the machine does
meets both sides of a ratio.  Figures are medians of the rounds.  Rates and
access logs are off everywhere.

Exit status 0 if everything was measured, whether goals were met or not.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import content
import cpu
import crowded
import large
import memory
import peers
import rig
import slow
import wire
from report import Report

DOCUMENT = rig.ROOT / "doc/performance.md"
PICTURE = "performance.svg"
FIGURES = "goals.jsonl"  # of this run and those before
MEMORY = "/dev/shm"
ROOM = 6 << 30  # bytes that must be free there, files and servers together
RESULTS = rig.ROOT / "build/bench"


def search(run):
    """The search, by a program of its own."""
    run.report.heading("Search")
    run.report.busy("searching")
    command = [str(rig.TOOLS / "bench_search")]
    if run.quick:
        command.append("2000")
    got = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if got.returncode != 0:
        raise rig.Failure("bench_search: exit status %d" % got.returncode)
    run.report.verbatim(got.stdout.rstrip("\n").split("\n"))


def store(run):
    """What the store costs, by a program of its own."""
    run.report.heading("Store")
    run.report.busy("filling a store")
    got = subprocess.run([str(rig.TOOLS / "bench_store"),
                          "10000" if run.quick else "1000000"],
                         stdout=subprocess.PIPE, text=True)
    if got.returncode != 0:
        raise rig.Failure("bench_store: exit status %d" % got.returncode)
    run.report.verbatim(got.stdout.rstrip("\n").split("\n"))


SECTIONS = {"cpu": cpu.section, "bytes": wire.section,
            "memory": memory.section, "large": large.section,
            "crowded": crowded.section, "search": search, "store": store,
            "content": content.section, "slow": slow.section}


def scratch():
    """A folder in memory if there is room, so that no disk is measured."""
    room = 0
    if os.path.isdir(MEMORY):
        kib = re.search(r"^MemAvailable:\s+(\d+)", rig.read("/proc/meminfo"),
                        re.M)
        room = min(shutil.disk_usage(MEMORY).free,
                   int(kib[1]) * 1024 if kib else 0)
    return tempfile.mkdtemp(prefix="capsuled-bench-",
                            dir=MEMORY if room > ROOM else None)


class Run:
    """One run: how long, where, and what several sections share."""

    def __init__(self, quick):
        self.quick = quick
        self.rounds = 9 if quick else 21
        self.seconds = 0.2 if quick else 0.4
        self.report = Report(quick)
        self.folder = pathlib.Path(scratch())
        os.chmod(self.folder, 0o755)  # servers are nobody
        self.shop = rig.Workshop(self.folder / "shop")
        self.peers = peers.Peers(self.shop, RESULTS / "peers",
                                 self.report.text)
        self.pages_root = None

    def many_pages(self):
        """The folder of 100,000 pages, made when it is first wanted."""
        if self.pages_root is None:
            self.pages_root = self.folder / "many"
            cpu.lay_pages(self.pages_root, cpu.MANY_PAGES, self.report.busy)
        return self.pages_root

    @staticmethod
    def demo_map():
        """The pages of conf/demo.ini: {selector: file}."""
        found, section = {}, ""
        for line in rig.read(rig.ROOT / "conf/demo.ini").splitlines():
            if line.startswith("["):
                section = line.strip()
            key, equals, value = line.partition(" = ")
            if (section == "[selectors]" and equals
                    and line.startswith("/") and value[0] not in "@"):
                found[key.strip()] = value.strip()
        return found

    def close(self):
        self.shop.close()
        self.peers.clean()
        shutil.rmtree(self.folder, ignore_errors=True)


def arguments(words):
    """The sections to run, and the options."""
    words = [w for w in words if w != "all"]
    wrong = [w for w in words if w not in (*SECTIONS, "quick", "write")]
    if wrong:
        sys.exit("bench: %s: known are all, %s, quick and write"
                 % (wrong[0], ", ".join(SECTIONS)))
    sections = [w for w in SECTIONS if w in words] or list(SECTIONS)
    return sections, "quick" in words, "write" in words


def interrupted(*_):
    raise KeyboardInterrupt


def main(words):
    sections, quick, write = arguments(words)
    signal.signal(signal.SIGTERM, interrupted)
    began = time.monotonic()
    run = Run(quick)
    try:
        run.report.machine()
        for name in sections:
            SECTIONS[name](run)
        run.report.show_goals()
        run.report.write_picture(RESULTS / PICTURE)
        run.report.show("picture: %s" % (RESULTS / PICTURE))
        before = run.report.remember(RESULTS / FIGURES)
        if write:
            run.report.write_picture(DOCUMENT.parent / PICTURE)
            run.report.write_markdown(DOCUMENT, PICTURE, before)
            run.report.show("written: %s" % DOCUMENT)
        run.report.show("%d s" % (time.monotonic() - began))
    except rig.Failure as e:
        run.report.done()
        sys.exit("bench: %s" % e)
    except KeyboardInterrupt:
        run.report.done()
        sys.exit("bench: interrupted")
    finally:
        run.close()


if __name__ == "__main__":
    main(sys.argv[1:])
