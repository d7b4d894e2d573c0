"""One group as its users see it, rebuilt from the records of a history.

An instance *serves* when the application on it answers and traffic reaches it: in every classic
load balancer of the group, and in every target group of it that has a listener, it is registered
and healthy, and no administrative override takes its traffic away. Sources: ELB user guide,
"target group health" (draining and unused targets get no new requests), "zonal shift",
"administrative override" (independent of the state); API reference of TargetHealth
(``Target.NotInUse``: no listener forwards to the target group). Target groups without a listener
are left out as long as another balancer carries traffic. Where none does, an instance serves when
its application answers and the group counts it as capacity.

An instance *shows* as serving when AWS's answers say so, whatever its application does: InService,
Healthy, and fit in the balancers. The difference of the two is what nobody can see from AWS.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.lab.world import history as h

HELD = frozenset({"Pending", "Pending:Wait", "Pending:Proceed", "InService"})
GONE = frozenset({"", "Detached", "Terminated"})
FIT = frozenset({"healthy", "InService"})
NO_OVERRIDE = frozenset({"", "no_override"})
#: Where a change shows: in the group itself. Any other place is the name of a balancer.
GROUP_ITSELF = ""


@dataclass(slots=True)
class Member:
    """
    What is known of an instance. Times are epoch seconds, ``weight`` is in capacity units.

    :ivar born: place of its launch in the history.
    :ivar served: whether it has ever served.
    :ivar serving_since: when it began to serve; None while it does not.
    :ivar shown_at: when it last began to show as serving.
    :ivar hidden_at: when it last ceased to show, and ``hidden_by`` where that can be read.
    """

    id: str
    weight: int
    born: int
    lifecycle: str = ""
    health: str = "Healthy"
    answers: bool = False
    served: bool = False
    serving_since: float | None = None
    shows: bool = False
    shown_at: float = 0.0
    hidden_at: float = 0.0
    hidden_by: str = GROUP_ITSELF

    @property
    def serves(self) -> bool:
        """Whether its users get answers from it now."""
        return self.serving_since is not None

    @property
    def leaving(self) -> bool:
        """Whether AWS has said that it is about to be taken away: nobody may count on it."""
        return self.health != "Healthy" or self.lifecycle not in HELD


@dataclass(slots=True)
class Fleet:
    """
    Takes records one by one. ``serving`` and ``total`` are in capacity units.

    :ivar group: the name of the group that is followed.
    :ivar total: what the group counts as capacity: launched and not on its way out.
    :ivar heaviest: the largest weight that was ever launched.
    """

    group: str
    sizes: dict[str, int] = field(default_factory=lambda: {"min": 0, "max": 0, "desired": 0})
    suspended: frozenset[str] = frozenset()
    members: dict[str, Member] = field(default_factory=dict)
    balancers: set[str] = field(default_factory=set)
    serving: int = 0
    total: int = 0
    heaviest: int = 1
    exists: bool = False
    _targets: dict[tuple[str, str], str] = field(default_factory=dict)
    _overrides: dict[tuple[str, str], str] = field(default_factory=dict)
    _unheard: set[str] = field(default_factory=set)
    _answers: set[str] = field(default_factory=set)
    _carrying: tuple[str, ...] = ()

    @property
    def serves(self) -> set[str]:
        """The ids of those that serve."""
        return {key for key, member in self.members.items() if member.serves}

    @property
    def leaving(self) -> set[str]:
        """The ids of those that are on their way out, or have gone."""
        return {
            key
            for key, member in self.members.items()
            if member.lifecycle.startswith("Terminat") or member.lifecycle in GONE
        }

    @property
    def sources(self) -> tuple[str, ...]:
        """All that has to be read to see who serves."""
        return (GROUP_ITSELF, *self._carrying)

    def apply(self, record: h.Record, index: int = 0) -> None:
        """Take one record into account; ``index`` is its place in the history."""
        follow = FOLLOW.get(type(record))
        if follow is not None and getattr(record, "group", self.group) == self.group:
            follow(self, record, index)
        elif isinstance(record, h.Application):  # of a machine that is in no group yet, or no more
            self._application(record, index)

    # -- the group ----------------------------------------------------------------------------

    def _size(self, record: h.Size, index: int) -> None:
        self.sizes[record.field] = record.after

    def _processes(self, record: h.Processes, index: int) -> None:
        self.suspended = frozenset(record.after)

    def _group_change(self, record: h.GroupChange, index: int) -> None:
        if not record.what.startswith("refresh"):
            self.exists = record.what == "created"

    # -- its members --------------------------------------------------------------------------

    def _launch(self, record: h.Launch, index: int) -> None:
        self.members[record.instance] = Member(record.instance, record.weight, index)
        self.heaviest = max(self.heaviest, record.weight)

    def _lifecycle(self, record: h.Lifecycle, index: int) -> None:
        # An instance that was attached has no launch record of this group.
        member = self.members.setdefault(record.instance, Member(record.instance, 1, index))
        member.answers = record.instance in self._answers
        self.total += member.weight * ((record.after in HELD) - (record.before in HELD))
        member.lifecycle = record.after
        self._look(member, record.time, GROUP_ITSELF)

    def _health(self, record: h.Health, index: int) -> None:
        member = self.members[record.instance]
        member.health = record.after
        self._look(member, record.time, GROUP_ITSELF)

    def _application(self, record: h.Application, index: int) -> None:
        change = self._answers.add if record.answers else self._answers.discard
        change(record.instance)
        member = self.members.get(record.instance)
        if member is not None:
            member.answers = record.answers
            self._look(member, record.time, GROUP_ITSELF)

    # -- its traffic --------------------------------------------------------------------------

    def _attachment(self, record: h.Attachment, index: int) -> None:
        change = self.balancers.add if record.attached else self.balancers.discard
        change(record.load_balancer)
        self._traffic(record)

    def _listener(self, record: h.Listener, index: int) -> None:
        change = self._unheard.discard if record.attached else self._unheard.add
        change(record.load_balancer)
        self._traffic(record)

    def _traffic(self, record: h.Attachment | h.Listener) -> None:
        self._carrying = tuple(sorted(self.balancers - self._unheard))
        for member in self.members.values():
            self._look(member, record.time, record.load_balancer)

    def _target_health(self, record: h.TargetHealth, index: int) -> None:
        self._targets[record.load_balancer, record.instance] = record.after
        self._target(record)

    def _override(self, record: h.Override, index: int) -> None:
        self._overrides[record.load_balancer, record.instance] = record.state
        self._target(record)

    def _target(self, record: h.TargetHealth | h.Override) -> None:
        member = self.members.get(record.instance)
        if member is not None:
            self._look(member, record.time, record.load_balancer)

    def _reached(self, key: str) -> bool:
        """Whether traffic reaches an instance through every balancer that carries any."""
        return all(
            self._targets.get((name, key)) in FIT
            and self._overrides.get((name, key), "") in NO_OVERRIDE
            for name in self._carrying
        )

    def _look(self, member: Member, now: float, where: str) -> None:
        reached = self._reached(member.id)
        shows = member.lifecycle == "InService" and member.health == "Healthy" and reached
        if shows and not member.shows:
            member.shown_at = now
        elif member.shows and not shows:
            member.hidden_at, member.hidden_by = now, where
        member.shows = shows
        there = member.lifecycle not in GONE if self._carrying else member.lifecycle in HELD
        serves = member.answers and reached and there
        if serves and not member.serves:
            member.serving_since, member.served = now, True
            self.serving += member.weight
        elif member.serves and not serves:
            member.serving_since = None
            self.serving -= member.weight


FOLLOW = {
    h.Size: Fleet._size,
    h.Processes: Fleet._processes,
    h.GroupChange: Fleet._group_change,
    h.Launch: Fleet._launch,
    h.Lifecycle: Fleet._lifecycle,
    h.Health: Fleet._health,
    h.Application: Fleet._application,
    h.Attachment: Fleet._attachment,
    h.Listener: Fleet._listener,
    h.TargetHealth: Fleet._target_health,
    h.Override: Fleet._override,
}
