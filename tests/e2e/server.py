"""The daemon under test: a folder, a configuration, a running process.

CAPSULED names the binary; ports are chosen by the kernel and reported by the
daemon's own -R line, so nothing here waits by the clock.
"""
import contextlib
import fcntl
import grp
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CAPSULED",
                                     ROOT / "build/capsuled")).resolve()
START = 20  # seconds a start or a stop may take under a sanitizer

BINARY_BYTES = bytes(range(256)) * 8 + b"\r\n.\r\n\n.\n" + b"tail\0"
BIG_SIZE = 2 << 20  # bytes; far over what the daemon keeps in memory
PNG = (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0:~\x9bU"
       b"\0\0\0\nIDATx\x9cc`\0\0\0\2\0\1H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82")

INDEX = """# The example capsule

Welcome to a small page with a paragraph that is long enough to be wrapped \
once it becomes a menu, and that has caf\u00e9, na\u00efve and \u0153uvre in it.

=> /history The history
=> plain.txt A text
=> files/ Files of all sorts
=> /both Two sources
=> /old An old address
=> /data.bin Raw bytes
=> /pixel.png A picture
=> /anim.gif A moving picture
=> /tune.mp3 A tune
=> /paper.pdf A paper
=> https://www.example.org/?a=1&b=2 On the web
=> gemini://elsewhere.example.org/x Another capsule
=> gopher://hole.example.org:7070/0/notes.txt A hole
=> mailto:webmaster@example.org Write to us
=> no-label-here

* a first point
* a second point, long enough that it must continue on a line of its own \
below the first
> a quotation
``` a drawing
  +---+
  | o |
=> /not A link inside a drawing is none
  +---+
```
"""

HISTORY = """# History

=> / Home
1996 was the first year.
"""

HALL = """!The hall
Welcome to the hall
=> /history looks like a link
``` looks like a toggle
# looks like a comment to some
1History\t/history
0Text\t/plain.txt
hWeb\tURL:https://www.example.org/
1Away\t/there\thole.example.org\t7071
iinfo line\tfake\t(NULL)\t0
.
after the end
"""

ODD = ["a b.txt", "per%cent.txt", "who?.txt", "num#ber.txt", "semi;colon.txt",
       "col:on.txt", "a:b", "at@.txt", "plus+.txt", "amp&.txt", "eq=.txt",
       "\u00e9t\u00e9.txt", "-dash.txt", "'quote'.txt", "two  blanks.txt",
       "%41.txt", "\u65e5\u672c.txt"]


def write_capsule(root):
    """The content that most tests are served."""
    def put(name, data):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, str):
            data = data.encode("utf-8")
        path.write_bytes(data)

    put("index.gmi", INDEX)
    put("history.gmi", HISTORY)
    put("no-label-here.gmi", "# No label\n")
    put("plain.txt", "first\n.\n.. two dots\n.hidden\ncaf\u00e9 \u0153uvre\n"
        "\nlast without end")
    put("crlf.txt", "one\r\ntwo\r\n")
    put("bom.gmi", b"\xef\xbb\xbf# With a mark\n")
    put("latin.txt", b"caf\xe9\n")
    put("empty.txt", b"")
    put("data.bin", BINARY_BYTES)
    put("pixel.png", PNG)
    put("anim.gif", b"GIF89a\1\0\1\0\0\0\0;")
    put("tune.mp3", b"ID3\3\0\0\0\0\0\0\r\n.\r\nnoise")
    put("paper.pdf", b"%PDF-1.4\n\xe2\xe3\n%%EOF\n")
    put("pack.tar.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\3")
    put("book.epub", b"PK\3\4")
    put("robots.txt", "User-agent: *\nDisallow: /private/\n")
    put("both.gmi", "# From gemtext\n")
    put("both.gophermap", "From a gophermap\n1History\t/history\n")
    put("hall.gophermap", HALL)
    for name in ODD:
        put("files/" + name, "content of " + name + "\n")
    put("files/sub/index.gmi", "# Sub index\n=> ../ Up\n=> leaf Leaf\n")
    put("files/sub/leaf", b"leaf\n")
    put("quiet/one.txt", "one\n")
    put("indexed/index.gmi", "# An index\n")
    put("indexed/two.txt", "two\n")
    put("fr/page.gmi", "# Une page\n")
    with open(root / "big.bin", "wb") as big:
        block = bytes((i * 7 + 3) % 251 for i in range(65536))
        for i in range(BIG_SIZE // len(block)):
            big.write(block[:-4] + i.to_bytes(4, "big"))


SELECTORS = {
    "/": "index.gmi",
    "/history": "history.gmi",
    "/no-label-here": "no-label-here.gmi",
    "/plain.txt": "plain.txt",
    "/crlf.txt": "crlf.txt",
    "/latin.txt": "latin.txt",
    "/empty.txt": "empty.txt",
    "/bom": "bom.gmi",
    "/data.bin": "data.bin",
    "/pixel.png": "pixel.png",
    "/anim.gif": "anim.gif",
    "/tune.mp3": "tune.mp3",
    "/paper.pdf": "paper.pdf",
    "/pack.tar.gz": "pack.tar.gz",
    "/book.epub": "book.epub",
    "/robots.txt": "robots.txt",
    "/both": "both.gmi",
    "/hall": "hall.gophermap",
    "/files/": "files/",
    "/quiet/": "quiet/",
    "/indexed/": "indexed/",
    "/fr/": "fr/",
    "/big.bin": "big.bin",
    "/old": "@redirect /history",
    "/soon": "@redirect-temporary /history",
    "/1998": "@gone",
}


def let_in(folder):
    """Let everybody enter a folder, for pages are read by a user of its own.

    pytest makes its folders for their owner alone.
    """
    for one in (folder, *folder.parents):
        mode = one.stat().st_mode
        if one.stat().st_uid == os.geteuid() and not mode & 0o001:
            one.chmod(mode & 0o7777 | 0o011)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


IPV6 = has_ipv6()
LISTEN = "127.0.0.1:0 [::1]:0" if IPV6 else "127.0.0.1:0"


def unprivileged():
    """Users and a group to drop to; nothing when we are not root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_name,
            "group": grp.getgrgid(user.pw_gid).gr_name,
            "key_user": pwd.getpwnam("daemon").pw_name,
            "data_user": pwd.getpwnam("bin").pw_name}


def defaults():
    return {
        # One address asks for everything here: limits have their own tests.
        "server": dict(unprivileged(), workers="1", rate="0",
                       max_connections_per_address="10000"),
        "log": {"addresses": "full"},
        "gemini": {"listen": LISTEN},
        "gopher": {"listen": LISTEN},
        "capsule": {
            "hostname": "capsule.example.org www.example.org localhost",
            "root": "root",
            "certificate": "capsule.crt",
            "key": "capsule.key",
            "language": "en",
            "title": "The example capsule",
            "admin": "webmaster@example.org",
        },
        "selectors": dict(SELECTORS),
        "listing": {"/files/": "yes"},
        "languages": {"/fr/*": "fr"},
        "types": {".epub": "application/epub+zip 9"},
    }


def conf(**change):
    """The usual configuration as INI text, with sections changed.

    A section is a dict that is laid over the default one; a value of None
    takes a key out, and a section of None all of it.
    """
    sections = defaults()
    for name, keys in change.items():
        if keys is None:
            sections.pop(name, None)
            continue
        section = sections.setdefault(name, {})
        for key, value in keys.items():
            section.pop(key, None)
            if value is not None:
                section[key] = value
    text = ""
    for name, keys in sections.items():
        text += "[%s]\n" % name
        text += "".join("%s = %s\n" % kv for kv in keys.items())
    return text


def demo_conf(folder):
    """conf/demo.ini on free ports, with its certificate in folder."""
    changed = {
        ("gemini", "listen"): "127.0.0.1:0",
        ("gopher", "listen"): "127.0.0.1:0",
        ("gopher", "port"): "auto",
        ("capsule", "root"): ROOT / "capsule",
        ("capsule", "certificate"): folder / "demo.crt",
        ("capsule", "key"): folder / "demo.key",
    }
    section, lines = "", []
    for line in (ROOT / "conf" / "demo.ini").read_text().splitlines():
        if header := re.match(r"\[(.*)\]", line):
            section = header[1]
        pair = re.match(r"([a-z_]+)\s*=", line)
        if pair and (section, pair[1]) in changed:
            line = "%s = %s" % (pair[1], changed[section, pair[1]])
        lines.append(line)
        if header and section == "server":
            lines += ["%s = %s" % kv for kv in unprivileged().items()]
            lines += ["rate = 0"]
    return "\n".join(lines) + "\n"


def let_pass(seconds, why):
    """Let time pass that is itself what a test is about; why is for readers.

    What can be seen from outside is waited for: see wait_for.
    """
    assert why
    time.sleep(seconds)


def wait_for(what, condition, seconds=START):
    """Poll until condition() is true and return what it said.

    A file or a process that is not there, or no longer, is nothing to stop
    at: /proc tells of processes that end while one reads.
    """
    end = time.monotonic() + seconds
    while True:
        why = None
        try:
            got = condition()
            if got:
                return got
        except (FileNotFoundError, ProcessLookupError) as e:
            why = e
        if time.monotonic() > end:
            raise AssertionError("still waiting for " + what) from why
        time.sleep(0.01)


def children(pid):
    """The live children of a process, oldest first."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        state, parent = stat.rsplit(")", 1)[1].split()[:2]
        if int(parent) == pid and state != "Z":
            found.append(int(entry.name))
    return sorted(found)


def title(pid):
    """What a process calls itself: "capsuled" and a word, cut to 15 bytes."""
    try:
        return pathlib.Path("/proc/%d/comm" % pid).read_text().strip()
    except OSError:
        return ""


def is_worker(pid):
    """True for a process that serves; a child just forked is none yet."""
    return title(pid) == "capsuled worker"


def is_key_process(pid):
    """True for the process that holds the private keys."""
    return title(pid) == "capsuled keys"


def is_content(pid):
    """True for the process that reads the pages."""
    return title(pid) == "capsuled conten"


def is_exporter(pid):
    """True for the process that answers Prometheus."""
    return title(pid) == "capsuled metric"


def is_searcher(pid):
    """True for the process that looks for words."""
    return title(pid) == "capsuled search"


def is_running(pid):
    """True unless the process is gone or a zombie."""
    try:
        stat = pathlib.Path("/proc/%d/stat" % pid).read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def descriptors(pid):
    """How many a process has open; only root may look into a worker."""
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except PermissionError:
        pytest.skip("only root may count another process's descriptors")


def open_files(pid):
    """The names of what a process has open; sockets have numbers for names."""
    found = set()
    for entry in os.scandir("/proc/%d/fd" % pid):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.add(os.readlink(entry.path))
    return found


def cpu_seconds(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text()
    fields = fields.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Daemon:
    """A running capsuled.

    steady: no worker may die or be replaced while it runs, for a crash that
    the master mends at once would go unseen otherwise.
    relative: name the configuration as seen from its own folder.
    under: a command that ends by becoming the daemon.
    """

    def __init__(self, folder, text, options=(), steady=True, foreground=True,
                 relative=False, under=(), **popen):
        self.folder = folder
        self.path = folder / "capsuled.ini"
        self.root = folder / "root"
        self.log_path = folder / "log"
        self.steady = steady
        let_in(folder)
        if not self.root.exists():
            write_capsule(self.root)
        self.path.write_text(text)
        ready, low = os.pipe()
        # Out of the way of descriptors that have to have certain numbers.
        tell = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 64)
        os.close(low)
        if relative:
            popen["cwd"] = folder
        command = [*under, BINARY, *(["-f"] if foreground else []), "-c",
                   self.path.name if relative else self.path, "-R", str(tell),
                   *options]
        if "stderr" not in popen:
            popen["stderr"] = open(self.log_path, "ab")
        try:
            pass_fds = [tell, *popen.pop("pass_fds", [])]
            self.proc = subprocess.Popen(command, pass_fds=pass_fds,
                                         stdin=subprocess.DEVNULL, **popen)
        finally:
            os.close(tell)
            if hasattr(popen["stderr"], "close"):
                popen["stderr"].close()
        try:
            with os.fdopen(ready) as pipe:  # its end means: did not start
                self.ready = pipe.readline()
                self.after_ready = pipe.read() if self.ready else ""
            assert self.ready.startswith("ready "), self.log()
            self.read_ports()
            self.workers = self.children()
            self.key_process = self.key_processes()
            self.content = self.contents()
        except BaseException:
            self.proc.kill()
            self.proc.wait()
            raise

    def read_ports(self):
        ports = dict(kv.split("=") for kv in self.ready.split()[1:])
        ports = {k: v.split(",") for k, v in ports.items()}
        self.gemini, self.gopher = (int(ports[k][0]) if k in ports else None
                                    for k in ("gemini", "gopher"))
        self.metrics = int(ports["metrics"][0]) if "metrics" in ports else None
        self.gemini6, self.gopher6 = (int(ports[k][-1]) if k in ports else None
                                      for k in ("gemini", "gopher"))

    @property
    def pid(self):
        return self.proc.pid

    def children(self):
        """The workers."""
        return [pid for pid in children(self.pid) if is_worker(pid)]

    def key_processes(self):
        return [pid for pid in children(self.pid) if is_key_process(pid)]

    def searchers(self):
        return [pid for pid in children(self.pid) if is_searcher(pid)]

    def contents(self):
        return [pid for pid in children(self.pid) if is_content(pid)]

    def exporters(self):
        return [pid for pid in children(self.pid) if is_exporter(pid)]

    def log(self):
        if not self.log_path.exists():
            return ""
        return self.log_path.read_bytes().decode("utf-8", "backslashreplace")

    def accesses(self, path=None):
        """The access lines so far, each as a dict of its fields.

        What has no end yet is still being written.
        """
        text = self.log() if path is None else path.read_text()
        return [fields(line) for line in text.split("\n")[:-1]
                if "proto=" in line]

    def signal(self, number):
        """HUP comes after a touch of the configuration: all is loaded anew."""
        if number == signal.SIGHUP:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self.path)
        self.proc.send_signal(number)

    def rewrite(self, text):
        """Put another configuration in place, as a careful editor would."""
        new = self.path.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.path)

    def reload(self):
        """HUP, and wait until no worker of before is left.

        For a moment both old and new workers accept: who waits for the first
        new answer only may well get an old one next.
        """
        old = set(self.children())
        self.signal(signal.SIGHUP)
        wait_for("new workers", lambda: self.children()
                 and not old & set(self.children()))

    def rescan(self):
        """HUP where nothing but content has changed, and wait for its end."""
        before = self.log().count("reloaded ")
        self.proc.send_signal(signal.SIGHUP)
        wait_for("the new content",
                 lambda: self.log().count("reloaded ") > before)

    def check(self):
        assert self.proc.poll() is None, "it died: " + self.log()
        if self.steady:
            assert self.children() == self.workers, (
                "a worker died: " + self.log())
            assert self.key_processes() == self.key_process, (
                "the key process died: " + self.log())
            assert self.contents() == self.content, (
                "the content process died: " + self.log())

    def stop(self):
        self.check()
        self.signal(signal.SIGTERM)
        assert self.proc.wait(timeout=START) == 0, self.log()
        self.no_sanitizer_report()

    def no_sanitizer_report(self):
        text = self.log()
        assert "Sanitizer" not in text, text
        assert "runtime error:" not in text, text

    def kill(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()


FIELD = re.compile(r'([a-z]+)=("(?:[^"\\]|\\.)*"|[^" ]+)(?: |$)')


def fields(line):
    """An access line as a dict; fails unless all of it is key=value."""
    got, at = {}, 0
    while at < len(line):
        match = FIELD.match(line, at)
        assert match, "not key=value at %d: %r" % (at, line)
        assert match[1] not in got, "twice %s: %r" % (match[1], line)
        got[match[1]] = match[2]
        at = match.end()
    return got


@contextlib.contextmanager
def running(folder, text=None, **how):
    """A daemon for as long as the block lasts, then its last checks."""
    one = Daemon(folder, conf() if text is None else text, **how)
    try:
        yield one
        one.stop()
    finally:
        one.kill()


def run(*options, timeout=START, **popen):
    """Run the binary to its end; the result has text in stdout, stderr."""
    return subprocess.run([BINARY, *options], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout,
                          **popen)
