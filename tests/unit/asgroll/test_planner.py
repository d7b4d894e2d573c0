"""What the planner decides, as tables over one observation."""

from dataclasses import replace

import pytest

from asgroll.actions import Finish, Restore, Resume, SetDesired, SetMax, Suspend, Terminate, Wait
from asgroll.model import Cause, Failure, PendingChange, Phase, Termination
from asgroll.planner import plan
from asgroll.tracker import fold
from asgroll.world import Answer, TargetHealth, Verdict
from tests.unit.asgroll.build import NOW, instance, new, policy, roll, world

OLD = [instance(f"i-old{n}", "abc"[n % 3]) for n in range(6)]


def actions(view, state, now=NOW, **keys):
    return plan(view, state, policy(**keys), now)


def terminated(found):
    return [(a.instance, a.decrement) for a in found if isinstance(a, Terminate)]


# --- raising -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("surge", "maximum", "expected"),
    [
        pytest.param(1, 10, [SetDesired(6, 7)], id="one above"),
        pytest.param("34%", 10, [SetDesired(6, 9)], id="a percentage rounds up"),
        pytest.param(9, 20, [SetDesired(6, 12)], id="never above the number of victims"),
        pytest.param(2, 6, [SetMax(8), SetDesired(6, 8)], id="max is raised first"),
    ],
)
def test_desired_is_raised_by_the_surge(surge, maximum, expected):
    state = roll(*OLD, max_size=maximum)
    assert actions(world(*OLD, maximum=maximum), state, surge=surge) == expected


def test_max_stays_and_the_surge_shrinks_when_max_may_not_be_raised():
    state = roll(*OLD, max_size=7)
    found = actions(world(*OLD, maximum=7), state, surge=3, raise_max=False)
    assert found == [SetDesired(6, 7)]


def test_processes_that_are_suspended_already_are_left_alone():
    view = world(*OLD, suspended=())
    assert actions(view, roll(*OLD))[0] == Suspend(("AZRebalance", "InstanceRefresh"))
    assert not any(isinstance(a, Suspend) for a in actions(world(*OLD), roll(*OLD)))


def test_nothing_is_decided_before_our_change_of_desired_is_seen():
    state = roll(*OLD, delta=1, expected_desired=7, pending=PendingChange(NOW, 6, 7, True))
    assert [type(a) for a in actions(world(*OLD), state)] == [Wait]


# --- terminating ---------------------------------------------------------------------------------


LONG_AGO = {i.id: NOW - 3600 for i in OLD}


def surged(ready, pending=0, gone=0, **fields):
    """Six old, two of surge: ``ready`` and ``pending`` new ones, ``gone`` victims gone."""
    fresh = [instance(f"i-new{n}") for n in range(ready)]
    booting = [instance(f"i-boot{n}", lifecycle="Pending") for n in range(pending)]
    remaining = OLD[gone:]
    known = {i.id: new(i.id) for i in fresh}
    known |= {i.id: new(i.id, ready=False) for i in booting}
    left = {
        i.id: Termination(i.id, NOW, Cause.VICTIM, False, leaving_at=NOW, gone_at=NOW)
        for i in OLD[:gone]
    }
    view = world(*remaining, *fresh, *booting)
    desired = len(view.instances)
    defaults = {
        "delta": desired - 6,
        "expected_desired": desired,
        "replacements": known,
        "terminations": left,
    }
    return view, roll(*OLD, **(defaults | fields))


def test_no_victim_goes_while_no_replacement_is_ready():
    view, state = surged(ready=0, pending=2)
    assert terminated(actions(view, state, surge=2)) == []


def test_each_ready_replacement_lets_one_victim_go_without_waiting_for_the_other():
    view, state = surged(ready=1, pending=1)
    assert terminated(actions(view, state, surge=2)) == [("i-old0", False)]


def test_the_last_victims_within_the_surge_go_with_decrement():
    view, state = surged(ready=6, gone=4)
    assert terminated(actions(view, state, surge=2)) == [("i-old4", True), ("i-old5", True)]


def test_max_unavailable_lets_victims_go_before_replacements_are_ready():
    found = actions(world(*OLD), roll(*OLD), surge=0, max_unavailable=2)
    assert terminated(found) == [("i-old0", False), ("i-old1", False)]


def test_a_termination_in_flight_does_not_count_as_serving():
    view, state = surged(ready=1, pending=1)
    asked = {"i-old0": Termination("i-old0", NOW, Cause.VICTIM, False)}
    assert terminated(actions(view, state.with_(terminations=asked), surge=2)) == []


def test_a_scale_out_by_others_raises_the_floor():
    view, state = surged(ready=1, pending=1)
    # somebody wants 7 now: desired 9 of which 2 are ours
    state = state.with_(expected_desired=9)
    assert terminated(actions(view, state, surge=2)) == []


def test_what_the_group_has_above_its_desired_capacity_is_not_spent():
    # AWS has launched one more beside an instance at risk, which it will terminate by itself
    rebalanced = [*OLD, instance("i-extra")]
    state = roll(*OLD, expected_desired=6, replacements={"i-extra": new("i-extra")})
    view = world(*rebalanced, desired=6)
    assert terminated(actions(view, state.with_(delta=0), surge=0, max_unavailable=1)) == [
        ("i-old0", False)
    ]
    found = actions(view, state, surge=1)
    assert found == [SetDesired(6, 7)]
    both = world(*rebalanced, desired=7)
    raised = state.with_(expected_desired=7, delta=1)
    assert terminated(actions(both, raised, surge=1)) == [("i-old0", False)]


def test_nor_does_it_make_room_for_victims_that_do_not_serve():
    sick = [instance(i.id, i.zone, ready=False) for i in OLD]
    known = {key: new(key) for key in ("i-new0", "i-extra")}
    view = world(*sick, instance("i-new0"), instance("i-extra"), desired=7)
    state = roll(*OLD, delta=1, expected_desired=7, replacements=known, not_serving=LONG_AGO)
    assert terminated(actions(view, state, surge=1)) == [("i-old0", False)]


@pytest.mark.parametrize("phase", [Phase.ROLLING, Phase.RESTORING])
@pytest.mark.parametrize(("maximum", "first"), [(12, []), (8, [SetMax(10)])])
def test_what_we_have_taken_from_others_is_given_back(phase, maximum, first):
    fresh = [instance(f"i-new{n}") for n in range(8)]
    state = roll(
        *OLD,
        delta=-2,
        expected_desired=8,
        phase=phase,
        terminations={
            i.id: Termination(i.id, NOW, Cause.VICTIM, False, False, None, NOW, NOW) for i in OLD
        },
        replacements={i.id: new(i.id) for i in fresh},
    )
    found = actions(world(*fresh, maximum=maximum), state, surge=2)
    assert found == [*first, SetDesired(8, 10)]


def test_a_victim_that_is_missing_is_waited_for():
    view, state = (
        world(*OLD[1:], desired=5),
        roll(*OLD[:1], initial=OLD[1:], missing={"i-old0": NOW}),
    )
    (wait,) = actions(view, state.with_(expected_desired=5))
    assert "i-old0" in wait.why


def test_an_instance_refresh_halts_the_roll_by_name():
    view = replace(world(*OLD), refresh="08b91cf7 (InProgress)")
    assert actions(view, roll(*OLD)) == [
        Finish(
            Phase.HALTED,
            "instance refresh 08b91cf7 (InProgress) replaces instances of this group as well; wait "
            "for its end or cancel it",
        )
    ]
    assert isinstance(actions(view, roll(*OLD), on_failure="abort")[0], Restore)


def test_a_target_group_that_lost_its_listener_halts_the_roll_before_anybody_fails_for_it():
    idle = {i.id: TargetHealth("unused", "Target.NotInUse") for i in OLD}
    view = replace(world(*OLD), targets={"web": idle})
    state = fold(roll(*OLD), view, policy(settle_time=10), NOW)
    (wait,) = actions(view, state, NOW, settle_time=10)
    assert isinstance(wait, Wait)
    assert "web gets no traffic any more" in wait.why
    (halt,) = actions(view, state, NOW + 10, settle_time=10)
    assert halt.outcome is Phase.HALTED
    assert "no listener forwards to web" in halt.reason
    again = fold(state, world(*OLD), policy(settle_time=10), NOW + 5)
    assert again.idle_since is None


def test_launches_that_were_made_up_for_do_not_halt_it():
    failures = tuple(Failure(NOW, "a launch failed", "…", True, made_up) for made_up in (True,) * 5)
    view, state = surged(ready=1, pending=1)
    assert terminated(actions(view, state.with_(failures=failures), surge=2, max_failures=0))
    more = (*failures, Failure(NOW, "a launch failed", "no capacity", True))
    (halt,) = actions(view, state.with_(failures=more), surge=2, max_failures=0)
    assert halt.reason.startswith("1 failures, 0 allowed; the last: a launch failed: no capacity")


def test_a_replacement_that_is_not_healthy_long_enough_does_not_count():
    view, state = surged(ready=1, pending=0)
    state = state.with_(replacements={"i-new0": new("i-new0", ready=False, healthy_since=NOW)})
    assert terminated(actions(view, state)) == []


def test_victims_that_do_not_serve_go_first_but_only_as_many_as_the_window_holds():
    sick = [instance(i.id, i.zone, ready=False) for i in OLD]
    view = world(*sick, maximum=10)
    found = actions(view, roll(*OLD, delta=1, expected_desired=7), surge=1)
    # the one slot of the window is already taken by the surge instance that is being launched
    assert terminated(found) == []
    booted = world(*sick, instance("i-new0"))
    known = {"i-new0": new("i-new0")}
    state = roll(*OLD, delta=1, expected_desired=7, replacements=known, not_serving=LONG_AGO)
    assert terminated(actions(booted, state, surge=1)) == [("i-old0", False)]
    # one answer without their targets is no proof that they do not serve
    just_now = state.with_(not_serving={i.id: NOW - 29 for i in OLD})
    assert terminated(actions(booted, just_now, surge=1)) == []


def test_only_victims_are_terminated_even_when_others_would_come_first():
    bystander = instance("i-keep", "a", launched_at=1.0)
    fresh = instance("i-new0", "b")
    view = world(bystander, OLD[1], fresh)
    state = roll(
        OLD[1],
        initial=[bystander],
        delta=1,
        expected_desired=3,
        replacements={"i-new0": new("i-new0")},
    )
    assert terminated(actions(view, state)) == [("i-old1", True)]


def test_an_instance_in_standby_goes_without_decrement_and_without_surge():
    resting = instance("i-rest", lifecycle="Standby")
    view = world(resting, OLD[0], desired=1)
    state = roll(resting, initial=[OLD[0]], desired=1)
    assert actions(view, state) == [Terminate("i-rest", 1, False, Cause.VICTIM, "was in Standby")]


def test_weights_are_counted_in_units():
    heavy = [instance(f"i-h{n}", weight=3) for n in range(3)]
    assert actions(world(*heavy, maximum=20), roll(*heavy, max_size=20)) == [SetDesired(9, 12)]
    fresh = instance("i-new0", weight=2)
    view = world(*heavy, fresh, desired=11, maximum=20)
    state = roll(
        *heavy,
        delta=2,
        desired=9,
        expected_desired=11,
        max_size=20,
        replacements={"i-new0": new("i-new0", weight=2)},
    )
    # 11 units serve, 9 are needed: no victim of weight 3 may go on the strength of 2 units
    assert terminated(actions(view, state)) == []


def test_a_victim_that_somebody_else_is_draining_is_left_alone():
    drained = instance("i-old0", answer=Answer("traffic", Verdict.NOT_YET, "web: draining", True))
    view = world(drained, *OLD[1:])
    found = actions(view, roll(*OLD), surge=0, max_unavailable=2)
    assert "i-old0" not in dict(terminated(found))


@pytest.mark.parametrize(
    ("fields", "policy_key"),
    [({"lifecycle": "Standby"}, "standby"), ({"protected": True}, "protected")],
)
def test_a_victim_that_a_person_parks_or_protects_meanwhile_is_left_alone(fields, policy_key):
    view = world(instance("i-old0", **fields), *OLD[1:])
    state = roll(*OLD)
    spared = actions(view, state, surge=0, max_unavailable=6, **{policy_key: "skip"})
    assert "i-old0" not in dict(terminated(spared))
    included = actions(view, state, surge=0, max_unavailable=6, **{policy_key: "replace"})
    assert "i-old0" in dict(terminated(included))


def test_victims_that_were_left_alone_are_named_at_the_end():
    parked = instance("i-old0", lifecycle="Standby")
    (found,) = actions(world(parked), roll(OLD[0], desired=0))
    assert found.outcome is Phase.DONE
    assert "i-old0" in found.reason


def test_a_victim_that_never_left_is_not_a_roll_that_is_done():
    stuck = Termination("i-old5", NOW, Cause.VICTIM, True, leaving_at=NOW, overdue=True)
    view, state = finished()
    state = state.with_(terminations={**state.terminations, "i-old5": stuck})
    (found,) = actions(view, state)
    assert (found.outcome, "i-old5" in found.reason) == (Phase.HALTED, True)


# --- failures ------------------------------------------------------------------------------------

FAILED = tuple(Failure(NOW, "new instance i-x not ready", "Pending") for _ in range(3))


def test_a_failed_replacement_is_terminated_without_decrement():
    view, state = surged(ready=0, pending=1)
    late = {"i-boot0": new("i-boot0", ready=False, failed_at=NOW)}
    found = actions(view, state.with_(replacements=late, failures=FAILED[:1]))
    assert found == [Terminate("i-boot0", 1, False, Cause.FAILED, "did not become ready in time")]


def test_a_failed_replacement_that_serves_after_all_is_left_to_get_ready():
    view, state = surged(ready=0, pending=1)
    late = {"i-boot0": new("i-boot0", ready=False, failed_at=NOW - 9, healthy_since=NOW - 2)}
    found = actions(view, state.with_(replacements=late, failures=FAILED[:1]))
    assert [type(action) for action in found] == [Wait]


@pytest.mark.parametrize(("on_failure", "kind"), [("pause", Finish), ("abort", Restore)])
def test_over_the_failure_budget_nothing_more_is_terminated(on_failure, kind):
    view, state = surged(ready=2)
    (found,) = actions(view, state.with_(failures=FAILED), on_failure=on_failure)
    assert isinstance(found, kind)
    assert found.outcome is Phase.HALTED
    assert "3 failures, 2 allowed" in found.reason


def test_a_roll_without_progress_halts():
    view, state = surged(ready=0, pending=1)
    late = NOW + 1801
    (found,) = plan(view, state, policy(ready_timeout=900, drain_timeout=900), late)
    assert found == Finish(Phase.HALTED, "no progress for 30m (ready_timeout + drain_timeout)")


@pytest.mark.parametrize("phase", [Phase.ROLLING, Phase.RESTORING])
def test_a_group_that_is_being_deleted_is_left_alone(phase):
    view, state = surged(ready=2, phase=phase)
    gone = world(*view.instances.values(), desired=0, status="Delete in progress")
    (found,) = actions(gone, state)
    assert found == Finish(Phase.HALTED, "the group is being deleted (Delete in progress)")


# --- ending --------------------------------------------------------------------------------------


def finished(**fields):
    fresh = [instance(f"i-new{n}") for n in range(6)]
    left = {
        i.id: Termination(i.id, NOW, Cause.VICTIM, False, leaving_at=NOW, gone_at=NOW) for i in OLD
    }
    defaults = {"replacements": {i.id: new(i.id) for i in fresh}, "terminations": left}
    return world(*fresh), roll(*OLD, **(defaults | fields))


def test_a_roll_is_done_when_all_victims_are_gone_and_all_replacements_ready():
    assert actions(*finished()) == [Restore(Phase.DONE, "")]


def test_a_victim_still_leaving_is_waited_for():
    view, state = finished()
    slow = Termination("i-old5", NOW, Cause.VICTIM, True, leaving_at=NOW)
    state = state.with_(terminations={**state.terminations, "i-old5": slow})
    (found,) = actions(view, state)
    assert isinstance(found, Wait)
    assert "i-old5" in found.why


def test_sizes_and_processes_are_put_back_exactly():
    view, state = finished(
        phase=Phase.RESTORING, max_size=6, max_set=8, suspended=frozenset({"AZRebalance"})
    )
    view = world(*view.instances.values(), maximum=8)
    assert actions(view, state) == [
        SetMax(6, restore=True),
        Resume(("AZRebalance",)),
        Finish(Phase.DONE, ""),
    ]


def test_a_max_that_somebody_else_set_meanwhile_stays():
    view, state = finished(phase=Phase.RESTORING, max_size=6, max_set=8)
    view = world(*view.instances.values(), maximum=12)
    state = fold(state, view, policy(), NOW)
    assert actions(view, state) == [Finish(Phase.DONE, "")]


def test_stopping_gives_back_the_surge_by_removing_what_does_not_serve_yet():
    view, state = surged(ready=0, pending=2, phase=Phase.RESTORING)
    found = actions(view, state, surge=2)
    assert sorted(terminated(found)) == [("i-boot0", True), ("i-boot1", True)]
    assert {a.cause for a in found} == {Cause.SURPLUS}


def test_stopping_keeps_a_ready_replacement_and_removes_a_victim_for_it():
    view, state = surged(ready=2, phase=Phase.RESTORING)
    assert terminated(actions(view, state, surge=2)) == [("i-old0", True), ("i-old1", True)]


def test_a_surplus_is_never_removed_below_the_floor():
    sick = [instance(i.id, i.zone, ready=False) for i in OLD[:2]]
    fresh = instance("i-new0")
    view = world(*sick, *OLD[2:], fresh)
    state = roll(
        *OLD,
        delta=1,
        expected_desired=7,
        phase=Phase.RESTORING,
        replacements={"i-new0": new("i-new0")},
        not_serving=LONG_AGO,
    )
    # one that does not serve may go; none of those that serve
    ((gone, decrement),) = terminated(actions(view, state))
    assert gone in ("i-old0", "i-old1")
    assert decrement


def test_desired_is_lowered_directly_only_when_there_is_no_instance_to_choose():
    state = roll(*OLD, delta=1, expected_desired=7, phase=Phase.RESTORING, short_since=NOW - 60)
    assert actions(world(*OLD, desired=7), state) == [SetDesired(7, 6)]
    just_now = state.with_(short_since=NOW)
    assert [type(a) for a in actions(world(*OLD, desired=7), just_now)] == [Wait]


@pytest.mark.parametrize(
    ("decrement", "gone_at", "lowered"),
    [
        pytest.param(False, None, False, id="its replacement may come once it has gone"),
        pytest.param(False, NOW - 10, False, id="or soon after"),
        pytest.param(False, NOW - 60, True, id="long gone: nothing is launched"),
        pytest.param(True, None, True, id="with decrement nobody replaces it"),
    ],
)
def test_desired_is_not_lowered_while_a_replacement_may_be_owed(decrement, gone_at, lowered):
    term = Termination("i-x", NOW - 99, Cause.VICTIM, decrement, leaving_at=NOW, gone_at=gone_at)
    state = roll(*OLD, delta=1, expected_desired=7, phase=Phase.RESTORING, short_since=NOW - 60)
    state = state.with_(terminations={"i-x": term})
    found = actions(world(*OLD, desired=7), state, settle_time=10)
    assert (found == [SetDesired(7, 6)]) is lowered


@pytest.mark.parametrize("phase", [Phase.ROLLING, Phase.RESTORING])
def test_a_max_that_is_neither_ours_nor_the_one_found_is_not_overwritten(phase):
    state = roll(*OLD, delta=2, expected_desired=8, max_size=6, max_set=8, phase=phase)
    (found,) = actions(world(*OLD, desired=8, maximum=7), state)
    assert found == Wait("to be sure that MaxSize is 7, no old answer")


def test_an_ended_roll_has_nothing_to_do():
    view, state = finished(phase=Phase.DONE)
    assert actions(view, state) == []
