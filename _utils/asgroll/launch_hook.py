"""
The launch lifecycle hook of a group: no new instance is InService before it says that it is ready.

``decide`` is pure; ``check``, ``create`` and ``remove`` read and carry out.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from asgroll import values
from asgroll.awslaunch import AwsLaunch
from asgroll.awswords import HEARTBEATS, LAUNCHING, LONGEST_WAIT
from asgroll.errors import AwsError, PolicyError, Unclear
from asgroll.policy import Policy
from asgroll.report import DONE, HALTED, REFUSED
from asgroll.values import format_duration

#: Seconds that one wait may last (API reference of PutLifecycleHook).
SHORTEST, LONGEST = 30, 7200
#: Seconds between the heartbeats of a waiting instance, where the wait is long enough for that.
HEARTBEAT = 300


@dataclass(frozen=True)
class LaunchHook:
    """The hook that pillar asks for. ``timeout`` is in seconds."""

    name: str = "asgcycle-ready"
    timeout: float = 1800.0
    default_result: str = "ABANDON"

    @property
    def request(self) -> dict[str, Any]:
        """What PutLifecycleHook takes; who is notified is left as it is."""
        return {
            "LifecycleHookName": self.name,
            "LifecycleTransition": LAUNCHING,
            "HeartbeatTimeout": round(self.timeout),
            "DefaultResult": self.default_result,
        }

    @property
    def heartbeat(self) -> int:
        """Seconds between two heartbeats: a wait has room for one that fails."""
        return min(HEARTBEAT, int(self.timeout / 3))

    def __str__(self):
        longest = min(LONGEST_WAIT, HEARTBEATS * self.timeout)
        return (
            f"{self.name}: waits {format_duration(self.timeout)}, with heartbeats up to "
            f"{format_duration(longest)}, then {self.default_result}"
        )


def _timeout(value: Any) -> float:
    seconds = values.parse_duration(value)
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(
            f"a duration from {SHORTEST}s to {format_duration(LONGEST)}; heartbeats extend it"
        )
    return seconds


def _name(value: Any) -> str:
    name = values.text(value)
    if len(name) > 255 or not all(c.isascii() and (c.isalnum() or c in "-_/") for c in name):
        raise ValueError("up to 255 letters, digits, -, _ and /")
    return name


#: key → how it is read, and what it means
KEYS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "name": (_name, "Name of the hook on the group."),
    "timeout": (
        _timeout,
        "How long a new instance may take until it says that it is ready: longer than the worst "
        f"upgrade and its reboot, {SHORTEST}s to {format_duration(LONGEST)}. A heartbeat of the "
        "instance begins a new wait.",
    ),
    "default_result": (
        values.choice("ABANDON"),
        "What becomes of an instance that says nothing: it is replaced. CONTINUE would put it "
        "into service unpatched, so it is not offered.",
    ),
}


def parse(layers: Iterable[tuple[str, Any]]) -> LaunchHook:
    """
    Merge the ``launch_hook`` sections of pillar, later ones winning; ``null`` takes a value back.

    :param layers: pairs of where it comes from (for messages) and a mapping of keys.
    :raises PolicyError: with every problem of every layer.
    """
    chosen: dict[str, Any] = {}
    problems: list[str] = []
    for source, layer in layers:
        if not isinstance(layer, Mapping):
            problems.append(f"{source}: must be a mapping of keys, not {layer!r}.")
            continue
        for key, raw in layer.items():
            if key not in KEYS:
                close = difflib.get_close_matches(str(key), KEYS, n=1)
                hint = f" Did you mean {close[0]}?" if close else ""
                problems.append(
                    f"{source}: unknown key {key!r}.{hint} Known keys: {', '.join(KEYS)}."
                )
                continue
            if raw is None:
                chosen.pop(key, None)
                continue
            try:
                chosen[key] = KEYS[key][0](raw)
            except ValueError as exc:
                problems.append(f"{source}: {key}: {raw!r} is not allowed; give {exc}.")
    if problems:
        raise PolicyError(problems)
    return LaunchHook(**chosen)


@dataclass(frozen=True)
class Found:
    """
    What the group has. ``differences`` of the hook of our name to the wanted one are in words;
    ``foreign`` means that this name belongs to a hook of another kind.
    """

    present: bool
    differences: tuple[str, ...] = ()
    foreign: bool = False
    others: tuple[str, ...] = ()


def decide(hooks: Iterable[Mapping[str, Any]], wanted: LaunchHook) -> Found:
    """Compare the hooks of a group, as AWS shows them, with the wanted one."""
    by_name = {hook["LifecycleHookName"]: hook for hook in hooks}
    ours = by_name.pop(wanted.name, None)
    others = tuple(
        f"{name} ({hook.get('LifecycleTransition', '').rpartition('_')[2].lower()})"
        for name, hook in by_name.items()
    )
    if ours is None:
        return Found(False, others=others)
    differences = [
        f"{key} is {ours.get(key)}, wanted {value}"
        for key, value in wanted.request.items()
        if ours.get(key) != value
    ]
    foreign = ours.get("LifecycleTransition") != LAUNCHING
    return Found(True, tuple(differences), foreign, others)


def keep(
    aws: AwsLaunch,
    name: str,
    wanted: LaunchHook,
    policy: Policy,
    verb: str = "check",
    *,
    test: bool = False,
) -> tuple[dict[str, Any], int]:
    """
    Check, create or remove the launch hook of a group. Hooks of other names are left alone.

    :param verb: ``check``, ``create`` (or change) or ``remove``.
    :param test: only say what would be done.
    :return: flat keys, and the exit code: 0 done or as wanted, 2 refused, missing or different,
        3 it is not known whether it was changed.
    """
    try:
        launch = aws.launch(name)
        found = decide(aws.hooks(name), wanted)
    except AwsError as exc:
        return {"result": False, "status": "refused", "obstacles": [str(exc)]}, REFUSED
    data: dict[str, Any] = {
        "result": True,
        "hook": str(wanted),
        "other_hooks": list(found.others),
        "warnings": _warnings(wanted, policy),
        "changes": [],
    }
    obstacles = []
    if found.foreign:
        obstacles.append(
            f"the hook {wanted.name} of this group is not a launch hook; set another "
            "launch_hook:name in pillar"
        )
    if verb == "check":
        return _checked(data, found, wanted, name, obstacles)
    if verb == "remove" and launch.waiting and "waiting-launches" not in policy.accept:
        obstacles.append(
            f"{', '.join(launch.waiting)} wait for a launch hook now: removing it abandons them, "
            "and they are terminated and launched anew; wait until they are ready, or accept: "
            "[waiting-launches]"
        )
    if obstacles and found.present:
        return {**data, "result": False, "status": "refused", "obstacles": obstacles}, REFUSED
    if (verb == "remove") != found.present and not found.differences:
        has = "has no such hook" if verb == "remove" else "has this hook already"
        return {**data, "status": "unchanged", "comment": f"{name} {has}"}, DONE
    data["changes"] = [_change(verb, found, wanted)]
    if test:
        return {**data, "status": "planned"}, DONE
    done = "removed" if verb == "remove" else "changed" if found.present else "created"
    return _carry_out(aws, name, wanted, data, done)


def _checked(data, found: Found, wanted: LaunchHook, name: str, obstacles: list[str]):
    if found.present and not found.differences:
        return {**data, "status": "present", "comment": "the hook is as pillar says"}, DONE
    if not found.present:
        obstacles.append(
            f"there is no hook {wanted.name}: new instances are InService before they are "
            f"patched; `salt-run asgcycle.hook {name} create=True` makes it"
        )
    elif not found.foreign:
        obstacles.append(
            f"the hook {wanted.name} is not as pillar says: {'; '.join(found.differences)}; "
            f"`salt-run asgcycle.hook {name} create=True` changes it"
        )
    status = "differs" if found.present else "missing"
    return {**data, "result": False, "status": status, "obstacles": obstacles}, REFUSED


def _warnings(wanted: LaunchHook, policy: Policy) -> list[str]:
    if "ready_timeout" not in policy.chosen or policy.ready_timeout > wanted.timeout:
        return []
    return [
        f"ready_timeout: {format_duration(policy.ready_timeout)} of a roll is not longer than the "
        f"hook's {format_duration(wanted.timeout)}: a roll gives a slow instance up before the "
        "hook does; set ready_timeout above it, or leave it out"
    ]


def _change(verb: str, found: Found, wanted: LaunchHook) -> str:
    if verb == "remove":
        return f"remove the hook {wanted.name}"
    if found.present:
        return f"change the hook {wanted.name}: {'; '.join(found.differences)}"
    return f"new hook {wanted}"


def _carry_out(aws: AwsLaunch, name: str, wanted: LaunchHook, data, done: str):
    removing = done == "removed"
    try:
        try:
            if removing:
                aws.delete_hook(name, wanted.name)
            else:
                aws.put_hook(name, wanted.request)
        except Unclear:
            seen = decide(aws.hooks(name), wanted)
            if seen.present == removing or seen.differences:
                raise
    except AwsError as exc:
        data |= {"result": False, "obstacles": [str(exc)], "changes": []}
        if isinstance(exc, Unclear):
            data["next"] = f"`salt-run asgcycle.hook {name}` shows what is there"
            return {**data, "status": "unclear"}, HALTED
        return {**data, "status": "refused"}, REFUSED
    return {**data, "status": done}, DONE
