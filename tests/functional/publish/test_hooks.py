"""The launch hook of a group, over HTTP: checked, created, changed, removed."""

import pytest

from asgroll.policy import parse

OTHER = {"name": "drain", "transition": "autoscaling:EC2_INSTANCE_TERMINATING"}
OURS = {"name": "asgcycle-ready", "transition": "autoscaling:EC2_INSTANCE_LAUNCHING"}


def with_hooks(*hooks):
    return pytest.mark.parametrize("stage", [{"hooks": list(hooks)}], indirect=True)


@with_hooks(OTHER)
def test_a_group_without_the_hook_is_told_and_left_alone(stage):
    data, code = stage.hook()
    assert (code, data["status"], stage.mutations()) == (2, "missing", [])
    assert "hook web create=True` makes it" in data["obstacles"][0]
    assert data["other_hooks"] == ["drain (terminating)"]


@with_hooks(OTHER)
def test_a_created_hook_abandons_what_does_not_answer_and_others_stay(stage):
    before = stage.hooks()["drain"]
    data, code = stage.hook("create", {"timeout": "20m"})
    assert (code, data["status"]) == (0, "created")
    hooks = stage.hooks()
    ours = hooks.pop("asgcycle-ready")
    assert (ours["HeartbeatTimeout"], ours["DefaultResult"]) == (1200, "ABANDON")
    assert hooks == {"drain": before}
    assert stage.hook(settings={"timeout": "20m"})[0]["status"] == "present"


def test_creating_it_again_changes_nothing(stage):
    stage.hook("create")
    data, code = stage.hook("create")
    assert (code, data["status"], stage.mutations()) == (0, "unchanged", ["PutLifecycleHook"])


@with_hooks({**OURS, "heartbeat_timeout": 60, "default_result": "CONTINUE", "metadata": "who"})
def test_a_hook_with_other_settings_is_explained_and_changed_only_when_told(stage):
    data, code = stage.hook()
    assert (code, data["status"], stage.mutations()) == (2, "differs", [])
    assert "HeartbeatTimeout is 60, wanted 1800" in data["obstacles"][0]
    data, code = stage.hook("create")
    assert (code, data["status"]) == (0, "changed")
    changed = stage.hooks()["asgcycle-ready"]
    assert (changed["HeartbeatTimeout"], changed["DefaultResult"]) == (1800, "ABANDON")
    assert changed["NotificationMetadata"] == "who"


@with_hooks({**OTHER, "name": "asgcycle-ready"})
@pytest.mark.parametrize("verb", ["check", "create", "remove"])
def test_a_termination_hook_of_that_name_is_never_touched(stage, verb):
    data, code = stage.hook(verb)
    assert (code, stage.mutations()) == (2, [])
    assert "is not a launch hook; set another launch_hook:name" in data["obstacles"][0]


@pytest.mark.parametrize(("verb", "said"), [("create", "new hook asgc"), ("remove", "remove the")])
def test_a_dry_run_says_what_would_be_done(stage, verb, said):
    if verb == "remove":
        stage.hook("create")
    done = stage.mutations()
    data, code = stage.hook(verb, test=True)
    assert (code, data["status"], stage.mutations()) == (0, "planned", done)
    assert data["changes"][0].startswith(said)


def test_removing_it_removes_it_and_then_there_is_nothing_to_do(stage):
    stage.hook("create")
    assert stage.hook("remove")[0]["status"] == "removed"
    assert stage.hooks() == {}
    assert stage.hook("remove")[0]["status"] == "unchanged"


def test_removing_it_under_waiting_instances_is_explained(stage):
    stage.hook("create")
    stage.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    stage.lab.advance(60)
    done = stage.mutations()
    data, code = stage.hook("remove")
    assert (code, stage.mutations()) == (2, done)
    assert "abandons them" in data["obstacles"][0]
    stage.policy = parse([("test", {"accept": "waiting-launches"})])
    assert stage.hook("remove")[1] == 0
    assert stage.hooks() == {}


def test_a_wait_that_outlasts_the_patience_of_a_roll_is_warned_of(stage):
    assert stage.hook("create", {"timeout": "30m"})[0]["warnings"] == [], "it follows the hook"
    stage.policy = parse([("test", {"ready_timeout": "15m"})])
    data, _ = stage.hook(settings={"timeout": "30m"})
    assert "ready_timeout: 15m of a roll is not longer than the hook's 30m" in data["warnings"][0]
    assert stage.hook(settings={"timeout": "10m"})[0]["warnings"] == []


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_is_cleared_by_looking(stage, applied):
    stage.fault(kind="lost_answer", operation="PutLifecycleHook", count=1, applied=applied)
    data, code = stage.hook("create")
    assert (code, data["status"]) == ((0, "created") if applied else (3, "unclear"))


@pytest.mark.parametrize(
    "operation", ["DescribeAutoScalingGroups", "DescribeLifecycleHooks", "PutLifecycleHook"]
)
def test_a_denied_call_is_told_and_nothing_is_changed(stage, operation):
    stage.fault(kind="denied", operation=operation)
    data, code = stage.hook("create")
    assert (code, data["status"], stage.mutations()) == (2, "refused", [])
    assert "docs/iam-policy.json" in data["obstacles"][0]


def test_no_instance_is_in_service_before_it_has_said_that_it_is_ready(stage):
    stage.hook("create", {"timeout": "2m"})
    stage.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    stage.lab.advance(60)
    waiting = [i for i in stage.group()["Instances"] if i["LifecycleState"] == "Pending:Wait"]
    assert len(waiting) == 1
    stage.autoscaling.complete_lifecycle_action(
        AutoScalingGroupName="web",
        LifecycleHookName="asgcycle-ready",
        InstanceId=waiting[0]["InstanceId"],
        LifecycleActionResult="CONTINUE",
    )
    stage.lab.advance(60)
    assert {i["LifecycleState"] for i in stage.group()["Instances"]} == {"InService"}
