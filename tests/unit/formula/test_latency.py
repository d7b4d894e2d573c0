"""From publication to installation: the arithmetic of schedules."""

import dataclasses

import pytest

from aptpolicy import latency, plans
from aptpolicy.latency import Firing, Plan
from tests.unit.formula.systems import policy

DAY = 1440
SIX = tuple(Firing(day * DAY + 360) for day in range(7))
TWICE = tuple(sorted((*SIX, *(Firing(one.minute + 720) for one in SIX)), key=lambda f: f.minute))
PROD = {"timers": {"upgrade": {"at": ["02:00"], "spread": "3h"}}}


def summary(pillar):
    return latency.summary(plans.of_policy(policy(pillar)))


@pytest.mark.parametrize(
    ("plan", "best", "typical", "worst"),
    [
        # Who fetches first has what was published a moment ago, else what a day ago.
        (Plan(TWICE, SIX), 0.0, 12.0, 24.0),
        # The fetch of 18:00 is the last one before: what comes later waits for another day.
        (Plan(tuple(Firing(f.minute + 720) for f in SIX), SIX, fetch_first=False), 12, 24, 36),
        # apt compares midnights: the second run of a day does nothing, unless always.
        (Plan((), TWICE), 0.0, 12.0, 24.0),
        (Plan((), TWICE, upgrade_every=0), 0.0, 6.0, 12.0),
        (Plan((), SIX, days=(1,)), 0.0, 84.0, 168.0),
        # A snapshot of yesterday at six: published at most two days and six hours ago.
        (Plan((), SIX, delay=1), 6.0, 30.0, 54.0),
        (Plan((), SIX, delay=3), 54.0, 78.0, 102.0),
    ],
)
def test_what_a_schedule_makes_of_publications(plan, best, typical, worst):
    found = latency.summary(plan)
    assert found["best"] == pytest.approx(best, abs=0.1)
    assert found["typical"] == pytest.approx(typical, abs=0.3)
    assert found["worst"] == pytest.approx(worst, abs=0.1)


@pytest.mark.parametrize(
    "plan",
    [
        Plan((), SIX, fetch_every=None),
        Plan(SIX, (), fetch_first=False),
        Plan((), SIX, fetch_first=False),
        Plan(SIX, SIX, upgrade_every=None),
    ],
)
def test_what_is_never_installed_has_no_time(plan):
    assert latency.summary(plan) is None
    assert latency.lead(plan, Plan((), SIX)) is None


def test_the_schedule_of_apts_package_upgrades_from_lists_of_a_day_ago_and_ours_does_not():
    packaged = {"timers": {"manage": False}, "periodic": {"update_package_lists": 1}}
    assert summary(packaged)["worst"] == 55.0
    assert summary({})["worst"] == 25.0
    assert summary({"timers": {"upgrade": {"fetch": False}}})["worst"] == 37.0


def test_worst_and_best_hold_wherever_a_random_delay_falls():
    for width in (0, 60, 700):
        wide = Plan((), tuple(Firing(one.minute, width) for one in SIX))
        for late in range(0, width + 1, 100):
            exact = Plan((), tuple(Firing(one.minute + late) for one in SIX))
            for minute in range(0, 3 * DAY, 97):
                first, last = latency.window(wide, minute)
                assert first <= latency.window(exact, minute)[0] <= last


@pytest.mark.parametrize(("staging", "prod", "hours"), [(0, 1, -7.0), (1, 2, 17.0), (1, 3, 41.0)])
def test_a_lead_is_the_days_between_two_snapshots_less_what_the_first_environment_takes(
    staging, prod, hours
):
    before = dataclasses.replace(plans.of_policy(policy({})), delay=staging)
    after = dataclasses.replace(plans.of_policy(policy(PROD)), delay=prod)
    assert latency.lead(before, after) == hours


def test_days_alone_are_no_lead():
    before = plans.of_policy(policy({"update_days": ["Sun", "Mon", "Tue", "Wed"]}))
    after = plans.of_policy(policy({**PROD, "update_days": ["Mon", "Tue", "Wed", "Thu"]}))
    assert latency.lead(before, after) < 0


def test_the_days_of_snapshots_are_those_of_utc():
    tokyo = {"utc_offset": 9 * 60, "delay": 1}
    # six in the morning there is nine in the evening of the day before
    assert latency.summary(Plan((), SIX, **tokyo))["best"] == pytest.approx(21.0, abs=0.1)


def test_the_plan_of_a_policy_is_that_of_its_whole_fleet():
    plan = plans.of_policy(policy({"timers": {"upgrade": {"calendar": "Mon 04:00"}}}))
    assert plan.upgrades == (Firing(DAY + 240),)
    assert {one.width for one in plan.fetches} == {720}
    assert (plan.fetch_every, plan.upgrade_every) == (0, 1)
    off = plans.of_policy(policy({"enabled": False}))
    assert off.upgrade_every is None


@pytest.mark.parametrize(
    ("interval", "days"), [("always", 0), ("1", 1), ("7d", 7), ("12h", 0.5), ("0", None)]
)
def test_intervals_are_read_in_days(interval, days):
    assert latency.every(interval) == days
