"""How faults strike at what users see: applications, listeners, zonal shifts."""

from __future__ import annotations

from .core import Core
from .faults import Fault, zone_is
from .model import Instance, TargetGroup


class Traffic(Core):
    """Faults that leave groups and machines as they are."""

    def _application_stops(self, fault: Fault) -> None:
        """Stop the applications of ``count`` instances, or of a ``share`` of all, up to until."""
        hit = self._picked(fault)
        for instance in hit:
            self.set_application(instance, works=False)
        if fault.until is not None:
            self.clock.at(self.start + fault.until, self._applications_back, hit)

    def _applications_back(self, hit: list[Instance]) -> None:
        for instance in hit:
            self.set_application(instance, works=True)

    def _target_groups(self, fault: Fault) -> list[TargetGroup]:
        """Return the target group that a fault names, or all of them."""
        named = fault.get("target_group")
        return [item for item in self.target_groups.values() if named in (None, item.name)]

    def _zonal_shift(self, fault: Fault) -> None:
        zones = {item.zone for item in self.instances.values() if zone_is(fault, item.zone)}
        zones |= {z for g in self.groups.values() for z in g.zones if zone_is(fault, z)}
        for balancer in self._target_groups(fault):
            for zone in sorted(zones):
                self.shift(balancer, zone, away=True)
                if fault.until is not None:
                    until = self.start + fault.until
                    self.clock.at(until, self.shift, balancer, zone, False)

    _zonal_autoshift = _zonal_shift

    def _listener_removed(self, fault: Fault) -> None:
        for balancer in self._target_groups(fault):
            self.set_listener(balancer, attached=False)

    def _listener_added(self, fault: Fault) -> None:
        for balancer in self._target_groups(fault):
            self.set_listener(balancer, attached=True)
