"""Facts about a host → one verdict with its reasons. Pure: the clock is in the facts."""

import math
from dataclasses import dataclass

from aptpolicy.patched import needed

OK = "ok"
STALE = "stale"
BLOCKED = "blocked"
UNKNOWN = "unknown"
REBOOT_PENDING = "reboot_pending"
RESTART_PENDING = "restart_pending"
UNSUPPORTED = "unsupported"
MISCONFIGURED = "misconfigured"
DISABLED = "disabled"
# Worst first: the first one with a reason is the verdict.
SEVERITY = (
    DISABLED,
    UNSUPPORTED,
    MISCONFIGURED,
    BLOCKED,
    UNKNOWN,
    STALE,
    REBOOT_PENDING,
    RESTART_PENDING,
)

SECONDS_PER_DAY = 86_400
LONG_LOCK_SECONDS = 3_600  # an upgrade rarely holds dpkg's lock for an hour


IN_FORCE_CODES = {
    needed.RESTART: "restart_service",
    needed.REEXEC: "reexec_systemd",
    needed.ENDS: "has_to_end",  # a session, or a job that runs
}
# Reasons of aptpolicy.patched for which a security update stays out until somebody acts; what
# is phased comes by itself.
STAYS_OUT = {
    "held": "Security updates held: {}.",
    "blacklisted": "Security updates blacklisted: {}.",
    "not_whitelisted": "Security updates not whitelisted: {}.",
    "pinned": "A pin of apt's preferences keeps out these security updates: {}.",
    "not_trusted": "Security updates of an unsigned repository: {}.",
    "kept_back": "Security updates that cannot be installed: {}.",
}


@dataclass(frozen=True)
class Excluded:
    """A security update that the policy does not install; see :mod:`aptpolicy.patched`."""

    name: str
    reason: str
    detail: str | None = None

    def __str__(self):
        return f"{self.name} ({self.detail})" if self.detail else self.name


@dataclass(frozen=True)
class Timer:
    """One of apt's timers; ``masked`` names it or its service, or is empty."""

    unit: str
    active: bool = True
    enabled: bool = True
    masked: tuple = ()


@dataclass(frozen=True)
class Facts:
    """What was read. None always means: unknown, never: absent.

    ``intended``: whether upgrades are meant to run; None when no policy was deployed.
    ``effective``: whether apt's configuration runs them. ``differences``: settings overridden
    elsewhere. ``security_matches``: whether a pattern matches a security repository.
    ``lists_age`` (infinite: no lists), ``success_age``, ``lock_age``: seconds.
    ``timers``: see :class:`Timer`. ``unknown``: what cannot be told, and why.
    ``needed``: reasons of aptpolicy.patched.needed for which what is installed is not in force.
    ``pending``: names of the security updates that are to be installed.
    ``snapshot``: why the snapshot that is followed is not to be relied on. ``bypasses``: sources
    that bring updates past it.
    ``ran_with_these_lists``: whether a run has begun since the lists were fetched.
    """

    intended: bool | None = None
    refused: tuple = ()
    installed: bool | None = None
    effective: bool | None = None
    differences: tuple = ()
    security_matches: bool | None = None
    lists_age: float | None = None
    max_age_days: int = 3
    timers: tuple = ()
    unknown: tuple = ()
    pending: tuple | None = None
    excluded: tuple = ()
    interrupted: bool = False
    broken: tuple = ()
    kept_back: tuple = ()
    success_age: float | None = None
    last_run_failed: bool = False
    ran_with_these_lists: bool = False
    needed: tuple = ()
    lock_age: float | None = None
    snapshot: str | None = None
    bypasses: tuple = ()


@dataclass(frozen=True)
class Reason:
    verdict: str
    code: str
    message: str


def judge(facts):
    """Return ``(verdict, reasons)``; the reasons come worst first."""
    reasons = [
        *_disabled(facts),
        *_misconfigured(facts),
        *_blocked(facts),
        *(Reason(UNKNOWN, "unknown", text) for text in facts.unknown),
        *_stale(facts),
        *_not_in_force(facts),
    ]
    reasons.sort(key=lambda reason: SEVERITY.index(reason.verdict))
    return (reasons[0].verdict if reasons else OK), tuple(reasons)


def _disabled(facts):
    off_on_purpose = facts.intended is False
    off_by_itself = facts.intended is None and facts.effective is False
    if off_on_purpose or off_by_itself:
        why = "the policy says so" if off_on_purpose else "APT::Periodic runs nothing"
        yield Reason(DISABLED, "disabled", f"Unattended upgrades are off: {why}.")


def _misconfigured(facts):
    for problem in facts.refused:
        yield Reason(MISCONFIGURED, "policy_refused", problem)
    if facts.intended is False:
        return
    if facts.installed is False:
        yield Reason(MISCONFIGURED, "not_installed", "unattended-upgrades is not installed.")
    for difference in facts.differences:
        yield Reason(
            MISCONFIGURED,
            "overridden",
            f"{difference.key} is {difference.effective!r}, meant was {difference.intended!r}.",
        )
    if facts.intended and facts.effective is False and not facts.differences:
        yield Reason(MISCONFIGURED, "switched_off", "APT::Periodic runs nothing.")
    if facts.security_matches is False:
        yield Reason(
            MISCONFIGURED,
            "no_security_repository",
            "No origin pattern matches a security repository: nothing would ever be upgraded.",
        )
    for text in facts.bypasses:
        yield Reason(MISCONFIGURED, "past_the_snapshot", f"{text}.")
    for timer in facts.timers:
        yield from _timer(timer)


def _timer(timer):
    if timer.masked:
        for unit in timer.masked:
            text = f"{unit} is masked: systemctl unmask {unit}."
            yield Reason(MISCONFIGURED, "masked", text)
    elif not timer.active:
        yield Reason(MISCONFIGURED, "timer_inactive", f"{timer.unit} is not active.")
    elif not timer.enabled:
        text = f"{timer.unit} is not enabled: it would not start at the next boot."
        yield Reason(MISCONFIGURED, "timer_disabled", text)


def _blocked(facts):
    if facts.interrupted:
        yield Reason(BLOCKED, "dpkg_interrupted", "dpkg was interrupted; dpkg --configure -a.")
    if facts.broken:
        yield Reason(BLOCKED, "dpkg_broken", "Not fully installed: " + ", ".join(facts.broken))
    if facts.lock_age is not None and facts.lock_age > LONG_LOCK_SECONDS:
        minutes = int(facts.lock_age // 60)
        yield Reason(BLOCKED, "lock", f"A package lock has been held for {minutes} minutes.")
    if facts.last_run_failed:
        yield Reason(BLOCKED, "last_run_failed", "The last run failed; see its log.")
    yield from _blocked_packages(facts)


def _blocked_packages(facts):
    for code, text in STAYS_OUT.items():
        names = [str(entry) for entry in facts.excluded if entry.reason == code]
        if names:
            yield Reason(BLOCKED, code, text.format(", ".join(names)))
    foreign = [entry.name for entry in facts.excluded if entry.reason == "not_allowed"]
    if foreign and facts.security_matches:
        text = f"No origin of the policy allows these security updates: {', '.join(foreign)}."
        yield Reason(BLOCKED, "not_allowed", text)
    pending = set(facts.pending or ())
    kept = sorted(pending & set(facts.kept_back))
    if kept:
        yield Reason(BLOCKED, "left_back", f"The last run kept back: {', '.join(kept)}.")
    left = sorted(pending - set(kept))
    if left and facts.ran_with_these_lists:
        names = ", ".join(left)
        yield Reason(BLOCKED, "left", f"The last run did not install: {names}; see its log.")


def _stale(facts):
    if facts.intended is False:
        return
    if facts.snapshot:
        yield Reason(STALE, "snapshot", facts.snapshot)
    limit = facts.max_age_days * SECONDS_PER_DAY
    if facts.lists_age == math.inf:
        yield Reason(STALE, "no_lists", "No package lists have been downloaded yet.")
    elif facts.lists_age is not None and facts.lists_age > limit:
        days = int(facts.lists_age // SECONDS_PER_DAY)
        yield Reason(STALE, "old_lists", f"The package lists are {days} days old.")
    count = len(facts.pending or ())
    if count and facts.success_age is None:
        yield Reason(STALE, "never_ran", f"{count} security updates wait; no run so far.")
    elif count and facts.success_age > limit:
        days = int(facts.success_age // SECONDS_PER_DAY)
        yield Reason(
            STALE, "old_run", f"{count} security updates wait; last success {days} days ago."
        )


def _not_in_force(facts):
    """Installed, but something still runs what was replaced; or nothing comes any more."""
    for one in facts.needed:
        text = f"{one['what']}: {one['why']}."
        if one["action"] == needed.REPLACE:
            yield Reason(UNSUPPORTED, "unsupported", text)
        elif one["action"] == needed.REBOOT:
            yield Reason(REBOOT_PENDING, "reboot_required", text)
        else:
            yield Reason(RESTART_PENDING, IN_FORCE_CODES[one["action"]], text)
