"""Which instances are not what their group would launch now, and why."""

import pytest

from asgroll.awswords import to_group, to_instance
from asgroll.outdated import compare
from asgroll.world import Machine, Recipe
from tests.unit.asgroll.build import NOW, instance

NEW, OLD, OTHER = "lt-0aa:2", "lt-0aa:1", "lt-0bb:5"
PLAIN = (Recipe(NEW, "ami-2"),)
LARGE = Recipe(NEW, "ami-2", frozenset({"m5.large", "m5.xlarge"}))
ARM = Recipe(OTHER, "ami-arm", frozenset({"m7g.large"}))
ANY = Recipe(NEW, "ami-2")
DENIED = Recipe(NEW, unknown="not authorized to perform: ssm:GetParameters")


def compared(recipes, spec=NEW, image="ami-2", kind="m5.large", shown=""):
    machine = None if image is None else Machine(NOW, image, kind)
    return compare(instance("i-1", spec=spec, type=kind, image=shown), machine, tuple(recipes))


@pytest.mark.parametrize(
    ("recipes", "runs"),
    [
        pytest.param(PLAIN, {}, id="version and image"),
        pytest.param((LARGE, ARM), {"kind": "m5.xlarge"}, id="a type that is named"),
        pytest.param((LARGE, ARM), {"spec": OTHER, "image": "ami-arm", "kind": "m7g.large"},
                     id="an override's own template"),
        pytest.param((ANY, ARM), {"kind": "c5.metal"}, id="types by attributes"),
        pytest.param((Recipe(NEW, "ami-2", frozenset({"m5.large"})), Recipe(NEW, "ami-3")),
                     {"image": "ami-3"}, id="an override's own image"),
        pytest.param(PLAIN, {"image": "ami-1", "shown": "ami-2"}, id="a replaced root volume"),
        pytest.param((Recipe("web-2", "ami-2"),), {"spec": "web-2"}, id="a launch configuration"),
        pytest.param((DENIED, Recipe(NEW, "ami-2")), {}, id="one of several is enough"),
    ],
)  # fmt: skip
def test_what_the_group_would_launch_now_is_up_to_date(recipes, runs):
    assert compared(recipes, **runs).outdated is False


@pytest.mark.parametrize(
    ("recipes", "runs", "why"),
    [
        (PLAIN, {"spec": OLD}, f"runs {OLD}"),
        (PLAIN, {"spec": OTHER}, f"runs {OTHER}"),
        (PLAIN, {"image": "ami-1"}, "runs ami-1; launched now: ami-2"),
        (PLAIN, {"shown": "ami-9"}, "runs ami-9; launched now: ami-2"),
        ((LARGE, ARM), {"kind": "m4.large"},
         "is a m4.large, which the group does not launch any more"),
        ((LARGE, ARM), {"spec": OTHER, "image": "ami-arm"},
         f"runs {OTHER}; as a m5.large the group launches {NEW}"),
        (PLAIN, {"spec": ""}, "its launch configuration is deleted"),
        ((Recipe("web-2", "ami-2"),), {"spec": ""}, "its launch configuration is deleted"),
        ((Recipe("web-2", "ami-2"),), {"spec": "web-1"}, "runs web-1"),
        ((Recipe("web-2", "ami-3"),), {"spec": "web-2"}, "runs ami-2; launched now: ami-3"),
        ((DENIED,), {"spec": OLD}, f"runs {OLD}"),
    ],
)  # fmt: skip
def test_what_differs_is_outdated_and_says_in_what(recipes, runs, why):
    found = compared(recipes, **runs)
    assert found.outdated is True
    assert found.why.startswith(why)


@pytest.mark.parametrize(
    ("recipes", "runs", "why"),
    [
        ((DENIED,), {}, "the image of lt-0aa:2 is not known: not authorized"),
        (PLAIN, {"image": None}, "EC2 does not tell which image it runs"),
        (PLAIN, {"image": ""}, "EC2 does not tell which image it runs"),
        ((LARGE, ARM), {"kind": ""}, "AWS does not tell its instance type"),
        ((Recipe(""),), {}, "the group shows neither launch template nor launch configuration"),
        ((), {}, "the group shows neither launch template nor launch configuration"),
    ],
)
def test_what_is_not_known_is_neither(recipes, runs, why):
    found = compared(recipes, **runs)
    assert found.outdated is None
    assert found.why.startswith(why)


# -- how AWS says what a group launches ------------------------------------------------------------

SIZES = {"AutoScalingGroupName": "web", "MinSize": 0, "MaxSize": 1, "DesiredCapacity": 1}


def template(key="lt-0aa", version="$Latest"):
    return {"LaunchTemplateId": key, "LaunchTemplateName": "x", "Version": version}


def mixed(*overrides):
    part = {"LaunchTemplateSpecification": template(), "Overrides": list(overrides)}
    return to_group({**SIZES, "MixedInstancesPolicy": {"LaunchTemplate": part}}).recipes


def test_a_group_without_overrides_launches_one_thing():
    plain = to_group({**SIZES, "LaunchTemplate": template()})
    assert plain.recipes == mixed() == (Recipe("lt-0aa:$Latest"),)
    assert to_group({**SIZES, "LaunchConfigurationName": "web-2"}).recipes == (Recipe("web-2"),)


def test_overrides_say_all_that_is_launched():
    own = {"InstanceType": "m7g.large", "LaunchTemplateSpecification": template("lt-0bb", "3")}
    image = {"InstanceType": "t3.large", "ImageId": "ami-9"}
    found = mixed({"InstanceType": "m5.large"}, {"InstanceType": "m5.xlarge"}, own, image)
    assert set(found) == {
        Recipe("lt-0aa:$Latest", "", frozenset({"m5.large", "m5.xlarge"})),
        Recipe("lt-0bb:3", "", frozenset({"m7g.large"})),
        Recipe("lt-0aa:$Latest", "ami-9", frozenset({"t3.large"})),
    }


@pytest.mark.parametrize("turned", [False, True])
def test_types_that_are_asked_for_by_attributes_may_be_any(turned):
    overrides = [{"InstanceType": "m5.large"}, {"InstanceRequirements": {}}]
    assert mixed(*(reversed(overrides) if turned else overrides)) == (Recipe("lt-0aa:$Latest"),)


def test_an_instance_shows_its_type_and_an_image_that_is_not_its_templates():
    found = to_instance(
        {"InstanceId": "i-1", "LifecycleState": "InService", "InstanceType": "t3.micro",
         "ImageId": "ami-9"}
    )  # fmt: skip
    assert (found.type, found.image, found.spec) == ("t3.micro", "ami-9", "")
