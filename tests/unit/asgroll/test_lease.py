"""One actor per group: how a lease is taken, kept, lost and given back, over the emulated AWS."""

from __future__ import annotations

import re

import pytest

from asgroll import marks
from asgroll.errors import Denied, MarkError, Taken, Temporary, Throttled, Unclear
from asgroll.lease import GUARD_SECONDS, QUICK_SECONDS, UNSEEN_SECONDS, Standing
from asgroll.model import Phase
from asgroll.world import Group, World
from tests.functional.roll.harness import GROUP
from tests.unit.asgroll.two_masters import LEASE_TIME, Master, Stage

TAG = "CreateOrUpdateTags"


@pytest.fixture
def stage():
    return Stage()


def tags(stage):
    return {key: value for key, (value, _) in stage.world.groups[GROUP].tags.items()}


def write(stage, key, text):
    stage.world.create_or_update_tags([(GROUP, key, text, False)])


def claim(stage, *, owner="b", run="other", left=40.0):
    text = marks.Claim(owner, "r-9", run, stage.world.now + left).text()
    write(stage, marks.LEASE, text)
    return text


def holder(stage):
    found = tags(stage).get(marks.LEASE, "")
    return found.partition("run=")[2].partition(" ")[0]


def during(stage, work):
    """Run ``work`` to its end, and everything that it starts; raises what it raises."""
    stage.start(work)
    stage.run()


def look(master):
    begun = master.stage.world.now
    world = master.aws.observe(GROUP, begun)
    return master.lease.heed(world, master.stage.world.now - begun)


# -- taking it -------------------------------------------------------------------------------------


def test_a_free_lease_is_taken_and_says_who_has_it(stage):
    one = Master(stage, "a")
    during(stage, lambda: one.lease.acquire(one.roll))
    found = tags(stage)[marks.LEASE]
    assert found.startswith("owner=a roll=r-a run=run-a until=")
    assert one.lease.valid()


def test_a_lease_of_another_is_refused_with_who_and_until_when_and_nothing_is_written(stage):
    text = claim(stage, owner="salt-2.1a2b", left=40)
    one = Master(stage, "a")
    with pytest.raises(Taken, match=r"salt-2.1a2b works on web \(roll r-9\); .* in 40s"):
        during(stage, lambda: one.lease.acquire(one.roll))
    assert tags(stage) == {marks.LEASE: text}
    assert one.aws.calls[TAG] == 0


def test_an_expired_lease_is_taken_over(stage):
    claim(stage, left=-1)
    one = Master(stage, "a")
    during(stage, lambda: one.lease.acquire(one.roll))
    assert (holder(stage), one.lease.valid()) == ("run-a", True)


def test_a_lease_of_the_same_owner_is_taken_over_at_once(stage):
    claim(stage, owner="a", left=LEASE_TIME)
    one = Master(stage, "a")
    began = stage.world.now
    during(stage, lambda: one.lease.acquire(one.roll))
    assert holder(stage) == "run-a"
    assert stage.world.now - began < GUARD_SECONDS


def test_a_lease_of_the_same_owner_that_is_about_to_end_keeps_nobody_away_long_enough(stage):
    claim(stage, owner="a", left=1)
    one = Master(stage, "a")
    began = stage.world.now
    during(stage, lambda: one.lease.acquire(one.roll))
    assert stage.world.now - began >= GUARD_SECONDS


@pytest.mark.parametrize("key", [marks.LEASE, marks.RESTORE])
def test_a_tag_that_cannot_be_read_is_never_taken_for_none(stage, key):
    write(stage, key, "something else")
    one = Master(stage, "a")
    with pytest.raises(MarkError, match=f"{key} of web cannot be read"):
        during(stage, lambda: one.lease.acquire(one.roll))
    assert one.aws.calls[TAG] == 0


def test_what_another_roll_has_not_put_back_keeps_everybody_else_away(stage):
    due = marks.Due("r-9", stage.world.now, 7, 1, 8, None, frozenset({"AZRebalance"}))
    write(stage, marks.RESTORE, due.text())
    one = Master(stage, "a")
    with pytest.raises(Taken, match=r"roll r-9 has not put everything back.*recover web"):
        during(stage, lambda: one.lease.acquire(one.roll))
    assert one.aws.calls[TAG] == 0


def test_what_another_roll_has_left_while_the_lease_was_taken_is_seen(stage):
    due = marks.Due("r-9", stage.world.now, 7, 1, 8, None, frozenset())
    one = Master(stage, "a")
    stage.start(lambda: write(stage, marks.RESTORE, due.text()), at=1.0)
    with pytest.raises(Taken, match="roll r-9 has not put everything back"):
        during(stage, lambda: one.lease.acquire(one.roll))
    assert tags(stage) == {marks.RESTORE: due.text()}


@pytest.mark.parametrize("settled", ["r-9", "r-a"], ids=["put back since", "its own"])
def test_a_note_that_is_known_to_be_outdated_or_ours_is_in_nobodys_way(stage, settled):
    due = marks.Due(settled, stage.world.now, 7, 1, 8, None, frozenset())
    write(stage, marks.RESTORE, due.text())
    one = Master(stage, "a")
    one.lease._settled = "r-9"
    during(stage, lambda: one.lease.acquire(one.roll))
    assert one.lease.valid()


@pytest.mark.parametrize("problem", [Throttled("Rate exceeded"), Unclear("no answer")])
@pytest.mark.parametrize("times", [1, 2])
def test_a_write_that_fails_or_whose_answer_is_lost_is_tried_again(stage, problem, times):
    one = Master(stage, "a")
    left = [problem] * times
    one.aws.broken = lambda operation: left.pop() if operation == TAG and left else None
    during(stage, lambda: one.lease.acquire(one.roll))
    assert (holder(stage), one.lease.valid()) == ("run-a", True)


def test_a_lease_that_never_can_be_written_is_not_held(stage):
    one = Master(stage, "a")
    one.aws.broken = lambda operation: Temporary("not now") if operation == TAG else None
    with pytest.raises(Taken, match="cannot be taken: not now; try again"):
        during(stage, lambda: one.lease.acquire(one.roll))
    assert not one.lease.valid()


def test_a_missing_permission_is_told_and_nothing_is_held(stage):
    one = Master(stage, "a")
    one.aws.broken = lambda operation: Denied(f"{TAG}: no") if operation == TAG else None
    with pytest.raises(Denied, match=TAG):
        during(stage, lambda: one.lease.acquire(one.roll))
    assert not one.lease.valid()


def test_a_signal_that_wakes_the_wait_does_not_shorten_it(stage):
    one, two = Master(stage, "a"), Master(stage, "b", delay=lambda: QUICK_SECONDS / 5)
    woken = []

    def sleep(seconds):
        stage.pause(seconds if woken else 0.01)
        woken.append(seconds)

    one.lease._sleep = sleep
    stage.start(two.work, at=0.02)
    stage.start(one.work)
    stage.run()
    assert stage.overlaps == []


# -- two masters at once ---------------------------------------------------------------------------


@pytest.mark.parametrize("late", [n / 10 for n in range(0, 70, 3)])
@pytest.mark.parametrize("poll", [5.0, 100.0], ids="looking every {:g} s".format)
@pytest.mark.parametrize(
    "slow", [0.05, QUICK_SECONDS, 2 * GUARD_SECONDS, 60.0], ids="calls take {} s".format
)
def test_two_masters_never_both_hold_it_however_their_calls_interleave(late, poll, slow):
    stage = Stage()
    one = Master(stage, "a", lease_time=300.0)
    two = Master(stage, "b", lease_time=300.0, delay=lambda: slow / 2)
    stage.start(lambda: one.work(4, lambda: poll), at=late)
    stage.start(lambda: two.work(4, lambda: poll))
    stage.run()
    assert stage.overlaps == []
    assert one.turns + two.turns > 0


@pytest.mark.parametrize("seed", range(300))
def test_two_masters_never_both_hold_it_at_random(seed):
    """Calls quick and slow, answers that lag, pauses of a whole process, tags deleted by hand."""
    stage = Stage(seed)
    draw = stage.random

    def delay():
        return draw.choice([0.02, 0.05, 0.3, draw.uniform(0, 2.5), draw.uniform(0, 12)])

    def poll():
        return draw.choice([1.0, 5.0, 5.0, draw.uniform(0, 40), draw.uniform(0, 4 * LEASE_TIME)])

    def lag():
        return draw.uniform(0.0, 0.4)

    masters = [Master(stage, name, delay=delay, lag=lag) for name in "abc"]
    for one in masters:
        stage.start(lambda one=one: one.work(8, poll), at=draw.choice([0.0, draw.uniform(0, 90)]))
    stage.run()
    assert stage.overlaps == []


@pytest.mark.parametrize("second", [0.0, 0.01, 0.05, 0.1, 1.0])
def test_of_two_masters_at_once_one_gets_it_and_the_other_is_told_who(second):
    stage = Stage()
    one, two = Master(stage, "a"), Master(stage, "b")
    stage.start(one.work)
    stage.start(two.work, at=second)
    stage.run()
    assert sorted([bool(one.turns), bool(two.turns)]) == [False, True]
    loser, winner = (one, two) if two.turns else (two, one)
    assert f"{winner.name} works on web" in loser.told


def changed(master, **fields):
    """Its roll as it stands with something of it on the group."""
    return master.roll.with_(delta=1, expected_desired=7, noted=True, **fields)


def test_what_somebody_else_has_put_back_is_not_put_back_again(stage):
    one = Master(stage, "a")
    got = []
    left = changed(one, max_set=9, suspended=frozenset({"AZRebalance"}))
    during(stage, lambda: got.append(one.lease.acquire(left)))
    assert (got[0].delta, got[0].max_set, got[0].suspended) == (0, None, frozenset())


@pytest.mark.parametrize("appears", [0.0, 8.0], ids=["there", "late"])
def test_what_is_noted_on_the_group_is_still_due(stage, appears):
    one = Master(stage, "a")
    got = []
    left = changed(one)
    note = marks.due_after(left).text()
    stage.start(lambda: write(stage, marks.RESTORE, note), at=appears)
    during(stage, lambda: got.append(one.lease.acquire(left)))
    assert got == [left]


def test_what_was_changed_without_a_note_is_still_due_without_one(stage):
    one = Master(stage, "a")
    got = []
    left = changed(one).with_(noted=False)
    during(stage, lambda: got.append(one.lease.acquire(left)))
    assert got == [left]


# -- keeping it ------------------------------------------------------------------------------------


def test_it_is_renewed_when_a_third_of_its_time_is_over(stage):
    one = Master(stage, "a")
    during(stage, lambda: one.work(turns=40))
    assert one.turns == 40
    # taken once, then renewed every third of its time
    assert one.aws.calls[TAG] in range(8, 12)
    assert tags(stage) == {}


def test_a_lease_that_was_not_seen_for_long_is_not_acted_upon(stage):
    one = Master(stage, "a")
    during(stage, lambda: one.lease.acquire(one.roll))
    stage.world.advance(stage.world.now + UNSEEN_SECONDS)
    assert not one.lease.valid()
    found = []
    during(stage, lambda: found.append(look(one)))
    assert (found[0][0], one.lease.valid()) == (Standing.HELD, True)


def test_a_lease_that_somebody_deleted_is_written_anew_and_nothing_is_done_meanwhile(stage):
    one = Master(stage, "a")
    found = []

    def work():
        one.lease.acquire(one.roll)
        stage.pause(12)
        stage.world.delete_tags([(GROUP, marks.LEASE)])
        for _ in range(3):
            found.append(look(one)[0])
            stage.pause(5)

    during(stage, work)
    assert found == [Standing.UNSURE, Standing.HELD, Standing.HELD]


def test_when_what_was_noted_is_gone_as_well_somebody_has_put_it_back(stage):
    one = Master(stage, "a")
    one.roll = one.roll.with_(delta=1)
    found = []

    def work():
        one.lease.acquire(one.roll)
        one.lease.note(one.roll, [])
        stage.pause(12)
        stage.world.delete_tags([(GROUP, marks.LEASE), (GROUP, marks.RESTORE)])
        found.append(look(one))

    during(stage, work)
    assert found[0][0] is Standing.LOST
    assert "somebody else has put things back" in found[0][1]


def test_a_lease_that_was_taken_over_is_lost_and_the_others_tags_stay(stage):
    one = Master(stage, "a")
    one.roll = one.roll.with_(delta=1)
    found = []

    def work():
        one.lease.acquire(one.roll)
        found.append(claim(stage))
        found.append(look(one))
        found.append(one.lease.release(one.roll))

    during(stage, work)
    text, (standing, why), leftover = found
    assert (standing, leftover) == (Standing.LOST, "")
    assert why == "b has taken over (roll r-9)"
    assert tags(stage) == {marks.LEASE: text}
    assert not one.lease.valid()


def test_a_takeover_that_was_not_seen_yet_is_seen_when_the_lease_is_given_back(stage):
    one = Master(stage, "a")
    one.roll = one.roll.with_(delta=1)
    found = []

    def work():
        one.lease.acquire(one.roll)
        found.append(claim(stage))
        one.lease.release(one.roll)

    during(stage, work)
    assert tags(stage) == {marks.LEASE: found[0]}


def test_a_denied_renewal_is_tolerated_until_the_lease_runs_out(stage):
    one = Master(stage, "a")
    found = []

    def work():
        one.lease.acquire(one.roll)
        one.aws.broken = lambda operation: Denied(f"{TAG}: no") if operation == TAG else None
        for _ in range(14):
            found.append(look(one))
            stage.pause(5)

    during(stage, work)
    standings = [standing for standing, _ in found]
    lost = standings.index(Standing.LOST)
    assert standings[:lost] == [Standing.HELD] * lost
    assert lost >= 7
    assert found[lost][1] == f"{TAG}: no"


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_that_jumps_costs_a_turn_and_not_the_lease(stage, step):
    one = Master(stage, "a")
    jump = [0]
    one.lease._clock = lambda: stage.world.now + jump[0]
    found = []

    def work():
        one.lease.acquire(one.roll)
        stage.pause(12)
        jump[0] = step
        for _ in range(4):
            found.append(look(one)[0])
            stage.pause(12)

    during(stage, work)
    assert found == [Standing.UNSURE, Standing.HELD, Standing.HELD, Standing.HELD]
    assert f"until={stage.world.now + step:.0f}"[:12] in tags(stage)[marks.LEASE]


# -- notes, orders, giving back --------------------------------------------------------------------


def test_nothing_is_noted_before_there_is_something_to_put_back(stage):
    one = Master(stage, "a")
    during(stage, lambda: (one.lease.acquire(one.roll), one.lease.note(one.roll, [])))
    assert set(tags(stage)) == {marks.LEASE}


def test_giving_back_leaves_only_what_still_has_to_be_put_back(stage):
    one = Master(stage, "a")
    one.roll = one.roll.with_(delta=1, phase=Phase.HALTED)
    write(stage, "Name", "web")
    write(stage, marks.ORDER, marks.Order("pause", "r-a", "ada", 1.0).text())
    during(stage, lambda: (one.lease.acquire(one.roll), one.lease.release(one.roll)))
    assert set(tags(stage)) == {"Name", marks.RESTORE}
    assert marks.due_after(one.roll).text() == tags(stage)[marks.RESTORE]


@pytest.mark.parametrize("problem", [Throttled("Rate exceeded"), Unclear("no answer")])
def test_giving_back_is_tried_again(stage, problem):
    one = Master(stage, "a")
    left = [problem]
    told = []

    def work():
        one.lease.acquire(one.roll)
        one.aws.broken = lambda operation: (
            left.pop() if operation == "DeleteTags" and left else None
        )
        told.append(one.lease.release(one.roll))

    during(stage, work)
    assert (tags(stage), told, left) == ({}, [""], [])


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Denied("DeleteTags: no"), "the lease was not given back: DeleteTags: no"),
        (Temporary("not now"), r"the lease was not given back, it ends in \d+s: not now"),
    ],
)
def test_a_lease_that_cannot_be_given_back_is_told(stage, problem, expected):
    one = Master(stage, "a")
    told = []

    def work():
        one.lease.acquire(one.roll)
        one.aws.broken = lambda operation: problem if operation == "DeleteTags" else None
        told.append(one.lease.release(one.roll))

    during(stage, work)
    assert re.fullmatch(expected, told[0])


# -- orders ----------------------------------------------------------------------------------------


def ordered(master, what="pause", at=1.0):
    """Write an order for the master's roll, and return it."""
    given = marks.Order(what, master.roll.id, "ada", at)
    write(master.stage, marks.ORDER, given.text())
    return given


def heard(master, roll=None):
    """What the lease makes of the tags as they are now."""
    group = Group(GROUP, 0, 1, 1, tags=tags(master.stage))
    return master.lease.order(World(group, {}), roll or master.roll)


def test_an_order_is_heeded_once_and_only_by_the_roll_that_it_names(stage):
    one = Master(stage, "a")
    during(stage, lambda: one.lease.acquire(one.roll))
    given = ordered(one)
    assert heard(one) == given
    assert heard(one, one.roll.with_(heeded=given.text())) is None
    assert heard(one, one.roll.with_(id="r-other")) is None


def test_what_was_asked_of_a_process_that_died_is_not_asked_of_the_one_that_follows(stage):
    one = Master(stage, "a")
    ordered(one)
    during(stage, lambda: one.lease.acquire(one.roll))
    assert heard(one) is None
    given = ordered(one, at=2.0)
    assert heard(one) == given
