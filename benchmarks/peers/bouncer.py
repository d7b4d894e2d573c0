"""
bouncer, mode batch-canary (palantir/bouncer, batchcanary/runner.go and bouncer/asgset.go).

Modelled: one canary first, then batches of the surge; everything is read again every 15 s
(waitBetweenChecks), the group once and each member twice, DescribeInstances and
DescribeLaunchTemplates, one after the other; nothing is done while any member is on its way in or
out (IsTransient); new is healthy when InService and running, load balancers are not asked; old ones
go with decrement down to the final capacity. It ends when all are new and none is leaving.

Not modelled: lifecycle hooks and commands before a termination (there are none here); its timeout
for an item, taken as long enough.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.peers.stage import GROUP, Stage, ids, is_old

POLL_SECONDS = 15.0


@dataclass(frozen=True)
class Look:
    """What it knows after one round of reads."""

    desired: int
    old: list[str]
    new: list[str]
    healthy_old: list[str]
    healthy_new: list[str]
    leaving: bool

    @property
    def transient(self) -> bool:
        """Whether something is on its way in or out, or still to be launched."""
        return (
            self.leaving
            or len(self.healthy_new) < len(self.new)
            or self.desired != len(self.old) + len(self.new)
        )


def roll(stage: Stage) -> None:
    """Replace all old instances."""
    autoscaling, final = stage.client("autoscaling"), stage.case.size
    while True:
        seen = _look(stage)
        if not seen.transient:
            if not seen.old:
                return
            wanted = min(final + stage.case.surge, final + len(seen.old))
            if not seen.new:
                wanted = seen.desired + 1
            extra = len(seen.healthy_old) + len(seen.healthy_new) - final
            if wanted > seen.desired:
                autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=wanted)
            else:
                for key in seen.healthy_old[:extra]:
                    autoscaling.terminate_instance_in_auto_scaling_group(
                        InstanceId=key, ShouldDecrementDesiredCapacity=True
                    )
        stage.sleep(POLL_SECONDS)


def _look(stage: Stage) -> Look:
    group, ec2 = stage.group(), stage.client("ec2")
    members = group["Instances"]
    states = {}
    for key in ids(members):
        answer = ec2.describe_instances(InstanceIds=[key])
        states[key] = answer["Reservations"][0]["Instances"][0]["State"]["Name"]
        ec2.describe_launch_templates(
            LaunchTemplateIds=[group["LaunchTemplate"]["LaunchTemplateId"]]
        )
    old = [m for m in members if is_old(m, group)]
    new = [m for m in members if not is_old(m, group)]
    healthy = {
        m["InstanceId"]
        for m in members
        if m["LifecycleState"] == "InService" and states[m["InstanceId"]] == "running"
    }
    return Look(
        group["DesiredCapacity"],
        ids(old),
        ids(new),
        [key for key in ids(old) if key in healthy],
        [key for key in ids(new) if key in healthy],
        any(m["LifecycleState"].startswith("Terminating") for m in members),
    )
