"""
Pillar sections ``user_data`` → validated ``Settings``.

``KEYS`` is the one table of what may be set; docs/user-data.md is generated from it. Every problem
is found at once and names the key, the value and what is allowed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from asgroll import values
from userdata import kinds, secrets
from userdata.errors import UserDataError

#: Operating system → its oldest release that this is made for, and how a release is written.
APT_SYSTEMS = {"debian": ("11", r"\d{2}"), "ubuntu": ("20.04", r"\d{2}\.(04|10)")}
SYSTEMS = (*APT_SYSTEMS, "amazon-linux-2", "amazon-linux-2023")
#: Source of Salt → the keys that belong to it; those that it needs are True.
SALT_SOURCES = {
    "preinstalled": {},
    "repository": {"salt.version": True, "salt.url": True, "salt.key": True},
    "onedir": {"salt.archives": True},
}


@dataclass(frozen=True)
class Settings:
    """What a new instance does; see ``KEYS`` for every field."""

    os: str = ""
    release: str = ""
    upgrade: str = "security"
    reboot: str = "if_required"
    apt_mirror: str = ""
    apt_security_mirror: str = ""
    dnf_releasever: str = "image"
    proxy: str = ""
    agent_url: str = ""
    agent_sha256: str = ""
    salt_source: str = "preinstalled"
    salt_version: str = ""
    salt_url: str = ""
    salt_key: str = ""
    salt_archives: dict = field(default_factory=dict)
    minion: dict = field(default_factory=dict)
    grains: dict = field(default_factory=dict)
    extra: dict = field(default_factory=dict)
    parts: tuple[kinds.Part, ...] = ()
    template: str = "salt://unattended-upgrades/userdata/cloud-config.jinja"
    accept: tuple[str, ...] = ()

    @property
    def uses_apt(self) -> bool:
        """Whether packages come through apt; else through yum or dnf."""
        return self.os in APT_SYSTEMS


@dataclass(frozen=True, slots=True)
class Key:
    """One key: how it is read, and what it means."""

    parse: Callable[[Any], Any]
    about: str


KEYS: dict[str, Key] = {
    "os": Key(values.choice(*SYSTEMS), "What the AMI is: " + ", ".join(SYSTEMS) + ". Required."),
    "release": Key(
        kinds.release,
        "Release of Debian ('11' or later) or Ubuntu ('20.04' or later). Without it only what the "
        "oldest of them understands is written.",
    ),
    "upgrade": Key(
        values.choice("security", "all", "none"),
        "What is installed before the instance joins: security updates as the policy of the "
        "formula has them, everything, or nothing.",
    ),
    "reboot": Key(
        values.choice("if_required", "always", "never"),
        "Whether the instance then reboots, once, before it joins.",
    ),
    "apt.mirror": Key(values.url, "Mirror of the main archive, for Debian and Ubuntu."),
    "apt.security_mirror": Key(values.url, "Mirror of the security archive."),
    "dnf.releasever": Key(
        kinds.releasever,
        "Release of Amazon Linux 2023's repositories, for the upgrade and for the check that "
        "nothing is left: image for the one that the AMI is locked to, an exact one, or latest, "
        "which is warned about.",
    ),
    "proxy": Key(values.url, "HTTP proxy for apt, yum and dnf. A password in it is refused."),
    "agent.url": Key(
        values.url,
        "Where instances fetch the readiness agent: a place of yours with what `salt-run "
        "asgcycle.agent` writes, readable without a login. Without it user data brings the agent "
        "itself, which is most of its size.",
    ),
    "agent.sha256": Key(
        kinds.sha256, "Its SHA-256, as that function says it: nothing else is ever run."
    ),
    "salt.source": Key(
        values.choice(*SALT_SOURCES),
        "Where the minion comes from: it is in the AMI, a package repository has it, or an archive "
        "of the Salt Project (onedir).",
    ),
    "salt.version": Key(kinds.version, "Exact version to install from the repository."),
    "salt.url": Key(
        values.url,
        "The Salt Project's repository for the system's package manager, or your mirror of it.",
    ),
    "salt.key": Key(kinds.public_key, "Public key of the repository, ASCII-armored."),
    "salt.archives": Key(
        kinds.archives,
        "For `onedir`: where the archive for a machine is, and its SHA-256, which pins the "
        "version, as `{x86_64: {url: …, sha256: …}, aarch64: …}`.",
    ),
    "minion": Key(
        kinds.minion,
        "Options of the minion's configuration; `master` is required. The id is always the "
        "instance id.",
    ),
    "grains": Key(
        kinds.grains,
        "Grains besides `group`, `environment` and `launch_template_version`, such as `role`.",
    ),
    "extra": Key(
        kinds.extra,
        "Cloud-config of your own. Mappings are merged by key, lists are put behind ours; "
        "`runcmd` runs after the reboot and the joining.",
    ),
    "parts": Key(
        kinds.parts,
        "More MIME parts, a list of `{name, type, content}`. They are run by cloud-init as they "
        "are: a shell script after the joining, a boothook before everything and at every boot.",
    ),
    "template": Key(
        kinds.salt_path, "Your own template instead of ours; it gets the same variables."
    ),
    "accept": Key(
        kinds.names,
        "Values that look like a secret and shall pass all the same, each by the name under which "
        "it was refused, such as `extra:users[0]:passwd`.",
    ),
}
MAPPINGS = frozenset({"minion", "grains", "extra"})
GROUPS = frozenset(name.split(".")[0] for name in KEYS if "." in name)
if {name.replace(".", "_") for name in KEYS} != {f.name for f in fields(Settings)}:
    raise AssertionError("KEYS and Settings differ")

Layers = Sequence[tuple[str, Mapping[str, Any]]]


def parse(layers: Layers) -> Settings:
    """
    Merge the ``user_data`` sections, later ones winning, into Settings.

    Mappings (``minion``, ``grains``, ``extra``) are merged by key; ``null`` takes a value back.

    :param layers: pairs of where it comes from (for messages) and the section's mapping.
    :raises UserDataError: with every problem of every layer, also of values that are overridden.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    accepted = _accepted(layers)
    for source, layer in layers:
        for name, raw in _flat(source, layer, problems):
            if raw is None:
                found.pop(name, None)
                continue
            given = kinds.plain(raw)
            hidden = [one for one in secrets.in_setting(name, given) if one.path not in accepted]
            problems += [f"{source}: {one}" for one in hidden]
            hidden += list(secrets.in_setting(name, given))
            try:
                value = KEYS[name].parse(raw)
            except ValueError as exc:
                shown = "the value" if hidden or name == "salt.key" else repr(kinds.plain(raw))
                problems.append(f"{source}: {name}: {shown} is not allowed; give {exc}.")
                continue
            merging = name in MAPPINGS and name in found
            found[name] = merged(found[name], value) if merging else value
    if problems:
        raise UserDataError(problems)
    settings = Settings(**{name.replace(".", "_"): value for name, value in found.items()})
    problems = list(_contradictions(settings, set(found)))
    if problems:
        raise UserDataError(problems)
    return settings


def _accepted(layers: Layers) -> tuple[str, ...]:
    """What the last layer that says ``accept`` accepts; one that is no list is told later."""
    for _, layer in reversed(layers):
        names = layer.get("accept") if isinstance(layer, Mapping) else None
        if isinstance(names, (list, tuple)):
            return tuple(names)
    return ()


def without_accepted(settings: Settings) -> Settings:
    """The same with the accepted values taken out, to look for others."""
    data = {
        f.name: getattr(settings, f.name)
        for f in fields(settings)
        if f.name not in ("parts", "accept")
    }
    by_key = {name: data.pop(name.replace(".", "_")) for name in KEYS if _field(name) in data}
    cut = secrets.without(by_key, settings.accept)
    parts = tuple(
        replace(part, content="") if f"parts[{number}]:content" in settings.accept else part
        for number, part in enumerate(settings.parts)
    )
    return replace(settings, parts=parts, **{_field(name): cut[name] for name in by_key})


def _field(name: str) -> str:
    return name.replace(".", "_")


def warnings(settings: Settings) -> tuple[str, ...]:
    """What is allowed but not advised."""
    if settings.os != "amazon-linux-2023" or settings.dnf_releasever != "latest":
        return ()
    return (
        "dnf.releasever: latest is whatever AWS has published by the time of each launch: two "
        "instances of a group may differ, and an update may be run in production before anybody "
        "has tested it, for which AWS advises against it; and one that comes out during a first "
        "boot keeps that instance from being ready. Give an exact release, tested in another "
        "environment, or leave it at image and launch from newer AMIs.",
    )


def merged(below: Mapping, above: Mapping) -> dict:
    """``above`` over ``below``: mappings by key, everything else is replaced, null removes."""
    result = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def _flat(source: str, layer: Any, problems: list[str]):
    """The pairs of dotted key and raw value of one layer; what is no key goes to the problems."""
    if not isinstance(layer, Mapping):
        problems.append(f"{source}: must be a mapping of keys, not {layer!r}.")
        return
    for key, raw in layer.items():
        if key in KEYS and key not in GROUPS:
            yield key, raw
        elif key not in GROUPS:
            problems.append(_unknown(source, str(key)))
        elif isinstance(raw, Mapping):
            for inner, value in raw.items():
                name = f"{key}.{inner}"
                if name in KEYS:
                    yield name, value
                else:
                    problems.append(_unknown(source, name))
        elif raw is not None:
            problems.append(f"{source}: {key}: must be a mapping, not {raw!r}.")


def _unknown(source: str, name: str) -> str:
    close = difflib.get_close_matches(name, KEYS, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{source}: unknown key {name!r}.{hint} Known keys: {', '.join(KEYS)}."


def _contradictions(settings: Settings, given: set[str]):
    """What each value alone does not show."""
    if not given:
        yield (
            "pillar asgcycle: there is no user_data for this group; give at least os and "
            "minion: {master: …} under defaults, its environment or the group."
        )
        return
    if not settings.os:
        yield f"os: is missing; give one of {', '.join(SYSTEMS)}."
    if not settings.minion.get("master"):
        yield "minion: master is missing; give the name or address of the Salt master."
    yield from _misplaced(settings, given)
    yield from _release(settings)
    if bool(settings.agent_url) != bool(settings.agent_sha256):
        missing = "agent.sha256" if settings.agent_url else "agent.url"
        yield f"{missing}: is missing; `salt-run asgcycle.agent` says what belongs to agent."
    for name, needed in SALT_SOURCES[settings.salt_source].items():
        if needed and name not in given:
            yield f"{name}: is missing; salt.source: {settings.salt_source} needs it."


def _release(settings: Settings):
    """Newer releases than those of today need nothing new: their number is enough."""
    if not settings.release or not settings.os:
        return
    oldest, form = APT_SYSTEMS.get(settings.os, ("", None))
    known = form and re.fullmatch(form, settings.release)
    # two digits, and the same after the point: the order of the texts is that of the numbers
    if not known or settings.release < oldest:
        allowed = f"{oldest!r} or a later one" if oldest else "none"
        yield f"release: {settings.release!r} is not one of os: {settings.os}; give {allowed}."


def _misplaced(settings: Settings, given: set[str]):
    for name in sorted(given):
        if name.startswith("apt.") and settings.os and not settings.uses_apt:
            yield f"{name}: is for Debian and Ubuntu, not for os: {settings.os}."
        if name.startswith("dnf.") and settings.os not in ("", "amazon-linux-2023"):
            yield f"{name}: is for Amazon Linux 2023, not for os: {settings.os}."
        if name.startswith("salt.") and name != "salt.source":
            owner = next(source for source, keys in SALT_SOURCES.items() if name in keys)
            if owner != settings.salt_source:
                yield (
                    f"{name}: means nothing with salt.source: {settings.salt_source}; it is for "
                    f"{owner}."
                )
