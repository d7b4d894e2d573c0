"""The world's instances inside moto's EC2, so that every EC2 call sees them.

The world decides that an instance exists, what it was launched from and what state it is in; moto
gives it a network interface, filters, paging, attributes and status.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from moto.core.types import Base64EncodedString
from moto.ec2.models.instances import Instance as MotoInstance
from moto.ec2.models.instances import Reservation, StateReason
from moto.ec2.utils import random_reservation_id

from tests.lab.http.templates import MotoTemplates
from tests.lab.world import ApiError, Instance, World

#: Codes of the instance states (EC2 API reference, InstanceState).
STATE_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
GROUP_TAG = "aws:autoscaling:groupName"
GONE = frozenset({"shutting-down", "terminated"})


class LabInstance(MotoInstance):
    """A copy that reports the health which the world knows of, instead of always ``ok``."""

    def follow(self, world: World, instance: Instance) -> None:
        """Tell whose copy this is."""
        self._world = world
        self._instance = instance

    @property
    def instance_status(self) -> dict[str, Any]:
        """Return the status checks of the instance as DescribeInstanceStatus shows them."""
        if self._instance.state != "running":
            return {"Status": "not-applicable"}
        if self._instance.impaired:
            return {"Status": "impaired"}
        return {"Status": "ok" if self._world.now >= self._instance.up_at else "initializing"}

    @property
    def system_status(self) -> dict[str, Any]:
        """Return the status checks of the machine below it."""
        return self.instance_status


class InstanceMirror:
    """Keeps moto's copy of the world's instances up to date.

    Args:
        backend: moto's EC2 backend of the world's region and account.
        templates: moto's launch templates, for the tags that they put on instances.
    """

    def __init__(self, backend: Any, templates: MotoTemplates) -> None:
        self._backend = backend
        self._templates = templates
        self._copies: dict[str, MotoInstance] = {}
        self._reservations: dict[str, str] = {}
        self._seen: dict[str, int] = {}

    def __contains__(self, instance_id: str) -> bool:
        return instance_id in self._copies

    def adopt(self, copy: MotoInstance) -> None:
        """Take an instance that moto has launched for one of the world from now on."""
        self._copies[copy.id] = copy

    def update(self, world: World) -> None:
        """Bring moto's copies to what the world says of its instances."""
        instances = {item.id: item for item in world.ec2_instances()}
        for instance in instances.values():
            if self._seen.get(instance.id) == instance.revision:
                continue
            if instance.id not in self._copies:
                self._copies[instance.id] = self._create(world, instance)
            self._copy_state(instance)
            self._seen[instance.id] = instance.revision
        for vanished in self._copies.keys() - instances.keys():
            self._forget(vanished)

    def _create(self, world: World, instance: Instance) -> MotoInstance:
        launch = instance.launch
        copy = LabInstance(
            self._backend,
            launch.image_id,
            _user_data(launch.user_data),
            [],
            instance_type=instance.instance_type,
            placement=instance.zone,
            region_name=self._backend.region_name,
            subnet_id=self._subnet(instance.zone),
            lifecycle="spot" if instance.spot else None,
        )
        copy.follow(world, instance)
        copy.id = instance.id
        _set_address(copy, instance.private_ip)
        copy.launch_time = datetime.fromtimestamp(instance.launch_time, timezone.utc)
        copy.add_tags(self._template_tags(instance))
        reservation = Reservation(random_reservation_id(), self._backend.account_id)
        reservation.instances.append(copy)
        self._backend.reservations[reservation.id] = reservation
        self._reservations[instance.id] = reservation.id
        return copy

    def _template_tags(self, instance: Instance) -> dict[str, str]:
        launch = instance.launch
        if launch.template_id is None:
            return {}
        try:
            template = self._templates.find(launch.template_id)
            tags = self._templates.version(template, launch.version).instance_tags
        except ApiError:
            return {}  # deleted since the launch
        return {
            **tags,
            "aws:ec2launchtemplate:id": launch.template_id,
            "aws:ec2launchtemplate:version": str(launch.version),
        }

    def _subnet(self, zone: str) -> str | None:
        subnet = self._backend.get_default_subnets().get(zone)
        return subnet.id if subnet else None

    def _copy_state(self, instance: Instance) -> None:
        copy = self._copies[instance.id]
        if instance.state in GONE and copy.state not in GONE:
            copy.terminate()
            copy.state_reason = StateReason(instance.terminated_by_user)
        copy._state.name = instance.state
        copy._state.code = STATE_CODES[instance.state]
        copy.add_tags(instance.tags)
        if instance.group:
            copy.add_tags({GROUP_TAG: instance.group})
        else:
            self._backend.delete_tag_keys([instance.id], [GROUP_TAG])

    def _forget(self, instance_id: str) -> None:
        del self._copies[instance_id]
        self._seen.pop(instance_id, None)
        self._backend.reservations.pop(self._reservations.pop(instance_id, ""), None)


def _set_address(copy: MotoInstance, address: str) -> None:
    # The world's addresses lie outside of moto's subnets, so moto would not accept them itself.
    interface = copy.nics[0]
    interface.private_ip_address = address
    interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]


def _user_data(text: str | None) -> Base64EncodedString | None:
    return None if text is None else Base64EncodedString(text)
