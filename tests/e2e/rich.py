"""A capsule that has one of everything there is to show to a client."""
import re
import subprocess

import server

A, B, IDN = "capsule.example.org", "b.example.org", "b\u00fccher.example"
PUNYCODE = "xn--bcher-kva.example"
ONE = "127.0.0.1:0"

INDEX = """# The rich capsule
Words before all links, caf\u00e9 and c\u0153ur and \u20ac among them.

=> /history The history
=> /plain.txt A text to read
=> /search Look for words
=> /old An old address
=> /soon For now elsewhere
=> /gone Withdrawn long ago
=> /missing Never there
=> /members/ Members only
=> /news The news
=> /news.xml The feed
=> /hall The hall
=> /pixel.png A picture
=> /data.bin Raw bytes
=> WEB On the web
=> /history A link whose text is so long that no line of 67 columns can hold \
it, which ends in zebra
"""
HISTORY = "# History\n=> / Home\n\n1996 was the first year of marmalade.\n"
NEWS = """# News
=> /history 2024-02-29 A leap day
=> /plain.txt 2026-01-31 A winter day
"""
PLAIN = "first line\n.\n.. two dots\ncaf\u00e9 and c\u0153ur\nlast line\n"
HALL = """!The hall
Welcome to the hall
# no comment
#a comment that nobody sees
1To the history\t/history
0To the text\t/plain.txt
hTo the web\tURL:WEB
3Something failed
=> /history is no link here
*
"""


def write(root, web):
    """web: an address that a link outside of Gopher leads to."""
    def put(name, data):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    put("index.gmi", INDEX.replace("WEB", web))
    put("history.gmi", HISTORY)
    put("plain.txt", PLAIN)
    put("news.gmi", NEWS)
    put("hall.gophermap", HALL.replace("WEB", web))
    put("members/index.gmi", "# Members\nWelcome among the members.\n")
    put("pixel.png", server.PNG)
    put("data.bin", server.BINARY_BYTES)
    put("b.gmi", "# Capsule B\n=> / Home of B\n")
    put("idn.gmi", "# Capsule IDN\n=> / Home of books\n")


SELECTORS = {"/": "index.gmi", "/history": "history.gmi",
             "/plain.txt": "plain.txt", "/search": "@search",
             "/old": "@redirect /history",
             "/soon": "@redirect-temporary /history", "/gone": "@gone",
             "/members/": "members/", "/news": "news.gmi",
             "/news.xml": "@atom news.gmi", "/hall": "hall.gophermap",
             "/pixel.png": "pixel.png", "/data.bin": "data.bin",
             "/big.bin": "big.bin"}


def sections():
    """Port 1 of Gopher is UTF-8, 2 latin1, 3 ascii, 4 capsule B."""
    all_of_it = {
        "gemini": {"listen": ONE}, "gopher": {"listen": ONE},
        "capsule": {"hostname": "localhost 127.0.0.1 " + A},
        "listing": None, "languages": None, "types": None,
        "selectors": {**{k: None for k in server.SELECTORS}, **SELECTORS},
        "access": {"/members/*": "any"},
        "gopher b": {"listen": ONE},
        "capsule b": {"hostname": B, "root": "root"},
        "selectors b": {"/": "b.gmi"},
        "capsule idn": {"hostname": IDN, "root": "root"},
        "selectors idn": {"/": "idn.gmi"},
    }
    for charset in ("latin1", "ascii"):
        # Found by their ports; the names are only there to be different.
        name = charset + ".example.org"
        all_of_it["gopher " + charset] = {"listen": ONE, "charset": charset}
        all_of_it["capsule " + charset] = {"hostname": name, "root": "root"}
        all_of_it["selectors " + charset] = {
            "/": "index.gmi", "/plain.txt": "plain.txt",
            "/history": "history.gmi"}
    return all_of_it


def serve(folder, web):
    """A context with the daemon; gophers: its ports by name."""
    server.write_capsule(folder / "root")
    write(folder / "root", web)
    return server.running(folder, server.conf(**sections()))


def name_ports(one):
    ports = re.search(r"gopher=([0-9,]+)", one.ready)[1].split(",")
    one.gophers = dict(zip(("utf-8", "b", "latin1", "ascii"),
                           map(int, ports)))


def make_latin1_locale(home):
    """An environment with a locale of Latin-1, or None if none can be made."""
    done = subprocess.run(
        ["localedef", "-i", "en_US", "-f", "ISO-8859-1",
         home / "en_US.ISO-8859-1"], capture_output=True)
    if not (home / "en_US.ISO-8859-1" / "LC_CTYPE").exists():
        print(done.stderr.decode())
        return None
    return {"LOCPATH": home, "LANG": "en_US.ISO-8859-1"}
