"""What the operator reads: file, line, key and cure, all in one go, exit codes.

A table of wrong files and what standard error says of each; sentences are
compared by what matters in them (sentence.py).
"""
import os
import re
import socket

import pytest

import server
from sentence import assert_says, lacking
from server import run

BASE = "[capsule]\nroot = root\n[selectors]\n/ = index.gmi\n"
NAME = "capsuled.ini"
OK = NAME + ": everything is in order\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with content of every kind; the files are written per test."""
    folder = tmp_path_factory.mktemp("conf")
    server.let_in(folder)  # the check is made by who would read it
    root = folder / "root"
    server.write_capsule(root)
    os.mkfifo(root / "fifo")
    (root / "outside").symlink_to("/etc/passwd")
    (root / "inside").symlink_to("plain.txt")
    (root / "around").symlink_to("around")
    return folder


def check(folder, text, *options):
    if isinstance(text, str):
        text = text.encode("utf-8")
    (folder / NAME).write_bytes(text)
    return run("-n", *options, "-c", NAME, cwd=folder)


def begin(folder, text):
    """Start it in the foreground; it is expected to refuse."""
    (folder / NAME).write_text(text)
    return run("-f", "-c", NAME, cwd=folder)


def effective(folder):
    """Section by section, the keys that -nn prints."""
    text = check(folder, BASE, "-n").stdout
    sections = {}
    for line in text.splitlines():
        if header := re.match(r"\[(.*)\]$", line):
            keys = sections.setdefault(header[1], {})
        elif pair := re.match(r"([^;=\s][^=]*?) = ?(.*)$", line):
            keys[pair[1]] = pair[2]
    return sections


WRONG = {
    # what must be there
    "nothing at all": ("", """\
: [capsule] root: is missing; it is the folder that holds the files
"""),
    "no root": ("[capsule]\n", """\
:1: [capsule] root: is missing; it is the folder that holds the files
"""),

    # lines
    "key before any section": ("workers = 2\n" + BASE, """\
:1: a key stands before the first [section]
"""),
    "unclosed section": ("[server\n" + BASE, """\
:1: a section is not closed by "]"
"""),
    "something after a section": ("[server] x\n" + BASE, """\
:1: something follows the "]" of a section
"""),
    "words": ("[server]\njust words\n" + BASE, """\
:2: a line is neither [section], key = value nor comment
"""),
    "colon for equals": ("[server]\nworkers: 2\n" + BASE, """\
:2: a line is neither [section], key = value nor comment
"""),
    "no key": ("[server]\n= 2\n" + BASE, """\
:2: no key stands before the "="
"""),
    "continuation": ("[server]\nworkers = 2\n  workers = 3\n" + BASE, """\
:3: a line starts with a blank
"""),
    "section of 50 bytes": ("[" + "s" * 50 + "]\n" + BASE, """\
:1: a section name is longer than 49 bytes
"""),
    "line of 199 bytes": ("[server]\n;" + "x" * 198 + "\n" + BASE, """\
:2: a line is longer than 198 bytes
"""),
    "very long line": ("[server]\n" + "x" * 9000 + "\nworkers = x\n" + BASE,
                       """\
:2: a line is longer than 198 bytes
:3: [server] workers: "x" is not a number from 1 to 64, or auto
"""),
    "NUL": ("[server]\nworkers = 2\0\n" + BASE, """\
:2: a line holds a NUL byte
"""),
    "control byte": ("[server]\nuser = \x1b[31m\n" + BASE, """\
:2: a line holds a control byte
"""),

    # names
    "unknown section": ("[nonsense]\na = b\n" + BASE, """\
:1: [nonsense] is not a section; accepted: SECTIONS
"""),
    "misspelt section": ("[sever]\nworkers = 2\n" + BASE, """\
:1: [sever] is not a section; nearest: [server]; accepted: SECTIONS
"""),
    "capital section": ("[Server]\n" + BASE, """\
:1: [Server] is not a section; nearest: [server]; accepted: SECTIONS
"""),
    "misspelt key": ("[server]\nworker = 2\n" + BASE, """\
:2: [server] worker: is not a key; nearest: workers; accepted: KEYS
"""),
    "repeated key": ("[server]\nworkers = 2\nworkers = 2\n" + BASE, """\
:3: [server] workers: stands already at line 2
"""),
    "repeated section": (BASE + "[capsule]\ntitle = x\n", """\
:5: [capsule] stands already at line 1
"""),
    "repeated selector": (BASE + "/ = history.gmi\n", """\
:5: [selectors] /: stands already at line 4
"""),

    # many at once, in the order of their lines
    "six at once": ("[server]\nworkers = 0\nwatch = x\n[gopher]\n"
                    "columns = 5\ntls = 1\n[log]\nlevel = loud\n"
                    "[capsule]\nhostname = a_b\n", """\
:2: [server] workers: "0" is not a number from 1 to 64, or auto
:3: [server] watch: "x" is not a duration from 0 to 24h, such as 30, 30s, \
5m or 1h, or auto
:5: [gopher] columns: "5" is not a number from 20 to 998
:6: [gopher] tls: "1" is not yes or no
:8: [log] level: "loud" is not error, warn, info or debug
:9: [capsule] root: is missing; it is the folder that holds the files
:10: [capsule] hostname: "a_b" is not a host name (letters, digits, \
hyphens and dots) or an address
"""),

    # values
    "too many workers": ("[server]\nworkers = 65\n" + BASE, """\
:2: [server] workers: "65" is not a number from 1 to 64, or auto
"""),
    "a duration too short": ("[server]\nrequest_timeout = 0\n" + BASE, """\
:2: [server] request_timeout: "0" is not a duration from 1s to 1h, such as \
30, 30s, 5m or 1h
"""),
    "a duration too long": ("[server]\nidle_timeout = 61m\n" + BASE, """\
:2: [server] idle_timeout: "61m" is not a duration from 1s to 1h, such as \
30, 30s, 5m or 1h
"""),
    "a misspelt word": ("[gopher]\ncharset = utf8\n" + BASE, """\
:2: [gopher] charset: "utf8" is not utf-8, latin1 or ascii; nearest: utf-8
"""),
    "an address without port": ("[gemini]\nlisten = localhost\n" + BASE, """\
:2: [gemini] listen: "localhost" is not PORT, *:PORT, IPV4:PORT or \
[IPV6]:PORT with a port from 0 to 65535, nor unix:/PATH of at most 103 \
bytes, nor off
"""),
    "a port too large": ("[gopher]\nlisten = *:65536\n" + BASE, """\
:2: [gopher] listen: "*:65536" is not PORT, *:PORT, IPV4:PORT or \
[IPV6]:PORT with a port from 0 to 65535, nor unix:/PATH of at most 103 \
bytes, nor off
"""),
    "one address for both": ("[gemini]\nlisten = 127.0.0.1:7000\n[gopher]\n"
                             "listen = 127.0.0.1:7000\n" + BASE, """\
:4: [gopher] listen: an address and port is that of [gemini] listen
"""),
    "one address with and without TLS": (
        "[gemini]\nlisten = 127.0.0.1:7000\nclear = 127.0.0.1:7000\n" + BASE,
        """\
:3: [gemini] clear: an address and port is that of [gemini] listen
"""),
    "one address for clear and gopher": (
        "[gemini]\nclear = 127.0.0.1:7000\n[gopher]\n"
        "listen = 127.0.0.1:7000\n" + BASE, """\
:2: [gemini] clear: an address and port is that of [gopher] listen
"""),
    "one address for clear and metrics": (
        "[gemini]\nclear = 127.0.0.1:7000\n[metrics]\n"
        "listen = 127.0.0.1:7000\n" + BASE, """\
:4: [metrics] listen: an address and port is that of [gemini] clear
"""),
    "one socket for both": (
        "[gemini]\nlisten = unix:/run/s\n[gopher]\nlisten = unix:/run/s\n"
        + BASE, """\
:4: [gopher] listen: an address and port is that of [gemini] listen
"""),
    "nothing to serve": ("[gemini]\nlisten = off\n[gopher]\nlisten = off\n"
                         + BASE, """\
:4: [gopher] listen: is off, and so is [gemini] at line 2: nothing is left \
to serve
"""),
    "a proxy by its name": ("[gemini]\nproxy_protocol = lb.example.org\n"
                            + BASE, """\
:2: [gemini] proxy_protocol: "lb.example.org" is not an address such as \
192.0.2.1 or 2001:db8::1, a network such as 10.0.0.0/8 or fd00::/8, \
unix, or no
"""),
    "an address inside a network": (
        "[gopher]\nproxy_protocol = ::1 10.0.0.1/8\n" + BASE, """\
:2: [gopher] proxy_protocol: "10.0.0.1/8" is inside a network: bits are set \
beyond those after the "/"
"""),
    "too little time for a proxy": (
        "[server]\nrequest_timeout = 2s\n[gopher]\nproxy_protocol = ::1\n"
        + BASE, """\
:2: [server] request_timeout: 2s is less than the 3s that [gopher] \
proxy_protocol needs
"""),
    "a value that is a comment": ("[server]\nworkers = ; two\n" + BASE, """\
:2: [server] workers: "" is not a number from 1 to 64, or auto
"""),
    "a semicolon that is none": ("[server]\nworkers = 2;3\n" + BASE, """\
:2: [server] workers: "2;3" is not a number from 1 to 64, or auto
"""),

    # the map
    "a selector without slash": (BASE + "x = index.gmi\n", """\
:5: [selectors] x: a selector starts with "/"
"""),
    "a folder without slash": (BASE + "/f = files/\n", """\
:5: [selectors] /f: a folder's selector ends with "/"
"""),
    "an unknown action": (BASE + "/z = @jump /\n", """\
:5: [selectors] /z: "@jump" is not an action; accepted: ACTIONS
"""),
    "redirects that go nowhere": (
        BASE + "/a = @redirect /a\n/b = @redirect /c\n"
        "/c = @redirect-temporary /b\n/d = @redirect /nowhere\n"
        "/e = @redirect\n", """\
:5: [selectors] /a: "/a" leads in a circle
:6: [selectors] /b: "/c" leads in a circle
:7: [selectors] /c: "/b" leads in a circle
:8: [selectors] /d: "/nowhere" is where it leads, and that goes nowhere: \
no selector maps it
:9: [selectors] /e: a redirect needs a target, such as @redirect /new
"""),
    "gone with more": (BASE + "/g = @gone now\n", """\
:5: [selectors] /g: "now" follows @gone, which stands alone
"""),
    "a listing of no folder": (BASE + "[listing]\n/files = yes\n"
                               "/files/ = yes\n", """\
:6: [listing] /files: a folder's selector ends with "/"
:7: [listing] /files/: "/files/" is not a folder of [selectors]
"""),
    "a wrong switch in a listing": (BASE + "/files/ = files/\n[listing]\n"
                                    "/files/ = perhaps\n", """\
:7: [listing] /files/: "perhaps" is not yes or no
"""),
    "wrong languages": (BASE + "[languages]\nfr = fr\n/x = a tag\n", """\
:6: [languages] fr: a selector starts with "/"
:7: [languages] /x: "a tag" is not a language such as en, pt-BR or en,fr
"""),
    "wrong types": (BASE + "[types]\nepub = application/epub+zip\n"
                    ".x = nonsense\n", """\
:6: [types] epub: an extension starts with ".", such as .epub, and a \
selector with "/"
:7: [types] .x: "nonsense" is not a media type, such as \
application/epub+zip 9
"""),

}

# What refuses nothing: the rest is served.
WARNED = {
    "no such root": ("[capsule]\nroot = nowhere\n", """\
:2: the root "nowhere" cannot be opened: No such file or directory; until \
then nothing of the capsule is served
"""),
    "files that cannot be served": (
        BASE + "/none = nowhere.zzz\n/up = ../capsuled.ini\n"
        "/abs = /etc/passwd\n/folder = files\n/fifo = fifo\n"
        "/link = outside\n/no/ = nodir/\n/file/ = plain.txt/\n", """\
:5: /none: the file "nowhere.zzz" does not exist (in "root"); put it there, \
or change the line
:6: /up: the file "../capsuled.ini" leads outside the root (in "root")
:7: /abs: the file "/etc/passwd" leads outside the root (in "root")
:8: /folder: the file "files" is a folder, not a file (in "root")
:9: /fifo: the file "fifo" is a FIFO, not a file (in "root")
:10: /link: the file "outside" leads outside the root (in "root")
:11: /no/: the folder "nodir/" does not exist (in "root"); put it there, or \
change the line
:12: /file/: the folder "plain.txt/" is a file, not a folder (in "root")
"""),
    "a misspelt file": (BASE + "/x = histroy.gmi\n", """\
:5: /x: the file "histroy.gmi" does not exist (in "root"); did you mean \
"history.gmi"?
"""),
}


def test_a_sentence_is_compared_by_what_matters():
    want = 'f:2: [server] workers: "0" is not a number from 1 to 64, or auto'
    same = 'f:2: [server] workers: "0" is no whole number from 1 to 64 or auto'
    assert lacking(want, want) is None and lacking(same, want) is None
    for was, now in (("f:2", "f:3"), ("server", "gemini"), ('"0"', '"1"'),
                     ("64", "65"), ("is not a number from", "bad:")):
        assert lacking(want.replace(was, now), want) is not None


@pytest.mark.parametrize("case", WRONG)
def test_each_problem_has_its_line_key_and_cure(folder, case):
    text, want = WRONG[case]
    want = "".join(NAME + line for line in want.splitlines(keepends=True))
    if "accepted: " in want:
        known = effective(folder)
        sections = ["[%s]" % s for s in known]
        want = want.replace("SECTIONS", ", ".join(sections))
        want = want.replace("KEYS", ", ".join(known["server"]))
    done = check(folder, text)
    # There may be more of them one day.
    want = want.replace("ACTIONS", "@redirect, @redirect-temporary, @gone")
    assert_says(done.stderr, want)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("case", WARNED)
def test_trouble_of_files_is_warned_of_and_refuses_nothing(folder, case):
    text, want = WARNED[case]
    want = ["warning: " + NAME + line for line in want.splitlines()]
    done = check(folder, text)
    assert_says("\n".join(line for line in done.stderr.splitlines()
                          if "_user" not in line), "\n".join(want))
    assert (done.returncode, done.stdout) == (
        0, OK.replace("\n", ", but for the warnings\n"))


@pytest.mark.parametrize("case", ["six at once", "continuation"])
def test_a_start_says_the_same_as_a_check(folder, case):
    path = folder / NAME
    text = WRONG[case][0]
    if "listen" not in text and "[gopher]" not in text:
        text += "[gemini]\nlisten = 127.0.0.1:0\n"
        text += "[gopher]\nlisten = 127.0.0.1:0\n"
    path.write_text(text)
    want = run("-n", "-c", path).stderr
    assert want.count("\n") == WRONG[case][1].count("\n")
    for options in (["-f"], []):
        done = run(*options, "-c", path)
        assert (done.returncode, done.stderr) == (1, want)
    assert sorted(os.listdir(folder)) == [NAME, "root"]


RIGHT = {
    "the least": BASE,
    "comments": "; a\n# b\n\n[server] ; c\nworkers = 2 ; d\n" + BASE,
    "a byte order mark": "\ufeff" + BASE,
    "lines of CRLF": BASE.replace("\n", "\r\n"),
    "no last line end": BASE.rstrip("\n"),
    "a line of 198 bytes": "[server]\n;" + "x" * 197 + "\n" + BASE,
    "lists": "[gemini]\nlisten = 127.0.0.1:0 [::1]:0 *:0\n" + BASE,
    "a link that stays inside": BASE + "/in = inside\n",
    "a selector that looks like a query": BASE + "/q?x = plain.txt\n",
    "limits": "[server]\nworkers = 64\nrequest_timeout = 1s\n"
              "idle_timeout = 60m\ndrain_timeout = 1h\nwatch = 24h\n"
              "[gopher]\ncolumns = 20\nport = 65535\n" + BASE,
    "other limits": "[server]\nworkers = 1\n[gopher]\ncolumns = 998\n"
                    "port = 1\nlisten = *:65535\n" + BASE,
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_accepted(folder, case):
    done = check(folder, RIGHT[case])
    # Root without users for us is told so, and is right all the same.
    said = [line for line in done.stderr.splitlines()
            if "_user: the key process is" not in line
            and "_user: the content process is" not in line]
    assert (done.returncode, done.stdout, said) == (0, OK, [])


def test_a_check_writes_nothing_and_binds_nothing(folder):
    before = sorted(os.listdir(folder))
    text = ("[gemini]\nlisten = 127.0.0.1:1\n[server]\n"
            "pid_file = p.pid\n[log]\naccess = a.log\n" + BASE)
    assert check(folder, text).returncode == 0
    assert sorted(os.listdir(folder)) == before


def test_a_check_finds_half_a_pair(folder):
    (folder / "half.crt").write_text("")
    text = BASE.replace("root = root\n", "root = root\n"
                        "certificate = half.crt\nkey = half.key\n")
    done = check(folder, text)
    (folder / "half.crt").unlink()
    assert done.returncode == 1
    assert re.fullmatch(NAME + r":\d: .*half\.key.*\n", done.stderr)


def test_a_check_finds_a_folder_that_no_certificate_can_be_made_in(folder):
    text = BASE.replace("root = root\n", "root = root\n"
                        "certificate = no/such.crt\nkey = no/such.key\n")
    done = check(folder, text)
    assert done.returncode == 1
    assert re.search(NAME + r":[34]: .*no/such\.(crt|key)", done.stderr)


# For each key a value it cannot have.  Text and file names take anything.
BAD = {
    "user": "a b", "group": "a b", "key_user": "a b", "workers": "-1",
    "data_user": "a b",
    "key_process": "maybe",
    "request_timeout": "1x", "idle_timeout": "", "drain_timeout": "1.5s",
    "hang_timeout": "0", "watch": "25h", "rescan": "25h", "control": "run/",
    "control_group": "two words",
    "max_connections": "0", "max_connections_per_address": "many",
    "rate": "-1", "level": "verbose", "addresses": "half", "access": "",
    "listen": "256.0.0.1:1", "check_port": "on", "tls": "off ", "port": "x",
    "proxy_protocol": "maybe", "columns": "999", "charset": "utf-16",
    "lastline": "2", "clear": "on", "host": "a b", "facility": "mail",
    "symlinks": "follow", "hostname": "-a..b", "root": "", "language": "en us",
    "budget": "8q", "groups": "P-1", "versions": "1.1", "tickets": "yes",
    "sessions": "0",
    "timeout": "0", "max_answer": "1g", "ask_certificate": "any",
}
FREE = {"chroot", "store", "pid_file", "certificate", "key", "ticket_keys",
        "title", "admin"}
MAPS = {"selectors", "listing", "languages", "types", "access"}


def test_a_wrong_value_of_any_key_is_told_with_its_line(folder):
    for section, keys in effective(folder).items():
        if section in MAPS:
            continue
        for key in keys:
            if key in FREE:
                continue
            assert key in BAD, "a new key [%s] %s: add it here" % (section,
                                                                   key)
            text = ";\n[%s]\n%s = %s\n" % (section, key, BAD[key])
            if section != "capsule":
                text += BASE
            elif key != "root":
                text += BASE[len("[capsule]\n"):]
            done = check(folder, text)
            assert done.returncode == 1, text
            assert re.match(NAME + r":3: \[%s\] %s: " % (section, key),
                            done.stderr), (text, done.stderr)


def test_the_effective_configuration_reads_back_the_same(folder):
    text = server.conf(server={"workers": "3", "watch": "90",
                               "request_timeout": "5m"})
    first = check(folder, text, "-n")
    assert first.returncode == 0
    body = first.stdout.replace(OK, "")
    assert "workers = 3\n" in body and "watch = 90s\n" in body
    assert "/history = history.gmi\n" in body
    second = check(folder, body, "-n")
    assert (second.returncode, second.stdout) == (0, first.stdout)


def test_the_effective_configuration_has_the_defaults(folder):
    known = effective(folder)
    assert known["gemini"]["listen"] == "*:1965"
    assert known["gopher"]["listen"] == "*:70"
    assert known["gopher"]["columns"] == "67"
    assert known["server"]["request_timeout"] == "10s"
    assert known["server"]["idle_timeout"] == "30s"
    assert known["log"]["addresses"] == "truncated"


# -- the command line --


@pytest.mark.parametrize("options", [
    ["-x"], ["-c"], ["-R"], ["extra"], ["-f", "extra"], ["-R", "x"],
    ["-R", "-1"], ["-R", "99999999999"], ["--no-such-option"], [""]])
def test_wrong_usage_exits_2_and_says_how_to_do_better(options):
    done = run(*options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "capsuled" in done.stderr


def test_a_usage_error_shows_the_usage():
    done = run("-x")
    assert "usage: capsuled [-fnVv] [-c file] [-R fd]" in done.stderr


def test_a_descriptor_that_is_not_open_is_wrong_usage(folder):
    done = run("-f", "-R", "77", "-c", NAME, cwd=folder)
    assert done.returncode == 2
    assert "77" in done.stderr


def test_the_version_is_told_with_those_of_the_libraries():
    done = run("-V")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"capsuled \d+\.\d+\.\d+\n", done.stdout)
    for library in ("OpenSSL", "libevent", "libunistring", "libidn2"):
        assert library in done.stdout


def test_a_missing_file_is_told_by_its_name(tmp_path):
    done = run("-n", "-c", tmp_path / "none.ini")
    assert done.returncode == 1
    assert done.stderr == ("%s: cannot open: No such file or directory\n"
                           % (tmp_path / "none.ini"))


def test_a_folder_in_place_of_the_file_is_told(tmp_path):
    done = run("-n", "-c", tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr and "irectory" in done.stderr


def test_a_file_without_end_is_refused():
    done = run("-n", "-c", "/dev/zero")
    assert done.returncode == 1
    assert "/dev/zero" in done.stderr


def test_an_address_that_is_taken_is_told_with_its_line(folder):
    """What only starting can show has a line all the same."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = begin(folder, "[gopher]\nlisten = 127.0.0.1:0 127.0.0.1:%d\n"
                     "[gemini]\nlisten = 127.0.0.1:0\n" % port + BASE)
    assert done.returncode == 1
    assert_says(
        done.stderr,
        "%s:2: [gopher] listen: cannot listen on 127.0.0.1:%d: Address "
        "already in use; another server has it\n" % (NAME, port))


def test_a_log_that_cannot_be_opened_is_told_with_its_line(folder):
    done = begin(folder, "[log]\naccess = no/such.log\n[gemini]\n"
                 "listen = 127.0.0.1:0\n[gopher]\nlisten = off\n" + BASE)
    assert done.returncode == 1
    assert_says(
        done.stderr.splitlines()[-1],
        "%s:2: [log] access: cannot open no/such.log: No such file or "
        "directory" % NAME)
