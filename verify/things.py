"""Makes what a run needs, everything tagged. In this order, so that `cleaning` finds what a crash
leaves: security group, launch template, group; later target group, load balancer, listener.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from verify.account import Account
from verify.settings import DRAIN, MAX, MIN, PORT, SIZE, TAG, Run

#: What answers on the port: a shell loop that starts a server again when it has ended. The answer
#: says which launch template version booted. python3 is in every image that has cloud-init.
APPLICATION = """\
#!/bin/sh
mkdir -p /run/asgcycle-verify && cd /run/asgcycle-verify || exit 1
echo 'asgcycle-verify version {version}' > index.html
while :; do python3 -m http.server {port}; sleep 1; done &
"""


@dataclass(frozen=True)
class Network:
    """Where the instances go: their VPC, its address blocks, and the zone of each subnet."""

    vpc: str
    blocks: tuple[str, ...]
    zones: dict[str, str]


def user_data(version: int) -> str:
    """Return the user data of an instance, as a launch template takes it."""
    text = APPLICATION.format(version=version, port=PORT)
    return base64.b64encode(text.encode()).decode()


def security_group(account: Account, run: Run, network: Network) -> str:
    """Make the group that lets the load balancer's health checks in; return its id."""
    made = account.must(
        "ec2",
        "CreateSecurityGroup",
        GroupName=run.name,
        Description="asgcycle verify-aws: deleted when it ends",
        VpcId=network.vpc,
        TagSpecifications=_specification("security-group", run),
    )["GroupId"]
    blocks = (*network.blocks, *run.allow_from)
    account.soon(
        "ec2",
        "AuthorizeSecurityGroupIngress",
        GroupId=made,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": PORT,
                "ToPort": PORT,
                "IpRanges": [{"CidrIp": block} for block in blocks],
            }
        ],
    )
    return made


def template(account: Account, run: Run, security_group_id: str) -> str:
    """Make the launch template with its version 1; return its id."""
    return account.soon(
        "ec2",
        "CreateLaunchTemplate",
        LaunchTemplateName=run.name,
        LaunchTemplateData={
            "ImageId": run.image,
            "InstanceType": run.instance_type,
            "SecurityGroupIds": [security_group_id],
            "UserData": user_data(1),
            "MetadataOptions": {"HttpTokens": "required"},
            # without it a burst of work could cost more than the hour
            "CreditSpecification": {"CpuCredits": "standard"},
        },
        TagSpecifications=_specification("launch-template", run),
    )["LaunchTemplate"]["LaunchTemplateId"]


def group_request(run: Run, template_id: str) -> dict[str, Any]:
    """Return the request for the group as it is at rest."""
    return {
        "AutoScalingGroupName": run.name,
        "MinSize": MIN,
        "MaxSize": MAX,
        "DesiredCapacity": SIZE,
        "DefaultCooldown": 300,
        "VPCZoneIdentifier": ",".join(run.subnets),
        "LaunchTemplate": {"LaunchTemplateId": template_id, "Version": "1"},
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 300,
        "Tags": [
            {
                "ResourceId": run.name,
                "ResourceType": "auto-scaling-group",
                "PropagateAtLaunch": True,
                **tag(run),
            }
        ],
    }


def target_group(account: Account, run: Run, network: Network) -> str:
    """Make the target group; return its ARN."""
    arn = account.must(
        "elbv2",
        "CreateTargetGroup",
        Name=run.name,
        Protocol="TCP",
        Port=PORT,
        VpcId=network.vpc,
        TargetType="instance",
        HealthCheckProtocol="TCP",
        HealthCheckIntervalSeconds=10,
        Tags=[tag(run)],
    )["TargetGroups"][0]["TargetGroupArn"]
    account.must(
        "elbv2",
        "ModifyTargetGroupAttributes",
        TargetGroupArn=arn,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": str(DRAIN)}],
    )
    return arn


def load_balancer(account: Account, run: Run, target_group_arn: str) -> tuple[str, str]:
    """Make the network load balancer and its listener; return its ARN and its DNS name."""
    made = account.must(
        "elbv2",
        "CreateLoadBalancer",
        Name=run.name,
        Type="network",
        Scheme=run.scheme,
        Subnets=list(run.subnets),
        Tags=[tag(run)],
    )["LoadBalancers"][0]
    account.must(
        "elbv2",
        "CreateListener",
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="TCP",
        Port=PORT,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group_arn}],
        Tags=[tag(run)],
    )
    return made["LoadBalancerArn"], made["DNSName"]


def tag(run: Run) -> dict[str, str]:
    """Return the run's tag."""
    return {"Key": TAG, "Value": run.id}


def _specification(kind: str, run: Run) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [tag(run)]}]
