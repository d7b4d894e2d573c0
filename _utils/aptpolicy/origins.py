"""Which repositories may upgrade a host: plain words, patterns, and what a pattern matches.

The words expand to patterns on codenames, because archive names move: what was ``stable`` on
release day is ``oldstable`` two years later, and a pattern on it silently matches nothing.
"""

import fnmatch
import re
import string
from dataclasses import dataclass

from aptpolicy.errors import Refused
from aptpolicy.values import text
from aptpolicy.versions import DEBIAN_STABLE_RELEASES, RELEASE_MACRO_VERSION

# Names a pattern may use → field of Repository; the short ones are those of apt-cache policy.
MATCHERS = {
    "o": "origin", "origin": "origin",
    "l": "label", "label": "label",
    "a": "archive", "suite": "archive", "archive": "archive",
    "n": "codename", "codename": "codename",
    "c": "component", "component": "component",
    "site": "site",
}  # fmt: skip

_DEBIAN = {
    "security": ("origin=Debian,codename=${distro_codename}-security,label=Debian-Security",),
    "release": ("origin=Debian,codename=${distro_codename},label=Debian",),
    "updates": ("origin=Debian,codename=${distro_codename}-updates,label=Debian",),
    "backports": ("origin=Debian Backports,codename=${distro_codename}-backports",),
    "proposed": ("origin=Debian,codename=${distro_codename}-proposed-updates,label=Debian",),
    "esm": (),
}
_UBUNTU = {
    "security": ("origin=${distro_id},archive=${distro_codename}-security",),
    "release": ("origin=${distro_id},archive=${distro_codename}",),
    "updates": ("origin=${distro_id},archive=${distro_codename}-updates",),
    "backports": ("origin=${distro_id},archive=${distro_codename}-backports",),
    "proposed": ("origin=${distro_id},archive=${distro_codename}-proposed",),
    "esm": (
        "origin=${distro_id}ESMApps,archive=${distro_codename}-apps-security",
        "origin=${distro_id}ESM,archive=${distro_codename}-infra-security",
    ),
}
# Raspbian has one archive for everything.
_RASPBIAN = {
    "security": ("origin=Raspbian,codename=${distro_codename},label=Raspbian",),
    "release": ("origin=Raspbian,codename=${distro_codename},label=Raspbian",),
}
# Before bullseye the codename of the security archive had no suffix.
_OLD_DEBIAN_SECURITY = ("origin=Debian,codename=${distro_codename},label=Debian-Security",)
_OLD_DEBIAN_RELEASES = frozenset({"stretch", "buster"})
# Present only where Ubuntu Pro is attached.
OPTIONAL_PATTERNS = frozenset(_UBUNTU["esm"])
WORDS = ("security", "release", "updates", "backports", "proposed", "esm")
_TABLES = {"Debian": _DEBIAN, "Ubuntu": _UBUNTU, "Raspbian": _RASPBIAN}
# Ubuntu's security updates may need new packages of the frozen release pocket.
_DEFAULT_WORDS = {"Debian": ("security",), "Ubuntu": ("release", "security", "esm")}


@dataclass(frozen=True)
class Repository:
    """Fields of a repository's Release file, as apt knows them, plus component and site."""

    origin: str = ""
    label: str = ""
    archive: str = ""
    codename: str = ""
    component: str = ""
    site: str = ""

    def __str__(self):
        return f"{self.label or self.origin}:{self.codename or self.archive}/{self.component}"


def is_debian_without_freeze(system):
    """testing and sid: security fixes arrive through the main archive.

    They have no number; the next stable release gets one when it is frozen.
    """
    frozen = system.codename in DEBIAN_STABLE_RELEASES or system.release[:1].isdigit()
    return system.distribution == "Debian" and not frozen


def default_words(system):
    """The words that mean: all security updates of this system, and nothing else."""
    if is_debian_without_freeze(system):
        return ("release", "security")
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
    if word == "security" and system.codename in _OLD_DEBIAN_RELEASES:
        return _OLD_DEBIAN_SECURITY
    return table[word]


def security_patterns(system):
    """Patterns that tell a security repository of this system, empty when unknown."""
    if system.distribution not in _TABLES:
        return ()
    words = ["security", *(w for w in ("esm",) if w in _TABLES[system.distribution])]
    words += ["release"] if is_debian_without_freeze(system) else []
    return tuple(pattern for word in words for pattern in word_patterns(word, system))


def third_party_pattern(fields):
    """``{"origin": "Docker", "label": "Docker CE"}`` → a pattern, commas escaped."""
    if not isinstance(fields, dict) or not fields:
        raise Refused("a mapping of origin, label, archive, codename, component or site")
    tokens = []
    for matcher, value in fields.items():
        if matcher not in MATCHERS:
            raise Refused(f"matchers {', '.join(MATCHERS)}", f"{matcher!r} is not one.")
        tokens.append(f"{matcher}={text(value)}".replace(",", "\\,"))
    return ",".join(tokens)


def check_pattern(pattern, system):
    """Return a raw pattern when the tool can read it; it crashes on the ones refused here."""
    text(pattern, "a pattern such as 'origin=Debian,label=Debian-Security'")
    for token in _tokens(pattern):
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
    if system.tool_is_at_least(RELEASE_MACRO_VERSION):
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


def legacy_to_pattern(value):
    """``origin:archive`` → the pattern the tool makes of it."""
    origin, archive = (part.replace("\\:", ":") for part in re.split(r"(?<!\\):", value))
    escaped = (re.sub(r"(?<!\\),", "\\,", part) for part in (origin, archive))
    return "o={},a={}".format(*escaped)


def matches(pattern, repository, system):
    """Whether a pattern matches a repository, decided as unattended-upgrades decides it."""
    if not pattern.strip():
        return False
    macros = {
        "distro_id": system.distribution,
        "distro_codename": system.codename,
        "distro_release": system.release,
    }
    for token in _tokens(string.Template(pattern).substitute(macros)):
        matcher, _, value = token.partition("=")
        field = getattr(repository, MATCHERS[matcher.strip()])
        if not fnmatch.fnmatch(field, value.strip()):
            return False
    return True


def _tokens(pattern):
    """Split at the commas that are not escaped."""
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", pattern)]
