"""The clients that people use, and how to drive each of them.

Terminal programs run on a screen of their own (terminal.py); the others say
what they have to say on standard output.  All that they show is printed, for
the output of a test that fails.
"""
import functools
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import pytest

from terminal import Terminal, environment, needs

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 90  # seconds a client may take for all it is asked
TRIES = 3  # of Elpher: Emacs 28 hangs at times, and no later step follows

# Bombadillo keeps its settings in the home that /etc/passwd names, whatever
# HOME says, and names that are in no DNS can only stand in /etc/hosts: so it
# is given both, in a view of the file system of its own.
APART = """
mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/hosts && shift 2 &&
    exec "$@"
"""


def run(*command, want=0, text=None, **how):
    """What a program writes, as bytes; it ends with status want."""
    command = [*map(str, command)]
    given = {"input": text} if text is not None else {
        "stdin": subprocess.DEVNULL}
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE,
                          **given, **how)
    assert done.returncode == want, done
    return done.stdout


def told(name, data, charset="utf-8"):
    """data as text, after it was printed under that name."""
    text = data.decode(charset, "replace")
    print("-- %s --\n%s\n" % (name, text))
    return text


def words(text):
    """The text without what a screen adds or breaks."""
    return " ".join(re.sub(r"[^\w]+", " ", text).split())


def apart(home, *names):
    """What to put before a command that shall know these names of hosts as
    127.0.0.1, and shall take home for the user's."""
    users, hosts = home / "passwd", home / "hosts"
    users.write_text("root:x:0:0::%s:/bin/sh\n" % home)
    hosts.write_text("127.0.0.1 localhost %s\n" % " ".join(names))
    (home / ".config").mkdir(exist_ok=True)
    ways = [["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]]
    for way in ways[os.geteuid() != 0:]:
        prefix = [*way, "sh", "-c", APART, "apart", str(users), str(hosts)]
        try:
            done = subprocess.run([*prefix, "true"], capture_output=True)
        except FileNotFoundError:
            break
        if done.returncode == 0:
            return prefix
    pytest.skip("no mount namespace is to be had here")


def curl(*arguments, **how):
    needs("curl")
    return run("curl", "-s", *arguments, **how)


def lynx(url, charset="utf-8"):
    """The page as lynx shows it on a terminal of that charset."""
    needs("lynx")
    got = run("lynx", "-cfg=/dev/null", "-dump", "-nolist", "-width=90",
              "-assume_charset=" + charset, "-display_charset=" + charset, url,
              env=environment("/nonexistent"))
    return told("lynx " + url, got, charset)


def vf1(home, *lines):
    """What VF-1 shows, being told these lines one after the other."""
    needs("vf1")
    text = "".join(line + "\n" for line in [*lines, "quit"])
    got = run("vf1", text=text.encode(), cwd=home,
              env=environment(home))
    return told("vf1: " + "; ".join(lines),
                re.sub(rb"\x1b\[[0-9;]*m", b"", got))


@functools.lru_cache(maxsize=None)
def has_elpher():
    """Emacs is asked, as only it knows where its packages are."""
    look = "(unless (locate-library \"elpher\") (kill-emacs 3))"
    return subprocess.run(
        ["emacs", "--batch", "-q", "--eval", "(package-initialize)",
         "--eval", look], capture_output=True).returncode == 0


def has_ipv6_localhost():
    """True if localhost is ::1, too."""
    return any(family == socket.AF_INET6 for family, *_ in
               socket.getaddrinfo("localhost", None))


def elpher(home, *steps, names=()):
    """The pages that Elpher shows, one for each "go" and "follow"."""
    needs("emacs")
    if not has_elpher():
        pytest.skip("elpher is not installed")
    # Emacs 28 dies of SIGPIPE where nobody listens on a host's first address.
    prefix = apart(home, *names) if names or has_ipv6_localhost() else []
    env = environment(home)
    for left in reversed(range(TRIES)):
        try:
            got = run(*prefix, "emacs", "--batch", "-q", "-l",
                      HERE / "elpher.el", *steps, env=env)
            # On a busy machine its own patience ends early.
            if left == 0 or b"No response from server" not in got:
                break
        except subprocess.TimeoutExpired as e:
            told("elpher, hanging", (e.stdout or b"") + (e.stderr or b""))
            if left == 0:
                raise
    return told("elpher " + " ".join(steps), got).split("-- page:\n")[1:]


class Umn(Terminal):
    """The gopher client of the University of Minnesota."""

    def __init__(self, home, *arguments, **how):
        needs("gopher", "tmux")
        super().__init__(home, "gopher", *arguments, **how)

    def first(self, *wanted, seconds=30):
        """The first screen, past the greeting of a first run."""
        end = time.monotonic() + seconds
        while not all(w in self.screen() for w in wanted):
            if "RETURN" in self.shown:
                self.keys("Enter")
            assert time.monotonic() < end, "no %r on this screen:\n%s" % (
                wanted, self.shown)
            time.sleep(0.05)
        print("-- %s --\n%s\n" % (self.name, self.shown))
        return self.shown

    def open(self, label, *wanted):
        """Walk down to the item of that label, open it, and wait."""
        for _ in range(40):
            line = next((t for t in self.screen().split("\n") if "-->" in t),
                        "")
            if label in line:
                self.keys("Enter")
                return self.wait(*wanted)
            self.keys("Down")
            end = time.monotonic() + 10
            while line and line in self.screen() and time.monotonic() < end:
                time.sleep(0.02)
        raise AssertionError("no item %r here:\n%s" % (label, self.shown))


class Sacc(Terminal):
    def __init__(self, home, url, **how):
        needs("sacc", "tmux", "less")
        super().__init__(home, "sacc", url, PAGER="less", **how)

    def open(self, label, *wanted):
        """Search for the item of that label, open it, and wait."""
        self.keys("/")
        self.wait("earch")
        self.type(label)
        self.keys("Enter")
        self.keys("l")
        return self.wait(*wanted)


def number_of(shown, label):
    """The number that a screen has before the link of that label."""
    return re.search(r"(?m)\[(\d+)\]\s+" + re.escape(label), shown)[1]


class Bombadillo(Terminal):
    def __init__(self, home, url, names=(), **how):
        needs("bombadillo", "tmux")
        super().__init__(home, *apart(home, *names), "bombadillo", url, **how)
        self.name = "bombadillo " + url

    def go(self, url, *wanted):
        # What is typed before the line for it is there gets lost.
        self.type(":")
        self.wait("\n:")
        self.type(url)
        self.keys("Enter")
        return self.wait(*wanted)

    def open(self, label, *wanted):
        """Type the number that stands before that label, and wait."""
        shown = self.wait(label)
        number = number_of(shown, label)
        self.type(number)
        # A number that cannot become a longer one is taken at once.
        if "[%s0]" % number in shown:
            self.keys("Enter")
        return self.wait(*wanted)


class Amfora(Terminal):
    def __init__(self, home, url, names=(), **how):
        needs("amfora", "tmux")
        prefix = apart(home, *names) if names else []
        super().__init__(home, *prefix, "amfora", url, **how)

    def go(self, url, *wanted):
        self.keys("Space")
        self.wait("URL/Num./Search:")
        self.type(url)
        self.keys("Enter")
        return self.wait(*wanted)

    def open(self, label, *wanted):
        """Go to the link of that label by its number, and wait."""
        return self.go(number_of(self.wait(label), label), *wanted)


def latin1(*command):
    """A command line that runs another on a terminal that takes Latin-1.

    tmux knows UTF-8 alone, so what the program writes is translated.
    """
    code = ("import os, pty, sys\n"
            "def more(fd):\n"
            "    return os.read(fd, 1024).decode('latin-1').encode()\n"
            "sys.exit(pty.spawn(sys.argv[1:], more) >> 8)\n")
    return [sys.executable, "-c", code, *map(str, command)]
