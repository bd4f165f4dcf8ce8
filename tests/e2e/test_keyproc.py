"""The key process: the one process that holds private keys, and what becomes of
the service when it dies, hangs, or is given a key that it must refuse.

Who holds a key is looked up in the memory of the running processes.
"""
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest

import server
import worker
from client import HOST, Tls, context, gemini, gopher, url
from server import conf, wait_for

KINDS = {
    "P-256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "P-384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "RSA": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "Ed25519": ["ED25519"],
}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
SILENCE = 1  # seconds that a worker waits for a signature
as_root = pytest.mark.skipif(os.geteuid() != 0,
                             reason="only root may read their memory")


def openssl(*words, **how):
    return subprocess.run(["openssl", *map(str, words)], check=True,
                          capture_output=True, **how).stdout


def write_pair(folder, kind, name="capsule"):
    key = folder / (name + ".key")
    openssl("genpkey", "-algorithm", *KINDS[kind], "-out", key)
    key.chmod(0o600)
    openssl("req", "-x509", "-new", "-key", key, "-days", 99, "-subj",
            "/CN=" + HOST, "-addext", "subjectAltName=DNS:" + HOST,
            "-out", folder / (name + ".crt"))


def with_pair(daemon, kind, text=None, **how):
    return daemon(text, prepare=lambda root: write_pair(root.parent, kind),
                  **how)


def works(d):
    try:
        return gemini(d.gemini, url("/history")).status == 20
    except (OSError, ssl.SSLError, AssertionError):
        return False


def secrets(path):
    """What must be in no other memory: numbers both ways round, and PEM."""
    text = openssl("pkey", "-in", path, "-noout", "-text").decode()
    found = []
    for name in ("priv", "prime1", "privateExponent"):
        match = re.search(name + r":\n((?: +[0-9a-f:]+\n)+)", text)
        if match:
            number = bytes.fromhex(re.sub(r"[\s:]", "", match[1])).lstrip(
                b"\0")
            found += [number, number[::-1]]
    assert found, text
    return found + [line for line in path.read_bytes().split(b"\n")
                    if len(line) == 64]


def memory(pid):
    """Every piece of memory that the process can read."""
    with open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in pathlib.Path("/proc/%d/maps" % pid).read_text().split(
                "\n"):
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
            if not match:
                continue
            start, end = int(match[1], 16), int(match[2], 16)
            if end - start > 1 << 30:  # what a sanitizer has set aside
                continue
            try:
                mem.seek(start)
                yield mem.read(end - start)
            except (OSError, OverflowError, ValueError):
                pass  # [vvar] and its like


def holds(pid, wanted):
    return any(secret in piece for piece in memory(pid) for secret in wanted)


# -- handshakes --


@pytest.mark.parametrize("switch", ["yes", "no"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_key_signs_in_both_versions(daemon, kind, switch):
    d = with_pair(daemon, kind, conf(server={"key_process": switch}))
    assert len(d.key_processes()) == (1 if switch == "yes" else 0)
    trust = context()
    trust.verify_mode = ssl.CERT_REQUIRED
    trust.load_verify_locations(d.folder / "capsule.crt")
    for name, version in VERSIONS.items():
        trust.minimum_version = trust.maximum_version = version
        for _ in range(3):
            with Tls(d.gemini, ctx=trust) as c:
                assert c.tls.version() == "TLSv" + name
                c.send(url("/history").encode() + b"\r\n")
                assert b"1996" in c.read_all().data


@pytest.mark.parametrize("algorithm,version,kind", [
    ("rsa_pss_rsae_sha512", "1.2", "RSA"), ("rsa_pkcs1_sha384", "1.2", "RSA"),
    ("rsa_pss_rsae_sha384", "1.3", "RSA"),
    ("ecdsa_secp384r1_sha384", "1.2", "P-256"),
    ("ecdsa_secp384r1_sha384", "1.3", "P-384")])
def test_a_client_with_one_algorithm_is_signed_for(daemon, algorithm, version,
                                                   kind):
    d = with_pair(daemon, kind)
    text = openssl("s_client", "-connect", "127.0.0.1:%d" % d.gemini,
                   "-servername", HOST, "-sigalgs", algorithm,
                   "-tls" + version.replace(".", "_"), "-quiet",
                   "-ign_eof", input=url("/history").encode() + b"\r\n")
    assert b"1996" in text


# -- who holds a key --


@as_root
@pytest.mark.parametrize("kind", ["made at start", "P-256", "RSA"])
def test_the_key_process_alone_holds_the_key(daemon, kind):
    text = conf(server={"workers": "2"})
    d = daemon(text) if kind == "made at start" else with_pair(daemon, kind,
                                                               text)
    for _ in range(8):
        assert works(d)
    wanted = secrets(d.folder / "capsule.key")
    for pid in (d.pid, *d.workers):
        assert not holds(pid, wanted), "a key in process %d" % pid
    assert holds(d.key_processes()[0], wanted[:2])


@as_root
def test_after_a_reload_the_master_still_holds_no_key(daemon):
    d = with_pair(daemon, "P-256", steady=False)
    d.signal(signal.SIGHUP)
    wait_for("the reload", lambda: "reloaded" in d.log())
    wanted = secrets(d.folder / "capsule.key")
    for pid in (d.pid, *d.children()):
        assert not holds(pid, wanted)


@as_root
def test_without_a_key_process_the_search_finds_the_key_in_a_worker(daemon):
    """That the search can find anything at all."""
    d = with_pair(daemon, "P-256", conf(server={"key_process": "no"}))
    assert works(d)
    wanted = secrets(d.folder / "capsule.key")
    assert holds(d.workers[0], wanted[:2])
    assert not holds(d.workers[0], wanted[2:]), "the file was not wiped"


@as_root
@pytest.mark.parametrize("switch", ["yes", "no"])
def test_who_holds_keys_leaves_no_core_file(daemon, switch):
    d = daemon(conf(server={"key_process": switch}))
    for pid in d.key_processes() if switch == "yes" else (d.pid, *d.workers):
        limits = pathlib.Path("/proc/%d/limits" % pid).read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)


@as_root
def test_the_key_process_is_nobody_and_has_no_other_descriptor(daemon):
    d = daemon(conf(server={"workers": "2"}))
    pid, = d.key_processes()
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    assert "0" not in re.search(r"Uid:(.*)", status)[1].split()
    assert int(re.search(r"CapEff:\s*(\w+)", status)[1], 16) == 0
    # Three that everybody has, the master, and the two workers.
    wait_for("two workers", lambda: server.descriptors(pid) == 3 + 1 + 2)


# -- a key process that dies or hangs --


def another(d, old):
    now = d.key_processes()
    return now and old not in now


def test_a_killed_key_process_is_replaced_and_workers_stay(daemon):
    d = daemon(conf(server={"workers": "2"}), steady=False)
    for _ in range(3):
        old, = d.key_processes()
        os.kill(old, signal.SIGKILL)
        wait_for("another key process", lambda: another(d, old))
        wait_for("both workers to be served",
                 lambda: all(works(d) for _ in range(8)))
    assert d.children() == d.workers


def test_gopher_in_the_clear_does_not_need_a_key_process(daemon):
    d = daemon(steady=False)
    (d.folder / "capsule.key").rename(d.folder / "away")
    os.kill(d.key_processes()[0], signal.SIGKILL)
    wait_for("the reason", lambda: "no process for keys" in d.log())
    assert "capsule.key: No such file" in d.log()
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    assert not works(d)
    (d.folder / "away").rename(d.folder / "capsule.key")
    d.signal(signal.SIGHUP)
    wait_for("TLS again", lambda: works(d))


def test_a_hung_key_process_is_ended_and_the_worker_goes_on(daemon):
    d = daemon(steady=False)
    old, = d.key_processes()
    os.kill(old, signal.SIGSTOP)
    with pytest.raises((AssertionError, OSError, ssl.SSLError)):
        gemini(d.gemini, url("/history"))
    wait_for("another key process", lambda: another(d, old))
    wait_for("TLS again", lambda: works(d), SILENCE * 3)
    assert d.children() == d.workers
    assert "does not answer" in d.log()


def test_a_hung_key_process_costs_everybody_one_second(daemon):
    """The one worker waits for a signature, and so do all its visitors."""
    d = daemon(steady=False)
    waits = []
    for _ in range(3):  # the least of them is ours, the rest the machine's
        old, = d.key_processes()
        os.kill(old, signal.SIGSTOP)
        with Tls(d.gemini, handshake=False) as c:
            c.sock.sendall(c.hello())
            start = time.monotonic()
            assert b"1996" in gopher(d.gopher, b"/history\r\n")
            waits.append(time.monotonic() - start)
            wait_for("another key process", lambda: another(d, old))
            wait_for("TLS again", lambda: works(d))
    assert min(waits) < 1.5 * SILENCE, waits
    assert d.children() == d.workers


@as_root
def test_a_worker_that_lost_its_way_to_the_key_process_gets_another(daemon):
    """An answer that is none closes it, although the key process lives."""
    d = daemon(steady=False)
    os.kill(d.workers[0], signal.SIGSTOP)
    with worker.take(d.workers[0], worker.is_way_to_keys) as s:
        s.send(b"junk")  # and so the answer to this is read as that to a hello
        s.shutdown(socket.SHUT_WR)
    os.kill(d.workers[0], signal.SIGCONT)
    wait_for("TLS again", lambda: works(d))
    assert d.key_processes() == d.key_process
    assert d.children() == d.workers


def test_a_replaced_worker_is_led_to_the_key_process(daemon):
    d = daemon(steady=False)
    os.kill(d.workers[0], signal.SIGKILL)
    wait_for("a new worker", lambda: d.children() not in ([], d.workers))
    assert works(d)
    assert d.key_processes() == d.key_process


def test_a_reload_brings_a_key_process_of_its_own_and_the_old_one_goes(daemon):
    d = daemon(steady=False)
    write_pair(d.folder, "RSA")
    d.signal(signal.SIGHUP)
    wait_for("the reload", lambda: "reloaded" in d.log())
    wait_for("the old key process to go",
             lambda: not server.is_running(d.key_process[0]))
    assert len(d.key_processes()) == 1
    assert works(d)


def test_an_old_worker_keeps_its_key_process_until_it_has_finished(daemon):
    d = daemon(steady=False)
    with Tls(d.gemini, rcvbuf=4096, handshake=False) as c:
        c.sock.sendall(c.hello()[:20])
        assert works(d)  # and so ours, which came before, was accepted
        write_pair(d.folder, "RSA")
        d.signal(signal.SIGHUP)
        wait_for("the reload", lambda: "reloaded" in d.log())
        wait_for("the new worker", lambda: len(d.children()) == 2)
        assert len(d.key_processes()) == 2
    wait_for("the old key process to go", lambda: len(d.key_processes()) == 1)
    assert d.key_processes() != d.key_process


def test_a_killed_master_takes_the_key_process_along(daemon):
    d = daemon(steady=False)
    os.kill(d.pid, signal.SIGKILL)
    d.proc.wait()
    wait_for("all to go", lambda: not any(
        server.is_running(pid) for pid in d.workers + d.key_process))


def test_a_stopped_daemon_leaves_no_key_process(daemon):
    d = daemon()
    d.stop()
    assert not server.is_running(d.key_process[0])


# -- keys that are refused --


def shared_by_mode(mode):
    def damage(d):
        (d / "capsule.key").chmod(mode)
        return r"capsuled\.ini:\d+: \[capsule\] key: others than its owner " \
            r"can get at \S+ \(mode 0%o\): type \"chmod 600 \S+\"" % mode
    damage.__name__ = "mode_%o" % mode
    return damage


def foreign(d):
    write_pair(d, "P-256", "other")
    os.replace(d / "other.key", d / "capsule.key")
    return r"\[capsule\] key: cannot use \S+ with \S+: the key does not " \
        r"belong to the certificate"


def foreign_kind(d):
    write_pair(d, "RSA", "other")
    os.replace(d / "other.key", d / "capsule.key")
    return r"does not belong to the certificate"


def junk(d):
    (d / "capsule.key").write_text("junk\n")
    return r"\[capsule\] key: cannot use \S+: .*must be a PEM file"


def encrypted(d):
    openssl("pkey", "-in", d / "capsule.key", "-aes128", "-passout",
            "pass:x", "-out", d / "new")
    os.replace(d / "new", d / "capsule.key")
    (d / "capsule.key").chmod(0o600)
    return r"is encrypted"


def folder(d):
    (d / "capsule.key").unlink()
    (d / "capsule.key").mkdir()
    return r"capsule\.key is not a file"


DAMAGES = [shared_by_mode(0o644), shared_by_mode(0o640),
           shared_by_mode(0o601), foreign, foreign_kind, junk, encrypted,
           folder]


@pytest.mark.parametrize("switch", ["yes", "no"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
def test_a_bad_key_is_refused_by_check_and_start(tmp_path, damage, switch):
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "capsuled.ini"
    path.write_text(conf(server={"key_process": switch}))
    write_pair(tmp_path, "P-256")
    assert server.run("-n", "-c", path).returncode == 0
    reason = damage(tmp_path)
    for options in (["-n"], ["-f"]):
        got = server.run(*options, "-c", path)
        assert got.returncode == 1
        assert re.search(reason, got.stderr), got.stderr
        assert len(got.stderr.splitlines()) == 1


@pytest.mark.parametrize("switch", ["yes", "no"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
def test_a_bad_key_at_reload_keeps_the_old_service(daemon, damage, switch):
    d = with_pair(daemon, "P-256", conf(server={"key_process": switch}))
    reason = damage(d.folder)
    d.signal(signal.SIGHUP)
    wait_for("the end of it", lambda: "not reloaded" in d.log())
    assert re.search(reason, d.log())
    wait_for("what failed to go", lambda: d.key_processes() == d.key_process)
    assert works(d)
    assert d.children() == d.workers


def test_a_key_and_a_certificate_that_are_bad_are_told_together(tmp_path):
    server.write_capsule(tmp_path / "root")
    path = tmp_path / "capsuled.ini"
    path.write_text(conf())
    (tmp_path / "capsule.crt").write_text("junk\n")
    (tmp_path / "capsule.key").write_text("junk\n")
    (tmp_path / "capsule.key").chmod(0o600)
    for options in (["-n"], ["-f"]):
        got = server.run(*options, "-c", path).stderr
        assert "certificate: cannot use" in got and "key: cannot use" in got
