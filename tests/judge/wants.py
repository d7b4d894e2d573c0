"""What everybody but the caller wants of a group: its bounds, and its desired capacity.

Whoever sets the desired capacity to N wants N: it is "the capacity it attempts to maintain" (API
reference of SetDesiredCapacity, PutScheduledUpdateGroupAction), not a difference to what stood
there. Nobody knows or cares how much of the number that the group showed was the surge of somebody
who rolls it. So

- **upwards** (N above what the group showed): N is wanted.
- **downwards**: who lowers the number that is shown wants no more than was wanted before, at the
  least; and no more than the N that was named, at the most.
- **by an amount** (ChangeInCapacity, PercentChangeInCapacity, terminate, detach or standby with
  decrement, attach): at the least what was wanted, changed by the amount; at the most what the same
  number would mean if somebody had named it. With the roll's surge in the number both are right.
- **bound**: AWS has moved the desired capacity to a bound that somebody moved past it (API
  reference of UpdateAutoScalingGroup). Nobody has named a capacity; what was wanted is brought
  within the bounds that others want. MaxSize as the caller has raised it is not theirs.

Hence an interval. ``low`` is what capacity must not fall short of, everything in it is right in
the end, and more than ``high`` nobody has asked for. With numbers: 6 are wanted, the caller has
raised the group to 8 (surge 2), and somebody

========================  =========  ====================================================
does                      wanted     because
========================  =========  ====================================================
sets 10                   10         10 are 10
sets 5                    5          less than was wanted, and named
sets 7                    6 to 7     who saw 8 wanted less; 7 is what was named
adds 2 (the group: 10)    8 to 10    two more than 6, or than what was shown
detaches 1 (7)            5 to 7     one less than 6, or what is left of what was shown
lowers MaxSize to 7       6          AWS lowers desired to 7; nobody has asked for 7
raises MinSize to 7       7          others accept nothing less
========================  =========  ====================================================

And 10 set to a group of 10 that shows 15 is a 10.

**What nobody could see.** The API has no compare-and-set and no log of sizes: between two looks a
change can be overwritten by the caller's own call, or two can cancel each other. So the same is
reckoned a second time from what an observer sees who notes, at each look, by how much the sizes
differ from what it left there. Where the two disagree, both are right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from tests.lab.world import history as h


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``low`` to ``high``, both in capacity units."""

    low: int
    high: int

    def __contains__(self, number: int) -> bool:
        return self.low <= number <= self.high

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"

    def within(self, bounds: dict[str, int]) -> Interval:
        """Return what is left of it inside of ``min`` and ``max``."""
        least, most = bounds["min"], bounds["max"]
        return Interval(max(min(self.low, most), least), max(min(self.high, most), least))


def after_set(wanted: Interval, before: int, named: int) -> Interval:
    """What is wanted once somebody has set a group that showed ``before`` to ``named``."""
    return Interval(named if named > before else min(wanted.low, named), named)


def after_by(wanted: Interval, before: int, after: int) -> Interval:
    """What is wanted once somebody has changed a group by the difference of the two."""
    relative = wanted.low + after - before
    return Interval(min(relative, after), max(relative, after))


@dataclass(slots=True)
class _Reckoning:
    """What others want, folded from changes one by one."""

    bounds: dict[str, int]
    wanted: Interval

    def bound(self, name: str, value: int) -> None:
        """Take over a bound that somebody has set."""
        self.bounds[name] = value
        # without the caller's raise of MaxSize AWS would have refused such a minimum
        self.bounds["max"] = max(self.bounds["max"], self.bounds["min"])
        self.wanted = self.wanted.within(self.bounds)

    def desired(self, before: int, after: int, how: str) -> None:
        """Take over a change of the desired capacity."""
        if how == "by":
            self.wanted = after_by(self.wanted, before, after)
        elif how == "set":
            self.wanted = after_set(self.wanted, before, after)
        self.wanted = self.wanted.within(self.bounds)


@dataclass(slots=True)
class _Observer:
    """
    Somebody who sees the sizes only at its looks, ``lag`` seconds late.

    :ivar left: what it believes the sizes to be: as last seen, and with the caller's own changes
        since.
    :ivar taken: units by which the caller has lowered the desired capacity since with terminations.
        Somebody else's change may have come before them; in doubt the group keeps more.
    :ivar seen: the same of what the last look has settled: a process may die before it remembers.
    :ivar perhaps: sizes that the caller has asked for since without hearing whether it was done.
        Who finds just these takes them for its own.
    :ivar meant: the same of sizes that a process was about to ask for when it may have died. They
        stay open until one looks that goes to work.
    :ivar doubtful: the same of terminations with decrement: units by instance. One that leaves may
        have been terminated so or otherwise.
    :ivar trusting: whether it takes them for done then.
    :ivar unread: whether no Cause tells it what stood there before a termination of the caller's.
        It then cannot tell a number between the one before and the one after from one that AWS has
        not lowered yet, and takes it as it stands.
    """

    reckoning: _Reckoning
    left: dict[str, int]
    lag: float
    taken: int = 0
    seen: int = 0
    perhaps: set[tuple[str, int]] = field(default_factory=set)
    meant: set[tuple[str, int]] = field(default_factory=set)
    trusting: bool = False
    unread: bool = False
    doubtful: dict[str, int] = field(default_factory=dict)
    unseen: list[h.Size] = field(default_factory=list)

    def takes(self, record: h.Size) -> None:
        """Note a change: the caller's own are known at once, others' at the next look."""
        if record.actor != "caller":
            self.unseen.append(record)
        elif record.how == "by":
            self.left[record.field] += record.after - record.before
            self.taken += record.before - record.after
        else:
            self.left[record.field] = record.after

    def looks(self, now: float, sizes: dict[str, int], leaving: Collection[str]) -> None:
        """See what has changed until ``lag`` seconds ago."""
        unsure = sum(units for key, units in self.doubtful.items() if key in leaving)
        unsure = unsure if self.trusting else 0
        self.seen, self.taken = self.taken, 0
        taken = self.seen + unsure
        perhaps, self.perhaps = self.perhaps | self.meant, set()
        young = [record for record in self.unseen if record.time > now - self.lag]
        if len(young) == len(self.unseen):
            return
        self.unseen = young
        shown = dict(sizes)
        for record in reversed(young):
            shown[record.field] = record.before
        left = {**self.left, "desired": self.left["desired"] - unsure}
        news = {
            name: value
            for name, value in shown.items()
            if value != left[name] and (name, value) not in perhaps
        }
        desired = news.pop("desired", None)
        if desired is not None and desired not in news.values():  # else AWS moved it to a bound
            if self.unread and left["desired"] < desired <= left["desired"] + taken:
                taken = 0
            self.reckoning.desired(left["desired"] + taken, desired + taken, "set")
        for name, value in news.items():
            self.reckoning.bound(name, value)
        self.left = shown


class Wants:
    """
    Follows what others want from the changes of the sizes and the caller's looks at them.

    :param sizes: min, max and desired at the beginning, which are everybody's.
    :param lags: by how many seconds answers may be late, all the ways that are to be allowed for.
    :param causes: whether the Causes of activities can be read when they are needed.
    """

    def __init__(
        self, sizes: dict[str, int], lags: Iterable[float] = (0.0,), *, causes: bool = True
    ) -> None:
        self._sizes = dict(sizes)
        self._causes, self._slack = causes, 0
        self._truth = self._fresh()
        self._observers = [
            _Observer(self._fresh(), dict(sizes), lag, trusting=trusting, unread=unread)
            for lag in set(lags)
            for trusting in (False, True)
            for unread in {False, not causes}
        ]

    def _fresh(self) -> _Reckoning:
        bounds = {name: self._sizes[name] for name in ("min", "max")}
        return _Reckoning(bounds, Interval(self._sizes["desired"], self._sizes["desired"]))

    @property
    def bounds(self) -> dict[str, set[int]]:
        """MinSize and MaxSize as others want them: one value each, or all that may be meant."""
        return {name: {r.bounds[name] for r in self._all()} for name in ("min", "max")}

    @property
    def truth(self) -> Interval:
        """How much desired capacity others want, by all that they have done, seen or not."""
        return self._truth.wanted

    @property
    def wanted(self) -> Interval:
        """How much desired capacity others want, as far as anybody can know."""
        found = [reckoning.wanted for reckoning in self._all()]
        return Interval(min(w.low for w in found), max(w.high for w in found) + self._slack)

    def _all(self) -> list[_Reckoning]:
        return [self._truth, *(observer.reckoning for observer in self._observers)]

    def size(self, record: h.Size, owed: int = 0) -> None:
        """
        Take a changed size into account.

        :param owed: units that AWS has still to take for terminations of the caller's. Where no
            Cause tells, nobody knows that it has not taken them: what others name meanwhile may
            have been more.
        """
        self._sizes[record.field] = record.after
        for observer in self._observers:
            observer.takes(record)
        if record.actor == "caller":
            return
        if record.field == "desired":
            self._slack = 0 if self._causes or record.after < record.before else owed
            self._truth.desired(record.before, record.after, record.how)
        else:
            self._truth.bound(record.field, record.after)

    def unheard(self, name: str, value: int) -> None:
        """The caller has asked for a size, and does not know what has come of it."""
        for observer in self._observers:
            observer.perhaps.add((name, value))

    def meant(self, name: str, value: int) -> None:
        """
        The caller is about to ask for a size, and may die before.

        :param name: ``desired`` or ``max``; or the id of an instance that is to be terminated with
            decrement, then the value is its weight.
        """
        for observer in self._observers:
            if name in self._sizes:
                observer.meant.add((name, value))
            else:
                observer.doubtful[name] = value

    def begins(self) -> None:
        """A process of the caller's begins, where another one may have died after its last look."""
        for observer in self._observers:
            observer.taken, observer.seen = observer.taken + observer.seen, 0

    def works(self) -> None:
        """The caller has changed something: it knows now what it had meant."""
        for observer in self._observers:
            observer.meant.clear()
            observer.doubtful.clear()

    def look(self, now: float, leaving: Collection[str] = ()) -> None:
        """
        The caller has read the group.

        :param leaving: the instances that have left or are on their way out.
        """
        for observer in self._observers:
            observer.looks(now, self._sizes, leaving)
