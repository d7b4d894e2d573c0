"""What EC2 knows of the machines."""

from __future__ import annotations

from .core import Core
from .errors import invalid_instance_ids
from .history import Call, key_parameters
from .model import TERMINATED_VISIBLE, Instance


class Machines(Core):
    """EC2's view of instances, and the log of calls."""

    def visible(self, instance: Instance) -> bool:
        """Say whether DescribeInstances still shows an instance."""
        return instance.ended_at is None or self.now < instance.ended_at + TERMINATED_VISIBLE

    def ec2_instances(self, ids: list[str] | None = None) -> list[Instance]:
        """Return instances as EC2 sees them, by default all.

        Raises:
            ApiError: ``InvalidInstanceID.NotFound`` naming the unknown ids.
        """
        if not ids:
            return [item for item in self.instances.values() if self.visible(item)]
        found = [self.instances.get(key) for key in ids]
        unknown = [
            key
            for key, item in zip(ids, found, strict=True)
            if item is None or not self.visible(item)
        ]
        if unknown:
            raise invalid_instance_ids(unknown)
        return found

    def record_call(
        self, service: str, operation: str, params: dict, outcome: str = "ok", actor: str = "caller"
    ) -> None:
        """Log an API call and how it ended (``ok``, an error code, ``lost``, ``lost:applied``)."""
        self.history.append(
            Call(self.now, service, operation, key_parameters(params), actor, outcome)
        )
