"""Which repositories may upgrade a host: plain words, patterns, and what a pattern matches.

The words expand to patterns on codenames, because archive names move: what was ``stable`` on
release day is ``oldstable`` two years later, and a pattern on it silently matches nothing.
"""

import re
import string

from aptpolicy.errors import Refused
from aptpolicy.patched.origins import (
    DEBIAN_RELEASE,
    ESM,
    MATCHERS,
    OLD_DEBIAN_RELEASES,
    OLD_DEBIAN_SECURITY,
    SECURITY,
    Repository,
    is_debian_without_freeze,
    legacy_to_pattern,
    matches,
    security_patterns,
    tokens,
)
from aptpolicy.values import text
from aptpolicy.versions import RELEASE_MACRO_VERSION

__all__ = [
    "OPTIONAL_PATTERNS",
    "WORDS",
    "Repository",
    "check_macros",
    "check_pattern",
    "default_words",
    "is_debian_without_freeze",
    "leaves_out_point_releases",
    "legacy_pair",
    "legacy_to_pattern",
    "matches",
    "security_patterns",
    "third_party",
    "word_patterns",
]

_DEBIAN = {
    "security": SECURITY["Debian"],
    "release": DEBIAN_RELEASE,
    "updates": ("origin=Debian,codename=${distro_codename}-updates,label=Debian",),
    "backports": ("origin=Debian Backports,codename=${distro_codename}-backports",),
    "proposed": ("origin=Debian,codename=${distro_codename}-proposed-updates,label=Debian",),
    "esm": (),
}
_UBUNTU = {
    "security": SECURITY["Ubuntu"],
    "release": ("origin=${distro_id},archive=${distro_codename}",),
    "updates": ("origin=${distro_id},archive=${distro_codename}-updates",),
    "backports": ("origin=${distro_id},archive=${distro_codename}-backports",),
    "proposed": ("origin=${distro_id},archive=${distro_codename}-proposed",),
    "esm": ESM,
}
# Raspbian has one archive for everything.
_RASPBIAN = dict.fromkeys(("security", "release"), SECURITY["Raspbian"])
# Present only where Ubuntu Pro is attached.
OPTIONAL_PATTERNS = frozenset(ESM)
WORDS = ("security", "release", "updates", "backports", "proposed", "esm")
# What the archive of a Debian release is called while it ages.
_ARCHIVES = ("stable", "oldstable", "oldoldstable")
_TABLES = {"Debian": _DEBIAN, "Ubuntu": _UBUNTU, "Raspbian": _RASPBIAN}
# As the packages themselves ship it. Debian fixes much without a DSA, in point releases of its own
# archive alone; Ubuntu's security updates may need new packages of the frozen release pocket.
_DEFAULT_WORDS = {"Debian": ("release", "security"), "Ubuntu": ("release", "security", "esm")}


def default_words(system):
    """What the distribution's own package of unattended-upgrades allows, as words."""
    return _DEFAULT_WORDS.get(system.distribution, ("security",))


def word_patterns(word, system):
    """Patterns of a word, or :class:`Refused` where the distribution has no such repository."""
    table = _TABLES.get(system.distribution)
    if table is None:
        raise Refused(
            "a raw pattern or the name of a third_party entry",
            f"The words are defined for {', '.join(_TABLES)}, not for "
            f"{system.distribution or 'an unknown distribution'}.",
        )
    if word not in table:
        raise Refused(f"one of {', '.join(table)} on {system.distribution}")
    if word == "security" and system.codename in OLD_DEBIAN_RELEASES:
        return OLD_DEBIAN_SECURITY
    return table[word]


def leaves_out_point_releases(patterns, system):
    """
    Whether patterns that allow updates of Debian's security archive forget its own archive.

    Who takes both from mirrors with an origin of their own has neither, and misses nothing.
    """
    if system.distribution != "Debian" or is_debian_without_freeze(system):
        return False
    code = system.codename
    names = (code, *_ARCHIVES)
    own = [Repository("Debian", "Debian", name, code, "main") for name in names]
    security = [
        Repository("Debian", "Debian-Security", f"{name}-security", f"{code}-security", "main")
        for name in names
    ]
    taken, fixed = (
        any(matches(pattern, one, system) for pattern in patterns for one in repositories)
        for repositories in (own, security)
    )
    return fixed and not taken


def third_party(fields):
    """``{"origin": "Docker", "label": "Docker CE"}`` → ``(pattern, carries security updates)``."""
    if not isinstance(fields, dict) or not fields:
        raise Refused("a mapping of origin, label, archive, codename, component or site")
    security, found = fields.get("security", False), []
    if not isinstance(security, bool):
        raise Refused("security: true or false")
    for matcher, value in fields.items():
        if matcher == "security":
            continue
        if matcher not in MATCHERS:
            raise Refused(f"matchers {', '.join(MATCHERS)}, and security", f"{matcher!r} is none.")
        found.append(f"{matcher}={text(value)}".replace(",", "\\,"))
    if not found:
        raise Refused("at least one of origin, label, archive, codename, component, site")
    return ",".join(found), security


def check_pattern(pattern, system):
    """Return a raw pattern when the tool can read it; it crashes on the ones refused here."""
    text(pattern, "a pattern such as 'origin=Debian,label=Debian-Security'")
    for token in tokens(pattern):
        matcher, equals, value = token.partition("=")
        if not equals or "=" in value or not value.strip():
            raise Refused(
                "tokens of the form matcher=value, separated by commas",
                f"Token {token!r} is not one; write a comma inside a value as '\\,'.",
            )
        if matcher.strip() not in MATCHERS:
            raise Refused(f"matchers {', '.join(MATCHERS)}", f"{matcher.strip()!r} is not one.")
    check_macros(pattern, system)
    return pattern


def check_macros(pattern, system):
    """Refuse macros that the tool cannot substitute: it would stop with an exception."""
    known = ["distro_id", "distro_codename"]
    # Of an unknown version the macros that every one has: it would stop at any other.
    if system.effective_tool_version and system.tool_is_at_least(RELEASE_MACRO_VERSION):
        known.append("distro_release")
    allowed = "macros " + ", ".join(f"${{{name}}}" for name in known)
    template = string.Template(pattern)
    for match in template.pattern.finditer(pattern):
        name = match.group("named") or match.group("braced")
        if match.group("invalid") is not None or (name and name not in known):
            raise Refused(allowed, "Write a literal dollar sign as '$$'.")


def legacy_pair(value):
    """Check an Allowed-Origins entry: exactly one unescaped colon, else the tool crashes."""
    text(value, "origin:archive")
    if len(re.findall(r"(?<!\\):", value)) != 1:
        raise Refused("origin:archive with exactly one colon", "Escape others as '\\:'.")
    return value
