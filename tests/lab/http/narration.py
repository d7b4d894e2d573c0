"""The world's history in words: one line for each thing that happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from tests.lab.world import history

READS = ("Describe", "Get", "List")


def narrate(record: Any, calls: bool = False) -> str | None:
    """Return the line for one record of the history, or None when there is nothing to say.

    Args:
        record: a record of `tests.lab.world.history`.
        calls: tell of reading calls as well, not only of those that change something.
    """
    if isinstance(record, history.Call) and not calls and _harmless(record):
        return None
    say = SENTENCES.get(type(record))
    if say is None:
        return None
    clock = datetime.fromtimestamp(record.time, timezone.utc).strftime("%H:%M:%S")
    return f"{clock}  {say(record)}"


def _harmless(call: history.Call) -> bool:
    return call.outcome == "ok" and call.operation.startswith(READS)


def _call(record: history.Call) -> str:
    params = ", ".join(f"{key}={_value(value)}" for key, value in record.params)
    outcome = "" if record.outcome == "ok" else f" → {record.outcome}"
    return f"{record.actor:9} {record.operation}({params}){outcome}"


def _value(value: Any) -> str:
    return "+".join(value) if isinstance(value, tuple) else str(value)


def _lifecycle(record: history.Lifecycle) -> str:
    return f"{record.group:9} {record.instance} {record.before or '(new)'} → {_after(record)}"


def _after(record: history.Lifecycle) -> str:
    return record.after or "(left the group)"


def _target(record: history.TargetHealth) -> str:
    name = _name(record.load_balancer)
    return f"{name:9} {record.instance} {record.before} → {record.after}"


def _name(load_balancer: str) -> str:
    return load_balancer.split("/")[1] if load_balancer.startswith("arn:") else load_balancer


def _size(record: history.Size) -> str:
    change = f"{record.field} {record.before} → {record.after}"
    how = "" if record.how == "set" else f", {record.how}"
    return f"{record.group:9} {change} ({record.actor}{how})"


def _launch(record: history.Launch) -> str:
    version = f"version {record.version}" if record.version else "launch configuration"
    return (
        f"{record.group:9} {record.instance} launched in {record.zone}, {record.instance_type}, "
        f"{version}: {record.reason}"
    )


SENTENCES: dict[type, Callable[[Any], str]] = {
    history.Call: _call,
    history.Lifecycle: _lifecycle,
    history.Health: lambda r: f"{r.group:9} {r.instance} {r.before} → {r.after} ({r.actor})",
    history.TargetHealth: _target,
    history.Size: _size,
    history.Application: lambda r: (
        f"{r.group:9} {r.instance} application {'answers' if r.answers else 'is silent'}"
    ),
    history.Override: lambda r: f"{_name(r.load_balancer):9} {r.instance} override: {r.state}",
    history.Listener: lambda r: (
        f"{_name(r.load_balancer):9} {'has a' if r.attached else 'has no'} listener"
    ),
    history.Launch: _launch,
    history.LaunchFailed: lambda r: f"{r.group:9} launch failed: {r.reason}",
    history.Termination: lambda r: f"{r.group:9} {r.instance} goes ({r.actor}): {r.reason}",
    history.Processes: lambda r: f"{r.group:9} suspended: {', '.join(r.after) or 'nothing'}",
    history.Attachment: lambda r: (
        f"{r.group:9} {r.load_balancer} {'attached' if r.attached else 'detached'}"
    ),
    history.GroupChange: lambda r: f"{r.group:9} {r.what} ({r.actor})",
}
