"""Which calls are made again, and which never."""

import pytest

from tests.lab.http import LabServer
from tests.lab.world.faults import Fault
from verify.account import Account, Answer, Refused, Unusable
from verify.settings import Run

GROUP = {"min": 1, "max": 3, "desired": 1, "zones": ["a"]}


@pytest.fixture
def lab():
    with LabServer({"groups": {"web": GROUP}}, manual=True) as server:
        yield server


def account(lab):
    run = Run("0a1b2c3d", "eu-central-1", (), endpoint_url=lab.endpoint_url)
    return Account(run, sleep=lambda seconds: None)


def resize(of):
    return of.ask(
        "autoscaling", "SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=2
    )


def inject(lab, **fault):
    with lab.lock:
        lab.world.inject(Fault(**fault))


def test_a_call_that_was_refused_for_our_rate_is_made_again(lab):
    inject(lab, kind="throttle", operation="SetDesiredCapacity", count=3)
    of = account(lab)
    assert resize(of).ok
    assert of.calls["autoscaling:SetDesiredCapacity"] == 4


def test_it_is_not_made_for_ever(lab):
    inject(lab, kind="throttle", operation="SetDesiredCapacity")
    of = account(lab)
    assert resize(of).code == "Throttling"
    assert of.calls["autoscaling:SetDesiredCapacity"] == 6


def test_a_change_whose_answer_is_lost_is_never_made_twice(lab):
    inject(lab, kind="lost_answer", operation="SetDesiredCapacity", applied=True, count=1)
    of = account(lab)
    with pytest.raises(Unusable, match="SetDesiredCapacity: Connection was closed"):
        resize(of)
    assert of.calls["autoscaling:SetDesiredCapacity"] == 1


def test_a_look_whose_answer_is_lost_is_taken_again(lab):
    inject(lab, kind="lost_answer", operation="DescribeAutoScalingGroups", count=2)
    of = account(lab)
    found = of.must("autoscaling", "DescribeAutoScalingGroups")["AutoScalingGroups"]
    assert [row["AutoScalingGroupName"] for row in found] == ["web"]


def test_what_was_just_made_may_be_unknown_for_a_while(lab):
    of, answers = account(lab), []
    real = of.ask

    def ask(*args, **params):
        answers.append(args[1])
        if len(answers) < 3:
            return Answer("InvalidGroup.NotFound", "no such group")
        return real(*args, **params)

    of.ask = ask
    assert of.soon("autoscaling", "DescribeAutoScalingGroups")["AutoScalingGroups"]
    assert len(answers) == 3
    of.ask = real
    with pytest.raises(Refused, match="ResumeProcesses was refused: ValidationError"):
        of.soon("autoscaling", "ResumeProcesses", AutoScalingGroupName="nobody")


def test_a_refusal_is_an_answer_and_told_to_the_listener(lab):
    of, heard = account(lab), []
    of.listener = lambda *told: heard.append(told)
    assert of.ask("sts", "GetCallerIdentity").ok
    answer = of.ask("autoscaling", "CancelInstanceRefresh", AutoScalingGroupName="web")
    assert answer.code == "ActiveInstanceRefreshNotFound"
    assert "web" in answer.text
    assert [told[1] for told in heard] == ["GetCallerIdentity", "CancelInstanceRefresh"]
    assert heard[1][3]["Error"]["Code"] == "ActiveInstanceRefreshNotFound"
