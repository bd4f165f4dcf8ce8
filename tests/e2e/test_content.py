"""The content process and its store: what is served goes on, whatever befalls
them, and nobody ever gets a wrong page.
"""
import contextlib
import json
import os
import pathlib
import pty
import random
import re
import resource
import signal
import subprocess
import threading
import time

import pytest

import server
from client import gemini, gopher, url
from ctl import ctl
from server import conf, wait_for

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
HOME = b"/history\r\n"


def content_of(d):
    return wait_for("a content process", d.contents)[0]


def is_served(d, selector=HOME, text=b"1996"):
    return text in gopher(d.gopher, selector)


def with_store(folder, **server_keys):
    """A configuration with a store that outlives the daemon."""
    return conf(server={"store": str(folder / "store"), **server_keys})


def files_of(folder, kind=""):
    return sorted(path for path in (folder / "store").iterdir()
                  if path.name.startswith(kind))


# -- who it is --


@root_only
def test_it_is_a_user_of_its_own_without_rights(daemon):
    d = daemon(conf())
    status = pathlib.Path("/proc/%d/status" % content_of(d)).read_text()
    uid = re.search(r"(?m)^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$", status)
    assert set(uid.groups()) == {str(server.pwd.getpwnam("bin").pw_uid)}
    assert re.search(r"(?m)^CapEff:\t0+$", status)
    assert re.search(r"(?m)^NoNewPrivs:\t1$", status)
    # A build for sanitizers has no filter, for workers neither.
    workers = pathlib.Path("/proc/%d/status" % d.workers[0]).read_text()
    assert (re.search(r"(?m)^Seccomp:\t\d$", status)[0]
            == re.search(r"(?m)^Seccomp:\t\d$", workers)[0])


@root_only
def test_the_master_opens_nothing_below_a_root(daemon):
    d = daemon(conf())
    names = server.open_files(d.pid)
    assert not [name for name in names if name.startswith(str(d.root))]


@root_only
def test_a_root_that_it_may_not_enter_is_told_first(tmp_path):
    server.write_capsule(tmp_path / "root")
    (tmp_path / "root").chmod(0o700)
    with server.running(tmp_path, steady=False) as d:
        warned = [line for line in d.log().splitlines() if " warn " in line]
        assert warned and str(d.root) in warned[0]
        assert "cannot be opened" in warned[0]
        assert gopher(d.gopher, HOME).startswith(b"3")
        (tmp_path / "root").chmod(0o755)
        d.reload()
        assert is_served(d)


# -- edits --


def test_an_edit_is_served_after_a_hangup_and_no_process_is_forked(daemon):
    d = daemon(conf(server={"workers": "2"}))
    before = server.children(d.pid)
    (d.root / "history.gmi").write_text("# New words\n")
    (d.root / "files" / "fresh.txt").write_text("fresh\n")
    d.rescan()
    assert is_served(d, text=b"New words")
    assert is_served(d, b"/files/fresh.txt\r\n", b"fresh")
    assert b"fresh.txt" in gopher(d.gopher, b"/files/\r\n")
    (d.root / "files" / "fresh.txt").unlink()
    d.rescan()
    assert gopher(d.gopher, b"/files/fresh.txt\r\n").startswith(b"3")
    assert server.children(d.pid) == before


def test_every_worker_has_an_edit_once_the_log_says_so(daemon):
    d = daemon(conf(server={"workers": "4"}))
    for i in range(10):
        (d.root / "history.gmi").write_text("# Edit %d\n" % i)
        d.rescan()
        for _ in range(8):
            assert is_served(d, text=b"Edit %d" % i)


def test_a_watched_edit_is_served_and_no_worker_is_forked(daemon):
    d = daemon(conf(server={"watch": "1"}))
    (d.root / "history.gmi").write_text("# Seen\n")
    wait_for("the edit", lambda: is_served(d, text=b"Seen"))
    assert d.children() == d.workers


def test_a_hangup_while_content_is_read_is_not_lost(daemon):
    d = daemon(conf())
    for i in range(5):
        (d.root / "history.gmi").write_text("# Edit %d\n" % i)
        d.proc.send_signal(signal.SIGHUP)
    wait_for("the last edit", lambda: is_served(d, text=b"Edit 4"))


def test_status_tells_how_much_has_been_read(daemon):
    files = 8000

    def prepare(root):
        (root / "many").mkdir()
        for i in range(files):
            (root / "many" / ("%d.gmi" % i)).write_text("# Page\n")

    d = daemon(conf(selectors={"/many/": "many/"}), prepare=prepare)

    def reading():
        got = ctl("-c", d.path, "status", "--json").stdout
        return json.loads(got)["reading"]

    def seen():
        """In one of the loads, which are short."""
        for path in (d.root / "many").iterdir():
            os.utime(path)
        d.proc.send_signal(signal.SIGHUP)
        found = {reading() for _ in range(20)} - {0}
        return found and all(n % 1000 == 0 and n <= files for n in found)

    wait_for("some progress", seen, 4 * server.START)
    wait_for("the end", lambda: reading() == 0)


# -- the store --


def test_a_restart_takes_up_the_store(tmp_path):
    text = conf(server={"store": str(tmp_path / "store")},
                gopher={"port": "70"})  # menus name it
    with server.running(tmp_path, text) as d:
        assert is_served(d)
    segments = {path: path.stat().st_size
                for path in files_of(tmp_path, "segment.")}
    assert segments
    with server.running(tmp_path, text) as d:
        assert is_served(d)
    # Nothing was rendered into it again.
    assert segments == {path: path.stat().st_size
                        for path in files_of(tmp_path, "segment.")}


@root_only
def test_the_store_is_made_for_its_user_alone(daemon, tmp_path):
    daemon(with_store(tmp_path))
    found = (tmp_path / "store").stat()
    assert found.st_uid == server.pwd.getpwnam("bin").pw_uid
    assert found.st_mode & 0o7777 == 0o700


@root_only
def test_without_a_folder_for_the_store_a_temporary_one_is_used(daemon,
                                                               tmp_path):
    (tmp_path / "store").write_text("a file\n")
    d = daemon(with_store(tmp_path))
    assert is_served(d)
    assert re.search(r" warn .*%s.*a temporary store is used instead"
                     % (tmp_path / "store"), d.log())


@root_only
def test_a_store_that_is_somebody_elses_is_left_alone(daemon, tmp_path):
    (tmp_path / "store").mkdir(mode=0o700)
    os.chown(tmp_path / "store", 1234, 1234)
    d = daemon(with_store(tmp_path))
    assert is_served(d)
    assert "a temporary store is used instead" in d.log()
    assert not os.listdir(tmp_path / "store")


def temporary_stores():
    return {path for place in ("/var/tmp", "/tmp")
            for path in pathlib.Path(place).glob("capsuled-store.*")}


@root_only
def test_nothing_is_left_of_a_temporary_store(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    server.let_in(tmp_path)
    place.chmod(0o777)
    env = dict(os.environ, TMPDIR=str(place))
    with server.running(tmp_path, env=env, steady=False) as d:
        assert len(os.listdir(place)) == 1
        os.kill(content_of(d), signal.SIGKILL)
        wait_for("another one", lambda: d.contents() and is_served(d))
        wait_for("one folder", lambda: len(os.listdir(place)) == 1)
        d.reload()
        wait_for("the old one to go", lambda: len(d.contents()) == 1)
        wait_for("its folder to go", lambda: len(os.listdir(place)) == 1)
    assert not os.listdir(place)


@root_only
def test_what_a_killed_daemon_left_is_removed_by_a_later_one(tmp_path):
    """An empty folder, for its files have no names."""
    place = tmp_path / "place"
    place.mkdir()
    server.let_in(tmp_path)
    place.chmod(0o777)
    env = dict(os.environ, TMPDIR=str(place))
    text = conf(selectors={"/search": "@search"})
    with server.running(tmp_path, text, env=env) as lives:
        wait_for("a search", lambda: gemini(
            lives.gemini, url("/search?history")).status == 20)
        folder, = place.iterdir()
        (tmp_path / "other").mkdir()
        killed = server.Daemon(tmp_path / "other", text, env=env)
        processes = server.children(killed.pid)
        killed.kill()
        wait_for("its end", lambda: not any(map(server.is_running,
                                                processes)))
        assert all(path.is_dir() and not os.listdir(path)
                   for path in place.iterdir())
        for path in place.iterdir():
            os.utime(path, (0, 0))
        (tmp_path / "third").mkdir()
        with server.running(tmp_path / "third", text, env=env):
            left = list(place.iterdir())
            assert folder in left and len(left) == 2
        assert list(place.iterdir()) == [folder]
        (lives.root / "history.gmi").write_text("# Still written\n")
        lives.rescan()
        assert is_served(lives, text=b"Still written")
    assert not os.listdir(place)


def test_a_reload_that_is_refused_leaves_the_store_to_the_old_one(daemon,
                                                                  tmp_path):
    d = daemon(with_store(tmp_path), steady=False)
    d.rewrite(with_store(tmp_path, workers="none"))
    d.proc.send_signal(signal.SIGHUP)
    wait_for("the refusal", lambda: "not reloaded" in d.log())
    (d.root / "history.gmi").write_text("# Still written\n")
    d.rewrite(with_store(tmp_path))
    d.signal(signal.SIGHUP)
    wait_for("the edit", lambda: is_served(d, text=b"Still written"))


def test_reloads_hand_the_store_over(daemon, tmp_path):
    d = daemon(with_store(tmp_path), steady=False)
    for i in range(5):
        (d.root / "history.gmi").write_text("# Reload %d\n" % i)
        d.reload()
        assert is_served(d, text=b"Reload %d" % i)
    wait_for("one content process", lambda: len(d.contents()) == 1)
    assert "temporary" not in d.log()


# -- long work --

PROGRESS = re.compile(rb"\r\x1b\[Kcontent: (#*)(\.*) (\d+) %, \d+ files read\r")


def read_until_closed(fd, to):
    with contextlib.suppress(OSError), open(fd, "rb", buffering=0) as f:
        while piece := f.read(1 << 16):
            to.append(piece)


@contextlib.contextmanager
def terminal():
    """The end that a daemon writes to, and a list of what it has written."""
    above, below = pty.openpty()
    said = []
    reader = threading.Thread(target=read_until_closed, args=(above, said))
    reader.start()
    try:
        yield below, said
    finally:
        os.close(below)
        reader.join(timeout=server.START)


TERMINAL = {**os.environ, "TERM": "xterm"}


def lay_many(root):
    """What it takes a while to read."""
    for i in range(20000):
        (root / "files" / ("%d.gmi" % i)).write_text("# A\n")


def test_a_long_first_start_shows_a_bar_on_a_terminal(daemon):
    with terminal() as (below, said):
        d = daemon(conf(), lay_many, env=TERMINAL, stderr=below)
        assert is_served(d)
        d.stop()
    text = b"".join(said)
    steps = PROGRESS.findall(text)
    assert steps, text
    parts = [int(part) for _, _, part in steps]
    assert parts == sorted(parts) and parts[-1] <= 100
    for full, rest, part in steps:
        assert len(full + rest) == 40
        assert len(full) * 100 // 40 <= int(part) + 1
    # The bar is gone before the message that the build is done.
    end = text[text.rindex(b"files read\r"):]
    assert end.startswith(b"files read\r\r\x1b[K\r"), text
    assert b"content: #" not in re.sub(PROGRESS, b"", text), text


def test_nothing_but_messages_goes_where_no_terminal_is(daemon):
    d = daemon(conf(), lay_many, env=TERMINAL)
    assert is_served(d)
    d.stop()
    assert not re.search(r"\r|\x1b|content: [#.]", d.log())


def test_a_terminal_that_can_do_nothing_shows_no_bar(daemon):
    with terminal() as (below, said):
        d = daemon(conf(), lay_many, env={**TERMINAL, "TERM": "dumb"},
                   stderr=below)
        assert is_served(d)
        d.stop()
    assert b"\x1b" not in b"".join(said)


# -- deaths --


@pytest.mark.parametrize("named", [True, False])
def test_pages_go_on_while_it_is_dead(daemon, tmp_path, named):
    d = daemon(with_store(tmp_path) if named else conf(), steady=False)
    wrong = []
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            if not is_served(d):
                wrong.append(gopher(d.gopher, HOME))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(3):
            old = content_of(d)
            os.kill(old, signal.SIGKILL)
            wait_for("another one",
                     lambda: d.contents() and d.contents() != [old])
    finally:
        stop.set()
        asking.join()
    assert not wrong
    assert d.children() == d.workers
    (d.root / "history.gmi").write_text("# After all\n")
    d.rescan()
    assert is_served(d, text=b"After all")


def test_new_large_files_are_refused_while_it_is_dead_and_then_served(daemon):
    d = daemon(conf(), steady=False)
    size = (d.root / "big.bin").stat().st_size
    os.kill(content_of(d), signal.SIGSTOP)
    os.kill(content_of(d), signal.SIGKILL)
    answer = gopher(d.gopher, b"/big.bin\r\n")
    assert len(answer) == size or answer.startswith(b"3This file cannot be")
    wait_for("the file", lambda: len(gopher(d.gopher, b"/big.bin\r\n"))
             == size)
    old = content_of(d)
    os.kill(old, signal.SIGKILL)
    # It is open already.
    assert len(gopher(d.gopher, b"/big.bin\r\n")) == size


def test_who_waits_for_a_large_file_is_told_when_it_dies(daemon):
    d = daemon(conf(), steady=False)
    pid = content_of(d)
    os.kill(pid, signal.SIGSTOP)
    got = []
    asking = threading.Thread(target=lambda: got.append(
        gemini(d.gemini, url("/big.bin"))))
    asking.start()
    wait_for("the question", lambda: is_served(d))
    os.kill(pid, signal.SIGKILL)
    asking.join(server.START)
    assert got and got[0].status in (40, 20)


def slow_page(words):
    """A page that takes seconds to be rendered: links in other letters."""
    return "".join("=> gemini://\u00fc%d.\u00e4\u00f6\u00fc\u00df.example/ x\n" % i
                   for i in range(words))


@pytest.mark.slow
def test_a_file_that_kills_it_twice_is_left_out(daemon, tmp_path):
    server.write_capsule(tmp_path / "root")
    d = daemon(conf(), steady=False, options=["-vv"])
    (d.root / "files" / "poison.gmi").write_text(slow_page(40000))
    reading = "reading %s" % (d.root / "files" / "poison.gmi")
    d.proc.send_signal(signal.SIGHUP)
    for i in range(2):
        wait_for("it to be read",
                 lambda: d.log().count(reading) > i, 2 * server.START)
        os.kill(content_of(d), signal.SIGKILL)
        wait_for("its death", lambda: d.log().count("was killed while") > i)
    wait_for("what is left",
             lambda: "it is left out until it changes" in d.log())
    (d.root / "history.gmi").write_text("# Without it\n")
    d.rescan()
    assert is_served(d, text=b"Without it")
    assert gopher(d.gopher, b"/files/poison.gmi\r\n").startswith(b"3")
    wait_for("a later second", lambda: time.time() > os.stat(
        d.log_path).st_mtime + 1)
    (d.root / "files" / "poison.gmi").write_text("# Mended\n")
    d.rescan()
    assert is_served(d, b"/files/poison.gmi\r\n", b"Mended")


def test_a_file_that_was_read_when_others_were_killed_is_not_left_out(daemon):
    """Only one that is read each time, with no whole look in between."""
    d = daemon(conf(), steady=False, options=["-vv"])
    page = d.root / "files" / "long.gmi"
    for i in range(3):
        page.write_text("# Version %d\n" % i + slow_page(12000))
        d.proc.send_signal(signal.SIGHUP)
        wait_for("it to be read",
                 lambda: d.log().count("reading %s" % page) > 2 * i,
                 2 * server.START)
        os.kill(content_of(d), signal.SIGKILL)
        wait_for("its death",
                 lambda: d.log().count("was killed while it read") > i)
        wait_for("the page", lambda: is_served(
            d, b"/files/long.gmi\r\n", b"Version %d" % i), 2 * server.START)
    assert "left out" not in d.log()


# -- damage --


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "cut":
        os.truncate(path, len(data) // 2)
        return
    rng = random.Random(path.name)
    with open(path, "r+b") as f:
        for _ in range(max(8, len(data) // 64)):
            at = rng.randrange(len(data))
            f.seek(at)
            f.write(bytes([data[at] ^ 1 << rng.randrange(8)]))


@pytest.mark.parametrize("how", ["cut", "flipped"])
@pytest.mark.parametrize("kind", ["segment.", "base.", "root"])
def test_a_damaged_store_gives_no_wrong_page_and_is_mended(daemon, tmp_path,
                                                           how, kind):
    d = daemon(with_store(tmp_path), steady=False)
    selectors = [b"/history\r\n", b"/plain.txt\r\n", b"/files/\r\n",
                 b"/both\r\n", b"/data.bin\r\n"]
    right = {s: gopher(d.gopher, s) for s in selectors}
    for path in files_of(tmp_path, kind):
        damage(path, how)

    def all_right():
        got = {s: gopher(d.gopher, s) for s in selectors}
        for s, answer in got.items():
            assert answer == right[s] or answer.startswith(b"3"), s
        return got == right

    deadline = time.monotonic() + 2 * server.START
    for i in range(20):
        all_right()
        if i % 5 == 4:
            with contextlib.suppress(IndexError):
                os.kill(content_of(d), signal.SIGKILL)
    wait_for("what is right", all_right, deadline - time.monotonic())


@contextlib.contextmanager
def small_disk(folder, size):
    """A file system of so many bytes, as the store's folder."""
    folder.mkdir()
    how = "size=%d,mode=700,uid=%d" % (
        size, server.pwd.getpwnam("bin").pw_uid)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", how, "tmpfs", folder],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("no tmpfs can be mounted here: " + done.stderr)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@root_only
@pytest.mark.parametrize("killed", [False, True])
def test_a_full_disk_spoils_no_page_and_service_is_back_by_itself(tmp_path,
                                                                  killed):
    text = conf(server={"store": str(tmp_path / "store"), "watch": "auto",
                        "rescan": "1", "workers": "2"},
                selectors={"/search": "@search"})
    with small_disk(tmp_path / "store", 8 << 20) as disk, \
            server.running(tmp_path, text, steady=False) as d:
        assert is_served(d)
        right = gopher(d.gopher, HOME)
        filler = disk / "filler"
        with contextlib.suppress(OSError), open(filler, "wb", 0) as f:
            while f.write(bytes(4096)):
                pass
        page = d.root / "history.gmi"
        for i in range(20):
            new = page.with_name(page.name + "~")
            new.write_text("# Edit %d\n" % i + "Words of edit %d.\n" % i
                           * 2000)
            os.replace(new, page)
            if killed and i % 5 == 4:
                os.kill(content_of(d), signal.SIGKILL)
            got = gopher(d.gopher, HOME)
            seen = set(re.findall(rb"[Ee]dit (\d+)", got))
            assert got == right or (len(seen) == 1
                                    and got.count(b"Words") == 2000)
        wait_for("a word about it", lambda: "No space left" in d.log())
        filler.unlink()
        wait_for("the last edit", lambda: is_served(d, text=b"Edit 19"),
                 2 * server.START)
        wait_for("the search to know it", lambda: b"/history" in gemini(
            d.gemini, url("/search?words")).body, 4 * server.START)


# -- large files --


@root_only
@pytest.mark.slow
def test_many_large_files_take_few_descriptors(tmp_path):
    server.write_capsule(tmp_path / "root")
    folder = tmp_path / "root" / "large"
    folder.mkdir()
    n, size = 5000, 300 << 10
    for i in range(n):
        with open(folder / ("%d.bin" % i), "wb") as f:
            f.write(b"%d\n" % i)
            f.truncate(size)

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))

    text = conf(selectors={"/large/": "large/"})
    with server.running(tmp_path, text, preexec_fn=limit) as d:
        for i in range(0, n, 23):
            got = gopher(d.gopher, b"/large/%d.bin\r\n" % i)
            assert len(got) == size and got.startswith(b"%d\n" % i)
        for pid in [d.pid, *server.children(d.pid)]:
            assert server.descriptors(pid) <= 200


def test_a_large_file_in_place_of_another_is_found_by_itself(daemon):
    d = daemon(conf())
    size = (d.root / "big.bin").stat().st_size
    new = d.root / "files" / "new"
    new.write_bytes(b"n" * (size + 1))
    os.replace(new, d.root / "big.bin")
    wait_for("the new one", lambda: len(gopher(d.gopher, b"/big.bin\r\n"))
             == size + 1)


def test_what_is_protected_by_an_edit_is_protected_in_the_store(daemon):
    """A link that leads to what is protected is protected after a rescan."""
    d = daemon(conf(access={"/files/sub/*": "any"}))
    (d.root / "files" / "open.txt").write_text("open\n")
    d.rescan()
    assert is_served(d, b"/files/open.txt\r\n", b"open")
    (d.root / "files" / "open.txt").unlink()
    (d.root / "files" / "open.txt").symlink_to("sub/leaf")
    d.rescan()
    assert b"leaf" not in gopher(d.gopher, b"/files/open.txt\r\n")
    assert gemini(d.gemini, url("/files/open.txt")).status == 60
