"""What ``plan``, ``status`` and ``list`` answer, as flat dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgroll import steps, waits
from asgroll.aws import Aws
from asgroll.book import count, order
from asgroll.current import launched_now, with_image
from asgroll.errors import AwsError
from asgroll.model import Phase, Roll
from asgroll.outdated import compare
from asgroll.policy import KEYS, Policy
from asgroll.preflight import Assessment
from asgroll.report import (
    DONE,
    REFUSED,
    exit_code,
    leftovers,
    open_ended,
    replaced,
    window_of,
)
from asgroll.values import format_duration
from asgroll.world import Group, Instance, Machine, Recipe

#: How much evidence a halt brings: enough to see why a boot failed, not a log archive.
EVIDENCE_INSTANCES = 3
EVIDENCE_LINES = 15


def plan(
    name: str, assessment: Assessment, roll: Roll | None, policy: Policy
) -> tuple[dict[str, Any], int]:
    """
    What a roll of ``name`` would do.

    :param roll: the roll that would begin, or None when there are obstacles.
    :return: flat keys, and the exit code: 0 may start (or nothing to do), 2 may not.
    """
    policy = waits.settled(policy, waits.seconds(assessment.waits))
    data: dict[str, Any] = {
        "result": not assessment.obstacles,
        "status": "refused" if assessment.obstacles else "planned",
        "obstacles": list(assessment.obstacles),
        "warnings": list(assessment.warnings),
        "policy": {key: _say(getattr(policy, key)) for key in KEYS if getattr(policy, key)},
    }
    world = assessment.world
    if world is None:
        return data, REFUSED
    data |= sizes(world.group)
    data["waits"] = [
        f"{key} is {format_duration(wait.seconds)}, as {wait.why}"
        for key, wait in assessment.waits.items()
    ]
    data["kept"] = [
        {"instance": key, "zone": world.instances[key].zone, "why": why}
        for key, why in assessment.choice.kept.items()
    ]
    data["victims"] = len(assessment.choice.victims)
    if roll is None:
        data["instances"] = [_victim(v) for v in assessment.choice.victims.values()]
        return data, REFUSED
    # who does not serve now goes first, if that is still so after settle_time
    book = count(world, roll, policy, world.taken_at + policy.settle_time)
    first = [i.id for i in order(book, roll, policy)]
    ids = [*first, *(i.id for i in book.standby)]
    data["instances"] = [_victim(roll.victims[key]) for key in ids]
    data["changes"] = _changes(roll, policy, book.surge, book.alive)
    data["checkpoints"] = list(steps.limits(policy, len(roll.victims))[:-1])
    data["mutations"] = len(roll.victims) + 1 if book.surge else len(roll.victims)
    data["reads_per_turn"] = 1 + len(world.group.target_groups) + len(world.group.load_balancers)
    data["expected_seconds"] = _expected(len(first), window_of(roll, policy), assessment)
    return data, DONE


def _victim(victim) -> dict[str, Any]:
    return {
        "instance": victim.id,
        "zone": victim.zone,
        "why": victim.why,
        "spec": victim.spec,
        "launched_at": victim.launched_at,
    }


def _changes(roll: Roll, policy: Policy, surge: int, alive: int) -> list[str]:
    """What would be changed on the group for the time of the roll, in words."""
    if not alive:
        return []
    top = roll.live + min(surge, alive)
    found = []
    if policy.suspend:
        found.append(
            f"suspend {', '.join(policy.suspend)} (unless it is already), resume at the end"
        )
    if top > roll.max_size:
        found.append(f"max {roll.max_size} → {top}, back to {roll.max_size} at the end")
    if top > roll.desired:
        found.append(f"desired {roll.desired} → {top}, back to the live capacity at the end")
    return found


def _expected(victims: int, window: int, assessment: Assessment) -> float | None:
    """Seconds by the group's own recent launches; None when it has had none."""
    if assessment.typical_launch is None:
        return None
    return round(-(-victims // max(1, window)) * assessment.typical_launch, 1)


def _say(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str)):
        return value
    return [_say(v) for v in value] if isinstance(value, tuple) else str(value)


def sizes(group: Group) -> dict[str, Any]:
    """Sizes and state of a group."""
    return {
        "min": group.min_size,
        "max": group.max_size,
        "desired": group.desired,
        "launches_from": ", ".join(group.specs),
        "suspended": sorted(group.suspended),
    }


def elsewhere(roll: Roll, owner: str, now: float) -> str:
    """
    Where a roll runs that another master works on, as far as a shared journal can tell; empty when
    that is known to be over.
    """
    left = roll.alive_until - now
    if roll.phase.ended or roll.owner in ("", owner) or left <= 0:
        return ""
    return (
        f"{roll.owner} works on it; if that has died, other masters may take over in "
        f"{format_duration(max(1.0, left))}"
    )


def status(roll: Roll, running: bool, other: str = "") -> dict[str, Any]:
    """
    The last roll of a group.

    :param running: whether a process on this master is working on it now.
    :param other: what is to be said of another master that works on it (``elsewhere``).
    """
    running = running or bool(other)
    left = leftovers(roll)
    state = roll.phase.value
    if not roll.phase.ended and not running:
        state = "interrupted"
    paused = roll.phase.ended and bool(left)
    return {
        "result": running or (state != "interrupted" and not left),
        "status": "paused" if paused else state,
        "running": running,
        "reason": "; ".join(filter(None, (roll.reason, other))),
        "roll_id": roll.id,
        "arn": roll.arn,
        "victims": len(roll.victims),
        "replaced": replaced(roll),
        "serving": roll.serving,
        "live": roll.live,
        "failures": [f"{f.what}: {f.why}" for f in roll.failures],
        "left_changed": {} if running else left,
        "next": "" if running else next_step(roll),
        "started_at": roll.started_at,
        "ended_at": roll.ended_at,
        "exit_code": exit_code(roll) if roll.phase.ended else None,
    }


#: What the history shows of a closing report.
BRIEF = (
    "roll_id",
    "status",
    "started_at",
    "wall_seconds",
    "replaced",
    "victims",
    "launched",
    "failed",
    "reason",
)


def in_brief(closing: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the history, from a closing report."""
    return {key: closing.get(key) for key in BRIEF}


def next_step(roll: Roll) -> str:
    """What a person should type now, empty when nothing is open."""
    if roll.phase.ended and not leftovers(roll):
        return ""
    back = f"`salt-run asgcycle.abort {roll.group}` puts the sizes back"
    if roll.phase.ended and not open_ended(roll):
        return back
    return f"`salt-run asgcycle.resume {roll.group}` goes on, {back}"


def evidence(aws: Aws, roll: Roll) -> dict[str, str]:
    """
    What AWS can tell after a halt: failed scaling activities since the roll began, and the end of
    the console of replacements that failed.

    Goes into the result only, never into events: a console may show what is not for everybody.
    """
    if roll.phase is not Phase.HALTED:
        return {}
    found = {}
    try:
        for activity in aws.activities(roll.group):
            if activity.failed and activity.started_at >= roll.started_at:
                text = activity.description
                if activity.message not in text:  # AWS ends the one with the other
                    text = f"{text} {activity.message}".strip()
                found[f"scaling activity {activity.status.lower()}"] = text
                break  # newest first: the last one says what stands in the way now
    except AwsError as exc:
        found["scaling activities"] = str(exc)
    failed = [
        r.id
        for r in roll.replacements.values()
        if r.failed_at is not None or (r.gone_at is not None and r.ready_at is None)
    ]
    for key in failed[-EVIDENCE_INSTANCES:]:
        try:
            lines = aws.console(key).splitlines()[-EVIDENCE_LINES:]
            found[f"console of {key}"] = "\n".join(lines) or "empty"
        except AwsError as exc:
            found[f"console of {key}"] = str(exc)
    return found


def inventory(aws: Aws) -> dict[str, dict[str, Any]]:
    """
    Every group of the region by name: sizes, and how many instances are outdated (None where that
    is not known).
    """
    groups = aws.groups()
    resolved: dict[str, Recipe | None] = {}
    for spec in {spec for group, _ in groups for spec in group.specs}:
        try:
            resolved[spec] = with_image(aws, aws.recipe(spec))
        except AwsError:
            resolved[spec] = None
    try:
        machines = aws.machines(i.id for _, instances in groups for i in instances)
    except AwsError:
        machines = {}
    return {
        group.name: {
            "result": True,
            **sizes(group),
            "instances": len(instances),
            "in_service": sum(1 for i in instances if i.lifecycle == "InService"),
            "outdated": _outdated(aws, group, instances, resolved, machines),
        }
        for group, instances in groups
    }


def _outdated(
    aws: Aws,
    group: Group,
    instances: list[Instance],
    resolved: Mapping[str, Recipe | None],
    machines: Mapping[str, Machine],
) -> int | None:
    """How many are outdated; None where that is not known of all of them."""
    if any(resolved[spec] is None for spec in group.specs):
        return None
    recipes = launched_now(aws, group, resolved)
    staying = [i for i in instances if not i.leaving]
    found = [compare(i, machines.get(i.id), recipes).outdated for i in staying]
    return None if None in found else sum(found)
