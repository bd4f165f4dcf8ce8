"""What people do with a Gemini client, done with Amfora, Bombadillo, Elpher,
OpenSSL's and GnuTLS's: what they see is what was meant.

When a test fails, the screens that led there are in its output.
"""
import pytest

from programs import Amfora, Bombadillo, elpher, run, told
from rich import A, B, IDN, PUNYCODE
from server import wait_for
from terminal import needs

TOP = "The rich capsule"
HEADING = "# Institute of Public Management"


def address(rich, path="/", host="localhost"):
    return "gemini://%s:%d%s" % (host, rich.gemini, path)


# -- Amfora --


def test_amfora_follows_links_and_reads_a_text(rich, home):
    with Amfora(home, address(rich)) as t:
        t.wait(TOP, "caf\u00e9 and c\u0153ur and \u20ac")
        t.open("The history", "History", "marmalade")
        t.open("Home", TOP)
        t.open("A text to read", "first line", ".. two dots", "last line")


def test_amfora_searches_and_follows_a_result(rich, home):
    with Amfora(home, address(rich)) as t:
        t.open("Look for words", "Words to search for")
        t.type("marmalade")
        t.keys("Enter")
        t.wait("marmalade")
        t.keys("Enter")
        t.wait("One page found")
        t.open("History", "1996 was the first year")


def test_amfora_is_led_on_by_both_kinds_of_redirect(rich, home):
    with Amfora(home, address(rich)) as t:
        for label in ("An old address", "For now elsewhere"):
            t.open(label, "redirect")
            t.keys("Enter")
            t.wait("marmalade")
            t.open("Home", TOP)


def test_amfora_says_why_there_is_no_page(rich, home):
    with Amfora(home, address(rich)) as t:
        for label, why in (("Withdrawn long ago", "Gone"),
                           ("Never there", "Not Found"),
                           ("Members only", "Client Certificate Required")):
            t.open(label, why)
            t.keys("Enter")
            t.wait(TOP, without=[why])


def test_amfora_shows_a_certificate_and_is_let_in(rich, home):
    needs("openssl")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=me",
        "-keyout", home / "me.key", "-out", home / "me.crt")
    (home / "amfora").mkdir()
    host = "localhost:%d" % rich.gemini
    (home / "amfora" / "config.toml").write_text(
        "[auth.certs]\n'%s' = '%s'\n[auth.keys]\n'%s' = '%s'\n" % (
            host, home / "me.crt", host, home / "me.key"))
    with Amfora(home, address(rich, "/members/")) as t:
        t.wait("Welcome among the members")


def test_amfora_takes_the_feed_for_one(rich, home):
    with Amfora(home, address(rich)) as t:
        t.open("The feed", "subscribe", "Yes")
        t.keys("Enter")
        t.wait(TOP, without=["subscribe"])
        t.go("about:subscriptions", "Jan 31, 2026", "A winter day",
             "Feb 29, 2024", "A leap day")


def test_amfora_sees_each_capsule_under_its_name(rich, home):
    with Amfora(home, address(rich, host=A), names=(A, B, PUNYCODE)) as t:
        t.wait(TOP)
        t.go(address(rich, host=B), "Capsule B", "Home of B")
        t.go(address(rich, host=IDN), "Capsule IDN", "Home of books")


def test_amfora_shows_a_gophermap_as_written(rich, home):
    with Amfora(home, address(rich, "/hall")) as t:
        shown = t.wait("The hall", "Welcome to the hall", "To the history",
                       "=> /history is no link here")
        assert "a comment" not in shown
        t.open("To the history", "marmalade")


# -- Bombadillo --


def test_bombadillo_follows_links_and_reads_a_text(rich, home):
    with Bombadillo(home, address(rich)) as t:
        t.wait(TOP)
        t.open("The history", "marmalade")
        t.open("Home", TOP)
        t.open("A text to read", "first line", "last line")


def test_bombadillo_searches_and_follows_a_result(rich, home):
    with Bombadillo(home, address(rich)) as t:
        t.open("Look for words", "Words to search for")
        t.type("marmalade")
        t.keys("Enter")
        t.wait("One page found")
        t.open("History", "1996 was the first year")


def test_bombadillo_is_told_why_there_is_no_page(rich, home):
    with Bombadillo(home, address(rich)) as t:
        t.wait(TOP)
        t.open("Withdrawn long ago", "[5]", "one")
        t.open("Never there", "[5] Permanent Failure. Not found")
        t.open("Members only", "[6] Client Certificate Required")
        t.open("For now elsewhere", "Follow redirect")
        t.type("y")
        t.keys("Enter")
        t.wait("marmalade")


# -- Elpher --


def test_elpher_walks_through_everything(rich, home):
    """One session: to start Emacs takes longer than all the rest."""
    pages = elpher(
        home, "go", address(rich), "follow", "The history",
        "follow", "Home", "follow", "A text to read",
        "go", address(rich), "answer", "marmalade",
        "follow", "Look for words", "follow", "History",
        "go", address(rich, "/old"), "go", address(rich, "/soon"),
        "go", address(rich, "/gone"), "go", address(rich, "/missing"),
        "go", address(rich, "/hall"))
    (top, history, home_again, text, _, found, result, old, soon, gone,
     missing, hall) = pages
    assert TOP in top and "caf\u00e9 and c\u0153ur" in top
    for page in (history, result, old, soon):
        assert "1996 was the first year of marmalade" in page
    assert TOP in home_again
    assert "first line" in text and "last line" in text
    assert "One page found" in found
    assert "52 " in gone and "ERROR" in gone
    assert "51 " in missing and "ERROR" in missing
    assert "Welcome to the hall" in hall and "a comment" not in hall


def test_elpher_makes_a_certificate_and_is_let_in(rich, home):
    needs("openssl")
    members, = elpher(home, "choose", "throwaway",
                      "go", address(rich, "/members/"))
    assert "Welcome among the members" in members


def test_elpher_sees_each_capsule_under_its_name(rich, home):
    b, idn = elpher(home, "go", address(rich, host=B),
                    "go", address(rich, host=PUNYCODE),
                    names=(B, PUNYCODE))
    assert "Capsule B" in b
    assert "Capsule IDN" in idn


# -- resumption --


def s_client(demo, *options):
    needs("openssl")
    return run("openssl", "s_client", "-connect",
               "127.0.0.1:%d" % demo.gemini, "-servername", demo.host,
               "-ign_eof", *options, text=address(demo).encode() + b"\r\n")


def n_resumed(demo):
    return sum(one["resumed"] == "1" for one in demo.accesses())


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_resumes_its_session(demo, home, version):
    kept = home / "session"
    before = n_resumed(demo)
    first = told("first", s_client(demo, version, "-sess_out", kept))
    again = told("again", s_client(demo, version, "-sess_in", kept))
    assert "\nNew, TLS" in first and "\nReused, TLS" not in first
    assert "\nReused, TLS" in again
    assert HEADING in first and HEADING in again
    wait_for("the log", lambda: n_resumed(demo) == before + 1)


def test_gnutls_resumes_its_session(demo):
    needs("gnutls-cli")
    got = told("gnutls-cli", run(
        # Of 1.3, it asks nothing the first time, and a ticket comes with
        # an answer.
        "gnutls-cli", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2",
        "--resume", "--insecure",
        "--port", demo.gemini, demo.host,
        text=address(demo).encode() + b"\r\n"))
    assert "This is a resumed session" in got
    assert HEADING in got
