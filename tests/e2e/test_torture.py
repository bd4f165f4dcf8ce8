"""What the public torture test for Gemini servers looks at, check by check.

Each promise here stands for one of its checks, made again from the
specification and asked of our own daemon, so that a release never meets that
test unprepared.
"""
import concurrent.futures
import datetime
import socket
import ssl
import time

import pytest

import server
from client import (ANY, HOST, Plain, Reply, Tls, connect, context, gemini,
                    url)


def home(served, **how):
    return gemini(served.gemini, url("/"), **how)


def refused(served, line, *statuses):
    """The line gets one of these statuses, a clean end and no body."""
    got = gemini(served.gemini, line)
    assert got.status in statuses, repr(got)
    assert got.clean, repr(got)


# -- the network --


def test_an_ipv4_address_is_served(served):
    assert home(served, address="127.0.0.1").status == 20


@pytest.mark.skipif(not server.IPV6, reason="this machine has no IPv6")
def test_an_ipv6_address_is_served(served):
    assert gemini(served.gemini6, url("/"), address="::1").status == 20


def test_many_connections_are_open_at_once(served):
    """None of them, half way through its request, holds up another."""
    line = url("/").encode() + b"\r\n"
    waiting = [Tls(served.gemini) for _ in range(12)]
    for c in waiting:
        c.send(line[:10])
    assert home(served).status == 20
    for c in reversed(waiting):
        c.send(line[10:])
    for c in waiting:
        assert Reply(c.read_all()).clean
        c.sock.close()


def test_answers_come_side_by_side(served):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: home(served), range(24)))
    assert all(g.status == 20 and g.clean for g in got)


# -- TLS --


@pytest.mark.parametrize("version, name", [
    (ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")])
def test_tls_is_1_2_or_newer(served, version, name):
    with Tls(served.gemini, ctx=context(version, version)) as c:
        assert c.tls.version() == name


def trusting(served):
    """A client that believes in the daemon's certificate and checks it."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.load_verify_locations(served.folder / "capsule.crt")
    return ctx


@pytest.mark.parametrize("name", [HOST, "www.example.org", "localhost"])
def test_the_certificate_is_valid_now_and_for_the_name(served, name):
    with Tls(served.gemini, name=name, ctx=trusting(served)) as c:
        cert = c.tls.getpeercert()
    for field, sign in (("notBefore", 1), ("notAfter", -1)):
        moment = ssl.cert_time_to_seconds(cert[field])
        assert sign * (time.time() - moment) >= 0, cert
    assert ("DNS", name) in cert["subjectAltName"]


def test_the_certificate_is_for_no_other_name(served):
    with pytest.raises(ssl.SSLCertVerificationError):
        Tls(served.gemini, name="elsewhere.example", ctx=trusting(served))


def test_the_certificate_lasts_for_years(served):
    with Tls(served.gemini, ctx=trusting(served)) as c:
        cert = c.tls.getpeercert()
    end = ssl.cert_time_to_seconds(cert["notAfter"])
    years = datetime.timedelta(seconds=end - time.time()).days / 365
    assert years > 10, cert


@pytest.mark.parametrize("line", [
    url("/").encode() + b"\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 600])
def test_without_tls_there_is_no_answer(served, line):
    with Plain(served.gemini) as c:
        c.send(line)
        got = c.read_all()
    assert got.data == b""
    assert got.end in ("fin", "reset")


def test_the_connection_ends_with_close_notify(served):
    got = home(served)
    assert got.notified and got.end == "fin"


def test_the_ssl_module_sees_no_ragged_end(served):
    """The same once more with the library that most scripts use."""
    with connect(served.gemini) as raw:
        with ANY.wrap_socket(raw, server_hostname=HOST,
                             suppress_ragged_eofs=False) as c:
            c.sendall(url("/").encode() + b"\r\n")
            data = b""
            while piece := c.recv(4096):
                data += piece
            assert data.startswith(b"20 ")
            assert c.unwrap() is not None


def test_a_byte_at_a_time_is_as_good_as_a_line(served):
    with connect(served.gemini) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with ANY.wrap_socket(raw, server_hostname=HOST,
                             suppress_ragged_eofs=False) as c:
            for byte in url("/").encode() + b"\r\n":
                c.sendall(bytes([byte]))
            assert c.recv(3) == b"20 "
            while c.recv(4096):
                pass


# -- the response --


def test_the_header_has_two_digits_a_blank_and_crlf(served):
    header = home(served).header
    assert header[:2].isdigit()
    assert header[2:3] == b" "
    assert header[3:4] != b" "
    assert header.endswith(b"\r\n")


def test_the_home_page_is_gemtext_and_not_empty(served):
    got = home(served)
    assert (got.status, got.mime) == (20, "text/gemini")
    assert got.body.strip() != b""


def test_the_home_page_ends_its_lines_in_one_way(served):
    body = home(served).body
    assert b"\r" not in body.replace(b"\r\n", b"")
    assert body.count(b"\r\n") in (0, body.count(b"\n"))


def test_the_home_page_needs_no_slash_and_no_redirect(served):
    bare, slash = gemini(served.gemini, "gemini://" + HOST), home(served)
    assert bare.data == slash.data


def test_a_missing_page_is_51_and_has_no_body(served):
    got = gemini(served.gemini, url("/09pdsakjo73hjn12id78"))
    assert got.status == 51
    assert got.body == b"" and got.data.endswith(b"\r\n")


# -- the request --


def test_a_line_without_its_carriage_return_gets_no_answer(served):
    with Tls(served.gemini) as c:
        c.send(url("/").encode() + b"\n")
        got = c.read_all(1.2)
    assert got.data == b""


def test_the_url_may_name_its_port(served):
    line = "gemini://%s:%d/" % (HOST, served.gemini)
    assert gemini(served.gemini, line).status == 20


def test_a_missing_scheme_is_refused(served):
    refused(served, "//%s/" % HOST, 59)


def test_another_port_is_refused(served):
    refused(served, "gemini://%s:443/" % HOST, 53)


def test_another_host_is_refused(served):
    refused(served, "gemini://wikipedia.org/", 53)


@pytest.mark.parametrize("scheme", ["http", "https", "gopher"])
def test_another_scheme_is_refused(served, scheme):
    refused(served, "%s://%s/" % (scheme, HOST), 53)


def test_an_address_in_place_of_the_host_is_refused(served):
    refused(served, "gemini://127.0.0.1:%d/" % served.gemini, 53)


def test_a_relative_url_is_refused(served):
    refused(served, "/", 59)
    refused(served, "home", 59)


def test_what_is_no_url_is_refused(served):
    refused(served, "Hello Gemini!", 59)


def test_an_empty_line_is_refused(served):
    refused(served, "", 59)


def test_a_byte_that_no_utf_8_holds_is_refused(served):
    refused(served, url("/").encode() + b"\xdc", 59)


def test_the_longest_url_is_answered(served):
    base = url("/")
    got = gemini(served.gemini, base + "0" * (1024 - len(base)))
    assert got.status == 51 and got.clean


def test_a_longer_url_is_refused(served):
    base = url("/")
    refused(served, base + "0" * (1025 - len(base)), 59)


def test_nothing_lies_above_the_root(served):
    refused(served, url("/../../"), *range(50, 60))
    refused(served, url("/../../../../../../etc/passwd"), *range(50, 60))
    refused(served, url("/%2e%2e/%2e%2e/"), *range(50, 60))


def test_a_user_in_the_url_is_refused(served):
    refused(served, "gemini://user@%s/" % HOST, 59)
