"""Who comes during a soak, but for those in hammer.py.

A visitor is a thread that visits again and again until the soak ends.  It
takes from the soak: d, the daemon; tally, where it counts; stop, an event.
"""
import random
import socket
import threading
import time

import crowd
from client import Plain, Reply, Tls, url

SEED = 23


class Visitor(threading.Thread):
    """One kind of visitor, coming again and again from ever new addresses."""

    def __init__(self, soak, number):
        super().__init__(daemon=True)
        self.soak, self.d, self.tally = soak, soak.d, soak.tally
        self.random = random.Random(SEED + number)
        self.session = None

    def source(self):
        return self.random.choice(crowd.SOURCES)

    def run(self):
        while not self.soak.stop.is_set():
            self.visit()

    def open(self, way, **how):
        if way == "gopher":
            return Plain(self.d.gopher, source=self.source(), **how)
        port = self.d.gemini if way == "gemini" else self.d.gopher
        return Tls(port, source=self.source(), **how)

    @staticmethod
    def line(way, path):
        if way == "gemini":
            return url(path).encode() + b"\r\n"
        return path.encode() + b"\r\n"


class Polite(Visitor):
    """Asks properly, and checks every byte that can be known."""

    PATHS = ("/", "/history", "/plain.txt", "/big.bin", "/files/", "/nothing",
             "/pixel.png", "/both", "/hall")

    def visit(self):
        way = self.random.choice(("gemini", "gemini", "gopher", "gophers"))
        path = self.random.choice(self.PATHS)
        for attempt in (1, 2):
            began = time.monotonic()
            try:
                self.ask(way, path)
                self.tally.add(way)
                break
            except Exception as e:
                self.session = None
                ended = time.monotonic()
                if attempt == 1 and self.tally.was_killed(began, ended):
                    self.tally.add("tried again after a killing")
                    continue
                self.tally.fail("%s %s: %r" % (way, path, e))
                break
        time.sleep(self.random.uniform(0, 0.02))

    def ask(self, way, path):
        how = {}
        if way == "gemini" and self.random.random() < 0.7:
            how["session"] = self.session
        with self.open(way, **how) as c:
            c.send(self.line(way, path))
            got = c.read_all()
            if way == "gemini":
                self.session = c.finish()
        assert got.end == "fin", got
        assert way == "gopher" or got.notified, got
        self.check(way, path, Reply(got) if way == "gemini" else got)

    def check(self, way, path, got):
        if way == "gemini":
            assert got.status == (51 if path == "/nothing" else 20), got
            body = got.body
        else:
            body = got.data
            assert body.startswith(b"3") == (path == "/nothing"), got
        if path == "/big.bin":
            assert body == self.soak.big
        if path == "/history":
            assert b"was the first year" in body, got


class Slow(Visitor):
    """Reads a little now and then, or writes so, and often leaves early."""

    def visit(self):
        way = self.random.choice(("gemini", "gopher"))
        try:
            with self.open(way, rcvbuf=4096) as c:
                if self.random.random() < 0.3:
                    for byte in self.line(way, "/history"):
                        c.send(bytes([byte]))
                        time.sleep(0.05)
                else:
                    c.send(self.line(way, "/big.bin"))
                for _ in range(self.random.randrange(40)):
                    if not c.more(4096):
                        break
                    time.sleep(0.1)
        except OSError:
            pass
        self.tally.add("slow")


class Hostile(Visitor):
    """Everything one should not do."""

    def visit(self):
        trick = self.random.choice((
            self.noise, self.silence, self.bent_hello, self.vanish,
            self.half_close, self.junk_in_tls, self.flood))
        try:
            trick()
        except OSError:
            pass
        self.tally.add("hostile")

    def port(self):
        return self.random.choice((self.d.gemini, self.d.gopher))

    def noise(self):
        with Plain(self.port(), source=self.source()) as c:
            c.send(self.random.randbytes(self.random.randrange(1, 5000)))
            c.read_all(1)

    def silence(self):
        with Plain(self.port(), source=self.source()) as c:
            c.read_all(self.random.uniform(0, 4))

    def bent_hello(self):
        with Tls(self.port(), source=self.source(), handshake=False) as c:
            hello = bytearray(c.hello())
            for _ in range(self.random.randrange(1, 4)):
                hello[self.random.randrange(1, len(hello))] ^= 0x41
            c.sock.sendall(hello[:self.random.randrange(1, len(hello) + 1)])
            Plain.read_all(c, 1)

    def vanish(self):
        """A reset in the middle of whatever is going on."""
        way = self.random.choice(("gemini", "gopher"))
        with self.open(way) as c:
            c.send(self.line(way, "/big.bin"))
            time.sleep(self.random.uniform(0, 0.01))
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\1\0\0\0\0\0\0\0")

    def half_close(self):
        with self.open("gopher", rcvbuf=4096) as c:
            c.send(b"/big.bin\r\n")
            c.half_close()
            time.sleep(self.random.uniform(0, 1))

    def junk_in_tls(self):
        with self.open("gemini") as c:
            c.send(self.random.randbytes(self.random.randrange(1, 3000)))
            c.sock.sendall(self.random.randbytes(100))
            c.read_all(1)

    def flood(self):
        """Far more than one address may have, at once."""
        source, clients = self.source(), []
        try:
            for _ in range(60):
                clients.append(Plain(self.port(), source=source))
                clients[-1].send(b"/history\r\n")
        finally:
            for c in clients:
                c.sock.close()
