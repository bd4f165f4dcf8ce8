"""@fastcgi and @scgi: applications that answer, fail, hang and break off.

The servers are threads of the test (application.py); real ones are in
test_real_applications.py.
"""
import os
import signal
import threading

import pytest

import application
import server
from application import Server
from client import (HOST, Plain, Reply, Tls, context, gemini, gopher, menu,
                    url)
from server import conf, wait_for
from test_access import fingerprint, own

BOTH = pytest.mark.parametrize("is_scgi", [False, True],
                               ids=["fastcgi", "scgi"])
BROKEN = b"3The application failed\t\terror.host\t1\r\n.\r\n"
DOWN = b"3The application is not there\t\terror.host\t1\r\n.\r\n"
SLOW = b"3The application is too slow\t\terror.host\t1\r\n.\r\n"
SHORT = {"application": {"timeout": "1s"}}


@pytest.fixture
def app(tmp_path):
    """Start application servers that end with the test."""
    started = []

    def start(answer=application.table, is_scgi=False, tcp=False, **how):
        path = None if tcp else tmp_path / ("%d.sock" % len(started))
        started.append(Server(answer, is_scgi, path, **how))
        return started[-1]

    yield start
    for one in started:
        one.close()


def text(selectors, **sections):
    """The usual configuration with these selectors on top."""
    return conf(selectors={**server.SELECTORS, **selectors}, **sections)


def env_of(got):
    body = got.body if isinstance(got, Reply) else got
    lines = body.decode("utf-8", "surrogateescape").split("\n")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def visit_with(d, line, folder, name):
    """A visit with a certificate."""
    ctx = context()
    ctx.load_cert_chain(folder / (name + ".crt"), folder / (name + ".key"))
    return gemini(d.gemini, line, ctx=ctx)


def ended(port, line, tls=False):
    """A visit of which the end matters as well."""
    with (Tls if tls else Plain)(port) as c:
        c.send(line)
        return c.read_all()


# -- what is asked --

@BOTH
@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
def test_an_application_is_told_all_of_a_gemini_request(daemon, app, is_scgi,
                                                        tcp):
    a = app(is_scgi=is_scgi, tcp=tcp)
    d = daemon(text({"/app/": a.action}))
    line = url("/app/caf%C3%A9/x?some%20words")
    got = gemini(d.gemini, line)
    assert (got.status, got.meta, got.clean) == (20, "text/plain", True)
    env = env_of(got)
    if is_scgi:
        assert (env.pop("SCGI"), env.pop("CONTENT_LENGTH")) == ("1", "0")
    assert env.pop("SERVER_SOFTWARE").startswith("capsuled/")
    assert env.pop("TLS_CIPHER").startswith("TLS_")
    assert env == {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "GEMINI",
        "REQUEST_METHOD": "GET", "SERVER_NAME": HOST,
        "SERVER_PORT": str(d.gemini), "SCRIPT_NAME": "/app",
        "PATH_INFO": "/caf\u00e9/x", "DOCUMENT_ROOT": str(d.root),
        "REMOTE_ADDR": "127.0.0.1", "REMOTE_HOST": "127.0.0.1",
        "TLS_VERSION": "TLSv1.3", "GEMINI_URL": line,
        "GEMINI_URL_PATH": "/app/caf%C3%A9/x",
        "QUERY_STRING": "some%20words", "GEMINI_SEARCH_STRING": "some words"}


@BOTH
def test_an_application_is_told_all_of_a_gopher_request(daemon, app, is_scgi):
    a = app(is_scgi=is_scgi)
    d = daemon(text({"/app/": a.action}))
    env = env_of(gopher(d.gopher, b"/app/x y\tsome words\r\n"))
    assert env["SERVER_PROTOCOL"] == "GOPHER"
    assert (env["SERVER_NAME"], env["SERVER_PORT"]) == (HOST, str(d.gopher))
    assert (env["SCRIPT_NAME"], env["PATH_INFO"]) == ("/app", "/x y")
    assert env["SEARCHREQUEST"] == "some words"
    assert env["QUERY_STRING"] == "some%20words"
    assert not [k for k in env if k.startswith(("GEMINI", "TLS"))]
    env = env_of(gopher(d.gopher, b"app/z?a%20b\r\n", tls=True))
    assert (env["PATH_INFO"], env["QUERY_STRING"]) == ("/z", "a%20b")
    assert env["SEARCHREQUEST"] == "a b"
    assert env["TLS_VERSION"] == "TLSv1.3"
    assert env_of(gopher(d.gopher, b"/app\r\n"))["PATH_INFO"] == "/"
    assert gopher(d.gopher, b"/app/x\t+\r\n").startswith(b"+-2\r\n20 text")
    assert gopher(d.gopher, b"/app/x\t$\r\n").startswith(b"+-2\r\n+INFO")
    assert len(a.requests) == 4


def test_behind_a_proxy_the_visitor_itself_is_told(daemon, app):
    a = app(is_scgi=True)
    d = daemon(text({"/app/": a.action},
                    gopher={"proxy_protocol": "127.0.5.1"}))
    with Plain(d.gopher, source="127.0.5.1") as c:
        c.send(b"PROXY TCP6 2001:db8::7 ::1 4242 70\r\n/app/x\r\n")
        env = env_of(c.read_all().data)
    assert env["REMOTE_ADDR"] == env["REMOTE_HOST"] == "2001:db8::7"


def test_the_longest_match_wins_and_files_stay_files(daemon, app):
    a = app(is_scgi=True)
    b = app(is_scgi=True)
    d = daemon(text({"/": a.action, "/in/": b.action, "/in/files/": "files/",
                     "/in/history": "history.gmi", "/one": b.action}))
    assert env_of(gemini(d.gemini, url("/")))["SCRIPT_NAME"] == ""
    assert env_of(gemini(d.gemini, url("/x")))["PATH_INFO"] == "/x"
    assert env_of(gemini(d.gemini, url("/in/x")))["SCRIPT_NAME"] == "/in"
    env = env_of(gemini(d.gemini, url("/one?q=1")))
    assert (env["SCRIPT_NAME"], env["PATH_INFO"]) == ("/one", "")
    assert env["QUERY_STRING"] == "q=1" and "GEMINI_SEARCH_STRING" not in env
    assert gemini(d.gemini, url("/one/below")).status == 20  # of "/"
    assert gemini(d.gemini, url("/in")).header == b"31 /in/\r\n"
    assert b"1996" in gemini(d.gemini, url("/in/history")).body
    assert gemini(d.gemini, url("/in/files/a%20b.txt")).body.startswith(
        b"content")
    n = len(a.requests) + len(b.requests)
    assert gemini(d.gemini, url("/in/files/none")).status == 51
    assert gopher(d.gopher, b"/in/files/none\r\n").startswith(b"3Not found")
    assert len(a.requests) + len(b.requests) == n


@BOTH
def test_a_path_that_could_mean_two_things_reaches_no_application(
        daemon, app, is_scgi):
    a = app(is_scgi=is_scgi)
    d = daemon(text({"/app/": a.action}))
    for path in (b"/app//x", b"/app/x//", b"/app/../app/./x/..//"):
        assert gemini(d.gemini, url(path.decode())).status == 51, path
        assert gopher(d.gopher, path + b"\r\n").startswith(b"3Not found")
    for path in (b"/app/..", b"/app/../history", b"/app/./x", b"/app/x/.."):
        assert gopher(d.gopher, path + b"\r\n").startswith(b"3Not found")
    assert gemini(d.gemini, url("/app/%2F")).status == 59
    assert a.requests == []


def test_a_folder_of_scripts_is_split_at_the_script(daemon, app):
    a = app(is_scgi=True)
    d = daemon(text({"/bin/": a.action + " /srv/bin/",
                     "/page": a.action + " /srv/app/page.php"}))
    env = env_of(gemini(d.gemini, url("/bin/hello/to/all")))
    assert env["SCRIPT_FILENAME"] == "/srv/bin/hello"
    assert env["SCRIPT_NAME"] == "/bin/hello"
    assert env["PATH_INFO"] == "/to/all"
    assert env["DOCUMENT_ROOT"] == "/srv/bin/"
    assert env_of(gopher(d.gopher, b"/bin/hello\r\n"))["PATH_INFO"] == ""
    env = env_of(gemini(d.gemini, url("/page")))
    assert env["SCRIPT_FILENAME"] == "/srv/app/page.php"
    assert env["DOCUMENT_ROOT"] == "/srv/app/"
    n = len(a.requests)
    for path in ("/bin/", "/bin/.hidden", "/bin/.hidden/x"):
        assert gemini(d.gemini, url(path)).status == 51
        assert gopher(d.gopher, path.encode() + b"\r\n").startswith(b"3")
    assert len(a.requests) == n


def test_links_to_an_application_have_its_item_type(daemon, app):
    a = app(is_scgi=True)

    def prepare(root):
        (root / "index.gmi").write_text(
            "=> /app/ One\n=> /app/below Two\n=> /ask Three\n")

    d = daemon(text({"/app/": a.action, "/ask": a.action + " 7"}), prepare)
    types = [i.type for i in menu(gopher(d.gopher, b"\r\n"))]
    assert types == ["1", "1", "7"]


def test_certificates_are_asked_for_and_told_if_wanted(daemon, app, tmp_path):
    a = app()
    own(tmp_path, "ada")
    d = daemon(text({"/app/": a.action}, capsule={"ask_certificate": "yes"}))
    env = env_of(visit_with(d, url("/app/x"), tmp_path, "ada"))
    hash_ = "SHA256:" + fingerprint(tmp_path, "ada").upper()
    assert (env["AUTH_TYPE"], env["TLS_CLIENT_HASH"]) == ("CERTIFICATE", hash_)
    assert env["REMOTE_USER"] == env["TLS_CLIENT_ISSUER"] == "CN=ada"
    assert env["TLS_CLIENT_NOT_BEFORE"] < env["TLS_CLIENT_NOT_AFTER"]
    assert "AUTH_TYPE" not in env_of(gemini(d.gemini, url("/app/x")))


def test_no_certificate_is_asked_for_unless_wanted(daemon, app, tmp_path):
    a = app()
    own(tmp_path, "ada")
    d = daemon(text({"/app/": a.action}))
    assert "AUTH_TYPE" not in env_of(
        visit_with(d, url("/app/x"), tmp_path, "ada"))


def test_rules_of_access_hold_for_what_lies_below(daemon, app, tmp_path):
    a = app(is_scgi=True)
    own(tmp_path, "ada")
    d = daemon(text({"/app/": a.action, "/all/": a.action},
                    access={"/app/staff/*": "any", "/all/*": "any",
                            "/app/one": "any"}))
    for path in ("/app/staff/x", "/all/", "/all/x", "/app/one"):
        assert gemini(d.gemini, url(path)).status == 60
        line = path.encode() + b"\r\n"
        assert b"with a certificate" in gopher(d.gopher, line)
        assert b"with a certificate" in gopher(d.gopher, path.encode()
                                               + b"?q\r\n")
    assert b"with a certificate" in gopher(d.gopher, b"/all\r\n")
    assert a.requests == []
    env = env_of(visit_with(d, url("/app/staff/x"), tmp_path, "ada"))
    assert env["REMOTE_USER"] == "CN=ada"
    assert gemini(d.gemini, url("/app/open")).status == 20


# -- what is answered --

GOOD = {
    "a page": (b"20 text/gemini\r\n# Hi\n", 20, b"# Hi\n"),
    "a bare LF": (b"20 text/gemini\n# Hi\n", 20, b"# Hi\n"),
    "a question": (b"10 Who?\r\n", 10, b""),
    "a redirect": (b"30 /elsewhere\r\n", 30, b""),
    "no words": (b"51\r\n", 51, b""),
    "a body where none may be": (b"51 No\r\nbody", 51, b""),
    "a certificate": (b"60 Show yours\r\n", 60, b""),
    "fields before it": (b"X-Powered-By: PHP\r\nContent-type: text/html\r\n"
                         b"\r\n20 text/plain\r\nx", 20, b"x"),
    "a status among fields": (b"Status: 20 text/plain\r\n\r\nx", 20, b"x"),
    "not found, for the web": (b"Status: 404 Not Found\r\nContent-type: "
                               b"text/html\r\n\r\nFile not found.\n", 51,
                               b""),
}


@BOTH
@pytest.mark.parametrize("name", GOOD)
def test_what_an_application_answers_arrives(daemon, app, is_scgi, name):
    said, status, body = GOOD[name]
    a = app(lambda r: r.answer(said), is_scgi)
    d = daemon(text({"/app/": a.action}))
    got = gemini(d.gemini, url("/app/x"))
    assert (got.status, got.body, got.clean) == (status, body, True)
    # And however the network cuts it.
    a.answer = lambda r: ([r.out(said[i:i + 1]) for i in range(len(said))],
                          r.end())
    got = gemini(d.gemini, url("/app/x"))
    assert (got.status, got.body, got.clean) == (status, body, True)


BAD = {
    "nothing": b"",
    "no header": b"# Hello\n",
    "half a header": b"20 text/gemini",
    "an undefined status": b"21 text/gemini\r\nx",
    "a status of three": b"200 OK\r\n",
    "no media type": b"20\r\nx",
    "a blank media type": b"20  text/gemini\r\nx",
    "a control": b"20 text/\x1bgemini\r\nx",
    "not UTF-8": b"20 text/\xff\r\n",
    "a header of 1025": b"20 " + b"x" * 1025 + b"\r\n",
    "an endless header": b"20 " + b"x" * 100000,
    "endless fields": b"A: b\r\n" * 20000,
    "fields and no status": b"Content-type: text/html\r\n\r\n<html>",
    "a failure for the web": b"Status: 500 Oh\r\n\r\n20 text/plain\r\nx",
    "noise": bytes(range(256)) * 400,
}


@BOTH
@pytest.mark.parametrize("name", BAD)
def test_a_malformed_answer_is_42(daemon, app, is_scgi, name):
    a = app(lambda r: r.answer(BAD[name]), is_scgi)
    d = daemon(text({"/app/": a.action}))
    got = gemini(d.gemini, url("/app/x"))
    assert (got.header, got.clean) == (b"42 The application failed\r\n", True)


def test_a_header_of_1024_bytes_is_passed_on(daemon, app):
    a = app(lambda r: r.answer(b"20 " + b"x" * 1024 + b"\r\nbody"))
    d = daemon(text({"/app/": a.action}))
    got = gemini(d.gemini, url("/app/x"))
    assert (len(got.meta), got.body) == (1024, b"body")


def test_gopher_gets_what_is_said_and_no_fields(daemon, app):
    a = app(lambda r: r.answer(said))
    d = daemon(text({"/app/": a.action}))
    for said, want in ((b"iHi\t\t\t0\r\n.\r\n",) * 2,
                       (b"Note: this\nis text\n",) * 2,
                       (b"A: b\r\nStatus: 200 OK\r\n\r\nx", b"x"),
                       (b"Content-Type: text/html\n\nx", b"x"),
                       (b"Subject: hi\n\nx",) * 2,
                       (b"unfinished: field",) * 2,
                       (bytes(range(256)) * 300,) * 2,
                       (b"", BROKEN),
                       (b"Status: 500 Oh\r\n\r\nx", BROKEN)):
        assert gopher(d.gopher, b"/app/x\r\n") == want
        assert gopher(d.gopher, b"/app/x\r\n", tls=True) == want
    said = b"Status: 403 No\r\n\r\n403"
    assert gopher(d.gopher, b"/app/x\r\n").startswith(b"3Not found")


@BOTH
def test_a_large_answer_arrives_whole_in_both_protocols(daemon, app, is_scgi):
    block = bytes(range(251)) * 400
    a = app(lambda r: ([r.out(b"20 application/octet-stream\r\n")]
                       + [r.out(block) for _ in range(80)], r.end()),
            is_scgi)
    d = daemon(text({"/app/": a.action}))
    got = gemini(d.gemini, url("/app/x"))
    assert got.clean and got.body == block * 80
    assert gopher(d.gopher, b"/app/x\r\n") == (
        b"20 application/octet-stream\r\n" + block * 80)
    wait_for("the log", lambda: len(d.accesses()) == 2)
    assert [e["status"] for e in d.accesses()] == ["20", "20"]


@BOTH
@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("size", [4096, 1 << 20])
def test_an_answer_over_max_answer_is_visibly_cut(daemon, app, is_scgi, over,
                                                  size):
    body = b"x" * (size + over)
    a = app(lambda r: (r.out(b"20 text/plain\r\n" + body), r.end()), is_scgi)
    d = daemon(text({"/app/": a.action},
                    application={"max_answer": str(size)}))
    with Tls(d.gemini) as c:
        c.send(url("/app/x").encode() + b"\r\n")
        got = c.read_all()
    if over == 0:
        assert got.clean and got.data == b"20 text/plain\r\n" + body
    elif size == 4096:  # none of it was sent yet: so it can be told
        assert got.data == b"42 The application failed\r\n"
    else:
        assert not got.notified and len(got.data) <= size + 15
    assert ("longer than max_answer" in d.log()) == bool(over)


def test_pieces_arrive_as_they_come(daemon, app):
    """An application may think in public."""
    step = [threading.Event() for _ in range(3)]

    def answer(request):
        request.out(b"20 text/plain\r\n")
        for i, event in enumerate(step):
            request.out(b"%d" % i)
            assert event.wait(application.PATIENCE)
        request.end()

    a = app(answer)
    d = daemon(text({"/app/": a.action}))
    with Tls(d.gemini) as c:
        c.send(url("/app/x").encode() + b"\r\n")
        got = b""
        for i, event in enumerate(step):
            while not got.endswith(b"%d" % i):
                got += c.read()
            event.set()
        assert c.read_all().clean


# -- what goes wrong --

@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
def test_an_application_that_is_down_is_43(daemon, app, tcp):
    a = app(tcp=tcp)
    d = daemon(text({"/app/": a.action}))
    a.close()
    for _ in range(3):
        got = gemini(d.gemini, url("/app/x"))
        assert got.header == b"43 The application is not there\r\n"
        assert got.clean and got.seconds < 10
    assert gopher(d.gopher, b"/app/x\r\n") == DOWN
    assert b"1996" in gemini(d.gemini, url("/history")).body
    wait_for("the log", lambda: len(d.accesses()) >= 4)
    assert [e["status"] for e in d.accesses()][:4] == ["43"] * 4
    told = [li for li in d.log().split("\n") if "the application at" in li]
    assert len(told) == 1 and "refused" in told[0]
    if tcp:
        return
    os.unlink(a.address[len("unix:"):])
    assert gemini(d.gemini, url("/app/x")).status == 43
    # And it may come back.
    b = Server(path=a.address[len("unix:"):])
    assert gemini(d.gemini, url("/app/x")).status == 20
    b.close()


@BOTH
@pytest.mark.parametrize("said", [b"", b"20 te", b"Content-type: x\r\n"])
def test_an_application_that_says_nothing_in_time_is_42(daemon, app, is_scgi,
                                                        said):
    a = app(lambda r: (said and r.out(said), r.await_end()), is_scgi)
    d = daemon(text({"/app/": a.action}, **SHORT))
    got = gemini(d.gemini, url("/app/x"))
    assert got.header == b"42 The application is too slow\r\n" and got.clean
    assert got.seconds > 0.9
    assert a.wait().gone.wait(application.PATIENCE)
    got = ended(d.gopher, b"/app/x\r\n")
    if said.startswith(b"20"):  # which to Gopher is an answer, cut
        assert (got.data, got.end) == (said, "reset")
    else:
        assert (got.data, got.end) == (SLOW, "fin")


@BOTH
def test_an_answer_that_stops_for_too_long_is_visibly_cut(daemon, app,
                                                          is_scgi):
    a = app(lambda r: (r.out(b"20 text/plain\r\nhalf"), r.await_end()),
            is_scgi)
    d = daemon(text({"/app/": a.action}, **SHORT))
    with Tls(d.gemini) as c:
        c.send(url("/app/x").encode() + b"\r\n")
        got = c.read_all()
    assert got.data == b"20 text/plain\r\nhalf"
    assert (got.end, got.notified) == ("reset", False)
    assert ended(d.gopher, b"/app/x\r\n").end == "reset"
    assert a.wait(2).gone.wait(application.PATIENCE)
    wait_for("the log", lambda: len(d.accesses()) == 2)
    assert [e["end"] for e in d.accesses()] == ["timeout"] * 2


def test_a_slow_beginning_is_not_excused_byte_by_byte(daemon, app):
    """The time runs until the header is there, whatever trickles in."""
    def answer(request):
        request.out(b"20 ")
        while True:
            request.out(b"x")
            if request.gone.wait(0.2):
                return

    a = app(answer, is_scgi=True)
    d = daemon(text({"/app/": a.action}, **SHORT))
    got = gemini(d.gemini, url("/app/x"))
    assert got.header == b"42 The application is too slow\r\n"


BREAKS = {
    "no end": lambda r: r.sock.close(),
    "a reset": lambda r: (r.sock.setsockopt(
        application.socket.SOL_SOCKET, application.socket.SO_LINGER,
        application.struct.pack("ii", 1, 0)), r.sock.close()),
    "an exit status": lambda r: r.end(1),
    "not FastCGI": lambda r: (r.raw(b"HTTP/1.0 200 OK\r\n"), r.sock.close()),
}


@pytest.mark.parametrize("name", BREAKS)
def test_an_answer_that_breaks_off_never_looks_whole(daemon, app, name):
    go = threading.Event()

    def answer(request):
        request.out(b"20 text/plain\r\nhalf")
        assert go.wait(application.PATIENCE)
        BREAKS[name](request)

    a = app(answer)
    d = daemon(text({"/app/": a.action}))
    for visit in (lambda: Tls(d.gemini), lambda: Plain(d.gopher),
                  lambda: Tls(d.gopher)):
        go.clear()
        with visit() as c:
            is_gemini = c.sock.getpeername()[1] == int(d.gemini)
            c.send(url("/app/x").encode() + b"\r\n" if is_gemini
                   else b"/app/x\r\n")
            first = c.read() if isinstance(c, Tls) else c.more()
            assert first == b"20 text/plain\r\nhalf"
            go.set()
            got = c.read_all()
        assert (got.data, got.end, got.notified) == (b"", "reset", False)
    go.set()
    a.answer = BREAKS[name]  # before anything was said
    assert gemini(d.gemini, url("/app/x")).status == 42
    assert gopher(d.gopher, b"/app/x\r\n") == BROKEN


def test_an_overloaded_application_is_42(daemon, app):
    a = app(lambda r: r.end(0, 2))
    d = daemon(text({"/app/": a.action}))
    assert gemini(d.gemini, url("/app/x")).status == 42


def test_standard_error_goes_to_the_log_and_forges_no_line(daemon, app):
    a = app(lambda r: (r.out(b"bad\r\n\x1b[31mtime=now proto", 7),
                       r.answer(b"20 text/plain\r\nx")))
    d = daemon(text({"/app/": a.action}))
    assert gemini(d.gemini, url("/app/x")).body == b"x"
    line, = [li for li in d.log().split("\n") if "says" in li]
    assert line.endswith(r"says: bad\x0d\x0a\x1b[31mtime=now proto")


@pytest.mark.parametrize("more", [0, 1, 500])
def test_standard_error_has_so_many_lines_a_second_and_no_more(daemon, app,
                                                               more):
    def answer(request):
        for _ in range(10 + more):
            request.out(b"trouble", 7)
        request.answer(b"20 text/plain\r\nx")

    a = app(answer)
    d = daemon(text({"/app/": a.action}))
    assert gemini(d.gemini, url("/app/x")).body == b"x"
    if more:
        wait_for("the number", lambda: " %d line%s left out" % (
            more, "" if more == 1 else "s") in d.log())
    assert d.log().count("says: ") == 10


# -- who goes --

@BOTH
def test_a_visitor_that_goes_ends_the_question(daemon, app, is_scgi):
    a = app(lambda r: r.await_end(), is_scgi)
    d = daemon(text({"/app/": a.action}))
    with Tls(d.gemini) as c:
        c.send(url("/app/x").encode() + b"\r\n")
        request = a.wait()
    assert request.gone.wait(application.PATIENCE)
    wait_for("the log", lambda: d.accesses())
    assert d.accesses()[0]["end"] == "gone"


def test_a_visitor_that_goes_in_the_middle_ends_the_answer(daemon, app):
    def answer(request):
        request.out(b"20 text/plain\r\n")
        while True:
            request.out(b"x" * 10000)

    a = app(answer)
    d = daemon(text({"/app/": a.action}))
    for n, visit in ((1, lambda: Tls(d.gemini)),
                     (2, lambda: Plain(d.gopher))):
        with visit() as c:
            c.send(url("/app/x").encode() + b"\r\n"
                   if isinstance(c, Tls) else b"/app/x\r\n")
            request = a.wait(n)
            assert c.more()
        assert request.gone.wait(application.PATIENCE)


def test_a_visitor_that_has_said_all_still_gets_its_answer(daemon, app):
    """A half-closed connection in the clear, and close_notify over TLS."""
    go = threading.Event()
    a = app(lambda r: (go.wait(application.PATIENCE),
                       r.answer(b"20 text/plain\r\nx")))
    d = daemon(text({"/app/": a.action}))
    with Plain(d.gopher) as c, Tls(d.gemini) as s:
        c.send(b"/app/x\r\n")
        c.half_close()
        s.send(url("/app/x").encode() + b"\r\n")
        s.sock.sendall(s.close_notify())
        s.sock.sendall(b"junk after that")
        a.wait(2)
        go.set()
        assert c.read_all().data == b"20 text/plain\r\nx"
        assert s.read_all().data == b"20 text/plain\r\nx"


@BOTH
def test_a_slow_reader_slows_its_application_down(daemon, app, is_scgi):
    """What nobody takes is not gathered in memory."""
    sent = [0]

    def answer(request):
        request.out(b"20 text/plain\r\n")
        for _ in range(4000):
            request.out(b"x" * 10000)
            sent[0] += 10000
        request.end()

    a = app(answer, is_scgi)
    d = daemon(text({"/app/": a.action}))
    with Tls(d.gemini, rcvbuf=4096) as c:
        c.send(url("/app/x").encode() + b"\r\n")
        c.read(1024)
        stuck = -1
        while stuck != sent[0]:  # until it moves no more
            stuck = sent[0]
            threading.Event().wait(0.5)
        assert stuck < 20 << 20
        assert b"1996" in gemini(d.gemini, url("/history")).body


def test_fifty_at_once_hold_up_no_page(daemon, app):
    go = threading.Event()
    a = app(lambda r: (go.wait(application.PATIENCE),
                       r.answer("20 text/plain\r\n" + r.env["PATH_INFO"])),
            backlog=4)
    d = daemon(text({"/app/": a.action}))
    visitors = [Tls(d.gemini) for _ in range(50)]
    for i, c in enumerate(visitors):
        c.send(url("/app/%d" % i).encode() + b"\r\n")
    a.wait(50)
    for _ in range(5):
        got = gemini(d.gemini, url("/history"))
        assert got.status == 20 and got.seconds < 5
    go.set()
    for i, c in enumerate(visitors):
        assert c.read_all().data == b"20 text/plain\r\n/%d" % i
        c.sock.close()


def test_a_busy_server_is_dialled_again(daemon, app):
    """Its queue is full for a while; nobody is turned away for that."""
    a = app(lambda r: r.answer("20 text/plain\r\nx"), backlog=0)
    a.accepting.clear()
    gemini_line = url("/app/x").encode() + b"\r\n"
    d = daemon(text({"/app/": a.action}))
    visitors = [Tls(d.gemini) for _ in range(40)]
    for c in visitors:
        c.send(gemini_line)
    assert b"1996" in gemini(d.gemini, url("/history")).body
    wait_for("a full queue", lambda: "cannot connect" in d.log())
    a.accepting.set()
    for c in visitors:
        assert c.read_all().data == b"20 text/plain\r\nx"
        c.sock.close()


def test_an_application_is_finished_over_a_reload(daemon, app):
    go = threading.Event()
    old = app(lambda r: (go.wait(application.PATIENCE),
                         r.answer("20 text/plain\r\nold")))
    new = app(lambda r: r.answer("20 text/plain\r\nnew"))
    d = daemon(text({"/app/": old.action}), steady=False)
    with Tls(d.gemini) as c, Tls(d.gemini) as late:
        c.send(url("/app/x").encode() + b"\r\n")
        old.wait()
        workers = set(d.children())
        d.rewrite(text({"/new/": new.action, "/app/": new.action}))
        d.signal(signal.SIGHUP)
        wait_for("new workers", lambda: set(d.children()) - workers)
        wait_for("the reload", lambda: "reloaded" in d.log())
        # Accepted by a worker of before: asks with the addresses of before.
        late.send(url("/app/x").encode() + b"\r\n")
        old.wait(2)
        go.set()
        assert c.read_all().data == b"20 text/plain\r\nold"
        assert late.read_all().data == b"20 text/plain\r\nold"
    wait_for("old workers to go", lambda: not workers & set(d.children()))
    assert gemini(d.gemini, url("/app/x")).body == b"new"

def test_a_killed_worker_ends_what_it_asked_and_nothing_looks_whole(
        daemon, app):
    def answer(request):
        request.out(b"20 text/plain\r\nhalf")
        request.await_end()

    a = app(answer)
    d = daemon(text({"/app/": a.action}), steady=False)
    with Plain(d.gopher) as c, Plain(d.gopher) as early:
        c.send(b"/app/x\r\n")
        assert c.more() == b"20 text/plain\r\nhalf"
        a.answer = lambda r: r.await_end()
        early.send(b"/app/x\r\n")
        a.wait(2)
        os.kill(d.workers[0], signal.SIGKILL)
        assert c.read_all().end == "reset"
        assert early.read_all().end == "reset"
    assert a.wait(1).gone.wait(application.PATIENCE)
    assert a.wait(2).gone.wait(application.PATIENCE)
    wait_for("another worker", lambda: set(d.children()) - set(d.workers))
    a.answer = application.table
    assert gemini(d.gemini, url("/app/x")).status == 20


def test_without_a_master_nobody_waits_for_a_socket(daemon, app):
    a = app()
    d = daemon(text({"/app/": a.action}, server={"drain_timeout": "20s"}),
               steady=False)
    with Tls(d.gemini) as c:
        os.kill(d.pid, signal.SIGKILL)
        d.proc.wait()
        wait_for("the worker to know", lambda: "master is gone" in d.log())
        c.send(url("/app/x").encode() + b"\r\n")
        assert c.read_all().data.startswith(b"43 ")
    wait_for("the worker to go", lambda: not any(
        server.is_running(pid) for pid in d.workers))


def test_stopping_waits_for_applications_as_for_files(daemon, app):
    go = threading.Event()
    a = app(lambda r: (go.wait(application.PATIENCE),
                       r.answer("20 text/plain\r\nx")))
    d = daemon(text({"/app/": a.action}))
    with Tls(d.gemini) as c:
        c.send(url("/app/x").encode() + b"\r\n")
        a.wait()
        d.signal(signal.SIGTERM)
        wait_for("the drain", lambda: "stopping" in d.log())
        go.set()
        assert c.read_all().clean
    assert d.proc.wait(timeout=server.START) == 0


def test_a_query_is_in_no_log(daemon, app):
    a = app(is_scgi=True)
    d = daemon(text({"/app/": a.action}, log={"level": "debug"}))
    gemini(d.gemini, url("/app/x?secret"))
    gopher(d.gopher, b"/app/x?secret\r\n")
    gopher(d.gopher, b"/app/x\tsecret\r\n")
    wait_for("the log", lambda: len(d.accesses()) == 3)
    assert [e["selector"] for e in d.accesses()] == ['"/app/x"'] * 3
    assert "secret" not in d.log()
