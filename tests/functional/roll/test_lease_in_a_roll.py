"""A roll with its lease and its notes on the group: what the tags say is enough to put it back."""

from __future__ import annotations

from dataclasses import replace

import pytest
import salt.cache
import salt.config

from asgroll import marks
from asgroll.aws import Aws
from asgroll.journal import CacheJournal, MemoryJournal
from asgroll.model import Phase
from asgroll.recovery import recovered
from tests.functional.roll.harness import (
    GROUP,
    READS,
    Run,
    assert_all_replaced,
    begin,
    broken,
    finish,
    judge,
    lease,
    roll,
    spec,
)
from tests.lab.world import Fault

TAG, UNTAG = "CreateOrUpdateTags", "DeleteTags"
TIGHT = {"min": 6, "max": 6}
OTHERS = {"Name": ("web", True), "cost-centre": ("42", False)}


def others_tags(world):
    world.create_or_update_tags([(GROUP, key, *value) for key, value in OTHERS.items()])


def assert_only_others_tags(outcome):
    assert outcome.group.tags == OTHERS


# -- a whole roll ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy",
    [
        {"surge": 1},
        {"surge": 3},
        {"surge": 0, "max_unavailable": 2},
        {"surge": 2, "max_unavailable": 1},
    ],
    ids=str,
)
def test_a_roll_leaves_other_peoples_tags_and_none_of_its_own(policy):
    outcome = roll(spec(**TIGHT), leased=True, prepare=others_tags, **policy)
    assert_all_replaced(outcome)
    assert_only_others_tags(outcome)


@pytest.mark.parametrize("policy", [{"surge": 1}, {"surge": 3}], ids=str)
def test_tags_are_written_to_take_to_renew_and_to_note_but_not_for_every_victim(policy):
    outcome = roll(spec(desired=12, max=12, min=12), leased=True, **policy)
    assert_all_replaced(outcome)
    seconds = outcome.calls()[-1].time - outcome.calls()[0].time
    renewals = seconds / (outcome.policy.lease_time / 3)
    # the lease, what will be raised and what was; what each turn will give back and what it did
    assert outcome.mutations()[TAG] <= 3 + renewals + 2 * policy["surge"]
    assert outcome.mutations()[UNTAG] == 1


def test_a_roll_that_finds_nothing_to_change_writes_no_note():
    outcome = roll(spec(**TIGHT), leased=True, stop=lambda world, turn: "SIGTERM")
    assert (outcome.phase, outcome.mutations()) == ("stopped", {TAG: 1, UNTAG: 1})


def test_a_paused_roll_gives_back_the_lease_and_leaves_its_note():
    outcome = roll(
        spec(**TIGHT),
        leased=True,
        stop=lambda world, turn: "SIGTERM" if turn > 5 else None,
        on_signal="pause",
        surge=2,
    )
    assert outcome.phase == "stopped"
    assert set(outcome.group.tags) == {marks.RESTORE}
    text, propagated = outcome.group.tags[marks.RESTORE]
    assert (text, propagated) == (marks.due_after(outcome.roll).text(), False)


# -- trouble with tags -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["throttle", "lost_answer", "html_error"])
@pytest.mark.parametrize("operation", [TAG, UNTAG])
@pytest.mark.parametrize(
    "share", [{"nth": 1, "count": 2}, {"nth": 2}, {"probability": 0.3}], ids=str
)
def test_tag_calls_that_fail_for_now_change_nothing_of_the_result(kind, operation, share):
    fault = Fault(kind, operation=operation, **share)
    outcome = roll(
        spec(**TIGHT), faults=[fault], leased=True, prepare=others_tags, surge=2, lease_time="2m"
    )
    assert_all_replaced(outcome)
    assert_only_others_tags(outcome)


@pytest.mark.parametrize("seconds", [1, 3, 8])
def test_answers_that_lag_change_nothing_of_the_result(seconds):
    fault = Fault("stale_reads", seconds=seconds)
    outcome = roll(
        spec(**TIGHT), faults=[fault], leased=True, prepare=others_tags, surge=2, settle_time=20
    )
    assert_all_replaced(outcome)
    assert_only_others_tags(outcome)


@pytest.mark.parametrize("seconds", [2, 5])
def test_calls_that_have_become_slow_change_nothing_of_the_result(seconds):
    fault = Fault("latency", seconds=seconds, at=1)
    outcome = roll(spec(**TIGHT), faults=[fault], leased=True, surge=2)
    assert_all_replaced(outcome)
    assert outcome.group.tags == {}


@pytest.mark.parametrize("nth", [2, 3, 4])
def test_a_note_that_is_denied_halts_with_the_permission_and_resume_goes_on(nth):
    run = begin(spec(**TIGHT), surge=2, lease_time="1h")
    fault = Fault("denied", operation=TAG, nth=nth)
    run.outcome.world.inject(fault)
    finish(run, lease=lease(run))
    assert run.outcome.phase == "halted"
    assert f"autoscaling:{TAG}" in run.outcome.roll.reason
    run.outcome.roll = run.outcome.roll.reopened(Phase.ROLLING, run.clock.now())
    finish(run, lease=lease(run, number=2))
    judge(run.outcome, {"surge": 2})
    assert_all_replaced(run.outcome)
    assert run.outcome.group.tags == {}


def test_a_lease_that_may_not_be_renewed_ends_the_roll_before_others_can_take_it():
    run = begin(spec(**TIGHT), surge=1)
    began = run.clock.now()
    fault = Fault("denied", operation=TAG, at=60, until=5000)
    run.outcome.world.inject(fault)
    finish(run, lease=lease(run))
    assert run.outcome.phase == "halted"
    assert f"autoscaling:{TAG}" in run.outcome.roll.reason
    ends = began + run.outcome.policy.lease_time + 60
    sent = [c for c in run.outcome.calls() if not c.operation.startswith(READS)]
    assert sent[-1].time < ends


# -- losing it -------------------------------------------------------------------------------------


def takeover(world):
    claim = marks.Claim("other", "r2", "other-1", world.now + 300)
    world.create_or_update_tags([(GROUP, marks.LEASE, claim.text(), False)])
    return claim.text()


@pytest.mark.parametrize("turn", [2, 3, 5, 9, 20])
def test_a_lost_lease_ends_the_roll_and_nothing_more_is_sent(turn):
    taken = []

    def stop(world, number):
        if number == turn:
            taken.append((world.now, takeover(world)))

    outcome = roll(spec(**TIGHT), leased=True, stop=stop, surge=2)
    at, text = taken[0]
    assert outcome.phase == "halted"
    assert "other has taken over (roll r2)" in outcome.roll.reason
    changes = [c for c in outcome.calls() if not c.operation.startswith(READS)]
    assert [c.operation for c in changes if c.time > at] == []
    assert outcome.group.tags[marks.LEASE][0] == text


@pytest.mark.parametrize("turn", [2, 5, 9])
def test_what_the_one_who_has_taken_over_keeps_in_a_shared_journal_stays(tmp_path, turn):
    """The late one wrote its end over what the other, who went on, had to know."""
    shared = salt.cache.Cache({**salt.config.master_config(None), "cachedir": str(tmp_path)})
    run, gone_on = begin(spec(**TIGHT), surge=2), []

    def stop(world, number):
        if number == turn:
            mine = CacheJournal(shared).load(run.outcome.roll.arn, GROUP)
            gone_on.append(mine.with_(turns=mine.turns + 7))
            CacheJournal(shared).save(gone_on[0])
            takeover(world)

    run.journal = CacheJournal(shared)
    finish(run, stop=stop, lease=lease(run))
    assert run.outcome.phase == "halted"
    assert CacheJournal(shared).load(run.outcome.roll.arn, GROUP) == gone_on[0]


def test_a_roll_that_slept_past_its_lease_while_another_paused_it_sends_nothing_more(tmp_path):
    shared = salt.cache.Cache({**salt.config.master_config(None), "cachedir": str(tmp_path)})
    run, slept = begin(spec(**TIGHT), surge=2), []

    def stop(world, number):
        if number == 4:
            world.advance(world.now + 3600)
            mine = CacheJournal(shared).load(run.outcome.roll.arn, GROUP)
            CacheJournal(shared).save(mine.with_(phase=Phase.STOPPED, turns=mine.turns + 7))
            slept.append(world.now)

    run.journal = CacheJournal(shared)
    finish(run, stop=stop, lease=lease(run))
    assert run.outcome.roll.reason == "another process has gone on with this roll meanwhile"
    changes = [c for c in run.outcome.calls() if not c.operation.startswith(READS)]
    assert [c.operation for c in changes if c.time > slept[0]] == []


def test_a_lease_that_somebody_deletes_costs_a_few_turns():
    def stop(world, number):
        if number in (4, 12):
            world.delete_tags([(GROUP, marks.LEASE)])

    outcome = roll(spec(**TIGHT), leased=True, stop=stop, surge=2)
    assert_all_replaced(outcome)


def test_a_tag_that_somebody_garbled_ends_the_roll_and_says_which():
    def stop(world, number):
        if number == 6:
            world.create_or_update_tags([(GROUP, marks.LEASE, "mine", False)])

    outcome = roll(spec(**TIGHT), leased=True, stop=stop, surge=2)
    assert outcome.phase == "halted"
    assert "asgcycle:lease of web cannot be read: 'mine'" in outcome.roll.reason


# -- the tags alone are enough ---------------------------------------------------------------------


class Killed(BaseException):
    """The process has died."""


class MortalAws(Aws):
    """A gateway whose process dies with one of its changes, just before or after it is applied."""

    def __init__(self, factory, now, dies_at, *, applied):
        super().__init__(factory, now)
        self.left, self._applied = dies_at, applied

    def _call(self, service, operation, *, change=False, **params):
        if not change:
            return super()._call(service, operation, **params)
        self.left -= 1
        if self.left == 0 and not self._applied:
            raise Killed
        answer = super()._call(service, operation, change=True, **params)
        if self.left == 0:
            raise Killed
        return answer


def killed(scenario, dies_at, *, applied=True, faults=(), **policy) -> Run | None:
    """A leased roll whose process dies with its nth change; None when it ended before."""
    run = begin(scenario, faults=faults, prepare=others_tags, **policy)
    assert not run.outcome.obstacles
    living = run.aws
    run.aws = MortalAws(living._factory, run.clock.now, dies_at, applied=applied)
    try:
        finish(run, lease=lease(run))
    except Killed:
        run.aws = living
        return run
    return None


def recover(run: Run) -> None:
    """What `recover` does on another master, which has nothing but the group."""
    run.clock.sleep(run.outcome.policy.lease_time + 1)
    now = run.clock.now()
    world = run.aws.observe(GROUP, now)
    due = marks.due(world.group)
    if due is None or due.nothing:
        return
    run.journal = MemoryJournal()
    run.outcome.roll = recovered(world, due, run.aws.launch_times(world.instances), now)
    policy = run.outcome.policy
    run.outcome.policy = replace(policy, healthy_for=0.0)
    finish(run, lease=lease(run, "other"))
    assert marks.LEASE not in run.outcome.group.tags


def assert_recovers_from_every_crash(scenario, **policy):
    """Kill a roll with each of its changes in turn; every time the tags have to be enough."""
    for applied in (True, False):
        number = 0
        while True:
            number += 1
            run = killed(scenario, number, applied=applied, **policy)
            if run is None:
                assert number > 5, "the roll did not get far"
                break
            recover(run)
            judge(run.outcome, policy)
            when = f"killed {'after' if applied else 'before'} change {number}"
            assert (when, broken(run.outcome)) == (when, [])
            assert set(run.outcome.group.tags) - {marks.LEASE} == set(OTHERS)


@pytest.mark.parametrize(
    "policy",
    [
        {"surge": 1},
        {"surge": 3},
        {"surge": 0, "max_unavailable": 2},
        {"surge": 2, "max_unavailable": 1},
        {"surge": 2, "suspend": ["AZRebalance", "AlarmNotification"]},
    ],
    ids=str,
)
def test_recover_puts_back_sizes_and_processes_wherever_the_roll_was_killed(policy):
    assert_recovers_from_every_crash(spec(**TIGHT), **policy)


def test_recover_leaves_a_max_size_that_was_high_enough_alone():
    assert_recovers_from_every_crash(spec(max=10), surge=2)


def test_recover_in_a_group_with_weights_puts_back_or_says_what_is_left():
    """What is left of our share may be smaller than any instance that the roll has launched."""
    mixed = {
        "overrides": [{"type": "m5.large", "weight": 1}, {"type": "m5.xlarge", "weight": 2}],
        "distribution": {"OnDemandPercentageAboveBaseCapacity": 100},
    }
    restored = 0
    for number in range(1, 30):
        run = killed(spec(desired=8, max=8, mixed=mixed), number, surge=2)
        if run is None:
            break
        recover(run)
        judge(run.outcome, {"surge": 2})
        left = run.outcome.summary.get("left_changed")
        found = [text for text in broken(run.outcome) if not (left and text.startswith("I5"))]
        assert (number, found) == (number, [])
        restored += not left
        if left:
            assert left["desired"] == {"now": run.outcome.group.desired, "should_be": 8}
    assert restored > number / 2


@pytest.mark.parametrize("phase", [Phase.RESTORING, Phase.ROLLING])
def test_a_master_that_comes_back_takes_nothing_from_a_group_that_another_has_recovered(phase):
    run = killed(spec(max=10), 6, surge=2)
    left, journal = run.journal.rolls[GROUP], run.journal
    assert left.delta == 2
    recover(run)
    run.outcome.world.set_desired_capacity(GROUP, 8)  # a scaling policy, meanwhile
    run.clock.sleep(1800)
    run.journal, run.outcome.roll = journal, left.reopened(phase, run.clock.now())
    finish(run, lease=lease(run, number=2))
    assert run.outcome.group.desired == 8
    assert run.outcome.summary["left_changed"] == {}
    assert set(run.outcome.group.tags) == set(OTHERS)


@pytest.mark.parametrize("kind", ["scale_out", "scale_in"])
@pytest.mark.parametrize("at", [30, 200, 400, 1000])
def test_recover_after_somebody_scaled_never_goes_below_what_they_want(kind, at):
    fault = Fault(kind, at=at, by=1)
    for number in range(1, 40):
        run = killed(spec(max=10), number, faults=[fault], surge=2)
        if run is None:
            break
        recover(run)
        judge(run.outcome, {"surge": 2})
        found = [text for text in broken(run.outcome) if not text.startswith("I5")]
        assert (number, found) == (number, [])
