"""One roll over the in-process lab in virtual time, and the judge's verdict on it.

What a roll may touch and how far it may go is worked out here from the scenario and the policy's
arguments, never taken from what the roll says about itself.
"""

from __future__ import annotations

import copy
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from asgroll import preflight, report
from asgroll.aws import Aws
from asgroll.engine import Engine
from asgroll.events import Event
from asgroll.journal import MemoryJournal, from_plain, to_plain
from asgroll.lease import Lease
from asgroll.model import Phase, Roll
from asgroll.policy import Policy, parse
from tests.judge import invariants
from tests.judge.figures import APPLIED, READ_PREFIXES
from tests.judge.looks import GROUP_READ
from tests.lab.inprocess import InProcessAWS, VirtualClock
from tests.lab.scenario import build
from tests.lab.world import Fault, World
from tests.lab.world import history as h

GROUP = "web"
# Seconds of virtual time in which every scenario here must have ended.
DEADLINE = 24 * 3600.0
CAPACITY_CALLS = (
    "SetDesiredCapacity",
    "TerminateInstanceInAutoScalingGroup",
)
MUTATIONS = (*CAPACITY_CALLS, "UpdateAutoScalingGroup", "SuspendProcesses", "ResumeProcesses")
READS = READ_PREFIXES
# Keys of a scenario that are not the group's.
TOP = ("seed", "boot", "delays", "assumptions", "launch_before_terminate")


class RollDoesNotEndError(AssertionError):
    """The roll still ran when its virtual time was up."""


@dataclass
class Outcome:
    """How a roll went. ``roll`` is None when the preflight refused it."""

    world: World
    policy: Policy
    obstacles: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    victims: frozenset[str] = frozenset()
    before: int = 0
    roll: Roll | None = None
    verdict: invariants.Report | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    turns: int = 0

    @property
    def phase(self) -> str:
        """Return how it ended: done, halted, stopped, or refused."""
        return self.roll.phase.value if self.roll is not None else "refused"

    @property
    def code(self) -> int:
        """Return the exit code of the roll."""
        return report.exit_code(self.roll) if self.roll is not None else report.REFUSED

    @property
    def group(self) -> Any:
        """Return the group as the world has it now."""
        return self.world.groups[GROUP]

    def calls(self, *, since: int | None = None) -> list[h.Call]:
        """Return the caller's calls since the roll began, in order."""
        start = self.before if since is None else since
        return [
            record
            for record in self.world.history[start:]
            if isinstance(record, h.Call) and record.actor == "caller"
        ]

    def mutations(self) -> Counter:
        """Return the caller's accepted changes, by operation."""
        return Counter(
            call.operation
            for call in self.calls(since=0)
            if not call.operation.startswith(READS) and call.outcome in APPLIED
        )

    def members(self) -> dict[str, str]:
        """Return id and lifecycle state of the group's members."""
        return {key: item.lifecycle for key, item in self.group.instances.items()}

    def old_left(self) -> set[str]:
        """Return the victims that are still members and not on their way out."""
        staying = {key for key, state in self.members().items() if not state.startswith("Term")}
        return set(self.victims) & staying

    def told(self) -> str:
        """Return all the texts of the events."""
        return "\n".join(f"{event.step.value}: {event.text}" for event in self.events)


def spec(desired: int = 6, **settings: Any) -> dict[str, Any]:
    """Return a scenario: a group in three zones behind a target group, version 1 → 2.

    Keys of the scenario's top level (``TOP``) may be given; the rest are the group's.
    """
    top = {key: settings.pop(key) for key in TOP if key in settings}
    group = {
        "min": min(2, desired),
        "max": desired + 2,
        "desired": desired,
        "zones": ["a", "b", "c"],
        "target_groups": [{"name": GROUP, "deregistration_delay": 30}],
        "health_check_type": "ELB",
        "template": {
            "name": GROUP,
            "versions": [
                {"ImageId": "ami-00000000000000001"},
                {"ImageId": "ami-00000000000000002"},
            ],
            "default": 2,
            "launched_on": 1,
        },
    }
    group.update(settings)
    return {
        "seed": 7,
        "boot": {"median": 60, "sigma": 0.3},
        **top,
        "groups": {GROUP: {key: value for key, value in group.items() if value is not None}},
    }


def roll(
    scenario: Mapping[str, Any] | None = None,
    *,
    faults: Iterable[Fault] = (),
    victims: Collection[str] | None = None,
    stop: Callable[[World, int], str | None] = lambda world, turn: None,
    prepare: Callable[[World], None] = lambda world: None,
    deadline: float = DEADLINE,
    failed: Collection[str] = (),
    surge_units: int | None = None,
    unavailable_units: int | None = None,
    leased: bool = False,
    **policy: Any,
) -> Outcome:
    """Run one roll and judge it.

    Args:
        scenario: what ``build`` takes; by default ``spec()``.
        faults: injected before the preflight; times count from the world's start.
        victims: whom the roll is to replace; by default every member not in Standby.
        stop: asked with the world and the number of the turn, like the engine's ``stop``.
        prepare: called with the world before the preflight.
        deadline: virtual seconds after which the roll counts as endless.
        failed: replacements that may be terminated although they served.
        surge_units: how far above live it may go; by default worked out from ``policy``.
        unavailable_units: how far below live it may go; the same.
        leased: take the lease of the group, and note on it what has to be put back.
        policy: keys of the policy.

    Raises:
        RollDoesNotEndError: the deadline has passed.
    """
    run = begin(scenario, faults=faults, prepare=prepare, **policy)
    if run.outcome.obstacles:
        return run.outcome
    if victims is not None:
        run.outcome.victims = frozenset(victims)
    finish(run, stop=stop, deadline=deadline, lease=lease(run) if leased else None)
    judge(run.outcome, policy, failed=failed, surge=surge_units, unavailable=unavailable_units)
    return run.outcome


@dataclass
class Run:
    """A world with a gateway to it, and what has come of it so far."""

    outcome: Outcome
    aws: Aws
    clock: VirtualClock
    journal: MemoryJournal
    began: float


def begin(
    scenario: Mapping[str, Any] | None = None,
    *,
    faults: Iterable[Fault] = (),
    prepare: Callable[[World], None] = lambda world: None,
    name: str = GROUP,
    **policy: Any,
) -> Run:
    """Build the world, run the preflight and, without obstacles, begin the roll."""
    world = build(copy.deepcopy(dict(spec() if scenario is None else scenario)))
    for fault in faults:
        world.inject(fault)
    prepare(world)
    parsed = parse([("argument", policy)])
    gateway = InProcessAWS(world)
    clock = VirtualClock(world)
    aws = Aws(gateway.client, clock.now)
    before, began = len(world.history), world.now
    members = world.groups[GROUP].instances if GROUP in world.groups else {}
    eligible = frozenset(key for key, item in members.items() if item.lifecycle != "Standby")
    found = preflight.assess(aws, name, parsed, clock.now())
    outcome = Outcome(world, parsed, found.obstacles, found.warnings, eligible, before)
    if not found.obstacles:
        outcome.roll = preflight.begin(found, "r1", clock.now())
    return Run(outcome, aws, clock, MemoryJournal(), began)


def lease(run: Run, owner: str = "master", number: int = 1) -> Lease:
    """Return the lease of a process of ``owner`` on the run's group."""
    return Lease(
        run.aws,
        owner,
        f"{owner}-{number}",
        clock=run.clock.now,
        sleep=run.clock.sleep,
        lease_time=run.outcome.policy.lease_time,
        settle_time=run.outcome.policy.settle_time,
    )


def finish(
    run: Run,
    *,
    stop: Callable[[World, int], str | None] = lambda world, turn: None,
    deadline: float = DEADLINE,
    lease: Lease | None = None,
) -> None:
    """Let the engine work on the run's roll until it ends."""
    outcome, world = run.outcome, run.outcome.world
    events = list(outcome.events)
    asked = 0

    def sleep(seconds: float) -> None:
        if world.now - run.began > deadline:
            raise RollDoesNotEndError(f"{deadline:g} s have passed; last: {events[-1].text}")
        run.clock.sleep(seconds)

    def stopping() -> str | None:
        nonlocal asked
        asked += 1
        return stop(world, asked)

    engine = Engine(
        run.aws,
        run.journal,
        outcome.policy,
        clock=run.clock.now,
        sleep=sleep,
        report=lambda event, _: events.append(event),
        stop=stopping,
        lease=lease,
    )
    try:
        outcome.roll = engine.run(outcome.roll)
    finally:
        outcome.events, outcome.turns = tuple(events), outcome.turns + engine.turns
    stored = json.loads(json.dumps(to_plain(outcome.roll)))
    assert from_plain(stored) == outcome.roll, "the roll does not survive being stored"
    outcome.summary = report.summary(outcome.roll, outcome.policy, run.aws.calls, run.clock.now())


def judge(
    outcome: Outcome,
    policy: Mapping[str, Any],
    *,
    failed: Collection[str] = (),
    surge: int | None = None,
    unavailable: int | None = None,
) -> None:
    """Ask the judge whether the invariants held; I5 unless the roll was to be left as it stood."""
    world = outcome.world
    records = list(world.history)
    highest = max(
        (r.after for r in records if isinstance(r, h.Size) and r.field == "desired"), default=0
    )
    weights = [r.weight for r in records if isinstance(r, h.Launch)] or [1]
    if surge is None:
        surge = _units(policy.get("surge", 1), highest, max(weights), math.ceil)
    if unavailable is None:
        unavailable = _units(policy.get("max_unavailable", 0), highest, min(weights), math.floor)
    stale = max([world.delays.stale_reads, *_stale(world.faults)])
    outcome.verdict = invariants.examine(
        records,
        GROUP,
        outcome.victims,
        surge,
        unavailable,
        since=outcome.before,
        failed=failed,
        unseen=stale,
        finished=put_back(outcome),
    )


def _stale(faults: Iterable[Fault]) -> list[float]:
    return [fault.get("seconds", 3.0) for fault in faults if fault.kind == "stale_reads"]


def just_served(records: list[h.Record], since: int, stale: float) -> frozenset[str]:
    """Return whom the caller terminated although they serve since its last look.

    Nobody can know of what happens between an answer and the next call. ``stale`` seconds before
    the look count as well.
    """
    served: dict[str, float] = {}
    looked = 0.0
    found = set()
    for record in records[since:]:
        if isinstance(record, h.Call):
            if record.operation == GROUP_READ and record.outcome == "ok":
                looked = record.time
        elif isinstance(record, h.Termination):
            if record.actor == "caller" and served.get(record.instance, 0.0) >= looked - stale:
                found.add(record.instance)
        elif isinstance(record, h.Lifecycle | h.TargetHealth | h.Health) and record.after in (
            "InService",
            "healthy",
            "Healthy",
        ):
            served[record.instance] = record.time
    return frozenset(found)


def put_back(outcome: Outcome) -> bool:
    """Say whether the roll, as it ended, owes that everything is as before."""
    policy, phase = outcome.policy, outcome.roll.phase
    if phase is Phase.HALTED:
        return policy.on_failure == "abort"
    if phase is Phase.STOPPED:
        return policy.on_signal == "abort"
    return True


def _units(amount: Any, live: int, weight: int, rounded: Callable[[float], int]) -> int:
    if isinstance(amount, str) and amount.endswith("%"):
        return rounded(live * float(amount[:-1]) / 100)
    return int(amount) * weight


def broken(outcome: Outcome) -> list[str]:
    """Return the broken invariants as readable lines."""
    return [
        f"{item.rule} at {item.time - outcome.world.start:.0f} s: {item.message}"
        for item in outcome.verdict.violations
    ]


def assert_kept(outcome: Outcome) -> None:
    """Assert that no invariant was broken."""
    assert outcome.roll is not None, f"refused: {outcome.obstacles}"
    assert broken(outcome) == []


def assert_all_replaced(outcome: Outcome) -> None:
    """Assert that the roll is done, every victim gone, and no invariant broken."""
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("done", 0), outcome.roll.reason
    assert outcome.old_left() == set()
