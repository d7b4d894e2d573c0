"""EC2: instances and launch templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.lab.world import ApiError, Instance, World
from tests.lab.world.templates import DEFAULT_IMAGE, Template, Version

from .common import limit, moment, page, without_none

INSTANCES_PAGE = 1000
STATUS_PAGE = 100
TEMPLATES_PAGE = 200
STATE_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48}


def describe_instances(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeInstances: by ids (an unknown one fails the call) or filters, one a reservation."""
    ids = params.get("InstanceIds")
    if ids and params.get("MaxResults"):
        raise ApiError(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        )
    filters = {item["Name"]: item["Values"] for item in params.get("Filters", ())}
    found = _candidates(world, ids, filters)
    found = [item for item in found if all(_matches(item, *pair) for pair in filters.items())]
    size = len(found) + 1 if ids else limit(params, "MaxResults", INSTANCES_PAGE, INSTANCES_PAGE)
    rows, more = page(found, params.get("NextToken"), size)
    reservations = [
        {
            "ReservationId": "r-" + item.id[2:],
            "OwnerId": world.account,
            "Instances": [instance_row(world, item)],
        }
        for item in rows
    ]
    return without_none({"Reservations": reservations, "NextToken": more})


def _candidates(world: World, ids: list[str] | None, filters: dict) -> list[Instance]:
    if not ids and "instance-id" in filters:
        known = [world.instances.get(key) for key in filters["instance-id"]]
        return [item for item in known if item is not None and world.visible(item)]
    return world.ec2_instances(ids)


def _matches(instance: Instance, name: str, values: list[str]) -> bool:
    if name.startswith("tag:"):
        return _tags(instance).get(name[4:]) in values
    if name == "tag-key":
        return any(value in _tags(instance) for value in values)
    actual = {
        "instance-id": instance.id,
        "instance-state-name": instance.state,
        "availability-zone": instance.zone,
        "instance-type": instance.instance_type,
        "image-id": instance.launch.image_id,
        "private-ip-address": instance.private_ip,
    }
    if name not in actual:
        raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
    return actual[name] in values


def _tags(instance: Instance) -> dict[str, str]:
    return (
        {"aws:autoscaling:groupName": instance.group, **instance.tags}
        if instance.group
        else instance.tags
    )


def instance_row(world: World, instance: Instance) -> dict[str, Any]:
    """Return an instance as DescribeInstances shows it."""
    dns = instance.private_ip.replace(".", "-")
    gone = instance.state == "terminated"
    row = {
        "InstanceId": instance.id,
        "ImageId": instance.launch.image_id,
        "InstanceType": instance.instance_type,
        "LaunchTime": moment(instance.launch_time),
        "State": {"Code": STATE_CODES[instance.state], "Name": instance.state},
        "Placement": {"AvailabilityZone": instance.zone, "Tenancy": "default"},
        "PrivateIpAddress": None if gone else instance.private_ip,
        "PrivateDnsName": "" if gone else f"ip-{dns}.{world.region}.compute.internal",
        "InstanceLifecycle": "spot" if instance.spot else None,
        "StateTransitionReason": instance.terminated_by_user,
        "Tags": [{"Key": key, "Value": value} for key, value in _tags(instance).items()],
    }
    if instance.terminated_by_user:
        code = instance.terminated_by_user.split(":", 1)[0]
        row["StateReason"] = {"Code": code, "Message": instance.terminated_by_user}
    return without_none(row)


def describe_instance_status(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeInstanceStatus: running instances, or with IncludeAllInstances every one."""
    ids = params.get("InstanceIds")
    if ids and len(ids) > STATUS_PAGE:
        raise ApiError("InvalidParameterValue", f"At most {STATUS_PAGE} instance ids are allowed")
    found = world.ec2_instances(ids)
    if not params.get("IncludeAllInstances", False):
        found = [item for item in found if item.state == "running"]
    size = len(found) + 1 if ids else limit(params, "MaxResults", INSTANCES_PAGE, INSTANCES_PAGE)
    rows, more = page(found, params.get("NextToken"), size)
    return without_none(
        {"InstanceStatuses": [_status_row(world, item) for item in rows], "NextToken": more}
    )


def _status_row(world: World, instance: Instance) -> dict[str, Any]:
    if instance.state != "running":
        status = "not-applicable"
    elif instance.impaired:
        status = "impaired"
    else:
        status = "ok" if world.now >= instance.up_at else "initializing"
    return {
        "InstanceId": instance.id,
        "AvailabilityZone": instance.zone,
        "InstanceState": {"Code": STATE_CODES[instance.state], "Name": instance.state},
        "InstanceStatus": {"Status": status},
        "SystemStatus": {"Status": status},
    }


def describe_instance_attribute(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeInstanceAttribute, of which there is userData: base64, as launched."""
    if params["Attribute"] != "userData":
        raise ApiError("InvalidParameterValue", f"The lab has no attribute {params['Attribute']}")
    instance = world.ec2_instances([params["InstanceId"]])[0]
    data = instance.launch.user_data
    return {"InstanceId": instance.id, "UserData": {"Value": data} if data else {}}


def get_console_output(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """GetConsoleOutput: what the machine has printed up to now."""
    instance = world.ec2_instances([params["InstanceId"]])[0]
    return {
        "InstanceId": instance.id,
        "Timestamp": moment(world.now),
        "Output": world.console_output(instance),
    }


def terminate_instances(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """TerminateInstances, past the group."""
    found = world.ec2_instances(params["InstanceIds"])
    before = {item.id: item.state for item in found}
    world.terminate_instances(params["InstanceIds"], actor="caller")
    rows = [
        {
            "InstanceId": item.id,
            "PreviousState": {"Code": STATE_CODES[before[item.id]], "Name": before[item.id]},
            "CurrentState": {"Code": STATE_CODES[item.state], "Name": item.state},
        }
        for item in found
    ]
    return {"TerminatingInstances": rows}


# -- images -------------------------------------------------------------------------------------


def asked_images(params: dict[str, Any]) -> list[str]:
    """Return the image ids that a DescribeImages names, one way or the other."""
    filtered = [
        v for f in params.get("Filters", ()) if f["Name"] == "image-id" for v in f["Values"]
    ]
    return [*params.get("ImageIds", ()), *filtered]


def describe_images(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeImages of what ``knows_image``; an unknown id fails the call, no filter does."""
    rows = []
    for key in asked_images(params):
        known = world.images.get(key, {})
        if known is None or not knows_image(world, key):
            if key in params.get("ImageIds", ()):
                text = f"The image id '[{key}]' does not exist"
                raise ApiError("InvalidAMIID.NotFound", text)
            continue
        if known.get("State") == "disabled" and not params.get("IncludeDisabled"):
            continue
        if _deprecated(world, known) and not params.get("IncludeDeprecated"):
            continue
        rows.append({"ImageId": key, "State": "available", "OwnerId": world.account, **known})
    return {"Images": rows}


def knows_image(world: World, key: str) -> bool:
    """Say whether something of the world names the image, or has said how it stands."""
    if key in world.images:
        return True
    if any(item.launch.image_id == key for item in world.instances.values()):
        return True
    store = world.templates
    versions = [
        store.version(template, number)
        for template in store.templates.values()
        for number in store.numbers(template)
    ]
    return key in {version.data.get("ImageId", DEFAULT_IMAGE) for version in versions}


def _deprecated(world: World, image: dict[str, Any]) -> bool:
    end = image.get("DeprecationTime")
    return end is not None and datetime.fromisoformat(end).timestamp() <= world.now


# -- launch templates ---------------------------------------------------------------------------


def _template(world: World, params: dict[str, Any]) -> Template:
    return world.templates.find(params.get("LaunchTemplateId"), params.get("LaunchTemplateName"))


def describe_launch_templates(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeLaunchTemplates, by ids or names, or all."""
    ids, names = params.get("LaunchTemplateIds"), params.get("LaunchTemplateNames")
    if ids:
        found = [world.templates.find(key) for key in ids]
    elif names:
        found = [world.templates.find(None, key) for key in names]
    else:
        found = list(world.templates.templates.values())
    size = limit(params, "MaxResults", TEMPLATES_PAGE, TEMPLATES_PAGE)
    rows, more = page(found, params.get("NextToken"), size)
    return without_none(
        {"LaunchTemplates": [_template_row(world, t) for t in rows], "NextToken": more}
    )


def _template_row(world: World, template: Template) -> dict[str, Any]:
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "CreateTime": moment(template.created),
        "CreatedBy": f"arn:aws:iam::{world.account}:user/lab",
        "DefaultVersionNumber": template.default,
        "LatestVersionNumber": template.latest,
        "Tags": [],
    }


def describe_launch_template_versions(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeLaunchTemplateVersions: named versions, or a template's from to, newest first."""
    wanted = params.get("Versions", ())
    if "LaunchTemplateId" in params or "LaunchTemplateName" in params:
        template = _template(world, params)
        numbers = wanted or _between(world.templates.numbers(template), params)
        pairs = [(template, number) for number in numbers]
    else:  # without a template, $Latest or $Default of all of them
        templates = world.templates.templates.values()
        pairs = [(template, word) for template in templates for word in wanted]
    found = [(template, world.templates.version(template, number)) for template, number in pairs]
    size = limit(params, "MaxResults", TEMPLATES_PAGE, TEMPLATES_PAGE)
    rows, more = page(found, params.get("NextToken"), size)
    described = [_version_row(world, template, version) for template, version in rows]
    if params.get("ResolveAlias"):
        for data in (row["LaunchTemplateData"] for row in described):
            if "ImageId" in data:
                data["ImageId"] = world.templates.image(data["ImageId"])
    return without_none({"LaunchTemplateVersions": described, "NextToken": more})


def _between(numbers: list[int], params: dict[str, Any]) -> list[int]:
    lowest = int(params.get("MinVersion") or 1)
    highest = int(params.get("MaxVersion") or numbers[-1])
    return [number for number in reversed(numbers) if lowest <= number <= highest]


def _version_row(world: World, template: Template, version: Version) -> dict[str, Any]:
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "VersionNumber": version.number,
        "VersionDescription": version.description,
        "CreateTime": moment(version.created),
        "CreatedBy": f"arn:aws:iam::{world.account}:user/lab",
        "DefaultVersion": version.number == template.default,
        "LaunchTemplateData": dict(version.data),
    }


def create_launch_template_version(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """CreateLaunchTemplateVersion, on top of SourceVersion; once for each ClientToken."""
    template = _template(world, params)
    wish = {key: value for key, value in params.items() if key != "ClientToken"}
    token = (template.id, params.get("ClientToken", ""))
    if token in world.templates.tokens:
        asked, number = world.templates.tokens[token]
        if asked != wish:
            raise ApiError(
                "IdempotentParameterMismatch",
                "The client token was used already, with other parameters.",
            )
        version = world.templates.version(template, number)
        return {"LaunchTemplateVersion": _version_row(world, template, version)}
    version = world.templates.create_launch_template_version(
        template,
        params["LaunchTemplateData"],
        params.get("SourceVersion"),
        params.get("VersionDescription", ""),
    )
    if token[1]:
        world.templates.tokens[token] = (wish, version.number)
    return {"LaunchTemplateVersion": _version_row(world, template, version)}


def delete_launch_template_versions(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DeleteLaunchTemplateVersions."""
    template = _template(world, params)
    numbers = [int(number) for number in params["Versions"]]
    world.templates.delete_launch_template_versions(template, numbers)
    row = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name}
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": [
            {**row, "VersionNumber": number} for number in numbers
        ],
        "UnsuccessfullyDeletedLaunchTemplateVersions": [],
    }


def modify_launch_template(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """ModifyLaunchTemplate: set the default version."""
    template = _template(world, params)
    world.templates.modify_launch_template(template, params["DefaultVersion"])
    return {"LaunchTemplate": _template_row(world, template)}


OPERATIONS = {
    "DescribeInstanceAttribute": describe_instance_attribute,
    "DescribeInstanceStatus": describe_instance_status,
    "DescribeImages": describe_images,
    "DescribeInstances": describe_instances,
    "GetConsoleOutput": get_console_output,
    "TerminateInstances": terminate_instances,
    "DescribeLaunchTemplates": describe_launch_templates,
    "DescribeLaunchTemplateVersions": describe_launch_template_versions,
    "CreateLaunchTemplateVersion": create_launch_template_version,
    "DeleteLaunchTemplateVersions": delete_launch_template_versions,
    "ModifyLaunchTemplate": modify_launch_template,
}
