"""Section large: big files, beside a bare loop that does nothing else.

The client throws the bytes away in the kernel, undecrypted: what is measured
is the server.  A decrypting client checks one answer of each kind first.

The files lie on a disk, as an institute's do, and in the page cache: a file
system in memory has smaller pages, and nobody's files.
"""
import os
import pathlib
import shutil
import tempfile
import threading

import rig
from report import number, size, times

SIZES = {"8 MiB": 8 << 20, "1 GiB": 1 << 30}
DISK = "/var/tmp"  # survives a boot: not in memory
SAMPLE_S = 0.02
ROUNDS = {"8 MiB": (21, 7), "1 GiB": (9, 3)}  # the second if in a hurry
ROUND_BYTES = 1 << 28  # of visits in a round, one of them at least
LEAST = {"gemini": 0.85, "gopher": 0.85}  # of the loop's speed


class Watch(threading.Thread):
    """The most memory that a server takes while this runs."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.most = server, 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(SAMPLE_S):
            self.most = max(self.most, self.server.memory())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def measure(subject, url, count, bytes_, clients=1):
    """MiB a second, and the server's seconds of processor for a GiB."""
    server, protocol = subject
    found = rig.load(server, protocol, visits=count, clients=clients,
                     url=url, discard=True)
    if found["received"] < bytes_:
        raise rig.Failure("%s: %d of %d bytes came"
                          % (server.name, found["received"], bytes_))
    all_ = found["received"] * found["ok"]
    return {"speed": all_ / found["seconds"] / (1 << 20),
            "cpu": found["cpu_us"] / 1e6 / found["received"] * (1 << 30)}


def compare(run, name, protocol, base, ours, url):
    """A server beside its loop: rows for the table, and a goal."""
    subjects = [(base, protocol), (ours, protocol)]
    count = max(1, ROUND_BYTES // SIZES[name])
    results = rig.in_rounds(
        ROUNDS[name][run.quick], subjects, subjects[0],
        lambda s: measure(s, url, count, SIZES[name]),
        lambda at: run.report.busy("%s over %s: round %d of %d"
                                   % (name, protocol, *at)))
    speed, spent = (rig.medians(results, key) for key in ("speed", "cpu"))
    faster, dearer = (rig.ratios(results, key)
                      for key in ("speed", "cpu"))
    run.report.goal("%s over %s, speed to the bare loop"
                    % (name, "TLS" if protocol == "gemini" else "Gopher"),
                    faster[subjects[1]], ">=", LEAST[protocol], times)
    return [(name, protocol.capitalize(), s[0].name, number(speed[s]),
             times(faster[s]), number(spent[s]), times(dearer[s]))
            for s in subjects]


def one_size(run, name, ours, path):
    shop, bytes_ = run.shop, SIZES[name]
    loops = {"gemini": shop.limit("SSL_write loop", "stream", *shop.pair(),
                                  bytes_),
             "gopher": shop.limit("sendfile loop", "file", path)}
    urls = {"gemini": "gemini://%s/%s" % (rig.HOST, path.name),
            "gopher": "/" + path.name}
    rows = []
    for protocol, loop in loops.items():
        check(ours, protocol, urls[protocol], bytes_)
        rows += compare(run, name, protocol, loop, ours, urls[protocol])
    shop.stop(*loops.values())
    return rows


def check(server, protocol, url, bytes_):
    """A client that decrypts and counts every byte."""
    rig.load(server, protocol, visits=1, clients=1, url=url, expect=bytes_)


def constant(run, ours):
    """Memory while the largest file goes out to several clients."""
    before = ours.memory()
    bytes_ = SIZES["1 GiB"]
    name = "%d.bin" % bytes_
    with Watch(ours) as watch:
        measure((ours, "gemini"), "gemini://%s/%s" % (rig.HOST, name), 4,
                bytes_, 4)
        measure((ours, "gopher"), "/" + name, 4, bytes_, 4)
    run.report.text(
        "Memory of the daemon: %s before, %s at most while four clients "
        "took 1 GiB each." % (size(before), size(watch.most)))
    run.report.goal("memory that large files add", max(0, watch.most - before),
                    "<=", 1 << 20, size)


def lay_file(path, bytes_):
    block = bytes(range(256)) * 4096
    with open(path, "wb") as f:
        for _ in range(bytes_ // len(block)):
            f.write(block)
        f.flush()
        os.fsync(f.fileno())  # now, not while others are measured
    os.chmod(path, 0o644)


def section(run):
    run.report.heading("Large files")
    run.report.busy("writing files")
    if shutil.disk_usage(DISK).free < 2 * sum(SIZES.values()):
        raise rig.Failure("%s has no room for the large files" % DISK)
    with tempfile.TemporaryDirectory(prefix="capsuled-bench-",
                                     dir=DISK) as folder:
        os.chmod(folder, 0o755)
        files = {name: pathlib.Path(folder) / ("%d.bin" % bytes_)
                 for name, bytes_ in SIZES.items()}
        for name, path in files.items():
            lay_file(path, SIZES[name])
        ours = run.shop.capsuled(root=folder, selectors={
            "/" + path.name: path.name for path in files.values()})
        rows = [row for name, path in files.items()
                for row in one_size(run, name, ours, path)]
        run.report.text("One client that reads as fast as it can. CPU is "
                        "seconds of the server for a GiB.")
        run.report.table(("file", "protocol", "server", "MiB/s",
                          "to the loop", "CPU s", "to the loop"), rows,
                         "lllrrrr")
        constant(run, ours)
        run.shop.stop()
