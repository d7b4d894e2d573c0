"""
Pillar and command line → a validated ``Policy``.

``KEYS`` is the one table of what may be configured; the documentation of the keys is generated
from it. Every problem is found at once and names the key, the value and what is allowed.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from asgroll.errors import PolicyError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_INSTANCE_ID = re.compile(r"i-[0-9a-f]{8}(?:[0-9a-f]{9})?")

#: Scaling processes that may be suspended for a roll. Launch and Terminate are the roll itself;
#: without AddToLoadBalancer new instances never serve; HealthCheck is how we see their health
#: (EC2 Auto Scaling user guide, "Suspend and resume processes").
SUSPENDABLE = (
    "AZRebalance",
    "AlarmNotification",
    "ScheduledActions",
    "ReplaceUnhealthy",
    "InstanceRefresh",
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of instances, or a percentage of the group's live capacity."""

    number: int | None = None
    percent: float | None = None

    def __str__(self):
        return f"{self.percent:g}%" if self.number is None else str(self.number)

    def units(self, live: int, weight: int, *, up: bool) -> int:
        """
        The amount in capacity units.

        :param live: the group's live desired capacity, in units.
        :param weight: units of one instance (1 unless the group is weighted).
        :param up: round a percentage up (surge) or down (max_unavailable).
        """
        if self.number is not None:
            return self.number * weight
        exact = live * (self.percent or 0) / 100
        return math.ceil(exact - 1e-9) if up else math.floor(exact + 1e-9)


@dataclass(frozen=True, slots=True)
class Select:
    """Which instances are replaced; ``older_than`` is in seconds, ``instances`` are exact ids."""

    kind: str = "all"
    older_than: float = 0.0
    instances: tuple[str, ...] = ()

    def __str__(self):
        if self.kind == "older_than":
            return f"older_than: {format_duration(self.older_than)}"
        if self.kind == "instances":
            return f"instances: {', '.join(self.instances)}"
        return self.kind


@dataclass(frozen=True)
class Policy:
    """How one group is rolled. Durations are seconds; see ``KEYS`` for every field."""

    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    endpoint_url: str | None = None
    select: Select = Select()
    surge: Amount = Amount(1)
    max_unavailable: Amount = Amount(0)
    raise_max: bool = True
    order: str = "zone"
    protected: str = "refuse"
    standby: str = "skip"
    suspend: tuple[str, ...] = ("AZRebalance",)
    ready_timeout: float = 900.0
    drain_timeout: float = 900.0
    healthy_for: float = 0.0
    poll_interval: float = 15.0
    settle_time: float = 15.0
    max_failures: int = 2
    on_failure: str = "pause"
    on_signal: str = "abort"
    accept: tuple[str, ...] = ()


# --- parsers: value → value, or ValueError with what is allowed ----------------------------------


def parse_duration(value) -> float:
    """
    Seconds of ``90``, ``"90s"``, ``"15m"``, ``"1h30m"`` or ``"14d"``.

    :raises ValueError: saying what is allowed.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        text = str(value).strip().replace(" ", "")
        if not _DURATION.fullmatch(text):
            raise ValueError("a duration: seconds, or like 90s, 15m, 1h30m, 14d")
        seconds = sum(float(n) * SECONDS[u] for n, u in _DURATION_PART.findall(text))
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError("a duration of 0 seconds or more, like 90s, 15m, 1h30m, 14d")
    return seconds


def format_duration(seconds: float) -> str:
    """``5400`` → ``1h30m``; fractions only below ten seconds."""
    if seconds < 10:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + "s"
    rest, parts = round(seconds), []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"


def _positive_duration(value) -> float:
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError("a duration longer than 0, like 15s or 15m")
    return seconds


def _text(value) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value.strip()


def _role(value) -> str:
    text = _text(value)
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", text):
        raise ValueError("the ARN of a role, like arn:aws:iam::123456789012:role/asgcycle")
    return text


def _url(value) -> str:
    text = _text(value)
    if not re.match(r"https?://[^/\s]+", text):
        raise ValueError("a URL that starts with http:// or https://")
    return text


def _flag(value) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _count(value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a whole number, 0 or more")
    return value


def _amount(limit: float | None = None) -> Callable[[Any], Amount]:
    said = "a whole number of instances, 0 or more, or a percentage like 10%"
    if limit is not None:
        said += f" (at most {limit:g}%)"

    def parse(value) -> Amount:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return Amount(number=value)
        if isinstance(value, str):
            text = value.strip()
            if text.isdecimal():
                return Amount(number=int(text))
            match = _PERCENT.fullmatch(text)
            if match and (limit is None or float(match[1]) <= limit):
                return Amount(percent=float(match[1]))
        raise ValueError(said)

    return parse


def _choice(*allowed: str) -> Callable[[Any], str]:
    def parse(value) -> str:
        if value not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return value

    return parse


def _names(allowed: tuple[str, ...] | None, what: str) -> Callable[[Any], tuple[str, ...]]:
    def parse(value) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        good = isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
        if not good or (allowed is not None and not set(value) <= set(allowed)):
            hint = f" out of {', '.join(allowed)}" if allowed else ""
            raise ValueError(f"a list of {what}{hint}")
        return tuple(dict.fromkeys(value))

    return parse


_SELECT_ALLOWED = (
    "all, outdated, {older_than: 14d}, or {instances: [i-…, …]} "
    "(on a command line also older_than:14d or instances:i-…,i-…)"
)


def _select(value) -> Select:
    if isinstance(value, str):
        text = value.strip()
        if text in ("all", "outdated"):
            return Select(text)
        head, colon, rest = text.partition(":")
        value = {head.strip(): rest.strip()} if colon else {}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError(_SELECT_ALLOWED)
    ((kind, given),) = value.items()
    if kind == "older_than":
        return Select(kind, older_than=_positive_duration(given))
    if kind == "instances":
        ids = _names(None, "instance ids")(given)
        bad = [i for i in ids if not _INSTANCE_ID.fullmatch(i)]
        if bad or not ids:
            raise ValueError(
                "exact instance ids (i- and 8 or 17 hexadecimal digits, no globs)"
                + (f", not {', '.join(bad)}" if bad else "")
            )
        return Select(kind, instances=ids)
    raise ValueError(_SELECT_ALLOWED)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the policy: how it is read, and what it means."""

    parse: Callable[[Any], Any]
    about: str


KEYS: dict[str, Key] = {
    "region": Key(_text, "AWS region. Without it the usual AWS configuration decides."),
    "profile": Key(_text, "Profile of the AWS configuration files."),
    "role_arn": Key(_role, "Role to assume; renewed by itself during a long roll."),
    "endpoint_url": Key(_url, "Endpoint for all services, for example a VPC endpoint or a proxy."),
    "select": Key(_select, "Which instances to replace: " + _SELECT_ALLOWED + "."),
    "surge": Key(_amount(), "Instances above the live capacity while rolling."),
    "max_unavailable": Key(_amount(100), "How far serving may fall below the live capacity."),
    "raise_max": Key(_flag, "Raise MaxSize when the surge does not fit, and put it back."),
    "order": Key(
        _choice("zone", "oldest", "newest"),
        "Who goes first after those that do not serve: the fullest zone's oldest, or by age. In an "
        "orchestration give it as `kwarg: {order: …}`: Salt keeps a plain `order` for itself.",
    ),
    "protected": Key(
        _choice("replace", "skip", "refuse"), "What to do with scale-in protected instances."
    ),
    "standby": Key(
        _choice("replace", "skip", "refuse"),
        "What to do with instances in Standby. They hold no place in the desired capacity, so "
        "`replace` terminates them and nothing is launched for them.",
    ),
    "suspend": Key(
        _names(SUSPENDABLE, "scaling processes"),
        "Scaling processes suspended during the roll and resumed after it.",
    ),
    "ready_timeout": Key(
        _positive_duration, "How long a new instance may take until it serves, before it fails."
    ),
    "drain_timeout": Key(
        _positive_duration, "How long a terminated instance may take to leave the group."
    ),
    "healthy_for": Key(parse_duration, "A new instance counts after serving this long unbroken."),
    "poll_interval": Key(_positive_duration, "Pause between two observations."),
    "settle_time": Key(parse_duration, "How long AWS's answers may lag behind a change of ours."),
    "max_failures": Key(_count, "Failed replacements that are tolerated before the roll halts."),
    "on_failure": Key(
        _choice("pause", "abort"),
        "At a halt: pause keeps the capacity for a person to look, abort puts the sizes back.",
    ),
    "on_signal": Key(
        _choice("abort", "pause"), "What SIGINT and SIGTERM do. A second signal ends at once."
    ),
    "accept": Key(
        _names(("health-check-type", "traffic-source", "warm-pool"), "obstacles"),
        "Obstacles that a person has looked at and accepts.",
    ),
}
if set(KEYS) != {f.name for f in fields(Policy)}:  # a key without a field would be ignored silently
    raise AssertionError("KEYS and Policy differ")


def _unknown(key: str, source: str) -> str:
    close = difflib.get_close_matches(str(key), KEYS, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{source}: unknown key {key!r}.{hint} Known keys: {', '.join(KEYS)}."


def parse(layers: list[tuple[str, Mapping[str, Any]]]) -> Policy:
    """
    Merge configuration layers, later ones winning, into a Policy.

    :param layers: pairs of where it comes from (for messages) and a mapping of keys.
    :raises PolicyError: with every problem of every layer, also of values that are overridden.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for source, layer in layers:
        if not isinstance(layer, Mapping):
            problems.append(f"{source}: must be a mapping of keys, not {layer!r}.")
            continue
        for key, raw in layer.items():
            if key not in KEYS:
                problems.append(_unknown(key, source))
                continue
            try:
                values[key] = KEYS[key].parse(raw)
            except ValueError as exc:
                shown = dict(raw) if isinstance(raw, Mapping) else raw  # Salt's are ordered dicts
                problems.append(f"{source}: {key}: {shown!r} is not allowed; give {exc}.")
    if problems:
        raise PolicyError(problems)
    policy = Policy(**values)
    if _is_zero(policy.surge) and _is_zero(policy.max_unavailable):
        problems.append(
            f"surge: {policy.surge} with max_unavailable: {policy.max_unavailable} leaves no "
            "room to replace anything; set surge: 1 (or more), or max_unavailable: 1 (or more)."
        )
    if policy.healthy_for >= policy.ready_timeout:
        problems.append(
            f"healthy_for: {format_duration(policy.healthy_for)} must be shorter than "
            f"ready_timeout: {format_duration(policy.ready_timeout)}, or nothing is ever ready."
        )
    if problems:
        raise PolicyError(problems)
    return policy


def _is_zero(amount: Amount) -> bool:
    return not (amount.number or amount.percent)


_SECTIONS = ("defaults", "environments", "groups")


def layers_for(group: str, pillar: Any, arguments: Mapping[str, Any]) -> list:
    """
    The layers that apply to a group, weakest first: ``defaults``, its environment, every matching
    pattern of ``groups`` from the shortest to the longest, its exact name, then the arguments.

    :param pillar: the value of the pillar key ``asgcycle`` (None when there is none).
    :raises PolicyError: when the pillar is not shaped as documented.
    """
    pillar = {} if pillar is None else pillar
    problems = _shape_problems(pillar)
    if problems:
        raise PolicyError(problems)
    groups = pillar.get("groups") or {}
    patterns = sorted((p for p in groups if fnmatchcase(group, p) and p != group), key=len)
    chosen = [*patterns, *([group] if group in groups else [])]
    entries = [(f"pillar asgcycle:groups:{p}", dict(groups[p] or {})) for p in chosen]
    environment = None
    for _, entry in entries:
        environment = entry.pop("environment", environment)
    layers = [("pillar asgcycle:defaults", pillar.get("defaults") or {})]
    if environment is not None:
        known = pillar.get("environments") or {}
        if environment not in known:
            have = ", ".join(map(str, known)) or "none"
            raise PolicyError(
                [
                    f"pillar asgcycle:groups: environment {environment!r} of group {group} is not "
                    f"in asgcycle:environments (there: {have})."
                ]
            )
        layers.append((f"pillar asgcycle:environments:{environment}", known[environment] or {}))
    return [*layers, *entries, ("argument", dict(arguments))]


def _shape_problems(pillar: Any) -> list[str]:
    if not isinstance(pillar, Mapping):
        return [f"pillar asgcycle: must be a mapping with {', '.join(_SECTIONS)}, not {pillar!r}."]
    problems = [
        f"pillar asgcycle: unknown key {key!r}; allowed are {', '.join(_SECTIONS)}."
        for key in pillar
        if key not in _SECTIONS
    ]
    for section in _SECTIONS:
        value = pillar.get(section)
        if value is not None and not isinstance(value, Mapping):
            problems.append(f"pillar asgcycle:{section}: must be a mapping, not {value!r}.")
        elif section != "defaults":
            problems += [
                f"pillar asgcycle:{section}:{name}: must be a mapping, not {entry!r}."
                for name, entry in (value or {}).items()
                if entry is not None and not isinstance(entry, Mapping)
            ]
    return problems
