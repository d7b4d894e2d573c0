"""Distributions, their releases and the unattended-upgrades they ship."""

import re
from dataclasses import dataclass

# Release -> version of the unattended-upgrades package in its archive. It decides which keys are
# known as long as the package is not installed yet; afterwards the installed version decides.
# Later releases need no line: what is not here counts as the newest.
PACKAGED_VERSIONS = {
    ("Debian", "11"): "2.8",
    ("Debian", "12"): "2.9.1+nmu3",
    ("Debian", "13"): "2.12",
    ("Ubuntu", "20.04"): "2.3",
    ("Ubuntu", "22.04"): "2.8ubuntu1",
    ("Ubuntu", "24.04"): "2.9.1+nmu4ubuntu1",
}

POSTRUN_PLUGIN_VERSION = "2.11"  # first unattended-upgrades that calls postrun plugins
RELEASE_MACRO_VERSION = "2.13"  # first one that substitutes ${distro_release}


@dataclass(frozen=True)
class OperatingSystem:
    """What the policy needs to know about a host.

    ``distribution`` is what ``lsb_release -si`` says (Debian, Ubuntu, Raspbian), ``codename``
    the release's codename, ``release`` its number as text ("12", "24.04", "" on testing),
    ``tool_version`` the installed unattended-upgrades or None when it is not installed.
    """

    distribution: str
    codename: str
    release: str = ""
    tool_version: str | None = None

    @property
    def effective_tool_version(self):
        """The installed version, else the one the release ships, else None (unknown)."""
        number = self.release.partition(".")[0] if self.distribution == "Debian" else self.release
        return self.tool_version or PACKAGED_VERSIONS.get((self.distribution, number))

    def tool_is_at_least(self, wanted):
        """True when the tool is at least ``wanted``; an unknown version counts as the newest."""
        version = self.effective_tool_version
        return version is None or numbers(version) >= numbers(wanted)

    def release_is_at_least(self, wanted):
        """True when the distribution's release number is at least ``wanted``."""
        return bool(self.release) and numbers(self.release) >= numbers(wanted)


def numbers(version):
    """Leading dotted numbers of a version: ``2.9.1+nmu3`` → ``(2, 9, 1)``."""
    match = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", str(version))
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def from_grains(grains, tool_version=None):
    """Build an :class:`OperatingSystem` from Salt grains.

    ``os`` comes first: without lsb_release, ``lsb_distrib_id`` is "Debian GNU/Linux". testing
    and sid have no number, which must not stop anything.
    """
    return OperatingSystem(
        distribution=str(grains.get("os") or grains.get("lsb_distrib_id") or ""),
        codename=str(grains.get("oscodename") or grains.get("lsb_distrib_codename") or ""),
        release=str(grains.get("osrelease") or ""),
        tool_version=tool_version,
    )
