"""EC2 Auto Scaling: calls that change a group or its instances, and the table of operations."""

from __future__ import annotations

from typing import Any

from tests.lab.world import World

from . import autoscaling_reads as reads


def set_desired_capacity(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """SetDesiredCapacity."""
    world.set_desired_capacity(
        params["AutoScalingGroupName"],
        params["DesiredCapacity"],
        params.get("HonorCooldown", False),
    )
    return {}


def terminate_instance(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """TerminateInstanceInAutoScalingGroup."""
    activity = world.terminate_instance(
        params["InstanceId"], params["ShouldDecrementDesiredCapacity"]
    )
    return {"Activity": reads.activity_row(activity)}


def update_group(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """UpdateAutoScalingGroup: sizes, what to launch from, health checks, protection."""
    settings = {field: params[key] for key, field in reads.PLAIN_SETTINGS.items() if key in params}
    world.update_group(
        params["AutoScalingGroupName"],
        params.get("MinSize"),
        params.get("MaxSize"),
        params.get("DesiredCapacity"),
        reads.launch_of(world, params),
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


OPERATIONS = {
    "DescribeAutoScalingGroups": reads.describe_groups,
    "DescribeAutoScalingInstances": reads.describe_instances,
    "DescribeScalingActivities": reads.describe_activities,
    "SetDesiredCapacity": set_desired_capacity,
    "TerminateInstanceInAutoScalingGroup": terminate_instance,
    "UpdateAutoScalingGroup": update_group,
    "SuspendProcesses": suspend_processes,
    "ResumeProcesses": resume_processes,
}
