"""What a group and its account are set to, as the API shows it. Each test names its rule."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

END = {
    "name": "down",
    "transition": "autoscaling:EC2_INSTANCE_TERMINATING",
    "heartbeat_timeout": 100,
}
SET = {
    "default_warmup": 90,
    "grace_period": 120,
    "capacity_type": "units",
    "capacity_rebalance": True,
    "maintenance": {"min": 100, "max": 120},
    "retains": True,
}


def shown(lab) -> dict:
    """Return the group as DescribeAutoScalingGroups shows it."""
    answer = lab.aws.client("autoscaling").describe_auto_scaling_groups()
    return answer["AutoScalingGroups"][0]


def test_AS15_settings_are_shown_as_they_were_made(bench):
    lab = bench(2, **SET)
    row = shown(lab)
    assert row["DefaultInstanceWarmup"] == 90
    assert row["HealthCheckGracePeriod"] == 120
    assert row["DesiredCapacityType"] == "units"
    assert row["CapacityRebalance"] is True
    assert row["InstanceMaintenancePolicy"] == {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": 120,
    }
    assert row["InstanceLifecyclePolicy"] == {
        "RetentionTriggers": {"TerminateHookAbandon": "retain"}
    }
    assert {item["ImageId"] for item in row["Instances"]} == {"ami-00000001"}


def test_AS15_what_is_not_set_is_not_shown_and_minus_one_takes_a_setting_back(bench):
    lab = bench(2, **SET)
    lab.aws.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="web",
        DefaultInstanceWarmup=-1,
        InstanceMaintenancePolicy={"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1},
        InstanceLifecyclePolicy={"RetentionTriggers": {"TerminateHookAbandon": "terminate"}},
    )
    row = shown(lab)
    assert {"DefaultInstanceWarmup", "InstanceMaintenancePolicy"}.isdisjoint(row)
    assert row["InstanceLifecyclePolicy"]["RetentionTriggers"] == {
        "TerminateHookAbandon": "terminate"
    }
    assert set(shown(bench(2))).isdisjoint(
        {"CapacityRebalance", "InstanceLifecyclePolicy", "Operator", "DesiredCapacityType"}
    )


def test_AS15_hook_timeouts_and_the_deregistration_delay_are_shown(bench):
    lab = bench(2, hooks=[END], target_groups=[{"name": "web", "deregistration_delay": 77}])
    client = lab.aws.client("autoscaling")
    (hook,) = client.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"]
    assert (hook["HeartbeatTimeout"], hook["GlobalTimeout"]) == (100, 10_000)
    (arn,) = lab.group.target_group_arns
    rows = lab.aws.client("elbv2").describe_target_group_attributes(TargetGroupArn=arn)
    values = {row["Key"]: row["Value"] for row in rows["Attributes"]}
    assert values["deregistration_delay.timeout_seconds"] == "77"


CHANGES = {
    "set_desired_capacity": {"AutoScalingGroupName": "web", "DesiredCapacity": 4},
    "update_auto_scaling_group": {"AutoScalingGroupName": "web", "MaxSize": 9},
    "suspend_processes": {"AutoScalingGroupName": "web"},
    "terminate_instance_in_auto_scaling_group": {
        "InstanceId": "i-00000000000000001",
        "ShouldDecrementDesiredCapacity": False,
    },
    "create_or_update_tags": {
        "Tags": [{"ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": "k"}]
    },
}


@pytest.mark.parametrize("method", CHANGES)
def test_AS16_a_group_with_an_operator_is_changed_by_nobody_else(bench, method):
    lab = bench(3, operator="ecs.amazonaws.com")
    client = lab.aws.client("autoscaling")
    with pytest.raises(client.exceptions.ClientError) as refused:
        getattr(client, method)(**CHANGES[method])
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert shown(lab)["Operator"] == {"Principal": "ecs.amazonaws.com"}
    lab.wait(100)
    assert (len(lab.ids("InService")), lab.group.max_size, lab.group.tags) == (3, 5, {})
    getattr(bench(3).aws.client("autoscaling"), method)(**CHANGES[method])


def test_AS16_managed_groups_can_be_left_out_of_a_description(bench):
    client = bench(2, operator="ecs.amazonaws.com").aws.client("autoscaling")
    found = client.describe_auto_scaling_groups(IncludeManagedResources=False)
    assert found["AutoScalingGroups"] == []


def test_AS17_the_account_says_whether_replacements_are_launched_first(bench):
    client = bench(2).aws.client("autoscaling")
    before = client.describe_account_settings()["Settings"]
    assert before == [
        {"Name": "launchBeforeTerminate", "Value": "disabled", "EnforcementType": "none"}
    ]
    client.put_account_setting(Name="launchBeforeTerminate", Value="enabled")
    (after,) = client.describe_account_settings(Name="launchBeforeTerminate")["Settings"]
    assert after["Value"] == "enabled"
    with pytest.raises(client.exceptions.ClientError, match="no account setting nothing"):
        client.put_account_setting(Name="nothing", Value="enabled")


def abandoned(lab, key: str) -> None:
    """Terminate an instance, and let its termination hook end in the way of the scenario."""
    lab.world.terminate_instance(key, decrement=False)
    lab.wait(31)
    assert lab.group.instances[key].lifecycle == "Terminating:Wait"


@pytest.mark.parametrize("how", ["abandon", "timeout"])
def test_HK10_an_instance_whose_termination_hook_is_abandoned_is_retained_and_goes_on(bench, how):
    lab = bench(3, hooks=[END], retains=True)
    key = lab.ids()[0]
    abandoned(lab, key)
    if how == "abandon":
        lab.world.complete_lifecycle_action("web", "down", "ABANDON", key)
    lab.wait(4000)
    retained = lab.group.instances[key]
    assert (retained.lifecycle, retained.state) == ("Terminating:Retained", "running")
    # It does not count: its replacement has long been there.
    assert len(lab.ids("InService")) == lab.group.units == 3
    lab.world.terminate_instance(key, decrement=False)
    lab.wait(60)
    assert key not in lab.group.instances
    assert lab.states(key)[-3:] == ["Terminating:Retained", "Terminating:Proceed", "Terminated"]
    assert lab.group.desired == 3


@pytest.mark.parametrize(
    ("retains", "result"), [(True, "CONTINUE"), (False, "ABANDON"), (None, "ABANDON")]
)
def test_HK10_whoever_continues_and_whoever_has_no_policy_retains_nothing(bench, retains, result):
    lab = bench(3, hooks=[END], retains=retains)
    key = lab.ids()[0]
    abandoned(lab, key)
    lab.world.complete_lifecycle_action("web", "down", result, key)
    lab.wait(60)
    assert key not in lab.group.instances


def test_HK10_a_retained_machine_that_ends_leaves_its_group(bench):
    lab = bench(3, hooks=[END], retains=True)
    key = lab.ids()[0]
    abandoned(lab, key)
    lab.wait(200)
    lab.world.terminate_instances([key])
    lab.wait(60)
    assert key not in lab.group.instances


def test_FA22_the_date_of_answers_is_off_by_the_skew_of_the_fault(bench):
    lab = bench(2, faults=[{"kind": "clock_skew", "at": 10, "until": 20, "seconds": 90}])
    client = lab.aws.client("autoscaling")

    def ahead() -> float:
        answer = client.describe_auto_scaling_groups()
        date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return round(date.timestamp() - lab.world.now)

    assert ahead() == 0
    lab.wait(12)
    assert ahead() == 90
    with pytest.raises(client.exceptions.ClientError) as refused:
        client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=99)
    headers = refused.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert round(parsedate_to_datetime(headers["date"]).timestamp() - lab.world.now) == 90
    lab.wait(10)
    assert ahead() == 0


def test_ME8_new_instances_are_protected_where_the_group_says_so(bench):
    lab = bench(2)
    client = lab.aws.client("autoscaling")
    client.update_auto_scaling_group(
        AutoScalingGroupName="web", NewInstancesProtectedFromScaleIn=True, DesiredCapacity=3
    )
    lab.wait(100)
    rows = shown(lab)["Instances"]
    assert [row["ProtectedFromScaleIn"] for row in rows] == [False, False, True]
    # Scale-in takes the others, and nobody is left to be taken.
    client.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=0, DesiredCapacity=0)
    lab.wait(300)
    assert lab.ids() == [rows[-1]["InstanceId"]]
