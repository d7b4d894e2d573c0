"""The AWS account: clients with timeouts, one way to call them, and who listens to the calls."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from verify.settings import Run

#: Seconds until a connection stands, and until an answer has come.
CONNECT, READ = 10, 30
#: One attempt: a blind second one could end a second instance. What may be repeated, `ask` repeats.
CONFIG = Config(
    connect_timeout=CONNECT,
    read_timeout=READ,
    retries={"mode": "standard", "total_max_attempts": 1},
)
#: Refused for our rate: certainly not carried out, so that any call may be made again.
THROTTLED = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded"})
#: Refused because the same group is busy; not carried out either.
BUSY = frozenset({"ResourceContention", "ServiceUnavailable", "InternalFailure"})
READS = ("Describe", "Get")
#: Attempts, and the seconds between them.
ATTEMPTS, BETWEEN = 6, 3.0
#: Called after each call: service, operation, parameters, parsed answer (with Error, if any).
Listener = Callable[[str, str, dict[str, Any], dict[str, Any]], None]


class Unusable(Exception):
    """No answer can be had from AWS: no credentials, no region, no network. The text says what."""


class Refused(Exception):
    """AWS has refused what a run cannot do without.

    Args:
        operation: the call.
        code, text: AWS's own.
    """

    def __init__(self, operation: str, code: str, text: str) -> None:
        super().__init__(f"{operation} was refused: {code}: {text}")
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What came back: ``code`` is ``ok`` or AWS's error code, ``text`` AWS's message."""

    code: str
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Say whether the call was carried out."""
        return self.code == "ok"


class Account:
    """Makes calls; counts them; tells a listener of them.

    Args:
        run: says where.
        sleep: passes real seconds; injected.

    Raises:
        Unusable: no such profile.
    """

    def __init__(self, run: Run, sleep: Callable[[float], None] = time.sleep) -> None:
        self._run = run
        self._sleep = sleep
        self._clients: dict[str, Any] = {}
        self.listener: Listener | None = None
        self.calls: Counter[str] = Counter()
        try:
            self._session = boto3.Session(region_name=run.region, profile_name=run.profile)
        except BotoCoreError as wrong:
            raise Unusable(str(wrong)) from wrong

    def ask(self, service: str, operation: str, **params: Any) -> Answer:
        """Make a call, again while AWS limits our rate; a refusal is an answer like any other.

        Args:
            service: boto3's name of it.
            operation: AWS's name of it, like ``SetDesiredCapacity``.
            params: parameters under AWS's names.

        Raises:
            Unusable: no answer came.
        """
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self._once(service, operation, params)
            except (ConnectionError, HTTPClientError) as lost:
                if last or not operation.startswith(READS):
                    raise Unusable(f"{operation}: {lost}") from lost
            except BotoCoreError as wrong:
                raise Unusable(f"{operation}: {wrong}") from wrong
            else:
                if last or answer.code not in THROTTLED | BUSY:
                    return answer
            self._sleep(self._run.pause(BETWEEN * attempt))
        raise AssertionError("unreachable")

    def must(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Make a call that has to succeed; return its data.

        Raises:
            Refused: it did not.
        """
        answer = self.ask(service, operation, **params)
        if not answer.ok:
            raise Refused(operation, answer.code, answer.text)
        return answer.data

    def soon(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Make a call that has to succeed, again while AWS has not yet heard of what we just made.

        Returns its data; EC2 developer guide, eventual consistency.

        Raises:
            Refused: it did not succeed.
        """
        for attempt in range(1, ATTEMPTS + 1):
            answer = self.ask(service, operation, **params)
            if answer.ok:
                return answer.data
            if not (answer.code.endswith("NotFound") or "does not exist" in answer.text):
                break
            self._sleep(self._run.pause(BETWEEN * attempt))
        raise Refused(operation, answer.code, answer.text)

    def pages(self, service: str, operation: str, key: str, **params: Any) -> list[Any]:
        """Return the items under ``key`` of every page."""
        found: list[Any] = []
        while True:
            data = self.must(service, operation, **params)
            found += data.get(key, ())
            token = "Marker" if service == "elbv2" else "NextToken"
            more = data.get("NextMarker" if service == "elbv2" else "NextToken")
            if not more:
                return found
            params[token] = more

    def _once(self, service: str, operation: str, params: dict[str, Any]) -> Answer:
        client = self._client(service)
        self.calls[f"{service}:{operation}"] += 1
        try:
            data = getattr(client, xform_name(operation))(**params)
        except ClientError as refused:
            error = refused.response.get("Error", {})
            self._tell(service, operation, params, refused.response)
            return Answer(error.get("Code", "Unknown"), error.get("Message", ""))
        self._tell(service, operation, params, data)
        data.pop("ResponseMetadata", None)
        return Answer("ok", "", data)

    def _tell(
        self, service: str, operation: str, params: dict[str, Any], answer: dict[str, Any]
    ) -> None:
        if self.listener is not None:
            self.listener(service, operation, params, answer)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            try:
                self._clients[service] = self._session.client(
                    service, endpoint_url=self._run.endpoint_url, config=CONFIG
                )
            except (BotoCoreError, ValueError) as wrong:
                raise Unusable(str(wrong)) from wrong
        return self._clients[service]
