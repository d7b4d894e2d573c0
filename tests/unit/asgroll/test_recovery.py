"""A roll made anew from the marks on its group."""

from dataclasses import replace

import pytest

from asgroll import changes, marks
from asgroll.events import Step
from asgroll.policy import Policy
from asgroll.recovery import recovered
from asgroll.tracker import fold
from asgroll.world import Activity
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


def looked_at(view, due):
    """As it stands after two looks that are far enough apart not to be old answers."""
    state = recovered(view, due, {}, NOW)
    for at in (NOW, NOW + Policy().settle_time):
        state = fold(state, view, Policy(), at)
    return state


SHARE = replace(DUE, desired=12, delta=2, max_size=10, max_set=12)
RAISING = replace(SHARE, before=10)
LOWERING = replace(SHARE, leaving=(("i-1", 1), ("i-2", 1)))


@pytest.mark.parametrize(
    ("due", "now", "members", "left"),
    [
        pytest.param(SHARE, 12, "", 2, id="as it was noted"),
        pytest.param(SHARE, 11, "", 1, id="one is missing: it counts as given back"),
        pytest.param(SHARE, 10, "", 0, id="all given back"),
        pytest.param(SHARE, 7, "", 0, id="scaled in besides"),
        pytest.param(SHARE, 15, "", 0, id="fifteen set: nothing of them is ours"),
        pytest.param(RAISING, 12, "", 2, id="raised"),
        pytest.param(RAISING, 10, "", 0, id="not raised"),
        pytest.param(RAISING, 11, "", 0, id="not raised, or raised and scaled in: in doubt not"),
        pytest.param(RAISING, 13, "", 0, id="not raised, or raised and scaled out: in doubt not"),
        pytest.param(LOWERING, 12, "12", 2, id="neither has left"),
        pytest.param(LOWERING, 11, "2", 1, id="one has left"),
        pytest.param(LOWERING, 10, "", 0, id="both have left"),
        pytest.param(LOWERING, 12, "2", 0, id="one has left, and twelve were set"),
        pytest.param(LOWERING, 14, "", -2, id="both have left, sixteen or fourteen set: in doubt"),
        pytest.param(LOWERING, 10, "2", 0, id="one has left, and somebody scaled in"),
    ],
)
def test_our_share_is_never_thought_larger_than_it_can_be(due, now, members, left):
    there = [instance(f"i-{n}") for n in members]
    view = world(*there, desired=now, maximum=20)
    state = looked_at(view, due)
    assert (state.delta, state.doubted) == (left, None)


def test_causes_tell_whether_others_changed_it_before_or_after_our_terminations():
    said = (
        "At 2026-11-24T10:00:00Z instance {} was taken out of service in response to a user "
        "request, shrinking the capacity from {} to {}."
    )
    due = replace(SHARE, leaving=(("i-00000001", 1), ("i-00000002", 1)))
    causes = [said.format("i-00000001", 12, 11), said.format("i-00000002", 11, 10)]
    told = tuple(Activity(f"a{n}", NOW, None, "", cause=text) for n, text in enumerate(causes))
    view = replace(world(desired=14, maximum=20), activities=told)
    state = looked_at(view, due)
    assert (state.delta, state.live) == (0, 14)


def test_a_decrement_that_aws_makes_once_the_instance_has_gone_is_waited_for():
    due = replace(SHARE, leaving=(("i-1", 2),))
    leaving = world(instance("i-1", lifecycle="Terminating"), desired=12, maximum=20)
    state = recovered(leaving, due, {}, NOW)
    for at in (NOW, NOW + 300):
        state = fold(state, leaving, Policy(), at)
        assert state.doubted == 12
    state = fold(state, world(desired=10, maximum=20), Policy(), NOW + 301)
    assert (state.delta, state.live, state.doubted) == (0, 10, None)
