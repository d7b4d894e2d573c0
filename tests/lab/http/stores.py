"""Where moto keeps things and the world only needs to know of them.

Launch templates, launch configurations, target groups and classic load balancers are created,
validated and described by moto. `push` gives moto what a scenario has put into the world, under
the same ids; `pull` tells the world what calls have changed in moto since.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends
from moto.ssm.models import ssm_backends

from tests.lab.http.templates import MotoTemplates, encoded, typed
from tests.lab.world.demand import Scheduled
from tests.lab.world.model import LoadBalancer, TargetGroup
from tests.lab.world.templates import Template

DRAINING_ATTRIBUTE = "deregistration_delay.timeout_seconds"
MOTO_DRAINING = 300
HTTP_LISTENER = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}


class Stores:
    """Moto's backends of one account and region."""

    def __init__(self, account: str, region: str) -> None:
        self.ec2 = ec2_backends[account][region]
        self.autoscaling = autoscaling_backends[account][region]
        self.elb = elb_backends[account][region]
        self.elbv2 = elbv2_backends[account][region]
        self.ssm = ssm_backends[account][region]
        self.templates = MotoTemplates(self.ec2, self.autoscaling, self.ssm)
        #: The target groups that moto forwarded to when it was last looked at.
        self._seen: set[str] = set()

    # -- from the world to moto -----------------------------------------------------------------

    def push(self, world: Any) -> None:
        """Create in moto what the world already has, and let the world resolve through moto."""
        for name, value in world.templates.parameters.items():
            self._push_parameter(name, value)
        for template in world.templates.templates.values():
            self._push_template(template)
        for configuration in world.templates.configurations.values():
            self._push_configuration(configuration)
        for target_group in world.target_groups.values():
            self._push_target_group(world, target_group)
        self.push_listeners(world)
        for balancer in world.load_balancers.values():
            self._push_load_balancer(balancer)
        for group in world.groups.values():
            group.subnets = self._subnets(group.zones)
            self._push_scheduled(group)
        self.templates.reuses_numbers = world.templates.reuses_numbers
        world.templates = self.templates

    def _subnets(self, zones: tuple[str, ...]) -> str:
        defaults = self.ec2.get_default_subnets()
        return ",".join(defaults[zone].id for zone in zones if zone in defaults)

    def _push_parameter(self, name: str, value: str) -> None:
        self.ssm.put_parameter(
            name=name,
            description="",
            value=value,
            parameter_type="String",
            allowed_pattern="",
            keyid="",
            overwrite=False,
            tags=[],
            data_type="text",
            tier=None,
            policies=None,
        )

    def _push_scheduled(self, group: Any) -> None:
        for item in group.scheduled.values():
            self.autoscaling.put_scheduled_update_group_action(
                name=group.name,
                desired_capacity=item.desired,
                max_size=item.max_size,
                min_size=item.min_size,
                scheduled_action_name=item.name,
                start_time=datetime.fromtimestamp(item.at, timezone.utc).isoformat(),
                end_time=None,
                recurrence=None,
                timezone=None,
            )

    def _push_template(self, template: Template) -> None:
        first, *others = (template.versions[number] for number in sorted(template.versions))
        made = self.ec2.create_launch_template(
            template.name, first.description, typed(first.data), {}
        )
        backend, given = self.ec2, made.id
        backend.launch_templates[template.id] = backend.launch_templates.pop(given)
        backend.launch_template_name_to_ids[template.name] = template.id
        backend.launch_template_insert_order.remove(given)
        backend.launch_template_insert_order.append(template.id)
        made.id = template.id
        for version in others:
            made.create_version(typed(version.data), version.description)
        made.default_version_number = template.default

    def _push_configuration(self, configuration: Any) -> None:
        self.autoscaling.create_launch_configuration(
            name=configuration.name,
            image_id=configuration.image_id,
            instance_type=configuration.instance_type,
            user_data=encoded(configuration.user_data),
            key_name=None,
            kernel_id="",
            ramdisk_id="",
            security_groups=[],
            instance_monitoring=False,
            instance_profile_name=None,
            spot_price=None,
            ebs_optimized=False,
            associate_public_ip_address=False,
            block_device_mappings=[],
        )

    def _push_target_group(self, world: Any, group: TargetGroup) -> None:
        interval, timeout = world.shown_checks(group)
        made = self.elbv2.create_target_group(
            group.name,
            protocol=group.protocol,
            port=group.port,
            vpc_id=self.ec2.default_vpc.id,
            target_type="instance",
            healthcheck_enabled="true",
            healthcheck_interval_seconds=interval,
            healthcheck_timeout_seconds=timeout,
            healthy_threshold_count=group.healthy_threshold,
            unhealthy_threshold_count=group.unhealthy_threshold,
        )
        self.elbv2.target_groups[group.arn] = self.elbv2.target_groups.pop(made.arn)
        made.arn = group.arn
        made.attributes[DRAINING_ATTRIBUTE] = _whole(world.draining_seconds(group))

    def push_listeners(self, world: Any) -> None:
        """Give moto's load balancers the listeners that the world's target groups have."""
        forwarded = self._forwarded()
        for arn, group in world.target_groups.items():
            if arn in self.elbv2.target_groups and group.listener != (arn in forwarded):
                (self._add_listener if group.listener else self._take_listeners)(world, group)
        self._seen = self._forwarded()

    def _add_listener(self, world: Any, group: TargetGroup) -> None:
        (arn,) = world.forwarding_arns(group)
        if arn not in self.elbv2.load_balancers:
            subnets = [item.id for item in self.ec2.get_default_subnets().values()]
            made = self.elbv2.create_load_balancer(group.name, [], subnets)
            self.elbv2.load_balancers[arn] = self.elbv2.load_balancers.pop(made.arn)
            made.arn = arn
        forward = [{"Type": "forward", "TargetGroupArn": group.arn}]
        self.elbv2.create_listener(arn, "HTTP", str(group.port), None, None, forward)

    def _take_listeners(self, world: Any, group: TargetGroup) -> None:
        for balancer in self.elbv2.load_balancers.values():
            for listener in list(balancer.listeners.values()):
                if group.arn in self._targets_of(listener):
                    del balancer.listeners[listener.arn]
        self.elbv2.target_groups[group.arn].load_balancer_arns.clear()

    def _forwarded(self) -> set[str]:
        """Return the ARNs of the target groups that a listener, or a rule of one, forwards to."""
        return {
            arn
            for balancer in self.elbv2.load_balancers.values()
            for listener in balancer.listeners.values()
            for arn in self._targets_of(listener)
        }

    def _targets_of(self, listener: Any) -> set[str]:
        rules = [action for rule in listener.rules.values() for action in rule.actions]
        return {
            arn
            for action in [*listener.default_actions, *rules]
            if action.type == "forward"
            for arn in self.elbv2._get_target_group_arns_from(action_data=action.data)
        }

    def _push_load_balancer(self, balancer: LoadBalancer) -> None:
        self.elb.create_load_balancer(
            name=balancer.name,
            zones=list(balancer.zones),
            ports=[HTTP_LISTENER],
            scheme="internet-facing",
            subnets=[],
            security_groups=[],
        )

    # -- from moto to the world -----------------------------------------------------------------

    def pull(self, world: Any) -> None:
        """Tell the world of the target groups and load balancers that moto has now."""
        # A group may outlive the load balancers that it names; the world still looks them up.
        named = {key for group in world.groups.values() for key in group.load_balancers}
        for arn, group in self.elbv2.target_groups.items():
            if arn not in world.target_groups:
                world.add_target_group(self._target_group(group))
        _reconcile(world.target_groups, self.elbv2.target_groups, self._target_group, named)
        forwarded = self._forwarded()
        for arn, group in self.elbv2.target_groups.items():
            known = world.target_groups[arn]
            shown = float(group.attributes[DRAINING_ATTRIBUTE])
            if shown != _whole(world.draining_seconds(known)):
                # moto fills in AWS's default; only what somebody has set overrules the world's.
                known.deregistration_delay = None if shown == MOTO_DRAINING else shown
            if (arn in forwarded) != (arn in self._seen):
                world.set_listener(known, arn in forwarded)
        self._seen = forwarded
        for group in world.groups.values():
            found = self.autoscaling.describe_scheduled_actions(group.name)
            world.schedule(group, [_scheduled(item) for item in found if item.start_time])
        _reconcile(world.load_balancers, self.elb.load_balancers, self._load_balancer, named)

    def _target_group(self, group: Any) -> TargetGroup:
        return TargetGroup(
            arn=group.arn,
            name=group.name,
            port=int(group.port or 80),
            protocol=group.protocol or "HTTP",
            health_check_interval=_interval(group),
            healthy_threshold=int(group.healthy_threshold_count),
            unhealthy_threshold=int(group.unhealthy_threshold_count),
            listener=False,
        )

    def _load_balancer(self, balancer: Any) -> LoadBalancer:
        return LoadBalancer(balancer.name, balancer.dns_name, tuple(balancer.availability_zones))


def _interval(group: Any) -> float | None:
    # As with the deregistration delay: moto fills in AWS's default, 30 s.
    value = float(group.health_check_interval_seconds)
    return None if value == 30 else value


def _whole(seconds: float) -> int:
    """Return a delay as the API shows it: a scenario may be quicker than a second."""
    return math.ceil(seconds)


def _scheduled(item: Any) -> Scheduled:
    """Return a scheduled action as the world carries it out: once, at its StartTime."""
    at = datetime.fromisoformat(str(item.start_time).replace("Z", "+00:00"))
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    sizes = (item.min_size, item.max_size, item.desired_capacity)
    return Scheduled(item.scheduled_action_name, at.timestamp(), *sizes)


def _reconcile(
    known: dict[str, Any], stored: dict[str, Any], make: Callable[[Any], Any], keep: set[str]
) -> None:
    for key, item in stored.items():
        if key not in known:
            known[key] = make(item)
    for key in known.keys() - stored.keys() - keep:
        del known[key]
