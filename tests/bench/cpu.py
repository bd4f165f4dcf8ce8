"""Section cpu: processor time of a visit, beside the least there can be."""
import os
import shutil

import rig
from report import number, times

CLIENTS = 8
MANY_PAGES = 100000
FEW_PAGES = 10
PAGES_A_STEP = 1000  # of what is told on the way
PAGES_ROUNDS = 3  # times as many: two that are nearly alike
YIELDING = ("chrt", "--idle", "0") if shutil.which("chrt") else ("nice", "-n",
                                                                 "19")


def lay_pages(root, count, busy):
    """count pages in root/p, each another one."""
    folder = root / "p"
    folder.mkdir(parents=True)
    for i in range(count):
        if i % PAGES_A_STEP == 0:
            busy("writing %d pages: %d" % (count, i))
        (folder / ("%d.gmi" % i)).write_text(rig.page(i))
    for path in (root, folder):
        os.chmod(path, 0o755)


class Subject:
    """A server and a way to visit it."""

    def __init__(self, server, protocol, name=None, **how):
        self.server, self.protocol, self.how = server, protocol, how
        self.name = name or server.name
        self.is_ours = isinstance(server, rig.Capsuled)

    def measure(self, seconds):
        workers = self.server.workers() if self.is_ours else []
        before = [rig.process_us(pid) for pid in workers]
        found = rig.load(self.server, self.protocol, seconds=seconds,
                         clients=CLIENTS, **self.how)
        spent = [rig.process_us(pid) - was
                 for pid, was in zip(workers, before)]
        # How evenly workers share: 1 is all the same.
        found["even"] = sum(spent) / len(spent) / max(spent) \
            if spent and max(spent) > 0 else 1.0
        found["tail"] = found["p99_us"] / max(found["p50_us"], 1.0)
        return found


def measure(run, what, subjects, more=1):
    """Rounds of all subjects, the first beside each of the others."""
    subjects = [s for s in subjects if s is not None]
    for subject in subjects:
        subject.measure(0.3)  # caches and free lists
    return rig.in_rounds(
        more * run.rounds, subjects, subjects[0],
        lambda s: s.measure(run.seconds),
        lambda at: run.report.busy("%s: round %d of %d" % (what, *at)))


def show(run, results):
    """The table of a protocol; {subject: ratio to the limit}."""
    ratio = rig.ratios(results, "cpu_us")
    columns = [rig.medians(results, key) for key in (
        "cpu_us", "rate", "p50_us", "p99_us", "received", "sent")]
    memory = {s: s.server.memory() for s in results}
    rows = []
    for s in results:
        cpu, rate, p50, p99, down, up = (column[s] for column in columns)
        rows.append((s.name, number(cpu), times(ratio[s]), number(rate),
                     "%.2f" % (p50 / 1e3), "%.2f" % (p99 / 1e3),
                     number(down, 4), number(up), number(
                         memory[s] / (1 << 20))))
    run.report.table(("server", "CPU us", "limit", "req/s", "p50 ms",
                      "p99 ms", "B down", "B up", "MiB"), rows)
    return ratio


def gemini(run, peers):
    shop = run.shop
    crt, key = shop.pair()
    page = shop.root / "page.gmi"
    best = Subject(shop.limit("the limit, best", "best", crt, key, page),
                   "gemini", expect=rig.PAGE_BYTES)
    plain = shop.limit("the limit, plain", "plain", crt, key, page, 1)
    ours = {}
    for kept in ("yes", "no"):
        for workers in (1, 2):
            name = "capsuled, %d worker%s%s" % (
                workers, "s" * (workers > 1),
                ", keys apart" if kept == "yes" else "")
            ours[kept, workers] = Subject(
                shop.capsuled(name, server={"workers": workers,
                                            "key_process": kept}),
                "gemini", expect=rig.PAGE_BYTES)
    again = Subject(ours["yes", 1].server, "gemini",
                    "  the same, resumed", resume=True)
    plain_again = Subject(plain, "gemini", "  the same, resumed", resume=True)
    molly = peers.start("molly-brown")
    subjects = [best, Subject(plain, "gemini"), plain_again, *ours.values(),
                again, molly and Subject(molly, "gemini"),
                molly and Subject(molly, "gemini", "  the same, resumed",
                                  resume=True)]
    results = measure(run, "Gemini", subjects)
    run.report.text(
        "Gemini: a fresh TLS 1.3 connection for each page of %d bytes, %d "
        "clients at once. CPU is microseconds a visit of all processes of "
        "the server; limit is the ratio to the cheapest server there can be "
        "(tests/bench/limit.c) right before; medians of %d rounds of %s s."
        % (rig.PAGE_BYTES, CLIENTS, run.rounds, number(run.seconds)))
    ratio = show(run, results)
    run.report.chart("CPU of a Gemini visit", "us, less is better",
                     [(s.name.strip() if s is not again else
                       "capsuled, 1 worker, resumed", cpu, s.is_ours)
                      for s, cpu in rig.medians(results, "cpu_us").items()
                      if s is not plain_again and not (
                          s.name.startswith("  ") and not s.is_ours)])
    goal = run.report.goal
    goal("Gemini, CPU of a full handshake to the limit, as configured by "
         "default", ratio[ours["yes", 1]], "<=", 1.30, times)
    goal("the same without a key process", ratio[ours["no", 1]], "<=", 1.20,
         times)
    tails(run, "Gemini", results, ours["yes", 2], best)
    scaling(run, "Gemini", results, ours["yes", 1], ours["yes", 2])
    shop.stop()


def tails(run, protocol, results, ours, base):
    tail = rig.medians(results, "tail")
    run.report.goal("%s, p99 to p50 at full load (the limit: %s)"
                    % (protocol, times(tail[base])), tail[ours], "<", 4,
                    times)


def scaling(run, protocol, results, one, two):
    """Two workers against one, by what a second of processor answers.

    Clients cost more than an answer does: on a small machine they are what
    is full, and workers that wait for them are woken again and again.  So
    these workers yield to clients whenever one can run: visits queue up, as
    they do for a server that is the one who is full.  Then the clients' part
    is left out: the time that a visit takes of the server is the same with
    two workers unless they are in each other's way.
    """
    full = {n: Subject(run.shop.capsuled(
        "%d at full load" % n, server={"workers": n},
        prefix=YIELDING), protocol.lower(), **one.how) for n in (1, 2)}
    found = measure(run, "%s, full" % protocol, [full[1], full[2]])
    pure = 2 / rig.ratios(found, "cpu_us")[full[2]]
    even = rig.medians(found, "even")[full[2]]
    raw = rig.median([b["rate"] / a["rate"] for a, b in
                      zip(results[one], results[two])])
    run.report.text(
        "%s, 2 workers against 1: %s visits for the processor time of one "
        "worker each, at full load; in the table above, %s visits a second, "
        "with %d clients on the same %d processors. The less busy worker "
        "did %.0f %% of its share."
        % (protocol, times(pure), times(raw), CLIENTS, os.cpu_count(),
           100 * (2 * even - 1) / even))
    run.report.goal("%s, 2 workers to 1, clients' cost taken out" % protocol,
                    pure, ">=", 1.8, times)
    run.shop.stop(*(subject.server for subject in full.values()))


def gopher(run, peers):
    shop = run.shop
    base = Subject(shop.limit("the limit", "gopher", shop.root / "page.txt"),
                   "gopher", expect=rig.PAGE_BYTES)
    ours = {n: Subject(shop.capsuled(
        "capsuled, %d worker%s" % (n, "s" * (n > 1)), server={"workers": n}),
        "gopher", expect=rig.PAGE_BYTES) for n in (1, 2)}
    others = [peers.start(name) for name in ("gophernicus", "pygopherd")]
    results = measure(run, "Gopher", [
        base, *ours.values(),
        *(Subject(server, "gopher") for server in others if server)])
    run.report.text(
        "Gopher: a text of %d bytes. gophernicus is started for each visit "
        "by tests/bench/inetd.c, as inetd would; that is in its figures."
        % rig.PAGE_BYTES)
    ratio = show(run, results)
    run.report.chart("CPU of a Gopher visit", "us, less is better",
                     [(s.name, cpu, s.is_ours) for s, cpu
                      in rig.medians(results, "cpu_us").items()])
    run.report.goal("Gopher, CPU of a visit to the limit", ratio[ours[1]],
                    "<=", 1.5, times)
    tails(run, "Gopher", results, ours[2], base)
    scaling(run, "Gopher", results, ours[1], ours[2])
    shop.stop()


def pages(run):
    """Does a large capsule cost more than a small one?"""
    few_root = run.folder / "few"
    lay_pages(few_root, FEW_PAGES, run.report.busy)
    roots = {FEW_PAGES: few_root, MANY_PAGES: run.many_pages()}
    daemons = {n: run.shop.capsuled("%d pages" % n, root=root,
                                    selectors={"/p/": "p/"})
               for n, root in roots.items()}
    rows = []
    for protocol, url in (("gemini", "gemini://%s/p/#.gmi" % rig.HOST),
                          ("gopher", "/p/#.gmi")):
        subjects = {n: Subject(one, protocol, url=url, pages=n)
                    for n, one in daemons.items()}
        results = measure(run, "%d pages, %s" % (MANY_PAGES, protocol),
                          list(subjects.values()), PAGES_ROUNDS)
        few, many = (subjects[n] for n in (FEW_PAGES, MANY_PAGES))
        cpu = rig.medians(results, "cpu_us")
        ratio = rig.ratios(results, "cpu_us")[many]
        rows.append((protocol.capitalize(), number(cpu[few]),
                     number(cpu[many]), times(ratio)))
        run.report.goal("%s, CPU with 100,000 pages to that with 10"
                        % protocol.capitalize(), ratio, "<=", 1.05, times)
    run.report.text("A page picked at random out of many, each of %d bytes: "
                    "CPU in microseconds a visit." % rig.PAGE_BYTES)
    run.report.table(("", "10 pages", "100,000 pages", "ratio"), rows)
    run.shop.stop()


def section(run):
    run.report.heading("Processor time")
    gemini(run, run.peers)
    gopher(run, run.peers)
    pages(run)
