"""A short soak; "make soak" is the long one."""
import os
import pathlib
import subprocess
import sys

import server

SOAK = pathlib.Path(__file__).resolve().parents[1] / "soak" / "soak.py"


def test_fifteen_seconds_of_everything_at_once_fail_nobody():
    got = subprocess.run([sys.executable, SOAK, "15"], capture_output=True,
                         text=True, timeout=120,
                         env={**os.environ, "CAPSULED": str(server.BINARY)})
    print(got.stdout)
    assert got.returncode == 0, got.stdout + got.stderr
