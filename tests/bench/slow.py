"""Section slow: visits over slow, long lines, against what arithmetic allows.

The line is tests/bench/slowlink.c between two network namespaces: root, TUN
devices and ip(8) are needed.  It loses nothing, so that whatever TCP sends
twice was sent twice for nothing.
"""
import math
import os
import signal
import subprocess
import time

import rig
from report import number, times

LINKS = ((9600, 150), (32000, 300), (512000, 300))  # bit/s, ms one way
NEAR, FAR = "10.77.0.1", "10.77.0.2"
IP_TCP = 52  # bytes of headers, TCP's timestamps included
SYN = 60  # bytes of a packet that opens a connection, and of its answer
SEGMENT = 1448  # bytes of payload that fit into 1500
PORT = 1965  # of a peer that cannot choose by itself


def missing():
    """What keeps this section from running, or nothing."""
    if not rig.is_root():
        return "it takes root"
    if not (rig.TOOLS / "slowlink").exists():
        return "it takes Linux"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    space = "capsuled-try-%d" % os.getpid()
    try:
        made = subprocess.run(["ip", "netns", "add", space],
                              stderr=subprocess.PIPE, text=True)
    except OSError:
        return "ip(8) is not here"
    if made.returncode != 0:
        return made.stderr.strip() or "no network namespaces here"
    subprocess.run(["ip", "netns", "del", space])
    return None


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Link:
    """A line between two namespaces of its own; near and far are prefixes of
    commands that run there."""

    def __init__(self, rate, delay):
        self.rate, self.delay = rate, delay
        self.spaces = ["capsuled-%s-%d" % (end, os.getpid())
                       for end in ("near", "far")]
        self.near, self.far = (["ip", "netns", "exec", space]
                               for space in self.spaces)
        self.proc = None

    def __enter__(self):
        try:
            for space in self.spaces:
                ip("netns", "add", space)
                # Each visit for itself: nothing learnt from the one before.
                subprocess.run(
                    ["ip", "netns", "exec", space, "sh", "-c", "echo 1 > "
                     "/proc/sys/net/ipv4/tcp_no_metrics_save"], check=True)
            self.proc = subprocess.Popen(
                [str(rig.TOOLS / "slowlink"), str(self.rate), str(self.delay),
                 *self.spaces], stdout=subprocess.PIPE, text=True)
            if self.proc.stdout.readline() != "ready\n":
                raise rig.Failure("slowlink did not start")
            for space, own, other in zip(self.spaces, (NEAR, FAR),
                                         (FAR, NEAR)):
                ip("-n", space, "addr", "add", own, "peer", other, "dev",
                   "slow")
                ip("-n", space, "link", "set", "slow", "up", "mtu", "1500")
                ip("-n", space, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.proc is not None:
            self.proc.kill()
            self.proc.wait()
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space],
                           stderr=subprocess.DEVNULL)

    def crossed(self):
        """Packets and bytes each way since the last time."""
        self.proc.send_signal(signal.SIGUSR1)
        return rig.values(self.proc.stdout.readline())

    def resent(self):
        """Segments that either end has sent again so far."""
        total = 0
        for prefix in (self.near, self.far):
            text = rig.run_for_output([*prefix, "cat", "/proc/net/snmp"])
            head, row = (line.split() for line in text.splitlines()
                         if line.startswith("Tcp:"))
            total += int(row[head.index("RetransSegs")])
        return total

    def wait(self):
        """Until nothing is on the line any more."""
        pause = 2 * self.delay / 1e3 + 1500 * 8 / self.rate + 0.2
        while True:
            self.crossed()
            time.sleep(pause)
            seen = self.crossed()
            if seen["up_packets"] + seen["down_packets"] == 0:
                return

    def is_listening(self, port):
        return ":%d " % port in rig.run_for_output([*self.far, "ss", "-Hltn"])


def least_s(link, seen, is_tls):
    """Seconds that these bytes take at least, headers and ways included.

    Three ways there and back with TLS, two without: the kernel's handshake,
    that of TLS, the request.  Nothing else crosses that could be left out.
    """
    first = int(seen["flight"])
    packets = math.ceil((seen["down"] - first) / SEGMENT)
    down = SYN + seen["down"] + IP_TCP * packets
    up = SYN + IP_TCP + seen["up"] + IP_TCP
    trips = 2
    if is_tls:
        down += IP_TCP * math.ceil(first / SEGMENT)
        up += IP_TCP
        trips = 3
    return trips * 2 * link.delay / 1e3 + (up + down) * 8 / link.rate


def take(link, server, protocol, visits):
    """That many visits one after the other, each on a line of its own."""
    link.wait()
    pause = 4 * link.delay + 2 * 1500 * 8 * 1000 // link.rate
    resent = link.resent()
    found = rig.visit(server, protocol, visits, address=FAR, pause=pause,
                      prefix=link.near)
    for seen in found:
        seen["least"] = least_s(link, seen, protocol == "gemini")
        seen["ratio"] = seen["done_ms"] / 1e3 / seen["least"]
    link.wait()
    # Those of all visits together: the kernel does not tell them apart.
    return found, link.resent() - resent


def servers(run, link):
    """(server, protocol, visits) of all that shall be visited over a link."""
    shop = run.shop
    crt, key = shop.pair()
    ours = shop.capsuled(address=FAR, prefix=link.far)
    best = shop.limit("the limit", "best", crt, key, shop.root / "page.gmi",
                      prefix=link.far)
    found = [(ours, "gemini", 2), (ours, "gopher", 1)]
    if not run.quick:
        found.append((best, "gemini", 1))
        base = shop.limit("the limit", "gopher", shop.root / "page.txt",
                          prefix=link.far)
        molly = run.peers.start("molly-brown", prefix=link.far, port=PORT,
                                wait=False)
        gophernicus = run.peers.start("gophernicus", prefix=link.far)
        if molly:
            wait_for_port(link, PORT)
            found.append((molly, "gemini", 2))
        found.append((base, "gopher", 1))
        if gophernicus:
            found.append((gophernicus, "gopher", 1))
    return found


def wait_for_port(link, port):
    end = time.monotonic() + rig.PATIENCE
    while not link.is_listening(port):
        if time.monotonic() > end:
            raise rig.Failure("nobody listens at port %d" % port)
        time.sleep(0.05)


def over(run, rate, delay):
    """All servers over one link: rows for the table, and our own figures."""
    rows, ratios, resent_by_us = [], [], 0
    with Link(rate, delay) as link:
        for server, protocol, visits in servers(run, link):
            kind = "%s, %s" % (server.name, protocol.capitalize())
            run.report.busy("%d bit/s: %s" % (rate, kind))
            found, resent = take(link, server, protocol, visits)
            for seen, which in zip(found, ("first", "resumed")):
                name = kind + (", " + which if protocol == "gemini" else "")
                rows.append((name, number(seen["down"], 4),
                             "%.2f" % (seen["done_ms"] / 1e3),
                             "%.2f" % seen["least"], times(seen["ratio"]),
                             str(resent) if seen is found[-1] else ""))
                if isinstance(server, rig.Capsuled):
                    ratios.append(seen["ratio"])
            if isinstance(server, rig.Capsuled):
                resent_by_us += resent
        run.shop.stop()
    return rows, max(ratios), resent_by_us


def section(run):
    run.report.heading("Slow lines")
    why = missing()
    if why:
        run.report.text("Skipped: %s." % why)
        return
    run.report.text(
        "Seconds from the first packet until a client has all of a page of "
        "%d bytes and knows it; the least is what the bytes of that very "
        "visit take at that rate with all headers, and the ways there and "
        "back. Resent are TCP's segments, of all visits to that server; "
        "nothing is ever lost." % rig.PAGE_BYTES)
    total = 0
    for rate, delay in LINKS[::2] if run.quick else LINKS:
        rows, ratio, resent = over(run, rate, delay)
        total += resent
        run.report.text("%s bit/s, %d ms each way:" % (format(rate, ","),
                                                      delay))
        run.report.table(("visit", "bytes", "seconds", "least", "ratio",
                          "resent"), rows)
        run.report.goal("%s bit/s: time of a visit to the least possible"
                        % format(rate, ","), ratio, "<=", 1.15, times)
    run.report.goal("segments sent twice for nothing", total, "<=", 0,
                    "{:.0f}".format)
