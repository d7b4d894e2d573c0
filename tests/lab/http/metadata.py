"""A metadata service (IMDS) that hands out credentials of the lab, and can be down.

botocore renews credentials that end within 15 minutes at every request (its advisory window), and
a metadata service that answers 503 then raises CredentialRetrievalError although the credentials
at hand are still good. While the lab's fault ``metadata_down`` holds, everything here answers 503.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.lab.http.server import LOOPBACK, LabServer
from tests.lab.http.serving import BackgroundServer

ROLE = "lab-role"
TOKEN = "/latest/api/token"
CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
#: Seconds; between ten and fifteen minutes botocore asks again at each request, and may do without.
VALID = 800.0
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class MetadataServer:
    """A metadata service beside a running `LabServer`, for as long as the ``with`` block lasts.

    Set ``AWS_EC2_METADATA_SERVICE_ENDPOINT`` to its `endpoint_url`.

    Args:
        lab: the lab whose fault ``metadata_down`` decides whether it answers.
        valid: seconds of real time for which the credentials that it hands out are good.
    """

    def __init__(self, lab: LabServer, valid: float = VALID) -> None:
        self._lab = lab
        self._valid = valid
        self._server: BackgroundServer | None = None
        #: How many requests were answered, and how many with 503.
        self.answered, self.refused = 0, 0

    def __enter__(self) -> MetadataServer:
        self._server = BackgroundServer(self, LOOPBACK, 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def endpoint_url(self) -> str:
        """Return what ``AWS_EC2_METADATA_SERVICE_ENDPOINT`` has to be."""
        return self._server.url

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        status, body = self._answer(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, method: str, path: str) -> tuple[str, bytes]:
        with self._lab.lock:
            self._lab.tick()
            down = self._lab.world.metadata_down()
        if down:
            self.refused += 1
            return "503 Service Unavailable", b""
        self.answered += 1
        if (method, path) == ("PUT", TOKEN):
            return "200 OK", b"token"
        if (method, path) == ("GET", CREDENTIALS):
            return "200 OK", ROLE.encode()
        if (method, path) == ("GET", CREDENTIALS + ROLE):
            return "200 OK", json.dumps(self._credentials()).encode()
        return "404 Not Found", b""

    def _credentials(self) -> dict[str, str]:
        # Not AWS's form with Z: botocore would take credentials that end soon for longer ones.
        ends = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=self._valid)
        return {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": "ASIALABLABLABLABLAB0",
            "SecretAccessKey": "testing",
            "Token": "testing",
            "Expiration": ends.isoformat(),
        }
