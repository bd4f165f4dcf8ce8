"""[access]: who may read what, by client certificate.

Certificates are made by the openssl program, some with dates that are over or
yet to come; the clients are the ssl module, and openssl for what the module
does not let a test do, such as taking a session to another name.
"""
import collections
import hashlib
import re
import ssl
import subprocess

import pytest

import server
from client import Tls, context, gemini, gopher, menu, url

OPEN, STAFF, CA = "capsule.example.org", "staff.example.org", "ca.example.org"
ONE = "127.0.0.1:0"
VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])

CA_CONF = """[ca]
default_ca = one
[one]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[server_only]
extendedKeyUsage = serverAuth
[authority]
basicConstraints = critical,CA:true
"""


def openssl(folder, *args):
    got = subprocess.run(["openssl", *map(str, args)], cwd=folder,
                         capture_output=True, text=True, timeout=60)
    assert got.returncode == 0, got.stderr


def request(folder, name):
    openssl(folder, "req", "-new", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
            "-out", name + ".csr", "-subj", "/CN=" + name)


def own(folder, name):
    request(folder, name)
    openssl(folder, "x509", "-req", "-in", name + ".csr", "-signkey",
            name + ".key", "-days", "30", "-out", name + ".crt")


def signed(folder, name, by, start="20200101000000Z", end="20990101000000Z",
           extensions=()):
    """A certificate with any dates; by: the name of who signs."""
    request(folder, name)
    openssl(folder, "ca", "-batch", "-config", "ca.conf", "-notext",
            "-keyfile", by + ".key",
            *(["-selfsign"] if by == name else ["-cert", by + ".crt"]),
            "-in", name + ".csr", "-out", name + ".crt",
            "-startdate", start, "-enddate", end, *extensions)


def make_certificates(folder):
    (folder / "ca.conf").write_text(CA_CONF)
    (folder / "index.txt").write_text("")
    (folder / "serial").write_text("1000\n")
    for name in ("ada", "stranger"):
        own(folder, name)
    signed(folder, "old", "old", end="20200131000000Z")
    signed(folder, "early", "early", start="20980131000000Z")
    authority = ("-extensions", "authority")
    signed(folder, "root", "root", extensions=authority)
    signed(folder, "other-root", "other-root", extensions=authority)
    signed(folder, "bob", "root")
    signed(folder, "eve", "other-root")
    signed(folder, "machine", "root", extensions=("-extensions",
                                                  "server_only"))
    signed(folder, "late-bob", "root", end="20200131000000Z")
    signed(folder, "middle", "root", extensions=authority)
    signed(folder, "carol", "middle")
    chain = (folder / "carol.crt").read_text()
    (folder / "carol.crt").write_text(
        chain + (folder / "middle.crt").read_text())
    # Signed by one who is no authority.
    signed(folder, "mallory", "bob")
    chain = (folder / "mallory.crt").read_text()
    (folder / "mallory.crt").write_text(
        chain + (folder / "bob.crt").read_text())


def fingerprint(folder, name):
    pem = (folder / (name + ".crt")).read_text()
    end = "-----END CERTIFICATE-----"
    pem = pem[pem.index("-----BEGIN"):pem.index(end) + len(end)]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def text(**change):
    sections = {
        "gemini": {"listen": ONE},
        "gopher": {"listen": ONE},
        "capsule": {"hostname": OPEN},
        "gopher staff": {"listen": ONE},
        "capsule staff": {"hostname": STAFF, "root": "s"},
        "selectors staff": {"/": "index.gmi", "/staff/": "staff/",
                            "/any": "any.gmi", "/hall": "hall.gophermap"},
        "listing staff": {"/staff/": "yes"},
        "access staff": {"/staff/*": "staff.allow", "/any": "any",
                         "/staff/any/*": "any"},
        "capsule ca": {"hostname": CA, "root": "s"},
        "selectors ca": {"/": "index.gmi", "/staff/": "staff/"},
        "access ca": {"/staff/*": "ca:root.crt"},
    }
    sections.update(change)
    return server.conf(**sections)


def prepare(folder):
    make_certificates(folder)
    for name in ("index.gmi", "any.gmi", "staff/x.gmi", "staff/any/y.gmi"):
        path = folder / "s" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# Page %s\n" % name)
    (folder / "s/hall.gophermap").write_text("Hall\n*\n")
    lines = ["SHA256:" + fingerprint(folder, "ada").upper() + " # Ada"]
    lines += [fingerprint(folder, name) for name in ("old", "early")]
    (folder / "staff.allow").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    prepare(folder)
    with server.running(folder, text()) as one:
        one.gophers = [int(p) for p in
                       re.search(r"gopher=([0-9,]+)", one.ready)[1].split(",")]
        yield one


def showing(one, name, version=None):
    ctx = context(version, version)
    if name is not None:
        ctx.load_cert_chain(one.folder / (name + ".crt"),
                            one.folder / (name + ".key"))
    return ctx


def ask(one, path, name, host=STAFF, version=None, sni=True):
    return gemini(one.gemini, url(path, host), name=sni and host or None,
                  ctx=showing(one, name, version))


NEEDED = (60, "A certificate is needed to read this")
REFUSED = (61, "This certificate may not read this")
OLD = (62, "This certificate has expired on 2020-01-31")
EARLY = (62, "This certificate is not valid before 2098-01-31")
SERVED = (20, "text/gemini")


@VERSIONS
@pytest.mark.parametrize("path, name, want", [
    ("/", None, SERVED), ("/", "stranger", SERVED), ("/", "old", SERVED),
    ("/staff/x.gmi", None, NEEDED), ("/staff/x.gmi", "ada", SERVED),
    ("/staff/x.gmi", "stranger", REFUSED), ("/staff/x.gmi", "bob", REFUSED),
    ("/staff/x.gmi", "old", OLD), ("/staff/x.gmi", "early", EARLY),
    ("/staff/", None, NEEDED), ("/staff/", "ada", SERVED),
    ("/staff/none", None, NEEDED), ("/staff/none", "stranger", REFUSED),
    ("/staff/none", "ada", (51, "Not found")),
    ("/none", None, (51, "Not found")),
    ("/staff", None, (31, "/staff/")),
    ("/any", None, NEEDED), ("/any", "stranger", SERVED),
    ("/any", "old", OLD),
    ("/staff/any/y.gmi", "stranger", SERVED),
    ("/x/../staff/x.gmi", None, NEEDED), ("/%73taff/x.gmi", None, NEEDED),
    ("/staff/./x.gmi?q", None, NEEDED),
])
def test_each_certificate_at_each_selector(guarded, path, name, want,
                                           version):
    got = ask(guarded, path, name, version=version)
    assert (got.status, got.meta.split(";")[0]) == want


@VERSIONS
@pytest.mark.parametrize("name, want", [
    (None, NEEDED), ("bob", SERVED), ("carol", SERVED), ("eve", REFUSED),
    ("ada", REFUSED), ("machine", REFUSED), ("mallory", REFUSED),
    ("root", SERVED), ("late-bob", OLD),
])
def test_an_authority_vouches_for_its_own(guarded, name, want, version):
    got = ask(guarded, "/staff/x.gmi", name, host=CA, version=version)
    assert (got.status, got.meta.split(";")[0]) == want


# -- which handshake asks, and what a session carries --


def test_no_certificate_is_asked_for_elsewhere(guarded):
    """A client that offers one is not even asked on another capsule."""
    def asked(host, version):
        args = ["openssl", "s_client", "-connect",
                "127.0.0.1:%d" % guarded.gemini, "-servername", host,
                "-msg", version]
        got = subprocess.run(args, input=b"", capture_output=True, timeout=60)
        return b"CertificateRequest" in got.stdout

    for version in ("-tls1_2", "-tls1_3"):
        assert asked(STAFF, version) and asked(CA, version)
        assert not asked(OPEN, version)
        assert not asked("else.example.net", version)


def sizes(port, host, version, n=12):
    """Bytes that the server sends in a handshake, and in the whole visit.

    Signatures differ by a byte or two from one to the next: the least.
    """
    found = []
    for _ in range(n):
        with Tls(port, name=host, ctx=context(version, version)) as c:
            c.send(url("/history", host).encode() + b"\r\n")
            got = c.read_all()
        assert got.clean
        found.append(got.wire)
    return min(found)


@VERSIONS
def test_a_visit_elsewhere_costs_not_a_byte_more(guarded, daemon, version):
    """The 67 bytes of asking are paid where it is asked only."""
    alone = daemon(text=server.conf(
        gemini={"listen": ONE}, gopher={"listen": ONE},
        capsule={"hostname": OPEN, "certificate": guarded.folder /
                 "capsule.crt", "key": guarded.folder / "capsule.key"}))
    usual = sizes(alone.gemini, OPEN, version)
    assert abs(sizes(guarded.gemini, OPEN, version) - usual) <= 3


Message = collections.namedtuple("Message", "resumed status")


def openssl_visit(one, host, path, *options, sni=None):
    args = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % one.gemini,
            "-servername", sni or host, "-ign_eof", *map(str, options)]
    got = subprocess.run(args, input=url(path, host).encode() + b"\r\n",
                         capture_output=True, cwd=one.folder, timeout=60)
    status = re.search(rb"^([1-6][0-9]) ", got.stdout, re.M)
    return Message(b"\nReused, " in got.stdout,
                   status and int(status[1]))


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_never_carries_a_certificate(guarded, version):
    """Nothing is given to keep where a certificate was shown."""
    ada = ("-cert", "ada.crt", "-key", "ada.key")
    kept = guarded.folder / "kept.pem"
    kept.unlink(missing_ok=True)
    got = openssl_visit(guarded, STAFF, "/staff/", version, *ada,
                        "-sess_out", kept)
    assert got == Message(False, 20)
    assert not kept.exists()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_of_another_capsule_is_begun_anew(guarded, version):
    """It would skip the question, and its owner never be let in."""
    kept = guarded.folder / "open.pem"
    got = openssl_visit(guarded, OPEN, "/history", version, "-sess_out", kept)
    assert got == Message(False, 20) and kept.exists()
    ada = ("-cert", "ada.crt", "-key", "ada.key")
    got = openssl_visit(guarded, STAFF, "/staff/", version, "-sess_in", kept,
                        *ada)
    assert got == Message(False, 20)
    got = openssl_visit(guarded, STAFF, "/staff/", version, "-sess_in", kept)
    assert got == Message(False, 60)


def test_other_capsules_resume_as_ever(guarded):
    kept = guarded.folder / "ever.pem"
    openssl_visit(guarded, OPEN, "/history", "-sess_out", kept)
    got = openssl_visit(guarded, OPEN, "/history", "-sess_in", kept)
    assert got == Message(True, 20)


@VERSIONS
def test_a_capsule_that_asks_gives_no_ticket(guarded, version):
    for name in (None, "ada"):
        ctx = showing(guarded, name, version)
        with Tls(guarded.gemini, name=STAFF, ctx=ctx) as c:
            c.send(url("/", STAFF).encode() + b"\r\n")
            assert c.read_all().clean
            session = c.finish()
        assert session is None or not session.has_ticket
        with Tls(guarded.gemini, name=STAFF, ctx=ctx, session=session) as c:
            assert not c.tls.session_reused


def test_sni_of_one_capsule_and_url_of_another(guarded):
    """A certificate shown to one name says nothing at another."""
    for sni, host in ((STAFF, CA), (CA, STAFF), (OPEN, STAFF)):
        got = gemini(guarded.gemini, url("/staff/", host), name=sni,
                     ctx=showing(guarded, "ada"))
        assert got.status == 53


def test_without_sni_the_first_capsule_decides_what_is_asked(guarded):
    got = ask(guarded, "/staff/", "ada", sni=False)
    assert (got.status, got.meta) == NEEDED


@VERSIONS
def test_the_first_capsule_may_ask(daemon, version):
    """Then a handshake without SNI asks, and another capsule's does not."""
    one = daemon(text=server.conf(
        gemini={"listen": ONE}, gopher={"listen": ONE},
        access={"/files/*": "any"},
        **{"capsule b": {"hostname": "b.example.org", "root": "root"},
           "selectors b": {"/history": "history.gmi"}}))
    own(one.folder, "ada")
    for sni in (True, False):
        got = ask(one, "/files/sub/", "ada", OPEN, version, sni)
        assert got.status == 20
        assert ask(one, "/files/sub/", None, OPEN, version,
                   sni).status == 60
    ctx = context(version, version)
    with Tls(one.gemini, name="b.example.org", ctx=ctx) as c:
        c.send(url("/history", "b.example.org").encode() + b"\r\n")
        assert c.read_all().clean
        session = c.finish()
    with Tls(one.gemini, name="b.example.org", ctx=ctx,
             session=session) as c:
        assert c.tls.session_reused


def test_a_chain_without_end_is_cut(guarded):
    """More than 16 KB of certificates end the handshake, not the worker."""
    pem = (guarded.folder / "ada.crt").read_text()
    middle = (guarded.folder / "middle.crt").read_text()
    (guarded.folder / "long.crt").write_text(pem + middle * 60)
    (guarded.folder / "long.key").write_bytes(
        (guarded.folder / "ada.key").read_bytes())
    with pytest.raises((ConnectionError, ssl.SSLError, AssertionError)):
        ask(guarded, "/staff/", "long")
    assert ask(guarded, "/staff/", "ada").status == 20


# -- Gopher, listings, the log, loading --


@pytest.mark.parametrize("selector", [
    "/staff/", "/staff", "staff/", "staff", "/staff/x.gmi", "staff/x.gmi",
    "/staff/x.gmi/", "/staff/none", "staff/none", "/any", "/any/",
    "/staff/any/", "/staff/x.gmi\tsearch", "/staff/\t+", "/staff/x.gmi\t+"])
def test_gopher_never_shows_what_is_protected(guarded, selector):
    for port, tls in ((guarded.gophers[1], False), (guarded.gophers[0], True)):
        got = gopher(port, selector.encode() + b"\r\n", tls=tls, name=STAFF) \
            if tls else gopher(port, selector.encode() + b"\r\n")
        assert b"Only over Gemini, with a certificate" in got
        assert b"Page" not in got


def test_gopher_shows_the_rest(guarded):
    port = guarded.gophers[1]
    assert b"Page index.gmi" in gopher(port, b"\r\n")
    assert b"3Not found" in gopher(port, b"/none\r\n")
    assert b"CapsVersion" in gopher(port, b"caps.txt\r\n")


def test_listings_leave_out_what_their_readers_may_not_read(guarded):
    for body in (ask(guarded, "/hall", None).body,
                 gopher(guarded.gophers[1], b"/hall\r\n")):
        assert b"/any" not in body and b"staff" not in body
    body = ask(guarded, "/staff/", "ada").body
    assert b"x.gmi" in body


def logged(one, selector, status):
    return server.wait_for("the line", lambda: [
        a for a in one.accesses()
        if a["selector"] == '"%s"' % selector and a["status"] == status
        and a["host"] == STAFF])[-1]


def test_the_log_names_who_was_looked_at_and_nobody_else(guarded):
    hashed = {n: fingerprint(guarded.folder, n)[:16]
              for n in ("ada", "stranger")}
    ask(guarded, "/staff/x.gmi?log", "ada")
    assert logged(guarded, "/staff/x.gmi", "20")["client"] == hashed["ada"]
    ask(guarded, "/staff/unknown", "stranger")
    line = logged(guarded, "/staff/unknown", "61")
    assert line["client"] == hashed["stranger"]
    ask(guarded, "/staff/nobody", None)
    assert "client" not in logged(guarded, "/staff/nobody", "60")
    ask(guarded, "/public", "ada")
    assert "client" not in logged(guarded, "/public", "51")


def test_a_reload_takes_a_new_list_or_keeps_the_old(daemon):
    one = daemon(text=server.conf(gemini={"listen": ONE}))
    prepare(one.folder)
    one.steady = False
    one.rewrite(text())
    one.signal(server.signal.SIGHUP)
    server.wait_for("the capsule", lambda: ask(
        one, "/staff/", "ada").status == 20)
    allow = one.folder / "staff.allow"
    allow.write_text(fingerprint(one.folder, "ada")[:-1] + "\n")
    one.signal(server.signal.SIGHUP)
    server.wait_for("the reason", lambda: "staff.allow:1: " in one.log())
    assert ask(one, "/staff/", "ada").status == 20
    allow.write_text(fingerprint(one.folder, "stranger") + "\n")
    one.signal(server.signal.SIGHUP)
    server.wait_for("the new list", lambda: ask(
        one, "/staff/", "stranger").status == 20)
    assert ask(one, "/staff/", "ada").status == 61


def test_watch_notices_a_list_that_changed(daemon):
    one = daemon(text=server.conf(gemini={"listen": ONE}))
    prepare(one.folder)
    one.steady = False
    one.rewrite(text(server={"watch": "1s"}))
    one.signal(server.signal.SIGHUP)
    server.wait_for("the capsule", lambda: ask(
        one, "/staff/", "ada").status == 20)
    (one.folder / "staff.allow").write_text(
        fingerprint(one.folder, "stranger"))
    server.wait_for("the new list", lambda: ask(
        one, "/staff/", "stranger").status == 20)


@pytest.mark.parametrize("value, want", [
    ("nowhere", "[access staff] /staff/*: cannot read the fingerprints in "
     "%s/nowhere: No such file or directory"),
    ("ca:nowhere", "[access staff] cannot read the authorities in "
     "%s/nowhere: No such file or directory"),
    ("ca:staff.allow", "[access staff] cannot read the authorities in "
     "%s/staff.allow: it must hold certificates in PEM"),
    ("ca:half.crt", "[access staff] cannot read the authorities in "
     "%s/half.crt: it must hold certificates in PEM"),
])
def test_files_that_cannot_be_read_are_told(guarded, value, want):
    folder = guarded.folder
    (folder / "half.crt").write_text(
        (folder / "root.crt").read_text() +
        (folder / "ada.crt").read_text()[:200])
    path = folder / "wrong.ini"
    path.write_text(text(**{"access staff": {"/staff/*": value}}))
    got = server.run("-n", "-c", str(path))
    assert got.returncode == 1
    number = path.read_text().split("\n").index("/staff/* = " + value) + 1
    assert got.stderr.strip() == "%s:%d: %s" % (path, number, want % folder)
