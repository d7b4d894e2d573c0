"""The proof finds every invariant's broken part."""

from __future__ import annotations

import pytest

from tests.proof.broken import BROKEN
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
