"""TerminateInstanceInAutoScalingGroup: what is refused, what it does to desired, and to whom."""

from __future__ import annotations

from . import causes
from .core import Core, mutation
from .errors import ApiError, instance_not_found, not_in_group, validation
from .model import RETAINED, SERVING, STANDBY, Activity, Debt, Group, Instance

# "You can specify up to 100 instances" (API reference, TerminateInstanceInAutoScalingGroup)
TERMINATE_MOST = 100


class TerminateCalls(Core):
    """Termination by calls; the rest of an instance's way out is ``Terminating``'s."""

    @mutation
    def terminate_instance(
        self, instance_id: str, decrement: bool, actor: str = "caller"
    ) -> Activity:
        """TerminateInstanceInAutoScalingGroup.

        Raises:
            ApiError: not managed, or the decrement would fall below the minimum.
        """
        instance = self.managed(instance_id)
        group = self.groups[instance.group]
        self._may_terminate(group, instance)
        if instance.lifecycle == RETAINED:
            return self.release(instance, causes.requested(self.stamp(), instance_id, None))
        units = self._decrement_units(instance) if decrement else 0
        if decrement:
            self._may_decrement(group, [instance], units)
        sizes = (group.desired, group.desired - units) if units else None
        cause = causes.requested(self.stamp(), instance_id, sizes)
        if instance.terminating:
            if decrement and self.assumes("TE-8", "counts-again"):
                self._decrement(group, instance, units, actor, f"{cause}  ")
            return instance.activity
        if not decrement and self._waits(group, instance):
            return self.succeed_at_call(instance, actor)
        if units:
            self._decrement(group, instance, units, actor, "")
        if group.suspends("Terminate") and self.assumes("TE-13", "held"):
            return self._wait_for_terminate(
                group, instance, Debt(actor, "request", cause), decrement
            )
        self.start_termination(instance, actor, "request", cause, decrement)
        return instance.activity

    @mutation
    def terminate_members(
        self, group: str, instance_ids: list[str], decrement: bool, actor: str = "caller"
    ) -> list[Activity]:
        """TerminateInstanceInAutoScalingGroup with InstanceIds.

        All of them or, refused, none; with TE-9 ``in-part`` those that can be.
        """
        if len(instance_ids) > TERMINATE_MOST:
            raise validation(f"At most {TERMINATE_MOST} instances can be terminated in a call")
        found = self.group(group)
        if self.assumes("TE-9", "in-part"):
            return self._those_that_can_be(found, instance_ids, decrement, actor)
        items = [self._of(found, key) for key in instance_ids]
        for item in items:
            self._may_terminate(found, item)
        if decrement:
            again = self.assumes("TE-8", "counts-again")
            units = sum(self._decrement_units(i) for i in items if again or not i.terminating)
            self._may_decrement(found, items, units)
        return [self.terminate_instance(item.id, decrement, actor) for item in items]

    def _those_that_can_be(
        self, group: Group, instance_ids: list[str], decrement: bool, actor: str
    ) -> list[Activity]:
        activities, refused = [], None
        for key in instance_ids:
            try:
                activities.append(
                    self.terminate_instance(self._of(group, key).id, decrement, actor)
                )
            except ApiError as error:
                refused = refused or error
        if refused is not None and not activities:
            raise refused
        return activities

    def _of(self, group: Group, instance_id: str) -> Instance:
        instance = self.managed(instance_id)
        if instance.group != group.name:
            raise not_in_group(instance_id, group.name)
        return instance

    def _may_terminate(self, group: Group, instance: Instance) -> None:
        if instance.lifecycle == RETAINED:
            return  # somebody has to be able to end it
        if instance.terminating:
            if self.assumes("TE-8", "refused"):
                raise validation(f"The instance {instance.id} is not in InService or Standby.")
            if self.assumes("TE-8", "not-found"):
                raise instance_not_found(instance.id)
        elif instance.lifecycle.startswith("Pending") and self.assumes("TE-14", "refused"):
            raise validation(f"The instance {instance.id} is not in InService or Standby.")
        if group.suspends("Terminate") and self.assumes("TE-13", "refused"):
            raise validation(f"The Terminate process of AutoScalingGroup {group.name} is suspended")

    def _waits(self, group: Group, instance: Instance) -> bool:
        return self.assumes("MP-7", "waits") and self.launches_first(group, instance)

    # -- decrement ----------------------------------------------------------------------------

    def _decrement_units(self, instance: Instance) -> int:
        """Return by how much a decrement with this instance lowers desired."""
        counted = instance.counts or instance.terminating
        if instance.lifecycle == STANDBY and self.assumes("TE-15", "counted"):
            counted = True
        if not counted:
            return 0
        return 1 if self.assumes("TE-7", "one") else instance.weight

    def _may_decrement(self, group: Group, leaving: list[Instance], units: int) -> None:
        if self.assumes("TE-3", "in-service"):
            serving = [item for item in self.members(group, SERVING) if item not in leaving]
            if sum(item.weight for item in serving) < group.min_size:
                raise _at_minimum(group)
        # An instance that is not counted leaves desired alone, and is refused at the minimum too.
        lowered = units or min(item.weight for item in leaving)
        if group.desired - group.owed - lowered < group.min_size:
            raise _at_minimum(group)

    def _decrement(
        self, group: Group, instance: Instance, units: int, actor: str, cause: str
    ) -> None:
        """Lower desired, now or when the instance has left; ``cause`` where scale-in follows."""
        if self.assumes("TE-2", "when-gone"):
            instance.owed += units
            group.owed += units
        elif cause:
            self.change_desired(group, group.desired - units, actor, cause, "by")
        else:
            self.set_size(group, "desired", group.desired - units, actor, "by")

    def settle_up(self, instance: Instance) -> None:
        """Do what a termination by a call has left for when it is over, as TE-1 and TE-2 say."""
        group, units = self.groups[instance.group], instance.owed
        if instance.held:
            group.held -= instance.held
            debt = Debt(instance.taken_by, "request", "")
            group.debts.extend([debt] * instance.held)
            instance.held = 0
        if units:
            instance.owed = 0
            group.owed -= units
            self.set_size(group, "desired", group.desired - units, instance.taken_by, "by")
        if group.missing:
            self.reconcile_soon(group)

    # -- while Terminate is suspended ----------------------------------------------------------

    def _wait_for_terminate(
        self, group: Group, instance: Instance, why: Debt, decrement: bool
    ) -> Activity:
        group.to_terminate.append((instance, why, decrement))
        text = f"Terminating EC2 instance: {instance.id}"
        return self.start_activity(group, text, why.cause, "InProgress", instance.zone)

    def terminate_waiting(self, group: Group) -> None:
        """Terminate what calls have asked for while Terminate was suspended."""
        waiting, group.to_terminate = group.to_terminate, []
        for instance, why, decrement in waiting:
            if instance.id in group.instances and not instance.terminating:
                self.start_termination(instance, why.actor, why.reason, why.cause, decrement)


def _at_minimum(group: Group) -> ApiError:
    return validation(
        f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance without "
        "replacement will violate group's min size constraint. Either set "
        "shouldDecrementDesiredCapacity flag to false or lower group's min size."
    )
