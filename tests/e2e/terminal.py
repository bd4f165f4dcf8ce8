"""Terminal programs without a terminal: tmux runs them, we read the screen."""
import os
import shutil
import subprocess
import tempfile
import time

import pytest


def needs(*programs):
    """Skip the test, saying why, unless all the programs are installed."""
    for name in programs:
        if shutil.which(name) is None:
            pytest.skip("%s is not installed" % name)


def environment(home, **more):
    """All that a program gets that is to find only this home folder.

    Nothing else of ours reaches it: COLUMNS and LINES would tell it of another
    screen, TMUX of another server, and proxies of another way.
    """
    home = str(home)
    return {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8",
            "TERM": "screen-256color", "XDG_CONFIG_HOME": home,
            "XDG_CACHE_HOME": home, "XDG_DATA_HOME": home, **more}


# Amfora 1.9 now and then never shows a page that came, whole by the daemon's
# log, before its own window was drawn: it is started again after so long.
STUCK = "Loading gemini://"
STUCK_AFTER = 10  # seconds


class Terminal:
    """A program on a screen of its own, in a home folder of its own.

    Every screen that was waited for is printed, so that the whole session is
    in the output of a test that fails.
    """

    def __init__(self, home, *command, columns=90, lines=30, **more):
        # A server of our own, and a short path to it: nobody else's sessions
        # are in reach, and nothing is left behind.
        self.folder = tempfile.TemporaryDirectory(prefix="e2e-")
        self.shown = ""
        self.name = " ".join(map(str, command))
        self.env = environment(home, **more)
        options = []
        for key, value in self.env.items():
            options += ["-e", "%s=%s" % (key, value)]
        # The option comes first, or a program that ends at once takes its
        # screen, and the server, along.
        self.tmux("-f", "/dev/null", "-u", "start-server", ";",
                  "set-option", "-g", "remain-on-exit", "on", ";",
                  "new-session", "-d", "-s", "main",
                  "-x", str(columns), "-y", str(lines), *options,
                  "--", *map(str, command))

    def tmux(self, *arguments):
        socket = os.path.join(self.folder.name, "tmux")
        done = subprocess.run(["tmux", "-S", socket, *arguments],
                              capture_output=True, text=True, timeout=30,
                              env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        self.folder.cleanup()

    def screen(self):
        text = self.tmux("capture-pane", "-p", "-t", "main")
        self.shown = "\n".join(t.rstrip() for t in text.split("\n")).rstrip()
        return self.shown

    def until(self, holds, wanted, seconds):
        """Look until holds(screen) is true; the screen."""
        end = time.monotonic() + seconds
        anew = time.monotonic() + STUCK_AFTER
        while not holds(shown := self.screen()):
            if STUCK in shown and time.monotonic() > anew:
                print("-- %s hangs --\n%s\n" % (self.name, shown))
                self.tmux("respawn-pane", "-k", "-t", "main")
                anew = time.monotonic() + STUCK_AFTER
            assert time.monotonic() < end, "%s: no %s on this screen:\n%s" % (
                self.name, wanted, shown)
            time.sleep(0.05)
        print("-- %s --\n%s\n" % (self.name, shown))
        return shown

    def wait(self, *words, seconds=60, without=()):
        """Until all the words are on the screen and none of without; the
        screen."""
        return self.until(
            lambda shown: all(w in shown for w in words) and not any(
                w in shown for w in without),
            "%r without %r" % (words, without), seconds)

    def wait_for_one(self, *words, seconds=60):
        """Until one of the words is on the screen: the first that is."""
        shown = self.until(lambda shown: any(w in shown for w in words),
                           "one of %r" % (words,), seconds)
        return next(w for w in words if w in shown)

    def keys(self, *names):
        self.tmux("send-keys", "-t", "main", *names)

    def type(self, text):
        self.tmux("send-keys", "-t", "main", "-l", text)
