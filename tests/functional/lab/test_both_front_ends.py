"""The same story through HTTP and in process gives the same history and the same answers.

Both front ends act on worlds built from the same scenario. Each story is a function of an actor:
``call`` makes a call and keeps what it answered, or how it failed; ``wait`` lets time pass.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.parsers import ResponseParserError

from tests.lab.http import LabServer
from tests.lab.inprocess import InProcessAWS
from tests.lab.scenario import build
from tests.lab.world.assumptions import OTHERS

from .conftest import ONE_ATTEMPT, SESSION, WEB

#: Members that moto fills in and the world does not know, or that name subnets of moto's.
MOTOS_OWN = {"ResponseMetadata", "VPCZoneIdentifier", "HealthCheckPort", "Timestamp"}
SUBNET = re.compile("subnet-[0-9a-f]{17}")
#: What is compared of an instance as EC2 describes it; moto tells much more.
EC2_MEMBERS = ("InstanceId", "ImageId", "InstanceType", "LaunchTime", "State", "PrivateIpAddress")
TARGET_GROUP_MEMBERS = (
    "TargetGroupArn",
    "LoadBalancerArns",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
)
#: moto takes long to describe instances: at every so many looks only.
EC2_EVERY = 4
Clients = Callable[[str], Any]


class Actor:
    """Makes calls, lets time pass, and remembers every answer."""

    def __init__(self, clients: Clients, advance: Callable[[float], None]) -> None:
        self._clients = clients
        self.wait = advance
        self.answers: list[Any] = []
        self._looks = 0

    def call(self, service: str, method: str, **params: Any) -> Any:
        """Make one call; return its answer, or None when it failed."""
        try:
            answer = getattr(self._clients(service), method)(**params)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            self.answers.append((method, error.response["Error"]["Code"], status))
            return None
        except (ConnectionClosedError, ResponseParserError) as error:
            self.answers.append((method, type(error).__name__))
            return None
        self.answers.append((method, normal(answer)))
        return answer

    def attributes(self, arn: str) -> None:
        """Compare of DescribeTargetGroupAttributes how long a target drains."""
        answer = self._clients("elbv2").describe_target_group_attributes(TargetGroupArn=arn)
        shown = {row["Key"]: row["Value"] for row in answer["Attributes"]}
        self.answers.append(("delay", shown["deregistration_delay.timeout_seconds"]))

    def look(self) -> dict[str, str]:
        """Describe everything; return instance id → lifecycle state of ``web``, if it answers."""
        answer = self.call("autoscaling", "describe_auto_scaling_groups")
        if answer is None:
            return {}
        group = answer["AutoScalingGroups"][0]
        for arn in group["TargetGroupARNs"]:
            self.call("elbv2", "describe_target_health", TargetGroupArn=arn)
            self.target_group(arn)
            self.attributes(arn)
        for name in group["LoadBalancerNames"]:
            self.call("elb", "describe_instance_health", LoadBalancerName=name)
        self.call("autoscaling", "describe_auto_scaling_instances")
        self.call("autoscaling", "describe_scaling_activities", AutoScalingGroupName="web")
        self._looks += 1
        if self._looks % EC2_EVERY == 0:
            self.ec2()
        return {row["InstanceId"]: row["LifecycleState"] for row in group["Instances"]}

    def target_group(self, arn: str) -> None:
        """Compare of DescribeTargetGroups what both know."""
        answer = self._clients("elbv2").describe_target_groups(TargetGroupArns=[arn])
        (row,) = answer["TargetGroups"]
        self.answers.append(("target group", {key: row[key] for key in TARGET_GROUP_MEMBERS}))

    def ec2(self) -> None:
        """Compare of DescribeInstances what both know."""
        client = self._clients("ec2")
        rows = [
            {key: row[key] for key in EC2_MEMBERS if key in row and row["State"]["Code"] != 48}
            for item in client.describe_instances()["Reservations"]
            for row in item["Instances"]
        ]
        self.answers.append(
            ("ec2", normal(sorted(rows, key=lambda row: row.get("InstanceId", ""))))
        )

    def terminate(self, instance: str, decrement: bool = False) -> None:
        """Terminate one instance through its group."""
        self.call(
            "autoscaling",
            "terminate_instance_in_auto_scaling_group",
            InstanceId=instance,
            ShouldDecrementDesiredCapacity=decrement,
        )

    def resize(self, desired: int) -> None:
        """Set the desired capacity."""
        given = {"AutoScalingGroupName": "web", "DesiredCapacity": desired}
        self.call("autoscaling", "set_desired_capacity", **given)


def normal(value: Any) -> Any:
    """Return an answer without what has to differ between the front ends."""
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items() if key not in MOTOS_OWN}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, datetime):
        # The wire of EC2 has no fractions of a second.
        return value.astimezone(timezone.utc).replace(microsecond=0).isoformat()
    if isinstance(value, str):
        return SUBNET.sub("subnet", value)  # within the details of an activity
    return value


# -- stories --------------------------------------------------------------------------------------


def roll(actor: Actor) -> None:
    victims = list(actor.look())
    actor.resize(len(victims) + 1)
    for _ in range(30):
        actor.wait(40)
        states = list(actor.look().values())
        if victims and states.count("InService") > 6:
            victim = victims.pop(0)
            actor.terminate(victim, decrement=not victims)


def hooks(actor: Actor) -> None:
    actor.call("autoscaling", "describe_lifecycle_hooks", AutoScalingGroupName="web")
    actor.terminate(next(iter(actor.look())))
    for turn in range(20):
        actor.wait(20)
        for instance, state in actor.look().items():
            hook = {"Pending:Wait": "boot", "Terminating:Wait": "bye"}.get(state)
            if hook and turn % 2:
                actor.call(
                    "autoscaling",
                    "complete_lifecycle_action",
                    AutoScalingGroupName="web",
                    LifecycleHookName=hook,
                    LifecycleActionResult="CONTINUE",
                    InstanceId=instance,
                )


def refusals(actor: Actor) -> None:
    actor.call("autoscaling", "describe_account_settings")
    first = next(iter(actor.look()))
    actor.resize(99)
    actor.resize(0)
    actor.terminate("i-00000000000000bad")
    actor.call("autoscaling", "delete_auto_scaling_group", AutoScalingGroupName="web")
    actor.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=["nobody"])
    actor.call("ec2", "get_console_output", InstanceId=first)
    actor.call("ec2", "describe_instances", InstanceIds=["i-00000000000000bad"])
    actor.call("elbv2", "describe_target_health", TargetGroupArn="arn:aws:nothing")
    for _ in range(5):
        actor.terminate(first, decrement=True)
        actor.wait(1)


def seats(actor: Actor) -> None:
    first, second, third, *_ = actor.look()
    members = {"AutoScalingGroupName": "web", "InstanceIds": [first]}
    actor.call("autoscaling", "enter_standby", **members, ShouldDecrementDesiredCapacity=True)
    actor.call(
        "autoscaling",
        "set_instance_protection",
        AutoScalingGroupName="web",
        InstanceIds=[second],
        ProtectedFromScaleIn=True,
    )
    actor.call("autoscaling", "set_instance_health", InstanceId=third, HealthStatus="Unhealthy")
    for _ in range(10):
        actor.wait(30)
        actor.look()
    actor.call("autoscaling", "exit_standby", **members)
    actor.resize(3)
    for _ in range(10):
        actor.wait(30)
        actor.look()


def refresh(actor: Actor) -> None:
    actor.call("autoscaling", "start_instance_refresh", AutoScalingGroupName="web")
    actor.call("autoscaling", "start_instance_refresh", AutoScalingGroupName="web")
    for _ in range(10):
        actor.wait(60)
        actor.look()
        actor.call("autoscaling", "describe_instance_refreshes", AutoScalingGroupName="web")
    actor.call("autoscaling", "cancel_instance_refresh", AutoScalingGroupName="web")
    actor.wait(600)
    actor.look()


HOOKS = {
    "hooks": [
        {
            "name": name,
            "transition": f"autoscaling:EC2_INSTANCE_{transition}",
            "heartbeat_timeout": 120,
        }
        for name, transition in (("boot", "LAUNCHING"), ("bye", "TERMINATING"))
    ]
}
WEIGHTS = {
    "mixed": {
        "overrides": [{"type": "t3.micro", "weight": 1}, {"type": "t3.large", "weight": 2}],
        "distribution": {"OnDemandBaseCapacity": 1},
    }
}
CONFIGURED = {
    "configuration": {"name": "new", "image_id": "ami-00000000000000004"},
    "launched_on_configuration": {"name": "old", "image_id": "ami-00000000000000003"},
    "load_balancers": [{"name": "classic", "draining": 10}],
}
FAULTS = [
    {"kind": "throttle", "operation": "DescribeAutoScalingGroups", "nth": 5},
    {"kind": "lost_answer", "operation": "SetDesiredCapacity", "nth": 1},
    {
        "kind": "lost_answer",
        "operation": "TerminateInstanceInAutoScalingGroup",
        "nth": 2,
        "applied": False,
    },
    {"kind": "latency", "operation": "DescribeTargetHealth", "seconds": 7, "nth": 3},
    {"kind": "scaling_activity_in_progress", "nth": 3},
    {"kind": "html_error", "operation": "TerminateInstanceInAutoScalingGroup", "nth": 4},
    {"kind": "spot_reclaim", "at": 200},
    {"kind": "az_outage", "at": 400, "until": 700, "zone": "b"},
    {"kind": "operator_sets", "at": 900, "desired": 5},
    {"kind": "insufficient_capacity", "at": 0, "until": 60},
    {"kind": "template_version", "at": 500, "data": {"ImageId": "ami-00000000000000009"}},
]
ODD = [
    {"kind": "member_missing", "nth": 2, "count": 2, "pick": "random"},
    {"kind": "member_twice", "nth": 5},
    {"kind": "group_twice", "nth": 6},
    {"kind": "target_missing", "nth": 3, "members": 2},
    {"kind": "target_twice", "nth": 5},
    {"kind": "empty_answer", "nth": 8, "of": "members"},
    {"kind": "empty_answer", "operation": "DescribeScalingActivities", "nth": 4},
    {"kind": "launch_fails_first", "nth": 1, "seconds": 20},
    {"kind": "operator_refreshes", "operation": "DescribeAutoScalingGroups", "nth": 10},
]
TRAFFIC = [
    {"kind": "zonal_shift", "at": 100, "until": 400, "zone": "a"},
    {"kind": "zonal_autoshift", "at": 300, "until": 700, "zone": "b"},
    {"kind": "application_stops", "at": 200, "until": 500, "share": 0.5},
    {"kind": "listener_removed", "at": 800},
    {"kind": "listener_added", "at": 900},
    {"kind": "slow_launch", "seconds": 60, "count": 2},
]
CHECKED = {
    "target_groups": [
        {"name": "web", "health_check_interval": 7, "unhealthy_threshold": 3},
        {"name": "idle", "listener": False},
    ],
    "hooks": [
        {
            "name": "boot",
            "transition": "autoscaling:EC2_INSTANCE_LAUNCHING",
            "completes_after": 1,
        }
    ],
}
RETAINING = {
    "hooks": [
        {
            "name": "bye",
            "transition": "autoscaling:EC2_INSTANCE_TERMINATING",
            "heartbeat_timeout": 60,
        }
    ],
    "retains": True,
    "default_warmup": 30,
    "capacity_rebalance": True,
    "maintenance": {"min": 100, "max": 120},
}
FIRST = {"capacity_rebalance": True, "maintenance": {"min": 100, "max": 120}}
AT_RISK = [
    {"kind": "rebalance_recommendation", "at": 50, "pick": "oldest"},
    {"kind": "instance_dies", "at": 300, "pick": "newest", "how": "system"},
    {"kind": "spot_reclaim", "at": 500},
]
STORIES = [
    pytest.param(roll, {}, [], id="a roll by hand"),
    pytest.param(roll, {"standby": 1, "protected": 2}, [], id="standby and protected instances"),
    pytest.param(roll, CONFIGURED, [], id="launch configurations and a classic load balancer"),
    pytest.param(roll, {}, [{"kind": "stale_reads", "seconds": 20}], id="stale reads"),
    pytest.param(hooks, HOOKS, [], id="lifecycle hooks"),
    pytest.param(refusals, {}, [], id="refusals"),
    pytest.param(refusals, {"operator": "ecs.amazonaws.com"}, [], id="a group of an operator"),
    pytest.param(roll, RETAINING, [], id="settings, and instances that are retained"),
    pytest.param(seats, {}, [], id="standby, protection, health"),
    pytest.param(refresh, {}, [], id="an instance refresh"),
    pytest.param(refresh, WEIGHTS, [], id="weights"),
    pytest.param(roll, {}, FAULTS, id="faults"),
    pytest.param(roll, FIRST, AT_RISK, id="replacements that AWS launches first"),
    pytest.param(refresh, FIRST, [], id="a refresh that launches first"),
    pytest.param(roll, {}, ODD, id="odd answers"),
    pytest.param(roll, {}, TRAFFIC, id="traffic that is shifted, cut off, unanswered"),
    pytest.param(roll, CHECKED, TRAFFIC, id="health checks of its own, and an idle target group"),
]


def scenario(group: dict[str, Any], faults: list[dict[str, Any]]) -> dict[str, Any]:
    spec = copy.deepcopy(WEB)
    spec["groups"]["web"].update(copy.deepcopy(group))
    if "configuration" in group:
        del spec["groups"]["web"]["template"]
    return {**spec, "faults": faults}


def over_http(story: Callable[[Actor], None], spec: dict[str, Any]) -> tuple[Any, Any]:
    with LabServer(spec, manual=True) as lab:
        given = {
            "endpoint_url": lab.endpoint_url,
            "region_name": lab.world.region,
            "config": ONE_ATTEMPT,
        }
        clients = {name: SESSION.client(name, **given) for name in SERVICES}
        actor = Actor(clients.__getitem__, lab.advance)
        story(actor)
        return actor.answers, lab.history()


def in_process(story: Callable[[Actor], None], spec: dict[str, Any]) -> tuple[Any, Any]:
    world = build(spec)
    aws = InProcessAWS(world, call_seconds=0)
    actor = Actor(aws.client, aws.clock.sleep)
    story(actor)
    return actor.answers, world.history.plain()


#: A story that is shorter than this, in records, has not been told.
MUCH = 50
#: Nobody changes anything in a group that an operator manages.
FEW = 40
SERVICES = ("autoscaling", "ec2", "elb", "elbv2")


@pytest.mark.parametrize(("story", "group", "faults"), STORIES)
def test_both_front_ends_tell_the_same_story(story, group, faults):
    spec = scenario(group, faults)
    answers, history = over_http(story, spec)
    expected_answers, expected_history = in_process(story, spec)
    assert len(history) > (FEW if "operator" in group else MUCH)
    assert history == expected_history
    assert answers == expected_answers


@pytest.mark.parametrize("place", [0, -1], ids=["the first others", "the last others"])
def test_both_front_ends_take_the_same_other_assumptions(place):
    spec = scenario({"standby": 1}, FAULTS)
    spec["assumptions"] = {rule: names[place] for rule, names in OTHERS.items()}
    answers, history = over_http(roll, spec)
    expected_answers, expected_history = in_process(roll, spec)
    assert len(history) > MUCH
    assert history == expected_history
    assert answers == expected_answers
    assert in_process(roll, scenario({"standby": 1}, FAULTS))[1] != history
