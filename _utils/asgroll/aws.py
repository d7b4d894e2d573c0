"""
The only place that calls AWS: paging, chunking, retries, error mapping and call counting.

Reads are retried by botocore. Calls that change something get exactly one attempt: a blind retry
of a terminate-with-decrement whose answer was lost could decrement twice, so after an unclear
answer the engine observes before it decides again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError

from asgroll import awserrors, clock
from asgroll.awswords import (
    target_name,
    to_activity,
    to_classic_drain,
    to_classic_targets,
    to_drain,
    to_group,
    to_instance,
    to_machine,
    to_targets,
)
from asgroll.errors import Missing
from asgroll.world import Activity, Group, Instance, Machine, Recipe, TargetHealth, World

ClientFactory = Callable[..., Any]

#: botocore's own retries for reads: 5 attempts with back-off cover short throttling.
READ_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=5,
    read_timeout=30,
    user_agent_extra="asgcycle",
)
CHANGE_CONFIG = READ_CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))

#: Values that one EC2 filter may carry (EC2 API reference, "Filter").
FILTER_VALUES = 200
#: Page size of DescribeAutoScalingGroups and DescribeScalingActivities (API reference).
PAGE = 100

#: How a launch template names an image by a Systems Manager parameter (EC2 Auto Scaling user guide,
#: "Use AWS Systems Manager parameters instead of AMI IDs in launch templates").
ALIAS = "resolve:ssm:"

#: States in which an instance refresh owns the group (botocore: InstanceRefreshStatus).
ACTIVE_REFRESH = frozenset({"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"})


class Aws:
    """
    A gateway to one region of one account.

    :param client_factory: ``factory(service, config=Config)`` returning a boto3 client;
        see ``asgroll.session.client_factory``.
    :param now: the clock that leases are written by, seconds since the epoch.
    """

    def __init__(self, client_factory: ClientFactory, now: Callable[[], float] = time.time):
        self._factory = client_factory
        self._now = now
        self._clients: dict[tuple[str, bool], Any] = {}
        #: number of calls by operation since this object was made
        self.calls: Counter[str] = Counter()
        #: whether AWS has answered one of them: then our credentials are good, if they can be had
        self._worked = False
        #: how far our clock is from AWS's; None while no answer has told
        self.offset: clock.Offset | None = None

    # --- plumbing

    def _call(self, service: str, operation: str, *, change: bool = False, **params) -> dict:
        self.calls[operation] += 1
        began = self._now()
        try:
            answer = getattr(self._client(service, change), xform_name(operation))(**params)
        except awserrors.FAILURES as exc:
            if isinstance(exc, NoCredentialsError):
                self._clients.pop((service, change), None)  # it would never look for any again
            if isinstance(exc, RuntimeError) and "refreshed credentials" not in str(exc):
                raise  # a defect of ours
            if isinstance(exc, ClientError):
                self._compare_clocks(exc.response, began)
            raise awserrors.translate(
                exc, operation, change=change, worked=self._worked, offset=self.offset
            ) from exc
        self._worked = True
        self._compare_clocks(answer, began)
        return answer

    def _compare_clocks(self, answer: Mapping[str, Any], began: float) -> None:
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        new = clock.measured(headers.get("date", ""), began, self._now())
        if new is not None:
            self.offset = clock.narrowed(self.offset, new)

    def _client(self, service: str, change: bool):
        key = (service, change)
        if key not in self._clients:
            config = CHANGE_CONFIG if change else READ_CONFIG
            self._clients[key] = self._factory(service, config=config)
        return self._clients[key]

    def _pages(self, service: str, operation: str, **params) -> Iterator[dict]:
        token: str | None = None
        while True:
            extra = {"NextToken": token} if token else {}
            page = self._call(service, operation, **params, **extra)
            yield page
            token = page.get("NextToken")
            if not token:
                return

    # --- reading

    def observe(self, name: str, now: float) -> World:
        """
        One observation of a group: the group, and each target group and load balancer once.

        :raises Missing: no such group in this region.
        """
        raw = self._group(name)
        group = to_group(raw)
        instances = {r["InstanceId"]: to_instance(r) for r in raw.get("Instances", [])}
        targets = {target_name(arn): self._target_health(arn) for arn in group.target_groups}
        targets |= {
            f"classic {name}": self._load_balancer_health(name) for name in group.load_balancers
        }
        return World(group=group, instances=instances, targets=targets, taken_at=now)

    def identify(self, name: str) -> str:
        """The group's ARN; raises Missing when there is no such group."""
        return self._group(name).get("AutoScalingGroupARN", "")

    def _group(self, name: str) -> dict:
        answer = self._call(
            "autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name]
        )
        for raw in answer["AutoScalingGroups"]:
            if raw["AutoScalingGroupName"] == name:
                return raw
        raise Missing(
            f"there is no Auto Scaling Group {name!r} in this region and account; "
            "see `salt-run asgcycle.list`, and check region, profile and role_arn",
            operation="DescribeAutoScalingGroups",
        )

    def _target_health(self, arn: str) -> dict[str, TargetHealth]:
        return to_targets(self._call("elbv2", "DescribeTargetHealth", TargetGroupArn=arn))

    def _load_balancer_health(self, name: str) -> dict[str, TargetHealth]:
        return to_classic_targets(
            self._call("elb", "DescribeInstanceHealth", LoadBalancerName=name)
        )

    def group(self, name: str) -> Group:
        """The group by itself, without asking any load balancer. Raises Missing."""
        return to_group(self._group(name))

    def groups(self) -> list[tuple[Group, list[Instance]]]:
        """All groups of the region with their members, by name."""
        pages = self._pages("autoscaling", "DescribeAutoScalingGroups", MaxRecords=PAGE)
        found = [
            (to_group(raw), [to_instance(r) for r in raw.get("Instances", [])])
            for page in pages
            for raw in page["AutoScalingGroups"]
        ]
        return sorted(found, key=lambda pair: pair[0].name)

    def activities(self, name: str) -> tuple[Activity, ...]:
        """
        The newest scaling activities of the group, up to one page, newest first; when they began by
        our clock, as far as it is known how far that is from AWS's.
        """
        answer = self._call(
            "autoscaling", "DescribeScalingActivities", AutoScalingGroupName=name, MaxRecords=PAGE
        )
        ahead = self.offset.proven if self.offset is not None else 0.0
        found = (to_activity(raw) for raw in answer["Activities"])
        return tuple(replace(a, started_at=a.started_at + ahead) for a in found)

    def alarms(self, names: Iterable[str]) -> dict[str, str]:
        """State of each CloudWatch alarm: OK, ALARM, INSUFFICIENT_DATA, or ``missing``."""
        wanted = list(names)
        found = dict.fromkeys(wanted, "missing")
        for start in range(0, len(wanted), PAGE):
            answer = self._call(
                "cloudwatch",
                "DescribeAlarms",
                AlarmNames=wanted[start : start + PAGE],
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            )
            for kind in ("MetricAlarms", "CompositeAlarms"):
                found |= {a["AlarmName"]: a["StateValue"] for a in answer.get(kind, [])}
        return found

    def active_refresh(self, name: str) -> str | None:
        """Id and state of an instance refresh that owns the group, or None."""
        answer = self._call(
            "autoscaling", "DescribeInstanceRefreshes", AutoScalingGroupName=name, MaxRecords=10
        )
        for refresh in answer["InstanceRefreshes"]:
            if refresh.get("Status") in ACTIVE_REFRESH:
                return f"{refresh['InstanceRefreshId']} ({refresh['Status']})"
        return None

    def hooks(self, name: str) -> list[dict[str, Any]]:
        """The lifecycle hooks of a group, as AWS shows them."""
        answer = self._call("autoscaling", "DescribeLifecycleHooks", AutoScalingGroupName=name)
        return answer["LifecycleHooks"]

    def drains(self, group: Group) -> dict[str, float]:
        """Seconds that each target group and load balancer may take to let a target go."""
        found = {
            target_name(arn): to_drain(
                self._call("elbv2", "DescribeTargetGroupAttributes", TargetGroupArn=arn)
            )
            for arn in group.target_groups
        }
        return found | {
            f"classic {name}": to_classic_drain(
                self._call("elb", "DescribeLoadBalancerAttributes", LoadBalancerName=name)
            )
            for name in group.load_balancers
        }

    def machines(self, ids: Iterable[str]) -> dict[str, Machine]:
        """What EC2 tells of each instance that it knows, by id."""
        wanted, found = sorted(ids), {}
        for start in range(0, len(wanted), FILTER_VALUES):
            chunk = wanted[start : start + FILTER_VALUES]
            filters = [{"Name": "instance-id", "Values": chunk}]
            for page in self._pages("ec2", "DescribeInstances", Filters=filters):
                for reservation in page["Reservations"]:
                    for raw in reservation["Instances"]:
                        found[raw["InstanceId"]] = to_machine(raw)
        return found

    def launch_times(self, ids: Iterable[str]) -> dict[str, float]:
        """Launch time (epoch seconds) of each instance that EC2 knows."""
        return {key: machine.launched_at for key, machine in self.machines(ids).items()}

    def resolve(self, spec: str) -> str:
        """
        What a spec as written on the group stands for now: ``lt-…:$Latest`` → ``lt-…:7``.

        :raises Missing: the launch template or the version does not exist.
        """
        return self.recipe(spec).spec

    def recipe(self, spec: str) -> Recipe:
        """
        The same, with the image that the version names: ``ami-…`` or ``resolve:ssm:…``. A launch
        configuration is not looked up: its image stays empty.

        :raises Missing: the launch template or the version does not exist.
        """
        template, colon, version = spec.rpartition(":")
        if not colon or not template.startswith("lt-"):
            return Recipe(spec)
        raw = self._version_of(template, version)
        image = raw.get("LaunchTemplateData", {}).get("ImageId", "")
        return Recipe(f"{template}:{raw['VersionNumber']}", image)

    def _version_of(self, template: str, version: str, **options) -> dict:
        answer = self._call(
            "ec2",
            "DescribeLaunchTemplateVersions",
            LaunchTemplateId=template,
            Versions=[version],
            **options,
        )
        for raw in answer["LaunchTemplateVersions"]:
            return raw
        raise Missing(
            f"launch template {template} has no version {version}; set the group to one that "
            "exists",
            operation="DescribeLaunchTemplateVersions",
        )

    def image_of(self, recipe: Recipe) -> str:
        """
        The id of the image that a launch would take now; asks only where the recipe does not say.
        A Systems Manager parameter is resolved by EC2, as at a launch.

        :param recipe: a resolved one.
        :raises Missing: the version or the launch configuration does not exist, or names no image.
        """
        found = recipe.image
        template, colon, version = recipe.spec.rpartition(":")
        if not colon or not template.startswith("lt-"):
            found = found or self._configured_image(recipe.spec)
        elif found.startswith(ALIAS):
            raw = self._version_of(template, version, ResolveAlias=True)
            found = raw.get("LaunchTemplateData", {}).get("ImageId", "")
        if not found.startswith("ami-"):
            raise Missing(f"{recipe.spec} names {found or 'no image'} for its image")
        return found

    def _configured_image(self, name: str) -> str:
        answer = self._call(
            "autoscaling", "DescribeLaunchConfigurations", LaunchConfigurationNames=[name]
        )
        for raw in answer["LaunchConfigurations"]:
            return raw.get("ImageId", "")
        raise Missing(f"the launch configuration {name} does not exist any more")

    def console(self, instance: str) -> str:
        """The last lines of an instance's console, empty when EC2 has none yet."""
        return self._call("ec2", "GetConsoleOutput", InstanceId=instance).get("Output") or ""

    # --- changing (one attempt each)

    def suspend(self, name: str, processes: Iterable[str]) -> None:
        """Suspend these processes. An empty list would mean all of them: it is not sent."""
        self._processes("SuspendProcesses", name, processes)

    def resume(self, name: str, processes: Iterable[str]) -> None:
        """Resume these processes. An empty list would mean all of them: it is not sent."""
        self._processes("ResumeProcesses", name, processes)

    def _processes(self, operation: str, name: str, processes: Iterable[str]) -> None:
        named = list(processes)
        if named:
            self._call(
                "autoscaling",
                operation,
                change=True,
                AutoScalingGroupName=name,
                ScalingProcesses=named,
            )

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Write these tags on the group itself, not on what it launches."""
        self._call(
            "autoscaling",
            "CreateOrUpdateTags",
            change=True,
            Tags=[
                {**_tag(name, key), "Value": v, "PropagateAtLaunch": False}
                for key, v in tags.items()
            ],
        )

    def untag(self, name: str, keys: Iterable[str]) -> None:
        """Delete these tags of the group; one that is not there is no error."""
        self._call("autoscaling", "DeleteTags", change=True, Tags=[_tag(name, key) for key in keys])

    def set_max(self, name: str, size: int) -> None:
        """Set MaxSize."""
        self._call(
            "autoscaling",
            "UpdateAutoScalingGroup",
            change=True,
            AutoScalingGroupName=name,
            MaxSize=size,
        )

    def set_desired(self, name: str, size: int) -> None:
        """Set DesiredCapacity now, whatever cooldown runs."""
        self._call(
            "autoscaling",
            "SetDesiredCapacity",
            change=True,
            AutoScalingGroupName=name,
            DesiredCapacity=size,
            HonorCooldown=False,
        )

    def terminate(self, instance: str, *, decrement: bool) -> None:
        """Terminate exactly this instance through its group, so that hooks and draining run."""
        self._call(
            "autoscaling",
            "TerminateInstanceInAutoScalingGroup",
            change=True,
            InstanceId=instance,
            ShouldDecrementDesiredCapacity=decrement,
        )


def _tag(group: str, key: str) -> dict[str, str]:
    return {"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": key}
