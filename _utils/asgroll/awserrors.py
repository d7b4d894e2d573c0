"""botocore's exceptions → ours: was the call applied, may it be repeated, what should be done."""

from __future__ import annotations

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from asgroll.errors import (
    AwsError,
    Conflict,
    Denied,
    Missing,
    Refused,
    Temporary,
    Throttled,
    Unclear,
    Unreachable,
)

_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}
)
_CONFLICT = frozenset({"ScalingActivityInProgress", "ResourceContention"})
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_NO_SESSION = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.NoRegionError,
    boto.TokenRetrievalError,
    boto.SSOError,
    boto.InvalidEndpointDiscoveryConfigurationError,
)
_NOT_SENT = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)


def translate(exc: Exception, operation: str, *, change: bool) -> AwsError:
    """
    :param exc: a ClientError, BotoCoreError or ResponseParserError.
    :param operation: the API operation that was called.
    :param change: whether the call changes something (then a lost answer is ``Unclear``).
    :return: the error to raise.
    """
    if isinstance(exc, boto.ClientError):
        return _from_answer(exc, operation, change)
    name = type(exc).__name__
    if isinstance(exc, _NO_SESSION):
        return Unreachable(no_session(exc), operation=operation, code=name)
    if isinstance(exc, boto.ParamValidationError):
        return Refused(f"{operation}: {exc}", operation=operation, code=name)
    if isinstance(exc, _NOT_SENT):
        text = f"{operation}: cannot connect ({exc}); check region, endpoint_url and the network"
        return Temporary(text, operation=operation, code=name)
    what = "an answer that is not AWS's" if isinstance(exc, ResponseParserError) else "no answer"
    detail = " ".join(str(exc).split())[:160]
    text = f"{operation}: {what} ({name}: {detail})"
    if isinstance(exc, ResponseParserError):
        text += "; is there a proxy or a login page between here and AWS?"
    return (Unclear if change else Temporary)(text, operation=operation, code=name)


def no_session(exc: Exception) -> str:
    """What to do when boto3 cannot even make a session."""
    if isinstance(exc, boto.NoRegionError):
        return "no AWS region is set; give region= or set asgcycle:defaults:region in pillar"
    if isinstance(exc, boto.ProfileNotFound):
        return f"{exc}; check the policy key `profile`"
    return (
        f"no usable AWS credentials ({exc}); give the master an instance profile or set the "
        "policy key `profile` or `role_arn`"
    )


def _from_answer(exc: boto.ClientError, operation: str, change: bool) -> AwsError:
    if exc.operation_name == "AssumeRole":  # made on the way, for the credentials
        operation = exc.operation_name
    error = exc.response.get("Error", {})
    code, said = error.get("Code", ""), error.get("Message", "")
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = f"{operation}: {said or code}"

    def as_(kind: type[AwsError], hint: str = "") -> AwsError:
        return kind(text + hint, operation=operation, code=code)

    if code in _THROTTLED:
        return as_(Throttled, "; AWS limits the rate of our calls: it works again a little later")
    if code in _CONFLICT:
        return as_(Conflict)
    if code in _DENIED:
        hint = "; docs/iam-policy.json lists all permissions that are needed"
        if operation == "AssumeRole":
            hint = "; the role in role_arn has to trust the master's own role"
        return as_(Denied, "" if "xpired" in code else hint)
    if "NotFound" in code or (code == "ValidationError" and " not found" in said):
        return as_(Missing)
    if status >= 500:
        return as_(Unclear if change else Temporary)
    return as_(Refused)
