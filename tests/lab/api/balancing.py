"""Elastic Load Balancing, both generations."""

from __future__ import annotations

import math
from typing import Any
from weakref import WeakKeyDictionary

from tests.lab.world import ApiError, LoadBalancer, Target, TargetGroup, World
from tests.lab.world.model import NO_OVERRIDE
from tests.lab.world.targets import SHIFTED

from .common import Rows, limit, page, without_none

V2_PAGE = 400
DESCRIBE_TARGET_GROUPS_MOST = 20
OVERRIDES = {
    NO_OVERRIDE: {
        "Reason": "AdministrativeOverride.NoOverride",
        "Description": "No override is currently active on target",
    },
    SHIFTED: {
        "Reason": "AdministrativeOverride.ZonalShiftActive",
        "Description": "A zonal shift is active for the target's Availability Zone",
    },
}
_ROWS: WeakKeyDictionary[World, dict[str, Rows]] = WeakKeyDictionary()


def describe_target_health(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeTargetHealth: all targets, or those asked for (``unused`` when not registered)."""
    group = world.as_read(target_group(world, params["TargetGroupArn"]))
    asked = params.get("Targets")
    if asked is not None:
        described = [
            _health_row(group.targets.get(item["Id"]) or _unregistered(group, item))
            for item in asked
        ]
    elif world.target_groups.get(group.arn) is group:
        rows = _ROWS.setdefault(world, {}).setdefault(group.arn, Rows())
        described = rows.current(group.changes, group.targets, _health_row)
    else:  # a copy from before a change
        described = [_health_row(target) for target in group.targets.values()]
    return {"TargetHealthDescriptions": described}


def _unregistered(group: TargetGroup, item: dict[str, Any]) -> Target:
    return Target(
        item["Id"],
        item.get("Port", group.port),
        "unused",
        "Target.NotRegistered",
        "Target is not registered to the target group",
    )


def _health_row(target: Target) -> dict[str, Any]:
    health = {"State": target.state}
    if target.reason:
        health.update(Reason=target.reason, Description=target.description)
    return {
        "Target": {"Id": target.instance, "Port": target.port},
        "HealthCheckPort": str(target.port),
        "TargetHealth": health,
        "AdministrativeOverride": {"State": target.override, **OVERRIDES[target.override]},
    }


def target_group(world: World, arn: str) -> TargetGroup:
    """Return a target group or raise ``TargetGroupNotFound``."""
    found = world.target_groups.get(arn)
    if found is None:
        raise ApiError("TargetGroupNotFound", f"Target groups '{arn}' not found")
    return found


def describe_target_groups(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeTargetGroups, by ARNs (at most 20) or names, or all."""
    arns, names = params.get("TargetGroupArns"), params.get("Names")
    if arns and len(arns) > DESCRIBE_TARGET_GROUPS_MOST:
        raise ApiError(
            "ValidationError",
            f"The maximum number of items that can be described is {DESCRIBE_TARGET_GROUPS_MOST}",
        )
    if arns:
        found = [target_group(world, arn) for arn in arns]
    else:
        found = [tg for tg in world.target_groups.values() if not names or tg.name in names]
        missing = set(names or ()) - {tg.name for tg in found}
        if missing:
            raise ApiError("TargetGroupNotFound", "One or more target groups not found")
    rows, more = page(found, params.get("Marker"), limit(params, "PageSize", V2_PAGE, V2_PAGE))
    return without_none(
        {"TargetGroups": [_target_group_row(world, tg) for tg in rows], "NextMarker": more}
    )


def _target_group_row(world: World, group: TargetGroup) -> dict[str, Any]:
    interval, timeout = world.shown_checks(group)
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        "Port": group.port,
        "VpcId": group.vpc,
        "HealthCheckProtocol": group.protocol,
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,  # cannot be otherwise for instances (API CreateTargetGroup)
        "HealthCheckIntervalSeconds": interval,
        "HealthCheckTimeoutSeconds": timeout,
        "HealthyThresholdCount": group.healthy_threshold,
        "UnhealthyThresholdCount": group.unhealthy_threshold,
        "HealthCheckPath": group.health_check_path,
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": world.forwarding_arns(group),
        "TargetType": "instance",
    }


def describe_target_group_attributes(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeTargetGroupAttributes, of which the deregistration delay matters here."""
    group = target_group(world, params["TargetGroupArn"])
    attributes = {
        "deregistration_delay.timeout_seconds": str(math.ceil(world.draining_seconds(group))),
        "stickiness.enabled": "false",
        "slow_start.duration_seconds": "0",
        **group.attributes,
    }
    return {"Attributes": [{"Key": key, "Value": value} for key, value in attributes.items()]}


# -- classic ------------------------------------------------------------------------------------

CLASSIC_STATES = {"healthy": "InService"}
CLASSIC_REASONS = {
    "initial": ("ELB", "Instance registration is still in progress."),
    "unhealthy": (
        "Instance",
        "Instance has failed at least the UnhealthyThreshold number of health checks "
        "consecutively.",
    ),
    "draining": ("N/A", "Instance deregistration currently in progress."),
    "healthy": ("N/A", "N/A"),
}


def classic(world: World, name: str) -> LoadBalancer:
    """Return a classic load balancer or raise ``LoadBalancerNotFound``."""
    found = world.load_balancers.get(name)
    if found is None:
        raise ApiError("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{name}'")
    return found


def describe_instance_health(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeInstanceHealth; an instance that is not registered is refused by name."""
    balancer = world.as_read(classic(world, params["LoadBalancerName"]))
    asked = params.get("Instances")
    if asked is None:
        targets = list(balancer.targets.values())
    else:
        unknown = [
            item["InstanceId"] for item in asked if item["InstanceId"] not in balancer.targets
        ]
        if unknown:
            raise ApiError(
                "InvalidInstance",
                f"Could not find EC2 instance {unknown[0]}.",
            )
        targets = [balancer.targets[item["InstanceId"]] for item in asked]
    return {"InstanceStates": [_classic_state(target) for target in targets]}


def _classic_state(target: Target) -> dict[str, str]:
    code, description = CLASSIC_REASONS[target.state]
    # A draining instance still answers InService: "Instance deregistration currently in progress"
    draining = target.state == "draining"
    return {
        "InstanceId": target.instance,
        "State": "InService" if draining else CLASSIC_STATES.get(target.state, "OutOfService"),
        "ReasonCode": code,
        "Description": description,
    }


def describe_load_balancers(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeLoadBalancers (classic), by names or all."""
    names = params.get("LoadBalancerNames")
    found = (
        [classic(world, name) for name in names] if names else list(world.load_balancers.values())
    )
    rows, more = page(found, params.get("Marker"), limit(params, "PageSize", V2_PAGE, V2_PAGE))
    described = [
        {
            "LoadBalancerName": item.name,
            "DNSName": item.dns_name,
            "AvailabilityZones": list(item.zones),
            "Instances": [{"InstanceId": key} for key in item.targets],
            "Scheme": "internet-facing",
        }
        for item in rows
    ]
    return without_none({"LoadBalancerDescriptions": described, "NextMarker": more})


def describe_load_balancer_attributes(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeLoadBalancerAttributes (classic), of which connection draining matters here."""
    draining = classic(world, params["LoadBalancerName"]).draining
    shown = {"Enabled": draining is not None, "Timeout": int(draining or 300)}
    return {
        "LoadBalancerAttributes": {
            "CrossZoneLoadBalancing": {"Enabled": False},
            "AccessLog": {"Enabled": False},
            "ConnectionDraining": shown,
            "ConnectionSettings": {"IdleTimeout": 60},
        }
    }


V2 = {
    "DescribeTargetHealth": describe_target_health,
    "DescribeTargetGroups": describe_target_groups,
    "DescribeTargetGroupAttributes": describe_target_group_attributes,
}
CLASSIC = {
    "DescribeInstanceHealth": describe_instance_health,
    "DescribeLoadBalancers": describe_load_balancers,
    "DescribeLoadBalancerAttributes": describe_load_balancer_attributes,
}
