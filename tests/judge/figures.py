"""What a roll has cost and reached, in numbers, and what of its launches it has to show for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.judge.fleet import Fleet
from tests.judge.wants import Interval
from tests.lab.world import history as h

TERMINATE = "TerminateInstanceInAutoScalingGroup"
READ_PREFIXES = ("Describe", "Get", "List")
#: Outcomes of calls that took effect.
APPLIED = ("ok", "lost:applied")


@dataclass(frozen=True, slots=True)
class Summary:
    """
    What happened since the start of the roll.

    ``lowest_serving`` and ``highest_total`` are what was, whoever did it. ``launches`` counts all
    instances, ``caller_launches`` those for the caller's sake; ``mutations`` and ``reads`` count
    the caller's calls that took effect by operation, ``refused`` its failed ones by outcome;
    ``excused`` counts moments that were right by what the caller could have seen, though not by
    what was true; ``wanted`` is what others want in the end.
    """

    lowest_serving: int
    highest_total: int
    launches: int
    caller_launches: int
    victims_terminated: int
    mutations: dict[str, int]
    reads: dict[str, int]
    refused: dict[str, int]
    excused: int
    seconds: float
    wanted: Interval


@dataclass(slots=True)
class Figures:
    """
    Counts as records come. What is counted in capacity units is called so.

    :ivar fleet: whose figures these are; it follows the records before this does.
    :ivar launched: all launches since the roll began.
    """

    fleet: Fleet
    began: float
    ended: float = 0.0
    excused: int = 0
    launched: dict[str, h.Launch] = field(default_factory=dict)
    caller_launches: int = 0
    caller_units: int = 0
    victims_terminated: int = 0
    _calls: dict[str, Counter[str]] = field(
        default_factory=lambda: {key: Counter() for key in ("mutations", "reads", "refused")}
    )
    _lowest: int = 0
    _highest: int = 0
    _terminated: int = 0
    _lost: int = 0
    _called_off: int = 0
    _taken_over: int = 0
    _given_back: int = 0
    _decrements: int = 0
    _decremented: int = 0
    _share: int = 0
    _ending: set[str] = field(default_factory=set)
    _asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ended = self.began
        self._lowest, self._highest = self.fleet.serving, self.fleet.total

    def follow(self, now: float) -> None:
        """Note how the group stands once a record has been applied."""
        self.ended = now
        self._lowest = min(self._lowest, self.fleet.serving)
        self._highest = max(self._highest, self.fleet.total)

    def call(self, record: h.Call) -> None:
        """Count a call of the caller's."""
        if record.outcome not in APPLIED:
            self._calls["refused"][record.outcome] += 1
            return
        reads = record.operation.startswith(READ_PREFIXES)
        self._calls["reads" if reads else "mutations"][record.operation] += 1
        if record.operation == TERMINATE:
            self._asked.add(dict(record.params).get("InstanceId", ""))

    def launch(self, record: h.Launch) -> None:
        """Count an instance, and for whose sake it was launched."""
        self.launched[record.instance] = record
        if record.actor == "caller":
            self.caller_launches += 1
            self.caller_units += record.weight

    def termination(self, record: h.Termination, weight: int, victim: bool) -> None:
        """Count who goes, and through whom."""
        self._ending.add(record.instance)
        if record.actor == "caller":
            self._terminated += weight
            self._decremented += weight if record.decrement else 0
            self.victims_terminated += victim
            return
        launch = self.launched.get(record.instance)
        if victim or (launch is not None and launch.actor == "caller"):
            self._lost += weight

    def size(self, record: h.Size, share: int, share_after: int) -> None:
        """
        Note a changed size.

        :param share: units of the desired capacity that were the caller's before the change.
        :param share_after: how many of them still are: others may have made them their own.
        """
        self._share = share_after
        cut = max(record.before - record.after, 0)
        if record.actor != "caller":
            self._taken_over += max(share - share_after, 0)
        elif record.field == "desired" and record.how == "by":
            self._decrements += cut
        elif record.field == "desired":
            self._called_off += min(cut, max(record.before - self.fleet.total, 0))
            # what it raises up to what others want is theirs: it had overwritten that
            raised = max(record.after - record.before, 0)
            self._given_back += max(raised - max(share_after - share, 0), 0)

    def to_show(self) -> int:
        """
        Return the units that the launches for the caller's sake have come to, for I4.

        Whom it terminated, what it still holds above what others want, and what others have made
        their own or had wanted before the caller overwrote it. When others ended a victim or a
        replacement, and the caller called off the launch that followed from it (with a lower
        desired capacity, or a decrement for one that was terminated already), one of its own
        launches has stood in for that one. A termination that AWS has accepted and puts off until
        the replacement is there counts as well.
        """
        unpaired = max(self._decrements - self._decremented, 0)
        stood_in = min(self._lost, self._called_off + unpaired)
        others = self._taken_over + self._given_back
        waiting = (self._asked - self._ending) & set(self.fleet.members)
        accepted = sum(self.fleet.members[key].weight for key in waiting)
        return self._terminated + accepted + self._share + others + stood_in

    def summary(self, wanted: Interval) -> Summary:
        """Return the figures."""
        return Summary(
            lowest_serving=self._lowest,
            highest_total=self._highest,
            launches=len(self.launched),
            caller_launches=self.caller_launches,
            victims_terminated=self.victims_terminated,
            mutations=dict(self._calls["mutations"]),
            reads=dict(self._calls["reads"]),
            refused=dict(self._calls["refused"]),
            excused=self.excused,
            seconds=self.ended - self.began,
            wanted=wanted,
        )
