"""A simulated fleet, walked independently, against what the schedule's arithmetic promises."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from aptpolicy import latency, plans
from aptpolicy.snapshot import followed_by
from benchmarks import fleet
from tests.unit.formula.systems import policy

DOCUMENT = (Path(__file__).parents[3] / "docs/formula.md").read_text(encoding="utf-8")
DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def pillar_of(kind):
    """The pillar that gives an environment the schedule of a kind of simulated hosts."""
    hour, minute = divmod(kind.at, 60)
    at = {"at": [f"{hour:02d}:{minute:02d}"], "spread": kind.spread}
    pillar = {"timers": {"upgrade": at}, "update_days": [DAYS[day] for day in kind.days]}
    if kind.delay is not None:
        sources = ["https://m/{date}/debian {codename} main"]
        pillar["snapshot"] = {"sources": sources, "delay": kind.delay}
    return pillar


def lead(before, after):
    return fleet.promised(pillar_of(before), pillar_of(after))


@pytest.mark.parametrize(("name", "kind"), [("staging", fleet.STAGING), ("prod", fleet.PRODUCTION)])
def test_the_simulated_environments_have_the_schedule_of_the_example(name, kind):
    found = policy(fleet.example(name))
    simulated = policy(pillar_of(kind))
    assert plans.of_policy(found).upgrades == plans.of_policy(simulated).upgrades
    days = {policy.get("update_days") or tuple(range(7)) for policy in (found, simulated)}
    assert days == {kind.days}
    assert followed_by(found) == kind.delay


def test_staging_precedes_production_by_what_is_promised_in_every_publication():
    promised = fleet.promised(fleet.example("staging"), fleet.example("prod"))
    found = fleet.play(fleet.STAGING, fleet.PRODUCTION, publications=10_000)
    assert len(found.leads) == 10_000
    assert promised >= 24
    assert found.share(promised) == 1
    # and the promise is no idle one: hardly more would be broken
    assert found.share(promised + 2) < 1


def test_days_and_times_alone_keep_no_promise_and_none_is_made():
    before = replace(fleet.STAGING, delay=None, days=(0, 1, 2, 3))
    after = replace(fleet.PRODUCTION, delay=None)
    assert lead(before, after) < 0
    assert fleet.play(before, after, publications=2_000).share(0) < 0.6


def drawn(chance):
    """An environment with any schedule and delay."""
    days = chance.sample(range(7), chance.randint(3, 7))
    return fleet.Kind(
        hosts=chance.choice((5, 20)),
        at=chance.randrange(24 * 60),
        spread=chance.choice((0, 60, 300)),
        days=tuple(sorted(days)),
        delay=chance.randint(0, 4),
        fails=0,
        down=0,
    )


@pytest.mark.parametrize("seed", range(15))
def test_the_promise_holds_for_any_two_schedules_and_delays(seed):
    chance = random.Random(seed)
    # those of staging neither fail nor are down: of such runs nothing is promised
    before, after = drawn(chance), replace(drawn(chance), fails=0.1, down=0.1, by_hand=0.2)
    found = fleet.play(before, after, publications=400, seed=seed, weeks=30)
    assert found.share(lead(before, after)) == 1


@pytest.mark.parametrize("delay", [None, 0, 1, 3])
@pytest.mark.parametrize("days", [tuple(range(7)), (1, 2, 3, 4), (2,)])
def test_no_host_that_runs_needs_longer_than_the_worst_nor_less_than_the_best(days, delay):
    kind = fleet.Kind(1, 2 * 60, 180, days=days, delay=delay, down=0, fails=0, by_hand=0)
    told = latency.summary(plans.of_policy(policy(pillar_of(kind))))
    chance = random.Random(5)
    mirror = fleet.Mirror.drawn(chance, 400, missing=0)
    waits = []
    for _ in range(20):
        host = fleet.Installed(kind, mirror, 400, chance)
        moments = [chance.randrange(fleet.DAY, 340 * fleet.DAY) for _ in range(300)]
        waits += [(host.first(moment) - moment) / 60 for moment in moments]
    assert told["best"] <= min(waits)
    assert max(waits) <= told["worst"]
    # and they are near enough to mean something
    assert max(waits) > told["worst"] - 5


def test_the_document_names_what_is_promised_and_what_was_played():
    promised = fleet.promised(fleet.example("staging"), fleet.example("prod"))
    (hours, share) = re.search(r"promises (\d+) hours.*?kept in\s+(\d+) %", DOCUMENT, re.S).groups()
    assert (float(hours), int(share)) == (promised, 100)
