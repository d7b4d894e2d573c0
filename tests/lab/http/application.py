"""The WSGI application: one lock, one clock, faults on the way in and out, moto for the rest."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from itertools import count
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from tests.lab.api.odd import distorted
from tests.lab.http import control, wire
from tests.lab.http.region import Region, Regions
from tests.lab.http.serving import cut
from tests.lab.http.timekeeping import Timekeeper
from tests.lab.http.wire import Answer, Call
from tests.lab.world import ApiError

RESET_PATH = "/moto-api/reset"
#: What a proxy in front of an API answers when it is broken. botocore recognises a page that begins
#: with "<html>"; over one with a document type before that it stumbles.
HTML_ERROR = Answer(
    502,
    (("Content-Type", "text/html"),),
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center><hr></body></html>",
)
#: A defect of the lab or of moto; the traceback is in the log.
BROKEN = ApiError("InternalFailure", "The lab itself failed; its log says why.", 500)
LOG = logging.getLogger(__name__)
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class LostAnswer(ConnectionError):
    """The connection was cut instead of answering; werkzeug takes it for a client gone."""


class Application:
    """Everything that the lab answers over HTTP.

    Args:
        begin: returns the regions as they are at the start; asked again by a reset.
        timekeeper: returns what moves the world's time, from an instant (epoch seconds) on.
    """

    def __init__(
        self,
        begin: Callable[[], Regions],
        timekeeper: Callable[[float], Timekeeper],
    ) -> None:
        self.lock = threading.RLock()
        self._begin = begin
        self._timekeeper = timekeeper
        self.reset()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._control = control.Control(lambda: self.regions.home.world, self.skip)
        self._request_ids = (f"00000000-0000-4000-8000-{number:012x}" for number in count(1))

    def reset(self) -> None:
        """Start the world anew."""
        with self.lock:
            self.regions = self._begin()
            self._time = self._timekeeper(self.regions.home.world.now)

    # -- time -----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Let everything happen that is due by now."""
        with self.lock:
            self.regions.advance(self._time.now())

    def skip(self, seconds: float) -> None:
        """Move virtual time ahead by `seconds`."""
        with self.lock:
            self._time.skip(seconds)
            self.tick()

    # -- requests -------------------------------------------------------------------------------

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, of whatever service."""
        answer = self._answer(environ)
        start_response(f"{answer.status} ", [*answer.headers, self._date(), _length(answer)])
        return [answer.body]

    def _date(self) -> tuple[str, str]:
        """Return when AWS says it answers: by the real clock, which clients compare with theirs."""
        ahead = self.regions.home.world.clock_skew()
        return ("Date", formatdate(time.time() + ahead, usegmt=True))

    def _answer(self, environ: dict[str, Any]) -> Answer:
        path = environ.get("PATH_INFO", "")
        if path.startswith(control.PREFIX):
            return self._controlled(environ, path)
        if path == RESET_PATH and environ["REQUEST_METHOD"] == "POST":
            self.reset()
            return Answer(200, control.JSON, b'{"status": "ok"}')
        call = wire.parse(environ)
        if call is None:
            with self.lock:
                return self._ask_moto(environ)
        return self._call(call, environ)

    def _controlled(self, environ: dict[str, Any], path: str) -> Answer:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self.lock:
            self.tick()
            return self._control.answer(
                environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), body
            )

    def _call(self, call: Call, environ: dict[str, Any]) -> Answer:
        with self.lock:
            self.tick()
            if call.region not in self.regions:
                return self._refuse(call, _unknown_region(call.region))[0]
            region = self.regions[call.region]
            if region.world.sessions.get(call.access_key, math.inf) <= region.world.now:
                return self._expired(region, call)
            fault = region.world.on_call(call.service, call.operation, call.params)
        if fault is not None and fault.latency:
            # Not under the lock: one slow call does not hold up the others.
            self._time.wait(fault.latency)
        with self.lock:
            self.tick()
            try:
                answer, outcome = self._faulty(region, call, fault, environ)
            except Exception:  # a defect of the lab is answered and logged, as AWS answers its own
                LOG.exception("the lab failed at %s:%s", call.service, call.operation)
                answer, outcome = self._refuse(call, BROKEN)
            region.world.record_call(call.service, call.operation, call.params, outcome)
        if answer is None:
            cut(environ["werkzeug.socket"])
            raise LostAnswer
        return answer

    def _expired(self, region: Region, call: Call) -> Answer:
        """Refuse a call signed with credentials of an assumed role whose time is up."""
        error = region.world.refusal_of("expired_token", call.service, call.operation)
        region.world.record_call(call.service, call.operation, call.params, error.code)
        return self._refuse(call, error)[0]

    def _faulty(
        self, region: Region, call: Call, fault: Any, environ: dict[str, Any]
    ) -> tuple[Answer | None, str]:
        """Return the answer, None for a lost one, and how the call ended."""
        if fault is None:
            return self._apply(region, call, environ)
        if fault.error is not None:
            return self._refuse(call, fault.error)
        if fault.applied:
            answer, outcome = self._apply(region, call, environ)
            if outcome != "ok":
                return answer, outcome
        if fault.lost:
            return None, "lost:applied" if fault.applied else "lost"
        if fault.html:
            return HTML_ERROR, "html"
        return answer, "ok"

    def _apply(self, region: Region, call: Call, environ: dict[str, Any]) -> tuple[Answer, str]:
        handler = region.handler(call.service, call.operation)
        try:
            data = handler(call.params) if handler is not None else None
        except ApiError as error:
            return self._refuse(call, error)
        if data is None:  # moto's business
            region.before_moto()
            answer = self._ask_moto(environ, call)
            region.after_moto()
            return answer, wire.outcome(answer)
        data = distorted(region.world, call.service, call.operation, data)
        return wire.result(call, data, next(self._request_ids)), "ok"

    def _refuse(self, call: Call, error: ApiError) -> tuple[Answer, str]:
        request_id = next(self._request_ids)
        return wire.error(call, error.code, error.message, error.status, request_id), error.code

    def _ask_moto(self, environ: dict[str, Any], call: Call | None = None) -> Answer:
        # Whatever role the caller has assumed: there is one account.
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.regions.home.world.account
        try:
            body, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
        except (NotImplementedError, ImportError) as missing:
            if call is None:
                text = f"The lab does not answer this: {missing}"
                return Answer(501, (("Content-Type", "text/plain"),), text.encode())
            text = f"The lab does not answer {call.service}:{call.operation}: {missing}"
            return self._refuse(call, ApiError("InvalidAction", text))[0]
        return Answer(int(status.split()[0]), _without_length(headers), b"".join(body))


def _without_length(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in headers if pair[0].lower() != "content-length")


def _unknown_region(name: str) -> ApiError:
    text = f"Credential should be scoped to a valid region, not '{name}'. "
    return ApiError("SignatureDoesNotMatch", text, 403)


def _length(answer: Answer) -> tuple[str, str]:
    return ("Content-Length", str(len(answer.body)))
