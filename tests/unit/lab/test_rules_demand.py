"""Who sets totals. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest

from tests.lab.scenario import ScenarioError
from tests.lab.world import Fault
from tests.lab.world.demand import Scheduled

TRACKED = {"target_tracking": {"target": 10, "load": 60}, "max": 30}


def desired(lab) -> list[tuple[int, str, str]]:
    """Return what desired was changed to, by whom and how."""
    return [(r.after, r.actor, r.how) for r in lab.since("Size") if r.field == "desired"]


def test_DM1_a_scheduled_action_sets_what_it_names_at_its_time(bench):
    night = {"name": "night", "at": 100, "min": 1, "max": 9, "desired": 2}
    lab = bench(3, scheduled=[night, {"at": 200, "max": 1}, {"at": 300, "desired": 50}])
    lab.wait(99)
    assert desired(lab) == []
    lab.wait(2)
    assert (lab.group.min_size, lab.group.max_size) == (1, 9)
    lab.wait(300)
    assert desired(lab) == [(2, "policy", "set"), (1, "policy", "bound")]
    assert [(r.operation, r.actor, r.outcome) for r in lab.since("Call")] == [
        ("scheduled_action", "policy", "ok"),
        ("scheduled_action", "policy", "ok"),
        ("scheduled_action", "policy", "ValidationError"),
    ]
    assert "a scheduled action update of AutoScalingGroup constraints" in next(
        item.cause for item in lab.group.activities
    )


def test_DM1_an_action_that_was_changed_or_deleted_does_nothing(bench):
    lab = bench(3, max=9, scheduled=[{"name": "x", "at": 100, "desired": 5}])
    lab.world.schedule(lab.group, [Scheduled("x", lab.world.start + 200, desired=6)])
    lab.wait(150)
    assert desired(lab) == []
    lab.wait(100)
    assert desired(lab) == [(6, "policy", "set")]


def test_DM1_nothing_happens_with_scheduled_actions_suspended(bench):
    lab = bench(3, max=9, scheduled=[{"at": 100, "desired": 5}], suspended=["ScheduledActions"])
    lab.wait(200)
    assert desired(lab) == []


def test_DM1_a_key_that_an_action_does_not_have_is_refused_by_name(bench):
    with pytest.raises(ScenarioError, match=r"groups\.web\.scheduled: unknown key time"):
        bench(3, scheduled=[{"time": 5}])


def test_DM2_target_tracking_sets_a_total_in_proportion_to_the_load(bench):
    lab = bench(3, **TRACKED)
    lab.wait(400)
    assert desired(lab) == [(6, "policy", "set")]
    cause = lab.group.activities[-1].cause
    assert "TargetTracking-web-AlarmHigh in state ALARM triggered policy tracking" in cause


def test_DM2_what_somebody_adds_on_top_is_taken_for_capacity_and_taken_away(bench):
    lab = bench(6, **TRACKED)
    lab.world.set_desired_capacity("web", 8)
    lab.wait(1500)
    assert desired(lab) == [(8, "caller", "set"), (6, "policy", "set")]


def test_DM2_it_stays_within_the_bounds_and_follows_a_load_that_changes(bench):
    lab = bench(3, max=5, target_tracking={"target": 10})
    lab.world.inject(Fault("load", at=60, load=90))
    lab.wait(400)
    assert desired(lab) == [(5, "policy", "set")]


def test_DM3_it_scales_out_in_minutes_and_in_only_after_a_quarter_of_an_hour(bench):
    lab = bench(3, **TRACKED)
    lab.wait(175)
    assert desired(lab) == []
    lab.wait(10)
    assert lab.group.desired == 6
    lab.wait(600)
    began = lab.world.now
    lab.world.inject(Fault("load", at=lab.world.elapsed, load=20))
    lab.wait(840)
    assert lab.group.desired == 6
    lab.wait(70)
    assert (lab.group.desired, lab.world.now - began) == (2, 910)


def test_DM3_it_does_nothing_with_alarm_notification_suspended(bench):
    lab = bench(3, suspended=["AlarmNotification"], **TRACKED)
    lab.wait(1000)
    assert desired(lab) == []


def test_DM3_it_may_begin_in_the_middle(bench):
    lab = bench(3, max=9)
    lab.world.inject(Fault("target_tracking", at=100, target=10, load=70))
    lab.wait(400)
    assert desired(lab) == [(7, "policy", "set")]
