"""What is read before anything is made."""

import pytest

from verify import finding
from verify.account import Refused
from verify.settings import Run


class Answers:
    """An account that answers each operation with what it was given."""

    def __init__(self, **answers):
        self._answers = answers

    def must(self, service, operation, **params):
        return self._answers[operation]


@pytest.mark.parametrize(("kind", "smallest"), [("x86_64", "t3.nano"), ("arm64", "t4g.nano")])
def test_an_image_has_the_smallest_type_of_its_architecture(kind, smallest):
    account = Answers(DescribeImages={"Images": [{"Architecture": kind}]})
    assert finding.smallest_type(account, "ami-1") == smallest


@pytest.mark.parametrize("images", [[], [{}], [{"Architecture": "riscv64"}]])
def test_an_unknown_architecture_is_refused(images):
    with pytest.raises(finding.Unfit, match="give --instance-type as well"):
        finding.smallest_type(Answers(DescribeImages={"Images": images}), "ami-1")


def subnets(*pairs):
    rows = [
        {"SubnetId": f"subnet-{number}", "VpcId": vpc, "AvailabilityZone": zone}
        for number, (vpc, zone) in enumerate(pairs)
    ]
    described = {
        "VpcId": "vpc-1",
        "CidrBlock": "10.0.0.0/16",
        "CidrBlockAssociationSet": [
            {"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}},
            {"CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "disassociated"}},
        ],
    }
    return Answers(DescribeSubnets={"Subnets": rows}, DescribeVpcs={"Vpcs": [described]})


RUN = Run(id="0a1b2c3d", region="eu-central-1", subnets=("subnet-0", "subnet-1"))


def test_the_network_is_what_the_vpc_really_has():
    network = finding.network(subnets(("vpc-1", "a"), ("vpc-1", "b")), RUN)
    assert network.blocks == ("10.0.0.0/16",)
    assert network.zones == {"subnet-0": "a", "subnet-1": "b"}


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("vpc-1", "a"), ("vpc-2", "b")], "they lie in 2 VPCs"),
        ([("vpc-1", "a"), ("vpc-1", "a")], "one subnet of each zone"),
    ],
)
def test_subnets_that_do_not_go_together_are_refused(pairs, said):
    with pytest.raises(finding.Unfit, match=said):
        finding.network(subnets(*pairs), RUN)


def test_what_aws_refuses_is_told_with_the_option():
    class Refuses:
        def must(self, service, operation, **params):
            raise Refused(operation, "InvalidSubnetID.NotFound", "there is none")

    with pytest.raises(finding.Unfit, match="--subnets subnet-0,subnet-1: DescribeSubnets"):
        finding.network(Refuses(), RUN)
