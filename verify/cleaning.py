"""Deletes what a run has made: finds it by its tag, reads the tag again, deletes by exact id.

In this order, because each holds the next: group, instances, load balancer, target group, launch
template, security group. Whatever is gone already is passed over, so that it can be done twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from verify.account import Account, Refused
from verify.settings import POLL, READY, TAG, Run

#: How AWS's codes end for what is not there (any more).
GONE = ("NotFound", "NotFoundException")
#: AWS's words for what is held by something that is on its way out.
HELD = (
    "DependencyViolation",
    "ResourceInUse",
    "ScalingActivityInProgress",
    "OperationNotPermitted",
)
#: Looks one after the other that have to find nothing: what was just made may be missing in one.
SURE = 3
#: Auto Scaling's texts for a group that is not there (any more), under its code for everything.
GROUP_GONE = ("not found", "pending delete")


@dataclass(frozen=True)
class Thing:
    """Something in the account. ``run`` is the value of its tag, None where it has none."""

    kind: str
    id: str
    run: str | None

    def __str__(self) -> str:
        # of an ARN like …:targetgroup/NAME/0123 the name says enough
        name = self.id.split("/")[-2] if self.id.startswith("arn:") else self.id
        return f"{self.kind} {name}"


class NotOurs(Exception):
    """Something of our name that has not our tag; it is left alone."""


def runs(account: Account) -> list[str]:
    """Return the ids of the runs of which something is left, by the tag."""
    any_run = [{"Name": "tag-key", "Values": [TAG]}]
    found = _groups(account, any_run) + _instances(account, any_run)
    found += _templates(account, any_run) + _security_groups(account, any_run)
    return sorted({thing.run for thing in found if thing.run})


def left(account: Account, run: Run) -> list[Thing]:
    """Return what there is of a run, in the order in which it can be deleted.

    A load balancer or target group of the run's name is in it also without the tag.
    """
    mine = [{"Name": f"tag:{TAG}", "Values": [run.id]}]
    return [
        *_groups(account, mine),
        *_instances(account, mine),
        *_balancing(account, run, "DescribeLoadBalancers", "load balancer"),
        *_balancing(account, run, "DescribeTargetGroups", "target group"),
        *_templates(account, mine),
        *_security_groups(account, mine),
    ]


def clean(
    account: Account,
    run: Run,
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> list[str]:
    """Delete everything of a run; return what is left and why, one text each.

    Args:
        account: calls.
        run: which; its id and where.
        say: told of each thing that is deleted.
        sleep, clock: real seconds; injected.
    """
    deadline = clock() + run.patience(READY)
    told: set[str] = set()
    empty = 0
    while True:
        found = left(account, run)
        if not found:
            empty += 1
            if empty == SURE:
                return []
            sleep(run.pause(POLL))
            continue
        empty = 0
        problems = []
        grouped = any(thing.kind == "group" for thing in found)
        for thing in found:
            if thing.kind == "instance" and grouped:
                continue  # the group ends its own; others wait until it cannot replace them
            try:
                done = delete(account, run, thing)
            except (NotOurs, Refused) as why:
                problems.append(f"{thing}: {why}")
                continue
            if str(thing) not in told and done:
                told.add(str(thing))
                say(f"deleting {thing}")
        stuck = [thing for thing in found if thing.run == run.id]
        if not stuck:
            return problems
        if clock() > deadline:
            held = [f"{thing}: is still there" for thing in stuck]
            return problems or held
        sleep(run.pause(POLL))


def delete(account: Account, run: Run, thing: Thing) -> bool:
    """Delete one thing, if it can be deleted by now; say whether AWS has taken the order.

    Raises:
        NotOurs: it has not this run's tag.
        Refused: AWS does not let us, for another reason than that something still holds it.
    """
    if thing.run != run.id:
        raise NotOurs(f"has not the tag {TAG}={run.id}, so it is left alone")
    service, operation, params = DELETIONS[thing.kind](thing.id)
    answer = account.ask(service, operation, **params)
    if answer.ok:
        return True
    if answer.code.endswith(GONE) or answer.code in HELD:
        return False
    if thing.kind == "group" and any(text in answer.text for text in GROUP_GONE):
        return False
    raise Refused(operation, answer.code, answer.text)


#: Kind → (service, operation, parameters) that delete the thing of an id.
DELETIONS: dict[str, Callable[[str], tuple[str, str, dict[str, Any]]]] = {
    "group": lambda name: (
        "autoscaling",
        "DeleteAutoScalingGroup",
        {"AutoScalingGroupName": name, "ForceDelete": True},
    ),
    "instance": lambda key: ("ec2", "TerminateInstances", {"InstanceIds": [key]}),
    "load balancer": lambda arn: ("elbv2", "DeleteLoadBalancer", {"LoadBalancerArn": arn}),
    "target group": lambda arn: ("elbv2", "DeleteTargetGroup", {"TargetGroupArn": arn}),
    "launch template": lambda key: ("ec2", "DeleteLaunchTemplate", {"LaunchTemplateId": key}),
    "security group": lambda key: ("ec2", "DeleteSecurityGroup", {"GroupId": key}),
}


def _value(tags: list[dict[str, Any]]) -> str | None:
    return next((item["Value"] for item in tags if item["Key"] == TAG), None)


def _groups(account: Account, filters: list[dict[str, Any]]) -> list[Thing]:
    rows = account.pages(
        "autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups", Filters=filters
    )
    return [Thing("group", row["AutoScalingGroupName"], _value(row["Tags"])) for row in rows]


def _instances(account: Account, filters: list[dict[str, Any]]) -> list[Thing]:
    alive = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    rows = account.pages("ec2", "DescribeInstances", "Reservations", Filters=[*filters, alive])
    members = [item for row in rows for item in row["Instances"]]
    return [Thing("instance", item["InstanceId"], _value(item["Tags"])) for item in members]


def _templates(account: Account, filters: list[dict[str, Any]]) -> list[Thing]:
    rows = account.pages("ec2", "DescribeLaunchTemplates", "LaunchTemplates", Filters=filters)
    return [
        Thing("launch template", row["LaunchTemplateId"], _value(row.get("Tags", [])))
        for row in rows
    ]


def _security_groups(account: Account, filters: list[dict[str, Any]]) -> list[Thing]:
    rows = account.pages("ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=filters)
    return [Thing("security group", row["GroupId"], _value(row.get("Tags", []))) for row in rows]


def _balancing(account: Account, run: Run, operation: str, kind: str) -> list[Thing]:
    """Load balancers and target groups have no filter by tag: by exact name, then the tag."""
    answer = account.ask("elbv2", operation, Names=[run.name])
    if answer.code.endswith(GONE):
        return []
    if not answer.ok:
        raise Refused(operation, answer.code, answer.text)
    key, member = (
        ("LoadBalancers", "LoadBalancerArn")
        if kind == "load balancer"
        else ("TargetGroups", "TargetGroupArn")
    )
    arns = [row[member] for row in answer.data[key]]
    if not arns:
        return []
    tags = account.must("elbv2", "DescribeTags", ResourceArns=arns)["TagDescriptions"]
    return [Thing(kind, row["ResourceArn"], _value(row["Tags"])) for row in tags]
