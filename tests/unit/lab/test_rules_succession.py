"""Replacements that are launched first. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest

from tests.lab.world.history import Launch, Lifecycle, Termination

RISK = {"kind": "rebalance_recommendation", "at": 10, "pick": 0}
DIES = {"kind": "instance_dies", "at": 10, "pick": 0, "how": "system"}
KEPT = {"min": 100, "max": 110}


def lowest(lab) -> int:
    """Return the lowest capacity that the group ever had."""
    counts, low = 0, 10**6
    for record in lab.world.history.of(Lifecycle):
        counts += (record.after == "InService") - (record.before == "InService")
        if record.time > lab.world.start:
            low = min(low, counts)
    return low


def launches(lab) -> list[tuple[str, str]]:
    """Return (actor, reason) of every launch."""
    return [(r.actor, r.reason) for r in lab.since("Launch")]


def times(lab, instance: str, after: str) -> float:
    """Return when an instance came into a state, seconds since the start."""
    records = lab.world.history.of(Lifecycle)
    (found,) = [r.time for r in records if (r.instance, r.after) == (instance, after)]
    return found - lab.world.start


def test_CR1_capacity_rebalancing_launches_first_and_terminates_by_itself(bench):
    lab = bench(3, min=3, max=3, capacity_rebalance=True, faults=[RISK])
    victim = lab.ids()[0]
    lab.wait(20)
    assert len(lab.ids()) == 4  # one more than the maximum, none of them spare
    assert (lab.group.units, lab.group.desired) == (3, 3)
    lab.wait(600)
    new = lab.ids()[-1]
    assert launches(lab) == [("aws", "capacity rebalance")]
    assert times(lab, victim, "Terminating") >= times(lab, new, "InService")
    (ended,) = [(r.instance, r.actor, r.reason) for r in lab.since("Termination")]
    assert ended == (victim, "aws", "capacity rebalance")
    assert (lowest(lab), lab.group.units, len(lab.ids("InService"))) == (3, 3, 3)


def test_CR1_without_capacity_rebalancing_a_recommendation_changes_nothing(bench):
    lab = bench(3, faults=[RISK])
    lab.wait(600)
    assert launches(lab) == []


def test_CR2_what_is_reclaimed_meanwhile_is_not_replaced_twice(bench):
    reclaim = {"kind": "spot_reclaim", "at": 12, "pick": 0}
    lab = bench(3, capacity_rebalance=True, faults=[RISK, reclaim])
    lab.wait(600)
    assert launches(lab) == [("aws", "capacity rebalance")]
    assert len(lab.ids("InService")) == lab.group.units == 3


@pytest.mark.parametrize("decrement", [False, True])
def test_CR2_what_a_call_terminates_meanwhile_is_not_replaced_twice(bench, decrement):
    lab = bench(3, min=1, capacity_rebalance=True, faults=[RISK])
    victim = lab.ids()[0]
    lab.wait(12)
    lab.world.terminate_instance(victim, decrement)
    lab.wait(900)
    assert launches(lab) == [("aws", "capacity rebalance")]
    assert len(lab.ids("InService")) == lab.group.units == lab.group.desired == 3 - decrement


def test_CR3_a_successor_that_fails_is_launched_again(bench):
    faults = [RISK, {"kind": "bad_image", "mode": "dies", "count": 1}]
    lab = bench(3, capacity_rebalance=True, faults=faults)
    victim = lab.ids()[0]
    lab.wait(900)
    assert launches(lab) == [("aws", "capacity rebalance")] * 2
    assert victim not in lab.group.instances
    assert (lowest(lab), len(lab.ids("InService"))) == (3, 3)


@pytest.mark.parametrize("gone", ["standby", "detach"])
def test_CR3_who_leaves_otherwise_needs_no_successor(bench, gone):
    lab = bench(3, min=1, capacity_rebalance=True, faults=[RISK])
    victim = lab.ids()[0]
    lab.wait(12)
    if gone == "standby":
        lab.world.enter_standby("web", [victim], decrement=True)
    else:
        lab.world.detach_instances("web", [victim], decrement=True)
    lab.wait(600)
    assert len(lab.ids("InService")) == lab.group.units == lab.group.desired == 2


def test_MP1_a_policy_that_leaves_no_room_below_launches_before_an_unhealthy_one_goes(bench):
    lab = bench(3, min=3, max=3, maintenance=KEPT, faults=[DIES])
    victim = lab.ids()[0]
    lab.wait(40)
    assert (lab.group.instances[victim].lifecycle, lab.group.instances[victim].health) == (
        "InService",
        "Unhealthy",
    )
    assert len(lab.ids()) == 4
    lab.wait(600)
    assert launches(lab) == [("aws", "maintenance")]
    assert times(lab, victim, "Terminating") >= times(lab, lab.ids()[-1], "InService")
    assert (lowest(lab), lab.group.units) == (3, 3)


@pytest.mark.parametrize("policy", [None, {"min": 50, "max": 110}, {"min": 90, "max": 100}])
def test_MP1_otherwise_it_goes_at_once(bench, policy):
    lab = bench(3, **({"maintenance": policy} if policy else {}), faults=[DIES])
    victim = lab.ids()[0]
    lab.wait(40)
    assert lab.group.instances[victim].lifecycle == "Terminating"
    lab.wait(600)
    assert launches(lab) == [("aws", "unhealthy")]


def test_MP2_the_maximum_healthy_percentage_bounds_how_many_are_launched_first(bench):
    faults = [{**DIES, "count": 4}]
    one, many = (
        bench(
            10,
            maintenance={"min": 100, "max": most},
            suspended=["AZRebalance"],
            faults=faults,
        )
        for most in (110, 130)
    )
    for lab, at_once in ((one, 1), (many, 3)):
        lab.wait(40)
        assert len(lab.ids()) == 10 + at_once
        lab.wait(2000)
        assert launches(lab) == [("aws", "maintenance")] * 4
        assert (lab.group.units, len(lab.ids("InService"))) == (10, 10)


def test_MP3_a_successor_is_ready_after_its_warmup(bench):
    lab = bench(3, maintenance=KEPT, default_warmup=500, faults=[DIES])
    victim = lab.ids()[0]
    lab.wait(500)
    assert lab.group.instances[victim].lifecycle == "InService"
    lab.wait(200)
    assert victim not in lab.group.instances
    new = lab.ids()[-1]
    assert times(lab, victim, "Terminating") >= times(lab, new, "InService") + 500


def test_MP4_a_call_terminates_at_once_whatever_the_policy_and_so_does_a_reclaim(bench):
    lab = bench(4, maintenance=KEPT, faults=[{"kind": "spot_reclaim", "at": 10, "pick": 0}])
    first, second, *_ = lab.ids()
    lab.world.terminate_instance(second, decrement=False)
    assert lab.group.instances[second].lifecycle == "Terminating"
    lab.wait(30)
    assert lab.group.instances[first].lifecycle == "Terminating"
    lab.wait(600)
    assert sorted(launches(lab)) == [("aws", "unhealthy"), ("caller", "request")]


def test_MP7_a_call_does_not_wait_where_aws_itself_would_launch_first(bench):
    lab = bench(4, min=2, maintenance=KEPT)
    first = lab.ids()[0]
    lab.world.terminate_instance(first, decrement=False)
    assert lab.group.instances[first].lifecycle == "Terminating"
    lab.wait(600)
    assert launches(lab) == [("caller", "request")]


def test_MP5_the_account_setting_stands_in_for_a_policy(bench):
    lab = bench(3, faults=[DIES])
    lab.world.account_settings["launchBeforeTerminate"] = "enabled"
    victim = lab.ids()[0]
    lab.wait(40)
    assert lab.group.instances[victim].lifecycle == "InService"
    lab.wait(600)
    assert launches(lab) == [("aws", "maintenance")]
    # A policy of the group's own comes first.
    other = bench(3, maintenance={"min": 0, "max": 100}, faults=[DIES])
    other.world.account_settings["launchBeforeTerminate"] = "enabled"
    other.wait(600)
    assert launches(other) == [("aws", "unhealthy")]


@pytest.mark.parametrize("how", ["policy", "account", "preferences"])
def test_MP6_a_refresh_launches_first_where_nothing_may_be_missing(bench, how):
    lab = bench(4, min=4, max=4, **({"maintenance": KEPT} if how == "policy" else {}))
    if how == "account":
        lab.world.account_settings["launchBeforeTerminate"] = "enabled"
    preferences = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110}
    old = lab.ids()
    lab.world.start_instance_refresh("web", preferences if how == "preferences" else None)
    lab.wait(3000)
    assert set(old).isdisjoint(lab.ids())
    assert launches(lab) == [("aws", "refresh")] * 4
    assert (lowest(lab), lab.group.refreshes[0].status) == (4, "Successful")


def test_MP6_a_cancelled_refresh_launches_nothing_more(bench):
    lab = bench(4, maintenance=KEPT, faults=[{"kind": "insufficient_capacity", "until": 500}])
    lab.world.start_instance_refresh("web")
    lab.wait(100)
    lab.world.cancel_instance_refresh("web")
    lab.wait(2000)
    assert lab.world.history.of(Launch)[4:] == []
    assert lab.world.history.of(Termination) == []
