"""Groups of every shape are rolled completely, and nothing that must hold is broken."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import (
    assert_all_replaced,
    assert_kept,
    roll,
    spec,
)
from tests.lab.world import Fault

MIXED = {
    "overrides": [{"type": "m5.large"}, {"type": "m5a.large"}],
    "distribution": {"OnDemandPercentageAboveBaseCapacity": 0},
}
WEIGHTED = {
    "overrides": [{"type": "m5.large", "weight": 1}, {"type": "m5.xlarge", "weight": 2}],
    "distribution": {"OnDemandPercentageAboveBaseCapacity": 100},
}
LEGACY = {
    "template": None,
    "configuration": {"name": "web-2", "image_id": "ami-00000000000000002"},
    "launched_on_configuration": {"name": "web-1", "image_id": "ami-00000000000000001"},
}
HOOKS = [
    {
        "name": "in",
        "transition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "heartbeat_timeout": 300,
        "completes_after": 40,
    },
    {
        "name": "out",
        "transition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "heartbeat_timeout": 300,
        "completes_after": 50,
    },
]
SHAPES = {
    "one instance": ({"desired": 1}, {}),
    "one instance that must not be lost at min = max = desired": (
        {"desired": 1, "min": 1, "max": 1},
        {},
    ),
    "one instance that may be lost": (
        {"desired": 1, "min": 1, "max": 1},
        {"surge": 0, "max_unavailable": 1},
    ),
    "no surge": ({}, {"surge": 0, "max_unavailable": 2}),
    "surge and unavailable together": ({}, {"surge": 2, "max_unavailable": 1}),
    "percentages": ({"desired": 10}, {"surge": "25%", "max_unavailable": "10%"}),
    "a percentage of surge that rounds up to one": ({"desired": 4}, {"surge": "5%"}),
    "surge as large as the group": ({"desired": 4}, {"surge": 4}),
    "surge larger than the group": ({"desired": 3, "max": 20}, {"surge": 10}),
    "everything at once": ({"desired": 4}, {"surge": 0, "max_unavailable": "100%"}),
    "max = desired, raised": ({"max": 6}, {"surge": 2}),
    "max = desired, not raised": (
        {"max": 6},
        {"surge": 1, "max_unavailable": 1, "raise_max": False},
    ),
    "less room below max than surge": ({"max": 7}, {"surge": 3, "raise_max": False}),
    "min = desired": ({"min": 6}, {}),
    "min = desired without surge": ({"min": 6}, {"surge": 0, "max_unavailable": 1}),
    "min = desired = max": ({"min": 6, "max": 6}, {"surge": 2}),
    "mixed instances": ({"mixed": MIXED}, {}),
    "weights": ({"desired": 8, "max": 12, "mixed": WEIGHTED}, {}),
    "weights at max": ({"desired": 8, "max": 8, "mixed": WEIGHTED}, {"surge": 2}),
    "weights without surge": (
        {"desired": 8, "mixed": WEIGHTED},
        {"surge": 0, "max_unavailable": 2},
    ),
    "a launch configuration": (LEGACY, {}),
    "classic load balancers": (
        {"target_groups": [], "load_balancers": [{"name": "old", "draining": 20}, "older"]},
        {},
    ),
    "several target groups": (
        {
            "target_groups": [
                {"name": "a", "deregistration_delay": 0},
                {"name": "b", "deregistration_delay": 120},
                {"name": "c", "health_check_path": "/"},
            ],
            "load_balancers": ["old"],
        },
        {"surge": 2},
    ),
    "no load balancer": (
        {"target_groups": [], "health_check_type": "EC2"},
        {"healthy_for": "3m"},
    ),
    "hooks on launch and termination": ({"hooks": HOOKS}, {"surge": 2}),
    "one zone": ({"zones": ["a"]}, {}),
    "zones out of balance": ({"instance_zones": ["a", "a", "a", "a", "b", "c"]}, {}),
    "no delay anywhere": (
        {
            "boot": {"median": 0, "sigma": 0},
            "delays": {
                "reaction": 0,
                "running": 0,
                "registration": 0,
                "check_interval": 0,
                "deregistration": 0,
                "termination": 0,
                "health_check": 0,
                "retry": 0,
            },
            "target_groups": [{"name": "web", "deregistration_delay": 0}],
        },
        {},
    ),
    "stragglers": (
        {
            "boot": {
                "median": 60,
                "sigma": 0.5,
                "straggler_share": 0.3,
                "straggler_seconds": 400,
            },
            "grace_period": 900,
        },
        {"surge": 2},
    ),
    "newest first": ({}, {"order": "newest"}),
    "oldest first": ({}, {"order": "oldest"}),
    "must stay healthy for a while": ({}, {"healthy_for": "2m"}),
    "AZRebalance left alone": ({}, {"suspend": []}),
    "several processes to suspend": (
        {},
        {"suspend": ["AZRebalance", "AlarmNotification", "ScheduledActions"]},
    ),
    "new instances come protected": ({"new_instances_protected": True}, {}),
    "large": ({"desired": 60, "max": 70}, {"surge": "10%"}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_instance_is_replaced_in_a_group_with(shape):
    settings, policy = SHAPES[shape]
    outcome = roll(spec(**settings), **policy)
    assert_all_replaced(outcome)
    if not outcome.group.mixed or not outcome.group.mixed.weighted:
        assert outcome.verdict.summary.launches == len(outcome.victims)
    assert set(outcome.members().values()) == {"InService"}


@pytest.mark.parametrize("shape", ["min = desired", "max = desired, raised", "percentages"])
def test_serving_never_falls_without_max_unavailable_in_a_group_with(shape):
    settings, policy = SHAPES[shape]
    outcome = roll(spec(**settings), **{**policy, "max_unavailable": 0})
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.lowest_serving == settings.get("desired", 6)


def test_the_runners_own_figures_agree_with_the_labs():
    outcome = roll(spec(), surge=2, max_unavailable=1)
    lab, own = outcome.verdict.summary, outcome.summary
    assert own["launches"] == lab.launches == 6
    assert own["replaced"] == lab.victims_terminated == 6
    assert own["highest_total"] == lab.highest_total
    # The lab sees every moment, the roll only its turns.
    assert own["lowest_serving"] >= lab.lowest_serving >= 5
    assert own["left_changed"] == {}


@pytest.mark.parametrize("before", [["AZRebalance"], ["AlarmNotification", "HealthCheck"]])
def test_what_somebody_had_suspended_before_stays_suspended(before):
    outcome = roll(
        prepare=lambda world: world.suspend_processes("web", before, "operator"),
        suspend=["AZRebalance", "AlarmNotification"],
    )
    assert_all_replaced(outcome)
    assert sorted(outcome.group.suspended) == sorted(before)


# -- whom ------------------------------------------------------------------------------------------


def by_number(*numbers: int) -> frozenset[str]:
    """Return ids of initial instances, counted from 1."""
    return frozenset(f"i-{number:017x}" for number in numbers)


def test_select_outdated_leaves_current_instances_alone():
    def update(world):
        fresh = sorted(world.groups["web"].instances)[:2]
        for key in fresh:
            item = world.groups["web"].instances[key]
            item.launch = world.templates.resolve(world.groups["web"].template)

    scenario = spec()
    outcome = roll(scenario, prepare=update, victims=by_number(3, 4, 5, 6), select="outdated")
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert by_number(1, 2) <= set(outcome.members())
    assert outcome.verdict.summary.launches == 4


def test_select_outdated_with_nothing_outdated_changes_nothing():
    template = {**spec()["groups"]["web"]["template"], "launched_on": 2}
    outcome = roll(spec(template=template), select="outdated")
    assert (outcome.phase, outcome.mutations()) in (("done", {}), ("refused", {}))
    assert set(outcome.members()) == by_number(1, 2, 3, 4, 5, 6)


def test_select_outdated_finds_the_instances_of_an_older_launch_configuration():
    outcome = roll(spec(**LEGACY), select="outdated")
    assert_all_replaced(outcome)


def test_select_older_than_takes_only_the_old():
    def age(world):
        for key in by_number(2, 5):
            world.groups["web"].instances[key].launch_time = world.now - 3 * 86400

    outcome = roll(
        spec(age=86400.0), prepare=age, victims=by_number(2, 5), select={"older_than": "2d"}
    )
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert outcome.verdict.summary.victims_terminated == 2
    assert by_number(1, 3, 4, 6) <= set(outcome.members())


def test_select_instances_takes_exactly_those_named():
    wanted = by_number(2, 6)
    outcome = roll(victims=wanted, select={"instances": sorted(wanted)})
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert set(outcome.members()) >= by_number(1, 3, 4, 5)
    assert outcome.verdict.summary.launches == 2


# -- protected and Standby -------------------------------------------------------------------------


def test_protected_instances_are_replaced_when_told_so():
    assert_all_replaced(roll(spec(protected=2), protected="replace"))


def test_protected_instances_are_skipped_when_told_so():
    outcome = roll(spec(protected=2), protected="skip", victims=by_number(3, 4, 5, 6))
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert by_number(1, 2) <= set(outcome.members())
    assert all(outcome.group.instances[key].protected for key in by_number(1, 2))


def test_protected_instances_are_a_reason_to_refuse_by_default():
    outcome = roll(spec(protected=2))
    assert outcome.phase == "refused"
    assert "i-00000000000000001" in " ".join(outcome.obstacles)
    assert outcome.mutations() == {}


BY_GROUP = {"protected": 6, "new_instances_protected": True}


def test_protection_that_a_group_gives_to_all_it_launches_is_no_persons_wish():
    outcome = roll(spec(**BY_GROUP))
    assert_all_replaced(outcome)
    assert "as the group protects what it launches" in " ".join(outcome.warnings)


def test_a_failed_replacement_goes_though_its_group_protects_what_it_launches():
    fault = Fault("never_healthy", count=1)
    outcome = roll(spec(**BY_GROUP, grace_period=3600), faults=[fault], ready_timeout="5m")
    assert_all_replaced(outcome)
    assert len(outcome.roll.failures) == 1


def test_a_surplus_goes_though_its_group_protects_what_it_launches():
    def once_in_service(world, turn):
        new = [i for i in world.groups["web"].instances.values() if i.actor != "setup"]
        return "SIGTERM" if any(i.protected and i.lifecycle == "InService" for i in new) else None

    outcome = roll(spec(**BY_GROUP, delays={"registration": 300}), stop=once_in_service)
    assert_kept(outcome)
    assert (outcome.phase, outcome.summary["left_changed"]) == ("stopped", {})
    assert outcome.old_left() == outcome.victims


def test_whom_a_person_protects_meanwhile_stays_in_such_a_group_too():
    def protect(world, turn):
        if turn == 2:
            world.set_instance_protection("web", [last], True)

    last = "i-00000000000000006"
    outcome = roll(spec(new_instances_protected=True), stop=protect)
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert last in outcome.members()
    assert last in outcome.roll.reason


def test_standby_instances_are_skipped_by_default():
    outcome = roll(spec(standby=1))
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert outcome.members()["i-00000000000000007"] == "Standby"


def test_standby_instances_go_when_told_so():
    outcome = roll(spec(standby=1), standby="replace", victims=by_number(1, 2, 3, 4, 5, 6, 7))
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.launches == 6
    assert len(outcome.members()) == 6


def test_standby_instances_are_a_reason_to_refuse_when_told_so():
    outcome = roll(spec(standby=1), standby="refuse")
    assert outcome.phase == "refused"
    assert "i-00000000000000007" in " ".join(outcome.obstacles)
    assert outcome.mutations() == {}


def test_a_termination_hook_that_nobody_answers_runs_into_its_own_timeout():
    hook = {
        "name": "out",
        "transition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "heartbeat_timeout": 120,
        "default_result": "CONTINUE",
    }
    assert_all_replaced(roll(spec(desired=3, hooks=[hook])))


@pytest.mark.parametrize("surge", [1, 3])
def test_a_victim_that_does_not_serve_goes_first(surge):
    outcome = roll(
        faults=[Fault("instance_dies", at=0, instance="i-00000000000000004", how="app")],
        surge=surge,
        prepare=lambda world: world.suspend_processes("web", ["HealthCheck"], "operator"),
    )
    assert_all_replaced(outcome)
    first = next(c for c in outcome.calls() if c.operation.startswith("TerminateInstance"))
    assert dict(first.params)["InstanceId"] == "i-00000000000000004"
