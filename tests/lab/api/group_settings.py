"""Settings of a group with a form of their own in the API, and who may change a group."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from tests.lab.world import ApiError, Group, World

Params = dict[str, Any]
Handler = Callable[[World, Params], Params]

#: Members of a request that are fields of the model as they stand.
PLAIN = {
    "CapacityRebalance": "capacity_rebalance",
    "DesiredCapacityType": "capacity_type",
}
#: Takes a setting back (API reference, UpdateAutoScalingGroup).
CLEARED = -1


def shaped(params: Params) -> Params:
    """Return the fields of the world's group that a request sets with structures or resets."""
    fields: Params = {}
    if "DefaultInstanceWarmup" in params:
        warmup = params["DefaultInstanceWarmup"]
        fields["default_warmup"] = None if warmup == CLEARED else warmup
    if "InstanceMaintenancePolicy" in params:
        policy = params["InstanceMaintenancePolicy"]
        low, high = policy.get("MinHealthyPercentage"), policy.get("MaxHealthyPercentage")
        fields["maintenance"] = None if CLEARED in (low, high) else (low, high)
    if "InstanceLifecyclePolicy" in params:
        triggers = params["InstanceLifecyclePolicy"].get("RetentionTriggers", {})
        fields["retains"] = triggers.get("TerminateHookAbandon", "terminate") == "retain"
    if "Operator" in params:
        fields["operator"] = params["Operator"]["Principal"]
    return fields


def rows(group: Group) -> Params:
    """Return these settings as DescribeAutoScalingGroups shows them; None where they are not set.

    What says ``false`` or nothing at all by default is left out, unless somebody has set it.
    """
    policy = group.maintenance
    kept = "retain" if group.retains else "terminate"
    return {
        "CapacityRebalance": group.capacity_rebalance or None,
        "DefaultInstanceWarmup": group.default_warmup,
        "DesiredCapacityType": group.capacity_type,
        "InstanceLifecyclePolicy": None
        if group.retains is None
        else {"RetentionTriggers": {"TerminateHookAbandon": kept}},
        "InstanceMaintenancePolicy": None
        if policy is None
        else {"MinHealthyPercentage": policy[0], "MaxHealthyPercentage": policy[1]},
        "Operator": {"Principal": group.operator} if group.operator else None,
    }


def guarded(operations: dict[str, Handler]) -> dict[str, Handler]:
    """Refuse whatever would change a group that an operator manages.

    "only the designated operator service principal can make mutating changes": API reference,
    Operator. The code is assumed.
    """
    return {
        name: handler if name.startswith("Describe") else _by_operator_only(name, handler)
        for name, handler in operations.items()
    }


def _by_operator_only(operation: str, handler: Handler) -> Handler:
    @wraps(handler)
    def guard(world: World, params: Params) -> Params:
        for group in map(world.groups.get, _named(world, params)):
            if group is not None and group.operator and operation != "CreateAutoScalingGroup":
                text = (
                    f"The Auto Scaling group {group.name} is managed by {group.operator}: only "
                    "this principal can change it."
                )
                if world.assumes("AS-16", "validation"):
                    raise ApiError("ValidationError", text)
                raise ApiError("AccessDenied", text, 403)
        return handler(world, params)

    return guard


def _named(world: World, params: Params) -> set[str]:
    """Return the names of the groups that a request is about."""
    names = {params.get("AutoScalingGroupName", "")}
    names.update(tag.get("ResourceId", "") for tag in params.get("Tags", ()))
    instance = world.instances.get(params.get("InstanceId", ""))
    return names | ({instance.group or ""} if instance else set())


# -- the account ----------------------------------------------------------------------------------


def describe_account_settings(world: World, params: Params) -> Params:
    """DescribeAccountSettings: one by its name, or all."""
    name = params.get("Name")
    return {
        "Settings": [
            {"Name": key, "Value": value, "EnforcementType": "none"}
            for key, value in world.account_settings.items()
            if name in (None, key)
        ]
    }


def put_account_setting(world: World, params: Params) -> Params:
    """PutAccountSetting."""
    if params["Name"] not in world.account_settings:
        raise ApiError("ValidationError", f"There is no account setting {params['Name']}")
    if params["Value"] not in ("enabled", "disabled"):
        raise ApiError("ValidationError", "The value must be enabled or disabled")
    world.account_settings[params["Name"]] = params["Value"]
    return {}


OPERATIONS = {
    "DescribeAccountSettings": describe_account_settings,
    "PutAccountSetting": put_account_setting,
}
