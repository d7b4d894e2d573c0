"""
The lab draws the boot time of the k-th launch when it launches it, whoever caused it, so each
tool's k-th launch takes equally long. A tool that keeps ``live`` instances serving and the total at
``live + S`` has at most S launches under way that do not serve yet. Under that rule no launch can
begin before the place of an earlier one is free, and filling each place the moment it is free makes
every start as early as it can be: list scheduling in the order of the launches.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Takes:
    """What AWS takes by itself, in seconds: nobody gets around these."""

    #: from a change of the capacity until the group acts
    reaction: float
    #: from in service until the load balancer says healthy
    registration: float
    #: from the call that terminates an instance until it has left the group
    leaving: float


def lower_bound(boots: Sequence[float], surge: int, takes: Takes) -> float:
    """
    Seconds that every roll takes at least: from its first call until the last victim has left.

    The group's reaction is counted once, for the first launches: later ones may share a reaction
    with others. A victim may only go when everything launched for it and before it serves, so after
    the last launch has become ready the leaving of a victim always follows.

    :param boots: boot times of the launches, in their order.
    :param surge: how many of them may be under way at once.
    """
    ready = [takes.reaction] * min(surge, len(boots))
    last = takes.reaction
    for boot in boots:
        done = heapq.heappop(ready) + boot + takes.registration
        heapq.heappush(ready, done)
        last = max(last, done)
    return last + takes.leaving


def ideal(boots: Sequence[float], surge: int, takes: Takes) -> float:
    """
    Seconds that a tool takes which knows everything at once and whose calls take no time.

    As ``lower_bound``, but the group needs its reaction for each launch too: it launches all that
    is missing ``reaction`` seconds after the first place has become free.
    """
    ready: list[float] = []
    last, number = takes.reaction, 0
    free, acts = min(surge, len(boots)), takes.reaction
    while number < len(boots):
        while ready and ready[0] <= acts:
            heapq.heappop(ready)
            free += 1
        for boot in boots[number : number + free]:
            done = acts + boot + takes.registration
            heapq.heappush(ready, done)
            last = max(last, done)
        number += free
        free = 0
        acts = (ready[0] if ready else acts) + takes.reaction
    return last + takes.leaving
