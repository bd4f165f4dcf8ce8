"""Other servers, out of Debian's archive, unpacked and not installed.

Installing them would open their ports to the world on a system that runs
systemd; unpacked, nothing of this machine changes, and nobody need be root.
What is installed already is used as it is.
"""
import os
import pathlib
import shutil
import subprocess

import rig

PACKAGES = {"molly-brown": "usr/bin/molly-brown",
            "gophernicus": "usr/sbin/gophernicus",
            "pygopherd": "usr/sbin/pygopherd"}

BOUNDLESS = 1 << 30  # hits, KiB: gophernicus slows down above it
SHARED = "0xbeeb0008"  # the key of gophernicus's shared memory

MOLLY = """Port = %(port)d
Hostname = "%(host)s"
CertPath = "%(crt)s"
KeyPath = "%(key)s"
DocBase = "%(root)s"
AccessLog = "%(null)s"
ErrorLog = "%(null)s"
"""


def run(command, folder):
    try:
        return subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def fetch(name, folder):
    """The package's program, unpacked below folder; None if there is none."""
    place = folder / name
    program = place / PACKAGES[name]
    if program.exists():
        return program
    place.mkdir(parents=True, exist_ok=True)
    os.chmod(place, 0o777)  # apt fetches as a user of its own
    if not run(["apt-get", "-q", "download", name], place):
        return None
    for package in place.glob("*.deb"):
        run(["dpkg-deb", "-x", str(package), str(place)], place)
    return program if program.exists() else None


def find(name, folder, say):
    """Path of a peer's program, or None and a word about it."""
    installed = shutil.which(pathlib.Path(PACKAGES[name]).name,
                             path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    found = pathlib.Path(installed) if installed else fetch(name, folder)
    if found is None:
        say("%s: neither installed nor to be had from apt, going on without"
            % name)
    return found


class Peers:
    """The peers that this machine can run."""

    def __init__(self, shop, folder, say):
        self.shop, self.say = shop, say
        self.programs = {name: find(name, folder, say) for name in PACKAGES}

    def start(self, name, *arguments, **keywords):
        """A running peer, or None."""
        program = self.programs[name]
        if program is None:
            return None
        start = {"molly-brown": self.molly, "gophernicus": self.gophernicus,
                 "pygopherd": self.pygopherd}[name]
        try:
            return self.shop.add(start(program, *arguments, **keywords))
        except (OSError, rig.Failure) as e:
            self.say("%s does not run here, going on without: %s" % (name, e))
            self.programs[name] = None
            return None

    def molly(self, program, prefix=(), port=None, wait=True):
        crt, key = self.shop.pair()
        port = port or rig.free_port()
        conf = self.shop.folder / ("molly-%d.conf" % port)
        conf.write_text(MOLLY % {
            "port": port, "host": rig.HOST, "crt": crt, "key": key,
            "root": self.shop.root, "null": os.devnull})
        server = rig.Server("Molly Brown", [*prefix, program, "-c", conf],
                            gemini=port, stderr=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL)
        if wait:
            rig.wait_until_listening(server, port)
        return server

    def gophernicus(self, program, prefix=()):
        """As packaged, but without names, logs, pages of its own, throttling.

        It keeps what it found out about the machine in shared memory, and
        needs that to be fast.
        """
        server = rig.Server(
            "gophernicus", [*prefix, rig.TOOLS / "inetd", 0, program, "-h",
                            rig.HOST, "-r", self.shop.root, "-nv", "-nr",
                            "-ns", "-nt", "-np", "-i", BOUNDLESS, "-k",
                            BOUNDLESS],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        server.gopher = rig.told_port(server)
        return server

    def clean(self):
        """Remove what gophernicus leaves in the system."""
        if self.programs["gophernicus"] is not None:
            run(["ipcrm", "-M", SHARED], self.shop.folder)

    def pygopherd(self, program, prefix=()):
        port = rig.free_port()
        base = program.parents[2]
        text = rig.read("/etc/pygopherd/pygopherd.conf") or \
            rig.read(base / "etc/pygopherd/pygopherd.conf")
        for key, value in (("port", port), ("root", self.shop.root),
                           ("usechroot", "no"), ("detach", "no"),
                           ("pidfile", self.shop.folder / "pygopherd.pid"),
                           ("logmethod", "none"),
                           ("mimetypes", "/etc/mime.types")):
            text = "\n".join(
                "%s = %s" % (key, value) if line.startswith(key + " ")
                or line.startswith(key + "=") else line
                for line in text.splitlines()) + "\n"
        text = "\n".join(line for line in text.splitlines()
                         if not line.startswith(("setuid", "setgid"))) + "\n"
        conf = self.shop.folder / "pygopherd.conf"
        conf.write_text(text)
        env = dict(os.environ, PYTHONPATH=str(
            base / "usr/lib/python3/dist-packages"))
        server = rig.Server("pygopherd", [*prefix, "/usr/bin/python3",
                                          program, conf],
                            gopher=port, stderr=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, env=env)
        rig.wait_until_listening(server, port)
        return server
