"""Auto Scaling calls that set a group up: the part of the API that rolls never use.

The in-process front end starts from scenarios and has no need of them.
"""

from __future__ import annotations

from typing import Any

from tests.lab.api import autoscaling_reads as reads
from tests.lab.api.group_settings import guarded, shaped
from tests.lab.api.launch_specs import launch_of
from tests.lab.world import MixedPolicy, TemplateRef, World
from tests.lab.world.errors import validation

Params = dict[str, Any]

#: Of these a group has exactly one.
LAUNCH_MEMBERS = ("LaunchTemplate", "LaunchConfigurationName", "MixedInstancesPolicy")
DEFAULT_DISTRIBUTION = {
    "OnDemandAllocationStrategy": "prioritized",
    "OnDemandBaseCapacity": 0,
    "OnDemandPercentageAboveBaseCapacity": 100,
    "SpotAllocationStrategy": "lowest-price",
    "SpotInstancePools": 2,
}
HOOK_SETTINGS = {
    "HeartbeatTimeout": "heartbeat_timeout",
    "DefaultResult": "default_result",
    "NotificationTargetARN": "notification_target",
    "RoleARN": "role_arn",
    "NotificationMetadata": "metadata",
}


def create_group(world: World, params: Params) -> Params:
    """CreateAutoScalingGroup."""
    if sum(key in params for key in LAUNCH_MEMBERS) != 1:
        raise validation(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, "
            "InstanceId or MixedInstancesPolicy parameter."
        )
    zones = tuple(params.get("AvailabilityZones", ()))
    if not zones:
        raise validation("At least one Availability Zone or VPC Subnet is required.")
    for key in [*params.get("TargetGroupARNs", ()), *params.get("LoadBalancerNames", ())]:
        world.balancer(key)
    launch = launch_of(world, with_distribution(params))
    if isinstance(launch, str):
        world.templates.configuration(launch)
    world.create_group(
        params["AutoScalingGroupName"],
        params["MinSize"],
        params["MaxSize"],
        params.get("DesiredCapacity"),
        zones,
        target_group_arns=list(params.get("TargetGroupARNs", ())),
        load_balancer_names=list(params.get("LoadBalancerNames", ())),
        tags=_tags(params.get("Tags", ())),
        **_launch_settings(launch),
        **group_settings(params),
    )
    for hook in params.get("LifecycleHookSpecificationList", ()):
        put_hook(world, {**hook, "AutoScalingGroupName": params["AutoScalingGroupName"]})
    return {}


def with_distribution(params: Params) -> Params:
    """Return the parameters with AWS's own distribution where a mixed policy does not say."""
    policy = params.get("MixedInstancesPolicy")
    if policy is None or "InstancesDistribution" in policy:
        return params
    return {
        **params,
        "MixedInstancesPolicy": {**policy, "InstancesDistribution": DEFAULT_DISTRIBUTION},
    }


def _launch_settings(launch: TemplateRef | MixedPolicy | str | None) -> Params:
    if isinstance(launch, TemplateRef):
        return {"template": launch}
    return {"mixed": launch} if isinstance(launch, MixedPolicy) else {"configuration": launch}


def group_settings(params: Params) -> Params:
    """Return the settings in a request that are fields of the world's group."""
    settings = {field: params[key] for key, field in reads.PLAIN_SETTINGS.items() if key in params}
    if params.get("TerminationPolicies"):
        settings["termination_policies"] = tuple(params["TerminationPolicies"])
    return {**settings, **shaped(params)}


def _tags(tags: list[Params]) -> dict[str, tuple[str, bool]]:
    return {tag["Key"]: (tag.get("Value", ""), tag.get("PropagateAtLaunch", False)) for tag in tags}


def attach_instances(world: World, params: Params) -> Params:
    """AttachInstances."""
    world.attach_instances(params["AutoScalingGroupName"], params.get("InstanceIds", []))
    return {}


def detach_instances(world: World, params: Params) -> Params:
    """DetachInstances."""
    activities = world.detach_instances(
        params["AutoScalingGroupName"],
        params.get("InstanceIds", []),
        params["ShouldDecrementDesiredCapacity"],
    )
    return {"Activities": [reads.activity_row(item) for item in activities]}


# -- load balancers -------------------------------------------------------------------------------


def attach_target_groups(world: World, params: Params) -> Params:
    """AttachLoadBalancerTargetGroups."""
    world.attach(params["AutoScalingGroupName"], params["TargetGroupARNs"])
    return {}


def detach_target_groups(world: World, params: Params) -> Params:
    """DetachLoadBalancerTargetGroups."""
    world.detach(params["AutoScalingGroupName"], params["TargetGroupARNs"])
    return {}


def describe_target_groups(world: World, params: Params) -> Params:
    """DescribeLoadBalancerTargetGroups."""
    group = world.group(params["AutoScalingGroupName"])
    return {
        "LoadBalancerTargetGroups": [
            {"LoadBalancerTargetGroupARN": arn, "State": _state(world, group, arn)}
            for arn in group.target_group_arns
        ]
    }


def attach_load_balancers(world: World, params: Params) -> Params:
    """AttachLoadBalancers."""
    world.attach(params["AutoScalingGroupName"], params["LoadBalancerNames"])
    return {}


def detach_load_balancers(world: World, params: Params) -> Params:
    """DetachLoadBalancers."""
    world.detach(params["AutoScalingGroupName"], params["LoadBalancerNames"])
    return {}


def describe_load_balancers(world: World, params: Params) -> Params:
    """DescribeLoadBalancers."""
    group = world.group(params["AutoScalingGroupName"])
    return {
        "LoadBalancers": [
            {"LoadBalancerName": name, "State": _state(world, group, name)}
            for name in group.load_balancer_names
        ]
    }


def _state(world: World, group: Any, key: str) -> str:
    # "Added" while instances register, "InService" once one of them is healthy (API reference,
    # LoadBalancerTargetGroupState).
    targets = world.balancer(key).targets
    healthy = any(targets[item].state == "healthy" for item in group.instances if item in targets)
    return "InService" if healthy else "Added"


# -- lifecycle hooks ------------------------------------------------------------------------------


def put_hook(world: World, params: Params) -> Params:
    """PutLifecycleHook."""
    settings = {field: params[key] for key, field in HOOK_SETTINGS.items() if key in params}
    world.put_lifecycle_hook(
        params["AutoScalingGroupName"],
        params["LifecycleHookName"],
        params.get("LifecycleTransition"),
        **settings,
    )
    return {}


def delete_hook(world: World, params: Params) -> Params:
    """DeleteLifecycleHook."""
    world.delete_lifecycle_hook(params["AutoScalingGroupName"], params["LifecycleHookName"])
    return {}


OPERATIONS = guarded(
    {
        "AttachInstances": attach_instances,
        "AttachLoadBalancerTargetGroups": attach_target_groups,
        "AttachLoadBalancers": attach_load_balancers,
        "CreateAutoScalingGroup": create_group,
        "DeleteLifecycleHook": delete_hook,
        "DescribeLoadBalancerTargetGroups": describe_target_groups,
        "DescribeLoadBalancers": describe_load_balancers,
        "DetachInstances": detach_instances,
        "DetachLoadBalancerTargetGroups": detach_target_groups,
        "DetachLoadBalancers": detach_load_balancers,
        "PutLifecycleHook": put_hook,
    }
)
