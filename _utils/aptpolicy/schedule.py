"""When things happen: offsets that spread a fleet, and the systemd timers made of them.

A random delay differs at every start and lets two hosts meet; an offset hashed from the minion id
spreads the fleet evenly and is the same tomorrow, so that a log can be read.
"""

import hashlib
import re
from dataclasses import dataclass

from aptpolicy.errors import Refused

MINUTES_PER_DAY = 24 * 60
SYSTEMD_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
TIMER_UNITS = {"download": "apt-daily.timer", "upgrade": "apt-daily-upgrade.timer"}
# The packaged schedule, with the random delay turned into a fixed offset.
DEFAULT_TIMES = {"download": ("06:00", "18:00"), "upgrade": ("06:00",)}
DEFAULT_SPREAD = {"download": 12 * 60, "upgrade": 60}  # minutes
UPGRADE_SERVICE = "apt-daily-upgrade.service"
# Lists alone: apt's own daily job would download all upgrades first, at its own pace.
FETCH = "/usr/bin/apt-get -qq -y update"
MAX_SPREAD = MINUTES_PER_DAY
SEXAGESIMAL_ADVICE = "YAML reads an unquoted 22:00 as the number 1320: put the time in quotes."
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z")
_SPAN = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m(?:in)?)?\Z")


@dataclass(frozen=True)
class Timer:
    """One timer: ``calendars`` in systemd's words, ``random_minutes`` only for raw calendars."""

    unit: str
    calendars: tuple
    random_minutes: int
    persistent: bool


def clock_minutes(value):
    """``"22:00"`` → 1320 minutes after midnight; raises :class:`Refused`."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise Refused("'HH:MM' in quotes", SEXAGESIMAL_ADVICE)
    match = _CLOCK.match(value) if isinstance(value, str) else None
    if not match:
        raise Refused("'HH:MM' in quotes, from '00:00' to '23:59'")
    return int(match.group(1)) * 60 + int(match.group(2))


def span_minutes(value):
    """``"90m"``, ``"12h"``, ``"1h30m"`` or minutes as a number → minutes."""
    allowed = "minutes as a number, or a span such as '90m', '12h', '1h30m', up to 24 hours"
    minutes = None
    if isinstance(value, int) and not isinstance(value, bool):
        minutes = value
    elif isinstance(value, str) and value and (match := _SPAN.match(value)):
        minutes = int(match.group(1) or 0) * 60 + int(match.group(2) or 0)
    if minutes is None or not 0 <= minutes <= MAX_SPREAD:
        raise Refused(allowed)
    return minutes


def offset_minutes(minion_id, purpose, spread):
    """Minutes in ``[0, spread)`` that this minion always gets for this purpose."""
    if spread <= 0:
        return 0
    digest = hashlib.sha256(f"{purpose}\0{minion_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % spread


def shifted_clock(clock, minutes):
    """``"23:50"`` shifted by 20 minutes → ``"00:10"``."""
    total = (clock_minutes(clock) + minutes) % MINUTES_PER_DAY
    return f"{total // 60:02d}:{total % 60:02d}"


def calendars(times, days, offset):
    """systemd calendar expressions for local ``times`` on ``days`` (0 = Sunday), each + offset.

    A time that the offset pushes past midnight takes its day of the week along.
    """
    result = []
    for clock in times:
        total = clock_minutes(clock) + offset
        later, minute = divmod(total, MINUTES_PER_DAY)
        moment = f"*-*-* {minute // 60:02d}:{minute % 60:02d}:00"
        if days:
            names = (SYSTEMD_DAYS[number] for number in sorted((d + later) % 7 for d in days))
            moment = f"{','.join(names)} {moment}"
        result.append(moment)
    return tuple(sorted(result))


def firing_days(times, days, offset):
    """The days of the week (0 = Sunday) on which a timer fires, see :func:`calendars`."""
    later = {(clock_minutes(clock) + offset) // MINUTES_PER_DAY for clock in times}
    return {(day + shift) % len(SYSTEMD_DAYS) for day in days for shift in later}


def is_longer_than_a_day(interval):
    """Whether an interval of APT::Periodic, as text, makes the daily job skip days."""
    match = re.fullmatch(r"(\d+)([smhd]?)", str(interval))
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "": 86_400}
    return bool(match) and int(match[1]) * seconds[match[2]] > seconds["d"]


def service_drop_in(commands):
    """Text of the drop-in with which a service begins with these commands, one after the other."""
    lines = [
        "# Managed by Salt, formula unattended-upgrades.",
        "[Service]",
        "# The minus sign: an upgrade without any of this is better than none.",
        *(f"ExecStartPre=-{command}" for command in commands),
    ]
    return "\n".join(lines) + "\n"


def drop_in(timer):
    """Text of the systemd drop-in for a :class:`Timer`."""
    lines = [
        "# Managed by Salt, formula unattended-upgrades.",
        "[Timer]",
        "# An empty assignment forgets the packaged schedule (systemd.unit(5)).",
        "OnCalendar=",
        *(f"OnCalendar={calendar}" for calendar in timer.calendars),
        f"RandomizedDelaySec={timer.random_minutes}min",
    ]
    if timer.random_minutes:
        lines.append("FixedRandomDelay=true")
    lines.append(f"Persistent={'true' if timer.persistent else 'false'}")
    return "\n".join(lines) + "\n"
