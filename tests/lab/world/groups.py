"""Groups themselves: create, update, delete, suspended processes, tags, attachments."""

from __future__ import annotations

from . import causes
from .core import Core, mutation
from .errors import ApiError, validation
from .history import Attachment, GroupChange, Processes, Size
from .model import RETAINED, SERVING, Group, MixedPolicy, TemplateRef

PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)


class Groups(Core):
    """The calls on a group as a whole."""

    @mutation
    def create_group(
        self,
        name: str,
        min_size: int,
        max_size: int,
        desired: int | None = None,
        zones: tuple[str, ...] = (),
        actor: str = "caller",
        **settings: object,
    ) -> Group:
        """CreateAutoScalingGroup; settings are fields of ``Group``.

        Raises:
            ApiError: the name is taken, sizes contradict, or nothing to launch from is named.
        """
        if name in self.groups:
            raise ApiError(
                "AlreadyExists",
                f"AutoScalingGroup by this name already exists - A group with the name {name} "
                "already exists",
            )
        wanted = min_size if desired is None else desired
        self._check_sizes(min_size, max_size, wanted)
        arn = self.arn(
            "autoscaling", f"autoScalingGroup:{self.new_uuid()}:autoScalingGroupName/{name}"
        )
        group = Group(
            name,
            arn,
            min_size,
            max_size,
            0,
            tuple(zones) or (f"{self.region}a",),
            self.now,
            **settings,
        )
        if not (group.template or group.mixed or group.configuration):
            raise validation(
                "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, "
                "InstanceId or MixedInstancesPolicy parameter."
            )
        self.groups[name] = group
        self.history.append(GroupChange(self.now, name, "created", actor))
        for field, value in (("min", min_size), ("max", max_size)):
            self.history.append(Size(self.now, name, field, 0, value, actor))
        for key in group.load_balancers:
            self.history.append(Attachment(self.now, name, key, True, actor))
        self.change_desired(group, wanted, actor, causes.created(self.stamp(), wanted))
        return group

    @mutation
    def update_group(
        self,
        name: str,
        min_size: int | None = None,
        max_size: int | None = None,
        desired: int | None = None,
        launch: TemplateRef | MixedPolicy | str | None = None,
        actor: str = "caller",
        through: str = "a user request",
        **settings: object,
    ) -> None:
        """UpdateAutoScalingGroup; ``launch`` is a template, a mixed policy or a configuration name.

        What is not given stays as it is. ``through`` is what the Cause of an activity calls it.
        """
        group = self.modifiable(name)
        low = group.min_size if min_size is None else min_size
        high = group.max_size if max_size is None else max_size
        wanted = min(max(group.desired, low), high) if desired is None else desired
        self._check_sizes(low, high, wanted)
        self.changing(group)
        if launch is not None:
            set_launch(group, launch)
            group.changes.extend(group.instances)  # whether weights are shown depends on it
        for key, value in settings.items():
            setattr(group, key, value)
        self.set_size(group, "min", low, actor)
        self.set_size(group, "max", high, actor)
        if desired is None and wanted != group.desired and self.assumes("AS-4", "later"):
            self.clock.after(self.delays.reaction, self._into_bounds, group, actor, through)
        elif wanted != group.desired:
            how = "bound" if desired is None else "set"
            self._move_desired(group, wanted, actor, through, how)

    def _into_bounds(self, group: Group, actor: str, through: str) -> None:
        wanted = min(max(group.desired, group.min_size), group.max_size)
        if wanted != group.desired and not group.status:
            self._move_desired(group, wanted, actor, through, "bound")

    def _move_desired(self, group: Group, wanted: int, actor: str, through: str, how: str) -> None:
        sizes = (group.min_size, group.max_size)
        cause = causes.constraints(self.stamp(), through, sizes, group.desired, wanted)
        self.change_desired(group, wanted, actor, cause, how)

    def _check_sizes(self, low: int, high: int, desired: int) -> None:
        try:
            check_sizes(low, high, desired)
        except ApiError as refused:
            raise self.worded("AS-3", refused) from None

    @mutation
    def delete_group(self, name: str, force: bool = False, actor: str = "caller") -> None:
        """DeleteAutoScalingGroup; with ``force`` its instances go with it, hooks unasked."""
        group = self.group(name)
        if group.instances and not force:
            if all(item.terminating for item in group.instances.values()):
                raise ApiError(
                    "ScalingActivityInProgress",
                    "You cannot delete an AutoScalingGroup while there are scaling activities in "
                    "progress for that group.",
                )
            raise ApiError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot "
                "instance request(s) still in the group.",
            )
        self.changing(group)
        group.status = "Delete in progress"
        group.hooks.clear()
        self.set_size(group, "min", 0, actor)
        self.set_size(group, "desired", 0, actor)
        self.history.append(GroupChange(self.now, name, "deleting", actor))
        cause = f"At {self.stamp()} a user request force deleted the AutoScalingGroup."
        for instance in list(group.instances.values()):
            if instance.lifecycle == RETAINED:
                self.terminate_hooks_done(instance)
            elif not instance.terminating:
                self.start_termination(instance, actor, "group deleted", cause, decrement=True)
        if not group.instances:
            self.drop_group(group)

    def drop_group(self, group: Group) -> None:
        """Forget a group that has no instances left."""
        if self.groups.pop(group.name, None) is not None:
            self.history.append(GroupChange(self.now, group.name, "deleted", "aws"))

    # -- tags ---------------------------------------------------------------------------------

    @mutation
    def create_or_update_tags(self, tags: list[tuple[str, str, str, bool]]) -> None:
        """CreateOrUpdateTags: (group, key, value, propagate) each; there is no compare-and-set."""
        groups = [self.group_with_tags(name) for name, *_ in tags]
        for group, (_, key, value, propagate) in zip(groups, tags, strict=True):
            self.changing(group)
            group.tags[key] = (value, propagate)

    @mutation
    def delete_tags(self, tags: list[tuple[str, str]]) -> None:
        """DeleteTags: (group, key) each; a key that is not there is no error."""
        for name, key in tags:
            group = self.group_with_tags(name)
            self.changing(group)
            group.tags.pop(key, None)

    def group_with_tags(self, name: str) -> Group:
        """Return a group for a tag call, which names a missing one as AWS does there."""
        if name not in self.groups:
            refused = validation(f"AutoScalingGroup name not found - no such group: {name}")
            raise self.worded("AS-9", refused)
        return self.groups[name]

    # -- load balancers -----------------------------------------------------------------------

    @mutation
    def attach(self, group: str, keys: list[str], actor: str = "caller") -> None:
        """AttachLoadBalancerTargetGroups and AttachLoadBalancers: members are registered."""
        found = self.modifiable(group)
        for key in keys:
            balancer = self.balancer(key)
            if key in found.load_balancers:
                continue
            self.changing(found)
            names = found.load_balancer_names
            (found.target_group_arns if key.startswith("arn:") else names).append(key)
            self.history.append(Attachment(self.now, group, key, True, actor))
            for instance in self.members(found, SERVING):
                if instance.id not in balancer.targets:
                    self.register(instance, [key])

    @mutation
    def detach(self, group: str, keys: list[str], actor: str = "caller") -> None:
        """DetachLoadBalancerTargetGroups and DetachLoadBalancers: members are deregistered."""
        found = self.modifiable(group)
        for key in keys:
            if key not in found.load_balancers:
                raise validation(f"The load balancer or target group {key} is not attached")
            self.changing(found)
            names = found.load_balancer_names
            (found.target_group_arns if key.startswith("arn:") else names).remove(key)
            self.history.append(Attachment(self.now, group, key, False, actor))
            for instance in list(found.instances.values()):
                self.deregister(instance, [key])

    # -- processes ----------------------------------------------------------------------------

    @mutation
    def suspend_processes(
        self, group: str, processes: list[str] | None = None, actor: str = "caller"
    ) -> None:
        """SuspendProcesses; leaving out the list means all of them."""
        found = self.modifiable(group)
        names = self._process_names(processes)
        reason = f"User suspended at {self.stamp()}"
        self._set_suspended(found, {**found.suspended, **dict.fromkeys(names, reason)}, actor)

    @mutation
    def resume_processes(
        self, group: str, processes: list[str] | None = None, actor: str = "caller"
    ) -> None:
        """ResumeProcesses; leaving out the list means all of them."""
        found = self.modifiable(group)
        names = set(self._process_names(processes))
        kept = {key: value for key, value in found.suspended.items() if key not in names}
        self._set_suspended(found, kept, actor)
        if not found.suspends("Terminate"):
            self.terminate_waiting(found)
        for instance in self.members(found):  # what died before it entered service, too
            if instance.health == "Unhealthy":
                self.replace_unhealthy(instance, "aws", "an EC2 health check")
        self.reconcile_soon(found)

    def _process_names(self, processes: list[str] | None) -> list[str]:
        names = list(PROCESSES) if not processes else list(processes)
        unknown = [name for name in names if name not in PROCESSES]
        if unknown and self.assumes("AS-12", "ignored"):
            return [name for name in names if name in PROCESSES]
        if unknown:
            raise validation(f"Invalid ScalingProcess: {', '.join(unknown)}")
        return names

    def _set_suspended(self, group: Group, after: dict[str, str], actor: str) -> None:
        before = tuple(sorted(group.suspended))
        if before == tuple(sorted(after)):
            return
        self.changing(group)
        group.suspended = after
        self.history.append(Processes(self.now, group.name, before, tuple(sorted(after)), actor))


def check_sizes(low: int, high: int, desired: int) -> None:
    """Refuse sizes that contradict each other, in AWS's words."""
    if low > high:
        raise validation("Max bound must be greater than or equal to min bound")
    if not low <= desired <= high:
        raise validation(
            f"Desired capacity:{desired} must be between the specified min size:{low} and max "
            f"size:{high}"
        )


def set_launch(group: Group, launch: TemplateRef | MixedPolicy | str) -> None:
    """Make a group launch from a template, a mixed policy or a configuration, instead of before."""
    group.template = launch if isinstance(launch, TemplateRef) else None
    group.mixed = launch if isinstance(launch, MixedPolicy) else None
    group.configuration = launch if isinstance(launch, str) else None
