"""
What a roll must remember, as data: what is intended, what happened.

Everything here is frozen. Times are seconds since the epoch, durations are seconds, capacities are
in the group's own units (instances, or the sum of their weights when the group is weighted).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Phase(str, Enum):
    """Where a roll stands. The last three are ends."""

    ROLLING = "rolling"
    RESTORING = "restoring"
    DONE = "done"
    HALTED = "halted"
    STOPPED = "stopped"

    @property
    def ended(self) -> bool:
        """Whether nothing more will be done."""
        return self in (Phase.DONE, Phase.HALTED, Phase.STOPPED)


@dataclass(frozen=True, slots=True)
class Victim:
    """An instance to be replaced, as it was when the set was frozen."""

    id: str
    zone: str
    weight: int = 1
    launched_at: float | None = None
    spec: str = ""
    standby: bool = False
    protected: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Replacement:
    """
    An instance that appeared after the roll began, whoever caused it.

    ``missing_since``: absent from the group's answer (which may lag); ``gone_at``: for good.
    """

    id: str
    zone: str
    seen_at: float
    weight: int = 1
    spec: str = ""
    healthy_since: float | None = None
    ready_at: float | None = None
    failed_at: float | None = None
    missing_since: float | None = None
    gone_at: float | None = None

    @property
    def settled(self) -> bool:
        """Nothing is awaited of it any more."""
        return self.ready_at is not None or self.gone_at is not None


class Cause(str, Enum):
    """Why we terminate an instance."""

    VICTIM = "victim"
    FAILED = "failed replacement"
    SURPLUS = "surplus"


@dataclass(frozen=True, slots=True)
class Termination:
    """
    A termination that we asked for. ``unclear``: the answer was lost. ``missing_since``: absent
    from the group's answer without having been seen leaving. ``weight``: units of the instance.
    """

    id: str
    asked_at: float
    cause: Cause
    decrement: bool
    unclear: bool = False
    missing_since: float | None = None
    leaving_at: float | None = None
    gone_at: float | None = None
    overdue: bool = False
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """
    One count against ``max_failures``.

    ``launch``: AWS could not start an instance. ``made_up``: it could later, so it counts no more.
    """

    at: float
    what: str
    why: str
    launch: bool = False
    made_up: bool = False


@dataclass(frozen=True, slots=True)
class PendingChange:
    """
    A change of the desired capacity whose effect has not been seen yet.

    ``applied`` is None when the answer was lost, or when the amount is for AWS to say (weights).
    """

    at: float
    before: int
    after: int
    applied: bool | None
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Extremes:
    """What the run has seen, for the report that proves the invariants."""

    lowest_serving: int
    highest_total: int
    #: how far serving was below live − max_unavailable at worst, whoever caused it (0: never)
    below_floor: int = 0


@dataclass(frozen=True)
class Roll:
    """
    Everything a roll must remember; the rest is re-derived from the next observation.

    ``initial`` are the ids present when it began, ``victims`` the frozen set among them.
    ``delta`` is how many units of the desired capacity are ours, ``expected_desired`` what the
    group should show if nobody else changed it. ``excused`` are units by which the outside world
    has scaled in: so many new instances may disappear without being counted as failures.
    ``doubted`` is a desired capacity that is not what we expect, ``doubted_at`` since when it is
    seen. ``cut`` are units by which our terminations have lowered it since it was last as expected,
    ``late`` those that AWS may still take from a number that others have named.
    ``sent`` is our last change of the desired capacity, until an activity has told what stood
    there before. ``missing`` are victims that the last answers lacked, and since when. ``turns``
    numbers the snapshots in the journal. ``resumed_at``: deadlines do not run from before it.
    ``step`` counts the checkpoints that are passed, ``baking_since`` is set while one is watched.
    ``forgiven`` are failures from before the last replacement that became ready. ``heeded`` is the
    last order of a person that was carried out. ``rollback``: it went back to what ran before.
    ``keep_old``: what is too much when sizes are put back goes from the replacements, not from the
    victims. ``noted``: all that has to be put back is written on the group as well.
    ``not_serving`` are members that do not serve, and since when.
    ``idle_since``: since when no traffic at all comes through a target group that counts.
    ``tellers`` are what tells who is ready: target groups and load balancers that count, else
    launch hooks (None: those that the next look shows). ``lost_since``: since when one is gone.
    ``young`` are members of its beginning that have not been seen to serve for ``healthy_for``, and
    since when they do.
    ``waits`` are times (seconds) by key of the policy that followed the group when it began.
    ``unused`` are target groups that do not count for as long as no listener forwards to them.
    ``protects_new``: when it began the group protected what it launches from scale-in.
    ``owner`` worked on it last; without a word of it others may take over at ``alive_until``.
    """

    id: str
    group: str
    arn: str
    started_at: float
    initial: frozenset[str]
    victims: Mapping[str, Victim]
    specs: tuple[str, ...]
    max_size: int
    desired: int
    expected_desired: int
    delta: int = 0
    excused: int = 0
    pending: PendingChange | None = None
    doubted: int | None = None
    doubted_at: float = 0.0
    cut: int = 0
    late: int = 0
    sent: PendingChange | None = None
    missing: Mapping[str, float] = field(default_factory=dict)
    max_set: int | None = None
    max_set_at: float = 0.0
    suspended: frozenset[str] = frozenset()
    phase: Phase = Phase.ROLLING
    outcome: Phase = Phase.DONE
    reason: str = ""
    replacements: Mapping[str, Replacement] = field(default_factory=dict)
    terminations: Mapping[str, Termination] = field(default_factory=dict)
    vanished: frozenset[str] = frozenset()
    failures: tuple[Failure, ...] = ()
    counted_launch_failures: frozenset[str] = frozenset()
    short_since: float | None = None
    progress_at: float = 0.0
    restoring_since: float | None = None
    ended_at: float | None = None
    extremes: Extremes | None = None
    serving: int = 0
    refusals: int = 0
    gave_up: bool = False
    turns: int = 0
    resumed_at: float = 0.0
    step: int = 0
    baking_since: float | None = None
    approved: bool = False
    forgiven: int = 0
    heeded: str = ""
    rollback: bool = False
    keep_old: bool = False
    noted: bool = False
    waits: Mapping[str, float] = field(default_factory=dict)
    unused: frozenset[str] = frozenset()
    idle_since: float | None = None
    young: Mapping[str, float | None] = field(default_factory=dict)
    tellers: frozenset[str] | None = None
    lost_since: float | None = None
    not_serving: Mapping[str, float] = field(default_factory=dict)
    protects_new: bool = False
    owner: str = ""
    alive_until: float = 0.0

    def with_(self, **changes) -> Roll:
        """A copy with the given fields changed."""
        return dataclasses.replace(self, **changes)

    def reopened(self, phase: Phase, now: float, reason: str = "") -> Roll:
        """
        The same roll taken up again, with a fresh failure budget and fresh deadlines. What has to
        be seen for a while is seen anew: nobody has looked in between.
        """
        return self.with_(
            phase=phase,
            outcome=Phase.STOPPED if phase is Phase.RESTORING else Phase.DONE,
            reason=reason,
            failures=(),
            forgiven=0,
            refusals=0,
            gave_up=False,
            replacements={
                key: dataclasses.replace(
                    known, failed_at=None, missing_since=None, healthy_since=known.ready_at
                )
                for key, known in self.replacements.items()
            },
            terminations={
                key: dataclasses.replace(term, overdue=False, missing_since=None)
                for key, term in self.terminations.items()
            },
            short_since=None,
            doubted=None,
            idle_since=None,
            young=dict.fromkeys(self.young),
            tellers=None,
            lost_since=None,
            not_serving={},
            missing={},
            resumed_at=now,
            progress_at=now,
            restoring_since=now if phase is Phase.RESTORING else None,
            ended_at=None,
            baking_since=None,
            approved=False,
            keep_old=False,
        )

    @property
    def weights(self) -> tuple[int, ...]:
        """Units of each victim that fills a place in the desired capacity; never empty."""
        return tuple(v.weight for v in self.victims.values() if not v.standby) or (1,)

    def weight_of(self, key: str) -> int:
        """Units of a victim or a new instance, as last seen."""
        known = self.victims.get(key) or self.replacements.get(key)
        return known.weight if known is not None else 1

    @property
    def live(self) -> int:
        """Desired capacity as the outside world wants it: what the group has, less our part."""
        return self.expected_desired - self.delta
