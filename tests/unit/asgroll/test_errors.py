"""botocore's exceptions in our words: applied or not, and what to do."""

import pytest
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from asgroll import errors
from asgroll.awserrors import translate


def answer(code, message="said", status=400):
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return boto.ClientError(response, "SetDesiredCapacity")


@pytest.mark.parametrize(
    ("exc", "read", "change"),
    [
        (answer("Throttling", "Rate exceeded"), errors.Throttled, errors.Throttled),
        (answer("RequestLimitExceeded", status=503), errors.Throttled, errors.Throttled),
        (answer("ScalingActivityInProgress"), errors.Conflict, errors.Conflict),
        (answer("ResourceContention", status=500), errors.Conflict, errors.Conflict),
        (answer("AccessDenied", status=403), errors.Denied, errors.Denied),
        (answer("ExpiredToken", status=403), errors.Denied, errors.Denied),
        (answer("UnauthorizedOperation", status=403), errors.Denied, errors.Denied),
        (
            answer("ValidationError", "Instance Id not found - No managed instance found"),
            errors.Missing,
            errors.Missing,
        ),
        (
            answer("ValidationError", "New SetDesiredCapacity value 3 is above max value 2"),
            errors.Refused,
            errors.Refused,
        ),
        (answer("InternalFailure", status=500), errors.Temporary, errors.Unclear),
        (
            boto.ConnectionClosedError(endpoint_url="http://x"),
            errors.Temporary,
            errors.Unclear,
        ),
        (
            boto.ReadTimeoutError(endpoint_url="http://x", error="slow"),
            errors.Temporary,
            errors.Unclear,
        ),
        (ResponseParserError("<html>"), errors.Temporary, errors.Unclear),
        (
            boto.EndpointConnectionError(endpoint_url="http://x", error="refused"),
            errors.Temporary,
            errors.Temporary,
        ),
        (boto.NoCredentialsError(), errors.Unreachable, errors.Unreachable),
        (boto.NoRegionError(), errors.Unreachable, errors.Unreachable),
    ],
    ids=lambda value: getattr(value, "__name__", None) or type(value).__name__,
)
def test_a_change_without_a_usable_answer_is_unclear_and_a_read_is_not(exc, read, change):
    assert type(translate(exc, "SetDesiredCapacity", change=False)) is read
    assert type(translate(exc, "SetDesiredCapacity", change=True)) is change


def test_the_message_names_the_call_and_what_was_said():
    found = translate(answer("ValidationError", "no such luck"), "SuspendProcesses", change=True)
    assert str(found) == "SuspendProcesses: no such luck"
    assert (found.operation, found.code) == ("SuspendProcesses", "ValidationError")


def test_a_denied_call_points_to_the_iam_policy():
    found = translate(answer("AccessDenied"), "SetDesiredCapacity", change=True)
    assert "docs/iam-policy.json" in str(found)


def test_an_html_page_is_told_as_what_it_is():
    found = translate(ResponseParserError("<html>login</html>"), "DescribeTargetHealth", change=0)
    assert "not AWS's" in str(found)
    assert "proxy or a login page" in str(found)
