"""Calls that concern the world and moto at once: each knows a part of the answer."""

from __future__ import annotations

import base64
from typing import Any

from moto.autoscaling.models import FakeLaunchConfiguration
from moto.core.exceptions import ServiceException

from tests.lab.api.ec2 import asked_images, knows_image
from tests.lab.world import ApiError, Instance
from tests.lab.world.errors import validation
from tests.lab.world.model import LaunchData

Params = dict[str, Any]
SHUTTING_DOWN = {"Code": 32, "Name": "shutting-down"}


def translate(error: ServiceException) -> ApiError:
    """Return moto's error as the lab's."""
    return ApiError(error.code, error.message)


# -- groups ---------------------------------------------------------------------------------------


def create_group(region: Any, params: Params) -> Params:
    """CreateAutoScalingGroup: moto knows the subnets and instances that the request may name."""
    check_templates(params)
    wanted = with_zones(region, params)
    if "InstanceId" in wanted:
        wanted = _from_instance(region, wanted)
    answer = region.ask_world("autoscaling", "CreateAutoScalingGroup", wanted)
    region.keep_extras(params)
    return answer


def update_group(region: Any, params: Params) -> Params:
    """UpdateAutoScalingGroup: as create."""
    check_templates(params)
    given = with_zones(region, params)
    answer = region.ask_world("autoscaling", "UpdateAutoScalingGroup", given)
    group = region.world.group(params["AutoScalingGroupName"])
    if given.get("AvailabilityZones"):
        group.zones = tuple(given["AvailabilityZones"])
    if given.get("TerminationPolicies"):
        group.termination_policies = tuple(given["TerminationPolicies"])
    region.keep_extras(params)
    return answer


def check_templates(params: Params) -> None:
    """Refuse a launch template that is named by nothing, or by both name and id."""
    specs = [params[key] for key in ("LaunchTemplate",) if key in params]
    if "MixedInstancesPolicy" in params:
        part = params["MixedInstancesPolicy"]["LaunchTemplate"]
        named = [part, *part.get("Overrides", ())]
        specs += [item[key] for item in named if (key := "LaunchTemplateSpecification") in item]
    for spec in specs:
        if ("LaunchTemplateId" in spec) == ("LaunchTemplateName" in spec):
            raise validation(
                "Valid requests must contain either launchTemplateId or LaunchTemplateName"
            )


def with_zones(region: Any, params: Params) -> Params:
    """Return the parameters with the zones that the subnets in them lie in."""
    subnets = [name for name in params.get("VPCZoneIdentifier", "").split(",") if name]
    if not subnets:
        return params
    try:
        found = region.stores.ec2.describe_subnets(subnet_ids=subnets)
    except ServiceException as unknown:
        raise translate(unknown) from None
    zones = list(dict.fromkeys(subnet.availability_zone for subnet in found))
    given = params.get("AvailabilityZones")
    if given and set(given) != set(zones):
        raise validation(
            "The availability zones of the specified subnets and the Auto Scaling group do not "
            "match"
        )
    return {**params, "AvailabilityZones": zones}


def _from_instance(region: Any, params: Params) -> Params:
    name, instance_id = params["AutoScalingGroupName"], params["InstanceId"]
    instance = region.stores.ec2.get_instance_by_id(instance_id)
    if instance is None:
        raise validation(f"Instance [{instance_id}] is invalid.")
    FakeLaunchConfiguration.create_from_instance(name, instance, region.stores.autoscaling)
    rest = {key: value for key, value in params.items() if key != "InstanceId"}
    return {**rest, "LaunchConfigurationName": name}


def describe_groups(region: Any, params: Params) -> Params:
    """DescribeAutoScalingGroups: the world's rows and what it does not interpret."""
    answer = region.ask_world("autoscaling", "DescribeAutoScalingGroups", params)
    rows = [_complete(region, row) for row in answer["AutoScalingGroups"]]
    return {**answer, "AutoScalingGroups": rows}


def _complete(region: Any, row: Params) -> Params:
    name = row["AutoScalingGroupName"]
    row = {**row, **region.extras.get(name, {})}
    if name in region.unversioned and "LaunchTemplate" in row:
        shown = {key: value for key, value in row["LaunchTemplate"].items() if key != "Version"}
        row["LaunchTemplate"] = shown
    return row


def attach_instances(region: Any, params: Params) -> Params:
    """AttachInstances: what moto has launched becomes an instance of the world."""
    for instance_id in params.get("InstanceIds", ()):
        if instance_id not in region.world.instances:
            adopt(region, instance_id)
    return region.ask_world("autoscaling", "AttachInstances", params)


def adopt(region: Any, instance_id: str) -> None:
    """Make an instance that only moto knows one of the world."""
    copy = region.stores.ec2.get_instance_by_id(instance_id)
    if copy is None:
        raise validation(f"Invalid Instance ID(s): [{instance_id}]")
    launched = copy.launch_time.timestamp()
    user_data = None if copy.user_data is None else str(copy.user_data)
    region.world.instances[instance_id] = Instance(
        id=instance_id,
        group=None,
        zone=copy.placement.zone,
        launch=LaunchData(copy.image_id, copy.instance_type, user_data),
        instance_type=copy.instance_type,
        weight=1,
        launch_time=launched,
        up_at=region.world.now,
        actor="caller",
        reason="RunInstances",
        state=copy.state,
        private_ip=copy.private_ip or "",
    )
    region.world.settle_application(region.world.instances[instance_id])
    region.mirror.adopt(copy)


# -- instances ------------------------------------------------------------------------------------


def terminate_instances(region: Any, params: Params) -> Params:
    """TerminateInstances: the world ends its own instances, moto the others."""
    ids = params.get("InstanceIds", [])
    others = _known_to_moto(region, [key for key in ids if key not in region.world.instances])
    rows = [_terminating(copy) for copy in others]
    ours = [key for key in ids if key in region.world.instances]
    if ours:
        answer = region.ask_world("ec2", "TerminateInstances", {"InstanceIds": ours})
        rows += answer["TerminatingInstances"]
    if others:
        ended = [copy.id for copy in others]
        region.stores.ec2.terminate_instances(ended)
        region.stores.elbv2.notify_terminate_instances(ended)
    return {"TerminatingInstances": sorted(rows, key=lambda row: ids.index(row["InstanceId"]))}


def _known_to_moto(region: Any, ids: list[str]) -> list[Any]:
    try:
        return region.stores.ec2.get_multi_instances_by_id(ids) if ids else []
    except ServiceException as unknown:
        raise translate(unknown) from None


def _terminating(copy: Any) -> Params:
    before = {"Code": copy.state_code, "Name": copy.state}
    return {"InstanceId": copy.id, "CurrentState": SHUTTING_DOWN, "PreviousState": before}


def console_output(region: Any, params: Params) -> Params:
    """GetConsoleOutput: base64 on the wire, which boto3 takes off again."""
    answer = region.ask_world("ec2", "GetConsoleOutput", params)
    return {**answer, "Output": base64.b64encode(answer["Output"].encode()).decode()}


# -- images ---------------------------------------------------------------------------------------


def describe_images(region: Any, params: Params) -> Params | None:
    """DescribeImages: the world answers for the images that it knows, moto for its own."""
    if any(knows_image(region.world, key) for key in asked_images(params)):
        return region.ask_world("ec2", "DescribeImages", params)
    return None


# -- launch templates -----------------------------------------------------------------------------


def _of_the_world(operation: str) -> Any:
    """Return a handler for what moto would answer without pages, sources, tokens or deletions."""
    return lambda region, params: region.ask_world("ec2", operation, params)


# -- load balancing -------------------------------------------------------------------------------


def describe_target_health(region: Any, params: Params) -> Params:
    """DescribeTargetHealth: the world's targets, and those that somebody registered by hand."""
    world, backend = region.world, region.stores.elbv2
    arn = params["TargetGroupArn"]
    if arn not in backend.target_groups:
        raise ApiError("TargetGroupNotFound", f"Target groups '{arn}' not found")
    asked = params.get("Targets")
    if asked is None:
        rows = region.ask_world("elbv2", "DescribeTargetHealth", params)["TargetHealthDescriptions"]
        ours = {row["Target"]["Id"] for row in rows}
        stored = backend.target_groups[arn].targets.values()
        by_hand = [target for target in stored if target["Id"] not in ours]
        return {"TargetHealthDescriptions": [*rows, *_moto_health(region, arn, by_hand)]}
    rows = []
    for target in asked:
        if target["Id"] in world.instances:
            one = {"TargetGroupArn": arn, "Targets": [target]}
            answer = region.ask_world("elbv2", "DescribeTargetHealth", one)
            rows += answer["TargetHealthDescriptions"]
        else:
            rows += _moto_health(region, arn, [target])
    return {"TargetHealthDescriptions": rows}


def _moto_health(region: Any, arn: str, targets: list[Params]) -> list[Params]:
    if not targets:
        return []
    try:
        found = region.stores.elbv2.describe_target_health(arn, targets)
    except ServiceException as refused:
        raise translate(refused) from None
    return [
        {
            "Target": {"Id": item.target["Id"], "Port": int(item.target["Port"])},
            "HealthCheckPort": item.health_check_port,
            "TargetHealth": {key: value for key, value in item.target_health.items() if value},
        }
        for item in found
    ]


def describe_instance_health(region: Any, params: Params) -> Params:
    """DescribeInstanceHealth: as `describe_target_health`, for a classic load balancer."""
    name = params["LoadBalancerName"]
    stored = region.stores.elb.load_balancers.get(name)
    balancer = region.world.load_balancers.get(name)
    if stored is None or balancer is None:
        return region.ask_world("elb", "DescribeInstanceHealth", params)
    asked = [item["InstanceId"] for item in params.get("Instances", ())]
    ids = asked or [*balancer.targets, *stored.instance_sparse_ids]
    by_hand = [key for key in ids if key not in region.world.instances]
    rest = [{"InstanceId": key} for key in ids if key in region.world.instances]
    ours = {"LoadBalancerName": name, "Instances": rest}
    rows = region.ask_world("elb", "DescribeInstanceHealth", ours)
    return {"InstanceStates": [*rows["InstanceStates"], *_moto_states(region, name, by_hand)]}


def _moto_states(region: Any, name: str, ids: list[str]) -> list[Params]:
    if not ids:
        return []
    asked = [{"InstanceId": key} for key in ids]
    found = region.stores.elb.describe_instance_health(name, asked)
    return [{**item, "ReasonCode": "N/A", "Description": "N/A"} for item in found]


HANDLERS = {
    ("autoscaling", "AttachInstances"): attach_instances,
    ("autoscaling", "CreateAutoScalingGroup"): create_group,
    ("autoscaling", "UpdateAutoScalingGroup"): update_group,
    ("autoscaling", "DescribeAutoScalingGroups"): describe_groups,
    ("ec2", "TerminateInstances"): terminate_instances,
    ("ec2", "GetConsoleOutput"): console_output,
    ("ec2", "DescribeImages"): describe_images,
    ("ec2", "CreateLaunchTemplateVersion"): _of_the_world("CreateLaunchTemplateVersion"),
    ("ec2", "DeleteLaunchTemplateVersions"): _of_the_world("DeleteLaunchTemplateVersions"),
    ("ec2", "DescribeLaunchTemplateVersions"): _of_the_world("DescribeLaunchTemplateVersions"),
    ("elbv2", "DescribeTargetHealth"): describe_target_health,
    ("elb", "DescribeInstanceHealth"): describe_instance_health,
}
