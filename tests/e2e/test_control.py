"""The control socket: who may speak, what is answered, and in which time."""
import grp
import os
import pathlib
import pwd
import re
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

import pytest

import control
import server
from client import Plain, gemini, gopher, url
from control import Client, ask, pairs
from ctl import BINARY as CTL
from ctl import ctl
from server import conf, let_pass, wait_for

CLIENTS_MAX = 8  # at a time, and LINE_MAX bytes of each; as the manual says
LINE_MAX = 256
WARNINGS_MAX = 20
REQUEST_S = 5  # from connecting to the end of the line

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be "
                               "somebody else")


@pytest.fixture
def folder():
    """One with a short name, for a socket's may have 103 bytes."""
    with tempfile.TemporaryDirectory(prefix="ctl") as name:
        yield pathlib.Path(name)


@pytest.fixture
def d(daemon):
    return daemon()


def reload_lines(d):
    return ask(control.path_of(d), b"reload")


# -- status, reload, log-level, stop --

def test_status_is_lines_of_key_and_value(d):
    assert gopher(d.gopher, b"/history\r\n")
    got = pairs(ask(control.path_of(d), b"status"))
    assert got["pid"] == str(d.pid) and got["log_level"] == "info"
    assert got["version"] == ctl("-V").stdout.split()[1]
    assert got["configuration"] == str(d.path)
    assert got["workers"] == "1" and got["reloads_total.done"] == "0"
    wait_for("the count", lambda: pairs(ask(control.path_of(d), b"status"))
             ["requests_total.gopher.20"] == "1")
    assert int(got["certificate_expiry_seconds.capsule.example.org"]) > 0
    for key in got:
        assert re.fullmatch(r"[a-z0-9_]+(\.[A-Za-z0-9_.+-]+)?", key), key


def test_lines_may_end_as_people_type_them(d):
    path = control.path_of(d)
    assert pairs(ask(path, b"status\r"))["pid"] == str(d.pid)
    with Client(path) as c:
        for byte in b"status\nand what follows is not looked at":
            c.send(bytes([byte]))
            if byte == 10:
                break
        assert c.read_all().endswith(b"\ndone\n")


def test_reload_returns_when_the_new_content_is_served(daemon):
    """And nothing else any more: ten times, the first look sees it."""
    d = daemon(conf(server={"workers": "2"}), steady=False)
    for number in range(10):
        (d.root / "history.gmi").write_text("# Edition %d\n" % number)
        assert reload_lines(d) == ["done"]
        assert b"Edition %d" % number in gopher(d.gopher, b"/history\r\n")
        assert b"Edition %d" % number in gemini(d.gemini,
                                                url("/history")).body
    assert len(d.children()) >= 2


def test_a_reload_waits_for_old_workers_that_still_accept(daemon):
    d = daemon(steady=False)
    old, = d.children()
    os.kill(old, signal.SIGSTOP)
    (d.root / "history.gmi").write_text("# Edition 2\n")
    os.utime(d.path)
    with Client(control.path_of(d)) as c:
        c.send(b"reload\n")
        wait_for("the new worker", lambda: len(d.children()) == 2)
        # Another client is answered meanwhile.
        wait_for("the reload", lambda: pairs(ask(
            control.path_of(d), b"status"))["reloads_total.done"] == "1")
        c.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            c.sock.recv(1)
        c.sock.settimeout(60)
        os.kill(old, signal.SIGCONT)
        assert c.read_all() == b"done\n"
    assert b"Edition 2" in gopher(d.gopher, b"/history\r\n")


def test_who_waits_for_a_reload_is_told_of_a_stop(daemon):
    d = daemon(steady=False)
    old, = d.children()
    os.kill(old, signal.SIGSTOP)
    os.utime(d.path)
    with Client(control.path_of(d)) as c:
        c.send(b"reload\n")
        wait_for("the new worker", lambda: len(d.children()) == 2)
        d.signal(signal.SIGTERM)
        wait_for("its going", lambda: len(d.children()) == 1)
        os.kill(old, signal.SIGCONT)
        assert c.read_all() == (b"problem capsuled was stopped meanwhile\n"
                                b"failed\n")
    assert d.proc.wait(60) == 0


def test_a_refused_reload_tells_every_problem(d):
    good = d.path.read_text()
    d.rewrite(good + "[nonsense]\n[server]\nworkers = lots\n")
    *problems, last = reload_lines(d)
    assert last == "failed" and len(problems) == 3
    for line in problems:
        assert line.startswith("problem %s:" % d.path), line
    assert pairs(ask(control.path_of(d), b"status"))[
        "last_reload_success"] == "0"
    # The tool says the same, and that nothing has changed.
    done = ctl("-c", d.path, "reload")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        line[len("problem "):] for line in problems] + [
        "capsulectl reload: not reloaded: what was served is still served"]
    d.rewrite(good)
    assert b"1996" in gopher(d.gopher, b"/history\r\n")


def test_what_a_reload_leaves_out_is_told_and_it_goes_on(daemon):
    d = daemon(steady=False)
    assert pairs(ask(control.path_of(d), b"status"))["warnings"] == "0"
    d.rewrite(conf(selectors={"/gone": "abuot.gmi"}))
    warning, last = reload_lines(d)
    assert last == "done"
    assert re.match(r"warning %s:\d+: .*abuot\.gmi" % d.path, warning)
    assert warning in ask(control.path_of(d), b"status")
    done = ctl("-c", d.path, "reload")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "warning: " + warning[len("warning "):] + "\n"
    said = ctl("-c", d.path, "status").stdout
    assert "  warnings      1\n%s\n" % warning[len("warning "):] in said
    d.rewrite(conf())
    assert reload_lines(d) == ["done"]
    assert "  warnings      none\n" in ctl("-c", d.path, "status").stdout


@pytest.mark.parametrize("over", [0, 1])
def test_so_many_warnings_are_told_and_the_others_counted(daemon, over):
    d = daemon(steady=False)
    d.rewrite(conf(selectors={"/gone%d" % i: "abuot%d.gmi" % i
                              for i in range(WARNINGS_MAX + over)}))
    *warnings, last = reload_lines(d)
    assert last == "done" and len(warnings) == WARNINGS_MAX + over
    assert ("warning and 1 more, see the log" in warnings) == bool(over)
    assert pairs(ask(control.path_of(d), b"status"))["warnings"] == str(
        WARNINGS_MAX + over)
    assert d.log().count("abuot") >= WARNINGS_MAX + over


def many_problems(d):
    """A configuration with more of them than an answer has room for."""
    good = d.path.read_text()
    d.rewrite(good + "[gemini]\n" + ("x" * 150 + "\n") * 6000)
    return good


def test_an_answer_of_any_length_comes_whole_or_counts_what_is_left(d):
    good = many_problems(d)
    with Client(control.path_of(d)) as c:
        c.send(b"reload\n")
        got = c.read_all()
    d.rewrite(good)
    assert got.endswith(b"\nfailed\n") and len(got) <= 2 << 20
    lines = got.decode().splitlines()
    assert len(lines) > 1000
    assert all(line.startswith("problem ") for line in lines[:-1])


def test_who_does_not_take_an_answer_is_dropped_after_the_deadline(d):
    before = server.descriptors(d.pid)
    good = many_problems(d)
    with Client(control.path_of(d)) as c:
        c.send(b"reload\n")
        wait_for("the reload", lambda: "not reloaded" in d.log())
        d.rewrite(good)
        # The master has others to look after meanwhile.
        assert pairs(ask(control.path_of(d), b"status"))["pid"] == str(d.pid)
        assert gemini(d.gemini, url("/history")).status == 20
        wait_for("the end", lambda: server.descriptors(d.pid) <= before)
        assert not c.read_all().endswith(b"failed\n")


@pytest.mark.slow
def test_a_reload_that_is_not_served_in_time_is_told(daemon):
    d = daemon(steady=False)
    old, = d.children()
    os.kill(old, signal.SIGSTOP)
    try:
        assert reload_lines(d) == [
            "problem after 60 seconds not yet loaded, or not yet served by "
            "all workers; the log may tell why", "failed"]
    finally:
        os.kill(old, signal.SIGCONT)


def test_the_tool_reloads_and_is_silent_about_it(daemon):
    d = daemon(steady=False)
    (d.root / "history.gmi").write_text("# Edition 2\n")
    done = ctl("-c", d.path, "reload")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert b"Edition 2" in gopher(d.gopher, b"/history\r\n")


def test_reloads_at_once_are_all_answered(daemon):
    d = daemon(steady=False)
    got = []
    threads = [threading.Thread(target=lambda: got.append(reload_lines(d)))
               for _ in range(CLIENTS_MAX)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [["done"]] * CLIENTS_MAX


def test_hup_still_reloads(daemon):
    d = daemon(steady=False)
    (d.root / "history.gmi").write_text("# Edition 2\n")
    d.reload()
    assert b"Edition 2" in gopher(d.gopher, b"/history\r\n")
    assert pairs(ask(control.path_of(d), b"status"))[
        "reloads_total.done"] == "1"


def test_the_log_level_changes_for_workers_too(daemon):
    d = daemon(steady=False)
    assert gopher(d.gopher, b"/history\r\n")
    assert " debug " not in d.log()
    assert ctl("-c", d.path, "log-level", "debug").returncode == 0
    wait_for("details", lambda: gopher(d.gopher, b"/history\r\n")
             and re.search(r" debug .*first_byte -> request", d.log()))
    got = pairs(ask(control.path_of(d), b"status"))
    assert got["log_level"] == "debug"
    # Logs that are opened anew keep it, a reload does not.
    d.signal(signal.SIGUSR1)
    wait_for("new logs", lambda: "logs reopened" in d.log())
    assert pairs(ask(control.path_of(d), b"status"))["log_level"] == "debug"
    assert reload_lines(d) == ["done"]
    assert pairs(ask(control.path_of(d), b"status"))["log_level"] == "info"


@pytest.mark.parametrize("level", ["", "loud", "DEBUG", "0", "debug debug"])
def test_there_are_four_levels(d, level):
    assert ask(control.path_of(d), b"log-level " + level.encode()) == [
        "problem log-level takes one level: error, warn, info or debug",
        "failed"]
    done = ctl("-c", d.path, "log-level", level)
    assert (done.returncode, done.stderr) == (
        2, 'capsulectl log-level: "%s" is not a level: error, warn, info or '
        "debug\n" % level)


def test_stop_returns_when_the_daemon_has_ended(daemon):
    """It lets what is in flight finish, and turns others away at once."""
    d = daemon(steady=False)
    with Plain(d.gopher) as visitor:
        wait_for("the visitor", lambda: pairs(ask(
            control.path_of(d), b"status"))["connections.first_byte"] == "1")
        stopping = subprocess.Popen([CTL, "-c", d.path, "stop"],
                                    stderr=subprocess.PIPE)
        wait_for("the end of the socket",
                 lambda: not control.path_of(d).exists())
        assert stopping.poll() is None and d.proc.poll() is None
        visitor.send(b"/history\r\n")
        assert b"1996" in visitor.read_all().data
    assert stopping.wait(60) == 0 and stopping.stderr.read() == b""
    assert d.proc.wait(60) == 0
    assert not server.children(d.pid)


# -- what comes that is no request --

@pytest.mark.parametrize("line", [
    b"", b" ", b"stat", b"statuses", b"Status", b" status", b"status\t",
    b"GET / HTTP/1.1", b"\0status", b"\xff\xfe", b"reload\0", b"\x1b[2J"])
def test_an_unknown_word_is_told_what_there_is(d, line):
    assert ask(control.path_of(d), line) == [
        "problem unknown request; accepted: status, reload [accept-empty], "
        "log-level LEVEL, stop", "failed"]


@pytest.mark.parametrize("line", [b"status x", b"stop now"])
def test_an_argument_too_many_is_refused(d, line):
    assert ask(control.path_of(d), line) == [
        "problem this request takes no argument", "failed"]
    assert "reloaded" not in d.log()


@pytest.mark.parametrize("line", [b"reload ", b"reload accept", b"reload x y"])
def test_a_reload_takes_one_word_or_none(d, line):
    assert ask(control.path_of(d), line) == [
        "problem reload takes nothing, or the word accept-empty", "failed"]
    assert "reloaded" not in d.log()


@pytest.mark.parametrize("over", [0, 1])
def test_a_line_has_a_greatest_length(d, over):
    line = b"x" * (LINE_MAX - 1 + over)
    said, verdict = ask(control.path_of(d), line)
    assert verdict == "failed"
    assert said == ("problem a request is longer than 256 bytes" if over else
                    "problem unknown request; accepted: status, reload "
                    "[accept-empty], log-level LEVEL, stop")


def test_a_line_without_end_is_refused_once_it_is_too_long(d):
    with Client(control.path_of(d)) as c:
        c.send(b"x" * LINE_MAX)
        assert c.read_all() == (b"problem a request is longer than 256 bytes\n"
                                b"failed\n")


def test_garbage_of_any_kind_ends_one_connection(d):
    for noise in (os.urandom(1 << 20), bytes(range(256)) * 64, b"\n" * 9999):
        with Client(control.path_of(d)) as c:
            try:
                c.send(noise)
            except (BrokenPipeError, ConnectionResetError):
                pass
            got = c.read_all()
        assert got == b"" or got.endswith(b"failed\n")
    assert pairs(ask(control.path_of(d), b"status"))["pid"] == str(d.pid)


# -- clients that take their time --

def test_a_silent_client_is_dropped_after_the_deadline(d):
    """From connecting on, however much comes meanwhile."""
    for trickles in False, True:
        with Client(control.path_of(d)) as c:
            before = time.monotonic()
            while trickles and time.monotonic() - before < REQUEST_S - 1:
                c.send(b"x")
                let_pass(0.2, "it trickles")
            assert c.read_all() == b""
            assert time.monotonic() - before >= REQUEST_S - 0.1


def test_so_many_clients_are_heard_and_the_next_waits_its_turn(d):
    path = control.path_of(d)
    held = [Client(path) for _ in range(CLIENTS_MAX - 1)]
    try:
        # The eighth is heard beside seven who are silent.
        assert pairs(ask(path, b"status"))["pid"] == str(d.pid)
        held.append(Client(path))
        with Client(path, timeout=0.5) as ninth:
            ninth.send(b"status\n")
            with pytest.raises(TimeoutError):
                ninth.sock.recv(1)
            held.pop().__exit__()
            ninth.sock.settimeout(60)
            assert ninth.read_all().endswith(b"\ndone\n")
    finally:
        for one in held:
            one.__exit__()


def test_a_client_that_reads_nothing_holds_up_nobody(d):
    """Its answer waits with it, for its deadline; others have theirs."""
    path = control.path_of(d)
    idle = [Client(path) for _ in range(CLIENTS_MAX - 1)]
    try:
        for one in idle:
            one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            one.send(b"status\n")
        assert pairs(ask(path, b"status"))["pid"] == str(d.pid)
        assert gemini(d.gemini, url("/history")).status == 20
    finally:
        for one in idle:
            one.__exit__()


def test_clients_that_go_at_any_moment_leave_nothing(daemon):
    d = daemon(steady=False)
    path = control.path_of(d)
    before = server.descriptors(d.pid)
    for line in b"", b"st", b"status\n", b"reload\n", b"log-level info\n":
        for _ in range(CLIENTS_MAX * 2):
            with Client(path) as c:
                c.send(line)
    assert pairs(ask(path, b"status"))["pid"] == str(d.pid)
    wait_for("all to be closed",
             lambda: server.descriptors(d.pid) <= before + 2)


# -- who may --

def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_the_socket_is_its_owners_alone_whatever_the_umask(daemon, umask):
    d = daemon(umask=umask)
    assert mode(control.path_of(d)) == 0o600


def other_user(*words, group=None, gid=None):
    """Run capsulectl as nobody, in that group at most."""
    nobody = pwd.getpwnam("nobody")
    return subprocess.run([CTL, *map(str, words)], capture_output=True,
                          text=True, timeout=60, user=nobody.pw_uid,
                          group=gid if gid is not None else nobody.pw_gid,
                          extra_groups=[group] if group is not None else [])


def open_to_all(folder):
    """conf, with the socket in a folder that anybody may enter."""
    folder.chmod(0o755)
    return {"control": folder / "x.sock"}


@only_root
def test_another_user_does_not_even_reach_it(daemon, folder):
    d = daemon(conf(server=open_to_all(folder)))
    other = folder / "x.ini"
    other.write_text(d.path.read_text())
    done = other_user("-c", other, "status")
    assert done.returncode == 1
    assert done.stderr == (
        "capsulectl status: cannot speak to capsuled at %s/x.sock: Permission "
        "denied; root may, who runs capsuled, and control_group\n" % folder)


@only_root
def test_whom_the_file_lets_in_by_mistake_gets_not_a_byte(daemon, folder):
    d = daemon(conf(server=open_to_all(folder)))
    (folder / "x.sock").chmod(0o666)
    other = folder / "x.ini"
    other.write_text(d.path.read_text())
    done = other_user("-c", other, "stop")
    assert (done.returncode, done.stderr) == (
        1, "capsulectl stop: %s/x.sock was closed without an answer: this "
        "user may not ask, or capsuled has just ended\n" % folder)
    nobody = pwd.getpwnam("nobody").pw_uid
    assert "control socket: user %d may not use it" % nobody in d.log()
    assert pairs(ask(folder / "x.sock", b"status"))["pid"] == str(d.pid)


@only_root
@pytest.mark.parametrize("how", ["gid", "group"])
def test_the_group_may_and_others_may_not(daemon, folder, how):
    gid = grp.getgrnam("daemon").gr_gid
    d = daemon(conf(server=dict(open_to_all(folder), control_group="daemon")))
    path = folder / "x.sock"
    assert mode(path) == 0o660 and os.stat(path).st_gid == gid
    other = folder / "x.ini"
    other.write_text(d.path.read_text())
    assert other_user("-c", other, "status", **{how: gid}).returncode == 0
    assert other_user("-c", other, "status").returncode == 1


def test_a_group_that_is_none_is_refused(tmp_path):
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "x.ini"
    path.write_text(conf(server={"control_group": "no-such-group",
                                 "control": "x.sock"}))
    done = server.run("-f", "-c", path)
    assert done.returncode == 1
    assert ('x.ini:9: [server] control_group: there is no group '
            '"no-such-group" on this system' in done.stderr), done.stderr


@only_root
def test_a_group_wants_a_folder_that_nobody_else_writes_to(tmp_path, folder):
    server.write_capsule(tmp_path / "root")
    folder.chmod(0o777)
    path = tmp_path / "x.ini"
    path.write_text(conf(server={"control_group": "daemon",
                                 "control": folder / "x.sock"}))
    done = server.run("-f", "-c", path)
    assert done.returncode == 1
    assert ("[server] control: with a control_group, nobody but root or this "
            "user may write to the folder of %s/x.sock" % folder
            in done.stderr), done.stderr
    assert not (folder / "x.sock").exists()


def test_no_other_process_has_the_socket(daemon):
    """Who inherited it could answer in the master's place."""
    d = daemon(conf(server={"workers": "2"},
                    metrics={"listen": "127.0.0.1:0"}), steady=False)
    with Client(control.path_of(d)):
        assert reload_lines(d) == ["done"]
        inodes = {line.split()[6] for line in
                  pathlib.Path("/proc/net/unix").read_text().splitlines()
                  if line.endswith(str(control.path_of(d)))}
        assert len(inodes) >= 2
        for pid in server.children(d.pid):
            held = {name[len("socket:["):-1]
                    for name in server.open_files(pid)}
            assert not held & inodes, server.title(pid)


# -- the file --

def refused(folder, text):
    """What a daemon with this configuration says when it does not start."""
    path = folder / "capsuled.ini"
    path.write_text(text)
    if not (folder / "root").exists():
        server.write_capsule(folder / "root")
    done = server.run("-f", "-c", path)
    assert done.returncode == 1, done.stderr
    return done.stderr


def test_a_socket_that_was_left_over_is_replaced(daemon, folder):
    path = folder / "x.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    before = os.lstat(path).st_ino
    d = daemon(conf(server={"control": path}))
    assert pairs(ask(path, b"status"))["pid"] == str(d.pid)
    assert os.lstat(path).st_ino != before or mode(path) == 0o600


def test_after_a_kill_the_next_one_takes_its_place(daemon, folder):
    text = conf(server={"control": folder / "x.sock"})
    d = daemon(text, steady=False)
    d.kill()
    assert (folder / "x.sock").exists()
    again = daemon(text)
    assert pairs(ask(folder / "x.sock", b"status"))["pid"] == str(again.pid)


def test_who_lives_is_not_replaced(daemon, folder):
    text = conf(server={"control": folder / "x.sock"})
    d = daemon(text)
    said = refused(folder, text)
    assert re.search(r"capsuled.ini:\d+: \[server\] control: cannot listen on "
                     "%s/x.sock: Address already in use; another capsuled "
                     "answers there: stop that one, or let each have a path "
                     "of its own\n" % folder, said), said
    assert pairs(ask(folder / "x.sock", b"status"))["pid"] == str(d.pid)
    assert gemini(d.gemini, url("/history")).status == 20


def test_a_file_of_that_name_stays(folder):
    (folder / "x.sock").write_text("precious")
    said = refused(folder, conf(server={"control": folder / "x.sock"}))
    assert "a file that is no socket has that name" in said
    assert (folder / "x.sock").read_text() == "precious"


def test_a_folder_that_is_not_there_is_told(folder):
    said = refused(folder, conf(server={"control": folder / "no/x.sock"}))
    assert ("cannot listen on %s/no/x.sock: No such file or directory; its "
            "folder has to be there" % folder in said), said


@pytest.mark.parametrize("over", [0, 1])
def test_a_path_has_a_greatest_length(daemon, folder, over):
    path = folder / ("x" * (103 + over - len(str(folder)) - 1))
    assert len(str(path)) == 103 + over
    text = conf(server={"control": path})
    if over:
        said = refused(folder, text)
        assert ("[server] control: the path of the socket has more than 103 "
                "bytes; name another one" in said), said
        done = ctl("-c", folder / "capsuled.ini", "status")
        assert done.stderr == ("capsulectl status: the path of the control "
                               "socket has more than 103 bytes\n")
        return
    d = daemon(text)
    assert pairs(ask(path, b"status"))["pid"] == str(d.pid)
    assert ctl("-c", d.path, "status").returncode == 0


def test_where_the_default_cannot_be_the_daemon_serves_without(daemon):
    """With a warning: nobody has asked for the socket."""
    def prepare(root):
        (root.parent / "capsuled.sock").write_text("in the way")
    d = daemon(prepare=prepare)
    assert ("cannot listen on %s: Address already in use; a file that is no "
            "socket has that name; capsulectl cannot reach this daemon"
            % control.path_of(d) in d.log())
    assert gemini(d.gemini, url("/history")).status == 20
    assert ctl("-c", d.path, "status").returncode == 1


def test_off_is_off(daemon):
    d = daemon(conf(server={"control": "off"}))
    assert not control.path_of(d).exists()
    done = ctl("-c", d.path, "reload")
    assert (done.returncode, done.stderr) == (
        1, "capsulectl reload: [server] control is off in %s\n" % d.path)


def test_it_goes_with_the_daemon(daemon):
    d = daemon()
    assert control.path_of(d).exists()
    d.stop()
    assert not control.path_of(d).exists()


def test_a_reload_moves_it(daemon, folder):
    """Who is connected by the old one is answered all the same."""
    d = daemon(steady=False)
    first = control.path_of(d)
    with Client(first) as c:
        d.rewrite(conf(server={"control": folder / "x.sock"}))
        c.send(b"reload\n")
        assert c.read_all() == b"done\n"
    assert not first.exists()
    d.rewrite(conf(server={"control": "off"}))
    assert ask(folder / "x.sock", b"reload") == ["done"]
    assert not (folder / "x.sock").exists()
    d.rewrite(conf())
    d.reload()
    wait_for("it", first.exists)
    assert pairs(ask(first, b"status"))["reloads_total.done"] == "3"


def test_a_reload_that_is_refused_leaves_it_where_it_was(daemon, folder):
    d = daemon()
    d.rewrite(conf(server={"control": folder / "x.sock"}) + "[nonsense]\n")
    assert reload_lines(d)[-1] == "failed"
    d.rewrite(conf(server={"control": folder / "x.sock"},
                   selectors={"/none": "none.gmi"}))
    d.rewrite(conf(server={"control": folder / "no/x.sock"}))
    assert reload_lines(d)[-1] == "failed"
    assert not (folder / "x.sock").exists()
    assert pairs(ask(control.path_of(d), b"status"))["pid"] == str(d.pid)


def test_a_file_that_was_removed_is_back_after_a_reload(daemon):
    d = daemon(steady=False)
    control.path_of(d).unlink()
    d.reload()
    wait_for("it", control.path_of(d).exists)
    assert pairs(ask(control.path_of(d), b"status"))["pid"] == str(d.pid)


def test_a_file_of_another_is_not_removed_at_the_end(daemon, folder):
    d = daemon()
    control.path_of(d).unlink()
    control.path_of(d).write_text("another's")
    d.stop()
    assert control.path_of(d).read_text() == "another's"
