"""What a taken-over worker could do, done with its own descriptors.

pidfd_getfd(2) lends them to the test, which is not behind any fences.
"""
import array
import ctypes
import os
import socket
import sys

import pytest

PIDFD_GETFD = 438


def borrow(pid):
    """Copies of all sockets of a process, the caller's to close."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    found = []
    try:
        for name in sorted(os.listdir("/proc/%d/fd" % pid), key=int):
            fd = libc.syscall(PIDFD_GETFD, pidfd, int(name), 0)
            if fd == -1:
                pytest.skip("this system lends no descriptors: "
                            + os.strerror(ctypes.get_errno()))
            try:
                found.append(socket.socket(fileno=fd))
            except OSError:
                os.close(fd)
    finally:
        os.close(pidfd)
    return found


def take(pid, wanted, which=0):
    """The one socket of a process that is wanted; of several, this one."""
    found = borrow(pid)
    right = [s for s in found if wanted(s)]
    assert right, "no such socket"
    for s in found:
        if s is not right[which]:
            s.close()
    return right[which]


def is_channel(s):
    """The way to the master; those to other processes block."""
    return (s.family == socket.AF_UNIX and s.type == socket.SOCK_SEQPACKET
            and not os.get_blocking(s.fileno()))


def is_way(s):
    return (s.family == socket.AF_UNIX and s.type == socket.SOCK_SEQPACKET
            and os.get_blocking(s.fileno()))


def has_patience(s):
    """For a signature a worker waits, and not for ever."""
    return any(s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))


def is_way_to_keys(s):
    return is_way(s) and has_patience(s)


def is_way_to_search(s):
    """The first of these; the other one leads to the content process."""
    return is_way(s) and not has_patience(s)


def channel(pid):
    return take(pid, is_channel)


def record(word, number=0):
    return word + number.to_bytes(4, sys.byteorder) + bytes(16)


def send(s, data, fds=()):
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                array.array("i", fds))] if fds else []
    return s.sendmsg([data], control, socket.MSG_NOSIGNAL)


def is_listening(port):
    def wanted(s):
        return (s.family == socket.AF_INET
                and s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
                and s.getsockname()[1] == port)
    return wanted
