"""Section memory: what a connection, a process and a page take.

Memory is PSS, the proportional share: what several processes have in common
counts once, libraries that other programs have loaded as well in part.
"""
import contextlib
import socket
import subprocess
import threading
import time

import cpu
import rig
from report import number, size, times

POLL_S = 0.002  # between two visits while the daemon reloads
SETTLED_S = 0.5
FIRST = 200  # connections that wait before any is counted
PAUSE_MS = 100.0  # that a reload may keep one client waiting


def settled(server, kinds="Pss"):
    """Memory once it no longer changes."""
    before = server.memory(kinds)
    while True:
        time.sleep(SETTLED_S)
        now = server.memory(kinds)
        if abs(now - before) < 1 << 16:
            return now
        before = now


@contextlib.contextmanager
def held(server, kind, port, count):
    """So many connections that wait, all of them until the end."""
    with subprocess.Popen(
            [str(w) for w in (rig.TOOLS / "load", "hold-" + kind, "-p", port,
                              "-s", rig.HOST, "-n", count, "-S")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as proc:
        there = rig.values(proc.stdout.readline()).get("held", 0)
        yield
        alive = rig.values(proc.communicate()[0]).get("alive", 0)
    if there < count or alive < count:
        raise rig.Failure("%s: %d of %d connections held, %d to the end"
                          % (server.name, there, count, alive))


def hold(server, kind, port, count):
    """Bytes of memory for each of count connections that wait.

    What the first ones of all cost the process once is no connection's.
    """
    with held(server, kind, port, FIRST):
        before = settled(server, rig.OWN)
        with held(server, kind, port, count):
            return (settled(server, rig.OWN) - before) / count


def connections(run):
    counts = (1000,) if run.quick else (1000, 5000)
    rows, ours, bars = [], {}, []
    for kind in ("tls", "tcp"):
        for count in counts:
            # Another one each time: memory that was used is not given back.
            run.report.busy("%d connections" % count)
            daemon = run.shop.capsuled()
            ours[kind] = hold(daemon, kind, daemon.gemini, count)
            run.shop.stop(daemon)
            rows.append(("capsuled", kind.upper(), number(count),
                         size(ours[kind])))
        if kind == "tls":
            bars.append(("capsuled", ours[kind] / 1024, True))
        molly = run.peers.start("molly-brown")
        if molly:
            theirs = hold(molly, kind, molly.gemini, counts[0])
            run.shop.stop(molly)
            rows.append((molly.name, kind.upper(), number(counts[0]),
                         size(theirs)))
            if kind == "tls" and theirs > 0:
                bars.append((molly.name, theirs / 1024, False))
    run.report.text(
        "Connections that wait: TLS has finished its handshake and asks "
        "nothing, TCP is silent from the start; %d of them are there before "
        "any is counted. Memory of the server's processes; the kernel's own "
        "for sockets is not counted." % FIRST)
    run.report.table(("server", "kind", "connections", "memory of one"),
                     rows, "llrr")
    run.report.chart("Memory of a TLS connection that waits",
                     "KiB, less is better", bars)
    run.report.goal("memory of a waiting TLS connection", ours["tls"], "<=",
                    16 * 1024, size)
    run.report.goal("memory of a silent TCP connection", ours["tcp"], "<=",
                    1024, size)


def processes(run):
    """All processes, with the institute's capsule and two workers."""
    daemon = run.shop.capsuled(root=rig.ROOT / "capsule",
                               selectors=dict(run.demo_map(),
                                              **{"/search": "@search"}),
                               server={"workers": 2})
    rig.load(daemon, "gemini", visits=100, url="gemini://%s/" % rig.HOST)
    rig.load(daemon, "gopher", visits=100, url="/")
    settled(daemon)
    rows = [(rig.role_of(pid), size(rig.pss(pid)),
             size(rig.pss(pid, "Private_.*"))) for pid in rig.tree(daemon.pid)]
    served = rig.pss(daemon.pid) + sum(map(rig.pss, daemon.workers()))
    rows.append(("all", size(daemon.memory()), ""))
    run.report.text("The processes, with the institute's capsule, after 200 "
                    "visits:")
    run.report.table(("process", "PSS", "its own alone"), rows)
    run.report.goal("memory of master and two workers", served, "<=", 8 << 20,
                    size)
    run.report.goal("memory of all processes", daemon.memory(), "<=", 10 << 20,
                    size)
    run.shop.stop()


class Poll(threading.Thread):
    """A client that comes without pause; longest_ms: the worst wait."""

    def __init__(self, port, selector):
        super().__init__(daemon=True)
        self.port, self.request = port, selector.encode() + b"\r\n"
        self.ended = threading.Event()
        self.longest_ms, self.visits, self.failures = 0.0, 0, 0
        self.waits_ms = []

    def visit(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 30) as s:
                s.sendall(self.request)
                return s.recv(1) != b""
        except OSError:
            return False

    def run(self):
        last = time.monotonic()
        while not self.ended.is_set():
            began = time.monotonic()
            if self.visit():
                self.visits += 1
            else:
                self.failures += 1
            now = time.monotonic()
            self.waits_ms.append((now - began) * 1e3)
            self.longest_ms = max(self.longest_ms, (now - last) * 1e3)
            last = now
            time.sleep(POLL_S)

    def median_ms(self):
        return rig.median(self.waits_ms)

    def stop(self):
        self.ended.set()
        self.join()


def timed_reload(daemon):
    """Seconds until the daemon says that a reload has been done."""
    began = time.monotonic()
    command = [str(rig.BUILD / "capsulectl"), "-c", str(daemon.conf), "reload"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise rig.Failure("the reload failed: %s" % done.stderr)
    return time.monotonic() - began


def polled(daemon, work, selector="/p/7.gmi"):
    """What work() returns, and the client that came meanwhile."""
    poll = Poll(daemon.gopher, selector)
    poll.start()
    try:
        return work(), poll
    finally:
        poll.stop()


def load_many(run):
    """A daemon with all those pages, and what loading took."""
    root = run.many_pages()
    run.shop.pair()
    run.report.busy("loading %d pages" % cpu.MANY_PAGES)
    began = time.monotonic()
    daemon = run.shop.capsuled(root=root, selectors={"/p/": "p/"},
                               server={"workers": 2})
    return daemon, time.monotonic() - began, rig.process_us(daemon.pid) / 1e6


def reload_many(run, daemon, calm_s):
    """Reload it; seconds, processor time, and two clients: one who came
    while nothing happened, one who came meanwhile."""
    run.report.busy("reloading")
    _, calm = polled(daemon, lambda: time.sleep(max(calm_s, 1)))
    before = rig.process_us(daemon.pid)
    seconds, poll = polled(daemon, lambda: timed_reload(daemon))
    return seconds, (rig.process_us(daemon.pid) - before) / 1e6, calm, poll


def many_pages(run):
    content = cpu.MANY_PAGES * rig.PAGE_BYTES
    daemon, loaded_s, loaded_cpu = load_many(run)
    memory = settled(daemon)
    reloaded_s, reloaded_cpu, calm, poll = reload_many(run, daemon, loaded_s)
    after = settled(daemon)
    key_processes = sum(map(rig.pss, daemon.key_processes()))
    run.report.text(
        "%s pages of %d bytes, %s in all: loaded in %s s (%s s of processor "
        "time), reloaded in %s s (%s s). A client that came all the while, "
        "%d times during the reload, waited %s ms at most (%s ms without a "
        "reload), and was turned away %d times." % (
            format(cpu.MANY_PAGES, ","), rig.PAGE_BYTES, size(content),
            number(loaded_s), number(loaded_cpu), number(reloaded_s),
            number(reloaded_cpu), poll.visits, number(poll.longest_ms),
            number(calm.longest_ms), poll.failures))
    run.report.table(
        ("memory of all processes", "", "to the content"),
        [("after loading", size(memory), times(memory / content)),
         ("after a reload", size(after), times(after / content)),
         ("  of it the key process", size(key_processes),
          times(key_processes / content))])
    goal = run.report.goal
    goal("memory of 100,000 pages to their content", memory / content, "<=",
         3, times)
    goal("the same after a reload", after / content, "<=", 3, times)
    seconds = "{:.2f} s".format
    goal("loading 100,000 pages (%s of processor time)"
         % seconds(loaded_cpu), loaded_s, "<", 3, seconds)
    goal("reloading them (%s of processor time)" % seconds(reloaded_cpu),
         reloaded_s, "<", 3, seconds)
    goal("visits turned away during the reload", poll.failures, "<=", 0,
         "{:.0f}".format)
    goal("longest wait during the reload (%s ms without one)"
         % number(calm.longest_ms), poll.longest_ms, "<=",
         max(PAUSE_MS, 2 * calm.longest_ms), "{:.0f} ms".format)
    run.shop.stop()


def section(run):
    run.report.heading("Memory")
    connections(run)
    processes(run)
    many_pages(run)
