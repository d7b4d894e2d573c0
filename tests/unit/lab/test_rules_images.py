"""Rules about what an instance is launched from, and what is left of it later."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.lab.inprocess import InProcessAWS
from tests.lab.scenario import build

ONE, TWO = "ami-00000000000000001", "ami-00000000000000002"


def lab(**group):
    """A world with a parameter, and clients for it."""
    template = {"name": "web", "versions": [{"ImageId": "resolve:ssm:/golden"}]}
    spec = {"parameters": {"/golden": ONE}, "groups": {"web": {"template": template, **group}}}
    return InProcessAWS(build(spec))


def image_of(client, **options):
    answer = client.describe_launch_template_versions(
        LaunchTemplateName="web", Versions=["1"], **options
    )
    return answer["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"]


def test_EC10_a_parameter_is_shown_or_what_it_stands_for():
    aws = lab()
    client = aws.client("ec2")
    assert image_of(client) == "resolve:ssm:/golden"
    assert image_of(client, ResolveAlias=True) == ONE
    del aws.world.templates.parameters["/golden"]
    with pytest.raises(ClientError, match="does not exist"):
        image_of(client, ResolveAlias=True)


def shown(client, *ids, **options):
    asked = [{"Name": "image-id", "Values": list(ids)}]
    return [i["ImageId"] for i in client.describe_images(Filters=asked, **options)["Images"]]


def test_EC11_deprecated_and_disabled_images_are_shown_when_asked_for():
    aws = lab(desired=1)
    aws.world.images |= {
        "ami-0000000000000000d": {"State": "disabled"},
        "ami-0000000000000000e": {"DeprecationTime": "2001-01-01T00:00:00.000Z"},
        "ami-0000000000000000f": {"DeprecationTime": "2999-01-01T00:00:00.000Z"},
        TWO: None,
    }
    client, ids = aws.client("ec2"), [ONE, TWO, *(f"ami-0000000000000000{x}" for x in "def")]
    assert shown(client, *ids) == [ONE, ids[-1]]
    assert shown(client, *ids, IncludeDeprecated=True) == [ONE, *ids[-2:]]
    assert shown(client, *ids, IncludeDeprecated=True, IncludeDisabled=True) == [ONE, *ids[2:]]
    with pytest.raises(ClientError, match=r"InvalidAMIID\.NotFound"):
        client.describe_images(ImageIds=[ONE, TWO])


def test_LA14_a_parameter_is_resolved_at_each_launch():
    aws = lab(desired=1, max=2)
    aws.world.templates.parameters["/golden"] = TWO
    aws.client("autoscaling").set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
    aws.clock.sleep(60)
    images = [item.launch.image_id for item in aws.world.groups["web"].instances.values()]
    assert images == [ONE, TWO]


def test_AS18_without_its_launch_configuration_an_instance_shows_no_name():
    aws = InProcessAWS(
        build(
            {
                "groups": {
                    "web": {
                        "desired": 2,
                        "configuration": {"name": "new"},
                        "launched_on_configuration": {"name": "old"},
                    }
                }
            }
        )
    )
    client = aws.client("autoscaling")

    def names():
        group = client.describe_auto_scaling_groups()["AutoScalingGroups"][0]
        return [item.get("LaunchConfigurationName") for item in group["Instances"]]

    assert names() == ["old", "old"]
    del aws.world.templates.configurations["old"]
    assert names() == [None, None]
