"""A program's source is nobody's page: what lies among pages and is run by
other servers is not served, and the operator is told once how to run it."""

import pytest

import server
from client import gemini, gopher, url
from ctl import ctl

HOST = "capsule.example.org"
SCRIPT = "#!/bin/sh\nPASSWORD=hunter2\n"
RUN = '; to run it, let an application server do so: "%s = @fastcgi ' \
    'unix:/run/fcgiwrap.socket %s"'


def mapped(selectors="/ = ./\n", more=""):
    return ("[server]\nworkers = 1\nrate = 0\n[gemini]\nlisten = 127.0.0.1:0\n"
            "[gopher]\nlisten = 127.0.0.1:0\n[capsule]\nhostname = %s\n"
            "root = root\n[selectors]\n%s[listing]\n/ = yes\n%s"
            % (HOST, selectors, more))


@pytest.fixture
def put(tmp_path):
    def write(name, text=SCRIPT, mode=0o644):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    write("page.gmi", "# Page\n")
    return write


def check(folder, text):
    """The warnings of what reads the pages; -n does not, and refuses none."""
    (folder / "x.ini").write_text(text)
    got = server.run("-n", "-c", "x.ini", cwd=folder)
    assert got.returncode == 0, got.stderr
    done = ctl("-c", "x.ini", "check", cwd=folder)
    return ["warning: " + line.removesuffix(" [warning]")
            for line in done.stdout.splitlines() if "[warning]" in line]


def everywhere(one, selector):
    got = gemini(one.gemini, url(selector, HOST))
    return got, gopher(one.gopher, selector.encode() + b"\r\n")


def expect_nothing(one, *selectors):
    for selector in selectors:
        got, over_gopher = everywhere(one, selector)
        assert got.status == 51, selector
        assert b"3Not found" in over_gopher, selector
    for selector in ("/", "/?hunter2"):
        got, over_gopher = everywhere(one, selector)
        assert b"hunter2" not in got.body + over_gopher


def test_programs_of_other_servers_are_not_served(put, tmp_path):
    hidden = ["/run.cgi", "/index.dcgi", "/RUN.CGI", "/cgi-bin/hello",
              "/cgi-bin/sub/deep.txt", "/d/x.cgi", "/cgi-bin/",
              "/cgi-bin/sub/", "/link.txt", "/bin/hello"]
    for name in hidden[:6]:
        put(name[1:])
    (tmp_path / "root/link.txt").symlink_to("run.cgi")
    (tmp_path / "root/bin").symlink_to("cgi-bin")
    for name in ("take.sh", "take.py", "take.pl", "cgi-bin.txt", "cgi",
                 "a.cgi.txt", "xcgi-bin/x.txt"):
        put(name, mode=0o755)
    # Before the service: it takes the folder over.
    (told,) = check(tmp_path, mapped())
    with server.running(tmp_path, mapped()) as one:
        expect_nothing(one, *hidden)
        for name in ("/take.sh", "/take.py", "/take.pl", "/cgi-bin.txt",
                     "/cgi", "/a.cgi.txt", "/xcgi-bin/x.txt"):
            got, over_gopher = everywhere(one, name)
            assert got.status == 20 and b"hunter2" in got.body, name
            assert b"hunter2" in over_gopher
        listing = everywhere(one, "/")[0].body
        assert b"take.sh" in listing
        assert b".cgi " not in listing and b"link" not in listing
        assert " more like it) is a program by its name" in one.log()
    assert told == (
        "warning: x.ini:12: /RUN.CGI (and 8 more like it) is a program by its "
        "name: its source is served to nobody"
        + RUN % ("/RUN.CGI", "%s/root/RUN.CGI") % tmp_path
        + "; to show it, give it a type in [types]")


def test_a_gophermap_that_is_a_program_is_no_menu(put, tmp_path):
    put("page.gophermap")
    put("alone.gophermap")
    put("deep/index.gophermap")
    put("deep/below.gmi", "# Below\n")
    put("moved/gophermap")
    put("menu.gophermap", "#comment\niinfo\n")
    (told,) = check(tmp_path, mapped())
    assert told == (
        "warning: x.ini:12: /alone.gophermap (and 3 more like it) begins with "
        '"#!": it is a program, no menu, and its source is served to nobody'
        + RUN % ("/alone.gophermap", "%s/root/alone.gophermap") % tmp_path)
    with server.running(tmp_path, mapped()) as one:
        expect_nothing(one, "/page.gophermap", "/alone.gophermap",
                       "/deep/index.gophermap", "/moved/gophermap")
        got, over_gopher = everywhere(one, "/page.gmi")
        assert got.body == b"# Page\n" and b"Page" in over_gopher
        assert b"below.gmi" in everywhere(one, "/deep/")[0].body
        assert everywhere(one, "/menu.gophermap")[0].status == 20


def test_a_right_to_execute_alone_is_told_and_changes_nothing(put, tmp_path):
    for n in range(3):
        put("m%d.gophermap" % n, "Hello\n", 0o755)
    put("page.gmi", "# Page\n", 0o755)
    (told,) = check(tmp_path, mapped())
    assert told == (
        "warning: x.ini:12: /m0.gophermap (and 2 more like it) is executable, "
        "and is served as it stands: nothing is run here"
        + RUN % ("/m0.gophermap", "%s/root/m0.gophermap") % tmp_path)
    with server.running(tmp_path, mapped()) as one:
        assert b"Hello" in everywhere(one, "/m0.gophermap")[1]


@pytest.mark.parametrize("line, selector", [
    (".cgi = text/plain", "/run.cgi"), ("/run.cgi = text/plain", "/run.cgi"),
    ("/cgi-bin/* = text/plain", "/cgi-bin/hello"),
    (".gophermap = text/plain", "/m.gophermap"),
    ("/old/gophermap = text/plain", "/old/gophermap")])
def test_what_has_a_type_is_served_all_the_same(put, tmp_path, line,
                                                selector):
    put(selector[1:])
    text = mapped(more="[types]\n%s\n" % line)
    assert check(tmp_path, text) == []
    with server.running(tmp_path, text) as one:
        got, over_gopher = everywhere(one, selector)
        assert (got.status, got.meta) == (20, "text/plain")
        assert b"hunter2" in got.body and b"hunter2" in over_gopher


def test_what_the_map_names_itself_is_served_but_no_program_as_a_menu(
        put, tmp_path):
    put("run.cgi")
    put("m.gophermap")
    assert check(tmp_path, mapped("/show = run.cgi\n/ = page.gmi\n",
                                  ).replace("[listing]\n/ = yes\n", "")) == []
    (told,) = [t for t in check(tmp_path, mapped(
        "/m = m.gophermap\n/ = ./\n")) if "/m: " in t]
    assert told == (
        'warning: x.ini:12: /m: "m.gophermap" begins with "#!": it is a '
        "program, no menu; let an application server run it (@fastcgi), or "
        "give it "
        "another type in [types]")


def test_a_folder_that_an_application_has_is_no_reason_to_warn(put,
                                                               tmp_path):
    put("cgi-bin/hello")
    assert check(tmp_path, mapped(
        "/ = ./\n/cgi-bin/ = @fastcgi unix:/run/none %s/root/cgi-bin/\n"
        % tmp_path)) == []


def test_a_thousand_programs_are_one_line_to_check_too(put, tmp_path):
    for n in range(1000):
        put("cgi-bin/p%d" % n)
    put("page.gmi", "# Page\n=> / Home\n")
    (tmp_path / "x.ini").write_text(mapped())
    done = ctl("-c", "x.ini", "check", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert "/cgi-bin/p0 (and 999 more like it)" in line
    assert RUN % ("/cgi-bin/", "%s/root/cgi-bin/") % tmp_path in line
    assert line.endswith("[warning]")


def test_watch_notices_that_a_menu_became_a_program(put, tmp_path):
    put("m.gophermap", "Hello\n")
    text = mapped().replace("rate = 0\n", "rate = 0\nwatch = 1s\n")
    with server.running(tmp_path, text) as one:
        assert b"Hello" in everywhere(one, "/m.gophermap")[1]
        one.steady = False
        put("m.gophermap")
        server.wait_for("the reload", lambda: everywhere(
            one, "/m.gophermap")[0].status == 51)
        assert "begins with" in one.log()
