"""
Ansible's replace_all_instances (amazon.aws, plugins/modules/autoscaling_group.py: replace,
terminate_batch, wait_for_term_inst, wait_for_new_inst, wait_for_target_group; the waiters' delay in
plugins/module_utils/_autoscaling/waiters.py).

Modelled: MinSize, MaxSize and desired grow by replace_batch_size at once; it waits until MinSize
members are InService and Healthy, then until MinSize targets are healthy; then for each batch of
the members found at the start: terminate without decrement, wait until none of them is
terminating, wait again for members and for targets. When enough are new the rest goes with
decrement, and the sizes are put back. All waits look every 10 s. Reads as the module makes them:
the target groups' names with each reading of the properties, the group before each termination.
min_size, max_size and desired_capacity are given in the playbook, so that no more is launched than
there are members; wait_timeout is long enough.

Not modelled: what the module does before it replaces (creating or updating the group).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.peers.stage import GROUP, Stage, ids, is_old

POLL_SECONDS = 10.0


def roll(stage: Stage) -> None:
    """Replace all instances in batches."""
    size, batch = stage.case.size, stage.case.surge
    group = stage.group()
    _wait_for_members(stage, group["MinSize"])
    initial = ids(_properties(stage, group)["Instances"])
    group = stage.group()
    _resize(stage, size + batch, size + batch, size + batch)
    _wait_for_replacements(stage, group["MinSize"] + batch)
    _properties(stage)
    for start in range(0, len(initial), batch):
        done, wanted, gone = _terminate_batch(stage, initial[start : start + batch])
        _wait_until_gone(stage, gone)
        _wait_for_replacements(stage, wanted)
        if done:
            break
    _resize(stage, size, size + batch, size)
    _properties(stage)


def _terminate_batch(stage: Stage, chunk: list[str]) -> tuple[bool, int, list[str]]:
    size, batch = stage.case.size, stage.case.surge
    group = _properties(stage)
    old = ids([m for m in group["Instances"] if is_old(m, group)])
    needed = size - (len(group["Instances"]) - len(old))
    wanted, chosen = group["MinSize"], [key for key in chunk if key in old]
    if needed == 0:
        if group["MinSize"] != size:
            stage.client("autoscaling").update_auto_scaling_group(
                AutoScalingGroupName=GROUP, MinSize=size
            )
        wanted, chosen = size, old
    elif needed < batch:
        chosen = chosen[:needed]
    for key in chosen:
        stage.group()
        stage.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=key, ShouldDecrementDesiredCapacity=needed == 0
        )
    return needed == 0, wanted, chosen


def _properties(stage: Stage, group: dict[str, Any] | None = None) -> dict[str, Any]:
    group = group or stage.group()
    stage.client("elbv2").describe_target_groups(TargetGroupArns=group["TargetGroupARNs"])
    return group


def _resize(stage: Stage, low: int, high: int, desired: int) -> None:
    stage.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=GROUP, MinSize=low, MaxSize=high, DesiredCapacity=desired
    )


def _viable(group: dict[str, Any]) -> list[str]:
    return ids(
        [
            m
            for m in group["Instances"]
            if m["LifecycleState"] == "InService" and m["HealthStatus"] == "Healthy"
        ]
    )


def _wait(stage: Stage, reached: Callable[[], bool]) -> None:
    while not reached():
        stage.sleep(POLL_SECONDS)


def _wait_for_members(stage: Stage, wanted: int) -> None:
    _wait(stage, lambda: len(_viable(stage.group())) >= wanted)
    _properties(stage)


def _wait_for_replacements(stage: Stage, wanted: int) -> None:
    _wait_for_members(stage, wanted)
    stage.group()  # for the classic load balancers, of which there are none
    group = _properties(stage)
    targets = [{"Id": key} for key in _viable(group)]
    arn = group["TargetGroupARNs"][0]

    def enough() -> bool:
        answer = stage.client("elbv2").describe_target_health(TargetGroupArn=arn, Targets=targets)
        states = [t["TargetHealth"]["State"] for t in answer["TargetHealthDescriptions"]]
        return states.count("healthy") >= group["MinSize"]

    _wait(stage, enough)


def _wait_until_gone(stage: Stage, gone: list[str]) -> None:
    left = True
    while left:
        members = {m["InstanceId"]: m for m in _properties(stage)["Instances"]}
        left = any(
            members[key]["LifecycleState"].startswith("Terminating")
            or members[key]["HealthStatus"] == "Unhealthy"
            for key in gone
            if key in members
        )
        stage.sleep(POLL_SECONDS)
