"""Progress to whoever typed the command, and events to the master's bus. Knows Salt."""

import contextlib
import logging
import time

import salt.utils.event

from asgroll import events, report

log = logging.getLogger(__name__)


class EventBus:
    """
    Progress to the terminal, and events to the master's bus where a master runs.

    :param jid_event: the runner's ``__jid_event__``, as it was when the function was called: a
        concurrent run in the same process replaces it.

    Firing into the bus of a master that is down takes a second each time, so whether it is there
    is asked for at the start, and again only now and then.
    """

    RETRY_SECONDS = 60.0

    def __init__(self, opts, jid_event, policy):
        self._opts = opts
        self._jid_event = jid_event
        self._policy = policy
        self._bus = None
        self._up = False
        self._asked_at = float("-inf")

    def __enter__(self):
        self._bus = self._connection()
        self._bus.__enter__()
        return self

    def __exit__(self, *exc_info):
        with contextlib.suppress(Exception):  # the roll has ended: its answer matters more
            if self._up and not self._bus_answers():
                self._forget_bus()
            self._bus.__exit__(*exc_info)

    def _connection(self):
        return salt.utils.event.get_master_event(self._opts, self._opts["sock_dir"], listen=False)

    def _bus_answers(self):
        """Whether the master is still there: a fresh connection tells, an old one does not."""
        with self._connection() as bus:
            return bool(bus.connect_pull())

    def _forget_bus(self):
        """
        Close connections to a master that has stopped. Salt fires the job's return event over the
        same one after the function has returned, and would die of it with the answer unprinted;
        without a connection it tries a new one and goes on.
        """
        self._up = False
        self._asked_at = time.monotonic()
        with contextlib.suppress(Exception):  # closing what is broken may raise anything
            self._bus.close_pull()
        with contextlib.suppress(Exception):
            self._jid_event.event.close_pull()

    def report(self, event, roll):
        """Tell of an event; that nobody can hear it must never stop a roll."""
        counted = report.counts(roll, self._policy, event.at)
        data = {
            "group": roll.group,
            "roll_id": roll.id,
            "step": event.step.value,
            "at": event.at,
            "text": event.text,
            **counted,
            **event.data,
        }
        progress = {"outputter": events.OUTPUTTER, "message": data}
        try:
            if self._is_up():
                self._bus.fire_event(dict(data), events.tag(roll.group, event.step))
                self._jid_event.fire_event(progress, "progress")
            elif self._jid_event.print_func is not None:
                self._jid_event.print_func("progress", progress)
        except Exception:  # noqa: BLE001 - a closed terminal or bus raises whatever it likes
            log.warning(
                "the master does not answer any more; the roll of %s goes on",
                roll.group,
                exc_info_on_loglevel=logging.DEBUG,
            )
            self._forget_bus()

    def announce(self, group, event):
        """Tell integrations of something that no roll is about."""
        data = {
            "group": group,
            "step": event.step.value,
            "at": event.at,
            "text": event.text,
            **event.data,
        }
        try:
            if self._is_up():
                self._bus.fire_event(data, events.tag(group, event.step))
        except Exception:  # noqa: BLE001 - as in report: nothing may fail because nobody hears it
            log.warning("the master does not answer: %s", event.text)
            self._forget_bus()

    def _is_up(self):
        if not self._up and time.monotonic() - self._asked_at > self.RETRY_SECONDS:
            self._up = bool(self._bus.connect_pull())
            self._asked_at = time.monotonic()
        return self._up
