"""Virtual time: a heap of events, processed in order of time and then of scheduling."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Entry = tuple[float, int, Callable[..., None], tuple]


class Clock:
    """Holds the time and what is due later. Advancing costs O(events), never O(seconds).

    Args:
        start: the first instant, in epoch seconds.
    """

    def __init__(self, start: float) -> None:
        self.now = start
        self._heap: list[Entry] = []
        self._order = count()
        self._running = False

    def after(self, delay: float, function: Callable[..., None], *args: object) -> None:
        """Call ``function(*args)`` once ``delay`` seconds have passed."""
        self.at(self.now + delay, function, *args)

    def at(self, when: float, function: Callable[..., None], *args: object) -> None:
        """Call ``function(*args)`` at ``when`` (epoch seconds), or at once when that has passed."""
        heapq.heappush(self._heap, (max(when, self.now), next(self._order), function, args))

    def next_due(self) -> float | None:
        """Return when the next event is due (epoch seconds), or None when nothing is pending."""
        return self._heap[0][0] if self._heap else None

    def advance(self, until: float) -> None:
        """Process everything due up to ``until`` (epoch seconds) and stay there.

        A call from inside an event does nothing: the outer run will reach what it scheduled.
        """
        if self._running:
            return
        self._running = True
        try:
            while self._heap and self._heap[0][0] <= until:
                when, _, function, args = heapq.heappop(self._heap)
                self.now = when
                function(*args)
            self.now = max(self.now, until)
        finally:
            self._running = False
