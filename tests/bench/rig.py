"""The rig: servers side by side, clients, and what the system tells of both.

Every server listens on 127.0.0.1 unless told otherwise, at a port that the
system chose, and serves the same page.  Processor time and memory are those
of a server's whole process tree: master, workers, key process, and children
that have ended and were waited for.
"""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BENCH_BUILD", ROOT / "build/release"))
TOOLS = BUILD / "tests"
HOST = "example.org"
PAGE_BYTES = 2024  # of the page that all servers serve
PATIENCE = 30  # seconds until a server that does not start is given up
TICK = os.sysconf("SC_CLK_TCK")
MANY = 20000  # connections, over all and from one address


class Failure(Exception):
    """Something that makes a measurement worthless; says what."""


# -- what the system knows of processes --

def read(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def stat_fields(pid):
    """The fields of /proc/PID/stat after the name, or nothing."""
    return read("/proc/%d/stat" % pid).rpartition(")")[2].split()


def tree(root):
    """A process and all that came from it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(int(entry))
            if fields and fields[0] != "Z":
                parents[int(entry)] = int(fields[1])
    found, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found}
        grown = not more <= found
        found |= more
    return sorted(found)


def process_us(pid):
    """Processor time of a process, in microseconds.

    schedstat counts nanoseconds where stat counts ticks; only stat knows of
    children that have ended.
    """
    fields = stat_fields(pid)
    if not fields:
        return 0.0
    ended = sum(map(int, fields[13:15])) * 1e6 / TICK
    live = 0
    with contextlib.suppress(OSError):
        for task in os.listdir("/proc/%d/task" % pid):
            words = read("/proc/%d/task/%s/schedstat" % (pid, task)).split()
            live += int(words[0]) if words else 0
    if live == 0:
        return ended + sum(map(int, fields[11:13])) * 1e6 / TICK
    return ended + live / 1e3


def pss(pid, kinds="Pss"):
    """Memory of a process in bytes, shared pages by their share.

    kinds, a pattern: only those lines of smaps_rollup.
    """
    return 1024 * sum(int(kib) for kib in re.findall(
        r"^(?:%s):\s+(\d+) kB" % kinds,
        read("/proc/%d/smaps_rollup" % pid), re.M))


# Without files: whether others have mapped a library must not matter.
OWN = "Pss_Anon|Pss_Shmem"


def run_for_output(command):
    """What a command prints, whatever its exit status."""
    return subprocess.run([str(word) for word in command],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True).stdout


def name_of(pid):
    return read("/proc/%d/comm" % pid).strip()


def role_of(pid):
    """What a process of the daemon is for: "content", "worker", ..."""
    return name_of(pid).removeprefix("capsuled").strip() or "master"


def is_root():
    return os.geteuid() == 0


# -- servers --

class Server:
    """A running server.  gemini, gopher: its ports, None where it has none.

    gemini_url, gopher_selector: where the page is.
    """

    def __init__(self, name, command, gemini=None, gopher=None, **popen):
        self.name = name
        self.gemini, self.gopher = gemini, gopher
        self.gemini_url = "gemini://%s/page.gmi" % HOST
        self.gopher_selector = "/page.txt"
        self.proc = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL,
            start_new_session=True, **popen)

    @property
    def pid(self):
        return self.proc.pid

    def cpu_us(self):
        return sum(process_us(pid) for pid in tree(self.pid))

    def memory(self, kinds="Pss"):
        return sum(pss(pid, kinds) for pid in tree(self.pid))

    def url(self, protocol):
        return self.gemini_url if protocol == "gemini" \
            else self.gopher_selector

    def stop(self):
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                pass
        # What is left of its session: servers that forget their children.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.proc.pid, signal.SIGKILL)
        self.proc.wait()


class Capsuled(Server):
    """The daemon, with workers of its own and a key process or none."""

    def __init__(self, name, folder, text, binary=None, prefix=()):
        folder.mkdir(parents=True, exist_ok=True)
        self.conf = folder / "capsuled.ini"
        self.conf.write_text(text)
        self.log = folder / "log"
        ready, tell = os.pipe()
        with open(self.log, "ab") as log:
            super().__init__(name, [*prefix, binary or BUILD / "capsuled",
                                    "-f", "-c", self.conf, "-R", tell],
                             pass_fds=[tell], stderr=log)
        os.close(tell)
        with os.fdopen(ready) as pipe:  # its end means: did not start
            line = pipe.readline()
        if not line.startswith("ready "):
            self.stop()
            raise Failure("%s did not start: %s" % (name, read(self.log)))
        ports = dict(word.split("=") for word in line.split()[1:])
        self.gemini, self.gopher = (
            int(ports[key].split(",")[0]) if key in ports else None
            for key in ("gemini", "gopher"))

    def workers(self):
        return [pid for pid in tree(self.pid) if "worker" in name_of(pid)]

    def key_processes(self):
        return [pid for pid in tree(self.pid) if "keys" in name_of(pid)]


def told_port(server):
    """The port that one of our tools prints once it serves."""
    line = server.proc.stdout.readline().decode()
    if not line.startswith("port="):
        server.stop()
        raise Failure("%s did not start" % server.name)
    return int(line[len("port="):])


class Limit(Server):
    """The cheapest honest server for one answer: see limit.c."""

    def __init__(self, name, mode, *arguments, prefix=()):
        super().__init__(name, [*prefix, TOOLS / "limit", mode, 0,
                                *arguments], stdout=subprocess.PIPE)
        port = told_port(self)
        if mode in ("gopher", "file"):
            self.gopher = port
        else:
            self.gemini = port


def free_port(address="127.0.0.1"):
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def wait_until_listening(server, port, address="127.0.0.1"):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.proc.poll() is None:
        with contextlib.suppress(OSError), \
                socket.create_connection((address, port), 1):
            return
        time.sleep(0.05)
    server.stop()
    raise Failure("%s does not listen" % server.name)


# -- what is served --

def page(number=0):
    """A page of PAGE_BYTES bytes of gemtext, unlike that of other numbers."""
    line = ("%d: public management and territorial governance at work\n"
            % number)
    text = "# Page %d\n\n" % number + line * (PAGE_BYTES // len(line) + 1)
    return text[:PAGE_BYTES - 1] + "\n"


def lay_page(root):
    """page.gmi, and page.txt of the same size, for every server to serve.

    The text has CRLF at its lines' ends, as Gopher wants it: nobody has to
    change a byte.
    """
    root.mkdir(parents=True, exist_ok=True)
    os.chmod(root, 0o755)
    text = page().replace("\n", "\r\n")[:PAGE_BYTES - 2] + "\r\n"
    for name, content in (("page.gmi", page()), ("page.txt", text)):
        (root / name).write_bytes(content.encode())
        os.chmod(root / name, 0o644)


def capsuled_conf(root, certificate, selectors, address="127.0.0.1", **change):
    """A configuration without the limits that protect from floods."""
    server = {"workers": "1", "rate": "0", "max_connections": MANY,
              "max_connections_per_address": MANY, "request_timeout": "1h"}
    if is_root():
        server["user"] = pwd.getpwnam("nobody").pw_name
    sections = {
        "server": server,
        "log": {"access": "none", "level": "warn"},
        "gemini": {"listen": address + ":0"},
        "gopher": {"listen": address + ":0"},
        "capsule": {"hostname": HOST + " localhost", "root": root,
                    "certificate": certificate + ".crt",
                    "key": certificate + ".key", "language": "en"},
        "selectors": selectors,
    }
    for section, keys in change.items():
        sections.setdefault(section, {}).update(keys)
    return "".join("[%s]\n%s" % (name, "".join(
        "%s = %s\n" % pair for pair in keys.items()))
        for name, keys in sections.items())


# -- clients --

def values(line):
    """key=value words as a dict of numbers."""
    return {k: float(v) for k, v in
            (word.split("=", 1) for word in line.split() if "=" in word)}


def load(server, protocol, seconds=None, visits=None, clients=8, url=None,
         pages=0, resume=False, discard=False, expect=None, prefix=()):
    """Visits without pause; what load.c tells, and the server's time.

    Adds cpu_us, microseconds a visit of the server's process tree.
    """
    command = [*prefix, TOOLS / "load", protocol, "-s", HOST, "-c", clients,
               "-p", server.gemini if protocol == "gemini" else server.gopher,
               "-u", url or server.url(protocol), "-d", seconds or 600, "-S"]
    for flag, value in (("-n", visits), ("-k", pages), ("-x", expect)):
        if value:
            command += [flag, value]
    command += ["-r"] * resume + ["-D"] * discard
    before = server.cpu_us()
    with subprocess.Popen([str(word) for word in command], text=True,
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as proc:
        if resume and proc.stdout.readline() == "primed\n":
            before = server.cpu_us()
        told = proc.communicate("go\n" * resume)[0]
    spent = server.cpu_us() - before
    found = values(told)
    if not found.get("ok"):
        raise Failure("%s: no good visit: %s" % (server.name, told))
    found["cpu_us"] = spent / (found["ok"] + found["bad"])
    return found


def visit(server, protocol, visits=1, url=None, segment=0, address=None,
          pause=0, prefix=()):
    """Single visits, taken apart: a list of dicts, with a dict "parts".

    pause: ms between two of them.
    """
    command = [*prefix, TOOLS / "visit", protocol, "-s", HOST, "-n", visits,
               "-p", server.gemini if protocol == "gemini" else server.gopher,
               "-u", server.url(protocol) if url is None else url,
               "-m", segment, "-w", pause]
    if address:
        command += ["-a", address]
    got = subprocess.run([str(word) for word in command],
                         stdout=subprocess.PIPE, text=True)
    found = []
    for line in got.stdout.splitlines():
        if line.startswith("visit="):
            found.append(dict(values(line), parts={}))
        elif line.startswith("part "):
            _, way, name, count = line.split()
            found[-1]["parts"][way, name] = int(count)
    if len(found) != visits or got.returncode != 0:
        raise Failure("%s: a visit failed: %s" % (server.name, got.stdout))
    return found


# -- rounds --

def median(numbers):
    return statistics.median(numbers) if numbers else float("nan")


def in_rounds(rounds, subjects, base, measure, say=lambda done: None):
    """measure(subject) for each subject, round by round, base beside each.

    Base is measured anew right before every other subject: what else the
    machine does comes and goes in seconds, and shall meet both.  For the same
    reason many short rounds tell more than a few long ones, and each begins
    with another subject.  Returns {subject: [what was measured]}; "beside" in
    it is what base did then.
    """
    others = [subject for subject in subjects if subject is not base]
    found = {subject: [] for subject in subjects}
    for i in range(rounds):
        say((i + 1, rounds))
        at = i % len(others)
        for subject in others[at:] + others[:at]:
            beside = measure(base)
            found[base].append(dict(beside, beside=beside))
            found[subject].append(dict(measure(subject), beside=beside))
    return found


def medians(results, key):
    return {subject: median([one[key] for one in many])
            for subject, many in results.items()}


def ratios(results, key):
    """For each subject the median of its ratios to base beside it."""
    return {subject: median([one[key] / one["beside"][key] for one in many])
            for subject, many in results.items()}


class Workshop:
    """A folder for a run, and the servers in it; all gone at the end."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        os.chmod(folder, 0o755)
        self.root = folder / "site"
        lay_page(self.root)
        self.certificate = str(folder / HOST)
        self.servers = []
        self.count = 0

    def add(self, server):
        self.servers.append(server)
        return server

    def capsuled(self, name="capsuled", root=None, selectors=None, prefix=(),
                 address="127.0.0.1", **change):
        """A daemon, with sections of its configuration changed."""
        self.count += 1
        text = capsuled_conf(
            root or self.root, self.certificate,
            selectors or {"/page.gmi": "page.gmi", "/page.txt": "page.txt"},
            address, **change)
        return self.add(Capsuled(name, self.folder / str(self.count), text,
                                 prefix=prefix))

    def limit(self, name, mode, *arguments, prefix=()):
        return self.add(Limit(name, mode, *arguments, prefix=prefix))

    def pair(self):
        """The certificate and key that all servers use.

        The daemon makes them when it first starts.
        """
        if not os.path.exists(self.certificate + ".crt"):
            self.stop(self.capsuled())
        return self.certificate + ".crt", self.certificate + ".key"

    def stop(self, *servers):
        for server in servers or list(self.servers):
            server.stop()
            self.servers.remove(server)

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
