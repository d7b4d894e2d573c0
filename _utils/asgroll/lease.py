"""
One actor per group, over several masters: a lease as a tag on the group.

CreateOrUpdateTags has no compare-and-set, so a lease is taken by writing, waiting and reading
again: whoever read before the write must have written within the wait, and the last writer wins
(Fischer's mutual exclusion). Every observation shows the tag again, at no extra call, and nothing
is sent to AWS by somebody whose lease is not good for some time yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from asgroll import marks
from asgroll.actions import Action
from asgroll.aws import Aws
from asgroll.errors import AwsError, Denied, Taken, Temporary, Unclear
from asgroll.model import Roll, World
from asgroll.values import format_duration

#: A write of the lease that took longer is not trusted, and so long others get to overwrite it.
GUARD_SECONDS = 3.0
#: So long before its end a lease is not acted upon any more: calls take their time.
MARGIN_SECONDS = 15.0
#: How often a lease is tried to be taken before somebody else is said to be in the way.
ATTEMPTS = 5


class Standing(str, Enum):
    """What an observation says of our lease."""

    HELD = "held"
    UNSURE = "unsure"
    LOST = "lost"


class Unleased:
    """Nobody else works on the group: for ``lease: false``, benchmarks and tests."""

    def acquire(self, roll: Roll) -> None:
        """Nothing to take."""

    def heed(self, world: World) -> tuple[Standing, str]:
        """Always held."""
        return Standing.HELD, ""

    def valid(self) -> bool:
        """Always valid."""
        return True

    def note(self, roll: Roll, actions: Iterable[Action]) -> None:
        """Write nothing on the group."""

    def order(self, world: World, roll: Roll) -> marks.Order | None:
        """Nobody can give orders."""
        return None

    def release(self, roll: Roll) -> str:
        """Nothing to give back."""
        return ""


class Lease:
    """
    The lease of one process on one group.

    :param owner: who we are: the same for all processes that share one lock folder.
    :param run: this process, unlike any other.
    :param clock: seconds since the epoch, as other masters see them.
    :param lease_time: seconds after which others may take over from a process that died.
    :param settle_time: seconds by which AWS's answers may lag behind a change.
    """

    def __init__(
        self,
        aws: Aws,
        owner: str,
        run: str,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        lease_time: float,
        settle_time: float,
    ):
        self._aws, self._owner, self._run = aws, marks.plain(owner), run
        self._clock, self._sleep = clock, sleep
        self._time, self._settle = lease_time, settle_time
        self._roll: Roll | None = None
        self._until = 0.0
        self._written_at = float("-inf")
        self._noted = ""

    def acquire(self, roll: Roll) -> None:
        """
        Take the lease, or raise ``Taken`` with who has it.

        A lease of our own owner is taken over at once: the lock on this master proves that the
        process that wrote it is gone. What the call may raise besides is an ``AwsError``.
        """
        self._roll = roll
        guard = min(GUARD_SECONDS, self._settle)
        for _ in range(ATTEMPTS):
            began = self._clock()
            self._refuse_others()
            try:
                self._write()
            except (Temporary, Unclear):
                self._sleep(guard)
                continue
            if self._clock() - began > GUARD_SECONDS:
                continue
            self._sleep(guard)
            shown = self._refuse_others()
            if shown is not None and shown.run == self._run:
                return
        raise Taken(
            f"the lease on {roll.group} cannot be taken: what was written does not show; "
            "try again in a minute"
        )

    def _refuse_others(self) -> marks.Claim | None:
        group = self._aws.group(self._roll.group)
        shown = marks.claim(group)
        if self._foreign(shown) and shown.owner != self._owner:
            raise Taken(marks.taken(shown, group.name, self._clock()))
        return shown

    def _foreign(self, shown: marks.Claim | None) -> bool:
        return shown is not None and shown.run != self._run and shown.until > self._clock()

    def _write(self) -> None:
        now = self._clock()
        claim = marks.Claim(self._owner, self._roll.id, self._run, now + self._time)
        self._aws.tag(self._roll.group, {marks.LEASE: claim.text()})
        self._until, self._written_at = claim.until, now

    def valid(self) -> bool:
        """Whether a call that is sent now ends within the lease."""
        return self._clock() < self._until - min(MARGIN_SECONDS, self._time / 4)

    def heed(self, world: World) -> tuple[Standing, str]:
        """
        What an observation says of the lease; renews it when a third of its time is over.

        Unsure is for one turn: the tag is missing or old, so it is written anew and has to show
        before anything is done.
        """
        shown = marks.claim(world.group)
        if self._foreign(shown):
            return Standing.LOST, f"{shown.owner} has taken over (roll {shown.roll})"
        ours = shown is not None and shown.run == self._run
        lagging = self._clock() - self._written_at < self._settle
        sure = self.valid() and (ours or lagging)
        if sure and self._until - self._clock() > self._time * 2 / 3:
            return Standing.HELD, ""
        try:
            self._write()
        except (Temporary, Unclear) as exc:
            return (Standing.HELD, "") if sure else (Standing.UNSURE, str(exc))
        except AwsError as exc:
            return (Standing.HELD, "") if sure else (Standing.LOST, str(exc))
        return (Standing.HELD, "") if sure else (Standing.UNSURE, "for the lease to show again")

    def note(self, roll: Roll, actions: Iterable[Action]) -> None:
        """
        Write what has to be put back once these actions are carried out, unless it is noted.

        :raises AwsError: it is not noted: then nothing may be changed.
        """
        due = marks.due_after(roll, actions)
        if due.text() == self._noted or (due.nothing and not self._noted):
            return
        self._aws.tag(roll.group, {marks.RESTORE: due.text()})
        self._noted = due.text()

    def order(self, world: World, roll: Roll) -> marks.Order | None:
        """What a person wants of this roll and was not heeded yet; an unreadable order is none."""
        given = marks.order(world.group)
        if given is None or given.roll != roll.id or given.text() == roll.heeded:
            return None
        return given

    def release(self, roll: Roll) -> str:
        """
        Give the lease back; what still has to be put back stays noted.

        :return: why it could not be done, for a person; empty when it was.
        """
        due = marks.due_after(roll)
        keys = [marks.LEASE, marks.ORDER, *([marks.RESTORE] if due.nothing else [])]
        if not self.valid():
            return ""  # others may have the group by now: their tags are not ours to delete
        for _ in range(ATTEMPTS):
            try:
                if not due.nothing and due.text() != self._noted:
                    self._aws.tag(roll.group, {marks.RESTORE: due.text()})
                    self._noted = due.text()
                self._aws.untag(roll.group, keys)
            except (Temporary, Unclear) as exc:
                problem = str(exc)
                self._sleep(GUARD_SECONDS)
            except Denied as exc:
                return f"the lease was not given back: {exc}"
            except AwsError:
                return ""  # the group is gone, and its tags with it
            else:
                return ""
        until = format_duration(max(1.0, self._until - self._clock()))
        return f"the lease was not given back, it ends in {until}: {problem}"
