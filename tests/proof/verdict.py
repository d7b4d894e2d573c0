"""What a play shows: which of the invariants I1–I8 it broke. Judged by the lab's history.

I1 to I5 are judged by ``tests/judge`` at every record, I6 by which process was alive when another
one changed something, I8 by the reads between two looks at the group. I7 (keys) is not built yet.
"""

from __future__ import annotations

import math
from typing import Any

from tests.functional.roll.harness import GROUP
from tests.judge import calls, invariants
from tests.lab.world import history as h
from tests.proof.playing import Play
from tests.proof.story import Signal, Story

# Assumed rules that are drawn only to see that nobody is taken away or lacks. MP-7: AWS puts
# a termination that is asked for off until a replacement is there, against its own user guide. It
# has launched that one already, and may keep it when the roll is aborted meanwhile: the group then
# ends with more than wanted, and launches have come to nothing when they are counted.
FOR_SAFETY = {"MP-7"}
# With these the Causes of activities are in other words, or are listed later than they are needed.
UNTOLD = {"CA-1", "CA-7"}
# What keeps the tags of the group, and with them what has to be put back, up to date.
NOTES = ("CreateOrUpdateTags", "DeleteTags")


def broken(play: Play) -> list[str]:
    """Return what was broken, each line beginning with the invariant's name."""
    records = list(play.world.history)
    verdict = _judged(play, records)
    start = play.world.start
    found = [f"{v.rule} at {v.time - start:.0f} s: {v.message}" for v in verdict.violations]
    found = [*play.wrong, *found, *_launches(play, verdict), *_reads(play, records)]
    excess = _excess(records, verdict)
    if _keeps_more(play, records, excess):
        found = [line for line in found if not line.startswith("I5") or "suspended" in line]
    if play.story.scenario["assumptions"].keys() & FOR_SAFETY:
        more = ("I2", "I4") if excess else ("I4",)
        found = [x for x in found if not (x.startswith(more) or (excess and "desired is" in x))]
    if _whose(play, records, verdict):
        found = [line for line in found if "suspended processes" not in line]
    return found


def rules(lines: list[str]) -> set[str]:
    """Return the names of the broken invariants."""
    return {line.split()[0].rstrip(":") for line in lines}


def _judged(play: Play, records: list[h.Record]) -> invariants.Report:
    return invariants.examine(
        records,
        GROUP,
        play.victims,
        *_window(play),
        since=play.before,
        unseen=_stale(play),
        intended=play.intended,
        begins=[process.begins for process in play.processes],
        causes=not (play.story.scenario["assumptions"].keys() & UNTOLD),
    )


def _launches(play: Play, verdict: invariants.Report) -> list[str]:
    """Judge I4 where nothing else has happened: as many launches as victims."""
    launches = verdict.summary.caller_launches  # a rebalancing of AWS's own is its own affair
    done = {"roll: done", "resume: done"}.intersection(play.ended)
    if calm(play.story) and done and launches != len(play.victims):
        return [f"I4: {launches} launches for {len(play.victims)} victims"]
    return []


# -- what nobody could do otherwise -----------------------------------------------------------


def _excess(records: list[h.Record], verdict: invariants.Report) -> int:
    """Return by how many units the group is left with more than anybody wants."""
    sizes = [r.after for r in records if isinstance(r, h.Size) and r.field == "desired"]
    return max(sizes[-1] - verdict.summary.wanted.high, 0)


def _indivisible(play: Play, records: list[h.Record], excess: int) -> bool:
    """
    Whether what is left cannot be given back: of a weighted group, less than the weight of any
    instance that was launched since the roll began. To lower desired would have AWS choose one.
    """
    if not excess or "mixed" not in play.story.scenario["groups"][GROUP]:
        return False
    there = play.world.groups[GROUP].instances if GROUP in play.world.groups else {}
    launched = [r for r in records[play.before :] if isinstance(r, h.Launch)]
    return all(r.weight > excess for r in launched if r.instance in there)


def _keeps_more(play: Play, records: list[h.Record], excess: int) -> bool:
    """
    Whether a group is rightly left with more than anybody wants.

    What is left may be indivisible. And a process may have died after it lowered desired, before
    the tags told of that. Once its journal is lost, too, the lower number may as well be what
    somebody has named: the group then keeps more, not less, as docs/interrupted-rolls.md says, but
    no more than the surge.
    """
    unnoted = play.recovered and any(
        isinstance(record, h.Size) and (record.field, record.how) == ("desired", "by")
        for record in _unnoted(play, records)
    )
    return _indivisible(play, records, excess) or (unnoted and 0 < excess <= _window(play)[0])


def _unnoted(play: Play, records: list[h.Record]) -> list[h.Size | h.Processes]:
    """Return what processes had changed before they died, and the tags of the group do not tell."""
    begins = [process.begins for process in play.processes]
    found: list[h.Size | h.Processes] = []
    for begin, end in zip(begins, [*begins[1:], len(records)], strict=True):
        latest: list[h.Size | h.Processes] = []
        for record in records[begin:end]:
            if isinstance(record, h.Call) and record.operation in NOTES:
                latest = []
            elif isinstance(record, h.Size | h.Processes) and record.actor == "caller":
                latest.append(record)
        found += latest
    return found


def _whose(play: Play, records: list[h.Record], verdict: invariants.Report) -> bool:
    """
    Whether a process that is resumed was suspended by others after a process of ours had resumed it
    and died before it could note that. Nobody can tell afterwards whose suspension it is.
    """
    resumed = {
        name
        for record in _unnoted(play, records)
        if isinstance(record, h.Processes)
        for name in set(record.before) - set(record.after)
    }
    theirs = {
        name
        for record in records[play.before :]
        if isinstance(record, h.Processes) and record.actor != "caller"
        for name in set(record.after) - set(record.before)
    }
    broken_by = [v for v in verdict.violations if "suspended processes" in v.message]
    return bool(broken_by) and bool(resumed & theirs) and resumed & theirs >= _missing(records)


def _missing(records: list[h.Record]) -> set[str]:
    """Return the processes that others have suspended, and that nobody but the caller resumed."""
    wanted: set[str] = set()
    now: set[str] = set()
    for record in records:
        if isinstance(record, h.Processes):
            now = set(record.after)
            come, gone = now - set(record.before), set(record.before) - now
            if record.actor != "caller":
                wanted = (wanted | come) - gone
    return wanted - now


def _window(play: Play) -> tuple[int, int]:
    """Return surge and max_unavailable in capacity units, at their largest."""
    records, policy = list(play.world.history), play.story.policy
    sizes = [r.after for r in records if isinstance(r, h.Size) and r.field == "desired"]
    launched = {r.instance: r.weight for r in records if isinstance(r, h.Launch)}
    victims = play.victims - _left_before(play, records)
    replaced = [launched[key] for key in victims if key in launched] or [1]
    highest = max(sizes, default=0)
    return (
        _units(policy["surge"], highest, max(replaced), math.ceil),
        _units(policy["max_unavailable"], highest, min(replaced), math.floor),
    )


def _left_before(play: Play, records: list[h.Record]) -> set[str]:
    """
    Return whom others had begun to terminate before the caller's first change. They are none of its
    victims, so "one instance" is not measured by their weight.
    """
    leaving: set[str] = set()
    for record in records[play.before :]:
        if isinstance(record, h.Termination) and record.actor != "caller":
            leaving.add(record.instance)
        elif isinstance(record, h.Size | h.Processes | h.Termination) and record.actor == "caller":
            break
    return leaving


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
    """Judge I8."""
    found = calls.too_many(records, GROUP, [process.begins for process in play.processes])
    if found is None:
        return []
    at, operations = found
    return [f"I8 at {at - play.world.start:.0f} s: too much in a turn: {', '.join(operations)}"]
