"""Going back to what ran before, as Salt offers it, over HTTP."""

import functools
import subprocess

import pytest

from tests.lab.world.history import Launch

BAD = {"ready_timeout": 3, "max_failures": 0}


def specs(world):
    """What the living members of the group were launched from, sorted."""
    launched = {r.instance: r.version for r in world.history if isinstance(r, Launch)}
    members = world.groups["web"].instances.values()
    return sorted(launched[i.id] for i in members if not i.lifecycle.startswith("Term"))


def pinned(world):
    return world.groups["web"].template.version


def test_a_roll_can_be_rolled_back_to_the_version_that_was_replaced(stage):
    assert stage.call("asgcycle.roll", "web")["retcode"] == 0
    assert specs(stage.lab.world) == ["2"] * 3
    back = stage.call("asgcycle.rollback", "web")
    found = back["data"]["web"]
    assert (back["retcode"], found["status"], found["replaced"]) == (0, "done", 3)
    assert specs(stage.lab.world) == ["1"] * 3
    assert pinned(stage.lab.world) == "1"
    assert stage.restored()


def test_a_paused_roll_is_ended_and_only_what_is_new_is_replaced(stage):
    stage.fault(kind="never_healthy", nth=2)
    halted = stage.call("asgcycle.roll", "web", **BAD)
    assert halted["retcode"] == 3
    before = set(stage.lab.world.groups["web"].instances)
    back = stage.call("asgcycle.rollback", "web")
    assert back["retcode"] == 0, back
    assert specs(stage.lab.world) == ["1"] * 3
    stayed = before & set(stage.lab.world.groups["web"].instances)
    assert len(stayed) >= 2, "the old ones that were left are not replaced"
    assert stage.restored()


def test_a_failing_roll_goes_back_by_itself_where_the_policy_says_so(stage):
    stage.fault(kind="never_healthy", version=2)
    done = stage.call("asgcycle.roll", "web", on_failure="rollback", **BAD)
    assert done["retcode"] == 3
    assert done["data"]["web"]["status"] == "halted"
    assert done["data"]["web"]["left_changed"] == {}
    assert done["data"]["web (rollback)"]["result"] is True
    assert specs(stage.lab.world) == ["1"] * 3
    assert pinned(stage.lab.world) == "1"
    assert stage.restored()


@pytest.mark.parametrize(
    "stage", [{"web": {"template": {"name": "web", "versions": [{"ImageId": "ami-1"}]}}}],
    indirect=True,
)  # fmt: skip
def test_where_nothing_else_ran_there_is_nothing_to_go_back_to(stage):
    back = stage.call("asgcycle.rollback", "web")
    assert back["retcode"] == 2
    (said,) = back["data"]["web"]["obstacles"]
    assert said.startswith("nothing to go back to: nothing else than")
    promised = stage.call("asgcycle.roll", "web", on_failure="rollback")
    assert promised["retcode"] == 2
    assert "set on_failure: pause" in promised["data"]["web"]["obstacles"][0]
    assert stage.mutations() == []


def test_an_alarm_that_rings_takes_the_roll_back(stage):
    cloudwatch = stage.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="5xx",
        MetricName="HTTPCode_Target_5XX_Count",
        Namespace="AWS/ApplicationELB",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
    )
    ring = functools.partial(cloudwatch.set_alarm_state, AlarmName="5xx", StateReason="test")
    ring(StateValue="OK")
    process = stage.salt.start(
        *("--out=json", "asgcycle.roll", "web", "alarms=[5xx]", "canary=1", "bake=20"),
        *("on_failure=rollback",),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stage.wait_for("TerminateInstanceInAutoScalingGroup")
    ring(StateValue="ALARM")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, out + err
    assert "in state ALARM: 5xx" in out
    assert specs(stage.lab.world) == ["1"] * 3
    assert stage.restored()


def test_a_rollback_is_not_rolled_back_to_what_was_bad(stage):
    stage.call("asgcycle.roll", "web")
    assert stage.call("asgcycle.rollback", "web")["retcode"] == 0
    again = stage.call("asgcycle.rollback", "web")
    assert again["retcode"] == 2
    assert "nothing to go back to" in again["data"]["web"]["obstacles"][0]


def test_a_version_that_was_deleted_meanwhile_is_named(stage):
    stage.call("asgcycle.roll", "web")
    with stage.lab.lock:
        (template,) = stage.lab.world.templates.templates.values()
        stage.lab.world.templates.delete_launch_template_versions(template, [1])
    before = stage.mutations()
    back = stage.call("asgcycle.rollback", "web")
    assert back["retcode"] == 2
    assert "version 1" in back["data"]["web"]["obstacles"][0]
    assert stage.mutations() == before


def test_the_instances_to_replace_cannot_be_chosen(stage):
    back = stage.call("asgcycle.rollback", "web", select="all")
    assert back["data"]["web"]["obstacles"] == [
        "select: the instances to replace are known already; leave it out"
    ]
