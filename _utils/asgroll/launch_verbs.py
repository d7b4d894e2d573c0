"""What ``publish`` and ``hook`` of the runner do: validate, wire, call, shape the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from asgroll import events, launch_hook, publishing, skipping
from asgroll.awslaunch import AwsLaunch
from asgroll.master import Master
from asgroll.policy import Policy, section
from asgroll.report import leftovers
from asgroll.verbs import cautions, of_group, refusal, refuse_others, shape

_NO_USER_DATA = (
    "pillar has no user_data for {group}; set asgcycle:groups:{group}:user_data, or the user_data "
    "of its environment or of asgcycle:defaults (see pillar.example)"
)
_NO_HOOK = (
    "pillar has no launch_hook for {group}, so its user data tells new instances nothing of a hook "
    "and each of them would be abandoned; set asgcycle:groups:{group}:launch_hook (see "
    "pillar.example), publish, and then create the hook"
)


def publish(master: Master, group: Any, extra: tuple, arguments: Mapping[str, Any]) -> dict:
    """Make a group launch with the user data that pillar asks for."""
    given, problems = _flags(arguments, ("test", "dry_run"))
    if problems:
        return refusal(group, problems)
    rest = {key: value for key, value in arguments.items() if key not in given}

    def work(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
        wanted = master.user_data(name)
        if wanted is None:
            return refusal(name, [_NO_USER_DATA.format(group=name)])
        with master.lock(arn, name):
            refuse_others(master, aws.group(name))
            unfinished = _unfinished(master, name, arn)
            test = any(given.values())
            data, code = publishing.publish(
                aws, name, wanted.content, policy, time.sleep, test=test
            )
            data["warnings"] += [*unfinished, *wanted.warnings]
        return shape({name: data}, code)

    return of_group(master, group, extra, rest, work)


def _unfinished(master: Master, name: str, arn: str) -> list[str]:
    """A caution when a roll of the group is paused or was interrupted: its own work is older."""
    known = master.journal().load(arn, name)
    if known is None or known.arn != arn or (known.phase.ended and not leftovers(known)):
        return []
    return [
        f"a roll of {name} ({known.id}) has not ended: `salt-run asgcycle.resume {name}` goes on "
        "with what is published now, and what it has replaced already keeps the older user data"
    ]


def hook(master: Master, group: Any, extra: tuple, arguments: Mapping[str, Any]) -> dict:
    """Check, create or remove the launch hook of a group; with ``skip``, the break-glass."""
    if "skip" in arguments or "for" in arguments:
        return _skip(master, group, extra, arguments)
    given, problems = _flags(arguments, ("test", "dry_run", "create", "remove"))
    if given.get("create") and given.get("remove"):
        problems.append("create and remove exclude each other")
    if problems:
        return refusal(group, problems)
    rest = {key: value for key, value in arguments.items() if key not in given}
    verb = next((verb for verb in ("create", "remove") if given.get(verb)), "check")

    def work(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
        sections = section(master.layers(name, {}), "launch_hook")
        wanted = launch_hook.parse(sections)
        if verb == "create" and not sections:
            return refusal(name, [_NO_HOOK.format(group=name)])
        test = bool(given.get("test") or given.get("dry_run"))
        if verb == "check" or test:
            data, code = launch_hook.keep(aws, name, wanted, policy, verb, test=test)
        else:
            with master.lock(arn, name):
                refuse_others(master, aws.group(name))
                data, code = launch_hook.keep(aws, name, wanted, policy, verb)
        if verb != "remove":
            data["warnings"] = [*data.get("warnings", []), *cautions(master, name, aws)]
            data["skipping"] = skipping.told(aws.group(name), master.now())
        return shape({name: data}, code)

    return of_group(master, group, extra, rest, work)


def _skip(master: Master, group: Any, extra: tuple, arguments: Mapping[str, Any]) -> dict:
    """
    Write or remove the break-glass. Neither a lock nor a lease is asked for: it is needed most
    while a roll halts, and a tag of its own is in nobody's way.
    """
    given, problems = _flags(arguments, ("test", "dry_run"))
    asked = {key: arguments[key] for key in ("skip", "for") if key in arguments}
    wanted, wrong = skipping.wished(asked, master.user(), master.now())
    problems += wrong
    if {"create", "remove"} & set(arguments):
        problems.append("skip: goes without create and remove; give them one after the other.")
    if problems:
        return refusal(group, problems)
    known = (*given, *asked)
    rest = {key: value for key, value in arguments.items() if key not in known}

    def work(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
        test = bool(given.get("test") or given.get("dry_run"))
        data, code = skipping.keep(aws, name, wanted, master.now(), test=test)
        hooks = launch_hook.parse(section(master.layers(name, {}), "launch_hook"))
        if wanted and not launch_hook.decide(aws.hooks(name), hooks).present:
            data["warnings"].append(f"{name} has no hook {hooks.name}: nothing is held back there")
        if data["status"] in ("skipping", "ended"):
            more = {"checks": list(wanted.checks), "until": wanted.until} if wanted else {}
            step = events.Step.SKIPPING if wanted else events.Step.SKIPPED
            event = events.Event(step, master.now(), data["comment"], more)
            with master.bus(policy) as bus:
                bus.announce(name, event)
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
