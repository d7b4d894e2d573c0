"""What the caller's terminations with decrement do to the desired capacity, and when."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.world import history as h


@dataclass(slots=True)
class Decrements:
    """
    What terminations with decrement have taken from the desired capacity, and are still to take.

    AWS may lower it at once, or when the instance has gone; a new desired capacity ends the wait.
    """

    taken: int = 0
    owed: int = 0

    def size(self, record: h.Size) -> None:
        """Take a changed size into account."""
        if record.field != "desired":
            return
        if record.how != "by":
            self.taken = self.owed = 0
        elif record.actor == "caller" and self.owed:
            self.owed = max(self.owed - (record.before - record.after), 0)
        elif record.actor == "caller":
            self.taken += record.before - record.after

    def termination(self, record: h.Termination, weight: int) -> None:
        """Take a termination of the caller's into account."""
        if record.decrement and not self.taken:
            self.owed += weight
        self.taken = 0

    def left(self, desired: int) -> int:
        """Return the desired capacity as it will be once all has been taken."""
        return desired - self.owed
