"""
The kinds of values that a policy is made of, and how each is read.

A parser takes what pillar or the command line gives and returns the value, or raises ValueError
saying what is allowed ("give …").
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_INSTANCE_ID = re.compile(r"i-[0-9a-f]{8}(?:[0-9a-f]{9})?")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of instances, or a percentage of the group's live capacity."""

    number: int | None = None
    percent: float | None = None

    def __str__(self):
        return f"{self.percent:g}%" if self.number is None else str(self.number)

    def units(self, live: int, weight: int, *, up: bool) -> int:
        """
        The amount in capacity units.

        :param live: the group's live desired capacity, in units.
        :param weight: units of one instance (1 unless the group is weighted).
        :param up: round a percentage up (surge) or down (max_unavailable).
        """
        if self.number is not None:
            return self.number * weight
        exact = live * (self.percent or 0) / 100
        return math.ceil(exact - 1e-9) if up else math.floor(exact + 1e-9)


@dataclass(frozen=True, slots=True)
class Select:
    """Which instances are replaced; ``older_than`` is in seconds, ``instances`` are exact ids."""

    kind: str = "all"
    older_than: float = 0.0
    instances: tuple[str, ...] = ()

    def __str__(self):
        if self.kind == "older_than":
            return f"older_than: {format_duration(self.older_than)}"
        if self.kind == "instances":
            return f"instances: {', '.join(self.instances)}"
        return self.kind


def parse_duration(value) -> float:
    """
    Seconds of ``90``, ``"90s"``, ``"15m"``, ``"1h30m"`` or ``"14d"``.

    :raises ValueError: saying what is allowed.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        text = str(value).strip().replace(" ", "")
        if not _DURATION.fullmatch(text):
            raise ValueError("a duration: seconds, or like 90s, 15m, 1h30m, 14d")
        seconds = sum(float(n) * SECONDS[u] for n, u in _DURATION_PART.findall(text))
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError("a duration of 0 seconds or more, like 90s, 15m, 1h30m, 14d")
    return seconds


def format_duration(seconds: float) -> str:
    """``5400`` → ``1h30m``; fractions only below ten seconds."""
    if seconds < 10:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + "s"
    rest, parts = round(seconds), []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"


def positive_duration(value) -> float:
    """Seconds, more than none."""
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError("a duration longer than 0, like 15s or 15m")
    return seconds


def text(value) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value.strip()


def role(value) -> str:
    """The ARN of an IAM role, of any partition."""
    arn = text(value)
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", arn):
        raise ValueError("the ARN of a role, like arn:aws:iam::123456789012:role/asgcycle")
    return arn


def url(value) -> str:
    """An http or https URL with a host."""
    given = text(value)
    try:
        parts = urlsplit(given)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"\s", given):
        raise ValueError("a URL like https://proxy.example.com:8443")
    return given


def flag(value) -> bool:
    """True or false, nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def amount(limit: float | None = None) -> Callable[[Any], Amount]:
    """A parser of amounts; a percentage may be at most ``limit``."""
    said = "a whole number of instances, 0 or more, or a percentage like 10%"
    if limit is not None:
        said += f" (at most {limit:g}%)"

    def parse(value) -> Amount:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return Amount(number=value)
        if isinstance(value, str):
            text = value.strip()
            if text.isdecimal():
                return Amount(number=int(text))
            match = _PERCENT.fullmatch(text)
            if match and (limit is None or float(match[1]) <= limit):
                return Amount(percent=float(match[1]))
        raise ValueError(said)

    return parse


def amounts(value) -> tuple[Amount, ...]:
    """A list of amounts above 0, also separated by commas."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        found = tuple(map(amount(100), value if isinstance(value, (list, tuple)) else [value]))
    except ValueError:
        found = (Amount(number=0),)
    if not all(a.number or a.percent for a in found):
        raise ValueError("a list of numbers above 0 and percentages up to 100%, like [1, 10%, 50%]")
    return found


def choice(*allowed: str) -> Callable[[Any], str]:
    """A parser that takes one of these words."""

    def parse(value) -> str:
        if value not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return value

    return parse


def names(allowed: tuple[str, ...] | None, what: str) -> Callable[[Any], tuple[str, ...]]:
    """A parser of lists of names, also separated by commas; ``what`` is their name in messages."""

    def parse(value) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        good = isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
        if not good or (allowed is not None and not set(value) <= set(allowed)):
            hint = f" out of {', '.join(allowed)}" if allowed else ""
            raise ValueError(f"a list of {what}{hint}")
        return tuple(dict.fromkeys(value))

    return parse


SELECT_ALLOWED = (
    "all, outdated, {older_than: 14d}, or {instances: [i-…, …]} "
    "(on a command line also older_than:14d or instances:i-…,i-…)"
)


def select(value) -> Select:
    """Which instances: a word, or a mapping with one key."""
    if isinstance(value, str):
        word = value.strip()
        if word in ("all", "outdated"):
            return Select(word)
        head, colon, rest = word.partition(":")
        value = {head.strip(): rest.strip()} if colon else {}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError(SELECT_ALLOWED)
    ((kind, given),) = value.items()
    if kind == "older_than":
        return Select(kind, older_than=positive_duration(given))
    if kind == "instances":
        ids = names(None, "instance ids")(given)
        bad = [i for i in ids if not _INSTANCE_ID.fullmatch(i)]
        if bad or not ids:
            raise ValueError(
                "exact instance ids (i- and 8 or 17 hexadecimal digits, no globs)"
                + (f", not {', '.join(bad)}" if bad else "")
            )
        return Select(kind, instances=ids)
    raise ValueError(SELECT_ALLOWED)
