"""Which part of the sizes is ours, and what others want, from what an observation shows."""

from dataclasses import replace

import pytest

from asgroll.model import Cause, PendingChange, Phase, Termination
from asgroll.world import Activity
from tests.unit.asgroll.build import NOW, after, believed, instance, roll, world

OLD = [instance(f"i-old{n}") for n in range(4)]


@pytest.mark.parametrize(
    ("delta", "seen", "limits", "live", "ours"),
    [
        pytest.param(1, 5, {}, 4, 1, id="nobody changed it"),
        pytest.param(1, 7, {}, 7, 0, id="somebody set seven: seven are wanted"),
        pytest.param(3, 6, {}, 4, 2, id="somebody took one off what the group showed"),
        pytest.param(3, 4, {}, 4, 0, id="somebody set what was live: not less than that"),
        pytest.param(3, 3, {}, 3, 0, id="somebody set less than was live"),
        pytest.param(1, 4, {"maximum": 4}, 4, 0, id="max was lowered to the live capacity"),
        pytest.param(1, 3, {"maximum": 3}, 3, 0, id="max was lowered below it"),
        pytest.param(1, 8, {"minimum": 8}, 8, 0, id="min was raised above ours"),
        pytest.param(2, 5, {"minimum": 4}, 4, 1, id="scaled in, but not below min"),
        pytest.param(4, 8, {"minimum": 6}, 6, 2, id="min was raised inside our surge"),
        pytest.param(-2, 2, {}, 4, -2, id="ours has taken from what others had set"),
    ],
)
def test_what_others_set_is_a_total(delta, seen, limits, live, ours):
    state = roll(*OLD, delta=delta, expected_desired=4 + delta)
    found = believed(world(*OLD, desired=seen, **limits), state)
    assert (found.live, found.delta) == (live, ours)


@pytest.mark.parametrize("odd", [4, 9])
def test_one_odd_answer_changes_nothing(odd):
    state = roll(*OLD, delta=2, expected_desired=6)
    stale = after(world(*OLD, desired=odd), state, NOW, settle_time=10)
    assert (stale.live, stale.doubted) == (4, odd)
    fresh = after(world(*OLD, desired=6), stale, NOW + 5, settle_time=10)
    assert (fresh.live, fresh.delta, fresh.doubted) == (4, 2, None)
    again = after(world(*OLD, desired=odd), fresh, NOW + 11, settle_time=10)
    assert (again.live, again.doubted_at) == (4, NOW + 11)


def test_each_new_value_has_to_be_seen_for_the_settle_time():
    state = roll(*OLD, delta=2, expected_desired=6)
    once = after(world(*OLD, desired=8), state, NOW, settle_time=10)
    other = after(world(*OLD, desired=3), once, NOW + 9, settle_time=10)
    assert after(world(*OLD, desired=3), other, NOW + 12, settle_time=10).live == 4
    assert after(world(*OLD, desired=3), other, NOW + 19, settle_time=10).live == 3


def test_what_a_person_gave_back_while_the_roll_was_paused_is_not_a_scale_in():
    paused = roll(*OLD, delta=2, expected_desired=6, phase=Phase.HALTED)
    found = believed(world(*OLD, desired=4), paused.reopened(Phase.RESTORING, NOW))
    assert (found.live, found.delta) == (4, 0)


def test_a_scale_out_into_our_own_headroom_is_not_live_capacity():
    state = roll(*OLD, delta=0, max_size=4, max_set=5, max_set_at=NOW)
    found = believed(world(*OLD, desired=5, maximum=5), state)
    assert (found.live, found.delta) == (4, 1)


def test_a_decrement_that_aws_shows_only_once_the_instance_has_gone_is_nobodys_wish():
    term = Termination("i-old0", NOW, Cause.VICTIM, True, leaving_at=NOW)
    state = roll(*OLD, delta=0, terminations={"i-old0": term})
    leaving = [replace(OLD[0], lifecycle="Terminating"), *OLD[1:]]
    for at in (NOW, NOW + 300):
        state = after(world(*leaving, desired=5), state, at, settle_time=10)
        assert (state.live, state.doubted) == (4, 5)
    done = after(world(*OLD[1:], desired=4), state, NOW + 301, settle_time=10)
    assert (done.live, done.doubted) == (4, None)


@pytest.mark.parametrize(
    ("expected", "delta", "cut", "seen", "limits", "live"),
    [
        # six were shown and four live, then one of ours took one and somebody named another number
        pytest.param(5, 1, 1, 9, {}, 10, id="ten set, or nine: in doubt ten"),
        pytest.param(
            5, 1, 1, 6, {}, 6, id="seven set, or six, or AWS has not lowered it: as it is"
        ),
        pytest.param(5, 1, 1, 2, {}, 3, id="three set, or two: in doubt three"),
        pytest.param(5, 1, 1, 3, {}, 4, id="four set, or three: in doubt four"),
        pytest.param(5, 1, 1, 4, {}, 4, id="five set, or four: no more than were live"),
        pytest.param(5, 1, 0, 3, {}, 3, id="not since our termination: three are three"),
        pytest.param(5, 1, 1, 8, {"minimum": 8}, 8, id="a raised MinSize has moved it: eight"),
        pytest.param(5, 1, 1, 3, {"maximum": 3}, 3, id="a lowered MaxSize has moved it: three"),
    ],
)
def test_what_is_named_before_our_decrement_is_lowered_by_it(
    expected, delta, cut, seen, limits, live
):
    state = roll(*OLD, delta=delta, expected_desired=expected, cut=cut)
    found = believed(world(*OLD, desired=seen, **limits), state)
    assert (found.live, found.expected_desired, found.cut) == (live, seen, 0)


SHRUNK = (
    "At 2026-11-24T10:00:00Z instance {} was taken out of service in response to a user request, "
    "shrinking the capacity from {} to {}."
)


@pytest.mark.parametrize(
    ("seen", "causes", "live"),
    [
        # eight were shown and four live, then two of ours took one each
        pytest.param(9, [(8, 7), (10, 9)], 10, id="ten set between the two"),
        pytest.param(8, [(10, 9), (9, 8)], 10, id="ten set before both"),
        pytest.param(7, [(8, 7), (8, 7)], 8, id="eight set between: what AWS kept is somebody's"),
        pytest.param(9, [(8, 7), (7, 6)], 9, id="nine set after both"),
        pytest.param(3, [(8, 7), (4, 3)], 4, id="four set between the two"),
        pytest.param(3, [(8, 7), (7, 6)], 3, id="three set after both"),
        pytest.param(2, [(4, 3), (3, 2)], 4, id="four set before both"),
        pytest.param(7, [(8, 7), None], 7, id="one does not tell: as it stands"),
        pytest.param(2, [None, (3, 2)], 4, id="one does not tell: in doubt more"),
    ],
)
def test_the_causes_of_our_terminations_tell_what_stood_there(seen, causes, live):
    gone = {
        f"i-0000000{n}": Termination(f"i-0000000{n}", NOW, Cause.VICTIM, True, gone_at=NOW - 60)
        for n in (1, 2)
    }
    activities = tuple(
        Activity(
            f"a{n}", NOW, None, "Successful", f"Terminating EC2 instance: i-0000000{n}", "", text
        )
        for n, sizes in enumerate(causes, 1)
        for text in [SHRUNK.format(f"i-0000000{n}", *sizes) if sizes else "in other words"]
    )
    state = roll(*OLD, delta=2, expected_desired=6, cut=2, terminations=gone)
    view = replace(world(*OLD, desired=seen, maximum=20), activities=activities)
    found = believed(view, state.with_(max_size=20))
    assert (found.live, found.expected_desired) == (live, seen)


def test_our_decrement_explains_nothing_once_the_group_was_seen_as_expected():
    seen = after(world(*OLD, desired=5), roll(*OLD, delta=1, expected_desired=5, cut=1))
    assert believed(world(*OLD, desired=3), seen).live == 3


def test_a_raised_min_makes_room_that_stays_when_it_is_lowered_again():
    state = roll(*OLD, max_size=4, max_set=6, max_set_at=NOW - 60, delta=2, expected_desired=6)
    raised = believed(world(*OLD, desired=6, minimum=5, maximum=6), state)
    lowered = believed(world(*OLD, desired=6, maximum=6), raised)
    assert (raised.live, lowered.live, lowered.max_size) == (5, 5, 5)


SET = (
    "At 2026-11-24T10:00:00Z a user request explicitly set group desired capacity changing the "
    "desired capacity from {} to {}.  At 2026-11-24T10:00:05Z an instance was started in response "
    "to a difference between desired and actual capacity, increasing the capacity from 6 to 8."
)


def told(before, after_, at=NOW):
    return Activity(
        "a1", at, None, "InProgress", "Launching a new EC2 instance", "", SET.format(before, after_)
    )


@pytest.mark.parametrize(
    ("stood", "live", "ours"),
    [
        pytest.param(6, 6, 2, id="what we believed"),
        pytest.param(10, 10, -2, id="somebody had set ten"),
        pytest.param(7, 7, 1, id="somebody had set seven"),
        pytest.param(5, 5, 3, id="somebody had set five"),
    ],
)
def test_the_cause_tells_what_our_own_change_has_overwritten(stood, live, ours):
    six = [instance(f"i-old{n}") for n in range(6)]
    sent = PendingChange(NOW, 6, 8, applied=True)
    state = roll(*six, delta=2, expected_desired=8, sent=sent)
    view = world(*six, desired=8, maximum=20)
    silent = after(view, state)
    assert (silent.live, silent.sent) == (6, sent)
    found = after(replace(view, activities=(told(stood, 8),)), silent)
    assert (found.live, found.delta, found.sent) == (live, ours, None)


def test_the_cause_of_another_change_tells_nothing():
    sent = PendingChange(NOW, 4, 6, applied=True)
    state = roll(*OLD, delta=2, expected_desired=6, sent=sent)
    view = world(*OLD, desired=6, maximum=20)
    for other in (told(9, 7), told(9, 6, at=NOW - 3600)):
        found = after(replace(view, activities=(other,)), state)
        assert (found.live, found.sent) == (4, sent)
    assert after(view, state, NOW + 301).sent is None


def test_our_own_change_is_not_taken_for_others_while_answers_may_lag():
    ours = PendingChange(NOW, 4, 5, applied=True)
    state = roll(*OLD, delta=1, expected_desired=5, pending=ours)
    stale = after(world(*OLD, desired=4), state, NOW + 5, settle_time=10)
    assert (stale.live, stale.pending) == (4, ours)
    later = after(world(*OLD, desired=4), state, NOW + 11, settle_time=10)
    assert (later.pending, later.doubted_at) == (None, NOW + 11)
    latest = after(world(*OLD, desired=4), later, NOW + 21, settle_time=10)
    assert (latest.live, latest.delta) == (4, 0)


@pytest.mark.parametrize(
    ("seen", "waited", "delta", "open_"),
    [
        pytest.param(5, 1, 1, False, id="seen: it was applied"),
        pytest.param(4, 1, 0, True, id="not seen yet: wait"),
        pytest.param(4, 11, 0, False, id="not seen for long: it was not applied"),
    ],
)
def test_a_raise_whose_answer_was_lost_is_settled_by_looking(seen, waited, delta, open_):
    state = roll(*OLD, pending=PendingChange(NOW, 4, 5, applied=None))
    found = after(world(*OLD, desired=seen), state, NOW + waited, settle_time=10)
    assert (found.delta, found.pending is not None) == (delta, open_)


def lost_decrement(**fields):
    term = Termination("i-old0", NOW, Cause.VICTIM, True, unclear=True)
    return roll(
        *OLD,
        delta=1,
        expected_desired=5,
        terminations={"i-old0": term},
        pending=PendingChange(NOW, 5, 4, applied=None, instance="i-old0"),
        **fields,
    )


def test_a_lost_terminate_with_decrement_that_took_effect_lowers_our_share():
    gone = [replace(OLD[0], lifecycle="Terminating"), *OLD[1:]]
    found = after(world(*gone, desired=4), lost_decrement(), NOW + 1)
    assert (found.delta, found.expected_desired, found.pending) == (0, 4, None)
    assert found.terminations["i-old0"].leaving_at == NOW + 1


def test_a_lost_terminate_that_took_no_effect_is_forgotten_after_the_settle_time():
    found = after(world(*OLD, desired=5), lost_decrement(), NOW + 11, settle_time=10)
    assert (found.delta, found.pending) == (1, None)
    assert "i-old0" not in found.terminations


def test_a_weighted_decrement_takes_what_aws_took():
    heavy = [instance(f"i-h{n}", weight=3) for n in range(2)]
    term = Termination("i-h0", NOW, Cause.VICTIM, True)
    state = roll(
        *heavy,
        desired=6,
        delta=3,
        expected_desired=9,
        terminations={"i-h0": term},
        pending=PendingChange(NOW, 9, 6, applied=None, instance="i-h0"),
    )
    leaving = replace(heavy[0], lifecycle="Terminating")
    # by one: AWS counts instances, or somebody has scaled in meanwhile
    partly = after(world(leaving, heavy[1], desired=8), state, NOW + 60, settle_time=10)
    assert (partly.delta, partly.pending) == (3, state.pending)
    assert after(world(heavy[1], desired=8), partly, NOW + 99, settle_time=10).delta == 2
    text = SHRUNK.format("i-00000001", 9, 8)
    told = Activity("a", NOW, None, "InProgress", "Terminating EC2 instance: i-00000001", "", text)
    view = replace(world(leaving, heavy[1], desired=8), activities=(told,))
    view = replace(view, instances={"i-00000001": leaving, "i-h1": heavy[1]})
    pending = PendingChange(NOW, 9, 6, applied=None, instance="i-00000001")
    assert after(view, state.with_(pending=pending), NOW + 1).delta == 2
    took = after(world(leaving, heavy[1], desired=6), state, NOW + 1)
    assert (took.delta, took.cut) == (0, 0)


def test_what_aws_takes_for_a_weight_is_waited_for_until_the_instance_has_gone():
    heavy = [instance(f"i-h{n}", weight=3) for n in range(2)]
    term = Termination("i-h0", NOW, Cause.VICTIM, True)
    pending = PendingChange(NOW, 9, 6, applied=None, instance="i-h0")
    state = roll(
        *heavy,
        desired=6,
        delta=3,
        expected_desired=9,
        terminations={"i-h0": term},
        pending=pending,
    )
    leaving = replace(heavy[0], lifecycle="Terminating")
    late = after(world(leaving, heavy[1], desired=9), state, NOW + 300, settle_time=10)
    assert (late.delta, late.pending) == (3, pending)
    took = after(world(heavy[1], desired=6), late, NOW + 301, settle_time=10)
    assert (took.delta, took.pending) == (0, None)


def test_a_max_that_others_set_is_the_new_original():
    state = roll(*OLD, max_size=4, max_set=5, max_set_at=NOW - 60)
    found = after(world(*OLD, maximum=9), state)
    assert (found.max_size, found.max_set) == (9, None)


def test_a_max_between_two_raises_of_ours_may_be_an_old_answer():
    state = roll(*OLD, max_size=4, max_set=6, max_set_at=NOW - 1)
    found = after(world(*OLD, maximum=5), state, settle_time=10)
    assert (found.max_size, found.max_set) == (4, 6)


def test_a_decrement_that_comes_after_others_have_named_another_number_is_still_ours():
    """Ten named in the instant before ours, which AWS takes only once the instance has gone."""
    term = Termination("i-00000001", NOW, Cause.VICTIM, True, leaving_at=NOW)
    text = SHRUNK.format("i-00000001", 10, 9)
    told = Activity("a", NOW, None, "", "Terminating EC2 instance: i-00000001", cause=text)
    leaving = instance("i-00000001", lifecycle="Terminating")
    state = roll(*OLD, delta=1, expected_desired=5, cut=1, terminations={term.id: term})
    state = state.with_(max_size=20)
    view = replace(world(leaving, *OLD, desired=10, maximum=20), activities=(told,))
    named = believed(view, state)
    assert (named.live, named.late) == (10, 1)
    taken = after(world(*OLD, desired=9, maximum=20), named, NOW + 60, settle_time=10)
    assert (taken.live, taken.delta, taken.late) == (10, -1, 0)
    kept = after(world(*OLD, desired=10, maximum=20), named, NOW + 60, settle_time=10)
    over = after(world(*OLD, desired=10, maximum=20), kept, NOW + 71, settle_time=10)
    assert (over.live, over.delta, over.late) == (10, 0, 0)
