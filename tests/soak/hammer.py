"""The hammer: bent requests, records and PROXY headers; nasty applications.

A Hammer visits like somebody who looks for a fault: requests with a few bytes
changed, in pieces of any size, records with a bit flipped, ends at any step
of a handshake.  It checks nothing itself: the daemon and its sanitizers do.
"""
import os
import random
import socket
import ssl
import struct
import subprocess
import time

import application
from client import Plain, context
from visitors import Visitor

PROXY = "127.0.2.1"  # the address that may send a PROXY header
READ_MAX = 4 << 20  # bytes of an answer
SLOW_READ = 700  # bytes at a time
PATIENCE = 6  # seconds
NAMES = ("localhost", "private.example.org", "rsa.example.org",
         "nobody.example.org", "LOCALHOST.", None)

GEMINI = tuple(line + b"\r\n" for line in (
    b"gemini://localhost/", b"gemini://localhost/history",
    b"gemini://localhost/big.bin", b"gemini://localhost/search?hello%20world",
    b"gemini://localhost/search?a%20b%20c%20%22*",
    b"gemini://localhost/scgi/x?y=1", b"gemini://localhost/fastcgi/a/b",
    b"gemini://localhost/scgi/../../x", b"gemini://private.example.org/",
    b"gemini://rsa.example.org/history", b"titan://localhost/x;size=3",
    b"gemini://[::1]/", b"gemini://xn--a/%00", b"GET / HTTP/1.0\r\n",
    b"gemini://user@localhost:1/"))
GOPHER = tuple(line + b"\r\n" for line in (
    b"", b"/", b"/history", b"/big.bin", b"/search\thello world",
    b"/search\ta\t+", b"/history\t+", b"/\t$", b"/\t!",
    b'URL:http://x/"><script>', b"/scgi/x?y=1", b"/scgi/x\tq\t+",
    b"/fastcgi/a\tb c", b"GET / HTTP/1.1\r\nHost: x\r\n",
    b"/scgi/%2e%2e/x", b"\xff\xfe\t\t\t"))
METRICS = (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
           b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
           b"ffffffff\r\n",
           b"POST /metrics HTTP/1.0\r\nContent-Length: 10\r\n\r\n0123456789",
           b"HEAD / HTTP/1.0\r\n\r\n",
           b"GET http://a:b@[::1]:99999/metrics?%00 HTTP/1.1\r\n"
           b"Connection: keep-alive\r\n\r\n" * 5)
PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n"  # how a header of version 2 begins


def write_certificate(folder):
    """A client's certificate and key, as two paths."""
    paths = folder / "client.crt", folder / "client.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=hammer",
         "-keyout", paths[1], "-out", paths[0]], check=True,
        capture_output=True)
    return paths


class Mutator:
    """Changes bytes by a random number generator of its own."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.ways = (self.change, self.insert, self.remove, self.repeat,
                     self.append, self.cut)

    def at(self, data):
        return self.random.randrange(len(data))

    def change(self, data):
        data[self.at(data)] = self.random.randrange(256)

    def insert(self, data):
        data.insert(self.at(data), self.random.randrange(256))

    def remove(self, data):
        del data[self.at(data)]

    def repeat(self, data):
        i = self.at(data)
        piece = data[i:i + self.random.randrange(1, 40)]
        data[i:i] = piece * self.random.randrange(1, 40)

    def append(self, data):
        data += self.random.randbytes(self.random.randrange(1, 3000))

    def cut(self, data):
        del data[self.at(data):]

    def mutated(self, data):
        data = bytearray(data)
        for _ in range(self.random.choice((0, 0, 0, 1, 1, 2, 5))):
            if data:
                self.random.choice(self.ways)(data)
        return bytes(data)

    def flipped(self, data):
        data = bytearray(data)
        data[self.at(data)] ^= 1 << self.random.randrange(8)
        return bytes(data)

    def proxy_header(self):
        header = self.random.choice((
            b"PROXY TCP4 10.%d.0.1 10.0.0.2 1 2\r\n"
            % self.random.randrange(256),
            b"PROXY TCP6 2001:db8::%x ::2 1 2\r\n"
            % self.random.randrange(65536),
            b"PROXY UNKNOWN junk\r\n", PROXY_2 + b"\x20\0\0\0",
            PROXY_2 + b"\x21\x11\0\x0c" + self.random.randbytes(12),
            self.long_header()))
        return header if self.random.random() < 0.7 else self.mutated(header)

    def long_header(self):
        length = self.random.randrange(36, 520)
        return (PROXY_2 + b"\x21\x21" + struct.pack(">H", length)
                + self.random.randbytes(length))


class Hammer(Visitor):
    """One that looks for faults."""

    def __init__(self, soak, number):
        super().__init__(soak, number)
        self.mutator = Mutator(number)
        self.contexts = [self.client(version, is_known)
                         for version in (None, ssl.TLSVersion.TLSv1_2)
                         for is_known in (False, True)]
        self.sessions = {}

    def client(self, version, is_known):
        ctx = context(maximum=version)
        if is_known:
            ctx.load_cert_chain(*self.soak.client_certificate)
        return ctx

    def is_so(self, chance):
        return self.random.random() < chance

    def visit(self):
        kind = self.random.choice((self.gemini, self.gopher, self.gophers,
                                   self.metrics))
        try:
            kind()
        except (OSError, ValueError):
            pass  # it was refused, as it should be
        self.tally.add("hammer")

    def open(self, port):
        """A connection; about every third comes from the proxy."""
        is_proxy = self.is_so(0.3)
        c = Plain(port, source=PROXY if is_proxy else self.source(),
                  rcvbuf=4096 if self.is_so(0.1) else None)
        c.sock.settimeout(PATIENCE)
        if is_proxy:
            self.send_in_pieces(c.sock, self.mutator.proxy_header())
        return c

    def send_in_pieces(self, sock, data):
        if self.is_so(0.5):
            for _ in range(self.random.randrange(1, 6)):
                n = self.random.randrange(len(data) + 1)
                sock.sendall(data[:n])
                data = data[n:]
                if self.is_so(0.3):
                    time.sleep(self.random.random() * 0.02)
        sock.sendall(data)

    def receive(self, c, patience=PATIENCE):
        """Whatever comes, now and then as if the line were slow."""
        is_slow, left = self.is_so(0.1), READ_MAX
        c.sock.settimeout(patience)
        while left > 0:
            data = c.more(SLOW_READ if is_slow else 65536)
            if not data:
                return
            left -= len(data)
            if is_slow:
                left -= 20000
                time.sleep(0.005)

    def reset(self, c):
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))

    def gopher(self):
        with self.open(self.d.gopher) as c:
            self.send_in_pieces(c.sock, self.mutator.mutated(
                self.random.choice(GOPHER)))
            way = self.random.random()
            if way < 0.1:
                return self.reset(c)
            if way < 0.3:
                c.half_close()
            self.receive(c)

    def metrics(self):
        with Plain(self.d.metrics) as c:
            c.send(self.mutator.mutated(self.random.choice(METRICS)))
            self.receive(c, 1)

    def gemini(self):
        self.over_tls(self.d.gemini, GEMINI)

    def gophers(self):
        self.over_tls(self.d.gopher, GOPHER)

    def over_tls(self, port, lines):
        ctx = self.random.choice(self.contexts)
        request = self.mutator.mutated(self.random.choice(lines))
        with self.open(port) as c:
            bent = BentTls(self, c, ctx, self.sessions.get(ctx))
            bent.handshake()
            bent.ask(request)
            bent.receive()
            if self.is_so(0.5):
                self.sessions[ctx] = bent.tls.session


class BentTls:
    """A TLS client whose records may be bent, split, or break off."""

    def __init__(self, hammer, c, ctx, session):
        self.hammer, self.c = hammer, c
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ctx.wrap_bio(
            self.inward, self.outward, session=session,
            server_hostname=hammer.random.choice(NAMES))
        self.is_bent = hammer.is_so(0.25)
        self.flights_left = (hammer.random.randrange(1, 6)
                             if hammer.is_so(0.3) else 99)

    def flush(self):
        data = self.outward.read()
        if not data:
            return
        if self.is_bent and self.hammer.is_so(0.4):
            data = self.hammer.mutator.flipped(data)
        self.hammer.send_in_pieces(self.c.sock, data)
        self.flights_left -= 1
        if self.flights_left == 0:
            self.leave()

    def leave(self):
        """In the middle of whatever is going on."""
        way = self.hammer.random.randrange(3)
        if way == 0:
            return self.c.half_close()
        if way == 1:
            self.hammer.reset(self.c)
        raise ConnectionError("left")

    def pull(self, size=65536):
        data = self.c.more(size)
        if data is None:
            raise ConnectionResetError
        if data:
            self.inward.write(data)
        else:
            self.inward.write_eof()

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                return self.flush()
            except ssl.SSLWantReadError:
                self.flush()
                self.pull()

    def ask(self, request):
        size = self.hammer.random.choice((len(request) + 1, 7, 1))
        for at in range(0, len(request), size):
            self.tls.write(request[at:at + size])
            if self.hammer.is_so(0.5):
                self.flush()
        if self.hammer.is_so(0.15):
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass
        self.flush()

    def receive(self):
        left = READ_MAX
        while left > 0:
            try:
                data = self.tls.read(65536)
                if not data:
                    return
                left -= len(data)
            except ssl.SSLZeroReturnError:
                return
            except ssl.SSLWantReadError:
                self.flush()
                self.pull()
                if self.hammer.is_so(0.02):
                    return self.hammer.reset(self.c)


# -- applications that do what none should --

def record(kind, content, padding=0, number=1):
    """A record of FastCGI."""
    return struct.pack(">BBHHBB", 1, kind, number, len(content), padding,
                       0) + content + b"\0" * padding


OK = b"20 text/plain\r\n"
STDOUT, STDERR, END = 6, 7, 3  # kinds of records


def answer_byte_by_byte(r):
    for byte in OK + b"slowly\n":
        r.out(bytes([byte]))
        time.sleep(0.002)
    r.end()


def answer_endlessly(r):
    r.out(OK)
    while True:
        r.out(b"z" * 50000)


def break_off(r):
    r.out(OK + b"x" * random.randrange(1, 300000))


def reset_at_once(r):
    r.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))


def wait_and_leave(r):
    time.sleep(1.5)


def end_one_side(r):
    r.out(b"20 text/plain\n")
    r.sock.shutdown(socket.SHUT_WR)
    time.sleep(0.5)


TRICKS = (
    lambda r: r.answer(OK + b"hello\n"),
    lambda r: r.answer(b"2" * 100000),
    lambda r: r.answer(b"Content-Type: text/gemini\r\n" * 2000 + b"\r\nbody"),
    lambda r: r.answer(b"Status: 20 text/gemini\r\nX: " + b"y" * 8000),
    lambda r: r.answer(b"30 gemini://x/" + b"a" * 1100 + b"\r\n"),
    lambda r: r.answer(b"99 x\r\n"),
    lambda r: r.answer(b"10 \x1b[31m\r\n"),
    lambda r: r.answer(b"\r\n\r\n"),
    lambda r: r.answer(b"Status: 404 Not Found\r\n\r\n"),
    lambda r: r.answer(b"A:" + b"b" * 20000 + b"\n"),
    lambda r: r.raw(os.urandom(random.randrange(1, 5000))),
    lambda r: r.raw(record(STDOUT, OK + b"A")
                    + record(STDERR, b"\x1b]0;title\x07\n" * 20)
                    + record(STDOUT, b"B", 255) + record(STDOUT, b"")
                    + record(END, struct.pack(">IB3x", 1, 0))),
    lambda r: r.raw(record(STDOUT, OK)[:random.randrange(1, 20)]),
    lambda r: r.raw(record(END, b"12345678") * 5),
    lambda r: r.raw(record(random.randrange(256), b"q" * 100, 3,
                           random.randrange(3))),
    lambda r: r.raw(record(STDOUT, OK) + record(STDERR, b"e" * 65535) * 10),
    lambda r: None, answer_byte_by_byte, answer_endlessly, break_off,
    reset_at_once, wait_and_leave, end_one_side)


class Nasty(application.Server):
    """An application that plays any of the tricks above."""

    def __init__(self, is_scgi):
        super().__init__(is_scgi=is_scgi)

    def serve(self, sock):
        sock.settimeout(3)
        try:
            if random.random() < 0.04:
                return  # it does not even listen
            random.choice(TRICKS)(application.Request(sock, self.is_scgi))
        except (OSError, AssertionError):
            pass  # the daemon has hung up
        finally:
            sock.close()
