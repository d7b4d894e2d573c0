"""Where moto keeps things and the world only needs to know of them.

Launch templates, launch configurations, target groups and classic load balancers are created,
validated and described by moto. `push` gives moto what a scenario has put into the world, under
the same ids; `pull` tells the world what calls have changed in moto since.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends

from tests.lab.http.templates import MotoTemplates, encoded, typed
from tests.lab.world.model import LoadBalancer, TargetGroup
from tests.lab.world.templates import Template

DRAINING_ATTRIBUTE = "deregistration_delay.timeout_seconds"
HTTP_LISTENER = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}


class Stores:
    """Moto's backends of one account and region."""

    def __init__(self, account: str, region: str) -> None:
        self.ec2 = ec2_backends[account][region]
        self.autoscaling = autoscaling_backends[account][region]
        self.elb = elb_backends[account][region]
        self.elbv2 = elbv2_backends[account][region]
        self.templates = MotoTemplates(self.ec2, self.autoscaling)

    # -- from the world to moto -----------------------------------------------------------------

    def push(self, world: Any) -> None:
        """Create in moto what the world already has, and let the world resolve through moto."""
        for template in world.templates.templates.values():
            self._push_template(template)
        for configuration in world.templates.configurations.values():
            self._push_configuration(configuration)
        for target_group in world.target_groups.values():
            self._push_target_group(target_group)
        for balancer in world.load_balancers.values():
            self._push_load_balancer(balancer)
        for group in world.groups.values():
            group.subnets = self._subnets(group.zones)
        world.templates = self.templates

    def _subnets(self, zones: tuple[str, ...]) -> str:
        defaults = self.ec2.get_default_subnets()
        return ",".join(defaults[zone].id for zone in zones if zone in defaults)

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

    def _push_target_group(self, group: TargetGroup) -> None:
        made = self.elbv2.create_target_group(
            group.name,
            protocol=group.protocol,
            port=group.port,
            vpc_id=self.ec2.default_vpc.id,
            target_type="instance",
            healthcheck_enabled="true" if group.health_check_enabled else "false",
        )
        self.elbv2.target_groups[group.arn] = self.elbv2.target_groups.pop(made.arn)
        made.arn = group.arn
        if group.deregistration_delay is not None:
            made.attributes[DRAINING_ATTRIBUTE] = int(group.deregistration_delay)

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
        _reconcile(world.target_groups, self.elbv2.target_groups, self._target_group, named)
        for arn, group in self.elbv2.target_groups.items():
            world.target_groups[arn].deregistration_delay = _draining(group)
        _reconcile(world.load_balancers, self.elb.load_balancers, self._load_balancer, named)

    def _target_group(self, group: Any) -> TargetGroup:
        return TargetGroup(
            arn=group.arn,
            name=group.name,
            port=int(group.port or 80),
            protocol=group.protocol or "HTTP",
            health_check_enabled=group.health_check_enabled,
        )

    def _load_balancer(self, balancer: Any) -> LoadBalancer:
        return LoadBalancer(balancer.name, balancer.dns_name, tuple(balancer.availability_zones))


def _draining(group: Any) -> float | None:
    # moto fills in AWS's default, 300 s; only what somebody has set overrules the world's delay.
    value = group.attributes.get(DRAINING_ATTRIBUTE)
    return None if value == 300 else float(value)


def _reconcile(
    known: dict[str, Any], stored: dict[str, Any], make: Callable[[Any], Any], keep: set[str]
) -> None:
    for key, item in stored.items():
        if key not in known:
            known[key] = make(item)
    for key in known.keys() - stored.keys() - keep:
        del known[key]
