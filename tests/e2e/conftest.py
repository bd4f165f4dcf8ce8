"""One fresh daemon per module where tests do not disturb each other, one per
test where they do; each with a folder and ports of its own."""
import pytest

import server


def pytest_sessionstart(session):
    if not server.BINARY.exists():
        pytest.exit("%s: build it first, or set CAPSULED" % server.BINARY, 2)


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
