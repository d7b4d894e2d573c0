"""Zones, termination policies, instance refresh, EC2. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest

from tests.lab.world import Fault, TemplateRef


def zones(lab) -> str:
    """Return the zone letters of the members that count, sorted."""
    return "".join(sorted(item.zone[-1] for item in lab.world.members(lab.group)))


def test_AZ1_scale_in_takes_from_the_fullest_zone(bench):
    lab = bench(4, instance_zones=["a", "b", "b", "c"], termination_policies=["NewestInstance"])
    lab.world.set_desired_capacity("web", 3)
    lab.wait(10)
    assert zones(lab) == "abc"


def test_AZ2_by_default_the_oldest_template_version_goes_first(bench):
    lab = bench(3, zones=["a"])
    lab.world.set_desired_capacity("web", 4)
    lab.wait(200)
    old = lab.ids()[0]
    lab.world.instances[old].launch_time = lab.world.now  # its version is old, though not its age
    lab.world.set_desired_capacity("web", 2)
    lab.wait(10)
    kept = [lab.group.instances[key].launch.version for key in lab.ids("InService")]
    assert kept == ["1", "2"]


@pytest.mark.parametrize(("policy", "index"), [("OldestInstance", 0), ("NewestInstance", 2)])
def test_AZ3_a_policy_chooses_by_age_within_the_zone(bench, policy, index):
    lab = bench(3, zones=["a"], termination_policies=[policy])
    chosen = lab.ids()[index]
    lab.world.set_desired_capacity("web", 2)
    lab.wait(10)
    assert lab.ids("Terminating") == [chosen]


def test_AZ4_scale_in_never_goes_below_desired_where_weights_do_not_fit(bench):
    lab = bench(12, max=20, mixed={"overrides": [{"type": "m5.xlarge", "weight": 4}]})
    lab.world.set_desired_capacity("web", 9)
    lab.wait(300)
    assert (lab.group.desired, lab.group.units) == (9, 12)
    lab.world.set_desired_capacity("web", 8)
    lab.wait(300)
    assert lab.group.units == 8


def test_AZ5_rebalancing_launches_before_it_terminates_even_above_the_maximum(bench):
    lab = bench(4, max=4, instance_zones=["a", "a", "a", "b"])
    lab.wait(10 + lab.world.delays.rebalance)
    assert (lab.group.desired, len(lab.ids("InService")), len(lab.ids())) == (4, 4, 5)
    lab.wait(600)
    assert zones(lab) == "aabc"
    assert {record.actor for record in lab.since("Termination")} == {"aws"}


def test_AZ6_nothing_is_rebalanced_while_azrebalance_is_suspended(bench):
    lab = bench(4, instance_zones=["a", "a", "a", "b"], suspended=["AZRebalance"])
    lab.wait(1000)
    assert zones(lab) == "aaab"
    lab.world.resume_processes("web", ["AZRebalance"])
    lab.wait(1000)
    assert zones(lab) == "aabc"


def test_AZ7_a_failing_zone_loses_its_instances_to_the_others(bench):
    lab = bench(6, faults=[{"kind": "az_outage", "at": 10, "until": 900, "zone": "a"}])
    lab.wait(12)
    assert len(lab.world.serving(lab.group)) == 4
    lab.wait(500)
    assert zones(lab) == "bbbccc"
    lab.wait(2000)
    assert zones(lab) == "aabbcc"


def test_AZ8_of_those_that_the_policies_leave_the_oldest_goes(bench):
    lab = bench(3, zones=["a"])
    oldest = lab.ids()[0]
    lab.world.set_desired_capacity("web", 2)
    lab.wait(10)
    assert [record.instance for record in lab.since("Termination")] == [oldest]


def test_AZ9_scale_in_may_take_what_is_still_pending(bench):
    lab = bench(3, zones=["a"], termination_policies=["NewestInstance"])
    lab.world.set_desired_capacity("web", 4)
    lab.wait(8)
    (pending,) = lab.ids("Pending")
    lab.world.set_desired_capacity("web", 3)
    lab.wait(8)
    assert [record.instance for record in lab.since("Termination")] == [pending]


def test_IR1_a_refresh_replaces_every_instance_in_batches_and_succeeds(bench):
    lab = bench(4)
    lab.world.start_instance_refresh("web", {"MinHealthyPercentage": 75})
    lowest = 4
    for _ in range(400):
        lab.wait(5)
        lowest = min(lowest, len(lab.world.serving(lab.group)))
    (refresh,) = lab.aws.client("autoscaling").describe_instance_refreshes(
        AutoScalingGroupName="web"
    )["InstanceRefreshes"]
    assert (refresh["Status"], refresh["PercentageComplete"], lowest) == ("Successful", 100, 3)
    assert {item.launch.version for item in lab.group.instances.values()} == {"2"}


def test_IR2_a_second_refresh_is_refused_while_one_is_active(bench, refused):
    lab = bench(3)
    lab.world.start_instance_refresh("web")
    with refused("InstanceRefreshInProgress", "An Instance Refresh is already in progress"):
        lab.world.start_instance_refresh("web")


def test_IR3_a_cancelled_refresh_goes_no_further_and_none_active_is_an_error(bench, refused):
    lab = bench(4)
    with refused("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh"):
        lab.world.cancel_instance_refresh("web")
    lab.world.start_instance_refresh("web")
    lab.wait(30)
    lab.world.cancel_instance_refresh("web")
    lab.wait(1000)
    assert lab.group.refreshes[0].status == "Cancelled"
    assert len(lab.since("Termination")) == 1


def test_IR4_a_rollback_returns_to_the_version_before_but_not_from_default(bench, refused):
    lab = bench(3, template={**_two_versions(), "use": "1", "launched_on": 1})
    template = lab.world.templates.find(None, "web")
    target = TemplateRef(template.id, "web", "2")
    lab.world.start_instance_refresh("web", template=target, desired={"LaunchTemplate": {}})
    lab.wait(300)
    lab.world.rollback_instance_refresh("web")
    lab.wait(3000)
    assert lab.group.refreshes[0].status == "RollbackSuccessful"
    assert {item.launch.version for item in lab.group.instances.values()} == {"1"}
    lab = bench(3)
    lab.world.start_instance_refresh("web")
    with refused("IrreversibleInstanceRefresh"):
        lab.world.rollback_instance_refresh("web")


def test_IR5_a_suspended_refresh_replaces_nothing_more_until_it_is_resumed(bench):
    lab = bench(4)
    lab.world.inject(Fault("operator_refreshes", at=10))
    lab.wait(30)
    assert len(lab.since("Termination")) == 1
    lab.world.suspend_processes("web", ["InstanceRefresh"])
    lab.wait(1000)
    assert (lab.group.refreshes[0].status, len(lab.since("Termination"))) == ("InProgress", 1)
    lab.world.resume_processes("web", ["InstanceRefresh"])
    lab.wait(3000)
    assert (lab.group.refreshes[0].status, len(lab.since("Termination"))) == ("Successful", 4)


def test_IR5_somebody_can_start_one_just_before_the_nth_call(bench):
    fault = {"kind": "operator_refreshes", "operation": "DescribeAutoScalingGroups", "nth": 3}
    lab = bench(3, faults=[fault])
    client = lab.aws.client("autoscaling")
    seen = []
    for _ in range(4):
        client.describe_auto_scaling_groups()
        found = client.describe_instance_refreshes(AutoScalingGroupName="web")
        seen.append([item["Status"] for item in found["InstanceRefreshes"]])
    assert seen == [[], [], ["Pending"], ["Pending"]]
    assert [record.actor for record in lab.since("GroupChange")] == ["operator"]


def test_IR6_a_refresh_that_is_started_while_suspended_waits_in_progress(bench):
    lab = bench(3, suspended=["InstanceRefresh"])
    lab.world.start_instance_refresh("web")
    lab.wait(300)
    assert (lab.group.refreshes[0].status, lab.since("Termination")) == ("InProgress", [])


def test_IR7_a_refresh_is_listed_as_soon_as_it_is_started(bench):
    lab = bench(3)
    lab.world.start_instance_refresh("web")
    client = lab.aws.client("autoscaling")
    found = client.describe_instance_refreshes(AutoScalingGroupName="web")["InstanceRefreshes"]
    assert [item["Status"] for item in found] == ["Pending"]


def _two_versions() -> dict:
    return {"name": "web", "versions": [{"ImageId": "ami-00000001"}, {"ImageId": "ami-00000002"}]}


def test_EC1_one_unknown_id_fails_the_call_and_a_filter_does_not(bench):
    lab = bench(2)
    client, known = lab.aws.client("ec2"), lab.ids()[0]
    with pytest.raises(client.exceptions.ClientError, match="i-123") as error:
        client.describe_instances(InstanceIds=[known, "i-123"])
    assert error.value.response["Error"]["Code"] == "InvalidInstanceID.NotFound"
    query = [{"Name": "instance-id", "Values": [known, "i-123"]}]
    found = client.describe_instances(Filters=query)["Reservations"]
    assert [row["Instances"][0]["InstanceId"] for row in found] == [known]


def test_EC2_ids_and_a_page_size_exclude_each_other(bench):
    lab = bench(2)
    client = lab.aws.client("ec2")
    with pytest.raises(client.exceptions.ClientError, match="InvalidParameterCombination"):
        client.describe_instances(InstanceIds=lab.ids(), MaxResults=5)


def test_EC3_the_default_version_of_a_template_cannot_be_deleted(bench, refused):
    lab = bench(2)
    template = lab.world.templates.find(None, "web")
    with refused("OperationNotPermitted"):
        lab.world.templates.delete_launch_template_versions(template, [2])
    lab.world.templates.delete_launch_template_versions(template, [1])
    assert list(template.versions) == [2]


def test_EC4_user_data_and_console_output_are_those_of_the_instance(bench):
    versions = [{"UserData": "b2xk"}, {"UserData": "bmV3"}]
    template = {"versions": versions, "default": 2, "launched_on": 1}
    lab = bench(1, min=1, template=template, faults=[{"kind": "never_healthy"}])
    lab.world.set_desired_capacity("web", 2)
    lab.wait(300)
    client = lab.aws.client("ec2")
    seen = [
        client.describe_instance_attribute(InstanceId=key, Attribute="userData")["UserData"]
        for key in lab.ids()
    ]
    assert seen == [{"Value": "b2xk"}, {"Value": "bmV3"}]
    good, bad = (client.get_console_output(InstanceId=key)["Output"] for key in lab.ids())
    assert "login:" in good
    assert "Failed with result" in bad


def test_EC5_a_version_made_from_a_source_keeps_what_it_does_not_name(bench):
    lab = bench(1, min=1, template={"versions": [{"ImageId": "ami-00000001", "UserData": "b2xk"}]})
    client = lab.aws.client("ec2")
    made = client.create_launch_template_version(
        LaunchTemplateName="web", SourceVersion="1", LaunchTemplateData={"UserData": "bmV3"}
    )["LaunchTemplateVersion"]
    assert made["VersionNumber"] == 2
    assert made["LaunchTemplateData"] == {"ImageId": "ami-00000001", "UserData": "bmV3"}
    client.modify_launch_template(LaunchTemplateName="web", DefaultVersion="2")
    (shown,) = client.describe_launch_templates(LaunchTemplateNames=["web"])["LaunchTemplates"]
    assert (shown["DefaultVersionNumber"], shown["LatestVersionNumber"]) == (2, 2)
    versions = client.describe_launch_template_versions(
        LaunchTemplateName="web", Versions=["$Default", "1"]
    )["LaunchTemplateVersions"]
    assert [item["VersionNumber"] for item in versions] == [2, 1]


def new_version(client, data=None, **given):
    """Make a version of ``web`` and return it."""
    return client.create_launch_template_version(
        **{"LaunchTemplateName": "web", "LaunchTemplateData": data or {}, **given}
    )["LaunchTemplateVersion"]


def test_EC6_a_version_made_from_a_source_does_not_take_over_snapshots(bench):
    disk = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": "snap-1", "VolumeSize": 8}}
    lab = bench(1, min=1, template={"versions": [{"BlockDeviceMappings": [disk]}]})
    client = lab.aws.client("ec2")
    made = new_version(client, SourceVersion="1")["LaunchTemplateData"]
    assert made["BlockDeviceMappings"] == [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8}}]
    given = {"BlockDeviceMappings": [disk]}
    assert new_version(client, given, SourceVersion="1")["LaunchTemplateData"] == given


def test_EC7_a_client_token_makes_one_version_only(bench):
    client = bench(1, min=1).aws.client("ec2")
    first = new_version(client, {"UserData": "b2xk"}, ClientToken="once")
    again = new_version(client, {"UserData": "b2xk"}, ClientToken="once")
    assert again["VersionNumber"] == first["VersionNumber"]
    with pytest.raises(client.exceptions.ClientError, match="IdempotentParameterMismatch"):
        new_version(client, {"UserData": "bmV3"}, ClientToken="once")


def test_EC8_a_deleted_version_is_gone_for_good(bench):
    client = bench(1, min=1).aws.client("ec2")
    number = new_version(client)["VersionNumber"]
    client.delete_launch_template_versions(LaunchTemplateName="web", Versions=[str(number)])
    with pytest.raises(client.exceptions.ClientError, match="VersionNotFound"):
        client.describe_launch_template_versions(LaunchTemplateName="web", Versions=[str(number)])
    assert new_version(client)["VersionNumber"] == number + 1


def test_EC9_versions_come_in_pages_between_two_numbers(bench):
    client = bench(1, min=1, template={"versions": [{}] * 5}).aws.client("ec2")
    pages = client.get_paginator("describe_launch_template_versions").paginate(
        LaunchTemplateName="web", MinVersion="2", MaxVersion="4", MaxResults=2
    )
    numbers = [[v["VersionNumber"] for v in page["LaunchTemplateVersions"]] for page in pages]
    assert numbers == [[4, 3], [2]]
