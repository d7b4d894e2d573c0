"""Launches that are abandoned one after the other: `status` of the group says so, and why."""

import pytest

from tests.functional.publish import launches
from tests.functional.publish.conftest import HOOK
from tests.lab.salt_run import REPO


@pytest.fixture
def web(salted):
    salted.pillar(launch_hook=HOOK)
    return salted


def test_two_are_not_told_and_three_are_with_the_reason_and_what_to_type(web):
    launches.abandon(web, 2)
    assert web.do("status") == ({"result": True, "comment": "no roll of web is on record"}, 0)
    last = launches.abandon(web, 2)[-1]
    data, code = web.do("status")
    assert (code, data["result"]) == (3, False)
    said = data["abandoned"]
    assert said.startswith("the last 4 launches were abandoned, one after the other")
    assert f"{last}: asgcycle: not ready: security-updates: apt-get update: E: no answer (" in said
    assert "Lifecycle Action Completed with ABANDON Result" in said
    assert "`salt-run asgcycle.hook web skip=security-updates for=2h`" in said


def test_a_launch_that_comes_through_ends_it(web):
    launches.abandon(web, 3)
    assert web.do("status")[1] == 3
    launches.come_through(web)
    assert web.do("status")[1] == 0


def test_without_a_group_aws_is_not_asked(web):
    launches.abandon(web, 3)
    answer = web.call("asgcycle.status")
    assert answer["retcode"] == 0
    assert not any("abandoned" in data for data in answer["data"].values())


def test_what_may_be_skipped_is_shown(web):
    web.do("hook", skip="reboot", **{"for": "1h"})
    data, code = web.do("status")
    assert code == 0
    assert data["skipping"].startswith("new instances may skip reboot until ")


@pytest.mark.parametrize("operation", ["DescribeAutoScalingGroups", "DescribeScalingActivities"])
def test_when_aws_does_not_say_that_is_told_and_the_journal_counts(web, operation):
    web.fault(kind="denied", operation=operation)
    data, code = web.do("status")
    assert (code, data["result"]) == (0, True)
    assert data["launches"].startswith("not known: ")
    assert operation in data["launches"]


def test_a_console_that_may_not_be_read_does_not_hide_the_rest(web):
    launches.abandon(web, 3)
    web.fault(kind="denied", operation="GetConsoleOutput")
    data, code = web.do("status")
    assert code == 3
    assert "its console is not known: " in data["abandoned"]


def test_it_is_loud_in_a_terminal(web):
    launches.abandon(web, 3)
    done = web.run("asgcycle.status", "web", out=None)
    assert done.code == 3
    assert "✗ the last 3 launches were abandoned" in done.out


def test_the_command_line_takes_a_word_that_python_keeps_for_itself(web):
    done = web.run("asgcycle.hook", "web", "skip=security-updates", "for=2h")
    assert done.code == 0, done.out + done.err
    assert done.of("web")["status"] == "skipping"
    assert web.run("asgcycle.hook", "web", "skip=none").of("web")["status"] == "ended"


def test_the_example_of_the_schedule_names_the_function():
    text = (REPO / "docs" / "first-boot.md").read_text()
    assert "launches-of-web: {function: asgcycle.status, args: [web], minutes: 10}" in text
