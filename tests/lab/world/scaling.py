"""Sizes of a group, what scale-in picks, and the balance of the zones."""

from __future__ import annotations

from . import causes
from .core import Core, mutation
from .errors import activity_in_progress, validation
from .model import SERVING, Debt, Group, Instance

# "may exceed the maximum by 10 percent or one instance" while rebalancing (user guide, AZRebalance)
REBALANCE_MARGIN = 0.10


class Scaling(Core):
    """Desired capacity and how the group follows it downwards."""

    @mutation
    def set_desired_capacity(
        self,
        group: str,
        desired: int,
        honor_cooldown: bool = False,
        actor: str = "caller",
    ) -> None:
        """SetDesiredCapacity.

        Raises:
            ApiError: unknown group, out of bounds, or cooling down with ``honor_cooldown``.
        """
        found = self.modifiable(group)
        if desired > found.max_size:
            raise validation(
                f"New SetDesiredCapacity value {desired} is above max value {found.max_size} "
                "for the AutoScalingGroup."
            )
        if desired < found.min_size:
            refused = validation(
                f"New SetDesiredCapacity value {desired} is below min value {found.min_size} "
                "for the AutoScalingGroup."
            )
            raise self.worded("AS-2", refused)
        if honor_cooldown and self.now < found.last_scaling + found.cooldown:
            latest = found.activities[0].id if found.activities else self.new_uuid()
            raise activity_in_progress(latest)
        cause = causes.set_explicitly(self.stamp(), found.desired, desired)
        self.change_desired(found, desired, actor, cause)

    @mutation
    def follow_policy(
        self, group: Group, policy: str, wanted: int, how: str, alarm: str | None = None
    ) -> None:
        """Have a scaling policy change desired, within the bounds.

        Args:
            group: the group.
            policy: its name.
            wanted: what it asks for.
            how: as in ``Size``.
            alarm: the alarm that triggered it; without one somebody called ExecutePolicy.
        """
        bounded = min(max(wanted, group.min_size), group.max_size)
        sizes = (group.desired, bounded)
        if alarm is None:
            cause = causes.executed(self.stamp(), policy, *sizes)
        else:
            cause = causes.alarm(self.stamp(), alarm, policy, *sizes)
        self.change_desired(group, bounded, "policy", cause, how)

    def change_desired(
        self, group: Group, desired: int, actor: str, cause: str, how: str = "set"
    ) -> None:
        """Set desired, remember why, and have the group react; ``how`` as in ``Size``."""
        change = desired - group.desired
        if how == "set" and group.owed:
            change += group.owed
            group.owed = 0
            for item in group.instances.values():
                item.owed = 0
        self.set_size(group, "desired", desired, actor, how)
        if change:
            group.causes.append(cause)
        if change > 0:
            group.excess.clear()
            group.debts.extend([Debt(actor, "desired", "")] * change)
        elif change < 0:
            group.excess.append(Debt(actor, "scale-in", ""))
        if group.missing:
            self.reconcile_soon(group)

    def take_changes(self, group: Group) -> str:
        """Return what the next activity says of the changes of desired, and forget them."""
        texts = [] if self.assumes("CA-2", "none") else list(group.causes)
        group.causes.clear()
        return "".join(texts[-1:] if self.assumes("CA-2", "latest") else texts)

    def scale_in(self, group: Group) -> None:
        """Terminate what is above desired; never so much that less than desired stays."""
        if group.suspends("Terminate"):
            return
        reason = "rebalance" if group.rebalancing else "scale-in"
        why = group.excess[-1] if group.excess else Debt("aws", reason, "")
        group.excess.clear()
        group.rebalancing = False
        changes, step = self.take_changes(group), (group.units, group.units + group.missing)
        while group.missing < 0:
            victim = self._choose(group, -group.missing)
            if victim is None:
                return
            own = (group.units, group.units - victim.weight)
            sizes = own if self.assumes("CA-8", "own-step") else step
            cause = changes + causes.shrunk(self.stamp(), *sizes, victim.id)
            self.start_termination(victim, why.actor, why.reason, cause)

    def _choose(self, group: Group, spare: int) -> Instance | None:
        candidates = [
            item
            for item in self.members(group)
            if not item.protected and not item.successor_of and item.weight <= spare
        ]
        pending = [item for item in candidates if item.lifecycle != SERVING]
        if self.assumes("AZ-9", "pending-first"):
            candidates = pending or candidates
        elif self.assumes("AZ-9", "in-service-only"):
            candidates = [item for item in candidates if item.lifecycle == SERVING]
        if not candidates:
            return None
        fullest = max(group.zone_counts.get(item.zone, 0) for item in candidates)
        zone = [item for item in candidates if group.zone_counts.get(item.zone, 0) == fullest]
        for policy in group.termination_policies:
            zone = self._narrow(group, zone, policy)
        zone.sort(key=lambda item: (item.launch_time, item.id))
        if self.assumes("AZ-8", "any"):
            return self.random.choice(zone)
        return zone[-1 if self.assumes("AZ-8", "newest") else 0]

    def _narrow(self, group: Group, items: list[Instance], policy: str) -> list[Instance]:
        oldest = min(item.launch_time for item in items)
        newest = max(item.launch_time for item in items)
        if policy == "OldestInstance":
            return [item for item in items if item.launch_time == oldest]
        if policy == "NewestInstance":
            return [item for item in items if item.launch_time == newest]
        if policy in ("OldestLaunchTemplate", "OldestLaunchConfiguration", "Default"):
            first = min(_age_of_launch(group, item) for item in items)
            return [item for item in items if _age_of_launch(group, item) == first]
        return items  # ClosestToNextInstanceHour, AllocationStrategy: left to the tie-break

    # -- zones --------------------------------------------------------------------------------

    def consider_rebalance(self, group: Group) -> None:
        """Plan AZRebalance when the zones differ by more than one instance."""
        if not group.rebalance_due and self._uneven(group):
            group.rebalance_due = True
            quick = self.assumes("AZ-5", "at-once")
            delay = self.delays.reaction if quick else self.delays.rebalance
            # Never in no time: a launch that keeps failing must not stop the clock.
            self.clock.after(max(delay, 1.0), self._rebalance, group)

    def _uneven(self, group: Group) -> tuple[str, str] | None:
        if group.suspends("AZRebalance") or len(group.zones) < 2 or group.pending:
            return None
        counts = {zone: group.zone_counts.get(zone, 0) for zone in group.zones}
        low, high = min(group.zones, key=counts.get), max(group.zones, key=counts.get)
        return (low, high) if counts[high] - counts[low] > 1 else None

    def _rebalance(self, group: Group) -> None:
        group.rebalance_due = False
        uneven = self._uneven(group)
        if uneven is None or group.missing or group.status:
            return
        if group.suspends("Launch") or group.suspends("Terminate"):
            return
        margin = max(1, int(group.max_size * REBALANCE_MARGIN))
        limit = group.max_size + (0 if self.assumes("AZ-5", "never-above-max") else margin)
        if group.units + 1 > limit:
            return
        low, _ = uneven
        debt = Debt("aws", "rebalance", causes.balanced(self.stamp(), low))
        group.rebalancing = self.launch_one(group, extra=debt, zone=low)
        if not group.rebalancing:
            self.consider_rebalance(group)


def _age_of_launch(group: Group, instance: Instance) -> tuple[int, int]:
    # The default policy first takes instances of a launch configuration, then those of another
    # template, then the oldest version of the current one.
    data = instance.launch
    if data.configuration is not None:
        return (0 if data.configuration != group.configuration else 1, 0)
    ref = group.template or (group.mixed.template if group.mixed else None)
    other = ref is None or data.template_id != ref.template_id
    return (2 if other else 3, int(data.version or 0))
