"""Replacements that are launched before what they replace is terminated.

Capacity Rebalancing always does so; health checks and instance refreshes do where the group's
instance maintenance policy, or the account setting ``launchBeforeTerminate``, leaves no room below
(user guide: instance maintenance policy overview and considerations, launch before terminate).

A successor counts from the moment on at which the one that it replaces begins to terminate, by
whosoever doing, so that neither is replaced twice.
"""

from __future__ import annotations

import math

from . import causes
from .core import LAUNCH_FIRST, Core
from .model import SERVING, Activity, Debt, Group, Instance

# What the account setting means for a group without a policy, percent (user guide, launch before
# terminate).
ACCOUNT_RANGE = (100, 110)
# A successor that is not ready yet is looked at again after so many seconds.
LOOK = 5.0
RISK = "capacity rebalance"


class Successions(Core):
    """Who replaces whom before he goes."""

    def healthy_range(self, group: Group) -> tuple[int, int] | None:
        """Return the percentages of desired within which AWS replaces by itself, if it says so."""
        if group.maintenance is not None:
            return group.maintenance
        return ACCOUNT_RANGE if self.account_settings[LAUNCH_FIRST] == "enabled" else None

    def launches_first(self, group: Group, instance: Instance) -> bool:
        """Say whether AWS, ending this instance by itself now, launches another one first."""
        limits = self.healthy_range(group)
        if limits is None or limits[1] <= 100 or instance.lifecycle != SERVING:
            return False
        if self.assumes("MP-2", "none") and group.desired * (limits[1] - 100) < 100:
            return False
        floor = math.ceil(group.desired * limits[0] / 100)
        healthy = sum(item.weight for item in self.in_order(group) if item is not instance)
        return healthy < floor

    def room_for_successors(self, group: Group) -> int:
        """Return how many more units may be launched first: one at least, if none is under way."""
        limits = self.healthy_range(group) or ACCOUNT_RANGE
        most = max(1, math.floor(group.desired * (limits[1] - 100) / 100))
        return most - sum(item.weight for item in _successors(group))

    def succeed(self, instance: Instance, debt: Debt, because: str) -> None:
        """Launch another instance, and end this one once that is ready; again where it fails.

        Args:
            instance: the one that has to go.
            debt: for whose sake, the reason in the records, and the cause of the launch.
            because: what the cause of the termination says.
        """
        group = self.groups.get(instance.group)
        if group is None or group.status or instance.lifecycle != SERVING:
            return
        if debt.reason == "refresh" and self.active_refresh(group) is None:
            return
        if any(item.successor_of == instance.id for item in _successors(group)):
            return
        launched = (
            self.room_for_successors(group) > 0
            and not group.suspends("Launch")
            and self.launch_one(group, extra=debt)
        )
        if not launched:
            # Never at once: a launch that keeps failing must not stop the clock.
            self.clock.after(max(self.delays.retry, 1.0), self.succeed, instance, debt, because)
            return
        new = next(reversed(group.instances.values()))
        new.successor_of = instance.id
        self._await(new, instance, debt, because)

    def succeed_at_call(self, instance: Instance, actor: str) -> Activity:
        """Answer a call that terminates with an activity that waits for the replacement.

        The user guide says that such a call does not wait; nobody has tried it.
        """
        group = self.groups[instance.group]
        because = "a user request"
        text = f"Terminating EC2 instance: {instance.id}"
        cause = causes.taken_out(self.stamp(), because)
        waiting = self.start_activity(group, text, cause, "PreInService", instance.zone)
        self.succeed(instance, Debt(actor, "request", ""), because)
        return waiting

    def _await(self, new: Instance, old: Instance, debt: Debt, because: str) -> None:
        """Look at a successor until it is ready, has failed, or has become one like any other."""
        group = self.groups.get(new.group)
        if group is None or new.successor_of != old.id:
            return
        if new.terminating or new.id not in group.instances:
            new.successor_of = ""  # it has failed: another one is launched
            self.clock.after(max(self.delays.retry, 1.0), self.succeed, old, debt, because)
            return
        if old.lifecycle != SERVING:  # in Standby, or detached: nobody is left to be replaced
            self.begin_to_count(new)
            self.reconcile_soon(group)
            return
        warm = (new.in_service_at or math.inf) + (group.default_warmup or 0) <= self.now
        ends = not group.suspends("Terminate")
        if warm and ends and any(item is new for item in self.in_order(group)):
            self._end_waiting(group, old)
            cause = causes.taken_out(self.stamp(), because)
            self.start_termination(old, debt.actor, debt.reason, cause)
            return
        self.clock.after(LOOK, self._await, new, old, debt, because)

    def _end_waiting(self, group: Group, old: Instance) -> None:
        for activity in group.activities:
            if activity.status == "PreInService" and activity.description.endswith(old.id):
                self.end_activity(activity)

    def successor_takes_over(self, instance: Instance) -> bool:
        """Count who was launched to replace this one, which goes now; say whether there is any."""
        group = self.groups[instance.group]
        for item in _successors(group):
            if item.successor_of != instance.id or item.terminating:
                continue
            if self.assumes("CR-2", "twice"):
                item.successor_of = ""  # it goes on, on top of desired, and counts in service
                return item.lifecycle == SERVING
            self.begin_to_count(item)
            return True
        return False

    # -- Capacity Rebalancing -----------------------------------------------------------------

    def at_risk(self, instance: Instance) -> None:
        """EC2 recommends to replace a spot instance; a group with Capacity Rebalancing does so.

        "launches new Spot Instances before your existing instances are interrupted": user guide,
        Capacity Rebalancing.
        """
        group = self.groups.get(instance.group)
        if group is not None and group.capacity_rebalance:
            cause = causes.at_risk(self.stamp())
            debt = Debt("aws", RISK, cause)
            self.succeed(instance, debt, "an EC2 instance rebalance recommendation")


def _successors(group: Group) -> list[Instance]:
    return [item for item in group.instances.values() if item.successor_of]
