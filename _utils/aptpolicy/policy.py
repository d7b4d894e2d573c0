"""Pillar → :class:`Policy`: everything is checked, every problem is told at once."""

import difflib
from dataclasses import dataclass, field
from types import MappingProxyType

from aptpolicy import checks, keys, origins, schedule, snapshot, values
from aptpolicy.errors import PolicyRefused, Problem, Refused
from aptpolicy.versions import OperatingSystem

DEFAULT_MAX_AGE_DAYS = 3  # two missed daily runs and a day of grace
# Not restarted by needrestart: sshd would be once per minimal step (needrestart#340), and
# a job would lose its minion. unattended_upgrades.restart takes care of both.
SPARED = ("ssh.service", "salt-minion.service", "salt-master.service", "asgcycle-ready.service")
DEFAULT_GRAIN_REFRESH = 4  # minutes: with the refresh itself, under five
CONFFILE_OPTIONS = {
    "keep": ("--force-confdef", "--force-confold"),
    # Not with confdef, whose default for a changed file is to keep it (dpkg(1)).
    "replace": ("--force-confnew",),
    "ask": (),
}
PYTHON = "/usr/bin/python3"  # the system's own
_GROUPS = {name.rsplit(".", depth)[0] for name in keys.BY_NAME for depth in (1, 2) if "." in name}
_ORIGIN_KINDS = frozenset({"origins", "legacy_origins"})


@dataclass(frozen=True)
class Policy:
    """A checked policy for one minion.

    ``settings``: values by pillar name, the formula's own defaults included. ``explicit``: the
    names that somebody set. ``patterns``: origins, expanded. ``security``: patterns of third_party
    entries that carry security updates, beside the release's own. ``unknown``: names that were set
    but that this version of the tool does not know; they are left out of the fragment.
    """

    system: OperatingSystem
    minion_id: str
    settings: MappingProxyType
    explicit: frozenset
    patterns: tuple
    security: tuple = ()
    environment: str | None = None
    unknown: frozenset = frozenset()
    warnings: tuple = ()
    composed: bool = False

    def get(self, name, default=None):
        return self.settings.get(name, default)

    @property
    def enabled(self):
        """Whether upgrades are meant to run by themselves."""
        return bool(
            self.get("enabled", True)
            and self.get("periodic.enable")
            and _interval_is_on(self.get("periodic.unattended_upgrade"))
        )

    @property
    def dpkg_options(self):
        """Options for dpkg: those of the conffile policy, unless dpkg.options has its own."""
        options = self.get("dpkg.options", ())
        if any(option.startswith("--force-conf") for option in options):
            return options
        return CONFFILE_OPTIONS[self.get("dpkg.conffile", "keep")] + options

    @property
    def max_age_days(self):
        return self.get("status.max_age_days", DEFAULT_MAX_AGE_DAYS)

    @property
    def grain_refresh(self):
        """Minutes between two looks at whether the grain is still true; 0 for none."""
        return self.get("status.grain_refresh", DEFAULT_GRAIN_REFRESH)


@dataclass
class _Reading:
    """What is being built while a pillar is read."""

    system: OperatingSystem
    settings: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)

    def refuse(self, key, value, allowed, advice=""):
        self.problems.append(Problem(key, value, allowed, advice))


def from_pillar(
    pillar, system, minion_id, *, fallback=None, grain_environment=None, composed=False
):
    """Read the pillar ``unattended_upgrades`` into a :class:`Policy`.

    ``fallback``: flat settings of a lower layer (see :mod:`aptpolicy.aptformula`), used where the
    pillar is silent. ``grain_environment``: what the environment grain says. ``composed``:
    apt-formula writes its files too, so what it forces is stated again by us.

    Raises :class:`PolicyRefused` with all problems.
    """
    reading = _Reading(system)
    pillar = {} if pillar is None else values.plain(pillar)
    if not isinstance(pillar, dict):
        raise PolicyRefused([Problem("", pillar, "a mapping")])
    environment, overlay = _chosen_environment(pillar, grain_environment, reading)
    _check_all_environments(pillar, reading)
    raw = {**(fallback or {}), **_flat(_merged(pillar, overlay), reading)}
    raw = {name: value for name, value in raw.items() if value is not None}
    for name, value in raw.items():
        _read(name, value, reading)
    third_party, security = _third_party(raw.get("third_party"), reading)
    patterns = _patterns(raw, third_party, reading)
    explicit = frozenset(reading.settings)
    settings = {**_defaults(), **_of_system(system), **reading.settings}
    if settings["needrestart.mode"] == "automatic":
        settings.setdefault("needrestart.never_restart", SPARED)
    if not settings.get("enabled", True):
        settings["periodic.unattended_upgrade"] = "0"
    reading.problems += checks.contradictions(settings, explicit, system)
    if reading.problems:
        raise PolicyRefused(dict.fromkeys(map(_hashable, reading.problems)))
    unknown = frozenset(name for name in explicit if _is_unknown(name, system))
    return Policy(
        system=system,
        minion_id=minion_id,
        settings=MappingProxyType(settings),
        explicit=explicit,
        patterns=patterns,
        security=security,
        environment=environment,
        unknown=unknown,
        warnings=checks.warnings(settings, explicit, unknown, system, environment, patterns),
        composed=composed,
    )


def timers(policy):
    """The two apt timers as this minion shall have them, or () when they are not managed."""
    if not policy.get("timers.manage", True):
        return ()
    result = []
    for name, unit in schedule.TIMER_UNITS.items():
        prefix = f"timers.{name}"
        spread = policy.get(f"{prefix}.spread", schedule.DEFAULT_SPREAD[name])
        raw = policy.get(f"{prefix}.calendar")
        if raw:
            calendars, delay = (raw,), spread if f"{prefix}.spread" in policy.explicit else 0
        else:
            times = policy.get(f"{prefix}.at", schedule.DEFAULT_TIMES[name])
            offset = schedule.offset_minutes(policy.minion_id, name, spread)
            calendars, delay = schedule.calendars(times, policy.get(f"{prefix}.days"), offset), 0
        result.append(
            schedule.Timer(unit, calendars, delay, policy.get(f"{prefix}.persistent", True))
        )
    return tuple(result)


def fetches_first(policy):
    """Whether an upgrade begins with a fetch of the package lists."""
    return policy.get("timers.manage", True) and policy.get("timers.upgrade.fetch", True)


def services(policy):
    """``{unit: commands}`` that apt's two services begin with, those without any left out."""
    follow = [f"{PYTHON} {snapshot.PROGRAM}"] if snapshot.followed_by(policy) is not None else []
    fetch = [schedule.FETCH] if fetches_first(policy) else []
    found = {"apt-daily.service": follow, schedule.UPGRADE_SERVICE: follow + fetch}
    return {unit: commands for unit, commands in found.items() if commands}


def reboot_time(policy):
    """When this minion reboots: the policy's time plus the minion's own offset."""
    when = policy.get("reboot.time")
    spread = policy.get("reboot.spread", 0)
    if when is None or not spread or when == "now":
        return when
    offset = schedule.offset_minutes(policy.minion_id, "reboot", spread)
    if when.startswith("+"):
        return f"+{int(when) + offset}"
    return schedule.shifted_clock(when, offset)


def _defaults():
    return {key.name: key.ours for key in keys.KEYS if key.ours is not None}


def _of_system(system):
    """Defaults that the distribution decides: Ubuntu restarts services by itself since 24.04."""
    return {"needrestart.mode": "unmanaged" if system.distribution == "Ubuntu" else "automatic"}


def _interval_is_on(interval):
    return str(interval) not in ("0", "0s", "0m", "0h", "0d")


def _is_unknown(name, system):
    key = keys.BY_NAME[name]
    if key.ubuntu_since:
        return system.distribution != "Ubuntu" or not system.release_is_at_least(key.ubuntu_since)
    return bool(key.since) and not system.tool_is_at_least(key.since)


def _merged(base, overlay):
    """``overlay`` over ``base``; mappings are merged, everything else is replaced."""
    result = dict(base)
    for name, value in overlay.items():
        below = result.get(name)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[name] = _merged(below, value) if both else value
    return result


def _chosen_environment(pillar, grain_environment, reading):
    environments = pillar.get("environments") or {}
    name = pillar.get("environment") or (grain_environment if environments else None)
    if not name or not isinstance(environments, dict) or not environments:
        return (name if isinstance(name, str) else None), {}
    if name not in environments:
        reading.refuse("environment", name, "one of " + ", ".join(map(str, environments)),
                       "Name an environment that environments defines.")  # fmt: skip
        return None, {}
    overlay = environments[name]
    return name, overlay if isinstance(overlay, dict) else {}


def _check_all_environments(pillar, reading):
    """A slip in an environment that applies elsewhere is told here too."""
    environments = pillar.get("environments")
    if not isinstance(environments, dict):
        return
    for name, overlay in environments.items():
        where = f"environments.{name}"
        if overlay is None:
            continue
        if not isinstance(overlay, dict):
            reading.refuse(where, overlay, "a mapping of settings")
            continue
        for nested in ("environments", "environment", "environment_grain"):
            if nested in overlay:
                reading.refuse(f"{where}.{nested}", overlay[nested], "nothing",
                               "Environments do not nest.")  # fmt: skip
        inner = _Reading(reading.system)
        for key, value in _flat(overlay, inner).items():
            if value is not None:
                _read(key, value, inner)
        reading.problems += [
            Problem(f"{where}.{problem.key}", problem.value, problem.allowed, problem.advice)
            for problem in inner.problems
        ]


def _flat(mapping, reading, prefix=""):
    """Nested pillar → ``{"mail.to": …}``; unknown keys are refused with the nearest known one."""
    result = {}
    for part, value in mapping.items():
        name = f"{prefix}{part}"
        if name in keys.BY_NAME:
            result[name] = value
        elif name not in _GROUPS:
            near = difflib.get_close_matches(name, [*keys.BY_NAME, *_GROUPS], n=1, cutoff=0.5)
            hint = f"Did you mean {near[0].replace('.', ':')}?" if near else ""
            reading.refuse(name, value, "a known key, see docs/formula-keys.md", hint)
        elif isinstance(value, dict):
            result.update(_flat(value, reading, f"{name}."))
        elif value is not None:
            below = sorted(known for known in keys.BY_NAME if known.startswith(f"{name}."))
            reading.refuse(name, value, "a mapping with " + ", ".join(below))
    return result


def _read(name, value, reading):
    key = keys.BY_NAME[name]
    if key.kind in _ORIGIN_KINDS:
        return
    try:
        reading.settings[name] = values.parse(key.kind, value, key.choices)
    except Refused as exc:
        # A proxy's URL may hold a password, which must not end up in a job's return.
        shown = "(hidden)" if key.kind == "proxy" and "@" in str(value) else value
        reading.refuse(name, shown, exc.allowed, exc.advice)


def _patterns(raw, third_party, reading):
    """Expand origins and check allowed_origins; both end in ``reading``."""
    patterns = []
    words = raw.get("origins", origins.default_words(reading.system))
    words = _entries("origins", words, reading)
    for entry in words:
        try:
            patterns += _expanded(entry, third_party, reading.system)
        except Refused as exc:
            reading.refuse("origins", entry, exc.allowed, exc.advice)
    if "origins" in raw:
        reading.settings["origins"] = tuple(str(word) for word in words)
    legacy = []
    for entry in _entries("allowed_origins", raw.get("allowed_origins", ()), reading):
        try:
            legacy.append(origins.legacy_pair(entry))
            origins.check_macros(entry, reading.system)
        except Refused as exc:
            reading.refuse("allowed_origins", entry, exc.allowed, exc.advice)
    if "allowed_origins" in raw:
        reading.settings["allowed_origins"] = tuple(legacy)
    if raw.get("origins") in ([], ()) and not legacy:
        reading.refuse("origins", [], "at least one origin",
                       "To switch upgrades off, set enabled: false.")  # fmt: skip
    return tuple(dict.fromkeys(patterns))


def _entries(name, value, reading):
    try:
        return values.listed(value)
    except Refused as exc:
        reading.refuse(name, value, exc.allowed, exc.advice)
        return ()


def _third_party(entries, reading):
    """``(name → pattern, patterns that carry security updates)``."""
    patterns, security = {}, []
    for name, fields in entries.items() if isinstance(entries, dict) else ():
        try:
            if name in origins.WORDS:
                raise Refused("a name that is not a word of its own: " + ", ".join(origins.WORDS))
            patterns[name], is_security = origins.third_party(fields)
            origins.check_pattern(patterns[name], reading.system)
            security += [patterns[name]] if is_security else []
        except Refused as exc:
            reading.refuse(f"third_party.{name}", fields, exc.allowed, exc.advice)
    return patterns, tuple(dict.fromkeys(security))


def _expanded(entry, third_party, system):
    """One entry of origins → its patterns."""
    if isinstance(entry, str) and entry in origins.WORDS:
        return origins.word_patterns(entry, system)
    if isinstance(entry, str) and entry in third_party:
        return (third_party[entry],)
    if isinstance(entry, str) and "=" in entry:
        return (origins.check_pattern(entry, system),)
    names = ", ".join([*origins.WORDS, *third_party])
    raise Refused(f"{names}, or a raw pattern with '='")


def _hashable(problem):
    """Values may be lists; their text is as good for telling twins apart."""
    return Problem(problem.key, _Shown(problem.value), problem.allowed, problem.advice)


class _Shown(str):
    """The repr of a value, shown without further quotes."""

    __slots__ = ()

    def __new__(cls, value):
        return super().__new__(cls, value if isinstance(value, _Shown) else repr(value))

    def __repr__(self):
        return str(self)
