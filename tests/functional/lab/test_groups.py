"""Groups, instances and targets as boto3 sees them over HTTP."""

from __future__ import annotations

import base64
import copy
from datetime import datetime, timezone

import pytest
from botocore.exceptions import ClientError

from .conftest import WEB

VERSION_1, VERSION_2 = "1", "2"
#: Longer than the slowest boot of the scenario and everything AWS does after it, in seconds.
LONG = 600.0


def versions(group):
    return [row["LaunchTemplate"]["Version"] for row in group["Instances"]]


def test_initial_instances_show_the_template_version_they_were_launched_from(aws):
    assert versions(aws.group()) == [VERSION_1] * 6


def test_a_new_instance_shows_the_version_that_was_default_when_it_was_launched(aws):
    aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=7)
    aws.lab.advance(LONG)
    aws.ec2.modify_launch_template(LaunchTemplateName="web", DefaultVersion="1")
    assert sorted(versions(aws.group())) == [VERSION_1] * 6 + [VERSION_2]


def test_an_instance_takes_time_from_launch_to_healthy_target(aws):
    aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=7)
    assert len(aws.ids()) == 6
    aws.lab.advance(aws.lab.world.delays.reaction)
    (new,) = aws.ids(state="Pending")
    assert new not in aws.target_states()
    aws.lab.advance(aws.lab.world.delays.running)
    assert aws.ids(state="Pending") == []
    assert aws.target_states()[new] == "initial"
    told = []
    while aws.target_states()[new] != "healthy":
        told.append(aws.target_states()[new])
        aws.lab.advance(1)
    assert list(dict.fromkeys(told)) == ["initial", "unhealthy"]
    assert aws.lab.world.now >= aws.lab.world.instances[new].up_at


def test_a_terminated_instance_drains_leaves_its_target_group_and_then_the_group(aws):
    victim = aws.ids()[0]
    answer = aws.autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=victim, ShouldDecrementDesiredCapacity=True
    )
    assert answer["Activity"]["StatusCode"] == "WaitingForELBConnectionDraining"
    assert aws.ids(state="Terminating") == [victim]
    assert aws.target_states()[victim] == "draining"
    aws.lab.advance(30)
    assert victim not in aws.target_states()
    aws.lab.advance(LONG)
    assert victim not in aws.ids()
    assert aws.group()["DesiredCapacity"] == 5


def test_asking_for_a_target_that_has_left_says_unused(aws):
    victim = aws.ids()[0]
    aws.autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=victim, ShouldDecrementDesiredCapacity=True
    )
    aws.lab.advance(LONG)
    answer = aws.elbv2.describe_target_health(
        TargetGroupArn=aws.group()["TargetGroupARNs"][0], Targets=[{"Id": victim}]
    )
    assert answer["TargetHealthDescriptions"][0]["TargetHealth"]["State"] == "unused"


def test_targets_registered_by_hand_are_listed_beside_those_of_the_group(aws):
    arn = aws.group()["TargetGroupARNs"][0]
    member = aws.ids()[0]
    run = aws.ec2.run_instances(ImageId="ami-7", MinCount=1, MaxCount=1)
    stranger = run["Instances"][0]["InstanceId"]
    both = [{"Id": member}, {"Id": stranger}]
    aws.elbv2.register_targets(TargetGroupArn=arn, Targets=both)
    rows = aws.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    listed = [row["Target"]["Id"] for row in rows]
    assert sorted(listed) == sorted([*aws.ids(), stranger])


def test_ec2_knows_the_instances_of_the_group_with_state_time_and_tag(aws):
    wanted = aws.ids()
    answer = aws.ec2.describe_instances(
        Filters=[{"Name": "tag:aws:autoscaling:groupName", "Values": ["web"]}]
    )
    rows = [row for item in answer["Reservations"] for row in item["Instances"]]
    assert {row["InstanceId"] for row in rows} == set(wanted)
    assert {row["State"]["Name"] for row in rows} == {"running"}
    assert {row["ImageId"] for row in rows} == {"ami-00000000000000001"}
    launched = {item.id: item.launch_time for item in aws.lab.world.instances.values()}
    assert {row["InstanceId"]: row["LaunchTime"].timestamp() for row in rows} == launched


def test_ec2_waiters_follow_an_instance_until_it_is_terminated(start):
    aws = start(manual=False, speed=200)
    victim = aws.ids()[0]
    aws.autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=victim, ShouldDecrementDesiredCapacity=True
    )
    waiter = aws.ec2.get_waiter("instance_terminated")
    waiter.wait(InstanceIds=[victim], WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    answer = aws.ec2.describe_instances(InstanceIds=[victim])
    assert answer["Reservations"][0]["Instances"][0]["State"]["Name"] == "terminated"


def test_user_data_is_what_the_instance_was_launched_with(aws):
    aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=7)
    aws.lab.advance(LONG)
    new = aws.ids()[-1]
    answer = aws.ec2.describe_instance_attribute(InstanceId=new, Attribute="userData")
    assert base64.b64decode(answer["UserData"]["Value"]) == b"#!/bin/sh\n"


def test_console_output_is_the_instance_s_own(aws):
    one, other = aws.ids()[:2]
    assert one in aws.ec2.get_console_output(InstanceId=one)["Output"]
    assert other in aws.ec2.get_console_output(InstanceId=other)["Output"]


def test_a_launch_template_version_with_user_data_can_be_added_and_launched(aws):
    made = aws.ec2.create_launch_template_version(
        LaunchTemplateName="web",
        SourceVersion="1",
        LaunchTemplateData={"UserData": base64.b64encode(b"#!/bin/sh\nexit\n").decode()},
    )["LaunchTemplateVersion"]
    assert made["VersionNumber"] == 3
    assert made["LaunchTemplateData"]["ImageId"] == "ami-00000000000000001"
    aws.ec2.modify_launch_template(LaunchTemplateName="web", DefaultVersion="3")
    aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=7)
    aws.lab.advance(LONG)
    assert versions(aws.group())[-1] == "3"
    shown = aws.ec2.describe_launch_template_versions(
        LaunchTemplateName="web", Versions=["$Latest"]
    )["LaunchTemplateVersions"][0]
    assert shown["LaunchTemplateData"]["UserData"] == "IyEvYmluL3NoCmV4aXQK"


def test_sizes_that_aws_refuses_are_refused_in_its_words(aws):
    with pytest.raises(ClientError, match="is above max value 8 for the AutoScalingGroup") as too:
        aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=9)
    assert too.value.response["Error"]["Code"] == "ValidationError"
    assert too.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert aws.group()["DesiredCapacity"] == 6


def test_an_unknown_group_is_left_out_of_describe_and_refused_elsewhere(aws):
    answer = aws.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["nobody"])
    assert answer["AutoScalingGroups"] == []
    with pytest.raises(ClientError, match="AutoScalingGroup name not found"):
        aws.autoscaling.set_desired_capacity(AutoScalingGroupName="nobody", DesiredCapacity=1)


def test_an_unknown_instance_is_refused_with_the_text_of_aws(aws):
    with pytest.raises(ClientError, match="No managed instance found for instance ID i-0bad"):
        aws.autoscaling.terminate_instance_in_auto_scaling_group(
            InstanceId="i-0bad", ShouldDecrementDesiredCapacity=False
        )
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        aws.ec2.describe_instances(InstanceIds=["i-00000000000bad000"])


def test_scaling_activities_tell_of_launch_and_termination(aws):
    victim = aws.ids()[0]
    aws.autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=victim, ShouldDecrementDesiredCapacity=False
    )
    aws.lab.advance(LONG)
    rows = aws.autoscaling.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    told = [row["Description"] for row in rows]
    assert f"Terminating EC2 instance: {victim}" in told
    assert any(text.startswith("Launching a new EC2 instance") for text in told)
    assert {row["StatusCode"] for row in rows} == {"Successful"}


def test_an_instance_terminated_past_the_group_is_replaced(aws):
    victim = aws.ids()[0]
    answer = aws.ec2.terminate_instances(InstanceIds=[victim])
    assert answer["TerminatingInstances"][0]["CurrentState"]["Name"] == "shutting-down"
    aws.lab.advance(LONG)
    assert victim not in aws.ids()
    assert len(aws.ids(state="InService")) == 6


def test_suspended_launch_keeps_the_group_from_launching(aws):
    aws.autoscaling.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["Launch"])
    aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=7)
    aws.lab.advance(LONG)
    assert len(aws.ids()) == 6
    aws.autoscaling.resume_processes(AutoScalingGroupName="web", ScalingProcesses=["Launch"])
    aws.lab.advance(LONG)
    assert len(aws.ids(state="InService")) == 7


def test_an_instance_refresh_replaces_what_is_outdated(aws):
    started = aws.autoscaling.start_instance_refresh(AutoScalingGroupName="web")
    rows = aws.autoscaling.describe_instance_refreshes(AutoScalingGroupName="web")
    assert rows["InstanceRefreshes"][0]["InstanceRefreshId"] == started["InstanceRefreshId"]
    for _ in range(40):
        aws.lab.advance(LONG)
    rows = aws.autoscaling.describe_instance_refreshes(AutoScalingGroupName="web")
    assert rows["InstanceRefreshes"][0]["Status"] == "Successful"
    assert versions(aws.group()) == [VERSION_2] * 6


def test_tags_written_on_the_group_come_back_with_its_description(aws):
    tag = {
        "ResourceId": "web",
        "ResourceType": "auto-scaling-group",
        "Key": "lease",
        "Value": "me",
        "PropagateAtLaunch": False,
    }
    aws.autoscaling.create_or_update_tags(Tags=[tag])
    assert tag in aws.group()["Tags"]


def test_a_call_that_the_lab_does_not_know_says_so(aws):
    with pytest.raises(ClientError, match="The lab does not answer autoscaling:") as unknown:
        aws.autoscaling.describe_notification_configurations()
    assert unknown.value.response["Error"]["Code"] == "InvalidAction"


def test_characters_that_xml_reserves_survive_in_answers_and_refusals(aws):
    odd = 'a<b & "c">'
    tag = {"ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": "odd", "Value": odd}
    aws.autoscaling.create_or_update_tags(Tags=[{**tag, "PropagateAtLaunch": True}])
    assert aws.group()["Tags"][0]["Value"] == odd
    with pytest.raises(ClientError) as refused:
        aws.autoscaling.create_or_update_tags(Tags=[{**tag, "ResourceId": odd}])
    assert odd in refused.value.response["Error"]["Message"]


def test_a_scheduled_action_is_carried_out_at_its_time_unless_it_is_deleted_before(aws):
    now = aws.lab.world.now
    for name, seconds, desired in (("soon", 100, 5), ("later", 200, 7), ("never", 150, 3)):
        aws.autoscaling.put_scheduled_update_group_action(
            AutoScalingGroupName="web",
            ScheduledActionName=name,
            StartTime=datetime.fromtimestamp(now + seconds, timezone.utc),
            DesiredCapacity=desired,
        )
    given = {"AutoScalingGroupName": "web", "ScheduledActionName": "never"}
    aws.autoscaling.delete_scheduled_action(**given)
    aws.lab.advance(99)
    assert aws.group()["DesiredCapacity"] == 6
    aws.lab.advance(2)
    assert aws.group()["DesiredCapacity"] == 5
    aws.lab.advance(60)
    assert aws.group()["DesiredCapacity"] == 5
    aws.lab.advance(60)
    assert aws.group()["DesiredCapacity"] == 7


def test_a_scheduled_action_of_the_scenario_is_shown_and_carried_out(start):
    spec = copy.deepcopy(WEB)
    spec["groups"]["web"]["scheduled"] = [{"name": "night", "at": 60, "desired": 4}]
    aws = start(spec)
    (shown,) = aws.autoscaling.describe_scheduled_actions()["ScheduledUpdateGroupActions"]
    assert (shown["ScheduledActionName"], shown["DesiredCapacity"]) == ("night", 4)
    aws.lab.advance(61)
    assert aws.group()["DesiredCapacity"] == 4
