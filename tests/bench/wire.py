"""Section bytes: what travels, and what each byte of it is.

Packets are watched on the loopback device, which takes root.  There they are
larger than on a real network; the client announces the segment size of
Ethernet, and the kernel's large packets are counted as what they are cut to.
"""
import contextlib
import socket
import struct
import time

import rig
from report import number

ETHERNET = 1460  # bytes of a segment, before TCP's own options
QUIET_S = 0.1  # without a packet: the visit is over
ETH_P_IP = 0x0800  # seen once, on the way in
DOWN, UP = 0, 2  # where TCP's header has the port that sends, or receives
SMALL = 200  # bytes of payload that are not worth a packet
# Order of the table: as they travel.
PARTS = ("ServerHello", "ChangeCipherSpec", "EncryptedExtensions",
         "CertificateRequest", "Certificate", "CertificateVerify", "Finished",
         "NewSessionTicket", "Answer", "Alert", "Records")
SAY = {"Alert": "close_notify", "Records": "headers and seals of records",
       "Answer": "answer: header and page"}


def payloads(frame, port, end=DOWN):
    """Sizes of the data segments in a frame from that port, or up to it."""
    ip = (frame[14] & 15) * 4 + 14
    if frame[14] >> 4 != 4 or frame[23] != socket.IPPROTO_TCP:
        return []
    found, = struct.unpack("!H", frame[ip + end:ip + end + 2])
    tcp = (frame[ip + 12] >> 4) * 4
    length, = struct.unpack("!H", frame[16:18])
    left = length - (ip - 14) - tcp
    if found != port or left <= 0:
        return []
    segment = ETHERNET - (tcp - 20)
    return [min(segment, left - at) for at in range(0, left, segment)]


class Packets:
    """Sizes of the data packets from and to a port while this is open."""

    def __init__(self, port):
        self.port, self.frames = port, []

    def __enter__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                    socket.htons(ETH_P_IP))
        self.socket.bind(("lo", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        return self

    def __exit__(self, *_):
        self.socket.settimeout(QUIET_S)
        end = time.monotonic() + rig.PATIENCE
        with contextlib.suppress(socket.timeout):
            while time.monotonic() < end:
                self.frames.append(self.socket.recv(1 << 17))
        self.socket.close()

    def behind(self, end, skip):
        """Sizes of those that go that way, behind the first skip bytes."""
        sizes = [size for frame in self.frames
                 for size in payloads(frame, self.port, end)]
        while skip > 0 and sizes:
            skip -= sizes.pop(0)
        return sizes


def look(server, protocol, again=False):
    """The first visit, or the one after it, with "packets" down and
    "packets_up" if root looks."""
    port = server.gemini if protocol == "gemini" else server.gopher
    if not (rig.is_root() and hasattr(socket, "AF_PACKET")):
        found = rig.visit(server, protocol, 1 + again, segment=ETHERNET)[-1]
        return dict(found, packets=None, packets_up=None)
    with Packets(port) as seen:
        found = rig.visit(server, protocol, 1 + again, segment=ETHERNET)
    first = found[0] if again else {"down": 0, "up": 0}
    return dict(found[-1], packets=seen.behind(DOWN, first["down"]),
                packets_up=seen.behind(UP, first["up"]))


def visits(run):
    """[(name, what was seen)] of all kinds of visits."""
    shop = run.shop
    crt, key = shop.pair()
    ours = shop.capsuled()
    best = shop.limit("the limit", "best", crt, key, shop.root / "page.gmi")
    bare = shop.capsuled("capsuled, tickets off", tls={"tickets": "none"})
    molly = run.peers.start("molly-brown")
    gophernicus = run.peers.start("gophernicus")
    found = [("first", look(ours, "gemini")),
             ("resumed", look(ours, "gemini", True)),
             ("no tickets", look(bare, "gemini")),
             ("the limit", look(best, "gemini"))]
    if molly:
        found += [("Molly", look(molly, "gemini")),
                  ("its resumed", look(molly, "gemini", True))]
    found.append(("Gopher", look(ours, "gopher")))
    if gophernicus:
        found.append(("gophernicus", look(gophernicus, "gopher")))
    shop.stop()
    return found


def show_totals(report, found):
    rows = []
    for name, seen in found:
        sizes, up = seen["packets"], seen["packets_up"]
        rows.append((name, number(seen["down"], 5), number(seen["up"], 4),
                     "?" if up is None else len(up),
                     "?" if sizes is None else len(sizes),
                     "?" if sizes is None else " + ".join(map(str, sizes))))
    report.table(("visit", "bytes down", "bytes up", "packets up",
                  "packets down", "their payload"), rows, "lrrrrl")


def show_parts(report, found):
    """What each byte of a Gemini visit is; one column a kind of visit."""
    tls = [(name, seen) for name, seen in found if seen["parts"]]
    rows = []
    for part in PARTS:
        counts = [seen["parts"].get(("down", part), 0) for _, seen in tls]
        if any(counts):
            rows.append((SAY.get(part, part),
                         *(str(n) if n else "-" for n in counts)))
    rows.append(("all", *(str(sum(
        n for (way, _), n in seen["parts"].items() if way == "down"))
        for _, seen in tls)))
    report.text("Each byte from the server, by what it is for:")
    report.table(("bytes", *(name for name, _ in tls)), rows)


def goals(report, found):
    seen = dict(found)
    show = "{:,.0f} B".format
    for name, text, most in (
            ("first", "bytes of a first visit", 2850),
            ("no tickets", "bytes of a visit without tickets", 2771),
            ("resumed", "bytes of a resumed visit", 2400)):
        if name in seen:
            report.goal(text, seen[name]["down"], "<=", most, show)
    packets = [seen[name]["packets"] for name in ("first", "resumed",
                                                  "no tickets")
               if name in seen]
    if None in packets:
        report.text("Packets are not counted: that takes root.")
        return
    report.goal("data packets of a Gemini visit, at most",
                max(map(len, packets)), "<=", 3, "{:.0f}".format)
    report.goal("the smallest of them", min(map(min, packets)), ">=", SMALL,
                show)


def institute(run):
    """Each page of the institute's capsule, in both protocols."""
    daemon = run.shop.capsuled(
        "capsuled", root=rig.ROOT / "capsule", selectors=run.demo_map())
    rows, sums = [], [0] * 5
    for selector, name in run.demo_map().items():
        path = rig.ROOT / "capsule" / name
        if not path.is_file():
            continue
        first, again = rig.visit(daemon, "gemini", 2, "gemini://%s%s"
                                 % (rig.HOST, selector))
        menu = rig.visit(daemon, "gopher", 1, selector)[0]
        figures = [path.stat().st_size, menu["answer"], first["down"],
                   again["down"], menu["down"]]
        sums = [a + b for a, b in zip(sums, figures)]
        rows.append((selector, *(number(n, 6) for n in figures)))
    rows.append(("all", *(number(n, 7) for n in sums)))
    run.report.text(
        "The institute's capsule, page by page: the file; what Gopher shows "
        "of it; and bytes from the server for a first and a returning Gemini "
        "visit and for a Gopher visit, headers of TCP and IP not counted.")
    run.report.table(("page", "file", "as menu", "Gemini, first",
                      "returning", "Gopher"), rows)
    run.shop.stop()


def section(run):
    run.report.heading("Bytes")
    run.report.text(
        "A visit to a page of %d bytes, from %s, as it travels; packets as "
        "on Ethernet." % (rig.PAGE_BYTES, rig.HOST))
    found = visits(run)
    show_totals(run.report, found)
    show_parts(run.report, found)
    run.report.chart("Bytes from the server", "less is better",
                     [(name, seen["down"], name in (
                         "first", "resumed", "no tickets", "Gopher"))
                      for name, seen in found])
    goals(run.report, found)
    institute(run)
