"""The lab's own small API under ``/lab/``, for people and for tests in another process.

JSON in, JSON out. What it can do is described in tests/lab/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

from tests.lab.http.wire import Answer
from tests.lab.world import faults

PREFIX = "/lab/"
JSON = (("Content-Type", "application/json"),)


class BadRequest(Exception):
    """A control request that makes no sense; the text says why."""


class Control:
    """Answers control requests; the caller holds the lab's lock.

    Args:
        world: returns the current world.
        advance: moves virtual time by that many seconds.
    """

    def __init__(self, world: Callable[[], Any], advance: Callable[[float], None]) -> None:
        self._world = world
        self._advance = advance
        self._handlers = {
            ("GET", "history"): self._history,
            ("GET", "world"): self._state,
            ("POST", "fault"): self._fault,
            ("POST", "advance"): self._pass_time,
        }

    def answer(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """Answer one request; what is wrong with it comes back as ``{"error": …}``."""
        handler = self._handlers.get((method, path.removeprefix(PREFIX).strip("/")))
        if handler is None:
            known = ", ".join(f"{verb} {PREFIX}{name}" for verb, name in self._handlers)
            return _json(404, {"error": f"no such request; there is {known}"})
        try:
            return _json(200, handler(query, body))
        except BadRequest as wrong:
            return _json(400, {"error": str(wrong)})

    def _history(self, query: str, _: bytes) -> Any:
        since = parse_qs(query).get("since", ["0"])[0]
        if not since.isdigit():
            raise BadRequest(f"since={since}: must be the index of a record, 0 or more")
        return self._world().history.plain(int(since))

    def _state(self, _: str, __: bytes) -> Any:
        return describe(self._world())

    def _fault(self, _: str, body: bytes) -> Any:
        wanted = _object(body)
        try:
            fault = faults.Fault(**wanted)
            self._world().inject(fault)
        except (TypeError, ValueError) as wrong:
            raise BadRequest(f"not a fault: {wrong}") from None
        return {"injected": asdict(fault)}

    def _pass_time(self, _: str, body: bytes) -> Any:
        seconds = _object(body).get("seconds")
        if not isinstance(seconds, int | float) or seconds < 0:
            raise BadRequest('expected {"seconds": N} with N of 0 or more')
        self._advance(seconds)
        return {"now": self._world().now}


def describe(world: Any) -> dict[str, Any]:
    """Return what is in the world, small enough to read."""
    return {
        "now": world.now,
        "region": world.region,
        "groups": {name: _group(world, group) for name, group in world.groups.items()},
    }


def _group(world: Any, group: Any) -> dict[str, Any]:
    return {
        "min": group.min_size,
        "max": group.max_size,
        "desired": group.desired,
        "serving": len(world.serving(group)),
        "suspended": sorted(group.suspended),
        "target_groups": list(group.target_group_arns),
        "load_balancers": list(group.load_balancer_names),
        "instances": {
            item.id: {
                "lifecycle": item.lifecycle,
                "health": item.health,
                "answers": item.answers,
                "zone": item.zone,
                "version": item.launch.version or item.launch.configuration,
                "protected": item.protected,
            }
            for item in group.instances.values()
        },
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body or b"{}")
    except ValueError as wrong:
        raise BadRequest(f"not JSON: {wrong}") from None
    if not isinstance(data, dict):
        raise BadRequest("expected a JSON object")
    return data


def _json(status: int, data: Any) -> Answer:
    return Answer(status, JSON, json.dumps(data, default=str).encode())
