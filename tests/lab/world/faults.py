"""Faults as data, and the questions that the rest of the world asks about them."""

from __future__ import annotations

from .core import Core
from .model import Group, Instance, LaunchData


class Faults(Core):
    """What goes wrong, when."""

    def capacity_blocked(self, zone: str, instance_type: str) -> bool:
        """Say whether EC2 has no capacity for this type in this zone now."""
        return False

    def missing_image(self, data: LaunchData) -> str | None:
        """Return the image id that EC2 says does not exist, if any."""
        return None

    def image_dies(self, instance: Instance) -> bool:
        """Say whether this machine ends right after it started."""
        return False

    def boot_seconds(self, group: Group) -> float:
        """Draw a boot time."""
        return self.boot.draw(self.random)

    def stays_unhealthy(self, group: Group, data: LaunchData) -> bool:
        """Say whether the application on a new instance never answers."""
        return False

    def on_call(self, service: str, operation: str, params: dict) -> None:
        """Say what goes wrong with this call, or None."""
        return
