"""Credentials that cannot be had for a while in mid-roll end no roll."""

from __future__ import annotations

import pytest
from botocore.exceptions import CredentialRetrievalError

from tests.functional.roll import harness
from tests.functional.roll.harness import assert_all_replaced, assert_kept, roll, spec
from tests.lab.inprocess import InProcessAWS
from tests.lab.world import history as h

TIGHT = {"min": 6, "max": 6}


@pytest.fixture
def outages(monkeypatch):
    """Windows of virtual seconds in which no credentials can be had; no call is sent then."""
    windows = []

    class Forgetful(InProcessAWS):
        def _call(self, client, service, operation, params):
            elapsed = self.world.now - self.world.start
            if any(since <= elapsed < until for since, until in windows):
                self.clock.sleep(1)  # botocore waits so long for the metadata service
                raise CredentialRetrievalError(provider="iam-role", error_msg="503")
            return super()._call(client, service, operation, params)

    monkeypatch.setattr(harness, "InProcessAWS", Forgetful)
    return windows


@pytest.mark.parametrize("leased", [True, False])
@pytest.mark.parametrize("minutes", [0.5, 3, 12], ids=lambda m: f"{m} minutes")
@pytest.mark.parametrize("since", [5, 70, 160, 400])
def test_a_roll_goes_on_when_its_credentials_come_back(outages, since, minutes, leased):
    # It halted at once: "no usable AWS credentials", with the surge left on the group.
    outages.append((since, since + 60 * minutes))
    outcome = roll(spec(**TIGHT), leased=leased)
    assert_all_replaced(outcome)
    assert outcome.verdict.summary.launches == 6
    assert "cannot be renewed" in outcome.told()


def test_a_roll_whose_credentials_stay_away_halts_after_ready_timeout(outages):
    outages.append((70, float("inf")))
    outcome = roll(spec(**TIGHT), ready_timeout="5m")
    assert_kept(outcome)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert "no view for 5m" in outcome.roll.reason
    assert "cannot be renewed" in outcome.roll.reason


def test_nothing_is_decided_again_before_it_was_looked_when_credentials_are_lost(outages):
    """Each outage begins between a look and the change that it leads to."""
    plain = roll(spec(**TIGHT))
    changes = [
        call.time - plain.world.start
        for call in plain.calls()
        if call.operation in harness.CAPACITY_CALLS
    ]
    for at in changes:
        outages[:] = [(at - 0.01, at + 40)]
        outcome = roll(spec(**TIGHT))
        assert_all_replaced(outcome)
        launches = [r for r in outcome.world.history if isinstance(r, h.Launch) and r.time > 0]
        assert len(launches) - 6 == 6, f"an outage at {at:.0f} s"
