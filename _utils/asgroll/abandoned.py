"""Launches that their hook has abandoned, one after the other, and what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from asgroll import skipping
from asgroll.aws import Aws
from asgroll.errors import AwsError
from asgroll.world import Activity

#: One may have had a bad boot, and the next one the same mirror; the third has a cause.
IN_A_ROW = 3
#: What the agent and the first boot say on the console; its own timeout is none of the reasons.
_REASON = re.compile(r"asgcycle: (?:not ready: (?!timeout)|failed: ).*")


@dataclass(frozen=True, slots=True)
class Abandoned:
    """``count`` launches in a row; ``instance`` was the last, ``message`` is AWS's about it."""

    count: int
    instance: str
    message: str


def in_a_row(activities: Iterable[Activity]) -> Abandoned | None:
    """
    Whether the last launches of a group were all abandoned; None when they are fewer than that.

    :param activities: newest first. What still goes on, was cancelled by others or could not be
        launched at all says nothing of a hook; a launch that came through ends the row.
    """
    found: list[Activity] = []
    for activity in activities:
        if not activity.launch or activity.ended_at is None:
            continue
        if activity.status == "Successful":
            break
        if "Lifecycle Action" in activity.message and "abandoned" in activity.message:
            found.append(activity)
    if len(found) < IN_A_ROW:
        return None
    return Abandoned(len(found), found[0].instance, found[0].message)


def reason(aws: Aws, found: Abandoned) -> str:
    """What the last of them has said on its console against being ready."""
    if not found.instance:
        return "AWS does not say which instance it was"
    try:
        said = _REASON.findall(aws.console(found.instance))
    except AwsError as exc:
        return f"its console is not known: {exc}"
    return said[-1].strip() if said else "its console has no line of the readiness agent"


def told(group: str, found: Abandoned, why: str) -> str:
    """For a person: what happens, why, and what there is to type."""
    named = next((check for check in skipping.CHECKS if f"not ready: {check}:" in why), None)
    check = named or skipping.CHECKS[0]
    return (
        f"the last {found.count} launches were abandoned, one after the other: nothing new gets "
        f"into service. The last one, {found.instance or 'unknown'}: {why} ({found.message}). Put "
        f"right what that names; or `salt-run asgcycle.rollback {group}` goes back to what ran "
        f"before; or `salt-run asgcycle.hook {group} skip={check} for=2h` lets new instances do "
        "without this check for a while"
    )
