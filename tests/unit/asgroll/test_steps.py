"""Checkpoints: how far a roll goes, and what it takes to go on."""

from dataclasses import replace

import pytest

from asgroll import steps
from asgroll.actions import Bake, Finish, Proceed, SetDesired, Terminate, Wait
from asgroll.model import Cause, Failure, Phase, Termination
from asgroll.planner import plan
from tests.unit.asgroll.build import NOW, instance, new, policy, roll, world

OLD = [instance(f"i-old{n}", "abc"[n % 3]) for n in range(10)]


@pytest.mark.parametrize(
    ("keys", "victims", "expected"),
    [
        ({}, 40, (40,)),
        ({"canary": 1}, 40, (1, 40)),
        ({"canary": 1, "checkpoints": ["10%", "50%"]}, 40, (1, 4, 20, 40)),
        ({"checkpoints": ["50%", 1, "1"]}, 40, (1, 20, 40)),
        ({"canary": 5, "checkpoints": ["100%", 80]}, 5, (5,)),
        ({"checkpoints": ["1%"]}, 10, (1, 10)),
    ],
)
def test_limits_are_cumulative_and_end_with_the_whole_set(keys, victims, expected):
    assert steps.limits(policy(**keys), victims) == expected


def at_checkpoint(**fields):
    """One of ten replaced, nothing under way."""
    gone = Termination("i-old0", NOW, Cause.VICTIM, True, gone_at=NOW)
    fresh = instance("i-new0")
    state = roll(
        *OLD,
        max_size=20,
        terminations={"i-old0": gone},
        replacements={"i-new0": new("i-new0")},
        **fields,
    )
    return world(*OLD[1:], fresh, maximum=20), state


def decided(view, state, now=NOW, **keys):
    return plan(view, state, policy(**{"canary": 1, "surge": 3, **keys}), now)


def test_before_a_checkpoint_no_more_is_launched_and_terminated_than_it_allows():
    assert decided(world(*OLD, maximum=20), roll(*OLD, max_size=20)) == [SetDesired(10, 11)]
    fresh = instance("i-new0")
    state = roll(
        *OLD,
        max_size=20,
        delta=1,
        expected_desired=11,
        replacements={"i-new0": new("i-new0")},
    )
    found = decided(world(*OLD, fresh, maximum=20), state)
    assert [type(a) for a in found] == [Terminate]
    assert found[0].decrement


def test_the_group_is_watched_from_the_checkpoint_on():
    (found,) = decided(*at_checkpoint())
    assert found == Bake("checkpoint: 1 of 10 replaced")


def test_baking_takes_its_time():
    view, state = at_checkpoint(baking_since=NOW)
    (found,) = decided(view, state, now=NOW + 299, bake="5m")
    assert found == Wait("for the checkpoint at 1 to bake for 5m")
    (found,) = decided(view, state, now=NOW + 300, bake="5m")
    assert found == Proceed("checkpoint passed, 9 more to replace")


def test_a_long_bake_is_not_a_lack_of_progress():
    view, state = at_checkpoint(baking_since=NOW)
    (found,) = decided(view, state, now=NOW + 86_000, bake="1d")
    assert isinstance(found, Wait)


def test_a_person_has_to_approve_where_the_policy_says_so():
    view, state = at_checkpoint()
    (found,) = decided(view, state, approve="manual")
    assert found.why.endswith("to be approved with `salt-run asgcycle.approve web`")
    view, state = at_checkpoint(baking_since=NOW)
    (found,) = decided(view, state, approve="manual")
    assert found == Wait("for approval: `salt-run asgcycle.approve web`")
    (found,) = decided(view, state.with_(approved=True), approve="manual")
    assert isinstance(found, Proceed)


def test_a_checkpoint_is_not_passed_while_an_alarm_cannot_tell():
    view, state = at_checkpoint(baking_since=NOW)
    view = replace(view, alarms={"web-5xx": "INSUFFICIENT_DATA", "slow": "OK"})
    (found,) = decided(view, state)
    assert found == Wait("at the checkpoint for the alarms to be OK: web-5xx is INSUFFICIENT_DATA")


@pytest.mark.parametrize("baking", [None, NOW])
def test_an_alarm_halts_the_roll_at_any_time(baking):
    view, state = at_checkpoint(baking_since=baking)
    (found,) = decided(replace(view, alarms={"web-5xx": "ALARM"}), state)
    assert found == Finish(Phase.HALTED, "in state ALARM: web-5xx")


def test_after_the_last_checkpoint_all_the_others_may_go():
    view, state = at_checkpoint(step=1)
    (found,) = decided(view, state)
    assert found == SetDesired(10, 13)


def test_a_checkpoint_is_not_reached_while_a_replacement_is_awaited():
    view, state = at_checkpoint()
    waiting = state.with_(replacements={"i-new0": new("i-new0", ready=False)})
    (found,) = decided(view, waiting)
    assert isinstance(found, Wait)


# --- the failure budget --------------------------------------------------------------------------

FAILURES = tuple(Failure(NOW, f"f{n}", "why") for n in range(3))


@pytest.mark.parametrize(
    ("keys", "forgiven", "halts"),
    [
        pytest.param({"max_failures": 2}, 0, True, id="a number, exceeded"),
        pytest.param({"max_failures": 3}, 0, False, id="a number, kept"),
        pytest.param({"max_failures": "20%"}, 0, True, id="20% of ten are two"),
        pytest.param({"max_failures": "39%"}, 0, False, id="a percentage rounds down"),
        pytest.param({"max_failures": 2}, 3, True, id="old ones count in total"),
        pytest.param(
            {"max_failures": 0, "count_failures": "consecutive"}, 3, False, id="forgiven by success"
        ),
        pytest.param(
            {"max_failures": 0, "count_failures": "consecutive"}, 2, True, id="one since success"
        ),
    ],
)
def test_the_failure_budget_counts_as_the_policy_says(keys, forgiven, halts):
    view, state = at_checkpoint(failures=FAILURES, forgiven=forgiven)
    found = decided(view, state, **keys)
    assert isinstance(found[0], Finish) is halts
