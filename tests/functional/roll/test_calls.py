"""How many calls a roll makes: V + 2 changes of capacity, and as many reads a turn whatever V."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.functional.roll.harness import CAPACITY_CALLS, assert_all_replaced, roll, spec

SIZES = [1, 6, 40]
BALANCED = {
    "target_groups": ["a", "b"],
    "load_balancers": ["old"],
}
EVERY_TURN = {
    "DescribeAutoScalingGroups": 1,
    "DescribeTargetHealth": 2,
    "DescribeInstanceHealth": 1,
}
NOW_AND_THEN = ("DescribeInstances", "DescribeScalingActivities", "DescribeInstanceRefreshes")


@pytest.mark.parametrize("surge", [1, 2, "25%"])
@pytest.mark.parametrize("victims", SIZES)
def test_a_roll_takes_at_most_two_changes_of_capacity_more_than_victims(victims, surge):
    outcome = roll(spec(desired=victims), surge=surge)
    assert_all_replaced(outcome)
    made = outcome.mutations()
    assert sum(made[name] for name in CAPACITY_CALLS) <= victims + 2
    assert made["TerminateInstanceInAutoScalingGroup"] == victims


@pytest.mark.parametrize("victims", SIZES)
def test_besides_the_capacity_only_max_and_processes_are_changed_and_put_back(victims):
    outcome = roll(spec(desired=victims, max=victims), surge=2)
    assert_all_replaced(outcome)
    others = {
        name: count for name, count in outcome.mutations().items() if name not in CAPACITY_CALLS
    }
    assert others == {"SuspendProcesses": 1, "ResumeProcesses": 1, "UpdateAutoScalingGroup": 2}


@pytest.mark.parametrize("victims", SIZES)
def test_a_turn_reads_the_group_once_and_each_load_balancer_once(victims):
    outcome = roll(spec(desired=victims, **BALANCED), surge=2)
    assert_all_replaced(outcome)
    for turn in by_turn(outcome):
        assert {name: turn[name] for name in EVERY_TURN} == EVERY_TURN
        assert all(turn[name] <= 1 for name in NOW_AND_THEN)
        assert set(turn) <= {*EVERY_TURN, *NOW_AND_THEN}


@pytest.mark.parametrize("surge", [1, 10])
def test_a_group_is_looked_at_twenty_times_a_minute_at_most(surge):
    outcome = roll(spec(desired=30), surge=surge)
    assert_all_replaced(outcome)
    looks = [c.time for c in outcome.calls() if c.operation == "DescribeAutoScalingGroups"]
    # what a turn leads to at once, restoring, is looked at once more
    assert all(later - first > 60 for first, later in zip(looks, looks[22:], strict=False))


@pytest.mark.parametrize("victims", SIZES)
def test_the_preflight_reads_as_much_whatever_the_number_of_victims(victims):
    outcome = roll(spec(desired=victims, **BALANCED), surge=2)
    reads = Counter(c.operation for c in outcome.calls() if c.operation.startswith("Describe"))
    for name, each in EVERY_TURN.items():
        # One observation a turn, and one of the preflight.
        assert reads[name] == each * (outcome.turns + 1)
    assert reads["DescribeInstances"] <= outcome.turns + 1
    minutes = outcome.verdict.summary.seconds / 60
    assert reads["DescribeInstanceRefreshes"] <= 1 + minutes  # one of them the preflight's
    assert reads["DescribeLaunchTemplateVersions"] == 1


def by_turn(outcome):
    """Return the reads of each turn of the roll, without those of the preflight."""
    turns = []
    for call in outcome.calls():
        if call.operation == "DescribeAutoScalingGroups":
            turns.append(Counter())
        if turns and call.operation.startswith(("Describe", "Get")):
            turns[-1][call.operation] += 1
    return turns[1:]
