"""Somebody changes the sizes of the group, or is faster, while it is rolled."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import assert_all_replaced, assert_kept, roll, spec
from tests.functional.roll.test_actors import SHARES, TERMINATE, WIDE, usual
from tests.lab.world import Fault


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("surge", [1, 3])
@pytest.mark.parametrize("kind", ["operator_sets", "scheduled_action"])
@pytest.mark.parametrize("desired", [5, 9])
def test_a_desired_capacity_set_by_somebody_is_respected(desired, kind, surge, share):
    at = share * usual(surge=surge)
    outcome = roll(spec(**WIDE), faults=[Fault(kind, at=at, desired=desired)], surge=surge)
    assert_all_replaced(outcome)


@pytest.mark.parametrize("nth", [1, 3, 6])
def test_the_victim_that_is_about_to_go_is_terminated_by_somebody_else_first(nth):
    fault = Fault("operator_terminates", operation=TERMINATE, nth=nth, pick="oldest")
    outcome = roll(spec(**WIDE), faults=[fault], order="oldest")
    assert_all_replaced(outcome)


@pytest.mark.parametrize("share", [0.03, 0.4, 0.93])
@pytest.mark.parametrize("surge", [1, 4])
@pytest.mark.parametrize(
    "sizes",
    [
        {"min": 1},
        {"min": 6},
        {"min": 8, "max": 20},
        {"max": 20},
        {"max": 6},
        {"max": 5},
        {"min": 0, "max": 30},
        {"min": 7, "max": 8},
    ],
    ids=str,
)
def test_an_operator_changing_the_limits_is_respected(sizes, surge, share):
    at = share * usual(surge=surge)
    outcome = roll(spec(min=4, max=6), faults=[Fault("operator_sets", at=at, **sizes)], surge=surge)
    assert_kept(outcome)
    assert outcome.phase == "done"
    for key, value in sizes.items():
        assert getattr(outcome.group, f"{key}_size") == value
