"""Section crowded: how long a small page waits beside greedy clients.

A worker serves all its clients in turns.  What one of them may take in a turn
is what all others wait, as often as there are such clients.
"""
import contextlib
import os
import shutil
import subprocess
import time

import rig
from report import number

DOWNLOADS = 20  # clients that take large files, again and again
HANDSHAKES = 8  # clients that take small pages over new TLS connections
FILE_BYTES = 8 << 20
ROUNDS = {False: 9, True: 3}  # by whether there is a hurry
ROUND_S = 3
SETTLE_S = 0.5  # until the greedy ones are all at work
# The client waits for the server alone, not for a processor of this machine.
PROMPT = ("chrt", "--rr", "1") if rig.is_root() and shutil.which("chrt") else ()
LONGEST_MS = {"gemini": 60, "gopher": 40}  # goals, for 99 of 100 pages
FLOODS = {"keyupdate": "new keys", "hello": "another handshake"}
FLOODERS = (1, 100)
FLOOD_MS = 100  # goal, for every page beside them


def lay_file(root):
    """A large file that is sent as it is."""
    path = root / "large.bin"
    block = bytes(range(256)) * 256
    with open(path, "wb") as file:
        for _ in range(FILE_BYTES // len(block)):
            file.write(block)
    path.chmod(0o644)
    return path


def command(server, protocol, clients, target, seconds, *flags):
    return [str(word) for word in (
        rig.TOOLS / "load", protocol, "-s", rig.HOST, "-c", clients, "-p",
        server.gemini if protocol == "gemini" else server.gopher, "-u",
        target, "-d", seconds, "-S", *flags)]


@contextlib.contextmanager
def greedy(server, protocol, large, seconds):
    """Downloads by that protocol, and handshakes, while this is open."""
    crowd = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
             for words in (
                 command(server, protocol, DOWNLOADS, large, seconds, "-D"),
                 command(server, "gemini", HANDSHAKES,
                         server.url("gemini"), seconds))]
    try:
        time.sleep(SETTLE_S)
        yield
    finally:
        told = [one.communicate()[0] for one in crowd]
    for words in told:
        if not rig.values(words).get("ok"):
            raise rig.Failure("nobody was served beside: " + words)


def measure(server, protocol, large):
    """How long pages take, in milliseconds: of half, and of 99 of 100."""
    with greedy(server, protocol, large, ROUND_S + 2 * SETTLE_S):
        found = rig.load(server, protocol, seconds=ROUND_S, clients=1,
                         expect=rig.PAGE_BYTES, prefix=PROMPT)
    return {"p50": found["p50_us"] / 1e3, "p99": found["p99_us"] / 1e3}


@contextlib.contextmanager
def flooded(server, mode, clients, seconds):
    """Clients who never come to a request, while this is open.

    They are nicer than the server: elsewhere they would be no burden.
    """
    words = [str(word) for word in (
        rig.TOOLS / "flood", mode, "-s", rig.HOST, "-p", server.gemini, "-c",
        clients, "-d", seconds)]
    flood = subprocess.Popen(["nice", "-n", "19", *words],
                             stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(SETTLE_S)
        yield
    finally:
        told = flood.communicate()[0]
    if not rig.values(told).get("dropped"):
        raise rig.Failure("nobody was dropped: " + told)


def longest_wait(server, mode, clients):
    """The longest that a page takes over Gopher, in milliseconds."""
    with flooded(server, mode, clients, ROUND_S + 2 * SETTLE_S):
        return rig.load(server, "gopher", seconds=ROUND_S, clients=1,
                        expect=rig.PAGE_BYTES,
                        prefix=PROMPT)["worst_us"] / 1e3


def measure_floods(run):
    ours = run.shop.capsuled(selectors={"/page.gmi": "page.gmi",
                                        "/page.txt": "page.txt"},
                             server={"workers": 1})
    rows = []
    for mode, name in FLOODS.items():
        for clients in FLOODERS:
            rounds = []
            for i in range(ROUNDS[run.quick]):
                run.report.busy("beside %d who ask for %s: round %d of %d"
                                % (clients, name, i + 1, ROUNDS[run.quick]))
                rounds.append(longest_wait(ours, mode, clients))
            rows.append(("%d, %s" % (clients, name),
                         number(rig.median(rounds)), number(max(rounds))))
            run.report.goal("Gopher, the longest wait beside %d flooding with "
                            "%s (ms)" % (clients, name), max(rounds), "<=",
                            FLOOD_MS, number)
    run.report.text(
        "Milliseconds that the slowest page of a round takes over Gopher, for "
        "one client after the other, while so many others shake hands over "
        "TLS and then ask for new keys, or for another handshake, without end, "
        "and again when they are dropped; one worker; %d rounds."
        % ROUNDS[run.quick])
    run.report.table(("", "median of the rounds", "worst of all"), rows)
    run.shop.stop()


def section(run):
    run.report.heading("A small page beside greedy clients")
    path = lay_file(run.shop.root)
    ours = run.shop.capsuled(
        selectors={"/page.gmi": "page.gmi", "/page.txt": "page.txt",
                   "/large.bin": path.name},
        server={"workers": 2})
    targets = {"gemini": "gemini://%s/large.bin" % rig.HOST,
               "gopher": "/large.bin"}
    rows = []
    for protocol, target in targets.items():
        rounds = []
        for i in range(ROUNDS[run.quick]):
            run.report.busy("%s beside greedy clients: round %d of %d"
                            % (protocol, i + 1, ROUNDS[run.quick]))
            rounds.append(measure(ours, protocol, target))
        half, most = (rig.median([one[key] for one in rounds])
                      for key in ("p50", "p99"))
        rows.append((protocol.capitalize(), number(half), number(most)))
        run.report.goal("%s, a page beside %d downloads and %d handshakes, "
                        "99 of 100 (ms)" % (protocol.capitalize(), DOWNLOADS,
                                            HANDSHAKES),
                        most, "<=", LONGEST_MS[protocol], number)
    run.report.text(
        "Milliseconds until a page of %d bytes is there, for one client "
        "after the other, while %d others download files of %d MiB by the "
        "same protocol and %d take pages over new TLS connections, all "
        "without pause, on the same %d processors; two workers; medians of "
        "%d rounds." % (rig.PAGE_BYTES, DOWNLOADS, FILE_BYTES >> 20,
                        HANDSHAKES, os.cpu_count(), ROUNDS[run.quick]))
    run.report.table(("", "half of them", "99 of 100"), rows)
    run.shop.stop()
    measure_floods(run)
