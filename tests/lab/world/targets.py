"""Target groups and classic load balancers: registration, health, draining, who gets traffic."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from .core import Core
from .errors import ApiError
from .history import Listener, Override, TargetHealth
from .model import NO_OVERRIDE, Group, Instance, LoadBalancer, Target, TargetGroup

HEALTHY, UNHEALTHY, INITIAL = "healthy", "unhealthy", "initial"
DRAINING, UNUSED = "draining", "unused"
SHIFTED = "zonal_shift_active"
REASONS = {
    INITIAL: ("Elb.RegistrationInProgress", "Target registration is in progress"),
    UNHEALTHY: ("Target.Timeout", "Request timed out"),
    DRAINING: ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    HEALTHY: ("", ""),
    UNUSED: (
        "Target.NotInUse",
        "Target group is not configured to receive traffic from the load balancer",
    ),
}
# Seconds that HealthCheckIntervalSeconds has to be at least (API reference, CreateTargetGroup).
SHORTEST_INTERVAL = 5
Balancer = TargetGroup | LoadBalancer


class Targets(Core):
    """What the load balancers think of the instances."""

    def create_target_group(self, name: str, **settings: object) -> TargetGroup:
        """Create a target group; settings are fields of ``TargetGroup``."""
        arn = self.arn("elasticloadbalancing", f"targetgroup/{name}/{len(self.target_groups):016x}")
        made = TargetGroup(arn=arn, name=name, **settings)
        self.add_target_group(made)
        return made

    def add_target_group(self, made: TargetGroup) -> None:
        """Take in a target group, and record whether a listener forwards to it."""
        self.target_groups[made.arn] = made
        self.history.append(Listener(self.now, made.arn, made.listener))

    def create_load_balancer(
        self, name: str, zones: tuple[str, ...] = (), **settings: object
    ) -> LoadBalancer:
        """Create a classic load balancer; settings are fields of ``LoadBalancer``."""
        dns = f"{name}-{len(self.load_balancers)}.{self.region}.elb.example.com"
        self.load_balancers[name] = made = LoadBalancer(name, dns, tuple(zones), **settings)
        return made

    def balancer(self, key: str) -> Balancer:
        """Return a target group by ARN or a classic load balancer by name."""
        found = self.target_groups.get(key) or self.load_balancers.get(key)
        if found is not None:
            return found
        if key.startswith("arn:"):
            raise ApiError("TargetGroupNotFound", f"Target groups '{key}' not found")
        raise ApiError("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{key}'")

    # -- registration and health --------------------------------------------------------------

    def register(self, instance: Instance, keys: Iterable[str]) -> None:
        """Register an instance in these target groups and load balancers."""
        for key in keys:
            self._begin(key, self.balancer(key), instance, self.now + self.delays.registration)

    def _begin(self, key: str, balancer: Balancer, instance: Instance, first: float) -> None:
        self._set(key, balancer, instance, INITIAL if _forwards(balancer) else UNUSED, first)
        self._expect(key, balancer, instance)

    def register_healthy(self, instance: Instance, keys: Iterable[str]) -> None:
        """Register an instance that has long passed its checks, as a scenario begins with."""
        for key in keys:
            balancer = self.balancer(key)
            state = HEALTHY if _forwards(balancer) else UNUSED
            self._set(key, balancer, instance, state, self.now)

    def follow_application(self, instance: Instance) -> None:
        """Let the health checks find out that an application began or stopped to answer."""
        group = self.groups.get(instance.group)
        for key in group.load_balancers if group else ():
            self._expect(key, self.balancer(key), instance)

    def _expect(self, key: str, balancer: Balancer, instance: Instance) -> None:
        """Schedule the change of state that the next health checks lead to, if any."""
        target = balancer.targets.get(instance.id)
        checks = _checks_needed(balancer, target.state, instance.answers) if target else None
        if checks is None:
            return
        interval = self.check_interval(balancer)
        since = max(instance.answers_since, target.first_check)
        passed = math.ceil((since - target.first_check) / interval) if interval else 0
        when = max(target.first_check + (passed + checks - 1) * interval, since)
        since = instance.answers_since
        self.clock.at(when, self._checked, key, instance, target.turn, since)

    def _checked(self, key: str, instance: Instance, turn: int, since: float) -> None:
        balancer = self.balancer(key)
        target = balancer.targets.get(instance.id)
        # An application that has changed since has other checks, already scheduled.
        if target is None or target.turn != turn or instance.answers_since != since:
            return
        state = HEALTHY if instance.answers else UNHEALTHY
        self._set(key, balancer, instance, state, target.first_check)
        if state == UNHEALTHY:
            self.target_failed(instance)

    def check_interval(self, balancer: Balancer) -> float:
        """Return how many seconds lie between two health checks of a target."""
        given = balancer.health_check_interval
        return self.delays.check_interval if given is None else given

    def shown_checks(self, balancer: TargetGroup) -> tuple[int, int]:
        """Return interval and timeout of the health checks in whole seconds, as AWS allows them.

        A scenario may be quicker than the shortest interval that the API takes.
        """
        interval = max(math.ceil(self.check_interval(balancer)), SHORTEST_INTERVAL)
        return interval, min(balancer.health_check_timeout, interval - 1)

    def deregister(self, instance: Instance, keys: Iterable[str]) -> float:
        """Start draining; return how long the slowest takes, in seconds."""
        slowest = 0.0
        for key in keys:
            balancer = self.balancer(key)
            if instance.id not in balancer.targets:
                continue
            used = instance.alive and balancer.targets[instance.id].state != UNUSED
            delay = self.draining_seconds(balancer) if used else 0.0
            target = self._set(key, balancer, instance, DRAINING, self.now)
            if delay:
                self.clock.after(delay, self._drained, key, instance.id, target.turn)
            else:
                self._drained(key, instance.id, target.turn)
            slowest = max(slowest, delay)
        return slowest

    def draining_seconds(self, balancer: Balancer) -> float:
        """Return how long a target of this load balancer drains."""
        if isinstance(balancer, LoadBalancer):
            return balancer.draining or 0.0
        if balancer.deregistration_delay is None:
            return self.delays.deregistration
        return balancer.deregistration_delay

    def _drained(self, key: str, instance_id: str, turn: int) -> None:
        balancer = self.balancer(key)
        target = balancer.targets.get(instance_id)
        if target is None or target.turn != turn:
            return
        self.changing(balancer)
        del balancer.targets[instance_id]
        balancer.changes.append(instance_id)
        self.history.append(TargetHealth(self.now, key, instance_id, DRAINING, UNUSED))
        if target.override != NO_OVERRIDE:
            self.history.append(Override(self.now, key, instance_id, NO_OVERRIDE))

    def _set(
        self, key: str, balancer: Balancer, instance: Instance, state: str, first_check: float
    ) -> Target:
        old = balancer.targets.get(instance.id)
        if old is not None and old.state == state:
            return old
        port = balancer.port if isinstance(balancer, TargetGroup) else 80
        override = old.override if old else NO_OVERRIDE
        turn = next(self._turns)
        self._put(
            balancer,
            Target(instance.id, port, state, *REASONS[state], override, turn, first_check),
        )
        before = old.state if old else UNUSED
        self.history.append(TargetHealth(self.now, key, instance.id, before, state))
        if old is None and isinstance(balancer, TargetGroup) and instance.zone in balancer.shifted:
            self._override(balancer, balancer.targets[instance.id], SHIFTED)
        return balancer.targets[instance.id]

    def _put(self, balancer: Balancer, target: Target) -> None:
        self.changing(balancer)
        balancer.targets[target.instance] = target
        balancer.changes.append(target.instance)

    # -- who gets traffic ---------------------------------------------------------------------

    def shift(self, balancer: TargetGroup, zone: str, away: bool) -> None:
        """Begin or end a zonal shift: no traffic for the targets in ``zone``, healthy or not."""
        (balancer.shifted.add if away else balancer.shifted.discard)(zone)
        for target in list(balancer.targets.values()):
            if self.instances[target.instance].zone == zone:
                self._override(balancer, target, SHIFTED if away else NO_OVERRIDE)

    def _override(self, balancer: TargetGroup, target: Target, state: str) -> None:
        if target.override != state:
            self._put(balancer, replace(target, override=state))
            self.history.append(Override(self.now, balancer.arn, target.instance, state))

    def set_listener(self, balancer: TargetGroup, attached: bool) -> None:
        """Have a listener forward to a target group, or none: its targets are then unused."""
        if balancer.listener == attached:
            return
        self.changing(balancer)
        balancer.listener = attached
        self.history.append(Listener(self.now, balancer.arn, attached))
        first = self.now + self.delays.registration
        for target in list(balancer.targets.values()):
            if target.state != DRAINING:
                self._begin(balancer.arn, balancer, self.instances[target.instance], first)

    def forwarding_arns(self, balancer: TargetGroup) -> list[str]:
        """Return the ARNs of the load balancers whose listeners forward to a target group."""
        if not balancer.listener:
            return []
        name = f"loadbalancer/app/{balancer.name}/{balancer.arn.rsplit('/', 1)[1]}"
        return [self.arn("elasticloadbalancing", name)]

    # -- truth --------------------------------------------------------------------------------

    def serving(self, group: Group) -> list[Instance]:
        """Return the instances that truly serve: the application answers and traffic reaches it.

        Target groups without a listener carry no traffic and are left out. Where none carries any,
        whoever answers and counts as capacity is taken to serve.
        """
        balancers = [self.balancer(key) for key in group.load_balancers]
        carriers = [item for item in balancers if _forwards(item)]
        return [
            item
            for item in group.instances.values()
            if item.answers
            and (all(_reaches(lb, item) for lb in carriers) if carriers else item.counts)
        ]

    def in_order(self, group: Group) -> list[Instance]:
        """Return the instances that AWS itself takes for good: InService, Healthy, healthy."""
        balancers = [self.balancer(key) for key in group.load_balancers]
        return [
            item
            for item in group.instances.values()
            if item.lifecycle == "InService"
            and item.health == "Healthy"
            and all(
                item.id in lb.targets and lb.targets[item.id].state in (HEALTHY, UNUSED)
                for lb in balancers
            )
        ]


def _forwards(balancer: Balancer) -> bool:
    return isinstance(balancer, LoadBalancer) or balancer.listener


def _reaches(balancer: Balancer, instance: Instance) -> bool:
    target = balancer.targets.get(instance.id)
    return target is not None and target.state == HEALTHY and target.override == NO_OVERRIDE


def _checks_needed(balancer: Balancer, state: str, answers: bool) -> int | None:
    """Return how many checks in a row change this state, None when they do not.

    "After your target is registered, it must pass one health check to be considered healthy":
    Application Load Balancer guide, health checks.
    """
    if answers:
        return {INITIAL: 1, UNHEALTHY: balancer.healthy_threshold}.get(state)
    return balancer.unhealthy_threshold if state in (INITIAL, HEALTHY) else None
