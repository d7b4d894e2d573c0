"""
AWS's Instance Refresh, launching before terminating: MinHealthyPercentage 100,
MaxHealthyPercentage 100 plus the surge (EC2 Auto Scaling user guide, "How an instance refresh works
in an Auto Scaling group": instances are replaced in batches based on both percentages, and launched
before others are terminated when the minimum is 100).

Modelled: a batch of the surge is launched, and the next one is begun when all members serve, also
behind the load balancer: users see it wait until the load balancer has judged the remaining ones
(AWS re:Post, "asg instance refresh spends too much time evaluating instance health"). Its inner
calls cost nothing and are not counted; a person watches with DescribeInstanceRefreshes every 30 s,
and StartInstanceRefresh is one call more than is counted.

Assumed, in its favour: it looks at its group as often as a group reacts; no warmup, no checkpoint,
no bake time; the departure of the old ones does not hold up the next batch. The same report
tells of another minute after each batch, which is not modelled.
"""

from __future__ import annotations

from benchmarks.peers.stage import DELAYS, GROUP, Stage

WATCH_SECONDS = 30.0


def roll(stage: Stage) -> None:
    """Replace all members in batches, as AWS does it inside, and watch."""
    world, group = stage.world, stage.world.groups[GROUP]
    size, batch = stage.case.size, stage.case.surge
    old = sorted(group.instances)
    world.set_desired_capacity(GROUP, size + min(batch, len(old)), actor="aws")
    watched = stage.now()
    while old or len(stage.serving()) < size:
        stage.sleep(DELAYS.reaction)
        if stage.now() - watched >= WATCH_SECONDS:
            stage.client("autoscaling").describe_instance_refreshes(AutoScalingGroupName=GROUP)
            watched = stage.now()
        if len(stage.serving()) < group.desired:
            continue
        chunk, old = old[:batch], old[batch:]
        for number, key in enumerate(chunk, 1):
            left = len(chunk) - number + len(old)
            # the last ones are not replaced any more: their replacements are there
            beyond = group.desired > size + min(batch, left)
            world.terminate_instance(key, decrement=beyond, actor="aws")
