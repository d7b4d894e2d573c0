"""The things of the emulated AWS and their states; no behaviour beyond small derived values."""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass, field, fields
from typing import Any

SERVING = "InService"
STANDBY = "Standby"
RETAINED = "Terminating:Retained"
# A lifecycle state whose instance counts towards the group's capacity.
ACTIVE = frozenset({"Pending", "Pending:Wait", "Pending:Proceed", SERVING})
# AdministrativeOverride.State of a target that nothing keeps traffic from.
NO_OVERRIDE = "no_override"
# A terminated instance stays visible to DescribeInstances for about an hour (EC2 user guide).
TERMINATED_VISIBLE = 3600.0


@dataclass(frozen=True, slots=True)
class BootTimes:
    """How long from an instance's launch until its application answers, seconds (log-normal).

    EC2 says ``running``, and the group InService, long before that: see ``Delays.running``.

    Args:
        median: the middle of the distribution; 0 means at once.
        sigma: spread of the logarithm; 0 means always the median.
        straggler_share: part of the instances (0 to 1) that take ``straggler_seconds`` more.
    """

    median: float = 90.0
    sigma: float = 0.3
    straggler_share: float = 0.0
    straggler_seconds: float = 600.0

    def draw(self, rng: random.Random) -> float:
        """Return one boot time; takes exactly two numbers from ``rng`` whatever the settings."""
        spread, straggles = rng.gauss(0.0, 1.0), rng.random()
        extra = self.straggler_seconds if straggles < self.straggler_share else 0.0
        return self.median * math.exp(self.sigma * spread) + extra


@dataclass(frozen=True, slots=True)
class Delays:
    """How long AWS takes for what it does by itself, in seconds. All may be 0."""

    reaction: float = 5.0  # the capacity differs from desired → the group acts
    running: float = 10.0  # EC2 pending → running, and without a hook InService
    registration: float = 15.0  # target registered → its first health check
    check_interval: float = 10.0  # between two such checks, where the balancer does not say
    deregistration: float = 30.0  # draining, where the target group does not say
    termination: float = 30.0  # EC2 shutting-down → terminated
    health_check: float = 15.0  # an instance fails → its group notices
    retry: float = 30.0  # a launch failed → the group tries again
    rebalance: float = 120.0  # zones uneven → AZRebalance acts
    stale_reads: float = 0.0  # for how long describes may show what was before a change

    @classmethod
    def none(cls) -> Delays:
        """Return the delays of an AWS that does everything at once."""
        return cls(*([0.0] * len(fields(cls))))


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """Which launch template a group uses; ``version`` is a number, ``$Latest`` or ``$Default``."""

    template_id: str
    name: str
    version: str = "$Default"


@dataclass(frozen=True, slots=True)
class Override:
    """One instance type of a mixed-instances policy and what it weighs; the rest as given."""

    instance_type: str
    weight: int | None = None
    template: TemplateRef | None = None
    rest: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class MixedPolicy:
    """A mixed-instances policy: a template, the types, and the rest as given."""

    template: TemplateRef
    overrides: tuple[Override, ...] = ()
    distribution: tuple[tuple[str, object], ...] = ()

    @property
    def weighted(self) -> bool:
        """Say whether desired capacity is counted in units instead of instances."""
        return any(override.weight is not None for override in self.overrides)


@dataclass(frozen=True, slots=True)
class LaunchData:
    """What an instance is launched from, resolved; a launch configuration has no version."""

    image_id: str
    instance_type: str
    user_data: str | None = None
    template_id: str | None = None
    template_name: str | None = None
    version: str | None = None
    configuration: str | None = None


@dataclass(slots=True)
class Hook:
    """A lifecycle hook. ``completes_after`` and ``knows_application`` are the lab's.

    Somebody answers ``result`` after so many seconds. On a launch it is the agent in the instance,
    who says CONTINUE only once the application answers, unless it does not know the application.
    """

    name: str
    transition: str
    heartbeat_timeout: float = 3600.0
    default_result: str = "ABANDON"
    completes_after: float | None = None
    knows_application: bool = True
    result: str = "CONTINUE"
    notification_target: str | None = None
    role_arn: str | None = None
    metadata: str | None = None

    @property
    def global_timeout(self) -> float:
        """The longest wait that heartbeats can reach: 100 timeouts, at most 48 hours."""
        return min(48 * 3600.0, 100 * self.heartbeat_timeout)


@dataclass(slots=True)
class PendingAction:
    """A hook that an instance waits for; ``ripe`` once only the application keeps it waiting."""

    hook: Hook
    token: str
    deadline: float
    limit: float
    ripe: bool = False


@dataclass(slots=True)
class Activity:
    """A scaling activity as DescribeScalingActivities shows it, from ``listed_from`` on."""

    id: str
    group: str
    description: str
    cause: str
    start: float
    status: str
    progress: int = 0
    end: float | None = None
    message: str | None = None
    details: str = "{}"
    listed_from: float = -math.inf


@dataclass(slots=True)
class Instance:
    """An EC2 instance and what its group knows of it. ``revision`` grows with visible changes.

    ``extra`` came on top of desired; with ``successor_of`` it does not count before that one goes.
    ``answers`` is the truth about its application, since ``answers_since``; it begins at ``up_at``
    unless the application is broken (``healthy_app`` False) or the machine impaired.
    ``held`` and ``owed`` are what it contributes to its group's, in units; ``taken_by`` is who has
    ended it.
    """

    id: str
    group: str | None
    zone: str
    launch: LaunchData
    instance_type: str
    weight: int
    launch_time: float
    up_at: float
    actor: str
    reason: str
    spot: bool = False
    lifecycle: str = ""
    health: str = "Healthy"
    protected: bool = False
    state: str = "pending"
    private_ip: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    in_service_at: float | None = None
    ended_at: float | None = None
    healthy_app: bool = True
    answers: bool = False
    answers_since: float = -math.inf
    impaired: bool = False
    extra: bool = False
    successor_of: str = ""
    terminated_by_user: str = ""
    printed: tuple[str, ...] = ()
    actions: dict[str, PendingAction] = field(default_factory=dict)
    activity: Activity | None = None
    revision: int = 0
    held: int = 0
    owed: int = 0
    taken_by: str = ""

    @property
    def terminating(self) -> bool:
        """Say whether the group has begun to take the instance away."""
        return self.lifecycle.startswith("Terminat")

    @property
    def alive(self) -> bool:
        """Say whether the machine exists and runs, or is about to."""
        return self.state in ("pending", "running")

    @property
    def counts(self) -> bool:
        """Say whether the instance counts towards the capacity of its group."""
        waits = self.successor_of or (self.extra and self.lifecycle != SERVING)
        return self.lifecycle in ACTIVE and not waits


@dataclass(frozen=True, slots=True)
class Target:
    """A target's state as DescribeTargetHealth shows it.

    ``turn`` is the number of its latest change of state, ``first_check`` when its health checks
    began (epoch seconds).
    """

    instance: str
    port: int
    state: str
    reason: str = ""
    description: str = ""
    override: str = NO_OVERRIDE
    turn: int = 0
    first_check: float = 0.0


@dataclass(slots=True)
class TargetGroup:
    """A target group; a delay or interval that is None means the world's default.

    ``listener`` says whether a listener forwards to it, ``shifted`` lists the zones that traffic is
    shifted away from. ``changes`` lists the ids of changed targets in order.
    """

    arn: str
    name: str
    port: int = 80
    protocol: str = "HTTP"
    deregistration_delay: float | None = None
    health_check_path: str = "/"
    health_check_interval: float | None = None
    health_check_timeout: int = 5
    healthy_threshold: int = 2
    unhealthy_threshold: int = 2
    vpc: str = "vpc-00000000000000001"
    listener: bool = True
    shifted: set[str] = field(default_factory=set)
    attributes: dict[str, str] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class LoadBalancer:
    """A classic load balancer; the states in it are InService, OutOfService."""

    name: str
    dns_name: str
    zones: tuple[str, ...]
    draining: float | None = None
    health_check_interval: float | None = None
    healthy_threshold: int = 2
    unhealthy_threshold: int = 2
    targets: dict[str, Target] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Debt:
    """Why one more instance has to be launched (or may go), and for whose sake."""

    actor: str
    reason: str
    cause: str


@dataclass(slots=True)
class Group:
    """An Auto Scaling Group.

    ``units`` and ``zone_counts`` follow its instances incrementally; ``changes`` lists the ids
    of changed instances in order, so that a reader can render again only what is new to it.
    ``avoided_zone`` is where the last launch failed; ``retry_after`` when the next one is tried,
    in seconds, where that is not the world's usual delay.
    ``maintenance`` is the range of healthy percentages within which AWS replaces by itself,
    ``retains`` whether an abandoned termination hook leaves an instance Terminating:Retained.
    ``failures`` counts launches that failed in a row. ``held`` are units that still end and are
    replaced only then, ``owed`` units by which desired falls only when their instances have left,
    ``to_terminate`` what waits for Terminate to be resumed: whom, why, with decrement or not.
    ``scheduled`` are its scheduled actions by name, ``tracking`` its target tracking policy.
    ``causes`` are the texts of the changes of desired that the group has not acted upon yet.
    """

    name: str
    arn: str
    min_size: int
    max_size: int
    desired: int
    zones: tuple[str, ...]
    created: float
    subnets: str = ""
    template: TemplateRef | None = None
    mixed: MixedPolicy | None = None
    configuration: str | None = None
    target_group_arns: list[str] = field(default_factory=list)
    load_balancer_names: list[str] = field(default_factory=list)
    health_check_type: str = "EC2"
    grace_period: float = 0.0
    cooldown: float = 300.0
    termination_policies: tuple[str, ...] = ("Default",)
    new_instances_protected: bool = False
    capacity_type: str | None = None
    operator: str | None = None
    default_warmup: int | None = None
    capacity_rebalance: bool = False
    maintenance: tuple[int, int] | None = None
    retains: bool | None = None
    hooks: dict[str, Hook] = field(default_factory=dict)
    suspended: dict[str, str] = field(default_factory=dict)
    tags: dict[str, tuple[str, bool]] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    activities: deque[Activity] = field(default_factory=deque)
    refreshes: list = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    debts: deque[Debt] = field(default_factory=deque)
    excess: deque[Debt] = field(default_factory=deque)
    status: str | None = None
    last_scaling: float = -math.inf
    units: int = 0
    zone_counts: dict[str, int] = field(default_factory=dict)
    pending: int = 0
    reconcile_at: float | None = None
    backoff_until: float = -math.inf
    failures: int = 0
    held: int = 0
    owed: int = 0
    scheduled: dict = field(default_factory=dict)
    tracking: Any = None
    to_terminate: list[tuple[Instance, Debt, bool]] = field(default_factory=list)
    avoided_zone: str = ""
    retry_after: float | None = None
    rebalance_due: bool = False
    rebalancing: bool = False
    changes: list[str] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Units that the group wants to have and has not; below 0 what it has too much."""
        return self.desired - self.owed - self.units - self.held

    def suspends(self, process: str) -> bool:
        """Say whether a process of the group is suspended."""
        return process in self.suspended

    def subnet(self, zone: str) -> str:
        """Return the subnet that the group uses in a zone."""
        given = self.subnets.split(",")
        named = dict(zip(self.zones, given, strict=True)) if len(given) == len(self.zones) else {}
        return named.get(zone) or f"subnet-{zone[-1]:0>17}"

    @property
    def load_balancers(self) -> list[str]:
        """ARNs of the target groups and names of the classic load balancers."""
        return [*self.target_group_arns, *self.load_balancer_names]
