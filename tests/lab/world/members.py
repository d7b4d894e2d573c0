"""Calls on single members of a group: standby, protection, health, attach, detach."""

from __future__ import annotations

from .core import Core, mutation
from .errors import ApiError, not_in_group, validation
from .history import Health
from .model import SERVING, STANDBY, Activity, Debt, Group, Instance

# "You can specify up to 20 instances" / "up to 50" (API reference of these calls)
MEMBERS_MOST = 20
PROTECT_MOST = 50


class Members(Core):
    """What a caller can do to one instance besides terminating it."""

    def member(self, group: Group, instance_id: str) -> Instance:
        """Return an instance of this group, or raise ``ValidationError`` with AWS's text."""
        if instance_id not in group.instances:
            raise not_in_group(instance_id, group.name)
        return group.instances[instance_id]

    @mutation
    def enter_standby(
        self, group: str, instance_ids: list[str], decrement: bool, actor: str = "caller"
    ) -> list[Activity]:
        """EnterStandby: out of every load balancer at once, no longer part of the capacity."""
        found = self.modifiable(group)
        _at_most(instance_ids, MEMBERS_MOST)
        items = [self.member(found, key) for key in instance_ids]
        for item in items:
            if item.lifecycle != SERVING:
                raise validation(f"The instance {item.id} is not in InService.")
        units = sum(item.weight for item in items)
        if decrement and found.desired - units < found.min_size:
            raise self.worded("ME-1", _below_min(found, units, "placing into Standby"))
        activities = []
        for item in items:
            cause = (
                f"At {self.stamp()} instance {item.id} was moved to standby in response to a "
                "user request"
            )
            cause += self._give_up(found, item, decrement, actor, "standby")
            text = f"Moving EC2 instance to Standby: {item.id}"
            activities.append(self.start_activity(found, text, cause, "InProgress", item.zone))
            self.deregister(item, found.load_balancers)
            self.move(item, "EnteringStandby")
            self.move(item, STANDBY)
            self.end_activity(activities[-1])
        if found.missing:
            self.reconcile_soon(found)
        return activities

    @mutation
    def exit_standby(
        self, group: str, instance_ids: list[str], actor: str = "caller"
    ) -> list[Activity]:
        """ExitStandby: desired grows by the instances, which go through Pending again."""
        found = self.modifiable(group)
        _at_most(instance_ids, MEMBERS_MOST)
        items = [self.member(found, key) for key in instance_ids]
        for item in items:
            if item.lifecycle != STANDBY:
                refused = validation(f"The instance {item.id} is not in Standby.")
                raise self.worded("ME-3", refused)
        wanted = found.desired + sum(item.weight for item in items)
        if wanted > found.max_size and self.assumes("ME-2", "refused"):
            raise validation(
                f"AutoScalingGroup {group} has max-size={found.max_size} and "
                f"desired-capacity={found.desired}. Moving {len(items)} more instances out of "
                "Standby would exceed its max-size."
            )
        activities = []
        for item in items:
            after = min(found.desired + item.weight, found.max_size)
            cause = (
                f"At {self.stamp()} instance {item.id} was moved out of standby in response to a "
                f"user request, increasing the capacity from {found.desired} to {after}."
            )
            text = f"Moving EC2 instance out of Standby: {item.id}"
            item.activity = self.start_activity(found, text, cause, "PreInService", item.zone)
            activities.append(item.activity)
            self.set_size(found, "desired", after, actor, "by")
            self.move(item, "Pending")
            self.pass_hooks(item)
        if found.missing:
            self.reconcile_soon(found)
        return activities

    def _give_up(
        self, group: Group, item: Instance, decrement: bool, actor: str, reason: str
    ) -> str:
        if decrement:
            before = group.desired
            self.set_size(group, "desired", before - item.weight, actor, "by")
            return f", shrinking the capacity from {before} to {before - item.weight}."
        group.debts.extend([Debt(actor, reason, "")] * item.weight)
        return "."

    @mutation
    def set_instance_protection(self, group: str, instance_ids: list[str], protected: bool) -> None:
        """SetInstanceProtection against scale-in; it does not keep anybody from terminating."""
        found = self.modifiable(group)
        _at_most(instance_ids, PROTECT_MOST)
        items = [self.member(found, key) for key in instance_ids]
        for item in items:
            if item.lifecycle not in (SERVING, STANDBY):
                raise validation(f"The instance {item.id} is not in InService or Standby.")
        for item in items:
            self.touch(item)
            item.protected = protected

    @mutation
    def set_instance_health(
        self, instance_id: str, status: str, respect_grace: bool = True, actor: str = "caller"
    ) -> None:
        """SetInstanceHealth: Unhealthy makes the group replace it, after the grace period."""
        instance = self.managed(instance_id)
        if status not in ("Healthy", "Unhealthy"):
            raise validation("The instance health status must be Healthy or Unhealthy")
        group = self.groups[instance.group]
        since = instance.in_service_at if instance.in_service_at is not None else self.now
        if status == "Unhealthy":
            if not (respect_grace and self.now < since + group.grace_period):
                because = "a user health-check"
                self.mark_unhealthy(instance, actor, because)
        elif instance.health != "Healthy" and not instance.terminating:
            self.touch(instance)
            self.history.append(
                Health(self.now, group.name, instance.id, instance.health, "Healthy", actor)
            )
            instance.health = "Healthy"

    @mutation
    def detach_instances(
        self, group: str, instance_ids: list[str], decrement: bool, actor: str = "caller"
    ) -> list[Activity]:
        """DetachInstances: they run on, outside the group and its load balancers."""
        found = self.modifiable(group)
        _at_most(instance_ids, MEMBERS_MOST)
        items = [self.member(found, key) for key in instance_ids]
        for item in items:
            if item.lifecycle not in (SERVING, STANDBY):
                raise validation(f"The instance {item.id} is not in InService or Standby.")
        units = sum(item.weight for item in items if item.counts)
        if decrement and found.desired - units < found.min_size:
            raise _below_min(found, units, "detaching")
        activities = []
        for item in items:
            cause = (
                f"At {self.stamp()} instance {item.id} was detached in response to a user request"
            )
            counted = item.counts
            cause += self._give_up(found, item, decrement, actor, "detach") if counted else "."
            activities.append(
                self.start_activity(
                    found, f"Detaching EC2 instance: {item.id}", cause, "InProgress", item.zone
                )
            )
            self.deregister(item, found.load_balancers)
            self.move(item, "Detaching")
            self.move(item, "Detached")
            del found.instances[item.id]
            item.group = None
            self.end_activity(activities[-1])
        if found.missing:
            self.reconcile_soon(found)
        return activities

    @mutation
    def attach_instances(self, group: str, instance_ids: list[str], actor: str = "caller") -> None:
        """AttachInstances: running instances outside any group; desired grows by them."""
        found = self.modifiable(group)
        _at_most(instance_ids, MEMBERS_MOST)
        items = self.ec2_instances(instance_ids)
        for item in items:
            if item.group is not None:
                text = f"Instance {item.id} is already part of AutoScalingGroup:{item.group}"
                raise self.worded("ME-7", validation(text))
            if item.state != "running":
                raise validation(f"Invalid Instance ID(s): {item.id} is not running")
        wanted = found.desired + len(items)
        if wanted > found.max_size:
            raise validation(
                f"AutoScalingGroup {group} has max-size={found.max_size} and desired-capacity="
                f"{found.desired}. Attaching {len(items)} more instances would exceed its max-size."
            )
        for item in items:
            self.set_size(found, "desired", found.desired + item.weight, actor, "by")
            item.group, item.lifecycle = found.name, ""
            found.instances[item.id] = item
            self.move(item, "Pending")
            self.pass_hooks(item)


def _at_most(ids: list[str], most: int) -> None:
    if len(ids) > most:
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: "
            f"Member must have length less than or equal to {most}",
        )


def _below_min(group: Group, units: int, doing: str) -> ApiError:
    return validation(
        f"AutoScalingGroup {group.name} has min-size={group.min_size}, max-size={group.max_size}, "
        f"and desired-size={group.desired}. To satisfy the group's min-size after {doing} "
        f"{units}, the desired capacity must not be decremented."
    )
