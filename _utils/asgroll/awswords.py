"""AWS's answers → our words: how a group, an instance and an activity are read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgroll import marks
from asgroll.world import Activity, Group, Hook, Instance, Machine, Recipe, TargetHealth

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
#: Seconds of a hook's wait where AWS does not say, and how far heartbeats can extend it (API
#: reference of PutLifecycleHook and of LifecycleHook).
HOOK_TIMEOUT, HEARTBEATS, LONGEST_WAIT = 3600.0, 100, 48 * 3600.0
#: Seconds that a target drains by default (API reference of TargetGroupAttribute, user guide for
#: Classic Load Balancers, "Configure connection draining").
DEREGISTRATION_DELAY = 300.0

#: How a classic load balancer describes an instance that it drains, in state InService (user guide
#: for Classic Load Balancers, "Configure connection draining").
_DEREGISTERING = "deregistration currently in progress"


def target_name(arn: str) -> str:
    """``arn:…:targetgroup/web/0123…`` → ``web``."""
    parts = arn.split("/")
    return parts[1] if len(parts) > 2 else arn


def to_targets(answer: Mapping[str, Any]) -> dict[str, TargetHealth]:
    """The members of one target group, from DescribeTargetHealth, by instance id."""
    found: dict[str, TargetHealth] = {}
    for entry in answer["TargetHealthDescriptions"]:
        raw, key = entry["TargetHealth"], entry["Target"]["Id"]
        health = TargetHealth(
            raw.get("State", ""),
            raw.get("Reason", ""),
            raw.get("Description", ""),
            _override(entry.get("AdministrativeOverride") or {}),
        )
        # one instance may be registered on several ports: the worst one counts
        if key not in found or _badness(health) > _badness(found[key]):
            found[key] = health
    return found


def _override(raw: Mapping[str, Any]) -> str:
    """The state of an override; empty when traffic comes as the health says."""
    state = raw.get("State", "")
    return "" if state == "no_override" else state


def _badness(health: TargetHealth) -> int:
    """Draining on one port says that it is leaving; without traffic on one it does not serve."""
    return 2 if health.state == "draining" else int(not health.gets_traffic)


def to_classic_targets(answer: Mapping[str, Any]) -> dict[str, TargetHealth]:
    """The members of one classic load balancer, from DescribeInstanceHealth, by instance id."""
    return {
        e["InstanceId"]: TargetHealth(
            "draining" if _DEREGISTERING in e.get("Description", "") else e.get("State", ""),
            "" if e.get("ReasonCode") in (None, "N/A") else e["ReasonCode"],
            e.get("Description", ""),
        )
        for e in answer["InstanceStates"]
    }


def _spec(raw: Mapping[str, Any]) -> str:
    template = raw.get("LaunchTemplate")
    if template:
        key = template.get("LaunchTemplateId") or template.get("LaunchTemplateName", "")
        return f"{key}:{template.get('Version', '$Default')}"
    return raw.get("LaunchConfigurationName") or ""


def _group_specs(raw: Mapping[str, Any]) -> tuple[str, ...]:
    mixed = raw.get("MixedInstancesPolicy")
    if not mixed:
        return (_spec(raw),)
    launch = mixed["LaunchTemplate"]
    parts = [launch.get("LaunchTemplateSpecification")]
    parts += [o.get("LaunchTemplateSpecification") for o in launch.get("Overrides", [])]
    return tuple(dict.fromkeys(_spec({"LaunchTemplate": p}) for p in parts if p))


def _recipes(raw: Mapping[str, Any]) -> tuple[Recipe, ...]:
    """What the group launches: with overrides only what they say, by instance type."""
    mixed = raw.get("MixedInstancesPolicy")
    if not mixed:
        return (Recipe(_spec(raw)),)
    launch = mixed["LaunchTemplate"]
    base = launch.get("LaunchTemplateSpecification")
    found: dict[tuple[str, str], set[str] | None] = {}
    for override in launch.get("Overrides") or [{}]:
        own = override.get("LaunchTemplateSpecification") or base
        key = _spec({"LaunchTemplate": own}), override.get("ImageId") or ""
        named = override.get("InstanceType")
        if not named:  # by attributes (InstanceRequirements), or as the template says
            found[key] = None
        elif found.setdefault(key, set()) is not None:
            found[key].add(named)
    return tuple(
        Recipe(spec, image, frozenset(types or ())) for (spec, image), types in found.items()
    )


def to_machine(raw: Mapping[str, Any]) -> Machine:
    """An instance of DescribeInstances in our words."""
    return Machine(
        launched_at=raw["LaunchTime"].timestamp(),
        image=raw.get("ImageId") or "",
        type=raw.get("InstanceType") or "",
    )


def _warmup(raw: Mapping[str, Any]) -> float | None:
    """None where it is not enabled; -1 takes it away (API reference of UpdateAutoScalingGroup)."""
    seconds = raw.get("DefaultInstanceWarmup")
    return None if seconds is None or seconds < 0 else float(seconds)


def to_hook(raw: Mapping[str, Any]) -> Hook:
    """A lifecycle hook of DescribeLifecycleHooks in our words."""
    timeout = float(raw.get("HeartbeatTimeout") or HOOK_TIMEOUT)
    return Hook(
        name=raw["LifecycleHookName"],
        launch=raw.get("LifecycleTransition") == LAUNCHING,
        timeout=timeout,
        limit=float(raw.get("GlobalTimeout") or min(HEARTBEATS * timeout, LONGEST_WAIT)),
        proceeds=raw.get("DefaultResult") == "CONTINUE",
    )


def to_drain(answer: Mapping[str, Any]) -> float:
    """Seconds for which a target group drains, of DescribeTargetGroupAttributes."""
    for attribute in answer["Attributes"]:
        if attribute.get("Key") == "deregistration_delay.timeout_seconds":
            return float(attribute.get("Value") or 0)
    return DEREGISTRATION_DELAY


def to_classic_drain(answer: Mapping[str, Any]) -> float:
    """Seconds for which a classic load balancer drains, of DescribeLoadBalancerAttributes."""
    draining = answer["LoadBalancerAttributes"].get("ConnectionDraining") or {}
    seconds = draining.get("Timeout", DEREGISTRATION_DELAY)
    return float(seconds) if draining.get("Enabled") else 0.0


def _weighted(raw: Mapping[str, Any]) -> bool:
    launch = (raw.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    return any(o.get("WeightedCapacity") for o in launch.get("Overrides", []))


def to_activity(raw: Mapping[str, Any]) -> Activity:
    """A scaling activity in our words."""
    ended = raw.get("EndTime")
    return Activity(
        id=raw["ActivityId"],
        started_at=raw["StartTime"].timestamp(),
        ended_at=ended.timestamp() if ended else None,
        status=raw.get("StatusCode", ""),
        description=raw.get("Description", ""),
        message=raw.get("StatusMessage", ""),
        cause=raw.get("Cause", ""),
    )


def _sources(raw: Mapping[str, Any], kind: str, key: str) -> tuple[str, ...]:
    """What is attached by its own call and what is attached as a traffic source, each once."""
    attached = [s["Identifier"] for s in raw.get("TrafficSources", []) if s.get("Type") == kind]
    return tuple(dict.fromkeys([*raw.get(key, []), *attached]))


def to_group(raw: Mapping[str, Any]) -> Group:
    """A group of DescribeAutoScalingGroups in our words."""
    other = [
        f"{s.get('Type', 'unknown')}: {s['Identifier']}"
        for s in raw.get("TrafficSources", [])
        if s.get("Type") not in ("elbv2", "elb")
    ]
    tags = {tag["Key"]: tag.get("Value") or "" for tag in raw.get("Tags", [])}
    return Group(
        name=raw["AutoScalingGroupName"],
        min_size=raw["MinSize"],
        max_size=raw["MaxSize"],
        desired=raw["DesiredCapacity"],
        arn=raw.get("AutoScalingGroupARN", ""),
        specs=_group_specs(raw),
        health_check=raw.get("HealthCheckType", "EC2"),
        suspended=frozenset(p["ProcessName"] for p in raw.get("SuspendedProcesses", [])),
        target_groups=_sources(raw, "elbv2", "TargetGroupARNs"),
        load_balancers=_sources(raw, "elb", "LoadBalancerNames"),
        other_traffic_sources=tuple(other),
        warm_pool=bool(raw.get("WarmPoolConfiguration")),
        status=raw.get("Status") or "",
        tags={key: value for key, value in tags.items() if key.startswith(marks.PREFIX)},
        tag_count=sum(1 for key in tags if not key.startswith("aws:")),
        warmup=_warmup(raw),
        grace=float(raw.get("HealthCheckGracePeriod") or 0),
        capacity_type=raw.get("DesiredCapacityType") or "units",
        weighted=_weighted(raw),
        operator=(raw.get("Operator") or {}).get("Principal", ""),
        protects_new=bool(raw.get("NewInstancesProtectedFromScaleIn")),
        recipes=_recipes(raw),
    )


def to_instance(raw: Mapping[str, Any]) -> Instance:
    """A member of DescribeAutoScalingGroups in our words."""
    return Instance(
        id=raw["InstanceId"],
        zone=raw.get("AvailabilityZone", ""),
        lifecycle=raw["LifecycleState"],
        healthy=raw.get("HealthStatus", "").upper() == "HEALTHY",
        spec=_spec(raw),
        weight=int(raw.get("WeightedCapacity") or 1),
        weighted=bool(raw.get("WeightedCapacity")),
        protected=bool(raw.get("ProtectedFromScaleIn")),
        type=raw.get("InstanceType") or "",
        image=raw.get("ImageId") or "",
    )
