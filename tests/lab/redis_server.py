"""A real Redis server of the distribution's own package, on a socket of its own, for one test."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

#: Debian's package, and the command it brings.
PACKAGE, COMMAND = "redis-server", "redis-server"
INSTALL_DEADLINE_S = 600
START_DEADLINE_S = 30


def install() -> str:
    """Install the package when it is missing and this is root.

    Returns:
        Why there is no Redis here; empty when there is.
    """
    if shutil.which(COMMAND):
        return ""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"no {COMMAND}: apt-get install {PACKAGE}"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with (Path(tempfile.gettempdir()) / "asgcycle-redis.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests in several processes: one of them installs
        if not shutil.which(COMMAND):
            for command in (
                ["apt-get", "update", "-q"],
                ["apt-get", "install", "-qy", "--no-install-recommends", PACKAGE],
            ):
                subprocess.run(command, check=True, env=quiet, timeout=INSTALL_DEADLINE_S)
    return ""


class RedisServer:
    """A server that keeps what it was told over a stop and a start."""

    def __init__(self) -> None:
        # a socket's path has room for about 100 characters, fewer than pytest's folders take
        self._folder = tempfile.TemporaryDirectory(prefix="asgcycle-redis-")
        self.socket = Path(self._folder.name) / "socket"
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        arguments = ["--port", "0", "--unixsocket", str(self.socket), "--dir", self._folder.name]
        arguments += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self._process = subprocess.Popen([COMMAND, *arguments], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_DEADLINE_S
        while not self.socket.exists():
            assert self._process.poll() is None, "redis-server has ended"
            assert time.monotonic() < deadline, "redis-server does not listen"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it; what it was told is kept."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_DEADLINE_S)
            self._process = None

    def master(self) -> dict[str, str]:
        """The master's configuration that makes it the cache."""
        return {"cache": "redis", "cache.redis.unix_socket_path": str(self.socket)}

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        self._folder.cleanup()
