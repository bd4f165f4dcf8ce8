"""Master and workers: privileges, signals, reloads, and what survives what.

The peers' mistakes this file stands guard against: one dead child that takes
all others along, a reload that drops the old before the new is whole, a spin
when descriptors run out, and a worker that outlives its master.
"""
import errno
import os
import pwd
import re
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import server
from client import Plain, Reply, Tls, context, gemini, gopher, url
from server import conf, let_pass, wait_for

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
HUGE = 48 << 20  # bytes; more than any socket buffer takes
CODE_LITTLE = 256 << 10  # bytes; loading leaves eight times as many


def make_huge(root):
    with open(root / "huge.bin", "wb") as f:
        f.truncate(HUGE)


def history(d):
    return gopher(d.gopher, b"/history\r\n")


def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


# -- starting --


def test_the_ready_line_comes_once_and_names_the_ports(daemon):
    d = daemon()
    ports = r"[0-9]+(,[0-9]+)*"
    assert re.fullmatch("ready gemini=%s gopher=%s\n" % (ports, ports),
                        d.ready)
    assert d.after_ready == ""
    n = len(server.LISTEN.split())
    assert d.ready.count(",") == 2 * (n - 1)
    assert gemini(d.gemini, url("/history")).status == 20
    assert b"1996" in history(d)


def test_a_star_listens_in_both_families(daemon):
    d = daemon(conf(gemini={"listen": "*:0"}, gopher={"listen": "*:0"}))
    assert gemini(d.gemini, url("/history")).status == 20
    if server.IPV6:
        assert gemini(d.gemini6, url("/history"), address="::1").status == 20
        assert b"1996" in gopher(d.gopher6, b"/history\r\n", address="::1")


@pytest.mark.parametrize("off", ["gemini", "gopher"])
def test_one_protocol_alone_can_be_served(daemon, off):
    d = daemon(conf(**{off: {"listen": "off"}}))
    assert off not in d.ready
    if off == "gopher":
        assert gemini(d.gemini, url("/history")).status == 20
    else:
        assert b"1996" in history(d)


def start_and_fail(d, **how):
    """Start again what cannot start; the finished process and its pipe."""
    ready, tell = os.pipe()
    with os.fdopen(ready) as pipe:
        done = server.run("-c", d.path, "-R", str(tell), *how.pop("more", []),
                          pass_fds=[tell], **how)
        os.close(tell)
        return done, pipe.read()


@pytest.mark.parametrize("more", [["-f"], []])
@pytest.mark.parametrize("why", ["configuration", "access", "address"])
def test_a_failed_start_says_why_and_ends_the_ready_pipe(daemon, why, more):
    d = daemon()
    d.stop()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        here = "127.0.0.1:%d" % taken.getsockname()[1]
        text, words = {
            "configuration": (conf(server={"workers": "lots"}), "lots"),
            "access": (conf(access={"/": "none.txt"}), "none.txt"),
            "address": (conf(gopher={"listen": here}), here),
        }[why]
        d.path.write_text(text)
        done, line = start_and_fail(d, more=more)
    assert line == ""
    assert done.returncode == 1
    assert words in done.stderr, done.stderr


def test_service_managers_are_told_of_each_step(daemon, tmp_path):
    with notify_socket(str(tmp_path / "notify")) as s:
        d = daemon(steady=False,
                   env=dict(os.environ, NOTIFY_SOCKET=s.getsockname()))
        assert "READY=1" in s.recv(4096).decode().splitlines()
        d.signal(signal.SIGHUP)
        lines = until(s, "RELOADING=1")
        assert any(re.fullmatch("MONOTONIC_USEC=[0-9]+", one)
                   for one in lines)
        until(s, "READY=1")
        d.signal(signal.SIGTERM)
        until(s, "STOPPING=1")
        assert d.proc.wait(timeout=server.START) == 0


def test_an_abstract_notify_socket_is_found(daemon):
    name = "capsuled-test-%d" % os.getpid()
    with notify_socket("\0" + name) as s:
        daemon(env=dict(os.environ, NOTIFY_SOCKET="@" + name))
        assert "READY=1" in s.recv(4096).decode().splitlines()


def notify_socket(address):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.settimeout(server.START)
    s.bind(address)
    if not address.startswith("\0"):
        os.chmod(address, 0o777)
    return s


def until(s, line):
    """Datagrams until one holds the line; that one's lines."""
    while True:
        lines = s.recv(4096).decode().splitlines()
        if line in lines:
            return lines


@root_only
def test_workers_have_no_privileges_and_the_master_stays(daemon):
    d = daemon(conf(server={"workers": "2"}), extra_groups=[0, 4, 24])
    nobody = pwd.getpwnam("nobody")
    assert len(d.workers) == 2
    for pid in d.workers:
        got = status_of(pid)
        assert set(got["Uid"].split()) == {str(nobody.pw_uid)}
        assert set(got["Gid"].split()) == {str(nobody.pw_gid)}
        assert set(got["Groups"].split()) <= {str(nobody.pw_gid)}
        for kind in ("CapEff", "CapPrm", "CapInh"):
            assert int(got[kind], 16) == 0, kind
        if "NoNewPrivs" in got:  # not every kernel tells
            assert got["NoNewPrivs"].strip() == "1"
    assert status_of(d.pid)["Uid"].split()[1] == "0"
    assert gemini(d.gemini, url("/history")).status == 20


@root_only
def test_an_unknown_user_is_an_error(daemon):
    d = daemon()
    d.stop()
    d.path.write_text(conf(server={"user": "no-such-user"}))
    done, _ = start_and_fail(d, more=["-f"])
    assert done.returncode == 1
    assert re.search(r"capsuled\.ini:\d+: .*no-such-user", done.stderr)


@root_only
def test_every_accepted_descriptor_is_nonblocking_and_not_inherited(daemon):
    d = daemon()
    worker = d.workers[0]
    before = set(os.listdir("/proc/%d/fd" % worker))
    with Plain(d.gemini), Plain(d.gopher):
        new = wait_for("two connections", lambda: [
            fd for fd in os.listdir("/proc/%d/fd" % worker)
            if fd not in before][1:] and set(
                os.listdir("/proc/%d/fd" % worker)) - before)
        for fd in new:
            with open("/proc/%d/fdinfo/%s" % (worker, fd)) as f:
                flags = int(re.search(r"flags:\s*([0-7]+)", f.read())[1], 8)
            assert flags & os.O_NONBLOCK, fd
            assert flags & os.O_CLOEXEC, fd


# -- workers that die --


def test_a_killed_worker_is_replaced_and_nobody_notices(daemon):
    d = daemon(conf(server={"workers": "2"}), steady=False)
    for _ in range(2):
        old = d.children()
        os.kill(old[0], signal.SIGKILL)
        for _ in range(5):
            assert gemini(d.gemini, url("/history")).status == 20
        wait_for("a new worker", lambda: len(set(d.children()) - {old[0]})
                 == 2 and old[0] not in d.children())
    assert b"1996" in history(d)
    assert str(old[0]) in d.log()


def test_a_lone_worker_is_replaced_too(daemon):
    d = daemon(steady=False)
    os.kill(d.workers[0], signal.SIGKILL)
    wait_for("a new worker", lambda: d.children()
             and d.children() != d.workers)
    assert gemini(d.gemini, url("/history")).status == 20


def test_a_killed_master_takes_its_workers_along(daemon):
    d = daemon(conf(server={"workers": "2"}), steady=False)
    d.proc.kill()
    d.proc.wait()
    wait_for("the workers to go", lambda: not any(
        server.is_running(pid) for pid in d.workers), 8)
    with pytest.raises(OSError):
        Plain(d.gopher)


# -- reloading --


def put(d, words):
    """A new page, in place at once as editors do it."""
    new = d.root / "history.new"
    new.write_text("# %s\n" % words)
    os.replace(new, d.root / "history.gmi")


def test_a_reload_brings_new_content(daemon):
    d = daemon(steady=False)
    put(d, "Version two")
    assert b"1996" in history(d)
    d.reload()
    assert b"Version two" in history(d)
    got = gemini(d.gemini, url("/history"))
    assert got.body == b"# Version two\n"


def test_a_reload_brings_a_new_configuration(daemon):
    d = daemon(steady=False)
    d.rewrite(conf(selectors={"/new": "history.gmi", "/1998": None},
                   gopher={"columns": "30"}, server={"workers": "2"}))
    d.reload()
    assert b"1996" in gopher(d.gopher, b"/new\r\n")
    assert gemini(d.gemini, url("/new")).status == 20
    assert gemini(d.gemini, url("/1998")).status == 51
    wait_for("two workers", lambda: len(d.children()) == 2)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_a_reload_opens_new_doors_and_closes_old_ones(daemon):
    port = free_port()
    old = {"listen": "127.0.0.1:%d" % port}
    d = daemon(conf(gopher=old), steady=False)
    both = {"listen": "127.0.0.1:%d 127.0.0.1:%d" % (port, free_port())}
    new = {"listen": both["listen"].split()[1]}
    moved = int(new["listen"].split(":")[1])
    for listen, opened in ((both, {port: True, moved: True}),
                           (new, {port: False, moved: True})):
        d.rewrite(conf(gopher=listen))
        d.signal(signal.SIGHUP)
        for one, want in opened.items():
            wait_for("port %d" % one, lambda: is_open(one) == want, 5)
        assert b"1996" in gopher(moved, b"/history\r\n")
        assert gemini(d.gemini, url("/history")).status == 20


def test_a_reload_onto_a_taken_address_keeps_the_old_service(daemon):
    d = daemon()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        here = "127.0.0.1:%d" % taken.getsockname()[1]
        d.rewrite(conf(gopher={"listen": here}))
        d.signal(signal.SIGHUP)
        wait_for("the reason in the log", lambda: here in d.log())
    assert b"1996" in history(d)
    assert gemini(d.gemini, url("/history")).status == 20


def can_bind(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            s.listen()
        except OSError as e:
            assert e.errno == errno.EADDRINUSE
            return False
        return True


def test_a_reload_from_one_address_to_all_and_back(daemon):
    port = free_port()
    here = "127.0.0.1:%d" % port
    d = daemon(conf(gopher={"listen": here}), steady=False)
    assert not is_open(port, "127.0.0.2")
    for listen, others in (("*:%d" % port, True), (here, False)):
        d.rewrite(conf(gopher={"listen": listen}))
        d.reload()
        assert "not reloaded" not in d.log()
        wait_for("the other address",
                 lambda: is_open(port, "127.0.0.2") == others)
        assert b"1996" in gopher(port, b"/history\r\n")
        assert not can_bind(port)


@pytest.mark.parametrize("order", [1, -1], ids=["last", "first"])
def test_a_reload_takes_no_two_addresses_that_a_start_would_refuse(
        daemon, order):
    port = free_port()
    here, everywhere = "127.0.0.1:%d" % port, "0.0.0.0:%d" % port
    d = daemon(conf(gopher={"listen": here}))
    both = " ".join([here, everywhere][::order])
    d.rewrite(conf(gopher={"listen": both}))
    d.signal(signal.SIGHUP)
    wait_for("the reason", lambda: "not reloaded" in d.log())
    assert re.search(r"cannot listen on \S+:%d: Address already in use"
                     % port, d.log())
    assert b"1996" in gopher(port, b"/history\r\n")
    assert not is_open(port, "127.0.0.2")


def test_a_reload_brings_a_new_certificate(daemon, tmp_path):
    d, other = daemon(steady=False), daemon()
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(other.folder / "capsule.crt")
    with pytest.raises(ssl.SSLCertVerificationError):
        Tls(d.gemini, ctx=trust)
    for name in ("capsule.crt", "capsule.key"):
        (d.folder / name).write_bytes((other.folder / name).read_bytes())
    d.signal(signal.SIGHUP)

    def is_new():
        try:
            return gemini(d.gemini, url("/history"), ctx=trust).status == 20
        except ssl.SSLCertVerificationError:
            return False
    wait_for("the new certificate", is_new)


def broken_configuration(d):
    text = conf(server={"workers": "lots"})
    d.rewrite(text)
    return r"capsuled\.ini:\d+: .*lots"


def missing_access(d):
    d.rewrite(conf(access={"/history": "none.txt"}))
    return r"capsuled\.ini:\d+: .*none\.txt"


def unknown_section(d):
    d.rewrite(conf(nonsense={"a": "b"}))
    return r"capsuled\.ini:\d+: .*nonsense"


def missing_configuration(d):
    d.path.unlink()
    return r"capsuled\.ini: .*No such file"


def broken_certificate(d):
    (d.folder / "capsule.crt").write_text("junk\n")
    return r"capsuled\.ini:\d+: .*capsule\.crt"


def missing_key(d):
    (d.folder / "capsule.key").unlink()
    return r"capsuled\.ini:\d+: .*capsule\.key"


def foreign_key(d):
    subprocess.run(
        ["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout",
         "-out", d.folder / "capsule.key"], check=True)
    return r"capsuled\.ini:\d+: .*capsule\.(key|crt)"


@pytest.mark.parametrize("damage", [
    broken_configuration, missing_access, unknown_section,
    missing_configuration, broken_certificate, missing_key, foreign_key])
def test_a_broken_reload_keeps_the_old_service_and_says_why(daemon, damage):
    d = daemon()
    put(d, "Version two")
    reason = damage(d)
    d.signal(signal.SIGHUP)
    wait_for("the reason in the log", lambda: re.search(reason, d.log()))
    assert b"1996" in history(d)
    got = gemini(d.gemini, url("/history"))
    assert got.status == 20 and b"1996" in got.body
    assert gemini(d.gemini, url("/plain.txt")).status == 20
    assert d.children() == d.workers


def test_a_mended_reload_works_after_a_broken_one(daemon):
    d = daemon(steady=False)
    reason = broken_configuration(d)
    d.signal(signal.SIGHUP)
    wait_for("the reason in the log", lambda: re.search(reason, d.log()))
    put(d, "Mended")
    d.rewrite(conf())
    d.reload()
    assert b"Mended" in history(d)


def test_a_reload_in_the_middle_of_a_download_does_not_cut_it(daemon):
    d = daemon(steady=False)
    want = (d.root / "big.bin").read_bytes()
    with Tls(d.gemini, rcvbuf=4096) as c:
        c.send(url("/big.bin").encode() + b"\r\n")
        first = c.read(1024)
        put(d, "Version two")
        d.signal(signal.SIGHUP)
        wait_for("the new page", lambda: b"Version two" in history(d))
        got = c.read_all()
    assert got.clean
    assert (first + got.data).endswith(want)


def test_reloads_during_a_long_download_all_take_effect(daemon):
    """The old worker stays for its one client, and is never taken for one
    of the new, whatever the new ones' place in memory."""
    d = daemon(conf(selectors={"/huge.bin": "huge.bin"}), prepare=make_huge,
               steady=False)
    with Plain(d.gopher, rcvbuf=4096) as c:
        c.send(b"/huge.bin\r\n")
        size = len(c.more(1024))
        for i in range(12):
            put(d, "Version %d" % i)
            d.signal(signal.SIGHUP)
            wait_for("version %d" % i,
                     lambda: b"Version %d" % i in history(d))
        wait_for("one new worker beside the old one",
                 lambda: len(d.children()) == 2 and d.workers[0]
                 in d.children())
        got = c.read_all()
    assert got.end == "fin" and size + len(got.data) == HUGE


def test_no_request_fails_while_reloads_go_on(daemon):
    d = daemon(conf(server={"workers": "2"}, log={"access": "none"}),
               steady=False)
    stop, failures, visits = threading.Event(), [], [0] * 4

    def visitor(i):
        while not stop.is_set():
            try:
                if i % 2 == 0:
                    got = gemini(d.gemini, url("/history"))
                    assert got.clean and got.status == 20, repr(got)
                else:
                    assert gopher(d.gopher, b"/history\r\n").endswith(
                        b".\r\n")
                visits[i] += 1
            except BaseException as e:
                failures.append(repr(e))
                return

    threads = [threading.Thread(target=visitor, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    try:
        for i in range(6):
            put(d, "Version %d" % i)
            d.signal(signal.SIGHUP)
            wait_for("version %d" % i,
                     lambda: b"Version %d" % i in history(d))
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert failures == []
    assert min(visits) > 6, visits


def test_reloads_leave_no_process_and_no_descriptor_behind(daemon):
    d = daemon(steady=False)

    def reload(words):
        put(d, words)
        d.reload()
        assert words.encode() in history(d)

    reload("Round 0")
    before = server.descriptors(d.pid), server.descriptors(d.children()[0])
    for i in range(1, 4):
        reload("Round %d" % i)
    wait_for("the descriptors to be closed", lambda: (
        server.descriptors(d.pid),
        server.descriptors(d.children()[0])) <= before)


def code_of(pid):
    """Bytes in memory of the libraries that only loading runs."""
    with open("/proc/%d/smaps" % pid) as f:
        maps = re.findall(r"^\S+ r-[-x]p .*/lib(?:sqlite3|unistring)\..*\n"
                          r"(?:[A-Z].*\n)*?Rss: +(\d+) kB", f.read(), re.M)
    assert len(maps) >= 4, maps
    return sum(map(int, maps)) * 1024


def test_a_master_that_waits_holds_little_code_in_memory(daemon):
    """Loading runs most of the libraries; then they lie there for weeks."""
    d = daemon(conf(selectors={"/search": "@search"}), steady=False)
    for _ in range(2):
        wait_for("code to be let go of",
                 lambda: code_of(d.pid) < CODE_LITTLE)
        d.reload()


def test_several_hangups_at_once_end_in_the_newest_content(daemon):
    d = daemon(steady=False)
    for i in range(5):
        put(d, "Version %d" % i)
        d.signal(signal.SIGHUP)
    wait_for("the last version", lambda: b"Version 4" in history(d))
    wait_for("one worker", lambda: len(d.children()) == 1)


def test_a_watched_file_is_reloaded_when_it_changes(daemon):
    d = daemon(conf(server={"watch": "1"}), steady=False)
    assert b"1996" in history(d)
    put(d, "Seen by watching")
    wait_for("the new page", lambda: b"Seen by watching" in history(d), 8)
    (d.root / "files" / "newcomer.txt").write_text("hello\n")
    wait_for("the new file", lambda: b"hello" in gopher(
        d.gopher, b"/files/newcomer.txt\r\n"), 8)


def test_without_a_change_watching_reloads_nothing(daemon):
    d = daemon(conf(server={"watch": "1"}))
    let_pass(2.2, "two looks, of which nothing is seen")
    assert d.children() == d.workers


# -- stopping --


def test_term_lets_a_download_finish_and_then_exits(daemon):
    d = daemon(conf(selectors={"/huge.bin": "huge.bin"}), prepare=make_huge)
    with Tls(d.gemini, rcvbuf=4096) as c:
        c.send(url("/huge.bin").encode() + b"\r\n")
        first = c.read(1024)
        d.signal(signal.SIGTERM)
        wait_for("it to begin stopping", lambda: "stopping" in d.log())
        assert d.proc.poll() is None
        got = c.read_all()
    assert got.clean, repr(got)
    assert len(first + got.data) >= HUGE
    assert d.proc.wait(timeout=server.START) == 0
    assert not any(server.is_running(pid) for pid in d.workers)


def is_open(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 10).close()
        return True
    except OSError:
        return False


def test_a_stopping_daemon_turns_new_clients_away(daemon):
    """A refusal at once; not a connection that nobody will ever answer."""
    d = daemon(conf(selectors={"/huge.bin": "huge.bin"}), prepare=make_huge)
    with Plain(d.gopher, rcvbuf=4096) as c:
        c.send(b"/huge.bin\r\n")
        assert c.more(1024)
        d.signal(signal.SIGTERM)
        for port in (d.gemini, d.gopher):
            wait_for("the doors to close", lambda: not is_open(port), 3)
        assert d.proc.poll() is None
        d.signal(signal.SIGTERM)
        assert d.proc.wait(timeout=server.START) == 0


def test_int_stops_as_term_does(daemon):
    d = daemon()
    d.signal(signal.SIGINT)
    assert d.proc.wait(timeout=server.START) == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_at_once(daemon, second):
    d = daemon(conf(selectors={"/huge.bin": "huge.bin"}), prepare=make_huge)
    with Plain(d.gopher, rcvbuf=4096) as c:
        c.send(b"/huge.bin\r\n")
        assert c.more(1024)
        d.signal(signal.SIGTERM)
        wait_for("it to begin stopping", lambda: "stopping" in d.log())
        assert d.proc.poll() is None
        start = time.monotonic()
        d.signal(second)
        assert d.proc.wait(timeout=server.START) == 0
        assert time.monotonic() - start < 2
    wait_for("the workers to go", lambda: not any(
        server.is_running(pid) for pid in d.workers), 2)


def test_term_during_a_reload_stops(daemon):
    d = daemon(steady=False)
    d.signal(signal.SIGHUP)
    d.signal(signal.SIGTERM)
    assert d.proc.wait(timeout=server.START) == 0


# -- logs --


def test_usr1_opens_the_access_log_anew(daemon):
    d = daemon(conf(log={"access": "access.log"}))
    log, old = d.folder / "access.log", d.folder / "access.log.1"
    history(d)
    wait_for("the first line", lambda: log.read_text().count("proto=") == 1)
    os.rename(log, old)
    history(d)
    wait_for("the second line", lambda: old.read_text().count("proto=") == 2)
    d.signal(signal.SIGUSR1)
    wait_for("the new file", log.exists)

    def is_new():
        history(d)
        return "proto=" in log.read_text()
    wait_for("a line in the new file", is_new)
    before = old.read_text()
    history(d)
    wait_for("another", lambda: log.read_text().count("proto=") >= 2)
    assert old.read_text() == before


# -- in the background --


def test_without_f_it_detaches_and_writes_its_pid(daemon):
    d = daemon(conf(server={"pid_file": "capsuled.pid"},
                    log={"access": "access.log"}), foreground=False,
               steady=False, relative=True)
    assert d.proc.wait(timeout=server.START) == 0
    pid = int((d.folder / "capsuled.pid").read_text())
    try:
        assert pid != d.proc.pid and server.is_running(pid)
        assert os.getsid(pid) != os.getsid(0)
        assert os.readlink("/proc/%d/cwd" % pid) == "/"
        assert gemini(d.gemini, url("/history")).status == 20
        for fd in "012":
            where = os.readlink("/proc/%d/fd/%s" % (pid, fd))
            assert where == "/dev/null", (fd, where)
        wait_for("the access log", lambda: "proto=gemini" in (
            d.folder / "access.log").read_text())
        put(d, "Version two")
        os.kill(pid, signal.SIGHUP)
        wait_for("the new page", lambda: b"Version two" in history(d))
        os.kill(pid, signal.SIGTERM)
        wait_for("the end", lambda: not server.is_running(pid))
        assert not is_open(d.gemini)
    finally:
        if server.is_running(pid):
            os.kill(pid, signal.SIGKILL)


def test_who_reads_what_the_start_says_does_not_wait_for_the_end(daemon):
    """ssh(1) and package managers do: no process may keep that pipe."""
    first = daemon()
    path = first.folder / "second.ini"
    pid_file = first.folder / "second.pid"
    path.write_text(conf(server={"pid_file": str(pid_file)}))
    try:
        # Returns when nobody can write into its pipes any more.
        done = server.run("-c", path)
        assert done.returncode == 0 and done.stdout == "", done
        assert server.is_running(int(pid_file.read_text()))
    finally:
        if pid_file.exists():
            pid = int(pid_file.read_text())
            os.kill(pid, signal.SIGTERM)
    wait_for("the end", lambda: not server.is_running(pid))
    # What is said, be it much, arrives whole.
    path.write_text("[server]\n" + "".join(
        "k%d = 1\n" % i for i in range(2000)))
    done = server.run("-c", path)
    assert done.returncode == 1
    assert done.stderr.count("second.ini:") >= 2000, done.stderr[-500:]


# -- many at once --


def test_hundreds_of_idle_clients_hold_up_nobody(daemon):
    d = daemon(conf(server={"workers": "2"}))
    idle = [Plain(d.gopher) for _ in range(400)]
    idle += [Plain(d.gemini) for _ in range(400)]
    try:
        start = time.monotonic()
        for _ in range(5):
            assert gemini(d.gemini, url("/history")).status == 20
            assert b"1996" in history(d)
        assert time.monotonic() - start < 3
    finally:
        for c in idle:
            c.sock.close()
    pids = d.workers
    wait_for("their descriptors to be closed", lambda: all(
        server.descriptors(pid) < 100 for pid in pids))


# -- descriptors --


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))


def test_without_descriptors_it_neither_spins_nor_dies(daemon):
    """40 descriptors, 60 clients: the rest waits in the kernel."""
    d = daemon(preexec_fn=few_descriptors)
    waiting = [Plain(d.gopher) for _ in range(60)]
    try:
        pids = [d.pid, *d.children()]
        before = sum(map(server.cpu_seconds, pids))
        let_pass(1.5, "processor time is measured")
        spent = sum(map(server.cpu_seconds, pids)) - before
        assert spent < 0.4, "%.2f s of processor time" % spent
    finally:
        for c in waiting:
            c.sock.close()
    start = time.monotonic()
    assert b"1996" in history(d)
    assert gemini(d.gemini, url("/history")).status == 20
    assert time.monotonic() - start < 4
    assert d.children() == d.workers


def test_those_who_waited_for_a_descriptor_are_served(daemon):
    d = daemon(preexec_fn=few_descriptors)
    waiting = [Plain(d.gopher) for _ in range(60)]
    for c in waiting:
        c.send(b"/history\r\n")
    for c in waiting:
        assert b"1996" in c.read_all().data
        c.sock.close()


def test_a_tls_client_of_each_version_is_served_after_all_that(daemon):
    d = daemon(conf(server={"workers": "2"}), steady=False)
    d.signal(signal.SIGHUP)
    os.kill(d.workers[0], signal.SIGKILL)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with Tls(d.gemini, ctx=context(version, version)) as c:
            c.send(url("/history").encode() + b"\r\n")
            assert Reply(c.read_all()).status == 20
