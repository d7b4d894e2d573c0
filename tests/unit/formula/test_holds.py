"""Holds: which are placed, which end, which are somebody else's."""

import pytest

from aptpolicy import holds
from aptpolicy.system import CommandFailed, Host, Result


@pytest.mark.parametrize(
    ("wanted", "held", "ours", "expected"),
    [
        # wanted, held now, ours before -> to hold, to release, ours then
        ("a b", "", "", ("a b", "", "a b")),
        ("a", "a", "a", ("", "", "a")),
        ("a", "a", "", ("", "", "")),
        ("", "a", "a", ("", "a", "")),
        ("", "a", "", ("", "", "")),
        ("", "", "a", ("", "", "")),
        ("b", "a x", "a", ("b", "a", "b")),
        ("a", "", "a", ("a", "", "a")),
    ],
)
def test_only_holds_of_our_own_end(wanted, held, ours, expected):
    found = holds.plan(wanted.split(), held.split(), ours.split())
    assert (found.hold, found.release, found.ours) == tuple(tuple(one.split()) for one in expected)


class Marks:
    """A host with apt-mark, on which everything but `absent` is installed."""

    def __init__(self, root):
        self.held, self.calls, self.broken = set(), [], False
        self.host = Host(root, self.run)

    def run(self, argv, seconds):
        self.calls.append(argv)
        if argv[0] == "dpkg-query":
            return Result(1, "", "no") if argv[-1] == "absent" else Result(0, "installed 1\n", "")
        if argv[1] == "showhold":
            return Result(0, "\n".join(self.held), "")
        if self.broken:
            return Result(100, "", "dpkg is locked")
        change = self.held.update if argv[1] == "hold" else self.held.difference_update
        change(argv[2:])
        return Result(0, "", "")


@pytest.fixture
def marks(tmp_path):
    return Marks(tmp_path)


def test_a_policy_without_holds_asks_nobody(marks):
    answer = holds.enforce(marks.host, [])
    assert answer == {"held": [], "released": [], "not_installed": []}
    assert marks.calls == []


def test_a_hold_that_failed_is_tried_again_and_ends_as_our_own(marks):
    marks.broken = True
    with pytest.raises(CommandFailed, match="dpkg is locked"):
        holds.enforce(marks.host, ["a"])
    marks.broken = False
    assert holds.enforce(marks.host, ["a"])["held"] == ["a"]
    assert holds.enforce(marks.host, [])["released"] == ["a"]
    assert marks.held == set()


def test_a_hold_that_could_not_be_ended_is_still_ours(marks):
    holds.enforce(marks.host, ["a"])
    marks.broken = True
    with pytest.raises(CommandFailed):
        holds.enforce(marks.host, [])
    marks.broken = False
    assert holds.enforce(marks.host, [])["released"] == ["a"]


def test_a_test_run_changes_and_writes_nothing(marks):
    answer = holds.enforce(marks.host, ["a", "absent"], test=True)
    assert answer == {"held": ["a"], "released": [], "not_installed": ["absent"]}
    assert marks.held == set()
    assert not marks.host.exists(holds.RECORD)
