"""What a play shows: which of the invariants I1–I8 it broke. Judged by the lab's history.

I1 to I5 are judged by ``tests/lab/invariants.py`` at every record, I6 by which process was alive
when another one changed something, I8 by the reads between two looks at the group.
"""

from __future__ import annotations

import math
import re
from typing import Any

from tests.functional.roll.harness import GROUP, READS, just_served
from tests.lab import invariants
from tests.lab.world import history as h
from tests.proof.playing import Play
from tests.proof.story import Signal, Story

# What is read once before a process goes to work, in no turn.
PREFLIGHT = {"DescribeInstanceRefreshes", "DescribeLaunchTemplateVersions"}
# What follows the last turn: the lease is given back, then evidence is read.
CLOSING = {"DeleteTags", "GetConsoleOutput"}


def broken(play: Play) -> list[str]:
    """Return what was broken, each line beginning with the invariant's name."""
    records = list(play.world.history)
    found = [*play.wrong, *_judged(play, records), *_reads(play, records)]
    return _forgiven(play, records, found)


def rules(lines: list[str]) -> set[str]:
    """Return the names of the broken invariants."""
    return {line.split()[0].rstrip(":") for line in lines}


def _judged(play: Play, records: list[h.Record]) -> list[str]:
    stale = _stale(play)
    verdict = invariants.examine(
        records,
        GROUP,
        play.victims,
        *_window(play),
        since=play.before,
        failed=just_served(records, play.before, stale),
        unseen=stale,
    )
    start = play.world.start
    found = [f"{v.rule} at {v.time - start:.0f} s: {v.message}" for v in verdict.violations]
    launches = verdict.summary.caller_launches  # a rebalancing of AWS's own is its own affair
    done = {"roll: done", "resume: done"}.intersection(play.ended)
    if calm(play.story) and done and launches != len(play.victims):
        found.append(f"I4: {launches} launches for {len(play.victims)} victims")
    return found


def _window(play: Play) -> tuple[int, int]:
    """Return surge and max_unavailable in capacity units, at their largest."""
    records, policy = list(play.world.history), play.story.policy
    sizes = [r.after for r in records if isinstance(r, h.Size) and r.field == "desired"]
    launched = {r.instance: r.weight for r in records if isinstance(r, h.Launch)}
    replaced = [launched[key] for key in play.victims if key in launched] or [1]
    highest = max(sizes, default=0)
    return (
        _units(policy["surge"], highest, max(replaced), math.ceil),
        _units(policy["max_unavailable"], highest, min(replaced), math.floor),
    )


def _stale(play: Play) -> float:
    """Return for how many seconds answers may lag behind."""
    faults = [f.get("seconds", 3.0) for f in play.story.faults if f.kind == "stale_reads"]
    return max([play.world.delays.stale_reads, *faults])


def calm(story: Story) -> bool:
    """Whether the roll is never aborted, and nobody but us touches instances and sizes."""
    ends = [story.end, *(taking.end for taking in story.takings)]
    verbs = [taking.verb for taking in story.takings]
    verbs += [story.rival.verb] if story.rival else []
    aborts = bool({"abort", "recover"}.intersection(verbs)) or (
        story.policy["on_signal"] == "abort" and any(isinstance(end, Signal) for end in ends)
    )
    slow = story.scenario["boot"]["straggler_share"] and story.policy["ready_timeout"] == "5m"
    weighted = "mixed" in story.scenario["groups"][GROUP]
    return not (story.faults or slow or aborts or weighted)


def _units(amount: Any, live: int, weight: int, rounded: Any) -> int:
    if isinstance(amount, str) and amount.endswith("%"):
        return rounded(live * float(amount[:-1]) / 100)
    return int(amount) * weight


def _reads(play: Play, records: list[h.Record]) -> list[str]:
    """Judge I8: the calls of one turn are those of the group's shape, whatever its size."""
    group = play.story.scenario["groups"][GROUP]
    balancers = len(group["target_groups"]) + len(group.get("load_balancers", ()))
    allowed = 2 + balancers  # the group, each load balancer once, its scaling activities
    turn: list[h.Call] = []
    for record in records[play.before :]:
        if not isinstance(record, h.Call) or record.actor != "caller":
            continue
        if record.operation == invariants.GROUP_READ:
            turn = []
        if record.operation.startswith(invariants.READ_PREFIXES) or record.operation in CLOSING:
            turn.append(record)
        # after the last turn the activities are read once more, as evidence
        if len({(read.operation, read.params) for read in turn}) > allowed and not {
            *PREFLIGHT,
            *CLOSING,
        }.intersection(read.operation for read in turn):
            at = record.time - play.world.start
            return [f"I8 at {at:.0f} s: {len(turn)} reads in a turn, {allowed} are enough"]
    return []


def _forgiven(play: Play, records: list[h.Record], found: list[str]) -> list[str]:
    """Drop what nobody could know from what AWS and the journal say."""
    weighted = "mixed" in play.story.scenario["groups"][GROUP]
    several = len(play.processes) > 1
    outside, caps = _by_others(records, "desired"), _by_others(records, "max")
    excused = {
        ("I1", "I3"): _snatched(play, records),
        ("I1", "I2", "I3", "I5"): _overwritten(play, records),
        ("I1", "I5"): _floor_fell(play, records)
        or _bounced(play, records)
        or _raised_both(play, records)
        # Somebody sets MaxSize to just what we set it to: it looks as if it were still ours, and
        # a desired capacity that it has cut off meanwhile like somebody's wish.
        or any(("SetMax", size.after) in play.intended for size in caps),
        ("I3", "I5"): _blurred(play, records),
        ("I4",): _launched_meanwhile(play, records),
        # What is left of our share may be less than any instance that may be terminated.
        ("I5",): weighted and any(end.startswith("recover:") for end in play.ended),
        # Somebody asks for just the size that we asked for: it looks like ours.
        ("I1", "I3", "I5"): any(("SetDesired", size.after) in play.intended for size in outside),
        # A scale-in by just our surge looks like somebody's giving the surge back, and a change
        # after a call whose answer nobody heard hides what that did. The roll believes what errs
        # towards more capacity.
        ("I2",): several and bool(outside),
    }
    for rules_broken, holds in excused.items():
        if holds:
            found = [line for line in found if not line.startswith(rules_broken)]
    if several and _suspended_too(play.story):
        found = [line for line in found if "suspended processes" not in line]
    if outside and (several or _cut_off(records)):
        found = [line for line in found if not _surplus(line, play)]
    return found


def _by_others(records: list[h.Record], name: str) -> list[h.Size]:
    """Return the changes of a size that the caller did not make."""
    sizes = (r for r in records if isinstance(r, h.Size))
    return [r for r in sizes if r.field == name and r.actor != "caller"]


def _cut_off(records: list[h.Record]) -> bool:
    """
    Whether somebody has lowered MaxSize below a desired capacity that had our share in it. Where
    others change the desired capacity as well, nobody sees how much of the drop was AWS's.
    """
    sizes = [r for r in records if isinstance(r, h.Size)]
    highest = max((r.after for r in sizes if r.field == "desired"), default=0)
    return any(r.field == "max" and r.actor != "caller" and r.after < highest for r in sizes)


def _surplus(line: str, play: Play) -> bool:
    """Whether it is a desired capacity that is too large, by no more than our own share."""
    more = re.match(r"I5 .*: desired is (\d+), not (\d+)", line)
    return more is not None and 0 < int(more[1]) - int(more[2]) <= _window(play)[0]


def _suspended_too(story: Story) -> bool:
    """
    Whether an operator suspends what the roll suspends as well. Of a process that died while
    resuming nobody can tell afterwards whose suspension is left.
    """
    theirs = [f.get("processes") for f in story.faults if f.kind == "operator_suspends"]
    return any(set(story.policy["suspend"]) & set(processes) for processes in theirs)


def _overwritten(play: Play, records: list[h.Record]) -> bool:
    """
    Whether somebody changed a size between the caller's last look and its own change of it. The
    API has no compare-and-set: one of the two is lost, as README says.
    """
    changed = {"desired": 0.0, "max": 0.0}
    ours = {"SetDesiredCapacity": ("desired",), "UpdateAutoScalingGroup": ("max", "desired")}
    looked = play.world.start
    for record in records[play.before :]:
        if isinstance(record, h.Size):
            if record.actor != "caller":
                changed[record.field] = record.time
        elif _looked(record):
            looked = record.time
        elif isinstance(record, h.Call) and record.actor == "caller":
            sizes = ours.get(record.operation, ())
            if any(changed[size] >= looked - _stale(play) for size in sizes):
                return True
    return False


def _launched_meanwhile(play: Play, records: list[h.Record]) -> bool:
    """
    Whether the group launched between the caller's last look and its giving back of what AWS had
    not launched until then: no look can be that late.
    """
    launched, looked, lowered = 0.0, play.world.start, False
    for record in records[play.before :]:
        if isinstance(record, h.Launch) and record.actor != "caller":
            launched = record.time
        elif isinstance(record, h.Size) and record.field == "desired":
            lowered = record.actor == "caller" and record.after < record.before
        elif _looked(record):
            looked = record.time
        elif (
            isinstance(record, h.Call)
            and record.operation == "SetDesiredCapacity"
            and lowered
            and launched >= looked - _stale(play)
        ):
            return True
    return False


def _blurred(play: Play, records: list[h.Record]) -> bool:
    """
    Whether somebody changed the desired capacity of a weighted group between a termination with
    decrement and what the caller did next. By how much AWS has lowered it is not documented, so the
    roll takes what it sees for that.
    """
    if "mixed" not in play.story.scenario["groups"][GROUP]:
        return False
    waiting = False
    for record in records[play.before :]:
        if isinstance(record, h.Termination) and record.actor == "caller":
            waiting = waiting or record.decrement
        elif isinstance(record, h.Size):
            if waiting and record.field == "desired" and record.actor != "caller":
                return True
        elif isinstance(record, h.Call) and record.actor == "caller":
            waiting = waiting and record.operation.startswith((*READS, "Terminate"))
    return False


def _floor_fell(play: Play, records: list[h.Record]) -> bool:
    """
    Whether others scaled in and lowered MinSize before the caller believed the scale-in. Had
    MinSize held it back but for our surge, nobody could see that it did so at that moment.
    """
    fell = [
        [r.time for r in _by_others(records, name) if r.after < r.before]
        for name in ("desired", "min")
    ]
    slow = play.policy.settle_time + 2 * play.policy.poll_interval
    return any(abs(one - other) <= slow for one in fell[0] for other in fell[1])


def _bounced(play: Play, records: list[h.Record]) -> bool:
    """
    Whether others lowered the desired capacity or MaxSize and raised it again between two looks.
    How far it had fallen, perhaps into our share, nobody could see.
    """
    lowered: set[str] = set()
    for record in records[play.before :]:
        if _looked(record):
            lowered = set()
        elif isinstance(record, h.Size) and record.actor != "caller":
            if record.field in lowered and record.after > record.before:
                return True
            lowered |= {record.field} if record.after < record.before else set()
    return False


def _raised_both(play: Play, records: list[h.Record]) -> bool:
    """
    Whether others raised MinSize and the desired capacity between two looks. In which order nobody
    could see: a MinSize raised first may have made our share their wish.
    """
    raised: set[str] = set()
    for record in records[play.before :]:
        if _looked(record):
            raised = set()
        elif isinstance(record, h.Size) and record.actor != "caller":
            raised |= {record.field} if record.after > record.before else set()
            if {"min", "desired"} <= raised:
                return True
    return False


def _looked(record: h.Record) -> bool:
    """Whether the caller has read the group."""
    return (
        isinstance(record, h.Call)
        and (record.actor, record.operation) == ("caller", invariants.GROUP_READ)
        and record.outcome == "ok"
    )


def _snatched(play: Play, records: list[h.Record]) -> bool:
    """
    Whether the caller terminated with decrement whom somebody else had begun to terminate since
    its last look: then the group has one too many, and AWS chooses who goes.
    """
    taken: dict[str, float] = {}
    looked = 0.0
    for record in records[play.before :]:
        if isinstance(record, h.Termination) and record.actor != "caller":
            taken[record.instance] = record.time
        elif isinstance(record, h.Call) and record.actor == "caller":
            params = dict(record.params)
            if record.operation == invariants.GROUP_READ and record.outcome == "ok":
                looked = record.time
            elif (
                params.get("ShouldDecrementDesiredCapacity")
                and taken.get(params["InstanceId"], 0.0) >= looked - _stale(play) > 0.0
            ):
                return True
    return False
