"""Clients on other TLS libraries than ours: GnuTLS and NSS, first visits and
resumed ones.  Go's is amfora's (test_clients.py), OpenSSL's everybody else's.
"""
import re
import subprocess

import pytest

from client import HOST, gemini, url
from server import START
from terminal import needs

VERSIONS = ["1.2", "1.3"]


def gnutls(one, version, path, *options):
    """What gnutls-cli read, and what it had to say.

    It checks the certificate as strictly as one that an authority signed.
    """
    needs("gnutls-cli")
    log = one.folder / "gnutls.log"
    done = subprocess.run(
        ["gnutls-cli", "--x509cafile", one.folder / "capsule.crt",
         "--verify-hostname", HOST, "--sni-hostname", HOST,
         "--priority", "NORMAL:-VERS-ALL:+VERS-TLS" + version,
         "-p", str(one.gemini), "--logfile", log, *options, "127.0.0.1"],
        input=url(path).encode() + b"\r\n", capture_output=True,
        timeout=START)
    said = log.read_text("utf-8", "replace")
    assert done.returncode == 0, (done, said)
    return done.stdout, said


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["/history", "/big.bin", "/nowhere"])
def test_gnutls_reads_every_answer_to_its_end(served, version, path):
    got, said = gnutls(served, version, path)
    assert got == gemini(served.gemini, url(path)).data
    assert "The certificate is trusted" in said
    assert "TLS%s-X.509" % version in said


def test_gnutls_resumes_its_session(served):
    # Of 1.3, it asks nothing the first time, and a ticket comes with an
    # answer.
    got, said = gnutls(served, "1.2", "/history", "-r")
    assert "This is a resumed session" in said, said
    assert got == gemini(served.gemini, url("/history")).data


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["/history", "/big.bin", "/nowhere"])
def test_nss_reads_every_answer_to_its_end(served, tmp_path, version, path):
    needs("tstclnt", "certutil")
    subprocess.run(["certutil", "-N", "-d", tmp_path, "--empty-password"],
                   check=True, timeout=START)
    request = tmp_path / "request"
    request.write_bytes(url(path).encode() + b"\r\n")
    done = subprocess.run(
        ["tstclnt", "-h", "127.0.0.1", "-p", str(served.gemini), "-a", HOST,
         "-d", tmp_path, "-o", "-V", "tls%s:tls%s" % (version, version),
         "-A", request], stdin=subprocess.DEVNULL, capture_output=True,
        timeout=START)
    assert done.returncode == 0, done
    assert done.stdout == gemini(served.gemini, url(path)).data
    assert not re.search(rb"(?i)error", done.stderr.replace(
        b"PR_IN_PROGRESS_ERROR", b"")), done.stderr
