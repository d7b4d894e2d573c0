"""What to tell about the difference between two states of a roll. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from asgroll.actions import Action, Resume, SetDesired, SetMax, Suspend, Terminate
from asgroll.events import Event, Step
from asgroll.model import Cause, Roll
from asgroll.values import format_duration
from asgroll.world import World


def between(before: Roll, after: Roll, world: World, now: float) -> Iterator[Event]:
    """Events for what an observation has added to a roll."""
    if after.live != before.live:
        yield Event(
            Step.DESIRED_CHANGED,
            now,
            f"somebody changed the live capacity from {before.live} to {after.live}",
            {"before": before.live, "after": after.live},
        )
    yield from _new_instances(before, after, now)
    for key, term in after.terminations.items():
        if term.gone_at is not None and before.terminations[key].gone_at is None:
            took = term.gone_at - term.asked_at
            yield Event(
                Step.TERMINATED,
                now,
                f"{key} has left after {format_duration(took)}",
                {"instance": key, "seconds": round(took, 3)},
            )
    for key in sorted(after.vanished - before.vanished):
        yield Event(
            Step.VANISHED, now, f"{key} has left the group, not through us", {"instance": key}
        )
    for failure in after.failures[len(before.failures) :]:
        yield Event(Step.FAILED, now, f"{failure.what}: {failure.why}", {"what": failure.what})


def _new_instances(before: Roll, after: Roll, now: float) -> Iterator[Event]:
    for key, new in after.replacements.items():
        old = before.replacements.get(key)
        if old is new:
            continue
        if old is None:
            text = f"{key} launched in {new.zone}"
            if after.specs and new.spec not in after.specs:
                text += f" from {new.spec}, not from {', '.join(after.specs)}"
            yield Event(Step.LAUNCHED, now, text, {"instance": key, "zone": new.zone})
        if new.ready_at is not None and (old is None or old.ready_at is None):
            took = new.ready_at - new.seen_at
            yield Event(
                Step.READY,
                now,
                f"{key} serves after {format_duration(took)} ({new.zone})",
                {"instance": key, "zone": new.zone, "seconds": round(took, 3)},
            )


def of_action(action: Action, roll: Roll, now: float) -> Event:
    """The event for an action that AWS has accepted."""
    if isinstance(action, Terminate):
        shrink = ", desired − 1" if action.decrement and action.weight == 1 else ""
        kind = "" if action.cause is Cause.VICTIM else f" ({action.cause.value})"
        why = f": {action.why}" if action.why else ""
        return Event(
            Step.TERMINATING,
            now,
            f"terminating {action.instance}{kind}{shrink}{why}",
            {
                "instance": action.instance,
                "cause": action.cause.value,
                "decrement": action.decrement,
            },
        )
    if isinstance(action, SetDesired):
        text = f"desired {action.before} → {action.to}"
        return Event(Step.DESIRED_SET, now, text, {"before": action.before, "after": action.to})
    if isinstance(action, SetMax):
        text = f"max {'back to' if action.restore else 'raised to'} {action.to}"
        return Event(Step.MAX_SET, now, text, {"to": action.to, "restore": action.restore})
    if isinstance(action, (Suspend, Resume)):
        suspended = isinstance(action, Suspend)
        names = ", ".join(action.processes)
        return Event(
            Step.SUSPENDED if suspended else Step.RESUMED,
            now,
            f"{'suspended' if suspended else 'resumed'} {names}",
            {"processes": list(action.processes)},
        )
    raise TypeError(f"not an action that is sent to AWS: {action!r}")
