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

    def console_output(self, instance: Instance) -> str:
        """Return what the machine has printed up to now; what fails on it, says so here."""
        lines = [f"[    0.000000] Booting {instance.launch.image_id} as {instance.id}"]
        since = self.now - instance.launch_time
        if since >= self.delays.running:
            lines.append(f"[{self.delays.running:12.6f}] cloud-init: running user data")
        lines += instance.printed
        if instance.impaired:
            lines.append("kernel: I/O error, dev nvme0n1: the instance no longer responds")
        if not instance.healthy_app and self.now >= instance.up_at:
            lines.append("systemd[1]: app.service: Failed with result 'exit-code'")
        elif self.now >= instance.up_at:
            lines.append(f"[{instance.up_at - instance.launch_time:12.6f}] {instance.id} login:")
        if instance.terminated_by_user:
            lines.append(f"shutdown: {instance.terminated_by_user}")
        return "\n".join(lines) + "\n"

    def record_call(
        self, service: str, operation: str, params: dict, outcome: str = "ok", actor: str = "caller"
    ) -> None:
        """Log an API call and how it ended (``ok``, an error code, ``lost``, ``lost:applied``)."""
        self.history.append(
            Call(self.now, service, operation, key_parameters(params), actor, outcome)
        )
