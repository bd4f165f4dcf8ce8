"""What "make run" says before it serves."""
import os
import pty
import re
import subprocess

import pytest

import server

SCRIPT = server.ROOT / "conf" / "run.sh"
CONF = server.ROOT / "conf" / "demo.ini"
NAMES = ("lagrange", "kristall", "amfora", "bombadillo", "lynx", "sacc",
         "gopher", "curl")
TOOLS = ("sh", "awk", "cat", "mkdir")


@pytest.fixture
def path(tmp_path):
    """A folder of programs: those that the script takes, and a daemon."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = subprocess.run(["sh", "-c", "command -v " + name],
                               capture_output=True, text=True, check=True)
        (folder / name).symlink_to(found.stdout.strip())
    put(folder, "daemon")
    return folder


def put(folder, name):
    (folder / name).write_text("#!/bin/sh\necho served: \"$@\"\n")
    (folder / name).chmod(0o755)


def command(path):
    return [path / "sh", SCRIPT, "daemon", CONF]


def run(path, **env):
    done = subprocess.run(command(path), cwd=path.parent,
                          env={"PATH": str(path), **env},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def on_a_terminal(path, **env):
    """What a terminal gets."""
    above, below = pty.openpty()
    with open(above, "rb", buffering=0) as master:
        done = subprocess.Popen(command(path), cwd=path.parent,
                                env={"PATH": str(path), "TERM": "xterm",
                                     **env},
                                stdin=subprocess.DEVNULL, stdout=below,
                                stderr=below)
        os.close(below)
        got = b""
        try:
            while piece := master.read(4096):
                got += piece
        except OSError:
            pass  # how Linux tells that nobody writes any more
        assert done.wait(timeout=60) == 0, got
    return got.decode()


def typed(text):
    """The lines that are to be typed, with their marks."""
    return re.findall(r"(?m)^   ([ *]) (\S.*)$", text)


def test_it_says_what_to_type_and_then_becomes_the_daemon(path):
    said = run(path)
    lines = [line for _, line in typed(said)]
    assert "amfora gemini://localhost/" in lines
    assert "lynx gopher://localhost:7070/" in lines
    assert "gopher localhost 7070" in lines
    assert "curl -k gophers://localhost:7070/" in lines
    assert said.splitlines()[-1] == "served: -f -c %s" % CONF


def test_only_clients_that_are_here_are_marked(path):
    said = run(path)
    assert {mark for mark, _ in typed(said)} == {" "}
    assert "None of them is installed" in said
    for name in NAMES:
        put(path, name)
        said = run(path)
        assert "Those with a *" in said
        for mark, line in typed(said):
            here = line.split()[0].strip(",") == name
            assert mark == ("*" if here else " "), line
        (path / name).unlink()


def test_it_fits_a_terminal_of_80_columns(path):
    for name in NAMES:
        put(path, name)
    said = run(path).replace(str(CONF), "conf/demo.ini")
    assert max(map(len, said.splitlines())) <= 80


def test_colours_are_for_terminals_only(path):
    assert "\033" not in run(path, TERM="xterm")
    assert "\033[1m" in on_a_terminal(path)
    assert "\033" not in on_a_terminal(path, NO_COLOR="1")
    assert "\033" not in on_a_terminal(path, TERM="dumb")


def test_colours_change_no_word(path):
    put(path, "lynx")
    bare = re.sub(r"\033\[[0-9]*m", "", on_a_terminal(path))
    assert bare.replace("\r\n", "\n") == run(path)
