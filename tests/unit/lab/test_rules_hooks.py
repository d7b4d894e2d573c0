"""Lifecycle hooks. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest

LAUNCH = {"name": "up", "transition": "autoscaling:EC2_INSTANCE_LAUNCHING"}
END = {"name": "down", "transition": "autoscaling:EC2_INSTANCE_TERMINATING"}


def waiting(lab) -> str:
    """Return the id of a new instance that waits for its launch hook."""
    lab.world.set_desired_capacity("web", 3)
    lab.wait(60)
    (key,) = lab.ids("Pending:Wait")
    return key


def test_HK1_a_launch_waits_until_its_hook_is_continued(bench):
    lab = bench(2, hooks=[LAUNCH])
    key = waiting(lab)
    lab.wait(600)
    lab.world.complete_lifecycle_action("web", "up", "CONTINUE", key)
    lab.wait(300)
    assert lab.states(key) == ["Pending", "Pending:Wait", "Pending:Proceed", "InService"]


def test_HK2_an_abandoned_launch_is_terminated_and_replaced(bench):
    lab = bench(2, hooks=[LAUNCH])
    key = waiting(lab)
    lab.world.complete_lifecycle_action("web", "up", "ABANDON", key)
    lab.wait(120)
    assert lab.states(key)[-1] == "Terminated"
    assert any("abandoned" in (message or "") for _, _, message in lab.activities())
    assert len(lab.ids("Pending:Wait")) == 1


@pytest.mark.parametrize(("result", "end"), [("CONTINUE", "InService"), ("ABANDON", "Terminated")])
def test_HK3_a_hook_that_nobody_answers_takes_its_default_result(bench, result, end):
    lab = bench(2, hooks=[{**LAUNCH, "heartbeat_timeout": 200, "default_result": result}])
    key = waiting(lab)
    lab.wait(400)
    assert lab.states(key)[-1] == end


def test_HK4_a_heartbeat_starts_the_wait_anew_up_to_the_global_timeout(bench):
    lab = bench(2, hooks=[{**LAUNCH, "heartbeat_timeout": 30, "default_result": "CONTINUE"}])
    lab.world.set_desired_capacity("web", 3)
    lab.wait(20)
    (key,) = lab.ids("Pending:Wait")
    began = lab.world.now
    for _ in range(1000):
        if lab.world.instances[key].lifecycle != "Pending:Wait":
            break
        lab.world.record_lifecycle_action_heartbeat("web", "up", key)
        lab.wait(20)
    waited = lab.world.now - began
    assert lab.group.hooks["up"].global_timeout == 3000
    assert 2900 < waited <= 3020


@pytest.mark.parametrize("result", ["CONTINUE", "ABANDON"])
def test_HK5_a_termination_drains_first_then_waits_and_ends_whatever_the_result(bench, result):
    lab = bench(3, hooks=[END])
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=False)
    lab.wait(29)
    assert (lab.group.instances[key].lifecycle, lab.target(key)) == ("Terminating", "draining")
    lab.wait(2)
    assert (lab.group.instances[key].lifecycle, lab.target(key)) == ("Terminating:Wait", None)
    lab.world.complete_lifecycle_action("web", "down", result, key)
    lab.wait(60)
    assert lab.states(key)[-4:] == [
        "Terminating",
        "Terminating:Wait",
        "Terminating:Proceed",
        "Terminated",
    ]


def test_HK6_an_action_that_is_not_active_is_refused_by_name(bench, refused):
    lab = bench(2, hooks=[LAUNCH])
    key = lab.ids()[0]
    text = f"No active Lifecycle Action found with instance ID {key}"
    with refused("ValidationError", text):
        lab.world.complete_lifecycle_action("web", "up", "CONTINUE", key)
    with refused("ValidationError", "Lifecycle Hook not found"):
        lab.world.record_lifecycle_action_heartbeat("web", "other", key)


def test_HK7_deleting_a_hook_abandons_launches_and_continues_terminations(bench):
    lab = bench(2, hooks=[LAUNCH, END])
    key, victim = waiting(lab), lab.ids()[0]
    lab.world.terminate_instance(victim, decrement=False)
    lab.wait(40)
    lab.world.delete_lifecycle_hook("web", "down")
    lab.world.delete_lifecycle_hook("web", "up")
    assert lab.states(victim)[-1] == "Terminating:Proceed"
    assert lab.states(key)[-1] == "Terminating"


def test_HK8_several_hooks_all_have_to_be_continued(bench):
    lab = bench(2, hooks=[LAUNCH, {**LAUNCH, "name": "second"}])
    key = waiting(lab)
    lab.world.complete_lifecycle_action("web", "up", "CONTINUE", key)
    lab.wait(300)
    assert lab.states(key)[-1] == "Pending:Wait"
    token = lab.world.instances[key].actions["second"].token
    lab.world.complete_lifecycle_action("web", "second", "CONTINUE", token=token)
    lab.wait(300)
    assert lab.states(key)[-1] == "InService"


def test_HK9_a_hook_waits_between_half_a_minute_and_two_hours(bench, refused):
    lab = bench(2)
    for seconds in (29, 7201):
        with refused("ValidationError", "between 30 and 7200"):
            lab.world.put_lifecycle_hook(
                "web", "h", LAUNCH["transition"], heartbeat_timeout=seconds
            )
    lab.world.put_lifecycle_hook(
        "web", "h", LAUNCH["transition"], heartbeat_timeout=30, metadata="who"
    )
    lab.world.put_lifecycle_hook("web", "h", LAUNCH["transition"], heartbeat_timeout=60)
    hook = lab.group.hooks["h"]
    assert (hook.heartbeat_timeout, hook.metadata) == (60, "who")
