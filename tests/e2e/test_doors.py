"""Ways in other than a port of one's own: Gemini without TLS, sockets of this
machine, and menus that name another host than the capsule's."""
import os
import pathlib
import signal
import socket
import stat
import tempfile

import pytest

import server
from client import Plain, Reply, gemini, gopher, links, menu, url
from server import conf, run, wait_for

TLS_HELLO = b"\x16\x03\x01\x00\x05hello"
ONE = "127.0.0.1:0"


def clear(port, line):
    """A visit without TLS."""
    with Plain(port) as c:
        c.send(line.encode() + b"\r\n")
        got = c.read_all()
    assert got.end == "fin", got
    return Reply(got)


@pytest.fixture
def run_folder():
    """A folder with a name that is short enough for a socket below it."""
    with tempfile.TemporaryDirectory(prefix="doors-") as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


# -- Gemini without TLS --


@pytest.fixture(scope="module")
def open_door(tmp_path_factory):
    text = conf(gemini={"listen": ONE, "clear": ONE}, gopher={"listen": ONE},
                access={"/fr/*": "any"})
    with server.running(tmp_path_factory.mktemp("open"), text) as one:
        one.clear = one.gemini6  # the last port of the kind
        assert one.clear != one.gemini
        yield one


def test_gemini_without_tls_gives_the_same_bytes(open_door):
    for path in ("/", "/history", "/big.bin", "/nowhere", "/old"):
        got = clear(open_door.clear, url(path))
        assert got.data == gemini(open_door.gemini, url(path)).data, path
    # Lines of connections that are side by side come in any order.
    assert [li["proto"] for li in open_door.accesses()
            if li["tls"] == "-"] == ["gemini"] * 5


def test_tls_where_there_is_none_gets_no_byte(open_door):
    with Plain(open_door.clear) as c:
        c.send(TLS_HELLO)
        assert c.read_all().data == b""


def test_without_tls_the_other_port_stays_silent(open_door):
    with Plain(open_door.gemini) as c:
        c.send(url().encode() + b"\r\n")
        assert c.read_all().data == b""


def test_protected_pages_stay_closed_without_tls(open_door):
    assert clear(open_door.clear, url("/fr/page.gmi")).status == 60


def test_the_port_without_tls_is_ours(open_door):
    own = "gemini://capsule.example.org:%d/"
    assert clear(open_door.clear, own % open_door.clear).status == 20
    assert clear(open_door.clear, own % open_door.gemini).status == 53


def test_gemini_can_be_served_without_tls_alone(daemon):
    d = daemon(conf(gemini={"listen": "off", "clear": ONE},
                    gopher={"listen": "off"}))
    assert clear(d.gemini, url("/history")).status == 20
    assert "gemini" in d.ready and "gopher" not in d.ready


def test_a_reload_opens_and_closes_the_door_without_tls(daemon):
    d = daemon(conf(gemini={"listen": ONE, "clear": ONE}), steady=False)
    port = d.gemini6
    assert clear(port, url()).status == 20
    d.rewrite(conf(gemini={"listen": ONE}))
    d.reload()
    with pytest.raises(ConnectionRefusedError):
        Plain(port)
    d.rewrite(conf(gemini={"listen": ONE, "clear": "127.0.0.1:%d" % port}))
    d.reload()
    assert clear(port, url()).status == 20


# -- sockets of this machine --


def by_file(folder, **change):
    return conf(gemini={"listen": "unix:%s/gemini %s" % (folder, ONE),
                        "clear": "unix:%s/clear" % folder},
                gopher={"listen": "unix:%s/gopher" % folder}, **change)


def test_sockets_of_this_machine_answer_as_ports_do(daemon, run_folder):
    d = daemon(by_file(run_folder))
    want = gemini(d.gemini, url("/history")).data
    assert gemini(run_folder / "gemini", url("/history")).data == want
    assert clear(run_folder / "clear", url("/history")).data == want
    got = gopher(run_folder / "gopher", b"/history\r\n")
    assert b"1996" in got
    assert gopher(run_folder / "gopher", b"/history\r\n", tls=True) == got
    big = (d.root / "big.bin").read_bytes()
    assert gemini(run_folder / "gemini", url("/big.bin")).body == big
    assert gopher(run_folder / "gopher", b"/big.bin\r\n") == big
    assert "listening on unix:%s/clear: gemini" % run_folder in d.log()


def test_counts_are_served_by_a_file(daemon, run_folder):
    d = daemon(by_file(run_folder,
                       metrics={"listen": "unix:%s/metrics" % run_folder}))
    with Plain(run_folder / "metrics") as c:
        c.send(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert b"capsuled_" in c.read_all().data
    d.stop()
    assert list(run_folder.iterdir()) == []


def test_the_ready_line_names_no_port_for_a_file(daemon, run_folder):
    d = daemon(by_file(run_folder))
    assert d.ready == "ready gemini=%d\n" % d.gemini


def test_a_socket_without_port_makes_no_other_port_ours(daemon, run_folder):
    daemon(by_file(run_folder))
    own = "gemini://capsule.example.org:%d/"
    for port, status in (1965, 20), (0, 53), (70, 53):
        got = gemini(run_folder / "gemini", own % port)
        assert got.status == status, port


def test_menus_of_a_socket_name_the_usual_port(daemon, run_folder):
    daemon(by_file(run_folder))
    for item in links(menu(gopher(run_folder / "gopher", b"\r\n"))):
        if item.host == b"capsule.example.org":
            assert item.port == 70


def test_the_folder_alone_says_who_may_connect(daemon, run_folder):
    daemon(by_file(run_folder))
    for name in "gemini", "clear", "gopher":
        mode = (run_folder / name).stat().st_mode
        assert stat.S_ISSOCK(mode) and mode & 0o777 == 0o666


def test_the_log_calls_such_visitors_unix(daemon, run_folder):
    for how, want in ("full", "unix"), ("truncated", "unix"), ("none", "-"):
        d = daemon(by_file(run_folder, log={"addresses": how}))
        gopher(run_folder / "gopher", b"/history\r\n")
        line, = wait_for("the line", d.accesses)
        assert line["from"] == want
        d.stop()


def test_who_comes_by_a_socket_is_one_visitor(daemon, run_folder):
    """The limits hold there, too, and leave other visitors alone."""
    d = daemon(by_file(run_folder,
                       server={"max_connections_per_address": "2"}))
    with Plain(run_folder / "gopher"), Plain(run_folder / "gopher"):
        with Plain(run_folder / "gopher") as third:
            assert third.read_all().data == b""
        assert gemini(d.gemini, url()).status == 20
    wait_for("a place", lambda: b"1996" in gopher_or_end(run_folder))


def gopher_or_end(folder):
    with Plain(folder / "gopher") as c:
        try:
            c.send(b"/history\r\n")
        except OSError:
            return b""
        return c.read_all().data


def test_a_proxy_may_come_by_a_socket(daemon, run_folder):
    """And has to say whose it is, as one that comes by a port."""
    d = daemon(conf(gemini={"listen": ONE, "clear": "unix:%s/clear"
                            % run_folder, "proxy_protocol": "unix"}))
    with Plain(run_folder / "clear") as c:
        c.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 5678 1965\r\n"
               + url("/history").encode() + b"\r\n")
        assert b"1996" in c.read_all().data
    assert wait_for("the line", d.accesses)[0]["from"] == "192.0.2.7"
    with Plain(run_folder / "clear") as c:
        c.send(url("/history").encode() + b"\r\n")
        assert c.read_all().data == b""
    assert "unix is in [gemini] proxy_protocol and sent no valid" in d.log()
    with Plain(run_folder / "clear") as c:
        c.send(b"PROXY UNKNOWN\r\n" + url("/history").encode() + b"\r\n")
        assert b"1996" in c.read_all().data
    assert wait_for("its line", lambda: d.accesses()[1:])[0]["from"] == "unix"
    # Who comes by the port is no proxy.
    assert gemini(d.gemini, url("/history")).status == 20


def test_a_silent_client_of_a_socket_is_dropped(daemon, run_folder):
    daemon(by_file(run_folder, server={"request_timeout": "1s"}))
    with Plain(run_folder / "gopher") as c:
        got = c.read_all()
    assert got.data == b"" and got.end == "fin"


def test_the_files_go_with_the_daemon(daemon, run_folder):
    d = daemon(by_file(run_folder))
    d.stop()
    assert list(run_folder.iterdir()) == []


def test_the_file_of_a_killed_daemon_is_replaced(daemon, run_folder):
    d = daemon(by_file(run_folder), steady=False)
    d.signal(signal.SIGKILL)
    d.proc.wait()
    wait_for("its workers to go", lambda: refuses(run_folder / "gopher"))
    assert (run_folder / "gopher").exists()
    daemon(by_file(run_folder))
    assert b"1996" in gopher(run_folder / "gopher", b"/history\r\n")


def refuses(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(str(path)) != 0


def test_a_file_that_somebody_listens_on_is_left_alone(tmp_path, run_folder):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "index.gmi").write_text("# Home\n")
    (tmp_path / "x.ini").write_text(
        "[gemini]\nlisten = unix:%s/s\n[gopher]\nlisten = off\n"
        "[capsule]\nroot = root\n[selectors]\n/ = index.gmi\n" % run_folder)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(run_folder / "s"))
        other.listen()
        done = run("-f", "-c", "x.ini", cwd=tmp_path)
        assert done.returncode == 1
        assert ("x.ini:2: [gemini] listen: cannot listen on unix:%s/s: "
                "Address already in use; another server has it\n" % run_folder
                == done.stderr)
        assert not refuses(run_folder / "s")


def test_what_is_no_socket_is_never_removed(tmp_path, run_folder):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "index.gmi").write_text("# Home\n")
    (run_folder / "s").write_text("precious")
    (tmp_path / "x.ini").write_text(
        "[gemini]\nclear = unix:%s/s\nlisten = off\n[gopher]\nlisten = off\n"
        "[capsule]\nroot = root\n[selectors]\n/ = index.gmi\n" % run_folder)
    done = run("-f", "-c", "x.ini", cwd=tmp_path)
    assert done.returncode == 1
    assert ("x.ini:2: [gemini] clear: cannot listen on unix:%s/s: Address "
            "already in use; a file that is no socket has that name\n"
            % run_folder == done.stderr)
    assert (run_folder / "s").read_text() == "precious"


def test_a_reload_keeps_sockets_and_removes_old_ones(daemon, run_folder):
    d = daemon(by_file(run_folder), steady=False)
    kept = (run_folder / "gopher").stat().st_ino
    d.rewrite(conf(gopher={"listen": "unix:%s/gopher" % run_folder}))
    d.reload()
    assert [p.name for p in run_folder.iterdir()] == ["gopher"]
    assert (run_folder / "gopher").stat().st_ino == kept
    assert b"1996" in gopher(run_folder / "gopher", b"/history\r\n")


def test_a_failed_reload_leaves_the_sockets_as_they_were(daemon, run_folder):
    d = daemon(by_file(run_folder))
    before = sorted(p.name for p in run_folder.iterdir())
    d.rewrite(conf(gopher={"listen": "unix:%s/new" % run_folder},
                   access={"/": "missing.txt"}))
    d.signal(signal.SIGHUP)
    wait_for("the reason", lambda: "missing.txt" in d.log())
    assert b"1996" in gopher(run_folder / "gopher", b"/history\r\n")
    wait_for("the new file to go", lambda: before == sorted(
        p.name for p in run_folder.iterdir()))


# -- the host in menus --


def test_menus_name_the_host_that_is_asked_for(daemon):
    d = daemon(conf(gopher={"host": "hole.example.net", "port": "7070"}))
    here = [i for i in links(menu(gopher(d.gopher, b"\r\n")))
            if i.selector == b"/history"]
    assert [(i.host, i.port) for i in here] == [(b"hole.example.net", 7070)]
    # Gemini has its own names, and the other is none of them.
    assert gemini(d.gemini, url("/history")).status == 20
    assert gemini(d.gemini, url(host="hole.example.net")).status == 53


def test_an_address_in_menus_has_no_brackets(daemon):
    d = daemon(conf(gopher={"host": "[2001:db8::7]"}))
    here = [i for i in links(menu(gopher(d.gopher, b"\r\n")))
            if i.selector == b"/history"]
    assert [i.host for i in here] == [b"2001:db8::7"]


@pytest.mark.parametrize("where", ["menu", "listing", "gophermap", "redirect",
                                   "search"])
def test_every_kind_of_menu_names_it(daemon, where):
    d = daemon(conf(gopher={"host": "hole.example.net"},
                    selectors={"/search": "@search"}))
    request = {"menu": b"/", "listing": b"/files/", "gophermap": b"/hall",
               "redirect": b"/old", "search": b"/search\t1996"}[where]
    items = links(menu(gopher(d.gopher, request + b"\r\n")))
    assert b"hole.example.net" in [i.host for i in items]
    assert b"capsule.example.org" not in [i.host for i in items]
