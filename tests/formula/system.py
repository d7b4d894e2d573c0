"""What a Debian system says about itself, read from the outside: apt, dpkg, systemd.

Nothing here uses the formula's own modules, so that they can be compared with it.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from tests.hosts.machine import Host, HostError

SIMULATED = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+) (.+) \[\S+\]\)")
DUMPED = re.compile(r'^(\S+) "(.*)";$')
SECURITY_LABEL = "Debian-Security:"
SECURITY_FIRST = "/run/security-first"
FRAGMENT = "/etc/apt/apt.conf.d/zz-salt-unattended-upgrades"
DAILY_UPGRADE = "apt-daily-upgrade.service"
DAILY_UPGRADE_DEADLINE_S = 240
POLL_S = 0.2
ASK_ORIGINS = """
import importlib.machinery, importlib.util
loader = importlib.machinery.SourceFileLoader("uu", "/usr/bin/unattended-upgrade")
uu = importlib.util.module_from_spec(importlib.util.spec_from_loader("uu", loader))
loader.exec_module(uu)
print("\\n".join(uu.get_allowed_origins()))
"""
UCF_MANAGED = {
    "/etc/apt/apt.conf.d/20auto-upgrades": "20auto-upgrades",
    "/etc/apt/apt.conf.d/50unattended-upgrades": "50unattended-upgrades",
}
"""Files that the package hands to ucf, and their originals in /usr/share/unattended-upgrades."""


@dataclass(frozen=True)
class Upgrade:
    """One package that apt would upgrade: to which version, offered by which repositories."""

    version: str
    repositories: str

    @property
    def security(self) -> bool:
        """Whether the candidate comes from Debian's security archive."""
        return SECURITY_LABEL in self.repositories


def upgradable(host: Host, *options: str) -> dict[str, Upgrade]:
    """Return what ``apt-get dist-upgrade`` would upgrade, by package name."""
    simulated = host.run("apt-get", "-s", *options, "dist-upgrade").lines
    found = (SIMULATED.match(line) for line in simulated)
    return {hit[1]: Upgrade(hit[3], hit[4]) for hit in found if hit and hit[2]}


def security_pending(host: Host) -> dict[str, str]:
    """Return the versions waiting in Debian's security archive, by package name.

    It is preferred over the main archive, which has newer versions of the same packages when a
    point release came after the root was built.
    """
    host.write(SECURITY_FIRST, "Package: *\nPin: release l=Debian-Security\nPin-Priority: 990\n")
    found = upgradable(host, "-o", f"Dir::Etc::Preferences={SECURITY_FIRST}")
    return {name: one.version for name, one in found.items() if one.security}


def installed(host: Host) -> dict[str, str]:
    """Return the versions of the packages that are installed and configured, by name."""
    query = r"${Package} ${Version} ${db:Status-Abbrev}\n"
    rows = (line.split() for line in host.run("dpkg-query", "-W", "-f", query).lines)
    return {name: version for name, version, status in rows if status[1] == "i"}


def configuration(host: Host) -> dict[str, str | list[str]]:
    """Return apt's effective configuration: a text for a scalar, a list for ``Key:: ""`` rows."""
    found: dict[str, str | list[str]] = {}
    for line in host.run("apt-config", "dump").lines:
        if (hit := DUMPED.match(line)) is None:
            continue
        key, value = hit.groups()
        if key.endswith("::"):
            members = found.get(key[:-2])
            found[key[:-2]] = [*members, value] if isinstance(members, list) else [value]
        else:
            found[key] = value
    return found


def etc(host: Host) -> dict[str, str]:
    """Return a checksum of each file below /etc that is no cache, by path."""
    listed = host.sh(
        "find /etc -type f ! -name ld.so.cache ! -path '/etc/salt/*' -exec md5sum {} +; "
        "find /etc -type l -printf '%l %p\\n'"
    ).lines
    return dict(reversed(line.split(maxsplit=1)) for line in listed)


def origins(host: Host) -> list[str]:
    """Return the patterns that the installed unattended-upgrade goes by, macros replaced.

    Asked of its own code: a dry run would say the same and take half a minute.
    """
    return host.run("python3", "-c", ASK_ORIGINS).lines


def run_daily_upgrade(host: Host) -> str:
    """Run the service that the upgrade timer starts, to its end, and return systemd's verdict.

    It is polled: an upgrade of systemd itself cuts the connection of a ``systemctl`` that waits.
    """
    host.run("systemctl", "start", "--no-block", DAILY_UPGRADE)
    deadline = time.monotonic() + DAILY_UPGRADE_DEADLINE_S
    while time.monotonic() < deadline:
        time.sleep(POLL_S)
        shown = host.run(
            "systemctl", "show", "-p", "ActiveState,Result", DAILY_UPGRADE, check=False
        )
        state = dict(line.split("=", 1) for line in shown.lines)
        if state.get("ActiveState") in ("inactive", "failed"):
            return state["Result"]
    raise HostError(f"{DAILY_UPGRADE} has not ended after {DAILY_UPGRADE_DEADLINE_S} s")
