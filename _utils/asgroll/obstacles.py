"""
What speaks against starting a roll, and what should be known before: decided from what was read.
Pure.

Each text names the thing, what is allowed, and what to do next. What a person may accept by name
is listed in ``accepting``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from asgroll import waits
from asgroll.clock import Offset, bearable
from asgroll.gates import UNSEEN, unused
from asgroll.policy import Policy
from asgroll.selection import Choice, explained
from asgroll.values import format_duration
from asgroll.waits import OwnTimes
from asgroll.world import Group, Verdict, World

#: What a roll needs to work; each with what its suspension would do.
_NEEDED = {
    "Launch": "no replacement would ever start",
    "Terminate": "no old instance would ever go",
    "AddToLoadBalancer": "new instances would never be registered, not even after resuming it",
}
_UNPINNED = ("$Latest", "$Default")
#: How far the capacity held may be from the desired one in a weighted group: as far as its heaviest
#: instance, which the last launch may overshoot by, or this share of it.
_UNITS_SHARE = 0.1


def blocking(
    world: World, choice: Choice, policy: Policy, refresh: str | None, own: OwnTimes
) -> list[str]:
    """
    The reasons not to start, each with what to do about it.

    :param policy: with the times that follow the group filled in (``waits.settled``).
    :param own: the group's own times.
    """
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
    if group.operator:
        found.append(
            f"the group is managed by {group.operator}, which alone may change it: what would be "
            "changed is refused; replace its instances through that service"
        )
    found += _uncounted(world)
    found += waits.impossible(policy)
    found += _acceptable(world, choice, policy, own)
    if choice.victims:
        found += _no_room(world, choice, policy)
    return found


def off_clock(offset: Offset | None, policy: Policy) -> tuple[list[str], list[str]]:
    """
    What is to be said about this master's clock: obstacles, and what should be known.

    :param offset: how far it is from AWS's; None where no answer has told.
    """
    limit = bearable(policy.lease_time)
    if offset is None:
        unknown = (
            "whether this master's clock is right is not known: AWS's answers carry no Date (is "
            "there a proxy?); see that it is synchronised"
        )
        return [], [unknown] if policy.lease else []
    if not offset.beyond(limit):
        return [], []
    if not policy.lease:
        return [], [f"{offset}: ages and times are off by as much"]
    return [
        f"{offset}, and a lease of {format_duration(policy.lease_time)} bears "
        f"{format_duration(limit)}: two masters could work on the group at once; set the clock "
        "(timedatectl tells whether it is synchronised), or lease: false where no other master "
        "rolls this group"
    ], []


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


def _acceptable(world: World, choice: Choice, policy: Policy, own: OwnTimes) -> list[str]:
    """Obstacles that a person may accept with the policy key ``accept``."""
    group, candidates = world.group, {}
    if _tells_nothing(world, policy, own):
        candidates["no-readiness"] = (
            "nothing tells when a new instance is ready: there is no load balancer with a "
            "listener, no launch lifecycle hook, and healthy_for is 0s; InService only means that "
            "the machine runs. Attach a target group that checks the application's health, or "
            f"make a launch hook (`salt-run asgcycle.hook {group.name} create=True`), or set "
            "healthy_for to what the application takes to start"
        )
    short = waits.too_short(policy, own)
    if short:
        candidates["timeouts"] = "; ".join(short)
    behind = [*group.target_groups, *group.load_balancers]
    if behind and not group.asks_load_balancers:
        candidates["health-check-type"] = (
            f"the group is behind a load balancer but its health check type is "
            f"{group.health_check}: after the roll an instance that the load balancer finds "
            "unhealthy would stay; add ELB to it"
        )
    candidates |= _traffic(world, choice, policy)
    units = _odd_units(world, choice)
    if units and not _uncounted(world):
        candidates["capacity-units"] = units
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


def _tells_nothing(world: World, policy: Policy, own: OwnTimes) -> bool:
    """
    Whether nothing but InService speaks for a new instance, which comes when EC2 says that the
    machine runs (user guide, "Amazon EC2 Auto Scaling instance lifecycle"). Hooks that could not be
    read are not absent ones: then that is the obstacle.
    """
    asked = set(world.targets) - unused(world)
    hooked = own.hooks is None or own.launch_hook is not None
    return not (asked or hooked or policy.healthy_for)


def _traffic(world: World, choice: Choice, policy: Policy) -> dict[str, str]:
    """What keeps traffic away from the group, by the name under which it may be accepted."""
    found, idle = {}, unused(world)
    if idle:
        found["unused-target-group"] = (
            f"no listener of a load balancer forwards to {_names(idle)} (Target.NotInUse), or not "
            "in these zones: no traffic comes that way; attach a listener, or detach it from the "
            "group"
        )
    shifted = _overridden(world, lambda override: override != UNSEEN)
    if shifted:
        found["zonal-shift"] = (
            f"traffic is kept away from {shifted}: what is there does not serve, and what is "
            "launched there would not; wait until the shift has ended"
        )
    unseen = _overridden(world, lambda override: override == UNSEEN)
    if unseen:
        found["unseen-zonal-shift"] = (
            f"a zonal shift would not be seen in {unseen}: look whether one is active (Application "
            "Recovery Controller)"
        )
    members = [i for i in world.instances.values() if i.holds_capacity]
    dead = members and not any(i.answer.verdict is Verdict.READY for i in members)
    known_why = idle and "unused-target-group" not in policy.accept
    if dead and choice.victims and not known_why:
        first = min(members, key=lambda i: i.id)
        found["nobody-serves"] = (
            f"none of {len(members)} instances serves now ({first.id}: {first.answer.why}): find "
            "out why, or bring what works"
        )
    return found


def _overridden(world: World, which: Callable[[str], bool]) -> str:
    """The target groups whose members have such an override: each with how many, where and why."""
    found = []
    for name, members in world.targets.items():
        zones = {
            key: world.instances[key].zone
            for key, health in members.items()
            if health.override and which(health.override) and key in world.instances
        }
        if zones:
            states = {members[key].override for key in zones}
            where = _names(set(zones.values()))
            found.append(f"{name} ({', '.join(sorted(states))}: {len(zones)} in {where})")
    return ", ".join(found)


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _counted(group: Group) -> str:
    """What the sizes of a group count, in words; empty when it is instances."""
    if group.capacity_type != "units":
        return f"{group.capacity_type} (DesiredCapacityType)"
    return "the weights of instance types" if group.weighted else ""


def _uncounted(world: World) -> list[str]:
    """Where capacity is more than a number of instances, what each of them is has to be known."""
    members = [i for i in world.instances.values() if i.holds_capacity]
    bare = [i.id for i in members if not i.weighted]
    counted = _counted(world.group)
    if not bare or not (counted or len(bare) < len(members)):
        return []
    return [
        f"the sizes of the group count {counted or 'weights'}, and AWS shows no weight of "
        f"{_named(bare)}: what they contribute is not known, and capacity could be lost unseen; "
        "give every instance type in use a weight, or let the group count instances"
    ]


def _odd_units(world: World, choice: Choice) -> str:
    """Why the sizes of a group may not mean what the weights of its instances say."""
    group = world.group
    if group.capacity_type != "units":
        return (
            f"the sizes of the group count {_counted(group)}: that AWS counts with the weights "
            "that it shows of the instances is not documented; let it count units"
        )
    members = [i for i in world.instances.values() if i.holds_capacity]
    if not choice.victims or not any(i.weighted for i in members):
        return ""
    margin = max(max(i.weight for i in members), group.desired * _UNITS_SHARE)
    if abs(world.capacity - group.desired) <= margin:
        return ""
    return (
        f"the weights of the instances add up to {world.capacity}, but the desired capacity is "
        f"{group.desired}: one of them does not mean what the other does, or the group cannot "
        "launch; correct the weights or the sizes"
    )


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(ids[:3]) + more


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
    if explained(world.instances.values(), group.protects_new):
        found.append(
            "every instance is protected from scale-in, as the group protects what it launches: "
            "that is not taken for a person's wish, protected instances are replaced"
        )
    weak = [i for i in world.instances.values() if i.answer.verdict is not Verdict.READY]
    weak = [i for i in weak if i.holds_capacity]
    if weak:
        named = ", ".join(f"{i.id} ({i.answer.why})" for i in weak[:3])
        more = f" and {len(weak) - 3} more" if len(weak) > 3 else ""
        found.append(f"{len(weak)} of {len(world.instances)} do not serve now: {named}{more}")
    return found
