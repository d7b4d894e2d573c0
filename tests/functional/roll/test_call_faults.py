"""Calls that fail, hang, lie or leave their answer open do not break what must hold."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import (
    MUTATIONS,
    assert_all_replaced,
    assert_kept,
    roll,
    spec,
)
from tests.lab.world import Fault

TERMINATE = "TerminateInstanceInAutoScalingGroup"
# How often each mutation is called in the rolls here, so that a fault can be put in the middle.
TIGHT = {"min": 6, "max": 6}
READS = (
    "DescribeAutoScalingGroups",
    "DescribeTargetHealth",
    "DescribeInstanceHealth",
    "DescribeInstances",
    "DescribeScalingActivities",
    "DescribeInstanceRefreshes",
    "DescribeLaunchTemplateVersions",
)
ROLLING_READS = ("DescribeAutoScalingGroups", "DescribeTargetHealth", "DescribeInstanceHealth")
BOTH = {"load_balancers": ["old"], **TIGHT}


# -- lost answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
@pytest.mark.parametrize("surge", [1, 3])
@pytest.mark.parametrize(
    ("operation", "nth"),
    [
        ("SuspendProcesses", 1),
        ("UpdateAutoScalingGroup", 1),
        ("UpdateAutoScalingGroup", 2),
        ("SetDesiredCapacity", 1),
        (TERMINATE, 1),
        (TERMINATE, 3),
        (TERMINATE, 4),
        (TERMINATE, 5),
        (TERMINATE, 6),
        ("ResumeProcesses", 1),
    ],
)
def test_a_lost_answer_changes_nothing_of_the_result(operation, nth, surge, applied):
    fault = Fault("lost_answer", operation=operation, nth=nth, applied=applied)
    outcome = roll(spec(**TIGHT), faults=[fault], surge=surge)
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.launches == 6
    assert any(call.outcome.startswith("lost") for call in outcome.calls())


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
@pytest.mark.parametrize("operation", MUTATIONS)
def test_three_lost_answers_in_a_row_change_nothing_of_the_result(operation, applied):
    fault = Fault("lost_answer", operation=operation, nth=1, count=3, applied=applied)
    outcome = roll(spec(**TIGHT), faults=[fault], surge=2)
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.launches == 6


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
@pytest.mark.parametrize("policy", [{"surge": 2}, {"surge": 0, "max_unavailable": 2}], ids=str)
def test_lost_answers_in_a_weighted_group_change_nothing_of_the_result(policy, applied):
    mixed = {
        "overrides": [{"type": "m5.large", "weight": 1}, {"type": "m5.xlarge", "weight": 2}],
        "distribution": {"OnDemandPercentageAboveBaseCapacity": 100},
    }
    fault = Fault("lost_answer", operation=TERMINATE, probability=0.4, applied=applied)
    outcome = roll(spec(desired=8, mixed=mixed), faults=[fault], **policy)
    assert_all_replaced(outcome)


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
@pytest.mark.parametrize("seed", range(5))
def test_answers_lost_at_random_change_nothing_of_the_result(seed, applied):
    faults = [
        Fault("lost_answer", operation=list(MUTATIONS), probability=0.3, applied=applied),
        Fault("lost_answer", operation=list(ROLLING_READS), at=1, probability=0.1),
    ]
    outcome = roll(spec(seed=seed, **TIGHT), faults=faults, surge=2)
    assert_all_replaced(outcome)


def test_a_lost_answer_with_answers_that_lag_does_not_raise_or_lower_twice():
    faults = [
        Fault("stale_reads", seconds=8),
        Fault("lost_answer", operation="SetDesiredCapacity", nth=1),
        Fault("lost_answer", operation=TERMINATE, nth=6),
    ]
    outcome = roll(spec(**TIGHT), faults=faults, settle_time=20)
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.launches == 6


# -- refusals that pass ----------------------------------------------------------------------------

PASSING = (
    "throttle",
    "scaling_activity_in_progress",
    "resource_contention",
    "html_error",
)


@pytest.mark.parametrize("operation", MUTATIONS)
@pytest.mark.parametrize("kind", PASSING)
def test_a_change_refused_for_now_is_tried_again(kind, operation):
    outcome = roll(
        spec(**TIGHT), faults=[Fault(kind, operation=operation, nth=1, count=2)], surge=2
    )
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.launches == 6


@pytest.mark.parametrize("kind", PASSING)
def test_changes_refused_for_minutes_midway_are_waited_out(kind):
    fault = Fault(kind, at=120, until=420, operation=list(MUTATIONS))
    assert_all_replaced(roll(spec(**TIGHT), faults=[fault], surge=2))


@pytest.mark.parametrize("kind", ["throttle", "html_error"])
def test_reads_refused_for_minutes_midway_are_waited_out(kind):
    fault = Fault(kind, at=120, until=420, operation=list(ROLLING_READS))
    assert_all_replaced(roll(spec(**BOTH), faults=[fault], surge=2))


@pytest.mark.parametrize("operation", ROLLING_READS)
@pytest.mark.parametrize("kind", ["throttle", "html_error", "lost_answer", "resource_contention"])
def test_a_read_that_fails_now_and_then_changes_nothing_of_the_result(kind, operation):
    fault = Fault(kind, at=1, operation=operation, probability=0.3)
    assert_all_replaced(roll(spec(**BOTH), faults=[fault]))


def test_under_throttling_the_roll_asks_less_often():
    calm = roll(spec(**TIGHT))
    fault = Fault("throttle", at=60, until=660, operation="DescribeAutoScalingGroups")
    outcome = roll(spec(**TIGHT), faults=[fault])
    assert_all_replaced(outcome)
    refused = [c for c in outcome.calls() if c.outcome == "Throttling"]
    # 10 minutes at the usual pace would be 40 reads.
    assert 0 < len(refused) < 12
    assert outcome.verdict.summary.seconds > calm.verdict.summary.seconds


def test_reads_that_stay_away_end_the_roll_instead_of_hanging():
    fault = Fault("throttle", at=100, operation="DescribeAutoScalingGroups")
    outcome = roll(spec(**TIGHT), faults=[fault], ready_timeout="10m")
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert outcome.summary["left_changed"]


@pytest.mark.parametrize("seconds", [2, 12, 45])
def test_slow_calls_only_take_longer(seconds):
    outcome = roll(spec(**TIGHT), faults=[Fault("latency", seconds=seconds)], surge=2)
    assert_all_replaced(outcome)


def test_a_slow_termination_is_not_followed_by_another_decided_on_an_old_view():
    faults = [
        Fault("latency", operation=TERMINATE, seconds=40),
        Fault("spot_reclaim", operation=TERMINATE, nth=2, pick="newest"),
    ]
    outcome = roll(spec(**TIGHT), faults=faults, surge=3)
    assert_all_replaced(outcome)


@pytest.mark.parametrize("seconds", [3, 8, 14])
@pytest.mark.parametrize("policy", [{"surge": 1}, {"surge": 3}, {"surge": 0, "max_unavailable": 2}])
def test_answers_that_lag_behind_changes_do_no_harm(seconds, policy):
    outcome = roll(spec(**TIGHT), faults=[Fault("stale_reads", seconds=seconds)], **policy)
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.launches == 6


# -- refusals that stay ----------------------------------------------------------------------------

# A denied ResumeProcesses cannot be put right by the roll: only here something may be left behind.
BEFORE_ANY_TERMINATION = ("SuspendProcesses", "UpdateAutoScalingGroup", "SetDesiredCapacity")


@pytest.mark.parametrize("kind", ["denied", "expired_token"])
@pytest.mark.parametrize("operation", BEFORE_ANY_TERMINATION)
def test_a_change_denied_from_the_start_leaves_the_group_as_it_was(operation, kind):
    outcome = roll(spec(**TIGHT), faults=[Fault(kind, operation=operation)], on_failure="abort")
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 2)
    assert set(outcome.members()) == set(outcome.victims)
    assert operation in outcome.roll.reason


@pytest.mark.parametrize("answer", ["pause", "abort"])
def test_where_terminating_is_denied_the_roll_says_what_it_could_not_give_back(answer):
    # Lowering the desired capacity instead would let AWS choose whom to terminate.
    fault = Fault("denied", operation=TERMINATE)
    outcome = roll(spec(**TIGHT), faults=[fault], on_failure=answer)
    assert {item.rule for item in outcome.verdict.violations} <= {"I5"}
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert TERMINATE in outcome.roll.reason
    assert set(outcome.victims) < set(outcome.members())
    assert outcome.summary["left_changed"]["desired"] == {"now": 7, "should_be": 6}


# How often in a row AWS has to say so: expired credentials may be others by the next turn.
HALTS = [("denied", 1), ("expired_token", 3)]


@pytest.mark.parametrize(("kind", "count"), HALTS)
@pytest.mark.parametrize("at", [3, 4, 6])
@pytest.mark.parametrize("answer", ["pause", "abort"])
def test_a_termination_denied_midway_halts(at, answer, kind, count):
    # Later calls succeed: what was changed can be put back.
    fault = Fault(kind, operation=TERMINATE, nth=at, count=count)
    outcome = roll(spec(**TIGHT), faults=[fault], on_failure=answer)
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert outcome.verdict.summary.victims_terminated in (at - 1, at)
    assert TERMINATE in outcome.roll.reason


@pytest.mark.parametrize("operation", MUTATIONS)
@pytest.mark.parametrize("count", [1, 2])
def test_credentials_that_expire_between_a_look_and_a_change_change_nothing(operation, count):
    fault = Fault("expired_token", operation=operation, nth=1, count=count)
    outcome = roll(spec(**TIGHT), faults=[fault])
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.launches == 6


def test_a_denied_resume_says_what_is_left_suspended():
    outcome = roll(spec(), faults=[Fault("denied", operation="ResumeProcesses")])
    assert outcome.old_left() == set()
    assert [item.rule for item in outcome.verdict.violations] == ["I5"]
    assert outcome.code != 0
    assert outcome.summary["left_changed"] == {"suspended": ["AZRebalance", "InstanceRefresh"]}
    assert "ResumeProcesses" in outcome.roll.reason


def test_a_denied_restoring_of_max_says_what_is_left():
    fault = Fault("denied", operation="UpdateAutoScalingGroup", nth=2, count=99)
    outcome = roll(spec(**TIGHT), faults=[fault])
    assert outcome.old_left() == set()
    assert outcome.code != 0
    assert outcome.summary["left_changed"] == {"max": {"now": 7, "should_be": 6}}
    assert outcome.group.suspended == {}


@pytest.mark.parametrize("kind", ["denied", "expired_token"])
@pytest.mark.parametrize("operation", ROLLING_READS)
def test_a_read_denied_midway_halts_and_terminates_nothing_more(operation, kind):
    fault = Fault(kind, at=200, operation=operation)
    outcome = roll(spec(**BOTH), faults=[fault])
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert operation in outcome.roll.reason
    blind = outcome.world.start + 200
    assert not [
        call
        for call in outcome.calls()
        if call.operation in ("SetDesiredCapacity", TERMINATE) and call.time > blind + 1
    ]


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("kind", ["denied", "expired_token", "html_error", "lost_answer"])
def test_a_read_that_fails_in_the_preflight_is_a_reason_to_refuse(kind, operation):
    scenario = spec(**BOTH)
    outcome = roll(
        scenario, faults=[Fault(kind, operation=operation, until=30)], select={"older_than": "1d"}
    )
    assert outcome.phase == "refused"
    assert operation in " ".join(outcome.obstacles)
    assert outcome.mutations() == {}
