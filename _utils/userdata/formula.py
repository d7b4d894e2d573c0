"""The formula's policy for an instance that does not exist yet, and the grains that choose it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aptpolicy import compiled, fragment, policy, readiness
from aptpolicy.versions import OperatingSystem
from userdata.errors import UserDataError
from userdata.settings import APT_SYSTEMS, Settings

#: Placeholder for the id: the fragment must not hold anything that depends on it.
INSTANCE = "i-00000000000000000"
DISTRIBUTIONS = {"debian": "Debian", "ubuntu": "Ubuntu"}


@dataclass(frozen=True)
class Policy:
    """
    What the formula would write: the text of apt's ``fragment`` and the ``path`` for it (empty
    where packages do not come through apt), its ``private`` part with proxies that have a
    password, what apt reads in unattended upgrades alone (``upgrade_config``), the packages to
    ``hold``, and ``checked``, the whole policy as the formula has it.
    """

    checked: policy.Policy
    fragment: str = ""
    path: str = ""
    private: str = ""
    upgrade_config: str = ""
    hold: tuple[str, ...] = ()

    @property
    def proxies(self) -> list[str]:
        """The names of the proxies that have a password."""
        names = ("http_proxy", "https_proxy")
        return [
            f"unattended_upgrades:download:{name}"
            for name in names
            if fragment.is_private(self.checked.get(f"download.{name}"))
        ]

    def ready_json(self, hook: Mapping[str, Any] | None, releasever: str = "") -> str:
        """
        The readiness agent's configuration, as the formula's own state writes it.

        :param releasever: of Amazon Linux 2023's repositories, where it is not the image's own.
        """
        wanted = readiness.configuration(self.checked, dict(hook) if hook else None)
        return readiness.render({**wanted, **({"releasever": releasever} if releasever else {})})


def from_pillar(pillar: Mapping[str, Any], settings: Settings, grains: Mapping[str, Any]) -> Policy:
    """
    The policy that the formula will apply once the instance has joined.

    Without apt-formula's own files, which come with the first highstate; so do the timers, whose
    times are hashed from the minion id. On Amazon Linux only the readiness part means something;
    it is read as it would be on Debian.

    :param pillar: what the instance will see.
    :param grains: what the instance will have.
    :raises UserDataError: the formula would refuse this pillar; with its own messages.
    """
    name = settings.os if settings.uses_apt else "debian"
    # The number is enough: in the fragment the codename is a macro, replaced on the instance.
    system = OperatingSystem(DISTRIBUTIONS[name], "", settings.release or APT_SYSTEMS[name][0])
    checked, problems = compiled.read_policy(
        pillar.get("unattended_upgrades"), pillar.get("apt"), system, INSTANCE, grain=grains.get
    )
    if checked is None:
        raise UserDataError(f"pillar of the new instance: {problem}" for problem in problems)
    # The agent runs from the first boot on: without this check it may be ready before the upgrade.
    checks = checked.get("readiness.checks")
    if checks is not None and "cloud-init" not in checks:
        raise UserDataError(
            [
                f"pillar of the new instance: unattended_upgrades:readiness:checks: {list(checks)} "
                "is refused; allowed: a list with cloud-init, or the instance would be ready "
                "before it is upgraded."
            ]
        )
    if not settings.uses_apt:
        return Policy(checked)
    return Policy(
        checked,
        fragment.render(checked),
        f"/etc/apt/apt.conf.d/{fragment.FRAGMENT_NAME}",
        fragment.private(checked),
        fragment.upgrade_config(checked),
        tuple(checked.get("hold", ())),
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
