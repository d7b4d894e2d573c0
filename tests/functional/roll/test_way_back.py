"""Whether a group can go back to what ran before is found out before that is promised."""

from __future__ import annotations

import pytest

from asgroll import preflight, wayback
from asgroll.awslaunch import AwsLaunch
from asgroll.policy import parse
from tests.functional.roll.harness import spec
from tests.lab.inprocess import InProcessAWS
from tests.lab.scenario import build
from tests.lab.world import Fault

OLD, NEW = "ami-00000000000000001", "ami-00000000000000002"
LEGACY = {
    "template": None,
    "configuration": {"name": "new", "image_id": NEW},
    "launched_on_configuration": {"name": "old", "image_id": OLD},
}
BY_PARAMETER = {
    "template": {
        "name": "web",
        "versions": [{"ImageId": "resolve:ssm:/golden"}, {"ImageId": NEW}],
        "default": 2,
        "launched_on": 1,
    }
}


def images(**state):
    """A ``prepare`` that says how the old image stands."""
    return lambda world: world.images.update({OLD: state})


def gone(world):
    world.images[OLD] = None


def without_version(world):
    (template,) = world.templates.templates.values()
    world.templates.delete_launch_template_versions(template, [1])


def without_configuration(world):
    world.templates.configurations.pop("old")


def denied(operation, kind="denied"):
    return lambda world: world.inject(Fault(kind, operation=operation))


def promise(prepare, settings=None, **policy):
    """The assessment of a roll that promises to go back."""
    scenario = spec(**(settings or {}))
    world = build({**scenario, "parameters": {"/golden": OLD}})
    asked = parse([("test", {"on_failure": "rollback", **policy})])
    aws = AwsLaunch(InProcessAWS(world).client, lambda: world.now)
    found = preflight.assess(aws, "web", asked, world.now)
    assert found.obstacles == ()
    prepare(world)
    return wayback.promised(found, "web", asked, aws, world.now)


@pytest.mark.parametrize("settings", [{}, LEGACY, BY_PARAMETER])
def test_where_everything_is_still_there_nothing_is_said_against_it(settings):
    assert promise(lambda world: None, settings).obstacles == ()


@pytest.mark.parametrize(
    ("prepare", "settings", "words"),
    [
        (gone, {}, [OLD, "deregistered"]),
        (gone, LEGACY, [OLD, "of old, which ran before", "deregistered"]),
        (images(State="disabled"), {}, [OLD, "in state disabled"]),
        (images(DeprecationTime="2001-02-03T04:05:00.000Z"), {},
         [OLD, "is deprecated since", "accept: [deprecated-image]"]),
        (without_version, {}, ["lt-00000000000000001:1", "cannot be launched any more"]),
        (without_configuration, LEGACY, ["old, which ran before, cannot be launched any more"]),
        (denied("DescribeImages"), {}, [OLD, "is not known", "not authorized"]),
        (denied("DescribeImages", "throttle"), {}, [OLD, "is not known", "limits the rate"]),
        (denied("DescribeLaunchTemplateVersions"), {}, ["not authorized"]),
        (denied("DescribeLaunchConfigurations"), LEGACY, ["old", "still exists is not known"]),
        (gone, BY_PARAMETER, [OLD, "deregistered"]),
    ],
)  # fmt: skip
def test_what_speaks_against_going_back_speaks_against_promising_it(prepare, settings, words):
    (said,) = promise(prepare, settings).obstacles
    assert said.startswith("on_failure: rollback: ")
    assert said.endswith("; set on_failure: pause")
    assert [word for word in words if word not in said] == []


def test_a_deprecated_image_may_be_accepted():
    old = images(DeprecationTime="2001-02-03T04:05:00.000Z")
    assert promise(old, accept=["deprecated-image"]).obstacles == ()


def test_an_image_by_parameter_is_said_to_be_what_it_is_now():
    def moved(world):
        world.templates.parameters["/golden"] = "ami-00000000000000003"

    found = promise(moved, BY_PARAMETER)
    assert "which is ami-00000000000000003 now" in " ".join(found.warnings)
    assert "ami-00000000000000003" in found.obstacles[0], "nothing in the lab knows that image"


def test_without_the_promise_nobody_asks():
    assert promise(gone, on_failure="pause").obstacles == ()
