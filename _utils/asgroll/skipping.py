"""
The break-glass of a group: checks that its new instances may skip, for a limited time.

A tag on the group says it, and the readiness agent reads it with the instance's own role. What has
expired, reaches too far ahead, or cannot be read lets nothing be skipped, here and there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgroll import marks, values
from asgroll.awslaunch import AwsLaunch
from asgroll.errors import AwsError, Unclear
from asgroll.report import DONE, HALTED, REFUSED
from asgroll.values import format_duration
from asgroll.world import Group

TAG = marks.PREFIX + "skip"
#: What only says how old the software is. Without cloud-init's work or a highstate an instance is
#: not what the group serves: these are never skipped.
CHECKS = ("security-updates", "reboot")
#: Seconds at the longest: over a night, not over a weekend on which nobody thinks of it any more.
LONGEST = 24 * 3600.0
NONE = "none"


@dataclass(frozen=True, slots=True)
class Skip:
    """``checks`` may be skipped until ``until`` (epoch seconds), said by ``by``."""

    checks: tuple[str, ...]
    until: float
    by: str

    def text(self) -> str:
        """As the tag's value."""
        return f"checks={'+'.join(self.checks)} until={self.until:.0f} by={self.by}"

    def __str__(self):
        ends = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.until))
        return f"{' and '.join(self.checks)} until {ends}, as {self.by} has said"


def wished(given: Mapping[str, Any], by: str, now: float) -> tuple[Skip | None, list[str]]:
    """
    What ``skip=`` and ``for=`` ask for, None to end it, and everything that is wrong with them.

    :param given: these arguments as they were typed.
    """
    raw, problems = given.get("skip"), []
    ending = raw is None or (isinstance(raw, str) and raw.strip().lower() == NONE)
    if "skip" not in given:
        return None, [f"for: goes with skip, like skip={CHECKS[0]} for=2h; leave it out."]
    if ending:
        left = ["for: skip=none ends it at once; leave it out."] if "for" in given else []
        return None, left
    checks, seconds = (), 0.0
    try:
        checks = values.names(CHECKS, "checks")(raw)
        if not checks:
            raise ValueError(f"one or more of {', '.join(CHECKS)}")
    except ValueError as exc:
        problems.append(f"skip: {raw!r} is not allowed; give {exc}, or none to end it.")
    longest = f"a duration up to {format_duration(LONGEST)}, like 2h"
    if given.get("for") is None:
        problems.append(f"for: is missing; say for how long, {longest}.")
    else:
        try:
            seconds = values.parse_duration(given["for"])
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= LONGEST:
            problems.append(f"for: {given['for']!r} is not allowed; give {longest}.")
    return Skip(checks, now + seconds, marks.plain(by)), problems


def read(group: Group, now: float) -> tuple[Skip | None, str]:
    """What a group lets its new instances skip now, and what is wrong with its tag."""
    text = group.tags.get(TAG)
    if text is None:
        return None, ""
    try:
        words = dict(word.split("=", 1) for word in text.split())
        found = Skip(tuple(words["checks"].split("+")), float(words["until"]), words["by"])
        if not set(found.checks) <= set(CHECKS):
            raise ValueError(text)
    except (KeyError, ValueError):
        return None, f"the tag {TAG} cannot be read: {text!r}; nothing is skipped"
    if found.until > now + LONGEST:
        ahead = f"reaches more than {format_duration(LONGEST)} ahead"
        return None, f"the tag {TAG} {ahead}: {text!r}; nothing is skipped"
    return (found if found.until > now else None), ""


def told(group: Group, now: float) -> str:
    """That new instances may skip something, for a person; empty when they may not."""
    found, problem = read(group, now)
    if found is None:
        return f"{problem}: `salt-run asgcycle.hook {group.name} skip=none` removes it" * bool(
            problem
        )
    left = format_duration(max(1.0, found.until - now))
    return (
        f"new instances may skip {found} ({left} left); "
        f"`salt-run asgcycle.hook {group.name} skip=none` ends it"
    )


def keep(
    aws: AwsLaunch, name: str, wanted: Skip | None, now: float, *, test: bool = False
) -> tuple[dict[str, Any], int]:
    """
    Write or remove the tag of a group.

    :param wanted: None to end what is there.
    :return: flat keys, and the exit code: 0 done, 2 refused, 3 it is not known whether it was done.
    """
    data: dict[str, Any] = {"result": True, "skipping": "", "warnings": []}
    try:
        group = aws.group(name)
        if wanted is None and TAG not in group.tags:
            return {**data, "status": "unchanged", "comment": f"{name} skips nothing"}, DONE
        said = f"new instances may skip {wanted}" if wanted else "new instances skip nothing"
        if test:
            return {**data, "status": "planned", "comment": said}, DONE
        full = group.tag_count >= marks.MOST_TAGS and TAG not in group.tags
        if wanted and full:
            problem = f"the group has {group.tag_count} tags, as many as AWS allows; delete one"
            return {**data, "result": False, "status": "refused", "obstacles": [problem]}, REFUSED
        _write(aws, name, wanted)
    except AwsError as exc:
        data |= {"result": False, "obstacles": [str(exc)]}
        if isinstance(exc, Unclear):
            data["next"] = f"`salt-run asgcycle.hook {name}` shows what is there"
            return {**data, "status": "unclear"}, HALTED
        return {**data, "status": "refused"}, REFUSED
    return {**data, "status": "skipping" if wanted else "ended", "comment": said}, DONE


def _write(aws: AwsLaunch, name: str, wanted: Skip | None) -> None:
    try:
        if wanted:
            aws.tag(name, {TAG: wanted.text()})
        else:
            aws.untag(name, [TAG])
    except Unclear:
        if aws.group(name).tags.get(TAG) != (wanted.text() if wanted else None):
            raise
