"""
How far this master's clock is from AWS's, from the ``Date`` of AWS's answers. Pure.

A lease says until when it holds, so masters that share a group have to agree about the time. They
are each compared with the one clock that all of them hear from: AWS's.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from asgroll.values import format_duration

#: So long before its end a lease is not acted upon any more: calls take their time, and clocks of
#: masters differ.
MARGIN_SECONDS = 15.0
#: Of that margin, what one clock may be off. Two of them in opposite directions are two shares; the
#: third is for what cannot be measured: a ``Date`` is in whole seconds, and it is not known how
#: long an answer was on its way.
SHARE = 1 / 3
#: The resolution of a ``Date`` (RFC 9110, section 5.6.7).
RESOLUTION_SECONDS = 1.0


def margin(lease_time: float) -> float:
    """Seconds before its end from which a lease of ``lease_time`` (seconds) is not acted upon."""
    return min(MARGIN_SECONDS, lease_time / 4)


def bearable(lease_time: float) -> float:
    """Seconds by which the clock of a master may be off, for leases of ``lease_time`` (seconds)."""
    return margin(lease_time) * SHARE


@dataclass(frozen=True)
class Offset:
    """
    By how many seconds our clock is ahead of AWS's: ``low`` at least and ``high`` at most.
    Negative where it is behind.
    """

    low: float
    high: float

    @property
    def proven(self) -> float:
        """The least difference that explains what was seen; 0 where none has to."""
        return max(self.low, 0.0) or min(self.high, 0.0)

    def beyond(self, seconds: float) -> bool:
        """Whether our clock is off by more than that, for certain."""
        return abs(self.proven) > seconds

    def __str__(self) -> str:
        direction = "ahead of" if self.proven > 0 else "behind"
        return f"this master's clock is {format_duration(abs(self.proven))} {direction} AWS's"


def measured(date: str, before: float, after: float) -> Offset | None:
    """
    What one answer says, however long it took.

    :param date: its ``Date`` header.
    :param before: our clock when the call began, seconds since the epoch.
    :param after: our clock when the answer was there.
    :return: None where there is no such header, or one that is no date.
    """
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None
    return Offset(before - theirs - RESOLUTION_SECONDS, after - theirs)


def narrowed(known: Offset | None, new: Offset) -> Offset:
    """
    Both together; the new one alone where they contradict each other, because a clock was set.
    """
    if known is None:
        return new
    both = Offset(max(known.low, new.low), min(known.high, new.high))
    return both if both.low <= both.high else new
