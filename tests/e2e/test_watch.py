"""Edits are seen by themselves: watch = auto."""
import os

import pytest

import server
from client import gemini, gopher, url
from server import conf, let_pass, wait_for

SOON = 20  # seconds; a busy machine may be late, nobody else


@pytest.fixture
def watching(daemon):
    """A daemon to whom the system tells what changes, and nobody else."""
    def start(steady=True, **keys):
        return daemon(conf(server={"watch": "auto", "rescan": "0", **keys},
                           selectors={"/log/": "log/"}), steady=steady,
                      prepare=lambda root: (root / "log").mkdir())
    return start


def body(d, path):
    return gemini(d.gemini, url(path)).body


def status(d, path):
    return gemini(d.gemini, url(path)).status


def seen(d, path, text):
    wait_for("%r at %s" % (text, path), lambda: text in body(d, path), SOON)


def gone(d, path):
    wait_for("the end of " + path, lambda: status(d, path) == 51, SOON)


def replace(path, text):
    """As editors do it that care."""
    new = path.with_name(path.name + "~")
    new.write_text(text)
    os.rename(new, path)


def test_an_edit_is_served_and_no_worker_is_forked(watching):
    d = watching()
    workers = sorted(d.workers)
    replace(d.root / "history.gmi", "# Once\n")
    seen(d, "/history", b"# Once")
    (d.root / "history.gmi").write_text("# Twice\n")
    seen(d, "/history", b"# Twice")
    assert sorted(d.workers) == workers
    assert b"iTwice" in gopher(d.gopher, b"/history\r\n")


def test_what_comes_moves_and_goes_is_seen(watching):
    d = watching()
    page = d.root / "log/a.gmi"
    assert status(d, "/log/a.gmi") == 51
    page.write_text("# New\n")
    seen(d, "/log/a.gmi", b"# New")
    os.rename(page, d.root / "log/b.gmi")
    seen(d, "/log/b.gmi", b"# New")
    gone(d, "/log/a.gmi")
    os.unlink(d.root / "log/b.gmi")
    gone(d, "/log/b.gmi")


def test_folders_that_are_made_moved_and_removed_are_seen(watching):
    d = watching()
    folder = d.root / "log/2026"
    folder.mkdir()
    (folder / "x.gmi").write_text("# First\n")
    seen(d, "/log/2026/x.gmi", b"# First")
    (folder / "y.gmi").write_text("# Second\n")
    seen(d, "/log/2026/y.gmi", b"# Second")
    folder.rename(d.root / "log/2027")
    seen(d, "/log/2027/y.gmi", b"# Second")
    gone(d, "/log/2026/y.gmi")
    (d.root / "log/2027/y.gmi").write_text("# Third\n")
    seen(d, "/log/2027/y.gmi", b"# Third")
    for path in (d.root / "log/2027").iterdir():
        path.unlink()
    (d.root / "log/2027").rmdir()
    gone(d, "/log/2027/x.gmi")


def test_links_and_second_names_are_seen(watching):
    d = watching()
    os.symlink("../history.gmi", d.root / "log/link.gmi")
    seen(d, "/log/link.gmi", b"first year")
    os.link(d.root / "history.gmi", d.root / "log/hard.gmi")
    seen(d, "/log/hard.gmi", b"first year")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_mode_that_is_mended_is_seen(watching):
    d = watching()
    page = d.root / "log/a.gmi"
    page.write_text("# Shut\n")
    seen(d, "/log/a.gmi", b"# Shut")
    page.chmod(0)
    gone(d, "/log/a.gmi")
    page.chmod(0o644)
    seen(d, "/log/a.gmi", b"# Shut")


def test_capsules_that_share_a_folder_all_see_an_edit(daemon):
    """One by its root, the other by a folder below its own."""
    d = daemon(conf(
        server={"watch": "auto", "rescan": "0"},
        selectors={"/log/": "log/"},
        **{"capsule b": {"hostname": "b.example.org", "root": "root/log"},
           "selectors b": {"/": "./"}}),
        prepare=lambda root: (root / "log").mkdir())
    replace(d.root / "log/a.gmi", "# Both\n")
    seen(d, "/log/a.gmi", b"# Both")
    wait_for("the other capsule's", lambda: b"# Both" in gemini(
        d.gemini, "gemini://b.example.org/a.gmi", name="b.example.org").body,
        SOON)


def test_what_is_being_written_waits_for_its_end(watching):
    d = watching()
    with open(d.root / "log/a.gmi", "w") as f:
        f.write("# Half\n")
        f.flush()
        let_pass(0.5, "changes would have come to rest")
        assert status(d, "/log/a.gmi") == 51
        f.write("whole\n")
    seen(d, "/log/a.gmi", b"# Half\nwhole\n")


def test_what_an_editor_leaves_is_no_change(watching):
    d = watching()
    for name in ("a.gmi~", "a.gmi.swp", "#a.gmi#", "sedA1b2C3"):
        (d.root / "log" / name).write_text("# Half\n")
    (d.root / "log/b.gmi").write_text("# Page\n")
    seen(d, "/log/b.gmi", b"# Page")
    for name in ("a.gmi~", "a.gmi.swp", "%23a.gmi%23", "sedA1b2C3"):
        assert status(d, "/log/" + name) == 51


def test_what_the_system_does_not_tell_the_rescan_sees(watching):
    """A file that is written and never closed."""
    d = watching(rescan="1s")
    with open(d.root / "history.gmi", "r+") as f:
        f.write("# Open\n")
        f.flush()
        seen(d, "/history", b"# Open")


def test_the_configuration_is_watched_too(watching):
    d = watching(steady=False)
    d.rewrite(conf(server={"watch": "auto", "rescan": "0"},
                   selectors={"/log/": "log/", "/more": "history.gmi"}))
    seen(d, "/more", b"first year")


def test_watching_is_named_with_what_is_accepted(tmp_path):
    path = tmp_path / "capsuled.ini"
    path.write_text("[server]\nwatch = often\n")
    done = server.run("-n", "-c", path)
    assert done.returncode == 1
    assert "watch: \"often\" is not a duration" in done.stderr
    assert "or auto" in done.stderr
