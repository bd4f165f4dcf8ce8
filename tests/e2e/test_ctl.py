"""The command line of capsulectl: help, mistakes, exit statuses."""
import os
import pty
import re
import select
import subprocess
import time

import pytest

import server
from ctl import BINARY, ctl

COMMANDS = ["new", "check", "show", "weigh", "cert", "status", "reload",
            "log-level", "stop", "store"]
MANUAL = (server.ROOT / "man" / "capsulectl.1").read_text()


def help_of(command):
    done = ctl(command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout


def test_help_lists_every_command_with_a_line_each():
    for words in (["--help"], ["-h"], ["help"]):
        done = ctl(*words)
        assert done.returncode == 0 and done.stderr == ""
        for command in COMMANDS:
            assert re.search(r"^  %s +\S+" % command, done.stdout, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_of_its_own(command):
    text = help_of(command)
    assert text.startswith("usage: capsulectl [-c FILE] " + command)
    assert ctl("help", command).stdout == text
    assert ctl(command, "-h").stdout == text
    for line in text.splitlines():
        assert len(line) <= 80, line


@pytest.mark.parametrize("command", COMMANDS)
def test_the_manual_has_every_command_and_option(command):
    assert re.search(r"^\.(Ss|It) .*\b%s\b" % command, MANUAL, re.M)
    for option in re.findall(r"^  --([a-z]+)", help_of(command), re.M):
        assert "Fl -" + option in MANUAL, option


def test_version():
    for option in ("-V", "--version"):
        assert re.fullmatch(r"capsulectl \d+\.\d+\.\d+\n", ctl(option).stdout)


WRONG = {
    "no command": ([], "usage: capsulectl"),
    "an unknown command": (["chekc"], 'capsulectl: "chekc" is not a command; '
                           "nearest: check\n"),
    "nothing like a command": (["xyzzy"],
                               'capsulectl: "xyzzy" is not a command\n'),
    "an unknown option": (["--frob", "check"],
                          'capsulectl: "--frob" is not an option\n'),
    "a misspelt option": (["check", "--jsno"], 'capsulectl check: "--jsno" '
                          "is not an option; nearest: --json\n"),
    "an option without value": (["weigh", "--top"],
                                "capsulectl weigh: --top needs N\n"),
    "a switch with a value": (["check", "--json=yes"],
                              "capsulectl check: --json takes no value\n"),
    "a top that is no number": (["weigh", "--top", "0"],
                                'capsulectl weigh: --top: "0" is not a '
                                "number from 1 on\n"),
    "no file after -c": (["-c"], "capsulectl: -c needs FILE\n"),
    "too many arguments": (["check", "x"],
                           'capsulectl check: "x" is one argument too many\n'),
    "too few arguments": (["show"],
                          "capsulectl show: it needs SELECTOR\n"),
    "two protocols": (["show", "--gemini", "--gopher", "/"],
                      "capsulectl show: --gemini and --gopher do not go "
                      "together\n"),
    "an unknown verb": (["cert", "shwo"], 'capsulectl cert: "shwo" is not '
                        "show, new or renew; nearest: show\n"),
    "an unknown rule": (["check", "--without", "dead-link,widht"],
                        'capsulectl check: --without: there is no rule '
                        '"widht"; nearest: wide\n'),
    "a host that is none": (["new", "--host", "a..b", "x"],
                            'capsulectl new: --host: "a..b" is not a host '
                            "name or an address\n"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage_is_told_and_exits_with_2(name, tmp_path):
    words, said = WRONG[name]
    done = ctl(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(said), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_configuration_may_stand_before_or_after_the_command(tmp_path):
    server.write_capsule(tmp_path / "root")
    (tmp_path / "x.ini").write_text(server.conf())
    first = ctl("-c", "x.ini", "show", "/history", cwd=tmp_path)
    assert first.returncode == 0
    for words in (["show", "-c", "x.ini", "/history"],
                  ["show", "/history", "-cx.ini"],
                  ["-cx.ini", "show", "--", "/history"]):
        assert ctl(*words, cwd=tmp_path).stdout == first.stdout


@pytest.mark.parametrize("command", [["check"], ["show", "/"], ["weigh"],
                                     ["cert", "show"]])
def test_a_wrong_configuration_is_told_as_the_daemon_tells_it(command,
                                                               tmp_path):
    (tmp_path / "x.ini").write_text("[server]\nworker = 2\n")
    daemon = server.run("-n", "-c", "x.ini", cwd=tmp_path)
    done = ctl("-c", "x.ini", *command, cwd=tmp_path)
    assert done.returncode == 1
    said = done.stderr + done.stdout
    for line in daemon.stderr.splitlines():
        assert line in said


def on_terminal(words, **env):
    """What capsulectl writes if its output is a terminal; and its status."""
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": "", **env}
    proc = subprocess.Popen([BINARY, *map(str, words)], stdin=slave,
                            stdout=slave, stderr=slave, env=env)
    os.close(slave)
    said = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 1)
        if not ready:
            if proc.poll() is not None:
                break
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if piece == b"":
            break
        said += piece
    os.close(master)
    return said.decode("utf-8"), proc.wait(timeout=60)


@pytest.fixture
def findings(tmp_path):
    """A configuration with one finding."""
    server.write_capsule(tmp_path / "root")
    (tmp_path / "x.ini").write_text("[capsule]\nroot = root\n[selectors]\n"
                                    "/ = fr/page.gmi\n")
    return tmp_path / "x.ini"


def test_colours_are_for_terminals_that_want_them(findings):
    words = ["-c", findings, "check"]
    assert "\033[" not in ctl(*words).stdout
    said, status = on_terminal(words)
    assert "\033[1m" in said and status == 1
    # Taking the line of progress back is no colour.
    plain = on_terminal(words, NO_COLOR="1")[0]
    assert not re.search(r"\033\[\d*m", plain), plain
    assert "\033[1m" in on_terminal(words, NO_COLOR="")[0]


def test_binary_answers_do_not_reach_a_terminal(tmp_path):
    server.write_capsule(tmp_path / "root")
    (tmp_path / "x.ini").write_text(server.conf())
    said, status = on_terminal(["-c", tmp_path / "x.ini", "show",
                                "/data.bin"])
    assert status == 1
    assert "would upset the terminal" in said
    assert "\0" not in said


def test_progress_of_long_work_is_told_on_a_terminal_only(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "index.gmi").write_text("# A\n")
    for i in range(60000):  # each step shall take a while
        (folder / ("%d.gmi" % i)).write_text("# %d\n" % i)
    conf = tmp_path / "x.ini"
    conf.write_text("[capsule]\nroot = root\n[selectors]\n/ = ./\n"
                    "[listing]\n/ = yes\n")
    words = ["-c", conf, "check", "--without", "no-link"]
    said, _ = on_terminal(words)
    assert re.search(r"reading: \d+ pages", said)
    done = ctl(*words, timeout=120)
    assert "reading" not in done.stderr + done.stdout


def test_output_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "--help"], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr


def examples():
    """The commands of the manual's examples, each a line after "$ "."""
    return re.findall(r"^\$ (capsulectl .*)$", MANUAL, re.M)


def test_the_examples_of_the_manual_work(tmp_path):
    found = examples()
    assert len(found) >= 6
    for line in found:
        done = subprocess.run(line, shell=True, cwd=tmp_path, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60,
                              env=dict(os.environ, PATH="%s:%s" % (
                                  BINARY.parent, os.environ["PATH"])))
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        assert done.stderr == "", (line, done.stderr)
