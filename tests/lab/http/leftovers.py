"""Settings of a group that the world stores for nobody: shown as they were given."""

from __future__ import annotations

from typing import Any

Params = dict[str, Any]

#: Members of create and update requests that only DescribeAutoScalingGroups shows again.
UNINTERPRETED = (
    "Context",
    "MaxInstanceLifetime",
    "PlacementGroup",
    "ServiceLinkedRoleARN",
)
POOL_MEMBERS = ("MaxGroupPreparedCapacity", "MinSize", "PoolState", "InstanceReusePolicy")
POOL_DEFAULTS = {"MinSize": 0, "PoolState": "Stopped"}


def uninterpreted(params: Params) -> Params:
    """Return the members of a request that are only to be shown again."""
    return {key: params[key] for key in UNINTERPRETED if key in params}


def put_warm_pool(region: Any, params: Params) -> Params:
    """PutWarmPool: stored and shown; the lab's groups do not use one."""
    pool = {key: params[key] for key in POOL_MEMBERS if key in params}
    _extras(region, params)["WarmPoolConfiguration"] = {**POOL_DEFAULTS, **pool}
    return {}


def describe_warm_pool(region: Any, params: Params) -> Params:
    """DescribeWarmPool."""
    pool = _extras(region, params).get("WarmPoolConfiguration")
    return {"Instances": [], **({"WarmPoolConfiguration": pool} if pool else {})}


def delete_warm_pool(region: Any, params: Params) -> Params:
    """DeleteWarmPool."""
    _extras(region, params).pop("WarmPoolConfiguration", None)
    return {}


def enable_metrics(region: Any, params: Params) -> Params:
    """EnableMetricsCollection: stored and shown."""
    shown = [{"Metric": name, "Granularity": "1Minute"} for name in params.get("Metrics", ())]
    _extras(region, params)["EnabledMetrics"] = shown
    return {}


def execute_policy(region: Any, params: Params) -> Params:
    """ExecutePolicy: moto stores the policy, the world's group follows it."""
    stored = region.stores.autoscaling.policies[params["PolicyName"]]
    group = region.world.group(stored.auto_scaling_group_name)
    wanted = _adjusted(group.desired, stored.adjustment_type, int(stored.scaling_adjustment))
    how = "set" if stored.adjustment_type == "ExactCapacity" else "by"
    region.world.follow_policy(group, params["PolicyName"], wanted, how)
    return {}


def _adjusted(desired: int, kind: str, adjustment: int) -> int:
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return desired + adjustment
    # "values larger than 1 are rounded down, between 0 and 1 are rounded to 1" and so for
    # negative ones: user guide, scaling adjustment types.
    change = desired * adjustment / 100
    whole = int(change) or (0 if change == 0 else 1 if change > 0 else -1)
    return desired + whole


def _extras(region: Any, params: Params) -> Params:
    name = region.world.group(params["AutoScalingGroupName"]).name
    return region.extras.setdefault(name, {})


HANDLERS = {
    ("autoscaling", "PutWarmPool"): put_warm_pool,
    ("autoscaling", "DescribeWarmPool"): describe_warm_pool,
    ("autoscaling", "DeleteWarmPool"): delete_warm_pool,
    ("autoscaling", "EnableMetricsCollection"): enable_metrics,
    ("autoscaling", "ExecutePolicy"): execute_policy,
}
