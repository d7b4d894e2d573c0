"""Faults as data: what can go wrong, and whether a fault strikes now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ApiError

# Which calls a fault hits, and how often.
MATCH = frozenset({"service", "operation", "nth", "count", "probability"})
# Kinds that decide about API calls, with the parameters each takes.
API_KINDS: Mapping[str, frozenset[str]] = {
    "throttle": MATCH,
    "latency": MATCH | {"seconds"},
    "lost_answer": MATCH | {"applied"},
    "denied": MATCH,
    "scaling_activity_in_progress": MATCH,
    "resource_contention": MATCH,
    "html_error": MATCH,
    "expired_token": MATCH,
}
# Kinds that leave something out of an answer or list it twice, with the parameters each takes.
# ``nth`` alone means one answer; ``members`` says how many instances are concerned (1).
ROW = MATCH | {"pick", "instance", "members"}
ANSWER_KINDS: Mapping[str, frozenset[str]] = {
    "empty_answer": MATCH | {"group", "of"},
    "group_twice": MATCH | {"group"},
    "member_missing": ROW | {"group"},
    "member_twice": ROW | {"group"},
    "target_missing": ROW,
    "target_twice": ROW,
}
LAUNCHES = frozenset({"nth", "count", "probability"})
# Kinds that hold for a window of time and are asked about, mostly at launches.
WINDOW_KINDS: Mapping[str, frozenset[str]] = {
    "insufficient_capacity": frozenset({"zone", "instance_type"}),
    "launch_fails_first": LAUNCHES | {"zone", "seconds", "group"},
    "bad_image": LAUNCHES | {"mode", "image", "version", "group"},
    "never_healthy": LAUNCHES | {"version", "group"},
    "slow_boot": LAUNCHES | {"seconds", "factor", "group"},
    "slow_launch": LAUNCHES | {"seconds", "group"},
    "stale_reads": frozenset({"seconds"}),
    "clock_skew": frozenset({"seconds"}),
    "metadata_down": frozenset({"count", "probability"}),
}
# Kinds that happen once: at a time, or just before the nth call of an operation is applied.
TRIGGER = frozenset({"operation", "nth"})
PICK = frozenset({"group", "instance", "pick"})
EVENT_KINDS: Mapping[str, frozenset[str]] = {
    "spot_reclaim": TRIGGER | PICK | {"count"},
    "instance_dies": TRIGGER | PICK | {"count", "how"},
    "rebalance_recommendation": TRIGGER | PICK | {"count"},
    "application_stops": TRIGGER | PICK | {"count", "share"},
    "az_outage": frozenset({"zone"}),
    "zonal_shift": TRIGGER | {"zone", "target_group"},
    "zonal_autoshift": TRIGGER | {"zone", "target_group"},
    "listener_removed": TRIGGER | {"target_group"},
    "listener_added": TRIGGER | {"target_group"},
    "operator_sets": TRIGGER | {"group", "desired", "min", "max"},
    "operator_terminates": TRIGGER | PICK | {"decrement", "through"},
    "operator_deletes": TRIGGER | {"group", "force"},
    "operator_refreshes": TRIGGER | {"group", "preferences"},
    "operator_suspends": TRIGGER | {"group", "processes"},
    "operator_resumes": TRIGGER | {"group", "processes"},
    "operator_launches": TRIGGER | {"group", "version"},
    "template_version_deleted": TRIGGER | {"template", "version"},
    "template_version": TRIGGER | {"template", "data", "default"},
    "template_default": TRIGGER | {"template", "version"},
    "scale_out": TRIGGER | {"group", "by"},
    "scale_in": TRIGGER | {"group", "by"},
    "alarm": TRIGGER | {"name", "state"},
    "target_tracking": TRIGGER | {"group", "name", "target", "load"},
    "load": TRIGGER | {"group", "load"},
    "scheduled_action": TRIGGER | {"group", "desired", "min", "max"},
}
KINDS: Mapping[str, frozenset[str]] = {
    **API_KINDS,
    **ANSWER_KINDS,
    **WINDOW_KINDS,
    **EVENT_KINDS,
}
CAPACITY_CALLS = (
    "SetDesiredCapacity",
    "TerminateInstanceInAutoScalingGroup",
    "UpdateAutoScalingGroup",
)
GROUPS_CALL = ("DescribeAutoScalingGroups",)
TARGET_CALLS = ("DescribeTargetHealth", "DescribeInstanceHealth")
# What a kind hits where the fault does not say.
DEFAULT_OPERATIONS = {
    "empty_answer": GROUPS_CALL,
    "group_twice": GROUPS_CALL,
    "member_missing": GROUPS_CALL,
    "member_twice": GROUPS_CALL,
    "target_missing": TARGET_CALLS,
    "target_twice": TARGET_CALLS,
    "scaling_activity_in_progress": CAPACITY_CALLS,
    "resource_contention": CAPACITY_CALLS,
}


@dataclass(frozen=True, init=False, repr=False)
class Fault:
    """One thing that goes wrong.

    Args:
        kind: one of ``KINDS``.
        at: seconds after the world's start from which it holds, or at which it happens.
        until: seconds after the start at which it ends; None means never.
        params: what the kind takes. For API kinds: ``service`` and ``operation`` (a name or a
            list) restrict what is hit; it strikes from the ``nth`` matching call on (1 is the
            first), at most ``count`` times (1 when ``nth`` is given), each time with
            ``probability``.

    Raises:
        ValueError: an unknown kind or parameter.
    """

    kind: str
    at: float
    until: float | None
    params: tuple[tuple[str, Any], ...]

    def __init__(
        self, kind: str, at: float = 0.0, until: float | None = None, **params: Any
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; there are: {', '.join(sorted(KINDS))}")
        unknown = sorted(set(params) - KINDS[kind])
        if unknown:
            allowed = ", ".join(sorted(KINDS[kind]))
            raise ValueError(f"fault {kind}: unknown key {', '.join(unknown)}; allowed: {allowed}")
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "at", float(at))
        object.__setattr__(self, "until", None if until is None else float(until))
        frozen = {key: tuple(v) if isinstance(v, list) else v for key, v in params.items()}
        object.__setattr__(self, "params", tuple(sorted(frozen.items())))

    def __repr__(self) -> str:
        """Return the Python that makes this fault."""
        times = {"at": self.at, "until": self.until}
        given = {key: value for key, value in times.items() if value} | dict(self.params)
        return f"Fault({', '.join([repr(self.kind), *(f'{k}={v!r}' for k, v in given.items())])})"

    def get(self, key: str, default: Any = None) -> Any:
        """Return a parameter."""
        return dict(self.params).get(key, default)

    def holds(self, elapsed: float) -> bool:
        """Say whether the fault's window is open ``elapsed`` seconds after the start."""
        return self.at <= elapsed and (self.until is None or elapsed < self.until)

    def names(self, service: str, operation: str) -> bool:
        """Say whether the fault is about this call."""
        wanted = self.get("operation", DEFAULT_OPERATIONS.get(self.kind))
        if isinstance(wanted, str):
            wanted = (wanted,)
        return self.get("service", service) == service and (wanted is None or operation in wanted)


@dataclass(frozen=True, slots=True)
class CallFault:
    """What a front end has to do to one call.

    Args:
        kind: the fault's kind (the last one, when latency adds to another).
        latency: seconds to let pass first.
        applied: whether the call takes effect.
        error: the refusal to answer with, or None.
        lost: cut the connection instead of answering.
        html: answer HTTP 500 with an HTML page, as a proxy in the way does.
    """

    kind: str
    latency: float = 0.0
    applied: bool = True
    error: ApiError | None = None
    lost: bool = False
    html: bool = False


def zone_is(fault: Fault, zone: str) -> bool:
    """Say whether a fault is about this zone; it names it in full, by its letter, or not at all."""
    named = fault.get("zone")
    return named is None or named == zone or (len(named) == 1 and zone.endswith(named))


def refusal(kind: str, service: str, operation: str, account: str, activity: str) -> ApiError:
    """Return AWS's answer for an API fault of this kind.

    Args:
        kind: throttle, denied, scaling_activity_in_progress, resource_contention, expired_token.
        service: boto3's name of the service.
        operation: the API's name of the call.
        account: the account id named in the text.
        activity: id of the activity that is said to be in progress.
    """
    if kind == "throttle":
        if service == "ec2":
            return ApiError("RequestLimitExceeded", "Request limit exceeded.", 503)
        return ApiError("Throttling", "Rate exceeded")
    if kind == "denied":
        return _denied(service, operation, account)
    if kind == "expired_token":
        if service == "ec2":
            return ApiError("RequestExpired", "Request has expired.")
        return ApiError(
            "ExpiredToken", "The security token included in the request is expired", 403
        )
    if kind == "scaling_activity_in_progress":
        return ApiError(
            "ScalingActivityInProgress",
            f"Scaling activity {activity} is in progress and blocks this action",
        )
    return ApiError(
        "ResourceContention",
        "You already have a pending update to an Amazon EC2 Auto Scaling resource (for example, "
        "an Auto Scaling group, instance, or load balancer).",
        500,
    )


def _denied(service: str, operation: str, account: str) -> ApiError:
    prefix = "elasticloadbalancing" if service in ("elb", "elbv2") else service
    text = (
        f"User: arn:aws:iam::{account}:user/lab is not authorized to perform: {prefix}:{operation} "
        f"because no identity-based policy allows the {prefix}:{operation} action"
    )
    if service == "ec2":
        code = "UnauthorizedOperation"
        return ApiError(code, f"You are not authorized to perform this operation. {text}", 403)
    return ApiError("AccessDenied", text, 403)
