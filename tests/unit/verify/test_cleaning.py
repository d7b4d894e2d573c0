"""In which order things are deleted, what holds them, and what is told of those that stay."""

from verify.account import Answer
from verify.cleaning import clean
from verify.settings import Run

RUN = Run(id="0a1b2c3d", region="eu-central-1", subnets=())
TAGS = [{"Key": "asgcycle-verify", "Value": RUN.id}]


class Account:
    """A group with an instance, a launch template, and a security group that the instance holds.

    Args:
        refuse: operation → AWS's code, refused for good.
        ends: how many looks a group and an instance need until they are gone.
    """

    def __init__(self, refuse=None, ends=2):
        self.refuse, self.ends = refuse or {}, ends
        self.there = {"group": True, "instance": True, "template": True, "security": True}
        self.dying = {}
        self.deleted = []

    def pages(self, service, operation, key, **params):
        for kind in [kind for kind, left in self.dying.items() if left <= 0]:
            self.there[kind] = False
        self.dying = {kind: left - 1 for kind, left in self.dying.items()}
        rows = {
            "DescribeAutoScalingGroups": ("group", {"AutoScalingGroupName": "g", "Tags": TAGS}),
            "DescribeInstances": ("instance", {"Instances": [{"InstanceId": "i", "Tags": TAGS}]}),
            "DescribeLaunchTemplates": ("template", {"LaunchTemplateId": "lt", "Tags": TAGS}),
            "DescribeSecurityGroups": ("security", {"GroupId": "sg", "Tags": TAGS}),
        }
        kind, row = rows[operation]
        return [row] if self.there[kind] else []

    def ask(self, service, operation, **params):
        if operation in ("DescribeLoadBalancers", "DescribeTargetGroups"):
            return Answer("LoadBalancerNotFound")
        if operation in self.refuse:
            return Answer(self.refuse[operation], "why")
        kind = {
            "DeleteAutoScalingGroup": "group",
            "TerminateInstances": "instance",
            "DeleteLaunchTemplate": "template",
            "DeleteSecurityGroup": "security",
        }[operation]
        if kind == "security" and self.there["instance"]:
            return Answer("DependencyViolation", "held")
        if kind in self.dying:
            return Answer("ValidationError", "the group is pending delete")
        self.deleted.append(kind)
        if kind in ("group", "instance"):
            self.dying[kind] = self.ends
        else:
            self.there[kind] = False
        return Answer("ok")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def cleaned(account, said=None):
    clock = Clock()
    say = [].append if said is None else said.append
    return clean(account, RUN, say, clock.sleep, clock), clock.now


def test_what_holds_another_goes_first_and_an_instance_is_left_to_its_group():
    account, said = Account(), []
    assert cleaned(account, said)[0] == []
    assert account.deleted == ["group", "template", "instance", "security"]
    assert not any(account.there.values())
    assert said == [
        "deleting group g",
        "deleting launch template lt",
        "deleting instance i",
        "deleting security group sg",
    ]


def test_nothing_has_to_be_found_several_times_before_it_is_believed():
    account = Account()
    account.there = dict.fromkeys(account.there, False)
    looks = []
    pages = account.pages
    account.pages = lambda *args, **params: looks.append(args[1]) or pages(*args, **params)
    assert cleaned(account)[0] == []
    assert looks.count("DescribeAutoScalingGroups") == 3


def test_what_never_goes_is_told_after_the_deadline():
    left, waited = cleaned(Account(ends=10**6))
    assert left[0] == "group g: is still there"
    assert 900 < waited < 1000


def test_a_denied_deletion_is_told_with_the_call_and_the_rest_is_deleted():
    account = Account(refuse={"DeleteLaunchTemplate": "UnauthorizedOperation"})
    left, _ = cleaned(account)
    text = "launch template lt: DeleteLaunchTemplate was refused: UnauthorizedOperation: why"
    assert left == [text]
    assert account.there == {"group": False, "instance": False, "template": True, "security": False}
