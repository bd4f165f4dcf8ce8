"""A stranger's first five minutes, as README.md tells them.

Every command there is one that is run here, in that order; ports are free
ones, and the signal goes to this daemon alone.
"""
import re
import shlex
import subprocess

import pytest

import ctl
import document
import server
from client import gemini, gopher, menu
from terminal import Terminal, needs

HEADING = "Five minutes to a capsule of your own"
CONF = "my-capsule/capsuled.ini"
BUILT = "PATH=$PWD/build:$PATH"
CTL = "capsulectl -c " + CONF
SERVE = "capsuled -f -c " + CONF
CLIENTS = ("amfora", "lynx")


class Stranger:
    """Somebody who reads the README, and types what stands there."""

    def __init__(self, folder):
        self.folder = folder
        self.left = document.commands("README.md", HEADING)
        self.one = None

    def next(self, begin):
        """The next command, which has to begin so."""
        assert self.left, "the README ends before " + begin
        line = self.left.pop(0)
        assert line.startswith(begin), (line, begin)
        return line

    def types(self, begin):
        """Run the next command as it stands; what it says."""
        words = shlex.split(self.next(begin))
        program = {"capsuled": server.BINARY,
                   "capsulectl": ctl.BINARY}[words[0]]
        done = subprocess.run([program, *words[1:]], cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def echoes(self):
        subprocess.run(["sh", "-euc", self.next("echo ")], cwd=self.folder,
                       check=True, timeout=60)

    def serves(self):
        """Start it with free ports, and without the watch that would take
        the signal's work from it."""
        assert self.next(SERVE) == SERVE
        text = (self.folder / CONF).read_text()
        text, n = re.subn(r"(?m)^listen = \*:\d+", "listen = 127.0.0.1:0",
                          text)
        assert n == 2 and "watch = auto " in text
        user = "".join("%s = %s\n" % kv
                       for kv in server.unprivileged().items())
        text = text.replace("watch = auto ", "watch = 0 ")
        text = text.replace("[server]\n", "[server]\n" + user)
        (self.folder / "my-capsule" / "root").mkdir()  # not the usual pages
        # The workers are others after a reload.
        self.one = server.Daemon(self.folder / "my-capsule", text,
                                 steady=False)

    def address(self, line):
        """What a client is told, on the port that there is here."""
        port = {"gemini": self.one.gemini, "gopher": self.one.gopher}
        found = re.match(r"\w+ (gemini|gopher)://localhost(:\d+)?(/\S*)$",
                         line)
        assert found, line
        return "%s://localhost:%d%s" % (found[1], port[found[1]], found[3])

    def ask(self, path):
        return gemini(self.one.gemini, "gemini://localhost" + path,
                      name="localhost")


@pytest.fixture
def stranger(tmp_path):
    tmp_path.chmod(0o755)
    somebody = Stranger(tmp_path)
    yield somebody
    if somebody.one is not None:
        somebody.one.kill()


def begins(who):
    assert who.next(BUILT) == BUILT
    who.types("capsulectl new my-capsule")
    assert "nothing to mend" in who.types(CTL + " check")
    assert "in order" in who.types("capsuled -n -c " + CONF)
    who.serves()


def adds_a_page(who):
    assert who.ask("/notes/second.gmi").status == 51
    who.echoes()
    who.echoes()
    assert who.ask("/notes/second.gmi").status == 51
    assert who.types(CTL + " reload") == ""
    assert who.ask("/notes/second.gmi").status == 20
    assert any("A second note" in i.text for i in menu(gopher(
        who.one.gopher, b"/notes/second.gmi\r\n")))
    assert "nothing to mend" in who.types(CTL + " check")


def looks_closer(who):
    shown = who.types(CTL + " show --gopher /notes/")
    assert re.search(r"(?m)^1.*A second note\t/notes/second.gmi\t", shown)
    assert "/notes/second.gmi" in who.types(CTL + " weigh")
    told = who.types(CTL + " cert show")
    logged = re.search(r"SHA-256 ([0-9A-F:]{95})", who.one.log())[1]
    assert logged in told


def test_what_the_readme_tells_a_stranger_works_from_top_to_end(
        stranger):
    begins(stranger)
    for program in CLIENTS:
        assert stranger.next(program + " ")
    adds_a_page(stranger)
    looks_closer(stranger)
    assert stranger.left == [], "commands that nobody has tried"
    stranger.one.stop()


@pytest.mark.parametrize("program", CLIENTS)
def test_a_client_of_the_readme_shows_what_a_stranger_made(
        program, stranger, home):
    needs(program, "tmux")
    begins(stranger)
    line = next(t for t in stranger.left if t.startswith(program + " "))
    with Terminal(str(home), program, stranger.address(line)) as t:
        t.wait("A new capsule", "About this capsule")
