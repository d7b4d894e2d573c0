"""Scenarios that once went wrong, each by the name of what was seen."""

from __future__ import annotations

from asgroll.model import Phase
from tests.functional.roll.harness import (
    MUTATIONS,
    assert_all_replaced,
    assert_kept,
    begin,
    finish,
    judge,
    lease,
    roll,
    spec,
)
from tests.lab.world import Fault
from tests.lab.world.history import Lifecycle, Termination

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
        boot={"median": 10, "sigma": 0},
    )
    # The third launch is in service between the look that finds it late and its termination.
    faults = [
        Fault("bad_image", nth=1, count=1),
        Fault("slow_launch", nth=3, count=1, seconds=292.82),
    ]
    outcome = roll(
        scenario,
        faults=faults,
        surge=1,
        max_unavailable=2,
        accept=["no-readiness"],
        **QUICK,
    )
    assert_all_replaced(outcome)
    assert outcome.summary["failed"] == 2
    (late,) = {
        record.instance
        for record in outcome.world.history.of(Termination)
        if record.actor == "caller" and record.instance not in outcome.victims
    }
    moves = [r for r in outcome.world.history.of(Lifecycle) if r.instance == late]
    assert [move.after for move in moves][:3] == ["Pending", "InService", "Terminating"]


def test_room_that_only_the_raised_max_gave_is_not_kept_for_a_scaling_policy():
    # MaxSize stayed raised for good, a little more at every roll under load.
    scenario = spec(desired=1, min=0, max=1, zones=["a"], target_groups=[], **AT_ONCE)
    outcome = roll(
        scenario,
        faults=[Fault("scale_out", at=1)],
        surge=1,
        max_unavailable=1,
        poll_interval=5,
        accept=["no-readiness"],
    )
    assert (outcome.phase, outcome.old_left()) == ("done", set())
    assert (outcome.group.max_size, outcome.group.desired) == (1, 1)


def paused_then_aborted(scenario, *, faults=(), at, **policy):
    """A person pauses the roll at a turn and, half an hour later, puts everything back."""
    run = begin(scenario, faults=faults, on_signal="pause", **policy)
    finish(run, stop=lambda world, turn: "SIGINT" if turn >= at else None)
    run.clock.sleep(1800)
    run.outcome.roll = run.outcome.roll.reopened(Phase.RESTORING, run.clock.now())
    finish(run)
    judge(run.outcome, policy)
    return run.outcome


def test_a_share_smaller_than_every_victim_is_given_back_by_what_was_launched():
    # Aborted, a weighted group kept one unit of surge for good: the last victim weighs two.
    weights = {
        "overrides": [{"type": "m5.large", "weight": 1}, {"type": "m5.xlarge", "weight": 2}],
        "distribution": {"OnDemandPercentageAboveBaseCapacity": 50},
    }
    scenario = spec(5, min=4, max=6, zones=["a", "b"], mixed=weights, seed=270)
    outcome = paused_then_aborted(scenario, at=4, surge=1, max_unavailable=2, order="oldest")
    assert_kept(outcome)
    assert outcome.summary["left_changed"] == {}


def test_a_new_instance_that_serves_at_its_deadline_may_go_on_to_be_ready():
    # It was terminated as "not ready after 5m: ready", its healthy_for nearly over.
    scenario = spec(2, boot={"median": 270, "sigma": 0})
    outcome = roll(scenario, healthy_for=60, max_failures=0, **QUICK)
    assert_all_replaced(outcome)
    assert outcome.summary["failed"] == 0


def test_a_scale_out_in_the_room_that_an_operator_has_made_is_kept():
    # MaxSize raised by us, then by an operator: the room counted as ours, and one instance of the
    # scale-out was terminated as surplus.
    faults = [Fault("operator_sets", at=300, max=14), Fault("scale_out", at=900, by=3)]
    outcome = paused_then_aborted(spec(max=8), faults=faults, at=4, surge=3)
    assert_kept(outcome)
    assert outcome.group.max_size == 14
    # three more than the six, or three more than what the group showed, the surge in it
    assert 9 <= outcome.group.desired <= 12


def test_a_lowered_maximum_and_a_scale_in_together_are_told_apart():
    # What the lowered MaxSize cut off our surge was taken for somebody's wish, too.
    faults = [
        Fault("operator_sets", at=300, max=8),
        Fault("operator_terminates", at=600, pick="oldest", decrement=True),
    ]
    outcome = paused_then_aborted(spec(5, min=1, max=5), faults=faults, at=4, surge=4)
    assert_kept(outcome)
    assert outcome.group.desired in (4, 5)  # one less than five, or what is left of the surge


def test_desired_is_not_lowered_while_a_launch_may_be_under_way():
    # The launch came just then, and the group had one instance too many for AWS to choose from.
    scenario = spec(5, delays={"reaction": 30}, boot={"median": 0, "sigma": 0})
    outcome = roll(
        scenario,
        faults=[
            Fault("stale_reads", seconds=12),
            Fault("html_error", at=6, until=40, operation=ALL_READS),
        ],
        stop=lambda world, turn: "SIGTERM" if turn >= 2 else None,
        poll_interval=5,
    )
    assert_kept(outcome)
    assert outcome.mutations()["SetDesiredCapacity"] == 1


def test_what_serves_though_not_yet_for_long_enough_stays_while_capacity_is_short():
    # Stopped just when a reclaim had taken the last one that counted, the roll ended the only
    # instance that served, because its healthy_for was not over.
    outcome = roll(
        spec(1, min=0, max=1, zones=["a"], target_groups=[], boot={"median": 0, "sigma": 0}),
        faults=[Fault("spot_reclaim", count=1)],
        stop=lambda world, turn: "SIGTERM" if turn >= 2 else None,
        healthy_for=20,
        max_failures=0,
    )
    assert_kept(outcome)
    assert outcome.phase == "stopped"


def test_the_time_that_taking_the_lease_lasts_is_none_without_progress():
    # A write that took more than two seconds makes it wait for 34: "no progress for 30s", and the
    # roll was over before it had looked.
    quick = {"reaction": 1, "running": 1, "registration": 1, "termination": 1}
    balancer = {"name": "web", "deregistration_delay": 1}
    outcome = roll(
        spec(2, target_groups=[balancer], boot={"median": 1, "sigma": 0}, delays=quick),
        faults=[Fault("latency", operation="CreateOrUpdateTags", nth=1, count=1, seconds=3)],
        leased=True,
        ready_timeout=24,
        drain_timeout=6,
        poll_interval=1,
    )
    assert "no progress" not in outcome.roll.reason
    assert outcome.mutations()["SetDesiredCapacity"] == 1


def test_the_time_that_taking_the_lease_lasts_is_not_taken_from_putting_back():
    run = begin(spec(2), surge=2, ready_timeout=10, drain_timeout="5m", on_signal="pause")
    finish(run, stop=lambda world, turn: "SIGINT" if turn >= 3 else None)
    assert run.outcome.summary["left_changed"]
    run.outcome.roll = run.outcome.roll.reopened(Phase.RESTORING, run.clock.now())
    fault = Fault("latency", at=run.clock.now() - run.began, seconds=3, count=1,
                  operation="CreateOrUpdateTags")  # fmt: skip
    run.outcome.world.inject(fault)
    finish(run, lease=lease(run))
    assert run.outcome.summary["left_changed"] == {}
