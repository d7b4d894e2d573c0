"""Terminations by calls, through EC2 and by chance. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest

from tests.lab.world.model import TERMINATED_VISIBLE


def test_TE1_without_decrement_the_group_replaces_the_instance(bench):
    lab = bench(3)
    key = lab.ids()[0]
    activity = lab.world.terminate_instance(key, decrement=False)
    assert activity.cause.endswith(
        f"instance {key} was taken out of service in response to a user request."
    )
    lab.wait(300)
    assert (lab.group.desired, len(lab.ids("InService"))) == (3, 3)
    assert [(r.actor, r.reason) for r in lab.since("Launch")] == [("caller", "request")]


def test_TE2_with_decrement_desired_shrinks_and_nothing_is_launched(bench):
    lab = bench(3)
    activity = lab.world.terminate_instance(lab.ids()[0], decrement=True)
    assert activity.cause.endswith("shrinking the capacity from 3 to 2.")
    lab.wait(300)
    assert (lab.group.desired, len(lab.ids())) == (2, 2)
    assert not lab.since("Launch")


def test_TE3_a_decrement_at_the_minimum_is_refused(bench, refused):
    lab = bench(2)
    with refused("ValidationError", "Currently, desiredSize equals minSize (2). Terminating"):
        lab.world.terminate_instance(lab.ids()[0], decrement=True)
    assert len(lab.ids("InService")) == 2


def test_TE4_an_instance_of_no_group_is_refused_by_id(bench, refused):
    lab = bench(2)
    text = "Instance Id not found - No managed instance found for instance ID i-123"
    with refused("ValidationError", text):
        lab.world.terminate_instance("i-123", decrement=False)


def test_TE5_an_instance_of_another_group_is_refused_by_both_names(bench, refused):
    lab = bench(2)
    with refused("ValidationError", "The instance i-123 is not part of Auto Scaling group web."):
        lab.world.set_instance_protection("web", ["i-123"], True)


def test_TE6_a_terminating_instance_drains_then_shuts_down_then_leaves_the_group(bench):
    lab = bench(3)
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=False)
    assert lab.group.activities[0].status == "WaitingForELBConnectionDraining"
    lab.wait(29)
    assert (lab.target(key), lab.world.instances[key].state) == ("draining", "running")
    lab.wait(2)
    assert (lab.target(key), lab.world.instances[key].state) == (None, "shutting-down")
    lab.wait(30)
    assert (lab.world.instances[key].state, key in lab.group.instances) == ("terminated", False)


def test_TE7_a_decrement_takes_the_weight_of_the_instance_from_desired(bench):
    lab = bench(8, max=20, mixed={"overrides": [{"type": "m5.xlarge", "weight": 4}]})
    lab.world.terminate_instance(lab.ids()[0], decrement=True)
    assert lab.group.desired == 4


def test_TE8_terminating_again_is_accepted_but_a_decrement_counts_again(bench):
    lab = bench(4, min=0)
    key = lab.ids()[0]
    first = lab.world.terminate_instance(key, decrement=True)
    again = lab.world.terminate_instance(key, decrement=False)
    assert (again.id, lab.group.desired) == (first.id, 3)
    lab.world.terminate_instance(key, decrement=True)
    assert lab.group.desired == 2
    lab.wait(300)
    assert [record.actor for record in lab.since("Termination")] == ["caller", "caller"]
    assert len(lab.ids("InService")) == 2


def test_TE9_several_instances_in_one_call_end_all_or_none(bench):
    lab = bench(4)
    client = lab.aws.client("autoscaling")
    first, second = lab.ids()[:2]

    def terminate(*ids, decrement=False):
        return client.terminate_instance_in_auto_scaling_group(
            InstanceIds=list(ids),
            AutoScalingGroupName="web",
            ShouldDecrementDesiredCapacity=decrement,
        )

    with pytest.raises(client.exceptions.ClientError, match="i-123"):
        terminate(first, "i-123")
    with pytest.raises(client.exceptions.ClientError, match="desiredSize equals minSize"):
        terminate(*lab.ids()[:3], decrement=True)
    assert len(lab.ids("InService")) == 4
    assert len(terminate(first, second)["Activities"]) == 2
    assert lab.ids("Terminating") == [first, second]


def test_TE10_an_instance_ended_through_ec2_is_found_by_the_health_check_and_replaced(bench):
    lab = bench(3)
    key = lab.ids()[0]
    lab.world.terminate_instances([key], actor="operator")
    assert (lab.group.instances[key].lifecycle, lab.target(key)) == ("InService", None)
    lab.wait(lab.world.delays.health_check)
    assert lab.group.instances[key].health == "Unhealthy"
    assert "EC2 health check" in lab.group.activities[0].cause
    lab.wait(300)
    assert len(lab.ids("InService")) == 3
    assert [record.actor for record in lab.since("Launch")] == ["operator"]


def test_TE11_a_terminated_instance_stays_visible_to_ec2_for_an_hour(bench):
    lab = bench(3)
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=False)
    lab.wait(100)
    client = lab.aws.client("ec2")
    query = {"Filters": [{"Name": "instance-id", "Values": [key]}]}
    (shown,) = client.describe_instances(**query)["Reservations"]
    assert shown["Instances"][0]["State"]["Name"] == "terminated"
    lab.wait(TERMINATED_VISIBLE)
    assert client.describe_instances(**query)["Reservations"] == []


def test_TE12_protection_does_not_keep_a_call_from_terminating(bench):
    lab = bench(3, protected=1)
    key = lab.ids()[0]
    assert lab.group.instances[key].protected
    lab.world.terminate_instance(key, decrement=False)
    lab.wait(100)
    assert key not in lab.group.instances


def test_TE13_a_suspended_terminate_holds_scale_in_but_not_calls(bench):
    lab = bench(4)
    lab.world.suspend_processes("web", ["Terminate"])
    lab.world.set_desired_capacity("web", 3)
    lab.wait(300)
    assert len(lab.ids("InService")) == 4
    lab.world.terminate_instance(lab.ids()[0], decrement=False)
    lab.wait(300)
    assert len(lab.ids("InService")) == 3


def test_TE14_a_call_terminates_an_instance_that_is_still_pending_too(bench):
    lab = bench(2)
    lab.world.set_desired_capacity("web", 3)
    lab.wait(8)
    (key,) = lab.ids("Pending")
    lab.world.terminate_instance(key, decrement=True)
    lab.wait(200)
    assert (lab.group.desired, lab.ids("InService")) == (2, lab.ids())


def test_TE15_terminating_in_standby_leaves_desired_alone(bench):
    lab = bench(4, standby=1)
    lab.world.terminate_instance(lab.ids("Standby")[0], decrement=True)
    lab.wait(200)
    assert (lab.group.desired, len(lab.ids("InService")), lab.since("Launch")) == (4, 4, [])
