"""
The runner's functions ``user_data``: what would be booted, and what it differs in; and ``agent``:
the file that instances fetch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgroll import launch, verbs
from asgroll.errors import AsgrollError, PolicyError
from asgroll.policy import SECTIONS
from asgroll.report import DONE
from userdata import agent as agents
from userdata import formula, mime, onmaster


def user_data(master: Any, group: Any, extra: tuple, arguments: Mapping[str, Any]) -> dict:
    """
    Render and validate a group's user data; AWS is asked only for a difference (``diff=True``).

    :return: ``{"data": {group: {"result": True, "user_data": text, "parts": […], "size": bytes,
        "limit": bytes, "compressed": bool, "warnings": […]}}, …}``; for a difference with
        ``status``, ``against`` and ``diff`` in the place of the text; or every reason why not and
        exit code 2.
    """
    rest = {key: value for key, value in arguments.items() if key != "diff"}
    diff = arguments.get("diff", False)
    if not isinstance(diff, bool):
        return verbs.refusal(group, [f"diff: {diff!r} is not allowed; give True or False."])
    if diff:
        ours = {key: value for key, value in rest.items() if key not in SECTIONS}
        return verbs.of_group(master, group, extra, ours, _difference(rest))
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
        return verbs.refusal(name, problems)
    try:
        built = onmaster.for_group(master, name, rest)
    except PolicyError as exc:
        return verbs.refusal(name, exc.problems)
    except AsgrollError as exc:
        return verbs.refusal(name, [str(exc)])
    return verbs.shape({name: {"result": True, "user_data": built.text, **_sizes(built)}}, DONE)


def _difference(arguments: Mapping[str, Any]) -> verbs.Work:
    """The work on one group that compares what it launches with and what pillar asks for."""

    def work(master: Any, name: str, arn: str, policy: Any, aws: Any) -> dict:
        built = onmaster.for_group(master, name, arguments)
        sources = aws.sources(aws.launch(name)).values()
        lines = launch.difference(sources, built.content)
        data = {
            "result": True,
            "status": "different" if lines else "same",
            "against": [source.spec for source in sources],
            "diff": lines,
            **_sizes(built),
        }
        if lines:
            data["next"] = f"`salt-run asgcycle.publish {name}` makes the group launch with it"
        return verbs.shape({name: data}, DONE)

    return work


def _sizes(built: mime.UserData) -> dict[str, Any]:
    return {
        "parts": [{"name": p.name, "type": p.type, "size": p.size} for p in built.parts],
        "size": len(built.content),
        "limit": mime.LIMIT,
        "compressed": built.compressed,
        "warnings": list(built.warnings),
    }


def agent(master: Any, extra: tuple, arguments: Mapping[str, Any]) -> dict:
    """
    Write the readiness agent into a file for the user to put where instances can fetch it.

    :param arguments: ``file``, an absolute path on the master; without it nothing is written.
    :return: ``{"data": {"agent": {"result": True, "status": written, unchanged or shown, "file",
        "size": bytes, "sha256", "next": what to do}}, …}``; or every reason why not and exit
        code 2.
    """
    path = arguments.get("file")
    unknown = sorted(set(arguments) - {"file"})
    problems = [f"{name}: is not known here; give file=/path" for name in unknown]
    problems += [f"{given!r} is not understood; give file=/path" for given in extra]
    if path is not None and not (isinstance(path, str) and os.path.isabs(path)):
        problems.append(f"file: {path!r} is not allowed; give an absolute path on the master")
    elif path is not None and not Path(path).parent.is_dir():
        problems.append(f"file: there is no folder {Path(path).parent}; make it, or give another")
    if problems:
        return verbs.refusal("agent", problems)
    files = onmaster.MasterFiles(master.opts, {}, {"id": formula.INSTANCE})
    try:
        content = agents.archive(files.read)
        status = _kept(Path(path), content) if path else "shown"
    except PolicyError as exc:
        return verbs.refusal("agent", exc.problems)
    except OSError as exc:
        return verbs.refusal("agent", [f"file: cannot be written: {exc}"])
    digest = agents.checksum(content)
    data = {
        "result": True,
        "status": status,
        "comment": f"{len(content)} bytes, SHA-256 {digest}",
        "file": path,
        "size": len(content),
        "sha256": digest,
        "next": "put the file where instances can fetch it, then set in pillar user_data: "
        f"{{agent: {{url: …, sha256: '{digest}'}}}} and publish each group",
    }
    return verbs.shape({"agent": data}, DONE)


def _kept(path: Path, content: bytes) -> str:
    """Have the file say this; whoever serves it never sees half of it."""
    if path.is_file() and path.read_bytes() == content:
        return "unchanged"
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    os.replace(beside, path)
    return "written"
