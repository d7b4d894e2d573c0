"""How the world's time moves: with the clock on the wall, or by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Timekeeper(Protocol):
    """Says what time it is in the world, and passes time there."""

    def now(self) -> float:
        """Return the world's time, in epoch seconds."""

    def skip(self, seconds: float) -> None:
        """Jump ahead by virtual `seconds`."""

    def wait(self, seconds: float) -> None:
        """Let virtual `seconds` pass for one caller: sleep, or jump ahead."""


class WallTime:
    """Virtual time runs `speed` times as fast as real time.

    Args:
        start: the world's time now, in epoch seconds.
        speed: virtual seconds in one real second.
        monotonic, sleep: injected for tests.
    """

    def __init__(
        self,
        start: float,
        speed: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._start = start
        self._speed = speed
        self._monotonic = monotonic
        self._sleep = sleep
        self._since = monotonic()

    def now(self) -> float:
        """Return the world's time, in epoch seconds."""
        return self._start + (self._monotonic() - self._since) * self._speed

    def skip(self, seconds: float) -> None:
        """Jump ahead by virtual `seconds`."""
        self._start += seconds

    def wait(self, seconds: float) -> None:
        """Sleep until virtual `seconds` have passed."""
        self._sleep(seconds / self._speed)


class ManualTime:
    """Virtual time stands still until somebody moves it.

    Args:
        start: the world's time now, in epoch seconds.
    """

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        """Return the world's time, in epoch seconds."""
        return self._now

    def skip(self, seconds: float) -> None:
        """Jump ahead by virtual `seconds`."""
        self._now += seconds

    def wait(self, seconds: float) -> None:
        """Jump ahead: nobody sleeps in manual time."""
        self.skip(seconds)
