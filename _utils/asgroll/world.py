"""
What is observed of a group and its instances, in AWS's own words. Data only.

Times are seconds since the epoch, durations are seconds, capacities are in the group's own units
(instances, or the sum of their weights when the group is weighted).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

_INSTANCE_ID = re.compile(r"\bi-[0-9a-f]{8,17}\b")

IN_SERVICE = "InService"
STANDBY = "Standby"

#: Lifecycle states that fill a place in DesiredCapacity (EC2 Auto Scaling user guide, "instance
#: lifecycle"). Standby is not one of them: entering it may lower the desired capacity.
HOLDS_CAPACITY = frozenset(
    {
        "Pending",
        "Pending:Wait",
        "Pending:Proceed",
        IN_SERVICE,
        "ReplacingRootVolume",
        "ReplacingRootVolume:Wait",
        "ReplacingRootVolume:Proceed",
        "RootVolumeReplaced",
    }
)

#: States in which the instance is on its way out or already gone.
LEAVING = frozenset(
    {
        "Terminating",
        "Terminating:Wait",
        "Terminating:Proceed",
        "Terminating:Retained",
        "Terminated",
        "Detaching",
        "Detached",
    }
)

#: Target states that mean "gets traffic", of target groups and of classic load balancers.
_SERVING_STATES = frozenset({"healthy", IN_SERVICE})
_NOT_IN_USE = "Target.NotInUse"


class Verdict(str, Enum):
    """What a gate says of an instance. A gate that never opens fails by its deadline."""

    READY = "ready"
    NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A gate's answer: which gate, what it says, and why in words.

    ``draining``: a load balancer is taking it out of traffic, as it does when it is terminated.
    """

    gate: str
    verdict: Verdict
    why: str = ""
    draining: bool = False


READY = Answer("all", Verdict.READY)


@dataclass(frozen=True, slots=True)
class Instance:
    """
    One member of the group as last observed.

    ``spec`` is what it was launched from: ``lt-…:7``, or the name of a launch configuration; empty
    once the configuration is deleted. ``type`` is its instance type. ``image`` is what Auto Scaling
    says that its root volume is from, which it says only where that is not the template's doing.
    ``weighted``: AWS shows a weight of its own; without one it counts as a single unit.
    ``launched_at`` is known only where somebody asked EC2. ``answer`` is the gates' summary.
    """

    id: str
    zone: str
    lifecycle: str
    healthy: bool
    spec: str = ""
    weight: int = 1
    weighted: bool = False
    protected: bool = False
    launched_at: float | None = None
    answer: Answer = READY
    type: str = ""
    image: str = ""

    @property
    def holds_capacity(self) -> bool:
        """Whether it fills a place in the desired capacity."""
        return self.lifecycle in HOLDS_CAPACITY

    @property
    def leaving(self) -> bool:
        """Whether it is on its way out of the group, or out already."""
        return self.lifecycle in LEAVING


@dataclass(frozen=True, slots=True)
class Machine:
    """What EC2 tells of an instance: when it was launched (epoch seconds), and from which image."""

    launched_at: float
    image: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its state in AWS's words, and when it is deprecated (epoch seconds, or never)."""

    state: str
    deprecated_at: float | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    One thing that a group launches, as written on it (``lt-…:$Latest``) or resolved (``lt-…:7``).

    ``image`` is the image that it names, empty where it leaves that to somebody else. ``types``
    are the instance types that it is for; empty where they are not named. ``unknown`` is why its
    image is not known.
    """

    spec: str
    image: str = ""
    types: frozenset[str] = frozenset()
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """
    An Auto Scaling Group as last observed.

    ``specs`` are what it may launch from now (several with a mixed-instances policy whose
    overrides name templates of their own), as written on the group: ``lt-…:$Latest``. ``recipes``
    are the same with what overrides say of types and images.
    ``tags`` are those that a roll has written (``marks``), ``tag_count`` counts all.
    ``warmup`` is its DefaultInstanceWarmup, ``grace`` its health check grace period.
    ``capacity_type`` is what its sizes count: units, vcpu or memory-mib; ``weighted``: it gives
    weights to instance types. ``operator`` is the service that alone may change it.
    ``protects_new``: what it launches is protected from scale-in.
    """

    name: str
    min_size: int
    max_size: int
    desired: int
    arn: str = ""
    specs: tuple[str, ...] = ()
    health_check: str = "EC2"
    suspended: frozenset[str] = frozenset()
    target_groups: tuple[str, ...] = ()
    load_balancers: tuple[str, ...] = ()
    other_traffic_sources: tuple[str, ...] = ()
    warm_pool: bool = False
    status: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    tag_count: int = 0
    warmup: float | None = None
    grace: float = 0.0
    capacity_type: str = "units"
    weighted: bool = False
    operator: str = ""
    protects_new: bool = False
    recipes: tuple[Recipe, ...] = ()

    @property
    def asks_load_balancers(self) -> bool:
        """
        Whether it replaces what a load balancer finds unhealthy: ELB is among its health check
        types, one or more of EC2, EBS, ELB and VPC_LATTICE with commas between (API reference of
        CreateAutoScalingGroup).
        """
        return "ELB" in (kind.strip().upper() for kind in self.health_check.split(","))

    @property
    def deleting(self) -> bool:
        """DeleteAutoScalingGroup was called: ``status`` is "Delete in progress"."""
        return "delete" in self.status.lower()


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """
    State of one instance in one target group or load balancer, in AWS's own words.

    ``override`` is the state of an AdministrativeOverride, empty when there is none. It keeps
    traffic away whatever the health, as in a zonal shift (user guides for Application and Network
    Load Balancers, "Zonal shift administrative override").
    """

    state: str
    reason: str = ""
    description: str = ""
    override: str = ""

    @property
    def gets_traffic(self) -> bool:
        """Healthy, and nothing is known or suspected to keep traffic away from it."""
        return self.state in _SERVING_STATES and not self.override

    @property
    def in_use(self) -> bool:
        """False: no listener forwards to its target group, or not in its zone."""
        return self.reason != _NOT_IN_USE


@dataclass(frozen=True, slots=True)
class Hook:
    """
    A lifecycle hook of the group: how long one wait may last, and with heartbeats all of them.

    ``launch``: it holds back new instances, otherwise old ones. ``proceeds``: whom nobody answers
    for goes on (CONTINUE) instead of being given up (ABANDON).
    """

    name: str
    launch: bool
    timeout: float
    limit: float
    proceeds: bool = False


@dataclass(frozen=True, slots=True)
class Activity:
    """A scaling activity of the group, in AWS's own words."""

    id: str
    started_at: float
    ended_at: float | None
    status: str
    description: str = ""
    message: str = ""
    cause: str = ""

    @property
    def launch(self) -> bool:
        """Whether it is about starting an instance."""
        return self.description.startswith("Launching")

    @property
    def failed(self) -> bool:
        """A cancelled activity is not a failure: a scale-in cancels launches under way."""
        return self.status == "Failed"

    @property
    def instance(self) -> str:
        """Id of the instance that the description names, empty when it names none."""
        found = _INSTANCE_ID.search(self.description)
        return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class World:
    """
    One observation, taken at ``taken_at``.

    ``targets`` maps the name of each target group or load balancer to the health of its members.
    ``activities`` are read only in turns in which the group lacks instances or nobody has told yet
    what stood there before our last change of the desired capacity. ``alarms`` maps the name of
    each watched CloudWatch alarm to its state, ``missing`` when there is none. ``refresh`` is an
    instance refresh that owns the group, empty when none was seen by the last look for one.
    ``hooks`` are its launch hooks, read where nothing else tells who is ready.
    """

    group: Group
    instances: Mapping[str, Instance]
    targets: Mapping[str, Mapping[str, TargetHealth]] = field(default_factory=dict)
    activities: tuple[Activity, ...] = ()
    taken_at: float = 0.0
    alarms: Mapping[str, str] = field(default_factory=dict)
    refresh: str = ""
    hooks: frozenset[str] | None = None

    @property
    def capacity(self) -> int:
        """Units held by all members that fill a place in the desired capacity."""
        return sum(i.weight for i in self.instances.values() if i.holds_capacity)
