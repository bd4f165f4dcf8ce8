"""Certificates that the daemon did not make: their chains, what is said of
those that will hurt, and why a handshake failed.
"""
import os
import pathlib
import re
import subprocess

import pytest

import server
from client import HOST, Plain, gemini, url
from server import wait_for


def s_client(port, data, *options):
    """The openssl program as a client; what it printed."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % port,
         "-servername", HOST, *map(str, options)], input=data,
        timeout=server.START, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    return done.stdout.decode("utf-8", "replace")


def openssl(folder, *words):
    done = subprocess.run(["openssl", *map(str, words)], cwd=folder,
                          capture_output=True, timeout=server.START)
    assert done.returncode == 0, done
    return done.stdout.decode("utf-8", "replace")


def self_signed(folder, days, algorithm=("EC", "-pkeyopt",
                                         "ec_paramgen_curve:P-256"),
                names="DNS:%s" % HOST):
    """A pair where the usual configuration looks for it."""
    openssl(folder, "req", "-x509", "-newkey", *algorithm, "-nodes",
            "-keyout", "capsule.key", "-out", "capsule.crt", "-days", days,
            "-subj", "/CN=" + HOST, "-addext", "subjectAltName=" + names)
    (folder / "capsule.key").chmod(0o600)


ALL_NAMES = "DNS:%s,DNS:www.example.org,DNS:localhost" % HOST


def test_the_chain_behind_a_certificate_is_sent(daemon):
    def prepare(root):
        folder = root.parent
        openssl(folder, "req", "-x509", "-newkey", "EC", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                "-out", "ca.crt", "-days", 99, "-subj", "/CN=An authority")
        openssl(folder, "req", "-newkey", "EC", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                "capsule.key", "-out", "capsule.csr", "-subj", "/CN=" + HOST)
        openssl(folder, "x509", "-req", "-in", "capsule.csr", "-CA",
                "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "99", "-out", "leaf.crt")
        (folder / "capsule.crt").write_bytes(
            (folder / "leaf.crt").read_bytes()
            + (folder / "ca.crt").read_bytes())
        (folder / "capsule.key").chmod(0o600)
    d = daemon(prepare=prepare)
    shown = s_client(d.gemini, (url() + "\r\n").encode(), "-showcerts",
                     "-ign_eof", "-CAfile", d.folder / "ca.crt")
    sent = re.findall("-----BEGIN CERTIFICATE-----.*?-----END", shown, re.S)
    assert len(sent) == 2, shown
    assert "Verify return code: 0 (ok)" in shown


@pytest.mark.parametrize("what,how,want", [
    ("soon over", {"days": 20, "names": ALL_NAMES},
     r"capsule\.crt expires in (19|20) days; renew it with the same key\n"),
    ("a name too few", {"days": 99, "names": "DNS:%s,DNS:localhost" % HOST},
     r"capsule\.crt does not name www\.example\.org: strict clients refuse "
     r"it\n"),
    ("a rare key", {"days": 99, "names": ALL_NAMES,
                    "algorithm": ("ED25519",)},
     r"capsule\.crt has a key of Ed25519, which many clients cannot check; "
     r"P-256 suits all\n"),
], ids=["soon", "names", "kind"])
def test_a_certificate_that_will_hurt_is_told_at_start_and_by_a_check(
        daemon, what, how, want):
    d = daemon(prepare=lambda root: self_signed(root.parent, **how))
    line = r"\S*capsuled\.ini:\d+: \[capsule\] certificate: \S*" + want
    told = [t for t in d.log().split("\n") if "[capsule] certificate" in t]
    assert len(told) == 1 and re.search("warn " + line, told[0] + "\n"), told
    done = server.run("-n", "-c", d.path)
    assert done.returncode == 0
    assert re.fullmatch("warning: .*" + line, done.stderr), done.stderr


def test_a_certificate_that_suits_all_is_not_spoken_of(served):
    assert "[capsule] certificate" not in served.log()
    done = server.run("-n", "-c", served.path)
    assert (done.returncode, done.stderr) == (0, "")


FAKETIME = "faketime/libfaketime.so.1"


def test_the_end_of_a_certificate_is_told_again_every_day(daemon):
    """A day lasts four seconds here."""
    found = sorted(pathlib.Path("/usr/lib").glob("*/" + FAKETIME))
    if not found:
        pytest.skip("libfaketime is not installed")
    # No key process: its patience of a minute would be three thousandths.
    d = daemon(server.conf(server={"key_process": "no"}),
               prepare=lambda root: self_signed(root.parent, 25,
                                                names=ALL_NAMES),
               env=dict(os.environ, LD_PRELOAD=str(found[0]),
                        FAKETIME="+0 x20000",
                        ASAN_OPTIONS="verify_asan_link_order=0"))

    def days():
        return re.findall(r"expires in (\d+) days", d.log())
    wait_for("the next two days", lambda: len(days()) >= 3)
    first, second, third = map(int, days()[:3])
    assert first - 1 == second and second - 1 == third


def test_a_handshake_that_fails_is_told_with_its_reason(daemon):
    """And only to who debugs: anybody can make one fail."""
    d = daemon(options=["-v"])
    got = s_client(d.gemini, b"", "-tls1_2", "-cipher", "AES128-SHA")
    assert "alert handshake failure" in got
    line = wait_for("the reason", lambda: re.search(
        r".* no handshake with (\S+): (.*)", d.log()))
    assert line[1] == "127.0.0.1" and line[2] == "no shared cipher"
    with Plain(d.gemini) as c:
        c.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    wait_for("another", lambda: ": the client hung up" in d.log())
    assert "Success" not in d.log()


def test_a_handshake_that_fails_leaves_no_line_in_an_ordinary_log(daemon):
    d = daemon()
    before = d.log()
    s_client(d.gemini, b"", "-tls1_2", "-cipher", "AES128-SHA")
    assert gemini(d.gemini, url("/history")).status == 20
    after = wait_for("the line of a visit", lambda: d.accesses() and d.log())
    assert len(after[len(before):].strip().split("\n")) == 1
