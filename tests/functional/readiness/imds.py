"""A small instance metadata service, version 2, for what are processes of this machine here."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "token-of-this-service"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
HEADER = "X-aws-ec2-metadata-token"
ROLE = "web-role"
KEYS = {"AccessKeyId": "testing", "SecretAccessKey": "testing", "Token": "session"}


@dataclass
class Imds:
    """
    The service of one instance; ``target`` is its target lifecycle state, None for none.

    ``lifetime`` is how long (seconds) credentials are good that it gives away. ``down``: every
    request is answered with 503, and counted in ``turned_away``.
    """

    instance_id: str
    region: str = "eu-central-1"
    target: str | None = "InService"
    refused: list[str] = field(default_factory=list)
    lifetime: float = 6 * 3600.0
    down: bool = False
    turned_away: int = 0

    def __enter__(self) -> Imds:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                if self.turned_away():
                    return
                allowed = self.path == "/latest/api/token" and TTL in self.headers
                self.answer(TOKEN if allowed else None)

            def turned_away(self) -> bool:
                if service.down:
                    service.turned_away += 1
                    self.answer(None, 503)
                return service.down

            def do_GET(self) -> None:
                if self.turned_away():
                    return
                if self.headers.get(HEADER) != TOKEN:
                    service.refused.append(self.path)
                    self.answer(None, 401)
                    return
                self.answer(service.items().get(self.path.removeprefix("/latest/meta-data/")))

            def answer(self, text: str | None, missing: int = 404) -> None:
                self.send_response(missing if text is None else 200)
                self.end_headers()
                self.wfile.write((text or "").encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def items(self) -> dict[str, str | None]:
        """Metadata by path; None is not there."""
        end = datetime.now(timezone.utc) + timedelta(seconds=self.lifetime)
        keys = {**KEYS, "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
        return {
            "instance-id": self.instance_id,
            "placement/region": self.region,
            "autoscaling/target-lifecycle-state": self.target,
            "iam/security-credentials/": ROLE,
            f"iam/security-credentials/{ROLE}": json.dumps(keys),
        }
