"""Dated snapshots of the archive: what a host is told to follow, and what it says of it.

The host itself follows: ``salt_snapshot.py``, before apt's daily jobs fetch lists. The sources
name files with one URL each (apt-transport-mirror(1)), so that lists stay when the day changes.
They do not check Valid-Until, which a snapshot outlives by its nature: the program checks instead
that the Release file was valid on its day and is not younger, and never follows a newer day. The
signature is checked by apt as always.
"""

import datetime
import json
import re
from dataclasses import dataclass

from aptpolicy.errors import Refused

PROGRAM = "/usr/local/lib/asgcycle/salt_snapshot.py"
CONFIG = "etc/asgcycle/snapshot.json"
MIRRORS = "etc/asgcycle/snapshot"
RECORD = "var/lib/unattended-upgrades/salt-snapshot.json"
SOURCES = "etc/apt/sources.list.d/salt-snapshot.list"
URI = f"mirror+file:/{MIRRORS}/"
DEFAULT_DATE = "%Y%m%d"
DEFAULT_GO_BACK = 7  # days
MAX_DELAY = 90  # days; later than that security updates are no updates
NOT_DEPLOYED = "The snapshot of the policy is not followed here: state.apply unattended-upgrades."
DEFAULT_MAX_AGE_DAYS = 3
SHORT_LAG = 1  # days: from midnight of UTC until the host looks again

_SOURCE = re.compile(
    r"(?P<url>(?:https?://[A-Za-z0-9\[]|file:/)[^\s\"\[\]]*) "
    r"(?P<suite>[A-Za-z0-9{][^\s\"]*[^\s/\"])"
    r"(?P<components>( [A-Za-z0-9][A-Za-z0-9/._-]*)+)\Z"
)
_DATE_FORMAT = re.compile(r"([A-Za-z0-9._/-]|%[Ymdj])+\Z")
ALLOWED_SOURCE = (
    "'URL suite component…' with {date} in the URL, such as "
    "'https://mirror.example.org/{date}/debian {codename} main'"
)


def source(value):
    """A source of a snapshot, checked; raises :class:`Refused`."""
    match = _SOURCE.match(value) if isinstance(value, str) else None
    if not match:
        raise Refused(ALLOWED_SOURCE)
    if match["url"].count("{date}") != 1 or "{date}" in match["suite"]:
        raise Refused(ALLOWED_SOURCE, "Without a date in its URL it would be no snapshot.")
    if re.search(r"[{}]", value.replace("{date}", "").replace("{codename}", "")):
        raise Refused(ALLOWED_SOURCE, "Only {date} and {codename} are replaced.")
    return value


def date_format(value):
    """How a mirror writes a day, checked; raises :class:`Refused`."""
    allowed = "a date for strftime such as '%Y%m%d' or '%Y/%m/%d', of %Y, %m, %d and %j"
    if not isinstance(value, str) or not _DATE_FORMAT.match(value):
        raise Refused(allowed)
    first = datetime.date(2027, 1, 1)
    days = {(first + datetime.timedelta(days=n)).strftime(value) for n in range(3 * 365)}
    if len(days) < 3 * 365:
        raise Refused(allowed, "Two days would have the same name.")
    return value


def delay(value):
    """Days, checked; raises :class:`Refused`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_DELAY:
        raise Refused(f"a whole number of days from 0 to {MAX_DELAY}")
    return value


def followed_by(policy):
    """Days by which a policy follows a snapshot, None when it follows none."""
    return policy.get("snapshot.delay", 0) if policy.get("snapshot.sources") else None


def written(policy):
    """``{config, sources}``: the texts of the two files on the host; None without a snapshot."""
    days = followed_by(policy)
    if days is None:
        return None
    code, keyring = policy.system.codename, policy.get("snapshot.keyring")
    parts = [
        _SOURCE.match(entry.replace("{codename}", code)) for entry in policy.get("snapshot.sources")
    ]
    options = "check-valid-until=no" + (f" signed-by={keyring}" if keyring else "")
    config = {
        "delay": days,
        "date": policy.get("snapshot.date", DEFAULT_DATE),
        "go_back": policy.get("snapshot.go_back", DEFAULT_GO_BACK),
        "sources": [{"url": one["url"].rstrip("/"), "suite": one["suite"]} for one in parts],
    }
    lines = [
        f"deb [{options}] {URI}{place}.mirror {one['suite']}{one['components']}\n"
        for place, one in enumerate(parts)
    ]
    header = "# Managed by Salt, formula unattended-upgrades. The day is in the files named here.\n"
    return {
        "config": json.dumps(config, indent=2, sort_keys=True) + "\n",
        "sources": header + "".join(lines),
    }


def told(host, now):
    """
    What a host follows: ``{delay, wanted, follows, lag_days, checked, why}``, days as ISO 8601.

    ``now``: seconds since the epoch. ``follows`` and ``lag_days`` (how much older that is than the
    delay asks for) are None as long as none is followed. None where no snapshot is meant.
    """
    config = _json(host, CONFIG)
    if config is None:
        return None
    record = _json(host, RECORD) or {}
    today = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).date()
    wanted = today - datetime.timedelta(days=config.get("delay", 0))
    follows = record.get("follows")
    lag = (wanted - datetime.date.fromisoformat(follows)).days if follows else None
    return {
        "delay": config.get("delay", 0),
        "wanted": wanted.isoformat(),
        "follows": follows,
        "lag_days": lag,
        "checked": record.get("checked"),
        "why": record.get("why") or [],
    }


def trouble(found, max_age_days):
    """``(why it is no longer to be relied on, a warning)``, each None when there is none."""
    if found is None:
        return None, None
    why = "; ".join(found["why"][-1:]) or "it was not looked for"
    if found["follows"] is None:
        return f"No snapshot is followed, {found['wanted']} is wanted: {why}.", None
    if found["lag_days"] < 0:
        return (
            f"The snapshot of {found['follows']} is followed, newer than the delay of "
            f"{found['delay']} days allows; run {PROGRAM}."
        ), None
    text = (
        f"The snapshot of {found['follows']} is followed, {found['lag_days']} days older than "
        f"the delay of {found['delay']} days asks for: {why}."
    )
    if found["lag_days"] > max_age_days:
        return text, None
    return None, (text if found["lag_days"] > SHORT_LAG or found["why"] else None)


def bypasses(lines, distribution):
    """
    ``(problems, warnings)``: sources beside the snapshot that bring what the policy allows.

    ``lines``: ``[URI, suite, [origins]]`` of the sources whose updates the policy allows. Those of
    the distribution itself undo the delay; those of others never had one.
    """
    problems, notes = [], []
    for uri, suite, names in lines:
        if uri.startswith(URI):
            continue
        if distribution in names:
            problems.append(
                f"{uri} {suite} brings updates past the snapshot: take it out of apt's sources"
            )
        else:
            notes.append(f"{uri} {suite} is no part of the snapshot: it is followed without delay.")
    return problems, notes


@dataclass(frozen=True)
class Look:
    """
    What there is to say of a host: ``told`` (see :func:`told`), ``stale`` (why it is not to be
    relied on, or None), ``bypasses`` (sources past it), ``warnings``.
    """

    told: dict | None
    stale: str | None
    bypasses: tuple
    warnings: tuple


def look(host, now, policy, lines, distribution):
    """The :class:`Look` at a host; ``policy``: what is meant, or None, else as the others say."""
    found = told(host, now)
    if found is None:
        meant = policy and followed_by(policy) is not None
        return Look(None, NOT_DEPLOYED if meant else None, (), ())
    why, warning = trouble(found, policy.max_age_days if policy else DEFAULT_MAX_AGE_DAYS)
    problems, notes = bypasses(lines, distribution)
    return Look(found, why, tuple(problems), (*([warning] if warning else []), *notes))


def _json(host, path):
    text = host.text(path)
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else None
