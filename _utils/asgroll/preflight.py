"""
Everything that speaks against starting a roll, found at once, before anything is changed.

``assess`` reads (through the gateway only), ``obstacles`` decides (pure).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from asgroll import marks
from asgroll.aws import Aws
from asgroll.errors import AwsError, MarkError
from asgroll.gates import judge
from asgroll.model import Activity, Extremes, Group, Roll, Verdict, World
from asgroll.policy import Policy
from asgroll.report import leftovers
from asgroll.selection import Choice, choose

T = TypeVar("T")

#: What a roll needs to work; each with what its suspension would do.
_NEEDED = {
    "Launch": "no replacement would ever start",
    "Terminate": "no old instance would ever go",
    "AddToLoadBalancer": "new instances would never be registered, not even after resuming it",
}
_UNPINNED = ("$Latest", "$Default")


@dataclass(frozen=True)
class Assessment:
    """What was found out before starting. ``obstacles`` empty: the roll may start."""

    obstacles: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    world: World | None = None
    choice: Choice = field(default_factory=Choice)
    specs: tuple[str, ...] = ()
    known_failures: frozenset[str] = frozenset()
    typical_launch: float | None = None


def assess(aws: Aws, name: str, policy: Policy, now: float, *, choosing: bool = True) -> Assessment:
    """
    Read all that a roll of this group depends on; changes nothing.

    :param choosing: False for a roll that is taken up again: its victims are chosen already.

    A call that fails becomes an obstacle with its reason, so that a person sees all of them in
    one go: a denied permission is never taken for "there is none".
    """
    obstacles: list[str] = []

    def read(call: Callable[[], T], otherwise: T) -> T:
        try:
            return call()
        except AwsError as exc:
            if str(exc) not in obstacles:
                obstacles.append(str(exc))
            return otherwise

    world = read(lambda: aws.observe(name, now), None)
    if world is None:
        return Assessment(tuple(obstacles))
    world = judge(world)
    specs = tuple(read(lambda s=spec: aws.resolve(s), None) for spec in world.group.specs)
    launched = read(lambda: aws.launch_times(world.instances), None)
    refresh = read(lambda: aws.active_refresh(name), None)
    activities = read(lambda: aws.activities(name), ())
    alarms = read(lambda: aws.alarms(policy.alarms), {}) if policy.alarms else {}
    untold = {"outdated": None in specs, "older_than": launched is None}
    resolved = tuple(s for s in specs if s is not None)
    choice = choose(world.instances.values(), frozenset(resolved), launched or {}, policy, now)
    if not choosing or untold.get(
        policy.select.kind
    ):  # the failed read is the obstacle, not its consequences
        choice = Choice()
    return Assessment(
        obstacles=(
            *obstacles,
            *blocking(world, choice, policy, refresh),
            *_alarmed(alarms),
            *choice.problems,
        ),
        warnings=(*cautions(world, resolved), *_uneasy(alarms)),
        world=world,
        choice=choice,
        specs=resolved,
        known_failures=frozenset(a.id for a in activities if a.launch and a.failed),
        typical_launch=_typical_launch(activities),
    )


def blocking(world: World, choice: Choice, policy: Policy, refresh: str | None) -> list[str]:
    """The reasons not to start, each with what to do about it."""
    group = world.group
    found = []
    if group.deleting:
        found.append(f"the group is being deleted ({group.status})")
    if not world.instances:
        found.append("the group has no instances: there is nothing to replace")
    found += [
        f"the process {process} is suspended: {effect}; resume it first"
        for process, effect in _NEEDED.items()
        if process in group.suspended
    ]
    if refresh:
        found.append(
            f"instance refresh {refresh} is replacing instances of this group; wait for its end "
            "or cancel it"
        )
    found += _acceptable(group, policy)
    if choice.victims:
        found += _no_room(world, choice, policy)
    return found


def _alarmed(alarms: Mapping[str, str]) -> list[str]:
    return [
        f"the alarm {name} is in state ALARM; wait until it is OK, or leave it out of alarms"
        if state == "ALARM"
        else f"there is no CloudWatch alarm {name!r} in this region; correct alarms"
        for name, state in alarms.items()
        if state in ("ALARM", "missing")
    ]


def _uneasy(alarms: Mapping[str, str]) -> list[str]:
    return [
        f"the alarm {name} is in state {state}: no checkpoint is passed until it is OK"
        for name, state in alarms.items()
        if state not in ("OK", "ALARM", "missing")
    ]


def _acceptable(group: Group, policy: Policy) -> list[str]:
    """Obstacles that a person may accept with the policy key ``accept``."""
    candidates = {}
    behind = [*group.target_groups, *group.load_balancers]
    if behind and group.health_check == "EC2":
        candidates["health-check-type"] = (
            "the group is behind a load balancer but its health check type is EC2: after the roll "
            "an instance that the load balancer finds unhealthy would stay; set it to ELB"
        )
    if group.other_traffic_sources:
        names = ", ".join(group.other_traffic_sources)
        candidates["traffic-source"] = f"traffic from {names} cannot be checked"
    if group.warm_pool:
        candidates["warm-pool"] = (
            "the group has a warm pool: replacements would come from it, launched and patched "
            "when the pool was filled; remove the pool, or renew it first"
        )
    return [
        f"{text}, or accept: [{code}]"
        for code, text in candidates.items()
        if code not in policy.accept
    ]


def _no_room(world: World, choice: Choice, policy: Policy) -> list[str]:
    group = world.group
    weights = [v.weight for v in choice.victims.values() if not v.standby]
    if not weights:
        return []
    surge, unavailable = policy.window(group.desired, weights)
    if surge == 0 and unavailable == 0:
        return [
            f"max_unavailable: {policy.max_unavailable} of {group.desired} rounds down to 0 and "
            f"surge is {policy.surge}: nothing could ever be replaced; set surge: 1 or a larger "
            "max_unavailable"
        ]
    if surge + unavailable < max(weights):
        return [
            f"the heaviest victim weighs {max(weights)} units, but surge: {policy.surge} and "
            f"max_unavailable: {policy.max_unavailable} leave room for {surge + unavailable}: it "
            "could never go; give surge as a number of instances"
        ]
    room = group.max_size - group.desired
    if not policy.raise_max and unavailable == 0 and room <= 0:
        return [
            f"no room to surge: desired {group.desired} = max {group.max_size} with "
            "raise_max: false and max_unavailable: 0; set raise_max: true, raise MaxSize, or "
            "allow max_unavailable: 1"
        ]
    return []


def cautions(world: World, specs: tuple[str, ...]) -> list[str]:
    """What does not stop a roll but should be known."""
    group = world.group
    found = []
    for written in group.specs:
        if written.endswith(_UNPINNED):
            now = ", ".join(s for s in specs if s.startswith(written.rpartition(":")[0]))
            found.append(
                f"the group launches from {written} (now {now}): whoever changes the template "
                "during the roll changes what is launched; pin a number"
            )
    for process in ("HealthCheck", "ReplaceUnhealthy"):
        if process in group.suspended:
            found.append(f"the process {process} is suspended")
    weak = [i for i in world.instances.values() if i.answer.verdict is not Verdict.READY]
    weak = [i for i in weak if i.holds_capacity]
    if weak:
        named = ", ".join(f"{i.id} ({i.answer.why})" for i in weak[:3])
        more = f" and {len(weak) - 3} more" if len(weak) > 3 else ""
        found.append(f"{len(weak)} of {len(world.instances)} do not serve now: {named}{more}")
    return found


def with_earlier(assessment: Assessment, earlier: Roll | None) -> Assessment:
    """
    A new roll would take what an unfinished one has changed for the group's own wish: its raised
    sizes would stay for good. So that one has to be ended first.
    """
    group = assessment.world.group if assessment.world else None
    if earlier is None or (earlier.phase.ended and not leftovers(earlier)):
        return assessment
    if group is not None and group.arn != earlier.arn:
        return assessment  # that roll's group is gone; this one only has its name
    return replace(
        assessment,
        obstacles=(
            *assessment.obstacles,
            f"an earlier roll ({earlier.id}) has not ended and may have left sizes raised: "
            f"`salt-run asgcycle.resume {earlier.group}` goes on with it, "
            f"`salt-run asgcycle.abort {earlier.group}` puts back what it changed",
        ),
    )


def with_marks(
    assessment: Assessment, earlier: Roll | None, policy: Policy, owner: str, now: float
) -> Assessment:
    """
    What the group itself says: that another master works on it, or has left something behind.

    :param owner: who we are; our own lease is none of another's.
    :param earlier: the last roll in our journal; ``with_earlier`` tells of that one.
    """
    if assessment.world is None:
        return assessment
    group, found = assessment.world.group, []
    try:
        claim, due = marks.claim(group), marks.due(group)
    except MarkError as exc:
        return replace(assessment, obstacles=(*assessment.obstacles, str(exc)))
    if claim is not None and claim.owner != marks.plain(owner) and claim.until > now:
        found.append(marks.taken(claim, group.name, now))
    elif due is not None and not due.nothing and (earlier is None or earlier.id != due.roll):
        found.append(marks.left_behind(due, group.name))
    others = group.tag_count - sum(1 for key in marks.OWN if key in group.tags)
    if policy.lease and others + len(marks.OWN) > marks.MOST_TAGS:
        found.append(
            f"the group has {others} tags of at most {marks.MOST_TAGS}, and a roll writes "
            f"{len(marks.OWN)}; delete some, or set lease: false"
        )
    return replace(assessment, obstacles=(*assessment.obstacles, *found))


def _typical_launch(activities: tuple[Activity, ...]) -> float | None:
    """Median seconds of the group's recent successful launches."""
    took = [
        a.ended_at - a.started_at
        for a in activities
        if a.launch and a.status == "Successful" and a.ended_at is not None
    ]
    return statistics.median(took) if took else None


def begin(assessment: Assessment, roll_id: str, now: float) -> Roll:
    """The roll that an assessment without obstacles leads to: its set of victims is frozen."""
    world = assessment.world
    if world is None or assessment.obstacles:
        raise ValueError("a roll with obstacles cannot begin")
    group = world.group
    serving = sum(i.weight for i in world.instances.values() if i.answer.verdict is Verdict.READY)
    return Roll(
        id=roll_id,
        group=group.name,
        arn=group.arn,
        started_at=now,
        progress_at=now,
        initial=frozenset(world.instances),
        victims=dict(assessment.choice.victims),
        specs=assessment.specs,
        max_size=group.max_size,
        desired=group.desired,
        expected_desired=group.desired,
        serving=serving,
        counted_launch_failures=assessment.known_failures,
        extremes=Extremes(serving, world.capacity),
    )
