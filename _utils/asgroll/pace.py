"""
How long to pause before the next observation. Pure.

A place in the window stays empty from the moment at which its instance is ready until that is
seen, so looking late makes a roll longer, and looking often costs reads, of which an account has
only so many. What matters is how late a look is compared with what is waited for: the pause is a
small share of what instances have taken so far, and nothing is looked for before it can be there.
"""

from __future__ import annotations

import statistics

from asgroll.model import Roll
from asgroll.policy import Policy
from asgroll.report import boot_seconds, drain_seconds

#: At most 20 observations a minute and group: DescribeAutoScalingGroups shares one bucket with all
#: other Auto Scaling calls of the account and region.
SHORTEST_PAUSE_SECONDS = 3.0
#: A look comes late by half a pause on average: by 1/80 of what an instance takes.
SHARE = 1 / 40
#: Nobody is looked for before this share of the shortest time measured so far.
EARLY = 0.5


def pause(roll: Roll, policy: Policy, now: float) -> float:
    """
    Seconds until the next observation, ``poll_interval`` at most.

    Without anything on its way that a look could find, or after a refused call, the whole
    ``poll_interval``.
    """
    usual = policy.poll_interval
    shortest = min(usual, SHORTEST_PAUSE_SECONDS)
    if roll.refusals:
        return usual
    if roll.pending is not None or roll.doubted is not None or roll.missing:
        return shortest
    booting = [r.seen_at for r in roll.replacements.values() if not r.settled]
    if booting:
        return _until(booting, boot_seconds(roll), now, shortest, usual)
    leaving = [t.asked_at for t in roll.terminations.values() if t.gone_at is None]
    if leaving:
        return _until(leaving, drain_seconds(roll), now, shortest, usual)
    return usual


def _until(
    since: list[float], known: list[float], now: float, shortest: float, longest: float
) -> float:
    """Pause while waiting for one of those that began at ``since``; others took ``known``."""
    # all of them will have taken at least as long as the youngest has been waited for
    takes = max(statistics.median(known or [0.0]), now - max(since))
    earliest = min(since) + EARLY * min(known, default=0.0)
    return min(longest, max(shortest, SHARE * takes, earliest - now))
