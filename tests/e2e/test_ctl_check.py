"""capsulectl check: each rule finds what it is for, and nothing else."""
import os
import re
import urllib.parse

import pytest

import client
import server
from ctl import as_json, ctl

BASE = "[capsule]\nroot = root\n[selectors]\n/ = index.gmi\n"
MANUAL = (server.ROOT / "man" / "capsulectl.1").read_text()


@pytest.fixture
def capsule(tmp_path):
    """write(NAME, TEXT...), then check(): the lines it says."""
    class Capsule:
        conf = tmp_path / "x.ini"
        root = tmp_path / "root"

        def write(self, **files):
            for name, text in files.items():
                self.put(name.replace("__", "/").replace("_", "."), text)

        def put(self, name, text):
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes)
                             else text.encode("utf-8"))

        def check(self, map="", *options, base=BASE):
            self.conf.write_text(base + map)
            done = ctl("-c", "x.ini", "check", *options, cwd=tmp_path)
            lines = done.stdout.splitlines()
            if done.returncode == 0:
                assert lines == ["x.ini: %s files read, nothing to mend" %
                                 lines[0].split()[1]], lines
                return []
            assert done.returncode == 1, done.stderr
            assert re.fullmatch(r"x\.ini: \d+ files read, %d to mend\n"
                                % len(lines), done.stderr), done.stderr
            return lines

    one = Capsule()
    one.root.mkdir()
    return one


def test_a_good_capsule_has_nothing_to_mend(capsule):
    capsule.write(index_gmi="# A\n=> /b B\n", b_gmi="# B\n=> / A\n")
    assert capsule.check("/b = b.gmi\n") == []


def test_what_lies_below_an_application_is_its_own_business(capsule):
    capsule.write(index_gmi="# A\n=> /app/ X\n=> /app/x?y Y\n=> hall Z\n",
                  hall_gophermap="0T\t/app/t\n1M\t/app/m?x\n1A\t/\n")
    map = "/app/ = @scgi 127.0.0.1:4000\n/hall = hall.gophermap\n"
    assert capsule.check(map) == []
    capsule.write(index_gmi="# A\n=> /apple X\n=> hall Z\n=> /app/ A\n")
    line, = capsule.check(map)
    assert line.startswith('root/index.gmi:2: a link to "/apple", where')


def test_the_demonstration_has_nothing_to_mend():
    done = ctl("-c", "conf/demo.ini", "check", cwd=server.ROOT)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("nothing to mend\n")


# A page, and what is said of its lines: line, the sentence's beginning, rule.
PAGES = {
    "a dead link": ("# A\n=> /nowhere X\n",
                    [(2, 'a link to "/nowhere", where nothing is',
                      "dead-link")]),
    "a dead link by a full address": (
        "# A\n=> gemini://localhost/nowhere X\n=> //localhost:1965/n X\n"
        "=> gopher://localhost/1/x X\n",
        [(2, 'a link to "/nowhere"', "dead-link"),
         (3, 'a link to "/n"', "dead-link"),
         (4, 'a link to "/x"', "dead-link")]),
    "a dead relative link": ("# A\n=> x/../y.gmi X\n",
                             [(2, 'a link to "/y.gmi"', "dead-link")]),
    "links that are fine": (
        "# A\n=> / X\n=> /?q X\n=> . X\n=> /b X\n=> b X\n=> ../b X\n"
        "=> /search?x X\n=> gemini://localhost/b X\n=> gemini:/// X\n"
        "=> gemini://elsewhere.example.org/n X\n=> /soon X\n"
        "=> gemini://localhost:1966/n X\n=> mailto:a@example.org X\n"
        "=> https://example.org/ X\n=> gopher://localhost:70/1/b X\n"
        "=> gopher://localhost:7070/1/n X\n=> gopher://localhost X\n",
        [(10, "a link to \"gemini:///\", which is no address", "bad-link")]),
    "a link in a block": ("# A\n```alt\n=> /nowhere\n```\n", []),
    "what is gone": ("# A\n=> /gone X\n",
                     [(2, 'a link to "/gone", which is gone', "gone-link")]),
    "what has moved": ("# A\n=> /old X\n",
                       [(2, 'a link to "/old", which has moved to "/b"',
                         "moved-link")]),
    "no address": ("# A\n=> http://[ X\n",
                   [(2, 'a link to "http://[", which is no address',
                     "bad-link")]),
    "no text": ("# A\n=> /b\n=>/b  \n",
                [(2, "a link without text", "link-text"),
                 (3, "a link without text", "link-text")]),
    "the web in the clear": ("# A\n=> HTTP://example.org/ X\n",
                             [(2, "a link to the web in the clear",
                               "web-clear")]),
    "dates": (
        "# A\n=> /b 2026-01-31 fine\n=> /b 2026-02-30 no day\n"
        "=> /b 2026-1-5 short\n=> /b 31.01.2026 German\n=> /b 1/31/2026 US\n"
        "=> /b 2026 a year\n=> /b 1996-2026 years\n=> /b 3.14159 pi\n"
        "=> /b 192.0.2.1 address\n",
        [(3, 'the date of "2026-02-30 no day"', "date"),
         (4, 'the date of "2026-1-5 short"', "date"),
         (5, 'the date of "31.01.2026 German"', "date"),
         (6, 'the date of "1/31/2026 US"', "date")]),
    "no alt text": ("# A\n```\nx\n```\n``` alt\nx\n```\n",
                    [(2, "a preformatted block without alt text",
                      "alt-text")]),
    "an open block": ("# A\n```alt\nx\n",
                      [(2, "a preformatted block that is not closed",
                        "open-block")]),
    "a wide line": ("# A\n```alt\n%s\n%s\n%s\n%s\n```\n" % (
                        "x" * 67, "x" * 68, "\u00e9" * 67, "\u65e5" * 34),
                    [(4, "is 68 columns wide", "wide"),
                     (6, "is 68 columns wide", "wide")]),
    "a wide paragraph": ("# A\n" + "word " * 100 + "\n", []),
    "a skipped level": ("# A\n### C\n## B\n### C\n# A\n",
                        [(2, "a heading of level 3 right below one of level "
                          "1", "level")]),
    "a first heading of level 2": ("## B\n# A\n",
                                   [(1, "a heading of level 2 before any of "
                                     "level 1", "level")]),
    "an empty heading": ("# A\n## \n", [(2, "a heading without text",
                                         "heading-text")]),
    "no heading": ("text\n", [(1, "the page has no heading",
                               "no-heading")]),
    "an empty page": ("", [(1, "the page has no heading", "no-heading")]),
    "markup": ("# A\nsee [this](/b) here\n* <a href=x>y</a>\n[a] (b)\n"
               "f[i](x\n",
               [(2, "a link as Markdown has it", "markup"),
                (3, "a tag of HTML", "markup")]),
    "not UTF-8": (b"# A\ncaf\xe9\n", [(2, "is not UTF-8", "utf-8")]),
    "controls": (b"# A\nx\x1b[31m\n\ttab\nx\xc2\x9b\nx\x7f\rx\r\n",
                 [(2, "holds a control character, U+001B", "control"),
                  (4, "holds a control character, U+009B", "control"),
                  (5, "holds a control character, U+007F", "control")]),
    "a byte order mark and CRLF": (b"\xef\xbb\xbf# A\r\ntext\r\n", []),
}

MAP = ("/b = b.gmi\n/search = @search\n/gone = @gone\n/old = @redirect /b\n"
       "/soon = @redirect-temporary /b\n")


def compare(lines, file, wanted):
    got = [re.fullmatch(r"(.+?):(\d+): (.*) \[([a-z0-9-]+)\]", line).groups()
           for line in lines]
    assert [(g[0], int(g[1]), g[3]) for g in got] == [
        (file, line, rule) for line, _, rule in wanted], lines
    for (_, _, text, _), (_, begin, _) in zip(got, wanted):
        assert text.startswith(begin), (text, begin)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_by_every_rule(name, capsule):
    text, wanted = PAGES[name]
    capsule.write(index_gmi=text, b_gmi="# The other\n")
    compare(capsule.check(MAP, "--without", "no-link"), "root/index.gmi",
            wanted)


# The same for a gophermap, in a folder of its own.
MAPS = {
    "items that are fine": (
        "Text\n1Here\t/\n1There\tleaf.gmi\n0Plain\ttext.txt\n1Bare\t../\n"
        "7Search\t/search\nhWeb\tURL:https://example.org/\n"
        "1Away\t/x\thole.example.org\t7071\n8Login\tguest\n1Own\t/b\t"
        "localhost\t70\n1Words\t/search?x\nisome text\tfake\t(NULL)\t0\n", []),
    "dead items": (
        "1A\t/nowhere\n1leafs.gmi\t\n0B\t/b\n1C\t/n\tlocalhost\n"
        "hD\tURL:gemini://localhost/n\n",
        [(1, 'an item to "/nowhere", where nothing is', "dead-link"),
         (2, 'an item to "/map/leafs.gmi"', "dead-link"),
         (3, 'an item of type 0, but "/b" is of type 1', "item-type"),
         (4, 'an item to "/n"', "dead-link"),
         (5, 'an item to "/n"', "dead-link")]),
    "what is gone or has moved": (
        "1A\t/gone\n1B\t/old\n",
        [(1, 'an item to "/gone", which is gone', "gone-link"),
         (2, 'an item to "/old", which has moved', "moved-link")]),
    "types": ("9A\ttext.txt\n1A\ttext.txt\nIA\t/b\n",
              [(2, 'an item of type 1, but "/map/text.txt" is of type 0',
                "item-type"),
               (3, "an item of type I", "item-type")]),
    "ports": ("1A\t/b\tlocalhost\t7071\n1A\t/b\tx.example.org\tport\n"
              "1A\t/b\tx.example.org\t0\n1A\t/b\tx.example.org\t65535\n"
              "1A\t/b\tx.example.org\t65536\n",
              [(1, "an item of this capsule at port 7071", "port"),
               (2, '"port" is no port from 1 to 65535', "port"),
               (3, '"0" is no port', "port"),
               (5, '"65536" is no port', "port")]),
    "width": ("!%s\n%s\n%s\n" % ("t" * 68, "x" * 67, "x" * 68),
              [(1, "is 68 columns wide", "wide"),
               (3, "is 68 columns wide", "wide")]),
    "no text": ("1 \t/b\n", [(1, "an item without text", "link-text")]),
    "bytes": (b"caf\xe9\n", [(1, "is not UTF-8", "utf-8")]),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_gophermap_is_read_by_every_rule(name, capsule):
    text, wanted = MAPS[name]
    capsule.write(index_gmi="# A\n", b_gmi="# The other\n")
    capsule.put("map/index.gophermap", text)
    capsule.put("map/leaf.gmi", "# Leaf\n")
    capsule.put("map/text.txt", "text\n")
    compare(capsule.check(MAP + "/map/ = map/\n", "--without", "no-link"),
            "root/map/index.gophermap", wanted)


def test_both_halves_of_a_pair_are_read(capsule):
    capsule.write(index_gmi="# A\n=> /n X\n", index_gophermap="1X\t/m\n")
    lines = capsule.check()
    assert [line.split(": ")[0] for line in lines] == [
        "root/index.gmi:2", "root/index.gophermap:1"]


def test_width_is_measured_in_the_charset_that_is_sent(capsule):
    text = "# A\n```alt\n" + "x" * 66 + "\u0153\n```\n"
    capsule.put("index.gmi", text)
    assert capsule.check() == []
    ascii = "[gopher]\ncharset = ascii\n"
    assert "is 68 columns wide" in capsule.check(base=ascii + BASE)[0]
    wider = "[gopher]\ncharset = ascii\ncolumns = 68\n"
    assert capsule.check(base=wider + BASE) == []


def test_files_that_no_selector_reaches_are_told(capsule):
    capsule.write(index_gmi="# A\n=> /d/x.txt X\n", lost_gmi="# Lost\n")
    capsule.put("d/x.txt", "x\n")
    capsule.put("deep/er/y.txt", "y\n")
    capsule.put(".hidden", "x\n")
    capsule.put("x.crt", "")
    capsule.put("who.allow", "00" * 32 + "\n")
    lines = capsule.check(
        "/d/ = d/\n[access]\n/d/x* = root/who.allow\n",
        base=BASE.replace("[sel", "certificate = root/x.crt\n[sel"))
    assert lines == [
        "root/deep/er/y.txt:1: no selector reaches this file [no-selector]",
        "root/lost.gmi:1: no selector reaches this file [no-selector]"]


def test_a_file_of_another_capsule_is_reached(capsule):
    capsule.write(index_gmi="# A\n")
    capsule.put("blog/index.gmi", "# Blog\n")
    more = ("[capsule blog]\nhostname = blog.example.org\nroot = root/blog\n"
            "[selectors blog]\n/ = index.gmi\n")
    assert capsule.check(more) == []


def test_links_between_capsules_are_followed(capsule):
    capsule.write(index_gmi="# A\n=> gemini://blog.example.org/x X\n"
                  "=> gemini://blog.example.org/ Fine\n")
    capsule.put("blog/index.gmi", "# Blog\n")
    more = ("[capsule blog]\nhostname = blog.example.org\nroot = root/blog\n"
            "[selectors blog]\n/ = index.gmi\n")
    assert capsule.check(more) == [
        'root/index.gmi:2: a link to "/x", where nothing is [dead-link]']


def test_what_cannot_be_served_is_told(capsule):
    capsule.write(index_gmi="# A\n")
    capsule.put("d/x.txt", "x\n")
    os.mkfifo(capsule.root / "d" / "fifo")
    (capsule.root / "d" / "out").symlink_to("/etc/passwd")
    lines = capsule.check("/d/ = d/\n[listing]\n/d/ = yes\n",
                          "--without", "no-link")
    assert lines == [
        "root/d/fifo:1: is a FIFO, not a file, and is not served "
        "[not-served]",
        "root/d/out:1: leads outside the root, and is not served "
        "[not-served]"]


def test_pages_that_nothing_links_to_are_told(capsule):
    capsule.write(index_gmi="# A\n=> /l/ L\n=> /r R\n", alone_gmi="# Alone\n",
                  robots_txt="User-agent: *\n", target_gmi="# T\n")
    capsule.put("l/listed.txt", "x\n")
    capsule.put("k/unlisted.txt", "x\n")
    lines = capsule.check("/alone = alone.gmi\n/robots.txt = robots.txt\n"
                          "/l/ = l/\n/k/ = k/\n/r = @redirect-temporary /t\n"
                          "/t = target.gmi\n/search = @search\n"
                          "[listing]\n/l/ = yes\n")
    assert lines == [
        "root/alone.gmi:1: no page links to /alone [no-link]",
        "root/k/unlisted.txt:1: no page links to /k/unlisted.txt [no-link]",
        "x.ini:11: no page links to /search [no-link]"]


def test_an_index_under_its_own_name_is_the_same_page(capsule):
    capsule.write(index_gmi="# A\n=> d/index.gmi D\n")
    capsule.put("d/index.gmi", "# D\n")
    assert capsule.check("/d/ = d/\n") == []


def test_two_pages_with_one_title_are_told(capsule):
    capsule.write(index_gmi="# A\n=> b.gmi B\n=> c.gmi C\n=> /fr/a.gmi F\n")
    capsule.put("b.gmi", "# Same\n")
    capsule.put("c.gmi", "text\n# Same\n## Other\n")
    capsule.put("fr/a.gmi", "# Same\n")
    lines = capsule.check("/b.gmi = b.gmi\n/c.gmi = c.gmi\n/fr/ = fr/\n"
                          "/again = b.gmi\n[languages]\n/fr/* = fr\n")
    assert lines == ['root/c.gmi:1: the title "Same" is that of b.gmi, too '
                     "[same-title]"]


def test_pages_over_the_budget_are_told(capsule):
    def weight(n):
        return "# A\n" + "x" * 60 + "\n" * (n - 64)

    budget = BASE.replace("[sel", "budget = 1k\n[sel")
    capsule.put("index.gmi", weight(1024))
    assert capsule.check(base=budget) == []
    capsule.put("index.gmi", weight(1025))
    assert capsule.check(base=budget) == [
        "root/index.gmi:1: / weighs 1025 bytes as gemtext; the budget is "
        "1024 [weight]"]
    # Many short lines make a menu that is heavier than its page.
    capsule.put("index.gmi", "# A\n" + "x\n" * 200)
    assert re.fullmatch(r"root/index\.gmi:1: / weighs \d+ bytes as a Gopher "
                        r"menu; the budget is 1024 \[weight\]",
                        *capsule.check(base=budget))
    assert capsule.check(base=budget.replace("1k", "0")) == []


def test_the_budget_is_8k_unless_it_is_said(capsule):
    capsule.put("index.gmi", "# A\n" + "\n" * (8192 - 4))
    assert capsule.check() == []
    capsule.put("index.gmi", "# A\n" + "\n" * (8193 - 4))
    assert "the budget is 8192" in capsule.check()[0]


def test_a_selector_longer_than_gopher_can_ask_for_is_told(capsule):
    capsule.write(index_gmi="# A\n")
    # "/d/", five names of 49 bytes and a "/" each, then the last.
    folder = "d/" + ("f" * 49 + "/") * 5
    capsule.put(folder + "x" * 2, b"\0")
    capsule.put(folder + "y" * 3, b"\0")
    lines = capsule.check("/d/ = d/\n", "--without", "no-link")
    assert lines == [
        "root/%s:1: the selector has 256 bytes; Gopher can ask for 255 "
        "[long-selector]" % (folder + "yyy")]


def test_rules_can_be_left_out(capsule):
    capsule.write(index_gmi="# A\n=> /nowhere\n")
    assert len(capsule.check()) == 2
    assert len(capsule.check("", "--without", "dead-link")) == 1
    assert capsule.check("", "--without=dead-link, link-text") == []


def test_what_keeps_the_daemon_from_starting_is_a_finding(capsule):
    capsule.write(index_gmi="# A\n")
    lines = capsule.check("/x = @jump\n")
    assert len(lines) == 1 and lines[0].startswith(
        'x.ini:5: [selectors] /x: "@jump" is not an action')
    assert lines[0].endswith(" [configuration]")


def test_what_the_daemon_leaves_out_is_a_finding(capsule):
    capsule.write(index_gmi="# A\n=> /x The missing\n")
    lines = capsule.check("/x = nowhere.gmi\n/f/ = nowhere/\n")
    assert lines == [
        'root/index.gmi:2: a link to "/x", where nothing is [dead-link]',
        'x.ini:5: /x: the file "nowhere.gmi" does not exist (in "root"); put '
        "it there, or change the line [warning]",
        'x.ini:6: /f/: the folder "nowhere/" does not exist (in "root"); put '
        "it there, or change the line [warning]"]


def test_a_root_that_is_gone_is_a_finding(capsule):
    capsule.write(index_gmi="# A\n")
    lines = capsule.check("[capsule b]\nhostname = b.example.org\n"
                          "root = nowhere\n[selectors b]\n/ = index.gmi\n")
    assert lines == [
        'x.ini:7: the root "nowhere" cannot be opened: No such file or ' \
        "directory; until then nothing of the capsule is served [warning]"]


def test_json_has_what_the_lines_have(capsule):
    capsule.put("index.gmi", "# A \"quoted\"\n=> /n\u00e4 \n=> /x\\y X\n")
    lines = capsule.check()
    told = as_json("-c", capsule.conf, "check", "--json", status=1)
    assert told["files"] == 1
    assert ["%s:%d: %s [%s]" % (f["file"].removeprefix(
        str(capsule.root.parent) + "/"), f["line"], f["text"], f["rule"])
        for f in told["findings"]] == lines
    assert len(lines) > 1


def test_names_that_are_not_utf8_make_valid_json(capsule):
    capsule.write(index_gmi="# A\n")
    with open(os.path.join(os.fsencode(capsule.root), b"caf\xe9\n.gmi"),
              "wb"):
        pass
    assert capsule.check() == ["root/caf\\xe9\\x0a.gmi:1: no selector "
                               "reaches this file [no-selector]"]
    told = as_json("-c", capsule.conf, "check", "--json", status=1)
    assert told["findings"][0]["rule"] == "no-selector"
    assert "\ufffd" in told["findings"][0]["file"]


def test_no_byte_of_a_name_acts_on_a_terminal(capsule):
    capsule.write(index_gmi="# A\n")
    capsule.put("x\x1b[31m.gmi", "")
    assert capsule.check() == ["root/x\\x1b[31m.gmi:1: no selector reaches "
                               "this file [no-selector]"]


def test_the_manual_has_every_rule():
    unknown = ctl("check", "--without", "zzz").stderr
    assert "there is no rule" in unknown
    told = re.findall(r"^\.It Cm ([a-z0-9-]+)$", MANUAL, re.M)
    source = (server.ROOT / "daemon" / "ctl" / "rule.c").read_text()
    rules = re.findall(r'^\t\{ "([a-z0-9-]+)", "', source, re.M)
    assert len(rules) > 20
    assert set(rules) <= set(told)
    for rule in rules:
        assert ctl("check", "-c", "/nonexistent", "--without",
                   rule).returncode == 1


def test_dead_links_are_those_that_the_daemon_refuses(capsule):
    """The verdict and the daemon, over every link of a page."""
    links = ["/", "/b", "b", "/c", "./b", "/b/", "/b?x", "/d", "/d/", "/d/x",
             "/d/y", "d/../b", "/%62", "/%2e%2e/b", "//localhost/b",
             "gemini://localhost/c", "/old", "/gone", "/caps.txt", "/search",
             "/B", "/b%20", "/%zz", "?x", "/d/."]
    capsule.write(index_gmi="# A\n" + "".join(
        "=> %s L\n" % link for link in links), b_gmi="# B\n")
    capsule.put("d/x", "x\n")
    lines = capsule.check(MAP + "/d/ = d/\n[listing]\n/d/ = yes\n",
                          "--without", "no-link,item-type")
    dead = {int(line.split(":")[1]) - 2 for line in lines
            if re.search(r"\[(dead|bad)-link\]", line)}
    text = ("[gemini]\nlisten = 127.0.0.1:0\n[gopher]\nlisten = off\n"
            + capsule.conf.read_text())
    with server.running(capsule.root.parent, text) as one:
        for i, link in enumerate(links):
            url = urllib.parse.urljoin("https://localhost/", link.replace(
                "gemini:", "https:")).replace("https:", "gemini:")
            status = client.gemini(one.gemini, url, name="localhost").status
            assert (status in (51, 59)) == (i in dead), (link, url, status)
