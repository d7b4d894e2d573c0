"""What a group goes back to when a roll has turned out badly. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asgroll.errors import NoWayBackError
from asgroll.model import Roll
from asgroll.values import format_duration
from asgroll.world import Image


def targets(
    now: Mapping[str, str],
    were: Iterable[str],
    recorded: Mapping[str, str],
    rolled_out: Iterable[str] = (),
) -> dict[str, str]:
    """
    What each thing that the group launches from has to be pinned to.

    The versions that the roll's victims ran are known to have served, so they come first; what
    ``publish`` has recorded counts where the victims ran none or several.

    :param now: what the group names (``lt-…:$Latest``) and what it stands for (``lt-…:7``).
    :param were: what the victims of the last roll were launched from.
    :param recorded: what the group names, and what the last publish has replaced by it.
    :param rolled_out: what the group launched from during the last roll. Where it launches from
        something else by now, which that roll's victims ran, it has been taken back already.
    :return: what the group names, and what it shall name; only where that differs.
    :raises NoWayBackError: there is nothing to go back to, with the reason for each.
    """
    ran, rolled_out = set(were), set(rolled_out)
    found, reasons, already = {}, [], False
    for written, spec in now.items():
        if rolled_out and spec in ran - rolled_out:
            already = True
            continue
        old = {known for known in ran if _kind(known) == _kind(spec)} - {spec}
        if len(old) == 1:
            found[written] = old.pop()
        elif recorded.get(written, spec) != spec:
            found[written] = recorded[written]
        elif old:
            several = ", ".join(sorted(old))
            reasons.append(f"the instances replaced ran several versions ({several}); pin one")
        else:
            reasons.append(f"nothing else than {spec} is known to have run before")
    if not (found or already):
        raise NoWayBackError("nothing to go back to: " + "; ".join(reasons))
    return found


def _kind(spec: str) -> str:
    """The launch template of a version; empty for launch configurations, which are all alike."""
    return spec.rpartition(":")[0]


def ran_before(roll: Roll | None) -> tuple[str, ...]:
    """
    What the victims of a roll were launched from.

    Those of a rollback were what it went back from: they say nothing about where to go.
    """
    if roll is None or roll.rollback:
        return ()
    return tuple(victim.spec for victim in roll.victims.values() if victim.spec)


def unusable(image: Image | None, now: float, accept: Iterable[str]) -> str:
    """
    Why instances should not be launched from an image again; empty when they may be.

    :param image: None where there is none of this id (any more), or not for this account.
    :param now: seconds since the epoch.
    :param accept: obstacles that a person has accepted.
    """
    if image is None:
        return "is deregistered, or not shared with this account any more"
    if image.state != "available":
        return f"is in state {image.state}, so every launch would fail"
    if image.deprecated_at is None or image.deprecated_at > now or "deprecated-image" in accept:
        return ""
    ago = format_duration(now - image.deprecated_at)
    return (
        f"is deprecated since {ago}: it still launches, but may lack updates and be deregistered "
        "soon; accept: [deprecated-image], or go back to a newer one by hand"
    )
