"""Groups that are set up call by call instead of by a scenario."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

LONG = 600.0


@pytest.fixture
def empty(start):
    return start({"boot": {"median": 10}})


def template(aws, name="new"):
    aws.ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"ImageId": "ami-00000000000000001", "InstanceType": "t3.small"},
    )
    return {"LaunchTemplateName": name, "Version": "$Latest"}


def target_group(aws, name="new"):
    vpc = aws.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    made = aws.elbv2.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=vpc)
    return made["TargetGroups"][0]["TargetGroupArn"]


def listener(aws, target_group_arn, name="new"):
    subnets = [row["SubnetId"] for row in aws.ec2.describe_subnets()["Subnets"]]
    made = aws.elbv2.create_load_balancer(Name=name, Subnets=subnets)
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    forward = {"Type": "forward", "TargetGroupArn": target_group_arn}
    made = aws.elbv2.create_listener(
        LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[forward]
    )
    return made["Listeners"][0]["ListenerArn"]


def create(aws, **given):
    subnets = [row["SubnetId"] for row in aws.ec2.describe_subnets()["Subnets"]]
    settings = {"MinSize": 1, "MaxSize": 6, "DesiredCapacity": 3}
    if not {"MixedInstancesPolicy", "LaunchConfigurationName"} & given.keys():
        settings["LaunchTemplate"] = template(aws)
    aws.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="new", VPCZoneIdentifier=",".join(subnets), **{**settings, **given}
    )


def test_a_created_group_spreads_over_the_zones_of_its_subnets_and_serves(empty):
    arn = target_group(empty)
    listener(empty, arn)
    create(empty, TargetGroupARNs=[arn])
    empty.lab.advance(LONG)
    group = empty.group("new")
    assert sorted(row["AvailabilityZone"] for row in group["Instances"]) == [
        f"eu-central-1{zone}" for zone in "abc"
    ]
    assert set(empty.target_states("new").values()) == {"healthy"}
    rows = empty.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert {row["Target"]["Port"] for row in rows} == {8080}


def test_the_deregistration_delay_that_was_set_is_how_long_a_target_drains(empty):
    arn = target_group(empty)
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "120"}
    empty.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
    listener(empty, arn)
    create(empty, TargetGroupARNs=[arn])
    empty.lab.advance(LONG)
    victim = empty.ids("new")[0]
    empty.autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=victim, ShouldDecrementDesiredCapacity=True
    )
    empty.lab.advance(119)
    assert empty.target_states("new")[victim] == "draining"
    empty.lab.advance(1)
    assert victim not in empty.target_states("new")


def test_a_target_group_without_a_listener_has_unused_targets_until_there_is_one(empty):
    arn = target_group(empty)
    create(empty, TargetGroupARNs=[arn])
    empty.lab.advance(LONG)
    assert set(empty.target_states("new").values()) == {"unused"}
    made = listener(empty, arn)
    assert set(empty.target_states("new").values()) == {"initial"}
    empty.lab.advance(LONG)
    assert set(empty.target_states("new").values()) == {"healthy"}
    empty.elbv2.delete_listener(ListenerArn=made)
    assert set(empty.target_states("new").values()) == {"unused"}
    attached = [row["attached"] for row in empty.lab.history() if row["kind"] == "Listener"]
    assert attached == [False, True, False]


def test_a_classic_load_balancer_takes_in_what_is_attached_and_lists_it(empty):
    empty.elb.create_load_balancer(
        LoadBalancerName="classic",
        Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}],
        AvailabilityZones=["eu-central-1a"],
    )
    create(empty)
    empty.lab.advance(LONG)
    empty.autoscaling.attach_load_balancers(
        AutoScalingGroupName="new", LoadBalancerNames=["classic"]
    )
    rows = empty.elb.describe_instance_health(LoadBalancerName="classic")["InstanceStates"]
    assert {row["State"] for row in rows} == {"OutOfService"}
    empty.lab.advance(LONG)
    rows = empty.elb.describe_instance_health(LoadBalancerName="classic")["InstanceStates"]
    assert {row["State"] for row in rows} == {"InService"}
    shown = empty.elb.describe_load_balancers()["LoadBalancerDescriptions"][0]["Instances"]
    assert {row["InstanceId"] for row in shown} == set(empty.ids("new"))


def test_an_update_of_sizes_keeps_the_mixed_instances_policy(empty):
    policy = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": template(empty),
            "Overrides": [{"InstanceType": "t3.small", "WeightedCapacity": "2"}],
        },
        "InstancesDistribution": {"OnDemandBaseCapacity": 1},
    }
    create(empty, MixedInstancesPolicy=policy)
    before = empty.group("new")["MixedInstancesPolicy"]
    empty.autoscaling.update_auto_scaling_group(AutoScalingGroupName="new", MaxSize=8)
    after = empty.group("new")
    assert after["MaxSize"] == 8
    assert after["MixedInstancesPolicy"] == before
    assert before["InstancesDistribution"]["OnDemandBaseCapacity"] == 1


def test_weighted_instances_show_what_they_weigh(empty):
    policy = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": template(empty),
            "Overrides": [{"InstanceType": "t3.small", "WeightedCapacity": "2"}],
        }
    }
    create(empty, MixedInstancesPolicy=policy, DesiredCapacity=4)
    empty.lab.advance(LONG)
    assert [row["WeightedCapacity"] for row in empty.group("new")["Instances"]] == ["2", "2"]


def test_instances_keep_the_launch_configuration_they_were_launched_from(empty):
    for name in ("old", "new"):
        empty.autoscaling.create_launch_configuration(
            LaunchConfigurationName=name, ImageId="ami-1", InstanceType="t3.small"
        )
    create(empty, LaunchConfigurationName="old")
    empty.lab.advance(LONG)
    empty.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName="new", LaunchConfigurationName="new"
    )
    group = empty.group("new")
    assert group["LaunchConfigurationName"] == "new"
    assert {row["LaunchConfigurationName"] for row in group["Instances"]} == {"old"}


def test_a_launch_hook_holds_the_instance_until_its_action_is_completed(empty):
    create(empty, DesiredCapacity=1)
    empty.lab.advance(LONG)
    hook = {"AutoScalingGroupName": "new", "LifecycleHookName": "patched"}
    empty.autoscaling.put_lifecycle_hook(
        **hook, LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING", HeartbeatTimeout=300
    )
    empty.autoscaling.set_desired_capacity(AutoScalingGroupName="new", DesiredCapacity=2)
    empty.lab.advance(200)
    (waiting,) = empty.ids("new", "Pending:Wait")
    empty.autoscaling.record_lifecycle_action_heartbeat(**hook, InstanceId=waiting)
    empty.lab.advance(200)
    assert empty.ids("new", "Pending:Wait") == [waiting]
    empty.autoscaling.complete_lifecycle_action(
        **hook, InstanceId=waiting, LifecycleActionResult="CONTINUE"
    )
    assert waiting in empty.ids("new", "InService")
    with pytest.raises(ClientError, match="No active Lifecycle Action found with instance ID"):
        empty.autoscaling.complete_lifecycle_action(
            **hook, InstanceId=waiting, LifecycleActionResult="CONTINUE"
        )


def test_an_instance_that_ec2_launched_can_be_attached_and_is_then_replaced_like_others(empty):
    create(empty, DesiredCapacity=1)
    empty.lab.advance(LONG)
    # In another zone than the first: otherwise the group moves it at once.
    place = {"AvailabilityZone": "eu-central-1b"}
    run = empty.ec2.run_instances(ImageId="ami-7", MinCount=1, MaxCount=1, Placement=place)
    extra = run["Instances"][0]["InstanceId"]
    empty.autoscaling.attach_instances(AutoScalingGroupName="new", InstanceIds=[extra])
    empty.lab.advance(LONG)
    assert extra in empty.ids("new", "InService")
    assert empty.group("new")["DesiredCapacity"] == 2
    empty.ec2.terminate_instances(InstanceIds=[extra])
    empty.lab.advance(LONG)
    assert extra not in empty.ids("new")
    shown = empty.ec2.describe_instances(InstanceIds=[extra])["Reservations"][0]["Instances"][0]
    assert shown["State"]["Name"] == "terminated"


REFUSED = [
    ({"MinSize": 5, "MaxSize": 2}, "ValidationError"),
    ({"DesiredCapacity": 99}, "ValidationError"),
    ({"LaunchConfigurationName": "nobody"}, "ValidationError"),
    ({"TargetGroupARNs": ["arn:aws:elasticloadbalancing:nothing"]}, "TargetGroupNotFound"),
]


@pytest.mark.parametrize(("given", "code"), REFUSED)
def test_a_group_that_makes_no_sense_is_refused_and_not_created(empty, given, code):
    with pytest.raises(ClientError) as refused:
        create(empty, **given)
    assert refused.value.response["Error"]["Code"] == code
    assert empty.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_a_second_group_of_the_same_name_is_refused(aws):
    with pytest.raises(ClientError, match="AlreadyExists"):
        aws.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName="web",
            MinSize=0,
            MaxSize=0,
            AvailabilityZones=["eu-central-1a"],
            LaunchTemplate={"LaunchTemplateName": "web"},
        )
