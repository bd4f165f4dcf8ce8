"""A root that is gone, or empty where it was full, as if a disk were not
mounted: the capsule is served on, and somebody who can mend it is told.
"""
import contextlib
import os
import re
import shutil
import subprocess
import time

import pytest

import server
from client import gemini, gopher
from ctl import as_json, ctl
from server import conf, wait_for

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
HOME = b"/history\r\n"
WARNING = re.compile(r"(?m)^.* warn .*the root \"[^\"]*\" "
                     r"(cannot be read: .*|is empty), .*--accept-empty.*$")
AGAIN_S = 60  # between two warnings: CONTENT_KEPT_MS


def is_served(d, selector=HOME, text=b"1996"):
    return text in gopher(d.gopher, selector)


def warnings(d):
    return len(WARNING.findall(d.log()))


def stored(tmp_path, **keys):
    return conf(server={"store": str(tmp_path / "store"), **keys})


def move_away(root):
    root.rename(root.with_name("away"))


def empty(root):
    root.rename(root.with_name("away"))
    root.mkdir()


def remove_inside(root):
    """The folder stays the same one: no process is started anew for it."""
    shutil.copytree(root, root.with_name("away"))
    for name in root.iterdir():
        shutil.rmtree(name) if name.is_dir() else name.unlink()


def bring_back(root):
    if root.exists() and list(root.iterdir()) == []:
        root.rmdir()
    root.with_name("away").rename(root)


GOING = [move_away, empty]


@pytest.mark.parametrize("go", GOING)
def test_a_capsule_is_served_on_over_reload_and_restart(tmp_path, go):
    text = stored(tmp_path)
    with server.running(tmp_path, text) as d:
        assert is_served(d)
    go(tmp_path / "root")
    # write_capsule would fill a root that is not there.
    write, server.write_capsule = server.write_capsule, lambda root: None
    try:
        with server.running(tmp_path, text, steady=False) as d:
            assert is_served(d) and warnings(d) == 1
            done = ctl("-c", d.path, "reload")
            assert done.returncode == 0 and "--accept-empty" in done.stderr
            assert is_served(d) and warnings(d) == 2
            assert "--accept-empty" in ctl("-c", d.path, "status").stdout
            bring_back(d.root)
            (d.root / "history.gmi").write_text("# Back\n")
            assert ctl("-c", d.path, "reload").stderr == ""
            assert is_served(d, text=b"Back") and warnings(d) == 2
            assert "warnings      none" in ctl("-c", d.path, "status").stdout
    finally:
        server.write_capsule = write


@pytest.mark.parametrize("go", GOING)
def test_going_and_coming_back_is_seen_by_itself(daemon, tmp_path, go):
    d = daemon(stored(tmp_path, watch="auto"), steady=False)
    go(d.root)
    wait_for("a warning", lambda: warnings(d) == 1)
    assert is_served(d)
    wait_for("a status that tells", lambda: "--accept-empty" in ctl(
        "-c", d.path, "status").stdout)
    bring_back(d.root)
    (d.root / "history.gmi").write_text("# Back\n")
    wait_for("the root", lambda: is_served(d, text=b"Back"))
    wait_for("a status without", lambda: "--accept-empty" not in ctl(
        "-c", d.path, "status").stdout)
    assert warnings(d) == 1


@pytest.mark.parametrize("watch", ["auto", "1"])
def test_a_root_that_is_emptied_is_seen_by_itself(daemon, watch):
    """With it goes no page that was there when it was last looked at whole."""
    d = daemon(conf(server={"watch": watch}))
    remove_inside(d.root)
    wait_for("a warning", lambda: warnings(d) == 1)
    wait_for("a status that tells", lambda: "--accept-empty" in ctl(
        "-c", d.path, "status").stdout)
    for name in d.root.with_name("away").iterdir():
        shutil.move(name, d.root)
    wait_for("the root", lambda: is_served(d))
    wait_for("a status without", lambda: "--accept-empty" not in ctl(
        "-c", d.path, "status").stdout)
    assert d.log().count("is there again") == 1 and warnings(d) == 1


@root_only
def test_a_disk_that_is_unmounted_and_mounted(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", root], check=True)
    try:
        server.write_capsule(root)
        root.chmod(0o755)
        subprocess.run(["cp", "-a", root, tmp_path / "copy"], check=True)
        with server.running(tmp_path, stored(tmp_path, watch="auto"),
                            steady=False) as d:
            subprocess.run(["umount", "-l", root], check=True)
            wait_for("a warning", lambda: warnings(d) == 1)
            assert is_served(d)
            subprocess.run(["mount", "--bind", tmp_path / "copy", root],
                           check=True)
            (root / "history.gmi").write_text("# Back\n")
            wait_for("the root", lambda: is_served(d, text=b"Back"))
            assert warnings(d) == 1
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(["umount", "-l", root], check=True)


@pytest.mark.parametrize("go", [*GOING, remove_inside])
@pytest.mark.parametrize("touched", [False, True])
def test_who_means_it_says_so(daemon, tmp_path, go, touched):
    d = daemon(stored(tmp_path), steady=False)
    go(d.root)
    d.rescan() if go is remove_inside else ctl("-c", d.path, "reload")
    assert is_served(d) and warnings(d) == 1
    if touched:  # a new configuration, and with it another content process
        d.rewrite(stored(tmp_path, workers="2"))
    done = ctl("-c", d.path, "reload", "--accept-empty")
    assert done.returncode == 0 and "--accept-empty" not in done.stderr
    assert gopher(d.gopher, HOME).startswith(b"3") and warnings(d) == 1
    assert ctl("-c", d.path, "reload").returncode == 0
    assert gopher(d.gopher, HOME).startswith(b"3") and warnings(d) == 1


def test_it_is_said_for_what_is_gone_and_nothing_else(daemon):
    d = daemon(conf())
    assert ctl("-c", d.path, "reload", "--accept-empty").returncode == 0
    assert is_served(d) and warnings(d) == 0


def test_the_other_capsules_go_on(daemon, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.gmi").write_text("# Other\n")
    d = daemon(stored(tmp_path) + (
        "[capsule other]\nhostname = other.example.org\nroot = %s\n"
        "certificate = other.crt\nkey = other.key\n"
        "[selectors other]\n/ = ./\n" % other), steady=False)
    move_away(d.root)
    (other / "a.gmi").write_text("# Changed\n")
    assert ctl("-c", d.path, "reload").returncode == 0
    assert is_served(d) and warnings(d) == 1
    assert b"Changed" in gemini(
        d.gemini, "gemini://other.example.org/a.gmi",
        name="other.example.org").body


def test_the_warning_comes_again_each_minute(daemon):
    d = daemon(conf())
    remove_inside(d.root)
    d.rescan()
    begun = time.monotonic()
    assert warnings(d) == 1
    wait_for("the next warning", lambda: warnings(d) == 2, AGAIN_S + 20)
    assert time.monotonic() - begun > AGAIN_S - 5
