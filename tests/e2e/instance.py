"""An instance that boots with user data: a host with cloud-init, a NoCloud seed and Salt in it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hosts import roots, sources
from tests.hosts.machine import Host, HostError, Setup
from tests.hosts.minion import BASE, PYTHON, with_salt
from tests.hosts.repository import Deb, Repository

REPOSITORY = Path(__file__).parents[2]
INSTANCE_ID = "i-0123456789abcdef0"
SEED = "/var/lib/cloud/seed/nocloud"
LINE_DEADLINE_S = 240
POLL_S = 0.2

UPDATE = "core-update"
"""A package whose update asks for a reboot, as that of a kernel does."""

ASKS_FOR_REBOOT = f'touch /run/reboot-required; echo "{UPDATE}" >>/run/reboot-required.pkgs'
MINION = """import sys
from salt.scripts import salt_minion
sys.exit(salt_minion())
"""
MINION_UNIT = f"""[Unit]
Description=Salt minion, as a package brings it
[Service]
ExecStart={PYTHON} {BASE}/venv/bin/salt-minion
KillMode=process
[Install]
WantedBy=multi-user.target
"""
IMAGE_FILES = {
    # Below /usr, as in a package: user data masks it with a link in /etc.
    "/usr/lib/systemd/system/salt-minion.service": MINION_UNIT,
    f"{BASE}/venv/bin/salt-minion": MINION,
    "/etc/salt/minion": "",
    "/etc/cloud/cloud.cfg.d/99-seed.cfg": "datasource_list: [NoCloud]\n",
    f"{SEED}/meta-data": f"instance-id: {INSTANCE_ID}\nlocal-hostname: web-1\n",
}


@dataclass(frozen=True)
class Event:
    """A line of the journal: in which boot, by which unit (``""``: none), what it says."""

    boot: str
    unit: str
    text: str


class Instance:
    """A booted host; it may reboot by itself."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def lines(self) -> list[str]:
        """Return what asgcycle has said on the console since the instance was launched."""
        return re.findall(r"asgcycle: [^\r\n]*", self.host.console())

    def await_line(self, words: str) -> str:
        """Return the first line of asgcycle on the console with ``words``, once it is there.

        Raises:
            HostError: it did not come in time; the message ends with the console.
        """
        end = time.monotonic() + LINE_DEADLINE_S
        while time.monotonic() < end:
            found = [line for line in self.lines() if words in line]
            if found:
                self.host.enter()
                return found[0]
            time.sleep(POLL_S)
        raise HostError(f"no {words!r} on the console:\n{self.host.console()[-6000:]}")

    def journal(self) -> list[Event]:
        """Return the journal of all boots, the oldest line first."""
        rows = map(json.loads, self.host.run("journalctl", "--output=json").lines)
        return [
            Event(row["_BOOT_ID"], row.get("UNIT") or row.get("_SYSTEMD_UNIT") or "", text)
            for row in rows
            if isinstance(text := row.get("MESSAGE"), str)
        ]


def image(release: int, repository: Repository, store: Path) -> tuple[tuple[Path, ...], Setup]:
    """Return the layers of an image with cloud-init, Salt and the old ``core-update``."""
    codename = roots.CODENAMES[release]
    suites = (f"{codename}-local", f"{codename}-security")
    origin = {"Origin": "Debian", "Codename": suites[1], "Label": "Debian-Security"}
    repository.publish(suites[0], [Deb(UPDATE, "1")], Origin="Local", Label="Local")
    updated = Deb(UPDATE, "2", scripts={"postinst": ASKS_FOR_REBOOT})
    repository.publish(suites[1], [updated], **origin)
    root = roots.obtain(roots.Recipe(release, packages=("cloud-init",)))
    setup = with_salt(
        Setup((root,), name="web-1", boot=False, binds=(repository.bind,)), REPOSITORY
    )
    host = Host(setup)
    host.start()
    try:
        for path, text in IMAGE_FILES.items():
            host.write(path, text)
        host.run("mkdir", "-p", "/var/log/journal")  # persistent: the order over both boots
        repository.configure(host, *suites)
        host.run("apt-get", "install", "-qy", f"{UPDATE}=1")
        return host.freeze(store / f"image-{release}"), setup
    finally:
        host.stop()


@contextmanager
def launched(layers: tuple[Path, ...], setup: Setup, user_data: bytes) -> Iterator[Instance]:
    """Launch an instance of an image with this user data."""
    seed = layers[0] / SEED.lstrip("/")
    (seed / "user-data").write_bytes(user_data)
    started = Setup(
        layers,
        name=setup.name,
        binds=setup.binds,
        shared=setup.shared,
        arguments=("--console=read-only",),
    )
    host = Host(started)
    host.start(wait=False)
    try:
        yield Instance(host)
    finally:
        host.stop()


def mirror() -> dict[str, Any]:
    """Return the pillar's ``apt`` for the mirror that this machine uses."""
    found = sources.own_mirror()
    return {"mirror": found.main, "security_mirror": found.security}
