"""
What a group launches from, and what publishing user data would change about that. Pure.

A group launches from one launch template, from a mixed-instances policy (one template, and
overrides which may name templates of their own), or from a launch configuration. Each of them is a
``Source``; each source gets the same user data and nothing else about it changes.
"""

from __future__ import annotations

import base64
import copy
import difflib
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from asgroll.marks import PREFIX
from asgroll.world import Group

#: Tag on the group: what it launched from before the last publish, for a rollback. Several launch
#: template versions are separated by a space, which AWS takes in tags.
PREVIOUS_TAG = PREFIX + "previous"
#: Raw bytes of user data, before base64 (EC2 user guide, "Run commands when you launch").
USER_DATA_LIMIT = 16 * 1024
#: Longest value of a tag (EC2 Auto Scaling user guide, "Tag restrictions").
TAG_VALUE_LIMIT = 256
#: Longest name of a launch configuration (API reference of CreateLaunchConfiguration).
NAME_LIMIT = 255
UNPINNED = ("$Latest", "$Default")

#: What DescribeLaunchConfigurations shows and CreateLaunchConfiguration does not take.
_SHOWN_ONLY = frozenset({"LaunchConfigurationARN", "CreatedTime"})
_PINNED = re.compile(r"\S+:\d+")
_NAME_SUFFIX = re.compile(r"-asgcycle-[0-9a-f]{12}$")


@dataclass(frozen=True)
class Source:
    """
    A version of a launch template, or a launch configuration, as AWS shows it.

    ``key`` is the template's id (its name where a group shows only that), or the configuration's
    name; ``version`` is a number as text, empty for a configuration; ``data`` is what it holds.
    """

    key: str
    version: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> str:
        """``lt-…:6``, or the name of the configuration."""
        return f"{self.key}:{self.version}" if self.version else self.key

    @property
    def user_data(self) -> bytes:
        """What an instance launched from it is given."""
        return base64.b64decode(self.data.get("UserData") or "")


@dataclass(frozen=True)
class Launch:
    """
    How a group launches.

    ``settings`` is what UpdateAutoScalingGroup takes to leave it as it is: one of
    ``LaunchTemplate``, ``MixedInstancesPolicy``, ``LaunchConfigurationName``. ``waiting`` are the
    instances that wait for a launch hook.
    """

    group: Group
    settings: Mapping[str, Any]
    waiting: tuple[str, ...] = ()

    @property
    def recorded(self) -> str:
        """The value of the tag, empty when there is none; ``previous`` reads it."""
        return self.group.tags.get(PREVIOUS_TAG, "")

    @property
    def templated(self) -> bool:
        """Whether it launches from launch templates, not from a launch configuration."""
        return "LaunchConfigurationName" not in self.settings

    @property
    def written(self) -> tuple[str, ...]:
        """Each thing that it launches from once, as the group names it: ``lt-…:$Latest``."""
        if not self.templated:
            return (self.settings["LaunchConfigurationName"],)
        return tuple(dict.fromkeys(map(_written, _references(self.settings))))


@dataclass(frozen=True)
class Step:
    """
    What becomes of one thing that the group launches from.

    ``written`` is how the group names it, ``spec`` what it shall name instead: what is there
    already, or empty when ``make`` has to be created first.
    """

    written: str
    source: Source
    spec: str = ""
    make: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Publication:
    """What a publish would do; no ``changes``: nothing. ``previous`` empty: the tag stays."""

    steps: tuple[Step, ...] = ()
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    previous: str = ""


# --- reading AWS's answers -----------------------------------------------------------------------


def settings_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a described group that says what it launches from, as an update takes it."""
    if raw.get("MixedInstancesPolicy"):
        settings = {"MixedInstancesPolicy": copy.deepcopy(dict(raw["MixedInstancesPolicy"]))}
    elif raw.get("LaunchTemplate"):
        settings = {"LaunchTemplate": dict(raw["LaunchTemplate"])}
    elif raw.get("LaunchConfigurationName"):
        return {"LaunchConfigurationName": raw["LaunchConfigurationName"]}
    else:
        return {}
    for reference in _references(settings):
        # a description shows id and name, a request may have only one of them
        if "LaunchTemplateId" in reference:
            reference.pop("LaunchTemplateName", None)
    return settings


def _references(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The launch template specifications in the settings: the group's own, then overrides'."""
    if "LaunchTemplate" in settings:
        return [settings["LaunchTemplate"]]
    if "MixedInstancesPolicy" not in settings:
        return []
    part = settings["MixedInstancesPolicy"]["LaunchTemplate"]
    found = [part, *part.get("Overrides", [])]
    return [o["LaunchTemplateSpecification"] for o in found if "LaunchTemplateSpecification" in o]


def _written(reference: Mapping[str, Any]) -> str:
    key = reference.get("LaunchTemplateId") or reference["LaunchTemplateName"]
    return f"{key}:{reference.get('Version', '$Default')}"


def repointed(settings: Mapping[str, Any], specs: Mapping[str, str]) -> dict[str, Any]:
    """
    The settings with other things to launch from, and everything else as it is.

    :param specs: by what the group names now, what it shall name: ``{"lt-…:6": "lt-…:7"}``.
    """
    if "LaunchConfigurationName" in settings:
        name = settings["LaunchConfigurationName"]
        return {"LaunchConfigurationName": specs.get(name, name)}
    changed = copy.deepcopy(dict(settings))
    for reference in _references(changed):
        wanted = specs.get(_written(reference))
        if wanted:
            reference["Version"] = wanted.rpartition(":")[2]
    return changed


def previous(launch: Launch) -> tuple[str, ...]:
    """
    What the group launched from before the last publish, in the order of ``launch.written``.

    Empty when nothing is recorded, also when the tag names what is in use now: then a publish was
    stopped between recording and pointing the group to the new one.
    """
    recorded = tuple(launch.recorded.split()) if launch.templated else (launch.recorded,)
    pinned = all(map(_PINNED.fullmatch, recorded))
    if recorded == launch.written or not launch.recorded or pinned != launch.templated:
        return ()  # also when the group has changed between configuration and template since
    return recorded


# --- what is made --------------------------------------------------------------------------------


def encoded(content: bytes) -> str:
    """User data as a launch template holds it."""
    return base64.b64encode(content).decode("ascii")


def template_data(source: Source, content: bytes) -> dict[str, Any]:
    """
    The launch parameters to give with ``SourceVersion`` so that only the user data changes.

    Snapshots in block device mappings are not inherited from a source version (API reference of
    CreateLaunchTemplateVersion), so mappings that have some are given again.
    """
    given: dict[str, Any] = {"UserData": encoded(content)}
    mappings = source.data.get("BlockDeviceMappings", [])
    if any(m.get("Ebs", {}).get("SnapshotId") for m in mappings):
        given["BlockDeviceMappings"] = copy.deepcopy(mappings)
    return given


def configuration_request(source: Source, content: bytes) -> dict[str, Any]:
    """
    What CreateLaunchConfiguration takes to make a copy with other user data.

    The name carries a hash of everything in it, so the same content finds the same configuration.
    Members that are shown as empty texts or lists were never given, and are not accepted.
    """
    request = {
        key: copy.deepcopy(value)
        for key, value in source.data.items()
        if key not in _SHOWN_ONLY and value not in ("", [], None)
    }
    base = _NAME_SUFFIX.sub("", source.key)
    request |= {"LaunchConfigurationName": base, "UserData": encoded(content)}
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:12]
    suffix = f"-asgcycle-{digest}"
    request["LaunchConfigurationName"] = base[: NAME_LIMIT - len(suffix)] + suffix
    return request


def description(source: Source, content: bytes) -> str:
    """What is written beside a new version, for people who look at the template."""
    return f"asgcycle: version {source.version} with user data sha256:{digest(content)}"


def digest(content: bytes) -> str:
    """The first 12 hexadecimal digits of the content's SHA-256."""
    return hashlib.sha256(content).hexdigest()[:12]


def same(one: bytes, other: bytes) -> bool:
    """Whether instances get the same, however it is compressed: that differs among releases."""
    return one == other or _unpacked(one) == _unpacked(other)


def _unpacked(content: bytes) -> bytes:
    try:
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error):
        return content


def differing(source: Source, other: Mapping[str, Any], content: bytes) -> list[str]:
    """
    In which members ``other`` is not ``source`` with ``content`` as its user data; empty: in none.

    :param other: data of a launch template version, or a described launch configuration.
    """
    ignored = _SHOWN_ONLY | {"LaunchConfigurationName", "UserData"}
    keys = sorted((source.data.keys() | other.keys()) - ignored)
    found = [k for k in keys if _given(source.data.get(k)) != _given(other.get(k))]
    if not same(Source("", data=other).user_data, content):
        found.append("UserData")
    return found


def _given(value: Any) -> Any:
    return None if value in ("", []) else value


# --- deciding ------------------------------------------------------------------------------------


def decide(
    launch: Launch,
    sources: Mapping[str, Source],
    made: Mapping[str, Source],
    content: bytes,
) -> Publication:
    """
    What has to happen so that the group launches with this user data, pinned to numbers.

    :param sources: what each of ``launch.written`` stands for now.
    :param made: by spec of a source, what is there already and could be used in its place.
    """
    obstacles = _obstacles(launch, content)
    steps, changes, warnings = [], [], []
    for written, source in sources.items():
        if written.endswith(UNPINNED):
            warnings.append(
                f"the group launches from {written}, which is version {source.version} now; it "
                "is pinned to a number, so that only a publish changes what is launched"
            )
        if same(source.user_data, content):
            if written != source.spec:
                changes.append(f"pin {written} to version {source.version}")
            steps.append(Step(written, source, spec=source.spec))
            continue
        step, said, problem = _step(written, source, made.get(source.spec), content)
        steps.append(step)
        changes.append(said)
        if problem:
            obstacles.append(problem)
    renewed = any(s.source.spec != s.spec for s in steps)
    # once each, as `written` will have what takes their place: `previous` reads them side by side
    before = dict.fromkeys(s.source.spec for s in steps)
    recorded = " ".join(before) if renewed else ""
    if len(recorded) > TAG_VALUE_LIMIT:
        obstacles.append(
            f"the group launches from {len(before)} launch template versions: they do not fit into "
            f"the tag {PREVIOUS_TAG} that a rollback needs; use fewer templates in the overrides"
        )
    if recorded:
        changes.append(f"tag {PREVIOUS_TAG}={recorded}")
    changes = dict.fromkeys(changes)
    return Publication(tuple(steps), tuple(changes), tuple(warnings), tuple(obstacles), recorded)


def _step(
    written: str, source: Source, found: Source | None, content: bytes
) -> tuple[Step, str, str]:
    """The step for a source with other user data, what it does in words, and what forbids it."""
    if source.version:
        if found:
            said = f"use version {found.version} of {source.key}, which has this user data"
            return Step(written, source, spec=found.spec), said, ""
        said = f"new version of {source.key}: version {source.version} with this user data"
        return Step(written, source, make=template_data(source, content)), said, ""
    request = configuration_request(source, content)
    name = request["LaunchConfigurationName"]
    if not found:
        said = f"new launch configuration {name}: {source.key} with this user data"
        return Step(written, source, make=request), said, ""
    wrong = differing(source, found.data, content)
    problem = (
        f"there is a launch configuration {name} already, with other {', '.join(wrong)}; delete it"
        if wrong
        else ""
    )
    return Step(written, source, spec=name), f"use the launch configuration {name}", problem


def _obstacles(launch: Launch, content: bytes) -> list[str]:
    found = []
    if launch.group.deleting:
        found.append(f"the group is being deleted ({launch.group.status})")
    if not launch.settings:
        found.append(
            "the group shows neither a launch template nor a launch configuration; give it a "
            "launch template first"
        )
    if len(content) > USER_DATA_LIMIT:
        found.append(
            f"the user data has {len(content)} bytes, EC2 takes {USER_DATA_LIMIT}; see "
            f"`salt-run asgcycle.user_data {launch.group.name}`"
        )
    return found


# --- for people ----------------------------------------------------------------------------------


def diff(old: bytes, new: bytes, old_name: str, new_name: str) -> list[str]:
    """The lines of a unified diff of two user data, unpacked where they are gzipped."""
    return list(
        difflib.unified_diff(
            _lines(old), _lines(new), fromfile=old_name, tofile=new_name, lineterm="", n=2
        )
    )


def difference(sources: Iterable[Source], content: bytes) -> list[str]:
    """The same from each source that has other user data to what pillar asks for."""
    return [
        line
        for source in {source.spec: source for source in sources}.values()
        if not same(source.user_data, content)
        for line in diff(source.user_data, content, source.spec, "pillar")
    ]


def _lines(content: bytes) -> list[str]:
    return _unpacked(content).decode("utf-8", errors="replace").splitlines()


def stale(launch: Launch, sources: Iterable[Source], content: bytes) -> str:
    """A caution for a roll when the group launches with other user data than wanted, or empty."""
    other = dict.fromkeys(s.spec for s in sources if not same(s.user_data, content))
    if not other:
        return ""
    return (
        f"the user data of {', '.join(other)} is not what pillar says: new instances start with "
        f"the old one; `salt-run asgcycle.publish {launch.group.name} test=True` shows the "
        "difference"
    )
