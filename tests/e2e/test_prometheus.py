"""A real Prometheus scrapes the counts, and its own tool finds no fault."""
import http.client
import json
import socket
import subprocess
import urllib.parse

import pytest

from client import gemini, gopher, url
from server import conf, wait_for

pytestmark = pytest.mark.slow
PATIENCE = 60  # seconds for Prometheus to start and scrape twice

SCRAPE = """\
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: capsuled
    static_configs:
      - targets: ["127.0.0.1:%d"]
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path):
    one = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        one.request("GET", path)
        answer = one.getresponse()
        return answer.status, answer.read().decode("utf-8")
    finally:
        one.close()


class Prometheus:
    def __init__(self, folder, target):
        (folder / "prometheus.yml").write_text(SCRAPE % target)
        self.port = free_port()
        self.log = open(folder / "prometheus.log", "w+b")
        self.proc = subprocess.Popen(
            ["prometheus", "--config.file=%s" % (folder / "prometheus.yml"),
             "--storage.tsdb.path=%s" % (folder / "data"),
             "--web.listen-address=127.0.0.1:%d" % self.port],
            stdout=self.log, stderr=subprocess.STDOUT)

    def value(self, query):
        """What an expression gives now; None while it gives nothing."""
        path = "/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            status, text = get(self.port, path)
        except OSError:
            assert self.proc.poll() is None, self.told()
            return None
        if status != 200:
            return None
        result = json.loads(text)["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def told(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def stop(self):
        self.proc.terminate()
        self.proc.wait(30)
        self.log.close()


@pytest.fixture
def measured(daemon):
    return daemon(conf(server={"workers": "2"},
                       metrics={"listen": "127.0.0.1:0"}))


def test_prometheus_reads_what_was_served(measured, tmp_path):
    d = measured
    for _ in range(7):
        assert gemini(d.gemini, url("/history")).status == 20
    for _ in range(3):
        gopher(d.gopher, b"/none\r\n")
    p = Prometheus(tmp_path, d.metrics)
    try:
        wait_for("the first scrape", lambda: p.value("up") == 1, PATIENCE)
        assert p.value('capsuled_requests_total{protocol="gemini",'
                       'status="20"}') == 7
        assert p.value('sum(capsuled_requests_total{protocol="gopher"})') == 3
        assert p.value("capsuled_workers") == 2
        assert p.value("capsuled_certificate_expiry_seconds") > 86400
        # A histogram that Prometheus can make quantiles of.
        gemini(d.gemini, url("/history"))
        wait_for("a second scrape", lambda: p.value(
            'capsuled_requests_total{protocol="gemini",status="20"}') == 8,
            PATIENCE)
        assert 0 < p.value(
            "histogram_quantile(0.5, capsuled_request_duration_seconds_bucket"
            '{protocol="gemini"})') < 30
        d.reload()
        d.workers = d.children()
        d.key_process = d.key_processes()
        wait_for("the reload", lambda: p.value(
            'capsuled_reloads_total{result="done"}') == 1, PATIENCE)
        assert p.value("min_over_time(up[1m])") == 1, "a scrape failed"
    finally:
        p.stop()


def test_promtool_finds_nothing_to_blame(measured):
    gemini(measured.gemini, url("/history"))
    _, page = get(measured.metrics, "/metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=page,
                          text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), page
