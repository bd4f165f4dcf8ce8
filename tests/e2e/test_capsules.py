"""Several capsules in one daemon: by URL, by SNI, by port, by wildcard, and
in letters that are not ASCII."""
import re
import ssl

import pytest

import server
from client import Reply, Tls, context, gemini, gopher, menu, url
from test_tls import VERSIONS

A, B, IDN = "capsule.example.org", "b.example.org", "xn--bcher-kva.example"
UTF8 = "b\u00fccher.example"
ENCODED = "b%C3%BCcher.example"

ONE = "127.0.0.1:0"


def text(**change):
    sections = {
        "gemini": {"listen": ONE},
        "gopher": {"listen": ONE},
        "capsule": {"hostname": A + " *.a.example.org *.wild.example.org"},
        "gopher b": {"listen": ONE, "columns": "40", "tls": "no"},
        "capsule b": {"hostname": B + " *.b.example.org exact.a.example.org",
                      "root": "b", "language": "fr", "title": "B"},
        "selectors b": {"/": "index.gmi", "/only-b": "only.gmi"},
        "capsule idn": {"hostname": UTF8 + " *." + UTF8, "root": "b"},
        "selectors idn": {"/": "idn.gmi"},
    }
    sections.update(change)
    return server.conf(**sections)


def prepare(folder):
    (folder / "b").mkdir()
    (folder / "b/index.gmi").write_text(
        "# Capsule B\n=> only-b Only here\n" + "many words " * 12 + "\n")
    (folder / "b/only.gmi").write_text("# Only B\n")
    (folder / "b/idn.gmi").write_text("# Capsule IDN\n=> / Home\n")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    prepare(folder)
    with server.running(folder, text()) as one:
        one.gophers = [int(p) for p in
                       re.search(r"gopher=([0-9,]+)", one.ready)[1].split(",")]
        yield one


def shown_for(port, sni):
    """The certificate that is shown for sni."""
    with Tls(port, name=sni) as c:
        return c.tls.getpeercert(True)


FIRST, SECOND, THIRD = b"The example capsule", b"Capsule B", b"Capsule IDN"


@pytest.mark.parametrize("host, want", [
    (A, FIRST), ("www.a.example.org", FIRST), ("x.wild.example.org", FIRST),
    (B, SECOND), ("x.b.example.org", SECOND), ("X.B.Example.org.", SECOND),
    ("exact.a.example.org", SECOND),
    (IDN, THIRD), (ENCODED, THIRD), ("B%C3%9CCHER.example", THIRD),
    ("www." + IDN, THIRD), ("www." + ENCODED, THIRD),
])
def test_the_host_of_the_url_chooses_the_capsule(many, host, want):
    got = gemini(many.gemini, url("/", host), name=None)
    assert got.status == 20 and b"# " + want in got.body


@pytest.mark.parametrize("host", [
    "a.example.org", "wild.example.org", "x.y.a.example.org",
    "%2A.b.example.org",
    "*.b.example.org", "*", ".b.example.org", "b%C3%BC.example",
    "x.y." + IDN, "b%FCcher.example", "example.org",
])
def test_other_hosts_are_refused(many, host):
    assert gemini(many.gemini, url("/", host), name=None).status == 53


def test_a_host_in_raw_utf8_is_a_bad_request(many):
    assert gemini(many.gemini, url("/", UTF8), name=None).status == 59


def test_a_selector_of_one_capsule_is_not_found_in_another(many):
    assert gemini(many.gemini, url("/only-b", B), name=B).status == 20
    assert gemini(many.gemini, url("/only-b", A), name=A).status == 51


def test_each_capsule_has_its_language(many):
    assert "lang=fr" in gemini(many.gemini, url("/", B), name=B).meta
    assert "lang=en" in gemini(many.gemini, url("/", A), name=A).meta


@pytest.mark.parametrize("sni, host", [(A, B), (B, A), (IDN, A),
                                       ("x.b.example.org", A),
                                       ("www." + IDN, B)])
def test_sni_of_one_and_url_of_another_is_refused(many, sni, host):
    assert gemini(many.gemini, url("/", host), name=sni).status == 53


@pytest.mark.parametrize("sni, host", [(B, "x.b.example.org"),
                                       ("x.b.example.org", B),
                                       ("www." + IDN, ENCODED)])
def test_names_of_one_capsule_go_together(many, sni, host):
    assert gemini(many.gemini, url("/", host), name=sni).status == 20


def test_sni_picks_the_certificate(many):
    shown = {sni: shown_for(many.gemini, sni)
             for sni in (A, "x.a.example.org", B, "x.b.example.org", IDN,
                         "www." + IDN, "else.example.net", None)}
    assert shown[A] == shown["x.a.example.org"] == shown["else.example.net"]
    assert shown[A] == shown[None]
    assert shown[B] == shown["x.b.example.org"]
    assert shown[IDN] == shown["www." + IDN]
    assert len({shown[A], shown[B], shown[IDN]}) == 3


@pytest.mark.parametrize("name", [A, "x.a.example.org", B, "x.b.example.org",
                                  IDN, "www." + IDN])
def test_certificates_made_are_valid_for_every_name(many, name):
    ctx = ssl.create_default_context()
    files = {B: B + ".crt", IDN: IDN + ".crt"}
    mine = [f for host, f in files.items() if name.endswith(host)]
    ctx.load_verify_locations(many.folder / (mine + ["capsule.crt"])[0])
    with Tls(many.gemini, name=name, ctx=ctx) as c:
        assert c.tls.version() == "TLSv1.3"


# -- resumed sessions: of one name, for one name --


def session_of(port, ctx, name, line):
    with Tls(port, name=name, ctx=ctx) as c:
        c.send(line)
        c.read_all()
        return c.finish()


@VERSIONS
@pytest.mark.parametrize("tickets", ["id", "sealed"])
@pytest.mark.parametrize("other, status", [
    (B, 53), ("x.a.example.org", 20), ("else.example.net", 20), (None, 20)])
def test_a_session_of_one_name_is_not_resumed_under_another(
        tmp_path, version, tickets, other, status):
    prepare(tmp_path)
    with server.running(tmp_path, text(tls={"tickets": tickets})) as one:
        ctx, line = context(version, version), url("/", A).encode() + b"\r\n"
        session = session_of(one.gemini, ctx, A, line)
        with Tls(one.gemini, name=other, ctx=ctx, session=session) as c:
            assert not c.tls.session_reused
            c.send(line)
            assert Reply(c.read_all()).status == status
        session = session_of(one.gemini, ctx, A, line)
        with Tls(one.gemini, name=A.upper(), ctx=ctx, session=session) as c:
            assert c.tls.session_reused


@VERSIONS
def test_in_a_resumed_session_url_and_name_still_go_together(many, version):
    ctx = context(version, version)
    session = session_of(many.gemini, ctx, A, url("/", A).encode() + b"\r\n")
    with Tls(many.gemini, name=A, ctx=ctx, session=session) as c:
        assert c.tls.session_reused
        c.send(url("/", B).encode() + b"\r\n")
        assert Reply(c.read_all()).status == 53


@VERSIONS
def test_a_resumed_session_of_gopher_gets_the_capsule_of_its_name(many,
                                                                  version):
    first, ctx = many.gophers[0], context(version, version)
    session = session_of(first, ctx, B, b"\r\n")
    with Tls(first, name=B, ctx=ctx, session=session) as c:
        assert c.tls.session_reused
        c.send(b"\r\n")
        assert SECOND in c.read_all().data
    with Tls(first, name=A, ctx=ctx, session=session) as c:
        assert not c.tls.session_reused
        c.send(b"\r\n")
        assert FIRST in c.read_all().data


# -- Gopher --


def test_plain_gopher_gets_the_capsule_of_its_port(many):
    first, second = many.gophers
    assert FIRST in gopher(first, b"\r\n")
    assert SECOND in gopher(second, b"\r\n")
    assert b"Only B" in gopher(second, b"/only-b\r\n")
    assert b"3Not found" in gopher(first, b"/only-b\r\n")


def test_gopher_over_tls_gets_the_capsule_of_its_sni(many):
    first = many.gophers[0]
    assert SECOND in gopher(first, b"\r\n", tls=True, name=B)
    assert THIRD in gopher(first, b"\r\n", tls=True, name="www." + IDN)
    assert FIRST in gopher(first, b"\r\n", tls=True, name=None)
    assert FIRST in gopher(first, b"\r\n", tls=True, name="else.example.net")


def test_menus_name_the_capsules_own_host_and_port(many):
    first, second = many.gophers
    item = [i for i in menu(gopher(second, b"\r\n")) if i.type == "1"][0]
    assert (item.host, int(item.port)) == (B.encode(), second)
    item = [i for i in menu(gopher(first, b"\r\n", tls=True, name=IDN))
            if i.type == "1"][0]
    assert (item.host, int(item.port)) == (IDN.encode(), first)


def test_a_service_has_its_own_columns_and_tls(many):
    second = many.gophers[1]
    lines = [i.text for i in menu(gopher(second, b"\r\n")) if i.type == "i"]
    assert max(map(len, lines)) <= 40
    with pytest.raises((ConnectionError, ssl.SSLError)):
        Tls(second, name=B)


def test_the_log_names_the_capsule(many):
    gopher(many.gophers[1], b"/for-the-log\r\n")
    line = server.wait_for("the line", lambda: [
        a for a in many.accesses() if a["selector"] == '"/for-the-log"'])[0]
    assert line["host"] == B


def test_a_reload_takes_another_capsule_in(daemon, tmp_path):
    one = daemon(text=server.conf(gemini={"listen": ONE},
                                  gopher={"listen": ONE}), steady=False)
    prepare(one.folder)
    assert gemini(one.gemini, url("/", B), name=None).status == 53
    one.rewrite(text())
    one.signal(server.signal.SIGHUP)
    server.wait_for("capsule B", lambda: gemini(
        one.gemini, url("/", B), name=None).status == 20)
    one.rewrite(text(**{"capsule b": {"hostname": A, "root": "b"}}))
    one.signal(server.signal.SIGHUP)
    server.wait_for("the reason", lambda: "belongs to [capsule] already"
                    in one.log())
    assert gemini(one.gemini, url("/", B), name=None).status == 20


def test_the_effective_configuration_names_every_capsule(tmp_path):
    prepare(tmp_path)
    server.write_capsule(tmp_path / "root")
    (tmp_path / "c.ini").write_text(text())
    got = server.run("-nn", "-c", str(tmp_path / "c.ini"))
    assert got.returncode == 0, got.stderr
    for line in ("[gopher b]", "[capsule b]", "[selectors b]", "[capsule idn]",
                 "hostname = %s *.%s" % (IDN, IDN)):
        assert line in got.stdout.split("\n")
    (tmp_path / "d.ini").write_text(got.stdout)
    again = server.run("-nn", "-c", str(tmp_path / "d.ini"))
    assert again.stdout == got.stdout
