"""botocore's exceptions → ours: was the call applied, may it be repeated, what should be done."""

from __future__ import annotations

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from asgroll.clock import Offset
from asgroll.errors import (
    AwsError,
    Conflict,
    Denied,
    Expired,
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
        "InvalidClientTokenId",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_NO_SESSION = (
    boto.PartialCredentialsError,
    boto.ProfileNotFound,
    boto.NoRegionError,
    boto.InvalidEndpointDiscoveryConfigurationError,
    boto.InvalidIMDSEndpointError,
    boto.InvalidIMDSEndpointModeError,
)
#: Raised while credentials are fetched or renewed, which is before a call is sent.
_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.CredentialRetrievalError,
    boto.MetadataRetrievalError,
    boto.TokenRetrievalError,
    boto.NoAuthTokenError,
    boto.SSOError,
    getattr(boto, "LoginError", boto.SSOError),  # newer than the oldest botocore that will do
)
#: What asking boto3 for credentials, or for anything signed with them, may raise. The last two are
#: none of botocore's own: a token file that is not there, and "Credentials were refreshed, but the
#: refreshed credentials are still expired" (botocore, RefreshableCredentials).
FAILURES = (boto.ClientError, boto.BotoCoreError, ResponseParserError, OSError, RuntimeError)
#: What a signature is refused with when its time is too far from AWS's: five minutes for most
#: services (IAM user guide, "Elements of an AWS API request signature"), said of less already.
_SIGNED = (
    frozenset({"SignatureDoesNotMatch", "AuthFailure", "InvalidSignatureException"}) | _EXPIRED
)
SIGNED_SECONDS = 60.0
_NOT_SENT = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)


def translate(
    exc: Exception,
    operation: str,
    *,
    change: bool,
    worked: bool = False,
    offset: Offset | None = None,
) -> AwsError:
    """
    :param exc: one of ``FAILURES``.
    :param operation: the API operation that was called.
    :param change: whether the call changes something (then a lost answer is ``Unclear``).
    :param worked: whether AWS has accepted our credentials before. Then credentials that cannot be
        had now are ``Temporary``: a metadata service or a token that fails for a while comes back.
    :param offset: how far our clock is from AWS's, where that is known.
    :return: the error to raise.
    """
    if isinstance(exc, boto.ClientError):
        found = _from_answer(exc, operation, change, worked)
        if offset is None or not offset.beyond(SIGNED_SECONDS) or found.code not in _SIGNED:
            return found
        return type(found)(f"{found}; {offset}: set it", operation=found.operation, code=found.code)
    name = type(exc).__name__
    if isinstance(exc, _NO_SESSION):
        return Unreachable(no_session(exc), operation=operation, code=name)
    botocores = isinstance(exc, (boto.BotoCoreError, ResponseParserError))
    if isinstance(exc, _CREDENTIALS) or not botocores:
        if worked:
            return Temporary(_not_renewed(operation, exc), operation=operation, code=name)
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
        "policy key `profile` or `role_arn`. Where it has one, the metadata service does not "
        "answer now: try again"
    )


def _not_renewed(operation: str, why: Exception | str) -> str:
    return (
        f"{operation}: not sent, the AWS credentials cannot be renewed ({why}); they worked "
        "before: look at where they come from (metadata service, SSO session, token file or role)"
    )


def _from_answer(exc: boto.ClientError, operation: str, change: bool, worked: bool) -> AwsError:
    error = exc.response.get("Error", {})
    code, said = error.get("Code", ""), error.get("Message", "")
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    asked = exc.operation_name
    if asked != operation:  # on the way, for the credentials: ours was not sent
        kind, hint = _of_credentials(code, asked, worked)
    else:
        kind, hint = _of_access(code, worked) or (_of_call(code, said, status, change), "")
    return kind(f"{asked}: {said or code}{hint}", operation=asked, code=code)


def _of_credentials(code: str, asked: str, worked: bool) -> tuple[type[AwsError], str]:
    """What an error of AssumeRole and its like means, and what to do."""
    if code in _DENIED and asked == "AssumeRole":
        return Denied, "; the role in role_arn has to trust the master's own role"
    return _of_access(code, worked) or (Temporary if worked else Unreachable, "")


def _of_access(code: str, worked: bool) -> tuple[type[AwsError], str] | None:
    """The same for errors about rates and credentials; None for what is about the call itself."""
    if code in _THROTTLED:
        return Throttled, "; AWS limits the rate of our calls: it works again a little later"
    if code in _EXPIRED:
        if worked:
            return Expired, "; it worked before: look at where the AWS credentials come from"
        return Denied, "; renew the credentials that the master uses"
    if code in _DENIED:
        return Denied, "; docs/iam-policy.json lists all permissions that are needed"
    return None


def _of_call(code: str, said: str, status: int, change: bool) -> type[AwsError]:
    if code in _CONFLICT:
        return Conflict
    if "NotFound" in code or (code == "ValidationError" and " not found" in said):
        return Missing
    if status >= 500:
        return Unclear if change else Temporary
    return Refused
