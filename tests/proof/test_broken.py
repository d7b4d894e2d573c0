"""The proof finds every invariant's broken part."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import roll, spec
from tests.lab.world import Fault
from tests.proof.broken import BROKEN, OLD_ACCOUNTING
from tests.proof.exploring import explore
from tests.proof.playing import pieces

# Histories in which each has to be found; most are found in the first few dozen.
ENOUGH = 400


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_part_that_breaks_an_invariant_is_found_out(name):
    rule, part = BROKEN[name]
    with pieces(part):
        found = explore(1, ENOUGH, rule=rule, shrink=False)
    assert found.story is not None, f"no violation of {rule} in {found.histories} histories"
    assert explore(1, found.histories, rule=rule, shrink=False).story is None


@pytest.mark.parametrize(("size", "surge"), [(6, 2), (10, 5)])
def test_the_old_accounting_of_the_desired_capacity_is_found_out(size, surge):
    def ten_set_meanwhile():
        fault = Fault("operator_sets", at=160, desired=10)
        made = roll(spec(size, min=2, max=30), faults=[fault], surge=surge)
        return {violation.rule for violation in made.verdict.violations}

    with pieces(OLD_ACCOUNTING):
        assert ten_set_meanwhile() & {"I1", "I5"}
    assert ten_set_meanwhile() == set()
