"""What "make run" says before it serves, and make where it cannot build."""
import os
import pty
import re
import shutil
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


def put(folder, name, does='echo served: "$@"'):
    (folder / name).write_text("#!/bin/sh\n%s\n" % does)
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


# -- what is missing to build --

MAKE = shutil.which("gmake") or "make"


def made(folder, *arguments):
    """What make says without the settings of the one that may run us, and
    where nobody can install anything unseen."""
    for name in ("apt-get", "pkg", "pkg_add", "pkgin", "sudo", "doas"):
        put(folder, name, "echo installed >> %s/asked" % folder)
    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    env["PATH"] = "%s:%s" % (folder, env["PATH"])
    done = subprocess.run(
        [MAKE, "-s", "B=%s/build" % folder, *arguments], cwd=server.ROOT,
        env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done
    assert not (folder / "asked").exists()
    assert not list(folder.glob("build/**/*.o"))
    return done.stderr


@pytest.mark.parametrize("arguments,what", [
    (["all"], "inih sqlite3"),
    (["PKG_CONFIG=no-such-program", "all"], "no-such-program"),
    (["CC=no-such-compiler -g", "all"], "no-such-compiler"),
])
def test_a_build_without_its_libraries_says_what_is_missing(path, arguments,
                                                            what):
    put(path, "pkg-config", """
case "$*" in *inih* | *sqlite3*) exit 1 ;; esac
exit 0
""")
    said = made(path, *arguments)
    assert re.fullmatch(r'\S+: \*\*\* not found: %s - .*type "make run", which '
                        r'installs what is missing\.  Stop\.\n' % what,
                        said), said


def test_unit_tests_without_cmocka_say_so(path):
    put(path, "pkg-config", """
case "$*" in *cmocka*) exit 1 ;; esac
exit 0
""")
    said = made(path, str(path / "build" / "unit" / "test_view.o"))
    assert re.fullmatch(r'\S+: \*\*\* not found: cmocka - .*type "make check", '
                        r'which installs what is missing\.  Stop\.\n',
                        said), said
