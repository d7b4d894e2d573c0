"""A metadata service that does not answer for a while, with boto3's own ways to credentials."""

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from asgroll import session
from asgroll.awslaunch import AwsLaunch
from asgroll.errors import Temporary, Unreachable
from asgroll.policy import parse
from tests.functional.readiness.imds import Imds
from tests.lab.world.history import Call

#: Seconds. Inside of botocore's advisory window of 15 minutes: it asks for new ones before each
#: call, and fails when it gets none although the old ones are still good.
LIFETIME = 14 * 60.0
#: botocore stretches the life of new ones that end within that window and a jitter; here the
#: jitter leads away from it, as if the time between had passed.
NOT_STRETCHED = SimpleNamespace(randint=lambda low, high: -low)


@pytest.fixture
def imds(stage, monkeypatch):
    """The only way to credentials, for processes and for this one."""
    monkeypatch.setattr("botocore.utils.random", NOT_STRETCHED)
    with Imds("i-00000000000000abc", lifetime=LIFETIME) as service:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del stage.salt.environment[name]
            monkeypatch.delenv(name, raising=False)
        stage.salt.environment |= {
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url,
        }
        for name, value in stage.salt.environment.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        yield service


@contextmanager
def down(service):
    service.down = True
    yield
    service.down = False


def operations(stage):
    return [r.operation for r in stage.lab.world.history if isinstance(r, Call)]


def test_a_call_without_credentials_is_not_sent_and_the_next_one_works(stage, imds):
    aws = AwsLaunch(session.client_factory(parse([])))
    assert aws.group("web").desired == 3
    before = operations(stage)
    with down(imds):
        for call in (
            lambda: aws.group("web"),
            lambda: aws.set_desired("web", 2),
            lambda: aws.console("i-00000000000000001"),
        ):
            with pytest.raises(Temporary, match="not sent, the AWS credentials cannot be renewed"):
                call()
    assert imds.turned_away > 0
    assert operations(stage) == before
    aws.set_desired("web", 3)
    assert operations(stage) == [*before, "SetDesiredCapacity"]


def test_a_client_that_was_made_without_credentials_finds_them_later(stage, imds):
    aws = AwsLaunch(session.client_factory(parse([])))
    with down(imds), pytest.raises(Unreachable, match="metadata service"):
        aws.group("web")
    assert aws.group("web").desired == 3


def test_a_roll_waits_for_a_metadata_service_that_is_down(stage, imds):
    def fail_for_a_while():
        stage.wait_for("TerminateInstanceInAutoScalingGroup")
        with down(imds):
            time.sleep(3)

    failing = threading.Thread(target=fail_for_a_while)
    failing.start()
    done = stage.call("asgcycle.roll", "web")
    failing.join()
    assert imds.turned_away > 0
    assert (done["retcode"], done["data"]["web"]["replaced"]) == (0, 3), done
    assert stage.restored()
    assert stage.violations() == []


def test_at_the_very_start_it_is_a_refusal_that_says_what_to_do(stage, imds):
    with down(imds):
        refused = stage.call("asgcycle.roll", "web")
    assert refused["retcode"] == 2
    (said,) = refused["data"]["web"]["obstacles"]
    assert said.startswith("no usable AWS credentials")
    assert "instance profile" in said
    assert stage.mutations() == []


def test_between_two_looks_before_a_roll_it_is_an_obstacle(stage, imds):
    """The first call has worked, so it is said that the credentials were good."""
    stage.monkeypatch.setattr(AwsLaunch, "observe", lambda *a, **k: turned_off(imds, *a, **k))
    refused = stage.call("asgcycle.plan", "web")
    imds.down = False
    assert refused["retcode"] == 2
    assert "cannot be renewed" in " ".join(refused["data"]["web"]["obstacles"])


OBSERVE = AwsLaunch.observe


def turned_off(service, *args, **options):
    service.down = True
    return OBSERVE(*args, **options)
