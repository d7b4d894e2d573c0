"""Scenarios that once went wrong, each by the name of what was seen."""

from __future__ import annotations

from tests.functional.roll.harness import (
    MUTATIONS,
    assert_all_replaced,
    assert_kept,
    roll,
    spec,
)
from tests.lab.world import Fault

QUICK = {"ready_timeout": "5m", "drain_timeout": "5m"}
AT_ONCE = {
    "boot": {"median": 0, "sigma": 0},
    "delays": {"reaction": 0},
}
ALL_READS = ("DescribeAutoScalingGroups", "DescribeTargetHealth", "DescribeInstanceHealth")


def test_a_replacement_seen_leaving_is_counted_once_as_a_failure():
    # It was skipped when seen Terminating, so a bad image was launched again for ever.
    outcome = roll(faults=[Fault("bad_image", nth=1, count=1)], max_failures=1, **QUICK)
    assert_all_replaced(outcome)
    assert outcome.summary["failed"] == 1


def test_a_group_being_deleted_is_not_taken_for_a_scale_in_to_zero():
    outcome = roll(faults=[Fault("operator_deletes", at=150)], on_failure="abort")
    assert_kept(outcome)
    assert outcome.phase == "halted"
    assert "delet" in outcome.roll.reason


def test_a_victim_that_drains_without_our_doing_is_not_terminated_with_a_decrement():
    # Somebody else was faster: the decrement would only let AWS choose whom to scale in.
    fault = Fault("operator_terminates", at=181.875, pick="oldest", decrement=True)
    outcome = roll(spec(min=2, max=12), faults=[fault], surge=3, max_failures=3)
    assert_all_replaced(outcome)


def test_what_needs_no_view_is_put_back_at_an_end_without_one():
    # Reads failed for so long that the roll gave up; the surge was still on the group.
    faults = [Fault("throttle", at=60, operation=ALL_READS)]
    scenario = spec(desired=4, min=0, **AT_ONCE)
    outcome = roll(scenario, faults=faults, on_failure="abort", **QUICK)
    assert outcome.phase == "halted"
    assert outcome.group.suspended == {}


def test_intermittent_throttling_while_putting_back_leaves_nothing_suspended():
    fault = Fault("throttle", at=1, operation=(*MUTATIONS, *ALL_READS), probability=0.2)
    scenario = spec(
        desired=4,
        min=0,
        max=4,
        zones=["a"],
        target_groups=["a", "b"],
        seed=338,
        **AT_ONCE,
    )
    outcome = roll(scenario, faults=[fault], max_failures=0, on_failure="abort", **QUICK)
    assert outcome.group.suspended == {}
    assert {item.rule for item in outcome.verdict.violations} <= {"I5"}
    assert bool(outcome.verdict.violations) == bool(outcome.summary["left_changed"])


def test_a_minimum_raised_above_live_while_the_surge_hides_it_is_a_wish_for_more():
    # Ended with a refused decrement at desired == min.
    fault = Fault("operator_sets", at=30, min=8)
    outcome = roll(spec(min=4, max=12), faults=[fault], surge=4)
    assert outcome.phase == "done"
    assert (outcome.group.min_size, outcome.group.desired) == (8, 8)
    assert outcome.old_left() == set()


def test_a_replacement_that_serves_just_after_the_look_that_failed_it_is_replaced():
    scenario = spec(
        desired=5,
        min=0,
        max=5,
        zones=["a"],
        target_groups=[],
        seed=367,
        boot={"median": 60, "sigma": 0.4, "straggler_share": 0.2, "straggler_seconds": 200},
    )
    outcome = roll(
        scenario,
        faults=[Fault("bad_image", nth=1, count=1)],
        surge=1,
        max_unavailable=2,
        **QUICK,
    )
    assert_all_replaced(outcome)
    assert outcome.summary["failed"] == 2


def test_room_that_only_the_raised_max_gave_is_not_kept_for_a_scaling_policy():
    # MaxSize stayed raised for good, a little more at every roll under load.
    scenario = spec(desired=1, min=0, max=1, zones=["a"], target_groups=[], **AT_ONCE)
    outcome = roll(
        scenario,
        faults=[Fault("scale_out", at=1)],
        surge=1,
        max_unavailable=1,
        poll_interval=5,
    )
    assert (outcome.phase, outcome.old_left()) == ("done", set())
    assert (outcome.group.max_size, outcome.group.desired) == (1, 1)
