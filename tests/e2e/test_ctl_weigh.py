"""capsulectl weigh and a wire: bytes counted on real connections."""
import re
import ssl
import subprocess

import pytest

import client
import server
from client import HOST, Tls
from ctl import as_json, ctl

SSL_OP_TLSEXT_PADDING = 0x10  # of openssl/ssl.h
EXACT = 0.01  # what the model may be wrong by


class Counted(Tls):
    """A TLS client that knows what it sent, its hello apart."""

    def __init__(self, *args, **how):
        self.up = self.hello_bytes = 0
        super().__init__(*args, **how)

    def flush(self):
        if self.outward.pending:
            data = self.outward.read()
            self.hello_bytes = self.hello_bytes or len(data)
            self.up += len(data)
            self.sock.sendall(data)

    def send(self, data):
        sealed = self.seal(data)
        self.up += len(sealed)
        self.sock.sendall(sealed)


class Visit:
    def __init__(self, port, path, session=None):
        ctx = client.context(minimum=ssl.TLSVersion.TLSv1_3)
        # A session goes with the context that it was made in.
        ctx = session[0] if session else ctx
        with Counted(port, ctx=ctx,
                     session=session[1] if session else None) as c:
            c.send(client.url(path).encode() + b"\r\n")
            self.got = c.read_all()
            assert self.got.clean
            self.session = ctx, c.tls.session
            self.resumed = c.tls.session_reused
            self.down = self.got.wire
            # In time or not, it is sent.
            self.up = c.up + len(c.close_notify())
            self.hello = c.hello_bytes


def near(told, counted):
    return abs(told - counted) <= EXACT * counted


@pytest.fixture(scope="module")
def pages(served):
    """What weigh tells of the usual capsule, by selector."""
    told = as_json("-c", served.path, "weigh", "--all", "--json")
    assert told["certificate_exists"]
    return told, {p["selector"]: p for p in told["pages"]}


PATHS = ["/history", "/", "/plain.txt", "/data.bin", "/big.bin", "/files/"]


@pytest.mark.parametrize("path", PATHS)
def test_a_first_visit_costs_what_is_told(served, pages, path):
    told, by_selector = pages
    visit = Visit(served.gemini, path)
    first = by_selector[path]["first"]
    assert near(first["down"], visit.down), (first, visit.down)
    # Clients say hello in their own ways; all the rest is reckoned.
    up = first["up"] - told["client_hello"]
    assert near(up, visit.up - visit.hello), (first, visit.up)


@pytest.mark.parametrize("path", PATHS)
def test_a_returning_visit_costs_what_is_told(served, pages, path):
    told, by_selector = pages
    session = Visit(served.gemini, "/").session
    visit = Visit(served.gemini, path, session)
    assert visit.resumed
    again = by_selector[path]["again"]
    assert near(again["down"], visit.down), (again, visit.down)
    # The ticket that it brings back is part of the hello.
    ticket = again["up"] - by_selector[path]["first"]["up"]
    up = again["up"] - told["client_hello"] - ticket
    assert near(up, visit.up - visit.hello), (again, visit.up)
    assert ticket == 47 + 32  # a binder and an id


def test_the_hello_is_that_of_the_openssl_it_was_measured_with(served, pages):
    version = re.match(r"OpenSSL 3\.0\.", ssl.OPENSSL_VERSION)
    ctx = client.context()
    ctx.options &= ~SSL_OP_TLSEXT_PADDING  # Python's choice
    c = Counted(served.gemini, ctx=ctx, handshake=False)
    hello = len(c.hello())
    c.sock.close()
    if version:
        assert near(pages[0]["client_hello"], hello)
    else:  # newer ones bring keys against quantum computers, or fewer suites
        assert 200 < hello < 2000


def test_a_visit_over_gopher_costs_what_is_told(served, pages):
    for path in PATHS:
        told = pages[1][path]["gopher"]
        got = client.gopher(served.gopher, path.encode() + b"\r\n")
        assert told["up"] == len(path) + 2
        # Menus name a port, which the kernel chose for the daemon.
        got = got.replace(b"\t%d\r\n" % served.gopher, b"\t70\r\n")
        assert told["down"] == len(got), path


def test_sealed_tickets_are_weighed_in_both_directions(tmp_path):
    with server.running(tmp_path, server.conf(tls={"tickets": "sealed"})) \
            as one:
        told = as_json("-c", one.path, "weigh", "--json")
        page = {p["selector"]: p for p in told["pages"]}["/history"]
        first = Visit(one.gemini, "/history")
        again = Visit(one.gemini, "/history", first.session)
        assert again.resumed
        assert near(page["first"]["down"], first.down)
        assert near(page["again"]["down"], again.down)
        assert 200 < page["again"]["up"] - page["first"]["up"] < 300


def test_without_tickets_each_visit_is_like_the_first(tmp_path):
    with server.running(tmp_path, server.conf(tls={"tickets": "none"})) as one:
        told = as_json("-c", one.path, "weigh", "--json")
        page = {p["selector"]: p for p in told["pages"]}["/history"]
        visit = Visit(one.gemini, "/history")
        assert near(page["first"]["down"], visit.down)
        assert page["again"] == page["first"]


def test_where_certificates_are_asked_for_each_visit_is_like_the_first(
        tmp_path):
    text = server.conf() + "[access]\n/fr/* = any\n"
    with server.running(tmp_path, text) as one:
        told = as_json("-c", one.path, "weigh", "--json")
        page = {p["selector"]: p for p in told["pages"]}["/history"]
        visit = Visit(one.gemini, "/history")
        assert near(page["first"]["down"], visit.down)
        assert near(page["first"]["up"] - told["client_hello"],
                    visit.up - visit.hello)
        assert page["again"] == page["first"]


@pytest.mark.parametrize("key", ["rsa:2048", "ec:secp384r1", "chain"])
def test_certificates_of_other_kinds_are_weighed_as_they_are(tmp_path, key):
    """An authority's chain, another curve, RSA: the file says it."""
    crt, pem = tmp_path / "capsule.crt", tmp_path / "capsule.key"
    kind = {"rsa:2048": ["-newkey", "rsa:2048"],
            "ec:secp384r1": ["-newkey", "ec", "-pkeyopt",
                             "ec_paramgen_curve:secp384r1"]}
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-subj",
                    "/CN=" + HOST, "-days", "9", "-keyout", pem, "-out", crt,
                    *kind.get(key, kind["rsa:2048"])],
                   check=True, capture_output=True)
    pem.chmod(0o600)
    if key == "chain":
        # What follows the first is sent as it stands there.
        crt.write_text(crt.read_text() * 2)
    with server.running(tmp_path, server.conf()) as one:
        told = as_json("-c", one.path, "weigh", "--json")
        page = {p["selector"]: p for p in told["pages"]}["/history"]
        visit = Visit(one.gemini, "/history")
        assert near(page["first"]["down"], visit.down)


def test_without_a_certificate_the_one_to_be_made_is_reckoned_with(tmp_path):
    server.write_capsule(tmp_path / "root")
    conf = tmp_path / "x.ini"
    conf.write_text(server.conf())
    before = as_json("-c", conf, "weigh", "--json")
    assert not before["certificate_exists"]
    assert ctl("-c", conf, "cert", "new").returncode == 0
    after = as_json("-c", conf, "weigh", "--json")
    assert after["certificate_exists"]
    assert abs(before["certificate"] - after["certificate"]) <= 8


def test_pages_of_several_capsules_are_told_apart(tmp_path):
    server.write_capsule(tmp_path / "root")
    conf = tmp_path / "x.ini"
    one = "[capsule]\nroot = root\n[selectors]\n/ = index.gmi\n"
    conf.write_text(one)
    assert re.search(r"^/ +\d+", ctl("-c", conf, "weigh").stdout, re.M)
    conf.write_text(one + "[capsule fr]\nroot = root\n"
                    "hostname = fr.example.org\n"
                    "[selectors fr]\n/ = fr/page.gmi\n")
    table = ctl("-c", conf, "weigh").stdout
    for name in ("localhost/", "fr.example.org/"):
        assert re.search(r"^%s +\d+" % re.escape(name), table, re.M), table
    told = as_json("-c", conf, "weigh", "--json")["pages"]
    assert {p["host"] for p in told} == {"localhost", "fr.example.org"}


def test_the_heaviest_page_comes_first(served):
    told = as_json("-c", served.path, "weigh", "--all", "--json")["pages"]
    weights = [p["first"]["down"] + p["first"]["up"] for p in told]
    assert weights == sorted(weights, reverse=True)
    assert told[0]["selector"] == "/big.bin"
    top = as_json("-c", served.path, "weigh", "--all", "--json", "--top", "2")
    assert top["pages"] == told[:2]


def test_pages_alone_are_weighed_unless_all_is_asked_for(served):
    told = {p["selector"]
            for p in as_json("-c", served.path, "weigh", "--json")["pages"]}
    assert {"/", "/history", "/files/", "/hall"} <= told
    assert not told & {"/plain.txt", "/pixel.png", "/big.bin", "/old"}


def test_slower_lines_take_longer(served):
    for page in as_json("-c", served.path, "weigh", "--json")["pages"]:
        for visit in ("first", "again", "gopher"):
            seconds = page[visit]["seconds"]
            assert seconds["56k"] < seconds["9600"], page
            # At the least, what the bytes alone take.
            bits = 8 * (page[visit]["down"] + page[visit]["up"])
            assert seconds["9600"] > bits / 9600


def test_the_table_is_aligned_by_display_columns(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    names = ["a", "\u00e9t\u00e9-\u0153uvre", "\u65e5\u672c\u8a9e",
             "cafe\u0301"]
    for name in names:
        (root / (name + ".gmi")).write_text("# %s\n" % name)
    conf = tmp_path / "x.ini"
    conf.write_text("[capsule]\nroot = root\n[selectors]\n" + "".join(
        "/%s = %s.gmi\n" % (n, n) for n in names))
    done = ctl("-c", conf, "weigh")
    assert done.returncode == 0
    ends = set()
    for line in done.stdout.split("\n\n")[0].splitlines():
        width = 0
        for c in line[:line.rindex(" s ") + 2 if " s " in line else None]:
            if c == "\u0301":
                continue
            width += 2 if ord(c) > 0x3000 else 1
        ends.add(width)
        assert line == line.rstrip()
    assert len(ends) == 1, done.stdout


def test_bars_are_drawn_as_long_as_pages_are_heavy(served):
    for locale, mark in (("C", "#"), ("C.UTF-8", "\u2588")):
        done = ctl("-c", served.path, "weigh", "--all",
                   env={"LC_ALL": locale})
        lines = done.stdout.split("\n\n")[0].splitlines()[1:]
        bars = [len(re.search("%s*.?$" % mark, line)[0]) for line in lines]
        assert bars == sorted(bars, reverse=True)
        assert bars[0] >= 8
