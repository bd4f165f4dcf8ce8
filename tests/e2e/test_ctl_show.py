"""capsulectl show and the daemon: byte for byte the same, in both protocols."""
import re

import pytest

import server
from client import gemini, gopher
from ctl import ctl, run


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demonstration, with menus that name a port known beforehand."""
    folder = tmp_path_factory.mktemp("show")
    text = server.demo_conf(folder)
    assert "columns = 67" in text
    text = text.replace("columns = 67", "port = 27070\ncolumns = 67")
    with server.running(folder, text) as one:
        yield one


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usual")
    text = server.conf(gopher={"port": "27070"})
    with server.running(folder, text + "[access]\n/fr/* = any\n") as one:
        yield one


def mapped(daemon):
    """Every selector that the map names, and what lies in its folders."""
    section, found = "", []
    for line in daemon.path.read_text().splitlines():
        if header := re.match(r"\[(.*)\]", line):
            section = header[1]
        elif section == "selectors" and (pair := re.match(
                r"(/\S*)\s*=\s*(\S+)", line)):
            found.append(pair[1])
            if pair[1] != "/" and pair[1].endswith("/"):
                root = server.ROOT / "capsule"
                if daemon.root.joinpath("plain.txt").exists():
                    root = daemon.root
                root = root / pair[2]
                found += [pair[1] + str(p.relative_to(root))
                          for p in root.rglob("*") if p.is_file()]
                found.append(pair[1][:-1])
    return found


def both(daemon, selector, host):
    """What is shown and what is served, over Gemini and over Gopher."""
    conf = ["-c", daemon.path, "show"]
    path, mark, words = selector.partition("?")
    if not mark or "?" in path:
        path = selector
    quoted = "".join(chr(c) if chr(c).isalnum() and c < 128 or chr(c) in
                     "/-._~!$&'()*+,;=:@" else "%%%02X" % c
                     for c in path.encode("utf-8"))
    if mark and path != selector:
        quoted += mark + words
    got = gemini(daemon.gemini, "gemini://%s%s" % (host, quoted), name=host)
    assert got.clean
    yield "gemini", run(*conf, selector), got.data
    served = gopher(daemon.gopher, selector.encode("utf-8") + b"\r\n")
    yield "gopher", run(*conf, "--gopher", selector), served


def test_every_selector_of_the_demonstration_is_shown_as_it_is_served(demo):
    selectors = mapped(demo)
    assert len(selectors) > 25
    for selector in selectors + ["/nowhere", "/search?governance",
                                 "/caps.txt"]:
        for protocol, shown, served in both(demo, selector, "localhost"):
            assert shown.stdout == served, (protocol, selector)
            assert shown.stderr == b""


def test_files_of_all_sorts_are_shown_as_they_are_served(usual):
    for selector in mapped(usual):
        if "?" in selector:
            continue  # a file's name: tested below
        for protocol, shown, served in both(usual, selector,
                                            "capsule.example.org"):
            assert shown.stdout == served, (protocol, selector)


def test_a_file_with_a_question_mark_in_its_name_is_no_search(usual):
    shown = run("-c", usual.path, "show", "/files/who?.txt")
    assert shown.stdout == b"20 text/plain\r\ncontent of who?.txt\n"


def test_the_exit_status_tells_answers_from_refusals(demo):
    for selector, status in (("/", 0), ("/search", 0), ("/histoire", 0),
                             ("/nowhere", 1), ("/timetable-2019", 1)):
        for protocol in ("--gemini", "--gopher"):
            done = run("-c", demo.path, "show", protocol, selector)
            assert done.returncode == status, (selector, protocol)


def test_a_whole_address_says_protocol_and_host(usual):
    conf = ["-c", usual.path, "show"]
    page = run(*conf, "/history").stdout
    menu = run(*conf, "--gopher", "/history").stdout
    assert page != menu
    assert run(*conf, "gemini://www.example.org/history").stdout == page
    assert run(*conf, "gopher://localhost/1/history").stdout == menu
    assert run(*conf, "gopher://localhost:27070/1/history").stdout == menu


def test_a_host_that_is_not_served_is_told(usual):
    for words in (["gemini://elsewhere.example.org/"],
                  ["--host", "elsewhere.example.org", "/"]):
        done = ctl("-c", usual.path, "show", *words)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr == ("capsulectl show: no capsule here is called "
                               '"elsewhere.example.org"\n')


def test_each_capsule_is_asked_by_its_name(tmp_path):
    server.write_capsule(tmp_path / "root")
    conf = tmp_path / "x.ini"
    conf.write_text(server.conf() + "[capsule fr]\n"
                    "hostname = fr.example.org\nroot = root\n"
                    "[selectors fr]\n/ = fr/page.gmi\n")
    done = ctl("-c", conf, "show", "--host", "fr.example.org", "/")
    assert done.stdout == "20 text/gemini\r\n# Une page\n"
    assert ctl("-c", conf, "show", "gemini://fr.example.org/").stdout == \
        done.stdout


@pytest.mark.parametrize("selector", ["/app/", "/app/below?words"])
def test_of_an_application_it_is_said_where_it_answers(tmp_path, selector):
    server.write_capsule(tmp_path / "root")
    conf = tmp_path / "x.ini"
    conf.write_text(server.conf(selectors={
        **server.SELECTORS, "/app/": "@scgi 127.0.0.1:4000"}))
    for protocol in ("--gemini", "--gopher"):
        done = ctl("-c", conf, "show", protocol, selector)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "capsulectl show: at %s the application at 127.0.0.1:4000 "
            "answers, each time anew; only a running capsuled asks it\n"
            % selector)


def test_protected_pages_are_refused_as_to_strangers(usual):
    done = ctl("-c", usual.path, "show", "/fr/page.gmi")
    assert done.returncode == 1
    assert done.stdout.startswith("60 ")
