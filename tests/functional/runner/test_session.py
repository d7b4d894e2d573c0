"""Region, endpoint and an assumed role come from the policy."""

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
