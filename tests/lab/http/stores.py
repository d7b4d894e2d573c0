"""Where moto keeps things and the world only needs to know of them.

Launch templates, launch configurations, target groups and classic load balancers are created,
validated and described by moto. `push` gives moto what a scenario has put into the world, under
the same ids; `pull` tells the world what calls have changed in moto since.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.core.exceptions import ServiceException
from moto.core.types import Base64EncodedString
from moto.ec2.models import ec2_backends
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends

from tests.lab.world.errors import ApiError
from tests.lab.world.model import LaunchData, LoadBalancer, TargetGroup, TemplateRef
from tests.lab.world.templates import DEFAULT_IMAGE, DEFAULT_TYPE, Template, Templates

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
            template.name, first.description, _typed(first.data), {}
        )
        backend, given = self.ec2, made.id
        backend.launch_templates[template.id] = backend.launch_templates.pop(given)
        backend.launch_template_name_to_ids[template.name] = template.id
        backend.launch_template_insert_order.remove(given)
        backend.launch_template_insert_order.append(template.id)
        made.id = template.id
        for version in others:
            made.create_version(_typed(version.data), version.description)
        made.default_version_number = template.default

    def _push_configuration(self, configuration: Any) -> None:
        self.autoscaling.create_launch_configuration(
            name=configuration.name,
            image_id=configuration.image_id,
            instance_type=configuration.instance_type,
            user_data=_encoded(configuration.user_data),
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
        _reconcile(world.target_groups, self.elbv2.target_groups, self._target_group)
        for arn, group in self.elbv2.target_groups.items():
            world.target_groups[arn].deregistration_delay = _draining(group)
        _reconcile(world.load_balancers, self.elb.load_balancers, self._load_balancer)

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


def _reconcile(known: dict[str, Any], stored: dict[str, Any], make: Callable[[Any], Any]) -> None:
    for key, item in stored.items():
        if key not in known:
            known[key] = make(item)
    for key in known.keys() - stored.keys():
        del known[key]


class MotoTemplate:
    """A launch template of moto's under the names that the world uses."""

    def __init__(self, stored: Any) -> None:
        self.stored = stored
        self.id: str = stored.id
        self.name: str = stored.name

    @property
    def default(self) -> int:
        """The number of the default version."""
        return self.stored.default_version_number

    @property
    def latest(self) -> int:
        """The highest version number."""
        return self.stored.latest_version_number


class MotoTemplates:
    """Moto's launch templates and configurations in the place of the world's own `Templates`."""

    def __init__(self, ec2: Any, autoscaling: Any) -> None:
        self._ec2 = ec2
        self._autoscaling = autoscaling

    @property
    def templates(self) -> dict[str, MotoTemplate]:
        """Every template by its id."""
        return {key: MotoTemplate(item) for key, item in self._ec2.launch_templates.items()}

    def find(self, template_id: str | None = None, name: str | None = None) -> MotoTemplate:
        """Return a template by id or name; raise `ApiError` when there is no such one."""
        try:
            if template_id:
                return MotoTemplate(self._ec2.get_launch_template(template_id))
            return MotoTemplate(self._ec2.get_launch_template_by_name(name))
        except ServiceException as missing:
            raise ApiError(missing.code, missing.message) from None

    def version(self, template: MotoTemplate, wanted: str | int | None) -> Any:
        """Return one version: a number, ``$Latest``, ``$Default`` or None (the default)."""
        try:
            return template.stored.get_version(wanted or "$Default")
        except ServiceException as missing:
            raise ApiError(missing.code, missing.message) from None
        except ValueError:
            text = f"Could not find the specified version {wanted} for the launch template"
            raise ApiError("InvalidLaunchTemplateId.VersionNotFound", text) from None

    def resolve(self, ref: TemplateRef) -> LaunchData:
        """Return what a launch from `ref` uses now; raise `ApiError` when there is no such one."""
        template = self.find(ref.template_id, ref.name)
        version = self.version(template, ref.version)
        return LaunchData(
            image_id=version.data.get("ImageId", DEFAULT_IMAGE),
            instance_type=version.data.get("InstanceType", DEFAULT_TYPE),
            user_data=_text(version.data.get("UserData")),
            template_id=template.id,
            template_name=template.name,
            version=str(version.number),
        )

    def configuration(self, name: str) -> LaunchData:
        """Return what a launch from the launch configuration `name` uses."""
        found = self._autoscaling.launch_configurations.get(name)
        if found is None:
            # The world's own store knows AWS's text for it.
            return Templates(lambda: 0.0).configuration(name)
        return LaunchData(
            image_id=found.image_id,
            instance_type=found.instance_type,
            user_data=_text(found.user_data),
            configuration=found.name,
        )

    def create_launch_template_version(
        self,
        template: MotoTemplate,
        data: dict[str, Any],
        source: str | int | None = None,
        description: str = "",
    ) -> Any:
        """Add a version; with `source`, on top of that version's data."""
        base = self.version(template, source).data if source is not None else {}
        return template.stored.create_version(_typed({**base, **data}), description)

    def modify_launch_template(self, template: MotoTemplate, default: str | int) -> MotoTemplate:
        """Make another version the default."""
        template.stored.default_version_number = self.version(template, default).number
        return template


def _encoded(user_data: Any) -> Base64EncodedString | None:
    return None if user_data is None else Base64EncodedString(str(user_data))


def _text(user_data: Any) -> str | None:
    return None if user_data is None else str(user_data)


def _typed(data: dict[str, Any]) -> dict[str, Any]:
    # moto breaks on user data of a template that is a plain string.
    if data.get("UserData") is None:
        return dict(data)
    return {**data, "UserData": _encoded(data["UserData"])}
