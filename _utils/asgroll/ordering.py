"""
In which order victims go. Pure.

Two aims: no zone is thinned out more than the others while rolling, and the group ends balanced.
A group launches into its emptiest zone, so where a replacement will land is certain only when the
zone of the victim becomes the emptiest; the last victims, those that go with decrement, decide
where the surplus disappears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from asgroll.world import Instance

Age = Callable[[Instance], Any]


def in_order(
    parts: Iterable[Iterable[Instance]],
    how: str,
    members: Mapping[str, int],
    last: int,
    age: Age,
) -> Iterator[Instance]:
    """
    :param parts: victims, those that go first (not serving) in a part of their own.
    :param how: the policy's ``order``: ``zone``, ``oldest`` or ``newest``.
    :param members: number of members by zone.
    :param last: how many will go with decrement at the end.
    :param age: sort key, smallest for the oldest.
    """
    counts = dict(members)
    groups = [sorted(part, key=age, reverse=how == "newest") for part in parts]
    left = sum(map(len, groups))
    for group in groups:
        if how != "zone":
            yield from group
            continue
        for victim in _by_zone(group, counts, left - last):
            left -= 1
            yield victim


def _by_zone(victims: list[Instance], counts: dict[str, int], replaced: int) -> Iterator[Instance]:
    """
    Oldest first within a zone; ``replaced`` of them are replaced, those after them only removed.
    """
    waiting: dict[str, list[Instance]] = {}
    for victim in reversed(victims):
        waiting.setdefault(victim.zone, []).append(victim)
    for number in range(len(victims)):
        zone = _next_zone(waiting, counts, removed=number >= replaced)
        yield waiting[zone].pop()
        counts[zone] -= 1
        if not waiting[zone]:
            del waiting[zone]


def _next_zone(
    waiting: Mapping[str, list[Instance]], counts: Mapping[str, int], *, removed: bool
) -> str:
    if removed:
        return min(waiting, key=lambda z: (-counts[z], -len(waiting[z]), z))
    most = max(map(len, waiting.values()))
    zones = [z for z in waiting if len(waiting[z]) == most]
    spare = [z for z in zones if counts[z] > 1]
    if most == 1 and spare:
        # One victim left per zone: from the emptiest, so that its replacement lands there and
        # the fullest zones remain for the removals. A zone is not left without a member.
        return min(spare, key=lambda z: (counts[z], z))
    return min(zones, key=lambda z: (-counts[z], z))
