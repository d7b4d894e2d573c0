"""EC2 Auto Scaling: the describe calls and how groups and instances look in them."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from tests.lab.world import Group, Instance, MixedPolicy, TemplateRef, World
from tests.lab.world.causes import DRAINING
from tests.lab.world.model import RETAINED, Activity

from . import group_settings
from .common import Rows, limit, moment, page, too_many, without_none

GROUPS_PAGE, GROUPS_MOST = 50, 100
INSTANCES_MOST = 50
ACTIVITIES_MOST = 100
# Members of a request that are fields of the model as they stand.
PLAIN_SETTINGS = {
    "HealthCheckType": "health_check_type",
    "HealthCheckGracePeriod": "grace_period",
    "DefaultCooldown": "cooldown",
    "NewInstancesProtectedFromScaleIn": "new_instances_protected",
    "VPCZoneIdentifier": "subnets",
    **group_settings.PLAIN,
}
_ROWS: WeakKeyDictionary[World, dict[str, Rows]] = WeakKeyDictionary()


def describe_groups(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeAutoScalingGroups: unknown names are left out of the answer."""
    names = params.get("AutoScalingGroupNames")
    size = limit(params, "MaxRecords", GROUPS_PAGE, GROUPS_MOST)
    if names and len(names) > size:
        raise too_many("autoScalingGroupNames", size)
    chosen = world.groups.values() if not names else _named(world, names)
    found = [group for group in chosen if _tagged(group, params.get("Filters", ()))]
    if not params.get("IncludeManagedResources", True):
        found = [group for group in found if group.operator is None]
    rows, more = page(found, params.get("NextToken"), size)
    described = [group_row(world, world.as_read(group)) for group in rows]
    if not params.get("IncludeInstances", True):
        for row in described:
            del row["Instances"]
    return without_none({"AutoScalingGroups": described, "NextToken": more})


def _named(world: World, names: list[str]) -> list[Group]:
    return [world.groups[name] for name in dict.fromkeys(names) if name in world.groups]


def _tagged(group: Group, filters: list[dict[str, Any]]) -> bool:
    for item in filters:
        name, values = item["Name"], item["Values"]
        if name == "tag-key":
            fits = any(key in values for key in group.tags)
        elif name == "tag-value":
            fits = any(value in values for value, _ in group.tags.values())
        else:
            fits = name.startswith("tag:") and group.tags.get(name[4:], ("",))[0] in values
        if not fits:
            return False
    return True


def group_row(world: World, group: Group) -> dict[str, Any]:
    """Return a group as DescribeAutoScalingGroups shows it."""
    row = {
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "MinSize": group.min_size,
        "MaxSize": group.max_size,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": int(group.cooldown),
        "AvailabilityZones": list(group.zones),
        "LoadBalancerNames": list(group.load_balancer_names),
        "TargetGroupARNs": list(group.target_group_arns),
        "HealthCheckType": group.health_check_type,
        "HealthCheckGracePeriod": int(group.grace_period),
        "Instances": instance_rows(world, group),
        "CreatedTime": moment(group.created),
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": reason}
            for name, reason in group.suspended.items()
        ],
        "VPCZoneIdentifier": group.subnets or ",".join(map(group.subnet, group.zones)),
        "EnabledMetrics": [],
        "Status": group.status,
        "Tags": [tag_row(group.name, key, *value) for key, value in group.tags.items()],
        "TerminationPolicies": list(group.termination_policies),
        "NewInstancesProtectedFromScaleIn": group.new_instances_protected,
        **group_settings.rows(group),
        "LaunchConfigurationName": group.configuration,
        "LaunchTemplate": _ref_row(group.template),
        "MixedInstancesPolicy": _mixed_row(group.mixed),
        "TrafficSources": [
            *({"Identifier": arn, "Type": "elbv2"} for arn in group.target_group_arns),
            *({"Identifier": name, "Type": "elb"} for name in group.load_balancer_names),
        ],
    }
    return without_none(row)


def tag_row(group: str, key: str, value: str, propagate: bool) -> dict[str, Any]:
    """Return a tag of a group as the describe calls show it."""
    return {
        "ResourceId": group,
        "ResourceType": "auto-scaling-group",
        "Key": key,
        "Value": value,
        "PropagateAtLaunch": propagate,
    }


def _ref_row(ref: TemplateRef | None) -> dict[str, str] | None:
    if ref is None:
        return None
    return {
        "LaunchTemplateId": ref.template_id,
        "LaunchTemplateName": ref.name,
        "Version": ref.version,
    }


def _mixed_row(mixed: MixedPolicy | None) -> dict[str, Any] | None:
    if mixed is None:
        return None
    overrides = [
        without_none(
            {
                "InstanceType": item.instance_type,
                "WeightedCapacity": None if item.weight is None else str(item.weight),
                "LaunchTemplateSpecification": _ref_row(item.template),
                **dict(item.rest),
            }
        )
        for item in mixed.overrides
    ]
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": _ref_row(mixed.template),
            "Overrides": overrides,
        },
        "InstancesDistribution": dict(mixed.distribution),
    }


def instance_rows(world: World, group: Group) -> list[dict[str, Any]]:
    """Return the instances of a group; rows of unchanged instances are shared between answers."""
    weighted = group.mixed is not None and group.mixed.weighted

    def render(instance: Instance) -> dict[str, Any]:
        return instance_row(instance, weighted)

    deleted = _deleted_configurations(world, group)
    if deleted:
        rows = {key: render(item) for key, item in group.instances.items()}
        for key in deleted:
            del rows[key]["LaunchConfigurationName"]
        return list(rows.values())
    if world.groups.get(group.name) is not group:  # a copy from before a change
        found = [render(item) for item in group.instances.values()]
    else:
        rows = _ROWS.setdefault(world, {}).setdefault(group.arn, Rows())
        found = rows.current(group.changes, group.instances, render)
    if world.assumes("TE-6", "hidden"):
        return [row for row in found if not _hidden(row["LifecycleState"])]
    return found


def _hidden(lifecycle: str) -> bool:
    return lifecycle.startswith("Terminat") and lifecycle != RETAINED


def _deleted_configurations(world: World, group: Group) -> list[str]:
    """Return the members whose launch configuration is no more: AWS omits its name then."""
    names = {item.launch.configuration for item in group.instances.values()} - {None}
    gone = {name for name in names if not world.templates.has_configuration(name)}
    return [key for key, item in group.instances.items() if item.launch.configuration in gone]


def instance_row(instance: Instance, weighted: bool) -> dict[str, Any]:
    """Return an instance as DescribeAutoScalingGroups shows it."""
    data = instance.launch
    row = {
        "InstanceId": instance.id,
        "InstanceType": instance.instance_type,
        "ImageId": data.image_id,
        "AvailabilityZone": instance.zone,
        "LifecycleState": instance.lifecycle,
        "HealthStatus": instance.health,
        "ProtectedFromScaleIn": instance.protected,
    }
    if data.template_id:
        row["LaunchTemplate"] = {
            "LaunchTemplateId": data.template_id,
            "LaunchTemplateName": data.template_name,
            "Version": data.version,
        }
    elif data.configuration:
        row["LaunchConfigurationName"] = data.configuration
    if weighted:
        row["WeightedCapacity"] = str(instance.weight)
    return row


def describe_instances(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeAutoScalingInstances: unknown ids are left out of the answer."""
    ids = params.get("InstanceIds")
    if ids and len(ids) > INSTANCES_MOST:
        raise too_many("instanceIds", INSTANCES_MOST)
    members = [
        item
        for group in world.groups.values()
        for item in world.as_read(group).instances.values()
        if (not ids or item.id in ids)
        and not (world.assumes("TE-6", "hidden") and _hidden(item.lifecycle))
    ]
    size = limit(params, "MaxRecords", INSTANCES_MOST, INSTANCES_MOST)
    rows, more = page(members, params.get("NextToken"), size)
    described = []
    for item in rows:
        mixed = world.groups[item.group].mixed
        row = instance_row(item, mixed is not None and mixed.weighted)
        # This call spells the health in capitals, unlike DescribeAutoScalingGroups.
        row.update(AutoScalingGroupName=item.group, HealthStatus=item.health.upper())
        described.append(row)
    return without_none({"AutoScalingInstances": described, "NextToken": more})


def activity_row(activity: Activity) -> dict[str, Any]:
    """Return a scaling activity."""
    drains = activity.status == "WaitingForELBConnectionDraining"
    return without_none(
        {
            "ActivityId": activity.id,
            "AutoScalingGroupName": activity.group,
            "Description": activity.description + (DRAINING if drains else ""),
            "Cause": activity.cause,
            "StartTime": moment(activity.start),
            "EndTime": None if activity.end is None else moment(activity.end),
            "StatusCode": activity.status,
            "StatusMessage": activity.message,
            "Progress": activity.progress,
            "Details": activity.details,
        }
    )


def describe_activities(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeScalingActivities, newest first."""
    name = params.get("AutoScalingGroupName")
    groups = [world.group(name)] if name else list(world.groups.values())
    wanted = params.get("ActivityIds")
    found = [
        item
        for group in groups
        for item in group.activities
        if item.listed_from <= world.now and (not wanted or item.id in wanted)
    ]
    size = limit(params, "MaxRecords", ACTIVITIES_MOST, ACTIVITIES_MOST)
    rows, more = page(found, params.get("NextToken"), size)
    return without_none({"Activities": [activity_row(item) for item in rows], "NextToken": more})


def describe_hooks(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeLifecycleHooks."""
    group = world.group(params["AutoScalingGroupName"])
    wanted = params.get("LifecycleHookNames")
    return {
        "LifecycleHooks": [
            without_none(
                {
                    "LifecycleHookName": hook.name,
                    "AutoScalingGroupName": group.name,
                    "LifecycleTransition": hook.transition,
                    "HeartbeatTimeout": int(hook.heartbeat_timeout),
                    "GlobalTimeout": int(hook.global_timeout),
                    "DefaultResult": hook.default_result,
                    "NotificationTargetARN": hook.notification_target,
                    "RoleARN": hook.role_arn,
                    "NotificationMetadata": hook.metadata,
                }
            )
            for hook in group.hooks.values()
            if not wanted or hook.name in wanted
        ]
    }


def describe_launch_configurations(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeLaunchConfigurations: unknown names are left out of the answer."""
    names = params.get("LaunchConfigurationNames")
    found = [
        item for item in world.templates.configurations.values() if not names or item.name in names
    ]
    size = limit(params, "MaxRecords", GROUPS_PAGE, GROUPS_MOST)
    rows, more = page(found, params.get("NextToken"), size)
    described = [
        {
            "LaunchConfigurationName": item.name,
            "LaunchConfigurationARN": world.arn(
                "autoscaling", f"launchConfiguration:lab:launchConfigurationName/{item.name}"
            ),
            "ImageId": item.image_id,
            "InstanceType": item.instance_type,
            "UserData": item.user_data or "",
            "SecurityGroups": [],
            "BlockDeviceMappings": [],
            "CreatedTime": moment(item.created),
        }
        for item in rows
    ]
    return without_none({"LaunchConfigurations": described, "NextToken": more})


def describe_tags(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeTags: filters auto-scaling-group, key, value, propagate-at-launch."""
    filters = {item["Name"]: item["Values"] for item in params.get("Filters", ())}
    found = [
        tag_row(group.name, key, *value)
        for group in map(world.as_read, world.groups.values())
        for key, value in group.tags.items()
        if group.name in filters.get("auto-scaling-group", [group.name])
        and key in filters.get("key", [key])
        and value[0] in filters.get("value", [value[0]])
        and str(value[1]).lower() in filters.get("propagate-at-launch", [str(value[1]).lower()])
    ]
    size = limit(params, "MaxRecords", GROUPS_PAGE, GROUPS_MOST)
    rows, more = page(found, params.get("NextToken"), size)
    return without_none({"Tags": list(rows), "NextToken": more})


def describe_refreshes(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeInstanceRefreshes, newest first."""
    group = world.group(params["AutoScalingGroupName"])
    wanted = params.get("InstanceRefreshIds")
    found = [
        item
        for item in group.refreshes
        if item.listed_from <= world.now and (not wanted or item.id in wanted)
    ]
    size = limit(params, "MaxRecords", GROUPS_PAGE, GROUPS_MOST)
    rows, more = page(found, params.get("NextToken"), size)
    described = [
        without_none(
            {
                "InstanceRefreshId": item.id,
                "AutoScalingGroupName": item.group,
                "Status": item.status,
                "StatusReason": item.reason,
                "StartTime": moment(item.start),
                "EndTime": None if item.end is None else moment(item.end),
                "PercentageComplete": item.percentage,
                "InstancesToUpdate": len(item.remaining),
                "Preferences": item.preferences or None,
                "DesiredConfiguration": item.desired,
            }
        )
        for item in rows
    ]
    return without_none({"InstanceRefreshes": described, "NextToken": more})
