"""Makes boto3 clients from a Policy: region, profile, assumed role, endpoint."""

from __future__ import annotations

import difflib
import functools

import boto3
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, CredentialRetrievalError, NoCredentialsError

from asgroll.awserrors import FAILURES, no_session
from asgroll.errors import Unreachable
from asgroll.policy import Policy

#: Renewing credentials holds up a whole look at the group: rather fail, and try again next turn.
STS_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=10
)


def client_factory(policy: Policy):
    """
    :return: ``factory(service, config=Config)`` for ``asgroll.aws.Aws``.
    :raises Unreachable: no region, an unknown region, or no such profile.
    """
    try:
        session = boto3.Session(region_name=policy.region, profile_name=policy.profile)
    except BotoCoreError as exc:
        raise Unreachable(no_session(exc), code=type(exc).__name__) from exc
    _check_region(session)
    if policy.role_arn:
        session = _assumed(session, policy)
    return functools.partial(session.client, endpoint_url=policy.endpoint_url)


def _check_region(session: boto3.Session) -> None:
    region = session.region_name
    if not region:
        raise Unreachable(
            "no AWS region is set; give region= or set asgcycle:defaults:region in pillar",
            code="NoRegionError",
        )
    known = [
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("autoscaling", partition_name=partition)
    ]
    if region not in known:
        close = difflib.get_close_matches(region, known, n=1)
        hint = f" did you mean {close[0]}?" if close else ""
        raise Unreachable(
            f"region {region!r} is unknown to the installed boto3;{hint} "
            "a region newer than boto3 needs a newer boto3",
            code="UnknownRegionError",
        )


def _assumed(session: boto3.Session, policy: Policy) -> boto3.Session:
    """A session whose credentials come from the role and are renewed before they expire."""
    try:
        credentials = session.get_credentials()
    except FAILURES as exc:
        raise Unreachable(no_session(exc), code=type(exc).__name__) from exc
    if credentials is None:
        raise Unreachable(no_session(NoCredentialsError()), code="NoCredentialsError")
    source = session._session  # botocore's session: boto3 offers no public way to it
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=functools.partial(
            source.create_client,
            region_name=session.region_name,
            endpoint_url=policy.endpoint_url,
            config=STS_CONFIG,
        ),
        source_credentials=credentials,
        role_arn=policy.role_arn,
        extra_args={"RoleSessionName": "asgcycle"},
    )
    assumed = boto3.Session(region_name=session.region_name)
    assumed._session._credentials = DeferredRefreshableCredentials(
        method="assume-role", refresh_using=functools.partial(_assume, fetcher)
    )
    return assumed


def _assume(fetcher: AssumeRoleCredentialFetcher) -> dict[str, str]:
    """
    Renew the role's credentials.

    :raises CredentialRetrievalError: STS cannot be reached. Told apart from a lost answer to the
        call that needs the credentials: that one was not even sent.
    :raises ClientError: STS refuses.
    """
    try:
        return fetcher.fetch_credentials()
    except BotoCoreError as exc:
        raise CredentialRetrievalError(provider="assume-role", error_msg=str(exc)) from exc
