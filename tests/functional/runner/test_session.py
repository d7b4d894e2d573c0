"""Region, endpoint and an assumed role come from the policy."""

import time

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.lab.world.history import Call

ROLE = "arn:aws:iam::123456789012:role/asgcycle"


def callers(stage, operation):
    return [
        record
        for record in stage.lab.world.history
        if isinstance(record, Call) and record.operation == operation
    ]


def test_a_role_is_assumed_before_anything_else(stage):
    found = stage.call("asgcycle.list", role_arn=ROLE)
    assert found["data"]["web"]["desired"] == 3
    (assumed,) = callers(stage, "AssumeRole")
    first = next(r for r in stage.lab.world.history if isinstance(r, Call))
    assert first is assumed


def test_a_role_that_may_not_be_assumed_is_a_message(stage):
    stage.fault(kind="denied", operation="AssumeRole")
    found = stage.call("asgcycle.plan", "web", role_arn=ROLE)
    assert found["retcode"] == 2
    assert "AssumeRole" in found["data"]["web"]["obstacles"][0]


def test_the_endpoint_of_the_policy_wins(stage):
    endpoint = stage.salt.environment["AWS_ENDPOINT_URL"]
    stage.salt.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    found = stage.call("asgcycle.list", endpoint_url=endpoint)
    assert found["data"]["web"]["desired"] == 3


def test_credentials_that_expire_in_mid_roll_are_renewed(stage):
    """The lab's live for two seconds, less than a replacement takes to boot."""
    stage.lab.world.session_seconds = 2.0
    done = stage.run("asgcycle.roll", "web", f"role_arn={ROLE}")
    assert (done.code, done.of("web")["replaced"]) == (0, 3), done.out
    calls = [r for r in stage.lab.world.history if isinstance(r, Call) and r.actor == "caller"]
    assert calls[-1].time - calls[0].time > 2 * stage.lab.world.session_seconds
    assert "ExpiredToken" not in {call.outcome for call in calls}
    assert len(callers(stage, "AssumeRole")) > 1
    assert stage.violations() == []
    assert stage.restored()


def test_the_lab_refuses_credentials_that_have_expired(stage):
    """So that the test before this one can fail."""
    stage.lab.world.session_seconds = 0.5
    endpoint = {"endpoint_url": stage.lab.endpoint_url, "region_name": "eu-central-1"}
    given = boto3.client("sts", **endpoint).assume_role(RoleArn=ROLE, RoleSessionName="test")
    keys = given["Credentials"]
    client = boto3.client(
        "autoscaling",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        **endpoint,
    )
    time.sleep(0.6)
    with pytest.raises(ClientError, match="ExpiredToken"):
        client.describe_auto_scaling_groups()


def test_a_role_that_may_not_be_assumed_any_more_halts_the_roll_and_resume_goes_on(stage):
    stage.lab.world.session_seconds = 2.0
    stage.fault(kind="denied", operation="AssumeRole", nth=20, count=1000)
    halted = stage.run("asgcycle.roll", "web", f"role_arn={ROLE}")
    assert (halted.code, halted.of("web")["status"]) == (3, "halted"), halted.out
    assert "AssumeRole" in halted.of("web")["reason"]
    with stage.lab.lock:
        stage.lab.world.faults.clear()
    done = stage.run("asgcycle.resume", "web", f"role_arn={ROLE}")
    assert (done.code, done.of("web")["replaced"]) == (0, 3), done.out
    assert stage.restored()
