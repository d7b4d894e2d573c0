"""This project's engine as it is, with its default policy but for surge and ready_timeout."""

from __future__ import annotations

from asgroll import preflight
from asgroll.aws import Aws
from asgroll.engine import Engine
from asgroll.journal import MemoryJournal
from asgroll.policy import parse
from benchmarks.peers.stage import GROUP, Stage

#: A straggler is slow, not broken.
READY_TIMEOUT = "30m"


def roll(stage: Stage) -> None:
    """Preflight and roll."""
    aws = Aws(stage.client)
    policy = parse([("bench", {"surge": stage.case.surge, "ready_timeout": READY_TIMEOUT})])
    found = preflight.assess(aws, GROUP, policy, stage.now())
    if found.obstacles:
        raise RuntimeError("\n".join(found.obstacles))
    engine = Engine(
        aws,
        MemoryJournal(),
        policy,
        clock=stage.now,
        sleep=stage.sleep,
        report=lambda event, roll: None,
    )
    ended = engine.run(preflight.begin(found, "bench", stage.now()))
    if ended.phase.value != "done":
        raise RuntimeError(f"{ended.phase.value}: {ended.reason}")
