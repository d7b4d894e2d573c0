"""Going back to what ran before, as Salt offers it, over HTTP."""

import functools
import signal
import subprocess

import pytest

from asgroll import marks
from tests.lab.salt_run import PATIENCE
from tests.lab.world.history import Launch

BAD = {"ready_timeout": 3, "max_failures": 0}
#: The group leaves to the roll what never gets healthy. Without a grace period it terminates it
#: within two seconds and launches another one, which serves: how often the roll has looked in
#: between then says whether it knows of a failure at all, and how many old ones have gone by then.
patient = pytest.mark.parametrize("stage", [{"web": {"grace_period": 600}}], indirect=True)


def specs(world):
    """What the living members of the group were launched from, sorted."""
    launched = {r.instance: r.version for r in world.history if isinstance(r, Launch)}
    members = world.groups["web"].instances.values()
    return sorted(launched[i.id] for i in members if not i.lifecycle.startswith("Term"))


def pinned(world):
    return world.groups["web"].template.version


def pin(stage, version):
    """Set what the group launches from, as `rollback` does and as a person may."""
    with stage.lab.lock:
        name = stage.lab.world.groups["web"].template.name
    stage.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchTemplate={"LaunchTemplateName": name, "Version": str(version)},
    )


def no_more_faults(stage):
    with stage.lab.lock:
        stage.lab.world.faults.clear()


def alarm(stage):
    """A CloudWatch alarm; returns what sets its state."""
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
    return functools.partial(cloudwatch.set_alarm_state, AlarmName="5xx", StateReason="test")


def test_a_roll_can_be_rolled_back_to_the_version_that_was_replaced(stage):
    assert stage.call("asgcycle.roll", "web")["retcode"] == 0
    assert specs(stage.lab.world) == ["2"] * 3
    back = stage.call("asgcycle.rollback", "web")
    found = back["data"]["web"]
    assert (back["retcode"], found["status"], found["replaced"]) == (0, "done", 3)
    assert specs(stage.lab.world) == ["1"] * 3
    assert pinned(stage.lab.world) == "1"
    assert stage.restored()


@patient
def test_a_paused_roll_is_ended_and_only_what_is_new_is_replaced(stage):
    stage.fault(kind="never_healthy", nth=2)
    halted = stage.call("asgcycle.roll", "web", **BAD)
    assert halted["retcode"] == 3, halted
    before = set(stage.lab.world.groups["web"].instances)
    back = stage.call("asgcycle.rollback", "web")
    assert back["retcode"] == 0, back
    assert specs(stage.lab.world) == ["1"] * 3
    stayed = before & set(stage.lab.world.groups["web"].instances)
    assert len(stayed) >= 2, "the old ones that were left are not replaced"
    assert stage.restored()


@patient
def test_a_failing_roll_goes_back_by_itself_where_the_policy_says_so(stage):
    stage.fault(kind="never_healthy", version=2)
    done = stage.call("asgcycle.roll", "web", on_failure="rollback", **BAD)
    assert done["retcode"] == 3, done
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


OLD_IMAGE = "ami-00000000000000001"


@pytest.mark.parametrize("verb", ["plan", "roll"])
def test_going_back_to_an_image_that_is_disabled_is_not_promised(stage, verb):
    with stage.lab.lock:
        stage.lab.world.images[OLD_IMAGE] = {"State": "disabled"}
    refused = stage.call(f"asgcycle.{verb}", "web", on_failure="rollback")
    assert refused["retcode"] == 2
    (said,) = refused["data"]["web"]["obstacles"]
    assert f"the image {OLD_IMAGE} of " in said
    assert "is in state disabled" in said
    assert stage.mutations() == []


def test_the_way_back_itself_looks_at_the_image_too(stage):
    assert stage.call("asgcycle.roll", "web")["retcode"] == 0
    before = stage.mutations()
    with stage.lab.lock:
        stage.lab.world.images[OLD_IMAGE] = None
    refused = stage.call("asgcycle.rollback", "web")
    assert refused["retcode"] == 2
    assert "is deregistered" in refused["data"]["web"]["obstacles"][0]
    assert stage.mutations() == before
    with stage.lab.lock:
        del stage.lab.world.images[OLD_IMAGE]
    stage.fault(kind="denied", operation="DescribeImages")
    back = stage.call("asgcycle.rollback", "web")
    assert back["retcode"] == 0, "not to know is no reason to stay with what is bad"
    assert "can still be launched is not known" in " ".join(back["data"]["web"]["warnings"])
    assert specs(stage.lab.world) == ["1"] * 3


def test_an_alarm_that_rings_takes_the_roll_back(stage):
    ring = alarm(stage)
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
    out, err = process.communicate(timeout=PATIENCE)
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


# -- it can die at any line ------------------------------------------------------------------------


def test_a_rollback_that_died_right_after_pinning_is_gone_on_with(stage):
    stage.call("asgcycle.roll", "web")
    pin(stage, 1)
    back = stage.call("asgcycle.rollback", "web")
    assert back["retcode"] == 0, back
    assert specs(stage.lab.world) == ["1"] * 3


@pytest.mark.parametrize("applied", [True, False])
def test_after_a_lost_answer_to_the_pin_it_says_so_and_can_be_gone_on_with(stage, applied):
    stage.call("asgcycle.roll", "web")
    stage.fault(kind="lost_answer", operation="UpdateAutoScalingGroup", nth=1, applied=applied)
    unclear = stage.call("asgcycle.rollback", "web")
    found = unclear["data"]["web"]
    assert (unclear["retcode"], found["status"]) == (3, "halted"), unclear
    assert found["comment"].startswith("it is not known whether web launches from ")
    assert "asgcycle.rollback web" in found["next"]
    assert stage.call("asgcycle.rollback", "web")["retcode"] == 0
    assert specs(stage.lab.world) == ["1"] * 3
    assert pinned(stage.lab.world) == "1"


@patient
@pytest.mark.parametrize("verb", ["rollback", "resume"])
def test_a_rollback_that_was_interrupted_is_gone_on_with_though_the_alarm_rings(stage, verb):
    ring = alarm(stage)
    stage.call("asgcycle.roll", "web")
    stage.fault(kind="never_healthy", version=1)
    halted = stage.call("asgcycle.rollback", "web", **BAD)
    assert (halted["retcode"], halted["data"]["web"]["status"]) == (3, "halted"), halted
    no_more_faults(stage)
    ring(StateValue="ALARM")
    back = stage.call(f"asgcycle.{verb}", "web", alarms=["5xx"], on_failure="rollback")
    assert back["retcode"] == 0, back
    assert back["data"]["web"]["roll_id"] == halted["data"]["web"]["roll_id"]
    assert specs(stage.lab.world) == ["1"] * 3
    assert stage.restored()


def test_what_is_denied_after_the_pin_does_not_hide_that_the_group_was_changed(stage):
    stage.call("asgcycle.roll", "web")
    stage.fault(kind="denied", operation="CreateOrUpdateTags")
    stuck = stage.call("asgcycle.rollback", "web")
    found = stuck["data"]["web"]
    assert (stuck["retcode"], found["status"]) == (3, "halted"), stuck
    assert "launches from " in found["comment"]
    assert "CreateOrUpdateTags" in found["obstacles"][0]
    no_more_faults(stage)
    assert stage.call("asgcycle.rollback", "web")["retcode"] == 0
    assert specs(stage.lab.world) == ["1"] * 3


def test_an_outdated_record_that_cannot_be_deleted_is_only_a_warning(stage):
    stage.call("asgcycle.roll", "web")
    with stage.lab.lock:
        (template,) = stage.lab.world.templates.templates
        tag = ("web", "asgcycle:previous", f"{template}:1", False)
        stage.lab.world.create_or_update_tags([tag])
    stage.fault(kind="denied", operation="DeleteTags", nth=1)
    back = stage.call("asgcycle.rollback", "web")
    assert back["retcode"] == 0, back
    assert "asgcycle:previous stays" in " ".join(back["data"]["web"]["warnings"])
    assert specs(stage.lab.world) == ["1"] * 3


# -- refused before anything is changed ------------------------------------------------------------


@patient
def test_a_paused_roll_is_not_aborted_when_there_is_no_way_back(stage):
    stage.fault(kind="never_healthy", nth=2)
    stage.call("asgcycle.roll", "web", **BAD)
    with stage.lab.lock:
        (template,) = stage.lab.world.templates.templates.values()
        stage.lab.world.templates.delete_launch_template_versions(template, [1])
    before = stage.mutations()
    assert stage.call("asgcycle.rollback", "web")["retcode"] == 2
    assert stage.mutations() == before


def test_what_another_masters_roll_has_left_is_told_before_the_group_is_pinned(stage):
    stage.call("asgcycle.roll", "web")
    left = marks.Due("r-other", 0.0, 4, 1, 3, 4, frozenset())
    with stage.lab.lock:
        stage.lab.world.create_or_update_tags([("web", marks.RESTORE, left.text(), False)])
    refused = stage.call("asgcycle.rollback", "web")
    assert refused["retcode"] == 2
    assert "roll r-other has not put everything back" in refused["data"]["web"]["obstacles"][0]
    assert pinned(stage.lab.world) == "2"


@patient
def test_a_way_back_that_is_gone_when_the_roll_fails_does_not_hide_the_failed_roll(stage):
    stage.fault(kind="never_healthy", version=2)
    stage.fault(kind="template_version_deleted", operation="SetDesiredCapacity", nth=1,
                template="web", version=1)  # fmt: skip
    done = stage.call("asgcycle.roll", "web", on_failure="rollback", **BAD)
    assert done["retcode"] == 3, done
    assert done["data"]["web"]["status"] == "halted"
    assert "version 1" in done["data"]["web (rollback)"]["obstacles"][0]
    assert stage.restored()


@patient
def test_a_signal_while_the_roll_before_is_aborted_ends_the_rollback(stage):
    stage.fault(kind="never_healthy", nth=1)
    stage.call("asgcycle.roll", "web", **BAD)
    no_more_faults(stage)
    before = len(stage.mutations())
    terminate = "TerminateInstanceInAutoScalingGroup"
    stage.fault(kind="scaling_activity_in_progress", operation=terminate)
    process = stage.salt.start(
        *("--out=json", "asgcycle.rollback", "web"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stage.wait_for(terminate, 1 + stage.mutations()[:before].count(terminate))
    process.send_signal(signal.SIGTERM)
    no_more_faults(stage)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4, out + err
    assert "not gone back yet" in out
    assert stage.restored()
    assert pinned(stage.lab.world) == "2"
