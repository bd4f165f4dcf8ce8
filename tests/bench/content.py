"""Section content: any number of pages, files of any size, one edit.

A daemon with two workers and a store of its own, with 100,000 pages and, unless
in a hurry, 1,000,000: how long the first start takes, and one after nothing has
changed; what it costs to do nothing, and to change a page; and the memory that
the system cannot take back.
"""
import os
import resource
import shutil
import socket
import time

import memory
import rig
from report import number, size

COUNTS = (100000, 1000000)  # the first alone if in a hurry
FOLDER_PAGES = 1000
EDITS = 15
POLL_S = 0.005
SEEN_S = 60.0  # an edit that nobody sees by then
IDLE_S = (60, 20)  # seconds of doing nothing; the second if in a hurry
RACY_S = 2.5  # a page that was just made is looked at again
FILES, FILE_BYTES = 5000, 300 << 10
FEW_DESCRIPTORS = 1024  # that the daemon may have

GOALS = {  # of a number of pages: (first start s, restart s, bytes of memory)
    100000: (6.0, 1.0, 400 * 100000),
    1000000: (60.0, 6.0, 80 << 20),
}


def seconds(value):
    return "%.2f s" % value


def milliseconds(value):
    return "%.0f ms" % value


def lay_folders(root, count, busy):
    """count pages, a thousand in each folder."""
    for i in range(count):
        folder = root / str(i // FOLDER_PAGES)
        if i % FOLDER_PAGES == 0:
            folder.mkdir(parents=True)
            os.chmod(folder, 0o755)
            busy("writing %d pages: %d" % (count, i))
        (folder / ("%d.gmi" % (i % FOLDER_PAGES))).write_text(rig.page(i))
    os.chmod(root, 0o755)


def start(run, root, store, **server):
    """A daemon, and the seconds of the clock and of processors it took."""
    began = time.monotonic()
    daemon = run.shop.capsuled(
        root=root, selectors={"/": "./"},
        # Menus name the port: another one would be another menu.
        gopher={"port": "70"},
        server={"workers": 2, "store": store, "watch": "auto", **server})
    return daemon, time.monotonic() - began, daemon.cpu_us() / 1e6


def ask(daemon, selector):
    with socket.create_connection(("127.0.0.1", daemon.gopher), 30) as s:
        s.sendall(selector.encode() + b"\r\n")
        pieces = iter(lambda: s.recv(1 << 16), b"")
        return b"".join(pieces)


def edit(daemon, path, selector, i):
    """Seconds until an edit is served, and ms of processors that it took."""
    before = daemon.cpu_us()
    page = path.read_text().split("\n", 1)[1]
    word = "Edition %d" % i
    temporary = path.with_name(path.name + "~")
    temporary.write_text("# %s\n%s" % (word, page))
    os.chmod(temporary, 0o644)
    os.rename(temporary, path)
    began = time.monotonic()
    while word.encode() not in ask(daemon, selector):
        if time.monotonic() - began > SEEN_S:
            raise rig.Failure("an edit is not seen")
        time.sleep(POLL_S)
    seen = time.monotonic() - began
    time.sleep(0.5)
    return seen, (daemon.cpu_us() - before) / 1e3


def visits_cost(daemon):
    """ms of processors of the visits that wait for an edit, a second."""
    before, began = daemon.cpu_us(), time.monotonic()
    while time.monotonic() - began < 1:
        ask(daemon, "/0/1.gmi")
        time.sleep(POLL_S)
    return (daemon.cpu_us() - before) / 1e3


def edits(daemon, root):
    polling = visits_cost(daemon)
    found = []
    for i in range(EDITS):
        name = "%d/%d.gmi" % (i * 7 % 100, i * 13 % FOLDER_PAGES)
        seen, cost = edit(daemon, root / name, "/" + name, i)
        found.append((seen, cost - polling * seen))
    return rig.median([s for s, _ in found]), rig.median([c for _, c in found])


def idle(run, daemon):
    """The part of a processor that doing nothing takes, in per cent."""
    wait = IDLE_S[run.quick]
    before = daemon.cpu_us()
    time.sleep(wait)
    return (daemon.cpu_us() - before) / 1e4 / wait


def many(run, count):
    """One number of pages: a row of the table, and its goals."""
    root, store = run.folder / "content", run.folder / "store"
    store.mkdir()
    if rig.is_root():
        shutil.chown(store, "nobody")
    lay_folders(root, count, run.report.busy)
    time.sleep(RACY_S)
    run.shop.pair()
    run.report.busy("starting with %d pages" % count)
    daemon, first, first_cpu = start(run, root, store)
    run.shop.stop(daemon)
    run.report.busy("starting again")
    daemon, again, again_cpu = start(run, root, store)
    own = memory.settled(daemon, rig.OWN)
    run.report.busy("waiting, with %d pages" % count)
    lazy = idle(run, daemon)
    run.report.busy("editing")
    seen, cost = edits(daemon, root)
    run.shop.stop(daemon)
    goal = run.report.goal
    what = "%s pages" % format(count, ",")
    most_first, most_again, most_own = GOALS[count]
    goal("%s, first start" % what, first, "<=", most_first, seconds)
    goal("%s, start when nothing changed" % what, again, "<=", most_again,
         seconds)
    goal("%s, memory that cannot be taken back" % what, own, "<=", most_own,
         size)
    goal("%s, doing nothing, per cent of a processor" % what, lazy, "<=", 0.3,
         "{:.2f} %".format)
    goal("%s, an edited page is seen after" % what, seen, "<=", 1.0, seconds)
    goal("%s, processor time of an edit" % what, cost, "<=", 50, milliseconds)
    taken = sum(f.stat().st_size for f in store.iterdir() if f.is_file())
    shutil.rmtree(root)
    shutil.rmtree(store)
    return (format(count, ","), seconds(first), seconds(first_cpu),
            seconds(again), seconds(again_cpu), size(own), size(taken),
            "%.2f" % lazy, seconds(seen), milliseconds(cost))


def descriptors(daemon):
    """The most that a process of the daemon has."""
    return max(len(os.listdir("/proc/%d/fd" % pid))
               for pid in rig.tree(daemon.pid))


def large_files(run):
    """Many files, of which none can be kept open."""
    root, store = run.folder / "files", run.folder / "store"
    root.mkdir()
    store.mkdir()
    if rig.is_root():
        shutil.chown(store, "nobody")
    for i in range(FILES):
        path = root / ("%d.bin" % i)
        with open(path, "wb") as f:
            f.truncate(FILE_BYTES)
        os.chmod(path, 0o644)
    os.chmod(root, 0o755)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_DESCRIPTORS, hard))
    try:
        daemon, took, _ = start(run, root, store)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for i in range(0, FILES, 10):
        if len(ask(daemon, "/%d.bin" % i)) != FILE_BYTES:
            raise rig.Failure("/%d.bin did not come whole" % i)
    most = descriptors(daemon)
    run.report.text("%s files of %s, with %d descriptors: started in %s s, "
                    "%d of them visited, %d descriptors in the process that "
                    "has most." % (format(FILES, ","), size(FILE_BYTES),
                                   FEW_DESCRIPTORS, number(took), FILES // 10,
                                   most))
    run.report.goal("descriptors of a process, 5,000 large files", most, "<=",
                    200, number)
    run.shop.stop()
    shutil.rmtree(root)
    shutil.rmtree(store)


def section(run):
    run.report.heading("Content")
    rows = [many(run, count) for count in COUNTS[:1 if run.quick else 2]]
    run.report.text(
        "Pages of %d bytes, a thousand in a folder, in the system's cache. "
        "Time of the clock and of all processors until the daemon is ready, at "
        "the first start and at the next; memory of all processes less files; "
        "the store's size; per cent of a processor with nothing to do; and one "
        "edited page: when it is served, and what it cost."
        % rig.PAGE_BYTES)
    run.report.table(("pages", "first", "CPU", "again", "CPU", "memory",
                      "store", "idle %", "edit", "CPU"), rows)
    large_files(run)
