"""What happens on bad nights: old answers, slow answers, a full disk, and people who meddle."""

from __future__ import annotations

import pytest

from asgroll.errors import JournalError, Missing
from asgroll.journal import MemoryJournal
from asgroll.model import Phase
from tests.functional.roll.harness import (
    assert_all_replaced,
    assert_kept,
    begin,
    broken,
    finish,
    judge,
    roll,
    spec,
)
from tests.lab.world import Fault

SURE = {"boot": {"median": 60, "sigma": 0}}
# Without a load balancer nobody knows when an application answers; this one always has.
AT_ONCE = {"boot": {"median": 0, "sigma": 0}}
TERMINATE = "TerminateInstanceInAutoScalingGroup"


def reopen(run, phase=Phase.ROLLING):
    run.outcome.roll = run.outcome.roll.reopened(phase, run.clock.now())


def terminated(outcome):
    return [e.data["instance"] for e in outcome.events if e.step.value == "terminating"]


# --- answers -------------------------------------------------------------------------------------


def test_answers_as_old_as_the_settle_time_do_not_lower_the_floor():
    # Our raise is not visible for 20 s; min is far below live, so no clamp hides the mistake.
    outcome = roll(spec(min=0, **SURE), faults=[Fault("stale_reads", seconds=20)], surge=2)
    assert_all_replaced(outcome)
    assert outcome.summary["lowest_serving"] == 6


@pytest.mark.parametrize("took", [0, 29.9], ids=["at once", "after a read timeout"])
def test_a_lost_termination_is_not_repeated_on_an_old_view(took):
    # Repeated with decrement it would lower desired twice, and AWS would choose whom to terminate.
    policy = {"surge": 4, "poll_interval": 2, "accept": ["no-readiness"]}
    run = begin(
        spec(desired=4, min=0, max=20, target_groups=[], health_check_type="EC2", **AT_ONCE),
        faults=[
            Fault("lost_answer", operation=TERMINATE, nth=1, applied=True),
            Fault("stale_reads", seconds=4),
        ],
        **policy,
    )
    send = run.aws._call

    def slowly(service, operation, **params):
        if operation == TERMINATE and run.aws.calls[operation] == 0:
            run.clock.sleep(took)
        return send(service, operation, **params)

    run.aws._call = slowly
    finish(run)
    judge(run.outcome, policy)
    assert_all_replaced(run.outcome)
    assert run.outcome.group.desired == 4


def test_no_termination_rests_on_a_view_that_took_45_seconds():
    # While one target group answered slowly, AWS took another instance.
    run = begin(spec(**SURE), surge=1)
    read, seen = run.aws._target_health, []

    def slowly(arn):
        answer = read(arn)
        new = [key for key in run.outcome.group.instances if key not in run.outcome.victims]
        if not seen and new and new[0] in answer and answer[new[0]].state == "healthy":
            world, last = run.outcome.world, max(run.outcome.victims)
            seen.append(world.now)
            world.inject(Fault("spot_reclaim", at=world.now - world.start + 1, instance=last))
            run.clock.sleep(45)
        return answer

    run.aws._target_health = slowly
    finish(run)
    (slow,) = seen
    asked = [e.at for e in run.outcome.events if e.step.value == "terminating"]
    assert min(asked) > slow + 60, "somebody went before the new view showed a ready replacement"
    judge(run.outcome, {"surge": 1})
    assert_kept(run.outcome)


def test_a_roll_goes_on_where_aws_has_become_slow_for_good():
    # Every view is older than the limit when it has arrived; nothing would ever be done.
    outcome = roll(spec(desired=2, **SURE), faults=[Fault("latency", at=30, seconds=20)])
    assert_all_replaced(outcome)


def test_a_target_group_that_is_gone_is_not_a_group_that_is_gone():
    run = begin(spec(desired=4, **SURE), on_failure="abort")
    read = run.aws._target_health

    def gone(arn):
        if run.outcome.world.now - run.began > 40:
            raise Missing("target group not found", operation="DescribeTargetHealth")
        return read(arn)

    run.aws._target_health = gone
    finish(run)
    assert run.outcome.phase == "halted"
    assert "no view for" in run.outcome.roll.reason
    assert run.outcome.group.suspended == {}


# --- the journal ---------------------------------------------------------------------------------


class FullDisk(MemoryJournal):
    """Takes so many intents, then nothing any more."""

    def __init__(self, takes):
        super().__init__()
        self._takes = takes

    def intent(self, roll, action, now):
        self._takes -= 1
        if self._takes < 0:
            raise JournalError("no space left on device")
        super().intent(roll, action, now)


@pytest.mark.parametrize("takes", range(6))
def test_without_its_journal_a_roll_puts_everything_back_and_halts(takes):
    run = begin(spec(max=6, **SURE))
    run.journal = FullDisk(takes)
    finish(run)
    assert run.outcome.phase == "halted"
    assert "no space left" in run.outcome.roll.reason
    assert run.outcome.summary["left_changed"] == {}
    assert (run.outcome.group.desired, run.outcome.group.max_size) == (6, 6)
    assert run.outcome.group.suspended == {}


# --- people --------------------------------------------------------------------------------------


def test_a_replacement_that_serves_after_the_halt_is_kept_by_resume():
    policy = {"ready_timeout": "5m", "max_failures": 0}
    slow = Fault("slow_boot", nth=1, count=1, seconds=500)
    run = begin(spec(**SURE, grace_period=900), faults=[slow], **policy)
    finish(run)
    assert run.outcome.phase == "halted"
    (late,) = run.outcome.roll.replacements
    run.clock.sleep(900)
    reopen(run)
    finish(run)
    judge(run.outcome, policy)
    assert_all_replaced(run.outcome)
    assert late in run.outcome.members()


def test_launches_that_failed_while_nobody_looked_do_not_spend_the_new_budget():
    run = begin(spec(**SURE), faults=[Fault("insufficient_capacity", until=3000)])
    finish(run)
    assert run.outcome.phase == "halted"
    run.clock.sleep(3001 - (run.outcome.world.now - run.outcome.world.start))
    reopen(run)
    finish(run)
    assert run.outcome.phase == "done"
    assert run.outcome.old_left() == set()


def test_a_surge_that_a_person_gave_back_by_hand_is_not_given_back_twice():
    policy = {"surge": 2, "max_failures": 0, "ready_timeout": "5m"}
    sick = Fault("never_healthy", nth=1, count=9)
    run = begin(spec(max=12, **SURE), faults=[sick], **policy)
    finish(run)
    assert run.outcome.summary["left_changed"]["desired"] == {"now": 8, "should_be": 6}
    run.aws.set_desired("web", 6)
    run.clock.sleep(600)
    before = terminated(run.outcome)
    reopen(run, Phase.RESTORING)
    finish(run)
    assert terminated(run.outcome) == before
    assert run.outcome.group.desired == 6


@pytest.mark.parametrize("how", ["standby", "protection"])
def test_an_instance_that_a_person_sets_aside_during_the_roll_is_left_alone(how):
    chosen = []

    def meddle(world, turn):
        if turn == 8:
            key = max(k for k in run.outcome.victims if k in world.groups["web"].instances)
            chosen.append(key)
            if how == "standby":
                world.enter_standby("web", [key], True)
            else:
                world.set_instance_protection("web", [key], True)

    run = begin(spec(**SURE))
    finish(run, stop=meddle)
    (key,) = chosen
    assert key not in terminated(run.outcome)
    assert key in run.outcome.roll.reason
    assert run.outcome.phase == "done"
    assert run.outcome.old_left() == {key}


def test_another_group_of_the_same_name_is_not_touched():
    run = begin(spec(desired=4, **SURE))
    read, reads = run.aws._group, []

    def created_anew(name):
        reads.append(name)
        raw = read(name)
        if len(reads) > 6:
            raw = raw | {"AutoScalingGroupARN": raw["AutoScalingGroupARN"] + "-new"}
        return raw

    run.aws._group = created_anew
    finish(run)
    assert run.outcome.phase == "halted"
    assert "another one of the same name" in run.outcome.roll.reason
    assert terminated(run.outcome) == []


# --- ends ----------------------------------------------------------------------------------------


def test_putting_back_has_an_end_even_where_aws_never_lets_it():
    blocked = Fault("scaling_activity_in_progress", at=200, operation="UpdateAutoScalingGroup")
    run = begin(spec(desired=3, max=3, **SURE), faults=[blocked], poll_interval=60)
    finish(run, deadline=7200)
    assert run.outcome.code == 3
    assert list(run.outcome.summary["left_changed"]) == ["max"]
    assert run.outcome.group.suspended == {}


def test_a_raised_max_that_could_not_be_put_back_is_told():
    denied = Fault("denied", operation=TERMINATE)
    outcome = roll(spec(max=6, **SURE), faults=[denied], on_failure="abort", surge=2)
    assert outcome.code == 3
    assert outcome.summary["left_changed"] == {
        "desired": {"now": 8, "should_be": 6},
        "max": {"now": 8, "should_be": 6},
    }
    assert all(line.startswith("I5") for line in broken(outcome))


def test_a_victim_that_has_not_left_is_not_called_replaced():
    settings = {"drain_timeout": "20s", "accept": ["timeouts"]}
    outcome = roll(spec(desired=3, **SURE), max_failures=5, **settings)
    assert (outcome.phase, outcome.code) == ("halted", 3)
    assert "still in the group after drain_timeout" in outcome.roll.reason
