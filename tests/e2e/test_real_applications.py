"""@fastcgi and @scgi with servers that people run: PHP-FPM, fcgiwrap, uWSGI.

The scripts are the examples of the manual.
"""
import glob
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

import server
from client import Tls, gemini, gopher, menu, url
from server import conf, wait_for

MANUAL = server.ROOT / "man/capsuled.ini.5"
PHP = sorted(glob.glob("/usr/sbin/php-fpm*"))
# Where these are packages, "make check" has installed them.
DEBIAN = os.path.exists("/etc/debian_version")


def need(found, what):
    if not found and not DEBIAN:
        pytest.skip("no " + what)
    assert found, what


def example(name):
    """The lines of the manual between the comments that name an example."""
    text = MANUAL.read_text()
    mark = r'\.\\" example: %s\n\.Bd[^\n]*\n(.*?)\.Ed\n' % re.escape(name)
    found = re.search(mark, text, re.S)
    assert found, "no example %s in the manual" % name
    return found[1].replace("\\e", "\\").replace("\\&", "")


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def is_up(path):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
        return True
    except OSError:
        return False


def group(number):
    """The live processes of a process group."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue  # no process, or gone meanwhile
        state, _, pgrp = stat.rsplit(")", 1)[1].split()[:3]
        if int(pgrp) == number and state != "Z":
            found.append(int(entry.name))
    return found


def end(proc):
    """End a server and all that it started: nothing outlives the test."""
    try:
        os.killpg(proc.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    proc.wait()
    wait_for("its children to end", lambda: not group(proc.pid))


@pytest.fixture
def running(tmp_path):
    """Start a server on a socket; it ends with the test."""
    started = []

    def start(path, *command, **how):
        log = open(tmp_path / "application.log", "ab")
        # In a session of its own: its children are of its process group.
        proc = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                stderr=log, start_new_session=True, **how)
        started.append(proc)
        wait_for(command[0], lambda: proc.poll() is not None or is_up(path))
        assert proc.poll() is None, (tmp_path / "application.log").read_text()
        return proc

    yield start
    for proc in started:
        end(proc)


def text(selectors):
    return conf(selectors={**server.SELECTORS, **selectors})


def test_a_shell_script_behind_fcgiwrap(daemon, running, tmp_path):
    found = shutil.which("fcgiwrap") or shutil.which("/usr/sbin/fcgiwrap")
    need(found, "fcgiwrap")
    path = tmp_path / "fcgiwrap.sock"
    running(path, found, "-f", "-c", "2", "-s", "unix:%s" % path)
    (tmp_path / "cgi").mkdir()
    script(tmp_path / "cgi/hello", example("hello"))
    (tmp_path / "cgi/not-to-be-run").write_text("20 text/plain\r\n")
    d = daemon(text({"/cgi/": "@fastcgi unix:%s %s/cgi/" % (path, tmp_path)}))
    got = gemini(d.gemini, url("/cgi/hello"))
    assert (got.status, got.meta, got.clean) == (10, "Who are you?", True)
    got = gemini(d.gemini, url("/cgi/hello?Ada%20L"))
    assert (got.mime, got.clean) == ("text/gemini", True)
    assert got.body == b"# Hello, Ada L\n=> / Home\n"
    hello, home = menu(gopher(d.gopher, b"/cgi/hello\tAda L\r\n"))
    assert (hello.text, home.selector) == ("Hello, Ada L", b"/")
    assert home.port == int(d.gopher)
    for name in ("none", "not-to-be-run"):
        assert gemini(d.gemini, url("/cgi/" + name)).status == 51
        line = b"/cgi/%s\r\n" % name.encode()
        assert gopher(d.gopher, line).startswith(b"3Not found")


def test_a_script_that_says_nothing_is_42(daemon, running, tmp_path):
    found = shutil.which("fcgiwrap") or shutil.which("/usr/sbin/fcgiwrap")
    need(found, "fcgiwrap")
    path = tmp_path / "fcgiwrap.sock"
    running(path, found, "-f", "-s", "unix:%s" % path)
    bad = tmp_path / "bad"
    bad.write_text("#!/bin/sh\necho oh >&2\nexit 3\n")
    bad.chmod(0o755)
    d = daemon(text({"/bad": "@fastcgi unix:%s %s" % (path, bad)}))
    assert gemini(d.gemini, url("/bad")).status == 42
    wait_for("its words", lambda: "says: oh" in d.log())
    bad.write_text("#!/bin/sh\nprintf 'Status: 20 text/plain\\n\\nx'\n"
                   "exit 3\n")
    # fcgiwrap keeps how it ended to itself.
    got = gemini(d.gemini, url("/bad"))
    assert (got.body, got.clean) == (b"x", True)


FPM = """[global]
error_log = %(folder)s/fpm.log
daemonize = no
[www]
user = nobody
group = nogroup
listen = %(folder)s/fpm.sock
listen.mode = 0666
pm = static
pm.max_children = 2
"""


def test_a_page_of_php(daemon, running, tmp_path):
    need(PHP, "php-fpm")
    tmp_path.chmod(0o755)
    for above in tmp_path.parents:
        if above.name.startswith(("pytest-", "popen-")):
            above.chmod(0o755)
    (tmp_path / "fpm.conf").write_text(FPM % {"folder": tmp_path})
    path = tmp_path / "fpm.sock"
    as_root = ["-R"] if os.geteuid() == 0 else []
    running(path, PHP[0], "-F", *as_root, "-y", str(tmp_path / "fpm.conf"))
    script(tmp_path / "guests.php", example("guests.php"))
    script(tmp_path / "bad.php", '<?php echo "20 text/plain\\r\\nhalf"; '
           'no_such_function();')
    script(tmp_path / "late.php", '<?php echo "20 text/plain\\r\\nhalf"; '
           'flush(); no_such_function();')
    d = daemon(text({
        "/guests/": "@fastcgi unix:%s %s/guests.php" % (path, tmp_path),
        "/php/": "@fastcgi unix:%s %s/" % (path, tmp_path)}))
    for base in ("/guests", "/php/guests.php"):
        got = gemini(d.gemini, url(base + "/of/today?a=b"))
        assert (got.header, got.clean) == (b"20 text/gemini\r\n", True)
        assert got.body == ("# %s\nAsked for: /of/today\nQuery: a=b\n"
                            % base).encode()
        line = base.encode() + b"/x\tsome words\r\n"
        assert gopher(d.gopher, line) == (
            "i# %s\t\t\t0\r\niAsked for: /x\t\t\t0\r\n"
            "iQuery: some%%20words\t\t\t0\r\n.\r\n" % base).encode()
    assert gemini(d.gemini, url("/php/none.php")).status == 51
    got = gemini(d.gemini, url("/php/bad.php"))
    assert (got.status, got.clean) == (42, True)
    # Once PHP has sent its first bytes, it tells nobody how the script ended.
    with Tls(d.gemini) as c:
        c.send(url("/php/late.php").encode() + b"\r\n")
        got = c.read_all()
    assert got.clean and got.data.startswith((b"42 ", b"20 ")), got


def test_a_python_application_behind_uwsgi(daemon, running, tmp_path):
    found = shutil.which("uwsgi")
    need(found, "uwsgi")
    path = tmp_path / "uwsgi.sock"
    script(tmp_path / "count.py", example("count.py"))
    running(path, found, "--plugin", "python3", "--scgi-socket", str(path),
            "--chmod-socket=666", "--wsgi-file", str(tmp_path / "count.py"),
            "--need-app", "--die-on-term")
    d = daemon(text({"/count/": "@scgi unix:%s" % path}))
    got = gemini(d.gemini, url("/count/x?n=1"))
    assert (got.header, got.clean) == (b"20 text/gemini\r\n", True)
    assert got.body == b"# /x\nn=1\n"
    assert gopher(d.gopher, b"/count/y\twords\r\n") == (
        b"i/y\t\t\t0\r\niwords\t\t\t0\r\n.\r\n")
