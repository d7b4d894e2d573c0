"""
A simulated fleet: does staging install every update before production, by what was promised?

``python -m benchmarks.fleet`` with the repository and ``_utils`` on the path, or ``bin/bench
fleet``. The promise is the product's own (``hours_after`` of ``unattended_upgrades.policy``). The
walk is not: it shares no line with the product's arithmetic. Hosts have timers with random delays
and apt's stamps, are down at times and catch up when they boot, some runs fail, some people start
runs by hand; a mirror takes its snapshot at some time of each day, and on some days none. Time is
virtual.
"""

from __future__ import annotations

import argparse
import bisect
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HOUR = 60
DAY = 24 * HOUR
WEEK = 7 * DAY
EXAMPLE = Path(__file__).resolve().parents[1] / "pillar.example"


@dataclass(frozen=True)
class Kind:
    """
    The hosts of an environment, minutes. ``at``: when apt's upgrade timer elapses, ``spread``: by
    how much later at random; ``days``: on which upgrades run, Sunday being 0. ``delay``: days, None
    for the archive itself. ``down``, ``fails``, ``by_hand``: shares of runs.
    """

    hosts: int
    at: int
    spread: int
    days: tuple[int, ...] = tuple(range(7))
    delay: int | None = None
    down: float = 0.02
    fails: float = 0.02
    by_hand: float = 0.01


@dataclass
class Mirror:
    """When the snapshot of each day was taken; a day without one is not in ``taken``."""

    taken: dict[int, int]

    @classmethod
    def drawn(cls, chance: random.Random, days: int, missing: float) -> Mirror:
        return cls(
            {
                day: day * DAY + chance.randrange(DAY)
                for day in range(days)
                if chance.random() >= missing
            }
        )

    def newest(self, now: int, delay: int) -> int:
        """Until when publications are in the newest snapshot that a host may follow now."""
        for day in range(now // DAY - delay, -1, -1):
            taken = self.taken.get(day)
            if taken is not None and taken <= now:
                return taken
        return -1


def runs(kind: Kind, mirror: Mirror, days: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    """Yield ``(when, what was published until)`` of each run of one host that installs."""
    stamp = -1  # the day of the last run, as apt.systemd.daily has it
    for day in range(days):
        moments = [day * DAY + kind.at + chance.randrange(kind.spread + 1)]
        if chance.random() < kind.down:  # and boots again some hours later: Persistent=true
            moments = [moments[0] + chance.randrange(2 * DAY)]
        if chance.random() < kind.by_hand:
            moments.append(day * DAY + chance.randrange(DAY))
        for place, now in enumerate(sorted(moments)):
            today = now // DAY
            by_timer = place == 0
            if (by_timer and stamp == today) or today % 7 not in kind.days:
                continue
            if chance.random() < kind.fails:
                continue
            stamp = today
            yield now, now if kind.delay is None else mirror.newest(now, kind.delay)


class Installed:
    """When an environment has first installed what."""

    def __init__(self, kind: Kind, mirror: Mirror, days: int, chance: random.Random) -> None:
        every = sorted(run for _ in range(kind.hosts) for run in runs(kind, mirror, days, chance))
        self.times: list[int] = []
        self.until: list[int] = []
        for when, until in every:
            if not self.until or until > self.until[-1]:
                self.times.append(when)
                self.until.append(until)

    def first(self, published: int) -> int:
        """The minute at which the first of its hosts installs a publication."""
        return self.times[bisect.bisect_left(self.until, published)]


@dataclass(frozen=True)
class Outcome:
    """Hours by which staging came first, sorted; negative where production did."""

    leads: tuple[float, ...]

    def share(self, promised: float) -> float:
        """Share of the publications for which the promise held."""
        return sum(lead >= promised for lead in self.leads) / len(self.leads)


def play(
    before: Kind,
    after: Kind,
    publications: int = 10_000,
    seed: int = 1,
    weeks: int = 104,
    missing: float = 0.03,
) -> Outcome:
    """Play both environments over the same publications of the same mirror."""
    chance = random.Random(seed)
    days = weeks * 7
    mirror = Mirror.drawn(chance, days, missing)
    first, second = (Installed(kind, mirror, days, chance) for kind in (before, after))
    end = (days - 60) * DAY
    moments = [chance.randrange(DAY, end) for _ in range(publications)]
    leads = ((second.first(moment) - first.first(moment)) / HOUR for moment in moments)
    return Outcome(tuple(sorted(leads)))


def promised(before: dict[str, Any], after: dict[str, Any]) -> float:
    """What the product promises for two pillars: ``hours_after``."""
    from aptpolicy import plans, policy
    from aptpolicy.versions import OperatingSystem

    system = OperatingSystem("Debian", "trixie", "13", "2.12")
    meant = [policy.from_pillar(pillar, system, "any") for pillar in (before, after)]
    return plans.leads(meant[1], {"before": meant[0]})["before"]


STAGING = Kind(hosts=50, at=6 * HOUR, spread=HOUR, delay=1)
PRODUCTION = Kind(hosts=200, at=2 * HOUR, spread=3 * HOUR, days=(1, 2, 3, 4), delay=3)


def example(name: str) -> dict[str, Any]:
    """The pillar of an environment of pillar.example, whose schedule the two kinds have."""
    pillar = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["unattended_upgrades"]
    return {**pillar, "environment": name}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publications", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    hours = promised(example("staging"), example("prod"))
    stories = {
        "snapshots, as in pillar.example": (STAGING, PRODUCTION, hours),
        "days and times alone": (
            Kind(50, 6 * HOUR, HOUR, days=(0, 1, 2, 3)),
            Kind(200, 2 * HOUR, 3 * HOUR, days=(1, 2, 3, 4)),
            0.0,
        ),
    }
    for name, (before, after, wanted) in stories.items():
        found = play(before, after, args.publications, args.seed)
        print(
            f"{name}: staging ahead by {wanted} h at least in {100 * found.share(wanted):.2f} % of "
            f"{args.publications}; smallest {found.leads[0]:.1f} h, "
            f"median {found.leads[len(found.leads) // 2]:.1f} h"
        )


if __name__ == "__main__":
    main()
