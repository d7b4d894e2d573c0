"""What this machine needs for booting hosts, and why it may not be able to."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

SYSTEM_PACKAGES = (
    "mmdebstrap",
    "systemd-container",
    "debian-archive-keyring",
    "apt-utils",
    "gpg",
    "gpg-agent",
    "util-linux",
)
"""Debian packages that carry the commands and the keyring used here."""

COMMANDS = (
    "mmdebstrap",
    "systemd-nspawn",
    "apt-ftparchive",
    "gpg",
    "dpkg-deb",
    "nsenter",
    "unshare",
    "setpriv",
    "mount",
)
ARCHIVE_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
INSTALL_DEADLINE_S = 600
PROBE_DEADLINE_S = 20


def missing() -> list[str]:
    """Return the names of the commands and files that are not installed."""
    absent = [name for name in COMMANDS if shutil.which(name) is None]
    return absent if ARCHIVE_KEYRING.exists() else [*absent, str(ARCHIVE_KEYRING)]


def install() -> None:
    """Install :data:`SYSTEM_PACKAGES` through apt when something is missing; needs root.

    Raises:
        subprocess.CalledProcessError: apt failed.
    """
    if not missing():
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-qy", "--no-install-recommends", *SYSTEM_PACKAGES],
    ):
        subprocess.run(command, check=True, env=quiet, timeout=INSTALL_DEADLINE_S)


@cache
def why_not() -> str | None:
    """Return in words why hosts cannot be booted on this machine, or None when they can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "booting hosts needs root (mount and PID namespaces, mmdebstrap)"
    if absent := missing():
        return f"not installed: {', '.join(absent)} (Debian packages: {', '.join(SYSTEM_PACKAGES)})"
    return _namespace_trouble()


def _namespace_trouble() -> str | None:
    """Return why the namespaces that nspawn needs cannot be made, or None."""
    command = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "true"]
    try:
        probe = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_DEADLINE_S)
    except subprocess.TimeoutExpired:
        return "making namespaces hangs on this machine"
    if probe.returncode:
        return f"namespaces are not allowed here: {probe.stderr.strip()}"
    return None
