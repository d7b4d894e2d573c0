"""From bytes to parameters and back, with moto's parsers and serializers.

Nothing here knows the world: a request becomes a `Call` in the shapes of botocore's service model,
and a result in the same shapes becomes the XML that AWS would send.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model

#: The services whose calls are parsed; everything else goes to moto untouched.
#: All of them speak the query protocol, in which the body names the action.
SERVICES = frozenset({"autoscaling", "ec2", "elb", "elbv2", "sts", "iam", "cloudformation"})
#: Classic and current load balancing share one signing name; the API version tells them apart.
LOAD_BALANCING_VERSIONS = {"2012-06-01": "elb", "2015-12-01": "elbv2"}
#: ``Credential=AKID/20300101/eu-central-1/autoscaling/aws4_request`` of Signature Version 4.
CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")
XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
QUERY_ERROR = (
    "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message>"
    "</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
)
#: EC2 wraps its errors in another way than the services of the plain query protocol.
ERRORS = {
    "ec2": (
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        "<RequestID>{request_id}</RequestID></Response>"
    )
}


@dataclass(frozen=True)
class Call:
    """One API call as it arrived."""

    service: str
    operation: str
    region: str
    access_key: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, whole."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def parse(environ: dict[str, Any]) -> Call | None:
    """Return the call in a WSGI request, or None when it is none of `SERVICES`.

    The body is read and put back, so that moto can still be asked to answer the request.
    An action that the service model does not know has empty parameters.
    """
    credential = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if credential is None:
        return None
    values = dict(parse_qsl(_body(environ), keep_blank_values=True))
    service = _service(credential["service"], values)
    operation = values.get("Action", "")
    if service not in SERVICES or not operation:
        return None
    return Call(
        service=service,
        operation=operation,
        region=credential["region"],
        access_key=credential["key"],
        params=_params(service, operation, values),
    )


def _body(environ: dict[str, Any]) -> str:
    raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(raw)
    return raw.decode("utf-8", errors="replace")


def _service(signing_name: str, values: dict[str, str]) -> str:
    if signing_name == "elasticloadbalancing":
        return LOAD_BALANCING_VERSIONS.get(values.get("Version", ""), "elbv2")
    return signing_name


def _params(service: str, operation: str, values: dict[str, str]) -> dict[str, Any]:
    model = get_service_model(service)
    if operation not in model.operation_names:
        return {}
    parser = PROTOCOL_PARSERS[str(model.protocol)](model.operation_model(operation))
    return parser.parse({"values": values})


def result(call: Call, data: dict[str, Any], request_id: str) -> Answer:
    """Serialise a result given in the shape of the operation's output."""
    model = get_service_model(call.service)
    serializer = get_serializer_class(call.service, str(model.protocol))(
        operation_model=model.operation_model(call.operation),
        context=SerializationContext(request_id),
    )
    serialised = serializer.serialize(data)
    return _xml(serialised["status_code"], serialised["body"], request_id)


def error(call: Call, code: str, message: str, status: int, request_id: str) -> Answer:
    """Write an error; `status` is the HTTP status that AWS documents for it."""
    kind = "Sender" if status < 500 else "Receiver"
    body = ERRORS.get(call.service, QUERY_ERROR).format(
        kind=kind, code=escape(code), message=escape(message), request_id=request_id
    )
    return _xml(status, XML_HEAD + body, request_id)


def _xml(status: int, body: str, request_id: str) -> Answer:
    headers = (("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id))
    return Answer(status, headers, body.encode())


def outcome(answer: Answer) -> str:
    """Return "ok", or the error code inside an answer of moto's."""
    if answer.status < 300:
        return "ok"
    found = re.search(rb"<Code>([^<]+)</Code>", answer.body)
    return found[1].decode() if found else f"HTTP{answer.status}"
