"""What ``publish`` and ``hook`` of the runner do: validate, wire, call, shape the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from asgroll import launch_hook, publishing
from asgroll.awslaunch import AwsLaunch
from asgroll.errors import PolicyError
from asgroll.master import Master
from asgroll.policy import Policy, section
from asgroll.verbs import of_group, refusal, shape

#: ``content(master, group, arguments)`` → the raw user data that pillar asks for.
Content = Callable[[Master, str, Mapping[str, Any]], bytes]


def publish(
    master: Master, group: Any, extra: tuple, arguments: Mapping[str, Any], content: Content
) -> dict:
    """Make a group launch with the user data that pillar asks for."""
    given, problems = _flags(arguments, ("test", "dry_run"))
    if problems:
        return refusal(group, problems)
    rest = {key: value for key, value in arguments.items() if key not in given}

    def work(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
        wanted = content(master, name, rest)
        with master.lock(arn, name):
            test = any(given.values())
            data, code = publishing.publish(aws, name, wanted, policy, time.sleep, test=test)
        return shape({name: data}, code)

    return of_group(master, group, extra, rest, work)


def hook(master: Master, group: Any, extra: tuple, arguments: Mapping[str, Any]) -> dict:
    """Check, create or remove the launch hook of a group."""
    given, problems = _flags(arguments, ("test", "dry_run", "create", "remove"))
    if given.get("create") and given.get("remove"):
        problems.append("create and remove exclude each other")
    if problems:
        return refusal(group, problems)
    rest = {key: value for key, value in arguments.items() if key not in given}
    verb = next((verb for verb in ("create", "remove") if given.get(verb)), "check")

    def work(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
        try:
            wanted = launch_hook.parse(section(master.layers(name, rest), "launch_hook"))
        except PolicyError as exc:
            return refusal(name, exc.problems)
        test = bool(given.get("test") or given.get("dry_run"))
        if verb == "check" or test:
            data, code = launch_hook.keep(aws, name, wanted, policy, verb, test=test)
        else:
            with master.lock(arn, name):
                data, code = launch_hook.keep(aws, name, wanted, policy, verb)
        return shape({name: data}, code)

    return of_group(master, group, extra, rest, work)


def _flags(
    arguments: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[dict[str, bool], list[str]]:
    """The arguments that are not policy keys, and what is wrong with them."""
    given = {key: arguments[key] for key in names if key in arguments}
    problems = [
        f"{key}: {value!r} is not allowed; give True or False."
        for key, value in given.items()
        if not isinstance(value, bool)
    ]
    return given, problems
