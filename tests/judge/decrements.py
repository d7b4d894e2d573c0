"""What the caller's terminations with decrement do to the desired capacity, and when."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.lab.world import history as h


@dataclass(slots=True)
class Decrements:
    """
    What terminations with decrement have taken from the desired capacity, and are still to take.

    AWS may lower it at once, or when the instance has gone, or not at all (one that it had launched
    beyond the desired capacity); a new desired capacity ends the wait.

    :ivar owed: units still to take, by instance.
    :ivar gone: when those have gone (epoch seconds): what was not taken then never will be.
    :ivar unpaid: units that were never taken. Nobody can tell the desired capacity that AWS has not
        lowered from one that somebody has raised meanwhile: in doubt the group keeps more.
    """

    taken: int = 0
    owed: dict[str, int] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)
    unpaid: int = 0

    def size(self, record: h.Size) -> None:
        """Take a changed size into account."""
        self._forget(record.time)
        if record.field != "desired":
            return
        if record.how != "by":
            self.taken = 0
            self.owed.clear()
        elif record.actor == "caller" and self.owed:
            self._pay(record.before - record.after)
        elif record.actor == "caller":
            self.taken += record.before - record.after

    def termination(self, record: h.Termination, weight: int) -> None:
        """Take a termination of the caller's into account."""
        if record.decrement and not self.taken:
            self.owed[record.instance] = weight
        self.taken = 0

    def lifecycle(self, record: h.Lifecycle) -> None:
        """Note who has gone: its decrement comes now or never."""
        self._forget(record.time)
        if record.after in ("", "Terminated") and record.instance in self.owed:
            self.gone[record.instance] = record.time

    def left(self, desired: int, now: float) -> int:
        """Return the desired capacity as it will be once all has been taken."""
        self._forget(now)
        return desired - sum(self.owed.values())

    def _pay(self, units: int) -> None:
        for key in sorted(self.owed, key=lambda key: (key not in self.gone, key)):
            part = min(units, self.owed[key])
            units -= part
            self.owed[key] -= part
            if not self.owed[key]:
                del self.owed[key]

    def _forget(self, now: float) -> None:
        for key, at in list(self.gone.items()):
            if now > at:
                del self.gone[key]
                self.unpaid += self.owed.pop(key, 0)
