"""
Pillar and command line → a validated ``Policy``.

``KEYS`` is the one table of what may be configured; the documentation of the keys is generated
from it. Every problem is found at once and names the key, the value and what is allowed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from asgroll import values
from asgroll.accepting import ACCEPTABLE
from asgroll.errors import PolicyError
from asgroll.values import Amount, Select, format_duration

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


#: Observations that have to fit into the time of a lease: it is renewed by one of them.
LEASE_POLLS = 4


@dataclass(frozen=True)
class Policy:
    """How one group is rolled. Durations are seconds; see ``KEYS`` for every field."""

    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    endpoint_url: str | None = None
    select: Select = field(default_factory=Select)
    surge: Amount = field(default_factory=lambda: Amount(1))
    max_unavailable: Amount = field(default_factory=lambda: Amount(0))
    raise_max: bool = True
    order: str = "zone"
    protected: str = "refuse"
    standby: str = "skip"
    suspend: tuple[str, ...] = ("AZRebalance", "InstanceRefresh")
    ready_timeout: float = 900.0
    drain_timeout: float = 900.0
    healthy_for: float = 0.0
    poll_interval: float = 15.0
    settle_time: float = 30.0
    max_failures: Amount = field(default_factory=lambda: Amount(2))
    count_failures: str = "total"
    on_failure: str = "pause"
    on_signal: str = "abort"
    canary: Amount | None = None
    checkpoints: tuple[Amount, ...] = ()
    bake: float = 0.0
    approve: str = "auto"
    alarms: tuple[str, ...] = ()
    lease: bool = True
    lease_time: float = 300.0
    accept: tuple[str, ...] = ()
    #: keys that somebody has set; the other times may follow the group (``waits``)
    chosen: frozenset[str] = frozenset()

    def window(self, live: int, weights: Iterable[int]) -> tuple[int, int]:
        """
        Surge and max_unavailable in capacity units.

        :param live: the group's live desired capacity, in units.
        :param weights: units of each victim (1 unless the group is weighted).
        """
        known = tuple(weights) or (1,)
        return (
            self.surge.units(live, max(known), up=True),
            self.max_unavailable.units(live, min(known), up=False),
        )


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the policy: how it is read, and what it means."""

    parse: Callable[[Any], Any]
    about: str


KEYS: dict[str, Key] = {
    "region": Key(values.text, "AWS region. Without it the usual AWS configuration decides."),
    "profile": Key(values.text, "Profile of the AWS configuration files."),
    "role_arn": Key(values.role, "Role to assume; renewed by itself during a long roll."),
    "endpoint_url": Key(
        values.url,
        "One endpoint for all services, like a proxy. VPC endpoints are one per service: give "
        "those as AWS_ENDPOINT_URL_AUTO_SCALING, AWS_ENDPOINT_URL_EC2, … in the environment.",
    ),
    "select": Key(
        values.select,
        f"Which instances to replace: {values.SELECT_ALLOWED}. What outdated means is below.",
    ),
    "surge": Key(values.amount(), "Instances above the live capacity while rolling."),
    "max_unavailable": Key(values.amount(100), "How far serving may fall below the live capacity."),
    "raise_max": Key(values.flag, "Raise MaxSize when the surge does not fit, and put it back."),
    "order": Key(
        values.choice("zone", "oldest", "newest"),
        "Who goes first after those that do not serve: the fullest zone's oldest, or by age. In an "
        "orchestration give it as `kwarg: {order: …}`: Salt keeps a plain `order` for itself.",
    ),
    "protected": Key(
        values.choice("replace", "skip", "refuse"),
        "What to do with instances that somebody has protected from scale-in. Where the group "
        "protects whatever it launches and every instance is protected, nobody has.",
    ),
    "standby": Key(
        values.choice("replace", "skip", "refuse"),
        "What to do with instances in Standby. They hold no place in the desired capacity, so "
        "`replace` terminates them and nothing is launched for them.",
    ),
    "suspend": Key(
        values.names(SUSPENDABLE, "scaling processes"),
        "Scaling processes suspended during the roll and resumed after it; what their rest means "
        "is below.",
    ),
    "ready_timeout": Key(
        values.positive_duration,
        "How long a new instance may take until it serves, before it fails. Unset: longer where a "
        "launch hook or `healthy_for` needs it.",
    ),
    "drain_timeout": Key(
        values.positive_duration,
        "How long a terminated instance may take to leave the group. Unset: longer where draining "
        "and a termination hook need it.",
    ),
    "healthy_for": Key(
        values.parse_duration,
        "A new instance counts after serving this long unbroken. Unset: the group's "
        "DefaultInstanceWarmup where it has one.",
    ),
    "poll_interval": Key(
        values.positive_duration,
        "Longest pause between two observations; longer only while AWS throttles. While instances "
        "are about to become ready the pause is a fortieth of what they usually take, but 3s at "
        "least.",
    ),
    "settle_time": Key(
        values.parse_duration,
        "How long AWS's answers may lag behind a change, and how long something unexpected has to "
        "be seen before it is believed (docs/live-capacity.md).",
    ),
    "max_failures": Key(
        values.amount(100),
        "Failures that are tolerated before the roll halts: a number, or a percentage of the "
        "instances to replace. Failed launches count only while nothing can be launched.",
    ),
    "count_failures": Key(
        values.choice("total", "consecutive"),
        "Count all failures of the roll, or only those since the last replacement that served.",
    ),
    "on_failure": Key(
        values.choice("pause", "abort", "rollback"),
        "At a halt: pause keeps the capacity for a person to look, abort puts the sizes back, "
        "rollback puts them back, pins what the replaced instances ran, and replaces the new ones.",
    ),
    "on_signal": Key(
        values.choice("abort", "pause"), "What SIGINT and SIGTERM do. A second signal ends at once."
    ),
    "canary": Key(
        values.amount(100), "A first checkpoint: after so many instances the roll stops to bake."
    ),
    "checkpoints": Key(
        values.amounts,
        "Further checkpoints, as numbers or percentages of the instances to replace. At each of "
        "them the group is back at its live capacity, bakes, and waits for `approve: manual`.",
    ),
    "bake": Key(values.parse_duration, "How long a checkpoint is watched before the roll goes on."),
    "approve": Key(
        values.choice("auto", "manual"),
        "After baking go on at once, or only after `salt-run asgcycle.approve <group>`.",
    ),
    "alarms": Key(
        values.names(None, "names of CloudWatch alarms"),
        "CloudWatch alarms watched during the roll: one in state ALARM halts it, and a checkpoint "
        "is passed only while all of them are OK.",
    ),
    "lease": Key(
        values.flag,
        "Mark the group with tags: who works on it, what must be put back. Other masters keep "
        "away, and `pause`, `approve` and `recover` work. `false` for lack of permission only.",
    ),
    "lease_time": Key(
        values.positive_duration,
        "How long after its last sign of life another master may take over from this one.",
    ),
    "accept": Key(
        values.names(tuple(ACCEPTABLE), "obstacles"),
        "Obstacles that a person has looked at and accepts; what each means is below.",
    ),
}
if {*KEYS, "chosen"} != {
    f.name for f in fields(Policy)
}:  # a key without a field would be ignored silently
    raise AssertionError("KEYS and Policy differ")


#: Mappings of their own inside a layer: what a group boots from, and its launch lifecycle hook.
#: Whoever uses one validates it (``section``).
SECTIONS = ("user_data", "launch_hook")


def _unknown(key: str, source: str) -> str:
    close = difflib.get_close_matches(str(key), KEYS, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    known = ", ".join([*KEYS, *SECTIONS])
    return f"{source}: unknown key {key!r}.{hint} Known keys: {known}."


def section(
    layers: list[tuple[str, Mapping[str, Any]]], name: str
) -> list[tuple[str, Mapping[str, Any]]]:
    """
    The layers of one section, weakest first, as ``layers_for`` gives those of the whole.

    :param name: one of ``SECTIONS``.
    :return: pairs of where it comes from and the mapping there; empty where nobody sets it.
    :raises PolicyError: a section that is not a mapping.
    """
    found, problems = [], []
    for source, layer in layers:
        if not isinstance(layer, Mapping) or layer.get(name) is None:
            continue
        if isinstance(layer[name], Mapping):
            found.append((f"{source}:{name}", layer[name]))
        else:
            problems.append(f"{source}:{name}: must be a mapping of keys, not {layer[name]!r}.")
    if problems:
        raise PolicyError(problems)
    return found


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
            if key in SECTIONS:
                continue
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
    policy = Policy(**values, chosen=frozenset(values))
    contradictions = _contradictions(policy)
    if contradictions:
        raise PolicyError(contradictions)
    return policy


def _contradictions(policy: Policy) -> list[str]:
    """What is wrong with keys that are each allowed, but not together."""
    found = []
    if _is_zero(policy.surge) and _is_zero(policy.max_unavailable):
        found.append(
            f"surge: {policy.surge} with max_unavailable: {policy.max_unavailable} leaves no "
            "room to replace anything; set surge: 1 (or more), or max_unavailable: 1 (or more)."
        )
    if "ready_timeout" in policy.chosen and policy.healthy_for >= policy.ready_timeout:
        found.append(
            f"healthy_for: {format_duration(policy.healthy_for)} must be shorter than "
            f"ready_timeout: {format_duration(policy.ready_timeout)}, or nothing is ever ready."
        )
    if policy.lease and policy.lease_time < LEASE_POLLS * policy.poll_interval:
        found.append(
            f"lease_time: {format_duration(policy.lease_time)} must be at least {LEASE_POLLS} "
            f"times poll_interval: {format_duration(policy.poll_interval)}, or the lease ends "
            "between two observations."
        )
    if policy.approve == "manual" and not policy.lease:
        found.append(
            "approve: manual needs lease: true: an approval reaches the roll through the group's "
            "tags."
        )
    stops = policy.checkpoints or not (policy.canary is None or _is_zero(policy.canary))
    if not stops and (policy.bake or policy.approve == "manual"):
        found.append(
            "bake and approve: manual take effect at checkpoints, and there is none; set canary: 1 "
            "or checkpoints: [1, 10%, 50%]."
        )
    return found


def _is_zero(amount: Amount) -> bool:
    return not (amount.number or amount.percent)


_LAYERS = ("defaults", "environments", "groups")


def layers_for(group: str, pillar: Any, arguments: Mapping[str, Any]) -> list:
    """
    The layers that apply to a group, weakest first: ``defaults``, its environment, every matching
    pattern of ``groups`` from the shortest to the longest, its exact name, then the arguments.

    :param pillar: the value of the pillar key ``asgcycle`` (None when there is none).
    :raises PolicyError: when the pillar is not shaped as documented.
    """
    pillar = {} if pillar is None else pillar
    environment = environment_of(group, pillar)
    entries = [
        (source, {key: value for key, value in entry.items() if key != "environment"})
        for source, entry in _entries(group, pillar)
    ]
    layers = [("pillar asgcycle:defaults", pillar.get("defaults") or {})]
    if environment is not None:
        source = f"pillar asgcycle:environments:{environment}"
        layers.append((source, pillar["environments"][environment] or {}))
    return [*layers, *entries, ("argument", dict(arguments))]


def environment_of(group: str, pillar: Any) -> str | None:
    """
    The environment that the pillar's groups give a group: that of the longest pattern or, over
    all, of its exact name. None when they give none.

    :param pillar: the value of the pillar key ``asgcycle`` (None when there is none).
    :raises PolicyError: the pillar is not shaped as documented, or there is no such environment.
    """
    pillar = {} if pillar is None else pillar
    problems = _shape_problems(pillar)
    if problems:
        raise PolicyError(problems)
    environment = None
    for _, entry in _entries(group, pillar):
        environment = entry.get("environment", environment)
    if environment is None:
        return None
    if not isinstance(environment, str):
        raise PolicyError(
            [f"pillar asgcycle:groups: environment {environment!r} of group {group}: give a text."]
        )
    known = pillar.get("environments") or {}
    if environment not in known:
        have = ", ".join(map(str, known)) or "none"
        raise PolicyError(
            [
                f"pillar asgcycle:groups: environment {environment!r} of group {group} is not "
                f"in asgcycle:environments (there: {have})."
            ]
        )
    return environment


def _entries(group: str, pillar: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The matching entries of ``groups``: patterns from short to long, then the exact name."""
    groups = pillar.get("groups") or {}
    patterns = sorted((p for p in groups if fnmatchcase(group, p) and p != group), key=len)
    chosen = [*patterns, *([group] if group in groups else [])]
    return [(f"pillar asgcycle:groups:{p}", groups[p] or {}) for p in chosen]


def _shape_problems(pillar: Any) -> list[str]:
    if not isinstance(pillar, Mapping):
        return [f"pillar asgcycle: must be a mapping with {', '.join(_LAYERS)}, not {pillar!r}."]
    problems = [
        f"pillar asgcycle: unknown key {key!r}; allowed are {', '.join(_LAYERS)}."
        for key in pillar
        if key not in _LAYERS
    ]
    for section in _LAYERS:
        value = pillar.get(section)
        if isinstance(value, Mapping):
            problems += [
                f"pillar asgcycle:{section}: the key {key!r} must be a text; put it in quotes."
                for key in value
                if not isinstance(key, str)
            ]
        if value is not None and not isinstance(value, Mapping):
            problems.append(f"pillar asgcycle:{section}: must be a mapping, not {value!r}.")
        elif section != "defaults":
            problems += [
                f"pillar asgcycle:{section}:{name}: must be a mapping, not {entry!r}."
                for name, entry in (value or {}).items()
                if entry is not None and not isinstance(entry, Mapping)
            ]
    return problems
