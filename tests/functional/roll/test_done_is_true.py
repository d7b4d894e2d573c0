"""A roll never says that all is done while what it relies on has gone, or who replaced is dark."""

from __future__ import annotations

import pytest

from tests.functional.roll.harness import GROUP, assert_kept, roll, spec
from tests.lab.world import Fault

ROOM = {"min": 2, "max": 12, "grace_period": 3600}
SLOW = {"boot": {"median": 240, "sigma": 0.2}}


@pytest.mark.parametrize(("at", "surge"), [(100, 2), (60, 6)])
def test_a_target_group_that_is_detached_in_mid_roll_halts_it_by_name(at, surge):
    """Without it every instance would be ready once it is InService, its application or not."""
    gone = []

    def detached(world, _):
        if world.now - world.start >= at and not gone:
            gone.extend(world.groups[GROUP].load_balancers[:1])
            world.detach(GROUP, gone, "operator")

    outcome = roll(spec(6, **ROOM, **SLOW), stop=detached, surge=surge)
    assert outcome.verdict.summary.lowest_serving == 6
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert "web is not the group's any more" in outcome.roll.reason


def test_a_launch_hook_that_is_deleted_in_mid_roll_halts_it_where_nothing_else_tells():
    hook = {
        "name": "in",
        "transition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "completes_after": 30,
    }
    gone = []

    def deleted(world, _):
        if world.now - world.start >= 100 and not gone:
            gone.append("in")
            world.delete_lifecycle_hook(GROUP, "in")

    bare = {"target_groups": [], "health_check_type": "EC2"}
    group = spec(6, min=2, max=12, hooks=[hook], **bare, **SLOW)
    outcome = roll(group, stop=deleted, surge=2)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert outcome.verdict.summary.lowest_serving == 6
    assert "in is not the group's any more" in outcome.roll.reason


def test_a_canary_that_goes_dark_while_it_is_baked_does_not_pass_the_checkpoint():
    stopped = []

    def dark(world, _):
        group = world.groups[GROUP]
        now = world.now - world.start
        baking = any(key == "i-00000000000000007" for key in group.instances)
        if baking and len(group.instances) == 6 and now > 100 and not stopped:
            stopped.append(now)
            world.inject(Fault("application_stops", at=now + 60, pick="newest"))

    outcome = roll(spec(6, **ROOM), stop=dark, canary=1, bake="15m", surge=2)
    assert stopped
    assert_kept(outcome)
    assert "replaced, but not serving any more for 15m: i-00000000000000007" in outcome.roll.reason
    assert outcome.summary["replaced"] == 1


def test_who_replaced_has_to_serve_when_the_roll_ends():
    def dark(world, _):
        group = world.groups[GROUP]
        leaving = [i for i in group.instances.values() if i.lifecycle.startswith("Terminat")]
        if len(leaving) == 6 and not world.faults:
            now = world.now - world.start
            world.inject(Fault("application_stops", at=now + 1, count=6, pick="newest"))

    outcome = roll(spec(6, **ROOM), stop=dark, surge=6)
    assert (outcome.phase, outcome.code, outcome.summary["result"]) == ("halted", 3, False)


def test_a_template_that_is_turned_back_in_mid_roll_is_not_done():
    outcome = roll(faults=[Fault("template_default", at=100, version=1)], surge=2)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert "still of the kind that was to be replaced: i-" in outcome.roll.reason


@pytest.mark.parametrize("pick", ["oldest", "newest"])
def test_a_member_that_the_first_answer_lacks_is_not_forgotten(pick):
    outcome = roll(faults=[Fault("member_missing", nth=1, pick=pick)], surge=2)
    assert outcome.phase == "halted"
    assert "still of the kind that was to be replaced: i-" in outcome.roll.reason


@pytest.mark.parametrize("gap", [3, 10, 20])
def test_what_others_had_named_before_the_roll_is_not_taken_for_our_own_call(gap):
    def two_changes(world):
        world.set_desired_capacity(GROUP, 8, actor="operator")
        world.advance(world.now + 6)
        world.set_desired_capacity(GROUP, 6, actor="operator")
        world.advance(world.now + gap)

    outcome = roll(spec(4, min=2, max=20), prepare=two_changes, surge=2)
    assert_kept(outcome)
    assert outcome.summary["live"] == 6
