"""
How long a roll waits: the policy's times beside those that the group has itself. Pure.

AWS lets an instance wait for a launch hook for an hour by default and drains it for five minutes; a
fixed timeout of ours would fit one group and not the next. So a time that nobody has set follows
the group, once, when the roll begins; one that somebody has set and that cannot work is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from asgroll.policy import Policy
from asgroll.values import format_duration
from asgroll.world import Group, Hook

#: Seconds that come on top of a launch hook: EC2 starts the machine before it, and the load
#: balancers find it healthy after it.
AROUND_LAUNCH = 300.0
#: Seconds that come on top of draining and termination hooks: EC2 shuts the machine down.
AROUND_TERMINATION = 300.0


@dataclass(frozen=True)
class OwnTimes:
    """
    What the group has set itself, in seconds. ``hooks`` None and ``drains`` None: not known, they
    could not be read. ``drains`` maps each load balancer to how long it lets a target go.
    """

    warmup: float | None = None
    grace: float = 0.0
    hooks: tuple[Hook, ...] | None = ()
    drains: Mapping[str, float] | None = field(default_factory=dict)

    @property
    def launch_hook(self) -> Hook | None:
        """The slowest of the launch hooks, which wait side by side."""
        return _slowest(hook for hook in self.hooks or () if hook.launch)

    @property
    def leaving(self) -> tuple[float, str]:
        """
        Seconds that an old instance may take to leave, and why: first the load balancers drain it
        side by side, then the termination hooks wait side by side (user guide, "How lifecycle hooks
        work in Auto Scaling groups").
        """
        slowest = max((self.drains or {}).items(), key=lambda item: item[1], default=("", 0.0))
        (balancer, drain), hook = slowest, _slowest(h for h in self.hooks or () if not h.launch)
        parts = [f"{balancer} drains for {format_duration(drain)}"] if drain else []
        parts += [f"the termination hook {hook.name} waits {_said(hook)}"] if hook else []
        return drain + (hook.timeout if hook else 0.0), ", ".join(parts)


def _slowest(hooks: Iterable[Hook]) -> Hook | None:
    return max(hooks, key=lambda hook: hook.timeout, default=None)


def _said(hook: Hook) -> str:
    return f"{format_duration(hook.timeout)} (with heartbeats {format_duration(hook.limit)})"


def of(
    group: Group, hooks: tuple[Hook, ...] | None, drains: Mapping[str, float] | None
) -> OwnTimes:
    """The times of a group, with what was read besides."""
    return OwnTimes(group.warmup, group.grace, hooks, drains)


@dataclass(frozen=True)
class Wait:
    """A time that nobody has set, as the group has decided it: seconds, and why."""

    seconds: float
    why: str


def derived(policy: Policy, own: OwnTimes) -> dict[str, Wait]:
    """The times that follow the group, by policy key; those that stay at their default are not."""
    found: dict[str, Wait] = {}
    if "healthy_for" not in policy.chosen and own.warmup:
        found["healthy_for"] = Wait(own.warmup, "its DefaultInstanceWarmup says")
    steady = found["healthy_for"].seconds if "healthy_for" in found else policy.healthy_for
    ready = [(steady, f"healthy_for is {format_duration(steady)}")]
    if own.launch_hook:
        hook = own.launch_hook
        ready.append((hook.timeout, f"the launch hook {hook.name} waits {_said(hook)}"))
    _raise_to(found, "ready_timeout", policy, *max(ready), AROUND_LAUNCH)
    _raise_to(found, "drain_timeout", policy, *own.leaving, AROUND_TERMINATION)
    return found


def _raise_to(
    found: dict[str, Wait], key: str, policy: Policy, least: float, why: str, margin: float
) -> None:
    if key not in policy.chosen and least + margin > getattr(policy, key):
        found[key] = Wait(least + margin, why)


def seconds(found: Mapping[str, Wait]) -> dict[str, float]:
    """The bare times, as a roll keeps them."""
    return {key: wait.seconds for key, wait in found.items()}


def settled(policy: Policy, kept: Mapping[str, float]) -> Policy:
    """The policy with the times that the group has decided, where nobody has set them (since)."""
    return replace(policy, **{k: v for k, v in kept.items() if k not in policy.chosen})


def impossible(policy: Policy) -> list[str]:
    """Where no new instance would ever count; ``policy`` as ``settled``."""
    ready, steady = policy.ready_timeout, policy.healthy_for
    if steady < ready:
        return []
    whose = "" if "healthy_for" in policy.chosen else " (the group's DefaultInstanceWarmup)"
    return [
        f"healthy_for: {format_duration(steady)}{whose} must be shorter than ready_timeout: "
        f"{format_duration(ready)}, or nothing is ever ready{_set('ready_timeout', steady)}"
    ]


def too_short(policy: Policy, own: OwnTimes) -> list[str]:
    """Times that are shorter than what the group itself may take; ``policy`` as ``settled``."""
    found = []
    ready, leave = policy.ready_timeout, policy.drain_timeout
    hook, (leaving, why) = own.launch_hook, own.leaving
    if hook and ready <= hook.timeout:
        found.append(
            f"ready_timeout: {format_duration(ready)} is not longer than the launch hook "
            f"{hook.name} waits, {_said(hook)}: instances that are still coming would be given up"
            + _set("ready_timeout", hook.timeout)
        )
    if leaving and leave <= leaving:
        found.append(
            f"drain_timeout: {format_duration(leave)} is not longer than the "
            f"{format_duration(leaving)} that an old instance may take to leave ({why}): it would "
            "count as a failure" + _set("drain_timeout", leaving)
        )
    return found


def _set(key: str, more_than: float) -> str:
    enough = more_than + (AROUND_LAUNCH if key == "ready_timeout" else AROUND_TERMINATION)
    return f"; set {key}: {format_duration(enough)}, or leave it out"


def cautions(policy: Policy, group: Group, own: OwnTimes) -> list[str]:
    """What the group's own times mean for a roll, where nothing has to be changed."""
    found = []
    for hook in own.hooks or ():
        if hook.launch and hook.proceeds:
            found.append(
                f"the launch hook {hook.name} lets an instance into service that has said nothing "
                f"for {format_duration(hook.timeout)} (CONTINUE); ABANDON replaces it"
            )
        if hook.launch and "ready_timeout" in policy.chosen and hook.limit < policy.ready_timeout:
            found.append(
                f"the launch hook {hook.name} ends its wait after {format_duration(hook.limit)} at "
                f"the latest, ready_timeout: {format_duration(policy.ready_timeout)} comes later"
            )
    if group.asks_load_balancers and own.warmup and own.grace < own.warmup:
        found.append(
            f"the health check grace period of {format_duration(own.grace)} is shorter than the "
            f"DefaultInstanceWarmup of {format_duration(own.warmup)}: the group replaces new "
            "instances that are not healthy in time"
        )
    return found
