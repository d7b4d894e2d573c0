"""Others name totals: whoever sets the desired capacity to ten during a roll wants ten."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import assert_all_replaced, assert_kept, roll, spec
from tests.lab.world import Fault

ROOM = {"min": 2, "max": 30}
SET = "SetDesiredCapacity"


@pytest.mark.parametrize("share", [0.1, 0.4, 0.75])
def test_ten_set_during_a_roll_of_six_ends_with_ten(share):
    fault = Fault("operator_sets", at=share * 400, desired=10)
    outcome = roll(spec(**ROOM), faults=[fault], surge=2)
    assert_all_replaced(outcome)
    assert outcome.group.desired == 10


def test_ten_set_to_a_group_of_ten_keeps_ten():
    outcome = roll(spec(10, **ROOM), faults=[Fault("operator_sets", at=60, desired=10)], surge=5)
    assert_all_replaced(outcome)
    assert outcome.group.desired == 10
    assert sum(state == "InService" for state in outcome.members().values()) == 10


@pytest.mark.parametrize(("named", "wanted"), [(7, {6, 7}), (6, {6}), (4, {4})])
def test_what_is_set_below_the_surge_is_not_taken_off_the_live_capacity(named, wanted):
    fault = Fault("operator_sets", at=60, desired=named)
    outcome = roll(spec(**ROOM), faults=[fault], surge=2)
    assert_all_replaced(outcome)
    assert outcome.group.desired in wanted


@pytest.mark.parametrize("named", [9, 10, 12])
def test_what_our_own_change_has_overwritten_is_given_back(named):
    # between our look and our call, which is to set eight
    fault = Fault("operator_sets", operation=SET, nth=1, desired=named)
    outcome = roll(spec(**ROOM), faults=[fault], surge=2)
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert outcome.group.desired == named
    assert f"from 6 to {named}" in outcome.told()


def test_a_lower_size_that_our_own_change_has_overwritten_is_heeded():
    fault = Fault("operator_sets", operation=SET, nth=1, desired=4)
    outcome = roll(spec(**ROOM), faults=[fault], surge=2)
    assert_kept(outcome)
    assert outcome.group.desired == 4


def test_steps_of_a_policy_never_drive_the_group_up_and_up():
    # one off what is shown, again and again, while the surge is put back on top each time
    faults = [Fault("scale_in", at=at, by=1) for at in range(60, 1500, 120)]
    outcome = roll(spec(**ROOM), faults=faults, surge=3)
    assert_kept(outcome)
    assert outcome.group.desired <= 6


@pytest.mark.parametrize(("named", "wanted"), [(10, {10, 11}), (5, {5, 6}), (4, {4, 5})])
def test_what_is_set_just_before_our_decrement_keeps_its_meaning(named, wanted):
    # the termination lowers what they have set; nobody can tell 10 − 1 from a 9: in doubt more
    fault = Fault(
        "operator_sets", operation="TerminateInstanceInAutoScalingGroup", nth=5, desired=named
    )
    outcome = roll(spec(**ROOM), faults=[fault], surge=2)
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert outcome.group.desired in wanted


def test_a_max_that_is_set_a_moment_after_ours_is_kept():
    # below what the surge needs, and AWS lowers the desired capacity only when it next acts
    group = spec(min=2, max=6, assumptions={"AS-4": "later"}, delays={"reaction": 30})
    outcome = roll(group, faults=[Fault("operator_sets", at=5.5, max=7)], surge=2)
    assert_all_replaced(outcome)
    assert (outcome.group.desired, outcome.group.max_size) == (6, 7)
