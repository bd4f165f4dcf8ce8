"""capsulectl under test: run it, and read what it says."""
import json
import os
import subprocess

import server

BINARY = server.BINARY.parent / "capsulectl"


def ctl(*words, timeout=60, env=None, **popen):
    """Run capsulectl to its end; stdout and stderr are text."""
    done = run(*words, timeout=timeout, env=env, **popen)
    done.stdout = done.stdout.decode("utf-8")
    done.stderr = done.stderr.decode("utf-8", "backslashreplace")
    assert "Sanitizer" not in done.stderr, done.stderr
    assert "runtime error:" not in done.stderr, done.stderr
    return done


def run(*words, timeout=60, env=None, **popen):
    """The same with bytes as they came."""
    return subprocess.run([BINARY, *map(str, words)],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=timeout, env=dict(os.environ, **env or {}),
                          **popen)


def as_json(*words, status=0, **how):
    done = ctl(*words, **how)
    assert done.returncode == status, (done.returncode, done.stderr)
    return json.loads(done.stdout)
