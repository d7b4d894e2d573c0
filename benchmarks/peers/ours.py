"""
This project's engine as it is, preflight and lease included, with its default policy but for surge
and ready_timeout.
"""

from __future__ import annotations

from collections.abc import Callable

from asgroll import preflight
from asgroll.aws import Aws
from asgroll.engine import Engine
from asgroll.journal import MemoryJournal
from asgroll.lease import Lease
from asgroll.model import Roll
from asgroll.policy import Policy, parse
from benchmarks.peers.stage import GROUP, Stage

#: A straggler is slow, not broken.
READY_TIMEOUT = "30m"


def policy_of(surge: int) -> Policy:
    """The policy of the benchmark's rolls."""
    return parse([("bench", {"surge": surge, "ready_timeout": READY_TIMEOUT})])


def roll(stage: Stage) -> None:
    """Preflight and roll."""
    aws, policy = Aws(stage.client, stage.now), policy_of(stage.case.surge)
    ended = run(GROUP, aws, policy, stage.now, stage.sleep)
    if ended.phase.value != "done":
        raise RuntimeError(f"{ended.phase.value}: {ended.reason}")


def run(
    name: str,
    aws: Aws,
    policy: Policy,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Roll:
    """Preflight and roll one group; returns the roll as it ended."""
    found = preflight.assess(aws, name, policy, clock())
    if found.obstacles:
        raise RuntimeError("\n".join(found.obstacles))
    lease = Lease(
        aws,
        "bench",
        name,
        clock=clock,
        sleep=sleep,
        lease_time=policy.lease_time,
        settle_time=policy.settle_time,
    )
    engine = Engine(
        aws,
        MemoryJournal(),
        policy,
        clock=clock,
        sleep=sleep,
        report=lambda event, roll: None,
        lease=lease,
    )
    return engine.run(preflight.begin(found, name, clock()))
