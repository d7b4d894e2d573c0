"""The stage on which each tool rolls the same group: the world, what is counted, how it ends."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.bound import Takes, ideal, lower_bound
from tests.judge.fleet import Fleet
from tests.lab.inprocess import InProcessAWS
from tests.lab.scenario import build
from tests.lab.world import World
from tests.lab.world import history as h
from tests.lab.world.model import BootTimes, Delays, TargetGroup

GROUP = "web"
#: Boot times of the instances: log-normal around 90 s, and one in 50 takes ten minutes longer.
BOOT = BootTimes(median=90, sigma=0.4, straggler_share=0.02, straggler_seconds=600)
DRAIN_SECONDS = 30.0
DELAYS = Delays()
CHECKS = TargetGroup("", "")
TAKES = Takes(
    reaction=DELAYS.reaction,
    registration=0.0,  # is in the times of `Case.waits`
    leaving=DRAIN_SECONDS + DELAYS.termination,
)
#: A tool that has not come to an end after this time never will. Ten thousand hours.
ENDLESS_SECONDS = 3.6e7
#: How exactly the end of the last departure is looked for, seconds.
GRAIN_SECONDS = 0.5


@dataclass(frozen=True)
class Case:
    """
    A group of ``size`` instances, of which ``surge`` may be under way at once; ``shares`` are the
    percentages that come to this surge.
    """

    size: int
    surge: int
    seed: int
    shares: tuple[str, ...] = ()

    @property
    def boots(self) -> list[float]:
        """When each application will answer after its launch, in the order of the launches."""
        chance = random.Random(self.seed)
        return [BOOT.draw(chance) for _ in range(self.size)]

    @property
    def waits(self) -> list[float]:
        """Seconds from each launch until its target is healthy."""
        return [healthy_after(boot) for boot in self.boots]

    @property
    def lower_bound(self) -> float:
        """Seconds; see ``benchmarks.peers.bound``."""
        return lower_bound(self.waits, self.surge, TAKES)

    @property
    def ideal(self) -> float:
        """Seconds; see ``benchmarks.peers.bound``."""
        return ideal(self.waits, self.surge, TAKES)


@dataclass(frozen=True)
class Measured:
    """
    One tool's roll. ``seconds`` count from its first call until it has ended and nobody is leaving
    the group any more; the numbers of instances are the lab's truth, not what the tool says.
    """

    tool: str
    seconds: float
    lowest_serving: int
    highest_total: int
    launches: int
    calls: dict[str, int]
    refused: int

    @property
    def reads_a_look(self) -> float:
        """Reads for each time that the group was read."""
        reads = sum(n for name, n in self.calls.items() if name.startswith("Describe"))
        return reads / max(1, self.calls.get("DescribeAutoScalingGroups", 0))


class Ledger(h.History):
    """A history that is counted, not kept: a thousand instances make millions of calls."""

    def __init__(self, before: h.History) -> None:
        super().__init__()
        self.fleets: dict[str, Fleet] = {}
        self.calls: Counter[str] = Counter()
        self.lowest: dict[str, int] = {}
        self.highest: dict[str, int] = {}
        self._homes: dict[str, str] = {}
        self.refused = self.launches = 0
        for record in before:
            self.append(record)
        self.lowest = {name: fleet.serving for name, fleet in self.fleets.items()}
        self.highest = {name: fleet.total for name, fleet in self.fleets.items()}
        self.launches = 0

    def append(self, record: h.Record) -> None:
        """Count what has just happened."""
        if isinstance(record, h.Call):
            self.calls[record.operation] += 1
            self.refused += record.outcome != "ok"
            return
        self.launches += isinstance(record, h.Launch)
        if isinstance(record, h.Attachment):
            self._homes[record.load_balancer] = record.group
        if isinstance(record, h.TargetHealth | h.Override | h.Listener):
            name = self._homes.get(record.load_balancer, "")
        else:
            name = record.group
        if not name:  # what belongs to no group (yet)
            return
        fleet = self.fleets.setdefault(name, Fleet(name))
        fleet.apply(record, 0)
        if name in self.lowest:
            self.lowest[name] = min(self.lowest[name], fleet.serving)
            self.highest[name] = max(self.highest[name], fleet.total)


def healthy_after(boot: float) -> float:
    """
    Seconds from a launch to a healthy target, when the application answers after ``boot``.

    The health checks begin once the instance is in service. A target that has not failed often
    enough to be unhealthy needs one of them, any other as many as its threshold says.
    """
    first, every = min(boot, DELAYS.running) + DELAYS.registration, DELAYS.check_interval
    failed = max(0, math.ceil((boot - first) / every))
    needed = 1 if failed < CHECKS.unhealthy_threshold else CHECKS.healthy_threshold
    return first + (failed + needed - 1) * every


def group_of(size: int, surge: int, name: str = GROUP) -> dict[str, Any]:
    """
    The group of a scenario. MaxSize has room for the surge, since some tools only refuse without;
    MinSize is the size, since some tools keep no other floor.
    """
    return {
        "min": size,
        "max": size + surge,
        "desired": size,
        "zones": ["a", "b", "c"],
        "health_check_type": "ELB",
        # More than the slowest application takes: AWS itself replaces nobody.
        "grace_period": 1200,
        "target_groups": [{"name": name, "deregistration_delay": DRAIN_SECONDS}],
        "template": {
            "name": name,
            "versions": [{"ImageId": "ami-1"}, {"ImageId": "ami-2"}],
            "default": 2,
            "use": "2",
            "launched_on": 1,
        },
    }


def world_of(groups: dict[str, dict[str, Any]], seed: int) -> tuple[World, Ledger]:
    """A world with these groups, counted from now on."""
    boot = {name: getattr(BOOT, name) for name in BOOT.__dataclass_fields__}
    world = build({"seed": seed, "boot": boot, "groups": groups})
    world.history = ledger = Ledger(world.history)
    return world, ledger


class Stage:
    """
    A group for one tool to roll. Tools call AWS through ``client`` and wait with ``sleep``;
    every call takes the time that a call takes, see ``tests.lab.inprocess``.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.world, self._ledger = world_of({GROUP: group_of(case.size, case.surge)}, case.seed)
        self._aws = InProcessAWS(self.world, validate_output=False)
        self.client = self._aws.client
        self._began = self.world.now

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.world.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        if self.world.now - self._began > ENDLESS_SECONDS:
            raise RuntimeError("this roll does not end")
        self._aws.clock.sleep(seconds)

    def group(self) -> dict[str, Any]:
        """One DescribeAutoScalingGroups."""
        answer = self.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[GROUP]
        )
        return answer["AutoScalingGroups"][0]

    def serving(self) -> set[str]:
        """Who truly serves: for what a tool asks another system than AWS."""
        return self._ledger.fleets[GROUP].serves

    def measure(self, name: str, roll: Callable[[Stage], None]) -> Measured:
        """Let a tool roll the group."""
        roll(self)
        group = self.world.groups[GROUP]
        if any(i.launch.version != "2" for i in group.instances.values() if not i.terminating):
            raise RuntimeError(f"{name} has ended with old instances in the group")
        while len(group.instances) != self.case.size or group.pending:
            self.sleep(GRAIN_SECONDS)
        ledger = self._ledger
        return Measured(
            name,
            self.world.now - self._began,
            ledger.lowest[GROUP],
            ledger.highest[GROUP],
            ledger.launches,
            dict(ledger.calls),
            ledger.refused,
        )


def is_old(member: dict[str, Any], group: dict[str, Any]) -> bool:
    """Whether a member was launched from another template version than the group uses."""
    return member["LaunchTemplate"]["Version"] != group["LaunchTemplate"]["Version"]


def ids(members: list[dict[str, Any]]) -> list[str]:
    """The ids of members as a describe shows them."""
    return [member["InstanceId"] for member in members]
