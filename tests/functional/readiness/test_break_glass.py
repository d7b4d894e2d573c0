"""What a person lets new instances of a group skip, and who does not get away with it."""

from __future__ import annotations

import time

import pytest

from asgroll import skipping
from asgroll.awslaunch import AwsLaunch
from tests.functional.publish.conftest import clients
from tests.functional.readiness.conftest import await_that
from tests.functional.readiness.test_hook import GROUP, calls, launch, state
from tests.lab.http import LabServer
from tests.lab.world.faults import Fault
from tests.unit.readiness.agent import agent, edges, hook


@pytest.fixture
def lab():
    groups = {"web": GROUP, "other": GROUP}
    with LabServer({"boot": {"median": 10}, "groups": groups}, manual=True) as found:
        yield found


def allow(lab, checks=("reboot",), seconds=3600.0, group="web"):
    """Break the glass as the runner does."""
    wanted = skipping.Skip(checks, time.time() + seconds, "root")
    data, code = skipping.keep(AwsLaunch(clients(lab)), group, wanted, time.time())
    assert code == 0, data


def waiting(lab, machine):
    """An instance that would be ready but for a reboot, its agent started."""
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    one.boot()
    one.await_console("reboot")
    return one


def test_a_check_that_is_skipped_holds_no_instance_back_and_the_console_says_so(lab, machine):
    allow(lab)
    one = waiting(lab, machine)
    assert one.ended() == 0
    lab.advance(30)
    assert state(lab, one.id) == "InService"
    assert "asgcycle: skipped by root: reboot: /run/reboot-required" in one.console()[0]
    assert f"asgcycle: ready instance={one.id} skipped=reboot" in one.console()


class Time:
    """A clock that only sleeping moves; ``then`` happens once it has come to ``at``."""

    def __init__(self, at, then):
        self.now, self.at, self.then = 0.0, at, then

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        if self.then and self.now >= self.at:
            self.then()
            self.then = None


def test_it_is_seen_by_an_instance_that_waits_already(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    one.configure(interval=10)
    host, time = edges.Host(str(one.root)), Time(45, lambda: allow(lab))
    found = agent.Agent(host, agent.configuration(host), time.clock, time.sleep)
    assert found.wait() == 0
    assert 45 < time.now <= 45 + hook.ASK_SECONDS + 10
    assert calls(lab, "DescribeTags").count("ok") <= 4
    assert one.console()[0].startswith("asgcycle: not ready: reboot")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("checks=reboot until={past} by=root", ""),
        ("checks=security-updates until={soon} by=root", ""),
        ("checks=cloud-init until={soon} by=root", ""),
        ("checks=reboot until={far} by=root", "cannot be read"),
        ("checks=reboot until=inf by=root", "cannot be read"),
        ("checks=reboot until=nan by=root", ""),
        ("checks=reboot by=root", "cannot be read"),
        ("reboot", "cannot be read"),
        ("", ""),
    ],
)
def test_what_has_ended_or_cannot_be_read_lets_nothing_be_skipped(lab, machine, value, told):
    now = time.time()
    times = {"past": now - 1, "soon": now + 3600, "far": now + 10 * skipping.LONGEST}
    text = value.format(**{name: f"{when:.0f}" for name, when in times.items()})
    lab.world.create_or_update_tags([("web", skipping.TAG, text, False)])
    one = waiting(lab, machine)
    one.await_console("not ready: reboot")
    await_that(lambda: calls(lab, "DescribeTags"), "a look at the tag")
    if told:
        one.await_console("nothing is skipped: the tag asgcycle:skip " + told)
    assert not any("skipped by" in line for line in one.console())
    assert state(lab, one.id) == "Pending:Wait"


def test_the_tag_of_another_group_is_none_of_this_one(lab, machine):
    allow(lab, group="other")
    one = waiting(lab, machine)
    one.await_console("not ready: reboot")
    assert state(lab, one.id) == "Pending:Wait"


def test_a_role_that_may_not_read_the_tag_skips_nothing_and_says_so_once(lab, machine):
    allow(lab)
    lab.world.inject(Fault("denied", operation="DescribeTags"))
    one = waiting(lab, machine)
    one.await_console("not ready: reboot")
    told = [line for line in one.console() if "nothing is skipped: DescribeTags: Acc" in line]
    assert len(told) == 1
    assert state(lab, one.id) == "Pending:Wait"


def test_agent_and_runner_agree_on_the_tag():
    assert hook.SKIP_TAG == skipping.TAG
    assert hook.SKIPPABLE == skipping.CHECKS
    assert skipping.LONGEST < hook.SKIP_SECONDS <= skipping.LONGEST + 600
