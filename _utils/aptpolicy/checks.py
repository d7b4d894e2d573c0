"""What single values cannot tell: settings that contradict each other, and advice."""

import re

from aptpolicy import keys, origins, schedule
from aptpolicy.errors import Problem

# A regular expression that matches a name for each possible first character matches them all.
ANY_NAMES = tuple(f"{first}qz0-xj9" for first in "abcdefghijklmnopqrstuvwxyz0123456789")
# 'libc*' is meant as a wildcard and matches everything that begins with 'lib'.
WILDCARD = re.compile(r"[A-Za-z0-9+.-]*[A-Za-z0-9-]\*\Z")
LEAVES_OUT = (
    "origins leave out point releases: fixes that Debian makes without a security advisory, which "
    "come through the release's own archive, are never installed. Add the word release to have "
    "them, as Debian's own package does."
)
VERBOSITY_WITH_DEBUG = 2  # from here on apt.systemd.daily runs the tool with -d
SSH_UNITS = frozenset({"ssh", "ssh.service", "sshd", "sshd.service"})


def contradictions(settings, explicit, system):
    """Problems of settings that are fine alone and wrong together."""
    problems = []
    if settings.get("whitelist_strict") and not settings.get("whitelist"):
        problems.append(
            Problem("whitelist_strict", True, "true only together with a whitelist",
                    "Alone it would upgrade nothing, or crash the run.")
        )  # fmt: skip
    forced = [o for o in settings.get("dpkg.options", ()) if o.startswith("--force-conf")]
    if forced and "dpkg.conffile" in explicit:
        problems.append(
            Problem("dpkg.options", forced, "options that do not repeat dpkg.conffile",
                    "Say it in dpkg.conffile only.")
        )  # fmt: skip
    if settings.get("needrestart.never_restart") and (
        settings.get("needrestart.mode", "unmanaged") == "unmanaged"
    ):
        problems.append(
            Problem("needrestart.never_restart", list(settings["needrestart.never_restart"]),
                    "a list only where needrestart.mode is managed", "Set needrestart.mode.")
        )  # fmt: skip
    for name in ("download", "upgrade"):
        both = {f"timers.{name}.calendar", f"timers.{name}.at"} <= explicit
        if both:
            problems.append(
                Problem(f"timers.{name}.calendar", settings[f"timers.{name}.calendar"],
                        "either calendar or at", "Keep one of the two.")
            )  # fmt: skip
    named = sorted(name for name in explicit if name.startswith("snapshot."))
    if named and not settings.get("snapshot.sources"):
        key = named[0]
        problems.append(
            Problem(key, settings[key], "this key only together with snapshot.sources",
                    "Name the sources of the snapshot.")
        )  # fmt: skip
    problems += _never(settings)
    return problems


def _never(settings):
    """Settings with which upgrades would never run, silently."""
    for regex in settings.get("blacklist", ()):
        if all(re.match(regex, name) for name in ANY_NAMES):
            yield Problem("blacklist", regex, "expressions that match some packages",
                          "This one matches every package. To switch upgrades off, set "
                          "enabled: false.")  # fmt: skip
    days = settings.get("update_days", ())
    if not days or len(days) == len(schedule.SYSTEMD_DAYS):
        return
    interval = settings.get("periodic.unattended_upgrade")
    if schedule.is_longer_than_a_day(interval):
        # apt.systemd.daily takes a run on a day that is no update day for a success.
        yield Problem("periodic.unattended_upgrade", interval, "1 together with update_days",
                      "The interval begins anew on days that are no update days, so that the "
                      "two may never meet.")  # fmt: skip
    timer_days = settings.get("timers.upgrade.days", ())
    if timer_days and not _meet(settings, timer_days, days):
        yield Problem("timers.upgrade.days", list(timer_days), "days that include update_days",
                      "On some minions the timer would fire only on days that are no update days; "
                      "the spread moves a late time to the next day.")  # fmt: skip


def _meet(settings, timer_days, update_days):
    """Whether on every minion the timer fires on an update day at least once a week."""
    times = settings.get("timers.upgrade.at", schedule.DEFAULT_TIMES["upgrade"])
    spread = settings.get("timers.upgrade.spread", schedule.DEFAULT_SPREAD["upgrade"])
    return all(
        set(update_days) & schedule.firing_days(times, timer_days, offset)
        for offset in range(max(spread, 1))
    )


def warnings(settings, explicit, unknown, system, environment, patterns=()):
    """Sentences for the log: allowed, but probably not what was meant."""
    notes = [_unknown_key(name, system) for name in sorted(unknown)]
    notes += _about_running(settings, explicit)
    notes += _about_mail(settings, explicit)
    notes += _about_choices(settings, explicit, system)
    notes += _about_point_releases(patterns, system)
    if settings.get("environments") and environment is None:
        notes.append(
            "environments are defined, but neither the pillar key environment nor the grain "
            f"{settings.get('environment_grain', 'environment')!r} names one: the base applies."
        )
    return tuple(notes)


def _unknown_key(name, system):
    key = keys.BY_NAME[name]
    needs = f"Ubuntu {key.ubuntu_since}" if key.ubuntu_since else f"unattended-upgrades {key.since}"
    has = system.effective_tool_version or "unknown"
    return (
        f"{name} needs {needs}; here is {system.distribution} {system.release or system.codename} "
        f"with unattended-upgrades {has}: left out."
    )


def _about_running(settings, explicit):
    notes = []
    for name in sorted(explicit):
        value = settings.get(name)
        if keys.BY_NAME[name].kind == "interval" and re.fullmatch(r"\d+[smh]", str(value)):
            notes.append(
                f"{name}: {value} counts from midnight to midnight, so it means at most once a "
                "day; 'always' runs each time the timer fires."
            )
    upgrade = settings.get("periodic.unattended_upgrade")
    if len(settings.get("timers.upgrade.at", ())) > 1 and upgrade != "always":
        notes.append(
            f"timers.upgrade.at names several times, but periodic.unattended_upgrade is {upgrade}: "
            "apt counts from midnight to midnight, so only the first of a day upgrades; always "
            "upgrades at each."
        )
    for name in ("periodic.enable", "periodic.update_package_lists", "periodic.unattended_upgrade"):
        if settings.get("enabled", True) and str(settings.get(name)) == "0":
            notes.append(f"{name} is 0: nothing is upgraded by itself; enabled: false says so.")
    if settings.get("periodic.verbose", 0) >= VERBOSITY_WITH_DEBUG:
        notes.append("periodic.verbose from 2 on logs half a megabyte at every run.")
    return notes


def _about_mail(settings, explicit):
    notes = []
    if {"mail.only_on_error", "mail.report"} <= explicit:
        notes.append("mail.only_on_error is ignored by the tool because mail.report is set.")
    if "mail.to" not in settings and {"mail.report", "mail.sender"} & explicit:
        notes.append("mail.report and mail.sender do nothing without mail.to.")
    return notes


def _about_choices(settings, explicit, system):
    notes = [
        f"blacklist {regex!r} is a regular expression, no wildcard: it matches every name that "
        f"begins with {regex[:-2]!r}."
        for regex in settings.get("blacklist", ())
        if WILDCARD.match(regex)
    ]
    if settings.get("install_on_shutdown"):
        notes.append("install_on_shutdown: a host that runs on is never patched.")
    if settings.get("whitelist") and not settings.get("whitelist_strict"):
        notes.append("whitelist does nothing without whitelist_strict: true.")
    if not settings.get("reboot.policy") and {"reboot.time", "reboot.with_users"} & explicit:
        notes.append("reboot.policy is never: the other reboot settings do nothing.")
    unused = set(settings.get("third_party", {})) - _used_names(settings)
    if unused:
        notes.append(f"third_party {', '.join(sorted(unused))}: not named in origins.")
    automatic = settings.get("needrestart.mode") == "automatic"
    spared = SSH_UNITS & set(settings.get("needrestart.never_restart", ()))
    if automatic and settings.get("minimal_steps", True) and not spared:
        notes.append(
            "needrestart.mode automatic with minimal_steps restarts sshd once per step, which can "
            "trip its start limit (needrestart#340): add ssh.service to "
            "needrestart.never_restart or set minimal_steps: false."
        )
    if origins.is_debian_without_freeze(system) and "origins" not in explicit:
        notes.append("testing and sid get security fixes through the main archive: all of it is "
                     "allowed.")  # fmt: skip
    return notes


def _about_point_releases(patterns, system):
    """Security without Debian's own archive: allowed, but half of what Debian ships by default."""
    if patterns and origins.leaves_out_point_releases(patterns, system):
        yield LEAVES_OUT


def _used_names(settings):
    return set(settings.get("origins", ()))
