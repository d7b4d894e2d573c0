"""From a missing unit of capacity to an instance in service."""

from __future__ import annotations

from . import causes
from .core import Core
from .errors import ApiError
from .history import LaunchFailed
from .model import SERVING, Debt, Group, Instance, LaunchData

# Seconds; how long a group waits at most that waits longer each time.
LONGEST_RETRY = 600.0
# Seconds between InService and registration, where the one does not come with the other.
JOINS_AFTER = 20.0
AWS_CAPACITY = Debt("aws", "capacity", "")


class Launching(Core):
    """Launch decisions and the way of an instance through Pending."""

    def reconcile_soon(self, group: Group, delay: float | None = None) -> None:
        """Have the group compare capacity and desired after its reaction time (seconds)."""
        when = max(
            self.now + (self.delays.reaction if delay is None else delay), group.backoff_until
        )
        if group.reconcile_at is not None and group.reconcile_at <= when:
            return
        group.reconcile_at = when
        self.clock.at(when, self._reconcile_due, group)

    def _reconcile_due(self, group: Group) -> None:
        if group.reconcile_at is None or self.now < group.reconcile_at:
            return
        group.reconcile_at = None
        if self.groups.get(group.name) is group and group.status is None:
            self.reconcile(group)

    def reconcile(self, group: Group) -> None:
        """Launch what is missing, terminate what is too much, else look at the zones."""
        missing = group.missing
        if missing >= 0:
            group.excess.clear()
        while len(group.debts) > max(missing, 0):
            group.debts.pop()
        if missing > 0:
            self._launch_missing(group)
        elif missing < 0:
            # What a heavy launch overshoots by, stays: nobody asked for less.
            weighted = group.mixed is not None and group.mixed.weighted
            if (
                group.excess
                or group.rebalancing
                or not (weighted and self.assumes("LA-6", "stays"))
            ):
                self.scale_in(group)
        else:
            if not self.assumes("CA-2", "taken-back-too"):
                group.causes.clear()  # what was changed back is named by no activity
            self.consider_rebalance(group)

    def _launch_missing(self, group: Group) -> None:
        if group.suspends("Launch"):
            return
        changes, step = self.take_changes(group), (group.units, group.units + group.missing)
        while group.missing > 0 and not group.suspends("Launch"):
            own = (group.units, group.units + 1)
            sizes = own if self.assumes("CA-8", "own-step") else step
            if not self.launch_one(group, changes + causes.started(self.stamp(), *sizes)):
                self.back_off(group)
                self.reconcile_soon(group)
                return

    def back_off(self, group: Group) -> None:
        """Have a group wait after a failed launch; never 0 seconds, or it would spin for ever."""
        seconds = self.delays.retry
        if self.assumes("LA-12", "longer"):
            seconds = min(seconds * 2 ** max(group.failures - 1, 0), LONGEST_RETRY)
        if group.retry_after is not None:
            seconds, group.retry_after = group.retry_after, None
        group.backoff_until = self.now + max(seconds, 1.0)

    # -- one launch ---------------------------------------------------------------------------

    def launch_one(
        self, group: Group, cause: str = "", extra: Debt | None = None, zone: str | None = None
    ) -> bool:
        """Try to launch one instance; say whether that worked.

        Args:
            group: the group to launch for.
            cause: what the activity says where the debt itself does not.
            extra: why, when the instance comes on top of desired (rebalancing).
            zone: only this zone; by default the emptiest one that has capacity.
        """
        debt = extra or (group.debts[0] if group.debts else AWS_CAPACITY)
        cause = debt.cause or cause
        where = [zone] if zone else self._zones_by_need(group)
        try:
            choices = self.launch_choices(group)
        except ApiError as error:
            text = f"{error.message} {causes.FAILED}"
            return self._launch_failed(group, debt, cause, where[0], error.code, text)
        missing = self.missing_image(group, choices[0][0])
        if missing:
            text = f"The image id '[{missing}]' does not exist. {causes.FAILED}"
            return self._launch_failed(group, debt, cause, where[0], "InvalidAMIID.NotFound", text)
        for place in where:
            for data, weight in choices:
                if self.capacity_blocked(place, data.instance_type):
                    continue
                group.retry_after = self.fails_first(group, place)
                if group.retry_after is not None:
                    return self._no_capacity(group, debt, cause, place, data)
                self._launch(group, debt, cause, data, weight, place, extra is not None)
                return True
            if not self.assumes("LA-5", "at-once"):
                return self._no_capacity(group, debt, cause, place, choices[0][0])
        return self._no_capacity(group, debt, cause, where[0], choices[0][0])

    def launch_choices(self, group: Group) -> list[tuple[LaunchData, int]]:
        """Return what the group may launch now, best first, with weights."""
        if group.mixed is None:
            if group.configuration:
                return [(self.templates.configuration(group.configuration), 1)]
            return [(self.templates.resolve(group.template), 1)]
        base = self.templates.resolve(group.mixed.template)
        choices = []
        for override in group.mixed.overrides:
            data = self.templates.resolve(override.template) if override.template else base
            weight = 1 if override.weight is None else override.weight
            choices.append((_of_type(data, override.instance_type), weight))
        return choices or [(base, 1)]

    def _zones_by_need(self, group: Group) -> list[str]:
        counts, zones = group.zone_counts, list(group.zones)
        if self.assumes("LA-4", "last"):
            zones.reverse()
        elif self.assumes("LA-4", "any"):
            self.random.shuffle(zones)
        return sorted(zones, key=lambda zone: (zone == group.avoided_zone, counts.get(zone, 0)))

    def _launch(
        self,
        group: Group,
        debt: Debt,
        cause: str,
        data: LaunchData,
        weight: int,
        zone: str,
        extra: bool,
    ) -> None:
        group.avoided_zone, group.failures = "", 0
        boot = self.boot_seconds(group)
        if not extra:
            for _ in range(min(weight, len(group.debts))):
                group.debts.popleft()
        instance = self.add_instance(
            group,
            data,
            weight,
            zone,
            debt,
            self.now,
            up_at=self.now + boot,
            extra=extra,
            protected=group.new_instances_protected,
            healthy_app=not self.stays_unhealthy(group, data),
        )
        instance.activity = self.start_activity(
            group, f"Launching a new EC2 instance: {instance.id}", cause, "PreInService", zone
        )
        self.move(instance, "Pending")
        group.last_scaling = self.now
        starts = min(boot, self.delays.running) + self.late_start(group)
        self.clock.after(starts, self._running, instance)
        self.clock.at(instance.up_at, self.settle_application, instance)

    def _no_capacity(
        self, group: Group, debt: Debt, cause: str, zone: str, data: LaunchData
    ) -> bool:
        kind = data.instance_type
        group.avoided_zone = "" if self.assumes("LA-5", "same-zone") else zone
        others = [
            name for name in group.zones if name != zone and not self.capacity_blocked(name, kind)
        ]
        advice = (
            f"You can currently get {kind} capacity by not specifying an Availability Zone in "
            f"your request or choosing {', '.join(others)}. "
            if others
            else ""
        )
        text = (
            f"We currently do not have sufficient {kind} capacity in the Availability Zone you "
            f"requested ({zone}). Our system will be working on provisioning additional capacity. "
            f"{advice}{causes.FAILED}"
        )
        return self._launch_failed(group, debt, cause, zone, "InsufficientInstanceCapacity", text)

    def _launch_failed(
        self, group: Group, debt: Debt, cause: str, zone: str, code: str, message: str
    ) -> bool:
        group.failures += 1
        text = "Launching a new EC2 instance"
        activity = self.start_activity(group, text, cause, "Failed", zone)
        self.end_activity(activity, "Failed", message)
        self.history.append(LaunchFailed(self.now, group.name, debt.actor, code))
        return False

    # -- Pending ------------------------------------------------------------------------------

    def _running(self, instance: Instance) -> None:
        if instance.state != "pending":
            return
        self.touch(instance)
        instance.state = "running"
        self.settle_application(instance)
        if self.image_dies(instance):
            self.machine_gone(instance, "Client.InternalError: Client error on launch")
            return
        if instance.lifecycle != "Pending":
            return
        self.pass_hooks(instance)

    def pass_hooks(self, instance: Instance) -> None:
        """Take an instance from Pending on: wait for its hooks, or enter service at once.

        Nobody asks the application here: what its group knows is that EC2 says ``running``.
        """
        if self.start_hooks(instance, "autoscaling:EC2_INSTANCE_LAUNCHING"):
            self.move(instance, "Pending:Wait")
            if instance.activity:
                instance.activity.status = "MidLifecycleAction"
        else:
            self._enter_service(instance)

    def launch_hooks_done(self, instance: Instance) -> None:
        """Go on after Pending:Wait."""
        self.move(instance, "Pending:Proceed")
        self._enter_service(instance)

    def _enter_service(self, instance: Instance) -> None:
        if not instance.lifecycle.startswith("Pending") or instance.state != "running":
            return
        group = self.groups[instance.group]
        joins = not group.suspends("AddToLoadBalancer")
        if self.assumes("TG-1", "after") and joins:
            self.clock.after(JOINS_AFTER, self._join, instance)
        elif joins:
            self.register(instance, group.load_balancers)
        if self.assumes("TG-1", "before"):
            self.clock.after(JOINS_AFTER, self._into_service, instance)
        else:
            self._into_service(instance)

    def _join(self, instance: Instance) -> None:
        """Register an instance that has been in service for a while."""
        group = self.groups.get(instance.group)
        if group is not None and instance.lifecycle == SERVING:
            self.register(instance, group.load_balancers)

    def _into_service(self, instance: Instance) -> None:
        if not instance.lifecycle.startswith("Pending") or instance.state != "running":
            return
        group = self.groups[instance.group]
        instance.in_service_at = self.now
        self.move(instance, SERVING)
        self.end_activity(instance.activity)
        if group.missing:
            self.reconcile_soon(group)
        elif not group.pending:
            self.consider_rebalance(group)


def _of_type(data: LaunchData, instance_type: str) -> LaunchData:
    return LaunchData(
        data.image_id,
        instance_type,
        data.user_data,
        data.template_id,
        data.template_name,
        data.version,
    )
