"""I8: the reads of one turn are those of the group's shape, however many its victims are.

A turn begins with the caller's look at the group and lasts until the next one. It may read

- the group, and each load balancer of it, once;
- the scaling activities, once, where they may explain something: capacity is short, or in the last
  minutes a size has changed, a launch has failed or somebody was terminated (what follows from it
  is listed only later), or the process has just begun; and once more at the end of a process, which
  has to tell why;
- the instance refreshes, at most once a minute;
- the lifecycle hooks, once, where the group has no load balancer: then they tell who is ready;
- EC2 about instances, all of them in one call.

Repeating a call that failed is no further read. What a process reads until its second look is its
preflight, and what comes with the end of its work (the lease given back, evidence) is no turn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from tests.judge.figures import READ_PREFIXES
from tests.judge.fleet import Fleet
from tests.judge.looks import GROUP_READ, TARGET_READS
from tests.lab.world import history as h

ACTIVITIES, REFRESHES = "DescribeScalingActivities", "DescribeInstanceRefreshes"
HOOKS = "DescribeLifecycleHooks"
INSTANCES = "DescribeInstances"
#: Calls that belong to the end of a process's work.
CLOSING = frozenset({"DeleteTags", "GetConsoleOutput"})
#: Seconds between two turns that look at the instance refreshes; a call more or less is no matter.
MINUTE = 59.0
#: Seconds for which a change may be worth an explanation.
RECENT = 300.0


@dataclass(slots=True)
class Turn:
    """
    What was read in one turn.

    :ivar balancers: how many load balancers the group had.
    :ivar puzzle: whether the activities may explain something.
    :ivar closing: whether the process was at the end of its work.
    :ivar last: whether it is the last one of its process.
    """

    time: float
    balancers: int = 0
    puzzle: bool = False
    reads: list[str] = field(default_factory=list)
    closing: bool = False
    last: bool = False

    def take(self, call: h.Call) -> None:
        """Note a call of the caller's."""
        self.closing = self.closing or call.operation in CLOSING
        if call.operation.startswith(READ_PREFIXES) and call.outcome == "ok":
            self.reads.append(call.operation)

    def many(self, last_refreshes: float) -> list[str]:
        """Return the operations that are too many; so long ago the refreshes were read."""
        allowed = {GROUP_READ: 1, INSTANCES: 1, ACTIVITIES: int(self.puzzle) + int(self.last)}
        allowed[HOOKS] = int(not self.balancers)
        allowed[REFRESHES] = int(self.time - last_refreshes >= MINUTE)
        too_many = []
        balancers = 0
        for operation in sorted(self.reads):
            balancers += operation in TARGET_READS
            if operation in TARGET_READS:
                fits = balancers <= self.balancers
            else:
                allowed[operation] = allowed.get(operation, 0) - 1
                fits = allowed[operation] >= 0
            too_many += [] if fits else [operation]
        return too_many


def too_many(
    records: Collection[h.Record], group: str, begins: Iterable[int]
) -> tuple[float, list[str]] | None:
    """
    Return the first turn that reads too much: when, and which operations.

    :param group: the group that is rolled.
    :param begins: where in the history each process of the caller's begins.
    """
    turns = _Turns(Fleet(group), sorted(begins))
    for index, record in enumerate(records):
        turns.take(record, index)
    turns.end()
    refreshes = -MINUTE
    for turn in turns.turns:
        found = [] if turn.closing else turn.many(refreshes)
        if found:
            return turn.time, found
        if REFRESHES in turn.reads:
            refreshes = turn.time
    return None


@dataclass(slots=True)
class _Turns:
    """Cuts a history into turns; preflights are left out. ``begins``: of processes to come."""

    fleet: Fleet
    begins: list[int]
    turns: list[Turn] = field(default_factory=list)
    _looks: int = 0
    _puzzled_until: float = 0.0

    def take(self, record: h.Record, index: int) -> None:
        """Take one record into account."""
        if self.begins and index >= self.begins[0]:
            self.begins.pop(0)
            self._looks = 0
            self.end()
            self._puzzled_until = record.time + RECENT  # by what happened while nobody looked
        self.fleet.apply(record, index)
        if isinstance(record, h.LaunchFailed | h.Size | h.Termination):
            self._puzzled_until = record.time + RECENT
        elif isinstance(record, h.Call) and record.actor == "caller":
            self._call(record)

    def end(self) -> None:
        """A process has come to its end: it may tell why."""
        if self.turns:
            self.turns[-1].last = True

    def _call(self, record: h.Call) -> None:
        if record.operation == GROUP_READ and record.outcome == "ok":
            self._looks += 1
            if self._looks > 1:
                self.turns.append(Turn(record.time))
        lost = record.outcome != "ok" and record.time <= self._puzzled_until
        if lost or _short(self.fleet):  # a turn without all its answers has explained nothing
            self._puzzled_until = record.time + RECENT
        if self._looks > 1:
            turn = self.turns[-1]
            turn.puzzle = turn.puzzle or record.time <= self._puzzled_until
            turn.balancers = max(turn.balancers, len(self.fleet.balancers))
            turn.take(record)


def _short(fleet: Fleet) -> bool:
    """Whether AWS's answers show less that serves than the group has as its desired capacity."""
    there = sum(m.weight for m in fleet.members.values() if m.shows)
    return there < fleet.sizes["desired"]
