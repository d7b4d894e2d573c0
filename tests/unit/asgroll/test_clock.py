"""How far a clock is from AWS's, from what answers say."""

from email.utils import formatdate

import pytest

from asgroll.clock import Offset, bearable, margin, measured, narrowed

NOW = 1_800_000_000.0


def date(epoch):
    return formatdate(epoch, usegmt=True)


@pytest.mark.parametrize(
    ("ahead", "took", "proven"),
    [
        (0, 0.1, 0),
        (0, 45, 0),
        (0.9, 0.1, 0),
        (30, 0.1, 29),
        (-30, 0.1, -29.9),
        (30, 45, 29),
        (-30, 45, 0),  # the answer may have been made at the very end of the call
        (-30, 20, -10),
    ],
)
def test_only_what_no_delay_explains_is_proven(ahead, took, proven):
    found = measured(date(NOW), NOW + ahead, NOW + ahead + took)
    assert found.proven == pytest.approx(proven)


@pytest.mark.parametrize("header", ["", "yesterday", None])
def test_without_a_date_nothing_is_known(header):
    assert measured(header, NOW, NOW) is None


def test_a_quick_answer_narrows_what_a_slow_one_left_open():
    slow, quick = Offset(-20, 40), Offset(9, 10)
    assert narrowed(narrowed(None, slow), quick) == quick
    assert narrowed(quick, slow) == quick


def test_a_clock_that_was_set_is_seen_at_once():
    assert narrowed(Offset(9, 10), Offset(-1, 0)) == Offset(-1, 0)


@pytest.mark.parametrize("lease_time", [1.0, 60.0, 300.0, 3600.0])
def test_two_clocks_that_are_off_as_far_as_is_borne_stay_within_the_margin(lease_time):
    assert 2 * bearable(lease_time) < margin(lease_time) <= lease_time / 4


def test_it_is_said_in_words():
    assert str(Offset(29.0, 31.0)) == "this master's clock is 29s ahead of AWS's"
    assert str(Offset(-95.0, -90.0)) == "this master's clock is 1m30s behind AWS's"
