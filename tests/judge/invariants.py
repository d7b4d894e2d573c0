"""Did a roll keep its promises? Judged by the history alone, never by what the roll says.

I1 serving never below low − max_unavailable through the caller's doing
I2 total never above high + surge, beyond what AWS itself adds
I3 nobody outside the victims taken away, but failed or surplus replacements
I4 no more launches for the caller than it has to show for
I5 at the end sizes and suspended processes as before, desired as everybody else wants it

``low`` to ``high`` is the desired capacity that others than the caller want (``wants.py``), and who
*serves* is what users see (``fleet.py``). I1 is judged when AWS accepts a termination of the
caller's, which cannot be taken back: what would still serve without everybody whom the caller has
doomed so far, whether they have left yet or not. Later only what others do can make that less. All
numbers are in capacity units where the group has weights.

Not judged here: I6 (one actor) and I8 (calls a turn), which need to know the processes: see
``tests/proof/verdict.py`` and ``calls.py``. I7 (keys) is not built yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from tests.judge.decrements import Decrements
from tests.judge.figures import APPLIED, READ_PREFIXES, Figures, Summary
from tests.judge.fleet import GROUP_ITSELF, Fleet, Member
from tests.judge.looks import Looks, is_look
from tests.judge.resting import Resting
from tests.judge.wants import Wants
from tests.lab.world import history as h

#: Ways to take capacity away that are no termination by the group: no replacement is launched
#: first, or nobody drains. A roll has no business with them.
NEVER = frozenset(
    {
        "TerminateInstances",
        "DetachInstances",
        "EnterStandby",
        "DeregisterTargets",
        "DeregisterInstancesFromLoadBalancer",
        "DetachLoadBalancers",
        "DetachLoadBalancerTargetGroups",
        "DeleteAutoScalingGroup",
    }
)

#: Outcomes that leave open whether a call took effect: no answer, or a proxy's page.
UNCLEAR = frozenset({"lost", "lost:applied", "html"})
#: Changes that leave sizes, processes and instances alone.
TAGGING = ("CreateOrUpdateTags", "DeleteTags")
SIZES = {"DesiredCapacity": "desired", "MaxSize": "max", "MinSize": "min"}


class NoApplicationsError(ValueError):
    """The history does not say which applications answer: it cannot be judged."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant: which, when (epoch seconds), and how."""

    rule: str
    time: float
    message: str


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
    intended: Collection[tuple[int, str, int]] = (),
    begins: Collection[int] = (),
    causes: bool = True,
    finished: bool = True,
) -> Report:
    """
    Judge the caller's doings in a history.

    :param history: the world's records from its beginning.
    :param group: the group that was rolled.
    :param victims: ids of the instances it was to replace.
    :param surge: how far above what is wanted it may go, units.
    :param max_unavailable: how far below what is wanted it may go, units.
    :param since: index of the record where the roll began; by default the caller's first call.
    :param failed: replacements that the caller may terminate although they served (its own gates).
    :param unseen: for how many seconds AWS's answers may show what was before a change.
    :param intended: what the caller was about to ask for when it may have died: index of the record
        before which that was, ``desired`` or ``max`` and the value, or an instance that was to be
        terminated with decrement and its weight.
    :param begins: index of the record where each process of the caller's begins.
    :param causes: whether the Causes of scaling activities can be read when they are needed.
    :param finished: whether the roll has ended and restored everything (I5 is judged).
    :raises NoApplicationsError: instances, but no record of an application.
    """
    records = list(history)
    if any(isinstance(record, h.Launch) for record in records) and not any(
        isinstance(record, h.Application) for record in records
    ):
        raise NoApplicationsError(
            "the history has instances but no Application record: nobody can say who serves"
        )
    begin = _first_call(records) if since is None else min(since, len(records))
    fleet = Fleet(group)
    for index, record in enumerate(records[:begin]):
        fleet.apply(record, index)
    started = records[min(begin, len(records) - 1)].time if records else 0.0
    judge = _Judge(fleet, frozenset(victims), surge, max_unavailable, begin, frozenset(failed))
    judge.start(started, unseen, causes)
    intents, lives = sorted(intended), sorted(begins)
    for index, record in enumerate(records[begin:], begin):
        while lives and lives[0] <= index:
            lives.pop(0)
            judge.wants.begins()
        while intents and intents[0][0] <= index:
            judge.wants.meant(*intents.pop(0)[1:])
        judge.take(record, index)
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
    failed: frozenset[str]
    looks: Looks = field(init=False)
    wants: Wants = field(init=False)
    figures: Figures = field(init=False)
    resting: Resting = field(init=False)
    doomed: set[str] = field(default_factory=set)
    ended: dict[str, float] = field(default_factory=dict)
    raced: set[str] = field(default_factory=set)
    taken_unseen: int = 0
    believed: int = 0
    decrements: Decrements = field(default_factory=Decrements)
    added_by_aws: int = 0
    violations: list[Violation] = field(default_factory=list)
    replaced: list[tuple[str, str]] = field(default_factory=list)

    def start(self, time: float, unseen: float, causes: bool) -> None:
        """Take the state at the beginning of the roll as what has to be kept."""
        self.looks = Looks(time, unseen)
        self.wants = Wants(self.fleet.sizes, (0.0, unseen), causes=causes)
        self.figures = Figures(self.fleet, time)
        self.resting = Resting(self.fleet.suspended)
        self.believed = self.fleet.sizes["desired"]
        self.added_by_aws = max(self.fleet.total - self.fleet.sizes["desired"], 0)

    def take(self, record: h.Record, index: int) -> None:
        """Judge one record and let the fleet follow it."""
        if isinstance(record, h.Call):
            self._call(record)
        mine = getattr(record, "group", None) == self.fleet.group
        if mine and isinstance(record, h.Termination):
            self._termination(record)
        share = self._share()
        self.fleet.apply(record, index)
        if mine and isinstance(record, h.Size):
            self._decremented(record)
            if (record.actor, record.field) == ("caller", "desired"):
                change = record.after - record.before
                self.believed = self.believed + change if record.how == "by" else record.after
            self.wants.size(record, sum(self.decrements.owed.values()))
            self.decrements.size(record)
            self.figures.size(record, share, self._share())
        elif mine and isinstance(record, h.Launch):
            self.figures.launch(record)
        elif mine and isinstance(record, h.Lifecycle):
            self.decrements.lifecycle(record)
            self._total(record)
        elif mine and isinstance(record, h.Processes):
            self.resting.change(record, self.looks)
        self.figures.follow(record.time)

    def _call(self, record: h.Call) -> None:
        self.looks.take(record)
        if is_look(record):
            self.wants.look(record.time, self.fleet.leaving)
            self.believed = self.fleet.sizes["desired"]
        if record.actor != "caller":
            return
        self._unheard(record)
        if record.outcome in APPLIED:
            self.resting.call(record, self.looks)
        if not record.operation.startswith(READ_PREFIXES) and record.operation not in TAGGING:
            self.wants.works()
        self.figures.call(record)
        if record.operation in NEVER and record.outcome in APPLIED:
            self._broken("I3", record.time, f"{record.operation} is no way to replace anybody")

    def _unheard(self, record: h.Call) -> None:
        """Note the sizes that an answer was lost for: it may have been done or not."""
        if record.outcome not in UNCLEAR:
            return
        for parameter, name in SIZES.items():
            for key, value in record.params:
                if key == parameter:
                    self.wants.unheard(name, value)

    def _share(self) -> int:
        """Return the units of the desired capacity that only the caller wants."""
        return max(self.fleet.sizes["desired"] - self.wants.truth.low, 0)

    # -- I1 and I3: who is terminated ---------------------------------------------------------

    def _termination(self, record: h.Termination) -> None:
        member = self.fleet.members.get(record.instance)
        if member is None:
            return
        mine = record.instance in self.victims
        self.figures.termination(record, member.weight, mine)
        if record.actor != "caller":
            self.ended[record.instance] = record.time
            return
        self.decrements.termination(record, member.weight)
        if record.reason == "scale-in" and self._taken_first(member.weight):
            self.figures.excused += 1
            self.doomed.add(record.instance)
            return
        if not mine:
            self._not_a_victim(record, member)
        if record.instance in self.doomed:
            return
        self.doomed.add(record.instance)
        if member.serves and member.shows:  # who serves without AWS's knowing, nobody can count on
            self._floor(record)

    def _floor(self, record: h.Termination) -> None:
        floor = self.wants.wanted.low - self.max_unavailable
        rest = [m for name, m in self.fleet.members.items() if name not in self.doomed]
        serve = [m for m in rest if m.serves and not m.leaving]
        left = sum(m.weight for m in serve)
        if left >= floor:
            return
        others = [m for m in rest if m not in serve]
        unknown = [m for m in others if self.looks.taken_for_serving(m, record.time)]
        if left + sum(m.weight for m in unknown) >= floor:
            self.figures.excused += 1
            return
        self._broken(
            "I1",
            record.time,
            f"{left} units serve without {record.instance}; wanted {self.wants.wanted} − "
            f"max_unavailable {self.max_unavailable} demand {floor}",
        )

    def _not_a_victim(self, record: h.Termination, member: Member) -> None:
        why = None
        if member.born >= self.begin:
            why = self._failed_or_surplus(record, member)
        if why is None:
            self._broken("I3", record.time, f"{record.instance} is none of the victims")
        else:
            self.replaced.append((record.instance, why))

    def _decremented(self, record: h.Size) -> None:
        """
        Note whom others had begun to terminate unseen when the caller takes one off desired: it may
        be the same one, and then the group has as many units too many.
        """
        if (record.actor, record.field, record.how) == ("caller", "desired", "by"):
            since = self.looks.since(GROUP_ITSELF, record.time)
            for key, ended in self.ended.items():
                if ended >= since and key not in self.raced | self.doomed:
                    self.raced.add(key)
                    self.taken_unseen += self.fleet.members[key].weight

    def _taken_first(self, units: int) -> bool:
        """
        Whether the caller has terminated, with decrement, somebody whom others had begun to
        terminate after its last look: AWS then chooses who goes, sooner or later. As many units as
        those had excuse such choices.
        """
        excused = self.taken_unseen > 0
        self.taken_unseen -= units if excused else 0
        return excused

    def _failed_or_surplus(self, record: h.Termination, member: Member) -> str | None:
        if not (member.serves and member.shows) or record.instance in self.failed:
            return "failed"
        seen = max(member.serving_since, member.shown_at)
        if seen >= min(self.looks.since(where, record.time) for where in self.fleet.sources):
            return "failed"  # it began to serve after the last look
        # what others have lowered since the last look, nobody could know
        desired = max(self.fleet.sizes["desired"], self.believed)
        enough = self.decrements.left(desired, record.time) >= self.wants.wanted.low
        return "surplus" if record.decrement and enough else None

    # -- I2: the total ------------------------------------------------------------------------

    def _total(self, record: h.Lifecycle) -> None:
        fleet = self.fleet
        # Nobody can ask for more than desired: who launches above it is AWS, of its own accord (to
        # even out zones, to have a successor first), or the last launch of a weighted group.
        if record.after == "Pending" and fleet.total > fleet.sizes["desired"]:
            self.added_by_aws += fleet.members[record.instance].weight
        self.added_by_aws = min(self.added_by_aws, max(fleet.total - fleet.sizes["desired"], 0))
        allowed = self.wants.wanted.high + self.surge + self.added_by_aws
        if record.after == "Pending" and fleet.total > allowed:
            self._broken(
                "I2",
                record.time,
                f"{fleet.total} units with {record.instance}; wanted {self.wants.wanted} + surge "
                f"{self.surge} allow {allowed}",
            )

    # -- the end ------------------------------------------------------------------------------

    def launches_match(self) -> None:
        """Judge I4."""
        launched, shown = self.figures.caller_units, self.figures.to_show()
        if launched > shown + self.fleet.heaviest - 1:
            self._broken(
                "I4",
                self.figures.ended,
                f"{launched} units launched for the caller, which has {shown} to show for it",
            )

    def restored(self) -> None:
        """Judge I5; a group that is gone has nothing to restore."""
        if not self.fleet.exists:
            return
        ended, sizes = self.figures.ended, self.fleet.sizes
        for name, wanted in self.wants.bounds.items():
            if sizes[name] not in wanted:
                meant = " or ".join(str(value) for value in sorted(wanted))
                self._broken("I5", ended, f"{name} is {sizes[name]}, not {meant}")
        # AWS may take a decrement only when the instance has gone, after the roll's own end
        ends = {sizes["desired"], self.decrements.left(sizes["desired"], ended)}
        unpaid = self.decrements.unpaid and sizes["desired"] > self.wants.wanted.high
        if not (unpaid or any(desired in self.wants.wanted for desired in ends)):
            self._broken("I5", ended, f"desired is {sizes['desired']}, not {self.wants.wanted}")
        if self.resting.wrong(self.fleet.suspended):
            now, was = sorted(self.fleet.suspended), sorted(self.resting.wanted)
            self._broken("I5", ended, f"suspended processes are {now}, not {was}")

    def _broken(self, rule: str, time: float, message: str) -> None:
        self.violations.append(Violation(rule, time, message))

    def report(self) -> Report:
        """Return the verdict."""
        summary = self.figures.summary(self.wants.wanted)
        return Report(tuple(self.violations), tuple(self.replaced), summary)
