"""The probes, in the order in which they play, and the rules that each can answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verify.probes import calls, capacity, hooks, members, sizes, traffic, upkeep
from verify.stage import Stage

#: When a probe plays: with the group alone, with a target group that has no load balancer yet,
#: behind the load balancer, or last.
PLAIN, UNHEARD, BALANCED, LAST = "plain", "unheard", "balanced", "last"


@dataclass(frozen=True)
class Probe:
    """One probe.

    Args:
        name: what a person calls it.
        play: does it.
        rules: ids in tests/lab/RULES.md.
        launches: how many instances it launches, for the costs.
        when: in which part of a run.
    """

    name: str
    play: Callable[[Stage], None]
    rules: tuple[str, ...]
    launches: int = 0
    when: str = PLAIN


def _probe(
    name: str, play: Callable[[Stage], None], rules: str, launches: int = 0, when: str = PLAIN
) -> Probe:
    return Probe(name, play, tuple(rules.split()), launches, when)


PROBES = (
    _probe("cold-start", capacity.cold_start, "LA-4 HE-1"),
    _probe("bounds", sizes.bounds, "AS-1 AS-2 AS-3"),
    _probe("bounds-move", sizes.bounds_move_desired, "AS-4"),
    _probe("names", sizes.names, "AS-5 AS-9 AS-10 AS-13"),
    _probe("processes", sizes.processes, "AS-11 AS-12"),
    _probe("ids", calls.ids, "TE-4 TE-5 ME-3 EC-1 EC-2 AP-3"),
    _probe("limits", calls.limits, "AP-1 AP-2 AP-6 AP-7"),
    _probe("hook-settings", calls.hook_settings, "HK-6 HK-9"),
    _probe("templates", calls.templates, "EC-3 EC-4 EC-5 EC-7 EC-8 EC-9"),
    _probe("launch", capacity.launch, "LA-1 LA-2 LA-10 CA-1 CA-4 AS-8 AZ-1 AZ-2", 1),
    _probe("two-changes", capacity.two_changes, "CA-2 CA-8", 2),
    _probe("half-members", capacity.half_members, "TE-14 TE-15", 2),
    _probe("policies", capacity.policies, "AZ-3", 1),
    _probe("bad-image", capacity.bad_image, "LA-7 CA-5"),
    _probe("terminations", capacity.terminations, "TE-2 TE-3 TE-6 TE-8 TE-11 CA-3", 2),
    _probe("protection", capacity.protection, "ME-5 TE-12 TE-1", 1),
    _probe("through-ec2", capacity.through_ec2, "TE-10", 1),
    _probe("suspended", capacity.suspended, "LA-9 TE-13", 1),
    _probe("standby", members.standby, "ME-1 ME-2 ME-3", 1),
    _probe("detach", members.detach, "ME-6 ME-7"),
    _probe("health", members.health, "HE-4 HE-6", 1),
    _probe("refresh", members.refresh, "IR-2 IR-3 IR-4 IR-5 IR-6 IR-7"),
    _probe("maintenance", upkeep.maintenance, "AS-15 MP-1 MP-4", 2),
    _probe("born-protected", upkeep.born_protected, "ME-8", 1),
    _probe("launch-hooks", hooks.launching, "HK-1 HK-2 HK-4 HK-7 HK-8", 4),
    _probe("hook-timeout", hooks.timeout, "HK-3", 1),
    _probe("termination-hook", hooks.terminating, "HK-5", 1),
    _probe("unheard", traffic.unheard, "TG-8", when=UNHEARD),
    _probe("attach", traffic.attach, "TG-1 TG-3 TG-6 TG-9", when=BALANCED),
    _probe("not-added", traffic.not_added, "TG-4", 1, BALANCED),
    _probe("draining", traffic.draining, "TG-2 TG-6 CA-6", 1, BALANCED),
    _probe("deletion", traffic.deletion, "AS-6 AS-7", when=LAST),
)
NAMES = tuple(probe.name for probe in PROBES)
#: The name of the roll, where probes are chosen by name.
ROLL = "roll"
