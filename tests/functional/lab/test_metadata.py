"""The metadata service of the lab, asked by botocore itself."""

from __future__ import annotations

import botocore.session
import pytest
import urllib3
from botocore.exceptions import CredentialRetrievalError

from tests.lab.http.metadata import MetadataServer
from tests.lab.world import Fault

from .conftest import ONE_ATTEMPT


@pytest.fixture
def metadata(aws, monkeypatch, tmp_path):
    """A metadata service that is the only place where credentials can be had."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with MetadataServer(aws.lab) as server:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.endpoint_url)
        yield server


def client(aws):
    """Return a client that has no credentials but those of the metadata service."""
    session = botocore.session.Session()
    given = {"endpoint_url": aws.lab.endpoint_url, "region_name": aws.lab.world.region}
    return session.create_client("autoscaling", config=ONE_ATTEMPT, **given)


def test_a_client_gets_its_credentials_and_asks_again_at_each_request(aws, metadata):
    calls = client(aws)
    assert calls.describe_auto_scaling_groups()["AutoScalingGroups"]
    first = metadata.answered
    assert calls.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (metadata.answered > first, metadata.refused) == (True, 0)


def test_503_fails_a_call_although_the_credentials_are_still_good(aws, metadata):
    calls = client(aws)
    assert calls.describe_auto_scaling_groups()["AutoScalingGroups"]
    aws.lab.world.inject(Fault("metadata_down", at=aws.lab.world.elapsed, until=100))
    sent = len(aws.lab.history())
    with pytest.raises(CredentialRetrievalError, match="iam-role"):
        calls.describe_auto_scaling_groups()
    assert (len(aws.lab.history()), metadata.refused > 0) == (sent, True)
    aws.lab.advance(101)
    assert calls.describe_auto_scaling_groups()["AutoScalingGroups"]


def test_what_it_does_not_have_is_not_found(aws, metadata):
    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", f"{metadata.endpoint_url}/latest/user-data")
    assert answer.status == 404
