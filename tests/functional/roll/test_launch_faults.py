"""Replacements that cannot start, die, never serve or are taken away."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import (
    assert_all_replaced,
    assert_kept,
    roll,
    spec,
)
from tests.lab.world import Fault
from tests.lab.world import history as h

TIGHT = {"min": 6, "max": 6}
QUICK = {"ready_timeout": "5m", "drain_timeout": "5m"}


def test_no_capacity_in_one_zone_is_survived():
    # The other zones have room, so the group finds a place by itself.
    outcome = roll(
        spec(**TIGHT), faults=[Fault("insufficient_capacity", zone="b")], max_failures=10
    )
    assert_kept(outcome)
    assert outcome.verdict.summary.lowest_serving == 6


def test_no_capacity_anywhere_that_comes_back_is_survived():
    fault = Fault("insufficient_capacity", at=100, until=400)
    outcome = roll(spec(**TIGHT), faults=[fault], surge=2, max_failures=20)
    assert_all_replaced(outcome)


@pytest.mark.parametrize("answer", ["pause", "abort"])
@pytest.mark.parametrize("at", [0, 200])
def test_no_capacity_anywhere_halts_with_awss_reason(at, answer):
    fault = Fault("insufficient_capacity", at=at)
    outcome = roll(spec(**TIGHT), faults=[fault], max_failures=2, on_failure=answer, **QUICK)
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert "capacity" in outcome.roll.reason
    assert outcome.verdict.summary.lowest_serving >= 6


@pytest.mark.parametrize("answer", ["pause", "abort"])
@pytest.mark.parametrize("mode", ["missing", "dies"])
def test_a_bad_image_halts_before_more_than_the_window_is_lost(mode, answer):
    fault = Fault("bad_image", mode=mode, image="ami-00000000000000002")
    outcome = roll(spec(**TIGHT), faults=[fault], surge=2, on_failure=answer, **QUICK)
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert outcome.old_left() == set(outcome.victims)
    assert outcome.verdict.summary.lowest_serving == 6


@pytest.mark.parametrize("answer", ["pause", "abort"])
def test_replacements_that_never_serve_halt_the_roll(answer):
    # A grace period longer than the deadline: AWS itself replaces nobody before.
    scenario = spec(**TIGHT, grace_period=900)
    faults = [Fault("never_healthy")]
    outcome = roll(scenario, faults=faults, surge=2, on_failure=answer, **QUICK)
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert outcome.old_left() == set(outcome.victims)
    # Two at a time: the fourth is late at the same look as the third, which is one too many.
    assert len(outcome.summary["failures"]) == 4


@pytest.mark.parametrize("kind", ["never_healthy", "bad_image"])
def test_failures_within_the_budget_are_replaced_in_turn(kind):
    outcome = roll(
        spec(**TIGHT), faults=[Fault(kind, nth=2, count=2)], max_failures=2, surge=2, **QUICK
    )
    assert_all_replaced(outcome)
    assert outcome.summary["failed"] == 2
    assert outcome.verdict.summary.launches == 8


@pytest.mark.parametrize("kind", ["never_healthy", "bad_image"])
@pytest.mark.parametrize("answer", ["pause", "abort"])
def test_one_failure_over_the_budget_halts_midway(kind, answer):
    outcome = roll(
        spec(**TIGHT),
        faults=[Fault(kind, nth=3, count=3)],
        max_failures=2,
        on_failure=answer,
        **QUICK,
    )
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert outcome.verdict.summary.victims_terminated in (2, 3)


def test_no_failure_is_tolerated_with_max_failures_zero():
    outcome = roll(spec(**TIGHT), faults=[Fault("never_healthy", nth=1)], max_failures=0, **QUICK)
    assert_kept(outcome)
    assert outcome.phase == "halted"
    assert outcome.verdict.summary.victims_terminated == 0


def test_a_boot_slower_than_usual_is_waited_for():
    scenario = spec(**TIGHT, grace_period=900)
    outcome = roll(scenario, faults=[Fault("slow_boot", factor=5)], surge=2)
    assert_all_replaced(outcome)
    assert outcome.summary["failed"] == 0


def test_a_boot_slower_than_the_deadline_is_a_failure():
    fault = Fault("slow_boot", nth=2, seconds=2000)
    outcome = roll(spec(**TIGHT), faults=[fault], max_failures=1, **QUICK)
    assert_all_replaced(outcome)
    assert outcome.summary["failed"] == 1
    assert outcome.verdict.summary.launches == 7


@pytest.mark.parametrize("policy", [{"surge": 2}, {"surge": 0, "max_unavailable": 2}], ids=str)
@pytest.mark.parametrize("pick", ["oldest", "newest"])
@pytest.mark.parametrize("at", [20, 95, 250])
def test_a_spot_reclaim_at_any_time_is_survived(at, pick, policy):
    outcome = roll(
        spec(**TIGHT), faults=[Fault("spot_reclaim", at=at, pick=pick)], max_failures=3, **policy
    )
    assert_all_replaced(outcome)


def test_all_victims_reclaimed_at_once_are_not_replaced_again():
    outcome = roll(spec(**TIGHT), faults=[Fault("spot_reclaim", at=20, count=6)], max_failures=9)
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.victims_terminated == 0


def test_an_outage_of_a_zone_that_ends_is_survived():
    fault = Fault("az_outage", at=130, until=700, zone="a")
    outcome = roll(spec(**TIGHT), faults=[fault], surge=2, max_failures=20)
    assert_kept(outcome)
    assert outcome.phase in ("done", "halted")
    ours = [r for r in outcome.world.history.of(h.Termination) if r.actor == "caller"]
    assert len(ours) <= 6 + outcome.summary["removed_replacements"]


@pytest.mark.parametrize("how", ["machine", "system", "app"])
@pytest.mark.parametrize("pick", ["oldest", "newest"])
def test_an_instance_that_dies_midway_is_survived(how, pick):
    outcome = roll(
        spec(**TIGHT),
        faults=[Fault("instance_dies", at=160, pick=pick, how=how)],
        surge=2,
        max_failures=3,
    )
    assert_all_replaced(outcome)


def test_a_replacement_that_flaps_must_hold_for_healthy_for():
    fault = Fault("instance_dies", at=110, pick="newest", how="app")
    outcome = roll(spec(**TIGHT), faults=[fault], healthy_for="3m", max_failures=3)
    assert_all_replaced(outcome)


def test_a_launch_hook_that_is_abandoned_counts_as_a_failure():
    hook = {
        "name": "in",
        "transition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "heartbeat_timeout": 60,
        "default_result": "ABANDON",
    }
    outcome = roll(spec(desired=3, hooks=[hook]), max_failures=1, on_failure="abort")
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert outcome.old_left() == set(outcome.victims)
