"""Whom traffic does not reach does not serve, whatever the health: zonal shifts and listeners."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import assert_all_replaced, begin, roll, spec
from tests.judge import invariants
from tests.lab.world import Fault

TWO = [{"name": name, "deregistration_delay": 30} for name in ("web", "idle")]
IDLE = [TWO[0], {**TWO[1], "listener": False}]


def unserved(outcome, unavailable=0):
    """Return what the judge holds against the roll: capacity that users have missed."""
    report = invariants.examine(
        outcome.world.history,
        "web",
        outcome.victims,
        1,
        unavailable,
        since=outcome.before,
        finished=False,
    )
    return [v.message for v in report.violations if v.rule == "I1"]


@pytest.mark.parametrize("kind", ["zonal_shift", "zonal_autoshift"])
def test_a_shift_at_the_start_is_named_with_zone_and_target_group(kind):
    outcome = begin(spec(), faults=[Fault(kind, at=0, zone="b")]).outcome
    assert (outcome.code, outcome.mutations()) == (2, {})
    (text,) = outcome.obstacles
    assert "web (zonal_shift_active: 2 in eu-central-1b)" in text
    assert "wait until the shift has ended" in text


@pytest.mark.parametrize("at", [40, 100, 160, 220])
def test_during_a_shift_nobody_goes_who_would_be_missed_and_after_it_the_roll_ends(at):
    # Healthy all the while: counted by their health, old ones went for new ones without traffic.
    shift = Fault("zonal_shift", at=at, until=at + 900, zone="a")
    outcome = roll(spec(), faults=[shift], max_failures=9, ready_timeout="40m")
    assert unserved(outcome) == []
    assert_all_replaced(outcome)


def test_a_shift_that_does_not_end_halts_the_roll_and_costs_nobody_who_serves():
    shift = Fault("zonal_shift", at=60, zone="a")
    outcome = roll(spec(), faults=[shift], ready_timeout="5m", drain_timeout="5m")
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert unserved(outcome) == []


def test_a_person_may_roll_in_a_shift_with_what_she_allows_to_be_missing():
    shift = Fault("zonal_shift", at=0, zone="c")
    policy = {"accept": ["zonal-shift"], "max_unavailable": 2, "surge": 0, "max_failures": 9}
    outcome = roll(spec(), faults=[shift], ready_timeout="5m", **policy)
    assert unserved(outcome, unavailable=2) == []
    assert outcome.mutations()["TerminateInstanceInAutoScalingGroup"] > 0


def test_a_target_group_without_a_listener_is_named_at_once():
    # It took 46 minutes of replacements that never got healthy there.
    outcome = begin(spec(target_groups=IDLE)).outcome
    assert (outcome.code, outcome.mutations()) == (2, {})
    (text,) = outcome.obstacles
    assert "no listener of a load balancer forwards to idle" in text
    assert "accept: [unused-target-group]" in text


def test_accepted_it_does_not_count():
    outcome = roll(spec(target_groups=IDLE), accept=["unused-target-group"])
    assert unserved(outcome) == []
    assert_all_replaced(outcome)


def test_one_that_gets_a_listener_during_the_roll_counts_from_then_on():
    attached = Fault("listener_added", at=100, target_group="idle")
    outcome = roll(spec(target_groups=IDLE), faults=[attached], accept=["unused-target-group"])
    assert unserved(outcome) == []
    assert_all_replaced(outcome)
    assert outcome.roll.unused == {"idle"}


def test_one_that_loses_its_listener_during_the_roll_was_not_accepted():
    lost = Fault("listener_removed", at=100, target_group="idle")
    quick = {"ready_timeout": "5m", "drain_timeout": "5m"}
    outcome = roll(spec(target_groups=TWO), faults=[lost], accept=["unused-target-group"], **quick)
    assert outcome.phase == "halted"
    assert unserved(outcome) == []


def all_stop(world):
    """Have every application stop, the load balancers notice, and the group look away."""
    world.suspend_processes("web", ["HealthCheck"], "operator")
    world.inject(Fault("application_stops", at=world.now - world.start, share=1.0))
    world.advance(world.now + 99)


def test_where_nobody_serves_a_roll_has_nothing_to_keep():
    (text,) = begin(spec(), prepare=all_stop).outcome.obstacles
    assert "none of 6 instances serves now (i-00000000000000001: web: unhealthy" in text
    assert "accept: [nobody-serves]" in text


def test_what_works_may_be_brought_to_where_nobody_serves():
    assert_all_replaced(roll(prepare=all_stop, accept=["nobody-serves"]))
