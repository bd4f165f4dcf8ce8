"""Short soaks; "make soak" has the long ones."""
import os
import pathlib
import subprocess
import sys

import server

SOAK = pathlib.Path(__file__).resolve().parents[1] / "soak"


def run(program, argument):
    got = subprocess.run([sys.executable, SOAK / program, argument],
                         capture_output=True, text=True, timeout=300,
                         env={**os.environ, "CAPSULED": str(server.BINARY)})
    print(got.stdout)
    assert got.returncode == 0, got.stdout + got.stderr


def test_fifteen_seconds_of_everything_at_once_fail_nobody():
    run("soak.py", "15")


def test_twenty_kills_of_content_and_search_lose_no_edit_and_spoil_no_page():
    run("kills.py", "20")
