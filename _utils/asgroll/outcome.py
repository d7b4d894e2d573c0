"""What a call of ours, sent and answered or not, changes in the roll. Pure."""

from __future__ import annotations

from dataclasses import replace

from asgroll.actions import Action, Resume, SetDesired, SetMax, Suspend, Terminate
from asgroll.model import PendingChange, Roll, Termination


def applied(roll: Roll, action: Action, now: float, began: float | None = None) -> Roll:
    """The roll after AWS has accepted the action, in a call that ``began`` before ``now``."""
    roll = roll.with_(refusals=0)
    if isinstance(action, Resume):
        return roll.with_(suspended=roll.suspended - set(action.processes))
    if isinstance(action, SetMax) and action.restore:
        return roll.with_(max_set=None)
    if isinstance(action, SetDesired):
        change = PendingChange(now, action.before, action.to, applied=True)
        return roll.with_(
            delta=roll.delta + action.to - action.before,
            expected_desired=action.to,
            pending=change,
            sent=change if began is None else replace(change, at=began),
        )
    if isinstance(action, Terminate):
        return _terminated(roll, action, now, unclear=False)
    return _noted(roll, action, now)


def unclear(roll: Roll, action: Action, now: float) -> Roll:
    """
    The roll after the answer to an action was lost.

    What may have been done is remembered so that it will be put back; what it did to the desired
    capacity is left for the next observations to tell. Suspending, resuming and setting MaxSize
    are absolute: the planner simply asks for them again.
    """
    if isinstance(action, SetDesired):
        change = PendingChange(now, action.before, action.to, applied=None)
        return roll.with_(pending=change)
    if isinstance(action, Terminate):
        return _terminated(roll, action, now, unclear=True)
    return _noted(roll, action, now)


def _noted(roll: Roll, action: Action, now: float) -> Roll:
    """Remember what has to be put back."""
    if isinstance(action, Suspend):
        return roll.with_(suspended=roll.suspended | set(action.processes))
    if isinstance(action, SetMax) and not action.restore:
        return roll.with_(max_set=action.to, max_set_at=now)
    return roll


def _terminated(roll: Roll, action: Terminate, now: float, *, unclear: bool) -> Roll:
    term = Termination(
        action.instance, now, action.cause, action.decrement, unclear, weight=action.weight
    )
    roll = roll.with_(terminations={**roll.terminations, term.id: term})
    if not action.decrement:
        return roll
    before, after = roll.expected_desired, roll.expected_desired - action.weight
    if unclear or action.weight != 1:  # by how much a weighted group shrinks is for AWS to say
        change = PendingChange(now, before, after, applied=None, instance=term.id)
        return roll.with_(pending=change)
    return roll.with_(
        delta=roll.delta - 1,
        expected_desired=after,
        cut=roll.cut + 1,
        pending=PendingChange(now, before, after, applied=True),
    )
