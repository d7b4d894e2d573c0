"""Which Debian mirror this machine's own apt names: no mirror is written down anywhere here."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APT = Path("/etc/apt")
DEB822_FIELD = re.compile(r"^([\w-]+):((?:.*)(?:\n[ \t]+.*)*)", re.MULTILINE)
SECURITY_SUITE = re.compile(r"^[a-z]+(-security|/updates)$")
ACQUIRE_SETTINGS = re.compile(
    r"^Acquire::(?:Check-Valid-Until|Check-Date|Max-ValidTime|https?::(?:Proxy|CaInfo)\b)"
)
"""What a root must share with its builder in order to reach the same mirror in the same way."""


class NoMirror(LookupError):
    """This machine's apt names no usable Debian mirror."""


@dataclass(frozen=True)
class Source:
    """One entry of apt's sources: a base URI and the suites taken from it."""

    uri: str
    suites: tuple[str, ...]


@dataclass(frozen=True)
class Mirror:
    """Where Debian's main archive and its security archive are, for this machine."""

    main: str
    security: str

    def main_line(self, codename: str) -> str:
        """Return the one-line entry for the main archive of the release ``codename``."""
        return f"deb {self.main} {codename} main"

    def security_line(self, codename: str) -> str:
        """Return the one-line entry for the security archive of the release ``codename``."""
        return f"deb {self.security} {codename}-security main"


def parse_list(text: str) -> Iterator[Source]:
    """Yield the enabled ``deb`` entries of a one-line-style ``sources.list``."""
    for line in text.splitlines():
        bare = re.sub(r"\[[^]]*]", " ", line.partition("#")[0])
        match shlex.split(bare):
            case ["deb", uri, suite, *_]:
                yield Source(uri, (suite,))


def parse_deb822(text: str) -> Iterator[Source]:
    """Yield the enabled ``deb`` entries of a deb822-style ``*.sources`` file."""
    without_comments = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", without_comments):
        fields = {
            name.lower(): value.split()
            for name, value in re.findall(
                r"^([\w-]+):((?:.*)(?:\n[ \t]+.*)*)", stanza, re.MULTILINE
            )
        }
        if "deb" not in fields.get("types", []) or fields.get("enabled", ["yes"]) == ["no"]:
            continue
        for uri in fields.get("uris", []):
            yield Source(uri, tuple(fields.get("suites", [])))


def read_sources(apt: Path = APT) -> list[Source]:
    """Return every enabled binary source of the apt configuration in the directory ``apt``."""
    listed = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list"))]
    found = [source for path in listed if path.exists() for source in parse_list(path.read_text())]
    for path in sorted(apt.glob("sources.list.d/*.sources")):
        found.extend(parse_deb822(path.read_text()))
    return found


def pick_mirror(sources: list[Source], codename: str) -> Mirror:
    """Choose main and security archive among ``sources`` of a Debian machine.

    Args:
        sources: what apt is configured with.
        codename: the Debian release that the machine itself runs.

    Raises:
        NoMirror: no entry carries this release, or none a security suite.
    """
    main = [entry.uri for entry in sources if codename in entry.suites]
    security = [entry.uri for entry in sources if any(map(SECURITY_SUITE.match, entry.suites))]
    if not main or not security:
        lacking = "the release" if not main else "a security suite"
        raise NoMirror(f"this machine's apt sources name no archive with {lacking} of {codename!r}")
    return Mirror(main[0].rstrip("/"), security[0].rstrip("/"))


def own_mirror() -> Mirror:
    """Return the mirror of this machine.

    Raises:
        NoMirror: it is no Debian, or its sources do not name what is needed.
    """
    release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    if release.get("ID") != "debian":
        raise NoMirror("this machine is no Debian, so that its apt names no Debian mirror")
    return pick_mirror(read_sources(), release["VERSION_CODENAME"].strip('"'))


def acquire_settings() -> str:
    """Return this machine's apt settings about reaching its mirror, as an apt.conf fragment."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if ACQUIRE_SETTINGS.match(line))
