"""What the benchmarks say of themselves holds: their tools and arithmetic."""
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

import server

BENCH = server.ROOT / "tests/bench"
sys.path.insert(0, str(BENCH))

import memory  # noqa: E402
import report  # noqa: E402
import rig  # noqa: E402
import slow  # noqa: E402
import wire  # noqa: E402

FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-O1"]


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """The tools, built where the benchmarks find them."""
    folder = tmp_path_factory.mktemp("tools")
    for name in ("load", "visit", "limit", "inetd"):
        sources = [BENCH / (name + ".c")]
        if name in ("load", "visit"):
            sources.append(BENCH / "dial.c")
        subprocess.run(["cc", *FLAGS, "-o", folder / name, *sources, "-lssl",
                        "-lcrypto"], check=True)
    rig.TOOLS = folder
    return folder


@pytest.fixture
def shop(tools, tmp_path):
    rig.BUILD = server.BINARY.parent
    server.let_in(tmp_path)
    made = rig.Workshop(tmp_path / "shop")
    server.let_in(tmp_path)
    yield made
    made.close()


def test_load_counts_visits_of_both_protocols(shop):
    one = shop.capsuled()
    for protocol in ("gemini", "gopher"):
        got = rig.load(one, protocol, visits=50, clients=2,
                       expect=rig.PAGE_BYTES)
        assert (got["ok"], got["bad"], got["cut"]) == (50, 0, 0)
        assert got["p50_us"] <= got["p99_us"] <= got["worst_us"]


def test_load_resumes_when_asked_and_only_then(shop):
    one = shop.capsuled()
    assert rig.load(one, "gemini", visits=20, clients=1)["resumed"] == 0
    again = rig.load(one, "gemini", visits=20, clients=1, resume=True)
    assert (again["ok"], again["resumed"]) == (20, 20)


def test_load_tells_of_a_body_that_is_too_short(shop):
    one = shop.capsuled()
    with pytest.raises(rig.Failure, match="bad_body=5"):
        rig.load(one, "gopher", visits=5, clients=1,
                 expect=rig.PAGE_BYTES + 1)


def test_held_connections_are_counted_to_the_end(shop):
    one = shop.capsuled()
    for kind in ("tls", "tcp"):
        assert memory.hold(one, kind, one.gemini, 50) < 1 << 20


def test_held_connections_that_ended_are_not_alive(shop):
    one = shop.limit("limit", "gopher", shop.root / "page.txt")
    with subprocess.Popen([rig.TOOLS / "load", "hold-tcp", "-n", "50", "-p",
                           str(one.gopher)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as proc:
        assert proc.stdout.readline() == "held=50\n"
        shop.stop(one)
        assert proc.communicate()[0] == "alive=0\n"


def test_every_byte_of_a_visit_is_accounted_for(shop):
    one = shop.capsuled()
    first, again = rig.visit(one, "gemini", 2)
    for seen in (first, again):
        down = [n for (way, _), n in seen["parts"].items() if way == "down"]
        assert sum(down) == seen["down"]
        assert seen["parts"]["down", "Answer"] == seen["answer"]
    assert (first["resumed"], again["resumed"]) == (0, 1)
    assert ("down", "Certificate") in first["parts"]
    assert ("down", "Certificate") not in again["parts"]


def test_the_limit_serves_the_same_page_in_all_its_modes(shop):
    crt, key = shop.pair()
    page, text = shop.root / "page.gmi", shop.root / "page.txt"
    for mode, protocol, arguments in (
            ("best", "gemini", (crt, key, page)),
            ("plain", "gemini", (crt, key, page)),
            ("plain", "gemini", (crt, key, page, 1)),
            ("gopher", "gopher", (text,)),
            ("file", "gopher", (text,))):
        one = shop.limit(mode, mode, *arguments)
        got = rig.load(one, protocol, visits=20, clients=2,
                       expect=rig.PAGE_BYTES)
        assert (got["ok"], got["bad"]) == (20, 0), mode


def test_a_stream_has_as_many_bytes_as_asked_for(shop):
    crt, key = shop.pair()
    for size in (1, (16 << 10) + 1, (9 << 20) + 5):
        one = shop.limit("stream", "stream", crt, key, size)
        records = -(-size // (16 << 10))
        got = rig.load(one, "gemini", visits=1, clients=1, discard=True,
                       expect=size + 22 * records + 24)
        assert (got["ok"], got["bad"]) == (1, 0), size
        shop.stop(one)


def test_inetd_starts_a_command_for_each_connection(shop):
    one = rig.Server("cat", [rig.TOOLS / "inetd", 0, "/usr/bin/head", "-n1"],
                     stdout=subprocess.PIPE)
    shop.add(one)
    one.gopher = rig.told_port(one)
    got = rig.load(one, "gopher", visits=20, clients=4, url="hello", expect=7)
    assert (got["ok"], got["bad"]) == (20, 0)


def test_a_server_that_does_not_start_is_a_failure_that_names_it(shop):
    with pytest.raises(rig.Failure, match="the limit did not start"):
        shop.limit("the limit", "gopher", shop.root / "nothing")


def test_processor_time_of_ended_children_counts():
    proc = subprocess.Popen(["sh", "-c", "sh -c 'i=0; while [ $i -lt 200000 ];"
                             " do i=$((i+1)); done'; echo done; cat"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert proc.stdout.readline() == b"done\n"
    assert rig.process_us(proc.pid) > 20000
    proc.communicate()


def test_base_is_measured_right_before_each_other_subject():
    order = []

    def measure(subject):
        order.append(subject)
        return {"us": len(order)}

    found = rig.in_rounds(2, ["base", "a", "b"], "base", measure)
    assert order == ["base", "a", "base", "b", "base", "b", "base", "a"]
    assert rig.ratios(found, "us")["a"] == (2 / 1 + 8 / 7) / 2
    assert rig.ratios(found, "us")["base"] == 1


TO = 40000  # the port that frames go to


def test_large_packets_count_as_what_they_are_cut_to():
    def frame(port, payload):
        ip = bytes([0x45, 0]) + (52 + payload).to_bytes(2, "big") + bytes(
            [0, 0, 0, 0, 64, 6]) + bytes(10)
        tcp = (port.to_bytes(2, "big") + TO.to_bytes(2, "big") + bytes(8)
               + bytes([8 << 4]) + bytes(19))
        return bytes(14) + ip + tcp + bytes(payload)

    assert wire.payloads(frame(1965, 1448), 1965) == [1448]
    assert wire.payloads(frame(1965, 1449), 1965) == [1448, 1]
    assert wire.payloads(frame(1965, 0), 1965) == []
    assert wire.payloads(frame(1966, 100), 1965) == []
    assert wire.payloads(frame(1966, 100), TO, wire.UP) == [100]
    assert wire.payloads(frame(1966, 100), 1966, wire.UP) == []


def test_the_least_time_is_ways_and_bytes():
    class Link:
        rate, delay = 9600, 150

    gopher = {"flight": 0, "down": 2024, "up": 11}
    # SYN, SYN+ACK, ACK, request, two segments; two ways there and back.
    wanted = 0.6 + (60 + 60 + 52 + 52 + 11 + 2024 + 2 * 52) * 8 / 9600
    assert slow.least_s(Link, gopher, False) == pytest.approx(wanted)
    gemini = {"flight": 700, "down": 2800, "up": 430}
    wanted = 0.9 + (60 + 60 + 52 + 2 * 52 + 430 + 2800 + 3 * 52) * 8 / 9600
    assert slow.least_s(Link, gemini, True) == pytest.approx(wanted)


def test_numbers_keep_three_digits_that_matter():
    shown = [report.number(n) for n in (0, 2987, 2987.4, 15.32, 0.8223, 7)]
    assert shown == ["0", "2,987", "2,987", "15.3", "0.822", "7"]
    assert report.number(float("nan")) == "-"


def test_bars_grow_by_eighths_and_never_vanish():
    assert len(report.bar(1)) == report.BAR
    assert len(report.bar(0.5)) == report.BAR // 2
    assert len(report.bar(0)) == 1
    assert report.bar(2).endswith("\u25b8\u25b8")


def test_a_goal_is_met_at_its_limit_and_missed_beyond():
    for value, sign, met in ((10, "<=", True), (11, "<=", False),
                             (10, "<", False), (9, "<", True),
                             (10, ">=", True), (9, ">=", False)):
        assert report.Goal("", value, sign, 10, str).met is met


def test_the_document_and_its_picture_hold_what_was_found(tmp_path):
    with open(tmp_path / "out", "w+") as out:
        found = report.Report(False, out)
        found.heading("Speed")
        found.table(("server", "us"), [("ours & theirs", "12")])
        found.chart("Speed", "us", [("a <b>", 12, True), ("c", 900, False)])
        found.goal("fast", 12, "<=", 10)
        found.show_goals()
        found.write_markdown(tmp_path / "doc" / "p.md", "p.svg")
        found.write_picture(tmp_path / "doc" / "p.svg")
        out.seek(0)
        assert "MISSED" in out.read()
    text = pathlib.Path(tmp_path / "doc" / "p.md").read_text()
    assert text.index("## Goals") < text.index("## Speed")
    assert "| ours & theirs | 12 |" in text
    assert "| fast | 12 | <= 10 | MISSED |" in text
    assert "at the end" not in text
    root = ElementTree.parse(tmp_path / "doc" / "p.svg").getroot()
    words = [e.text for e in root.iter() if e.text and e.text.strip()]
    assert "a <b>" in words and any("900" in w for w in words)


def written(folder, figure, quick=False, name="fast (today)"):
    """The document after one more run that found that figure."""
    with open(folder / "out", "w") as out:
        found = report.Report(quick, out)
        found.goal(name, figure, "<=", 10)
        found.show_goals()
        before = found.remember(folder / "goals.jsonl")
        found.write_markdown(folder / "p.md", "p.svg", before)
    return (folder / "p.md").read_text()


def test_the_document_quotes_the_runs_before_and_only_their_like(tmp_path):
    assert "| fast (today) | 5 | <= 10 | met |" in written(tmp_path, 5)
    assert "the run before" in written(tmp_path, 6)
    written(tmp_path, 99, quick=True)
    written(tmp_path, 98, name="slow")
    text = written(tmp_path, 7, name="fast (tomorrow)")
    assert "| fast (tomorrow) | 7 | 6 | 5 | <= 10 | met |" in text
    assert "| fast (today) | 8 | 7 | 6 | <= 10 | met |" in written(tmp_path,
                                                                   8)


def test_what_people_wrote_into_the_document_stays(tmp_path):
    path = tmp_path / "p.md"
    written(tmp_path, 5)
    kept = "\n## %s\n\nWords.\n\n### More\n" % report.KEPT
    path.write_text(path.read_text() + kept)
    for figure in 6, 7:
        text = written(tmp_path, figure)
        assert text.endswith(kept) and text.count("Words.") == 1
        assert "| %d |" % figure in text
        assert "[at the end](#what-the-figures-mean)" in text
