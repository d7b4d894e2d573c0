"""
One actor per group, over several masters: a lease as a tag on the group.

CreateOrUpdateTags has no compare-and-set, so a lease is taken by writing, waiting and reading
again: whoever read before the write must have written within the wait, and the last writer wins
(Fischer's mutual exclusion). A write that took longer may have replaced a lease that is held, so
after one the wait is as long as a holder may act without seeing its lease. Every observation shows
the tag again, at no extra call.

It rests on answers that lag behind by a second at most, and on clocks of the masters that agree to
``clock.margin``: each is compared with AWS's, and nobody acts whose own is too far off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from asgroll import marks
from asgroll.actions import Action
from asgroll.aws import Aws
from asgroll.clock import bearable, margin
from asgroll.errors import AwsError, Denied, MarkError, Taken, Temporary, Unclear
from asgroll.model import Roll
from asgroll.values import format_duration
from asgroll.world import Group, World

#: Between reading that nobody has the lease and having written it.
QUICK_SECONDS = 2.0
#: Between having written and reading again: the other's reading and ours may lag by a second each.
GUARD_SECONDS = QUICK_SECONDS + 2.0
#: Nobody acts on a lease that it has not seen for so long: by then it may be another's.
UNSEEN_SECONDS = 30.0
#: How often a lease is tried to be taken before somebody else is said to be in the way.
ATTEMPTS = 5


class Standing(str, Enum):
    """What an observation says of our lease."""

    HELD = "held"
    UNSURE = "unsure"
    LOST = "lost"


class Unleased:
    """Nobody else works on the group: for ``lease: false``, benchmarks and tests."""

    def acquire(self, roll: Roll) -> Roll:
        """Nothing to take; what is changed from now on is not noted on the group."""
        return roll.with_(noted=False)

    def heed(self, world: World, age: float) -> tuple[Standing, str]:
        """Always held."""
        return Standing.HELD, ""

    def valid(self) -> bool:
        """Always valid."""
        return True

    def note(self, roll: Roll, actions: Iterable[Action]) -> list[Action]:
        """Write nothing on the group: all may be done."""
        return list(actions)

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
    :param settled: a roll that is known to have put everything back, whatever its tag says.
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
        settled: str = "",
    ):
        self._aws, self._owner, self._run = aws, marks.plain(owner), run
        self._clock, self._sleep = clock, sleep
        self._time, self._settle, self._settled = lease_time, settle_time, settled
        self._roll: Roll | None = None
        self._until = self._written_at = self._seen_at = self._noted_at = float("-inf")
        self._unsure_since: float | None = None
        #: a look that was begun earlier proves nothing
        self._proof_from = float("-inf")
        self._noted = ""
        #: what was asked of a process that has died is not asked of the one that follows it
        self._asked_before: str | None = None

    # --- taking it

    def acquire(self, roll: Roll) -> Roll:
        """
        Take the lease, or raise ``Taken`` with who has it, or what else stands in the way.

        A lease of our own owner is taken over at once: the lock on this master proves that the
        process that wrote it is gone. What the call may raise besides is an ``AwsError``.

        :return: the roll, without what somebody else has put back since it was last worked on.
        """
        self._roll, problem = roll, "what was written does not show"
        for _ in range(ATTEMPTS):
            looked = self._clock()
            shown = self._look()
            if self._proves(shown, looked):
                self._seen_at = looked
                return self._still_due(roll)
            try:
                self._write(looked, shown)
            except (Temporary, Unclear) as exc:
                problem = str(exc)
                if isinstance(exc, Temporary):
                    self._sleep(GUARD_SECONDS)
            self._sleep(max(0.0, self._proof_from - self._clock()))
        raise Taken(f"the lease on {roll.group} cannot be taken: {problem}; try again in a minute")

    def _still_due(self, roll: Roll) -> Roll:
        """
        A roll that was noted and whose note is gone from the group was put back by somebody else:
        `recover` on another master, or a person. Its journal is outdated then, and giving back the
        same share once more would take what the group needs.
        """
        nothing = marks.due_after(roll).nothing
        if roll.noted and not nothing and self._note_is_gone(roll):
            nothing = True
            roll = roll.with_(delta=0, pending=None, max_set=None, suspended=frozenset())
        return roll.with_(noted=roll.noted or nothing)

    def _note_is_gone(self, roll: Roll) -> bool:
        """Whether the note does not show for ``settle_time``: answers may lag behind."""
        until = self._clock() + self._settle
        while True:
            due = marks.due(self._aws.group(roll.group))
            if due is not None and due.roll == roll.id:
                return False
            left = until - self._clock()
            if left <= 0:
                return True
            self._sleep(left)

    def _look(self) -> marks.Claim | None:
        """The lease that shows, unless somebody else has it or left something to put back."""
        group = self._aws.group(self._roll.group)
        shown = marks.claim(group)
        if self._asked_before is None:
            self._asked_before = group.tags.get(marks.ORDER, "")
        if self._is_anothers(shown):
            raise Taken(marks.taken(shown, group.name, self._clock()))
        due = marks.due(group)
        if due and not due.nothing and due.roll not in (self._roll.id, self._settled):
            if shown is not None and shown.run == self._run:
                self._give_back()
            raise Taken(marks.left_behind(due, group.name))
        return shown

    def _foreign(self, shown: marks.Claim | None) -> bool:
        return shown is not None and shown.run != self._run and shown.until > self._clock()

    def _proves(self, shown: marks.Claim | None, looked: float) -> bool:
        ours = shown is not None and shown.run == self._run
        return ours and looked >= self._proof_from and self._clock() < self._acts_until

    @property
    def _acts_until(self) -> float:
        return self._until - margin(self._time)

    def _write(self, looked: float, shown: marks.Claim | None) -> None:
        """Write the lease, because of what a look that was begun at ``looked`` has shown."""
        now = self._clock()
        claim = marks.Claim(self._owner, self._roll.id, self._run, now + self._time)
        try:
            self._aws.tag(self._roll.group, {marks.LEASE: claim.text()})
        except Unclear:
            self._wait_for_proof(looked, shown)
            raise
        self._until, self._written_at = claim.until, now
        self._wait_for_proof(looked, shown)

    def _wait_for_proof(self, looked: float, shown: marks.Claim | None) -> None:
        now = self._clock()
        if shown is not None and shown.owner == self._owner and shown.until - now > GUARD_SECONDS:
            return  # a lease of ours has kept others away all the time
        unseen = UNSEEN_SECONDS if now - looked > QUICK_SECONDS else 0.0
        self._proof_from = now + GUARD_SECONDS + unseen

    # --- keeping it

    def valid(self) -> bool:
        """Whether a call that is sent now ends within the lease."""
        now = self._clock()
        unseen = now - self._seen_at
        return (
            self._seen_at >= self._proof_from
            and 0 <= unseen <= UNSEEN_SECONDS
            and now < self._acts_until
        )

    def heed(self, world: World, age: float) -> tuple[Standing, str]:
        """
        What an observation says of the lease; renews it when a third of its time is over.

        Unsure is for a turn or so: the tag is missing or old, so it is written anew and has to
        show before anything is done.

        :param age: seconds since the observation was begun.
        """
        now, shown = self._clock(), marks.claim(world.group)
        looked, problem = now - age, "for the lease to show again"
        if self._foreign(shown):
            return self._lost(f"{shown.owner} has taken over (roll {shown.roll})")
        self._heed_clock(now)
        offset = self._aws.offset
        if offset is not None and offset.beyond(bearable(self._time)):
            return self._unsure(f"for the clock to be set right: {offset}", now)
        proven = self._proves(shown, looked)
        if proven:
            self._seen_at = looked
        elif 0 <= looked - max(self._written_at, self._noted_at) < self._settle:
            return self._unsure(problem, now)  # an old answer, most likely
        elif self._noted and not self._still_noted(world.group):
            return self._lost("somebody else has put things back, or deleted the tags that say how")
        if not (proven and now - self._written_at < self._time / 3):
            try:
                self._write(looked, shown)
            except AwsError as exc:
                problem = str(exc)
                if not (self.valid() or isinstance(exc, (Temporary, Unclear))):
                    return self._lost(problem)
        if not (proven and self.valid()):
            return self._unsure(problem, now)
        self._unsure_since = None
        return Standing.HELD, ""

    def _heed_clock(self, now: float) -> None:
        """Where somebody has set the clock back, what was written when says nothing any more."""
        if now < self._written_at:
            self._written_at = self._noted_at = float("-inf")
            self._proof_from = now + GUARD_SECONDS

    def _unsure(self, why: str, now: float) -> tuple[Standing, str]:
        if self._unsure_since is None:
            self._unsure_since = now
        if now - self._unsure_since > self._time:
            return self._lost(f"the lease could not be kept: {why}")
        return Standing.UNSURE, why

    def _still_noted(self, group: Group) -> bool:
        due = marks.due(group)
        return due is not None and due.roll == self._roll.id

    def _lost(self, why: str) -> tuple[Standing, str]:
        self._until = self._seen_at = float("-inf")
        return Standing.LOST, why

    def note(self, roll: Roll, actions: Iterable[Action]) -> list[Action]:
        """
        Write what has to be put back once these actions are carried out, unless it is noted.

        :return: the actions that are noted: the others have to wait for the next turn.
        :raises AwsError: it is not noted: then nothing may be changed.
        """
        found = marks.noted(actions)
        due = marks.due_after(roll, found)
        if due.text() == self._noted or (due.nothing and not self._noted):
            return found
        self._aws.tag(roll.group, {marks.RESTORE: due.text()})
        self._noted, self._noted_at = due.text(), self._clock()
        return found

    def order(self, world: World, roll: Roll) -> marks.Order | None:
        """
        What a person wants of this roll since the lease was taken, and was not heeded yet.

        :raises MarkError: an order that cannot be read.
        """
        if world.group.tags.get(marks.ORDER) == self._asked_before:
            return None
        given = marks.order(world.group)
        if given is None or given.roll != roll.id or given.text() == roll.heeded:
            return None
        return given

    # --- giving it back

    def release(self, roll: Roll) -> str:
        """
        Give the lease back; what still has to be put back stays noted.

        :return: why it could not be done, for a person; empty when it was.
        """
        due, problem = marks.due_after(roll), ""
        for _ in range(ATTEMPTS):
            if self._clock() >= self._acts_until:
                break  # others may have the group by now: their tags are not ours to delete
            try:
                group = self._aws.group(roll.group)
                if self._is_anothers(marks.claim(group)):
                    return ""
                if not due.nothing and due.text() != group.tags.get(marks.RESTORE):
                    self._aws.tag(roll.group, {marks.RESTORE: due.text()})
                self._give_back(*([marks.RESTORE] if due.nothing else []))
            except (Temporary, Unclear) as exc:
                problem = str(exc)
                self._sleep(GUARD_SECONDS)
            except Denied as exc:
                return f"the lease was not given back: {exc}"
            except (AwsError, MarkError):
                return ""  # the group is gone and its tags with it, or somebody writes them by hand
            else:
                return ""
        if not problem:
            return ""
        until = format_duration(max(1.0, self._until - self._clock()))
        return f"the lease was not given back, it ends in {until}: {problem}"

    def _is_anothers(self, shown: marks.Claim | None) -> bool:
        return self._foreign(shown) and shown.owner != self._owner

    def _give_back(self, *more: str) -> None:
        self._aws.untag(self._roll.group, [marks.LEASE, marks.ORDER, *more])
