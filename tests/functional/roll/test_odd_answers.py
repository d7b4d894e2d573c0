"""One odd answer of AWS decides nothing, and what AWS does for its own sake is not spent."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import assert_all_replaced, assert_kept, roll, spec
from tests.lab.world import Fault
from tests.lab.world import history as h


@pytest.mark.parametrize("pick", ["oldest", "newest"])
@pytest.mark.parametrize("nth", [2, 5, 12, 25, 40])
def test_a_member_that_one_answer_lacks_is_replaced_all_the_same(nth, pick):
    outcome = roll(faults=[Fault("member_missing", nth=nth, pick=pick)], surge=2)
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.victims_terminated == 6
    assert not outcome.roll.vanished


@pytest.mark.parametrize("nth", [3, 12, 30])
def test_members_that_two_answers_in_a_row_lack_are_victims_again(nth):
    fault = Fault("member_missing", nth=nth, count=2, members=3, pick="oldest")
    outcome = roll(faults=[fault], surge=2, max_unavailable=1)
    assert_all_replaced(outcome)
    assert outcome.old_left() == set()


@pytest.mark.parametrize("of", ["groups", "members"])
@pytest.mark.parametrize("nth", [2, 9, 31])
def test_one_answer_without_group_or_members_does_not_end_the_roll(nth, of):
    given = {} if of == "groups" else {"of": of}
    outcome = roll(faults=[Fault("empty_answer", nth=nth, **given)], surge=2)
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.victims_terminated == 6


def test_a_target_that_one_answer_lacks_costs_no_capacity():
    faults = [Fault("target_missing", nth=nth, members=2) for nth in (4, 15, 28)]
    assert_all_replaced(roll(faults=faults, surge=2, max_unavailable=1))


@pytest.mark.parametrize("seconds", [5, 30, 60])
@pytest.mark.parametrize("zone", ["a", "b", "c"])
def test_launches_that_fail_in_one_zone_first_are_no_failures(zone, seconds):
    fault = Fault("launch_fails_first", zone=zone, seconds=seconds)
    outcome = roll(faults=[fault], surge=2, max_failures=0)
    assert_all_replaced(outcome)
    assert outcome.world.history.of(h.LaunchFailed)
    assert outcome.roll.failures == ()


def test_launches_that_fail_everywhere_still_halt_the_roll():
    faults = [Fault("insufficient_capacity", at=100, zone=zone) for zone in ("a", "b", "c")]
    outcome = roll(faults=faults, surge=2, max_failures=2)
    assert_kept(outcome)
    assert outcome.phase == "halted"
    assert "a launch failed" in outcome.roll.reason


def test_a_zone_that_is_dry_for_a_while_and_then_is_not_is_made_up_for():
    faults = [Fault("insufficient_capacity", at=60, until=260, zone=z) for z in ("a", "b", "c")]
    outcome = roll(faults=faults, surge=2, max_failures=99)
    assert_all_replaced(outcome)
    assert outcome.roll.failures
    assert all(failure.made_up for failure in outcome.roll.failures)


@pytest.mark.parametrize("policy", [{"surge": 2}, {"surge": 1, "max_unavailable": 1}], ids=str)
@pytest.mark.parametrize("at", [5, 60, 130, 220])
def test_what_capacity_rebalancing_launches_is_not_spent(at, policy):
    fault = Fault("rebalance_recommendation", at=at, count=2, pick="oldest")
    outcome = roll(spec(capacity_rebalance=True), faults=[fault], **policy)
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert any(r.reason == "capacity rebalance" for r in outcome.world.history.of(h.Launch))
