"""Many visitors at once, and what they cost: for tests of limits and faults."""
import ctypes
import fcntl
import os
import pathlib
import resource
import select
import socket
import struct
import subprocess
import threading
import time

import server

SANITIZED = b"__asan_init" in server.BINARY.read_bytes()
SOURCES = ["127.0.1.%d" % i for i in range(1, 251)]

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
SIOCSIFADDR = 0x8916
IFF_UP = 1


def many_files():
    """As many descriptors as this process may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def pss(pid):
    """Bytes of memory that are this process's share.

    Without pages of files: who else runs the same binary is not its doing.
    """
    lines = pathlib.Path("/proc/%d/smaps_rollup" % pid).read_text()
    sizes = [int(li.split()[1]) for li in lines.splitlines()
             if li.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    assert len(sizes) == 2, "no share of memory of %d" % pid
    return sum(sizes) * 1024


def tree_pss(d):
    return sum(map(pss, [d.pid, *d.children()]))


def workers_descriptors(d):
    return sum(map(server.descriptors, d.children()))


def side_by_side(count, visit):
    """visit(i) for every i, each in a thread; what they returned."""
    results = [None] * count

    def run(i):
        try:
            results[i] = visit(i)
        except BaseException as e:  # shown by the assertion that follows
            results[i] = e

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


class Crowd:
    """Many sockets in one loop: each sends its bytes and reads to the end.

    ends[i] is (bytes received, "fin" or "reset"), or None while it lasts.
    """

    def __init__(self):
        many_files()
        self.poll = select.epoll()
        self.socks, self.unsent, self.got, self.ends = {}, {}, {}, []
        self.number = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.socks.values():
            sock.close()
        self.poll.close()

    def add(self, port, data=b"", source=None):
        sock = socket.socket()
        sock.setblocking(False)
        if source is not None:
            # The port is chosen at connect: as many as there are pairs.
            sock.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            sock.bind((source, 0))
        sock.connect_ex(("127.0.0.1", port))
        fd = sock.fileno()
        self.socks[fd], self.unsent[fd], self.got[fd] = sock, data, []
        self.number[fd] = len(self.ends)
        self.ends.append(None)
        self.poll.register(fd, select.EPOLLIN
                           | (select.EPOLLOUT if data else 0))

    def leave(self, count):
        """So many of those still there hang up."""
        for fd in list(self.socks)[:count]:
            self.end(fd, "left")

    def end(self, fd, how):
        self.poll.unregister(fd)
        self.socks.pop(fd).close()
        self.ends[self.number.pop(fd)] = (b"".join(self.got.pop(fd)), how)

    def turn(self, timeout):
        for fd, what in self.poll.poll(timeout):
            try:
                if what & select.EPOLLOUT and self.unsent[fd]:
                    sent = self.socks[fd].send(self.unsent[fd])
                    self.unsent[fd] = self.unsent[fd][sent:]
                    if not self.unsent[fd]:
                        self.poll.modify(fd, select.EPOLLIN)
                if what & ~select.EPOLLOUT:
                    data = self.socks[fd].recv(65536)
                    self.got[fd].append(data)
                    if data == b"":
                        self.end(fd, "fin")
            except BlockingIOError:
                pass
            except OSError:
                self.end(fd, "reset")

    def run(self, seconds, until=lambda: False):
        """Serve the sockets; True once all have ended or until() holds."""
        end = time.monotonic() + seconds
        while self.socks and not until():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.turn(min(left, 0.05))
        return True


# -- a network of its own, for addresses this machine does not have --


def may_have_network():
    """Root may, but not in every container."""
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "--net", "true"], stderr=subprocess.DEVNULL,
        check=False).returncode == 0


def own_network(addresses):
    """A function for preexec_fn: a loopback that has these IPv6 addresses."""
    def enter():
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, SIOCSIFFLAGS,
                        struct.pack("16sH14x", b"lo", IFF_UP))
            for address in addresses:
                raw = socket.inet_pton(socket.AF_INET6, address)
                fcntl.ioctl(s, SIOCSIFADDR, struct.pack(
                    "16sIi", raw, 128, socket.if_nametoindex("lo")))
    return enter


def within_network_of(pid, work):
    """work() in a thread that lives in the network of that process."""
    def visit(_):
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/%d/ns/net" % pid) as f:
            assert libc.setns(f.fileno(), CLONE_NEWNET) == 0
        return work()

    result, = side_by_side(1, visit)
    if isinstance(result, BaseException):
        raise result
    return result
