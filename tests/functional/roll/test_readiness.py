"""InService is not ready: what the group has to say so, and how long a roll waits for it."""

from __future__ import annotations

import pytest

from asgroll.model import Phase
from tests.functional.roll.harness import (
    GROUP,
    assert_kept,
    begin,
    finish,
    roll,
    spec,
)
from tests.judge import invariants
from tests.lab.world import Fault

# EC2 says running after 10 s, and so does the group; the application takes minutes.
SLOW = {"boot": {"median": 180, "sigma": 0.2}}
BARE = {"target_groups": [], "health_check_type": "EC2", **SLOW}
HOOK = {"name": "in", "transition": "autoscaling:EC2_INSTANCE_LAUNCHING", "completes_after": 30}
LEAVING = {"name": "out", "transition": "autoscaling:EC2_INSTANCE_TERMINATING"}


def judged(outcome, surge=1):
    """Return what the judge says, who measures what users see."""
    assert outcome.roll is not None, outcome.obstacles
    return invariants.examine(
        outcome.world.history, "web", outcome.victims, surge, 0, since=outcome.before
    )


def assert_users_noticed_nothing(outcome):
    """Assert that all were replaced, and that the applications of six answered all the time."""
    report = judged(outcome)
    assert [v.message for v in report.violations] == []
    assert (outcome.phase, outcome.old_left()) == ("done", set())
    assert report.summary.lowest_serving == 6


def test_a_group_in_which_nothing_tells_of_the_application_is_not_rolled():
    outcome = begin(spec(**BARE)).outcome
    assert (outcome.code, outcome.mutations()) == (2, {})
    (text,) = outcome.obstacles
    for word in ("InService only means", "asgcycle.hook web create=True", "healthy_for"):
        assert word in text


def test_who_accepts_it_gets_what_it_says():
    # The reason for the obstacle: the old ones go for machines whose applications do not answer.
    outcome = roll(spec(**BARE), accept=["no-readiness"])
    assert outcome.phase == "done"
    assert judged(outcome).summary.lowest_serving < 6


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        pytest.param({"default_warmup": 400}, {}, id="the group's warmup"),
        pytest.param({}, {"healthy_for": "400s"}, id="healthy_for"),
        pytest.param({"hooks": [HOOK]}, {}, id="a launch hook"),
    ],
)
def test_capacity_is_kept_by_what_tells_of_the_application(settings, policy):
    assert_users_noticed_nothing(roll(spec(**BARE, **settings), **policy))


def test_the_warmup_that_a_roll_began_with_holds_after_a_pause():
    run = begin(spec(**BARE, default_warmup=400), on_signal="pause")
    finish(run, stop=lambda world, turn: "SIGINT" if turn == 4 else None)
    run.outcome.world.groups["web"].default_warmup = 0
    run.outcome.roll = run.outcome.roll.reopened(Phase.ROLLING, run.clock.now())
    finish(run)
    assert_users_noticed_nothing(run.outcome)


def test_hooks_that_may_not_be_read_are_not_absent():
    fault = Fault("denied", operation="DescribeLifecycleHooks")
    (text,) = begin(spec(**BARE, hooks=[HOOK]), faults=[fault]).outcome.obstacles
    assert "DescribeLifecycleHooks" in text
    assert "not authorized" in text


# -- how long --------------------------------------------------------------------------------------


def test_a_roll_is_as_patient_as_awss_default_hook_which_waits_an_hour():
    slow = {**HOOK, "completes_after": 45 * 60, "knows_application": False}
    outcome = roll(spec(2, min=0, hooks=[slow], boot={"median": 0, "sigma": 0}), surge=2)
    assert (outcome.phase, outcome.roll.failures) == ("done", ())


def test_an_old_instance_may_take_as_long_as_its_hook_and_its_draining_let_it():
    slow = {**LEAVING, "completes_after": 45 * 60}
    outcome = roll(spec(2, min=0, hooks=[slow]), surge=2)
    assert (outcome.phase, outcome.roll.failures) == ("done", ())


@pytest.mark.parametrize(
    ("settings", "policy", "words"),
    [
        (
            {"hooks": [HOOK]},
            {"ready_timeout": "15m"},
            ["ready_timeout: 15m", "1h (with heartbeats 2d)", "set ready_timeout: 1h5m"],
        ),
        (
            {"hooks": [LEAVING]},
            {"drain_timeout": "15m"},
            ["drain_timeout: 15m", "1h", "web drains for 30s", "set drain_timeout: 1h5m"],
        ),
        (
            {"target_groups": [{"name": "web", "deregistration_delay": 1200}]},
            {"drain_timeout": "15m"},
            ["drain_timeout: 15m", "web drains for 20m", "set drain_timeout: 25m"],
        ),
        (
            {"target_groups": [], "load_balancers": [{"name": "old", "draining": 1200}]},
            {"drain_timeout": "15m"},
            ["drain_timeout: 15m", "classic old drains for 20m"],
        ),
        (
            {"default_warmup": 1200},
            {"ready_timeout": "15m"},
            ["healthy_for: 20m (the group's DefaultInstanceWarmup)", "ready_timeout: 15m"],
        ),
    ],
)
def test_what_somebody_has_set_too_short_is_refused_with_both_numbers(settings, policy, words):
    outcome = begin(spec(**settings), **policy).outcome
    (text,) = outcome.obstacles
    assert [word for word in words if word not in text] == []
    assert begin(spec(**settings)).outcome.obstacles == (), "left out, it follows the group"


@pytest.mark.parametrize(
    "operation", ["DescribeTargetGroupAttributes", "DescribeLoadBalancerAttributes"]
)
def test_how_long_a_load_balancer_drains_has_to_be_known(operation):
    fault = Fault("denied", operation=operation)
    outcome = begin(spec(load_balancers=["old"]), faults=[fault]).outcome
    assert operation in " ".join(outcome.obstacles)


def test_the_groups_own_times_are_read_once_and_not_every_turn():
    outcome = roll(spec(load_balancers=["old"], hooks=[HOOK]))
    assert outcome.phase == "done"
    asked = [call.operation for call in outcome.calls()]
    for operation in (
        "DescribeLifecycleHooks",
        "DescribeTargetGroupAttributes",
        "DescribeLoadBalancerAttributes",
    ):
        assert asked.count(operation) == 1


@pytest.mark.parametrize("since", [10, 40])
@pytest.mark.parametrize("window", [{"surge": 3, "max_unavailable": "34%"}, {"max_unavailable": 1}])
def test_who_was_launched_just_before_the_roll_has_to_serve_for_healthy_for_as_well(since, window):
    def scaled_out(world):
        world.set_desired_capacity(GROUP, 9, actor="operator")
        world.advance(world.now + since)

    bare = {"target_groups": [], "health_check_type": "EC2", "boot": {"median": 240, "sigma": 0.1}}
    group = spec(6, min=2, max=12, default_warmup=400, **bare)
    outcome = roll(group, prepare=scaled_out, select="outdated", **{"surge": 1, **window})
    assert_kept(outcome)
    assert (outcome.phase, outcome.summary["replaced"]) == ("done", 6)
    assert outcome.verdict.summary.lowest_serving >= 6
