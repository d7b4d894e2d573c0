"""Situations of a host: what is there, and the one answer that every consumer has to give."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from aptpolicy.patched import decide
from tests.unit.formula.machine import MAIN, SECURITY, package

VENDOR = {"origin": "Vendor", "label": "Vendor", "archive": "stable", "codename": "stable",
          "component": "main", "site": "v"}  # fmt: skip
ESM = {"origin": "UbuntuESM", "label": "UbuntuESM", "archive": "jammy-infra-security",
       "codename": "jammy", "component": "main", "site": "esm"}  # fmt: skip
LEGACY = {**ESM, "archive": "jammy-infra-legacy-security"}
APPS_LEGACY = {**ESM, "origin": "UbuntuESMApps", "label": "UbuntuESMApps",
               "archive": "jammy-apps-legacy-security"}  # fmt: skip
UNHEARD_OF = {**ESM, "origin": "Ubuntu", "label": "Ubuntu", "archive": "zany-security",
              "codename": "zany"}  # fmt: skip
OWN = {**VENDOR, "origin": "Acme", "label": "Acme-Security", "codename": "trixie-security"}
OWN_MAIN = {**OWN, "label": "Acme", "codename": "trixie"}
UPDATES = {**ESM, "origin": "Ubuntu", "label": "Ubuntu", "archive": "jammy-updates"}
JAMMY = ["Ubuntu", "jammy", "22.04"]
LIST = {"uri": "http://s", "suite": "bookworm-security", "repositories": [0], "problem": None}
DEAD = {"uri": "http://v", "suite": "stable", "repositories": [], "problem": "was never fetched"}
OWN_LINE = {"uri": "http://acme", "suite": "sec", "repositories": [0], "problem": None}
OWN_MAIN_LINE = {**OWN_LINE, "suite": "main", "repositories": [1]}
UNATTENDED = "Unattended-Upgrade::"
RELEASE = os.uname().release
FLAVOUR = RELEASE.partition("-")[2]


def later(release: str = RELEASE) -> str:
    """Return a newer release of the same flavour."""
    return f"9{release}"


def setting(name: str, value: str) -> str:
    """Return a line of apt-config dump."""
    return f'{name} "{value}";\n'


def running(unit: str, package: str, pid: int = 7, comm: str = "daemon") -> dict[str, str]:
    """Return the files that show a process with a replaced library of a package."""
    path = f"/usr/lib/{package}.so"
    return {
        f"proc/{pid}/maps": f"0-1 r-xp 0 00:01 4   {path} (deleted)\n",
        f"proc/{pid}/cgroup": f"0::/system.slice/{unit}\n",
        f"proc/{pid}/comm": f"{comm}\n",
        f"var/lib/dpkg/info/{package}.list": f"/.\n{path}\n",
    }


@dataclass(frozen=True)
class Situation:
    """
    ``packages``, ``facts``, ``repositories``, ``dump``, ``files``: what is there, as it is read.
    ``kept_back``: what the trial of the installation said. ``pending``, ``excluded``, ``unknown``
    (what is unknown) and ``action``: the answer, about security updates alone.
    """

    name: str
    packages: Any = ()
    facts: dict[str, Any] = field(default_factory=dict)
    repositories: Any = (SECURITY, MAIN, VENDOR)
    dump: str = ""
    files: dict[str, str] = field(default_factory=dict)
    kept_back: dict[str, str] = field(default_factory=dict)
    pending: tuple[str, ...] = ()
    excluded: dict[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    action: str = "nothing"
    ends: bool = False


ONE = package("libssl3", ("2", [0], True))
PINNED = package("libssl3", ("2", [0], False))
TWO = {"libssl3": "2", "nginx": "2"}
BUSY = [decide.note("installed", "process 7 holds /var/lib/dpkg/lock-frontend")]
PHASED = {"version": "2", "repositories": [0], "phased": True}
JAMMY_FACTS = {"system": JAMMY}

SITUATIONS = (
    Situation("nothing to do"),
    Situation("one security update", [ONE], pending=("libssl3",)),
    Situation("an update of the main archive", [package("vim", ("2", [1], True))]),
    Situation("held", [package("libssl3", ("2", [0], True), held=True)],
              excluded={"libssl3": "held"}),
    Situation("blacklisted", [ONE], dump=setting(f"{UNATTENDED}Package-Blacklist::", "libssl"),
              excluded={"libssl3": "blacklisted"}),
    Situation("not on the strict whitelist", [ONE],
              dump=setting(f"{UNATTENDED}Package-Whitelist::", "nginx")
              + setting(f"{UNATTENDED}Package-Whitelist-Strict", "true"),
              excluded={"libssl3": "not_whitelisted"}),
    Situation("a pin at 1001 on what is installed", [PINNED], excluded={"libssl3": "pinned"}),
    Situation("a pin at -1 on the security archive, one package of two", [
        PINNED, package("nginx", ("2", [0], True))],
        pending=("nginx",), excluded={"libssl3": "pinned"}),
    Situation("a newer version that the policy does not allow",
              [package("libssl3", ("3", [1], True), ("2", [0], True))], pending=("libssl3",)),
    Situation("a vendor's update", [package("docker", ("2", [2], True))]),
    Situation("an Origin of one's own, marked as security",
              [package("libssl3", ("2", [2], True))],
              dump=setting(f"{UNATTENDED}Origins-Pattern::", "origin=Vendor")
              + setting("Salt-Unattended-Upgrades::Security-Origins::", "origin=Vendor"),
              pending=("libssl3",)),
    Situation("an Origin of one's own, marked, but not in the policy",
              [package("libssl3", ("2", [2], True))],
              dump=setting("Salt-Unattended-Upgrades::Security-Origins::", "origin=Vendor"),
              excluded={"libssl3": "not_allowed"}),
    Situation("ESM attached", [package("libssl3", ("2", [0], True))], JAMMY_FACTS, (ESM, UPDATES),
              setting(f"{UNATTENDED}Allowed-Origins::", "UbuntuESM:jammy-infra-security"),
              pending=("libssl3",)),
    Situation("ESM's legacy pocket", [package("libssl3", ("2", [0], True))], JAMMY_FACTS,
              (LEGACY, UPDATES),
              setting(f"{UNATTENDED}Allowed-Origins::",
                      "UbuntuESM:jammy-infra-legacy-security"),
              pending=("libssl3",)),
    Situation("ESM's legacy pocket of applications", [package("libssl3", ("2", [0], True))],
              JAMMY_FACTS, (APPS_LEGACY, UPDATES),
              setting(f"{UNATTENDED}Allowed-Origins::",
                      "UbuntuESMApps:jammy-apps-legacy-security"),
              pending=("libssl3",)),
    Situation("a release of Ubuntu of which this knows nothing",
              [package("libssl3", ("2", [0], True))],
              {"system": ["Ubuntu", "zany", "31.10"]}, (UNHEARD_OF,),
              setting(f"{UNATTENDED}Origins-Pattern::",
                      "origin=${distro_id},archive=${distro_codename}-security"),
              pending=("libssl3",)),
    Situation("a mirror with an Origin of its own for both archives, security marked",
              [package("libssl3", ("2", [0], True)), package("vim", ("2", [1], True))],
              {"sources": [OWN_LINE, OWN_MAIN_LINE]}, (OWN, OWN_MAIN),
              setting(f"{UNATTENDED}Origins-Pattern::", "origin=Acme,label=Acme-Security")
              + setting("Salt-Unattended-Upgrades::Security-Origins::",
                        "origin=Acme,label=Acme-Security"),
              pending=("libssl3",)),
    Situation("the line of such a mirror has expired", [package("libssl3", ("2", [0], True))],
              {"sources": [{**OWN_LINE, "problem": "has expired"}, OWN_MAIN_LINE]},
              (OWN, OWN_MAIN),
              setting(f"{UNATTENDED}Origins-Pattern::", "origin=Acme")
              + setting("Salt-Unattended-Upgrades::Security-Origins::",
                        "origin=Acme,label=Acme-Security"),
              pending=("libssl3",), unknown=("lists",)),
    Situation("ESM attached, but not in the policy", [package("libssl3", ("2", [0], True))],
              JAMMY_FACTS, (ESM, UPDATES), excluded={"libssl3": "not_allowed"}),
    Situation("phased", [{**ONE, "newer": [PHASED]}], excluded={"libssl3": "phased"}),
    Situation("kept back by a dependency", [ONE], kept_back={"libssl3:amd64": "it needs x"},
              excluded={"libssl3": "kept_back"}),
    Situation("an unsigned repository", [ONE], {"trusted": [False] * 3},
              excluded={"libssl3": "not_trusted"}),
    Situation("one dead vendor line", [ONE], {"sources": [LIST, DEAD]}, pending=("libssl3",)),
    Situation("the line of the security archive is dead", [], {
        "sources": [{**DEAD, "suite": "bookworm-security"}]}, unknown=("lists",)),
    Situation("an expired Release file", [ONE], {
        "sources": [{**LIST, "problem": "has expired"}]},
        pending=("libssl3",), unknown=("lists",)),
    Situation("no lists at all", None, {
        "unknown": [decide.note("lists", "there are no package lists")]}, (),
        unknown=("lists",)),
    Situation("no python3-apt", None, {
        "unknown": [decide.note("packages", "python3-apt is not installed")]}, None,
        unknown=("packages",)),
    Situation("an interrupted dpkg", [ONE], {
        "unknown": [decide.note("installed", "dpkg was interrupted")]},
        pending=("libssl3",), unknown=("installed",)),
    Situation("dpkg at work", [], {"unknown": BUSY}, unknown=("installed",)),
    Situation("a pattern at which the tool stops", [ONE],
              dump=setting(f"{UNATTENDED}Allowed-Origins::", "nonsense"),
              pending=("libssl3",), unknown=("policy",)),
    Situation("a service on a replaced library", files=running("nginx.service", "libssl3"),
              action="restart"),
    Situation("systemd itself on a replaced library",
              files=running("init.scope", "libssl3", pid=1), action="reexec"),
    Situation("dbus on a replaced library", files=running("dbus.service", "libexpat1"),
              action="reboot"),
    Situation("the C library replaced", files=running("nginx.service", "libc6"),
              action="reboot"),
    Situation("a session on a replaced library",
              files=running("session-3.scope", "libssl3"), ends=True),
    Situation("a newer kernel of the same flavour", files={f"boot/vmlinuz-{later()}": ""},
              action="reboot"),
    Situation("a newer kernel of another flavour",
              files={f"boot/vmlinuz-{later(RELEASE.partition('-')[0])}-{FLAVOUR}-fips": "",
                     f"boot/vmlinuz-{later(RELEASE.partition('-')[0])}-rt-other": ""}),
    Situation("the flag of a package", files={"run/reboot-required": ""}, action="reboot"),
    Situation("everything at once", [PINNED, package("nginx", ("2", [0], True))],
              {"unknown": BUSY}, files=running("nginx.service", "libssl3"),
              pending=("nginx",), excluded={"libssl3": "pinned"}, unknown=("installed",),
              action="restart"),
)  # fmt: skip
