"""Answers that are not what there is. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest
from botocore.exceptions import CredentialRetrievalError

from tests.lab.world import Fault

GROUPS = "describe_auto_scaling_groups"


def groups(lab):
    """Return the groups of one answer."""
    return getattr(lab.aws.client("autoscaling"), GROUPS)()["AutoScalingGroups"]


def members(lab):
    """Return the instance ids of the group in one answer."""
    (group,) = groups(lab)
    return [row["InstanceId"] for row in group["Instances"]]


def targets(lab):
    """Return the targets of the target group in one answer."""
    (arn,) = lab.group.target_group_arns
    rows = lab.aws.client("elbv2").describe_target_health(TargetGroupArn=arn)
    return [row["Target"]["Id"] for row in rows["TargetHealthDescriptions"]]


def test_FA17_one_answer_lacks_a_member_and_the_next_one_has_it_again(bench):
    lab = bench(3)
    lab.world.inject(Fault("member_missing", nth=2))
    assert [len(members(lab)) for _ in range(3)] == [3, 2, 3]
    assert len(lab.ids("InService")) == 3


def test_FA17_several_answers_lack_the_same_members_wherever_the_pick_is_from(bench):
    lab = bench(5)
    lab.world.inject(Fault("member_missing", nth=1, count=3, members=2, pick="random"))
    seen = [frozenset(members(lab)) for _ in range(4)]
    assert [len(found) for found in seen] == [3, 3, 3, 5]
    assert len(set(seen[:3])) == 1


def test_FA17_a_member_can_be_named_and_a_group_too(bench):
    lab = bench(3)
    key = lab.ids()[2]
    lab.world.inject(Fault("member_missing", instance=key, group="web", count=1))
    lab.world.inject(Fault("member_missing", group="other", count=1))
    assert key not in members(lab)
    assert len(members(lab)) == 3


def test_FA17_a_row_may_be_listed_twice(bench):
    lab = bench(3)
    lab.world.inject(Fault("member_twice", nth=1))
    lab.world.inject(Fault("group_twice", nth=2))
    lab.world.inject(Fault("target_twice", nth=1))
    assert sorted(members(lab)) == sorted([*lab.ids(), lab.ids()[0]])
    assert [row["AutoScalingGroupName"] for row in groups(lab)] == ["web", "web"]
    assert (len(targets(lab)), len(targets(lab))) == (4, 3)


def test_FA17_one_answer_lacks_a_target(bench):
    lab = bench(3, load_balancers=["old"])
    lab.world.inject(Fault("target_missing", nth=1, count=2, pick="newest"))
    missing = lab.ids()[2]
    assert missing not in targets(lab)
    classic = lab.aws.client("elb").describe_instance_health(LoadBalancerName="old")
    assert missing not in [row["InstanceId"] for row in classic["InstanceStates"]]
    assert missing in targets(lab)


def test_FA17_what_is_left_out_of_one_answer_stays_in_those_that_share_its_rows(bench):
    lab = bench(3)
    before = groups(lab)[0]["Instances"]
    lab.world.inject(Fault("member_missing", count=1))
    members(lab)
    assert len(before) == 3


def test_FA20_calls_are_not_sent_while_credentials_cannot_be_renewed(bench):
    lab = bench(3)
    lab.world.inject(Fault("metadata_down", at=10, until=60))
    assert len(members(lab)) == 3
    lab.wait(10)
    before = len(lab.since("Call"))
    for _ in range(2):
        with pytest.raises(CredentialRetrievalError, match="iam-role"):
            members(lab)
    assert len(lab.since("Call")) == before
    lab.wait(60)
    assert len(members(lab)) == 3


def test_FA20_the_metadata_service_may_fail_once(bench):
    lab = bench(3)
    lab.world.inject(Fault("metadata_down", count=1))
    with pytest.raises(CredentialRetrievalError):
        members(lab)
    assert len(members(lab)) == 3


def test_FA18_one_answer_knows_no_such_group_or_none_of_its_members(bench):
    lab = bench(3)
    lab.world.inject(Fault("empty_answer", nth=1))
    lab.world.inject(Fault("empty_answer", nth=3, of="members"))
    assert groups(lab) == []
    assert len(members(lab)) == 3
    assert members(lab) == []
    assert len(members(lab)) == 3


@pytest.mark.parametrize(
    ("service", "call", "rows", "params"),
    [
        ("autoscaling", "describe_auto_scaling_instances", "AutoScalingInstances", {}),
        ("autoscaling", "describe_scaling_activities", "Activities", {}),
        ("autoscaling", "describe_tags", "Tags", {}),
        (
            "autoscaling",
            "describe_instance_refreshes",
            "InstanceRefreshes",
            {"AutoScalingGroupName": "web"},
        ),
    ],
)
def test_FA18_other_answers_may_be_empty_too(bench, service, call, rows, params):
    lab = bench(3, tags={"a": "b"})
    lab.world.start_instance_refresh("web")
    lab.world.set_desired_capacity("web", 4)
    lab.wait(10)
    client = lab.aws.client(service)
    operation = client.meta.method_to_api_mapping[call]
    lab.world.inject(Fault("empty_answer", operation=operation, count=1))
    assert getattr(client, call)(**params)[rows] == []
    assert getattr(client, call)(**params)[rows]


def test_FA18_only_the_group_that_is_named_is_left_out(bench):
    lab = bench(3)
    lab.world.create_group("other", 0, 1, 0, template=lab.group.template)
    lab.world.inject(Fault("empty_answer", group="web", count=1))
    assert [row["AutoScalingGroupName"] for row in groups(lab)] == ["other"]
    assert len(groups(lab)) == 2
