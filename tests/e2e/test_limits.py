"""Limits are exact over all workers, and nobody starves behind them."""
import os
import resource
import signal
import statistics
import time

import pytest

import crowd
import server
from client import Plain, Reply, Tls, context, gemini, gopher, menu, url
from crowd import Crowd, SANITIZED, SOURCES, side_by_side
from server import conf, let_pass, wait_for
from test_tls import TLS12, TLS13

OTHER = SOURCES[0]  # a second address of this machine
PLENTY = {"rate": "0", "max_connections": "30000",
          "max_connections_per_address": "30000"}


def text(log="none", **keys):
    return conf(server={**PLENTY, **keys}, log={"access": log})


def history(port, **how):
    return b"1996" in gopher(port, b"/history\r\n", **how)


def settled(d, held, before):
    """Wait until the workers hold so many sockets more than before."""
    wait_for("%d connections to be accepted" % held,
             lambda: crowd.workers_descriptors(d) == before + held)


# -- connections --


def test_above_max_connections_who_waits_longest_goes_for_others(daemon):
    d = daemon(text(workers="3", max_connections="5"))
    before = crowd.workers_descriptors(d)
    silent = [Plain(d.gopher) for _ in range(4)]
    settled(d, 4, before)
    assert history(d.gopher), "the fifth of five was not served"
    settled(d, 4, before)
    silent.append(Plain(d.gopher))
    settled(d, 5, before)
    with Plain(d.gopher) as sixth:
        sixth.send(b"/history\r\n")
        assert b"1996" in sixth.read_all().data
    assert silent[0].read_all().data == b""  # the oldest of them had to go
    assert history(d.gopher)
    for c in silent:
        c.sock.close()


def test_waiting_above_max_connections_costs_no_processor_time(daemon):
    d = daemon(text(workers="2", max_connections="4"))
    clients = [Plain(d.gopher) for _ in range(20)]
    pids = [d.pid, *d.workers]
    before = sum(map(server.cpu_seconds, pids))
    let_pass(1.0, "processor time is measured")
    spent = sum(map(server.cpu_seconds, pids)) - before
    print("%.0f ms of processor time a second while full" % (spent * 1000))
    assert spent < 0.1
    for c in clients:
        c.sock.close()


def test_an_address_gets_its_connections_and_not_one_more(daemon):
    """Thirty at once to three workers: five stay, whoever accepted them."""
    d = daemon(text(workers="3", max_connections_per_address="5"))
    with Crowd() as them:
        for _ in range(30):
            them.add(d.gemini)
        assert them.run(10, lambda: len(them.socks) <= 5)
        assert not them.run(0.3), "some of the five were dropped, too"
        assert len(them.socks) == 5
        assert all(got == b"" for got, _ in filter(None, them.ends))
        assert history(d.gopher, source=OTHER)
        with Plain(d.gopher) as sixth:
            assert sixth.read_all(2).data == b""
        them.leave(1)
        wait_for("the place to be free", lambda: is_let_in(d))


def is_let_in(d, **how):
    try:
        return history(d.gopher, **how)
    except (AssertionError, OSError):
        return False


@pytest.mark.skipif(not crowd.may_have_network(),
                    reason="needs a network of its own")
def test_all_of_an_ipv6_network_of_64_bits_is_one_visitor(daemon):
    ours = ["2001:db8:0:1::%x" % i for i in range(1, 4)]
    theirs = "2001:db8:0:2::1"
    d = daemon(conf(server={**PLENTY, "workers": "2",
                            "max_connections_per_address": "2"},
                    gemini={"listen": "[::1]:0"},
                    gopher={"listen": "[::1]:0"}),
               preexec_fn=crowd.own_network([*ours, theirs]))

    def visit():
        how = {"address": "::1"}
        before = crowd.workers_descriptors(d)
        silent = [Plain(d.gopher6, source=a, **how) for a in ours[:2]]
        settled(d, 2, before)
        third = Plain(d.gopher6, source=ours[2], **how).read_all(5)
        assert (third.data, third.end != "timeout") == (b"", True)
        assert history(d.gopher6, source=theirs, **how)
        for c in silent:
            c.sock.close()
        wait_for("a place", lambda: is_let_in(d, source=ours[2], **how))

    crowd.within_network_of(d.pid, visit)


@pytest.mark.skipif(not crowd.may_have_network(),
                    reason="needs a network of its own")
def test_an_ipv6_network_of_48_bits_holds_16_times_an_address(daemon):
    """One customer with 65,536 networks of 64 bits is still one customer."""
    ours = ["2001:db8:1:%x::1" % i for i in range(17)]
    theirs = "2001:db8:2::1"
    d = daemon(conf(server={**PLENTY, "workers": "2",
                            "max_connections_per_address": "1"},
                    gemini={"listen": "[::1]:0"},
                    gopher={"listen": "[::1]:0"}),
               preexec_fn=crowd.own_network([*ours, theirs]))

    def visit():
        how = {"address": "::1"}
        before = crowd.workers_descriptors(d)
        silent = [Plain(d.gopher6, source=a, **how) for a in ours[:16]]
        settled(d, 16, before)
        one_more = Plain(d.gopher6, source=ours[16], **how).read_all(5)
        assert (one_more.data, one_more.end != "timeout") == (b"", True)
        assert history(d.gopher6, source=theirs, **how)
        silent.pop().sock.close()
        wait_for("a place", lambda: is_let_in(d, source=ours[16], **how))
        for c in silent:
            c.sock.close()

    crowd.within_network_of(d.pid, visit)


def test_a_reload_keeps_the_count(daemon):
    """Old workers' connections count with those of the new."""
    d = daemon(text(workers="2", max_connections_per_address="4"),
               steady=False)
    before = crowd.workers_descriptors(d)
    silent = [Plain(d.gopher) for _ in range(3)]
    settled(d, 3, before)
    d.rewrite(text(workers="2", max_connections_per_address="5"))
    d.signal(signal.SIGHUP)
    wait_for("the reload", lambda: "reloaded" in d.log())
    wait_for("the new workers",
             lambda: len(set(d.children()) - set(d.workers)) == 2)
    with Crowd() as them:
        for _ in range(10):
            them.add(d.gopher)
        assert them.run(10, lambda: len(them.socks) <= 2)
        assert not them.run(0.3) and len(them.socks) == 2
    for c in silent:
        c.sock.close()
    wait_for("the old workers to go", lambda: len(d.children()) == 2)
    with Crowd() as them:
        for _ in range(10):
            them.add(d.gopher)
        assert them.run(10, lambda: len(them.socks) <= 5)
        assert not them.run(0.3) and len(them.socks) == 5


def test_what_a_killed_worker_held_is_given_back(daemon):
    d = daemon(text(workers="2", max_connections_per_address="6"),
               steady=False)
    with Crowd() as them:
        for _ in range(12):
            them.add(d.gopher)
        assert them.run(10, lambda: len(them.socks) <= 6)
        for pid in d.workers:
            os.kill(pid, signal.SIGKILL)
        assert them.run(5), "a dead worker's visitors were not told"
    wait_for("two new workers",
             lambda: len(set(d.children()) - set(d.workers)) == 2)
    with Crowd() as them:
        for _ in range(12):
            them.add(d.gopher)
        assert them.run(10, lambda: len(them.socks) <= 6)
        assert not them.run(0.3) and len(them.socks) == 6


# -- rates --


def at_once(d, count, source=None):
    """count requests sent together; the answers, and how long it took."""
    clients = [Tls(d.gemini, source=source) for _ in range(count)]
    letters = [c.seal(url("/history").encode() + b"\r\n") for c in clients]
    start = time.monotonic()
    for c, letter in zip(clients, letters):
        c.sock.sendall(letter)
    replies = [Reply(c.read_all()) for c in clients]
    seconds = time.monotonic() - start
    for c in clients:
        c.sock.close()
    return replies, seconds


def test_a_rate_is_exact_over_all_workers_together(daemon):
    rate = 20
    d = daemon(conf(server={"workers": "3", "rate": str(rate)}))
    replies, seconds = at_once(d, rate + 15)
    granted = [r for r in replies if r.status == 20]
    refused = [r for r in replies if r.status == 44]
    print("%d granted, %d refused in %.0f ms" % (len(granted), len(refused),
                                                 seconds * 1000))
    assert len(granted) + len(refused) == len(replies)
    # The bucket fills while it is emptied: so many a second, no more.
    assert rate <= len(granted) <= rate + seconds * rate
    for r in refused:
        assert (r.header, r.clean) == (b"44 1\r\n", True)
    assert gemini(d.gemini, url("/history"), source=OTHER).status == 20
    let_pass(1.1, "44 asked for it")
    assert gemini(d.gemini, url("/history")).status == 20


def test_a_gopher_visitor_who_is_too_fast_gets_an_error_item(daemon):
    d = daemon(conf(server={"workers": "2", "rate": "3"}))
    answers = side_by_side(5, lambda _: gopher(d.gopher, b"/history\r\n"))
    errors = [a for a in answers if a.startswith(b"3")]
    assert errors, answers
    for a in errors:
        assert menu(a)[0].type == "3"
    assert sum(b"1996" in a for a in answers) >= 3


def test_who_goes_on_regardless_is_closed_before_tls(daemon):
    """So many refusals are granted as requests are; then not even a byte."""
    d = daemon(conf(server={"workers": "2", "rate": "5"}))
    results = []
    while results[-3:] != ["closed"] * 3:
        assert len(results) < 100, results
        try:
            results.append(gemini(d.gemini, url("/history")).status)
        except OSError:
            results.append("closed")
    print(results)
    assert results[:5] == [20] * 5
    assert results.count(44) >= 5
    assert "closed" not in results[:10]
    with Plain(d.gemini) as c:
        got = c.read_all(5)
        assert (got.data, got.end in ("fin", "reset")) == (b"", True)
    assert gemini(d.gemini, url("/history"), source=OTHER).status == 20
    let_pass(1.2, "the bucket of the address fills")
    assert gemini(d.gemini, url("/history")).status == 20


def answered_hellos(d, hello, seconds):
    """How often a hello, sent again and again, was worth a signed answer."""
    answered = 0
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        with Plain(d.gemini) as c:
            try:
                c.send(hello)
            except OSError:
                continue
            answered += len(c.more() or b"") > 400
    return answered, time.monotonic() - start


def test_a_hello_sent_again_and_again_is_soon_worth_no_signature(daemon):
    """A client that computes nothing must not make us sign for ever."""
    rate = 3
    d = daemon(conf(server={"workers": "2", "rate": str(rate)}))
    with Tls(d.gemini, handshake=False) as c:
        hello = c.hello()
    answered, seconds = answered_hellos(d, hello, 3)
    print("%d signed answers in %.1f s" % (answered, seconds))
    # The bucket fills while it is emptied: twice as many as requests.
    assert 2 * rate <= answered <= 2 * rate + seconds * 2 * rate
    assert gemini(d.gemini, url("/history"), source=OTHER).status == 20
    assert history(d.gopher), "its requests are another matter"


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_resumed_session_is_no_full_handshake(daemon, version):
    """Nothing is signed for it: it goes on where a first visit is closed."""
    d = daemon(conf(server={"workers": "2", "rate": "2"}))
    ctx = context(version, version)
    with Tls(d.gemini, ctx=ctx) as c:
        c.send(url("/history").encode() + b"\r\n")
        assert Reply(c.read_all()).status == 20
        session = c.finish()
    with pytest.raises(OSError):
        for _ in range(100):
            Tls(d.gemini, ctx=ctx).sock.close()
    with Tls(d.gemini, ctx=ctx, session=session) as c:
        assert c.tls.session_reused


@pytest.mark.parametrize("was, now", [("0", "1"), ("3", "1"), ("1", "3")])
def test_a_changed_rate_refuses_nobody_who_has_not_asked(daemon, was, now):
    """Its bucket was made under another rate: the visitor cannot know."""
    d = daemon(conf(server={"workers": "1", "rate": was}), steady=False)
    with Plain(d.gopher):  # known to the table, and has not asked yet
        d.rewrite(conf(server={"workers": "1", "rate": now}))
        d.signal(signal.SIGHUP)
        wait_for("the reload", lambda: "reloaded" in d.log())
        wait_for("the new worker",
                 lambda: len(set(d.children()) - set(d.workers)) == 1)
        assert history(d.gopher)


# -- many --


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))


def test_out_of_descriptors_it_idles_and_resumes_by_itself(daemon):
    """Nobody hangs up: the silent time out, then those who waited are served.
    """
    d = daemon(text(request_timeout="3s"), preexec_fn=few_descriptors)
    with Crowd() as silent, Crowd() as waiting:
        for _ in range(60):
            silent.add(d.gopher)
        for _ in range(20):
            waiting.add(d.gopher, b"/history\r\n")
        waiting.run(0.3)
        pids = [d.pid, *d.workers]
        before = sum(map(server.cpu_seconds, pids))
        waiting.run(2.0)
        spent = (sum(map(server.cpu_seconds, pids)) - before) / 2
        print("%.1f %% of a processor without descriptors" % (spent * 100))
        assert spent < 0.05
        assert waiting.run(15), "the service did not resume"
        assert all(b"1996" in got for got, _ in waiting.ends)
    assert "out of descriptors" in d.log()


def test_a_burst_of_two_thousand_visitors_loses_none(daemon):
    count = 500 if SANITIZED else 2000
    d = daemon(text(workers="2", request_timeout="60s"))
    with Crowd() as them:
        start = time.monotonic()
        for i in range(count):
            them.add(d.gopher, b"/history\r\n", SOURCES[i % len(SOURCES)])
        connected = time.monotonic() - start
        assert them.run(30), "%d are unanswered" % len(them.socks)
        print("%d visitors within %.2f s, all answered after %.2f s"
              % (count, connected, time.monotonic() - start))
    assert connected < 1 or SANITIZED
    bad = [e for e in them.ends if b"1996" not in e[0] or e[1] != "fin"]
    assert bad == []


def test_ten_thousand_silent_visitors_cost_next_to_nothing(daemon):
    """A waiting connection owns no buffer, and delays nobody."""
    count = 10000
    if crowd.many_files() < count + 200:
        pytest.skip("too few descriptors are allowed here")
    d = daemon(text(workers="2", request_timeout="8s"))
    for _ in range(20):  # what is touched once is touched by now
        gemini(d.gemini, url("/history"))
    before, held = crowd.tree_pss(d), crowd.workers_descriptors(d)
    with Crowd() as them:
        start = time.monotonic()
        for i in range(count):
            them.add(d.gemini, source=SOURCES[i % len(SOURCES)])
            if i % 500 == 0:
                them.turn(0)
        settled(d, count, held)
        each = (crowd.tree_pss(d) - before) / count
        times = []
        for _ in range(9):
            began = time.monotonic()
            assert gemini(d.gemini, url("/history")).status == 20
            times.append(time.monotonic() - began)
        median = statistics.median(times) * 1000
        print("%.0f bytes a connection, a visit in %.1f ms among %d"
              % (each, median, count))
        assert SANITIZED or each < 1024
        assert median < 500
        assert them.run(30), "%d are still there" % len(them.socks)
        assert 7 < time.monotonic() - start < 30
        assert all(got == b"" for got, _ in them.ends)
    wait_for("all descriptors to be closed",
             lambda: crowd.workers_descriptors(d) <= held)
