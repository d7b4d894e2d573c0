"""`LabServer`: the emulated AWS as a context manager."""

from __future__ import annotations

import os
import time
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_api._internal import mock_random

from tests.lab.http.application import Application
from tests.lab.http.region import Regions, empty_like
from tests.lab.http.serving import BackgroundServer
from tests.lab.http.timekeeping import ManualTime, WallTime
from tests.lab.scenario import build
from tests.lab.world import World

# moto's 1,285 sample images take a tenth of a second at each start, and nobody here launches them.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

LOOPBACK = "127.0.0.1"
#: Makes moto's ids (subnets, volumes, reservations) the same in every run.
MOTO_SEED = 20260101


class LabServer:
    """An emulated AWS that listens on HTTP for as long as the ``with`` block lasts.

    moto's state belongs to the process: one `LabServer` at a time.

    Args:
        scenario: a world, or the description of one (see `tests.lab.scenario`). Where that names
            no ``start``, it is now; with `manual` time it is the same instant in every run.
        speed: virtual seconds in a real second.
        host, port: where to listen; port 0 takes a free one.
        manual: time stands still except for `advance` (and for latency faults).
    """

    _running: LabServer | None = None

    def __init__(
        self,
        scenario: World | dict[str, Any] | None = None,
        *,
        speed: float = 1.0,
        host: str = LOOPBACK,
        port: int = 0,
        manual: bool = False,
    ) -> None:
        self._given = scenario if scenario is not None else {}
        self._speed = speed
        self._address = (host, port)
        self._manual = manual
        self._application: Application | None = None
        self._server: BackgroundServer | None = None

    def __enter__(self) -> LabServer:
        if LabServer._running is not None:
            raise RuntimeError("another LabServer runs in this process; moto's state is global")
        self._application = None
        self._application = Application(self._begin, self._timekeeper)
        self._server = BackgroundServer(self._application, *self._address)
        LabServer._running = self
        return self

    def __exit__(self, *_: object) -> None:
        LabServer._running = None
        self._server.stop()
        forget_moto()

    def _begin(self) -> Regions:
        forget_moto()
        if self._application is None and isinstance(self._given, World):
            world = self._given
        elif isinstance(self._given, World):
            world = empty_like(self._given, self._given.region)
        elif self._manual:
            world = build(self._given)
        else:
            # Clients compare launch times with their own clock.
            world = build({"start": float(int(time.time())), **self._given})
        if world.account != DEFAULT_ACCOUNT_ID:
            raise ValueError(f"account {world.account}: moto only knows {DEFAULT_ACCOUNT_ID}")
        return Regions(world)

    def _timekeeper(self, start: float) -> WallTime | ManualTime:
        return ManualTime(start) if self._manual else WallTime(start, self._speed)

    @property
    def endpoint_url(self) -> str:
        """Return what ``AWS_ENDPOINT_URL`` has to be."""
        return self._server.url

    @property
    def world(self) -> World:
        """Return the world. Hold `lock` to look at more than one thing at once."""
        return self._application.regions.home.world

    @property
    def lock(self) -> Any:
        """Return the lock that every request holds while it is answered."""
        return self._application.lock

    def advance(self, seconds: float) -> None:
        """Move virtual time ahead by `seconds`."""
        self._application.skip(seconds)

    def tick(self) -> None:
        """Let everything happen that is due by now; requests do so by themselves."""
        self._application.tick()

    def history(self, since: int = 0) -> list[dict[str, Any]]:
        """Return what has happened, from record number `since` on, as plain data."""
        with self.lock:
            self.tick()
            return self.world.history.plain(since)


def forget_moto() -> None:
    """Put moto back to where it was when it was imported.

    moto's own reset builds every backend anew before it drops it, which takes half a second.
    """
    for backends in BackendDict._instances:
        backends.clear()
    BackendDict._instances.clear()
    reset_model_data()
    mock_random.seed(MOTO_SEED)
