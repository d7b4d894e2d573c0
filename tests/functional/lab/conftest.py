"""A lab with a group behind a target group, and clients that try every call once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.lab.http import LabServer

ONE_ATTEMPT = Config(retries={"total_max_attempts": 1, "mode": "standard"})
#: One for all tests: a session keeps the service models, which take long to load.
SESSION = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing")
#: Three zones, six instances of version 1, version 2 being the default.
WEB = {
    "seed": 7,
    "boot": {"median": 60, "sigma": 0.3},
    "groups": {
        "web": {
            "min": 2,
            "max": 8,
            "desired": 6,
            "zones": ["a", "b", "c"],
            "target_groups": [{"name": "web", "deregistration_delay": 30}],
            "template": {
                "name": "web",
                "versions": [
                    {"ImageId": "ami-00000000000000001", "InstanceType": "t3.micro"},
                    {
                        "ImageId": "ami-00000000000000002",
                        "InstanceType": "t3.small",
                        "UserData": "IyEvYmluL3NoCg==",
                    },
                ],
                "default": 2,
                "launched_on": 1,
            },
        }
    },
}


class Aws:
    """boto3 clients for one lab, and what tests ask most."""

    def __init__(self, lab: LabServer) -> None:
        self.lab = lab
        self.autoscaling = self.client("autoscaling")
        self.ec2 = self.client("ec2")
        self.elbv2 = self.client("elbv2")
        self.elb = self.client("elb")

    def client(self, service: str, **options: Any) -> Any:
        """Return a client of one service."""
        given = {
            "endpoint_url": self.lab.endpoint_url,
            "region_name": self.lab.world.region,
            "config": ONE_ATTEMPT,
        }
        return SESSION.client(service, **{**given, **options})

    def group(self, name: str = "web") -> dict[str, Any]:
        """Return a group as DescribeAutoScalingGroups shows it."""
        answer = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return answer["AutoScalingGroups"][0]

    def ids(self, name: str = "web", state: str | None = None) -> list[str]:
        """Return the ids of a group's instances, all or those in one lifecycle state."""
        rows = self.group(name)["Instances"]
        return [row["InstanceId"] for row in rows if state in (None, row["LifecycleState"])]

    def target_states(self, name: str = "web") -> dict[str, str]:
        """Return instance id → state in the group's first target group."""
        arn = self.group(name)["TargetGroupARNs"][0]
        rows = self.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {row["Target"]["Id"]: row["TargetHealth"]["State"] for row in rows}


@pytest.fixture
def start() -> Iterator[Callable[..., Aws]]:
    """Return a function that starts a lab, with manual time unless told otherwise."""
    with ExitStack() as stack:

        def begin(scenario: Any = WEB, manual: bool = True, **options: Any) -> Aws:
            return Aws(stack.enter_context(LabServer(scenario, manual=manual, **options)))

        yield begin


@pytest.fixture
def aws(start: Callable[..., Aws]) -> Aws:
    """A lab with the group ``web``."""
    return start()
