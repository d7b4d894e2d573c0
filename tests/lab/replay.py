"""The state of one group, rebuilt from the records of a history."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.lab.world import history as h

HELD = ("Pending", "Pending:Wait", "Pending:Proceed", "InService")


@dataclass(slots=True)
class Member:
    """What is known of an instance. ``weight`` is in capacity units."""

    id: str
    weight: int
    born: int
    lifecycle: str = ""
    health: str = "Healthy"
    served: bool = False


@dataclass(slots=True)
class Fleet:
    """Applies records one by one. ``serving`` and ``total`` are in capacity units.

    Args:
        group: the name of the group that is followed.
    """

    group: str
    sizes: dict[str, int] = field(default_factory=lambda: {"min": 0, "max": 0, "desired": 0})
    suspended: frozenset[str] = frozenset()
    members: dict[str, Member] = field(default_factory=dict)
    balancers: set[str] = field(default_factory=set)
    targets: dict[tuple[str, str], str] = field(default_factory=dict)
    serves: set[str] = field(default_factory=set)
    serving: int = 0
    total: int = 0
    heaviest: int = 1
    exists: bool = False

    def apply(self, record: h.Record, index: int) -> None:
        """Take one record into account; ``index`` is its place in the history."""
        if isinstance(record, h.TargetHealth):
            self.targets[record.load_balancer, record.instance] = record.after
            self._look(record.instance)
        elif isinstance(record, h.Launch) and record.group == self.group:
            self.members[record.instance] = Member(record.instance, record.weight, index)
            self.heaviest = max(self.heaviest, record.weight)
        elif getattr(record, "group", None) == self.group:
            follow = FOLLOW.get(type(record))
            if follow is not None:
                follow(self, record)

    def _health(self, record: h.Health) -> None:
        self.members[record.instance].health = record.after
        self._look(record.instance)

    def _size(self, record: h.Size) -> None:
        self.sizes[record.field] = record.after

    def _processes(self, record: h.Processes) -> None:
        self.suspended = frozenset(record.after)

    def _attachment(self, record: h.Attachment) -> None:
        change = self.balancers.add if record.attached else self.balancers.discard
        change(record.load_balancer)
        for key in list(self.members):
            self._look(key)

    def _group_change(self, record: h.GroupChange) -> None:
        if not record.what.startswith("refresh"):
            self.exists = record.what == "created"

    def _lifecycle(self, record: h.Lifecycle) -> None:
        # An instance that was attached has no launch record of this group.
        member = self.members.setdefault(record.instance, Member(record.instance, 1, 0))
        self.total += member.weight * ((record.after in HELD) - (record.before in HELD))
        member.lifecycle = record.after
        self._look(record.instance)

    def _look(self, key: str) -> None:
        member = self.members.get(key)
        if member is None:
            return
        now = (
            member.lifecycle == "InService"
            and member.health == "Healthy"
            and all(self.targets.get((name, key)) == "healthy" for name in self.balancers)
        )
        if now and key not in self.serves:
            self.serves.add(key)
            self.serving += member.weight
            member.served = True
        elif not now and key in self.serves:
            self.serves.discard(key)
            self.serving -= member.weight


FOLLOW = {
    h.Lifecycle: Fleet._lifecycle,
    h.Health: Fleet._health,
    h.Size: Fleet._size,
    h.Processes: Fleet._processes,
    h.Attachment: Fleet._attachment,
    h.GroupChange: Fleet._group_change,
}
