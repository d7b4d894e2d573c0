"""Lifecycle hooks, and instances that wait for them."""

from __future__ import annotations

from typing import Any

from verify.settings import SIZE
from verify.stage import Stage

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
FIRST, SECOND = "asgcycle-verify-1", "asgcycle-verify-2"
#: Seconds: far longer than a probe takes, and the shortest that AWS allows.
LONG, SHORT = 3600, 30


def launching(stage: Stage) -> None:
    """HK-1, HK-2, HK-4, HK-7, HK-8: launches that wait for two hooks."""
    _put(stage, FIRST, LAUNCHING)
    _put(stage, SECOND, LAUNCHING)
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    new = stage.new_member(before)
    seen = stage.states_until(new, "Pending:Wait")
    stage.found("HK-1", "waits", True, set(seen) <= {"Pending", "Pending:Wait"})
    beat = stage.scale("RecordLifecycleActionHeartbeat", LifecycleHookName=FIRST, InstanceId=new)
    stage.found("HK-4", "a heartbeat while it waits", "ok", beat.code, beat.text)
    _complete(stage, FIRST, new, "CONTINUE")
    stage.quiet()
    stage.found("HK-8", "with one of two continued", "Pending:Wait", stage.state(new))
    _complete(stage, SECOND, new, "CONTINUE")
    stage.states_until(new, "InService")
    stage.found("HK-1", "goes on when continued", "InService", stage.state(new))
    _abandoned(stage)


def _abandoned(stage: Stage) -> None:
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 2)
    new = stage.new_member(before)
    stage.states_until(new, "Pending:Wait")
    _complete(stage, FIRST, new, "ABANDON")
    known = {**before, new: {}}
    another = stage.new_member(known)
    stage.found("HK-2", "replaced when abandoned", True, bool(another))
    stage.states_until(new, "gone")
    stage.states_until(another, "Pending:Wait")
    for hook in (FIRST, SECOND):
        stage.must("DeleteLifecycleHook", LifecycleHookName=hook)
    stage.states_until(another, "gone")
    stage.found("HK-7", "deleting the hook abandons the launch", "gone", stage.state(another))


def timeout(stage: Stage) -> None:
    """HK-3: nobody answers."""
    _put(stage, FIRST, LAUNCHING, HeartbeatTimeout=SHORT, DefaultResult="CONTINUE")
    before = stage.members()
    stage.must("SetDesiredCapacity", DesiredCapacity=SIZE + 1)
    new = stage.new_member(before)
    stage.states_until(new, "InService")
    stage.found("HK-3", "takes the default result", "InService", stage.state(new))


def terminating(stage: Stage) -> None:
    """HK-5: a termination that waits, and is abandoned."""
    _put(stage, FIRST, TERMINATING)
    one = stage.serving()[0]
    stage.terminate(one)
    stage.states_until(one, "Terminating:Wait")
    stage.found("HK-5", "waits", "Terminating:Wait", stage.state(one))
    _complete(stage, FIRST, one, "ABANDON")
    stage.states_until(one, "gone")
    stage.found("HK-5", "either result ends it", "gone", stage.state(one))


def _put(stage: Stage, name: str, transition: str, **settings: Any) -> None:
    stage.must(
        "PutLifecycleHook",
        LifecycleHookName=name,
        LifecycleTransition=transition,
        **{"HeartbeatTimeout": LONG, "DefaultResult": "ABANDON", **settings},
    )


def _complete(stage: Stage, hook: str, instance: str, result: str) -> None:
    stage.must(
        "CompleteLifecycleAction",
        LifecycleHookName=hook,
        InstanceId=instance,
        LifecycleActionResult=result,
    )
