"""What the documents show works: configurations, commands and messages.

A configuration is changed where it must be, and nowhere else: ports, the
folders that only its owner's machine has, and the user it runs as.
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

import document
import server
from client import gemini, gopher, links, menu
from ctl import ctl

MIGRATING = "doc/migrating.md"
SERVERS = re.findall(r"(?m)^## (.*)$", document.read(MIGRATING))
FINGERPRINT = "d146953386694266175d10be3617427dfbeb751d1805d36b3c7aedd9de02d9af"


def shell(text, folder, **places):
    """Run a block of a document, with folders of ours for those it names."""
    for name, place in places.items():
        assert name in text, "it no longer says " + name
        text = text.replace(name, str(place))
    done = subprocess.run(["sh", "-eu", "-c", text], cwd=folder,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_pair(folder, crt, key):
    """A certificate and a key, in PEM."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
         "/CN=capsule.example.org", "-addext",
         "subjectAltName=DNS:capsule.example.org", "-keyout", key, "-out",
         crt], cwd=folder, check=True, capture_output=True, timeout=60)


# -- configurations of other servers --


def write_pages(root):
    """What the configurations in the document speak of."""
    for name in ("index.gmi", "history.gmi", "french.gmi", "members/index.gmi",
                 "notes/index.gmi"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# %s\n=> / Home\n" % name)
    (root / "LICENSE").write_text("As you like.\n")
    (root / "tune.foo").write_text("foo\n")
    (root / "book.epub").write_bytes(b"PK\3\4")
    (root / "files").mkdir()
    (root / "files" / "table.txt").write_text("a table\n")


def settle(text, folder):
    """The configuration as this machine can run it."""
    found = document.sections(text)
    mine = found.setdefault("server", {})
    for key in ("user", "group", "key_user", "data_user", "store"):
        mine.pop(key, None)
    mine.update(server.unprivileged())
    for protocol in ("gemini", "gopher"):
        here = found.setdefault(protocol, {})
        if here.get("listen") != "off":
            here["listen"] = "127.0.0.1:0"
    for name, section in found.items():
        kind, _, label = name.partition(" ")
        if kind == "capsule":
            root = section["root"] = folder / ("root" + label)
            write_pages(root)
            for key in ("certificate", "key"):
                if key in section:
                    section[key] = folder / pathlib.Path(section[key]).name
            if "key" in section:
                make_pair(folder, section["certificate"], section["key"])
        if kind == "log" and "access" in section:
            section["access"] = folder / "access.log"
        if kind == "access":
            for key, who in section.items():
                before = "ca:" if who.startswith("ca:") else ""
                section[key] = before + str(allowed(folder, before))
    return found


def allowed(folder, by_ca):
    if by_ca:
        make_pair(folder, "ca.crt", "ca.key")
        return folder / "ca.crt"
    (folder / "members.allow").write_text(FINGERPRINT + "\n")
    return folder / "members.allow"


def as_text(found):
    return "".join("[%s]\n" % name + "".join(
        "%s = %s\n" % kv for kv in section.items())
        for name, section in found.items())


def ask(one, host, path):
    return gemini(one.gemini, "gemini://%s%s" % (host, path), name=host)


def expected(what):
    for begin, status in (("@redirect-temporary", 30), ("@redirect", 31),
                          ("@gone", 52), ("@fastcgi", 43), ("@scgi", 43)):
        if what.startswith(begin):
            return status
    return 20


def keeps_its_map(one, found, label):
    host = found["capsule" + label]["hostname"].split()[0]
    for selector, what in found["selectors" + label].items():
        got = ask(one, host, selector)
        assert got.status == expected(what), (selector, got)
        if got.status in (30, 31):
            assert got.meta.endswith(what.split()[1]), got
    for path in ("/history.gmi", "/LICENSE", "/files/table.txt"):
        assert ask(one, host, path).status == 20, path
    assert ask(one, host, "/nothing").status == 51


def keeps_its_rules(one, found, label):
    host = found["capsule" + label]["hostname"].split()[0]
    listed = found.get("listing" + label, {})
    if listed:
        assert "table.txt" in ask(one, host, "/files/").body.decode()
    for pattern in found.get("access" + label, {}):
        assert ask(one, host, pattern.rstrip("*")).status == 60
    for pattern, tag in found.get("languages" + label, {}).items():
        assert ask(one, host, pattern).params["lang"] == tag
    for name, kind in found.get("types" + label, {}).items():
        path = {".epub": "/book.epub", ".foo": "/tune.foo"}.get(name, name)
        assert ask(one, host, path).mime == kind.split()[0]


@pytest.mark.parametrize("name", SERVERS)
def test_what_another_servers_configuration_becomes_serves_the_same(
        name, tmp_path):
    block, = document.blocks(MIGRATING, "ini", name)
    tmp_path.chmod(0o755)
    found = settle(block, tmp_path)
    path = tmp_path / "trial.ini"
    path.write_text(as_text(found))
    done = server.run("-n", "-c", path)
    assert done.returncode == 0, done.stderr
    with server.running(tmp_path, as_text(found)) as one:
        for capsule in [s for s in found if s.startswith("capsule")]:
            keeps_its_map(one, found, capsule[len("capsule"):])
            keeps_its_rules(one, found, capsule[len("capsule"):])
        root = menu(gopher(one.gopher, b"\r\n"))
        assert [i for i in root if "index.gmi" in i.text], root


def test_each_key_of_the_migration_notes_is_tried(tmp_path):
    """What settle() and the tests above leave out would go unseen."""
    assert SERVERS == ["gmid", "agate", "Molly Brown", "gophernicus",
                       "geomyidae"]
    for block in document.blocks(MIGRATING, "ini"):
        assert as_text(document.sections(block)).split() == block.split()


def test_a_certificate_of_agates_is_taken_over(tmp_path):
    make_pair(tmp_path, "c.pem", "k.pem")
    for tool, pem, der in (("x509", "c.pem", "cert.der"),
                           ("pkey", "k.pem", "key.der")):
        subprocess.run(["openssl", tool, "-in", pem, "-outform", "DER",
                        "-out", der], cwd=tmp_path, check=True, timeout=60)
    _, convert = document.blocks(MIGRATING, "sh", "agate")
    shell(convert, tmp_path)
    assert (tmp_path / "capsule.crt").read_text() in (
        tmp_path / "c.pem").read_text()
    tmp_path.chmod(0o755)
    text = server.conf(capsule={
        "hostname": "capsule.example.org",
        "certificate": "capsule.crt", "key": "capsule.key"})
    with server.running(tmp_path, text) as one:
        assert ask(one, "capsule.example.org", "/").status == 20


def test_gophermaps_of_gophernicus_are_found_under_their_new_name(tmp_path):
    root = tmp_path / "gopher"
    (root / "sub").mkdir(parents=True)
    for folder in (root, root / "sub"):
        (folder / "gophermap").write_text("!A hall\n0About\tabout.txt\n")
        (folder / "about.txt").write_text("about\n")
    _, rename = document.blocks(MIGRATING, "sh", "gophernicus")
    shell(rename, tmp_path, **{"/srv/gopher": root})
    tmp_path.chmod(0o755)
    text = server.conf(capsule={"root": "gopher"}, selectors=None,
                       listing=None, languages=None, types=None)
    with server.running(tmp_path, text + "[selectors]\n/ = ./\n") as one:
        for place in (b"", b"/sub/"):
            item, = links(menu(gopher(one.gopher, place + b"\r\n")))
            assert item.type == "0"
            assert gopher(one.gopher, item.selector + b"\r\n") == b"about\r\n"


GPH = r"""Welcome
[i||Err||]
[0|About \| this|about.txt|server|port]
[1|More|/sub/more.gph|server|port]
[1|Elsewhere|/|gopher.example.org|7070]
[h|Web|URL:https://www.example.org/|server|port]
ttabs are quirks
# no comment
[broken
"""


def test_menus_of_geomyidae_become_gophermaps(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.gph").write_text(GPH)
    (tmp_path / "sub" / "more.gph").write_text(
        "[0|Up|/about.txt|server|port]\n")
    _, convert = document.blocks(MIGRATING, "sh", "geomyidae")
    shell(convert, tmp_path, **{"/srv/gopher": tmp_path})
    got = (tmp_path / "index.gophermap").read_text()
    assert got == ("Welcome\ni\t\n0About | this\tabout.txt\n"
                   "1More\t/sub/more.gophermap\n"
                   "1Elsewhere\t/\tgopher.example.org\t7070\n"
                   "hWeb\tURL:https://www.example.org/\ntabs are quirks\n"
                   "i# no comment\t\n[broken\n")
    (tmp_path / "about.txt").write_text("about\n")
    tmp_path.chmod(0o755)
    text = server.conf(capsule={"root": "."}, selectors=None, listing=None,
                       languages=None, types=None)
    text = text.replace("root = .\n", "root = pages\n")
    pages = tmp_path / "pages"
    pages.mkdir()
    for name in ("index.gophermap", "about.txt", "sub"):
        shutil.move(tmp_path / name, pages / name)
    with server.running(tmp_path, text + "[selectors]\n/ = ./\n") as one:
        items = menu(gopher(one.gopher, b"\r\n"))
        assert [i.type for i in items] == list("ii011hiii"), items
        assert gopher(one.gopher, items[2].selector + b"\r\n") == b"about\r\n"
        assert links(menu(gopher(one.gopher, items[3].selector + b"\r\n")))


# -- the messages that README.md explains --


def refused(folder, text, *options):
    """What a daemon says that does not start."""
    path = folder / "capsuled.ini"
    path.write_text(text)
    done = server.run("-f", "-c", path, *options)
    assert done.returncode == 1, done
    return done.stderr


def port_in_use(folder):
    with socket.create_server(("127.0.0.1", 0)) as other:
        return refused(folder, server.conf(gopher={
            "listen": "127.0.0.1:%d" % other.getsockname()[1]}))


def without(*rights):
    """What to put in front of a command of root's that shall lack these.

    Some containers have all of them inheritable, too.
    """
    less = ",".join("-" + right for right in rights)
    return ["setpriv", "--inh-caps=" + less, "--bounding-set=" + less]


def low_port(folder):
    """As somebody who may not: this user, and root without that right."""
    free = pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if free.exists() and int(free.read_text()) <= 70:
        pytest.skip("everybody may listen on port 70 here")
    found = document.sections(server.conf(gopher={"listen": "127.0.0.1:70"}))
    for key in ("user", "group", "key_user", "data_user"):
        found["server"].pop(key, None)
    path = folder / "capsuled.ini"
    path.write_text(as_text(found))
    under = []
    if os.geteuid() == 0:
        under = without("net_bind_service")
    done = subprocess.run([*under, server.BINARY, "-f", "-c", path],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=server.START)
    assert done.returncode == 1, done
    return done.stderr


def closed_home(folder):
    """Around the pages, a folder that lets nobody in: nor root, without the
    right to look past that."""
    text = server.conf(capsule={"root": folder / "home" / "pages"})
    server.write_capsule(folder / "home" / "pages")
    (folder / "home").chmod(0)
    path = folder / "capsuled.ini"
    path.write_text(text)
    under = []
    if os.geteuid() == 0:
        under = without("dac_override", "dac_read_search")
    done = subprocess.run([*under, server.BINARY, "-n", "-c", path],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=server.START)
    (folder / "home").chmod(0o755)
    assert done.returncode == 0, done
    return done.stderr


def open_key(folder):
    make_pair(folder, "capsule.crt", "capsule.key")
    (folder / "capsule.key").chmod(0o644)
    return refused(folder, server.conf())


def others_key(folder):
    """Of another user, for a root that has no more rights than the unit's."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a key away")
    make_pair(folder, "capsule.crt", "capsule.key")
    os.chown(folder / "capsule.key", 1, 1)
    path = folder / "capsuled.ini"
    path.write_text(server.conf())
    done = subprocess.run(
        [*without("dac_override", "dac_read_search"), server.BINARY, "-n",
         "-c", path], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=server.START)
    assert done.returncode == 1, done
    return done.stderr


def lone_key(folder):
    make_pair(folder, "capsule.crt", "capsule.key")
    (folder / "capsule.crt").unlink()
    return refused(folder, server.conf())


def no_file(folder):
    (folder / "root" / "about.gmi").write_text("# About\n")
    return warned(folder, server.conf(selectors={"/about": "abuot.gmi"}))


def warned(folder, text):
    (folder / "warned.ini").write_text(text)
    return server.run("-n", "-c", folder / "warned.ini").stderr


def no_page(folder):
    return warned(folder, server.conf(access={"/files/sbu/*": "any"}))


def a_program(folder):
    (folder / "root" / "files" / "x.cgi").write_text("#!/bin/sh\n")
    with server.running(folder, server.conf()) as one:
        return one.log()


def no_key(folder):
    return refused(folder, server.conf(capsule={"titel": "x"}))


def bad_reload(folder):
    with server.running(folder, server.conf()) as one:
        one.rewrite(server.conf(capsule={"titel": "x"}))
        one.signal(server.signal.SIGHUP)
        return server.wait_for("a refusal", lambda: (
            "not reloaded" in one.log() and one.log()))


def status(folder, url, **change):
    with server.running(folder, server.conf(**change)) as one:
        got = gemini(one.gemini, url, name="localhost")
        return "%d %s" % (got.status, got.meta)


def not_mapped(folder):
    return status(folder, "gemini://localhost/nothing")


def not_ours(folder):
    return status(folder, "gemini://else.example.org/")


def too_many(folder):
    with server.running(folder, server.conf(server={"rate": "1"})) as one:
        for _ in range(100):
            got = gemini(one.gemini, "gemini://localhost/", name="localhost")
            if got.status != 20:
                return "%d %s" % (got.status, got.meta)
    return ""


def nobody_there(folder):
    path = folder / "x.ini"
    path.write_text(server.conf())
    return ctl("-c", path, "status").stderr


def menu_of_localhost(folder):
    with server.running(folder, server.conf(
            capsule={"hostname": "localhost capsule.example.org"})) as one:
        return b" ".join(i.host for i in links(menu(
            gopher(one.gopher, b"\r\n")))).decode()


def emptied(folder):
    with server.running(folder, server.conf()) as one:
        for name in one.root.iterdir():
            shutil.rmtree(name) if name.is_dir() else name.unlink()
        return ctl("-c", one.path, "reload").stderr


def client(*command):
    """What a client says of a daemon, whose ports stand for %(gopher)d."""
    def says(folder):
        if shutil.which(command[0]) is None:
            pytest.skip("%s is not installed" % command[0])
        with server.running(folder, server.conf()) as one:
            done = subprocess.run([w % vars(one) for w in command],
                                  stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60)
            return done.stdout + done.stderr
    return says


# Each with the way to see it.
SEEN = {
    "Address already in use; another server has it": port_in_use,
    "Permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE":
        low_port,
    "cannot be opened: Permission denied; every folder down to it":
        closed_home,
    "others than its owner can get at": open_key,
    "root is not allowed here to read what belongs to others": others_key,
    "is missing, but": lone_key,
    "exists; restore it": lone_key,
    'the file "abuot.gmi" does not exist': no_file,
    "is not a key; nearest:": no_key,
    "not reloaded: what was served is still served": bad_reload,
    "cannot speak to capsuled at": nobody_there,
    "protects nothing now: no page fits it": no_page,
    "is a program by its name": a_program,
    "is empty, as if a disk were not mounted": emptied,
    "51 Not found": not_mapped,
    "53 That host or port is not served here": not_ours,
    "44": too_many,
    "localhost": menu_of_localhost,
    "curl: (60) SSL certificate problem": client(
        "curl", "gophers://127.0.0.1:%(gopher)d/"),
    'curl: (1) Protocol "gemini" not supported': client(
        "curl", "gemini://127.0.0.1:%(gemini)d/"),
    "Unsupported URL scheme!": client(
        "lynx", "-dump", "gophers://127.0.0.1:%(gopher)d/"),
}
EXPLAINED = [words for row in document.rows("README.md", "If it does not work")
             for words in re.findall(r"`([^`]+)`", row[0])]


def test_the_readme_explains_what_is_tried_here_and_nothing_else():
    assert sorted(set(EXPLAINED)) == sorted(SEEN)


@pytest.mark.parametrize("words", SEEN)
def test_a_message_that_the_readme_explains_is_said(words, tmp_path):
    tmp_path.chmod(0o755)
    server.write_capsule(tmp_path / "root")
    assert words in SEEN[words](tmp_path)


def test_a_certificate_that_has_changed_is_the_clients_business(tmp_path):
    """The row without words of ours: renewing keeps the key."""
    tmp_path.chmod(0o755)
    with server.running(tmp_path, server.conf()) as one:
        before = ctl("-c", one.path, "cert", "show").stdout
    done = ctl("-c", tmp_path / "capsuled.ini", "cert", "renew")
    assert done.returncode == 0, done.stderr
    after = ctl("-c", tmp_path / "capsuled.ini", "cert", "show").stdout

    def of_the_key(text):
        return re.findall(r"TLSA 3 1 1 (\w+)", text)
    assert of_the_key(before) == of_the_key(after) != []
