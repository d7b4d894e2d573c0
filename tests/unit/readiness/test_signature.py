"""Requests to AWS are signed as they have to be."""

from __future__ import annotations

import datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.unit.readiness.agent import hook

NOW = datetime.datetime(2026, 11, 23, 8, 0, 5, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    "url", ["https://autoscaling.eu-central-1.amazonaws.com", "http://x:5000/"]
)
def test_requests_are_signed_as_botocore_signs_them(url, monkeypatch):
    keys = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret/+", "Token": "token=="}
    body = "Action=RecordLifecycleActionHeartbeat&AutoScalingGroupName=web+one"
    ours = hook.signed(url, body, "eu-central-1", keys, NOW)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW)
    request = AWSRequest("POST", url, {"content-type": ours["content-type"]}, body)
    SigV4Auth(Credentials(*keys.values()), "autoscaling", "eu-central-1").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]
