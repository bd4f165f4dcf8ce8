"""The counts: exact over workers and reloads, and served without harm."""
import http.client
import os
import re
import signal
import socket
import ssl
import threading
import time

import pytest

import application
import server
from client import HOST, Plain, Tls, gemini, gopher, url
from server import conf, let_pass, wait_for

LISTEN = {"listen": "127.0.0.1:0"}
SAMPLE = re.compile(r'([a-z_]+)(\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? '
                    r"(-?[0-9]+(?:\.[0-9]+)?)\Z")


def get(d, path="/metrics", method="GET", body=None):
    http_client = http.client.HTTPConnection("127.0.0.1", d.metrics,
                                             timeout=20)
    try:
        http_client.request(method, path, body)
        answer = http_client.getresponse()
        return answer, answer.read().decode("utf-8")
    finally:
        http_client.close()


def samples(text):
    """Name and labels of each sample to its value; malformed lines fail."""
    found, family = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
        elif line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name == family, "a type without help: " + line
            assert (kind == "counter") == name.endswith("_total"), line
        else:
            match = SAMPLE.match(line)
            assert match, line
            key = match[1] + (match[2] or "")
            assert match[1].startswith(family), line
            assert key not in found, "told twice: " + key
            found[key] = float(match[3])
    return found


def counts(d):
    answer, text = get(d)
    assert answer.status == 200
    assert answer.getheader("Content-Type") == (
        "text/plain; version=0.0.4; charset=utf-8")
    assert text.endswith("\n")
    return samples(text)


def requests(status, protocol="gemini"):
    return 'capsuled_requests_total{protocol="%s",status="%d"}' % (protocol,
                                                                   status)


def state(name, family="connections"):
    return 'capsuled_%s{state="%s"}' % (family, name)


def measured(daemon, **change):
    change.setdefault("server", {"workers": "2"})
    return daemon(conf(metrics=LISTEN, **change))


def test_without_the_section_nothing_is_served_and_no_process_runs(served):
    assert "metrics=" not in served.ready
    assert served.exporters() == []


def test_every_request_is_counted_by_protocol_and_status(daemon):
    d = measured(daemon)
    before = counts(d)
    assert before[requests(20)] == 0
    for _ in range(5):
        assert gemini(d.gemini, url("/history")).status == 20
    assert gemini(d.gemini, url("/none")).status == 51
    assert gemini(d.gemini, url("/old")).status == 31
    for _ in range(3):
        reply = gopher(d.gopher, b"/history\r\n")
    gopher(d.gopher, b"/none\r\n")
    gopher(d.gopher, b"/history\r\n", tls=True)
    # An answer is counted right after its last byte, not before it.
    now = wait_for("all twelve", lambda: next(
        (c for c in [counts(d)]
         if sum(n for name, n in c.items()
                if name.startswith("capsuled_requests_total")) == 12), None))
    assert now[requests(20)] == 5
    assert now[requests(51)] == 1
    assert now[requests(31)] == 1
    assert now[requests(20, "gopher")] == 4
    assert now[requests(51, "gopher")] == 1
    assert now["capsuled_connections_accepted_total"] == 12
    duration = "capsuled_request_duration_seconds"
    assert now[duration + '_count{protocol="gemini"}'] == 7
    assert now[duration + '_bucket{protocol="gemini",le="+Inf"}'] == 7
    assert now[duration + '_count{protocol="gopher"}'] == 5
    assert now[duration + '_sum{protocol="gopher"}'] > 0
    new = 'capsuled_tls_handshakes_total{version="1.3",resumed="no"}'
    assert now[new] == 8
    # What left over plain Gopher: three pages, one error, one over TLS.
    missing = gopher(d.gopher, b"/none\r\n")
    assert now['capsuled_sent_bytes_total{protocol="gopher"}'] == (
        4 * len(reply) + len(missing))


def test_counts_go_on_over_workers_and_reloads(daemon):
    d = measured(daemon, server={"workers": "2"})
    d.steady = False
    for _ in range(4):
        gemini(d.gemini, url("/history"))
    # An answer is counted right after its last byte, not before it.
    wait_for("all four to be counted", lambda: counts(d)[requests(20)] == 4)
    before = d.workers
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for("new workers", lambda: len(d.children()) == 2
             and not set(before) & set(d.children()))
    now = wait_for("both deaths to be counted", lambda: next(
        (c for c in [counts(d)]
         if c['capsuled_process_deaths_total{process="worker"}'] == 2), None))
    assert now[requests(20)] == 4
    gemini(d.gemini, url("/history"))
    old = d.exporters()
    d.reload()
    wait_for("the old process for metrics to go",
             lambda: not set(old) & set(d.exporters()))
    now = counts(d)
    assert now[requests(20)] == 5
    assert now['capsuled_reloads_total{result="done"}'] == 1
    assert now["capsuled_workers"] == 2
    assert now["capsuled_last_reload_success"] == 1
    assert (now["capsuled_last_reload_time_seconds"] >=
            now["capsuled_start_time_seconds"])


def test_a_refused_reload_is_told_until_one_succeeds(daemon):
    d = measured(daemon)
    good = d.path.read_text()
    d.rewrite(good + "[nonsense]\n")
    d.signal(signal.SIGHUP)
    now = wait_for("the refusal", lambda: next(
        (c for c in [counts(d)]
         if c['capsuled_reloads_total{result="refused"}'] == 1), None))
    assert now["capsuled_last_reload_success"] == 0
    d.rewrite(good)
    d.signal(signal.SIGHUP)
    wait_for("the success", lambda:
             counts(d)["capsuled_last_reload_success"] == 1)
    d.steady = False


def test_open_connections_are_told_by_what_they_do(daemon):
    d = measured(daemon)
    silent = [Plain(d.gopher) for _ in range(3)]
    greeted = Tls(d.gemini)
    wait_for("three and one", lambda: (
        counts(d)[state("first_byte")], counts(d)[state("request")]) == (3, 1))
    for one in silent + [greeted]:
        one.sock.close()
    wait_for("nobody", lambda: all(
        counts(d)[state(s)] == 0
        for s in ("first_byte", "request", "response", "linger")))


def test_deadlines_and_limits_are_counted(daemon):
    d = measured(daemon, server={"workers": "1", "request_timeout": "1s",
                                 "max_connections_per_address": "2",
                                 "rate": "1"})
    silent = [Plain(d.gopher), Plain(d.gopher)]
    third = Plain(d.gopher)
    assert third.read_all().data == b""
    for one in silent:
        assert one.read_all().data == b""
    now = wait_for("both deadlines", lambda: next(
        (c for c in [counts(d)]
         if c[state("first_byte", "deadlines_total")] == 2), None))
    refused = 'capsuled_limits_total{limit="max_connections_per_address"}'
    assert now[refused] == 1
    wait_for("a request that is slowed down", lambda: (
        gopher(d.gopher, b"/history\r\n"),
        counts(d)['capsuled_limits_total{limit="rate"}'] > 0)[1])


def test_a_handshake_that_breaks_is_counted(daemon):
    d = measured(daemon)
    one = Plain(d.gemini)
    one.send(b"\x16\x03\x01\x00\x04\xff\xff\xff\xff")
    one.read_all()
    assert counts(d)["capsuled_tls_handshake_failures_total"] == 1


def test_connections_of_proxies_are_counted(daemon):
    """While they wait for a header, without one, and by whom they name."""
    d = measured(daemon, server={"max_connections_per_address": "1"},
                 gopher={"proxy_protocol": "127.0.5.1"})
    how = {"source": "127.0.5.1"}
    waiting = Plain(d.gopher, **how)
    wait_for("one to wait", lambda: counts(d)[state("proxy_header")] == 1)
    with Plain(d.gopher, **how) as c:
        c.send(b"/history\r\n")
        assert c.read_all().data == b""
    waiting.send(b"PROXY TCP4 127.0.9.9 127.0.0.1 4242 70\r\n")
    wait_for("it to be a visitor", lambda: (
        counts(d)[state("proxy_header")], counts(d)[state("first_byte")])
        == (0, 1))
    with Plain(d.gopher, **how) as c:
        c.send(b"PROXY TCP4 127.0.9.9 127.0.0.1 4242 70\r\n")
        assert c.read_all().data == b""
    now = counts(d)
    assert now["capsuled_proxy_header_failures_total"] == 1
    refused = 'capsuled_limits_total{limit="max_connections_per_address"}'
    assert now[refused] == 1
    waiting.sock.close()


def test_seconds_to_the_certificates_expiry_are_told(daemon):
    d = measured(daemon)
    left = counts(d)['capsuled_certificate_expiry_seconds{host="%s"}' % HOST]
    assert 70 * 365 * 86400 < left < 80 * 365 * 86400  # to 2099


def test_only_metrics_are_served_and_only_to_get(daemon):
    d = measured(daemon)
    for path in ("/", "/metrics/", "/../metrics", "/etc/passwd"):
        answer, text = get(d, path)
        assert (answer.status, text) == (404, "The counts are at /metrics.\n")
    answer, text = get(d, method="HEAD")
    assert (answer.status, text) == (200, "")
    for method in ("POST", "PUT", "DELETE"):
        answer, _ = get(d, method=method, body="x")
        assert 400 <= answer.status < 600, method
    assert counts(d)["capsuled_workers"] == 2


@pytest.mark.parametrize("size, fine", [(8000, True), (9000, False)])
def test_the_head_of_a_request_has_an_end(daemon, size, fine):
    d = measured(daemon)
    with socket.create_connection(("127.0.0.1", d.metrics), 20) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                  b"Connection: close\r\nX: " + b"x" * size + b"\r\n\r\n")
        got = b""
        try:
            while chunk := s.recv(65536):
                got += chunk
        except ConnectionResetError:
            pass
    assert got.startswith(b"HTTP/1.1 200") == fine, got[:80]
    assert len(d.exporters()) == 1


def ask(d, host, version="1.1"):
    """The status that a request with this Host gets."""
    line = "" if host is None else "Host: %s\r\n" % host
    with Plain(d.metrics) as c:
        c.send(b"GET /metrics HTTP/%s\r\n%s\r\n" % (version.encode(),
                                                    line.encode()))
        return int(c.read_all().data.split()[1])


def test_it_answers_to_its_own_names_alone(daemon):
    """A page in a browser may have had its own name lead to us."""
    d = measured(daemon)
    ours = ["127.0.0.1", "127.0.0.1:9965", "[::1]:9965", "localhost",
            "LOCALHOST:1", HOST, "www.example.org:9965", "",
            socket.gethostname(), socket.gethostname().split(".")[0]]
    for host in ours:
        assert ask(d, host) == 200, host
    for host in ("attacker.example.com", "localhost.example.com",
                 "1.2.3.4.example.com", "x" + HOST, "x." + HOST, "127.1.1"):
        assert ask(d, host) == 421, host
    assert ask(d, None, "1.0") == 200
    assert ask(d, None, "1.1") == 400


EXPORTER_VISITS = 16


def test_so_many_connections_are_held_and_the_next_waits_its_turn(daemon):
    d = measured(daemon)
    silent = [Plain(d.metrics) for _ in range(EXPORTER_VISITS - 1)]
    assert ask(d, "localhost") == 200
    silent.append(Plain(d.metrics))
    pid, = d.exporters()
    held = server.descriptors(pid)
    with Plain(d.metrics) as c:
        c.send(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert c.is_silent(0.3)
        assert server.descriptors(pid) == held
        silent.pop().sock.close()
        assert c.read_all().data.startswith(b"HTTP/1.1 200 ")
    for c in silent:
        c.sock.close()


def test_a_byte_now_and_then_keeps_no_connection(daemon):
    """Ten seconds are for all of it; one that reads nothing has them, too."""
    d = measured(daemon)
    start = time.monotonic()
    with Plain(d.metrics) as slow, Plain(d.metrics) as idle:
        idle.send(b"GET /metrics HTTP/1.0\r\n\r\n")
        slow.send(b"GET /metrics HTTP/1.1\r\n")
        with pytest.raises(OSError):
            while time.monotonic() - start < server.START * 2:
                slow.send(b"X: y\r\n")
                let_pass(0.2, "it trickles")
    assert 9 < time.monotonic() - start < server.START * 2
    assert counts(d)["capsuled_workers"] == 2


def test_noise_at_its_door_does_no_harm(daemon):
    d = measured(daemon)
    exporter = d.exporters()
    for noise in (b"\0" * 4096, b"\x16\x03\x01", b"GET\r\n\r\n", b"\r\n" * 99,
                  b"GET /metrics HTTP/9.9\r\n\r\n", bytes(range(256)) * 16):
        with socket.create_connection(("127.0.0.1", d.metrics), 20) as s:
            s.sendall(noise)
            s.shutdown(socket.SHUT_WR)
            try:
                while s.recv(65536):
                    pass
            except ConnectionResetError:
                pass
    assert d.exporters() == exporter
    assert counts(d)["capsuled_workers"] == 2


def test_it_is_confined_like_a_worker_and_holds_nothing_else(daemon):
    d = measured(daemon)
    pid, = d.exporters()
    status = open("/proc/%d/status" % pid).read()
    if "Seccomp:\t0" not in status:  # sanitizers work without fences
        assert "Seccomp:\t2" in status
    assert "CapEff:\t0000000000000000" in status
    # Three of everybody, its channel, its door, and those of its loop.
    assert server.descriptors(pid) <= 10


def test_one_that_dies_is_replaced(daemon):
    d = measured(daemon)
    pid, = d.exporters()
    os.kill(pid, signal.SIGKILL)
    wait_for("another one", lambda: d.exporters() not in ([], [pid]))
    assert counts(d)["capsuled_workers"] == 2
    assert "metrics process %d died" % pid in d.log()


def test_a_reload_can_turn_it_on_and_off(daemon):
    d = daemon(conf(metrics={"listen": "off"}))
    assert d.exporters() == []
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        d.metrics = s.getsockname()[1]
    d.rewrite(conf(metrics={"listen": "127.0.0.1:%d" % d.metrics}))
    d.reload()
    assert wait_for("counts", lambda: counts(d))["capsuled_workers"] >= 1
    d.rewrite(conf())
    d.reload()
    wait_for("its end", lambda: d.exporters() == [])
    with pytest.raises(ConnectionRefusedError):
        get(d)
    d.steady = False


# -- applications, sessions, signatures --

def outcomes(d):
    """What became of questions to applications, without what is 0."""
    name = 'capsuled_application_answers_total{result="%s"}'
    found = {r: counts(d)[name % r]
             for r in ("done", "down", "late", "bad", "left")}
    return {r: n for r, n in found.items() if n}


@pytest.fixture
def asked(daemon, tmp_path):
    """A daemon with an application that answers as told."""
    a = application.Server(path=tmp_path / "app.sock", is_scgi=True)
    d = measured(daemon, selectors={"/app/": a.action},
                 application={"timeout": "1s", "max_answer": "64k"})
    yield d, a
    a.close()


def test_answers_of_applications_are_counted_by_what_became_of_them(asked):
    d, a = asked
    assert gemini(d.gemini, url("/app/x")).status == 20
    assert outcomes(d) == {"done": 1}
    for line, status in ((b"31 /\r\n", 31), (b"42 no\r\n", 42),
                         (b"Status: 404 None\r\n\r\n", 51)):
        a.answer = lambda r, line=line: r.answer(line)
        assert gemini(d.gemini, url("/app/x")).status == status
    assert outcomes(d) == {"done": 4}  # it had its say
    a.answer = lambda r: r.answer(b"nonsense\r\n")
    assert gemini(d.gemini, url("/app/x")).status == 42
    assert outcomes(d) == {"done": 4, "bad": 1}
    a.answer = lambda r: r.await_end()
    assert gemini(d.gemini, url("/app/x")).status == 42
    assert outcomes(d) == {"done": 4, "bad": 1, "late": 1}
    a.close()
    assert gemini(d.gemini, url("/app/x")).status == 43
    gopher(d.gopher, b"/app/x\r\n")
    assert outcomes(d) == {"done": 4, "bad": 1, "late": 1, "down": 2}


def test_answers_of_applications_that_were_cut_are_counted_by_why(asked):
    d, a = asked
    page = b"20 text/plain\r\n"
    a.answer = lambda r: (r.out(page + b"half"), r.await_end())
    with Tls(d.gemini) as c:
        c.send(url("/app/x").encode() + b"\r\n")
        assert c.read_all().data == page + b"half"
    wait_for("late", lambda: outcomes(d) == {"late": 1})
    a.answer = lambda r: r.answer(page + b"x" * 65537)
    with Tls(d.gemini) as c:
        c.send(url("/app/x").encode() + b"\r\n")
        c.read_all()
    wait_for("bad", lambda: outcomes(d) == {"late": 1, "bad": 1})


def test_a_visitor_that_did_not_wait_for_an_application_is_counted(asked):
    d, a = asked
    go = threading.Event()
    a.answer = lambda r: go.wait(application.PATIENCE)
    with Tls(d.gemini) as c:
        c.send(url("/app/x").encode() + b"\r\n")
        a.wait()
    wait_for("who left", lambda: outcomes(d) == {"left": 1})
    go.set()


@pytest.mark.parametrize("tickets, kept, other", [
    ("id", "stored", "sealed"), ("sealed", "sealed", "stored"),
    ("none", None, "stored")])
def test_sessions_that_may_be_resumed_are_counted(daemon, tickets, kept,
                                                  other):
    d = measured(daemon, tls={"tickets": tickets})
    for _ in range(3):
        assert gemini(d.gemini, url("/history")).status == 20
    gopher(d.gopher, b"/history\r\n")
    now, name = counts(d), 'capsuled_tls_sessions_total{kept="%s"}'
    assert now[name % other] == 0
    if kept is not None:
        assert now[name % kept] == 3


@pytest.mark.parametrize("switch, made", [("yes", 3), ("no", 0)])
def test_signatures_of_the_key_process_are_counted(daemon, switch, made):
    d = measured(daemon, server={"workers": "2", "key_process": switch})
    for _ in range(3):
        assert gemini(d.gemini, url("/history")).status == 20
    gopher(d.gopher, b"/history\r\n")
    now, name = counts(d), 'capsuled_signatures_total{result="%s"}'
    assert (now[name % "made"], now[name % "failed"]) == (made, 0)


def test_a_signature_that_could_not_be_had_is_counted(daemon):
    d = measured(daemon, server={"workers": "1"})
    d.steady = False
    key_process, = d.key_processes()
    os.kill(key_process, signal.SIGSTOP)
    with pytest.raises((AssertionError, OSError, ssl.SSLError)):
        gemini(d.gemini, url("/history"))
    wait_for("the failure", lambda: counts(d)[
        'capsuled_signatures_total{result="failed"}'] == 1)
    wait_for("another key process",
             lambda: d.key_processes() not in ([], [key_process]))
