"""Where people run it, and how they lay out what it serves: containers, folders
of users, machines with one family of addresses.
"""
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile

import pytest

import server
from client import Plain, gemini, gopher, links, menu, url
from server import BINARY, START, conf, wait_for

NOBODY = 65534


# -- containers --


def boxed(command):
    """In a world of its own: a disk that cannot be written, and no users."""
    return ["unshare", "--mount", "sh", "-ec", """
mount --bind / /
mount -o remount,ro,bind /
mount --bind /dev/null /etc/passwd
mount --bind /dev/null /etc/group
mount --bind /dev/null /etc/nsswitch.conf
exec setpriv --reuid=%d --regid=%d --clear-groups --no-new-privs \
    --bounding-set=-all "$@"
""" % (NOBODY, NOBODY), "sh", *map(str, command)]


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None,
                    reason="only root on Linux can make such a world")
def test_it_runs_as_a_user_without_name_on_a_disk_it_cannot_write():
    """What a container gives it: a number, a program and its files."""
    with tempfile.TemporaryDirectory(prefix="boxed-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        with server.running(folder, conf(server={
                "user": None, "group": None, "key_user": None,
                "data_user": None})):
            pass  # makes the certificate
        os.chown(folder / "capsule.key", NOBODY, NOBODY)
        shutil.copy(BINARY, folder / "capsuled")
        check_boxed(folder)


def check_boxed(folder):
    ready, tell = os.pipe()
    with open(folder / "box.log", "wb") as log:
        proc = subprocess.Popen(
            boxed([folder / "capsuled", "-f", "-c", folder / "capsuled.ini",
                   "-R", tell]), pass_fds=[tell], stderr=log,
            stdin=subprocess.DEVNULL)
    os.close(tell)
    try:
        with os.fdopen(ready) as pipe:
            line = pipe.readline()
        said = (folder / "box.log").read_text()
        assert line.startswith("ready gemini="), said
        port = int(line.split("gemini=")[1].split()[0].split(",")[0])
        assert gemini(port, url("/history")).status == 20
        assert os.stat("/proc/%d" % proc.pid).st_uid == NOBODY
        proc.terminate()
        assert proc.wait(START) == 0
    finally:
        proc.kill()
        proc.wait()


# -- users --


def test_a_users_folder_is_a_line_of_the_map(daemon):
    def prepare(root):
        for name in "ada", "bob":
            (root / name / "public").mkdir(parents=True)
            (root / name / "public/index.gmi").write_text(
                "# %s\n=> secret\n" % name)
            (root / name / "secret").write_text("of " + name)
        (root / "bob/public/stolen").symlink_to("../../ada/secret")
    d = daemon(conf(capsule={"symlinks": "no"},
                    selectors={"/~ada/": "ada/public/",
                               "/~bob/": "bob/public/"}), prepare=prepare)
    assert b"# ada" in gemini(d.gemini, url("/~ada/")).body
    assert b"# bob" in gemini(d.gemini, url("/%7Ebob/")).body
    assert b"bob" in gopher(d.gopher, b"/~bob\r\n")
    # Neither what is beside the folder nor what a link of his leads to.
    for path in ("/~ada/secret", "/~ada/../secret", "/~bob/stolen", "/ada/",
                 "/~eve/"):
        assert gemini(d.gemini, url(path)).status == 51, path


# -- one family of addresses --


def test_the_log_says_which_records_of_dns_lead_astray(daemon):
    said = "is served over IPv4 alone: let no name of a capsule have an AAAA"
    d = daemon(conf(gemini={"listen": "0.0.0.0:0"}))
    assert "gemini " + said in d.log()
    assert "gopher " + said not in d.log()  # for this machine only


@pytest.mark.skipif(not server.IPV6, reason="there is no IPv6 here")
def test_a_service_of_both_families_needs_no_such_words(daemon):
    d = daemon(conf(gemini={"listen": "*:0"}, gopher={"listen": "[::]:0"}))
    assert "gemini is served over" not in d.log()
    assert ("gopher is served over IPv6 alone: let no name of a capsule have "
            "an A record" in d.log())


# -- visitors who have gone before they are seen --


def test_clients_that_reset_before_they_are_accepted_harm_nobody(daemon):
    d = daemon()
    worker = d.workers[0]
    before = server.descriptors(worker)
    os.kill(worker, server.signal.SIGSTOP)
    try:
        for i in range(100):
            port = d.gemini if i % 2 else d.gopher
            with Plain(port) as c:
                if i % 3:
                    c.send(b"\x16\x03\x01")
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
    finally:
        os.kill(worker, server.signal.SIGCONT)
    assert gemini(d.gemini, url("/history")).status == 20
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    wait_for("the descriptors", lambda: server.descriptors(worker) <= before)


# -- what is for clients to sort out --


def test_a_text_that_begins_with_a_type_is_sent_as_it_is(daemon):
    def prepare(root):
        (root / "three.txt").write_text("3 ways to fail\niNext\t\t\t0\n")
    d = daemon(conf(selectors={"/three": "three.txt"}), prepare=prepare)
    assert gopher(d.gopher, b"/three\r\n") == (
        b"3 ways to fail\r\niNext\t\t\t0\r\n")
    items = links(menu(gopher(d.gopher, b"\r\n")))
    assert "0" in [i.type for i in items if i.selector == b"/plain.txt"]


def test_a_favicon_is_served_to_who_maps_one_and_asked_of_nobody(daemon):
    def prepare(root):
        (root / "icon.txt").write_text("\U0001f30d\n")
    d = daemon(conf(selectors={"/favicon.txt": "icon.txt"}), prepare=prepare)
    got = gemini(d.gemini, url("/favicon.txt"))
    assert (got.mime, got.body) == ("text/plain", "\U0001f30d\n".encode())
