"""The control socket, spoken to byte by byte."""
import pathlib
import socket


def path_of(d):
    """Where a daemon has it unless its configuration says otherwise."""
    return pathlib.Path(d.path).with_suffix(".sock")


class Client:
    """One connection."""

    def __init__(self, path, timeout=100):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))  # waits while too many do
        self.sock.settimeout(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def read_all(self):
        """All up to the end; a reset behind bytes is an end, too."""
        got = b""
        while True:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                return got
            if not data:
                return got
            got += data


def ask(path, line):
    """The lines of an answer, its verdict last."""
    with Client(path) as c:
        c.send(line + b"\n")
        return c.read_all().decode().splitlines()


def pairs(lines):
    """The values of an answer by their keys."""
    assert lines[-1] == "done", lines
    return dict(line.split(" ", 1) for line in lines[:-1])
