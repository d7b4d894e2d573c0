"""Did a roll keep its promises? Judged by the lab's history alone, never by what the roll says.

I1 serving never below live − max_unavailable through the caller's doing
I2 total never above live + surge, beyond what AWS itself adds
I3 nobody outside the victims terminated, but failed or surplus replacements
I4 no more launches for the caller than victims and replacements it terminated
I5 at the end sizes and suspended processes as before, desired as everybody else wants it

``live`` is the desired capacity that others than the caller want: what it was at the start plus
their changes, within the bounds they set. All numbers are in capacity units where the group has
weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from tests.judge.wants import Wants
from tests.lab.replay import Fleet
from tests.lab.world import history as h
from tests.lab.world.scaling import REBALANCE_MARGIN

GROUP_READ = "DescribeAutoScalingGroups"
TARGET_READS = ("DescribeTargetHealth", "DescribeInstanceHealth")
READ_PREFIXES = ("Describe", "Get", "List")
APPLIED = ("ok", "lost:applied")


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant: which, when (epoch seconds), and how."""

    rule: str
    time: float
    message: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened since the start of the roll, in numbers.

    ``launches`` counts all instances, ``caller_launches`` those for the caller's sake;
    ``mutations`` and ``reads`` count the caller's calls that took effect by operation,
    ``refused`` its failed ones by outcome; ``excused`` counts terminations that were right by
    what the caller could have seen, though not by what was true.
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


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict. ``replacements_terminated``: (instance, ``failed`` or ``surplus``)."""

    violations: tuple[Violation, ...]
    replacements_terminated: tuple[tuple[str, str], ...]
    summary: Summary


def check(
    history: Iterable[h.Record],
    group: str,
    victims: Collection[str],
    surge: int,
    max_unavailable: int,
    **options: object,
) -> list[Violation]:
    """Return the broken invariants; see ``examine`` for the arguments."""
    return list(examine(history, group, victims, surge, max_unavailable, **options).violations)


def examine(
    history: Iterable[h.Record],
    group: str,
    victims: Collection[str],
    surge: int,
    max_unavailable: int,
    *,
    since: int | None = None,
    failed: Collection[str] = (),
    unseen: float = 0.0,
    finished: bool = True,
) -> Report:
    """Judge the caller's doings in a history.

    Args:
        history: the world's records from its beginning.
        group: the group that was rolled.
        victims: ids of the instances it was to replace.
        surge: how far above live it may go, units.
        max_unavailable: how far below live it may go, units.
        since: index of the record where the roll began; by default the caller's first call.
        failed: replacements that the caller may terminate although they served (its own gates).
        unseen: seconds before its last read in which the caller may not know what others did
            (the window of stale reads).
        finished: whether the roll has ended and restored everything (I5 is judged).
    """
    records = list(history)
    begin = _first_call(records) if since is None else since
    judge = _Judge(Fleet(group), frozenset(victims), surge, max_unavailable, begin)
    judge.failed, judge.unseen = frozenset(failed), unseen
    for index, record in enumerate(records):
        if index == begin:
            judge.start(record.time)
        judge.take(record, index)
    if begin >= len(records):
        judge.start(records[-1].time if records else 0.0)
    judge.launches_match()
    if finished:
        judge.restored()
    return judge.report()


def _first_call(records: list[h.Record]) -> int:
    for index, record in enumerate(records):
        if isinstance(record, h.Call) and record.actor == "caller":
            return index
    return len(records)


@dataclass(slots=True)
class _Judge:
    fleet: Fleet
    victims: frozenset[str]
    surge: int
    max_unavailable: int
    begin: int
    failed: frozenset[str] = frozenset()
    unseen: float = 0.0
    started: bool = False
    began: float = 0.0
    ended: float = 0.0
    wants: Wants | None = None
    began_with: int = 0
    ours: int = 0
    expected: dict[str, int] = field(default_factory=dict)
    suspended: frozenset[str] = frozenset()
    doomed: set[str] = field(default_factory=set)
    losses: list[tuple[float, int]] = field(default_factory=list)
    last_reads: dict[str, float] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    replaced: list[tuple[str, str]] = field(default_factory=list)
    units: Counter = field(default_factory=Counter)
    calls: dict[str, Counter] = field(
        default_factory=lambda: {key: Counter() for key in ("mutations", "reads", "refused")}
    )
    launches: int = 0
    caller_launches: int = 0
    victims_terminated: int = 0
    for_caller: set[str] = field(default_factory=set)
    called_off: int = 0
    rebalancing: bool = False
    excused: int = 0
    lowest: int = 0
    highest: int = 0

    def start(self, time: float) -> None:
        """Take the state at the beginning of the roll as what has to be kept."""
        fleet = self.fleet
        self.started, self.began, self.ended = True, time, time
        self.began_with = fleet.sizes["desired"]
        self.wants = Wants(fleet.sizes, (0.0, self.unseen))
        self.expected = {key: fleet.sizes[key] for key in ("min", "max")}
        self.suspended = fleet.suspended
        self.lowest, self.highest = fleet.serving, fleet.total

    def take(self, record: h.Record, index: int) -> None:
        """Judge one record and let the fleet follow it."""
        if not self.started:
            self.fleet.apply(record, index)
            return
        self.ended = record.time
        if isinstance(record, h.Call):
            self._call(record)
        mine = getattr(record, "group", None) == self.fleet.group
        if mine and isinstance(record, h.Termination):
            self._termination(record)
        before = self.fleet.serving
        self.fleet.apply(record, index)
        if mine and isinstance(record, h.Launch):
            self._launch(record)
        elif mine and isinstance(record, h.Lifecycle):
            self._total(record)
        elif mine and isinstance(record, h.Size):
            self._size(record)
        elif mine and isinstance(record, h.Processes) and record.actor != "caller":
            gone, come = set(record.before), set(record.after)
            self.suspended = (self.suspended - (gone - come)) | (come - gone)
        self._note_loss(record, before)
        self.lowest = min(self.lowest, self.fleet.serving)
        self.highest = max(self.highest, self.fleet.total)

    # -- what happens -------------------------------------------------------------------------

    def _call(self, record: h.Call) -> None:
        if record.actor != "caller":
            return
        if record.outcome not in APPLIED:
            self.calls["refused"][record.outcome] += 1
            return
        reads = record.operation.startswith(READ_PREFIXES)
        self.calls["reads" if reads else "mutations"][record.operation] += 1
        if record.outcome == "ok" and (
            record.operation == GROUP_READ or record.operation in TARGET_READS
        ):
            self.last_reads[record.operation] = record.time
            if record.operation == GROUP_READ:
                self.wants.look(record.time)

    def _note_loss(self, record: h.Record, before: int) -> None:
        lost = before - self.fleet.serving
        if lost > 0 and getattr(record, "instance", None) not in self.doomed:
            self.losses.append((record.time, lost))

    def _size(self, record: h.Size) -> None:
        if record.actor == "caller":
            if record.field == "desired":
                self.ours += record.after - record.before
                missing = max(record.before - self.fleet.total, 0)
                self.called_off = min(max(record.before - record.after, 0), missing)
                self.units["called off"] += self.called_off
        else:
            before = self.live
            if record.field != "desired":
                self.expected[record.field] = record.after
                self.expected["max"] = max(self.expected["max"], self.expected["min"])
        self.wants.size(record)
        if record.actor != "caller" and self.live > before:
            self.losses.append((record.time, self.live - before))

    @property
    def live(self) -> int:
        """The least that others want."""
        return self.wants.wanted.low

    def _launch(self, record: h.Launch) -> None:
        self.launches += 1
        self.rebalancing = self.rebalancing or record.reason == "rebalance"
        if record.actor == "caller":
            self.caller_launches += 1
            self.for_caller.add(record.instance)
            self.units["launched"] += record.weight

    def _total(self, record: h.Lifecycle) -> None:
        if record.after != "Pending":
            return
        allowed = self.wants.wanted.high + self.surge + self.fleet.heaviest - 1
        if self.rebalancing:
            allowed += max(1, int(self.fleet.sizes["max"] * REBALANCE_MARGIN))
        if self.fleet.total > allowed:
            self._broken(
                "I2",
                record.time,
                f"{self.fleet.total} units with {record.instance}; {self.wants.wanted} + surge "
                f"{self.surge} allow {allowed}",
            )

    def _termination(self, record: h.Termination) -> None:
        member = self.fleet.members.get(record.instance)
        if member is None:
            return
        if record.actor != "caller":
            if record.instance in self.for_caller or record.instance in self.victims:
                self.units["lost"] += member.weight
            return
        if record.decrement:  # its lowering of desired has called nothing off
            self.units["called off"] -= self.called_off
        self.called_off = 0
        self.doomed.add(record.instance)
        self.units["terminated"] += member.weight
        self._floor(record, member.weight)
        if record.instance in self.victims:
            self.victims_terminated += 1
            return
        why = self._replacement(record, member.born, member.served)
        if why is None:
            self._broken("I3", record.time, f"{record.instance} is none of the victims")
        else:
            self.replaced.append((record.instance, why))

    def _replacement(self, record: h.Termination, born: int, served: bool) -> str | None:
        if born < self.begin:
            return None
        if not served or record.instance not in self.fleet.serves or record.instance in self.failed:
            return "failed"
        # A decrement has been taken from desired just before this record.
        enough = self.fleet.sizes["desired"] >= self.live
        return "surplus" if record.decrement and enough else None

    def _floor(self, record: h.Termination, weight: int) -> None:
        if record.instance not in self.fleet.serves:
            return
        gone = sum(self.fleet.members[key].weight for key in self.doomed & self.fleet.serves)
        left = self.fleet.serving - gone
        floor = self.live - self.max_unavailable
        if left >= floor:
            return
        if left + self._unknown(record.time) >= floor:
            self.excused += 1
            return
        self._broken(
            "I1",
            record.time,
            f"{left} units serve after {record.instance} (weight {weight}); live {self.live} − "
            f"max_unavailable {self.max_unavailable} demand {floor}",
        )

    def _unknown(self, now: float) -> int:
        """Return the units that others took or demanded since the caller last looked."""
        kinds = [GROUP_READ]
        if self.fleet.balancers:
            kinds.append(max(TARGET_READS, key=lambda name: self.last_reads.get(name, self.began)))
        looked = min(self.last_reads.get(name, self.began) for name in kinds) - self.unseen
        return sum(units for time, units in self.losses if looked <= time <= now)

    # -- the end ------------------------------------------------------------------------------

    def launches_match(self) -> None:
        """Judge I4.

        When others ended a victim or a replacement, and the caller called off the launch that
        followed from it, one of its own launches has stood in for that one.
        """
        failed = min(self.units["lost"], self.units["called off"])
        held = max(self.ours, 0) + self.fleet.heaviest - 1
        # a change of the caller's that gives others what it has overwritten launches for them
        grown = max(self.live - self.began_with, 0)
        allowed = self.units["terminated"] + failed + held + grown
        if self.units["launched"] > allowed:
            self._broken(
                "I4",
                self.ended,
                f"{self.units['launched']} units launched for the caller, which terminated "
                f"{self.units['terminated']} and still holds {self.ours} more",
            )

    def restored(self) -> None:
        """Judge I5; a group that is gone has nothing to restore."""
        if not self.fleet.exists:
            return
        desired = self.fleet.sizes["desired"]
        wanted = self.wants.wanted
        if desired not in wanted:
            self._broken("I5", self.ended, f"desired is {desired}, not {wanted}")
        for key, wanted in self.expected.items():
            if self.fleet.sizes[key] != wanted:
                self._broken("I5", self.ended, f"{key} is {self.fleet.sizes[key]}, not {wanted}")
        if self.fleet.suspended != self.suspended:
            now, was = sorted(self.fleet.suspended), sorted(self.suspended)
            self._broken("I5", self.ended, f"suspended processes are {now}, not {was}")

    def _broken(self, rule: str, time: float, message: str) -> None:
        self.violations.append(Violation(rule, time, message))

    def report(self) -> Report:
        """Return the verdict."""
        summary = Summary(
            lowest_serving=self.lowest,
            highest_total=self.highest,
            launches=self.launches,
            caller_launches=self.caller_launches,
            victims_terminated=self.victims_terminated,
            mutations=dict(self.calls["mutations"]),
            reads=dict(self.calls["reads"]),
            refused=dict(self.calls["refused"]),
            excused=self.excused,
            seconds=self.ended - self.began,
        )
        return Report(tuple(self.violations), tuple(self.replaced), summary)
