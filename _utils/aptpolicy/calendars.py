"""systemd's calendar expressions, as far as they repeat within a week, in minutes. Pure.

``systemctl show`` prints them in one form whatever was typed: ``Mon..Fri *-*-* 06,18:00:00``
(systemd.time(7)). Anything that does not repeat every week is refused, not guessed.
"""

import re

from aptpolicy.schedule import MINUTES_PER_DAY, SYSTEMD_DAYS

SHORTHANDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
}
_EXPRESSION = re.compile(r"(?:(?P<days>[A-Za-z][A-Za-z.,]*) +)?(?:\*-\*-\* +)?(?P<time>\S+:\S+)\Z")
_UNITS = {"us": 0, "ms": 0, "s": 1 / 60, "min": 1, "h": 60, "d": MINUTES_PER_DAY, "w": 10_080}
_SPAN = re.compile(r"([\d.]+) *(us|ms|min|s|h|d|w)")


def minutes_of_week(expression):
    """
    The minutes after midnight of Sunday at which an expression elapses, sorted.

    Raises ValueError for one that does not repeat every week, or cannot be read.
    """
    text = SHORTHANDS.get(expression.strip(), expression.strip())
    found = _EXPRESSION.match(text)
    if not found:
        raise ValueError(f"{expression!r} does not repeat every week, or names a time zone")
    hour, minute, *_ = found["time"].split(":")
    return tuple(
        day * MINUTES_PER_DAY + h * 60 + m
        for day in _days(found["days"])
        for h in _numbers(hour, 24)
        for m in _numbers(minute, 60)
    )


def span_minutes(text):
    """A time span as systemd prints it, such as ``1h 30min`` or ``0``, in minutes."""
    if text.strip() in ("", "0"):
        return 0
    found = _SPAN.findall(text)
    if not found or _SPAN.sub("", text).strip():
        raise ValueError(f"{text!r} is no time span")
    return round(sum(float(number) * _UNITS[unit] for number, unit in found))


def _days(text):
    """Numbers of days of the week, Sunday being 0."""
    names = [name.lower() for name in SYSTEMD_DAYS]
    found = set()
    for part in (text or "Sun..Sat").split(","):
        first, _, last = part.partition("..")
        begin, end = (names.index(one[:3].lower()) for one in (first, last or first))
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return sorted(found)


def _numbers(text, limit):
    """``*``, ``6,18``, ``1..5``, ``0/15`` and what they are made of."""
    found = set()
    for part in text.split(","):
        whole, _, step = part.partition("/")
        first, _, last = whole.partition("..")
        begin = 0 if first == "*" else int(first)
        end = int(last) if last else limit - 1 if step or first == "*" else begin
        found |= set(range(begin, end + 1, int(step or 1)))
    if not found or min(found) < 0 or max(found) >= limit:
        raise ValueError(f"{text!r} is no number below {limit}")
    return sorted(found)
