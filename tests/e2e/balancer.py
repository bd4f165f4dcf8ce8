"""haproxy as conf/haproxy.cfg has it, in front of daemons under test."""
import re
import socket
import subprocess

import server
from server import ROOT, conf, wait_for

EXAMPLE = ROOT / "conf" / "haproxy.cfg"
PROXY = "127.0.0.1"  # where haproxy connects from
BACKENDS = ["gemini", "gopher"]
PUBLIC = {"gemini": 1965, "gopher": 70}  # ports
ADMIN = r"/run/haproxy/admin\.sock"

# What a replica is, as one word: its state and the outcome of its last check.
STATES = {
    "up": [("UP", "L7OK")],
    "drained": [("DRAIN", "L7OK")],
    "gone": [("DOWN", "L4CON")],
    "wrong": [("DOWN", "L7RSP"), ("DOWN", "L6RSP"), ("DOWN", "L7TOUT"),
              ("DOWN", "L4TOUT"), ("DOWN", "L6TOUT")],
}


def behind(**sections):
    """A daemon that haproxy is in front of."""
    proxied = {"proxy_protocol": PROXY, "listen": "127.0.0.1:0"}
    return conf(**{"gemini": proxied, "gopher": proxied, **sections})


def changed(pattern, new, example):
    """example with each match replaced, of which there must be one."""
    got, n = re.subn(pattern, new, example, flags=re.M)
    assert n > 0, "conf/haproxy.cfg has no " + pattern
    return got


class Haproxy:
    """The example, a little changed: its checks are in haste, and its admin
    socket is in folder.

    change(example): what else is to be changed; returns the text.
    under: a command that ends by becoming haproxy.
    """

    def __init__(self, folder, change=lambda example: example, under=(),
                 pass_fds=()):
        self.admin = folder / "admin.sock"
        self.log_path = folder / "haproxy.log"
        example = changed(ADMIN, str(self.admin), EXAMPLE.read_text())
        # "inter" is the time a check has to connect in, too: not so hasty.
        example = changed(r"inter 5s", "inter 1s fastinter 100ms "
                          "downinter 100ms", example)
        self.conf = folder / "haproxy.cfg"
        self.conf.write_text(change(example))
        with open(self.log_path, "ab") as log:
            self.proc = subprocess.Popen(
                [*under, "haproxy", "-db", "-f", self.conf],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=pass_fds)

    def log(self):
        return self.log_path.read_text()

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(server.START)
            s.connect(str(self.admin))
            s.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def tell(self, name, what):
        """set server, in each backend."""
        for backend in BACKENDS:
            said = self.ask("set server %s/%s %s" % (backend, name, what))
            assert said.strip() == "", said

    def rows(self):
        """What it tells of each replica: {(backend, name): a dict}."""
        assert self.proc.poll() is None, self.log()
        if not self.admin.exists():
            return {}
        try:
            rows = self.ask("show stat").lstrip("# ").splitlines()
        except ConnectionRefusedError:
            return {}
        rows = [dict(zip(rows[0].split(","), row.split(",")))
                for row in rows[1:] if row]
        return {(row["pxname"], row["svname"]): row for row in rows
                if row["svname"].startswith("capsule")}

    def states(self):
        """What it thinks of each replica: {(backend, name): (state, check)}.

        Before its first check a replica is taken for up: that counts not.
        """
        # "* " stands before the last outcome while the next check goes on.
        return {key: (row["status"], row["check_status"].lstrip("* "))
                for key, row in self.rows().items()}

    def wait(self, want):
        """Until the replicas are in these states, one word for each."""
        def reached():
            got = self.states()
            return len(got) == 2 * len(want) and all(
                got[b, "capsule%d" % (i + 1)] in STATES[word]
                for b in BACKENDS for i, word in enumerate(want))
        try:
            wait_for("replicas to be " + str(want), reached)
        except AssertionError:
            raise AssertionError("%s\n%s" % (self.states(), self.log()))

    def stop(self):
        self.proc.kill()
        self.proc.wait()


class Loopback(Haproxy):
    """With these daemons of this machine as its replicas.

    send: how it tells whose connection it is.  The sockets that visitors
    connect to are made here and handed over, on ports of the kernel's choice.
    """

    def __init__(self, folder, daemons, send="send-proxy-v2"):
        self.daemons, self.send = daemons, send
        self.sockets = {name: socket.create_server(("127.0.0.1", 0))
                        for name in BACKENDS}
        super().__init__(folder, self.change, pass_fds=[
            sock.fileno() for sock in self.sockets.values()])

    def change(self, example):
        for name, public in PUBLIC.items():
            example = changed(r"bind :::%d v4v6$" % public,
                              "bind fd@%d" % self.sockets[name].fileno(),
                              example)
            example = changed(
                r"(\tserver capsule\d \S+:%d\n)+" % public,
                "".join("\tserver capsule%d 127.0.0.1:%d\n"
                        % (i + 1, getattr(d, name))
                        for i, d in enumerate(self.daemons)), example)
        return changed(r"send-proxy-v2$", self.send, example)

    @property
    def gemini(self):
        return self.sockets["gemini"].getsockname()[1]

    @property
    def gopher(self):
        return self.sockets["gopher"].getsockname()[1]

    def stop(self):
        super().stop()
        for sock in self.sockets.values():
            sock.close()
