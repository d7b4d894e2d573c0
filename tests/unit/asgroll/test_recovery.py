"""A roll made anew from the marks on its group."""

from dataclasses import replace

import pytest

from asgroll import changes, marks
from asgroll.events import Step
from asgroll.policy import Policy
from asgroll.recovery import recovered
from asgroll.tracker import fold
from tests.unit.asgroll.build import NOW, instance, world

DUE = marks.Due("r1", NOW, 3, 1, 2, 3, frozenset({"AZRebalance"}))


@pytest.mark.parametrize(
    ("lifecycle", "launched_at", "there_before"),
    [
        pytest.param("InService", NOW - 9, True, id="launched before the roll"),
        pytest.param("InService", NOW + 9, False, id="launched since"),
        pytest.param("InService", None, True, id="EC2 cannot tell of one that came into service"),
        pytest.param("Standby", None, True, id="nor of one that a person has parked"),
        pytest.param("Pending", None, False, id="EC2 has forgotten one that never got further"),
        pytest.param("Pending:Wait", None, False, id="or waited for a hook"),
    ],
)
def test_nobody_who_was_there_before_is_taken_for_new(lifecycle, launched_at, there_before):
    view = world(instance("i-1", lifecycle=lifecycle), desired=3, maximum=3)
    launched = {} if launched_at is None else {"i-1": launched_at}
    assert ("i-1" in recovered(view, DUE, launched, NOW).initial) is there_before


def test_only_what_still_rests_is_resumed():
    view = world(instance("i-1"), suspended=("AZRebalance", "Launch"))
    assert recovered(view, DUE, {}, NOW).suspended == {"AZRebalance"}
    assert recovered(world(instance("i-1"), suspended=()), DUE, {}, NOW).suspended == frozenset()


def test_an_instance_launched_within_the_second_in_which_the_roll_began_is_new():
    """Noted in whole seconds, the beginning came out later than the launch."""
    begun = replace(DUE, started_at=NOW + 0.7)
    noted = marks.due(replace(world().group, tags={marks.RESTORE: begun.text()}))
    view = world(instance("i-1"), desired=3, maximum=3)
    assert recovered(view, noted, {"i-1": NOW + 1.0}, NOW).initial == frozenset()


def test_what_is_launched_while_putting_back_is_not_called_wrong():
    """The roll knew to what number ``$Default`` stood for; the group's own words say no number."""
    view = world(instance("i-1"), instance("i-2"), desired=2, maximum=3)
    begun = recovered(world(instance("i-1")), DUE, {}, NOW)
    later = fold(begun, view, Policy(), NOW)
    (event,) = [e for e in changes.between(begun, later, view, NOW) if e.step is Step.LAUNCHED]
    assert event.text == "i-2 launched in a"
