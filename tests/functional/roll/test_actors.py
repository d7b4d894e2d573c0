"""Other people, scaling policies and AWS act on the group while it is rolled."""

from __future__ import annotations

import functools
import itertools

import pytest

from asgroll.look import REFRESH_SECONDS
from tests.functional.roll.harness import (
    assert_all_replaced,
    assert_kept,
    roll,
    spec,
)
from tests.lab.world import Fault
from tests.lab.world import history as h

WIDE = {"min": 2, "max": 12}
TERMINATE = "TerminateInstanceInAutoScalingGroup"
# When something happens, as a share of the time that the undisturbed roll takes.
SHARES = [0.02, 0.13, 0.3, 0.5, 0.74, 0.9, 0.97]
POLICIES = [
    {"surge": 1},
    {"surge": 3},
    {"surge": 0, "max_unavailable": 2},
    {"surge": 2, "max_unavailable": 1},
]


@functools.cache
def usual(**policy: int) -> float:
    """Return how long the undisturbed roll takes, virtual seconds."""
    return roll(spec(**WIDE), **policy).verdict.summary.seconds


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("by", [1, 4])
@pytest.mark.parametrize("kind", ["scale_out", "scale_in"])
def test_scaling_at_any_time_is_respected(kind, by, share, policy):
    at = share * usual(**policy)
    outcome = roll(spec(**WIDE), faults=[Fault(kind, at=at, by=by)], **policy)
    assert_all_replaced(outcome)
    assert sized_by(outcome, "policy")


def sized_by(outcome, actor):
    """Return the changes of the desired capacity that somebody else made."""
    sizes = outcome.world.history.of(h.Size)
    return [item for item in sizes if (item.field, item.actor) == ("desired", actor)]


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("nth", [1, 3, 6])
def test_scaling_just_before_a_termination_is_respected(nth, policy):
    faults = [
        Fault("scale_out", operation=TERMINATE, nth=nth, by=2),
        Fault("scale_in", operation=TERMINATE, nth=nth + 1, by=1),
    ]
    assert_all_replaced(roll(spec(**WIDE), faults=faults, **policy))


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_scaling_up_and_down_all_the_time_is_respected(policy):
    faults = [
        Fault("scale_out" if at % 200 else "scale_in", at=at, by=1 + at % 3)
        for at in range(50, 1500, 100)
    ]
    outcome = roll(spec(**WIDE), faults=faults, **policy)
    assert_all_replaced(outcome)


@pytest.mark.parametrize("through", ["autoscaling", "ec2"])
@pytest.mark.parametrize("pick", ["oldest", "newest"])
@pytest.mark.parametrize("share", SHARES)
def test_an_operator_terminating_an_instance_is_survived(share, pick, through):
    at = share * usual(surge=2)
    fault = Fault("operator_terminates", at=at, pick=pick, through=through)
    outcome = roll(spec(**WIDE), faults=[fault], surge=2, max_failures=3)
    assert_all_replaced(outcome)
    assert outcome.group.desired == 6


@pytest.mark.parametrize("pick", ["oldest", "newest"])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("surge", [1, 3])
def test_an_operator_terminating_with_decrement_scales_in_or_gives_back_of_the_surge(
    share, pick, surge
):
    at = share * usual(surge=surge)
    fault = Fault("operator_terminates", at=at, pick=pick, decrement=True)
    outcome = roll(spec(**WIDE), faults=[fault], surge=surge, max_failures=3)
    assert_all_replaced(outcome)
    assert outcome.group.desired in (5, 6)  # whoever counted the surge meant six: in doubt more


def test_the_group_deleted_midway_ends_the_roll_without_a_traceback():
    outcome = roll(faults=[Fault("operator_deletes", at=200)], on_failure="abort")
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert "deleted" in outcome.roll.reason or "gone" in outcome.roll.reason


@pytest.mark.parametrize("operation", [TERMINATE, "SetDesiredCapacity", "SuspendProcesses"])
def test_the_group_deleted_just_before_a_call_ends_the_roll(operation):
    fault = Fault("operator_deletes", operation=operation, nth=1)
    outcome = roll(faults=[fault], on_failure="abort")
    assert_kept(outcome)
    assert outcome.phase == "halted"


def test_an_instance_refresh_started_midway_halts_the_roll_by_name_within_a_minute():
    began = 200
    outcome = roll(
        faults=[Fault("operator_refreshes", at=began)], suspend=["AZRebalance"], on_failure="pause"
    )
    assert_kept(outcome)
    assert outcome.phase == "halted"
    assert "instance refresh" in outcome.roll.reason
    late = outcome.roll.ended_at - outcome.world.start - began
    assert late <= REFRESH_SECONDS + 1  # the look itself takes its time


def test_a_roll_asks_for_instance_refreshes_at_most_once_a_minute():
    asked = [c.time for c in roll().calls() if c.operation == "DescribeInstanceRefreshes"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert len(gaps) > 5
    assert min(gaps) >= REFRESH_SECONDS
    assert max(gaps) <= REFRESH_SECONDS + 2


def test_the_template_changed_midway_does_not_change_who_is_replaced():
    fault = Fault("template_version", at=200, data={"ImageId": "ami-00000000000000003"})
    outcome = roll(faults=[fault])
    assert_kept(outcome)
    assert outcome.old_left() == set()
    versions = [r.version for r in outcome.world.history.of(h.Launch) if r.actor == "caller"]
    assert set(versions) <= {"2", "3"}
    assert len(versions) == 6


def test_the_template_changed_midway_is_told():
    fault = Fault("template_version", at=200, data={"ImageId": "ami-00000000000000003"})
    outcome = roll(faults=[fault])
    told = outcome.told() + outcome.roll.reason + " ".join(outcome.warnings)
    assert "template" in told


@pytest.mark.parametrize("process", ["Launch", "AddToLoadBalancer"])
def test_a_process_that_the_roll_needs_suspended_midway_does_not_hang_it(process):
    fault = Fault("operator_suspends", at=200, processes=[process])
    outcome = roll(faults=[fault], ready_timeout="5m", drain_timeout="5m")
    assert_kept(outcome)
    assert outcome.phase == "halted"


def test_a_roll_does_not_need_the_process_terminate_once_it_runs():
    # Suspending it does not keep the API from terminating an instance (user guide).
    fault = Fault("operator_suspends", at=200, processes=["Terminate"])
    assert_all_replaced(roll(faults=[fault]))


def test_a_process_that_an_operator_resumes_is_not_fought_over():
    fault = Fault("operator_resumes", at=200, processes=["AZRebalance"])
    outcome = roll(faults=[fault])
    assert_all_replaced(outcome)
    assert outcome.group.suspended == {}


def test_a_process_that_an_operator_suspends_stays_suspended():
    fault = Fault("operator_suspends", at=200, processes=["AlarmNotification"])
    outcome = roll(faults=[fault])
    assert_all_replaced(outcome)
    assert list(outcome.group.suspended) == ["AlarmNotification"]


def test_a_listener_that_is_taken_away_midway_halts_the_roll_and_kills_no_replacement():
    scenario = spec(
        target_groups=[{"name": name, "deregistration_delay": 30} for name in ("web", "api")]
    )
    fault = Fault("listener_removed", at=100, target_group="api")
    outcome = roll(scenario, faults=[fault], ready_timeout="5m", on_failure="pause")
    assert_kept(outcome)
    assert outcome.phase == "halted"
    assert "no listener forwards to api" in outcome.roll.reason
    assert not outcome.roll.failures
