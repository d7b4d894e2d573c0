"""What an observation adds to a roll: instances followed, failures counted."""

from dataclasses import replace

import pytest

from asgroll.model import Cause, Failure, Phase, Termination
from asgroll.tracker import LAUNCH_PATIENCE_SECONDS, fold, serves
from asgroll.world import Activity
from tests.unit.asgroll.build import NOW, after, believed, instance, new, policy, roll, world

OLD = [instance(f"i-old{n}") for n in range(4)]


# --- instances -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "serving"),
    [
        pytest.param({}, True, id="in service and in traffic"),
        pytest.param({"lifecycle": "Pending:Wait"}, False, id="waiting for a hook"),
        pytest.param({"healthy": False}, False, id="unhealthy"),
        pytest.param({"ready": False}, False, id="not in traffic"),
        pytest.param({"lifecycle": "Standby"}, False, id="standby"),
    ],
)
def test_what_counts_as_serving(fields, serving):
    assert serves(instance("i-old0", **fields), roll(*OLD)) is serving


def test_a_new_instance_serves_only_after_healthy_for_unbroken():
    fresh = instance("i-new", launched_at=NOW)
    state = after(world(*OLD, fresh), roll(*OLD), NOW, healthy_for=60)
    assert state.replacements["i-new"].healthy_since == NOW
    broken = after(world(*OLD, replace(fresh, healthy=False)), state, NOW + 30, healthy_for=60)
    assert broken.replacements["i-new"].healthy_since is None
    again = after(world(*OLD, fresh), broken, NOW + 40, healthy_for=60)
    assert again.replacements["i-new"].ready_at is None
    assert after(world(*OLD, fresh), again, NOW + 99, healthy_for=60).serving == 4
    ready = after(world(*OLD, fresh), again, NOW + 100, healthy_for=60)
    assert (ready.replacements["i-new"].ready_at, ready.serving) == (NOW + 100, 5)


def test_a_replacement_past_its_deadline_fails_once_with_what_was_last_seen():
    late = instance("i-new", ready=False)
    state = roll(*OLD, replacements={"i-new": new("i-new", ready=False)})
    found = after(world(*OLD, late), state, NOW + 901, ready_timeout=900)
    (failure,) = found.failures
    assert failure.what == "new instance i-new not ready after 15m1s"
    assert failure.why == "traffic" or "not yet" in failure.why or "initial" in failure.why
    assert after(world(*OLD, late), found, NOW + 950).failures == (failure,)


@pytest.mark.parametrize("state_seen", ["Terminating", None])
def test_a_replacement_that_leaves_without_us_is_a_failure(state_seen):
    state = roll(*OLD, replacements={"i-new": new("i-new", ready=False)})
    left = [instance("i-new", lifecycle=state_seen)] if state_seen else []
    view = world(*OLD, *left)
    found = after(view, after(view, state, NOW), NOW + 60, settle_time=10)
    assert [f.what for f in found.failures] == ["new instance i-new is gone"]


def test_one_stale_answer_without_a_new_instance_is_not_its_death():
    state = roll(*OLD, replacements={"i-new": new("i-new")})
    missing = after(world(*OLD), state, NOW, settle_time=10)
    back = after(world(*OLD, instance("i-new")), missing, NOW + 5, settle_time=10)
    assert back.failures == ()
    assert back.replacements["i-new"].gone_at is None
    assert back.replacements["i-new"].missing_since is None


def test_a_late_replacement_that_serves_after_all_has_not_failed():
    late = new("i-new", ready=False, failed_at=NOW - 1)
    found = after(world(*OLD, instance("i-new")), roll(*OLD, replacements={"i-new": late}))
    assert found.replacements["i-new"].failed_at is None
    assert found.replacements["i-new"].ready_at == NOW


def test_deadlines_do_not_run_while_nobody_works_on_the_roll():
    slow = new("i-new", ready=False, seen=NOW - 5000)
    paused = roll(*OLD, phase=Phase.HALTED, replacements={"i-new": slow})
    view = world(*OLD, instance("i-new", ready=False))
    again = paused.reopened(Phase.ROLLING, NOW)
    assert after(view, again, NOW + 10).failures == ()
    assert len(after(view, again, NOW + 901, ready_timeout=900).failures) == 1


def test_what_has_to_be_seen_for_a_while_is_seen_anew_after_a_pause():
    long_ago = NOW - 9000
    paused = roll(
        instance("i-old"),
        expected_desired=3,
        delta=2,
        phase=Phase.STOPPED,
        short_since=long_ago,
        doubted=1,
        doubted_at=long_ago,
        missing={"i-old": long_ago},
        replacements={
            "i-n": new("i-n", ready=False, healthy_since=long_ago),
            "i-gone": new("i-gone", ready=False, missing_since=long_ago),
        },
    )
    view = world(instance("i-old"), instance("i-n"), desired=3)
    seen = fold(paused.reopened(Phase.ROLLING, NOW), view, policy(healthy_for="2m"), NOW)
    assert (seen.short_since, seen.replacements["i-gone"].gone_at) == (NOW, None)
    assert seen.replacements["i-n"].ready_at is None
    short = world(instance("i-old"), desired=1)
    seen = fold(paused.reopened(Phase.ROLLING, NOW).with_(expected_desired=3), short, policy(), NOW)
    assert (seen.doubted, seen.doubted_at) == (1, NOW)
    gone = world(desired=3)
    seen = fold(paused.reopened(Phase.ROLLING, NOW), gone, policy(), NOW)
    assert (seen.vanished, seen.missing) == (frozenset(), {"i-old": NOW})


def test_new_instances_that_a_scale_in_took_are_excused():
    fresh = instance("i-new", lifecycle="Terminating")
    state = roll(*OLD, delta=1, expected_desired=5, replacements={"i-new": new("i-new")})
    found = believed(world(*OLD, fresh, desired=4), state)
    assert (found.failures, found.live) == ((), 4)


def test_a_victim_counts_as_gone_only_after_the_settle_time():
    lacking = world(*OLD[1:], desired=4)
    once = after(lacking, roll(*OLD), settle_time=10)
    assert (once.vanished, once.missing) == (frozenset(), {"i-old0": NOW})
    back = after(world(*OLD), once, NOW + 5, settle_time=10)
    assert (back.vanished, back.missing) == (frozenset(), {})
    again = after(lacking, back, NOW + 11, settle_time=10)
    assert again.vanished == frozenset()
    assert after(lacking, again, NOW + 21, settle_time=10).vanished == {"i-old0"}


def test_a_victim_that_shows_up_again_is_a_victim_again():
    gone = roll(*OLD, vanished=frozenset({"i-old0"}))
    assert after(world(*OLD), gone).vanished == frozenset()
    assert after(world(*OLD[1:], desired=4), gone).vanished == {"i-old0"}


def test_a_victim_that_is_leaving_counts_as_gone_at_once():
    leaving = replace(OLD[0], lifecycle="Terminating")
    assert after(world(leaving, *OLD[1:]), roll(*OLD), settle_time=10).vanished == {"i-old0"}


def test_one_answer_without_a_terminated_instance_does_not_tell_that_it_has_gone():
    asked = {"i-old0": Termination("i-old0", NOW, Cause.VICTIM, False, unclear=True)}
    once = after(world(*OLD[1:]), roll(*OLD, terminations=asked), settle_time=10)
    assert once.terminations["i-old0"].gone_at is None
    back = after(world(*OLD), once, NOW + 9, settle_time=10)
    assert back.terminations["i-old0"].missing_since is None
    assert after(world(*OLD), back, NOW + 11, settle_time=10).terminations == {}
    absent = after(world(*OLD[1:]), once, NOW + 10, settle_time=10).terminations["i-old0"]
    assert (absent.gone_at, absent.unclear) == (NOW, False)


def test_a_victim_that_does_not_leave_in_time_counts_once_as_a_failure():
    slow = replace(OLD[0], lifecycle="Terminating:Wait")
    term = Termination("i-old0", NOW, Cause.VICTIM, False)
    state = roll(*OLD, terminations={"i-old0": term})
    view = world(slow, *OLD[1:])
    found = after(view, state, NOW + 901, drain_timeout=900)
    assert [f.what for f in found.failures] == ["i-old0 has not left the group"]
    assert "Terminating:Wait" in found.failures[0].why
    assert len(after(view, found, NOW + 999, drain_timeout=900).failures) == 1


def failed_launch(key, description="Launching a new EC2 instance.  Status Reason: …", at=NOW):
    return Activity(key, at, at, "Failed", description, "InsufficientInstanceCapacity")


def lacking(*activities, **fields):
    """A group that lacks an instance for so long that its failed launches count."""
    since = NOW - LAUNCH_PATIENCE_SECONDS
    state = roll(*OLD, **({"expected_desired": 5, "delta": 1, "short_since": since} | fields))
    return replace(world(*OLD, desired=5), activities=activities), state


def test_failed_launches_count_once_each_and_old_ones_never():
    known = frozenset({"old"})
    view, state = lacking(failed_launch("new"), failed_launch("old"), counted_launch_failures=known)
    found = after(view, state)
    assert [f.why for f in found.failures] == ["InsufficientInstanceCapacity"]
    assert after(view, found).failures == found.failures


def test_a_launch_that_failed_in_one_zone_may_be_tried_in_another_first():
    view, state = lacking(failed_launch("a"), short_since=NOW - 60)
    assert after(view, state).failures == ()
    assert len(after(view, state, NOW + 30).failures) == 1


def test_a_launch_that_failed_before_the_group_lacked_anybody_does_not_count():
    view, state = lacking(failed_launch("a", at=NOW - 600))
    assert after(view, state, settle_time=10).failures == ()


def test_a_launch_makes_up_for_those_that_failed_before():
    view, state = lacking(failed_launch("a"))
    failed = after(view, state)
    assert [f.made_up for f in failed.failures] == [False]
    launched = after(replace(view, instances={**view.instances, "i-n": instance("i-n")}), failed)
    assert [f.made_up for f in launched.failures] == [True]


def test_a_launch_does_not_make_up_for_a_replacement_that_failed():
    state = roll(*OLD, failures=(Failure(NOW, "new instance i-x is gone", "…"),))
    found = after(world(*OLD, instance("i-n"), desired=5), state)
    assert [f.made_up for f in found.failures] == [False]


def test_the_failed_launch_of_an_instance_that_is_followed_anyway_counts_once():
    named = failed_launch("a1", "Launching a new EC2 instance: i-0123456789abcdef0")
    gone = new("i-0123456789abcdef0", ready=False, seen=NOW - 900, gone_at=NOW)
    view, state = lacking(named, replacements={"i-0123456789abcdef0": gone})
    assert after(view, state).failures == ()


def test_extremes_keep_the_worst_that_was_seen():
    sick = [replace(OLD[0], healthy=False), *OLD[1:]]
    low = after(world(*sick), roll(*OLD))
    high = after(world(*OLD, instance("i-new"), desired=4), low)
    assert (high.extremes.lowest_serving, high.extremes.highest_total) == (3, 5)
    assert high.extremes.below_floor == 1
