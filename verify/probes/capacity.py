"""Launches, scale-in, terminations: what a change of capacity leads to."""

from __future__ import annotations

import json

from verify.settings import MIN, SIZE
from verify.stage import NO_IMAGE, Member, Stage


def cold_start(stage: Stage) -> None:
    """LA-4, HE-1: the instances with which the group has begun."""
    members = [m for m in stage.members().values() if m["LifecycleState"] == "InService"]
    zones = {member["AvailabilityZone"] for member in members}
    possible = min(SIZE, len(set(stage.network.zones.values())))
    if possible > 1:
        stage.found("LA-4", "zones of the first instances", possible, len(zones))
    health = sorted({member["HealthStatus"] for member in members})
    stage.found("HE-1", "health at first sight", ["Healthy"], health)


def launch(stage: Stage) -> None:
    """LA-1, LA-2, LA-10, CA-1, CA-4, AS-8, AZ-1, AZ-2: one more of a newer version, one less."""
    stage.version("1", InstanceType=stage.run.instance_type)
    newest = stage.account.must(
        "ec2", "DescribeLaunchTemplates", LaunchTemplateIds=[stage.template]
    )["LaunchTemplates"][0]["LatestVersionNumber"]
    stage.must(
        "UpdateAutoScalingGroup",
        LaunchTemplate={"LaunchTemplateId": stage.template, "Version": "$Latest"},
    )
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    new = stage.new_member(before)
    seen = stage.states_until(new, "InService")
    stage.found("LA-1", "states of a launch", True, set(seen) <= {"Pending", "InService"})
    stage.version("1", InstanceType=stage.run.instance_type)
    spec = stage.members()[new]["LaunchTemplate"]
    stage.found("LA-2", "the version that the instance keeps", str(newest), spec["Version"])
    _cause(stage, new)
    soon = stage.scale("SetDesiredCapacity", DesiredCapacity=SIZE, HonorCooldown=True)
    stage.refused("AS-8", "within the cooldown", "ScalingActivityInProgress", soon)
    _scale_in(stage)


def _cause(stage: Stage, new: str) -> None:
    row = _activity(stage, new)
    cause = row["Cause"]
    stage.found("LA-10", "names the request", True, "a user request" in cause, cause)
    grown = f"increasing the capacity from {SIZE} to {SIZE + 1}"
    stage.found("LA-10", "names both capacities", True, grown in cause, cause)
    stage.found("CA-1", "what stood there before", True, _change(SIZE, SIZE + 1) in cause, cause)
    details = sorted(json.loads(row.get("Details") or "{}"))
    known = [key for key in ("Availability Zone", "Subnet ID") if key in details]
    stage.found("CA-4", "details", ["Availability Zone", "Subnet ID"], known)


def _activity(stage: Stage, instance: str) -> dict:
    rows = stage.must("DescribeScalingActivities")["Activities"]
    return next((row for row in rows if instance in row["Description"]), {})


def _change(before: int, after: int) -> str:
    return f"changing the desired capacity from {before} to {after}"


def two_changes(stage: Stage) -> None:
    """CA-2, CA-8: what was changed back, and two changes before the group acts."""
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE)
    stage.quiet()
    stage.found(
        "CA-2", "launched for what was changed back", 0, len(stage.members().keys() - before)
    )
    stage.rest()
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 2)
    cause = _activity(stage, stage.new_member(before)).get("Cause", "")
    both = _change(SIZE, SIZE + 1) in cause and _change(SIZE + 1, SIZE + 2) in cause
    stage.found("CA-2", "two changes in one Cause", True, both, cause)
    step = f"increasing the capacity from {SIZE} to {SIZE + 2}"
    stage.found("CA-8", "names the whole step", True, step in cause, cause)


def half_members(stage: Stage) -> None:
    """TE-14, TE-15: terminating what is still Pending, and what is in Standby."""
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    new = stage.new_member(before)
    if stage.state(new) == "Pending":
        answer = stage.terminate(new, decrement=True)
        stage.found("TE-14", "while Pending", "ok", answer.code, answer.text)
    stage.rest()
    stage.resize(MinSize=0)
    one = stage.serving()[0]
    stage.must("EnterStandby", InstanceIds=[one], ShouldDecrementDesiredCapacity=True)
    stage.states_until(one, "Standby")
    answer = stage.terminate(one, decrement=True)
    stage.found("TE-15", "terminating from Standby", "ok", answer.code, answer.text)
    stage.states_until(one, "gone")
    stage.found("TE-15", "desired after it", SIZE - 1, stage.group()["DesiredCapacity"])


def _scale_in(stage: Stage) -> None:
    before = {
        key: item for key, item in stage.members().items() if item["LifecycleState"] == "InService"
    }
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE)
    gone = stage.wait("scale-in takes one", lambda: _leaving(stage, before))
    zones = [item["AvailabilityZone"] for item in before.values()]
    if len(set(zones)) > 1:
        counts = {zone: zones.count(zone) for zone in zones}
        taken = before[gone]["AvailabilityZone"]
        stage.found("AZ-1", "from the fullest zone", max(counts.values()), counts[taken])
    version = before[gone]["LaunchTemplate"]["Version"]
    stage.found("AZ-2", "version that goes first", "1", version)


def _leaving(stage: Stage, before: dict[str, Member]) -> str:
    now = stage.members()
    states = {key: now.get(key, {}).get("LifecycleState", "gone") for key in before}
    return next((key for key, state in states.items() if not state.startswith("InService")), "")


def policies(stage: Stage) -> None:
    """AZ-3: NewestInstance takes the instance launched last."""
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    new = stage.new_member(before)
    stage.states_until(new, "InService")
    # one zone only, for the fullest zone goes before every policy
    zone = [
        key
        for key, item in stage.members().items()
        if item["AvailabilityZone"] == stage.members()[new]["AvailabilityZone"]
    ]
    stage.must("UpdateAutoScalingGroup", TerminationPolicies=["NewestInstance"])
    serving = {key: item for key, item in stage.members().items() if key in stage.serving()}
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE)
    gone = stage.wait("scale-in takes one", lambda: _leaving(stage, serving))
    if len(zone) > 1:
        stage.found("AZ-3", "the newest of the fullest zone goes", True, gone == new)


def bad_image(stage: Stage) -> None:
    """LA-7, CA-5: an image that does not exist fails the launch, not the update."""
    wrong = stage.version("1", ImageId=NO_IMAGE)
    update = stage.use_version(wrong)
    stage.found("LA-7", "the update", "ok", update.code, update.text)
    if not update.ok:
        return
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    failed = stage.wait("a launch fails", lambda: _failure(stage))
    why = failed.get("StatusMessage", "")
    stage.found("LA-7", "the activity names the image", True, NO_IMAGE in why, why)
    described = failed["Description"]
    stage.found("CA-5", "the reason ends the description", True, described.endswith(why), described)


def _failure(stage: Stage) -> dict:
    rows = stage.must("DescribeScalingActivities", MaxRecords=10)["Activities"]
    return next((row for row in rows if row["StatusCode"] == "Failed"), {})


def terminations(stage: Stage) -> None:
    """TE-2, TE-3, TE-6, TE-8, TE-11, CA-3: with decrement, at the minimum, and twice."""
    stage.resize(MinSize=SIZE)
    first = stage.serving()[0]
    refused = stage.terminate(first, decrement=True)
    stage.refused("TE-3", "a decrement at the minimum", "ValidationError", refused)
    stage.resize(MinSize=0)
    before = stage.members()
    stage.account.must(
        "autoscaling",
        "TerminateInstanceInAutoScalingGroup",
        InstanceId=first,
        ShouldDecrementDesiredCapacity=True,
    )
    stage.found("TE-2", "desired after it", SIZE - 1, stage.group()["DesiredCapacity"])
    again = stage.terminate(first, decrement=True)
    stage.found("TE-8", "terminating it again", "ok", again.code, again.text)
    stage.found("TE-8", "desired after both", SIZE - 2, stage.group()["DesiredCapacity"])
    seen = stage.states_until(first, "gone")
    stage.found("TE-6", "states of a termination", True, set(seen) <= {"Terminating", "gone"})
    stage.found("TE-2", "launched for it", 0, len(stage.members().keys() - before))
    rows = stage.must("DescribeScalingActivities")["Activities"]
    causes = [row["Cause"] for row in rows if first in row["Description"]]
    asked = [cause for cause in causes if "in response to a user request" in cause]
    stage.found("CA-3", "a termination names the request", True, bool(asked), causes[0])
    rows = stage.account.must("ec2", "DescribeInstances", InstanceIds=[first])["Reservations"]
    state = rows[0]["Instances"][0]["State"]["Name"]
    stage.found(
        "TE-11", "visible when it has ended", True, state in ("shutting-down", "terminated")
    )


def protection(stage: Stage) -> None:
    """ME-5, TE-12, TE-1: protected from scale-in, not from a call; that is replaced."""
    serving = stage.serving()
    stage.must("SetInstanceProtection", InstanceIds=serving, ProtectedFromScaleIn=True)
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=MIN)
    stage.quiet()
    kept = [key for key in serving if stage.state(key) == "InService"]
    stage.found("ME-5", "protected instances that stay", SIZE, len(kept))
    stage.found("ME-5", "desired meanwhile", MIN, stage.group()["DesiredCapacity"])
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE)
    answer = stage.terminate(serving[0])
    stage.found("TE-12", "a call terminates it all the same", "ok", answer.code, answer.text)
    stage.found("TE-1", "replaced", True, stage.comes(before))
    stage.found("TE-1", "desired after it", SIZE, stage.group()["DesiredCapacity"])


def through_ec2(stage: Stage) -> None:
    """TE-10: an instance that is ended past its group."""
    before = stage.members()
    stage.account.must("ec2", "TerminateInstances", InstanceIds=[stage.serving()[0]])
    stage.found("TE-10", "replaced", True, stage.comes(before))
    stage.found("TE-10", "desired after it", SIZE, stage.group()["DesiredCapacity"])


def suspended(stage: Stage) -> None:
    """LA-9, TE-13: what Launch and Terminate hold back, and what not."""
    before = stage.members()
    stage.must("SuspendProcesses", ScalingProcesses=["Launch"])
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    stage.quiet()
    stage.found("LA-9", "launched meanwhile", 0, len(stage.members().keys() - before))
    stage.must("ResumeProcesses", ScalingProcesses=["Launch"])
    new = stage.new_member(before)
    stage.found("LA-9", "launched after resuming", True, bool(new))
    stage.states_until(new, "InService")
    stage.must("SuspendProcesses", ScalingProcesses=["Terminate"])
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE)
    stage.quiet()
    serving = stage.serving()
    stage.found("TE-13", "in service while suspended", SIZE + 1, len(serving))
    answer = stage.terminate(new)
    stage.found("TE-13", "a call while suspended", "ok", answer.code, answer.text)
    stage.quiet()
    left = stage.state(new) in ("gone", "Terminating", "Terminated")
    stage.found("TE-13", "the call terminates", True, left)
