"""How long an update takes from its publication to its installation, by a schedule. Pure.

Everything is minutes: firings by the week, local time, from midnight of Sunday. A firing elapses
anywhere within its width, which is systemd's random delay, or a whole fleet's spread. What is
promised holds wherever it elapses: the earliest and the latest installation are bounds, and on one
host whose offsets are known they are exact. Downtime, failures and changes of the clock are not
counted; neither is the time that the upgrade itself takes.
"""

import math
import re
from dataclasses import dataclass
from statistics import median

from aptpolicy.schedule import MINUTES_PER_DAY

MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY
STEP = 5  # minutes between the publications that are looked at; firings themselves are exact
_UNIT_MINUTES = {"s": 1 / 60, "m": 1, "h": 60, "d": MINUTES_PER_DAY, "": MINUTES_PER_DAY}


@dataclass(frozen=True)
class Firing:
    """A firing of a timer: ``minute`` of the week, and how many minutes later it may elapse."""

    minute: int
    width: int = 0


@dataclass(frozen=True)
class Plan:
    """
    A schedule. ``fetches``, ``upgrades``: firings of apt's two timers. ``fetch_every``,
    ``upgrade_every``: intervals of APT::Periodic in days, 0 for ``always``, None for off.
    ``fetch_first``: whether an upgrade begins with a fetch. ``days``: days of the week on which
    upgrades run, () for all. ``delay``: days by which a snapshot is followed, None without one.
    ``utc_offset``: minutes by which the local clock is ahead; the days of snapshots are UTC's.
    """

    fetches: tuple
    upgrades: tuple
    fetch_every: float | None = 0
    upgrade_every: float | None = 1
    fetch_first: bool = True
    days: tuple = ()
    delay: int | None = None
    utc_offset: int = 0


def every(interval):
    """An interval of APT::Periodic as text → days, 0 for ``always``, None for off."""
    if interval == "always":
        return 0
    match = re.fullmatch(r"(\d+)([smhd]?)", str(interval))
    days = int(match[1]) * _UNIT_MINUTES[match[2]] / MINUTES_PER_DAY if match else 0
    return days or None


def summary(plan):
    """
    ``{best, typical, worst}`` in hours, over all times of publication; None when never.

    Best and worst are bounds; typical is what half of the publications do not exceed, each taken
    at the middle of its bounds.
    """
    if plan.upgrade_every is None or not plan.upgrades or not _possible_fetches(plan):
        return None
    waits = []
    for minute in _publications(plan):
        first, last = window(plan, minute)
        if last is None:
            return None
        waits.append((first - minute, last - minute))
    return {
        "best": _at_least(min(first for first, _ in waits)),
        "typical": round(median((first + last) / 2 for first, last in waits) / 60, 1),
        "worst": -_at_least(-max(last for _, last in waits)),
    }


def lead(before, after):
    """
    Hours by which every host of the plan ``before`` begins to install before any of ``after`` can.

    Both follow the same mirror. What ``after`` has can be installed at once, at a boot or by hand:
    only the delay of a snapshot keeps it, not its timers. Negative: it may come first, by so much.
    None where ``before`` never installs.
    """
    found = []
    for minute in sorted({*_publications(before), *_publications(after)}):
        days = _snapshot_days(before, after, minute)
        lasts = [_last(before, minute, day) for day in days]
        if None in lasts:
            return None
        found += [_had(after, minute, day) - last for last, day in zip(lasts, days, strict=True)]
    return _at_least(min(found)) if found else None


def window(plan, minute):
    """
    ``(earliest, latest)`` minute at which what is published at ``minute`` begins to be installed.

    ``latest`` is None when that never happens.
    """
    days = _snapshot_days(plan, plan, minute)
    firsts = [_earliest(plan, _had(plan, minute, day)) for day in days]
    lasts = [_last(plan, minute, day) for day in days]
    known = [first for first in firsts if first is not None]
    return (min(known) if known else None), (None if None in lasts else max(lasts))


# -- when a publication can be had -----------------------------------------------------------------


def _snapshot_days(one, other, minute):
    """
    The days whose snapshot may be the first to hold a publication: its own when that is taken
    later in the day, else the next.
    """
    if one.delay is None and other.delay is None:
        return (None,)
    day = _utc_day(one if one.delay is not None else other, minute)
    return (day, day + 1)


def _had(plan, minute, day):
    """From when on it can be had, when the snapshot of ``day`` is the first that holds it."""
    return minute if plan.delay is None else max(minute, _begin(plan, day + plan.delay))


def _last(plan, minute, day):
    """The latest installation: a snapshot is surely there when its day is over."""
    if plan.delay is not None:
        minute = max(minute, _begin(plan, day + max(plan.delay, 1)))
    return _latest(plan, minute)


def _utc_day(plan, minute):
    return (minute - plan.utc_offset) // MINUTES_PER_DAY


def _begin(plan, day):
    """The local minute at which a day of UTC begins."""
    return day * MINUTES_PER_DAY + plan.utc_offset


# -- the walk over the firings ---------------------------------------------------------------------


def _earliest(plan, minute):
    """The first minute at which a run may have lists that were fetched at ``minute`` or later."""
    if not plan.fetch_first:
        fetches = [
            max(minute, begin)
            for begin, end in _from(plan.fetches, minute)
            if plan.fetch_every is not None and end >= minute
        ]
        if not fetches:
            return None
        minute = min(fetches)
    found = (
        max(minute, begin)
        for begin, end in _from(plan.upgrades, minute)
        if end >= minute
        and _on_update_day(plan, max(minute, begin), end, any)
        and not (plan.upgrade_every and _comes_second(plan.upgrades, begin, end))
    )
    return next(found, None)


def _latest(plan, minute):
    """The last minute at which the first run with such lists begins, wherever firings elapse."""
    if plan.fetch_every is None or plan.upgrade_every is None:
        return None
    fetches, ends = _possible_fetches(plan), []
    if plan.fetch_first:
        # A run that surely fetches, and surely upgrades.
        for begin, end in _sure(plan, plan.upgrades, plan.upgrade_every, minute):
            if _is_sure(fetches, plan.fetch_every, begin, minute):
                ends.append(end)
                break
    for _, fetched in _sure(plan, fetches, plan.fetch_every, minute):
        later = _sure(plan, plan.upgrades, plan.upgrade_every, fetched)
        ends += [end for _, end in [next(later, (None, None))] if end is not None]
        break
    return min(ends) if ends else None


def _possible_fetches(plan):
    if plan.fetch_every is None:
        return ()
    firings = {*plan.fetches, *(plan.upgrades if plan.fetch_first else ())}
    return tuple(sorted(firings, key=lambda one: one.minute))


def _sure(plan, firings, interval, minute):
    """``(begin, end)`` of the firings from ``minute`` on that surely do their work."""
    for begin, end in _from(firings, minute):
        if begin < minute or not _is_sure(firings, interval, begin, minute):
            continue
        if firings is plan.upgrades and not _on_update_day(plan, begin, end, all):
            continue
        yield begin, end


def _is_sure(firings, interval, begin, minute):
    """
    Whether no stamp keeps a firing from working: apt.systemd.daily compares midnights.

    A stamp of before ``minute`` is at most of its day; a later one is of an earlier firing, which
    would then have done the work.
    """
    if not interval:
        return True
    day = begin // MINUTES_PER_DAY
    if day - minute // MINUTES_PER_DAY >= interval:
        return True
    previous = [end for start, end in _around(firings, begin) if start < begin]
    return bool(previous) and day - max(previous) // MINUTES_PER_DAY >= interval


def _comes_second(firings, begin, end):
    """Whether another firing surely elapses before on the same day."""
    same = {begin // MINUTES_PER_DAY, end // MINUTES_PER_DAY}
    return any(
        stop < begin and same == {start // MINUTES_PER_DAY, stop // MINUTES_PER_DAY}
        for start, stop in _around(firings, begin)
    )


def _on_update_day(plan, begin, end, which):
    """Whether a run that begins between two minutes meets (any, all) an update day."""
    days = range(begin // MINUTES_PER_DAY, end // MINUTES_PER_DAY + 1)
    return not plan.days or which(day % 7 in plan.days for day in days)


def _from(firings, minute, weeks=6):
    """``(begin, end)`` of the firings that may elapse at ``minute`` or later, in order."""
    week = minute // MINUTES_PER_WEEK
    for shift in range(week - 1, week + weeks):
        for one in firings:
            begin = one.minute + shift * MINUTES_PER_WEEK
            if begin + one.width >= minute:
                yield begin, begin + one.width


def _around(firings, minute):
    """Every firing of the week before a minute and of its own."""
    return _from(firings, minute - MINUTES_PER_WEEK, weeks=3)


def _publications(plan):
    """The minutes of a week that are looked at: a grid, and just before and after each event."""
    edges = {one.minute for one in (*plan.fetches, *plan.upgrades)}
    edges |= {one.minute + one.width for one in (*plan.fetches, *plan.upgrades)}
    edges |= {day * MINUTES_PER_DAY for day in range(7)}
    near = {(edge + step) % MINUTES_PER_WEEK for edge in edges for step in (-1, 0, 1)}
    return sorted({*range(0, MINUTES_PER_WEEK, STEP), *near})


def _at_least(minutes):
    """Hours with one digit, rounded down: what is promised is not rounded away."""
    return math.floor(minutes / 6) / 10
