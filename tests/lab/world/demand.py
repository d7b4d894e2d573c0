"""Who sets totals: scheduled actions at their time, and target tracking that follows a load.

Target tracking keeps the load per instance at its target: capacity times load, divided by the
target, rounded up. It scales out after three minutes above the target and in only after fifteen
minutes below 90 percent of it (user guide, target tracking scaling policies; the alarms that such
a policy creates).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .core import Core
from .errors import ApiError
from .faults import Fault
from .history import Call
from .model import Group

# Seconds between two looks at the metric, and how many in a row make an alarm.
PERIOD = 60.0
ABOVE, BELOW = 3, 15
# Below this share of the target there is too much capacity.
LOW = 0.9


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A scheduled action; ``at`` in epoch seconds."""

    name: str
    at: float
    min_size: int | None = None
    max_size: int | None = None
    desired: int | None = None


@dataclass(slots=True)
class Tracking:
    """A target tracking policy of a group: ``target`` is the load that one unit bears."""

    name: str
    target: float
    load: float
    above: int = 0
    below: int = 0


class Demand(Core):
    """Scheduled actions and target tracking."""

    # -- scheduled actions --------------------------------------------------------------------

    def schedule(self, group: Group, actions: list[Scheduled]) -> None:
        """Make these the scheduled actions of a group, in the place of what it had."""
        known, group.scheduled = group.scheduled, {}
        for item in actions:
            same = known.get(item.name) == item
            group.scheduled[item.name] = known[item.name] if same else item
            if not same and item.at >= self.now:
                self.clock.at(item.at, self._scheduled, group, item)

    def _scheduled(self, group: Group, item: Scheduled) -> None:
        if group.scheduled.get(item.name) is not item or group.status:
            return
        params = {"group": group.name, "min": item.min_size, "max": item.max_size}
        given = {k: v for k, v in {**params, "desired": item.desired}.items() if v is not None}
        outcome = "ok"
        try:
            self.run_scheduled_action(group, item.min_size, item.max_size, item.desired)
        except ApiError as error:  # sizes that contradict those of now
            outcome = error.code
        params = tuple(sorted(given.items()))
        self.history.append(Call(self.now, "actor", "scheduled_action", params, "policy", outcome))

    def run_scheduled_action(
        self, group: Group, low: int | None, high: int | None, desired: int | None
    ) -> None:
        """Set what a scheduled action names, unless ScheduledActions is suspended."""
        if not group.suspends("ScheduledActions"):
            through = "a scheduled action"
            self.update_group(group.name, low, high, desired, actor="policy", through=through)

    # -- target tracking ----------------------------------------------------------------------

    def track(self, group: Group, name: str, target: float, load: float) -> None:
        """Have a group follow a load, given in what ``target`` counts for one unit."""
        first = group.tracking is None
        group.tracking = Tracking(name, target, load)
        if first:
            self.clock.after(PERIOD, self._look_at_metric, group)

    def _look_at_metric(self, group: Group) -> None:
        if self.groups.get(group.name) is not group or group.status:
            return
        policy = group.tracking
        bearing = sum(item.weight for item in self.serving(group))
        metric = policy.load / max(bearing, 1)
        policy.above = policy.above + 1 if metric > policy.target else 0
        policy.below = policy.below + 1 if metric < policy.target * LOW else 0
        if policy.above >= ABOVE or policy.below >= BELOW:
            self._adapt(group, policy, metric)
        self.clock.after(PERIOD, self._look_at_metric, group)

    def _adapt(self, group: Group, policy: Tracking, metric: float) -> None:
        grows = policy.above >= ABOVE
        basis = group.desired if self.assumes("DM-2", "desired") else max(group.units, 1)
        # Against what floating point leaves behind the comma.
        wanted = math.ceil(round(basis * metric / policy.target, 6))
        if group.suspends("AlarmNotification") or (wanted > group.desired) is not grows:
            return
        policy.above = policy.below = 0
        alarm = f"TargetTracking-{group.name}-Alarm{'High' if grows else 'Low'}"
        self.follow_policy(group, policy.name, wanted, "set", alarm)

    # -- faults -------------------------------------------------------------------------------

    def _target_tracking(self, fault: Fault) -> None:
        group = self._subject(fault)
        target = fault.get("target", 100.0)
        # Without a load the one that the group of now just bears.
        load = fault.get("load", target * group.desired)
        self.track(group, fault.get("name", "tracking"), target, load)

    def _load(self, fault: Fault) -> None:
        tracking = self._subject(fault).tracking
        if tracking is not None:
            tracking.load = fault.get("load")
