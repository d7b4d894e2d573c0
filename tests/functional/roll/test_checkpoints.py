"""Whole rolls that stop at checkpoints, watch alarms, and count failures by their own rules."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import (
    assert_all_replaced,
    assert_kept,
    begin,
    finish,
    roll,
    spec,
)
from tests.lab.world import Fault

TERMINATE = "TerminateInstanceInAutoScalingGroup"
WIDE = {"min": 2, "max": 20}


def ends(outcome):
    """Return when each of the caller's terminations was asked for, seconds from the start."""
    return [c.time - outcome.world.start for c in outcome.calls() if c.operation == TERMINATE]


def checkpoints(outcome):
    return [e for e in outcome.events if e.step.value == "checkpoint"]


@pytest.mark.parametrize(
    "policy",
    [
        {"canary": 1, "surge": 3},
        {"canary": 1, "checkpoints": ["50%"], "surge": 2},
        {"checkpoints": [2, 4], "surge": 0, "max_unavailable": 2},
        {"canary": 1, "order": "oldest", "surge": "100%"},
    ],
    ids=str,
)
def test_a_roll_with_checkpoints_replaces_everybody_with_as_many_launches(policy):
    outcome = roll(spec(8, **WIDE), **policy)
    assert_all_replaced(outcome)
    assert outcome.summary["launches"] == 8


def test_nothing_is_terminated_between_a_checkpoint_and_the_end_of_its_bake():
    outcome = roll(spec(8, **WIDE), canary=1, checkpoints=[4], bake="20m", surge=3)
    assert_all_replaced(outcome)
    reached = [e.at - outcome.world.start for e in checkpoints(outcome) if "replaced" in e.text]
    assert len(reached) == 2
    for at, done in zip(reached, (1, 4), strict=True):
        assert sum(1 for end in ends(outcome) if end < at) == done
        assert not [end for end in ends(outcome) if at <= end < at + 1200]


def test_at_a_checkpoint_the_group_is_back_at_its_live_capacity():
    sizes = []
    run = begin(spec(6, **WIDE), canary=2, bake="10m", surge=4)
    sleep = run.clock.sleep

    def looking(seconds):
        if run.journal.rolls["web"].baking_since is not None:
            sizes.append(run.outcome.group.desired)
        sleep(seconds)

    run.clock.sleep = looking
    finish(run)
    assert run.outcome.phase == "done"
    assert set(sizes) == {6}


def test_a_weighted_group_stops_after_as_many_instances():
    mixed = {
        "overrides": [{"type": "m5.large", "weight": 1}, {"type": "m5.xlarge", "weight": 2}],
        "distribution": {"OnDemandPercentageAboveBaseCapacity": 50},
    }
    outcome = roll(spec(9, min=2, max=30, mixed=mixed), canary=2, bake="15m", surge=2)
    assert_kept(outcome)
    (reached,) = [e.at - outcome.world.start for e in checkpoints(outcome) if "replaced" in e.text]
    assert sum(1 for end in ends(outcome) if end < reached) == 2


def test_an_instance_that_dies_while_baking_is_replaced_before_the_roll_goes_on():
    fault = Fault("instance_dies", at=400, pick="newest")
    outcome = roll(spec(6, **WIDE), faults=[fault], canary=1, bake="15m")
    assert_all_replaced(outcome)
    assert outcome.summary["failed"] == 1


# --- alarms --------------------------------------------------------------------------------------

ALARMED = {"alarms": ["5xx"], "canary": 1, "bake": "10m"}


def with_alarm(state="OK", **settings):
    return {**spec(6, **WIDE), "alarms": {"5xx": state}, **settings}


def test_an_alarm_while_baking_halts_the_roll_with_one_instance_replaced():
    fault = Fault("alarm", at=500, name="5xx")
    outcome = roll(with_alarm(), faults=[fault], **ALARMED)
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert outcome.roll.reason == "in state ALARM: 5xx"
    assert len(ends(outcome)) == 1


def test_an_alarm_between_checkpoints_stops_the_next_termination():
    fault = Fault("alarm", at=300, name="5xx")
    outcome = roll(with_alarm(), faults=[fault], alarms=["5xx"], on_failure="abort")
    assert_kept(outcome)
    assert outcome.phase == "halted"
    # within a turn of the alarm at most the one that gives the surge back
    assert len([end for end in ends(outcome) if end > 315]) <= 1
    assert outcome.summary["left_changed"] == {}


def test_an_alarm_without_data_holds_the_roll_at_the_checkpoint_until_it_is_ok():
    faults = [
        Fault("alarm", at=200, name="5xx", state="INSUFFICIENT_DATA"),
        Fault("alarm", at=3000, name="5xx", state="OK"),
    ]
    outcome = roll(with_alarm(), faults=faults, **ALARMED)
    assert_all_replaced(outcome)
    assert not [end for end in ends(outcome)[1:] if end < 3000]
    assert "5xx is INSUFFICIENT_DATA" in outcome.told()


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (with_alarm("ALARM"), "the alarm 5xx is in state ALARM; wait until it is OK"),
        (spec(6, **WIDE), "there is no CloudWatch alarm '5xx' in this region; correct alarms"),
    ],
)
def test_a_roll_does_not_start_with_an_alarm_that_rings_or_is_not_there(scenario, said):
    outcome = roll(scenario, **ALARMED)
    assert outcome.phase == "refused"
    assert said in " ".join(outcome.obstacles)
    assert outcome.mutations() == {}


def test_one_call_a_turn_watches_all_alarms():
    outcome = roll(with_alarm(alarms={"5xx": "OK", "slow": "OK"}), alarms=["5xx", "slow"])
    assert_all_replaced(outcome)
    calls = [c for c in outcome.calls() if c.operation == "DescribeAlarms"]
    assert len(calls) <= outcome.turns


# --- the failure budget --------------------------------------------------------------------------


def test_failures_that_are_far_apart_do_not_halt_where_only_a_row_of_them_counts():
    faults = [Fault("never_healthy", nth=n) for n in (1, 3, 5)]
    policy = {"max_failures": 1, "ready_timeout": "5m", "drain_timeout": "5m"}
    outcome = roll(spec(6, **WIDE), faults=faults, count_failures="consecutive", **policy)
    assert_all_replaced(outcome)
    outcome = roll(spec(6, **WIDE), faults=faults, **policy)
    assert outcome.phase == "halted"


def test_a_percentage_of_failures_is_of_the_instances_to_replace():
    faults = [Fault("never_healthy", nth=n) for n in (1, 2)]
    policy = {"ready_timeout": "5m", "drain_timeout": "5m", "surge": 2}
    assert roll(spec(10, **WIDE), faults=faults, max_failures="20%", **policy).phase == "done"
    assert roll(spec(10, **WIDE), faults=faults, max_failures="19%", **policy).phase == "halted"


def test_a_canary_that_fails_costs_one_instance_at_most():
    outcome = roll(
        spec(6, **WIDE),
        faults=[Fault("bad_image")],
        canary=1,
        surge=3,
        max_failures=0,
        ready_timeout="5m",
        drain_timeout="5m",
    )
    assert_kept(outcome)
    assert outcome.phase == "halted"
    assert ends(outcome) == []
