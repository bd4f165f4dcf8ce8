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


class Terminal:
    """A program on a screen of its own, in a home folder of its own."""

    COLUMNS, LINES = 90, 30

    def __init__(self, home, *command):
        # A server of our own, and a short path to it: nobody else's sessions
        # are in reach, and nothing is left behind.
        self.folder = tempfile.TemporaryDirectory(prefix="e2e-")
        self.shown = ""
        environment = {"HOME": home, "LANG": "C.UTF-8",
                       "TERM": "screen-256color", "XDG_CONFIG_HOME": home,
                       "XDG_CACHE_HOME": home, "XDG_DATA_HOME": home}
        options = []
        for key, value in environment.items():
            options += ["-e", "%s=%s" % (key, value)]
        self.tmux("-f", "/dev/null", "-u", "new-session", "-d", "-s", "main",
                  "-x", str(self.COLUMNS), "-y", str(self.LINES), *options,
                  "--", *map(str, command), ";",
                  "set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *arguments):
        socket = os.path.join(self.folder.name, "tmux")
        done = subprocess.run(["tmux", "-S", socket, *arguments],
                              capture_output=True, text=True, timeout=10)
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

    def wait(self, *words, seconds=15):
        """Until all the words are on the screen; the screen."""
        end = time.monotonic() + seconds
        while not all(word in self.screen() for word in words):
            assert time.monotonic() < end, "no %r on this screen:\n%s" % (
                words, self.shown)
            time.sleep(0.05)
        return self.shown

    def keys(self, *names):
        self.tmux("send-keys", "-t", "main", *names)

    def type(self, text):
        self.tmux("send-keys", "-t", "main", "-l", text)
