"""How faults strike: at calls, at launches, and through machines and people that interfere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from .errors import ApiError
from .faults import ANSWER_KINDS, API_KINDS, EVENT_KINDS, CallFault, Fault, refusal, zone_is
from .history import Call
from .model import Group, Instance, LaunchData
from .traffic import Traffic

SPOT = "Server.SpotInstanceTermination: Spot instance termination"
# Who is behind an event, where it is not an operator.
ACTORS = {
    "scale_out": "policy",
    "scale_in": "policy",
    "scheduled_action": "policy",
    "target_tracking": "policy",
    "load": "users",
    "spot_reclaim": "aws",
    "instance_dies": "aws",
    "application_stops": "aws",
    "rebalance_recommendation": "aws",
    "az_outage": "aws",
    "zonal_autoshift": "aws",
    "alarm": "aws",
}
# After so long AWS tries another zone, from the times of public activities.
FAILS_FIRST_SECONDS = (5.0, 60.0)
# The codes of throttled, denied and expired calls in newer services.
EXCEPTIONS = {
    "Throttling": "ThrottlingException",
    "RequestLimitExceeded": "ThrottlingException",
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "RequestExpired": "ExpiredTokenException",
}
DIED = "Server.InternalError: Internal error"


class Trouble(Traffic):
    """Keeps the faults and asks them."""

    def start_trouble(self, faults: Iterable[Fault]) -> None:
        """Begin with these faults."""
        self.faults: list[Fault] = []
        self._seen: dict[int, int] = {}
        self._struck: dict[int, int] = {}
        self._rows: dict[int, list[str]] = {}
        for fault in faults:
            self.inject(fault)

    def inject(self, fault: Fault) -> None:
        """Add a fault; what it says to happen in the past happens now."""
        index = len(self.faults)
        self.faults.append(fault)
        self._seen[index] = self._struck[index] = 0
        self._rows.pop(index, None)
        if fault.kind in EVENT_KINDS and fault.get("operation") is None:
            self.clock.at(self.start + fault.at, self._happen, fault)
            self.clock.advance(self.now)

    def _strikes(self, index: int, fault: Fault) -> bool:
        """Count one occasion for a fault and say whether it strikes."""
        self._seen[index] += 1
        nth = fault.get("nth")
        if nth is not None and self._seen[index] < nth:
            return False
        count = fault.get("count", 1 if nth is not None else None)
        if count is not None and self._struck[index] >= count:
            return False
        probability = fault.get("probability")
        if probability is not None and self.random.random() >= probability:
            return False
        self._struck[index] += 1
        return True

    def _open(self, *kinds: str) -> list[tuple[int, Fault]]:
        if not self.faults:
            return []
        elapsed = self.elapsed
        return [
            (index, fault)
            for index, fault in enumerate(self.faults)
            if fault.kind in kinds and fault.holds(elapsed)
        ]

    # -- calls --------------------------------------------------------------------------------

    def on_call(self, service: str, operation: str, params: dict[str, Any]) -> CallFault | None:
        """Decide what goes wrong with a call; asked exactly once per call, before applying it.

        Returns:
            None when nothing does. Latency adds up; of the others the first one strikes.
        """
        found: CallFault | None = None
        latency = 0.0
        for index, fault in self._open(*API_KINDS, *EVENT_KINDS):
            if not fault.names(service, operation):
                continue
            if fault.kind in EVENT_KINDS:
                if fault.get("operation") is not None and self._triggers(index, fault):
                    self._happen(fault)
                    self.clock.advance(self.now)
            elif fault.kind == "latency":
                latency += fault.get("seconds", 1.0) if self._strikes(index, fault) else 0.0
            elif found is None and self._strikes(index, fault):
                found = self._call_fault(fault, service, operation)
        if found is None:
            return CallFault("latency", latency) if latency else None
        return replace(found, latency=latency)

    def _triggers(self, index: int, fault: Fault) -> bool:
        self._seen[index] += 1
        return self._seen[index] == fault.get("nth", 1)

    def _call_fault(self, fault: Fault, service: str, operation: str) -> CallFault:
        if fault.kind == "lost_answer":
            return CallFault(fault.kind, applied=fault.get("applied", True), lost=True)
        if fault.kind == "html_error":
            return CallFault(fault.kind, applied=False, html=True)
        error = self.refusal_of(fault.kind, service, operation, self.new_uuid())
        return CallFault(fault.kind, applied=False, error=error)

    def refusal_of(self, kind: str, service: str, operation: str, activity: str = "") -> ApiError:
        """Return AWS's answer for an API fault of this kind; see ``faults.refusal``."""
        error = refusal(kind, service, operation, self.account, activity)
        if self.assumes("FA-1", "exceptions"):
            error.code = EXCEPTIONS.get(error.code, error.code)
        return error

    def odd_answers(self, service: str, operation: str) -> list[tuple[int, Fault]]:
        """Return the faults, by their index, that distort the answer to this call.

        Asked exactly once for each answer that a call has got.
        """
        return [
            (index, fault)
            for index, fault in self._open(*ANSWER_KINDS)
            if fault.names(service, operation) and self._strikes(index, fault)
        ]

    def picked_rows(self, index: int, fault: Fault, ids: list[str]) -> list[str]:
        """Return which of the instances in an answer a fault hits; the same as long as it can."""
        if fault.get("instance") is not None:
            return [fault.get("instance")]
        known = [self.instances[key] for key in ids if key in self.instances]
        order = [item.id for item in sorted(known, key=lambda item: (item.launch_time, item.id))]
        kept = [key for key in self._rows.get(index, ()) if key in order]
        rest = [key for key in order if key not in kept]
        wanted = min(fault.get("members", 1), len(order)) - len(kept)
        self._rows[index] = kept + self._in_order(fault, rest, max(wanted, 0))
        return self._rows[index]

    def _in_order(self, fault: Fault, ids: list[str], count: int) -> list[str]:
        """Return ``count`` of ids, oldest first, as ``pick`` says."""
        pick = fault.get("pick", "oldest")
        if pick == "random":
            return self.random.sample(ids, min(count, len(ids)))
        if pick == "newest":
            return ids[::-1][:count]
        start = 0 if pick == "oldest" else int(pick)
        return ids[start : start + count]

    def stale_window(self) -> float:
        """Return for how many seconds after a change reads may show what was before it."""
        windows = [fault.get("seconds", 3.0) for _, fault in self._open("stale_reads")]
        return max([self.delays.stale_reads, *windows])

    def metadata_down(self) -> bool:
        """Say whether the metadata service answers 503 to this request, asked once for each."""
        return any(self._strikes(index, fault) for index, fault in self._open("metadata_down"))

    def clock_skew(self) -> float:
        """Return by how many seconds the Date of AWS's answers is ahead."""
        return sum(fault.get("seconds", 0.0) for _, fault in self._open("clock_skew"))

    # -- launches -----------------------------------------------------------------------------

    def capacity_blocked(self, zone: str, instance_type: str) -> bool:
        """Say whether EC2 has no capacity for this type in this zone now."""
        return any(
            zone_is(fault, zone) and fault.get("instance_type", instance_type) == instance_type
            for _, fault in self._open("insufficient_capacity", "az_outage")
        )

    def fails_first(self, group: Group, zone: str) -> float | None:
        """Return after how many seconds a launch that fails in this zone is tried elsewhere."""
        for index, fault in self._open("launch_fails_first"):
            named = fault.get("group", group.name) == group.name and zone_is(fault, zone)
            if named and self._strikes(index, fault):
                drawn = self.random.uniform(*FAILS_FIRST_SECONDS)
                return float(fault.get("seconds", drawn))
        return None

    def missing_image(self, group: Group, data: LaunchData) -> str | None:
        """Return the image id that EC2 says does not exist, if any."""
        return data.image_id if self._bad_image(group.name, data, "missing") else None

    def image_dies(self, instance: Instance) -> bool:
        """Say whether this machine ends right after it started."""
        return self._bad_image(instance.group, instance.launch, "dies")

    def _bad_image(self, group: str | None, data: LaunchData, mode: str) -> bool:
        return any(
            fault.get("mode", "dies") == mode
            and fault.get("image", data.image_id) == data.image_id
            and _about(fault, group, data)
            and self._strikes(index, fault)
            for index, fault in self._open("bad_image")
        )

    def boot_seconds(self, group: Group) -> float:
        """Draw how long until the application answers, longer where a fault says so."""
        seconds = self.boot.draw(self.random)
        for index, fault in self._open("slow_boot"):
            if fault.get("group", group.name) == group.name and self._strikes(index, fault):
                seconds = seconds * fault.get("factor", 1.0) + fault.get("seconds", 0.0)
        return seconds

    def late_start(self, group: Group) -> float:
        """Return how many seconds later than usual EC2 says ``running``."""
        return sum(
            fault.get("seconds", 0.0)
            for index, fault in self._open("slow_launch")
            if fault.get("group", group.name) == group.name and self._strikes(index, fault)
        )

    def stays_unhealthy(self, group: Group, data: LaunchData) -> bool:
        """Say whether the application on a new instance never answers."""
        return any(
            _about(fault, group.name, data) and self._strikes(index, fault)
            for index, fault in self._open("never_healthy")
        )

    # -- events -------------------------------------------------------------------------------

    def _happen(self, fault: Fault) -> None:
        act: Callable[[Fault], None] = getattr(self, f"_{fault.kind}")
        actor = ACTORS.get(fault.kind, "operator")
        outcome = "ok"
        try:
            act(fault)
        except ApiError as error:  # the people and policies of a scenario get refused, too
            outcome = error.code
        self.history.append(Call(self.now, "actor", fault.kind, fault.params, actor, outcome))

    def _subject(self, fault: Fault) -> Group:
        name = fault.get("group") or next(iter(self.groups), "")
        return self.group(name)

    def _picked(self, fault: Fault) -> list[Instance]:
        """Return whom a fault hits: ``instance``, or ``pick``: oldest, newest, random, a number."""
        if fault.get("instance") is not None:
            return [self.managed(fault.get("instance"))]
        group = self._subject(fault)
        alive = [item for item in group.instances.values() if item.alive and not item.terminating]
        alive.sort(key=lambda item: (item.launch_time, item.id))
        count = fault.get("count", 1)
        if fault.get("share") is not None:
            count = math.ceil(fault.get("share") * len(alive))
        picked = self._in_order(fault, [item.id for item in alive], count)
        return [group.instances[key] for key in picked]

    def _spot_reclaim(self, fault: Fault) -> None:
        for instance in self._picked(fault):
            self.machine_gone(instance, SPOT)

    def _rebalance_recommendation(self, fault: Fault) -> None:
        for instance in self._picked(fault):
            self.at_risk(instance)

    def _instance_dies(self, fault: Fault) -> None:
        how = fault.get("how", "machine")
        for instance in self._picked(fault):
            if how == "machine":
                self.machine_gone(instance, DIED)
            elif how == "system":
                self.impair(instance)
            else:
                self.set_application(instance, works=False)

    def impair(self, instance: Instance) -> None:
        """Let a machine fail EC2's status checks without ending it."""
        self.touch(instance)
        instance.impaired = True
        self.settle_application(instance)
        self.clock.after(self.delays.health_check, self._impairment_seen, instance)

    def _impairment_seen(self, instance: Instance) -> None:
        if instance.impaired and instance.alive:
            because = "an EC2 instance status checks failure"
            self.mark_unhealthy(instance, "aws", because)

    def _az_outage(self, fault: Fault) -> None:
        hit = [item for item in self.instances.values() if item.alive and zone_is(fault, item.zone)]
        for instance in hit:
            self.impair(instance)
        if fault.until is not None:
            self.clock.at(self.start + fault.until, self._az_back, hit)

    def _az_back(self, hit: list[Instance]) -> None:
        for instance in hit:
            if instance.alive:
                self.touch(instance)
                instance.impaired = False
                self.settle_application(instance)

    # -- people and policies ------------------------------------------------------------------

    def _operator_sets(self, fault: Fault) -> None:
        self.update_group(self._subject(fault).name, *_sizes(fault), actor="operator")

    def _scheduled_action(self, fault: Fault) -> None:
        self.run_scheduled_action(self._subject(fault), *_sizes(fault))

    def _operator_terminates(self, fault: Fault) -> None:
        for instance in self._picked(fault):
            if fault.get("through", "autoscaling") == "ec2":
                self.terminate_instances([instance.id], actor="operator")
            else:
                self.terminate_instance(instance.id, fault.get("decrement", False), "operator")

    def _operator_deletes(self, fault: Fault) -> None:
        self.delete_group(self._subject(fault).name, fault.get("force", True), "operator")

    def _operator_refreshes(self, fault: Fault) -> None:
        preferences = dict(fault.get("preferences") or {})
        self.start_instance_refresh(self._subject(fault).name, preferences, actor="operator")

    def _operator_suspends(self, fault: Fault) -> None:
        self.suspend_processes(self._subject(fault).name, fault.get("processes"), "operator")

    def _operator_resumes(self, fault: Fault) -> None:
        self.resume_processes(self._subject(fault).name, fault.get("processes"), "operator")

    def _operator_launches(self, fault: Fault) -> None:
        group = self._subject(fault)
        launch = replace(group.template, version=str(fault.get("version")))
        self.update_group(group.name, launch=launch, actor="operator")

    def _template_version_deleted(self, fault: Fault) -> None:
        self.templates.delete_launch_template_versions(
            self._template(fault), [fault.get("version")]
        )

    def _template(self, fault: Fault) -> Any:
        name = fault.get("template") or next(iter(self.templates.templates.values())).name
        return self.templates.find(None, name)

    def _template_version(self, fault: Fault) -> None:
        template = self._template(fault)
        data = dict(fault.get("data") or {})
        version = self.templates.create_launch_template_version(template, data, template.latest)
        if fault.get("default", True):
            self.templates.modify_launch_template(template, version.number)

    def _template_default(self, fault: Fault) -> None:
        template = self._template(fault)
        self.templates.modify_launch_template(template, fault.get("version", template.latest))

    def _alarm(self, fault: Fault) -> None:
        self.alarms[fault.get("name")] = fault.get("state", "ALARM")

    def _scale_out(self, fault: Fault) -> None:
        self._scale(fault, fault.get("by", 1))

    def _scale_in(self, fault: Fault) -> None:
        self._scale(fault, -fault.get("by", 1))

    def _scale(self, fault: Fault, by: int) -> None:
        """Act as a scaling policy: within the bounds, and only with AlarmNotification on."""
        group = self._subject(fault)
        if group.suspends("AlarmNotification") or group.status:
            return
        self.follow_policy(group, "lab", group.desired + by, "by", alarm="lab")


def _sizes(fault: Fault) -> tuple[int | None, int | None, int | None]:
    return (fault.get("min"), fault.get("max"), fault.get("desired"))


def _about(fault: Fault, group: str | None, data: LaunchData) -> bool:
    version = fault.get("version")
    return fault.get("group", group) == group and (version is None or str(version) == data.version)
