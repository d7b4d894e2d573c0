"""What can go wrong with a call, on the wire."""

from __future__ import annotations

import copy
import time
from email.utils import parsedate_to_datetime

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from .conftest import WEB

SET = {"AutoScalingGroupName": "web", "DesiredCapacity": 7}


@pytest.fixture
def faulty(start):
    """Return a function that starts the lab with one fault in it."""

    def begin(kind, manual=True, **params):
        scenario = copy.deepcopy(WEB)
        scenario["faults"] = [{"kind": kind, **params}]
        return start(scenario, manual=manual)

    return begin


def calls(aws, operation):
    return [row for row in aws.lab.history() if row.get("operation") == operation]


REFUSALS = [
    ("throttle", "Throttling", 400, "Rate exceeded"),
    ("denied", "AccessDenied", 403, "is not authorized to perform: autoscaling:SetDesired"),
    ("expired_token", "ExpiredToken", 403, "security token included in the request is expired"),
    ("scaling_activity_in_progress", "ScalingActivityInProgress", 400, "blocks this action"),
    ("resource_contention", "ResourceContention", 500, "already have a pending update"),
]


@pytest.mark.parametrize(("kind", "code", "status", "text"), REFUSALS)
def test_a_refused_call_has_the_code_and_status_of_aws_and_no_effect(
    faulty, kind, code, status, text
):
    aws = faulty(kind, operation="SetDesiredCapacity", count=1)
    with pytest.raises(ClientError, match=text) as refused:
        aws.autoscaling.set_desired_capacity(**SET)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert aws.group()["DesiredCapacity"] == 6
    assert [row["outcome"] for row in calls(aws, "SetDesiredCapacity")] == [code]
    aws.autoscaling.set_desired_capacity(**SET)
    assert aws.group()["DesiredCapacity"] == 7


def test_ec2_throttles_with_a_code_and_status_of_its_own(faulty):
    aws = faulty("throttle", service="ec2", operation="DescribeInstances", count=1)
    with pytest.raises(ClientError, match="RequestLimitExceeded") as refused:
        aws.ec2.describe_instances()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_calls_that_moto_answers_can_be_refused_too(faulty):
    aws = faulty("denied", operation="DescribeVpcs")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        aws.ec2.describe_vpcs()


@pytest.mark.parametrize(("applied", "desired"), [(True, 7), (False, 6)])
def test_a_lost_answer_is_a_closed_connection_whether_applied_or_not(faulty, applied, desired):
    aws = faulty("lost_answer", operation="SetDesiredCapacity", applied=applied, count=1)
    with pytest.raises(ConnectionClosedError):
        aws.autoscaling.set_desired_capacity(**SET)
    assert aws.group()["DesiredCapacity"] == desired
    outcome = "lost:applied" if applied else "lost"
    assert [row["outcome"] for row in calls(aws, "SetDesiredCapacity")] == [outcome]


def test_an_html_page_instead_of_an_answer_is_a_parser_error(faulty):
    aws = faulty("html_error", operation="DescribeAutoScalingGroups", count=1)
    with pytest.raises(ResponseParserError, match="Bad Gateway"):
        aws.group()
    assert aws.group()["DesiredCapacity"] == 6


def test_botocore_s_own_retries_get_over_a_throttled_read(faulty):
    aws = faulty("throttle", operation="DescribeAutoScalingGroups", count=2)
    patient = aws.client("autoscaling", config=Config(retries={"total_max_attempts": 4}))
    patient.describe_auto_scaling_groups()
    outcomes = [row["outcome"] for row in calls(aws, "DescribeAutoScalingGroups")]
    assert outcomes == ["Throttling", "Throttling", "ok"]


def test_latency_moves_manual_time(faulty):
    aws = faulty("latency", operation="SetDesiredCapacity", seconds=20)
    before = aws.lab.world.now
    aws.autoscaling.set_desired_capacity(**SET)
    assert aws.lab.world.now == before + 20


def test_latency_beyond_the_client_s_patience_is_a_read_timeout(faulty):
    aws = faulty("latency", manual=False, operation="SetDesiredCapacity", seconds=0.6)
    hasty = Config(read_timeout=0.2, retries={"total_max_attempts": 1})
    with pytest.raises(ReadTimeoutError):
        aws.client("autoscaling", config=hasty).set_desired_capacity(**SET)
    deadline = time.monotonic() + 5
    while aws.group()["DesiredCapacity"] != 7 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert aws.group()["DesiredCapacity"] == 7


def test_one_slow_call_does_not_hold_up_the_others(faulty):
    aws = faulty("latency", manual=False, operation="DescribeScalingActivities", seconds=4)
    hasty = Config(read_timeout=0.1, retries={"total_max_attempts": 1})
    with pytest.raises(ReadTimeoutError):
        aws.client("autoscaling", config=hasty).describe_scaling_activities()
    patient = Config(read_timeout=3, retries={"total_max_attempts": 1})
    aws.client("autoscaling", config=patient).describe_auto_scaling_groups()


def test_stale_reads_show_the_state_before_a_change_for_a_while(faulty):
    aws = faulty("stale_reads", seconds=3)
    aws.autoscaling.set_desired_capacity(**SET)
    assert aws.group()["DesiredCapacity"] == 6
    aws.lab.advance(3)
    assert aws.group()["DesiredCapacity"] == 7


def test_an_operator_adding_a_template_version_changes_what_is_launched_next(faulty):
    aws = faulty("template_version", at=10, data={"ImageId": "ami-00000000000000003"})
    aws.lab.advance(10)
    aws.autoscaling.set_desired_capacity(**SET)
    aws.lab.advance(600)
    assert aws.group()["Instances"][-1]["LaunchTemplate"]["Version"] == "3"
    shown = aws.ec2.describe_launch_templates(LaunchTemplateNames=["web"])["LaunchTemplates"][0]
    assert (shown["DefaultVersionNumber"], shown["LatestVersionNumber"]) == (3, 3)


def test_an_impaired_machine_fails_its_status_checks(faulty):
    aws = faulty("instance_dies", at=10, how="system", pick="oldest")
    victim = aws.ids()[0]
    aws.lab.advance(10)
    answer = aws.ec2.describe_instance_status(InstanceIds=[victim])["InstanceStatuses"][0]
    assert answer["InstanceStatus"]["Status"] == "impaired"


def test_the_date_of_answers_is_off_by_the_skew(faulty):
    def ahead(answer):
        date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return date.timestamp() - time.time()

    aws = faulty("clock_skew", at=100, seconds=-3600)
    assert abs(ahead(aws.autoscaling.describe_auto_scaling_groups())) < 60
    aws.lab.advance(100)
    assert -3660 < ahead(aws.autoscaling.describe_auto_scaling_groups()) < -3540
    with pytest.raises(ClientError) as refused:
        aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=99)
    assert -3660 < ahead(refused.value.response) < -3540
    assert -3660 < ahead(aws.ec2.describe_vpcs()) < -3540
