"""Target groups and classic load balancers: registration, health, draining."""

from __future__ import annotations

from .core import Core
from .errors import ApiError
from .history import TargetHealth
from .model import Group, Instance, LoadBalancer, Target, TargetGroup

HEALTHY, UNHEALTHY, INITIAL, DRAINING = "healthy", "unhealthy", "initial", "draining"
REASONS = {
    INITIAL: ("Elb.RegistrationInProgress", "Target registration is in progress"),
    UNHEALTHY: ("Target.Timeout", "Request timed out"),
    DRAINING: ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    HEALTHY: ("", ""),
}


class Targets(Core):
    """What the load balancers think of the instances."""

    def create_target_group(self, name: str, **settings: object) -> TargetGroup:
        """Create a target group; settings are fields of ``TargetGroup``."""
        arn = self.arn("elasticloadbalancing", f"targetgroup/{name}/{len(self.target_groups):016x}")
        self.target_groups[arn] = made = TargetGroup(arn=arn, name=name, **settings)
        return made

    def create_load_balancer(
        self, name: str, zones: tuple[str, ...] = (), draining: float | None = None
    ) -> LoadBalancer:
        """Create a classic load balancer; ``draining`` is its connection draining in seconds."""
        dns = f"{name}-{len(self.load_balancers)}.{self.region}.elb.example.com"
        self.load_balancers[name] = made = LoadBalancer(name, dns, tuple(zones), draining)
        return made

    def balancer(self, key: str) -> TargetGroup | LoadBalancer:
        """Return a target group by ARN or a classic load balancer by name."""
        found = self.target_groups.get(key) or self.load_balancers.get(key)
        if found is not None:
            return found
        if key.startswith("arn:"):
            raise ApiError("TargetGroupNotFound", f"Target groups '{key}' not found")
        raise ApiError("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{key}'")

    # -- registration and health --------------------------------------------------------------

    def register(self, instance: Instance, keys: list[str]) -> None:
        """Register an instance in these target groups and load balancers."""
        for key in keys:
            balancer = self.balancer(key)
            target = self._set(key, balancer, instance.id, INITIAL)
            self.clock.after(self.delays.registration, self._checked, key, instance, target)

    def _checked(self, key: str, instance: Instance, target: Target) -> None:
        balancer = self.balancer(key)
        if balancer.targets.get(instance.id) is target:
            self._judge(key, balancer, instance)

    def _judge(self, key: str, balancer: TargetGroup | LoadBalancer, instance: Instance) -> None:
        fit = instance.state == "running" and instance.healthy_app and not instance.impaired
        self._set(key, balancer, instance.id, HEALTHY if fit else UNHEALTHY)
        if not fit:
            self.target_failed(instance)

    def rejudge(self, instance: Instance) -> None:
        """Let every load balancer look at an instance whose fitness has changed."""
        group = self.groups.get(instance.group)
        for key in group.load_balancers if group else ():
            balancer = self.balancer(key)
            target = balancer.targets.get(instance.id)
            if target is not None and target.state in (HEALTHY, UNHEALTHY):
                self._judge(key, balancer, instance)

    def deregister(self, instance: Instance, keys: list[str]) -> float:
        """Start draining; return how long the slowest takes, in seconds."""
        slowest = 0.0
        for key in keys:
            balancer = self.balancer(key)
            if instance.id not in balancer.targets:
                continue
            delay = self.draining_seconds(balancer) if instance.alive else 0.0
            target = self._set(key, balancer, instance.id, DRAINING)
            if delay:
                self.clock.after(delay, self._drained, key, instance.id, target)
            else:
                self._drained(key, instance.id, target)
            slowest = max(slowest, delay)
        return slowest

    def draining_seconds(self, balancer: TargetGroup | LoadBalancer) -> float:
        """Return how long a target of this load balancer drains."""
        if isinstance(balancer, LoadBalancer):
            return balancer.draining or 0.0
        if balancer.deregistration_delay is None:
            return self.delays.deregistration
        return balancer.deregistration_delay

    def _drained(self, key: str, instance_id: str, target: Target) -> None:
        balancer = self.balancer(key)
        if balancer.targets.get(instance_id) is not target:
            return
        self.changing(balancer)
        del balancer.targets[instance_id]
        balancer.changes.append(instance_id)
        self.history.append(TargetHealth(self.now, key, instance_id, DRAINING, "unused"))

    def _set(
        self, key: str, balancer: TargetGroup | LoadBalancer, instance_id: str, state: str
    ) -> Target:
        old = balancer.targets.get(instance_id)
        if old is not None and old.state == state:
            return old
        port = balancer.port if isinstance(balancer, TargetGroup) else 80
        self.changing(balancer)
        target = Target(instance_id, port, state, *REASONS[state])
        balancer.targets[instance_id] = target
        balancer.changes.append(instance_id)
        before = old.state if old else "unused"
        self.history.append(TargetHealth(self.now, key, instance_id, before, state))
        return target

    # -- truth --------------------------------------------------------------------------------

    def serving(self, group: Group) -> list[Instance]:
        """Return the instances that truly serve: InService, Healthy, healthy everywhere."""
        balancers = [self.balancer(key) for key in group.load_balancers]
        return [
            item
            for item in group.instances.values()
            if item.lifecycle == "InService"
            and item.health == "Healthy"
            and all(
                item.id in lb.targets and lb.targets[item.id].state == HEALTHY for lb in balancers
            )
        ]
