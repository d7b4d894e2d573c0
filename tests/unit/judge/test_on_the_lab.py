"""Rolls on the emulated AWS: a careful one passes, a careless one is convicted."""

from __future__ import annotations

import pytest

from tests.judge.invariants import check, examine
from tests.lab.inprocess import InProcessAWS
from tests.unit.lab.rolling import Roll, world


def test_a_careful_roll_on_the_lab_keeps_every_promise_with_v_plus_one_mutations():
    lab = world(6, suspended=["AZRebalance"])
    aws = InProcessAWS(lab)
    roll = Roll(aws)
    roll.run()
    aws.clock.sleep(600)
    report = examine(lab.history, "web", roll.victims, 1, 0)
    assert report.violations == ()
    assert report.summary.mutations == {
        "SetDesiredCapacity": 1,
        "TerminateInstanceInAutoScalingGroup": 6,
    }
    assert (report.summary.lowest_serving, report.summary.highest_total) == (6, 7)
    assert len(lab.serving(lab.group("web"))) == 6
    assert {item.launch.version for item in lab.group("web").instances.values()} == {"2"}


def test_a_careless_roll_on_the_lab_is_convicted():
    lab = world(6)
    aws = InProcessAWS(lab)
    roll = Roll(aws, surge=1, reserve=2)
    roll.run()
    broken = check(lab.history, "web", roll.victims, 1, 0, finished=False)
    assert {violation.rule for violation in broken} == {"I1"}
    assert check(lab.history, "web", roll.victims, 1, 2, finished=False) == []


@pytest.mark.parametrize("seed", range(5))
def test_rolls_through_the_lab_are_deterministic(seed):
    runs = []
    for _ in range(2):
        faults = ({"kind": "spot_reclaim", "at": 100, "pick": "random"},)
        lab = world(5, faults=faults)
        lab.random.seed(seed)
        aws = InProcessAWS(lab)
        Roll(aws).run()
        runs.append(lab.history.plain())
    assert runs[0] == runs[1]
    assert runs[0]
