"""One file's trouble is that file's: it is left out with a warning, and all
else is served, at start and at a reload."""
import os
import shutil
import signal

import pytest

import server
from client import gemini, gopher, url
from ctl import ctl

A, B = "capsule.example.org", "b.example.org"

MAPPED = """[server]
workers = 1
rate = 0
[gemini]
listen = 127.0.0.1:0
[gopher]
listen = 127.0.0.1:0
[capsule]
hostname = %s
root = root
[selectors]
""" % A  # what follows it stands from line 12 on

SECOND = """[capsule b]
hostname = %s
root = other
[selectors b]
/ = index.gmi
""" % B


@pytest.fixture
def put(tmp_path):
    def write(name, text="# Page\n", mode=0o644, root="root"):
        path = tmp_path / root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    write("index.gmi", "# Home\n")
    return write


def strict():
    """In front of the daemon, so that a mode keeps out root, too."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    less = "-dac_override,-dac_read_search"
    return ("setpriv", "--inh-caps=" + less, "--bounding-set=" + less)


def status(one, selector, host=A):
    return gemini(one.gemini, url(selector, host), name=host).status


def expect_nothing(one, *selectors):
    for selector in selectors:
        assert status(one, selector) == 51, selector
        got = gopher(one.gopher, selector.encode() + b"\r\n")
        assert got.startswith(b"3Not found"), selector


def warnings(one):
    return [line.split("capsuled.ini:", 1)[1] for line in one.log().split("\n")
            if "capsuled.ini:" in line and "_user" not in line]


def test_each_kind_of_trouble_is_one_warning_and_the_rest_is_served(
        put, tmp_path):
    put("about.gmi")
    put("shut.gmi", mode=0)
    put("half.gmi", "# Half\n")
    put("half.gophermap", "#!/bin/sh\n")
    put("plain.gmi", "# No dates\n")
    put("f/ok.gmi")
    put("f/shut.gmi", mode=0)
    put("f/large.gmi")
    os.truncate(tmp_path / "root/f/large.gmi", (16 << 20) + 1)
    put("f/no/below.gmi").parent.chmod(0)
    deep = "f/" + "d/" * 32
    put(deep + "x.gmi")
    text = MAPPED + "\n".join([
        "/ = index.gmi", "/about = abuot.gmi", "/shut = shut.gmi",
        "/half = half.gophermap", "/feed = @atom plain.gmi",
        "/none = @atom none.gmi", "/old = @redirect /f/gone.gmi",
        "/f/ = f/", "/g/ = g/", "[listing]", "/f/ = yes\n"])
    with server.running(tmp_path, text, under=strict()) as one:
        assert status(one, "/") == status(one, "/f/ok.gmi") == 20
        expect_nothing(one, "/about", "/shut", "/feed", "/none", "/f/shut.gmi",
                       "/f/large.gmi", "/f/no/below.gmi", "/g/", "/g",
                       "/" + deep + "x.gmi")
        assert status(one, "/old") == 31
        assert gemini(one.gemini, url("/half", A)).body == b"# Half\n"
        assert b"3Not found" in gopher(one.gopher, b"/half\r\n")
        listing = gemini(one.gemini, url("/f/", A)).body
        assert b"ok.gmi" in listing and b"shut" not in listing
        assert b"large" not in listing
        got = [(w.split(":")[0], w.split(":")[1].strip())
               for w in warnings(one)]
    assert sorted(got) == sorted([
        ("13", "/about"), ("14", "/shut"), ("15", "/half"), ("16", "/feed"),
        ("17", "/none"), ("18", "[selectors] /old"), ("19", "/f/shut.gmi"),
        ("19", "/f/large.gmi"), ("19", "/f/no/"), ("19", "/" + deep),
        ("20", "/g/")])
    (tmp_path / "root/f/no").chmod(0o755)


def test_a_capsule_without_its_root_does_not_stop_the_other(put, tmp_path):
    text = MAPPED + "/ = index.gmi\n" + SECOND
    with server.running(tmp_path, text) as one:
        assert status(one, "/") == 20
        assert status(one, "/", B) == 51
        assert 'the root "' in one.log() and "other" in one.log()
        one.steady = False
        put("index.gmi", "# B\n", root="other")
        one.reload()
        assert status(one, "/") == status(one, "/", B) == 20


def test_a_reload_that_finds_trouble_is_carried_out(put, tmp_path):
    put("a.gmi", "# One\n")
    put("b.gmi", "# One\n")
    text = MAPPED + "/ = index.gmi\n/a = a.gmi\n/b = b.gmi\n"
    with server.running(tmp_path, text) as one:
        assert status(one, "/a") == 20
        one.steady = False
        (tmp_path / "root/a.gmi").rename(tmp_path / "root/aa.gmi")
        put("b.gmi", "# Two\n")
        one.reload()
        expect_nothing(one, "/a")
        assert gemini(one.gemini, url("/b", A)).body == b"# Two\n"
        assert '/a: the file "a.gmi" does not exist' in one.log()
        assert 'did you mean "aa.gmi"?' in one.log()
        assert "not reloaded" not in one.log()
        put("a.gmi", "# Mended\n")
        one.reload()
        assert gemini(one.gemini, url("/a", A)).body == b"# Mended\n"


def test_watch_takes_up_a_file_whose_mode_is_mended(put, tmp_path):
    shut = put("f/x.gmi", mode=0)
    text = MAPPED.replace("rate = 0", "rate = 0\nwatch = 1s") + "/f/ = f/\n"
    with server.running(tmp_path, text, under=strict()) as one:
        expect_nothing(one, "/f/x.gmi")
        one.steady = False
        shut.chmod(0o644)
        server.wait_for("the page", lambda: status(one, "/f/x.gmi") == 20)


def test_a_wrong_configuration_still_refuses_a_reload(put, tmp_path):
    text = MAPPED + "/ = index.gmi\n/x = nothing.gmi\n"
    with server.running(tmp_path, text) as one:
        put("index.gmi", "# Two\n")
        one.rewrite(text + "[access]\n/x = nobody.txt\n")
        one.signal(signal.SIGHUP)
        server.wait_for("the refusal", lambda: "not reloaded" in one.log())
        assert gemini(one.gemini, url("/", A)).body == b"# Home\n"


WRONG = {
    "a key": "[server]\nworker = 1\n",
    "a list of access": "[access]\n/ = nobody.txt\n",
    "a certificate": None,
    "an access pattern that no selector reaches": "[access]\n/zz/* = any\n",
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_check_fails_for_what_would_be_refused(put, tmp_path, kind):
    text = MAPPED + "/ = index.gmi\n" + (WRONG[kind] or "")
    if WRONG[kind] is None:
        text = text.replace("root = root", "root = root\ncertificate = c.crt\n"
                            "key = c.key")
        (tmp_path / "c.crt").write_text("none\n")
        (tmp_path / "c.key").write_text("none\n")
        (tmp_path / "c.key").chmod(0o600)
    (tmp_path / "x.ini").write_text(text)
    done = server.run("-n", "-c", "x.ini", cwd=tmp_path)
    assert done.returncode == 1, done.stderr


def test_a_check_succeeds_with_a_warning_for_each_trouble_of_content(
        put, tmp_path):
    (tmp_path / "x.ini").write_text(
        MAPPED + "/ = index.gmi\n/x = idnex.gmi\n/f/ = f/\n" + SECOND)
    done = server.run("-n", "-c", "x.ini", cwd=tmp_path)
    assert done.returncode == 0
    lines = [line for line in done.stderr.splitlines()
             if "_user" not in line]
    assert [line.split(":")[:3] for line in lines] == [
        ["warning", " x.ini", "13"], ["warning", " x.ini", "14"],
        ["warning", " x.ini", "17"]]
    assert 'did you mean "index.gmi"?' in lines[0]
    assert done.stdout == "x.ini: everything is in order, but for the " \
        "warnings\n"
    done = ctl("-c", "x.ini", "check", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("[warning]") == 3


def test_a_check_looks_at_what_the_map_names_and_no_further(put, tmp_path):
    """What lies in a folder that nobody may read is not its business."""
    put("index.gmi")
    put("f/x.gmi", mode=0)
    put("f/deep/y.gmi").parent.chmod(0)
    (tmp_path / "x.ini").write_text(
        MAPPED + "/ = index.gmi\n/f/ = f/\n[listing]\n/f/ = yes\n")
    done = server.run("-n", "-c", "x.ini", cwd=tmp_path)
    (tmp_path / "root/f/deep").chmod(0o755)
    assert done.returncode == 0
    assert done.stdout == "x.ini: everything is in order\n", done.stderr
