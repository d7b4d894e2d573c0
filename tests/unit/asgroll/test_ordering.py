"""The order of victims: spread while rolling, balance at the end."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgroll.ordering import in_order
from tests.unit.asgroll.build import instance


def age(victim):
    return (victim.launched_at or 0.0, victim.id)


def sequence(*parts, how="zone", last=1):
    members = {}
    for part in parts:
        for victim in part:
            members[victim.zone] = members.get(victim.zone, 0) + 1
    return [v.id for v in in_order(parts, how, members, last, age)]


def test_those_that_do_not_serve_go_first():
    idle, busy = [instance("i-idle", "b")], [instance("i-busy", "a", launched_at=1.0)]
    assert sequence(idle, busy) == ["i-idle", "i-busy"]


@pytest.mark.parametrize(("how", "first"), [("oldest", "i-1"), ("newest", "i-3")])
def test_age_alone_decides_when_the_policy_says_so(how, first):
    victims = [instance(f"i-{n}", "abc"[n % 3], launched_at=float(n)) for n in (1, 2, 3)]
    assert sequence(victims, how=how)[0] == first


def test_the_fullest_zone_gives_its_oldest():
    victims = [
        instance("i-b", "b", launched_at=1.0),
        instance("i-a-young", "a", launched_at=9.0),
        instance("i-a-old", "a", launched_at=5.0),
    ]
    assert sequence(victims)[0] == "i-a-old"


def launch_zone(counts, rng):
    """A group launches into its emptiest zone; among equals nobody knows which."""
    fewest = min(counts.values())
    return rng.choice([z for z, n in counts.items() if n == fewest])


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    zones=st.integers(2, 4),
    per_zone=st.integers(2, 6),
    surge=st.integers(1, 3),
    seed=st.integers(0, 10_000),
)
def test_a_balanced_group_ends_balanced_and_no_zone_empties(zones, per_zone, surge, seed):
    rng = random.Random(seed)
    names = "abcd"[:zones]
    old = [instance(f"i-{z}{n}", z) for z in names for n in range(per_zone)]
    counts = dict.fromkeys(names, per_zone)
    for _ in range(surge):
        counts[launch_zone(counts, rng)] += 1
    while old:
        victim = next(iter(in_order(([], old), "zone", counts, surge, age)))
        old.remove(victim)
        counts[victim.zone] -= 1
        assert counts[victim.zone] >= 1
        if len(old) >= surge:
            counts[launch_zone(counts, rng)] += 1
    assert max(counts.values()) - min(counts.values()) <= 2
