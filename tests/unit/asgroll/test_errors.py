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
        (answer("InvalidClientTokenId", status=403), errors.Denied, errors.Denied),
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
    found = translate(answer("ValidationError", "no such luck"), "SetDesiredCapacity", change=True)
    assert str(found) == "SetDesiredCapacity: no such luck"
    assert (found.operation, found.code) == ("SetDesiredCapacity", "ValidationError")


def test_a_denied_call_points_to_the_iam_policy():
    found = translate(answer("AccessDenied"), "SetDesiredCapacity", change=True)
    assert "docs/iam-policy.json" in str(found)


def test_an_html_page_is_told_as_what_it_is():
    found = translate(ResponseParserError("<html>login</html>"), "DescribeTargetHealth", change=0)
    assert "not AWS's" in str(found)
    assert "proxy or a login page" in str(found)


NOT_RENEWED = [
    boto.CredentialRetrievalError(provider="iam-role", error_msg="503"),
    boto.MetadataRetrievalError(error_msg="503"),
    boto.NoCredentialsError(),
    boto.UnauthorizedSSOTokenError(),
    boto.SSOTokenLoadError(error_msg="expired"),
    boto.TokenRetrievalError(provider="sso", error_msg="expired"),
    FileNotFoundError(2, "No such file", "/var/run/secrets/token"),
    RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."),
]
EXPIRED = [answer(code, status=403) for code in ("ExpiredToken", "ExpiredTokenException")]


@pytest.mark.parametrize("change", [True, False])
@pytest.mark.parametrize("exc", [*NOT_RENEWED, *EXPIRED, answer("RequestExpired")], ids=repr)
def test_credentials_that_once_worked_may_work_again_and_the_call_was_not_applied(exc, change):
    found = translate(exc, "SetDesiredCapacity", change=change, worked=True)
    refused = isinstance(exc, boto.ClientError)
    assert type(found) is (errors.Expired if refused else errors.Temporary)
    assert isinstance(found, errors.Temporary)


@pytest.mark.parametrize("exc", NOT_RENEWED, ids=repr)
def test_at_the_very_start_missing_credentials_are_a_refusal_that_says_what_to_do(exc):
    found = translate(exc, "DescribeAutoScalingGroups", change=False)
    assert type(found) is errors.Unreachable
    assert "profile" in str(found)
    assert "metadata service" in str(found)


@pytest.mark.parametrize("exc", EXPIRED, ids=repr)
def test_at_the_very_start_expired_credentials_are_denied(exc):
    found = translate(exc, "DescribeAutoScalingGroups", change=False)
    assert type(found) is errors.Denied
    assert "renew" in str(found)


def of_sts(code, status):
    response = {
        "Error": {"Code": code, "Message": "said"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return boto.ClientError(response, "AssumeRole")


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (of_sts("ExpiredToken", 403), errors.Expired),
        (of_sts("InternalFailure", 500), errors.Temporary),
        (of_sts("IDPCommunicationError", 400), errors.Temporary),
        (of_sts("Throttling", 400), errors.Throttled),
        (of_sts("AccessDenied", 403), errors.Denied),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_an_error_on_the_way_to_credentials_says_nothing_of_a_change(exc, kind):
    found = translate(exc, "TerminateInstanceInAutoScalingGroup", change=True, worked=True)
    assert type(found) is kind
    assert str(found).startswith("AssumeRole: ")
