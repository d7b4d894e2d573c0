"""Schedules for :mod:`aptpolicy.latency`: of a policy, and of what systemd and apt go by."""

import datetime

from aptpolicy import calendars, policy, schedule, snapshot
from aptpolicy.latency import Firing, Plan, every, lead, summary
from aptpolicy.system import CommandFailed

FETCH, UPGRADE = schedule.TIMER_UNITS.values()
PERIODIC = "APT::Periodic::"


def of_policy(meant, utc_offset=0):
    """
    The :class:`Plan` of a whole fleet under a policy: a firing's width is the fleet's spread.

    ``utc_offset``: minutes by which its clocks are ahead of UTC. Where the timers are not managed
    they are taken for those of apt's package. Raises ValueError for a calendar expression that
    does not repeat every week.
    """
    found = {}
    for name, unit in schedule.TIMER_UNITS.items():
        prefix, managed = f"timers.{name}", meant.get("timers.manage", True)
        spread = schedule.DEFAULT_SPREAD[name]
        times, days = schedule.DEFAULT_TIMES[name], ()
        raw = meant.get(f"{prefix}.calendar") if managed else None
        if managed:
            spread = meant.get(f"{prefix}.spread", 0 if raw else spread)
            times, days = meant.get(f"{prefix}.at", times), meant.get(f"{prefix}.days", ())
        expressions = [raw] if raw else schedule.calendars(times, days, 0)
        found[unit] = _firings(expressions, spread)
    off = not (meant.get("periodic.enable") and meant.get("enabled", True))
    return Plan(
        fetches=found[FETCH],
        upgrades=found[UPGRADE],
        fetch_every=_fetch_every(
            policy.fetches_first(meant), None if off else every(_lists_interval(meant))
        ),
        upgrade_every=None if off else every(meant.get("periodic.unattended_upgrade")),
        fetch_first=policy.fetches_first(meant),
        days=meant.get("update_days", ()),
        delay=snapshot.followed_by(meant),
        utc_offset=utc_offset,
    )


def of_host(configuration, shown, utc_offset=0, delay=None):
    """
    The :class:`Plan` of one host, from its effective configuration.

    ``configuration``: of apt. ``shown``: unit of a timer → the two dictionaries of
    :meth:`aptpolicy.system.Host.timer`. ``delay``: of the snapshot that it follows, in days.
    Raises ValueError when it cannot be read.
    """
    found = {}
    for unit, (timer, _) in shown.items():
        active = timer.get("ActiveState") == "active"
        width = calendars.span_minutes(timer.get("RandomizedDelayUSec", "0"))
        found[unit] = _firings(_expressions(timer) if active else (), width)
    before = shown[UPGRADE][1].get("ExecStartPre", "")
    on = configuration.is_on(f"{PERIODIC}Enable")
    intervals = (
        every(configuration.scalar(f"{PERIODIC}{name}", "0")) if on else None
        for name in ("Update-Package-Lists", "Unattended-Upgrade")
    )
    fetch_every, upgrade_every = intervals
    days = configuration.listing("Unattended-Upgrade::Update-Days")
    return Plan(
        fetches=found[FETCH],
        upgrades=found[UPGRADE],
        fetch_every=_fetch_every(schedule.FETCH in before, fetch_every),
        upgrade_every=upgrade_every,
        fetch_first=schedule.FETCH in before,
        days=tuple(sorted({_day(day) for day in days})),
        delay=delay,
        utc_offset=utc_offset,
    )


def told(host, configuration, now):
    """
    Hours from publication to installation on this host, from its effective schedule.

    ``now``: seconds since the epoch, for the time zone. ``{best, typical, worst, unknown}``: None
    with the reason in ``unknown``, or where nothing is ever installed by itself.
    """
    nothing = dict.fromkeys(("best", "typical", "worst", "unknown"))
    try:
        shown = {unit: host.timer(unit) for unit in (FETCH, UPGRADE)}
        if None in shown.values():
            return {**nothing, "unknown": "systemd does not run here"}
        follows = snapshot.told(host, now)
        days = follows and follows["delay"]
        found = summary(of_host(configuration, shown, utc_offset(now), days))
    except (CommandFailed, ValueError) as exc:
        return {**nothing, "unknown": str(exc)}
    return {**nothing, **(found or {})}


def utc_offset(now):
    """Minutes by which the local clock is ahead of UTC at a time in seconds since the epoch."""
    local = datetime.datetime.fromtimestamp(now).astimezone()
    return round(local.utcoffset().total_seconds() / 60)


def leads(here, others, utc_offset=0):
    """
    ``{environment: hours}``: how long after its last host the first one of ``here`` can install.

    ``here``: a policy. ``others``: name → policy. None where that is not known.
    """
    found = {}
    for name, other in others.items():
        try:
            found[name] = lead(of_policy(other, utc_offset), of_policy(here, utc_offset))
        except ValueError:
            found[name] = None
    return found


def _lists_interval(meant):
    return meant.get("periodic.update_package_lists")


def _fetch_every(fetches_first, interval):
    """An upgrade that begins with a fetch does so whatever apt's interval for lists is."""
    return 0 if fetches_first else interval


def _expressions(timer):
    text = timer.get("TimersCalendar", "")
    return [part.partition(" ;")[0] for part in text.split("OnCalendar=")[1:]]


def _firings(expressions, width):
    minutes = {minute for one in expressions for minute in calendars.minutes_of_week(one)}
    return tuple(Firing(minute, width) for minute in sorted(minutes))


def _day(text):
    """A day as the tool reads it: a name, short or long, or a number."""
    if text.isdigit():
        return int(text) % 7
    names = [name.lower() for name in schedule.SYSTEMD_DAYS]
    return names.index(text[:3].lower())
