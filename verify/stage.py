"""The stage on which probes play: one group; ways to look, to wait, and to say what was found.

A probe finds the group at rest and may leave it in any state; `rest` puts it back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from verify.account import Account, Answer, Refused
from verify.settings import MAX, MIN, POLL, QUIET, READY, SIZE, Run
from verify.things import Network
from verify.transcript import Transcript

Member = dict[str, Any]
T = TypeVar("T")
#: Has the form of an id, and nothing has it.
NOBODY = "i-0123456789abcdef0"
NO_IMAGE = "ami-0123456789abcdef0"
#: Seconds in which a group launches what it misses. It notices a dead machine within minutes.
COMES = 600.0
#: Left to itself a group evens out its zones some minutes after a probe, in the middle of the next.
SUSPENDED_AT_REST = frozenset({"AZRebalance"})
#: AWS's settings of a group at rest; what differs is put back.
AT_REST = {
    "MinSize": MIN,
    "MaxSize": MAX,
    "DesiredCapacity": SIZE,
    "DefaultCooldown": 300,
    "HealthCheckGracePeriod": 300,
    "TerminationPolicies": ["Default"],
    "NewInstancesProtectedFromScaleIn": False,
}
#: Takes a maintenance policy back (API UpdateAutoScalingGroup).
NO_POLICY = {"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1}


class TooLate(Exception):
    """Something did not come in time; the text says what, and what was seen last."""


@dataclass(frozen=True)
class Finding:
    """One point of a rule: what the rule says, and what AWS did.

    Args:
        rule: its id in tests/lab/RULES.md.
        point: which part of it, in a few words.
        expected, seen: plain values that JSON can hold.
        text: AWS's message, scrubbed; wording is compared apart.
    """

    rule: str
    point: str
    expected: Any
    seen: Any
    text: str = ""

    @property
    def agrees(self) -> bool:
        """Say whether AWS did what the rule says."""
        return self.expected == self.seen


@dataclass
class Stage:
    """See the module.

    Args:
        run, account, transcript: of the run.
        network: where the instances are.
        template: id of the launch template.
        target_group: ARN of the target group, once there is one.
        clock, sleep: real seconds; injected.
    """

    run: Run
    account: Account
    transcript: Transcript
    network: Network
    template: str
    target_group: str = ""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    findings: list[Finding] = field(default_factory=list)
    _last_seen: str = "nothing yet"

    # -- asking ---------------------------------------------------------------------------------

    def scale(self, operation: str, **params: Any) -> Answer:
        """Make a call of Auto Scaling about the group; a refusal is an answer."""
        params.setdefault("AutoScalingGroupName", self.run.name)
        return self.account.ask("autoscaling", operation, **params)

    def must(self, operation: str, **params: Any) -> dict[str, Any]:
        """Make a call of Auto Scaling about the group that has to succeed."""
        answer = self.scale(operation, **params)
        if not answer.ok:
            raise Refused(operation, answer.code, answer.text)
        return answer.data

    def group(self) -> dict[str, Any]:
        """Return the group as DescribeAutoScalingGroups shows it; empty when it is not there."""
        data = self.account.must(
            "autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[self.run.name]
        )
        found = data["AutoScalingGroups"]
        self._last_seen = _in_brief(found[0]) if found else "no such group"
        return found[0] if found else {}

    def members(self) -> dict[str, Member]:
        """Return the group's instances by id."""
        return {item["InstanceId"]: item for item in self.group().get("Instances", ())}

    def serving(self) -> list[str]:
        """Return the ids that are InService, in the order of the answer."""
        return [
            key for key, item in self.members().items() if item["LifecycleState"] == "InService"
        ]

    def state(self, instance: str) -> str:
        """Return the lifecycle state of an instance, ``gone`` when the group has it no more."""
        return self.members().get(instance, {}).get("LifecycleState", "gone")

    def terminate(self, instance: str, decrement: bool = False) -> Answer:
        """TerminateInstanceInAutoScalingGroup."""
        return self.account.ask(
            "autoscaling",
            "TerminateInstanceInAutoScalingGroup",
            InstanceId=instance,
            ShouldDecrementDesiredCapacity=decrement,
        )

    def resize(self, **sizes: int) -> None:
        """UpdateAutoScalingGroup, which has to succeed."""
        self.must("UpdateAutoScalingGroup", **sizes)

    def version(self, number: str, **data: Any) -> str:
        """Make a launch template version on top of version 1; return its number."""
        made = self.account.must(
            "ec2",
            "CreateLaunchTemplateVersion",
            LaunchTemplateId=self.template,
            SourceVersion=number,
            LaunchTemplateData=data,
        )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def use_version(self, number: str) -> Answer:
        """Let the group launch from a version."""
        spec = {"LaunchTemplateId": self.template, "Version": number}
        return self.scale("UpdateAutoScalingGroup", LaunchTemplate=spec)

    def health(self, *instances: str) -> dict[str, dict[str, Any]]:
        """Return the target health of all targets, or of these, by instance."""
        asked = {"Targets": [{"Id": key} for key in instances]} if instances else {}
        data = self.account.must(
            "elbv2", "DescribeTargetHealth", TargetGroupArn=self.target_group, **asked
        )
        rows = data["TargetHealthDescriptions"]
        return {row["Target"]["Id"]: row["TargetHealth"] for row in rows}

    def override(self, instance: str) -> str:
        """Return what is said of a target's AdministrativeOverride, ``none`` for nothing."""
        rows = self.account.must(
            "elbv2",
            "DescribeTargetHealth",
            TargetGroupArn=self.target_group,
            Targets=[{"Id": instance}],
        )["TargetHealthDescriptions"]
        return rows[0].get("AdministrativeOverride", {}).get("State", "none")

    # -- waiting --------------------------------------------------------------------------------

    def wait(self, what: str, check: Callable[[], T], seconds: float = READY) -> T:
        """Look until ``check`` returns something true; return that.

        Raises:
            TooLate: it did not in so many seconds of the endpoint.
        """
        begun = self.clock()
        while True:
            found = check()
            if found:
                return found
            if self.clock() - begun > self.run.patience(seconds):
                raise TooLate(f"{what}: not within {seconds:.0f} s; last seen: {self._last_seen}")
            self.sleep(self.run.pause(POLL))

    def new_member(self, before: dict[str, Member], seconds: float = READY) -> str:
        """Wait for an instance that was not there before; return its id."""
        return self.wait(
            "an instance is launched",
            lambda: next(iter(self.members().keys() - before), ""),
            seconds,
        )

    def comes(self, before: dict[str, Member]) -> bool:
        """Say whether an instance is launched that was not there before."""
        try:
            return bool(self.new_member(before, COMES))
        except TooLate:
            return False

    def quiet(self) -> None:
        """Let the time pass in which a group would have reacted."""
        self.sleep(self.run.pause(QUIET))

    def states_until(self, instance: str, last: str, seconds: float = READY) -> list[str]:
        """Look until an instance is in state ``last``; return the states that were seen."""
        seen: list[str] = []

        def there() -> bool:
            state = self.state(instance)
            if seen[-1:] != [state]:
                seen.append(state)
            return state == last

        begun = self.clock()
        self.wait(f"{instance} is {last}", there, seconds)
        self.measured(f"{seen[0]} until {last}", begun)
        return seen

    def measured(self, what: str, since: float) -> None:
        """Write how long something took, in seconds of the endpoint; no rule says how long."""
        seconds = round((self.clock() - since) * self.run.speed, 1)
        self.transcript.write("measured", probe=self.transcript.probe, what=what, seconds=seconds)

    # -- finding --------------------------------------------------------------------------------

    def found(self, rule: str, point: str, expected: Any, seen: Any, text: str = "") -> None:
        """Say what a rule expects and what was seen."""
        finding = Finding(rule, point, expected, seen, self.transcript.text(text))
        self.findings.append(finding)
        self.transcript.write("finding", probe=self.transcript.probe, **vars(finding))

    def refused(self, rule: str, point: str, code: str, answer: Answer) -> None:
        """Say with which code a call was expected to be refused, and how it was answered."""
        self.found(rule, point, code, answer.code, answer.text)

    # -- rest -----------------------------------------------------------------------------------

    def rest(self) -> None:
        """Put the group back and wait until it is whole.

        Raises:
            TooLate: it does not become whole.
            Refused: AWS does not let us put it back.
        """
        group = self.group()
        self._processes({item["ProcessName"] for item in group.get("SuspendedProcesses", ())})
        for hook in self.must("DescribeLifecycleHooks")["LifecycleHooks"]:
            self.must("DeleteLifecycleHook", LifecycleHookName=hook["LifecycleHookName"])
        protected = [
            item["InstanceId"]
            for item in group["Instances"]
            if item["ProtectedFromScaleIn"] and item["LifecycleState"] in ("InService", "Standby")
        ]
        if protected:
            self.must("SetInstanceProtection", InstanceIds=protected, ProtectedFromScaleIn=False)
        wrong = {key: value for key, value in AT_REST.items() if group.get(key) != value}
        if group["LaunchTemplate"].get("Version") != "1":
            wrong["LaunchTemplate"] = {"LaunchTemplateId": self.template, "Version": "1"}
        if (group.get("InstanceMaintenancePolicy") or NO_POLICY) != NO_POLICY:
            wrong["InstanceMaintenancePolicy"] = NO_POLICY
        parked = [
            item["InstanceId"] for item in group["Instances"] if item["LifecycleState"] == "Standby"
        ]
        if parked:
            self.must("ExitStandby", InstanceIds=parked)
        if wrong or parked:
            self.must("UpdateAutoScalingGroup", **{**wrong, "DesiredCapacity": SIZE})
        self.wait("the group is whole", self._whole)

    def _processes(self, suspended: set[str]) -> None:
        if suspended - SUSPENDED_AT_REST:
            extra = sorted(suspended - SUSPENDED_AT_REST)
            self.must("ResumeProcesses", ScalingProcesses=extra)
        if SUSPENDED_AT_REST - suspended:
            self.must("SuspendProcesses", ScalingProcesses=sorted(SUSPENDED_AT_REST))

    def _whole(self) -> bool:
        members = self.members().values()
        states = [item["LifecycleState"] for item in members]
        healthy = all(
            item["HealthStatus"] == "Healthy"
            for item in members
            if item["LifecycleState"] == "InService"
        )
        leaving = sum(state.startswith("Terminat") for state in states)
        return healthy and states.count("InService") == SIZE == len(states) - leaving


def _in_brief(group: dict[str, Any]) -> str:
    states: dict[str, int] = {}
    for item in group["Instances"]:
        states[item["LifecycleState"]] = states.get(item["LifecycleState"], 0) + 1
    told = ", ".join(f"{number} {state}" for state, number in states.items()) or "no instance"
    return f"desired {group['DesiredCapacity']}, {told}"
