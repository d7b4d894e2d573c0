"""Counts, exit codes and estimates from a roll's own record."""

import pytest

from asgroll import report
from asgroll.model import Cause, Failure, PendingChange, Phase, Termination
from tests.unit.asgroll.build import NOW, instance, new, policy, roll

OLD = [instance(f"i-old{n}") for n in range(4)]


def gone(key, asked=NOW, took=30.0, **fields):
    return Termination(
        key, asked, Cause.VICTIM, False, leaving_at=asked, gone_at=asked + took, **fields
    )


HALF = roll(
    *OLD,
    terminations={"i-old0": gone("i-old0"), "i-old1": gone("i-old1", NOW + 5)},
    replacements={
        "i-n1": new("i-n1", "b", seen=NOW - 60, ready_at=NOW),
        "i-n0": new("i-n0", "a", seen=NOW - 90, ready_at=NOW - 5),
        "i-n2": new("i-n2", ready=False),
    },
)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"phase": Phase.DONE}, 0),
        ({"phase": Phase.DONE, "delta": 1}, 3),
        ({"phase": Phase.DONE, "suspended": frozenset({"AZRebalance"})}, 3),
        ({"phase": Phase.HALTED, "terminations": {"i-old0": gone("i-old0")}}, 3),
        ({"phase": Phase.HALTED, "failures": (Failure(NOW, "a", "b"),)}, 3),
        ({"phase": Phase.HALTED}, 2),
        ({"phase": Phase.HALTED, "max_set": 9}, 3),
        ({"phase": Phase.HALTED, "pending": PendingChange(NOW, 4, 5, applied=None)}, 3),
        ({"phase": Phase.STOPPED}, 4),
    ],
)
def test_exit_codes(fields, code):
    assert report.exit_code(roll(*OLD, **fields)) == code


def test_replaced_counts_victims_that_left_however_they_left():
    assert report.replaced(HALF) == 2
    assert report.replaced(HALF.with_(vanished=frozenset({"i-old2"}))) == 3
    # terminated by us and seen vanishing is one, not two
    assert report.replaced(HALF.with_(vanished=frozenset({"i-old0"}))) == 2


def test_victims_are_paired_with_replacements_in_the_order_of_both():
    rows = report.instances(HALF)
    assert [(r["instance"], r["replacement"]) for r in rows[:2]] == [
        ("i-old0", "i-n0"),
        ("i-old1", "i-n1"),
    ]
    assert [r["state"] for r in rows] == ["terminated", "terminated", "kept", "kept"]
    assert (rows[0]["boot_seconds"], rows[0]["drain_seconds"]) == (85.0, 30.0)


def test_the_estimate_comes_from_what_was_measured():
    assert report.eta(roll(*OLD), policy(), NOW) is None
    # two more to boot, one at a time: the median boot of 72.5 s twice, then a drain of 30 s
    assert report.eta(HALF, policy(), NOW) == pytest.approx(2 * 72.5 + 30)
    assert report.eta(HALF.with_(phase=Phase.RESTORING), policy(), NOW) is None


def test_leftovers_say_what_is_and_what_should_be():
    left = report.leftovers(
        roll(*OLD, delta=2, expected_desired=6, max_set=6, max_size=4, suspended={"AZRebalance"})
    )
    assert left == {
        "desired": {"now": 6, "should_be": 4},
        "max": {"now": 6, "should_be": 4},
        "suspended": ["AZRebalance"],
    }


def test_a_raise_of_which_nobody_knows_whether_it_took_effect_is_left_over():
    left = report.leftovers(roll(*OLD, pending=PendingChange(NOW, 4, 6, applied=None)))
    assert left == {"desired": {"now": "4 or 6", "should_be": 4}}


@pytest.mark.parametrize(
    ("boots", "drains", "window", "expected"),
    [
        ([], [], 1, 0),
        ([60, 90], [], 1, 150),
        ([60, 90], [], 2, 90),
        ([60, 60, 60], [], 2, 120),
        ([60, 90], [10, 30, 20], 1, 170),
    ],
)
def test_the_ideal_is_these_boots_in_order_without_waiting_and_the_last_drain(
    boots, drains, window, expected
):
    assert report.ideal_seconds(boots, drains, window) == expected


def test_the_summary_has_flat_keys_and_plain_values():
    found = report.summary(HALF.with_(phase=Phase.DONE, ended_at=NOW + 9), policy(), {"A": 1}, NOW)
    assert found["result"] is True
    assert found["wall_seconds"] == 9.0
    assert found["calls"] == {"A": 1}
    assert all(isinstance(k, str) for k in found)
