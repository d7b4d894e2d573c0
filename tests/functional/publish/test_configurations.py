"""Publishing to groups that launch from a launch configuration, over HTTP."""

import pytest

from .conftest import DISK, NEW, NEWER

LEGACY = {
    "template": {},
    "configuration": {"name": "web", "image_id": "ami-00000000000000001"},
}
FIELDS = {
    "ImageId": "ami-00000000000000002",
    "InstanceType": "t3.small",
    "KeyName": "ops",
    "SecurityGroups": ["sg-1"],
    "BlockDeviceMappings": [DISK],
    "IamInstanceProfile": "web",
    "SpotPrice": "0.1",
    "EbsOptimized": True,
    "AssociatePublicIpAddress": False,
    "InstanceMonitoring": {"Enabled": False},
    "MetadataOptions": {"HttpTokens": "required"},
}

pytestmark = pytest.mark.parametrize("stage", [LEGACY], indirect=True)


def read(stage, name):
    answer = stage.autoscaling.describe_launch_configurations(LaunchConfigurationNames=[name])
    return answer["LaunchConfigurations"][0]


@pytest.fixture
def full(stage):
    """The group launches from a configuration with every field that the lab keeps."""
    stage.autoscaling.create_launch_configuration(
        LaunchConfigurationName="full", UserData=b"\x1f\x8b\xff old", **FIELDS
    )
    stage.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName="web", LaunchConfigurationName="full"
    )
    return stage


def test_a_publish_copies_the_configuration_with_other_user_data(full):
    data, code = full.publish()
    name = full.group()["LaunchConfigurationName"]
    assert (code, name.startswith("full-asgcycle-")) == (0, True), data
    before, after = read(full, "full"), read(full, name)
    for shown in (before, after):
        for key in ("LaunchConfigurationName", "LaunchConfigurationARN", "CreatedTime"):
            del shown[key]
    assert before.pop("UserData") != after.pop("UserData")
    assert before == after
    assert full.tag() == "full"


def test_bytes_that_are_no_text_arrive_as_they_are(full):
    content = b"\x1f\x8b\x00\xff\xfe"
    full.publish(content)
    assert full.publish(content)[0]["status"] == "unchanged"


def test_a_second_publish_is_a_no_op_and_the_next_one_records_what_was_in_use(full):
    full.publish()
    first = full.group()["LaunchConfigurationName"]
    assert full.publish()[0]["status"] == "unchanged"
    full.publish(NEWER)
    second = full.group()["LaunchConfigurationName"]
    assert second.startswith("full-asgcycle-")
    assert second.count("asgcycle") == 1
    assert full.tag() == first


def test_a_configuration_that_a_crash_has_left_is_used(full):
    full.fault(kind="denied", operation="CreateOrUpdateTags", count=1)
    assert full.publish(NEW)[1] == 2
    assert full.publish(NEW)[1] == 0
    assert full.mutations().count("CreateLaunchConfiguration") == 2  # with the fixture's


def test_a_lost_answer_to_making_it_is_cleared_by_looking(full):
    full.fault(kind="lost_answer", operation="CreateLaunchConfiguration", count=1, applied=True)
    assert full.publish()[1] == 0


def test_a_configuration_deleted_meanwhile_is_named(stage):
    stage.autoscaling.delete_launch_configuration(LaunchConfigurationName="web")
    data, code = stage.publish()
    assert (code, stage.mutations()) == (2, ["DeleteLaunchConfiguration"])
    assert "the launch configuration web, which does not exist" in data["obstacles"][0]
