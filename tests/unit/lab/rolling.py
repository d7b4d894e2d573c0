"""A plain sliding-window roll, so that the lab can be tested before and without the product."""

from __future__ import annotations

from typing import Any

from tests.lab.inprocess import InProcessAWS
from tests.lab.scenario import build
from tests.lab.world import World

TURN = 10.0  # seconds between two looks


def spec(desired: int = 6, **group: Any) -> dict[str, Any]:
    """Return a scenario with one group ``web`` in three zones behind a target group."""
    return {
        "seed": 7,
        "groups": {
            "web": {
                "min": 2,
                "max": desired + 2,
                "desired": desired,
                "zones": ["a", "b", "c"],
                "target_groups": ["web"],
                "template": {
                    "versions": [{"ImageId": "ami-00000001"}, {"ImageId": "ami-00000002"}],
                    "default": 2,
                    "launched_on": 1,
                },
                **group,
            }
        },
    }


def world(desired: int = 6, faults: tuple = (), **group: Any) -> World:
    """Return the world of ``spec``."""
    return build({**spec(desired, **group), "faults": list(faults)})


class Roll:
    """Replaces the given victims of the group ``web``: surge up, terminate what can be spared."""

    def __init__(self, aws: InProcessAWS, surge: int = 1, reserve: int = 0) -> None:
        self.aws, self.surge, self.reserve = aws, surge, reserve
        self.autoscaling = aws.client("autoscaling")
        self.elbv2 = aws.client("elbv2")
        group = self._group()
        self.victims = [item["InstanceId"] for item in group["Instances"]]
        self.live = group["DesiredCapacity"]

    def _group(self) -> dict[str, Any]:
        found = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
        return found["AutoScalingGroups"][0]

    def run(self, turns: int = 10_000) -> int:
        """Roll until all victims are gone; return the number of turns it took."""
        self.autoscaling.set_desired_capacity(
            AutoScalingGroupName="web",
            DesiredCapacity=self.live + min(self.surge, len(self.victims)),
        )
        for turn in range(turns):
            if not self._turn():
                return turn
            self.aws.clock.sleep(TURN)
        raise AssertionError("the roll does not end")

    def _turn(self) -> bool:
        group = self._group()
        (arn,) = group["TargetGroupARNs"]
        healthy = {
            item["Target"]["Id"]
            for item in self.elbv2.describe_target_health(TargetGroupArn=arn)[
                "TargetHealthDescriptions"
            ]
            if item["TargetHealth"]["State"] == "healthy"
        }
        serving = {
            item["InstanceId"]
            for item in group["Instances"]
            if item["LifecycleState"] == "InService"
            and item["HealthStatus"] == "Healthy"
            and item["InstanceId"] in healthy
        }
        members = {item["InstanceId"]: item["LifecycleState"] for item in group["Instances"]}
        alive = [
            key for key in self.victims if not members.get(key, "Terminating").startswith("Term")
        ]
        room = len(serving) - self.live + self.reserve
        for key in list(alive):
            if key in serving and room <= 0:
                continue
            room -= key in serving
            self.autoscaling.terminate_instance_in_auto_scaling_group(
                InstanceId=key, ShouldDecrementDesiredCapacity=len(alive) <= self.surge
            )
            alive.remove(key)
        return bool(alive)
