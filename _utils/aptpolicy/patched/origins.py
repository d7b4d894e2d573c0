"""Which repositories a pattern matches, and which carry security updates. Pure."""

import fnmatch
import re
import string
from collections import namedtuple

# Names a pattern may use → field of a repository; the short ones are those of apt-cache policy.
MATCHERS = {
    "o": "origin", "origin": "origin",
    "l": "label", "label": "label",
    "a": "archive", "suite": "archive", "archive": "archive",
    "n": "codename", "codename": "codename",
    "c": "component", "component": "component",
    "site": "site",
}  # fmt: skip

FIELDS = ("origin", "label", "archive", "codename", "component", "site")

# Beside its own archive each distribution's table names everything that only security updates
# come through. ESM's legacy pockets have the origins of the others: entitlements esm-infra-legacy
# and esm-apps-legacy of Ubuntu's client; in upstream's default since unattended-upgrades 2.13.
SECURITY = {
    "Debian": ("origin=Debian,codename=${distro_codename}-security,label=Debian-Security",),
    "Ubuntu": ("origin=${distro_id},archive=${distro_codename}-security",),
    # One archive for everything.
    "Raspbian": ("origin=Raspbian,codename=${distro_codename},label=Raspbian",),
}
ESM = (
    "origin=${distro_id}ESMApps,archive=${distro_codename}-apps-security",
    "origin=${distro_id}ESM,archive=${distro_codename}-infra-security",
    "origin=${distro_id}ESMApps,archive=${distro_codename}-apps-legacy-security",
    "origin=${distro_id}ESM,archive=${distro_codename}-infra-legacy-security",
)
# Before bullseye the codename of the security archive had no suffix.
OLD_DEBIAN_SECURITY = ("origin=Debian,codename=${distro_codename},label=Debian-Security",)
OLD_DEBIAN_RELEASES = frozenset({"stretch", "buster"})
DEBIAN_RELEASE = ("origin=Debian,codename=${distro_codename},label=Debian",)
DISTRIBUTIONS = {"debian": "Debian", "ubuntu": "Ubuntu", "raspbian": "Raspbian"}

System = namedtuple("System", "distribution codename release")


class Repository(namedtuple("Repository", FIELDS)):
    """Fields of a repository's Release file, as apt knows them, plus component and site."""

    __slots__ = ()

    def __str__(self):
        return f"{self.label or self.origin}:{self.codename or self.archive}/{self.component}"


Repository.__new__.__defaults__ = ("",) * len(FIELDS)


def system_of(os_release):
    """The text of os-release → :class:`System`, named as unattended-upgrade names it."""
    fields = {}
    for line in (os_release or "").splitlines():
        name, _, value = line.partition("=")
        fields[name] = value.strip().strip("\"'")
    known = fields.get("ID", "")
    return System(
        DISTRIBUTIONS.get(known, known),
        fields.get("VERSION_CODENAME", ""),
        fields.get("VERSION_ID", ""),
    )


def is_debian_without_freeze(system):
    """testing and sid: security fixes arrive through the main archive.

    They have no number; the next stable release gets one when it is frozen.
    """
    return system.distribution == "Debian" and not system.release[:1].isdigit()


def security_patterns(system):
    """Patterns of all security repositories of a distribution, empty when it is not known."""
    found = SECURITY.get(system.distribution, ())
    if system.distribution == "Ubuntu":
        return found + ESM
    if system.distribution == "Debian" and system.codename in OLD_DEBIAN_RELEASES:
        return OLD_DEBIAN_SECURITY
    return found + (DEBIAN_RELEASE if is_debian_without_freeze(system) else ())


def point_release_patterns(system):
    """Patterns of the archive that changes in point releases alone, empty where there is none."""
    frozen = system.distribution == "Debian" and not is_debian_without_freeze(system)
    return DEBIAN_RELEASE if frozen else ()


def legacy_to_pattern(value):
    """``origin:archive`` → the pattern the tool makes of it; raises ValueError."""
    if re.search(r"(?<!\\):", value):
        origin, archive = re.split(r"(?<!\\):", value)
    else:
        origin, archive = value.split()
    texts = (part.replace("\\:", ":") for part in (origin, archive))
    return "o={},a={}".format(*(re.sub(r"(?<!\\),", "\\,", text) for text in texts))


def matches(pattern, repository, system):
    """Whether a pattern matches a repository, decided as unattended-upgrade decides it.

    Raises KeyError or ValueError for one that the tool cannot read: it would stop there.
    """
    if not pattern.strip():
        return False
    macros = {
        "distro_id": system.distribution,
        "distro_codename": system.codename,
        "distro_release": system.release,
    }
    for token in tokens(string.Template(pattern).substitute(macros)):
        matcher, equals, value = token.partition("=")
        if not equals:
            raise ValueError(f"{token!r} has no '='")
        field = getattr(repository, MATCHERS[matcher.strip()])
        if not fnmatch.fnmatch(field, value.strip()):
            return False
    return True


def tokens(pattern):
    """Split at the commas that are not escaped."""
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", pattern)]
