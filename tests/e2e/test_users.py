"""Whom each process is, and that none can lay hands on another.

Started as root, the daemon has no more rights here than the unit of systemd
grants it.  What a process of some user can do to ours is tried by a process
of that user: it stands for somebody who is free of every fence but that.
"""
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import pytest

import server
from client import Plain, Tls, gemini, gopher, url
from server import conf, wait_for
from terminal import needs
from test_keyproc import openssl, works, write_pair

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
WORKER = pwd.getpwnam("nobody")
KEY = pwd.getpwnam("daemon")
DATA = pwd.getpwnam("bin")
UNIT = (server.ROOT / "rc.d" / "capsuled.service").read_text()
RIGHTS = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", UNIT)[1].lower() \
    .replace("cap_", "").split()


def under_the_unit(without=None, user=None):
    """What to put in front of the daemon for it to have the unit's rights."""
    needs("setpriv")
    kept = ["+" + right for right in RIGHTS if right != without]
    change = ["--bounding-set=" + ",".join(["-all", *kept]),
              "--inh-caps=-all", "--no-new-privs"]
    if user is not None:
        change += ["--reuid=%d" % user.pw_uid, "--regid=%d" % user.pw_gid,
                   "--clear-groups"]
    return ["setpriv", *change]


def status_of(pid):
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines()
                if ":\t" in line)


def ids(pid, kind="Uid"):
    """Real, effective, saved, and that of files."""
    return {int(number) for number in status_of(pid)[kind].split()}


def all_of(d):
    return [d.pid, *d.key_processes(), *d.contents(), *d.children(),
            *d.searchers(), *d.exporters()]


WITH_METRICS = {"metrics": {"listen": "127.0.0.1:0"}}
WITH_ALL = {**WITH_METRICS, "selectors": {"/history": "history.gmi",
                                          "/search": "@search"}}


# -- who is who --


@root_only
def test_each_process_is_the_user_that_it_shall_be(daemon):
    d = daemon(conf(server={"workers": "2"}, **WITH_METRICS),
               under=under_the_unit(), extra_groups=[0, 4, 24])
    assert ids(d.pid) == {0}
    assert len(d.workers) == 2 and len(d.exporters()) == 1
    for pid in d.workers + d.exporters():
        assert ids(pid) == {WORKER.pw_uid}
        assert ids(pid, "Gid") == {WORKER.pw_gid}
    key, = d.key_processes()
    assert ids(key) == {KEY.pw_uid} and ids(key, "Gid") == {KEY.pw_gid}
    data, = d.contents()
    assert ids(data) == {DATA.pw_uid} and ids(data, "Gid") == {DATA.pw_gid}
    for pid in all_of(d)[1:]:
        assert ids(pid, "Groups") == ids(pid, "Gid")
        for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(status_of(pid)[kind], 16) == 0, kind
    assert works(d) and b"1996" in gopher(d.gopher, b"/history\r\n")
    assert "process %d alone, which runs as daemon" % key in d.log()


@root_only
def test_who_is_replaced_or_reloaded_is_the_same_user(daemon):
    d = daemon(conf(**WITH_METRICS), under=under_the_unit(), steady=False)
    for pid in all_of(d)[1:]:
        os.kill(pid, signal.SIGKILL)
    wait_for("others", lambda: d.children() and d.key_processes()
             and d.exporters() and works(d))
    d.reload()
    wait_for("the old key process to go", lambda: len(d.key_processes()) == 1)
    wait_for("one exporter", lambda: len(d.exporters()) == 1)
    for pid in d.children() + d.exporters():
        wait_for("its user", lambda: ids(pid) == {WORKER.pw_uid})
    assert ids(d.key_processes()[0]) == {KEY.pw_uid}


@root_only
@pytest.mark.parametrize("key,value,said", [
    ("user", "no-such-user", r'there is no user "no-such-user" .* root makes '
     r'it with "useradd .* no-such-user"'),
    ("data_user", "no-such-user", r'there is no user "no-such-user" .* root '
     r'makes it with "useradd .* no-such-user"'),
    ("data_user", "root", r'"root" is root, which is what'),
    ("key_user", "no-such-user", r'there is no user "no-such-user" .* root '
     r'makes it with "useradd .* no-such-user"'),
    ("user", "root", r'"root" is root, which is what'),
    ("key_user", "root", r'"root" is root, which is what'),
])
def test_who_is_not_there_or_root_is_refused_by_name(tmp_path, key, value,
                                                     said):
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "capsuled.ini"
    path.write_text(conf(server={key: value}))
    write_pair(tmp_path, "P-256")
    for options in (["-n"], ["-f"]):
        done = server.run(*options, "-c", path)
        assert done.returncode == 1
        assert re.fullmatch(r"\S+capsuled\.ini:\d+: \[server\] %s: %s.*\n"
                            % (key, said), done.stderr), done.stderr


@root_only
def test_a_key_process_without_a_user_of_its_own_is_a_warning(daemon):
    d = daemon(conf(server={"key_user": WORKER.pw_name}))
    said = r"\[server\] key_user: the key process is user nobody, as workers" \
        r' are; make a user of its own with "useradd .* _capsuled_key"'
    assert re.search(r"warn\w* \S+capsuled\.ini:\d+: " + said, d.log())
    done = server.run("-n", "-c", d.path)
    assert done.returncode == 0 and re.search("warning: .*" + said,
                                              done.stderr)


@root_only
def test_a_content_process_without_a_user_of_its_own_is_a_warning(daemon):
    d = daemon(conf(server={"data_user": WORKER.pw_name}))
    assert re.search(r"warn\w* \S+capsuled\.ini:\d+: \[server\] data_user: the "
                     r"content process is user nobody, as workers are; make a "
                     r'user of its own with "useradd .* _capsuled_data"',
                     d.log())


@root_only
def test_who_names_nobody_gets_the_users_that_there_are(daemon):
    d = daemon(conf(server={"user": None, "group": None, "key_user": None,
                            "data_user": None}))
    there = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    worker = there.get("_capsuled", WORKER.pw_uid)
    assert ids(d.workers[0]) == {worker}
    assert ids(d.key_processes()[0]) == {there.get("_capsuled_key", worker)}
    assert ids(d.contents()[0]) == {there.get("_capsuled_data", worker)}
    assert ("the key process is user" in d.log()) == (
        "_capsuled_key" not in there)


# -- what the master may --


def low_port():
    """A port that only root may bind, and that is free just now."""
    path = pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    first = int(path.read_text()) if path.exists() else 1024
    for port in range(min(first, 1024) - 1, 600, -1):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    pytest.skip("every user may bind every port here")


@root_only
def test_low_ports_are_bound_at_the_start_and_at_a_reload(daemon):
    def on(port):
        return conf(gopher={"listen": "127.0.0.1:%d" % port, "port": "auto"})

    port = low_port()
    d = daemon(on(port), under=under_the_unit(), steady=False)
    assert b"1996" in gopher(port, b"/history\r\n")
    port = low_port()
    d.rewrite(on(port))
    d.reload()
    assert b"1996" in gopher(port, b"/history\r\n")


@root_only
def test_what_the_unit_grants_is_what_is_needed(tmp_path):
    assert sorted(RIGHTS) == ["kill", "net_bind_service", "setgid", "setuid"]
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "capsuled.ini"
    path.write_text(conf(gopher={"listen": "127.0.0.1:%d" % low_port()}))
    for right, said in (("net_bind_service", "ports below 1024 need root"),
                        ("setuid", "cannot become user"),
                        ("setgid", "cannot become user")):
        done = subprocess.run(
            [*under_the_unit(without=right), server.BINARY, "-f", "-c", path],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=server.START)
        assert done.returncode == 1, right
        assert said in done.stderr, (right, done.stderr)


@root_only
@pytest.mark.parametrize("without", [None, "kill"])
def test_the_master_needs_the_right_to_end_what_hangs(daemon, without):
    d = daemon(under=under_the_unit(without=without), steady=False)
    stuck, = d.workers
    os.kill(stuck, signal.SIGSTOP)
    try:
        for word in ("stopping:", "stopping at once"):
            d.signal(signal.SIGTERM)
            wait_for(word, lambda: word in d.log())
        if without == "kill":
            with pytest.raises(subprocess.TimeoutExpired):
                d.proc.wait(1)
            assert server.is_running(stuck)
    finally:
        if without == "kill":
            os.kill(stuck, signal.SIGKILL)
    assert d.proc.wait(server.START) == 0
    assert not server.is_running(stuck)


@root_only
def test_a_chroot_that_is_not_allowed_is_refused_by_name(tmp_path):
    server.write_capsule(tmp_path / "root")
    (tmp_path / "empty").mkdir()
    path = tmp_path / "capsuled.ini"
    path.write_text(conf(server={"chroot": "empty"}))
    write_pair(tmp_path, "P-256")
    assert server.run("-n", "-c", path).returncode == 0
    for option in ("-n", "-f"):
        done = subprocess.run(
            [*under_the_unit(), server.BINARY, option, "-c", path],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=server.START)
        assert done.returncode == 1
        assert re.search(r"\[server\] chroot: cannot lock workers into \S+: "
                         r".* needs CAP_SYS_CHROOT", done.stderr)
        assert len(done.stderr.splitlines()) == 1, done.stderr


# -- keys --


def certbot(folder):
    """Where certbot keeps a pair: root's alone, folders and all."""
    place = folder / "live" / "capsule.example.org"
    place.mkdir(parents=True)
    write_pair(place, "P-256", "one")
    for one in (place, place.parent):
        one.chmod(0o700)
    assert os.stat(place / "one.key").st_mode & 0o777 == 0o600
    return {"certificate": place / "one.crt", "key": place / "one.key"}


def served_key(d):
    """The public key that a visitor is shown."""
    with Tls(d.gemini) as c:
        der = c.tls.getpeercert(binary_form=True)
    return openssl("x509", "-inform", "der", "-noout", "-pubkey", input=der)


@root_only
def test_a_key_that_is_roots_alone_is_read_at_start_and_reload(daemon,
                                                               tmp_path):
    pair = certbot(tmp_path)
    d = daemon(conf(capsule=pair), under=under_the_unit(), steady=False)
    assert works(d)
    first = served_key(d)
    write_pair(pair["key"].parent, "P-256", "one")
    d.reload()
    renewed = openssl("x509", "-in", pair["certificate"], "-noout", "-pubkey")
    assert served_key(d) == renewed != first
    # And after a death: who reads it is another child of root's.
    old, = wait_for("one key process",
                    lambda: len(d.key_processes()) == 1 and d.key_processes())
    os.kill(old, signal.SIGKILL)
    wait_for("TLS again", lambda: d.key_processes() != [old] and works(d))
    assert served_key(d) == renewed
    assert ids(d.key_processes()[0]) == {KEY.pw_uid}


@root_only
def test_what_is_made_at_the_first_start_is_roots(daemon):
    d = daemon(under=under_the_unit())
    for name, mode in (("capsule.key", 0o600), ("capsule.crt", 0o644)):
        st = os.stat(d.folder / name)
        assert (st.st_uid, st.st_mode & 0o777) == (0, mode)


@root_only
def test_a_key_that_is_not_roots_is_told_with_what_to_type(tmp_path):
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "capsuled.ini"
    path.write_text(conf())
    write_pair(tmp_path, "P-256")
    key = tmp_path / "capsule.key"
    os.chown(key, WORKER.pw_uid, WORKER.pw_gid)
    # Root as it sits at a terminal may read it; the service may not.
    done = server.run("-n", "-c", path)
    assert done.returncode == 0
    said = re.compile(r"(?m)^warning: \S+:\d+: \[capsule\] key: \S+ belongs "
                      r'to user nobody, .* type "chown root \S+"$')
    assert said.search(done.stderr), done.stderr
    done = subprocess.run([*under_the_unit(), server.BINARY, "-n", "-c", path],
                          capture_output=True, text=True,
                          timeout=server.START)
    assert done.returncode == 1
    assert re.fullmatch(r"\S+:\d+: \[capsule\] key: cannot use \S+: "
                        r'Permission denied; .* type "chown root \S+".*\n',
                        done.stderr), done.stderr
    os.chown(key, 0, 0)
    done = server.run("-n", "-c", path)
    assert done.returncode == 0 and not said.search(done.stderr)


# -- what the content process may not read --


def what_n_says(folder):
    done = server.run("-n", "-c", folder / "capsuled.ini")
    assert done.returncode == 0, done.stderr
    return done.stderr


@root_only
def test_a_check_reads_with_the_rights_of_who_will_serve(tmp_path):
    """Root may read all of it, and is not asked."""
    server.let_in(tmp_path)
    server.write_capsule(tmp_path / "home" / "root")
    (tmp_path / "capsuled.ini").write_text(conf(capsule={"root": "home/root"}))
    write_pair(tmp_path, "P-256")
    home, root = tmp_path / "home", tmp_path / "home" / "root"
    assert "cannot be" not in what_n_says(tmp_path)
    for folder, mode, said in ((home, 0o700, r'enter "%s": type "chmod o\+x '),
                               (root, 0o711, r'list "%s": type "chmod o\+rx ')):
        folder.chmod(mode)
        said_now = what_n_says(tmp_path)
        assert re.search(r"cannot be opened: Permission denied; .* let in user "
                         r"bin, which may not " + said % folder
                         + str(folder), said_now), said_now
        folder.chmod(0o755)
    (root / "history.gmi").chmod(0o600)
    (root / "files").chmod(0o700)
    said = what_n_says(tmp_path)
    for name in ("history.gmi", "files/"):
        assert re.search(r'"%s" cannot be read: Permission denied .* let '
                         r"user bin read it" % name, said), said


@root_only
def test_the_service_says_first_which_folder_it_may_not_enter(tmp_path):
    server.write_capsule(tmp_path / "root")
    (tmp_path / "root").chmod(0o700)
    with server.running(tmp_path, conf()) as d:
        warned = [line for line in d.log().splitlines() if " warn " in line]
        assert ('user bin, which may not enter "%s": type "chmod o+x %s"'
                % (d.root, d.root)) in warned[0]


# -- who can do what to whom --

# Prints what worked; $1 is the process to try it on.
STRANGER = r"""
import ctypes, os, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
libc.ptrace.restype = ctypes.c_long
room = ctypes.create_string_buffer(8)

class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]

def vectors(*what):
    '''Into a page that every program of a process without PIE has, or
    nothing: EFAULT would mean that it was allowed.'''
    here = Vector(ctypes.cast(room, ctypes.c_void_p), 8)
    there = Vector(0x400000, 8)
    ctypes.set_errno(0)
    what[0](pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return ctypes.get_errno() != 1

def opens(name, mode):
    try:
        os.close(os.open("/proc/%d/%s" % (pid, name), mode))
        return True
    except PermissionError:
        return False

def signals():
    try:
        os.kill(pid, 0)
        return True
    except PermissionError:
        return False

def traces():
    # PTRACE_SEIZE stops nobody; who is seized is let go when we end.
    return libc.ptrace(0x4206, pid, 0, 0) == 0

def takes_descriptors():
    fd = libc.syscall(434, pid, 0)
    return libc.syscall(438, fd, 0, 0) != -1

tried = {
    "signal": signals, "ptrace": traces,
    "process_vm_readv": lambda: vectors(libc.process_vm_readv),
    "process_vm_writev": lambda: vectors(libc.process_vm_writev),
    "read mem": lambda: opens("mem", os.O_RDONLY),
    "write mem": lambda: opens("mem", os.O_RDWR),
    "environ": lambda: opens("environ", os.O_RDONLY),
    "maps": lambda: opens("maps", os.O_RDONLY),
    "fd": lambda: opens("fd", os.O_RDONLY),
    "pidfd_getfd": takes_descriptors,
}
print(",".join(name for name, attempt in tried.items() if attempt()))
"""


def reached(user, pid, under=()):
    """What a process of user, with no fences at all, can do to pid."""
    done = subprocess.run([*under, sys.executable, "-c", STRANGER, str(pid)],
                          user=user.pw_uid, group=user.pw_gid,
                          extra_groups=[], cwd="/", capture_output=True,
                          text=True, timeout=server.START, check=True)
    return set(filter(None, done.stdout.strip().split(",")))


@root_only
def test_the_stranger_of_these_tests_reaches_what_it_may():
    """That it can find anything at all."""
    needs("sleep")
    with subprocess.Popen(["sleep", "99"], user=WORKER.pw_uid,
                          group=WORKER.pw_gid, extra_groups=[]) as open_one:
        try:
            assert {"signal", "ptrace", "process_vm_readv", "read mem",
                    "environ", "fd", "pidfd_getfd"} <= reached(WORKER,
                                                              open_one.pid)
            assert reached(KEY, open_one.pid) == set()
        finally:
            open_one.kill()


@root_only
def test_no_user_of_ours_reaches_a_process_of_another(daemon):
    d = daemon(conf(**WITH_ALL), under=under_the_unit())
    keys, data = d.key_processes(), d.contents() + d.searchers()
    work = d.workers + d.exporters()
    assert len(keys) == 1 and len(data) == 2 and len(work) == 2
    for user, others in ((WORKER, keys + data), (KEY, work + data),
                         (DATA, work + keys)):
        for pid in (d.pid, *others):
            assert reached(user, pid) == set(), server.title(pid)


@root_only
def test_the_masters_rights_reach_no_memory_of_the_others(daemon):
    """Root's right to trace is none of those that the unit grants."""
    d = daemon(conf(**WITH_ALL), under=under_the_unit())
    for pid in all_of(d)[1:]:
        # It may count their descriptors, and not see what they are.
        assert reached(pwd.getpwuid(0), pid, under_the_unit()) == {
            "signal", "fd"}, server.title(pid)


@root_only
def test_of_its_own_user_a_process_is_reached_by_signals_alone(daemon):
    """And those are what its fences keep from it."""
    d = daemon(conf(**WITH_ALL), under=under_the_unit())
    for user, its in ((WORKER, d.workers + d.exporters()),
                      (KEY, d.key_processes()),
                      (DATA, d.contents() + d.searchers())):
        for pid in its:
            assert reached(user, pid) == {"signal"}, server.title(pid)


def shared_memory(pid):
    """The rights to what it shares with others, piece by piece."""
    maps = pathlib.Path("/proc/%d/maps" % pid).read_text()
    return re.findall(r"(?m)^\S+ (\S\S\Ss) ", maps)


@root_only
def test_who_has_no_part_in_shared_tables_has_none_in_its_memory(daemon):
    """The key process has none, and the exporter reads counts alone: also
    those that come later, when the master has it all."""
    d = daemon(conf(**WITH_METRICS), steady=False)
    assert len(shared_memory(d.pid)) >= 3
    assert "rw-s" in shared_memory(d.workers[0])
    d.reload()
    old, = wait_for("one key process",
                    lambda: len(d.key_processes()) == 1 and d.key_processes())
    os.kill(old, signal.SIGKILL)
    wait_for("TLS again", lambda: d.key_processes() not in ([], [old])
             and works(d))
    exporter, = wait_for("one exporter",
                         lambda: len(d.exporters()) == 1 and d.exporters())
    assert shared_memory(d.key_processes()[0]) == []
    assert shared_memory(exporter) == ["r--s"]
    with Plain(d.metrics) as one:
        one.send(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert b"\ncapsuled_requests_total{" in one.read_all().data


# -- one user --


@pytest.fixture
def alone(monkeypatch):
    """The daemon as one user without rights, where that user may look."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    started = []
    with tempfile.TemporaryDirectory(prefix="alone-") as name:
        folder = pathlib.Path(name)
        shutil.copy(server.BINARY, folder / "capsuled")
        monkeypatch.setattr(server, "BINARY", folder / "capsuled")
        server.write_capsule(folder / "root")
        for one in (folder, *folder.rglob("*")):
            os.chown(one, WORKER.pw_uid, WORKER.pw_gid)

        def start(**sections):
            text = conf(server={"user": None, "group": None,
                                "key_user": None, "data_user": None,
                                "workers": "2"}, **sections)
            started.append(server.Daemon(
                folder, text, steady=False,
                under=under_the_unit(user=WORKER)))
            return started[-1]

        yield start
        for one in started:
            try:
                one.stop()
            finally:
                one.kill()


def test_one_user_alone_serves_reloads_and_replaces(alone):
    d = alone(**WITH_METRICS)
    assert len(all_of(d)) == 6
    for pid in all_of(d):
        assert ids(pid) == {WORKER.pw_uid}
    assert gemini(d.gemini, url("/history")).status == 20
    assert os.stat(d.folder / "capsule.key").st_uid == WORKER.pw_uid
    write_pair(d.folder, "P-256")
    os.chown(d.folder / "capsule.key", WORKER.pw_uid, WORKER.pw_gid)
    d.reload()
    for pid in all_of(d)[1:]:
        os.kill(pid, signal.SIGKILL)
    wait_for("others", lambda: len(d.children()) == 2 and d.key_processes()
             and d.contents() and d.exporters() and works(d))
    assert "key process is" not in d.log(), d.log()


def test_where_all_are_one_user_no_memory_can_be_reached(alone):
    """Not even by one of that user without fences: not the master's, either,
    which could do to the others whatever it likes."""
    d = alone(**WITH_ALL)
    assert len(all_of(d)) >= 6
    for pid in all_of(d):
        assert reached(WORKER, pid) == {"signal"}, server.title(pid)
