"""The search process: the one that looks for words, so that no other has to.

What becomes of a search when it dies, hangs, is slow, is asked too much, or
when it or a worker says what neither of them says.
"""
import os
import pathlib
import re
import signal
import urllib.parse

import pytest

import server
import worker
from client import Plain, Reply, Tls, gemini, gopher, url
from crowd import SANITIZED
from server import conf, wait_for
from test_keyproc import as_root
from test_metrics import counts

FREE = {"rate": "0", "workers": "1"}
WORDS = b"/search\tmanagement\r\n"
# Files full of words that begin alike: looking for the beginning takes longer
# than a search may.
SLOW_FILES, SLOW_WORDS = 100, 20000
# Bytes of the records.
QUESTION, ANSWER = 1064, 348
AT_ONCE = 8  # searches of one address that wait in a worker's name


def searched(daemon, server_keys=None, prepare=None, metrics=None, **how):
    def fill(root):
        (root / "management.gmi").write_text("# Management\nOf managers.\n")
        if prepare is not None:
            prepare(root)

    selectors = {"/search": "@search", "/management.gmi": "management.gmi"}
    return daemon(conf(server={**FREE, **(server_keys or {})},
                       metrics=metrics, selectors=selectors), fill, **how)


def ask(d, words="management"):
    return gemini(d.gemini, url("/search?" + urllib.parse.quote(words)))


def finds(d):
    return b"=> /management.gmi" in ask(d).body and \
        b"1Management\t/management.gmi\t" in gopher(d.gopher, WORDS)


def assert_no_search(d):
    got = ask(d)
    assert (got.status, got.meta) == (
        40, "The search is not available just now")
    assert gopher(d.gopher, WORDS).startswith(
        b"3The search is not available just now\t")
    assert b"1996" in gopher(d.gopher, b"/history\r\n")


def another(d, old):
    now = d.searchers()
    return len(now) == 1 and now != [old]


# -- who holds the index --


def test_without_a_search_there_is_no_process(daemon):
    d = daemon()
    assert d.searchers() == []


def files_of(pid):
    return [os.readlink(str(fd)) for fd in
            pathlib.Path("/proc/%d/fd" % pid).iterdir()]


@as_root
def test_nobody_else_holds_an_index(daemon):
    """No worker could get at what it was not given."""
    d = searched(daemon, {"workers": "2"})
    assert finds(d)
    assert any("capsuled-search" in name or ".index" in name
               for name in files_of(d.searchers()[0]))
    for pid in (d.pid, *d.workers, *d.key_process):
        assert not any("capsuled-search" in name or ".index" in name
                       for name in files_of(pid))


@as_root
def test_the_search_process_is_nobody_and_has_no_other_socket(daemon):
    d = searched(daemon, {"workers": "2"})
    pid, = d.searchers()
    wait_for("a search", lambda: finds(d))
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    assert "0" not in re.search(r"Uid:(.*)", status)[1].split()
    for key in ("CapEff", "CapPrm"):
        assert int(re.search(key + r":\s*(\w+)", status)[1], 16) == 0
    # The master's channel and the log's, the content process, two workers.
    wait_for("two workers", lambda: sum(
        name.startswith("socket:") for name in files_of(pid)) == 3 + 2)


@pytest.mark.skipif(SANITIZED or os.uname().sysname != "Linux",
                    reason="sanitizers work without fences")
def test_the_search_process_is_behind_its_fences(daemon):
    d = searched(daemon)
    assert finds(d)
    status = pathlib.Path("/proc/%d/status" % d.searchers()[0]).read_text()
    assert re.search(r"Seccomp:\s*2\n", status)
    assert re.search(r"NoNewPrivs:\s*1\n", status)


# -- when it dies or hangs --


def test_a_killed_search_process_is_replaced_and_workers_stay(daemon):
    d = searched(daemon, {"workers": "2"}, steady=False)
    for _ in range(3):
        old, = d.searchers()
        os.kill(old, signal.SIGKILL)
        wait_for("another process", lambda: another(d, old))
        wait_for("both workers to find",
                 lambda: all(finds(d) for _ in range(4)))
    assert d.children() == d.workers
    assert "search process %d died" % old in d.log()


def test_while_there_is_no_search_process_all_else_is_served(daemon):
    d = searched(daemon, steady=False)
    os.kill(d.pid, signal.SIGSTOP)  # who would replace it
    try:
        old, = d.searchers()
        os.kill(old, signal.SIGKILL)
        wait_for("its end", lambda: not server.is_running(old))
        assert_no_search(d)
    finally:
        os.kill(d.pid, signal.SIGCONT)
    wait_for("the search", lambda: finds(d))


def test_a_search_that_waits_ends_when_the_process_dies(daemon):
    d = searched(daemon, steady=False)
    old, = d.searchers()
    os.kill(old, signal.SIGSTOP)
    with Tls(d.gemini) as c:
        c.send(url("/search?management").encode() + b"\r\n")
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
        os.kill(old, signal.SIGKILL)
        assert Reply(c.read_all()).status == 40
    wait_for("the search", lambda: finds(d))


def test_a_hung_search_process_is_ended_and_pages_do_not_wait(daemon):
    d = searched(daemon, steady=False)
    old, = d.searchers()
    os.kill(old, signal.SIGSTOP)
    with Tls(d.gemini) as c:
        c.send(url("/search?management").encode() + b"\r\n")
        for _ in range(10):
            assert b"1996" in gopher(d.gopher, b"/history\r\n")
        assert Reply(c.read_all()).status == 40
    wait_for("another process", lambda: another(d, old))
    wait_for("the search", lambda: finds(d))
    assert d.children() == d.workers
    assert "the search process %d does not answer: killed" % old in d.log()


def test_who_goes_away_while_a_search_waits_is_let_go(daemon):
    d = searched(daemon)
    pid, = d.searchers()
    before = server.descriptors(d.workers[0])
    os.kill(pid, signal.SIGSTOP)
    try:
        with Tls(d.gemini) as c:
            c.send(url("/search?management").encode() + b"\r\n")
            assert c.is_silent(0.05)
        wait_for("the worker to let go",
                 lambda: server.descriptors(d.workers[0]) == before)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert finds(d)
    ends = [a.get("end") for a in d.accesses()]
    assert "gone" in ends


def test_a_reload_brings_a_process_of_its_own_and_the_old_one_goes(daemon):
    d = searched(daemon, steady=False)
    old, = d.searchers()
    (d.root / "management.gmi").write_text("# Management\nOf okapis.\n")
    d.signal(signal.SIGHUP)
    wait_for("another process", lambda: another(d, old))
    assert b"=> /management.gmi" in ask(d, "okapis").body
    assert "search process" not in d.log()  # none of them has died


def test_a_stopped_daemon_leaves_no_search_process(daemon):
    d = searched(daemon)
    pid, = d.searchers()
    d.signal(signal.SIGTERM)
    assert d.proc.wait(timeout=server.START) == 0
    assert not server.is_running(pid)


def test_a_killed_master_takes_the_search_process_along(daemon):
    d = searched(daemon, steady=False)
    pid, = d.searchers()
    d.proc.kill()
    d.proc.wait()
    wait_for("its end", lambda: not server.is_running(pid))


# -- the index --


def index_of(folder):
    found, = (folder / "store" / "search").glob("*.index")
    return found


def stored(daemon, **how):
    """With a store, and indexes, that outlive the daemon."""
    folder = how.pop("folder")
    return searched(daemon, {"store": str(folder / "store")}, **how)


def test_an_edit_is_found_without_another_process(daemon, tmp_path):
    d = stored(daemon, folder=tmp_path, steady=False)
    pid, = d.searchers()
    for word in ("okapis", "marmots"):
        (d.root / "management.gmi").write_text("# Management\nOf %s.\n" % word)
        d.signal(signal.SIGHUP)
        wait_for("the edit", lambda: b"=> /management.gmi"
                 in ask(d, word).body)
    assert b"=> /management.gmi" not in ask(d, "okapis").body
    assert b"=> /management.gmi" not in ask(d, "managers").body


def test_a_replaced_process_goes_on_with_its_index(daemon, tmp_path):
    d = stored(daemon, folder=tmp_path, steady=False)
    assert finds(d)
    before = index_of(tmp_path).stat().st_ino
    old, = d.searchers()
    os.kill(old, signal.SIGKILL)
    wait_for("another process", lambda: another(d, old))
    wait_for("the search", lambda: finds(d))
    assert index_of(tmp_path).stat().st_ino == before


def test_a_damaged_index_is_made_anew(daemon, tmp_path):
    d = stored(daemon, folder=tmp_path, steady=False)
    assert finds(d)
    old, = d.searchers()
    os.kill(d.pid, signal.SIGSTOP)
    try:
        os.kill(old, signal.SIGKILL)
        wait_for("its end", lambda: not server.is_running(old))
        path = index_of(tmp_path)
        path.write_bytes(b"junk" * (path.stat().st_size // 4))
    finally:
        os.kill(d.pid, signal.SIGCONT)
    wait_for("the search", lambda: finds(d))


DAMAGED_PAGES = 300


def damage_index(path, how):
    size = path.stat().st_size
    if how == "removed":
        path.unlink()
    elif how == "junk":
        path.write_bytes(b"junk" * (size // 4))
    elif how == "flipped":
        data = bytearray(path.read_bytes())
        for at in range(0, size, 101):
            data[at] ^= 1 << at % 8
        path.write_bytes(data)
    else:
        os.truncate(path, size // 3 if how == "cut" else 0)


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("how", ["cut", "emptied", "removed", "junk",
                                 "flipped"])
def test_an_index_damaged_under_load_finds_no_wrong_page_and_is_mended(
        daemon, tmp_path, how, killed):
    def prepare(root):
        for i in range(DAMAGED_PAGES):
            (root / "files" / ("%d.gmi" % i)).write_text(
                "# Page n%dn\n" % i + " ".join(
                    "w%d" % (i * k % 9973) for k in range(100)))

    def is_right(i, word="n%dn"):
        got = ask(d, word % i)
        links = re.findall(rb"(?m)^=> (/files/\S+)", got.body)
        assert got.status == 40 or links in (
            [], [b"/files/%d.gmi" % i]), got.body
        return got.status == 20 and links

    d = stored(daemon, folder=tmp_path, prepare=prepare, steady=False)
    wait_for("all to be indexed", lambda: all(
        is_right(i) for i in range(0, DAMAGED_PAGES, 10)), 4 * server.START)
    old, = d.searchers()
    damage_index(index_of(tmp_path), how)
    if killed:
        os.kill(old, signal.SIGKILL)
    for i in range(3):
        (d.root / "files" / ("%d.gmi" % i)).write_text("# Page e%de\n" % i)
    d.signal(signal.SIGHUP)
    wait_for("all to be found again", lambda: all(
        is_right(i) for i in range(3, DAMAGED_PAGES, 10)), 4 * server.START)
    wait_for("the edits", lambda: all(
        is_right(i, "e%de") for i in range(3)), 4 * server.START)


def test_pages_that_become_protected_are_not_found_any_more(daemon, tmp_path):
    d = stored(daemon, folder=tmp_path, steady=False)
    assert finds(d)
    d.rewrite(conf(server={**FREE, "store": str(tmp_path / "store")},
                   selectors={"/search": "@search",
                              "/management.gmi": "management.gmi"},
                   access={"/management.gmi": "any"}))
    d.signal(signal.SIGHUP)
    wait_for("the reload", lambda: "reloaded" in d.log())
    wait_for("the index", lambda: ask(d).status == 20
             and b"No page here has this word" in ask(d).body)


# -- what is slow, and who asks much --


def test_a_search_that_is_too_slow_is_ended_and_says_so(daemon):
    def prepare(root):
        (root / "files").mkdir(exist_ok=True)
        for i in range(SLOW_FILES):
            (root / "files" / ("slow%d.txt" % i)).write_text(" ".join(
                "slow%x" % ((i + k * 7) % 500000) for k in range(SLOW_WORDS)))

    d = searched(daemon, prepare=prepare)
    wait_for("all to be indexed", lambda: [
        reply for reply in (ask(d, "slow99"),) if reply.status == 20
        and b"looked through" not in reply.body], 4 * server.START)
    # Where it gets no processor in time, it is told to be away.
    ends = (b"took too long", b"was ended before its end")
    wait_for("an answer", lambda: any(
        end in ask(d, "slow").body for end in ends), 4 * server.START)
    wait_for("the same over Gopher", lambda: any(
        end in gopher(d.gopher, b"/search\tslow\r\n") for end in ends),
             4 * server.START)
    assert finds(d)


def test_too_many_searches_of_one_address_are_refused_and_no_others(daemon):
    d = searched(daemon, metrics={"listen": "127.0.0.1:0"})
    pid, = d.searchers()
    os.kill(pid, signal.SIGSTOP)
    waiting = []
    try:
        for i in range(AT_ONCE + 1):
            c = Plain(d.gopher, source="127.0.0.2")
            c.send(WORDS)
            waiting.append(c)
            assert b"1996" in gopher(d.gopher, b"/history\r\n")
        other = Plain(d.gopher, source="127.0.0.3")
        other.send(WORDS)
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
    finally:
        os.kill(pid, signal.SIGCONT)
    with other:
        assert b"/management.gmi" in other.read_all().data
    answers = []
    for c in waiting:
        with c:
            answers.append(c.read_all().data)
    refused = [a for a in answers if a.startswith(
        b"3Too many searches just now: try again in a moment\t")]
    assert len(refused) == 1
    assert sum(b"/management.gmi" in a for a in answers) == AT_ONCE
    counted = counts(d)
    assert counted['capsuled_searches_total{result="refused"}'] == 1
    assert counted['capsuled_searches_total{result="done"}'] == AT_ONCE + 1
    assert counted["capsuled_search_milliseconds_total"] > 0


# -- what neither says to the other --


@as_root
def test_a_worker_that_forges_a_question_is_hung_up_on(daemon):
    """It alone, and it is led there anew: it may have been an honest one."""
    d = searched(daemon, {"workers": "2"}, steady=False)
    pid, = d.searchers()
    assert finds(d)
    for forged in (b"", b"abc", bytes(4096), b"\xff" * QUESTION):
        with worker.take(d.workers[0], worker.is_way_to_search) as s:
            s.send(forged)
            wait_for("both workers to find",
                     lambda: all(finds(d) for _ in range(4)))
    assert d.searchers() == [pid]
    assert d.children() == d.workers


def way_of(pid):
    """The last way of the process; closed, another one has to come."""
    found = [s for s in worker.borrow(pid) if worker.is_way(s)]
    for s in found[:-1]:
        s.close()
    return found[-1] if found else None


@as_root
def test_a_search_process_that_forges_an_answer_is_hung_up_on(daemon):
    d = searched(daemon, steady=False)
    pid, = d.searchers()
    assert finds(d)  # so that the worker has been led there
    for forged in (b"abc", bytes(4096), b"\xff" * ANSWER, bytes(ANSWER)):
        with wait_for("its way", lambda: way_of(pid)) as s:
            s.send(forged)
        wait_for("the worker to find", lambda: finds(d))
    assert "the search process answers nonsense" in d.log()
    assert d.searchers() == [pid]
    assert d.children() == d.workers
