"""Clients made of raw bytes: sockets and TLS records, nothing in between.

Tls keeps the records in memory, so that a test decides which bytes leave, in
which pieces, and whether close_notify is among them.  Both clients tell how a
connection ended, because half of what this suite promises is about endings.
"""
import re
import socket
import ssl
import time

HOST = "capsule.example.org"
PATIENCE = 20  # seconds until a test gives up on an answer

HEADER = re.compile(rb"\A([1-6][0-9]) ([^\s](?:[^\r\n]*[^\s])?)\r\n")


class Ended:
    """All that came until the end, and what the end was.

    end: "fin", "reset" or "timeout".  notified: close_notify came before.
    seconds: from the call until the end.  wire: bytes as they travelled.
    """

    def __init__(self, data, end, notified, seconds, wire):
        self.data = data
        self.end = end
        self.notified = notified
        self.seconds = seconds
        self.wire = wire

    def __repr__(self):
        return "<%r... %d bytes, end=%s notified=%s after %.2f s>" % (
            self.data[:200], len(self.data), self.end, self.notified,
            self.seconds)

    @property
    def clean(self):
        return self.end == "fin" and self.notified


class Reply(Ended):
    """A Gemini response taken apart; malformed ones fail right here."""

    def __init__(self, ended):
        super().__init__(ended.data, ended.end, ended.notified,
                         ended.seconds, ended.wire)
        match = HEADER.match(self.data)
        assert match, "not a response header: %r" % self
        self.status = int(match[1])
        self.meta = match[2].decode("utf-8")
        self.header = match[0]
        self.body = self.data[match.end():]
        assert len(match[2]) <= 1024, "meta of %d bytes" % len(match[2])
        assert not re.search("[\x00-\x1f\x7f-\x9f]", self.meta), self.meta
        if self.status // 10 != 2:
            assert self.body == b"", "a body after %r" % self.header

    @property
    def mime(self):
        return self.meta.split(";")[0].strip()

    @property
    def params(self):
        fields = [f.strip() for f in self.meta.split(";")[1:]]
        return dict(f.lower().split("=", 1) for f in fields)


def connect(port, address="127.0.0.1", source=None, rcvbuf=None):
    """A connected socket; a port that is a path is a socket's file."""
    path = str(port) if str(port).startswith("/") else None
    family = (socket.AF_UNIX if path else
              socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    if rcvbuf is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    if source is not None:
        sock.bind((source, 0))
    sock.connect(path or (address, int(port)))
    return sock


def context(minimum=None, maximum=None):
    """A client context that takes any certificate and any version asked."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    if minimum is not None:
        ctx.minimum_version = minimum
    if maximum is not None:
        ctx.maximum_version = maximum
    return ctx


ANY = context()


class Plain:
    """A TCP connection."""

    def __init__(self, port, address="127.0.0.1", source=None, rcvbuf=None):
        self.sock = connect(port, address, source, rcvbuf)
        self.wire = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def more(self, size=65536):
        """Bytes off the wire; b"" at the end, None for a reset."""
        try:
            data = self.sock.recv(size)
        except (ConnectionResetError, BrokenPipeError):
            return None
        self.wire += len(data)
        return data

    def read_all(self, patience=PATIENCE):
        """Everything until the other side ends the connection."""
        start = time.monotonic()
        pieces, end = [], None
        while end is None:
            left = start + patience - time.monotonic()
            self.sock.settimeout(max(left, 0.001))
            try:
                piece = self.more()
            except (socket.timeout, TimeoutError):
                end = "timeout"
                break
            if piece is None:
                end = "reset"
            elif piece == b"":
                end = "fin"
            else:
                pieces.append(piece)
        self.sock.settimeout(PATIENCE)
        return Ended(b"".join(pieces), end, False, time.monotonic() - start,
                     self.wire)

    def is_silent(self, seconds):
        """True if nothing is said, not even an end, for so long."""
        got = self.read_all(seconds)
        return got.end == "timeout" and got.data == b""


class Tls(Plain):
    """A TLS client whose records pass through the test's hands."""

    def __init__(self, port, name=HOST, address="127.0.0.1", source=None,
                 rcvbuf=None, ctx=ANY, session=None, handshake=True):
        super().__init__(port, address, source, rcvbuf)
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ctx.wrap_bio(self.inward, self.outward,
                                server_hostname=name, session=session)
        self.ended = None
        if handshake:
            self.handshake()

    def flush(self):
        if self.outward.pending:
            self.sock.sendall(self.outward.read())

    def pull(self, size=65536):
        """One receive into TLS; False once the connection has ended."""
        data = self.more(size)
        if not data:
            self.ended = "reset" if data is None else "fin"
            return False
        self.inward.write(data)
        return True

    def hello(self):
        """The ClientHello, not yet sent."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outward.read()

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self.flush()
                return
            except ssl.SSLWantReadError:
                self.flush()
                if not self.pull():
                    raise ConnectionError("ended in the handshake: "
                                          + self.ended)

    def seal(self, data):
        """data as TLS records, not yet sent."""
        self.tls.write(data)
        return self.outward.read()

    def send(self, data):
        self.sock.sendall(self.seal(data))

    def close_notify(self):
        """The record that says no more will be sent, not yet sent."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        return self.outward.read()

    def read(self, size=65536, receive=65536):
        """Decrypted bytes; b"" at close_notify, None at an end without."""
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLZeroReturnError:  # and ours was sent before
                return b""
            except ssl.SSLWantReadError:
                if not self.pull(receive):
                    return None

    def read_all(self, patience=PATIENCE):
        start = time.monotonic()
        pieces, notified = [], False
        if self.ended == "timeout":
            self.ended = None
        while not notified and self.ended is None:
            left = start + patience - time.monotonic()
            self.sock.settimeout(max(left, 0.001))
            try:
                piece = self.read()
            except (socket.timeout, TimeoutError):
                self.ended = "timeout"
                break
            if piece == b"":
                notified = True
            elif piece is not None:
                pieces.append(piece)
        if notified:
            left = start + patience - time.monotonic()
            rest = Plain.read_all(self, max(left, 0.001))
            assert rest.data == b"", "bytes after close_notify: %r" % rest
            self.ended = rest.end
        self.sock.settimeout(PATIENCE)
        return Ended(b"".join(pieces), self.ended, notified,
                     time.monotonic() - start, self.wire)

    def finish(self):
        """Close as a polite client does, and hand out the session.

        OpenSSL forgets a session whose connection was not shut down.
        """
        session = self.tls.session
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        try:
            self.flush()
        except OSError:
            pass
        self.sock.close()
        return session


def url(path="/", host=HOST):
    return "gemini://%s%s" % (host, path)


def gemini(port, line, **how):
    """One Gemini visit: the line, CRLF, and all that comes back.

    line: str or bytes, without its end.
    """
    if isinstance(line, str):
        line = line.encode("utf-8")
    with Tls(port, **how) as c:
        c.send(line + b"\r\n")
        return Reply(c.read_all())


def gopher(port, line, tls=False, **how):
    """One Gopher visit; line is the whole request, its end included."""
    with (Tls if tls else Plain)(port, **how) as c:
        c.send(line)
        got = c.read_all()
    assert got.end == "fin", repr(got)
    return got.data


class Item:
    """One line of a menu."""

    def __init__(self, line):
        fields = line.split(b"\t")
        assert len(fields) == 4, "not four fields: %r" % line
        self.type = fields[0][:1].decode("latin-1")
        self.name = fields[0][1:]
        self.selector, self.host = fields[1], fields[2]
        assert fields[3].isdigit(), "not a port: %r" % line
        self.port = int(fields[3])

    def __repr__(self):
        return "%s%r -> %r %r %d" % (self.type, self.name, self.selector,
                                     self.host, self.port)

    def __eq__(self, other):
        return repr(self) == repr(other)

    @property
    def text(self):
        return self.name.decode("utf-8")


def menu(data):
    """The items of a menu that keeps every rule of RFC 1436 3.1."""
    assert data.endswith(b".\r\n"), "no Lastline: %r" % data[-80:]
    assert b"\0" not in data
    body = data[:-len(b".\r\n")]
    assert body == b"" or body.endswith(b"\r\n"), repr(body[-80:])
    lines = body.split(b"\r\n")[:-1]
    for line in lines:
        assert b"\r" not in line and b"\n" not in line, repr(line)
    return [Item(line) for line in lines]


def links(items):
    """The items one can follow."""
    return [i for i in items if i.type not in "i3"]
