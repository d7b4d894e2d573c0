"""
What speaks against starting a roll, and what should be known before: decided from what was read.
Pure.

Each text names the thing, what is allowed, and what to do next. What a person may accept by name
is listed in ``accepting``.
"""

from __future__ import annotations

from collections.abc import Mapping

from asgroll.model import Group, Verdict, World
from asgroll.policy import Policy
from asgroll.selection import Choice

#: What a roll needs to work; each with what its suspension would do.
_NEEDED = {
    "Launch": "no replacement would ever start",
    "Terminate": "no old instance would ever go",
    "AddToLoadBalancer": "new instances would never be registered, not even after resuming it",
}
_UNPINNED = ("$Latest", "$Default")


def blocking(world: World, choice: Choice, policy: Policy, refresh: str | None) -> list[str]:
    """The reasons not to start, each with what to do about it."""
    group = world.group
    found = []
    if group.deleting:
        found.append(f"the group is being deleted ({group.status})")
    if not world.instances:
        found.append("the group has no instances: there is nothing to replace")
    found += [
        f"the process {process} is suspended: {effect}; resume it first"
        for process, effect in _NEEDED.items()
        if process in group.suspended
    ]
    if refresh:
        found.append(
            f"instance refresh {refresh} is replacing instances of this group; wait for its end "
            "or cancel it"
        )
    found += _acceptable(group, policy)
    if choice.victims:
        found += _no_room(world, choice, policy)
    return found


def alarmed(alarms: Mapping[str, str]) -> list[str]:
    return [
        f"the alarm {name} is in state ALARM; wait until it is OK, or leave it out of alarms"
        if state == "ALARM"
        else f"there is no CloudWatch alarm {name!r} in this region; correct alarms"
        for name, state in alarms.items()
        if state in ("ALARM", "missing")
    ]


def uneasy(alarms: Mapping[str, str]) -> list[str]:
    return [
        f"the alarm {name} is in state {state}: no checkpoint is passed until it is OK"
        for name, state in alarms.items()
        if state not in ("OK", "ALARM", "missing")
    ]


def _acceptable(group: Group, policy: Policy) -> list[str]:
    """Obstacles that a person may accept with the policy key ``accept``."""
    candidates = {}
    behind = [*group.target_groups, *group.load_balancers]
    if behind and group.health_check == "EC2":
        candidates["health-check-type"] = (
            "the group is behind a load balancer but its health check type is EC2: after the roll "
            "an instance that the load balancer finds unhealthy would stay; set it to ELB"
        )
    if group.other_traffic_sources:
        names = ", ".join(group.other_traffic_sources)
        candidates["traffic-source"] = f"traffic from {names} cannot be checked"
    if group.warm_pool:
        candidates["warm-pool"] = (
            "the group has a warm pool: replacements would come from it, launched and patched "
            "when the pool was filled; remove the pool, or renew it first"
        )
    return [
        f"{text}, or accept: [{code}]"
        for code, text in candidates.items()
        if code not in policy.accept
    ]


def _no_room(world: World, choice: Choice, policy: Policy) -> list[str]:
    group = world.group
    weights = [v.weight for v in choice.victims.values() if not v.standby]
    if not weights:
        return []
    surge, unavailable = policy.window(group.desired, weights)
    if surge == 0 and unavailable == 0:
        return [
            f"max_unavailable: {policy.max_unavailable} of {group.desired} rounds down to 0 and "
            f"surge is {policy.surge}: nothing could ever be replaced; set surge: 1 or a larger "
            "max_unavailable"
        ]
    if surge + unavailable < max(weights):
        return [
            f"the heaviest victim weighs {max(weights)} units, but surge: {policy.surge} and "
            f"max_unavailable: {policy.max_unavailable} leave room for {surge + unavailable}: it "
            "could never go; give surge as a number of instances"
        ]
    room = group.max_size - group.desired
    if not policy.raise_max and unavailable == 0 and room <= 0:
        return [
            f"no room to surge: desired {group.desired} = max {group.max_size} with "
            "raise_max: false and max_unavailable: 0; set raise_max: true, raise MaxSize, or "
            "allow max_unavailable: 1"
        ]
    return []


def cautions(world: World, specs: tuple[str, ...]) -> list[str]:
    """What does not stop a roll but should be known."""
    group = world.group
    found = []
    for written in group.specs:
        if written.endswith(_UNPINNED):
            now = ", ".join(s for s in specs if s.startswith(written.rpartition(":")[0]))
            found.append(
                f"the group launches from {written} (now {now}): whoever changes the template "
                "during the roll changes what is launched; pin a number"
            )
    for process in ("HealthCheck", "ReplaceUnhealthy"):
        if process in group.suspended:
            found.append(f"the process {process} is suspended")
    weak = [i for i in world.instances.values() if i.answer.verdict is not Verdict.READY]
    weak = [i for i in weak if i.holds_capacity]
    if weak:
        named = ", ".join(f"{i.id} ({i.answer.why})" for i in weak[:3])
        more = f" and {len(weak) - 3} more" if len(weak) > 3 else ""
        found.append(f"{len(weak)} of {len(world.instances)} do not serve now: {named}{more}")
    return found
