"""What speaks against a roll is found before anything is changed, all of it at once."""

from __future__ import annotations

import pytest

from asgroll.errors import PolicyError
from asgroll.policy import parse
from tests.functional.roll.harness import assert_all_replaced, begin, roll, spec
from tests.lab.world import Fault

WEIGHTED = {
    "overrides": [{"type": "m5.large", "weight": 1}, {"type": "m5.xlarge", "weight": 2}],
}
TIGHT = {"min": 6, "max": 6}
UNKNOWN = "i-0123456789abcdef0"


def suspended(*processes):
    """Return a ``prepare`` that suspends these processes."""
    return {"prepare": lambda world: world.suspend_processes("web", list(processes), "operator")}


# What is wrong: scenario, how the roll is asked for, words that its message must have.
OBSTACLES = {
    "an unknown group": ({}, {"name": "wbe"}, ["wbe", "asgcycle.list"]),
    "no room": (
        TIGHT,
        {"raise_max": False, "max_unavailable": 0},
        ["raise_max", "max_unavailable", "6"],
    ),
    "Launch suspended": ({}, suspended("Launch"), ["Launch", "resume"]),
    "Terminate suspended": ({}, suspended("Terminate"), ["Terminate", "resume"]),
    "AddToLoadBalancer suspended": ({}, suspended("AddToLoadBalancer"), ["AddToLoadBalancer"]),
    "an active instance refresh": (
        {},
        {"faults": [Fault("operator_refreshes", at=0)]},
        ["refresh", "cancel"],
    ),
    "an empty group": ({"desired": 0, "min": 0}, {}, ["no instances"]),
    "a percentage that rounds to 0": (
        {},
        {"surge": 0, "max_unavailable": "5%"},
        ["5%", "0", "surge: 1"],
    ),
    "unknown instance ids": ({}, {"select": {"instances": [UNKNOWN]}}, [UNKNOWN]),
    "a health check that does not ask the load balancer": (
        {"health_check_type": "EC2"},
        {},
        ["EC2", "ELB", "health-check-type"],
    ),
    "a health check of volumes only": (
        {"health_check_type": "EC2,EBS"},
        {},
        ["type is EC2,EBS", "add ELB", "health-check-type"],
    ),
    "a group that a service manages": (
        {"operator": "eks.amazonaws.com"},
        {},
        ["managed by eks.amazonaws.com", "alone may change it"],
    ),
    "sizes that count processors": (
        {"desired": 8, "mixed": WEIGHTED, "capacity_type": "vcpu"},
        {},
        ["count vcpu (DesiredCapacityType)", "accept: [capacity-units]"],
    ),
    "sizes that count processors, and no weights": (
        {"capacity_type": "vcpu"},
        {"accept": ["capacity-units"]},
        ["count vcpu", "no weight of i-00000000000000001", "and 3 more"],
    ),
    "protection of some instances in a group that protects all it launches": (
        {"protected": 5, "new_instances_protected": True},
        {},
        ["i-00000000000000005", "protected: skip", "protected: replace"],
    ),
    "protected instances": ({"protected": 1}, {}, ["i-00000000000000001", "protected"]),
    "instances in Standby": (
        {"standby": 1},
        {"standby": "refuse"},
        ["i-00000000000000007", "standby"],
    ),
    "a denied reading of the targets": (
        {},
        {"faults": [Fault("denied", operation="DescribeTargetHealth")]},
        ["DescribeTargetHealth", "not authorized"],
    ),
    "a denied reading of the instance refreshes": (
        {},
        {"faults": [Fault("denied", operation="DescribeInstanceRefreshes")]},
        ["DescribeInstanceRefreshes", "not authorized"],
    ),
    "an HTML page for an answer": (
        {},
        {"faults": [Fault("html_error")]},
        ["DescribeAutoScalingGroups"],
    ),
    "an unreachable endpoint": (
        {},
        {"faults": [Fault("lost_answer", applied=False)]},
        ["DescribeAutoScalingGroups"],
    ),
    "an expired token": ({}, {"faults": [Fault("expired_token")]}, ["expired"]),
    "throttling that does not end": ({}, {"faults": [Fault("throttle")]}, ["Rate exceeded"]),
}


def attempt(settings, asked):
    """Run the preflight only."""
    return begin(spec(**settings), **asked).outcome


@pytest.mark.parametrize("case", OBSTACLES)
def test_a_roll_is_refused_without_any_change_because_of(case):
    settings, asked, words = OBSTACLES[case]
    outcome = attempt(settings, asked)
    assert outcome.roll is None
    assert (outcome.phase, outcome.code) == ("refused", 2)
    assert outcome.mutations() == {}
    text = " ".join(outcome.obstacles)
    assert [word for word in words if word.lower() not in text.lower()] == []


@pytest.mark.parametrize("case", OBSTACLES)
def test_every_obstacle_is_one_line_that_a_person_can_read(case):
    settings, asked, _ = OBSTACLES[case]
    for obstacle in attempt(settings, asked).obstacles:
        assert "\n" not in obstacle
        assert "Traceback" not in obstacle
        assert "<html" not in obstacle.lower()


def test_all_obstacles_are_found_at_once():
    def spoil(world):
        world.suspend_processes("web", ["Launch", "Terminate", "AddToLoadBalancer"], "operator")

    outcome = begin(
        spec(**TIGHT, health_check_type="EC2", protected=2, standby=1),
        prepare=spoil,
        faults=[
            Fault("operator_refreshes", at=0),
            Fault("denied", operation="DescribeScalingActivities"),
        ],
        raise_max=False,
        standby="refuse",
        protected="refuse",
    ).outcome
    text = "\n".join(outcome.obstacles)
    for words in (
        "Launch is suspended",
        "Terminate is suspended",
        "AddToLoadBalancer is suspended",
        "instance refresh",
        "health check type is EC2",
        "i-00000000000000001",
        "i-00000000000000002",
        "i-00000000000000007",
        "no room to surge",
        "DescribeScalingActivities",
    ):
        assert words in text
    assert outcome.mutations() == {}


def test_all_unknown_ids_are_named_at_once_with_the_group_they_are_not_in():
    ids = [UNKNOWN, "i-0123456789abcdef1", "i-00000000000000001"]
    outcome = attempt({}, {"select": {"instances": ids}})
    text = " ".join(outcome.obstacles)
    assert UNKNOWN in text
    assert "i-0123456789abcdef1" in text
    assert "i-00000000000000001" not in text


def test_a_finished_instance_refresh_is_no_obstacle():
    def refresh(world):
        world.start_instance_refresh("web", {"MinHealthyPercentage": 0}, actor="operator")
        world.cancel_instance_refresh("web", actor="operator")
        world.advance(world.now + 4 * 3600)

    outcome = begin(spec(), prepare=refresh).outcome
    assert outcome.obstacles == ()


def test_a_group_being_deleted_is_refused():
    outcome = begin(
        spec(), prepare=lambda world: world.delete_group("web", True, "operator")
    ).outcome
    assert outcome.phase == "refused"
    assert "delete" in " ".join(outcome.obstacles)
    assert outcome.mutations() == {}


@pytest.mark.parametrize(
    ("settings", "accepted"),
    [
        ({"health_check_type": "EC2"}, "health-check-type"),
        ({"health_check_type": "EBS"}, "health-check-type"),
        ({"desired": 8, "mixed": WEIGHTED, "capacity_type": "vcpu"}, "capacity-units"),
    ],
)
def test_what_a_person_accepts_is_no_obstacle(settings, accepted):
    outcome = roll(spec(**settings), accept=[accepted])
    assert_all_replaced(outcome)


def test_a_load_balancers_health_check_may_be_one_of_several():
    assert attempt({"health_check_type": "EBS, ELB"}, {}).obstacles == ()


def test_an_unpinned_template_is_a_warning_and_no_obstacle():
    outcome = attempt({}, {})
    assert outcome.obstacles == ()
    assert "$Default" in " ".join(outcome.warnings)


def test_instances_that_do_not_serve_are_a_warning():
    def unnoticed(world):
        world.suspend_processes("web", ["HealthCheck"], "operator")
        world.advance(world.now + 60)  # until the load balancer's checks have failed

    fault = Fault("instance_dies", at=0, instance="i-00000000000000003", how="app")
    outcome = attempt({}, {"faults": [fault], "prepare": unnoticed})
    assert "i-00000000000000003" in " ".join(outcome.warnings)


BAD_POLICIES = [
    ({"surge": 0, "max_unavailable": 0}, ["surge", "max_unavailable"]),
    ({"surge": "0%", "max_unavailable": 0}, ["surge", "max_unavailable"]),
    ({"sruge": 1}, ["sruge", "surge"]),
    ({"surge": -1}, ["surge", "-1"]),
    ({"surge": "lots"}, ["surge", "lots"]),
    ({"surge": 1.5}, ["surge", "1.5"]),
    ({"surge": True}, ["surge", "True"]),
    ({"max_unavailable": "101%"}, ["max_unavailable", "100"]),
    ({"select": "odd"}, ["select", "odd", "outdated"]),
    ({"select": {"older_than": "x"}}, ["select", "14d"]),
    ({"select": {"instances": ["web-*"]}}, ["select", "web-*"]),
    ({"select": {"instances": []}}, ["select"]),
    ({"suspend": ["Launch"]}, ["suspend", "Launch", "AZRebalance"]),
    ({"ready_timeout": 0}, ["ready_timeout"]),
    ({"ready_timeout": "5 parsecs"}, ["ready_timeout", "5 parsecs"]),
    ({"healthy_for": "20m", "ready_timeout": "15m"}, ["healthy_for", "ready_timeout"]),
    ({"max_failures": -1}, ["max_failures", "-1"]),
    ({"max_failures": "two"}, ["max_failures", "two"]),
    ({"on_failure": "panic"}, ["on_failure", "panic", "pause", "abort"]),
    ({"protected": "maybe"}, ["protected", "maybe", "replace", "skip", "refuse"]),
    ({"role_arn": "admin"}, ["role_arn", "admin"]),
    ({"endpoint_url": "localhost"}, ["endpoint_url", "localhost"]),
    ({"raise_max": "no"}, ["raise_max", "no", "false"]),
]


@pytest.mark.parametrize(("given", "words"), BAD_POLICIES, ids=str)
def test_a_bad_policy_is_refused_naming_key_value_and_what_is_allowed(given, words):
    with pytest.raises(PolicyError) as caught:
        parse([("argument", given)])
    assert [word for word in words if word not in str(caught.value)] == []


def test_all_problems_of_a_policy_are_named_at_once():
    given = {"sruge": 1, "select": "odd", "max_failures": -1, "ready_timeout": "x"}
    with pytest.raises(PolicyError) as caught:
        parse([("pillar", {"on_failure": "panic"}), ("argument", given)])
    for word in ("sruge", "odd", "max_failures", "ready_timeout", "panic"):
        assert word in str(caught.value)
