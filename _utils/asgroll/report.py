"""Counts, estimates and the closing report, from a roll's own record. Pure."""

from __future__ import annotations

import heapq
import math
import statistics
from collections.abc import Mapping
from typing import Any

from asgroll.model import Cause, Phase, Replacement, Roll, Termination
from asgroll.policy import Policy

#: Exit codes of the runner, a contract.
DONE, REFUSED, HALTED, STOPPED = 0, 2, 3, 4


def replaced(roll: Roll) -> int:
    """Victims that have left the group."""
    gone = sum(1 for key in roll.victims if _gone(roll.terminations.get(key)))
    return gone + len(roll.vanished - set(roll.terminations))


def _gone(term: Termination | None) -> bool:
    return term is not None and term.gone_at is not None


def boot_seconds(roll: Roll) -> list[float]:
    """Seconds from first seen to ready, of the replacements that became ready, oldest first."""
    known = sorted(roll.replacements.values(), key=lambda r: r.seen_at)
    return [r.ready_at - r.seen_at for r in known if r.ready_at is not None]


def drain_seconds(roll: Roll) -> list[float]:
    """Seconds from asking for a victim's end to its leaving the group."""
    return [t.gone_at - t.asked_at for t in roll.terminations.values() if t.gone_at is not None]


def eta(roll: Roll, policy: Policy, now: float) -> float | None:
    """Seconds to go, from the boot and drain times measured so far; None before there are any."""
    if roll.phase is not Phase.ROLLING or replaced(roll) == len(roll.victims):
        return None
    boots, drains = boot_seconds(roll), drain_seconds(roll)
    asked = sum(1 for key in roll.victims if key in roll.terminations) + len(roll.vanished)
    to_boot = max(0, len(roll.victims) - max(asked, len(boots)))
    if not (boots if to_boot else drains):
        return None
    drain = statistics.median(drains) if drains else 0.0
    if not to_boot:
        leaving = [t.asked_at for t in roll.terminations.values() if t.gone_at is None]
        return max(0.0, max(leaving, default=now) + drain - now)
    rounds = math.ceil(to_boot / max(1, window_of(roll, policy)))
    pending = [now - r.seen_at for r in roll.replacements.values() if not r.settled]
    return max(0.0, rounds * statistics.median(boots) - min(pending, default=0.0)) + drain


def window_of(roll: Roll, policy: Policy) -> int:
    """Replacements that may be under way at once: surge + max_unavailable, in instances."""
    return sum(policy.window(roll.live, roll.weights)) // max(roll.weights)


def counts(roll: Roll, policy: Policy, now: float) -> dict[str, Any]:
    """The figures of a progress line."""
    return {
        "replaced": replaced(roll),
        "victims": len(roll.victims),
        "serving": roll.serving,
        "live": roll.live,
        "failures": len(roll.failures),
        "eta_seconds": eta(roll, policy, now),
        "phase": roll.phase.value,
    }


def instances(roll: Roll) -> list[dict[str, Any]]:
    """
    One entry for each victim in the order in which they went, paired with a replacement.

    Replacements are fungible: the first to become ready stands for the first that left.
    """
    asked = roll.terminations
    order = sorted(
        roll.victims.values(),
        key=lambda v: (asked[v.id].asked_at if v.id in asked else math.inf, v.id),
    )
    new = sorted(
        (r for r in roll.replacements.values() if r.ready_at is not None),
        key=lambda r: (r.ready_at or 0.0, r.id),
    )
    partners = iter(new)
    rows = []
    for victim in order:
        left = victim.id in asked or victim.id in roll.vanished
        partner = next(partners, None) if left and not victim.standby else None
        rows.append(_row(roll, victim.id, asked.get(victim.id), partner))
    return rows


def _row(
    roll: Roll, key: str, term: Termination | None, partner: Replacement | None
) -> dict[str, Any]:
    state = "kept"
    if term is not None:
        state = "terminated" if term.gone_at is not None else "leaving"
    elif key in roll.vanished:
        state = "vanished"
    return {
        "instance": key,
        "zone": roll.victims[key].zone,
        "state": state,
        "drain_seconds": round(term.gone_at - term.asked_at, 1) if _gone(term) else None,
        "replacement": partner.id if partner else None,
        "replacement_zone": partner.zone if partner else None,
        "boot_seconds": round(partner.ready_at - partner.seen_at, 1) if partner else None,
    }


def leftovers(roll: Roll) -> dict[str, Any]:
    """What of our changes is still in place on the group; empty when all was put back."""
    left: dict[str, Any] = {}
    if roll.delta:
        left["desired"] = {"now": roll.expected_desired, "should_be": roll.live}
    sent = roll.pending
    if sent is not None and sent.applied is None and sent.after > sent.before:
        left["desired"] = {"now": f"{sent.before} or {sent.after}", "should_be": roll.live}
    if roll.max_set is not None:
        left["max"] = {"now": roll.max_set, "should_be": roll.max_size}
    if roll.suspended:
        left["suspended"] = sorted(roll.suspended)
    return left


def open_ended(roll: Roll) -> bool:
    """True when a person could want to go on with an ended roll: it did not reach its goal."""
    return roll.phase is not Phase.DONE and (
        bool(leftovers(roll)) or replaced(roll) < len(roll.victims)
    )


def untouched(roll: Roll) -> bool:
    """True when the group is as it was found: nothing terminated, nothing left changed."""
    return not roll.terminations and not leftovers(roll)


def exit_code(roll: Roll) -> int:
    """0 done, 2 nothing changed after all, 3 halted, 4 stopped by a person."""
    if roll.phase is Phase.DONE and not leftovers(roll):
        return DONE
    if roll.phase is Phase.STOPPED:
        return STOPPED
    if roll.phase is Phase.HALTED and untouched(roll) and not roll.failures:
        return REFUSED
    return HALTED


def summary(roll: Roll, policy: Policy, calls: Mapping[str, int], now: float) -> dict[str, Any]:
    """
    The closing report.

    :param calls: number of API calls by operation.
    :return: flat keys; lists of flat dicts under ``instances`` and ``failures``.
    """
    ended = roll.ended_at or now
    extremes = roll.extremes
    boots, drains = boot_seconds(roll), drain_seconds(roll)
    ours = [t for t in roll.terminations.values() if t.cause is not Cause.VICTIM]
    return {
        "result": exit_code(roll) == DONE,
        "status": roll.phase.value,
        "reason": roll.reason,
        "roll_id": roll.id,
        "arn": roll.arn,
        "victims": len(roll.victims),
        "replaced": replaced(roll),
        "launches": len(roll.replacements),
        "launched": ", ".join(sorted({new.spec for new in roll.replacements.values() if new.spec})),
        "removed_replacements": len(ours),
        "live": roll.live,
        "lowest_serving": extremes.lowest_serving if extremes else None,
        "highest_total": extremes.highest_total if extremes else None,
        "below_floor": extremes.below_floor if extremes else None,
        "failed": len(roll.failures),
        "failures": [f"{f.what}: {f.why}" for f in roll.failures],
        "left_changed": leftovers(roll),
        "wall_seconds": round(ended - roll.started_at, 1),
        "ideal_seconds": round(ideal_seconds(boots, drains, window_of(roll, policy)), 1),
        "started_at": roll.started_at,
        "ended_at": roll.ended_at,
        "calls": dict(sorted(calls.items())),
        "instances": instances(roll),
    }


def ideal_seconds(boots: list[float], drains: list[float], window: int) -> float:
    """
    What these boots take on ``window`` slots when nothing is ever waited for: each begins as soon
    as a slot is free, in the order in which they were; after the last one the last old instance
    drains.
    """
    slots = [0.0] * max(1, window)
    for boot in boots:
        heapq.heapreplace(slots, slots[0] + boot)
    return max(slots) + (statistics.median(drains) if drains else 0.0)
