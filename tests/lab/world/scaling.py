"""Sizes of a group, what scale-in picks, and the balance of the zones."""

from __future__ import annotations

from . import causes
from .core import Core, mutation
from .errors import activity_in_progress, validation
from .model import Debt, Group, Instance

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
            raise validation(
                f"New SetDesiredCapacity value {desired} is below min value {found.min_size} "
                "for the AutoScalingGroup."
            )
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
        self.set_size(group, "desired", desired, actor, how)
        if change:
            group.causes.append(cause)
        if change > 0:
            group.excess.clear()
            group.debts.extend([Debt(actor, "desired", "")] * change)
        elif change < 0:
            group.excess.append(Debt(actor, "scale-in", ""))
        if group.units != desired:
            self.reconcile_soon(group)

    def scale_in(self, group: Group) -> None:
        """Terminate what is above desired; never so much that less than desired stays."""
        if group.suspends("Terminate"):
            return
        reason = "rebalance" if group.rebalancing else "scale-in"
        why = group.excess[-1] if group.excess else Debt("aws", reason, "")
        group.excess.clear()
        group.rebalancing = False
        changes, before = "".join(group.causes), group.units
        group.causes.clear()
        while group.units > group.desired:
            victim = self._choose(group, group.units - group.desired)
            if victim is None:
                return
            cause = changes + causes.shrunk(self.stamp(), before, group.desired, victim.id)
            self.start_termination(victim, why.actor, why.reason, cause)

    def _choose(self, group: Group, spare: int) -> Instance | None:
        candidates = [
            item
            for item in self.members(group)
            if not item.protected and not item.successor_of and item.weight <= spare
        ]
        if not candidates:
            return None
        fullest = max(group.zone_counts.get(item.zone, 0) for item in candidates)
        zone = [item for item in candidates if group.zone_counts.get(item.zone, 0) == fullest]
        for policy in group.termination_policies:
            zone = self._narrow(group, zone, policy)
        return min(zone, key=lambda item: (item.launch_time, item.id))

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
            # Never at once: a launch that keeps failing must not stop the clock.
            self.clock.after(max(self.delays.rebalance, 1.0), self._rebalance, group)

    def _uneven(self, group: Group) -> tuple[str, str] | None:
        if group.suspends("AZRebalance") or len(group.zones) < 2 or group.pending:
            return None
        counts = {zone: group.zone_counts.get(zone, 0) for zone in group.zones}
        low, high = min(group.zones, key=counts.get), max(group.zones, key=counts.get)
        return (low, high) if counts[high] - counts[low] > 1 else None

    def _rebalance(self, group: Group) -> None:
        group.rebalance_due = False
        uneven = self._uneven(group)
        if uneven is None or group.units != group.desired or group.status:
            return
        if group.suspends("Launch") or group.suspends("Terminate"):
            return
        limit = group.max_size + max(1, int(group.max_size * REBALANCE_MARGIN))
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
