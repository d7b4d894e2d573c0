"""The transcript: what was asked and answered, one JSON document a line, without a trace of whose
account it was.

Of answers only members in `KEPT` are written: what is not known to be harmless is left out. What
is written goes through patterns that take out ids, accounts, keys, addresses and principals.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from verify.settings import TAG, Run

#: Grows when the lines change their meaning.
FORMAT = 1
#: Members of answers that tell about AWS's behaviour, and nothing about whose account it is.
_KEPT = """
    Error Code Message
    AutoScalingGroups AutoScalingGroupName AutoScalingInstances MinSize MaxSize DesiredCapacity
    DefaultCooldown AvailabilityZones AvailabilityZone HealthCheckType HealthCheckGracePeriod
    Instances InstanceId InstanceType LifecycleState HealthStatus ProtectedFromScaleIn
    LaunchTemplate LaunchTemplateId LaunchTemplateName Version Status SuspendedProcesses
    ProcessName SuspensionReason TargetGroupARNs Tags Key Value PropagateAtLaunch
    TerminationPolicies NewInstancesProtectedFromScaleIn TrafficSources Type
    Activities Activity ActivityId Description Cause StartTime EndTime StatusCode StatusMessage
    Progress LifecycleHooks LifecycleHookName LifecycleTransition HeartbeatTimeout GlobalTimeout
    DefaultResult InstanceRefreshId InstanceRefreshes StatusReason PercentageComplete
    InstancesToUpdate
    Reservations State Name ImageId LaunchTime Placement TerminatingInstances CurrentState
    PreviousState LaunchTemplateVersion LaunchTemplateVersions VersionNumber VersionDescription
    DefaultVersion LaunchTemplateData DefaultVersionNumber LatestVersionNumber
    SuccessfullyDeletedLaunchTemplateVersions UnsuccessfullyDeletedLaunchTemplateVersions
    ResponseError
    TargetHealthDescriptions Target Id Port TargetHealth Reason HealthCheckPort
    InstanceMaintenancePolicy MinHealthyPercentage MaxHealthyPercentage
    AdministrativeOverride MetricAlarms CompositeAlarms
"""
KEPT = frozenset(_KEPT.split())
#: Tags of other people would tell about them; these are AWS's and ours.
OWN_TAGS = (TAG, "asgcycle", "aws:autoscaling:", "aws:ec2launchtemplate:")
KINDS = {
    "i": "instance",
    "ami": "image",
    "lt": "template",
    "sg": "security-group",
    "vol": "volume",
    "eni": "interface",
}
_ID = re.compile(
    r"\b(i|ami|lt|subnet|vpc|sg|sgr|eni|vol|snap|r|rtb|igw|acl|eipalloc|eni-attach)-[0-9a-f]{8,17}\b"
)
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
#: In this order: what is whole comes before its parts.
_PATTERNS = (
    (re.compile(r"arn:aws[\w-]*:(?:iam|sts)::[^\s\"']*"), "PRINCIPAL"),
    (re.compile(r"(?<=failure message: )\S+"), "ENCODED"),
    (re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{12,}\b"), "KEY"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?"), "TIME"),
    (re.compile(r"\b\d{12}\b"), "ACCOUNT"),
    # how the ARNs of load balancing end
    (re.compile(r"(?<=/)[0-9a-f]{16}\b"), "HEX"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d+)?\b"), "ADDRESS"),
    (re.compile(r"\b[\w.-]+\.(?:amazonaws\.com(?:\.cn)?|compute\.internal)\b"), "HOST"),
)
_NUMBERED = re.compile(rf"\b({'|'.join(sorted([*KINDS.values(), 'uuid', 'subnet']))})-\d+\b")


class Scrubber:
    """Takes out who it was; an id becomes the same placeholder wherever it stands.

    Args:
        run: its id becomes RUN.
        start: epoch seconds; times become seconds after it.
        secrets: further texts that must not appear, as the account's id.
    """

    def __init__(self, run: Run, start: float, secrets: Iterable[str] = ()) -> None:
        self._run, self._start = run, start
        self._secrets = tuple(text for text in secrets if text)
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def request(self, params: Any) -> Any:
        """Return parameters, which this package has chosen itself, without ids."""
        return self._walk(params, kept=None)

    def answer(self, data: Any) -> Any:
        """Return an answer with what may be told of it."""
        return self._walk(data, kept=KEPT)

    def text(self, value: str) -> str:
        """Return a text without ids and accounts."""
        for secret in self._secrets:
            value = value.replace(secret, "ACCOUNT")
        value = value.replace(self._run.id, "RUN")
        for pattern, word in _PATTERNS:
            value = pattern.sub(word, value)
        value = _ID.sub(lambda found: self._name(KINDS.get(found[1], found[1]), found[0]), value)
        return _UUID.sub(lambda found: self._name("uuid", found[0]), value)

    def _name(self, kind: str, value: str) -> str:
        if value not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"{kind}-{self._counts[kind]}"
        return self._names[value]

    def _walk(self, value: Any, kept: frozenset[str] | None) -> Any:
        if isinstance(value, dict):
            return {
                key: self._walk(item, kept)
                for key, item in value.items()
                if kept is None or key in kept
            }
        if isinstance(value, list | tuple):
            return [self._walk(item, kept) for item in value if kept is None or _ours(item)]
        if isinstance(value, datetime):
            return round(value.timestamp() - self._start, 1)
        if isinstance(value, bytes):
            return f"{len(value)} bytes"
        return self.text(value) if isinstance(value, str) else value


def _ours(item: Any) -> bool:
    """Say whether this is something else than a tag of somebody else's."""
    if not (isinstance(item, dict) and "Key" in item and "Value" in item):
        return True
    return str(item["Key"]).startswith(OWN_TAGS)


def alike(text: str) -> str:
    """Return a scrubbed text without the numbers of its placeholders: they differ between runs."""
    return _NUMBERED.sub(r"\1", text)


class Transcript:
    """Writes lines; each is on the disk before the next call is made.

    Args:
        path: a new file.
        run: whose.
        secrets: see `Scrubber`.
        clock: returns epoch seconds; injected.
    """

    def __init__(
        self, path: Path, run: Run, secrets: Iterable[str] = (), clock: Any = time.time
    ) -> None:
        self._clock, self._start = clock, clock()
        self._scrub = Scrubber(run, self._start, secrets)
        self._file = path.open("x", encoding="utf-8")
        self.path, self.probe = path, ""
        self._last: dict[str, Any] | None = None
        self._again = 0

    def call(
        self, service: str, operation: str, params: dict[str, Any], answer: dict[str, Any]
    ) -> None:
        """Write a call and its answer, or that it was the same as before; `account.Listener`."""
        line = {
            "probe": self.probe,
            "service": service,
            "operation": operation,
            "request": self._scrub.request(params),
            "answer": self._scrub.answer(answer),
        }
        if line == self._last:
            self._again += 1
            return
        self.write("call", **line)
        self._last = line

    def write(self, kind: str, **members: Any) -> None:
        """Write one line of this kind; what it says has no ids in it, or goes through `text`."""
        again, self._again, self._last = self._again, 0, None
        if again:
            self.write("again", times=again)
        line = {"kind": kind, "at": round(self._clock() - self._start, 1), **members}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def text(self, value: str) -> str:
        """Return a text without ids and accounts."""
        return self._scrub.text(value)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Unreadable(ValueError):
    """A file that is no transcript, or one of another format; the text says which line."""


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a transcript.

    Raises:
        Unreadable: it is none.
    """
    try:
        lines = [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    except OSError as wrong:
        raise Unreadable(f"{path}: {wrong.strerror}") from wrong
    except ValueError as wrong:
        raise Unreadable(f"{path}: {wrong}") from wrong
    for number, line in enumerate(lines, 1):
        if not isinstance(line, dict) or "kind" not in line:
            raise Unreadable(f"{path}:{number}: no line of a transcript")
    if not lines or lines[0]["kind"] != "run":
        raise Unreadable(f"{path}: does not begin with a line of kind run")
    if lines[0].get("format") != FORMAT:
        raise Unreadable(f"{path}: format {lines[0].get('format')}; this reads format {FORMAT}")
    return lines
