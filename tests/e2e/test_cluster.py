"""Several replicas behind haproxy, under load: one is killed, one drained, one
reloaded, all are updated one after the other, and keys change meanwhile.

What a visitor may notice of that is what doc/scaling.md promises.  The slow
ones give each replica, haproxy and the visitors a machine of their own.
"""
import os
import re
import secrets
import select
import signal
import socket
import ssl
import subprocess
import time

import pytest

import server
from balancer import BACKENDS, PROXY, Haproxy, behind, changed
from client import Plain, Reply, Tls, context, gemini, gopher, url
from cluster import (ALL_KINDS, Crowd, Network, kill, leave, like,
                     put_version, visits_of)
from crowd import side_by_side, within_network_of
from ctl import BINARY as CTL
from server import ROOT, START, conf, let_pass, wait_for
from terminal import needs

ROLL = ROOT / "conf" / "roll.sh"
SOURCES = ["127.1.2.%d" % i for i in range(1, 33)]


def keys(path, *lines):
    """The file as rsync would put it there."""
    new = path.with_suffix(".new")
    new.write_text("".join(k + "\n" for k in lines))
    new.chmod(0o600)
    os.replace(new, path)


def shared(folder):
    """[tls] of all replicas."""
    path = folder / "ticket.keys"
    if not path.exists():
        keys(path, secrets.token_hex(80))
    return {"tickets": "sealed", "ticket_keys": path}


def sections(folder, **more):
    return dict({"selectors": {"/version": "version.gmi"},
                 "tls": shared(folder)}, **more)


def first_version(root):
    put_version(root, 1)


@pytest.fixture
def replicas(daemon, tmp_path):
    """So many replicas of a capsule on loopback."""
    def start(count, **more):
        text = behind(**sections(tmp_path, **more))
        ds = [daemon(text, prepare=first_version, steady=False)]
        return ds + [daemon(text, prepare=like(ds[0]), steady=False)
                     for _ in range(count - 1)]
    return start


def update(folder, daemons):
    """A script that gives a replica the new page, as an operator's would:
    loaded when it returns; and the replica's name is its argument."""
    new = folder / "new.gmi"
    new.write_text("# Version 2\n")
    script = folder / "update.sh"
    cases = "".join(
        "capsule%d) at='%s' ;;\n" % (i + 1, d.folder)
        for i, d in enumerate(daemons))
    script.write_text("""set -eu
echo "$1" >> '%s/order'
case $1 in
%s*) exit 1 ;;
esac
cd "$at"
cp '%s' root/.new
mv root/.new root/version.gmi
'%s' -c capsuled.ini reload
""" % (folder, cases, new, CTL))
    return "sh %s \"$REPLICA\"" % script


def roll(h, command, *names, patience=START, **popen):
    needs("socat")
    return subprocess.run(
        ["sh", ROLL, "-s", h.admin, "-t", str(patience), command, *names],
        capture_output=True, text=True, timeout=300, **popen)


def by_replica(daemons, port, address="127.0.0.1", sources=SOURCES):
    """Which of these visitors haproxy sends to which replica."""
    found = [[] for _ in daemons]
    for source in sources:
        seen = [len(d.accesses()) for d in daemons]
        assert gemini(port, url("/plain.txt"), address=address,
                      source=source).status == 20
        i = wait_for("its line", lambda: next(
            ([i] for i, d in enumerate(daemons) if any(
                line["from"] == source for line in d.accesses()[seen[i]:])),
            None))[0]
        found[i].append(source)
    return found


def some_of_each(found, count):
    assert all(len(them) >= count for them in found), found
    return [source for them in found for source in them[:count]]


def on_loopback(h, sources, big, kinds=ALL_KINDS, **more):
    ports = {"gemini": h.gemini, "gopher": h.gopher}
    return Crowd([dict(ports=ports, address="127.0.0.1", source=source,
                       kinds=kinds, big=big, **more) for source in sources])


def two_behind(replicas, haproxy):
    """Two replicas, haproxy in front, and who is sent to which of them."""
    ds = replicas(2)
    h = haproxy(ds)
    h.wait(["up", "up"])
    return ds, h, by_replica(ds, h.gemini)


def big_of(d):
    return (d.root / "big.bin").read_bytes()


def never_back(load):
    """No visitor saw an old page after a new one."""
    for one in load.them:
        seen = [v.version for v in one.visits if v.version is not None]
        assert seen == sorted(seen), (one.source, seen)


# -- the quick part: two replicas on this machine --


def test_no_visitor_notices_that_a_replica_reloads(replicas, haproxy):
    ds, h, found = two_behind(replicas, haproxy)
    with on_loopback(h, some_of_each(found, 2), big_of(ds[0])) as load:
        for d in ds:
            put_version(d.root, 2)
            d.reload()
            load.go_on()
        load.go_on()
    assert load.failed == []
    never_back(load)
    assert all(one.visits[-4].version != 1 for one in load.them)


def check_kill(load, began, dead):
    """Whoever came when it was dead has an answer; whoever was there when it
    died has all of it or sees that it is cut."""
    print("%d of %d visits cut: %s" % (
        len(load.failed), len(load.visits), load.failed))
    for visit in load.failed:
        assert visit.cut, visit
        assert visit.began < dead and visit.ended > began, visit


def test_who_comes_after_a_replica_was_killed_is_answered(replicas, haproxy):
    """At once, before any check has failed: haproxy tries another one."""
    ds, h, found = two_behind(replicas, haproxy)
    with on_loopback(h, some_of_each(found, 2), big_of(ds[0])) as load:
        began, dead = kill(ds[1])
        load.go_on(2)
        h.wait(["up", "gone"])
        load.go_on()
    check_kill(load, began, dead)
    for source in found[1]:
        assert gemini(h.gemini, url("/version"), source=source).status == 20


class Reader:
    """Has the beginning of a large answer, and waits with the rest."""

    def __init__(self, port, request, tls, **how):
        self.c = (Tls if tls else Plain)(port, **how)
        self.c.send(request)
        self.start = self.c.read() if tls else self.c.more()
        assert self.start

    def rest(self):
        got = self.c.read_all(60)
        self.c.sock.close()
        return self.start + got.data, got


def readers(gemini_port, gopher_port, **how):
    """One of each kind: Gemini, Gopher with TLS, Gopher without."""
    return [Reader(gemini_port, url("/huge.bin").encode() + b"\r\n", True,
                   **how),
            Reader(gopher_port, b"/huge.bin\r\n", True, **how),
            Reader(gopher_port, b"/huge.bin\r\n", False, **how)]


HUGE = 32 << 20  # bytes: more than any number of buffers on the way holds


def with_huge(root):
    first_version(root)
    with open(root / "huge.bin", "wb") as f:
        f.truncate(HUGE)


def test_what_a_killed_replica_was_answering_is_cut_visibly(daemon, haproxy):
    """With TLS: no close_notify.  Gopher in the clear has no such mark: what
    has no length and no last line ends as a whole file does."""
    d = daemon(behind(selectors={"/huge.bin": "huge.bin"}),
               prepare=with_huge, steady=False)
    h = haproxy([d])
    h.wait(["up"])
    them = readers(h.gemini, h.gopher)
    kill(d)
    for one, tls in zip(them, (True, True, False)):
        data, got = one.rest()
        assert len(data) < HUGE
        assert got.end in ("fin", "reset")
        assert not got.notified
        print("tls=%s: %d bytes, %s" % (tls, len(data), got.end))


def with_readers(daemon, haproxy):
    """Two replicas with something large, what leads to them, and readers who
    are in the middle of it at the first one."""
    # They may wait for long where the machine is busy.
    text = behind(server={"idle_timeout": "10m"},
                  selectors={"/huge.bin": "huge.bin"})
    ds = [daemon(text, prepare=with_huge) for _ in range(2)]
    h = haproxy(ds)
    h.wait(["up", "up"])
    source = by_replica(ds, h.gemini)[0][0]
    return ds, h, readers(h.gemini, h.gopher, source=source)


def test_who_is_with_a_drained_replica_gets_all_of_it(daemon, haproxy):
    ds, h, them = with_readers(daemon, haproxy)
    h.tell("capsule1", "state drain")
    h.wait(["drained", "up"])
    before = len(visits_of(ds[0], [PROXY]))
    for other in SOURCES:
        assert gemini(h.gemini, url("/history"), source=other).status == 20
    assert visits_of(ds[0], [PROXY])[before:] == []
    for one in them:
        data, got = one.rest()
        assert len(data) >= HUGE and got.end == "fin"
    leave(h, "capsule1")
    h.tell("capsule1", "state ready")
    h.wait(["up", "up"])


# -- roll.sh --


def test_an_update_rolls_over_all_replicas_and_nobody_notices(
        replicas, haproxy, tmp_path):
    ds, h, found = two_behind(replicas, haproxy)
    with on_loopback(h, some_of_each(found, 2), big_of(ds[0])) as load:
        done = roll(h, update(tmp_path, ds))
        load.go_on()
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout == "roll: capsule1: updated\nroll: capsule2: updated\n"
    assert (tmp_path / "order").read_text() == "capsule1\ncapsule2\n"
    assert load.failed == []
    never_back(load)
    h.wait(["up", "up"])
    for d in ds:
        wait_for("the new page", lambda: b"Version 2" in gopher(
            d.gopher, b"PROXY UNKNOWN\r\n/version\r\n"))


def test_an_update_that_fails_goes_no_further(replicas, haproxy, tmp_path):
    ds = replicas(2)
    h = haproxy(ds)
    h.wait(["up", "up"])
    command = update(tmp_path, ds)
    (tmp_path / "new.gmi").unlink()
    done = roll(h, command)
    assert done.returncode == 1
    assert done.stderr.endswith("roll: capsule1: the command failed; nothing "
                                "more is updated\n")
    assert (tmp_path / "order").read_text() == "capsule1\n"
    h.wait(["up", "up"])


def test_a_replica_that_stays_ill_ends_the_update(replicas, haproxy, tmp_path):
    """And gets no visitors, until checks find it well again."""
    ds = replicas(2)
    h = haproxy(ds)
    h.wait(["up", "up"])
    stopped = tmp_path / "stopped"
    done = roll(h, "kill -STOP %d %s; echo $REPLICA >> %s" % (
        ds[0].pid, " ".join(map(str, ds[0].children())), stopped), patience=3)
    try:
        assert done.returncode == 1
        assert done.stderr == ("roll: capsule1: not in good health after 3 "
                               "seconds; nothing more is updated\n")
        assert stopped.read_text() == "capsule1\n"
        h.wait(["wrong", "up"])
        for source in SOURCES[:8]:
            assert gemini(h.gemini, url("/version"),
                          source=source).status == 20
    finally:
        for pid in [ds[0].pid, *ds[0].children()]:
            os.kill(pid, signal.SIGCONT)
    h.wait(["up", "up"])


def test_the_last_replica_that_is_up_is_left_alone(replicas, haproxy,
                                                   tmp_path):
    ds = replicas(2)
    h = haproxy(ds)
    h.wait(["up", "up"])
    command = update(tmp_path, ds)
    ds[0].stop()
    h.wait(["gone", "up"])
    done = roll(h, command)
    assert done.returncode == 1
    assert done.stderr == (
        "roll: capsule1 is DOWN in gemini: left out\n"
        "roll: capsule2 is the only one up in gemini: left out\n")
    assert not (tmp_path / "order").exists()
    h.wait(["gone", "up"])


def test_an_update_that_is_broken_off_leaves_no_replica_drained(
        replicas, haproxy, tmp_path):
    needs("socat")
    h = haproxy(replicas(2))
    h.wait(["up", "up"])
    began = tmp_path / "began"
    proc = subprocess.Popen(
        ["sh", ROLL, "-s", h.admin,
         "touch %s; while test -e %s; do sleep 0.1; done" % (began, began)])
    try:
        wait_for("the command", began.exists)
        h.wait(["drained", "up"])
        proc.terminate()
        began.unlink()
        assert proc.wait(START) == 1
    finally:
        proc.kill()
        proc.wait()
    h.wait(["up", "up"])


def test_an_update_waits_for_visitors_but_not_for_ever(daemon, haproxy):
    ds, h, them = with_readers(daemon, haproxy)
    done = roll(h, "true", "capsule1", patience=3)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "roll: capsule1: visitors still there after 3 seconds\n"
        "roll: capsule1: updated\n")
    for one in them:
        data, got = one.rest()
        assert len(data) >= HUGE and got.end == "fin"


@pytest.mark.parametrize("options,words", [
    (["-b", "gemini nowhere"], "capsule1 is unknown in nowhere: left out"),
    (["-b", "nowhere"], "there is no replica in nowhere"),
    (["-s", "/nonexistent/socket"],
     "cannot ask haproxy at /nonexistent/socket"),
])
def test_what_the_update_cannot_find_is_told(replicas, haproxy, options,
                                             words):
    needs("socat")
    h = haproxy(replicas(2))
    h.wait(["up", "up"])
    done = subprocess.run(["sh", ROLL, "-s", h.admin, *options, "false"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "roll: " + words in done.stderr.splitlines(), done.stderr
    h.wait(["up", "up"])


@pytest.mark.parametrize("arguments", [
    [], ["-t", "soon", "true"], ["-x", "true"], ["-b", "", "true"]])
def test_a_wrong_use_of_the_script_is_told(arguments):
    done = subprocess.run(["sh", ROLL, *arguments], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 2
    assert "usage: roll.sh [-b BACKENDS]" in done.stderr


# -- the slow part: each on a machine of its own --

slow = pytest.mark.slow
REPLICAS = ["192.0.2.11", "192.0.2.12", "192.0.2.13"]  # as in haproxy.cfg
PUBLIC4, PUBLIC6 = PROXIES = ["192.0.2.10", "2001:db8::10"]  # haproxy's
VISITORS4 = ["198.51.100.%d" % i for i in range(1, 41)]
VISITORS6 = ["2001:db8:%x::1" % i for i in range(1, 21)]
NEIGHBOURS = ["2001:db8:ff::%x" % i for i in range(1, 41)]  # one /64
PORTS = {"gemini": 1965, "gopher": 70}  # the ordinary ones: all are alone


class Cluster:
    """Three replicas, haproxy and visitors, each on a machine of its own.

    change: of the example, as Haproxy has it.  prepare: of the content.
    sections: of the replicas' configuration.
    """

    def __init__(self, folder, daemon, change, prepare, sections):
        if os.geteuid() != 0:
            pytest.skip("only root can make machines of namespaces")
        needs("haproxy", "ip", "nsenter", "unshare")
        self.network = Network()
        try:
            self.start(folder, daemon, change, prepare, sections)
        except BaseException:
            self.network.stop()
            raise

    def start(self, folder, daemon, change, first, more):
        text = conf(**sections(folder, **{
            name: {"listen": "*:%d" % port,
                   "proxy_protocol": PUBLIC4}
            for name, port in PORTS.items()} | more))
        self.machines = [self.network.add(a) for a in REPLICAS]
        self.balancer = self.network.add(PUBLIC4, PUBLIC6)
        self.visitors = self.network.add(*VISITORS4, *VISITORS6, *NEIGHBOURS)
        self.daemons = []
        for machine in self.machines:
            prepare = like(self.daemons[0]) if self.daemons else first
            self.daemons.append(daemon(text, prepare=prepare, steady=False,
                                       under=machine.under))
        self.big = big_of(self.daemons[0])
        (folder / "haproxy").mkdir()
        self.haproxy = Haproxy(folder / "haproxy", change,
                               self.balancer.under)
        self.haproxy.wait(["up"] * 3)

    def stop(self):
        if hasattr(self, "haproxy"):
            self.haproxy.stop()
        self.network.stop()

    def from_there(self, work):
        """work() as a visitor does it."""
        return within_network_of(self.visitors.pid, work)

    def spread(self, sources=VISITORS4):
        """Which visitors come to which replica."""
        return self.from_there(lambda: by_replica(
            self.daemons, 1965, PUBLIC4, sources))

    def crowd(self, sources, kinds=ALL_KINDS, **more):
        return Crowd([dict(ports=PORTS, address=PUBLIC6 if ":" in source
                           else PUBLIC4, source=source, kinds=kinds,
                           big=self.big, machine=self.visitors, **more)
                      for source in sources])

    def lines(self, i):
        return visits_of(self.daemons[i], PROXIES)


@pytest.fixture
def cluster(daemon, tmp_path):
    started = []

    def start(change=lambda example: example, prepare=first_version,
              **sections):
        started.append(Cluster(tmp_path, daemon, change, prepare, sections))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def round_robin(example):
    """Each visit to the next replica."""
    return changed("balance source\n\thash-type consistent$",
                   "balance roundrobin", example)


@slow
def test_logs_have_the_visitors_addresses_of_both_families(cluster):
    c = cluster()
    sources = VISITORS4[:8] + VISITORS6[:8]
    with c.crowd(sources):
        pass
    seen = {(line["proto"], line["from"]) for i in range(3)
            for line in c.lines(i)}
    assert {s for _, s in seen} == set(sources)
    assert all(("gemini", s) in seen and ("gopher", s) in seen
               for s in sources)
    assert all(line["status"] == "20" for i in range(3)
               for line in c.lines(i))


@slow
def test_nobody_notices_that_a_replica_is_drained_and_comes_back(cluster):
    c = cluster()
    found = c.spread()
    with c.crowd(some_of_each(found, 2)) as load:
        leave(c.haproxy, "capsule2")
        seen = len(c.lines(1))
        load.go_on(2)
        assert len(c.lines(1)) == seen
        c.haproxy.tell("capsule2", "state ready")
        c.haproxy.wait(["up"] * 3)
        load.go_on()
        wait_for("visitors to return", lambda: len(c.lines(1)) > seen)
    assert load.failed == []


@slow
def test_nobody_notices_that_replicas_reload(cluster):
    """Without draining: a reload lets visitors finish."""
    c = cluster()
    found = c.spread()
    with c.crowd(some_of_each(found, 2)) as load:
        for d in c.daemons:
            put_version(d.root, 2)
            d.reload()
            load.go_on()
        load.go_on()
    assert load.failed == []
    never_back(load)


@slow
def test_an_update_rolls_over_three_machines_and_nobody_notices(cluster,
                                                                tmp_path):
    """Twice as many visitors as workers, of all kinds; and sessions are
    resumed whatever replica they come to meanwhile."""
    c = cluster()
    found = c.spread()
    with c.crowd(some_of_each(found, 2)) as load:
        done = roll(c.haproxy, update(tmp_path, c.daemons))
        load.go_on(2)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert load.failed == []
    never_back(load)
    for one in load.them:
        last = [v.version for v in one.visits if v.version is not None][-1]
        assert last == 2
        tls = [v for v in one.visits if v.kind in ("gemini", "big_file")]
        assert [v.resumed for v in tls] == [False] + [True] * (len(tls) - 1)


@slow
def test_who_comes_after_the_loss_of_a_daemon_is_answered(cluster):
    c = cluster()
    found = c.spread()
    with c.crowd(some_of_each(found, 3)) as load:
        began, dead = kill(c.daemons[2])
        load.go_on(2)
        c.haproxy.wait(["up", "up", "gone"])
        load.go_on()
    check_kill(load, began, dead)
    # Those of the others never moved.
    for i in (0, 1):
        assert {line["from"] for line in c.lines(i)} >= set(found[i][:3])


@slow
def test_who_comes_after_the_loss_of_a_machine_is_answered_late(cluster):
    """Nothing says that it is gone: until checks fail, haproxy tries it for
    "timeout connect" and then another one."""
    c = cluster(lambda example: changed(  # late, and not in such haste
        r"inter 1s fastinter 100ms downinter 100ms", "inter 3s", example))
    found = c.spread()

    def seconds(source):
        began = time.monotonic()
        assert gemini(1965, url("/version"), address=PUBLIC4,
                      source=source).status == 20
        return time.monotonic() - began

    with c.crowd(some_of_each(found[:2], 2)) as load:
        c.network.cut(c.machines[2])
        late = c.from_there(lambda: seconds(found[2][0]))
        wait_for("checks to fail", lambda: {
            c.haproxy.states()[b, "capsule3"] for b in BACKENDS} == {
            ("DOWN", "L4TOUT")}, seconds=60)
        at_once = c.from_there(lambda: seconds(found[2][1]))
        load.go_on()
    print("%.1f s, and once checks have failed %.2f s" % (late, at_once))
    assert late >= 4.5  # "timeout connect 5s", in haproxy.cfg
    assert load.failed == []


@slow
def test_who_is_with_a_lost_machine_is_cut_off_in_the_end(cluster):
    """When nothing came for "timeout server": no packet says so before."""
    c = cluster(lambda example: changed("timeout server 1m",
                                        "timeout server 6s", example),
                prepare=with_huge,
                selectors={"/version": "version.gmi",
                           "/huge.bin": "huge.bin"})
    source = c.spread()[2][0]

    def visit():
        them = readers(1965, 70, address=PUBLIC4, source=source)
        c.network.cut(c.machines[2])
        return side_by_side(len(them), lambda i: them[i].rest())
    cut = c.from_there(visit)
    kill(c.daemons[2])  # it would wait for its visitors, as it should
    for data, got in cut:
        assert len(data) < HUGE
        assert got.end in ("fin", "reset") and not got.notified


@slow
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_sessions_resume_with_any_replica(cluster, version):
    c = cluster(round_robin)
    with c.crowd(VISITORS4[:2], ["gemini"], tls_version=version) as load:
        load.go_on(12)
    assert load.failed == []
    for one in load.them:
        assert [v.resumed for v in one.visits] == [
            False] + [True] * (len(one.visits) - 1)
        for i in range(3):
            assert [line["resumed"] for line in c.lines(i)
                    if line["from"] == one.source].count("1") > 1


@slow
def test_keys_change_everywhere_and_no_session_is_lost(cluster, tmp_path):
    """As capsuled.ini(5) says it: last in the file on every machine, then
    first on every machine, then the old one goes."""
    c = cluster(round_robin)
    path = tmp_path / "ticket.keys"
    old, new = path.read_text().strip(), secrets.token_hex(80)
    with c.crowd(VISITORS4[:4], ["gemini", "gopher_tls"]) as load:
        for lines in ([old, new], [new, old], [new]):
            # All have one disk here: a machine's file is as new as its load.
            keys(path, *lines)
            for d in c.daemons:
                d.reload()
                load.go_on()
            load.go_on()
    assert load.failed == []
    for one in load.them:
        tls = [v.resumed for v in one.visits if v.kind == "gemini"]
        assert tls == [False] + [True] * (len(tls) - 1), one.source


@slow
def test_a_key_that_one_replica_lacks_costs_a_handshake_and_no_visit(
        cluster, tmp_path):
    c = cluster(round_robin)
    path = tmp_path / "ticket.keys"
    keys(path, secrets.token_hex(80), path.read_text().strip())
    c.daemons[0].reload()
    with c.crowd(VISITORS4[:2], ["gemini"]) as load:
        load.go_on(9)
    assert load.failed == []
    resumed = [v.resumed for v in load.visits]
    assert 0 < resumed.count(False) - len(load.them) < resumed.count(True)


def nightly():
    """The commands of doc/scaling.md that change keys every night."""
    text = (ROOT / "doc" / "scaling.md").read_text()
    block = re.search(r"^    new=.*\n(?:    .*\n)+", text, re.M)[0]
    lines = [line[4:] for line in block.splitlines()]
    assert len(lines) == 3, lines
    return "\n".join(lines)


@slow
def test_keys_change_every_night_while_replicas_are_not_of_one_mind(
        cluster, tmp_path):
    """Three nights; in each a visitor comes while some have the new file."""
    c = cluster(round_robin)
    path = tmp_path / "ticket.keys"
    today = path.read_text().strip()
    keys(path, today, secrets.token_hex(80), secrets.token_hex(80))
    for d in c.daemons:
        d.reload()
    with c.crowd(VISITORS4[:4], ["gemini"]) as load:
        for _ in range(3):
            before = path.read_text().split()
            subprocess.run(["sh", "-ec", nightly()], cwd=tmp_path, check=True,
                           timeout=60)
            assert path.read_text().split()[:2] == [before[2], before[0]]
            for d in c.daemons:
                d.reload()
                load.go_on()
    assert load.failed == []
    for one in load.them:
        resumed = [v.resumed for v in one.visits]
        assert resumed == [False] + [True] * (len(resumed) - 1), one.source


# -- limits --

LIMIT = 4  # connections of an address, to each replica


def is_closed(one):
    """Without waiting; a silent connection that is open has nothing."""
    if not select.select([one.sock], [], [], 0)[0]:
        return False
    try:
        return one.sock.recv(1, socket.MSG_PEEK) == b""
    except ConnectionResetError:
        return True


def let_in(c, sources, address, wanted, expected):
    """Of so many silent visitors, so many are let in and no other number."""
    def visit():
        them = [Plain(70, address=address, source=source)
                for source in sources[:wanted]]
        for one in them:
            one.send(b"/")
        wait_for("those who are too many to be closed", lambda: sum(
            map(is_closed, them)) >= wanted - expected)
        let_pass(0.5, "more may be closed, and shall not")
        assert sum(map(is_closed, them)) == wanted - expected
        for one in them:
            one.sock.close()
    c.from_there(visit)


LIMITED = {"rate": "0", "max_connections_per_address": str(LIMIT),
           "request_timeout": "60s"}


@slow
def test_an_address_has_the_limits_of_one_replica_if_it_keeps_to_one(cluster):
    c = cluster(server=LIMITED)
    let_in(c, VISITORS4[:1] * 3 * LIMIT, PUBLIC4, 3 * LIMIT, LIMIT)


@slow
def test_an_address_has_the_limits_of_all_replicas_if_it_comes_to_all(cluster):
    c = cluster(round_robin, server=LIMITED)
    let_in(c, VISITORS4[:1] * 6 * LIMIT, PUBLIC4, 6 * LIMIT, 3 * LIMIT)


@slow
def test_neighbours_of_one_network_come_to_all_replicas(cluster):
    """Each replica counts a network of 64 bits as one visitor, and "balance
    source" sends each of its addresses elsewhere."""
    c = cluster(server=LIMITED)
    n = len(NEIGHBOURS)
    let_in(c, NEIGHBOURS, PUBLIC6, n, 3 * LIMIT)


@slow
def test_neighbours_can_be_kept_to_one_replica(cluster):
    """By what doc/scaling.md says for haproxy 2.6 and newer."""
    line = "balance hash src,ipmask(32,64)"
    assert line in (ROOT / "doc" / "scaling.md").read_text()
    c = cluster(lambda example: changed("balance source$", line, example),
                server=LIMITED)
    let_in(c, NEIGHBOURS, PUBLIC6, len(NEIGHBOURS), LIMIT)


# -- client certificates --


@slow
def test_a_client_certificate_is_known_to_every_replica(cluster, tmp_path):
    """haproxy reads nothing of it: TLS ends in the replica.  Where one is
    asked for no session resumes, and no replica takes another's word."""
    c = cluster(round_robin, access={"/plain.txt": "any"})
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "me.key",
         "-out", tmp_path / "me.crt", "-subj", "/CN=me", "-days", "30"],
        check=True, capture_output=True, timeout=60)
    mine, none = context(), context()
    mine.load_cert_chain(tmp_path / "me.crt", tmp_path / "me.key")

    def visit(ctx):
        session, statuses = None, []
        for _ in range(6):
            with Tls(1965, address=PUBLIC4, ctx=ctx, session=session) as one:
                one.send(url("/plain.txt").encode() + b"\r\n")
                statuses.append(Reply(one.read_all()).status)
                assert not one.tls.session_reused
                session = one.finish()
        return statuses
    assert c.from_there(lambda: visit(mine)) == [20] * 6
    assert c.from_there(lambda: visit(none)) == [60] * 6
    for i in range(3):
        lines = wait_for("its lines", lambda: c.lines(i)
                         if len(c.lines(i)) == 4 else None)
        assert sorted(line["status"] for line in lines) == [
            "20", "20", "60", "60"]
