"""TLS: versions, names, sessions that resume, and the certificate made at
the first start.

Resumption is asked of two clients: the ssl module, which shows each step, and
the openssl program, which keeps sessions in files as a browser keeps them.
"""
import re
import ssl
import stat
import subprocess

import pytest

import server
from client import HOST, Plain, Reply, Tls, context, gemini, gopher, url
from server import conf

TLS12 = ssl.TLSVersion.TLSv1_2
TLS13 = ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [TLS12, TLS13])


def visit(port, ctx, session=None, line=None, **how):
    """A whole visit; returns the reply, the session, and if it resumed."""
    with Tls(port, ctx=ctx, session=session, **how) as c:
        c.send(url("/history").encode() + b"\r\n" if line is None else line)
        got = c.read_all()
        resumed = c.tls.session_reused
        session = c.finish()
    assert got.clean, repr(got)
    return got, session, resumed


# -- versions --


@VERSIONS
@pytest.mark.parametrize("protocol", ["gemini", "gopher"])
def test_the_version_is_accepted(served, protocol, version):
    line = url("/history").encode() if protocol == "gemini" else b"/history"
    got, _, _ = visit(getattr(served, protocol), context(version, version),
                      line=line + b"\r\n")
    assert b"1996" in got.data


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1,
                                     ssl.TLSVersion.TLSv1_1])
@pytest.mark.parametrize("protocol", ["gemini", "gopher"])
def test_an_older_version_is_refused(served, protocol, version):
    ctx = context()
    ctx.set_ciphers("ALL:@SECLEVEL=0")
    ctx.minimum_version = ctx.maximum_version = version
    with Tls(getattr(served, protocol), ctx=ctx, handshake=False) as c:
        hello = c.hello()
        assert hello[:1] == b"\x16" and hello[9:11] < b"\x03\x03"
        c.sock.sendall(hello)
        got = Plain.read_all(c)
    assert got.end != "timeout"
    assert got.data[:1] in (b"", b"\x15"), "not an alert: %r" % got


def test_the_key_exchange_keeps_no_secret_for_later(served):
    """Every TLS 1.2 suite on offer has ephemeral keys and an AEAD."""
    ctx = context(TLS12, TLS12)
    with Tls(served.gemini, ctx=ctx) as c:
        assert c.tls.cipher()[0].startswith("ECDHE-")
    for weak in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "aNULL:@SECLEVEL=0"):
        ctx = context(TLS12, TLS12)
        ctx.set_ciphers(weak)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            Tls(served.gemini, ctx=ctx)


def test_renegotiation_is_refused(served):
    """The letter R on a line of its own makes the program ask for it."""
    text = s_client(served.gemini, b"R\n", "-tls1_2")
    assert "RENEGOTIATING" in text
    assert "no renegotiation" in text, text
    assert gemini(served.gemini, url("/history")).status == 20


# -- the hello --


class Raw(Tls):
    """Keeps what came as it came."""

    came = b""

    def more(self, size=65536):
        data = super().more(size)
        self.came += data or b""
        return data


def record_types(data):
    types = []
    while data:
        types.append(data[0])
        data = data[5 + int.from_bytes(data[3:5], "big"):]
    return types


@pytest.mark.parametrize("protocol", ["gemini", "gopher"])
@pytest.mark.parametrize("is_wanted", [True, False])
def test_who_sends_a_session_id_gets_a_change_cipher_spec(served, protocol,
                                                          is_wanted):
    """RFC 8446, D.4: one, right behind the ServerHello."""
    ctx = context(TLS13, TLS13)
    if not is_wanted:
        ctx.options &= ~ssl.OP_ENABLE_MIDDLEBOX_COMPAT
    with Raw(getattr(served, protocol), ctx=ctx) as c:
        c.send(url("/history").encode() + b"\r\n")
        c.read_all()
        types = record_types(c.came)
    assert types.count(20) == is_wanted
    assert types[:2] == [22, 20 if is_wanted else 23]


@pytest.mark.parametrize("curve, is_on_offer", [("prime256v1", False),
                                                ("secp384r1", True)])
def test_keys_are_exchanged_by_the_groups_of_the_configuration(
        daemon, curve, is_on_offer):
    d = daemon(server.conf(tls={"groups": "?X25519000 P-384  ?nonsense"}))
    ctx = context()
    ctx.set_ecdh_curve(curve)
    try:
        with Tls(d.gemini, ctx=ctx) as c:
            c.send(url("/history").encode() + b"\r\n")
            assert c.read_all().clean and is_on_offer
    except (ssl.SSLError, ConnectionError):
        assert not is_on_offer


@pytest.mark.parametrize("groups, words", [
    ("X25519 P-257", '"P-257" is no group'), ("nonsense", '"nonsense" is no'),
    ("?nonsense", "at least one is needed"), ("", "at least one is needed")])
def test_a_group_that_openssl_does_not_know_is_an_error(tmp_path, groups,
                                                        words):
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "capsuled.ini"
    path.write_text(server.conf(tls={"groups": groups}))
    done = server.run("-n", "-c", path)
    assert done.returncode == 1
    assert "[tls] groups: " in done.stderr and words in done.stderr


def test_a_client_that_withstands_quantum_computers_gets_in(served):
    group = "X25519MLKEM768"
    text = s_client(served.gemini, (url("/history") + "\r\n").encode(),
                    "-ign_eof", "-groups", group)
    if "1996" not in text:
        known = subprocess.run(["openssl", "list", "-tls-groups"],
                               stdout=subprocess.PIPE, text=True).stdout
        assert group not in known, text
        pytest.skip("this OpenSSL does not know " + group)


# -- names --


@pytest.mark.parametrize("name", [
    HOST, "www.example.org", "localhost", None, HOST.upper(), HOST + ".",
    "Capsule.Example.Org."])
@VERSIONS
def test_the_name_in_the_handshake_may_be_spelt_freely(served, version, name):
    with Tls(served.gemini, name=name, ctx=context(version, version),
             handshake=False) as c:
        hello = c.hello()
        if name is not None:
            assert name.encode() in hello
        else:
            assert HOST.encode() not in hello
        c.sock.sendall(hello)
        c.handshake()
        c.send(url("/history").encode() + b"\r\n")
        got = Reply(c.read_all())
    assert (got.status, got.clean) == (20, True)


@pytest.mark.parametrize("name", ["elsewhere.example", "x" * 63 + ".example",
                                  ".".join(["y" * 60] * 4)])
def test_a_foreign_name_still_gets_a_handshake_and_an_answer(served, name):
    got = gemini(served.gemini, "gemini://%s/" % name, name=name)
    assert (got.status, got.clean) == (53, True)
    got = gemini(served.gemini, url("/history"), name=name)
    assert got.clean and got.status in (20, 53)


@pytest.mark.parametrize("inside", [b"\0", b"\xff", b"\n", b"\x1b", b" "])
def test_a_name_with_hostile_bytes_harms_nothing(served, inside):
    name = HOST.encode()
    with Tls(served.gemini, handshake=False) as c:
        c.sock.sendall(c.hello().replace(name, inside * len(name)))
        c.half_close()
        assert Plain.read_all(c).end != "timeout"
    assert gemini(served.gemini, url("/history")).status == 20
    assert "\x1b" not in served.log()


def test_an_unknown_alpn_does_not_end_the_handshake(served):
    ctx = context()
    ctx.set_alpn_protocols(["h2", "http/1.1"])
    assert gemini(served.gemini, url("/history"), ctx=ctx).status == 20


@VERSIONS
def test_a_client_with_a_certificate_is_welcome(served, version):
    """The daemon's own will do: it is self-signed, as theirs are."""
    ctx = context(version, version)
    ctx.load_cert_chain(served.folder / "capsule.crt",
                        served.folder / "capsule.key")
    session = None
    for _ in range(3):
        got, session, _ = visit(served.gemini, ctx, session)
        assert Reply(got).status == 20


# -- sessions --


@VERSIONS
@pytest.mark.parametrize("protocol", ["gemini", "gopher"])
def test_every_visit_after_the_first_resumes(served, protocol, version):
    line = url("/history").encode() if protocol == "gemini" else b"/history"
    ctx, session, resumed = context(version, version), None, []
    for _ in range(6):
        got, session, again = visit(getattr(served, protocol), ctx, session,
                                    line=line + b"\r\n")
        assert b"1996" in got.data
        resumed.append(again)
    assert resumed == [False] + [True] * 5


@VERSIONS
def test_sessions_resume_whichever_worker_answers(daemon, version):
    d = daemon(server.conf(server={"workers": "3"}))
    ctx, session, resumed = context(version, version), None, []
    for _ in range(20):
        _, session, again = visit(d.gemini, ctx, session)
        resumed.append(again)
    assert resumed == [False] + [True] * 19


@VERSIONS
def test_a_first_ticket_is_good_with_every_worker(daemon, version):
    """No worker alone remembers it."""
    d = daemon(server.conf(server={"workers": "3"}))
    ctx = context(version, version)
    for _ in range(12):
        _, session, _ = visit(d.gemini, ctx)
        _, _, again = visit(d.gemini, ctx, session)
        assert again


@VERSIONS
def test_sessions_outlive_a_reload(daemon, version):
    d = daemon(steady=False)
    ctx = context(version, version)
    _, session, _ = visit(d.gemini, ctx)
    (d.root / "history.gmi").write_text("# Later 1996\n")
    d.reload()
    got, session, again = visit(d.gemini, ctx, session)
    assert again and b"Later" in got.data
    assert visit(d.gemini, ctx, session)[2]


def test_a_session_opens_no_other_host(served):
    """What may be read is decided by the request, never by the session."""
    ctx = context(TLS13, TLS13)
    _, session, _ = visit(served.gemini, ctx)
    got, _, _ = visit(served.gemini, ctx, session,
                      line=b"gemini://elsewhere.example/\r\n")
    assert Reply(got).status == 53


def test_a_resumed_visit_costs_few_bytes(served):
    """Measured plan: 742 bytes for a first visit's handshake, 320 later."""
    ctx = context(TLS13, TLS13)
    first, session, _ = visit(served.gemini, ctx)
    second, _, again = visit(served.gemini, ctx, session)
    assert again
    page = len(first.data)
    assert first.wire - page < 1100
    assert second.wire - page < 650
    assert second.wire < first.wire - 300


def s_client(port, data, *options):
    """The openssl program as a client; what it printed."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % port,
         "-servername", HOST, *options], input=data, timeout=server.START,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_openssl_program_resumes_from_a_file(served, tmp_path, version):
    line = (url("/history") + "\r\n").encode()
    options = ["-ign_eof", version, "-sess_out", tmp_path / "session"]
    first = s_client(served.gemini, line, *options)
    assert "\nNew, TLS" in first and "1996" in first
    for _ in range(5):
        again = s_client(served.gemini, line, *options, "-sess_in",
                         tmp_path / "session")
        assert "\nReused, TLS" in again, again
        assert "1996" in again


# -- the certificate made at the first start --


def describe(path):
    return subprocess.run(
        ["openssl", "x509", "-in", path, "-noout", "-text", "-fingerprint",
         "-sha256"], capture_output=True, text=True, check=True).stdout


def test_the_certificate_is_p256_and_names_every_host(served):
    text = describe(served.folder / "capsule.crt")
    assert "prime256v1" in text
    assert "ecdsa-with-SHA256" in text
    names = re.findall(r"DNS:([^,\s]+)", text)
    assert sorted(names) == sorted([HOST, "www.example.org", "localhost"])


def test_the_certificate_is_valid_to_2099(served):
    text = describe(served.folder / "capsule.crt")
    assert re.search(r"Not After : .* 2099 GMT", text)


def test_the_certificate_is_small(served):
    pem = (served.folder / "capsule.crt").read_text()
    names = sum(len(n) + 2 for n in (HOST, "www.example.org", "localhost"))
    # 292 bytes were measured for one name of one letter, which stands in it
    # thrice; more may come from the names alone.
    assert len(ssl.PEM_cert_to_DER_cert(pem)) < 292 + 2 * len(HOST) + names


def test_the_key_is_for_its_owner_alone(served):
    mode = (served.folder / "capsule.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_the_fingerprint_is_logged(served):
    text = describe(served.folder / "capsule.crt")
    print_ = re.search(r"Fingerprint=(\S+)", text)[1].replace(":", "")
    logged = served.log().replace(":", "").lower()
    assert print_.lower() in logged


def test_the_certificate_is_kept_from_start_to_start(daemon):
    d = daemon()
    before = [(d.folder / n).read_bytes()
              for n in ("capsule.crt", "capsule.key")]
    d.stop()
    with server.running(d.folder) as again:
        after = [(again.folder / n).read_bytes()
                 for n in ("capsule.crt", "capsule.key")]
        assert gemini(again.gemini, url("/history")).status == 20
    assert before == after


@pytest.mark.parametrize("missing", ["capsule.crt", "capsule.key"])
def test_half_a_pair_is_an_error_and_never_completed(daemon, missing):
    d = daemon()
    d.stop()
    (d.folder / missing).unlink()
    done = server.run("-f", "-c", d.path)
    assert done.returncode == 1
    assert re.search(r"capsuled\.ini:\d+: .*" + re.escape(missing),
                     done.stderr), done.stderr
    assert not (d.folder / missing).exists()


def test_a_key_of_another_certificate_is_an_error(daemon, tmp_path):
    d, other = daemon(), daemon()
    d.stop()
    (d.folder / "capsule.key").write_bytes(
        (other.folder / "capsule.key").read_bytes())
    done = server.run("-f", "-c", d.path)
    assert done.returncode == 1
    assert re.search(r"capsuled\.ini:\d+: ", done.stderr), done.stderr
    assert "Success" not in done.stderr


@pytest.mark.parametrize("name", ["capsule.crt", "capsule.key"])
@pytest.mark.parametrize("content", [b"", b"junk\n",
                                     b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_broken_pair_is_an_error(daemon, name, content):
    d = daemon()
    d.stop()
    (d.folder / name).write_bytes(content)
    done = server.run("-f", "-c", d.path)
    assert done.returncode == 1
    assert re.search(r"capsuled\.ini:\d+: ", done.stderr), done.stderr


@pytest.mark.parametrize("versions", ["1.2 1.3", "1.3"])
def test_tls_1_2_can_be_turned_off(daemon, versions):
    """For Gemini and for Gopher."""
    d = daemon(conf(tls={"versions": versions}))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        ctx = context(version, version)
        if version == ssl.TLSVersion.TLSv1_2 and versions == "1.3":
            for port in (d.gemini, d.gopher):
                with pytest.raises((ssl.SSLError, OSError)):
                    Tls(port, ctx=ctx).close()
            continue
        assert gemini(d.gemini, url("/history"), ctx=ctx).status == 20
        assert b"1996" in gopher(d.gopher, b"/history\r\n", tls=True, ctx=ctx)
