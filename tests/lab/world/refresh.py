"""Instance refresh, AWS's own way of replacing instances, in a simple form.

Batches, terminate first, no checkpoints: enough to be in the way and to be told about.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from . import causes
from .core import Core, mutation
from .errors import ApiError, validation
from .history import GroupChange
from .model import SERVING, Debt, Group, Instance, TemplateRef

ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking")
MIN_HEALTHY = 90  # percent; the API's default
# A refresh looks at its group this often, seconds.
TICK = 15.0
# A refresh that is late is listed after so many seconds.
LATE = 30.0


@dataclass(slots=True)
class Refresh:
    """One instance refresh; ``before`` is what the group launched from when it started.

    ``listed_from`` is the instant from which DescribeInstanceRefreshes shows it.
    """

    id: str
    group: str
    start: float
    preferences: dict[str, Any]
    before: TemplateRef | None
    desired: dict[str, Any] | None
    status: str = "Pending"
    reason: str | None = None
    end: float | None = None
    remaining: set[str] = field(default_factory=set)
    total: int = 0
    listed_from: float = 0.0

    @property
    def percentage(self) -> int:
        """How much of it is done."""
        return 100 if not self.total else 100 * (self.total - len(self.remaining)) // self.total


class Refreshes(Core):
    """Start, progress, cancel and roll back."""

    @mutation
    def start_instance_refresh(
        self,
        group: str,
        preferences: dict[str, Any] | None = None,
        template: TemplateRef | None = None,
        desired: dict[str, Any] | None = None,
        actor: str = "caller",
    ) -> str:
        """StartInstanceRefresh; return its id.

        Args:
            group: the group's name.
            preferences: MinHealthyPercentage, SkipMatching, InstanceWarmup.
            template: what the DesiredConfiguration says to launch from.
            desired: the DesiredConfiguration as given.
            actor: whose doing it is.
        """
        found = self.modifiable(group)
        if self.active_refresh(found):
            refused = ApiError(
                "InstanceRefreshInProgress",
                "An Instance Refresh is already in progress and blocks the execution of this "
                "Instance Refresh.",
            )
            raise self.worded("IR-2", refused)
        if found.suspends("InstanceRefresh") and self.assumes("IR-6", "refused"):
            raise validation(f"The InstanceRefresh process of {group} is suspended")
        preferences = dict(preferences or {})
        made = Refresh(self.new_uuid(), group, self.now, preferences, found.template, desired)
        if template is not None:
            self.changing(found)
            found.template = template
        self._aim(found, made)
        made.listed_from = self.now + (LATE if self.assumes("IR-7", "late") else 0.0)
        found.refreshes.insert(0, made)
        self._status(made, "Pending", actor)
        self.clock.after(self.delays.reaction, self._tick, made)
        return made.id

    def active_refresh(self, group: Group) -> Refresh | None:
        """Return the refresh that is under way, if any."""
        return next((item for item in group.refreshes if item.status in ACTIVE), None)

    def _aim(self, group: Group, refresh: Refresh) -> None:
        current = self.launch_choices(group)[0][0]
        skip = refresh.preferences.get("SkipMatching", False) or refresh.status != "Pending"
        refresh.remaining = {
            item.id
            for item in self.members(group)
            if not (skip and _same(item, current.template_id, current.version))
        }
        refresh.total = len(refresh.remaining)

    def _status(self, refresh: Refresh, status: str, actor: str = "aws") -> None:
        refresh.status = status
        if status not in ACTIVE:
            refresh.end = self.now
        what = f"refresh {status}"
        self.history.append(GroupChange(self.now, refresh.group, what, actor))

    def _tick(self, refresh: Refresh) -> None:
        group = self.groups.get(refresh.group)
        if group is None or refresh.end is not None:
            return
        if refresh.status == "Cancelling":
            self._status(refresh, "Cancelled")
            return
        waits = group.suspends("InstanceRefresh") and self.assumes("IR-6", "pending")
        if refresh.status == "Pending" and not waits:
            self._status(refresh, "InProgress")
        refresh.remaining = {
            key
            for key in refresh.remaining
            if key in group.instances and not group.instances[key].terminating
        }
        whole = group.missing <= 0 and not group.pending
        if not refresh.remaining:
            if whole and len(self.in_order(group)) >= len(self.members(group)):
                done = "Successful" if refresh.status == "InProgress" else "RollbackSuccessful"
                self._status(refresh, done)
                return
        elif not group.suspends("InstanceRefresh"):
            self._next_batch(group, refresh)
        self.clock.after(TICK, self._tick, refresh)

    def _next_batch(self, group: Group, refresh: Refresh) -> None:
        share = refresh.preferences.get("MinHealthyPercentage", MIN_HEALTHY)
        # AWS replaces one at a time where the percentage leaves no room.
        floor = min(math.ceil(group.desired * share / 100), max(group.desired - 1, 0))
        room = sum(item.weight for item in self.in_order(group)) - floor
        if self._launches_first(group, refresh):
            self._succeed_batch(group, refresh)
            return
        for key in sorted(refresh.remaining):
            instance = group.instances[key]
            if instance.lifecycle != SERVING or instance.weight > room:
                continue
            room -= instance.weight
            cause = causes.taken_out(self.stamp(), "an instance refresh")
            self.start_termination(instance, "aws", "refresh", cause)

    def _launches_first(self, group: Group, refresh: Refresh) -> bool:
        """Say whether the refresh's percentages, or else the group's, leave no room below."""
        most = refresh.preferences.get("MaxHealthyPercentage")
        least = refresh.preferences.get("MinHealthyPercentage")
        if (most, least) == (None, None):
            least, most = self.healthy_range(group) or (MIN_HEALTHY, 100)
        floor = math.ceil(group.desired * (least or 0) / 100)
        return (most or 100) > 100 and floor >= group.desired

    def _succeed_batch(self, group: Group, refresh: Refresh) -> None:
        because = "an instance refresh"
        for key in sorted(refresh.remaining):
            if self.room_for_successors(group) <= 0:
                return
            debt = Debt("aws", "refresh", causes.replaced(self.stamp(), "refresh"))
            self.succeed(group.instances[key], debt, because)

    @mutation
    def cancel_instance_refresh(self, group: str, actor: str = "caller") -> str:
        """CancelInstanceRefresh: what is under way ends, nothing new begins; return its id."""
        refresh = self._must_be_active(self.group(group))
        if refresh.status == "RollbackInProgress":
            raise self.worded("IR-3", _not_found(group))
        self._status(refresh, "Cancelling", actor)
        self.clock.after(self.delays.reaction, self._tick, refresh)
        return refresh.id

    @mutation
    def rollback_instance_refresh(self, group: str, actor: str = "caller") -> str:
        """RollbackInstanceRefresh: back to what the group launched from before; return its id."""
        found = self.group(group)
        refresh = self._must_be_active(found)
        before = refresh.before
        if refresh.desired is None or before is None or before.version.startswith("$"):
            refused = ApiError(
                "IrreversibleInstanceRefresh",
                "The instance refresh cannot be rolled back: it has no desired configuration, or "
                "the group's launch template version is $Latest or $Default.",
            )
            raise self.worded("IR-4", refused)
        self.changing(found)
        found.template = before
        self._status(refresh, "RollbackInProgress", actor)
        self._aim(found, refresh)
        return refresh.id

    def _must_be_active(self, group: Group) -> Refresh:
        refresh = self.active_refresh(group)
        if refresh is None:
            raise self.worded("IR-3", _not_found(group.name))
        return refresh


def _not_found(group: str) -> ApiError:
    return ApiError(
        "ActiveInstanceRefreshNotFound",
        f"No in progress or pending Instance Refresh found for Auto Scaling group {group}",
    )


def _same(instance: Instance, template_id: str | None, version: str | None) -> bool:
    data = instance.launch
    return (data.template_id, data.version) == (template_id, version)
