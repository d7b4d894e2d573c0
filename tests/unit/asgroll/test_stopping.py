"""Signals become a wish; the second one ends at once."""

import signal
import threading
import time

import pytest

from asgroll.stopping import SIGNALS, EndedAtOnce, StopSignals


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_a_wish_that_wakes_the_sleeper(number):
    with StopSignals() as stop:
        assert stop.why() is None
        began = time.monotonic()
        signal.raise_signal(number)
        stop.sleep(30)
        assert time.monotonic() - began < 5
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
