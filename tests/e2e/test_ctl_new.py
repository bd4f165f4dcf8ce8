"""capsulectl new: what a newcomer is given works, and nothing is lost."""
import os
import re

import pytest

import document
import server
from client import gemini, gopher, links, menu
from ctl import ctl


@pytest.fixture
def made(tmp_path):
    done = ctl("new", "mine", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    return tmp_path / "mine"


def test_a_new_capsule_is_found_in_order_by_the_daemon(made):
    done = server.run("-n", "-c", made / "capsuled.ini")
    assert done.returncode == 0, done.stderr


def test_a_new_capsule_has_nothing_to_mend(made):
    done = ctl("-c", made / "capsuled.ini", "check")
    assert done.returncode == 0, done.stdout


def test_its_ports_need_no_root(made):
    ports = re.findall(r"^listen = \*:(\d+)",
                       (made / "capsuled.ini").read_text(), re.M)
    assert len(ports) == 2
    for port in ports:
        assert int(port) >= 1024


def test_all_paths_are_relative_so_that_it_can_be_moved(made, tmp_path):
    made.rename(tmp_path / "moved")
    text = (tmp_path / "moved" / "capsuled.ini").read_text()
    assert str(tmp_path) not in text
    assert not re.search(r"^(root|certificate|key) = /", text, re.M)
    done = ctl("-c", tmp_path / "moved" / "capsuled.ini", "check")
    assert done.returncode == 0, done.stdout


def served(made):
    """The daemon on the new configuration, but for its ports."""
    text = (made / "capsuled.ini").read_text()
    text = re.sub(r"^listen = \*:\d+", "listen = 127.0.0.1:0", text,
                  flags=re.M)
    user = "".join("%s = %s\n" % kv for kv in server.unprivileged().items())
    text = text.replace("[server]\n", "[server]\n" + user)
    os.chmod(made.parent, 0o755)
    return server.Daemon(made, text)


def test_it_can_be_served_and_read_by_both_protocols(made):
    (made / "root").mkdir()  # the harness would fill it with its own pages
    one = served(made)
    try:
        front = gemini(one.gemini, "gemini://localhost/", name="localhost")
        assert front.status == 20 and b"# A new capsule" in front.body
        for link in re.findall(rb"^=> (/\S*)", front.body, re.M):
            got = gemini(one.gemini, b"gemini://localhost" + link,
                         name="localhost")
            assert got.status in (10, 20), (link, got)
        found = gemini(one.gemini, "gemini://localhost/search?backquotes",
                       name="localhost")
        assert b"About this capsule" in found.body
        feed = gemini(one.gemini, "gemini://localhost/feed.xml",
                      name="localhost")
        assert b"The first note" in feed.body
        for item in links(menu(gopher(one.gopher, b"\r\n"))):
            data = gopher(one.gopher, item.selector + b"\r\n")
            assert data and not data.startswith(b"3"), item
        one.stop()
    finally:
        one.kill()


def test_it_says_what_to_do_next(tmp_path):
    done = ctl("new", "mine", cwd=tmp_path)
    assert "capsuled -f -c mine/capsuled.ini" in done.stdout
    for name in re.findall(r"^  (\S+\.\w+) ", done.stdout, re.M):
        assert (tmp_path / "mine" / name).is_file()


def test_a_host_of_ones_own(tmp_path):
    done = ctl("new", "--host", "capsule.example.org", "mine", cwd=tmp_path)
    assert done.returncode == 0
    text = (tmp_path / "mine" / "capsuled.ini").read_text()
    assert "hostname = capsule.example.org localhost\n" in text
    conf = tmp_path / "mine" / "capsuled.ini"
    assert ctl("-c", conf, "check").returncode == 0
    for path in ("/", "/about"):
        assert ctl("-c", conf, "show",
                   "gemini://capsule.example.org" + path).returncode == 0


def values(path):
    """The configuration as a dict of dicts, comments left out."""
    text = re.sub(r"(?m)^#.*\n|\s+;.*$", "", path.read_text())
    return document.sections(text)


def test_one_for_the_service_needs_nothing_but_to_be_moved(tmp_path):
    done = ctl("new", "--service", "--host", "capsule.example.org", "mine/",
               cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    conf = tmp_path / "mine" / "capsuled.ini"
    found = values(conf)
    assert found["gemini"]["listen"] == "*:1965"
    assert found["gopher"]["listen"] == "*:70"
    assert found["server"]["user"] == "_capsuled"
    assert found["server"]["key_user"] == "_capsuled_key"
    assert found["server"]["data_user"] == "_capsuled_data"
    assert found["server"]["store"] == "/var/cache/capsuled"
    mine = found["capsule"]
    assert mine["hostname"] == "capsule.example.org localhost"
    assert mine["root"] == str(tmp_path / "mine" / "pages")
    assert re.match(r"/\S+/capsule.example.org\.crt$", mine["certificate"])
    assert mine["key"] == mine["certificate"][:-4] + ".key"
    move = re.search(r"(?m)^move it +mv (\S+) (\S+)$", done.stdout)
    assert tmp_path / move[1] == conf and move[2].startswith("/")
    conf.rename(tmp_path / "moved.ini")
    done = ctl("-c", tmp_path / "moved.ini", "check")
    assert done.returncode == 0, done.stdout


def test_the_service_needs_no_host_and_takes_a_whole_path(tmp_path):
    where = tmp_path / "mine"
    assert ctl("new", "--service", where, cwd="/").returncode == 0
    mine = values(where / "capsuled.ini")["capsule"]
    assert mine["root"] == str(where / "pages")
    assert mine["certificate"].endswith("/localhost.crt")


def test_all_but_the_places_is_the_same_for_the_service(made, tmp_path):
    assert ctl("new", "--service", "other", cwd=tmp_path).returncode == 0
    for one in made.glob("pages/**/*"):
        if one.is_file():
            other = tmp_path / "other" / one.relative_to(made)
            assert other.read_text() == one.read_text()
    mine, others = (values(where / "capsuled.ini") for where in
                    (made, tmp_path / "other"))
    assert {"%s %s" % (name, key) for name, section in others.items()
            for key in section
            if section[key] != mine[name].get(key)} == {
        "server user", "server key_user", "server data_user", "server store",
        "gopher listen", "capsule root", "capsule certificate", "capsule key"}


def test_a_folder_that_no_configuration_can_name_is_for_no_service(
        tmp_path):
    for name in ("a ;b", "a\nb"):
        done = ctl("new", "--service", name, cwd=tmp_path)
        assert done.returncode == 2
        assert "no configuration can name the folder" in done.stderr
        assert not (tmp_path / name).exists()
        assert ctl("new", name, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("host", ["", "a b", "*.example.org", "x\ny",
                                  "a..b", "-", "x ; y"])
def test_what_no_configuration_would_take_is_no_host(host, tmp_path):
    done = ctl("new", "--host", host, "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not a host name or an address" in done.stderr
    assert not (tmp_path / "mine").exists()


def test_what_is_there_is_never_touched(made, tmp_path):
    (made / "pages" / "index.gmi").write_text("mine\n")
    done = ctl("new", "mine", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == ("capsulectl new: mine is there already, and not "
                           "an empty folder\n")
    assert (made / "pages" / "index.gmi").read_text() == "mine\n"
    (tmp_path / "file").write_text("x")
    assert ctl("new", "file", cwd=tmp_path).returncode == 1
    assert (tmp_path / "file").read_text() == "x"


def test_an_empty_folder_is_as_good_as_none(tmp_path):
    (tmp_path / "mine").mkdir()
    assert ctl("new", "mine", cwd=tmp_path).returncode == 0


def test_a_place_that_does_not_exist_is_told(tmp_path):
    done = ctl("new", "no/where", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == ("capsulectl new: cannot make no/where: No such "
                           "file or directory\n")
