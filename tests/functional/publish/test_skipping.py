"""The break-glass through the runner: asked for, shown, ended; and every way to mistype it."""

import time

import pytest

from asgroll import skipping
from tests.functional.publish.conftest import HOOK


@pytest.fixture
def web(salted):
    salted.pillar(launch_hook=HOOK)
    salted.do("hook", create=True)
    return salted


def asked(stage, **options):
    """The answer to ``asgcycle.hook web``; ``during`` is typed as ``for``, a word of Python's."""
    if "during" in options:
        options["for"] = options.pop("during")
    return stage.do("hook", **options)


def tag(stage):
    """The tag of the group, None when there is none."""
    answer = stage.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
    tags = {one["Key"]: one for one in answer["AutoScalingGroups"][0]["Tags"]}
    return tags.get(skipping.TAG)


def test_it_is_written_with_its_end_and_who_and_not_on_what_the_group_launches(web):
    data, code = asked(web, skip="security-updates", during="2h")
    assert (code, data["status"]) == (0, "skipping")
    written = tag(web)
    assert not written["PropagateAtLaunch"]
    words = dict(word.split("=") for word in written["Value"].split())
    assert words["checks"] == "security-updates"
    assert words["by"]
    assert abs(float(words["until"]) - time.time() - 7200) < 60
    assert data["comment"].startswith("new instances may skip security-updates until 20")


def test_plan_and_hook_show_it_until_it_is_ended(web):
    asked(web, skip="security-updates,reboot", during="30m")
    said = "new instances may skip security-updates and reboot until "
    plan, _ = web.do("plan")
    assert plan["warnings"][0].startswith(said)
    assert "skip=none` ends it" in plan["warnings"][0]
    shown, code = web.do("hook")
    assert (code, shown["skipping"].startswith(said)) == (0, True)
    data, code = asked(web, skip="none")
    assert (code, data["status"], tag(web)) == (0, "ended", None)
    assert asked(web, skip="none")[0]["status"] == "unchanged"
    assert not any("may skip" in text for text in web.do("plan")[0]["warnings"])
    assert web.do("hook")[0]["skipping"] == ""


def test_an_end_that_has_come_is_nothing_and_one_that_nobody_can_read_is_told(web):
    for value, said in (
        (f"checks=reboot until={time.time() - 1:.0f} by=x", ""),
        (f"checks=reboot until={time.time() + 9e5:.0f} by=x", "reaches more than 1d ahead"),
        ("yes please", "cannot be read: 'yes please'; nothing is skipped"),
    ):
        with web.lab.lock:
            web.lab.world.create_or_update_tags([("web", skipping.TAG, value, False)])
        shown = web.do("hook")[0]["skipping"]
        assert said in shown
        assert bool(shown) == bool(said)


def test_a_dry_run_writes_nothing(web):
    data, code = asked(web, skip="reboot", during=600, test=True)
    assert (code, data["status"], tag(web)) == (0, "planned", None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"skip": "security-updates"}, ["for: is missing; say for how long", "up to 1d"]),
        ({"skip": "security-updates", "during": "25h"}, ["for: '25h' is not allowed", "up to 1d"]),
        ({"skip": "reboot", "during": 0}, ["for: 0 is not allowed"]),
        ({"skip": "reboot", "during": "ever"}, ["for: 'ever' is not allowed", "like 2h"]),
        ({"skip": "reboot", "during": True}, ["for: True is not allowed"]),
        (
            {"skip": "highstate", "during": "1h"},
            ["skip: 'highstate' is not allowed", "security-updates, reboot", "or none to end it"],
        ),
        ({"skip": "", "during": "1h"}, ["skip: '' is not allowed"]),
        ({"skip": True, "during": "1h"}, ["skip: True is not allowed"]),
        ({"during": "1h"}, ["for: goes with skip"]),
        ({"skip": "none", "during": "1h"}, ["for: skip=none ends it at once"]),
        ({"skip": "reboot", "during": "1h", "create": True}, ["skip: goes without create"]),
        ({"skip": "reboot", "during": "1h", "surgee": 2}, ["surgee", "Did you mean surge"]),
    ],
)
def test_what_is_mistyped_is_one_message_and_changes_nothing(web, options, words):
    data, code = asked(web, **options)
    assert (code, data["status"], tag(web)) == (2, "refused", None)
    (problem,) = data["obstacles"]
    assert all(word in problem for word in words), problem


def test_without_a_hook_it_is_said_that_nothing_is_held_back(salted):
    data, code = asked(salted, skip="reboot", during="1h")
    assert code == 0
    assert data["warnings"] == ["web has no hook asgcycle-ready: nothing is held back there"]


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_is_cleared_by_looking(web, applied):
    web.fault(kind="lost_answer", operation="CreateOrUpdateTags", count=1, applied=applied)
    data, code = asked(web, skip="reboot", during="1h")
    assert (code, data["status"]) == ((0, "skipping") if applied else (3, "unclear"))
    assert (tag(web) is not None) == applied


def test_a_denied_call_is_told(web):
    web.fault(kind="denied", operation="CreateOrUpdateTags")
    data, code = asked(web, skip="reboot", during="1h")
    assert (code, data["status"]) == (2, "refused")
    assert "docs/iam-policy.json" in data["obstacles"][0]
