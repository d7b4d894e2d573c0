"""An emulated AWS over HTTP with manual time, and the library that publishes to it."""

import base64
import copy
import functools

import boto3
import pytest

from asgroll import launch, launch_hook, publishing
from asgroll.awslaunch import AwsLaunch
from asgroll.policy import parse
from tests.functional.runner.conftest import FAST, QUICK
from tests.functional.runner.conftest import Stage as RunnerStage
from tests.lab.http import LabServer
from tests.lab.salt_run import REPO, SaltRun
from tests.lab.world.faults import Fault
from tests.lab.world.history import Call

SESSION = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing")
OLD, NEW, NEWER = b"#!/bin/sh\necho old\n", b"#!/bin/sh\necho new\n", b"#!/bin/sh\necho newer\n"
DISK = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": "snap-1", "VolumeSize": 8}}
#: Two instances on version 2, which the group names by number.
WEB = {
    "min": 2,
    "max": 4,
    "desired": 2,
    "zones": ["a", "b"],
    "template": {
        "name": "web",
        "versions": [
            {"ImageId": "ami-00000000000000001"},
            {
                "ImageId": "ami-00000000000000002",
                "InstanceType": "t3.small",
                "UserData": launch.encoded(OLD),
                "BlockDeviceMappings": [DISK],
                "TagSpecifications": [
                    {"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "web"}]}
                ],
            },
        ],
        "default": 2,
        "use": "2",
        "launched_on": 2,
    },
}


def clients(lab):
    """Makes boto3 clients of an emulated AWS."""
    return functools.partial(
        SESSION.client, endpoint_url=lab.endpoint_url, region_name="eu-central-1"
    )


class Stage:
    """One emulated AWS and what tests ask it."""

    def __init__(self, lab):
        self.lab = lab
        self.policy = parse([("test", {"poll_interval": 1, "settle_time": 5})])
        client = clients(lab)
        self.aws = AwsLaunch(client)
        self.autoscaling, self.ec2 = client("autoscaling"), client("ec2")

    def publish(self, content=NEW, **options):
        return publishing.publish(
            self.aws, "web", content, self.policy, self.lab.advance, **options
        )

    def hook(self, verb="check", settings=None, **options):
        wanted = launch_hook.parse([("pillar", settings or {})])
        return launch_hook.keep(self.aws, "web", wanted, self.policy, verb, **options)

    def group(self):
        answer = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
        return answer["AutoScalingGroups"][0]

    def version(self):
        """Which version the group names."""
        return self.group()["LaunchTemplate"]["Version"]

    def tag(self):
        """What is recorded for a rollback, None when there is no such tag."""
        tags = {t["Key"]: t["Value"] for t in self.group()["Tags"]}
        return tags.get("asgcycle:previous")

    def versions(self):
        """Number → data of every version of the template."""
        answer = self.ec2.describe_launch_template_versions(LaunchTemplateName="web")
        found = answer["LaunchTemplateVersions"]
        return {v["VersionNumber"]: v["LaunchTemplateData"] for v in found}

    def user_data(self, number):
        return base64.b64decode(self.versions()[number]["UserData"])

    def fault(self, **fault):
        """Something that goes wrong from now on."""
        with self.lab.lock:
            world = self.lab.world
            world.inject(Fault(at=world.now - world.start, **fault))

    def calls(self):
        """Every call so far that was not refused, as AWS has logged it."""
        return [
            record.operation
            for record in self.lab.world.history
            if isinstance(record, Call) and record.actor == "caller" and record.outcome == "ok"
        ]

    def mutations(self):
        return [op for op in self.calls() if not op.startswith(("Describe", "Get"))]

    def hooks(self):
        answer = self.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="web")
        return {h["LifecycleHookName"]: h for h in answer["LifecycleHooks"]}


@pytest.fixture
def stage(request):
    """``@pytest.mark.parametrize("stage", [group changes], indirect=True)`` changes the group."""
    web = copy.deepcopy(WEB) | getattr(request, "param", {})
    spec = {"seed": 7, "boot": {"median": 10}, "groups": {"web": web}}
    with LabServer(spec, manual=True) as lab:
        yield Stage(lab)


# --- through the runner --------------------------------------------------------------------------

USER_DATA = {"os": "debian", "release": "12", "minion": {"master": "salt.example.com"}}
HOOK = {"timeout": "5m"}


class SaltedStage(RunnerStage):
    """The same through the runner, as Salt's loader offers it, with pillar and file roots."""

    def pillar(self, user_data=USER_DATA, **sections):
        """Set what pillar says about every group."""
        sections = {k: v for k, v in sections.items() if v is not None}
        if user_data is not None:
            sections["user_data"] = user_data
        self.salt.pillar({"asgcycle": {"defaults": {**FAST, **sections}}})

    def do(self, function, *arguments, **policy):
        """The answer about ``web``, and the exit code."""
        found = self.call(f"asgcycle.{function}", *(arguments or ["web"]), **policy)
        return found["data"]["web"], found["retcode"]

    def booted_with(self, key):
        """The user data of an instance, as EC2 tells it."""
        answer = self.ec2.describe_instance_attribute(InstanceId=key, Attribute="userData")
        return base64.b64decode(answer["UserData"].get("Value", ""))

    def members(self):
        answer = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
        return answer["AutoScalingGroups"][0]["Instances"]


@pytest.fixture
def salted(tmp_path, monkeypatch):
    spec = copy.deepcopy(QUICK)
    with LabServer(spec) as lab:
        salt_run = SaltRun(tmp_path / "salt", lab.endpoint_url)
        formula = salt_run.folder / "states" / "unattended-upgrades"
        formula.symlink_to(REPO / "unattended-upgrades")
        made = SaltedStage(lab, salt_run, monkeypatch)
        made.pillar()
        made.autoscaling, made.ec2 = map(clients(lab), ("autoscaling", "ec2"))
        yield made
