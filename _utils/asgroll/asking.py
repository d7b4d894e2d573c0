"""What ``status`` answers: the last rolls, as the journal knows them, and how a group launches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgroll import abandoned, events, inform, report, skipping
from asgroll.errors import AsgrollError, PolicyError
from asgroll.master import Master
from asgroll.verbs import owner_of, refusal, shape


def status(master: Master, group: Any, extra: tuple, unknown: Mapping[str, Any]) -> dict:
    """
    The last roll of a group, or of every group. AWS is asked only about one group: whether its
    launches come through, and what they may skip.
    """
    given = [*map(str, extra), *unknown]
    if given:
        return refusal(group, [f"status takes the name of one group; not {', '.join(given)}"])
    try:
        known, damaged = master.journal().all()
    except AsgrollError as exc:
        return refusal(group, [str(exc)])
    rolls = [r for r in known if group in (None, r.group)]
    if damaged and not rolls:
        return refusal(group, damaged)
    data: dict[str, dict[str, Any]] = {}
    for found in rolls:
        running = master.locked(found.arn, found.group)
        name = found.group if found.group not in data else found.arn
        other = "" if running else inform.elsewhere(found, owner_of(master), master.now())
        data[name] = inform.status(found, running, other)
    if not rolls:
        text = f"no roll of {group} is on record" if group else "no roll is on record"
        data[group or "asgcycle"] = {"result": True, "comment": text}
    if group:
        told = _launches(master, group)
        data[group] |= told | {"result": data[group]["result"] and told.get("result", True)}
    if damaged and group is None:
        data |= refusal("unreadable", damaged)["data"]
    return shape(data, 0 if all(d["result"] for d in data.values()) else report.HALTED)


def _launches(master: Master, name: str) -> dict[str, Any]:
    """
    ``{"skipping": …, "abandoned": …}`` where there is something to tell, ``result`` False where
    launches were abandoned in a row, which the bus hears as well; ``launches`` when AWS does not
    say, which says nothing against what the journal knows.
    """
    try:
        policy = master.policy(name, {})
        aws = master.aws(policy)
        said = skipping.told(aws.group(name), master.now())
        answer: dict[str, Any] = {"skipping": said} if said else {}
        found = abandoned.in_a_row(aws.activities(name))
        if found is None:
            return answer
        why = abandoned.reason(aws, found)
    except PolicyError as exc:
        return {"launches": f"not known: {'; '.join(exc.problems)}"}
    except AsgrollError as exc:
        return {"launches": f"not known: {exc}"}
    text = abandoned.told(name, found, why)
    more = {"count": found.count, "instance": found.instance, "reason": why}
    with master.bus(policy) as bus:
        bus.announce(name, events.Event(events.Step.ABANDONED, master.now(), text, more))
    return {**answer, "result": False, "abandoned": text}
