"""Section content: any number of pages, files of any size, one edit.

A daemon with two workers and a store of its own, with 100,000 pages and, unless
in a hurry, 1,000,000: how long the first start takes, and one after nothing has
changed; what it costs to do nothing, to change a page, and to visit one picked
at random; and the memory that the system cannot take back.
"""
import os
import resource
import shutil
import socket
import threading
import time

import cpu
import memory
import rig
from report import number, size, times

COUNTS = (100000, 1000000)  # the first alone if in a hurry
FOLDER_PAGES = 1000
EDITS = 15
POLL_S = 0.005
SEEN_S = 60.0  # an edit that nobody sees by then
IDLE_S = (60, 20)  # seconds of doing nothing; the second if in a hurry
RACY_S = 2.5  # a page that was just made is looked at again
FILES, FILE_BYTES = 5000, 300 << 10
FEW_DESCRIPTORS = 1024  # that the daemon may have

FEW = 10
VISIT_GOALS = {"gopher": 1.10, "gemini": 1.02}  # many pages to FEW
IDN_LINKS, IDN_ROUNDS = 13000, 5  # of a page that takes long to render

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


def visits(run, daemon, count):
    """CPU of a visit to a page at random, many pages beside FEW: ratios."""
    root, store = run.folder / "few", run.folder / "few-store"
    store.mkdir()
    if rig.is_root():
        shutil.chown(store, "nobody")
    lay_folders(root, FEW, run.report.busy)
    few, _, _ = start(run, root, store)
    told = []
    for protocol, url in (("gopher", "/#/#.gmi"),
                          ("gemini", "gemini://%s/#/#.gmi" % rig.HOST)):
        base = cpu.Subject(few, protocol, url=url, pages=FEW)
        ours = cpu.Subject(daemon, protocol, url=url, pages=count)
        results = cpu.measure(run, "visits, %s" % protocol, [base, ours],
                              cpu.PAGES_ROUNDS)
        ratio = rig.ratios(results, "cpu_us")[ours]
        run.report.goal(
            "%s, CPU of a visit with %s pages to that with %d"
            % (protocol.capitalize(), format(count, ","), FEW), ratio, "<=",
            VISIT_GOALS[protocol], times)
        told.append(ratio)
    run.shop.stop(few)
    shutil.rmtree(root)
    shutil.rmtree(store)
    return told


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
    gopher, gemini = visits(run, daemon, count)
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
            "%.2f" % lazy, seconds(seen), milliseconds(cost), times(gopher),
            times(gemini))


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


class Application(threading.Thread):
    """An SCGI application that answers everybody at once."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                with self.listener.accept()[0] as s:
                    s.recv(1 << 16)
                    s.sendall(b"Content-Type: text/plain\r\n\r\nhello\n")
            except OSError:
                return

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()


def render_again(run, daemon, page):
    """Edits a page that takes long to render until it was served so often."""
    for i in range(IDN_ROUNDS):
        run.report.busy("rendering %d links: %d" % (IDN_LINKS, i))
        word = "Version %d" % i
        page.write_text("# %s\n%s" % (word, "".join(
            "=> gemini://b\u00fccher%d.example.org/ Shop\n" % n
            for n in range(IDN_LINKS))))
        os.chmod(page, 0o644)
        began = time.monotonic()
        while word.encode() not in ask(daemon, "/idn.gmi"):
            if time.monotonic() - began > SEEN_S:
                raise rig.Failure("an edit is not seen")
            time.sleep(0.05)


def long_page(run):
    """Does an application wait while a page of many links is rendered?"""
    root = run.folder / "idn"
    root.mkdir()
    os.chmod(root, 0o755)
    page = root / "idn.gmi"
    page.write_text("# Version\n")
    os.chmod(page, 0o644)
    application = Application()
    daemon = run.shop.capsuled(
        root=root, selectors={"/": "./", "/app": "@scgi 127.0.0.1:%d"
                              % application.port},
        server={"workers": 2, "watch": "auto"})
    _, calm = memory.polled(daemon, lambda: time.sleep(5), "/app")
    _, busy = memory.polled(daemon, lambda: render_again(run, daemon, page),
                            "/app")
    run.report.text(
        "An application, while a page of %s links to international names is "
        "rendered again and again: a visit took %s ms at the median and %s ms "
        "at most, %s and %s ms without; %d of %d failed." % (
            format(IDN_LINKS, ","), number(busy.median_ms()),
            number(busy.longest_ms), number(calm.median_ms()),
            number(calm.longest_ms), busy.failures, busy.visits))
    run.report.goal("application beside the rendering of a long page, to that "
                    "without (medians)", busy.median_ms() / calm.median_ms(),
                    "<=", 2, times)
    run.report.goal("the same, longest wait", busy.longest_ms, "<=", 100,
                    "{:.0f} ms".format)
    run.shop.stop()
    application.stop()
    shutil.rmtree(root)


def section(run):
    run.report.heading("Content")
    rows = [many(run, count) for count in COUNTS[:1 if run.quick else 2]]
    run.report.text(
        "Pages of %d bytes, a thousand in a folder, in the system's cache. "
        "Time of the clock and of all processors until the daemon is ready, at "
        "the first start and at the next; memory of all processes less files; "
        "the store's size; per cent of a processor with nothing to do; and one "
        "edited page: when it is served, and what it cost; and processor time "
        "of a visit at random to that with ten pages."
        % rig.PAGE_BYTES)
    run.report.table(("pages", "first", "CPU", "again", "CPU", "memory",
                      "store", "idle %", "edit", "CPU", "Gopher", "Gemini"),
                     rows)
    large_files(run)
    long_page(run)
