"""
What a roll writes on its group, as tags, so that the group describes itself. Pure.

Three tags: the lease (who works on the group, and until when), what has to be put back, and an
order that a person gives to a running roll. They arrive with every DescribeAutoScalingGroups
answer, at no extra call. A tag that cannot be read is an error, never taken for "there is none".

Values keep to letters, digits, spaces and ``+ - = . _ : / @``, the characters that every AWS
service takes in tags, and to 256 of them (EC2 user guide, "Tag restrictions").
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from asgroll.actions import Action, SetDesired, SetMax, Suspend, Terminate
from asgroll.errors import MarkError
from asgroll.model import Roll
from asgroll.values import format_duration
from asgroll.world import Group, World

PREFIX = "asgcycle:"
LEASE = PREFIX + "lease"
RESTORE = PREFIX + "restore"
ORDER = PREFIX + "order"

OWN = (LEASE, RESTORE, ORDER)
#: Tags that a group may carry (EC2 Auto Scaling quotas).
MOST_TAGS = 50

ORDERS = ("pause", "abort", "approve")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9+\-._:/@]")
#: Characters kept of a name, so that three of them fit into one tag.
_NAME_LENGTH = 64
#: Terminations with decrement that fit into one note, at the longest (WeightedCapacity to 999).
MOST_LEAVING = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """Who works on a group: ``run`` is one process of ``owner``, ``until`` is epoch seconds."""

    owner: str
    roll: str
    run: str
    until: float

    def text(self) -> str:
        """As the tag's value."""
        return f"owner={self.owner} roll={self.roll} run={self.run} until={self.until:.0f}"


@dataclass(frozen=True, slots=True)
class Due:
    """
    What has to be put back.

    ``desired`` is the desired capacity when this was written, ``delta`` our share of it.
    ``max_set`` is None when MaxSize was left alone. What is about to be sent when this is written
    may have been sent or not: ``before`` is the desired capacity without the raise, ``leaving``
    the instances that are terminated with decrement, and their weights.
    """

    roll: str
    started_at: float
    desired: int
    delta: int
    max_size: int
    max_set: int | None
    suspended: frozenset[str]
    before: int | None = None
    leaving: tuple[tuple[str, int], ...] = ()

    def text(self) -> str:
        """As the tag's value."""
        before = f" before={self.before}" if self.before is not None else ""
        raised = f" set={self.max_set}" if self.max_set is not None else ""
        rests = f" suspended={'+'.join(sorted(self.suspended))}" if self.suspended else ""
        gone = "+".join(
            key.removeprefix("i-") + (f":{weight}" if weight != 1 else "")
            for key, weight in self.leaving
        )
        return (
            f"roll={self.roll} at={self.started_at:.1f} desired={self.desired}{before} "
            f"delta={self.delta} max={self.max_size}{raised}{rests}"
            + (f" leaving={gone}" if gone else "")
        )

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to put back."""
        return not (self.delta or self.max_set is not None or self.suspended)


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants of the roll with this id; ``at`` tells one order from the next."""

    what: str
    roll: str
    by: str
    at: float

    def text(self) -> str:
        """As the tag's value."""
        return f"order={self.what} roll={self.roll} by={self.by} at={self.at:.3f}"


def plain(name: str) -> str:
    """A name in the characters and length that fit into a tag."""
    return _NOT_PLAIN.sub("_", name)[:_NAME_LENGTH] or "unknown"


def claim(group: Group) -> Claim | None:
    """The lease on a group, expired or not; None when there is none. Raises MarkError."""
    found = _words(group, LEASE)
    if found is None:
        return None
    with _readable(group, LEASE):
        return Claim(found["owner"], found["roll"], found["run"], float(found["until"]))


def due(group: Group) -> Due | None:
    """What the group says has to be put back; None when nothing is noted. Raises MarkError."""
    found = _words(group, RESTORE)
    if found is None:
        return None
    with _readable(group, RESTORE):
        return Due(
            roll=found["roll"],
            started_at=float(found["at"]),
            desired=int(found["desired"]),
            delta=int(found["delta"]),
            max_size=int(found["max"]),
            max_set=int(found["set"]) if "set" in found else None,
            suspended=frozenset(filter(None, found.get("suspended", "").split("+"))),
            before=int(found["before"]) if "before" in found else None,
            leaving=tuple(map(_leaving, filter(None, found.get("leaving", "").split("+")))),
        )


def _leaving(word: str) -> tuple[str, int]:
    key, _, weight = word.partition(":")
    return f"i-{key}", int(weight or 1)


def order(group: Group) -> Order | None:
    """The order on a group; None when there is none. Raises MarkError."""
    found = _words(group, ORDER)
    if found is None:
        return None
    with _readable(group, ORDER):
        if found["order"] not in ORDERS:
            raise ValueError(found["order"])
        return Order(found["order"], found["roll"], found["by"], float(found["at"]))


def taken(held: Claim, group: str, now: float) -> str:
    """Who works on a group, and when that ends, for a person."""
    left = format_duration(max(1.0, held.until - now))
    return (
        f"{held.owner} works on {group} (roll {held.roll}); its lease ends in {left} unless it is "
        "renewed. If that master is gone for good, try again then"
    )


def left_behind(due: Due, group: str) -> str:
    """What speaks against working on a group on which another roll has left something."""
    return (
        f"the group says that roll {due.roll} has not put everything back, and it is not the one "
        "that the journal here knows: go on with it on the master that began it, or "
        f"`salt-run asgcycle.recover {group}` puts back what it changed"
    )


def noted(actions: Iterable[Action]) -> list[Action]:
    """As many of these actions as one note has room for."""
    room, found = MOST_LEAVING, []
    for action in actions:
        room -= isinstance(action, Terminate) and action.decrement
        if room < 0:
            break
        found.append(action)
    return found


def due_after(roll: Roll, actions: Iterable[Action] = ()) -> Due:
    """
    What will have to be put back once these actions are carried out.

    A call may be the last thing that a process does, and what it changes has to be known without
    another note: so the raise and the terminations that lower our share are named beforehand.
    """
    delta, desired = roll.delta, roll.expected_desired
    max_set, suspended = roll.max_set, roll.suspended
    before, leaving = None, []
    pending = roll.pending
    if pending is not None and pending.applied is None:  # sent, and nobody knows with what effect
        if pending.instance:
            leaving.append((pending.instance, pending.before - pending.after))
        elif pending.after > pending.before:
            before, desired = pending.before, pending.after
            delta += pending.after - pending.before
    for action in actions:
        if isinstance(action, SetDesired) and action.to > desired:
            before, delta, desired = desired, delta + action.to - desired, action.to
        elif isinstance(action, SetMax) and not action.restore:
            max_set = action.to
        elif isinstance(action, Suspend):
            suspended = suspended | set(action.processes)
        elif isinstance(action, Terminate) and action.decrement:
            leaving.append((action.instance, action.weight))
    return Due(
        roll=roll.id,
        started_at=roll.started_at,
        desired=desired,
        delta=delta,
        max_size=roll.max_size,
        max_set=max_set,
        suspended=suspended,
        before=before,
        leaving=tuple(leaving),
    )


def expected(noted: Due, world: World) -> int:
    """
    The desired capacity as it should be when nobody else has changed it since it was ``noted``;
    what is seen instead, and for how long, is for ``accounting`` to judge.

    A raise that may not have been sent counts as not sent when the desired capacity is another
    than it would have made it: in doubt the group keeps more, never less. While one that was to be
    terminated with decrement still leaves, AWS may have lowered the desired capacity or not.
    """
    gone = [(key, weight) for key, weight in noted.leaving if leaves(world, key)]
    cut = sum(weight for _, weight in gone)
    owed = sum(weight for key, weight in gone if key in world.instances)
    raised = noted.desired - cut
    if noted.before is None or raised <= world.group.desired <= raised + owed:
        return raised
    return noted.before - cut


def leaves(world: World, key: str) -> bool:
    """Whether an instance has left the group, or is on its way out."""
    instance = world.instances.get(key)
    return instance is None or instance.leaving


def _words(group: Group, key: str) -> Mapping[str, str] | None:
    if key not in group.tags:
        return None
    with _readable(group, key):
        return dict(word.split("=", 1) for word in group.tags[key].split(" ") if word)


@contextlib.contextmanager
def _readable(group: Group, key: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, ValueError) as exc:
        raise MarkError(
            f"the tag {key} of {group.name} cannot be read: {group.tags[key]!r}; was it written by "
            "a newer asgcycle, or by hand? Use that version, or look at the group, put its sizes "
            "right and delete the tag"
        ) from exc
