"""Several replicas of one capsule, machines for them, and visitors who come
all the while and tell how each visit went.

A machine is a network namespace, joined to the others by a bridge in one more.
Each is held by a process that ends with ours: nothing stays behind.
"""
import ctypes
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import server
from balancer import BACKENDS
from client import HOST, Reply, Tls, context, gopher, url
from crowd import CLONE_NEWNET
from server import wait_for

PAUSE = 0.02  # seconds between two visits of a visitor
VERSION = "# Version "  # how /version begins


# -- machines --


def enter(pid):
    """From now on this thread lives in the network of that process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/%d/ns/net" % pid) as f:
        if libc.setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Machine:
    """A network namespace with one interface, and addresses of its own."""

    def __init__(self, addresses=()):
        self.holder = subprocess.Popen(["unshare", "--net", "cat"],
                                       stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL)
        self.pid, self.addresses = self.holder.pid, addresses
        self.under = ["nsenter", "--net=/proc/%d/ns/net" % self.pid]
        ours = os.readlink("/proc/self/ns/net")
        try:
            wait_for("a network of its own", lambda: os.readlink(
                "/proc/%d/ns/net" % self.pid) != ours)
            self.ip("link set lo up")
        except BaseException:
            self.stop()
            raise

    def ip(self, arguments):
        done = subprocess.run([*self.under, "ip", *arguments.split()],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (arguments, done.stderr)

    def plug_in(self):
        """Once the cable is there."""
        self.ip("link set eth0 up")
        for address in self.addresses:
            # All are on one wire, whatever their networks.
            v6 = ":" in address
            self.ip("addr add %s/%d dev eth0%s" % (
                address, 128 if v6 else 32, " nodad" if v6 else ""))
        self.ip("route add default dev eth0")
        self.ip("-6 route add default dev eth0")

    def stop(self):
        self.holder.stdin.close()
        self.holder.kill()
        self.holder.wait()


class Network:
    """Machines on one bridge."""

    def __init__(self):
        self.machines = []
        self.bridge = Machine()
        self.bridge.ip("link add br0 type bridge")
        self.bridge.ip("link set br0 up")

    def add(self, *addresses):
        machine = Machine(addresses)
        self.machines.append(machine)
        cable = "cable%d" % len(self.machines)
        self.bridge.ip("link add %s type veth peer name eth0 netns %d"
                       % (cable, machine.pid))
        self.bridge.ip("link set %s master br0 up" % cable)
        machine.cable = cable
        machine.plug_in()
        return machine

    def cut(self, machine):
        """Its cable: no packet comes or goes, and nobody is told."""
        self.bridge.ip("link set %s down" % machine.cable)

    def stop(self):
        for machine in [*self.machines, self.bridge]:
            machine.stop()


# -- replicas --


def put_version(root, number):
    """What each visitor looks at, put in place as rsync does it."""
    new = root / ".version.new"
    new.write_text("%s%d\n" % (VERSION, number))
    os.replace(new, root / "version.gmi")


def like(first):
    """prepare for a replica: content and certificate of the first one."""
    def prepare(root):
        shutil.rmtree(root)
        shutil.copytree(first.root, root)
        for name in "capsule.crt", "capsule.key":
            shutil.copy2(first.folder / name, root.parent / name)
    return prepare


def kill(d):
    """All of its processes at once, as the loss of a machine does.

    Returns when they began to die and when they were dead.
    """
    began = time.monotonic()
    pids = [d.pid, *server.children(d.pid)]
    for number in signal.SIGSTOP, signal.SIGKILL:
        for pid in pids:
            os.kill(pid, number)
    d.proc.wait()
    wait_for("its processes to be gone",
             lambda: not any(map(server.is_running, pids)))
    return began, time.monotonic()


def visits_of(d, proxies):
    """The access lines of a replica without the checks."""
    return [line for line in d.accesses() if line["from"] not in proxies]


# -- visitors --


class Visit:
    """kind, version of the page seen or None, resumed, began and ended in
    seconds; error: None or what went wrong.

    cut: it ended early, and that could be seen.
    """

    def __init__(self, visitor, kind):
        self.visitor, self.kind = visitor, kind
        self.error = self.version = None
        self.resumed = self.cut = False
        self.began = time.monotonic()

    def __repr__(self):
        return "<%s %s %.2f..%.2f s resumed=%s %s>" % (
            self.visitor.source, self.kind, self.began, self.ended,
            self.resumed, self.error)


class Visitor(threading.Thread):
    """Comes again and again until told to stop; returns with its session."""

    def __init__(self, ports, address, source, kinds, big, machine=None,
                 tls_version=None):
        super().__init__(daemon=True)
        self.ports, self.address, self.source = ports, address, source
        self.kinds, self.big, self.machine = kinds, big, machine
        self.ctx = context(tls_version, tls_version)
        self.session = None
        self.visits, self.stopping = [], threading.Event()

    def run(self):
        if self.machine is not None:
            enter(self.machine.pid)
        while not self.stopping.is_set():
            for kind in self.kinds:
                self.visits.append(self.visit(kind))
                if self.stopping.wait(PAUSE):
                    break

    def visit(self, kind):
        visit = Visit(self, kind)
        try:
            getattr(self, kind)(visit)
        except (OSError, AssertionError) as e:
            visit.error = "%s: %s" % (type(e).__name__, e)
            visit.cut |= isinstance(e, ConnectionError)
        visit.ended = time.monotonic()
        return visit

    def ask(self, visit, path):
        with Tls(self.ports["gemini"], address=self.address,
                 source=self.source, ctx=self.ctx, session=self.session) as c:
            visit.resumed = c.tls.session_reused
            c.send(url(path, HOST).encode() + b"\r\n")
            got = c.read_all()
            visit.cut = not got.notified
            assert got.clean, "cut: %r" % got
            self.session = c.finish()
        reply = Reply(got)
        assert reply.status == 20, reply.header
        return reply.body

    def gemini(self, visit):
        body = self.ask(visit, "/version").decode()
        assert body.startswith(VERSION), body
        visit.version = int(body[len(VERSION):])

    def big_file(self, visit):
        assert self.ask(visit, "/big.bin") == self.big

    def plain(self, visit, tls):
        got = gopher(self.ports["gopher"], b"/version\r\n", tls=tls,
                     address=self.address, source=self.source)
        visit.cut = not got.endswith(b"\r\n.\r\n")
        assert not visit.cut, "cut: %r" % got
        visit.version = int(re.search(rb"Version (\d+)", got)[1])

    def gopher_menu(self, visit):
        self.plain(visit, False)

    def gopher_tls(self, visit):
        self.plain(visit, True)


ALL_KINDS = ["gemini", "gopher_menu", "big_file", "gopher_tls"]


class Crowd:
    """Visitors at work, for as long as the block lasts.

    visitors: keywords for each Visitor.
    """

    def __init__(self, visitors):
        self.them = [Visitor(**how) for how in visitors]

    def __enter__(self):
        for one in self.them:
            one.start()
        self.go_on()
        return self

    def __exit__(self, *_):
        for one in self.them:
            one.stopping.set()
        for one in self.them:
            one.join()

    def go_on(self, rounds=1):
        """Until each has made so many more rounds of visits, all of which
        began after this."""
        wanted = [len(one.visits) + (rounds + 1) * len(one.kinds)
                  for one in self.them]
        wait_for("visits", lambda: all(
            len(one.visits) >= n for one, n in zip(self.them, wanted)),
            seconds=120)

    @property
    def visits(self):
        return [visit for one in self.them for visit in list(one.visits)]

    @property
    def failed(self):
        return [visit for visit in self.visits if visit.error]


def leave(haproxy, name):
    """Drain a replica, and wait until no visitor is there."""
    haproxy.tell(name, "state drain")
    wait_for("visitors to leave", lambda: all(
        haproxy.rows()[backend, name]["scur"] == "0" for backend in BACKENDS))
