"""Signals become a wish; the second one ends at once."""

import signal
import threading

import pytest

from asgroll.stopping import SIGNALS, EndedAtOnce, StopSignals

UNLESS_WOKEN_S = 86_400
PATIENCE_S = 60


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_a_wish_that_wakes_the_sleeper(number):
    with StopSignals() as stop:
        assert stop.why() is None
        sleeper = threading.Thread(target=stop.sleep, args=(UNLESS_WOKEN_S,), daemon=True)
        sleeper.start()
        signal.raise_signal(number)
        sleeper.join(PATIENCE_S)
        assert not sleeper.is_alive()
        assert stop.why() == number.name


def test_the_second_signal_ends_at_once():
    with StopSignals():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(EndedAtOnce, match="SIGINT"):
            signal.raise_signal(signal.SIGINT)


def test_the_handlers_are_put_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with StopSignals():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_outside_the_main_thread_it_only_sleeps():
    failed = []

    def work():
        try:
            with StopSignals() as stop:
                stop.sleep(0)
        except ValueError as exc:  # what signal.signal raises there
            failed.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failed == []
