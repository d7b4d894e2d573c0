"""The group behind a load balancer, and the end of the group."""

from __future__ import annotations

from verify.settings import SIZE
from verify.stage import Stage


def unheard(stage: Stage) -> None:
    """TG-8: members of a target group that no listener sends anything to."""
    stage.must("AttachLoadBalancerTargetGroups", TargetGroupARNs=[stage.target_group])
    one = stage.serving()[0]
    stage.quiet()
    row = stage.health(one).get(one, {})
    seen = [row.get("State"), row.get("Reason")]
    stage.found("TG-8", "without a listener", ["unused", "Target.NotInUse"], seen)
    stage.must("DetachLoadBalancerTargetGroups", TargetGroupARNs=[stage.target_group])
    stage.wait("no target is left", lambda: not stage.health())


def attach(stage: Stage) -> None:
    """TG-3, TG-6, TG-1, TG-9: from no target to a healthy one."""
    one = stage.serving()[0]
    row = stage.health(one).get(one, {})
    seen = [row.get("State"), row.get("Reason")]
    stage.found("TG-3", "before it is registered", ["unused", "Target.NotRegistered"], seen)
    members = sorted(stage.serving())
    stage.must("AttachLoadBalancerTargetGroups", TargetGroupARNs=[stage.target_group])
    states: list[str] = []

    def healthy() -> bool:
        found = stage.health()
        state = found.get(one, {}).get("State", "none")
        if states[-1:] != [state]:
            states.append(state)
        return sorted(key for key, row in found.items() if row["State"] == "healthy") == members

    begun = stage.clock()
    stage.wait("the members are healthy", healthy)
    stage.measured("attached until healthy", begun)
    stage.found("TG-6", "attaching registers the members", True, members == sorted(stage.health()))
    stage.found("TG-9", "without a zonal shift", "no_override", stage.override(one))
    told = [state for state in states if state != "none"]
    stage.found("TG-1", "states of a new target", ["initial", "healthy"], told)


def not_added(stage: Stage) -> None:
    """TG-4: an instance launched while AddToLoadBalancer is suspended."""
    stage.must("SuspendProcesses", ScalingProcesses=["AddToLoadBalancer"])
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    new = stage.new_member(before)
    stage.states_until(new, "InService")
    stage.found("TG-4", "registered while suspended", False, new in stage.health())
    stage.must("ResumeProcesses", ScalingProcesses=["AddToLoadBalancer"])
    stage.quiet()
    stage.found("TG-4", "registered after resuming", False, new in stage.health())
    stage.terminate(new, decrement=True)


def draining(stage: Stage) -> None:
    """TG-2, TG-6, CA-6: a target drains before its instance ends; detaching."""
    one = stage.serving()[0]
    stage.terminate(one)
    pairs: list[tuple[str, str]] = []
    codes: set[str] = set()

    def out() -> bool:
        pairs.append((stage.health().get(one, {}).get("State", "none"), stage.state(one)))
        rows = stage.must("DescribeScalingActivities", MaxRecords=10)["Activities"]
        codes.update(row["StatusCode"] for row in rows if one in row["Description"])
        return pairs[-1][1] == "gone"

    stage.wait(f"{one} has drained and is gone", out)
    waits = any(pair == ("draining", "Terminating") for pair in pairs)
    stage.found("TG-2", "drains while Terminating", True, waits)
    gone_first = any(target == "draining" and state == "gone" for target, state in pairs)
    stage.found("TG-2", "gone before it has drained", False, gone_first)
    waits = "WaitingForELBConnectionDraining" in codes
    stage.found("CA-6", "the activity says that it drains", True, waits)
    stage.must("DetachLoadBalancerTargetGroups", TargetGroupARNs=[stage.target_group])
    serving = {"healthy", "initial", "unhealthy"}
    stage.wait(
        "no target is registered",
        lambda: not any(row["State"] in serving for row in stage.health().values()),
    )
    stage.found("TG-6", "detaching deregisters the members", True, True)


def deletion(stage: Stage) -> None:
    """AS-6, AS-7: the last probe, after which the group is gone."""
    plain = stage.scale("DeleteAutoScalingGroup")
    stage.refused("AS-6", "without force", "ResourceInUse", plain)
    stage.must("DeleteAutoScalingGroup", ForceDelete=True)
    status = stage.group().get("Status", "gone")
    stage.found("AS-7", "Status while it goes", "Delete in progress", status)
    late = stage.scale("SetDesiredCapacity", DesiredCapacity=SIZE)
    stage.refused("AS-7", "a change meanwhile", "ValidationError", late)
    stage.wait("the group is gone", lambda: not stage.group())
