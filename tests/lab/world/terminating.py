"""From the decision to end an instance until it is gone, and machines that end by themselves."""

from __future__ import annotations

from . import causes
from .assumptions import WORDS
from .core import Core, mutation
from .history import Health, Termination
from .model import RETAINED, SERVING, STANDBY, Activity, Debt, Group, Instance

# Seconds for which an instance that lingers is listed as Terminated.
LINGERS = 60.0
ENDED_BY_EC2 = "has been terminated or stopped"


class Terminating(Core):
    """Termination by the group and by fate, and the way out that all share."""

    def start_termination(
        self, instance: Instance, actor: str, reason: str, cause: str, decrement: bool = False
    ) -> None:
        """Begin to take an instance out of its group.

        Args:
            instance: the instance.
            actor: who caused it.
            reason: ``request``, ``scale-in``, ``unhealthy``, ``rebalance``, ``abandon`` …
            cause: the text of the scaling activity.
            decrement: True when desired was lowered with it, so that nothing replaces it.
        """
        group = self.groups[instance.group]
        self.history.append(
            Termination(self.now, group.name, instance.id, actor, reason, decrement)
        )
        if instance.lifecycle.startswith("Pending"):
            self.end_activity(instance.activity, "Cancelled")
            if reason != "request":
                self.back_off(group)
        counted, instance.taken_by = instance.counts, actor
        replaced = self.successor_takes_over(instance)
        if instance.extra and not instance.successor_of:
            group.rebalancing = False
        instance.actions.clear()
        self.move(instance, "Terminating")
        instance.activity = self.start_activity(
            group,
            f"Terminating EC2 instance: {instance.id}",
            cause,
            "InProgress",
            instance.zone,
        )
        group.last_scaling = self.now
        if counted and not decrement and not replaced and reason not in ("scale-in", "rebalance"):
            self._owe_replacement(group, instance, reason)
        drained = self.deregister(instance, group.load_balancers)
        if drained:
            instance.activity.status = "WaitingForELBConnectionDraining"
        self.clock.after(drained, self._drained_out, instance)
        if group.missing:
            self.reconcile_soon(group)

    def _owe_replacement(self, group: Group, instance: Instance, reason: str) -> None:
        if reason == "request" and self.assumes("TE-1", "when-gone"):
            instance.held = instance.weight
            group.held += instance.weight
            return
        text = causes.replaced(self.stamp(), reason)
        group.debts.extend([Debt(instance.taken_by, reason, text)] * instance.weight)

    def _drained_out(self, instance: Instance) -> None:
        if instance.lifecycle != "Terminating":
            return
        if self.start_hooks(instance, "autoscaling:EC2_INSTANCE_TERMINATING"):
            instance.activity.status = "MidLifecycleAction"
            self.move(instance, "Terminating:Wait")
        else:
            self._shut_down(instance)

    def release(self, instance: Instance, cause: str) -> Activity:
        """End an instance that was retained: its hooks have had their turn."""
        instance.activity = self.start_activity(
            self.groups[instance.group],
            f"Terminating EC2 instance: {instance.id}",
            cause,
            "InProgress",
            instance.zone,
        )
        self.terminate_hooks_done(instance)
        return instance.activity

    def terminate_hooks_done(self, instance: Instance) -> None:
        """Go on after Terminating:Wait."""
        self.move(instance, "Terminating:Proceed")
        self._shut_down(instance)

    def _shut_down(self, instance: Instance) -> None:
        if instance.activity:
            instance.activity.status = "InProgress"
        if instance.state == "terminated":
            self._gone(instance)
            return
        if instance.state != "shutting-down":
            self.touch(instance)
            instance.state = "shutting-down"
            instance.terminated_by_user = "User initiated"
            self.settle_application(instance)
            if self.assumes("TE-6", "until-shutdown"):
                self._gone(instance)
        self.clock.after(self.delays.termination, self._terminated, instance)

    def _terminated(self, instance: Instance) -> None:
        if instance.state != "terminated":
            self.touch(instance)
            instance.state, instance.ended_at = "terminated", self.now
        if instance.lifecycle in ("Terminating", "Terminating:Proceed"):
            self._gone(instance)

    def _gone(self, instance: Instance) -> None:
        group = self.groups[instance.group]
        if instance.id not in group.instances:
            return
        self.deregister(instance, group.load_balancers)
        self.end_activity(instance.activity)
        self.move(instance, "Terminated")
        self.settle_up(instance)
        if self.assumes("TE-6", "lingers"):
            self.clock.after(LINGERS, self._leave, instance)
        else:
            self._leave(instance)

    def _leave(self, instance: Instance) -> None:
        group = self.groups[instance.group]
        self.changing(group)
        del group.instances[instance.id]
        group.changes.append(instance.id)
        if group.status and not group.instances:
            self.drop_group(group)
        elif group.missing:
            self.reconcile_soon(group)
        else:
            self.consider_rebalance(group)

    # -- machines that end without their group -------------------------------------------------

    @mutation
    def terminate_instances(self, instance_ids: list[str], actor: str = "operator") -> None:
        """EC2 TerminateInstances: the group learns of it by its health check."""
        found = self.ec2_instances(instance_ids)
        for instance in found:
            if instance.alive:
                self.machine_gone(
                    instance, "Client.UserInitiatedShutdown: User initiated shutdown", actor
                )

    def machine_gone(self, instance: Instance, how: str, actor: str = "aws") -> None:
        """End a machine; ``how`` is EC2's state reason, ``actor`` whose doing it is."""
        self.touch(instance)
        instance.state, instance.terminated_by_user = "shutting-down", how
        self.settle_application(instance)
        group = self.groups.get(instance.group)
        if group is not None and not instance.terminating:
            self.deregister(instance, group.load_balancers)
            self.clock.after(self.delays.health_check, self._notice, instance, actor)
        self.clock.after(self.delays.termination, self._ec2_terminated, instance)

    def _ec2_terminated(self, instance: Instance) -> None:
        if instance.state == "shutting-down":
            self.touch(instance)
            instance.state, instance.ended_at = "terminated", self.now
            if instance.lifecycle == RETAINED:
                self._gone(instance)

    def _notice(self, instance: Instance, actor: str) -> None:
        self.mark_unhealthy(instance, actor, f"an EC2 health check indicating it {ENDED_BY_EC2}")

    # -- health -------------------------------------------------------------------------------

    def mark_unhealthy(self, instance: Instance, actor: str, because: str) -> None:
        """Have a group find an instance unhealthy and replace it (HealthCheck unsuspended)."""
        group = self.groups.get(instance.group)
        if group is None or instance.terminating or instance.id not in group.instances:
            return
        if group.suspends("HealthCheck") and actor != "caller":
            return
        if instance.health != "Unhealthy":
            self.touch(instance)
            self.history.append(
                Health(self.now, group.name, instance.id, instance.health, "Unhealthy", actor)
            )
            instance.health = "Unhealthy"
        self.replace_unhealthy(instance, actor, because)

    def replace_unhealthy(self, instance: Instance, actor: str, because: str) -> None:
        """Terminate an unhealthy instance unless a suspended process keeps the group from it."""
        group = self.groups[instance.group]
        if group.suspends("ReplaceUnhealthy") or group.suspends("Terminate"):
            return
        if instance.lifecycle == STANDBY:
            return
        if instance.lifecycle.startswith("Pending"):
            text = "Instance became unhealthy while waiting for instance to be in InService state."
            if not self.assumes("LA-8", WORDS):
                text += f" Termination Reason: {instance.terminated_by_user or because}"
            status = "Cancelled" if self.assumes("LA-8", "cancelled") else "Failed"
            self.end_activity(instance.activity, status, text)
        if self.launches_first(group, instance) and instance.alive:
            debt = Debt(actor, "maintenance", causes.replaced(self.stamp(), "maintenance"))
            self.succeed(instance, debt, because)
            return
        cause = causes.taken_out(self.stamp(), because)
        self.start_termination(instance, actor, "unhealthy", cause)

    def target_failed(self, instance: Instance) -> None:
        """A load balancer found an instance unhealthy: an ELB health check follows in time."""
        group = self.groups.get(instance.group)
        if group is None or "ELB" not in group.health_check_type or instance.lifecycle != SERVING:
            return
        after_grace = (instance.in_service_at or self.now) + group.grace_period
        # Never at once: an application that always fails must not stop the clock.
        when = max(self.now + max(self.delays.health_check, 1.0), after_grace)
        self.clock.at(when, self._elb_check, instance)

    def _elb_check(self, instance: Instance) -> None:
        group = self.groups.get(instance.group)
        if group is None or instance.lifecycle != SERVING or "ELB" not in group.health_check_type:
            return
        states = [self.balancer(key).targets.get(instance.id) for key in group.load_balancers]
        if any(target is not None and target.state == "unhealthy" for target in states):
            self.mark_unhealthy(instance, "aws", "an ELB system health check failure")
