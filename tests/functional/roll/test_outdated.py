"""`select: outdated` finds what differs from what the group would launch now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgroll import inform
from tests.functional.roll.harness import assert_all_replaced, begin, roll, spec
from tests.lab.world import Fault

OLD_IMAGE, NEW_IMAGE = "ami-00000000000000001", "ami-00000000000000002"
BY_PARAMETER = {
    "parameters": {"/golden": OLD_IMAGE},
    **spec(template={"name": "web", "versions": [{"ImageId": "resolve:ssm:/golden"}]}),
}
MIXED = {
    "overrides": [{"type": "m5.large"}, {"type": "m5.xlarge"}],
    "distribution": {"OnDemandPercentageAboveBaseCapacity": 100},
}
LEGACY = {
    "template": None,
    "configuration": {"name": "new", "image_id": NEW_IMAGE},
    "launched_on_configuration": {"name": "old", "image_id": OLD_IMAGE},
}


def moved(world):
    """The parameter stands for another image since the instances were launched."""
    world.templates.parameters["/golden"] = NEW_IMAGE


def whys(run):
    return {why.why for why in run.outcome.roll.victims.values()}


def test_a_parameter_that_stands_for_another_image_makes_every_instance_outdated():
    run = begin(BY_PARAMETER, prepare=moved, select="outdated")
    assert whys(run) == {f"runs {OLD_IMAGE}; launched now: {NEW_IMAGE}"}
    outcome = roll(BY_PARAMETER, prepare=moved, select="outdated")
    assert_all_replaced(outcome)
    running = {i.launch.image_id for i in outcome.group.instances.values()}
    assert running == {NEW_IMAGE}


def test_a_parameter_that_has_not_moved_leaves_everybody_alone():
    assert begin(BY_PARAMETER, select="outdated").outcome.roll.victims == {}


@pytest.mark.parametrize("kind", ["denied", "throttle"])
def test_a_parameter_that_may_not_be_read_is_no_sign_of_being_up_to_date(kind):
    fault = Fault(kind, operation="DescribeLaunchTemplateVersions", nth=2, count=99)
    outcome = begin(BY_PARAMETER, prepare=moved, faults=[fault], select="outdated").outcome
    assert outcome.phase == "refused"
    (said,) = outcome.obstacles
    assert "whether to replace i-00000000000000001, " in said
    assert "and 3 more is not known: the image of lt-00000000000000001:1 is not known" in said


def test_an_image_that_ec2_does_not_tell_is_no_sign_of_being_up_to_date():
    fault = Fault("denied", operation="DescribeInstances")
    outcome = begin(BY_PARAMETER, prepare=moved, faults=[fault], select="outdated").outcome
    assert outcome.phase == "refused"
    assert "DescribeInstances" in " ".join(outcome.obstacles)


def test_a_type_that_the_policy_names_no_more_is_outdated():
    def drop(world):
        group = world.groups["web"]
        _, second = group.mixed.overrides
        group.mixed = replace(group.mixed, overrides=(second,))

    scenario = spec(mixed=MIXED, template={"name": "web", "versions": [{"ImageId": OLD_IMAGE}]})
    run = begin(scenario, prepare=drop, select="outdated")
    assert whys(run) == {"is a m5.large, which the group does not launch any more"}
    victims = {
        key for key, item in run.outcome.group.instances.items() if item.instance_type == "m5.large"
    }
    assert set(run.outcome.roll.victims) == victims != set(run.outcome.group.instances)
    outcome = roll(scenario, prepare=drop, victims=victims, select="outdated")
    assert_all_replaced(outcome)
    assert {i.instance_type for i in outcome.group.instances.values()} == {"m5.xlarge"}


def test_instances_whose_launch_configuration_is_deleted_are_outdated():
    def delete(world):
        del world.templates.configurations["old"]

    run = begin(spec(**LEGACY), prepare=delete, select="outdated")
    (why,) = whys(run)
    assert why.startswith("its launch configuration is deleted")
    assert_all_replaced(roll(spec(**LEGACY), prepare=delete, select="outdated"))


def test_a_launch_configuration_of_the_same_name_with_another_image_is_another():
    def again(world):
        del world.templates.configurations["new"]
        world.templates.create_launch_configuration("new", OLD_IMAGE)

    same = {**LEGACY, "launched_on_configuration": None}
    run = begin(spec(**same), prepare=again, select="outdated")
    assert whys(run) == {f"runs {NEW_IMAGE}; launched now: {OLD_IMAGE}"}


def counted(run):
    return inform.inventory(run.aws)["web"]["outdated"]


def test_the_list_of_groups_counts_the_same():
    assert counted(begin(BY_PARAMETER)) == 0
    assert counted(begin(BY_PARAMETER, prepare=moved)) == 6
    assert counted(begin(spec())) == 6


def test_the_list_of_groups_does_not_count_what_it_does_not_know():
    run = begin(BY_PARAMETER, prepare=moved)
    fault = Fault(
        "denied", at=run.clock.now() - run.began, operation="DescribeLaunchTemplateVersions"
    )
    run.outcome.world.inject(fault)
    assert counted(run) is None


def test_the_list_of_groups_does_without_ec2_where_auto_scaling_shows_the_images():
    run = begin(BY_PARAMETER, prepare=moved)
    fault = Fault("denied", at=run.clock.now() - run.began, operation="DescribeInstances")
    run.outcome.world.inject(fault)
    assert counted(run) == 6
