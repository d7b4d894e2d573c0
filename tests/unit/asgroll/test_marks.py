"""What a roll writes on its group, and how it is read back."""

import dataclasses
import re

import pytest

from asgroll import marks
from asgroll.actions import SetDesired, SetMax, Suspend, Terminate
from asgroll.errors import MarkError
from asgroll.model import Cause, PendingChange
from asgroll.world import Group
from tests.unit.asgroll.build import NOW, roll

TAKEN_BY_EVERY_SERVICE = re.compile(r"[A-Za-z0-9 +\-=._:/@]{1,256}")
CLAIM = marks.Claim("salt.example.com.1a2b3c4d", "r0123456789a", "0123456789ab", 1_795_000_300.0)
DUE = marks.Due("r1", NOW, 12, 2, 10, 12, frozenset({"AZRebalance", "ScheduledActions"}))
LEAVING = dataclasses.replace(DUE, before=10, leaving=(("i-0123456789abcdef0", 1), ("i-2", 3)))
ORDER = marks.Order("pause", "r1", "sudo_ada", NOW)


def group(**tags):
    named = {f"asgcycle:{key}": value for key, value in tags.items()}
    return Group("web", 0, 10, 6, tags=named)


@pytest.mark.parametrize("mark", [CLAIM, DUE, LEAVING, ORDER], ids=lambda mark: type(mark).__name__)
def test_a_tag_keeps_to_the_characters_and_the_length_that_every_service_takes(mark):
    assert TAKEN_BY_EVERY_SERVICE.fullmatch(mark.text())


def test_the_longest_tags_still_fit():
    name = marks.plain("x" * 300)
    processes = [
        "AZRebalance",
        "AlarmNotification",
        "ScheduledActions",
        "ReplaceUnhealthy",
        "InstanceRefresh",
    ]
    longest = [
        marks.Claim(name, "r" * 12, "a" * 12, 99_999_999_999.0),
        marks.Due(
            "r" * 12,
            9_999_999_999.9,
            10000,
            10000,
            10000,
            10000,
            frozenset(processes),
            before=10000,
            leaving=(("i-0123456789abcdef0", 999),) * marks.MOST_LEAVING,
        ),
        marks.Order("approve", "r" * 12, name, 99_999_999_999.999),
    ]
    assert [len(m.text()) <= 256 for m in longest] == [True] * 3


def test_what_is_written_is_read_back():
    shown = group(lease=CLAIM.text(), restore=DUE.text(), order=ORDER.text())
    assert marks.claim(shown) == CLAIM
    assert marks.due(shown) == DUE
    assert marks.due(group(restore=LEAVING.text())) == LEAVING
    assert marks.order(shown) == ORDER


def test_a_group_without_tags_says_nothing():
    assert (marks.claim(group()), marks.due(group()), marks.order(group())) == (None, None, None)


@pytest.mark.parametrize(
    ("read", "key"), [(marks.claim, "lease"), (marks.due, "restore"), (marks.order, "order")]
)
@pytest.mark.parametrize(
    "text", ["", "nonsense", "owner=m", "roll=r1 at=then desired=x", "order=dance roll=r by=x at=1"]
)
def test_an_unreadable_tag_is_an_error_and_never_none(read, key, text):
    with pytest.raises(MarkError, match=f"asgcycle:{key} of web cannot be read"):
        read(group(**{key: text}))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("salt_master.1", "salt_master.1"), ("a b=c\n", "a_b_c_"), ("", "unknown"), ("ü", "_")],
)
def test_a_name_is_put_into_plain_characters(name, expected):
    assert marks.plain(name) == expected


def test_what_will_be_changed_is_noted_before_it_is():
    actions = [
        Suspend(("AZRebalance",)),
        SetMax(12),
        SetDesired(6, 8),
        Terminate("i-1", 1, True, Cause.VICTIM, ""),
        Terminate("i-2", 1, False, Cause.VICTIM, ""),
    ]
    noted = marks.due_after(roll(desired=6, max_size=6), actions)
    assert (noted.delta, noted.desired, noted.max_size, noted.max_set) == (2, 8, 6, 12)
    assert noted.suspended == {"AZRebalance"}
    assert (noted.before, noted.leaving) == (6, (("i-1", 1),))


def test_what_one_note_has_no_room_for_waits_for_the_next_turn():
    many = [Terminate(f"i-{n}", 1, True, Cause.VICTIM, "") for n in range(5)]
    others = [Terminate(f"i-1{n}", 1, False, Cause.VICTIM, "") for n in range(5)]
    assert marks.noted([*others, *many]) == [*others, *many[:3]]


def test_putting_back_is_noted_only_once_it_is_done():
    state = roll(desired=6, expected_desired=8, delta=2, max_set=8, suspended=frozenset({"X"}))
    noted = marks.due_after(state, [SetMax(6, restore=True)])
    assert (noted.delta, noted.max_set, noted.suspended) == (2, 8, {"X"})
    assert not noted.nothing
    assert marks.due_after(roll(desired=6)).nothing


def test_what_may_have_been_raised_stays_noted_while_nobody_knows():
    before = roll(desired=6)
    noted = marks.due_after(before, [SetDesired(6, 8)])
    unclear = before.with_(pending=PendingChange(NOW, 6, 8, applied=None))
    assert marks.due_after(unclear) == noted


def test_who_may_have_left_stays_noted_while_nobody_knows():
    before = roll(desired=6, expected_desired=8, delta=2)
    noted = marks.due_after(before, [Terminate("i-1", 2, True, Cause.VICTIM, "")])
    unclear = before.with_(pending=PendingChange(NOW, 8, 6, applied=None, instance="i-1"))
    assert marks.due_after(unclear) == noted
