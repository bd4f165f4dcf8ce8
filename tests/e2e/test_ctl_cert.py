"""capsulectl cert: what it tells, makes and keeps."""
import hashlib
import os
import re
import subprocess

import pytest

import server
from client import Tls
from ctl import as_json, ctl

NAMES = ("capsule.example.org www.example.org 192.0.2.1 [2001:db8::1] "
         "*.capsule.example.org")


@pytest.fixture
def place(tmp_path):
    """A folder with a configuration and no certificate."""
    server.write_capsule(tmp_path / "root")
    write(tmp_path, NAMES)
    return tmp_path


def write(place, names, more=""):
    (place / "x.ini").write_text(server.conf(
        capsule={"hostname": names}) + more)


def cert(place, *words, **how):
    return ctl("-c", "x.ini", "cert", *words, cwd=place, **how)


def openssl(*words, **how):
    return subprocess.run(["openssl", *map(str, words)], check=True,
                          capture_output=True, **how).stdout


# For "openssl ca", the one command that every release lets say when a
# certificate begins and ends.
CA = """[ca]
default_ca = here
[here]
database = ca.index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def sign_for_the_past(place, san):
    """Make capsule.crt for a time that is over."""
    (place / "ca.ini").write_text(CA)
    (place / "ca.index").touch()
    openssl("ca", "-config", "ca.ini", "-selfsign", "-batch", "-notext",
            "-keyfile", "capsule.key", "-in", "csr", "-extfile", san,
            "-startdate", "20200101000000Z", "-enddate", "20200201000000Z",
            "-out", "capsule.crt", cwd=place)


def sign(place, days="9", authority=False, names="capsule.example.org",
         past=False):
    """A pair made by somebody else: by itself, or by an authority."""
    san = place / "san"
    san.write_text("subjectAltName=" + ",".join(
        "DNS:" + name for name in names.split()))
    crt, key = place / "capsule.crt", place / "capsule.key"
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
          "-nodes"]
    openssl("req", *ec, "-subj", "/CN=x", "-keyout", key, "-out",
            place / "csr")
    key.chmod(0o600)
    if past:
        return sign_for_the_past(place, san)
    by = ["-signkey", key]
    if authority:
        openssl("req", "-x509", *ec, "-subj", "/CN=authority", "-keyout",
                place / "ca.key", "-out", place / "ca.crt")
        by = ["-CA", place / "ca.crt", "-CAkey", place / "ca.key",
              "-CAcreateserial"]
    openssl("x509", "-req", "-in", place / "csr", *by, "-extfile", san,
            "-out", crt, "-days", days)


def digests(place):
    """SHA-256 of the certificate and of its public key, by openssl."""
    der = openssl("x509", "-in", place / "capsule.crt", "-outform", "der")
    pem = openssl("x509", "-in", place / "capsule.crt", "-noout", "-pubkey")
    spki = openssl("pkey", "-pubin", "-outform", "der", input=pem)
    return [hashlib.sha256(b).hexdigest() for b in (der, spki)]


def test_new_makes_what_the_first_start_would_make(place):
    done = cert(place, "new")
    assert done.returncode == 0 and done.stderr == ""
    assert (place / "capsule.key").stat().st_mode & 0o777 == 0o600
    text = openssl("x509", "-in", place / "capsule.crt", "-noout",
                   "-text").decode()
    for name in ("DNS:capsule.example.org", "DNS:www.example.org",
                 "IP Address:192.0.2.1", "IP Address:2001:DB8:0:0:0:0:0:1"):
        assert name in text
    assert "2099" in text and "prime256v1" in text
    daemon = server.run("-n", "-c", "x.ini", cwd=place)
    assert daemon.returncode == 0, daemon.stderr


def test_new_leaves_what_is_there_alone(place):
    assert cert(place, "new").returncode == 0
    before = [(place / n).read_bytes() for n in ("capsule.crt",
                                                  "capsule.key")]
    done = cert(place, "new")
    assert done.returncode == 1
    assert re.match(r"x\.ini:\d+: \[capsule\] certificate: capsule\.crt and "
                    "its key are there; ", done.stderr), done.stderr
    assert before == [(place / n).read_bytes() for n in ("capsule.crt",
                                                          "capsule.key")]


def test_show_tells_what_openssl_tells(place):
    cert(place, "new")
    whole, key = digests(place)
    told, = as_json("-c", "x.ini", "cert", "show", "--json", cwd=place)
    assert told["sha256"].replace(":", "").lower() == whole
    assert told["key_sha256"].replace(":", "").lower() == key
    assert told["names"] == NAMES.split()
    assert told["not_after"] == "2099-12-31T23:59:59Z"
    assert told["self_signed"] is True
    assert told["bytes"] == len(openssl("x509", "-in", place / "capsule.crt",
                                        "-outform", "der"))
    assert told["wrong"] == []
    text = cert(place, "show").stdout
    for part in (told["sha256"], told["key_sha256"], NAMES, "2099-12-31"):
        assert part in text


def test_tlsa_records_are_of_the_key_and_the_port(place):
    cert(place, "new")
    _, key = digests(place)
    told, = as_json("-c", "x.ini", "cert", "show", "--json", cwd=place)
    assert told["tlsa"] == [
        "_1965._tcp.%s. IN TLSA 3 1 1 %s" % (name, key)
        for name in ("capsule.example.org", "www.example.org")]
    text = (place / "x.ini").read_text().replace(server.LISTEN, "*:27001", 1)
    (place / "x.ini").write_text(text)
    assert "_27001._tcp.capsule" in cert(place, "show").stdout


def test_renew_keeps_the_key_and_takes_new_names(place):
    cert(place, "new")
    key = (place / "capsule.key").read_bytes()
    whole, spki = digests(place)
    write(place, "capsule.example.org new.example.org")
    assert cert(place, "show").returncode == 1
    done = cert(place, "renew")
    assert done.returncode == 0, done.stderr
    assert "reload capsuled" in done.stdout
    assert (place / "capsule.key").read_bytes() == key
    again, same = digests(place)
    assert again != whole and same == spki
    told, = as_json("-c", "x.ini", "cert", "show", "--json", cwd=place)
    assert told["names"] == ["capsule.example.org", "new.example.org"]


def test_a_renewed_certificate_is_served_after_a_reload(daemon):
    one = daemon(steady=False)
    conf = ["-c", one.path, "cert"]

    def served():
        with Tls(one.gemini) as c:
            return c.tls.getpeercert(True)

    before = served()
    assert ctl(*conf, "renew").returncode == 0
    one.reload()
    told, = as_json(*conf, "show", "--json")
    assert served() != before
    assert hashlib.sha256(served()).hexdigest() == told["sha256"].replace(
        ":", "").lower()


def test_an_expired_certificate_is_told_and_can_be_renewed(place):
    write(place, "capsule.example.org")
    sign(place, past=True)
    done = cert(place, "show")
    assert done.returncode == 1
    assert "it has expired: every client refuses it" in done.stdout
    assert cert(place, "renew").returncode == 0
    assert cert(place, "show").returncode == 0


def test_one_that_expires_soon_is_told(place):
    write(place, "capsule.example.org")
    for days, status in (("29", 1), ("32", 0)):
        for name in ("capsule.crt", "capsule.key"):
            (place / name).unlink(missing_ok=True)
        sign(place, days=days)
        done = cert(place, "show")
        assert done.returncode == status
        assert ("it expires in" in done.stdout) == (status == 1)


def test_a_name_that_is_missing_is_told(place):
    sign(place, days="99")
    told, = as_json("-c", "x.ini", "cert", "show", "--json", status=1,
                    cwd=place)
    assert told["wrong"] == ["it does not name %s: strict clients refuse it"
                             % name for name in NAMES.split()[1:]]


def test_what_an_authority_signed_is_left_alone(place):
    sign(place, days="99", authority=True)
    before = (place / "capsule.crt").read_bytes()
    done = cert(place, "renew")
    assert done.returncode == 1
    assert "capsule.crt was signed by an authority" in done.stderr
    assert (place / "capsule.crt").read_bytes() == before
    assert "signed by   an authority" in cert(place, "show").stdout


def test_a_key_that_others_can_read_renews_nothing(place):
    cert(place, "new")
    (place / "capsule.key").chmod(0o644)
    before = (place / "capsule.crt").read_bytes()
    done = cert(place, "renew")
    assert done.returncode == 1 and "capsule.key" in done.stderr
    assert (place / "capsule.crt").read_bytes() == before


def test_a_key_of_another_certificate_renews_nothing(place):
    cert(place, "new")
    (place / "capsule.crt").rename(place / "old.crt")
    (place / "capsule.key").unlink()
    cert(place, "new")
    (place / "old.crt").rename(place / "capsule.crt")
    before = (place / "capsule.crt").read_bytes()
    assert cert(place, "renew").returncode == 1
    assert (place / "capsule.crt").read_bytes() == before


def test_a_missing_certificate_is_told_with_its_line(place):
    for verb in ("show", "renew"):
        done = cert(place, verb)
        assert done.returncode == 1 and done.stdout == ""
        assert re.match(r"x\.ini:\d+: \[capsule\] certificate: capsule\.crt ",
                        done.stderr), done.stderr
    assert "capsulectl cert new" in cert(place, "show").stderr


def test_junk_is_no_certificate(place):
    (place / "capsule.crt").write_text("junk\n")
    done = cert(place, "show")
    assert done.returncode == 1
    assert "is no certificate that can be read" in done.stderr


def test_half_a_pair_is_not_replaced(place):
    (place / "capsule.key").write_text("mine\n")
    done = cert(place, "new")
    assert done.returncode == 1
    assert "is missing, but capsule.key exists" in done.stderr
    assert (place / "capsule.key").read_text() == "mine\n"


def test_with_several_capsules_one_can_be_named(place):
    write(place, "capsule.example.org", "[capsule two]\n"
          "hostname = two.example.org\nroot = root\n[selectors two]\n"
          "/ = index.gmi\n")
    assert cert(place, "new", "two.example.org").returncode == 0
    assert (place / "two.example.org.crt").exists()
    assert not (place / "capsule.crt").exists()
    assert cert(place, "show", "TWO.example.org").returncode == 0
    assert cert(place, "show").returncode == 1  # the first has none
    done = cert(place, "renew")
    assert done.returncode == 1
    assert done.stderr == ("x.ini: there are 2 capsules: name one by its "
                           "host, such as capsule.example.org\n")
    assert cert(place, "renew", "two.example.org").returncode == 0
    done = cert(place, "show", "three.example.org")
    assert done.stderr == 'x.ini: no capsule is called "three.example.org"\n'
    assert cert(place, "new").returncode == 1  # the second has one
    assert len(as_json("-c", "x.ini", "cert", "show", "--json",
                       cwd=place)) == 2


def test_capsules_that_share_a_certificate_are_all_named_in_it(place):
    two = ("[capsule two]\nhostname = two.example.org %s\nroot = root\n"
           "certificate = ./capsule.crt\nkey = capsule.key\n"
           "[selectors two]\n/ = index.gmi\n")
    write(place, "capsule.example.org", two % "")
    done = cert(place, "new")
    assert done.returncode == 0, done.stderr
    shown = as_json("-c", "x.ini", "cert", "show", "--json", cwd=place)
    assert [c["names"] for c in shown] == [
        ["capsule.example.org", "two.example.org"]] * 2
    _, key = digests(place)
    for host in ("capsule.example.org", "two.example.org"):
        write(place, "capsule.example.org", two % "www.two.example.org")
        assert cert(place, "renew", host).returncode == 0
        shown = as_json("-c", "x.ini", "cert", "show", "--json", cwd=place)
        assert [c["names"] for c in shown] == [
            ["capsule.example.org", "two.example.org",
             "www.two.example.org"]] * 2
        assert digests(place)[1] == key


def test_serial_numbers_are_long_positive_and_never_the_same(place):
    """Every certificate of ours names one issuer: NSS tells them apart by
    the number alone."""
    seen = set()
    for _ in range(8):
        for name in ("capsule.crt", "capsule.key"):
            (place / name).unlink(missing_ok=True)
        assert cert(place, "new").returncode == 0
        serial = openssl("x509", "-in", place / "capsule.crt", "-noout",
                         "-serial").decode().strip().split("=")[1]
        assert 0 < int(serial, 16) < 1 << 128
        assert int(serial, 16).bit_length() > 96
        seen.add(serial)
    assert len(seen) == 8


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_belongs_to_the_owner_of_the_folder(place):
    user = server.pwd.getpwnam("nobody")
    os.chown(place, user.pw_uid, user.pw_gid)
    assert cert(place, "new").returncode == 0
    assert cert(place, "renew").returncode == 0
    for name in ("capsule.crt", "capsule.key"):
        st = (place / name).stat()
        assert (st.st_uid, st.st_gid) == (user.pw_uid, user.pw_gid)


def test_a_folder_that_cannot_be_written_is_told(place):
    text = (place / "x.ini").read_text()
    (place / "x.ini").write_text(text.replace("capsule.key",
                                              "nowhere/capsule.key"))
    done = cert(place, "new")
    assert done.returncode == 1
    assert ("cannot write nowhere/capsule.key: No such file or directory"
            in done.stderr)
    assert not (place / "capsule.crt").exists()
