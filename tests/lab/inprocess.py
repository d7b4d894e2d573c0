"""The emulated AWS without a socket: boto3-like clients and a clock whose sleep costs nothing.

The clients are botocore's own; only the step that would talk to the network is replaced, so
paginators, waiters, ``exceptions`` and the validation of parameters are the real ones.
"""

from __future__ import annotations

from email.utils import formatdate
from functools import cache
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import (
    ConnectionClosedError,
    CredentialRetrievalError,
    ParamValidationError,
)
from botocore.parsers import ResponseParserError
from botocore.validate import ParamValidator

from tests.lab.api import OPERATIONS
from tests.lab.api.odd import distorted
from tests.lab.world import ApiError, World

# Seconds a call takes over the network, about what a call within a region costs.
CALL_SECONDS = 0.05
# botocore asks a metadata service once, for a second at most, and says this when it gets nothing.
METADATA_SECONDS = 1.0
NO_CREDENTIALS = "Credential refresh failed, response did not contain: access_key, secret_key"
_SESSION = botocore.session.Session()


@cache
def _pattern(service: str, region: str) -> BaseClient:
    """Return a client to copy: making one takes longer than a whole roll of a small group."""
    return _SESSION.create_client(
        service,
        region_name=region,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
        config=Config(parameter_validation=True),
    )


class VirtualClock:
    """Time of the world; sleeping moves it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> float:
        """Return the current instant, epoch seconds."""
        return self._world.now

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass in the world."""
        self._world.advance(self._world.now + max(seconds, 0.0))


class InProcessAWS:
    """Clients for one world.

    Args:
        world: the world to act on.
        call_seconds: virtual time that each call costs.
        validate_output: check every answer against the service model; benchmarks turn it off.
    """

    def __init__(
        self, world: World, call_seconds: float = CALL_SECONDS, validate_output: bool = True
    ) -> None:
        self.world = world
        self.clock = VirtualClock(world)
        self.call_seconds = call_seconds
        #: seconds by which the Date of answers is ahead of our clock; None: they carry none
        self.clock_offset: float | None = 0.0
        self.validate_output = validate_output
        self._validator = ParamValidator()
        self._clients: dict[str, BaseClient] = {}

    def client(self, service: str, **ignored: Any) -> BaseClient:
        """Return the client of a service; what boto3.client takes besides is ignored."""
        if service not in self._clients:
            self._clients[service] = self._make(service)
        return self._clients[service]

    def _make(self, service: str) -> BaseClient:
        if service not in OPERATIONS:
            raise ValueError(f"no service {service!r}; there are {sorted(OPERATIONS)}")
        pattern = _pattern(service, self.world.region)
        # copy.copy would ask the empty copy for attributes, which a client answers by recursion
        made = object.__new__(type(pattern))
        made.__dict__.update(pattern.__dict__)

        def call(operation: str, params: dict[str, Any]) -> dict[str, Any]:
            return self._call(made, service, operation, params)

        made._make_api_call = call
        return made

    def _call(
        self, client: BaseClient, service: str, operation: str, params: dict[str, Any]
    ) -> dict[str, Any]:
        model = client.meta.service_model.operation_model(operation)
        self._check(params, model.input_shape)
        self._renew_credentials()
        self.clock.sleep(self.call_seconds)
        fault = self.world.on_call(service, operation, params)
        if fault is not None and fault.latency:
            self.clock.sleep(fault.latency)
        try:
            answer = self._answer(service, operation, params, fault)
        except ApiError as error:
            self.world.record_call(service, operation, params, error.code)
            raise _client_error(client, operation, error, self._headers()) from None
        if fault is not None and fault.lost:
            outcome = "lost:applied" if fault.applied else "lost"
            self.world.record_call(service, operation, params, outcome)
            raise ConnectionClosedError(endpoint_url=client.meta.endpoint_url)
        if fault is not None and fault.html:
            self.world.record_call(service, operation, params, "html")
            raise ResponseParserError(
                "Unable to parse response (syntax error: line 1, column 0), invalid XML received."
            )
        self.world.record_call(service, operation, params)
        if self.validate_output and model.output_shape is not None:
            self._check(answer, model.output_shape)
        answer["ResponseMetadata"] = {
            "HTTPStatusCode": 200,
            "HTTPHeaders": self._headers(),
            "RetryAttempts": 0,
        }
        return answer

    def _headers(self) -> dict[str, str]:
        if self.clock_offset is None:
            return {}
        ahead = self.clock_offset + self.world.clock_skew()
        return {"date": formatdate(self.world.now + ahead, usegmt=True)}

    def _renew_credentials(self) -> None:
        """Do as botocore does with a master's credentials: a call that lacks them is not sent."""
        if self.world.metadata_down():
            self.clock.sleep(METADATA_SECONDS)
            raise CredentialRetrievalError(provider="iam-role", error_msg=NO_CREDENTIALS)

    def _answer(
        self, service: str, operation: str, params: dict[str, Any], fault: Any
    ) -> dict[str, Any]:
        if fault is not None and fault.error is not None:
            raise fault.error
        if fault is not None and not fault.applied:
            return {}
        handler = OPERATIONS[service].get(operation)
        if handler is None:
            raise NotImplementedError(f"the lab does not answer {service}:{operation}")
        return distorted(self.world, service, operation, handler(self.world, params))

    def _check(self, value: dict[str, Any], shape: Any) -> None:
        if shape is None:
            return
        report = self._validator.validate(value, shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())


def _client_error(
    client: BaseClient, operation: str, error: ApiError, headers: dict[str, str]
) -> Exception:
    body = {
        "Error": {"Code": error.code, "Message": error.message, "Type": "Sender"},
        "ResponseMetadata": {
            "HTTPStatusCode": error.status,
            "HTTPHeaders": headers,
            "RetryAttempts": 0,
        },
    }
    return client.exceptions.from_code(error.code)(body, operation)
