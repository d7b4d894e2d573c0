"""
What "ready" means: a list of named gates, each answering ready, not yet (why) or failed (why).

Every instance starts out as ``HealthStatus: Healthy``, so that alone proves nothing; a gate for
each target group and load balancer asks whether the instance really gets traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from asgroll.model import IN_SERVICE, READY, Answer, Instance, TargetHealth, Verdict, World

Gate = Callable[[Instance, World], Answer]

#: Target states that mean "gets traffic". Where health checks are disabled the target is
#: `unavailable` for good with this reason, and gets traffic all the same (Elastic Load Balancing
#: API reference, TargetHealth).
_CHECKS_DISABLED = "Target.HealthCheckDisabled"
_SERVING_STATES = frozenset({"healthy", IN_SERVICE})


def in_service(instance: Instance, world: World) -> Answer:
    """InService and Healthy in the eyes of the group."""
    if instance.lifecycle != IN_SERVICE:
        return Answer("in-service", Verdict.NOT_YET, instance.lifecycle)
    if not instance.healthy:
        return Answer("in-service", Verdict.NOT_YET, f"{instance.lifecycle}, Unhealthy")
    return READY


def traffic(instance: Instance, world: World) -> Answer:
    """Healthy in every target group and every classic load balancer of the group."""
    for name, members in world.targets.items():
        health = members.get(instance.id)
        if health is None:
            return Answer("traffic", Verdict.NOT_YET, f"{name}: not registered")
        if health.state in _SERVING_STATES or health.reason == _CHECKS_DISABLED:
            continue
        draining = health.state == "draining"
        return Answer("traffic", Verdict.NOT_YET, f"{name}: {_say(health)}", draining)
    return READY


def _say(health: TargetHealth) -> str:
    return f"{health.state} ({health.reason})" if health.reason else health.state


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
    return instance
