"""How a group replaces its own: a maintenance policy, and protection that new instances bring."""

from __future__ import annotations

from verify.settings import SIZE
from verify.stage import NO_POLICY, Stage

#: Percent: none may be missing, so that AWS has to launch first.
FULL = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150}


def maintenance(stage: Stage) -> None:
    """AS-15, MP-1, MP-4: a policy that leaves no room below desired."""
    stage.must("UpdateAutoScalingGroup", InstanceMaintenancePolicy=FULL)
    shown = stage.group().get("InstanceMaintenancePolicy")
    stage.found("AS-15", "a maintenance policy is shown as set", FULL, shown)
    one, two = stage.serving()[:2]
    before = stage.members()
    stage.account.must(
        "autoscaling",
        "SetInstanceHealth",
        InstanceId=one,
        HealthStatus="Unhealthy",
        ShouldRespectGracePeriod=False,
    )
    stage.new_member(before)
    stage.found("MP-1", "the old one while the new one starts", "InService", stage.state(one))
    stage.states_until(one, "gone")
    stage.wait("the replacement serves", lambda: len(stage.serving()) == SIZE)
    before = stage.members()
    stage.terminate(two)
    stage.wait("a call terminates it", lambda: stage.state(two) != "InService")
    new = [key for key in stage.serving() if key not in before]
    stage.found("MP-4", "replacements in service before a call terminates", 0, len(new))
    stage.must("UpdateAutoScalingGroup", InstanceMaintenancePolicy=NO_POLICY)
    after = stage.group().get("InstanceMaintenancePolicy")
    stage.found("AS-15", "after -1", True, after in (None, {}, NO_POLICY))


def born_protected(stage: Stage) -> None:
    """ME-8: NewInstancesProtectedFromScaleIn."""
    old = stage.serving()[0]
    stage.must("UpdateAutoScalingGroup", NewInstancesProtectedFromScaleIn=True)
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    new = stage.new_member(before)
    stage.states_until(new, "InService")
    members = stage.members()
    stage.found("ME-8", "a new instance", True, members[new]["ProtectedFromScaleIn"])
    stage.found("ME-8", "one from before", False, members[old]["ProtectedFromScaleIn"])
