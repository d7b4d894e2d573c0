"""
Keeps the journal for the engine: what happens when it cannot be written, or is another's by now.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from asgroll.actions import Action
from asgroll.errors import JournalError
from asgroll.journal import How, Journal, MemoryJournal
from asgroll.lease import Lease, Unleased
from asgroll.model import Roll


class Keeper:
    """
    The journal of one process.

    :param lease: while it is valid nobody else can have gone on with the roll.
    :param clock: seconds since the epoch.
    :param lease_time: seconds for which a snapshot says that the roll may be alive.
    """

    def __init__(
        self,
        journal: Journal,
        lease: Lease | Unleased,
        clock: Callable[[], float],
        lease_time: float,
    ):
        self._journal, self._lease = journal, lease
        self._clock, self._lease_time = clock, lease_time
        #: why the journal cannot be written any more; empty while it can
        self.lost = ""
        #: whether another process has gone on with the roll, as far as we have had to ask
        self.overtaken = False

    def begin(self, roll: Roll) -> Roll:
        """Keep the first snapshot. Raises JournalError: without it nothing may be changed."""
        self._journal.save(self._alive(roll))
        return roll.with_(turns=roll.turns + 1)

    def save(self, roll: Roll) -> Roll:
        """
        Keep a snapshot, unless a later one of somebody else is there.

        :return: the roll in its next turn, to which belongs what is recorded from now on.
        """
        if not self.look():
            self._write(self._journal.save, self._alive(roll))
        return roll.with_(turns=roll.turns + 1)

    def intent(self, roll: Roll, action: Action, now: float) -> bool:
        """Record that an action is about to be sent; False when that is not possible."""
        return self._write(self._journal.intent, roll, action, now)

    def outcome(self, roll: Roll, action: Action, how: How, now: float) -> None:
        """Record how it went."""
        self._write(self._journal.outcome, roll, action, how, now)

    def look(self) -> bool:
        """
        Look whether another process has gone on with the roll. After a long silence of ours a
        master that shares the journal may have: then it knows, and what we know is old.
        """
        if not self.overtaken and not self._lease.valid():
            with contextlib.suppress(JournalError):  # it cannot be written either, and is heeded
                self.overtaken = self._journal.rewritten()
        return self.overtaken

    def _alive(self, roll: Roll) -> Roll:
        return roll.with_(alive_until=self._clock() + self._lease_time)

    def _write(self, write: Callable[..., None], *entry) -> bool:
        """Write to the journal; without it go on just long enough to put everything back."""
        try:
            write(*entry)
        except JournalError as exc:
            self._journal = MemoryJournal()
            self.lost = str(exc)
            return False
        return True
