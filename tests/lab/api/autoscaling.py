"""EC2 Auto Scaling: calls that change a group or its instances, and the table of operations."""

from __future__ import annotations

from typing import Any

from tests.lab.world import World

from . import autoscaling_reads as reads
from . import group_settings
from .launch_specs import launch_of, template_ref


def set_desired_capacity(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """SetDesiredCapacity."""
    world.set_desired_capacity(
        params["AutoScalingGroupName"],
        params["DesiredCapacity"],
        params.get("HonorCooldown", False),
    )
    return {}


def terminate_instance(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """TerminateInstanceInAutoScalingGroup, with InstanceId or with InstanceIds and the group."""
    if "InstanceIds" in params:
        activities = world.terminate_members(
            params.get("AutoScalingGroupName", ""),
            params["InstanceIds"],
            params["ShouldDecrementDesiredCapacity"],
        )
        return {"Activities": [reads.activity_row(item) for item in activities]}
    activity = world.terminate_instance(
        params["InstanceId"], params["ShouldDecrementDesiredCapacity"]
    )
    return {"Activity": reads.activity_row(activity)}


def update_group(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """UpdateAutoScalingGroup: sizes, what to launch from, health checks, protection."""
    settings = {field: params[key] for key, field in reads.PLAIN_SETTINGS.items() if key in params}
    settings.update(group_settings.shaped(params))
    world.update_group(
        params["AutoScalingGroupName"],
        params.get("MinSize"),
        params.get("MaxSize"),
        params.get("DesiredCapacity"),
        launch_of(world, params),
        **settings,
    )
    return {}


def suspend_processes(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """SuspendProcesses."""
    world.suspend_processes(params["AutoScalingGroupName"], params.get("ScalingProcesses"))
    return {}


def resume_processes(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """ResumeProcesses."""
    world.resume_processes(params["AutoScalingGroupName"], params.get("ScalingProcesses"))
    return {}


def create_or_update_tags(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """CreateOrUpdateTags."""
    world.create_or_update_tags(
        [
            (
                tag["ResourceId"],
                tag["Key"],
                tag.get("Value", ""),
                tag.get("PropagateAtLaunch", False),
            )
            for tag in params["Tags"]
        ]
    )
    return {}


def delete_tags(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DeleteTags."""
    world.delete_tags([(tag["ResourceId"], tag["Key"]) for tag in params["Tags"]])
    return {}


def set_instance_protection(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """SetInstanceProtection."""
    world.set_instance_protection(
        params["AutoScalingGroupName"], params["InstanceIds"], params["ProtectedFromScaleIn"]
    )
    return {}


def set_instance_health(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """SetInstanceHealth."""
    world.set_instance_health(
        params["InstanceId"],
        params["HealthStatus"],
        params.get("ShouldRespectGracePeriod", True),
    )
    return {}


def enter_standby(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """EnterStandby."""
    activities = world.enter_standby(
        params["AutoScalingGroupName"],
        params.get("InstanceIds", []),
        params["ShouldDecrementDesiredCapacity"],
    )
    return {"Activities": [reads.activity_row(item) for item in activities]}


def exit_standby(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """ExitStandby."""
    activities = world.exit_standby(params["AutoScalingGroupName"], params.get("InstanceIds", []))
    return {"Activities": [reads.activity_row(item) for item in activities]}


def complete_lifecycle_action(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """CompleteLifecycleAction."""
    world.complete_lifecycle_action(
        params["AutoScalingGroupName"],
        params["LifecycleHookName"],
        params["LifecycleActionResult"],
        params.get("InstanceId"),
        params.get("LifecycleActionToken"),
    )
    return {}


def record_heartbeat(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """RecordLifecycleActionHeartbeat."""
    world.record_lifecycle_action_heartbeat(
        params["AutoScalingGroupName"],
        params["LifecycleHookName"],
        params.get("InstanceId"),
        params.get("LifecycleActionToken"),
    )
    return {}


def start_instance_refresh(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """StartInstanceRefresh."""
    desired = params.get("DesiredConfiguration")
    spec = (desired or {}).get("LaunchTemplate")
    refresh = world.start_instance_refresh(
        params["AutoScalingGroupName"],
        params.get("Preferences"),
        template_ref(world, spec) if spec else None,
        desired,
    )
    return {"InstanceRefreshId": refresh}


def cancel_instance_refresh(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """CancelInstanceRefresh."""
    return {"InstanceRefreshId": world.cancel_instance_refresh(params["AutoScalingGroupName"])}


def rollback_instance_refresh(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """RollbackInstanceRefresh."""
    return {"InstanceRefreshId": world.rollback_instance_refresh(params["AutoScalingGroupName"])}


def delete_group(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DeleteAutoScalingGroup."""
    world.delete_group(params["AutoScalingGroupName"], params.get("ForceDelete", False))
    return {}


OPERATIONS = group_settings.guarded(
    {
        **group_settings.OPERATIONS,
        "CancelInstanceRefresh": cancel_instance_refresh,
        "CompleteLifecycleAction": complete_lifecycle_action,
        "CreateOrUpdateTags": create_or_update_tags,
        "DeleteAutoScalingGroup": delete_group,
        "DeleteTags": delete_tags,
        "DescribeAutoScalingGroups": reads.describe_groups,
        "DescribeAutoScalingInstances": reads.describe_instances,
        "DescribeInstanceRefreshes": reads.describe_refreshes,
        "DescribeLaunchConfigurations": reads.describe_launch_configurations,
        "DescribeLifecycleHooks": reads.describe_hooks,
        "DescribeScalingActivities": reads.describe_activities,
        "DescribeTags": reads.describe_tags,
        "EnterStandby": enter_standby,
        "ExitStandby": exit_standby,
        "RecordLifecycleActionHeartbeat": record_heartbeat,
        "ResumeProcesses": resume_processes,
        "RollbackInstanceRefresh": rollback_instance_refresh,
        "SetDesiredCapacity": set_desired_capacity,
        "SetInstanceHealth": set_instance_health,
        "SetInstanceProtection": set_instance_protection,
        "StartInstanceRefresh": start_instance_refresh,
        "SuspendProcesses": suspend_processes,
        "TerminateInstanceInAutoScalingGroup": terminate_instance,
        "UpdateAutoScalingGroup": update_group,
    }
)
