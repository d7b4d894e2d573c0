"""The formula's apt policy for an instance that does not exist yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aptpolicy import compiled, fragment
from aptpolicy.versions import OperatingSystem
from userdata.errors import UserDataError
from userdata.settings import APT_RELEASES, Settings

#: Placeholder for the id: the fragment must not hold anything that depends on it.
INSTANCE = "i-00000000000000000"
DISTRIBUTIONS = {"debian": "Debian", "ubuntu": "Ubuntu"}
CODENAMES = {
    "11": "bullseye",
    "12": "bookworm",
    "13": "trixie",
    "20.04": "focal",
    "22.04": "jammy",
    "24.04": "noble",
}


@dataclass(frozen=True)
class AptPolicy:
    """The formula's fragment, where it goes, and the packages that are never to be upgraded."""

    fragment: str
    path: str
    hold: tuple[str, ...]


def from_pillar(
    pillar: Mapping[str, Any], settings: Settings, grains: Mapping[str, Any]
) -> AptPolicy | None:
    """
    The policy that the formula will apply once the instance has joined.

    Without apt-formula's own files, which come with the first highstate; so do the timers, whose
    times are hashed from the minion id.

    :param pillar: what the instance will see.
    :param grains: what the instance will have.
    :return: None where packages do not come through apt.
    :raises UserDataError: the formula would refuse this pillar; with its own messages.
    """
    if not settings.uses_apt:
        return None
    release = settings.release or APT_RELEASES[settings.os][0]
    system = OperatingSystem(DISTRIBUTIONS[settings.os], CODENAMES[release], release)
    policy, problems = compiled.read_policy(
        pillar.get("unattended_upgrades"), pillar.get("apt"), system, INSTANCE, grain=grains.get
    )
    if policy is None:
        raise UserDataError(f"pillar of the new instance: {problem}" for problem in problems)
    return AptPolicy(
        fragment.render(policy),
        f"/etc/apt/apt.conf.d/{fragment.FRAGMENT_NAME}",
        tuple(policy.get("hold", ())),
    )


def grains(settings: Settings, group: str, environment: str | None) -> dict[str, Any]:
    """The grains that are known before the instance exists."""
    family = "Debian" if settings.uses_apt else "RedHat"
    known = {
        "id": INSTANCE,
        "os": DISTRIBUTIONS.get(settings.os, "Amazon"),
        "os_family": family,
        "kernel": "Linux",
    }
    return {**known, **minion_grains(settings, group, environment)}


def minion_grains(settings: Settings, group: str, environment: str | None) -> dict[str, Any]:
    """The grains that user data writes on the instance."""
    given = {"environment": environment} if environment else {}
    return {**given, **settings.grains, "group": group}
