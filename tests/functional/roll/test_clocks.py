"""A master whose clock is wrong rolls no group that other masters may roll, too."""

from __future__ import annotations

import pytest

from tests.functional.roll import harness
from tests.functional.roll.harness import assert_all_replaced, assert_kept, begin, roll, spec
from tests.lab.inprocess import InProcessAWS
from tests.lab.world import Fault


@pytest.fixture
def aws_is_ahead(monkeypatch):
    """By how many seconds AWS's clock is ahead of ours, by elapsed virtual seconds."""
    steps = [(0.0, 0.0)]

    class Elsewhere(InProcessAWS):
        def _headers(self):
            elapsed = self.world.now - self.world.start
            self.clock_offset = [offset for since, offset in steps if since <= elapsed][-1]
            return super()._headers()

    monkeypatch.setattr(harness, "InProcessAWS", Elsewhere)
    return steps


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (20.0, "behind AWS's, and a lease of 5m bears 5s"),
        (-20.0, "ahead of AWS's, and a lease of 5m bears 5s"),
        (-3600.0, "this master's clock is 59m59s ahead of AWS's"),
    ],
)
def test_a_clock_that_the_lease_does_not_bear_is_refused(aws_is_ahead, ahead, words):
    aws_is_ahead.append((0.0, ahead))
    outcome = begin(spec()).outcome
    (said,) = outcome.obstacles
    assert words in said
    assert "timedatectl" in said
    assert outcome.mutations() == {}


@pytest.mark.parametrize("ahead", [-4.5, -1.0, 0.0, 4.5])
def test_a_clock_that_the_lease_bears_is_not_talked_about(aws_is_ahead, ahead):
    aws_is_ahead.append((0.0, ahead))
    outcome = begin(spec()).outcome
    assert outcome.obstacles == ()
    assert "clock" not in " ".join(outcome.warnings)


def test_a_shorter_lease_bears_less(aws_is_ahead):
    aws_is_ahead.append((0.0, 4.5))
    outcome = begin(spec(), lease_time="20s", poll_interval="5s").outcome
    assert "a lease of 20s bears 1.7s" in " ".join(outcome.obstacles)


def test_slow_answers_are_not_taken_for_a_wrong_clock(aws_is_ahead):
    outcome = begin(spec(), faults=[Fault("latency", seconds=40)]).outcome
    assert outcome.obstacles == ()


def test_without_a_lease_a_wrong_clock_is_a_warning(aws_is_ahead):
    aws_is_ahead.append((0.0, 600.0))
    outcome = begin(spec(), lease=False).outcome
    assert outcome.obstacles == ()
    assert "behind AWS's: ages and times are off" in " ".join(outcome.warnings)


def test_answers_without_a_date_are_said_to_tell_nothing(aws_is_ahead):
    aws_is_ahead.append((0.0, None))
    outcome = roll(spec(), leased=True)
    assert "whether this master's clock is right is not known" in " ".join(outcome.warnings)
    assert_all_replaced(outcome)


def test_nothing_is_changed_while_the_clock_is_wrong_in_mid_roll(aws_is_ahead):
    wrong, right = 120.0, 200.0
    aws_is_ahead += [(wrong, 600.0), (right, 0.0)]
    outcome = roll(spec(min=6, max=6), leased=True)
    assert_all_replaced(outcome)
    assert "waiting for the clock to be set right" in outcome.told()
    times = [c.time - outcome.world.start for c in outcome.calls() if c.operation.startswith("T")]
    assert [at for at in times if wrong + 20 < at < right] == []
    assert any(at > right for at in times)


def test_a_clock_that_stays_wrong_halts_the_roll_with_the_lease_that_it_cannot_keep(aws_is_ahead):
    aws_is_ahead.append((120.0, 600.0))
    outcome = roll(spec(min=6, max=6), leased=True)
    assert_kept(outcome)
    assert outcome.phase == "halted"
    assert "the lease could not be kept: for the clock to be set right" in outcome.roll.reason
