"""Signals → a wish to stop that the engine heeds between turns."""

from __future__ import annotations

import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndedAtOnce(BaseException):
    """
    A second signal: end now, with nothing put back.

    Not an ``Exception``, so that no handler on the way takes it for an error to be reported.
    """


class StopSignals:
    """
    While used as a context, the first SIGINT, SIGTERM or SIGHUP asks for a stop and wakes
    ``sleep``, the second raises ``EndedAtOnce``. Outside the main thread it does nothing, because
    Python delivers signals only there.
    """

    def __init__(self):
        self._asked = threading.Event()
        self._name: str | None = None
        self._previous: dict[signal.Signals, object] = {}

    def why(self) -> str | None:
        """Name of the signal that asked for a stop, or None."""
        return self._name

    def sleep(self, seconds: float) -> None:
        """Pause; the first signal ends the pause, later ones pause in full (still putting back)."""
        if self._asked.wait(seconds):
            self._asked.clear()

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                # what is ignored stays ignored: that is what nohup is for
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exc_info):
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _on_signal(self, number, frame):
        if self._name is not None:
            raise EndedAtOnce(signal.Signals(number).name)
        self._name = signal.Signals(number).name
        self._asked.set()
