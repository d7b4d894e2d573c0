"""
What "ready" means: a list of named gates, each answering ready, or not yet (why).

Every instance starts out as ``HealthStatus: Healthy``, so that alone proves nothing; a gate for
each target group and load balancer asks whether the instance really gets traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from asgroll.world import IN_SERVICE, READY, Answer, Instance, TargetHealth, Verdict, World

Gate = Callable[[Instance, World], Answer]

#: A Network Load Balancer does not tell through DescribeTargetHealth whether traffic is shifted
#: away from the target (its user guide, "Zonal shift administrative override").
UNSEEN = "zonal_shift_delegated_to_dns"


def in_service(instance: Instance, world: World) -> Answer:
    """InService and Healthy in the eyes of the group."""
    if instance.lifecycle != IN_SERVICE:
        return Answer("in-service", Verdict.NOT_YET, instance.lifecycle)
    if not instance.healthy:
        return Answer("in-service", Verdict.NOT_YET, f"{instance.lifecycle}, Unhealthy")
    return READY


def traffic(instance: Instance, world: World) -> Answer:
    """Healthy in every target group and every classic load balancer, and traffic reaches it."""
    why, draining = "", False
    for name, members in world.targets.items():
        health = members.get(instance.id)
        if health is None or not health.gets_traffic:
            why = why or f"{name}: {_say(health) if health else 'not registered'}"
            draining |= health is not None and health.state == "draining"
    return Answer("traffic", Verdict.NOT_YET, why, draining) if why else READY


def _say(health: TargetHealth) -> str:
    said = [text for text in (health.reason, health.override) if text]
    return f"{health.state} ({', '.join(said)})" if said else health.state


GATES: tuple[Gate, ...] = (in_service, traffic)


def judge(world: World, gates: tuple[Gate, ...] = GATES) -> World:
    """The same observation with each instance's ``answer`` set to the first gate not ready."""
    instances: Mapping[str, Instance] = {
        key: _judged(instance, world, gates) for key, instance in world.instances.items()
    }
    return replace(world, instances=instances)


def _judged(instance: Instance, world: World, gates: tuple[Gate, ...]) -> Instance:
    for gate in gates:
        answer = gate(instance, world)
        if answer.verdict is not Verdict.READY:
            return replace(instance, answer=answer)
    return instance if instance.answer == READY else replace(instance, answer=READY)


# --- what a person has accepted ------------------------------------------------------------------


def unused(world: World) -> frozenset[str]:
    """The target groups through which no traffic comes at all: all their members are NotInUse."""
    return frozenset(
        name
        for name, members in world.targets.items()
        if members and not any(health.in_use for health in members.values())
    )


def lost(world: World, told: Collection[str]) -> frozenset[str]:
    """
    What told who is ready and does so no more: without it whoever is InService would be.

    :param told: target groups, load balancers and launch hooks, by name.
    """
    gone = frozenset(told) - set(world.targets)
    return gone if world.hooks is None else gone - world.hooks


def heeding(world: World, accept: Collection[str], without: Collection[str]) -> World:
    """
    The observation with what a person has accepted taken out of it.

    :param accept: names of obstacles (``accepting``).
    :param without: target groups that do not count for as long as they are unused.
    """
    dropped = unused(world) & frozenset(without)
    targets = {name: members for name, members in world.targets.items() if name not in dropped}
    if "unseen-zonal-shift" in accept:
        targets = {
            name: {key: _as_seen(health) for key, health in members.items()}
            for name, members in targets.items()
        }
    return replace(world, targets=targets)


def _as_seen(health: TargetHealth) -> TargetHealth:
    return replace(health, override="") if health.override == UNSEEN else health
