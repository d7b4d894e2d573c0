"""The lower bound of a roll: by hand, against every other schedule, and against the ideal."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.bound import Takes, ideal, lower_bound

NOTHING = Takes(reaction=0, registration=0, leaving=0)
LAB = Takes(reaction=5, registration=15, leaving=60)

BY_HAND = {
    "one after the other": ([10, 20, 30], 1, NOTHING, 60),
    "all at once": ([10, 20, 30], 3, NOTHING, 30),
    "more places than launches": ([10, 20, 30], 9, NOTHING, 30),
    "the third takes the place that is free first": ([10, 20, 30], 2, NOTHING, 40),
    "a straggler holds up one place only": ([10, 600, 10, 10], 2, NOTHING, 600),
    "a straggler at the end": ([10, 10, 10, 600], 2, NOTHING, 610),
    "what AWS takes comes on top": ([100], 1, LAB, 5 + 100 + 15 + 60),
    "each launch is registered, one departure counts": ([100, 100], 1, LAB, 5 + 2 * 115 + 60),
}


@pytest.mark.parametrize(("boots", "surge", "takes", "seconds"), BY_HAND.values(), ids=BY_HAND)
def test_the_lower_bound_by_hand(boots, surge, takes, seconds):
    assert lower_bound(boots, surge, takes) == seconds


IDEAL = {
    "each launch waits for the group": ([100, 100], 1, LAB, 2 * (5 + 115) + 60),
    "places that are free together share a reaction": (
        [100, 100, 50, 50],
        2,
        LAB,
        5 + 115 + 70 + 60,
    ),
    "a place that becomes free meanwhile is filled as well": (
        [100, 103, 50, 50],
        2,
        LAB,
        5 + 115 + 5 + 65 + 60,
    ),
}


@pytest.mark.parametrize(("boots", "surge", "takes", "seconds"), IDEAL.values(), ids=IDEAL)
def test_the_ideal_by_hand(boots, surge, takes, seconds):
    assert ideal(boots, surge, takes) == seconds


boots_of = st.lists(st.integers(1, 700), min_size=1, max_size=6)


@given(boots_of, st.integers(1, 4))
def test_without_a_reaction_the_ideal_reaches_the_bound(boots, surge):
    takes = Takes(reaction=0, registration=15, leaving=60)
    assert ideal(boots, surge, takes) == lower_bound(boots, surge, takes)


@given(boots_of, st.integers(1, 4))
def test_the_bound_is_never_above_the_ideal(boots, surge):
    assert lower_bound(boots, surge, LAB) <= ideal(boots, surge, LAB)


@given(boots_of, st.integers(1, 3))
def test_no_assignment_of_launches_to_places_beats_the_bound(boots, surge):
    best = min(
        max(sum(b for b, where in zip(boots, places, strict=True) if where == p) for p in places)
        for places in itertools.product(range(surge), repeat=len(boots))
        if _in_order(boots, places)
    )
    assert lower_bound(boots, surge, NOTHING) == best


def _in_order(boots, places):
    """Whether each launch begins no earlier than the one before it."""
    free, before = dict.fromkeys(places, 0), 0
    for boot, place in zip(boots, places, strict=True):
        if free[place] < before:
            return False
        before = free[place]
        free[place] += boot
    return True
