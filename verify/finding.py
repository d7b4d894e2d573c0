"""Reads what is there before anything is made: the network, the image, the account."""

from __future__ import annotations

from verify.account import Account, Refused, Unusable
from verify.settings import Run
from verify.things import Network

#: Public parameters in which the makers of the images keep the newest id.
PARAMETERS = {
    "amazon-linux": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
    "debian": "/aws/service/debian/release/12/latest/amd64",
}
#: The smallest type of each architecture that every current image boots on.
SMALLEST = {"x86_64": "t3.nano", "arm64": "t4g.nano"}


class Unfit(Exception):
    """What was given cannot be used; the text says what, why, and what to give instead."""


def network(account: Account, run: Run) -> Network:
    """Return the network that the subnets make.

    Raises:
        Unfit: a subnet that does not exist, or subnets of several VPCs.
    """
    try:
        data = account.must("ec2", "DescribeSubnets", SubnetIds=list(run.subnets))
        found = data["Subnets"]
        vpcs = {subnet["VpcId"] for subnet in found}
        if len(vpcs) != 1:
            raise Unfit(f"--subnets: they lie in {len(vpcs)} VPCs; give subnets of one")
        vpc = account.must("ec2", "DescribeVpcs", VpcIds=sorted(vpcs))["Vpcs"][0]
    except Refused as refused:
        raise Unfit(f"--subnets {','.join(run.subnets)}: {refused}") from refused
    kept = [
        item["CidrBlock"]
        for item in vpc.get("CidrBlockAssociationSet", ())
        if item.get("CidrBlockState", {}).get("State", "associated") == "associated"
    ]
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in found}
    if run.balanced and len(set(zones.values())) < len(zones):
        raise Unfit("--subnets: a load balancer takes one subnet of each zone; two share one")
    return Network(vpc["VpcId"], tuple(kept) or (vpc["CidrBlock"],), zones)


def image(account: Account, system: str) -> str:
    """Return the newest image of an operating system.

    Raises:
        Unfit: the public parameter cannot be read here.
    """
    try:
        return account.must("ssm", "GetParameter", Name=PARAMETERS[system])["Parameter"]["Value"]
    except Refused as refused:
        raise Unfit(f"--os {system}: {refused}; give --image ami-… instead") from refused


def smallest_type(account: Account, image_id: str) -> str:
    """Return the smallest instance type for an image.

    Raises:
        Unfit: no such image, or one of an architecture that is not known here.
    """
    try:
        found = account.must("ec2", "DescribeImages", ImageIds=[image_id])["Images"]
    except Refused as refused:
        raise Unfit(f"--image {image_id}: {refused}") from refused
    kind = found[0].get("Architecture", "unknown") if found else "unknown"
    if kind not in SMALLEST:
        raise Unfit(f"--image {image_id}: architecture {kind}; give --instance-type as well")
    return SMALLEST[kind]


def identity(account: Account) -> tuple[str, str]:
    """Return the account's id and the caller's ARN.

    Raises:
        Unusable: the credentials are not accepted.
    """
    try:
        data = account.must("sts", "GetCallerIdentity")
    except Refused as refused:
        raise Unusable(str(refused)) from refused
    return data["Account"], data["Arn"]
