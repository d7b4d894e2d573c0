"""The runner's function ``user_data``: what would be booted, and what it differs in."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from asgroll.errors import AsgrollError, PolicyError
from asgroll.verbs import refusal, shape
from userdata import mime, onmaster

#: ``current(master, group, arguments)`` → (where it comes from, the bytes that are there).
Current = Callable[[Any, str, Mapping[str, Any]], tuple[str, bytes]]


def user_data(master: Any, group: Any, extra: tuple, arguments: Mapping[str, Any]) -> dict:
    """
    Render and validate a group's user data; asks AWS nothing.

    :return: ``{"data": {group: {"result": True, "user_data": text, "parts": […], "size": bytes,
        "limit": bytes, "compressed": bool}}, …}``, or every reason why not and exit code 2.
    """
    name = "" if group is None else str(group).strip()
    problems = []
    if not name:
        problems.append(
            "give the name of an Auto Scaling Group, like: salt-run asgcycle.user_data web"
        )
    if extra:
        given = " ".join(map(str, extra))
        problems.append(f"one group, then key=value pairs; {given!r} is not understood")
    if problems:
        return refusal(name, problems)
    try:
        built = onmaster.for_group(master, name, arguments)
    except PolicyError as exc:
        return refusal(name, exc.problems)
    except AsgrollError as exc:
        return refusal(name, [str(exc)])
    return shape({name: described(built)}, 0)


def described(built: mime.UserData) -> dict[str, Any]:
    """User data as an answer tells of it."""
    return {
        "result": True,
        "user_data": built.text,
        "parts": [{"name": p.name, "type": p.type, "size": p.size} for p in built.parts],
        "size": len(built.content),
        "limit": mime.LIMIT,
        "compressed": built.compressed,
    }


def differences(there: str, source: str, built: mime.UserData) -> str:
    """A unified diff from what is there to what pillar asks for; empty when they are equal."""
    lines = difflib.unified_diff(
        there.splitlines(keepends=True), built.text.splitlines(keepends=True), source, "pillar"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
