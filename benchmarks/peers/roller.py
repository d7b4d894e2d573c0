"""
aws-asg-roller (deitch/aws-asg-roller, roller.go, aws.go, main.go, configs.go).

Modelled: a loop every 30 s (ROLLER_INTERVAL); desired grows by one, then one old instance at a time
is terminated without decrement as soon as one more than the original size is Healthy and all new
ones are ready in the eyes of Kubernetes (on by default); at the end desired is set back and AWS
chooses whom to remove. Desired is set with HonorCooldown, so the group's cooldown (300 s) delays
the end. A loop reads the group, its launch template twice, and all members in one call. It always
has one instance under way: surge does not matter.

Not modelled: Kubernetes itself. A node is ready when the instance truly serves, and draining it
takes no time.
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from benchmarks.peers.stage import GROUP, Stage, ids, is_old

POLL_SECONDS = 30.0


def roll(stage: Stage) -> None:
    """Loop until the group is found to be as wanted; the real one goes on for ever."""
    while _adjust(stage):
        stage.sleep(POLL_SECONDS)


def _adjust(stage: Stage) -> bool:
    """One round; says whether there was anything to do."""
    autoscaling, original = stage.client("autoscaling"), stage.case.size
    group = stage.group()
    template = [group["LaunchTemplate"]["LaunchTemplateId"]]
    stage.client("ec2").describe_launch_templates(LaunchTemplateIds=template)
    members = group["Instances"]
    old = ids([m for m in members if is_old(m, group)])
    new = ids([m for m in members if not is_old(m, group)])
    desired = group["DesiredCapacity"]
    if not old and desired == original:
        return False
    stage.client("ec2").describe_instances(InstanceIds=ids(members))
    stage.client("ec2").describe_launch_templates(LaunchTemplateIds=template)
    if not old or desired == original:
        try:
            autoscaling.set_desired_capacity(
                AutoScalingGroupName=GROUP,
                DesiredCapacity=original + bool(old),
                HonorCooldown=True,
            )
        except ClientError as exc:
            if exc.response["Error"]["Code"] != "ScalingActivityInProgress":
                raise
        return True
    healthy = sum(m["HealthStatus"] == "Healthy" for m in members)
    if healthy > original and stage.serving().issuperset(new):
        autoscaling.terminate_instance_in_auto_scaling_group(
            InstanceId=old[0], ShouldDecrementDesiredCapacity=False
        )
    return True
