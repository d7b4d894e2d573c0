"""
Checkpoints: how far a roll may go before it stops to be looked at. Pure.

Limits count instances, cumulatively; the last one is the whole set.
"""

from __future__ import annotations

from asgroll.model import Roll
from asgroll.policy import Policy


def limits(policy: Policy, victims: int) -> tuple[int, ...]:
    """``canary: 1, checkpoints: [10%, 50%]`` of 40 → ``(1, 4, 20, 40)``."""
    wanted = (policy.canary, *policy.checkpoints)
    found = {amount.units(victims, 1, up=True) for amount in wanted if amount is not None}
    return (*sorted(n for n in found if 0 < n < victims), victims)


def current(roll: Roll, policy: Policy) -> tuple[int, bool]:
    """The limit that the roll works up to now, and whether it is the last one."""
    known = limits(policy, len(roll.victims))
    step = min(roll.step, len(known) - 1)
    return known[step], step == len(known) - 1


def allowed(roll: Roll, policy: Policy) -> int:
    """How many more victims may go before the next checkpoint."""
    limit, last = current(roll, policy)
    if last:
        return len(roll.victims)
    started = sum(1 for key in roll.victims if key in roll.terminations or key in roll.vanished)
    return max(0, limit - started)
