"""One fresh daemon per module where tests do not disturb each other, one per
test where they do; each with a folder and ports of its own."""
import http.server
import threading

import pytest

import balancer
import rich as everything
import server
from terminal import needs


def pytest_sessionstart(session):
    if not server.BINARY.exists():
        pytest.exit("%s: build it first, or set CAPSULED" % server.BINARY, 2)


@pytest.fixture(autouse=True)
def entered(request):
    """Whoever reads pages may enter a test's folder, as in a real place."""
    if "tmp_path" in request.fixturenames:
        server.let_in(request.getfixturevalue("tmp_path"))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The usual capsule, shared by the tests of a module."""
    with server.running(tmp_path_factory.mktemp("served")) as one:
        yield one


@pytest.fixture
def daemon(tmp_path):
    """Start daemons, each stopped and looked over after the test.

    daemon(text=..., prepare=...): prepare changes the content beforehand.
    """
    started = []

    def start(text=None, prepare=None, **how):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        server.write_capsule(folder / "root")
        if prepare is not None:
            prepare(folder / "root")
        one = server.Daemon(folder, server.conf() if text is None else text,
                            **how)
        started.append(one)
        return one

    yield start
    try:
        for one in started:
            if one.proc.poll() is None:
                one.stop()
            else:
                one.no_sanitizer_report()
    finally:
        for one in started:
            one.kill()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demonstration capsule, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("demo")
    with server.running(folder, server.demo_conf(folder)) as one:
        one.host = "localhost"  # what the demonstration is for
        yield one


@pytest.fixture
def haproxy(tmp_path):
    """Start haproxy in front of daemons; stopped after the test."""
    needs("haproxy")
    started = []

    def start(daemons, **how):
        folder = tmp_path / ("haproxy%d" % len(started))
        folder.mkdir()
        started.append(balancer.Loopback(folder, daemons, **how))
        return started[-1]

    yield start
    for one in started:
        one.stop()


class Page(http.server.BaseHTTPRequestHandler):
    """What links to the web lead to in these tests."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"You have reached the web.\n")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def web():
    """The address of a small web server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield "http://127.0.0.1:%d/page" % one.server_port
        one.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def rich(tmp_path_factory, web):
    """A capsule with one of everything, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("rich")
    with everything.serve(folder, web) as one:
        everything.name_ports(one)
        yield one


@pytest.fixture
def home(tmp_path):
    """A home folder for a client."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
