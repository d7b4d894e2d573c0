"""The state a scenario begins with: groups and instances that have been there for a while."""

from __future__ import annotations

from dataclasses import replace

from .core import Core
from .groups import check_sizes, set_launch
from .history import Attachment, GroupChange, Size
from .model import SERVING, STANDBY, Debt, Group, Instance, MixedPolicy, TemplateRef

SETUP = Debt("setup", "setup", "")


class Seeding(Core):
    """Puts things into place without the time and the events that made them."""

    def seed_group(
        self,
        name: str,
        min_size: int,
        max_size: int,
        desired: int,
        zones: tuple[str, ...],
        launch: TemplateRef | MixedPolicy | str,
        **settings: object,
    ) -> Group:
        """Create a group that launches nothing yet; fill it with ``seed_instance``."""
        check_sizes(min_size, max_size, desired)
        arn = self.arn(
            "autoscaling", f"autoScalingGroup:{self.new_uuid()}:autoScalingGroupName/{name}"
        )
        group = Group(name, arn, min_size, max_size, desired, zones, self.now, **settings)
        set_launch(group, launch)
        self.groups[name] = group
        self.history.append(GroupChange(self.now, name, "created", "setup"))
        for field, value in (("min", min_size), ("max", max_size), ("desired", desired)):
            self.history.append(Size(self.now, name, field, 0, value, "setup"))
        for key in group.load_balancers:
            self.history.append(Attachment(self.now, name, key, True, "setup"))
        return group

    def seed_instance(
        self,
        group: Group,
        zone: str,
        version: str | None = None,
        configuration: str | None = None,
        launch_time: float | None = None,
        protected: bool = False,
        standby: bool = False,
    ) -> Instance:
        """Put one instance into a group, in service and healthy (or in standby), answering.

        Args:
            group: the group.
            zone: its availability zone.
            version: template version it was launched on; by default what the group uses now.
            configuration: launch configuration it was launched on; likewise.
            launch_time: epoch seconds.
            protected: against scale-in.
            standby: in Standby, and so registered nowhere.
        """
        choices = self.launch_choices(group)
        data, weight = choices[len(group.instances) % len(choices)]
        if configuration is not None:
            data = self.templates.configuration(configuration)
        elif version is not None and data.template_id:
            ref = TemplateRef(data.template_id, data.template_name, version)
            data = replace(self.templates.resolve(ref), instance_type=data.instance_type)
        launched = self.now if launch_time is None else launch_time
        instance = self.add_instance(
            group,
            data,
            weight,
            zone,
            SETUP,
            launched,
            up_at=launched,
            state="running",
            protected=protected,
            in_service_at=launched,
        )
        self.move(instance, STANDBY if standby else SERVING)
        self.settle_application(instance)
        self.register_healthy(instance, () if standby else group.load_balancers)
        return instance
