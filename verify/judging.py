"""Judges the roll from outside: by looks of its own, and as a user of the application.

Nothing here asks the product how it went. The invariants are those of design: I1 serving, I2 total,
I3 who was terminated, I4 launches, I5 what is left behind.
"""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from verify.account import Account, Refused, Unusable
from verify.rolling import SURGE
from verify.settings import PORT, SIZE, Run
from verify.stage import Finding

#: Seconds between two looks, and of one request to the application.
LOOK, REQUEST = 3.0, 3.0
#: What `AdministrativeOverride` says of a target that gets its traffic (ELB API reference,
#: AdministrativeOverride). Anything else, also what is unknown, may take it away.
NO_OVERRIDE = "no_override"
#: What a roll has no business with once it has ended.
SETTINGS = ("MinSize", "MaxSize", "DesiredCapacity")


#: Tags of a roll begin so; they stand on the group from its beginning to its end.
MARKS = "asgcycle:"


@dataclass(frozen=True)
class Look:
    """What was seen at once: members with their states, who gets traffic, whether a roll is on."""

    members: dict[str, str]
    serving: frozenset[str]
    rolling: bool = False


@dataclass
class Evidence:
    """Everything that was seen from the beginning of the roll to its end, and the group with it."""

    before: dict[str, Any]
    looks: list[Look] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    answered: int = 0
    unanswered: int = 0
    blind: int = 0

    def add(self, seen: Look, group: dict[str, Any]) -> None:
        """Take in a look, and how the group was described then."""
        if self.looks[-1:] == [seen]:
            self.groups[-1] = group
            return
        self.looks.append(seen)
        self.groups.append(group)

    @property
    def end(self) -> int:
        """How many looks are the roll's.

        The last of them is the first one after its marks have left the group: what AWS does later,
        as evening out the zones, is not the roll's. One look without marks in between, which may
        be old, does not end it.
        """
        marked = [number for number, one in enumerate(self.looks) if one.rolling]
        return min(marked[-1] + 2, len(self.looks)) if marked else len(self.looks)


def look(account: Account, group: str, target_group: str) -> tuple[Look, dict[str, Any]]:
    """Look once; return that and the group's whole description."""
    rows = account.must("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[group])[
        "AutoScalingGroups"
    ]
    if not rows:
        raise Refused("DescribeAutoScalingGroups", "NoSuchGroup", f"{group} is not there")
    health = account.must("elbv2", "DescribeTargetHealth", TargetGroupArn=target_group)
    serving = {
        row["Target"]["Id"] for row in health["TargetHealthDescriptions"] if _gets_traffic(row)
    }
    members = {item["InstanceId"]: item["LifecycleState"] for item in rows[0]["Instances"]}
    rolling = any(key.startswith(MARKS) for key in _tags(rows[0]))
    return Look(members, frozenset(serving), rolling), rows[0]


def _gets_traffic(row: dict[str, Any]) -> bool:
    override = row.get("AdministrativeOverride", {}).get("State", NO_OVERRIDE)
    return row["TargetHealth"]["State"] == "healthy" and override == NO_OVERRIDE


def verdict(evidence: Evidence) -> list[Finding]:
    """Return what the evidence says of each invariant."""
    old = {item["InstanceId"] for item in evidence.before["Instances"]}
    looks, after = evidence.looks[: evidence.end], evidence.groups[evidence.end - 1]
    seen = {key for one in looks for key in one.members}
    totals = [
        sum(not state.startswith("Terminat") for state in one.members.values()) for one in looks
    ]
    leaving = {
        key for one in looks for key, state in one.members.items() if state.startswith("Terminat")
    }
    last = looks[-1].members
    ended = leaving | {key for key in seen if key not in last}
    lowest = min(len(one.serving) for one in looks)
    changed = [key for key in SETTINGS if after.get(key) != evidence.before[key]]
    changed += ["processes"] if _suspended(after) != _suspended(evidence.before) else []
    changed += ["tags"] if _tags(after) != _tags(evidence.before) else []
    findings = [
        Finding("I1", "never fewer get traffic than before", True, lowest >= SIZE),
        Finding("I2", "never more than the surge above", True, max(totals) <= SIZE + SURGE),
        Finding("I3", "every old instance is replaced", 0, len(old - ended)),
        Finding("I3", "new instances terminated", 0, len(ended - old)),
        Finding("I4", "launches", SIZE, len(seen - old)),
        Finding("I5", "left changed", [], changed),
    ]
    if evidence.answered:
        findings.append(Finding("I1", "requests without an answer", 0, evidence.unanswered))
    return findings


def _suspended(group: dict[str, Any]) -> set[str]:
    return {item["ProcessName"] for item in group.get("SuspendedProcesses", ())}


def _tags(group: dict[str, Any]) -> dict[str, str]:
    return {item["Key"]: item["Value"] for item in group.get("Tags", ())}


class Judge(threading.Thread):
    """Looks, and asks the application, until it is told to stop.

    Args:
        account: its own; nobody else uses it.
        run: whose group.
        target_group: ARN of what the load balancer looks at.
        address: URL of the application, or empty when it cannot be asked.
    """

    def __init__(self, account: Account, run: Run, target_group: str, address: str) -> None:
        super().__init__(name="verify-judge", daemon=True)
        self._account, self._run, self._address = account, run, address
        self._target_group = target_group
        self._over = threading.Event()
        _, before = look(account, run.name, target_group)
        self.evidence = Evidence(before)
        self._see()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._over.wait(self._run.pause(LOOK)):
            self._see()

    def _see(self) -> None:
        try:
            self.evidence.add(*look(self._account, self._run.name, self._target_group))
        except (Refused, Unusable):
            self.evidence.blind += 1
            return
        if self._address:
            if answers(self._address):
                self.evidence.answered += 1
            else:
                self.evidence.unanswered += 1

    def stop(self) -> Evidence:
        """Look a last time; return what was seen."""
        self._over.set()
        self.join()
        self._see()
        return self.evidence


def answers(address: str) -> bool:
    """Say whether the application answers a request."""
    try:
        with urllib.request.urlopen(address, timeout=REQUEST) as answer:  # noqa: S310 - http only
            return 200 <= answer.status < 300
    except (OSError, ValueError):
        return False


def reachable(run: Run, dns_name: str, seconds: float, sleep: Callable = time.sleep) -> str:
    """Return the application's address once it answers; empty when it cannot be asked from here.

    An emulated AWS gives names that belong to somebody else: they are not asked.
    """
    address = run.application_url or f"http://{dns_name}:{PORT}/"
    if run.endpoint_url and not run.application_url:
        return ""
    until = time.monotonic() + run.patience(seconds)
    while time.monotonic() < until:
        if answers(address):
            return address
        if run.scheme == "internal" and not run.application_url and not _resolves(dns_name):
            return ""
        sleep(run.pause(LOOK))
    return ""


def _resolves(name: str) -> bool:
    try:
        return bool(socket.getaddrinfo(name, PORT))
    except OSError:
        return False
