"""Processes that hang, as on a file system that does not answer any more.

A process that is stopped is as silent as one that the kernel keeps, but ends
when it is killed; one that is traced does not seem to end.
"""
import contextlib
import ctypes
import os
import signal
import threading
import time

import pytest

import control
import server
from client import gemini, gopher, url
from server import conf, let_pass, wait_for
from test_content import slow_page
from test_metrics import counts
from test_search_process import finds, searched

HANG_S = 2  # configured where a test waits for it
PTRACE_SEIZE = 0x4206
NOT_RELOADED = [
    "problem not reloaded: the content process did not answer, as on a file "
    "system that hangs; what was served is still served", "failed"]


def impatient(**sections):
    return conf(server={"hang_timeout": "%ds" % HANG_S}, **sections)


def only(pids):
    pid, = pids
    return pid


def stop_content(d):
    pid = only(wait_for("a content process", d.contents))
    os.kill(pid, signal.SIGSTOP)
    return pid


def is_replaced(d, old):
    now = d.contents()
    return len(now) == 1 and now[0] != old


def reload_lines(d):
    return control.ask(control.path_of(d), b"reload")


def edition(d, number):
    (d.root / "history.gmi").write_text("# Edition %d\n" % number)


def serves_edition(d, number):
    return b"Edition %d" % number in gopher(d.gopher, b"/history\r\n")


@contextlib.contextmanager
def kept_from_ending(pid):
    """Whoever is killed meanwhile has not ended for the master."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    if libc.ptrace(PTRACE_SEIZE, pid, 0, 0) != 0:
        pytest.skip("may not trace: " + os.strerror(ctypes.get_errno()))
    yield
    os.waitpid(pid, 0x40000000)  # __WALL


def test_a_content_process_that_hangs_is_replaced_and_pages_do_not_wait(
        daemon):
    d = daemon(impatient(), steady=False)
    old = stop_content(d)
    while not is_replaced(d, old):
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
    assert ("the content process %d has said nothing for %d s: killed"
            % (old, HANG_S)) in d.log()
    edition(d, 2)
    assert reload_lines(d) == ["done"]
    assert serves_edition(d, 2)
    assert d.children() == d.workers


def test_a_content_process_that_lives_is_not_replaced(daemon):
    d = daemon(impatient())
    start = time.monotonic()
    while time.monotonic() < start + 2 * HANG_S:
        assert b"1996" in gopher(d.gopher, b"/history\r\n")
        let_pass(0.1, "it is asked meanwhile")
    assert "nothing" not in d.log()


def test_large_files_get_40_where_nobody_can_open_them(daemon):
    d = daemon(impatient(), steady=False)
    old = stop_content(d)
    assert gemini(d.gemini, url("/big.bin")).status == 40
    wait_for("another process", lambda: is_replaced(d, old))
    wait_for("the file", lambda: gemini(d.gemini, url("/big.bin")).status
             == 20)


def test_a_reload_of_content_that_hangs_is_refused_and_the_next_is_done(
        daemon):
    d = daemon(impatient(), steady=False)
    old = stop_content(d)
    edition(d, 2)
    later = []
    first = threading.Thread(target=lambda: later.append(reload_lines(d)))
    first.start()
    assert reload_lines(d) == NOT_RELOADED
    first.join(server.START)
    assert later == [NOT_RELOADED]
    wait_for("another process", lambda: is_replaced(d, old))
    edition(d, 3)
    assert reload_lines(d) == ["done"]
    assert serves_edition(d, 3)
    assert d.children() == d.workers


def test_a_whole_reload_goes_on_when_the_old_content_process_hangs(daemon):
    d = daemon(impatient(), steady=False)
    old = stop_content(d)
    edition(d, 2)
    os.utime(d.path)
    assert reload_lines(d) == ["done"]
    assert serves_edition(d, 2)
    assert is_replaced(d, old)
    assert not set(d.children()) & set(d.workers)


def hang_the_next(d, old):
    """Begin a whole reload, whose content process stops over a slow page."""
    (d.root / "history.gmi").write_text(slow_page(20000))
    os.utime(d.path)
    d.proc.send_signal(signal.SIGHUP)
    pid = only(wait_for("the next one", lambda: [
        pid for pid in d.contents() if pid != old]))
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_a_whole_reload_whose_content_process_hangs_is_refused(daemon):
    d = daemon(impatient(), steady=False)
    pid = hang_the_next(d, only(d.contents()))
    assert reload_lines(d) == NOT_RELOADED
    assert not server.is_running(pid)
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    # The reload that waited for that one is done.
    wait_for("another reload", lambda: "reloaded " in d.log())
    edition(d, 2)
    assert reload_lines(d) == ["done"]
    assert serves_edition(d, 2)


def test_nobody_waits_for_a_process_that_does_not_even_end(daemon):
    d = daemon(impatient(), steady=False)
    old = stop_content(d)
    with kept_from_ending(old):
        assert reload_lines(d) == NOT_RELOADED
        wait_for("another process", lambda: [
            pid for pid in d.contents() if pid != old])
        assert "content process %d was killed and does not end" % old in d.log()
        edition(d, 2)
        assert reload_lines(d) == ["done"]
        assert serves_edition(d, 2)
    wait_for("its end", lambda: not os.path.exists("/proc/%d" % old))
    assert d.children() == d.workers


def test_a_daemon_whose_content_process_hangs_stops_in_time(daemon):
    d = daemon(conf(), steady=False)
    stop_content(d)
    d.stop()


def test_a_process_for_metrics_that_hangs_holds_up_nobody(daemon):
    d = daemon(impatient(metrics={"listen": "127.0.0.1:0"}), steady=False)
    old = only(d.exporters())
    os.kill(old, signal.SIGSTOP)
    edition(d, 2)
    assert reload_lines(d) == ["done"]
    assert serves_edition(d, 2)
    wait_for("another process", lambda: d.exporters() not in ([], [old]))
    assert "the metrics process %d has said nothing" % old in d.log()
    assert counts(d)["capsuled_workers"] == 1


def test_reloads_do_not_wait_for_a_process_for_metrics_that_hangs(daemon):
    d = daemon(conf(metrics={"listen": "127.0.0.1:0"}), steady=False)
    old = only(d.exporters())
    os.kill(old, signal.SIGSTOP)
    try:
        os.utime(d.path)
        assert reload_lines(d) == ["done"]
        assert counts(d)["capsuled_workers"] == 1
    finally:
        os.kill(old, signal.SIGCONT)


def test_reloads_do_not_wait_for_a_search_process_that_hangs(daemon):
    d = searched(daemon, steady=False)
    old = only(d.searchers())
    os.kill(old, signal.SIGSTOP)
    edition(d, 2)
    assert reload_lines(d) == ["done"]
    assert serves_edition(d, 2)
    os.utime(d.path)
    assert reload_lines(d) == ["done"]
    wait_for("the search", lambda: finds(d))
    os.kill(old, signal.SIGCONT)
    wait_for("its end", lambda: len(d.searchers()) == 1)
