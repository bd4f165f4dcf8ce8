"""Sessions that resume: by id, by sealed ticket, or not; and what each way
costs in bytes, which is held to the byte.

test_tls.py shows that they resume at all; here is what [tls] can say, how long
a session is good, and for whom.
"""
import re
import secrets
import signal
import ssl
import subprocess

import pytest

import crowd
import server
from client import HOST, Plain, Reply, Tls, context, gemini, url
from crowd import SANITIZED
from test_tls import TLS12, TLS13, VERSIONS, s_client, visit

MODES = pytest.mark.parametrize("tickets", ["id", "sealed"])


def with_tls(**keys):
    return server.conf(server={"workers": "2"}, tls=keys)


def resumes(d, ctx, session):
    """(if a visit resumes that session, the session of that visit)"""
    got, session, again = visit(d.gemini, ctx, session)
    assert b"1996" in got.data
    return again, session


# -- modes --


@MODES
@VERSIONS
def test_every_visit_resumes_the_last_with_any_worker(daemon, tickets,
                                                      version):
    d = daemon(with_tls(tickets=tickets))
    ctx, session = context(version, version), None
    _, session = resumes(d, ctx, session)
    for _ in range(10):
        again, session = resumes(d, ctx, session)
        assert again


@VERSIONS
def test_without_tickets_nothing_is_given_to_keep(daemon, version):
    d = daemon(with_tls(tickets="none"))
    text = s_client(d.gemini, (url("/history") + "\r\n").encode(), "-ign_eof",
                    "-tls1_2" if version == TLS12 else "-tls1_3")
    assert "1996" in text
    assert "TLS session ticket" not in text
    assert "New Session Ticket" not in text
    assert re.search(r"Session-ID: *\n", text) or version == TLS13
    ctx, session = context(version, version), None
    for _ in range(3):
        again, session = resumes(d, ctx, session)
        assert not again


def test_a_session_of_tls_1_3_is_good_once(daemon):
    """Who reads along cannot tell that two visits belong together."""
    d = daemon(with_tls(tickets="id"))
    ctx = context(TLS13, TLS13)
    _, session = resumes(d, ctx, None)
    assert resumes(d, ctx, session)[0]
    assert not resumes(d, ctx, session)[0]


def test_a_session_of_tls_1_2_is_good_more_than_once(daemon):
    """Its id cannot be changed in the middle."""
    d = daemon(with_tls(tickets="id"))
    ctx = context(TLS12, TLS12)
    _, session = resumes(d, ctx, None)
    for _ in range(4):
        assert resumes(d, ctx, session)[0]


def send_bent_record(c):
    """The daemon says what is wrong with it, and ends the connection."""
    record = bytearray(c.seal(url("/history").encode() + b"\r\n"))
    record[-1] ^= 1
    c.sock.sendall(record)


def send_fatal_alert(c):
    """As a client does that has received what is no record."""
    c.inward.write(b"\x17\x03\x03\x00\x40" + bytes(64))
    with pytest.raises(ssl.SSLError):
        c.tls.read(1)
    assert c.outward.pending
    c.flush()


@pytest.mark.parametrize("break_it", [send_bent_record, send_fatal_alert])
def test_a_session_that_ended_in_a_fatal_alert_is_not_resumed(daemon,
                                                              break_it):
    """RFC 5246 7.2.2.  Only TLS 1.2 has sessions that are still there."""
    d = daemon(with_tls(tickets="id"))
    ctx = context(TLS12, TLS12)
    _, other = resumes(d, ctx, None)
    _, session = resumes(d, ctx, None)
    assert resumes(d, ctx, session)[0]
    with Tls(d.gemini, ctx=ctx, session=session) as c:
        assert c.tls.session_reused
        break_it(c)
        Plain.read_all(c)
    assert not resumes(d, ctx, session)[0]
    assert resumes(d, ctx, other)[0]


@pytest.mark.parametrize("tickets,longest", [("id", 32), ("sealed", 300)])
def test_a_ticket_says_twelve_hours(daemon, tickets, longest):
    d = daemon(with_tls(tickets=tickets))
    text = s_client(d.gemini, (url("/history") + "\r\n").encode(), "-ign_eof",
                    "-tls1_3")
    assert "TLS session ticket lifetime hint: 43200 (seconds)" in text
    rows = re.findall(r"\n    0[0-9a-f]{3} - ((?:[0-9a-f]{2}[ -])+)", text)
    size = sum(len(re.findall("[0-9a-f]{2}", row)) for row in rows)
    assert 0 < size <= longest and (size == 32) == (tickets == "id")


# -- how long they are good --


@MODES
@VERSIONS
def test_sessions_outlive_reloads(daemon, tickets, version):
    d = daemon(with_tls(tickets=tickets), steady=False)
    ctx = context(version, version)
    _, session = resumes(d, ctx, None)
    for _ in range(2):
        d.reload()
        again, session = resumes(d, ctx, session)
        assert again


@MODES
@VERSIONS
def test_sessions_outlive_the_worker_that_made_them(daemon, tickets, version):
    d = daemon(with_tls(tickets=tickets), steady=False)
    ctx = context(version, version)
    _, session = resumes(d, ctx, None)
    old = d.children()
    for pid in old:
        server.os.kill(pid, signal.SIGKILL)
    server.wait_for("new workers", lambda: len(d.children()) == 2
                    and not set(old) & set(d.children()))
    assert resumes(d, ctx, session)[0]


def test_a_reload_may_stop_and_start_it(daemon):
    d = daemon(with_tls(tickets="id"), steady=False)
    ctx = context(TLS13, TLS13)
    _, kept = resumes(d, ctx, None)
    d.rewrite(with_tls(tickets="none"))
    d.reload()
    assert not resumes(d, ctx, kept)[0]
    d.rewrite(with_tls(tickets="sealed"))
    d.reload()
    again, sealed = resumes(d, ctx, kept)
    assert not again
    assert resumes(d, ctx, sealed)[0]
    d.rewrite(with_tls(tickets="id"))
    d.reload()
    assert not resumes(d, ctx, sealed)[0]
    assert resumes(d, ctx, kept)[0]  # nobody had asked for it


@VERSIONS
def test_the_oldest_session_makes_room_for_one_too_many(daemon, version):
    d = daemon(with_tls(tickets="id", sessions="3"))
    ctx = context(version, version)
    kept = [resumes(d, ctx, None)[1] for _ in range(3)]
    # Asked for one by one, each leaves a place that the next one takes.
    kept = [resumes(d, ctx, one) for one in kept]
    assert [again for again, _ in kept] == [True] * 3
    one_more = resumes(d, ctx, None)[1]
    assert resumes(d, ctx, kept[1][1])[0]
    assert resumes(d, ctx, kept[2][1])[0]
    assert resumes(d, ctx, one_more)[0]
    assert not resumes(d, ctx, kept[0][1])[0]


def test_strange_ids_and_tickets_begin_a_session_anew(daemon):
    """A session of another daemon is a guess at one of ours."""
    d, other = daemon(with_tls()), daemon(with_tls())
    for version in (TLS12, TLS13):
        ctx = context(version, version)
        again, session = resumes(d, ctx, resumes(other, ctx, None)[1])
        assert not again
        assert resumes(d, ctx, session)[0]


# -- other clients --


@MODES
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_openssl_program_resumes(daemon, tmp_path, tickets, version):
    d = daemon(with_tls(tickets=tickets))
    line = (url("/history") + "\r\n").encode()
    kept = tmp_path / "kept.pem"
    options = ["-ign_eof", version, "-sess_out", kept]
    assert "\nNew, TLS" in s_client(d.gemini, line, *options)
    for _ in range(3):
        text = s_client(d.gemini, line, *options, "-sess_in", kept)
        assert "\nReused, TLS" in text and "1996" in text


@MODES
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_gnutls_resumes(daemon, tickets, version):
    """gnutls-cli -r connects twice; the second answer is for the request."""
    d = daemon(with_tls(tickets=tickets))
    done = subprocess.run(
        ["gnutls-cli", "-r", "--insecure", "--sni-hostname=" + HOST,
         "--priority", "NORMAL:-VERS-ALL:+VERS-TLS" + version,
         "--single-key-share", "--logfile=/dev/null", "-p",
         str(d.gemini), "127.0.0.1"],
        input=(url("/history") + "\r\n").encode(), capture_output=True,
        timeout=server.START)
    text = done.stdout.decode()
    assert "1996" in text, text + done.stderr.decode()
    server.wait_for("both visits", lambda: d.accesses())
    if version == "1.2":  # under 1.3 it leaves before a ticket can come
        assert d.accesses()[-1]["resumed"] == "1", d.log()


# -- sealed tickets of several machines --


def keys(path, *lines):
    path.write_text("# for the tests\n" + "".join(k + "\n" for k in lines))
    path.chmod(0o600)
    return path


def key():
    return secrets.token_hex(80)


def sealing(path):
    return with_tls(tickets="sealed", ticket_keys=path)


@VERSIONS
def test_machines_with_the_same_keys_open_each_others_tickets(
        daemon, tmp_path, version):
    path = keys(tmp_path / "shared.keys", key())
    one, two = daemon(sealing(path)), daemon(sealing(path))
    ctx, session = context(version, version), None
    _, session = resumes(one, ctx, session)
    for d in (two, one, two, two):
        again, session = resumes(d, ctx, session)
        assert again


@VERSIONS
def test_keys_change_without_losing_a_session(daemon, tmp_path, version):
    old, new = key(), key()
    path = keys(tmp_path / "keys", old)
    d = daemon(sealing(path), steady=False)
    ctx = context(version, version)
    _, kept = resumes(d, ctx, None)
    keys(path, new, old)
    d.reload()
    again, session = resumes(d, ctx, kept)
    assert again
    keys(path, new)
    d.reload()
    assert not resumes(d, ctx, kept)[0]  # sealed with what is gone
    assert resumes(d, ctx, session)[0]   # and this one with the new


def test_sealed_sessions_outlive_a_restart_with_a_file(daemon, tmp_path):
    path = keys(tmp_path / "keys", key())
    d = daemon(sealing(path))
    ctx = context(TLS13, TLS13)
    _, session = resumes(d, ctx, None)
    d.stop()
    with server.running(d.folder, sealing(path)) as again:
        assert resumes(again, ctx, session)[0]


@pytest.mark.parametrize("text,mode,words", [
    ("", 0o600, "there is no key in it; make one with"),
    ("short\n", 0o600, "line 1 of KEYS: a key is 160 characters"),
    ("\n" + "g" * 160 + "\n", 0o600, "line 2 of KEYS: neither hexadecimal"),
    ("ab" * 80 + "\n", 0o644, "type \"chmod 600 KEYS\""),
    (None, 0, "cannot read KEYS: No such file or directory"),
])
def test_a_wrong_file_of_keys_is_told(daemon, tmp_path, text, mode, words):
    d = daemon(steady=False)
    path = tmp_path / "keys"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    d.rewrite(sealing(path))
    done = server.run("-n", "-c", d.path)
    assert done.returncode == 1
    assert re.match(r"\S+capsuled\.ini:\d+: \[tls\] ticket_keys: ",
                    done.stderr), done.stderr
    assert words.replace("KEYS", str(path)) in done.stderr
    d.signal(signal.SIGHUP)
    server.wait_for("the reason", lambda: "not reloaded" in d.log())
    assert words.replace("KEYS", str(path)) in d.log()
    assert gemini(d.gemini, url("/history")).status == 20


# -- bytes --

PAGE = 2024  # bytes: what an ordinary page weighs
NAME = "c.example.org"


def small(tickets):
    """Default settings but for the ports, and a name of ordinary length."""
    text = server.conf(
        capsule={"hostname": NAME, "language": "fr"},
        selectors={"/": "page.gmi"}, tls={"tickets": tickets})
    return text


def write_page(root):
    (root / "page.gmi").write_text("# A page\n" + "x" * (PAGE - 10) + "\n")


class Counting(Tls):
    """Sees how the bytes come: what one send of the daemon was."""

    def __init__(self, *args, **how):
        self.pieces = []
        super().__init__(*args, **how)

    def more(self, size=65536):
        data = Plain.more(self, size)
        if data:
            self.pieces.append(len(data))
        return data


def weigh(port, ctx, session=None):
    """One visit: its session, if it resumed, bytes received, and pieces."""
    with Counting(port, name=NAME, ctx=ctx, session=session) as c:
        c.send(url("/", NAME).encode() + b"\r\n")
        got = c.read_all()
        reply = Reply(got)
        assert reply.header == b"20 text/gemini;lang=fr\r\n"
        assert got.clean and len(reply.body) == PAGE
        again = c.tls.session_reused
        pieces, wire = c.pieces, c.wire
        return c.finish(), again, wire, pieces


@pytest.mark.parametrize("tickets,most", [("id", 2841), ("none", 2762)])
def test_a_first_visit_weighs_no_more_than(daemon, tickets, most):
    d = daemon(small(tickets), prepare=write_page)
    ctx = context(TLS13, TLS13)
    for _ in range(8):  # a signature is 70 to 72 bytes long
        session, again, wire, pieces = weigh(d.gemini, ctx)
        assert not again
        assert wire <= most
        assert len(pieces) <= 3 and min(pieces) >= 200, pieces
    assert weigh(d.gemini, ctx, session)[1] == (tickets == "id")


def test_a_returning_visit_weighs_no_more_than(daemon):
    d = daemon(small("id"), prepare=write_page)
    ctx = context(TLS13, TLS13)
    session = weigh(d.gemini, ctx)[0]
    for _ in range(4):
        session, again, wire, pieces = weigh(d.gemini, ctx, session)
        assert again
        assert wire <= 2400
        assert len(pieces) <= 3 and min(pieces) >= 200, pieces


def test_our_certificate_of_one_name_is_at_most_312_bytes(daemon):
    d = daemon(small("id"), prepare=write_page)
    der = ssl.PEM_cert_to_DER_cert((d.folder / "capsule.crt").read_text())
    assert len(der) <= 312  # 16 of them are its number


# -- memory --

WAITING = 1000   # visitors that have said nothing after the handshake
FIRST = 200      # before them: what a worker needs once is there by then
# Bytes each may cost: nearly all of it is OpenSSL's, and newer ones take more.
EACH = (16 if ssl.OPENSSL_VERSION_INFO < (3, 2) else 24) << 10


def many(**keys):
    return server.conf(server={"workers": "2", "request_timeout": "10m"},
                       **keys)


def test_who_waits_after_the_handshake_costs_little(daemon):
    """And is answered when the request comes at last, whoever it is."""
    if crowd.many_files() < WAITING + FIRST + 200:
        pytest.skip("too few descriptors are allowed here")
    d = daemon(many())
    ctx = context(TLS13, TLS13)
    them = [Tls(d.gemini, ctx=ctx) for _ in range(FIRST)]
    gemini(d.gemini, url("/history"))
    before = crowd.tree_pss(d)
    them += [Tls(d.gemini, ctx=ctx) for _ in range(WAITING)]
    gemini(d.gemini, url("/history"))
    each = (crowd.tree_pss(d) - before) / WAITING
    print("%.0f bytes a connection" % each)
    try:
        assert SANITIZED or each < EACH
        for c in them:
            c.send(url("/history").encode() + b"\r\n")
        for c in them:
            got = c.read_all()
            assert got.clean and b"1996" in got.data
    finally:
        for c in them:
            c.sock.close()


@VERSIONS
def test_who_waited_long_resumes_asks_and_breaks_off_as_others_do(daemon,
                                                                 version):
    """A hundred of them, whose requests come in pieces."""
    d = daemon(many())
    ctx = context(version, version)
    session = visit(d.gemini, ctx)[1]
    them = [Tls(d.gemini, ctx=ctx) for _ in range(99)]
    them.append(Tls(d.gemini, ctx=ctx, session=session))
    assert them[-1].tls.session_reused
    line = url("/history").encode() + b"\r\n"
    for c in them[0::3]:
        c.sock.close()
    for c in them[1::3] + them[2::3]:
        c.send(line[:9])
    for c in them[1::3] + them[2::3]:
        c.send(line[9:])
    for c in them[1::3] + them[2::3]:
        got = c.read_all()
        assert got.clean and b"1996" in got.data
        session = c.finish()
        assert visit(d.gemini, ctx, session)[2]
