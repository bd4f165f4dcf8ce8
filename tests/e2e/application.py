"""Application servers for tests: FastCGI and SCGI, well and ill behaved.

A server is a list of requests that came, each with its environment, and a
function that answers them on a thread of its own.
"""
import os
import socket
import struct
import threading

PATIENCE = 30  # seconds until a test gives up on something


class Request:
    """One request, and the connection to answer it on."""

    def __init__(self, sock, is_scgi):
        self.sock, self.is_scgi = sock, is_scgi
        self.gone = threading.Event()  # the daemon has hung up
        self.env = self.read_scgi() if is_scgi else self.read_fastcgi()

    def take(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            if not piece:
                raise ConnectionError("%d of %d bytes" % (len(data), n))
            data += piece
        return data

    def read_scgi(self):
        digits = b""
        while not digits.endswith(b":"):
            digits += self.take(1)
        fields = self.take(int(digits[:-1])).split(b"\0")
        assert self.take(1) == b"," and fields.pop() == b""
        assert fields[:4] == [b"CONTENT_LENGTH", b"0", b"SCGI", b"1"]
        return {k.decode(): v.decode("utf-8", "surrogateescape")
                for k, v in zip(fields[::2], fields[1::2])}

    def record(self):
        version, kind, number, length, padding, _ = struct.unpack(
            ">BBHHBB", self.take(8))
        assert (version, number) == (1, 1)
        return kind, self.take(length + padding)[:length]

    def read_fastcgi(self):
        assert self.record() == (1, b"\0\1\0\0\0\0\0\0")
        params = b""
        while True:
            kind, data = self.record()
            assert kind == 4
            if not data:
                break
            params += data
        assert self.record() == (5, b"")
        env = {}
        while params:
            sizes = []
            for _ in range(2):
                if params[0] < 128:
                    sizes.append(params[0])
                    params = params[1:]
                else:
                    sizes.append(struct.unpack(">I", params[:4])[0]
                                 & 0x7fffffff)
                    params = params[4:]
            name, value = params[:sizes[0]], params[sizes[0]:sum(sizes)]
            env[name.decode()] = value.decode("utf-8", "surrogateescape")
            params = params[sum(sizes):]
        return env

    def raw(self, data):
        self.sock.sendall(data)

    def out(self, data, kind=6):
        """A piece of the answer; kind 7 is standard error."""
        if isinstance(data, str):
            data = data.encode()
        if self.is_scgi:
            return self.raw(data)
        for at in range(0, len(data), 65535):
            piece = data[at:at + 65535]
            self.raw(struct.pack(">BBHHBB", 1, kind, 1, len(piece), 0, 0)
                     + piece)

    def end(self, status=0, protocol=0):
        """The answer is whole."""
        if not self.is_scgi:
            self.raw(struct.pack(">BBHHBBIB3x", 1, 3, 1, 8, 0, 0, status,
                                 protocol))
        self.sock.close()

    def answer(self, data):
        self.out(data)
        self.end()

    def await_end(self):
        """Until the daemon hangs up; True if it did in time."""
        self.sock.settimeout(PATIENCE)
        try:
            while self.sock.recv(4096):
                pass
        except socket.timeout:
            return False
        except OSError:
            pass
        self.gone.set()
        return True


def table(request):
    """The environment as a page."""
    request.answer("20 text/plain\r\n" + "".join(
        "%s=%s\n" % pair for pair in sorted(request.env.items())))


class Server:
    """address: "unix:..." or "127.0.0.1:PORT", as the map has it."""

    def __init__(self, answer=table, is_scgi=False, path=None, backlog=128):
        self.answer, self.is_scgi = answer, is_scgi
        self.requests = []
        self.lock = threading.Condition()
        if path is None:
            self.listener = socket.socket()
            self.listener.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            os.chmod(path, 0o777)
            self.address = "unix:%s" % path
        self.listener.listen(backlog)
        self.accepting = threading.Event()
        self.accepting.set()
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def action(self):
        return "%s %s" % ("@scgi" if self.is_scgi else "@fastcgi",
                          self.address)

    def accept(self):
        while True:
            self.accepting.wait()
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,),
                             daemon=True).start()

    def serve(self, sock):
        try:
            request = Request(sock, self.is_scgi)
        except ConnectionError:
            sock.close()
            return
        with self.lock:
            self.requests.append(request)
            self.lock.notify_all()
        try:
            self.answer(request)
        except OSError:  # the daemon has hung up: tests look for that
            request.gone.set()

    def wait(self, n=1):
        """Until so many requests have come; the last of them."""
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.requests) >= n,
                                      PATIENCE), len(self.requests)
            return self.requests[n - 1]

    def close(self):
        try:  # wakes who accepts
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
