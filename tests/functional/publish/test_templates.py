"""Publishing to launch templates, over HTTP: what is made, set and recorded."""

import pytest

from asgroll import launch, publishing

from .conftest import NEW, NEWER, OLD, WEB


def test_a_publish_makes_a_version_with_other_user_data_and_pins_the_group_to_it(stage):
    template = stage.group()["LaunchTemplate"]["LaunchTemplateId"]
    data, code = stage.publish()
    assert (code, data["status"], data["to_specs"]) == (0, "published", [f"{template}:3"])
    assert stage.version() == "3"
    assert stage.user_data(3) == NEW
    before, after = (dict(stage.versions()[n]) for n in (2, 3))
    assert before.pop("UserData") != after.pop("UserData")
    assert before == after
    assert stage.mutations() == [
        "CreateLaunchTemplateVersion",
        "CreateOrUpdateTags",
        "UpdateAutoScalingGroup",
    ]


def test_the_version_says_what_it_is(stage):
    stage.publish()
    answer = stage.ec2.describe_launch_template_versions(LaunchTemplateName="web", Versions=["3"])
    said = answer["LaunchTemplateVersions"][0]["VersionDescription"]
    assert said.startswith("asgcycle: version 2 with user data sha256:")


def test_nothing_else_about_the_group_changes(stage):
    def rest():
        return {k: v for k, v in stage.group().items() if k not in ("LaunchTemplate", "Tags")}

    before = rest()
    stage.publish()
    assert rest() == before


def test_a_second_publish_of_the_same_is_a_no_op(stage):
    stage.publish()
    done = stage.mutations()
    data, code = stage.publish()
    assert (code, data["status"], stage.mutations()) == (0, "unchanged", done)
    assert "has this user data already" in data["comment"]


def test_the_version_in_use_before_the_last_publish_is_recorded(stage):
    template = stage.group()["LaunchTemplate"]["LaunchTemplateId"]
    stage.publish(NEW)
    assert stage.tag() == f"{template}:2"
    data, _ = stage.publish(NEWER)
    assert stage.tag() == f"{template}:3" == data["previous"]
    stage.publish(NEWER)
    assert stage.tag() == f"{template}:3"
    (tag,) = (t for t in stage.group()["Tags"] if t["Key"] == "asgcycle:previous")
    assert tag["PropagateAtLaunch"] is False


def test_a_dry_run_shows_a_diff_and_changes_nothing(stage):
    data, code = stage.publish(test=True)
    assert (code, data["status"], stage.mutations()) == (0, "planned", [])
    assert "-echo old" in data["diff"]
    assert "+echo new" in data["diff"]
    assert any("new version of lt-" in text for text in data["changes"])


@pytest.mark.parametrize(
    ("stage", "written"),
    [({"template": {**WEB["template"], "use": use}}, use) for use in ("$Latest", "$Default")],
    indirect=["stage"],
)
def test_a_group_that_is_not_pinned_is_pinned_and_told_why(stage, written):
    data, code = stage.publish(OLD)
    assert (code, data["status"], stage.version()) == (0, "published", "2")
    assert any(written in text and "pinned to a number" in text for text in data["warnings"])
    assert stage.mutations() == ["UpdateAutoScalingGroup"]
    assert stage.tag() is None


MIXED = {
    "mixed": {
        "overrides": [{"type": "m5.large", "weight": 2}, {"type": "t3.small", "weight": 1}],
        "distribution": {"OnDemandBaseCapacity": 1, "SpotAllocationStrategy": "price-capacity"},
    }
}


@pytest.mark.parametrize("stage", [MIXED], indirect=True)
def test_a_mixed_instances_policy_stays_as_it_is_but_for_the_version(stage):
    before = stage.group()["MixedInstancesPolicy"]
    stage.publish()
    after = stage.group()["MixedInstancesPolicy"]
    assert after["LaunchTemplate"]["LaunchTemplateSpecification"].pop("Version") == "3"
    assert before["LaunchTemplate"]["LaunchTemplateSpecification"].pop("Version") == "2"
    assert after == before


@pytest.mark.parametrize("stage", [MIXED], indirect=True)
def test_a_template_of_an_override_gets_the_user_data_too(stage):
    made = stage.ec2.create_launch_template(
        LaunchTemplateName="arm", LaunchTemplateData={"ImageId": "ami-00000000000000009"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    policy = stage.group()["MixedInstancesPolicy"]
    policy["LaunchTemplate"]["LaunchTemplateSpecification"].pop("LaunchTemplateName")
    policy["LaunchTemplate"]["Overrides"].append(
        {
            "InstanceType": "m6g.large",
            "WeightedCapacity": "2",
            "ImageId": "ami-00000000000000008",
            "LaunchTemplateSpecification": {"LaunchTemplateId": made, "Version": "$Latest"},
        }
    )
    stage.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName="web", MixedInstancesPolicy=policy
    )
    data, code = stage.publish()
    assert code == 0, data
    override = stage.group()["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"][2]
    assert override["LaunchTemplateSpecification"]["Version"] == "2"
    assert (override["ImageId"], override["WeightedCapacity"]) == ("ami-00000000000000008", "2")
    assert stage.tag() == f"{data['from_specs'][0]} {made}:1"


@pytest.mark.parametrize("stage", [MIXED], indirect=True)
def test_one_version_named_in_several_ways_becomes_one_version(stage):
    policy = stage.group()["MixedInstancesPolicy"]["LaunchTemplate"]
    policy["LaunchTemplateSpecification"].pop("LaunchTemplateName")
    template = policy["LaunchTemplateSpecification"]["LaunchTemplateId"]
    for override, version in zip(policy["Overrides"], ("$Latest", "1"), strict=True):
        override["LaunchTemplateSpecification"] = {
            "LaunchTemplateId": template,
            "Version": version,
        }
    stage.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName="web", MixedInstancesPolicy={"LaunchTemplate": policy}
    )
    data, code = stage.publish()
    assert code == 0, data
    assert set(stage.versions()) == {1, 2, 3, 4}
    assert data["to_specs"] == [f"{template}:3", f"{template}:4"]
    found = stage.aws.launch("web")
    assert found.written == (f"{template}:3", f"{template}:4")
    assert launch.previous(found) == (f"{template}:2", f"{template}:1")


def test_going_back_to_what_a_later_version_has_makes_no_version(stage):
    stage.publish(NEW)
    template = stage.group()["LaunchTemplate"]["LaunchTemplateId"]
    stage.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName="web", LaunchTemplate={"LaunchTemplateId": template, "Version": "2"}
    )
    data, code = stage.publish(NEW)
    assert (code, stage.version(), max(stage.versions())) == (0, "3", 3)
    assert any("use version 3" in text for text in data["changes"])


def test_what_pillar_says_is_compared_for_a_caution(stage):
    assert "not what pillar says" in publishing.caution(stage.aws, "web", NEW)
    stage.publish()
    assert publishing.caution(stage.aws, "web", NEW) == ""
