"""Single members: Standby, detached, attached, unhealthy; instance refresh."""

from __future__ import annotations

from verify.settings import MAX, SIZE
from verify.stage import Stage

REFUSED = "ValidationError"


def standby(stage: Stage) -> None:
    """ME-1, ME-2, ME-3: into Standby and back, with and without decrement."""
    one, two = stage.serving()[:2]
    stage.resize(MinSize=SIZE)
    at_minimum = _enter(stage, one, decrement=True)
    stage.refused("ME-1", "a decrement at the minimum", REFUSED, at_minimum)
    stage.resize(MinSize=0)
    stage.found("ME-1", "with decrement", "ok", _enter(stage, one, decrement=True).code)
    stage.states_until(one, "Standby")
    stage.found("ME-1", "desired after it", SIZE - 1, stage.group()["DesiredCapacity"])
    again = _enter(stage, one, decrement=True)
    stage.refused("ME-3", "entering Standby from Standby", REFUSED, again)
    stage.must("ExitStandby", InstanceIds=[one])
    stage.found("ME-2", "desired after leaving", SIZE, stage.group()["DesiredCapacity"])
    stage.states_until(one, "InService")
    before = stage.members()
    stage.found("ME-1", "without decrement", "ok", _enter(stage, two, decrement=False).code)
    stage.found("ME-1", "replaced", True, stage.comes(before))
    stage.wait("the replacement serves", lambda: len(stage.serving()) == SIZE)
    stage.resize(MaxSize=SIZE)
    full = stage.scale("ExitStandby", InstanceIds=[two])
    stage.refused("ME-2", "leaving above the maximum", REFUSED, full)
    stage.resize(MaxSize=MAX)
    stage.must("ExitStandby", InstanceIds=[two])
    stage.states_until(two, "InService")


def _enter(stage: Stage, instance: str, decrement: bool):
    return stage.scale(
        "EnterStandby", InstanceIds=[instance], ShouldDecrementDesiredCapacity=decrement
    )


def detach(stage: Stage) -> None:
    """ME-6, ME-7: out of the group, running on, and back."""
    one, two = stage.serving()[:2]
    stage.must("DetachInstances", InstanceIds=[one], ShouldDecrementDesiredCapacity=True)
    stage.states_until(one, "gone")
    rows = stage.account.must("ec2", "DescribeInstances", InstanceIds=[one])["Reservations"]
    stage.found("ME-6", "runs on", "running", rows[0]["Instances"][0]["State"]["Name"])
    stage.found("ME-6", "desired after it", SIZE - 1, stage.group()["DesiredCapacity"])
    taken = stage.scale("AttachInstances", InstanceIds=[two])
    stage.refused("ME-7", "a member of a group", REFUSED, taken)
    stage.must("AttachInstances", InstanceIds=[one])
    stage.found("ME-7", "desired after attaching", SIZE, stage.group()["DesiredCapacity"])
    stage.states_until(one, "InService")


def health(stage: Stage) -> None:
    """HE-4, HE-6: what somebody calls unhealthy."""
    one = stage.serving()[0]
    stage.must("UpdateAutoScalingGroup", HealthCheckGracePeriod=7200)
    _call_unhealthy(stage, one, respect=True)
    stage.quiet()
    seen = stage.members().get(one, {}).get("HealthStatus", "gone")
    stage.found("HE-6", "respecting the grace period", "Healthy", seen)
    before = stage.members()
    stage.must("SuspendProcesses", ScalingProcesses=["ReplaceUnhealthy"])
    _call_unhealthy(stage, one, respect=False)
    stage.quiet()
    member = stage.members().get(one, {})
    state = [member.get("LifecycleState", "gone"), member.get("HealthStatus")]
    stage.found("HE-4", "while suspended", ["InService", "Unhealthy"], state)
    stage.must("ResumeProcesses", ScalingProcesses=["ReplaceUnhealthy"])
    stage.found("HE-4", "replaced after resuming", True, stage.comes(before))


def _call_unhealthy(stage: Stage, instance: str, respect: bool) -> None:
    stage.account.must(
        "autoscaling",
        "SetInstanceHealth",
        InstanceId=instance,
        HealthStatus="Unhealthy",
        ShouldRespectGracePeriod=respect,
    )


def refresh(stage: Stage) -> None:
    """IR-2 to IR-7: an instance refresh that is cancelled before it does anything."""
    before = set(stage.serving())
    stage.must("SuspendProcesses", ScalingProcesses=["InstanceRefresh"])
    none = "ActiveInstanceRefreshNotFound"
    stage.refused("IR-3", "cancelling none", none, stage.scale("CancelInstanceRefresh"))
    first = stage.scale("StartInstanceRefresh")
    stage.found("IR-6", "starting one while suspended", "ok", first.code, first.text)
    if not first.ok:
        stage.must("ResumeProcesses", ScalingProcesses=["InstanceRefresh"])
        first = stage.scale("StartInstanceRefresh")
    started = first.data["InstanceRefreshId"]
    listed = stage.must("DescribeInstanceRefreshes")["InstanceRefreshes"]
    ids = [row["InstanceRefreshId"] for row in listed]
    stage.found("IR-7", "listed at once", True, started in ids)
    second = stage.scale("StartInstanceRefresh")
    stage.refused("IR-2", "a second refresh", "InstanceRefreshInProgress", second)
    back = stage.scale("RollbackInstanceRefresh")
    code = "IrreversibleInstanceRefresh"
    stage.refused("IR-4", "without desired configuration", code, back)
    stage.quiet()
    stage.found("IR-6", "waits as", "InProgress", _status(stage, started))
    stage.found("IR-5", "replaced while suspended", 0, len(before - set(stage.serving())))
    stage.must("CancelInstanceRefresh")

    def ended() -> str:
        status = _status(stage, started)
        return "" if status in ("Pending", "InProgress", "Cancelling", "Unlisted") else status

    stage.found("IR-3", "how it ends", "Cancelled", stage.wait("the refresh ends", ended))


def _status(stage: Stage, refresh_id: str) -> str:
    rows = stage.must("DescribeInstanceRefreshes", InstanceRefreshIds=[refresh_id])
    return rows["InstanceRefreshes"][0]["Status"] if rows["InstanceRefreshes"] else "Unlisted"
