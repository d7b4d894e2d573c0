"""New instances with real apt and real package lists, on a network that a test can break.

A launch is a folder that apt takes for its root (``APT_CONFIG``), the agent's own code, and a
proxy on the loopback interface that plays every repository. Nothing of this machine's apt is used
but its programs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.hosts.repository import Deb, Repository
from tests.unit.readiness.agent import BESIDE, agent, config, console, edges

SYSTEM_PYTHON = "/usr/bin/python3"
"""The one for which Debian's python3-apt is installed."""

SECURITY, VENDOR, ESM = "security.example.org", "vendor.example.com", "esm.ubuntu.com"
SUITES = {SECURITY: ("stable", "stable-updates", "stable-security"), VENDOR: ("stable",)}
A_SECOND = {"ValidTime": "1"}
"""As apt-ftparchive calls it: good for a second, and expired when the first launch looks."""

SILENCE_S = 1.5
"""Longer than the patience of this apt."""

PATTERN = "origin=Example,label=Example-Security"
APT_CONF = """
Dir "{root}/";
Dir::State::status "{root}/var/lib/dpkg/status";
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Timeout "1";
Acquire::http::Proxy "http://127.0.0.1:{port}";
Unattended-Upgrade::Origins-Pattern {{ "{pattern}"; }};
Salt-Unattended-Upgrades::Security-Origins {{ "{pattern}"; }};
"""
FOLDERS = ("etc/apt/sources.list.d", "etc/apt/preferences.d", "etc/apt/apt.conf.d",
           "var/lib/apt/lists/partial", "var/lib/dpkg", "var/cache/apt/archives/partial",
           "run/asgcycle")  # fmt: skip
INSTALLED = """Package: {name}
Status: {want} ok installed
Priority: optional
Section: misc
Maintainer: nobody
Architecture: all
Version: {version}
Description: {name} for tests

"""


def missing() -> str:
    """Return why launches cannot be played on this machine, empty when they can."""
    if not all(map(shutil.which, ("apt-get", "apt-ftparchive", "gpg", "dpkg-deb"))):
        return "apt, apt-utils, gpg or dpkg-deb is not installed"
    asked = [SYSTEM_PYTHON, "-c", "import apt_pkg"]
    done = subprocess.run(asked, capture_output=True, check=False)
    return "" if done.returncode == 0 else "python3-apt is not installed"


class Archive:
    """Every repository in every condition, built once."""

    def __init__(self, folder: Path) -> None:
        good, other = Repository(folder / "good"), Repository(folder / "other")
        self.good = good.public
        self.foreign = other.public
        ours = {"Origin": "Example", "Label": "Example-Security"}
        staged = Deb("staged", "2", fields={"Phased-Update-Percentage": "0"})
        for repository in (good, other):
            repository.publish("stable", [Deb("plain", "1"), Deb("tools", "1")], Origin="Example")
            repository.publish("stable-updates", [staged], **ours)
            repository.publish("stable-security", [Deb("plain", "2")], **ours)
        old = Repository(folder / "old")
        old.publish("stable", [Deb("tools", "1")], Origin="Example", **A_SECOND)
        old.publish("stable-updates", [staged], **ours, **A_SECOND)
        old.publish("stable-security", [Deb("plain", "2")], **ours, **A_SECOND)
        self.old = old.public
        self.keys = [one / "key.gpg" for one in (self.good, self.old)]


@dataclass
class Network:
    """What each host answers: a folder to serve, or what is wrong with it."""

    hosts: dict[str, Path | str] = field(default_factory=dict)

    @contextmanager
    def up(self) -> Iterator[int]:
        """Listen as a proxy; yields the port."""
        hosts = self.hosts

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                served = hosts.get(url.hostname or "", "gone")
                if served == "silent":
                    over.wait(SILENCE_S)
                    self.close_connection = True
                    return
                codes = {"gone": 404, "closed": 401, "broken": 503, "portal": 200}
                if isinstance(served, str):
                    self.answer(codes[served], b"<html>please log in</html>")
                    return
                path = served / url.path.lstrip("/")
                found = path.read_bytes() if path.is_file() else None
                self.answer(404 if found is None else 200, found or b"")

            def answer(self, code: int, body: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        over = threading.Event()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            over.set()
            server.shutdown()
            server.server_close()
            thread.join()


class Time:
    """A clock that only sleeping moves."""

    now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Launch:
    """One new instance: what is installed and configured, then its agent."""

    def __init__(self, root: Path, port: int, keys: list[Path]) -> None:
        self.root, self.port = root, port
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True)
        self.write("etc/apt.conf", APT_CONF.format(root=root, port=port, pattern=PATTERN))
        self.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.write("usr/bin/apt-get")
        self.write("proc/sys/kernel/random/boot_id", "boot-1\n")
        (root / "etc/key.gpg").write_bytes(b"".join(key.read_bytes() for key in keys))
        definition = root / "usr/local/lib/asgcycle/patched"
        definition.parent.mkdir(parents=True)
        definition.symlink_to(BESIDE / "patched")

    def write(self, path: str, text: str = "") -> None:
        """Write a file below the root."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def install(self, held: tuple[str, ...] = (), **versions: str) -> None:
        """Set which packages are installed."""
        rows = [
            INSTALLED.format(name=name, version=version, want="hold" if name in held else "install")
            for name, version in versions.items()
        ]
        self.write("var/lib/dpkg/status", "".join(rows))

    def has_lists_of(self, other: Launch) -> None:
        """Bring the package lists along that an image was made with."""
        lists = self.root / "var/lib/apt/lists"
        shutil.rmtree(lists)
        shutil.copytree(other.root / "var/lib/apt/lists", lists)

    def run(self, argv: list[str], seconds: float) -> tuple[int, str, str]:
        """Run a command of the agent's with this root's apt."""
        command = [SYSTEM_PYTHON if word == sys.executable else word for word in argv]
        environment = {**os.environ, "LC_ALL": "C", "APT_CONFIG": str(self.root / "etc/apt.conf")}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def wait(self) -> tuple[bool, list[str]]:
        """Let the agent wait until it is ready or gives up: whether it was, and its console."""
        time = Time()
        host = edges.Host(str(self.root), self.run)
        settings = config(self.root, checks=["security-updates"], timeout=5, interval=10)
        found = agent.Agent(host, settings, time.clock, time.sleep)
        return found.wait() == 0, console(self.root)
