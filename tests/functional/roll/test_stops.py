"""A roll that a person stops, or whose failures are over the budget, leaves what it should."""

from __future__ import annotations

import pytest

from asgroll.model import Phase
from tests.functional.roll.harness import (
    assert_kept,
    begin,
    broken,
    finish,
    judge,
    roll,
    spec,
)
from tests.lab.world import Fault

TIGHT = {"min": 6, "max": 6}
POLICIES = [
    {"surge": 1},
    {"surge": 3},
    {"surge": 0, "max_unavailable": 2},
    {"surge": 2, "max_unavailable": 1},
]
# Turns from before the first change to the last instance leaving.
TURNS = [1, 2, 3, 5, 8, 12, 17, 25, 36]


def at_turn(number):
    """Return a ``stop`` that asks for a stop from a turn on."""
    return lambda world, turn: "SIGTERM" if turn >= number else None


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("turn", TURNS)
def test_a_stop_at_any_turn_puts_everything_back(turn, policy):
    outcome = roll(spec(**TIGHT), stop=at_turn(turn), **policy)
    assert_kept(outcome)
    assert outcome.phase in ("stopped", "done")
    assert outcome.code == (4 if outcome.phase == "stopped" else 0)
    if outcome.phase == "stopped":
        assert "SIGTERM" in outcome.roll.reason
    assert outcome.summary["left_changed"] == {}
    staying = [state for state in outcome.members().values() if not state.startswith("Term")]
    assert len(staying) in range(6 - policy.get("max_unavailable", 0), 7)


def test_a_stop_before_the_first_change_changes_nothing():
    outcome = roll(spec(**TIGHT), stop=at_turn(1))
    assert_kept(outcome)
    assert outcome.phase == "stopped"
    assert outcome.mutations() == {}


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("turn", TURNS)
def test_a_pause_at_any_turn_changes_nothing_more(turn, policy):
    at = []

    def stop(world, number):
        if number < turn:
            return None
        at.append(world.now)
        return "SIGINT"

    outcome = roll(spec(**TIGHT), stop=stop, on_signal="pause", **policy)
    assert_kept(outcome)
    assert outcome.phase in ("stopped", "done")
    if outcome.phase == "stopped":
        assert not [call for call in outcome.calls() if call.time > at[0]]


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("phase", [Phase.ROLLING, Phase.RESTORING], ids=["resumed", "aborted"])
def test_after_a_pause_the_roll_can_be_ended_either_way(phase, turn, policy):
    run = begin(spec(**TIGHT), on_signal="pause", **policy)
    finish(run, stop=at_turn(turn))
    if run.outcome.phase == "stopped":
        # The world goes on while nobody rolls.
        run.clock.sleep(500)
        run.outcome.roll = run.outcome.roll.reopened(phase, run.clock.now(), "by a person")
        finish(run)
    judge(run.outcome, policy)
    assert broken(run.outcome) == []
    if phase is Phase.ROLLING:
        assert run.outcome.phase == "done"
        assert run.outcome.old_left() == set()
    assert run.outcome.summary["left_changed"] == {}


@pytest.mark.parametrize("turn", [3, 12, 25])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("lost_answer", probability=0.3, at=1),
        Fault("throttle", probability=0.3, at=1),
        Fault("stale_reads", seconds=8),
        Fault("spot_reclaim", at=200, count=2),
        Fault("scale_out", at=100),
        Fault("scale_in", at=100),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_stop_amid_trouble_puts_everything_back(fault, turn):
    outcome = roll(spec(max=10), faults=[fault], stop=at_turn(turn), surge=2)
    assert_kept(outcome)
    assert outcome.phase in ("stopped", "done")


@pytest.mark.parametrize("answer", ["pause", "abort"])
def test_after_a_halt_a_roll_can_be_resumed_when_the_cause_is_gone(answer):
    fault = Fault("insufficient_capacity", at=100, until=3000)
    quick = {"max_failures": 1, "ready_timeout": "5m", "drain_timeout": "5m"}
    run = begin(spec(**TIGHT), faults=[fault], on_failure=answer, **quick)
    finish(run)
    assert run.outcome.phase == "halted"
    run.clock.sleep(4000)
    run.outcome.roll = run.outcome.roll.reopened(Phase.ROLLING, run.clock.now())
    finish(run)
    judge(run.outcome, {})
    assert broken(run.outcome) == []
    assert run.outcome.phase == "done"
    assert run.outcome.old_left() == set()


@pytest.mark.parametrize("at", [0, 200])
def test_after_a_halt_a_roll_can_be_aborted_though_nothing_launches(at):
    fault = Fault("insufficient_capacity", at=at)
    quick = {"max_failures": 1, "ready_timeout": "5m", "drain_timeout": "5m"}
    run = begin(spec(**TIGHT), faults=[fault], **quick)
    finish(run)
    run.outcome.roll = run.outcome.roll.reopened(Phase.RESTORING, run.clock.now())
    finish(run)
    judge(run.outcome, {})
    assert broken(run.outcome) == []
    assert run.outcome.phase == "stopped"
