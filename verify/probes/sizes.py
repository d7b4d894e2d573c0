"""Sizes, names and processes of a group: refusals and settings, nothing is launched."""

from __future__ import annotations

from verify.settings import MAX, MIN, SIZE
from verify.stage import Stage

#: All processes of a group (user guide, suspend and resume processes).
PROCESSES = [
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
]
#: Settings that an update of MaxSize has no business with.
UNTOUCHED = ("MinSize", "DesiredCapacity", "LaunchTemplate", "HealthCheckType", "DefaultCooldown")


def bounds(stage: Stage) -> None:
    """AS-1, AS-2, AS-3: sizes that contradict each other."""
    refused, update = "ValidationError", "UpdateAutoScalingGroup"
    above = stage.scale("SetDesiredCapacity", DesiredCapacity=MAX + 1)
    stage.refused("AS-1", "desired above the maximum", refused, above)
    below = stage.scale("SetDesiredCapacity", DesiredCapacity=MIN - 1)
    stage.refused("AS-2", "desired below the minimum", refused, below)
    crossed = stage.scale(update, MinSize=MAX + 1, MaxSize=MAX)
    stage.refused("AS-3", "minimum above the maximum", refused, crossed)
    outside = stage.scale(update, DesiredCapacity=MAX + 1)
    stage.refused("AS-3", "desired outside of both", refused, outside)


def bounds_move_desired(stage: Stage) -> None:
    """AS-4, with Launch and Terminate suspended so that nothing follows from it."""
    stage.must("SuspendProcesses", ScalingProcesses=["Launch", "Terminate"])
    stage.resize(MinSize=SIZE + 1)
    stage.found("AS-4", "a minimum above desired", SIZE + 1, stage.group()["DesiredCapacity"])
    stage.resize(MinSize=0, MaxSize=SIZE - 1)
    stage.found("AS-4", "a maximum below desired", SIZE - 1, stage.group()["DesiredCapacity"])
    stage.resize(MinSize=MIN, MaxSize=MAX, DesiredCapacity=SIZE)


def names(stage: Stage) -> None:
    """AS-5, AS-9, AS-10, AS-13: the group's name, settings and tags."""
    before = stage.group()
    again = stage.scale(
        "CreateAutoScalingGroup",
        MinSize=0,
        MaxSize=0,
        VPCZoneIdentifier=before["VPCZoneIdentifier"],
        LaunchTemplate={"LaunchTemplateId": stage.template, "Version": "1"},
    )
    stage.refused("AS-5", "a second group of the name", "AlreadyExists", again)
    nobody = f"{stage.run.name}-none"
    found = stage.account.must(
        "autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[nobody]
    )
    stage.found("AS-9", "described", 0, len(found["AutoScalingGroups"]))
    elsewhere = stage.scale("SetDesiredCapacity", AutoScalingGroupName=nobody, DesiredCapacity=0)
    stage.refused("AS-9", "elsewhere", "ValidationError", elsewhere)
    stage.resize(MaxSize=MAX + 1)
    after = stage.group()
    changed = [key for key in UNTOUCHED if after.get(key) != before.get(key)]
    stage.found("AS-10", "changed with MaxSize", [], changed)
    _tags(stage)


def _tags(stage: Stage) -> None:
    tag = {
        "ResourceId": stage.run.name,
        "ResourceType": "auto-scaling-group",
        "Key": "asgcycle-verify-probe",
        "PropagateAtLaunch": False,
    }
    for value in ("first", "second"):
        stage.account.must("autoscaling", "CreateOrUpdateTags", Tags=[{**tag, "Value": value}])
    tags = {item["Key"]: item["Value"] for item in stage.group()["Tags"]}
    stage.found("AS-13", "the later of two writers", "second", tags.get(tag["Key"]))
    stage.account.must("autoscaling", "DeleteTags", Tags=[{**tag, "Value": "second"}])


def processes(stage: Stage) -> None:
    """AS-11, AS-12: suspended processes."""
    stage.must("SuspendProcesses")
    stage.found("AS-11", "suspended", PROCESSES, _suspended(stage))
    stage.must("ResumeProcesses")
    stage.found("AS-11", "after resuming", [], _suspended(stage))
    unknown = stage.scale("SuspendProcesses", ScalingProcesses=["Weather"])
    stage.refused("AS-12", "an unknown process", "ValidationError", unknown)


def _suspended(stage: Stage) -> list[str]:
    return sorted(item["ProcessName"] for item in stage.group()["SuspendedProcesses"])
