"""One parser per kind of value: what a pillar may hold → what is used, or :class:`Refused`.

apt.conf has no escape for a double quote and reads one line at a time, so no text may hold a
quote, a line break or another control character (apt.conf(5)).
"""

import re

from aptpolicy import snapshot
from aptpolicy.errors import Refused
from aptpolicy.schedule import SEXAGESIMAL_ADVICE, clock_minutes, span_minutes

TRUE_WORDS = frozenset({"true", "yes", "on", "with", "enable", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "without", "disable", "0"})
DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
READINESS_CHECKS = ("cloud-init", "reboot", "security-updates", "highstate")
MAX_COUNT = 2**31 - 1  # apt reads integers into a C int
MAX_TEXT = 1024  # characters; far above any sensible value, far below apt's line limit
INTERVAL = re.compile(r"(0|[1-9]\d{0,8})([smhd]?)\Z")
UNQUOTABLE = re.compile(r'["\x00-\x1f\x7f\u0085\u2028\u2029]')
_USER = re.compile(r"[a-z_][a-z0-9_.-]*\$?\Z", re.IGNORECASE)
_PROXY = re.compile(
    r"(DIRECT|(https?|socks5h)://([^\s/@]+@)?[A-Za-z0-9\[][A-Za-z0-9.:\]-]*(/\S*)?)\Z"
)
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?\Z")  # Debian policy 5.6.1
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@-]*\Z")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*\Z")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.-]*\Z")
# Others change what dpkg does, not how: with --no-act or --root every upgrade would silently go
# nowhere, an action fails all of them (dpkg(1)).
_OPTION = re.compile(
    r"--((no-)?force-(?!help)[a-z]\S*|refuse-[a-z]\S*|path-(in|ex)clude=\S+|log=\S+|debug=\d+"
    r"|ignore-depends=\S+|abort-after=\d+|no-pager|no-debsig|auto-deconfigure)\Z"
)


def text(value, allowed="a text without double quotes and line breaks"):
    """A text that apt.conf can hold."""
    if not isinstance(value, str) or not value.strip():
        raise Refused(allowed, "Quote it in YAML." if not isinstance(value, str) else "")
    if UNQUOTABLE.search(value):
        raise Refused(
            "a text without double quotes, line breaks and control characters",
            "apt.conf cannot escape them.",
        )
    if len(value) > MAX_TEXT:
        raise Refused(f"a text of at most {MAX_TEXT} characters")
    return value


def boolean(value):
    """True or False; the words are refused because a quoted 'false' is a common slip."""
    if isinstance(value, bool):
        return value
    advice = "Write it without quotes." if isinstance(value, str) else ""
    raise Refused("true or false", advice)


def count(value, most=MAX_COUNT):
    """A number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Refused(f"a whole number from 0 to {most}")
    return value


def flag(value):
    """A switch of APT::Periodic: 0 or 1. ``Enable "false"`` would keep running."""
    if isinstance(value, bool):
        return int(value)
    if value in (0, 1) and isinstance(value, int):
        return value
    raise Refused("true, false, 0 or 1")


def interval(value):
    """An interval of APT::Periodic as text: days, N with s/m/h/d, or ``always``."""
    allowed = "a number of days, N followed by s, m, h or d, or 'always'"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(count(value))
    if isinstance(value, str) and (value == "always" or INTERVAL.match(value)):
        return value
    raise Refused(allowed)


def verbosity(value):
    return count(value, most=3)


def backup_level(value):
    if count(value) == 1:
        raise Refused("0, or a number from 2 on", "apt calls level 1 invalid.")
    return value


def regex(value):
    """A regular expression as Python's ``re`` reads it."""
    text(value, "a regular expression in quotes")
    try:
        re.compile(value)
    except re.error as exc:
        raise Refused(
            "a valid regular expression",
            f"{exc}. 'libc6' matches every name that begins so; a wildcard is '.*', not '*'.",
        ) from exc
    return value


def dpkg_option(value):
    allowed = "--force-…, --path-exclude=… and other options on how dpkg installs"
    text(value, allowed)
    if not _OPTION.match(value):
        raise Refused(allowed, "One option per entry.")
    return value


def named(pattern, allowed):
    """Parser of a text that must match ``pattern`` as a whole."""

    def parse_named(value):
        text(value, allowed)
        if not pattern.match(value):
            raise Refused(allowed)
        return value

    return parse_named


package = named(_PACKAGE, "the name of a package, in lower case")


def positive(value):
    if count(value) == 0:
        raise Refused("a whole number from 1 on")
    return value


def mapping(value):
    if isinstance(value, dict):
        return value
    raise Refused("a mapping")


def times(value):
    """One or more local times, kept as ``HH:MM``."""
    clocks = listed(value)
    if not clocks:
        raise Refused("at least one 'HH:MM'")
    for clock in clocks:
        clock_minutes(clock)
    return tuple(clocks)


def use_apt_formula(value):
    if isinstance(value, bool) or value == "auto":
        return value
    raise Refused("auto, true or false")


LOOKUP_PARSERS = {}  # filled below, once the parsers exist


def lookup(value):
    """Overrides of the map; the names are those of parameters/defaults.yaml."""
    for name, entry in mapping(value).items():
        if name not in LOOKUP_PARSERS:
            raise Refused(", ".join(LOOKUP_PARSERS), f"{name!r} is none of them.")
        try:
            LOOKUP_PARSERS[name](entry)
        except Refused as exc:
            raise Refused(f"for {name}: {exc.allowed}", exc.advice) from exc
    return value


def path(value):
    text(value, "an absolute path")
    if not value.startswith("/") or ".." in value.split("/"):
        raise Refused("an absolute path without '..'")
    return value


def filename(value):
    text(value, "a file name")
    if not _FILE_NAME.match(value):
        raise Refused("a file name of letters, digits, '.', '_' and '-'")
    return value


def proxy(value):
    text(value, "a URL such as 'http://proxy.example.org:3128', or DIRECT")
    if not _PROXY.match(value):
        raise Refused("a URL such as 'http://proxy.example.org:3128', or DIRECT")
    return value


def day(value):
    """A day of the week → its number, Sunday being 0, which no locale can break."""
    allowed = "Mon, Monday, or a number from 0 (Sunday) to 6"
    if isinstance(value, bool):
        raise Refused(allowed)
    if isinstance(value, int) or (isinstance(value, str) and value.isdigit()):
        if 0 <= int(value) < len(DAY_NAMES):
            return int(value)
        raise Refused(allowed)
    word = value.strip().lower() if isinstance(value, str) else ""
    for number, name in enumerate(DAY_NAMES):
        if word in (name.lower(), name[:3].lower()):
            return number
    raise Refused(allowed, "A day that does not exist would mean: never.")


def days(value):
    return tuple(sorted({day(item) for item in listed(value)}))


def reboot_policy(value):
    """``never`` or ``when_needed`` → whether unattended-upgrades reboots."""
    if value in ("never", "when_needed"):
        return value == "when_needed"
    advice = "true would be when_needed." if value is True else ""
    raise Refused("never or when_needed", advice)


def reboot_time(value):
    """``HH:MM``, ``now`` or ``+MINUTES`` for shutdown(8)."""
    allowed = "'HH:MM' in quotes, now, or '+MINUTES'"
    if isinstance(value, int) and not isinstance(value, bool):
        raise Refused(allowed, SEXAGESIMAL_ADVICE)
    if not isinstance(value, str):
        raise Refused(allowed)
    if value == "now" or re.fullmatch(r"\+\d{1,4}", value):
        return value
    minutes = clock_minutes(value)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def dev_release(value):
    if isinstance(value, bool):
        return value
    if value == "auto":
        return value
    raise Refused("true, false or auto")


def listed(value):
    """A list; a single text counts as refused because YAML hides that slip well."""
    if isinstance(value, (list, tuple)):
        return value
    raise Refused("a list", "Write one entry per line, each with a dash.")


def each(parse):
    """Parser of a list whose entries are read by ``parse``; doubles are dropped."""

    def parse_list(value):
        parsed = []
        for entry in listed(value):
            try:
                item = parse(entry)
            except Refused as exc:
                advice = f"Entry {entry!r} is wrong. {exc.advice}".rstrip()
                raise Refused(f"a list with {exc.allowed} in each entry", advice) from exc
            if item not in parsed:
                parsed.append(item)
        return tuple(parsed)

    return parse_list


def choice(value, choices):
    if isinstance(value, str) and value in choices:
        return value
    raise Refused(", ".join(choices))


def readiness_check(value):
    return choice(value, READINESS_CHECKS)


def positive_span(value):
    """Minutes of a span that is not 0."""
    minutes = span_minutes(value)
    if minutes == 0:
        raise Refused("a span of at least a minute, such as 50m or 1h")
    return minutes


PARSERS = {
    "snapshot_sources": each(snapshot.source),
    "snapshot_delay": snapshot.delay,
    "snapshot_date": snapshot.date_format,
    "text": text,
    "bool": boolean,
    "count": count,
    "flag": flag,
    "interval": interval,
    "verbosity": verbosity,
    "backup_level": backup_level,
    "regexes": each(regex),
    "strings": each(dpkg_option),
    "users": each(named(_USER, "the name of a user")),
    "packages": each(package),
    "hosts": each(named(_HOST, "the name of a host")),
    "units": each(named(_UNIT, "the name of a systemd unit, such as ssh.service")),
    "word": named(_WORD, "a name of letters, digits, ':', '_', '.' and '-'"),
    "positive": positive,
    "mapping": mapping,
    "lookup": lookup,
    "times": times,
    "span": span_minutes,
    "positive_span": positive_span,
    "readiness_checks": each(readiness_check),
    "calendar": text,
    "use_apt_formula": use_apt_formula,
    "path": path,
    "paths": each(path),
    "filename": filename,
    "proxy": proxy,
    "days": days,
    "reboot_policy": reboot_policy,
    "reboot_time": reboot_time,
    "dev_release": dev_release,
}


LOOKUP_PARSERS.update(
    packages=PARSERS["packages"],
    confd_dir=path,
    fragment=filename,
    systemd_dir=path,
    needrestart_dir=path,
    plugin_dir=path,
)


def parse(kind, value, choices=()):
    """Parse ``value`` as ``kind``; raises :class:`Refused` with what is allowed."""
    if kind == "choice":
        return choice(value, choices)
    return PARSERS[kind](value)


def plain(value):
    """Copy into plain containers: those of Salt's pillar print stars instead of their values."""
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def loose_boolean(value):
    """Read apt's own words for true and false, as other tools leave them; None if neither."""
    word = str(value).strip().lower()
    if word in TRUE_WORDS:
        return True
    return False if word in FALSE_WORDS else None
