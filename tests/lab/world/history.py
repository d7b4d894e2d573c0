"""What happened, as plain immutable records: the only thing that invariants are judged by.

``actor`` is ``caller`` (the code under test, through a front end), ``operator``, ``policy``,
``aws`` or ``setup`` (the state a scenario begins with).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple


class Call(NamedTuple):
    """An API call and how it ended: ``ok``, an error code, or ``lost`` / ``lost:applied``."""

    time: float
    service: str
    operation: str
    params: tuple[tuple[str, Any], ...]
    actor: str
    outcome: str


class Lifecycle(NamedTuple):
    """An instance of a group changed its lifecycle state; ``""`` is outside the group."""

    time: float
    group: str
    instance: str
    before: str
    after: str


class Health(NamedTuple):
    """A group changed its opinion of an instance (Healthy, Unhealthy)."""

    time: float
    group: str
    instance: str
    before: str
    after: str
    actor: str


class TargetHealth(NamedTuple):
    """A target changed its state; ``load_balancer`` is a target group ARN or a classic name."""

    time: float
    load_balancer: str
    instance: str
    before: str
    after: str


class Application(NamedTuple):
    """The application in an instance began or stopped to answer, whatever its lifecycle.

    ``group`` is empty for a machine that belongs to none.
    """

    time: float
    group: str
    instance: str
    answers: bool


class Override(NamedTuple):
    """The AdministrativeOverride of a target changed; only ``no_override`` lets traffic through."""

    time: float
    load_balancer: str
    instance: str
    state: str


class Listener(NamedTuple):
    """A target group has got, or has lost, the listener that forwards to it."""

    time: float
    load_balancer: str
    attached: bool


class Size(NamedTuple):
    """``field`` (desired, min, max) of a group changed.

    ``how``: ``set`` (somebody named the new value), ``by`` (it was changed by an amount) or
    ``bound`` (AWS moved desired to a bound that somebody had moved past it).
    """

    time: float
    group: str
    field: str
    before: int
    after: int
    actor: str
    how: str = "set"


class Launch(NamedTuple):
    """An instance was launched, and for whose sake."""

    time: float
    group: str
    instance: str
    zone: str
    instance_type: str
    weight: int
    version: str
    actor: str
    reason: str


class LaunchFailed(NamedTuple):
    """A launch was tried and failed."""

    time: float
    group: str
    actor: str
    reason: str


class Termination(NamedTuple):
    """A termination was accepted or decided; what follows is in the lifecycle records."""

    time: float
    group: str
    instance: str
    actor: str
    reason: str
    decrement: bool


class Processes(NamedTuple):
    """The set of suspended processes of a group changed."""

    time: float
    group: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    actor: str


class Attachment(NamedTuple):
    """A target group or classic load balancer was attached to or detached from a group."""

    time: float
    group: str
    load_balancer: str
    attached: bool
    actor: str


class GroupChange(NamedTuple):
    """A group was created or deleted, or an instance refresh changed its status."""

    time: float
    group: str
    what: str
    actor: str


Record = (
    Call
    | Lifecycle
    | Health
    | TargetHealth
    | Application
    | Override
    | Listener
    | Size
    | Launch
    | LaunchFailed
    | Termination
    | Processes
    | Attachment
    | GroupChange
)


class History:
    """An append-only list of records."""

    def __init__(self) -> None:
        self._records: list[Record] = []

    def append(self, record: Record) -> None:
        """Add what has just happened."""
        self._records.append(record)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int | slice) -> Any:
        return self._records[index]

    def of(self, *kinds: type) -> list[Any]:
        """Return the records of these kinds, in order."""
        return [record for record in self._records if isinstance(record, kinds)]

    def plain(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the records from index ``since`` on as dicts with their ``kind``."""
        return as_plain(self._records[since:])


def as_plain(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return records as dicts that JSON can carry and two runs can be compared by."""
    return [{"kind": type(record).__name__, **record._asdict()} for record in records]


# What of a call's parameters tells calls apart; paging tokens, bodies and secrets do not.
KEY_PARAMETERS = (
    "AutoScalingGroupName",
    "AutoScalingGroupNames",
    "InstanceId",
    "InstanceIds",
    "DesiredCapacity",
    "MinSize",
    "MaxSize",
    "HonorCooldown",
    "ShouldDecrementDesiredCapacity",
    "ScalingProcesses",
    "TargetGroupArn",
    "TargetGroupArns",
    "LoadBalancerName",
    "LaunchTemplateId",
    "LaunchTemplateName",
    "Versions",
    "LifecycleHookName",
    "LifecycleActionResult",
    "HealthStatus",
    "ProtectedFromScaleIn",
)
_NUMBERS = {"DesiredCapacity", "MinSize", "MaxSize"}
_FLAGS = {"HonorCooldown", "ShouldDecrementDesiredCapacity", "ProtectedFromScaleIn"}


def key_parameters(params: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the parameters that identify a call, the same from boto3 and from a wire form."""
    return tuple((key, _value(key, params[key])) for key in KEY_PARAMETERS if key in params)


def _value(key: str, value: Any) -> Any:
    if key in _NUMBERS:
        return int(value)
    if key in _FLAGS:
        return str(value).lower() == "true"
    if isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    return str(value)
