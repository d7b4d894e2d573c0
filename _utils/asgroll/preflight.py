"""
Everything that speaks against starting a roll, found at once, before anything is changed.

``assess`` reads (through the gateway only), ``obstacles`` decides.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from asgroll import marks, waits
from asgroll.aws import Aws
from asgroll.awswords import to_hook
from asgroll.current import launched_now
from asgroll.errors import AwsError, MarkError
from asgroll.gates import heeding, judge, unused
from asgroll.model import Extremes, Roll
from asgroll.obstacles import alarmed, blocking, cautions, off_clock, uneasy
from asgroll.policy import Policy
from asgroll.report import leftovers
from asgroll.selection import OTHER_VERSION, Choice, choose
from asgroll.waits import OwnTimes, Wait, seconds
from asgroll.world import Activity, Group, Machine, Verdict, World

T = TypeVar("T")


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
    unused: frozenset[str] = frozenset()
    waits: Mapping[str, Wait] = field(default_factory=dict)
    young: frozenset[str] = frozenset()
    tellers: frozenset[str] = frozenset()


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
    without = unused(world) if "unused-target-group" in policy.accept else frozenset()
    judged = judge(heeding(world, policy.accept, without))
    world = replace(world, instances=judged.instances)
    group = world.group
    resolved = {s: read(lambda s=s: aws.recipe(s), None) for s in group.specs}
    machines = read(lambda: aws.machines(world.instances), None)
    refresh = read(lambda: aws.active_refresh(name), None)
    activities = read(lambda: aws.activities(name), ())
    alarms = read(lambda: aws.alarms(policy.alarms), {}) if policy.alarms else {}
    own = _own_times(aws, group, read)
    follow = waits.derived(policy, own)
    policy = waits.settled(policy, seconds(follow))
    known = tuple(recipe for recipe in resolved.values() if recipe is not None)
    told = Choice()
    unread = {  # a failed read is the obstacle, not its consequences
        "outdated": machines is None or None in resolved.values(),
        "older_than": machines is None,
        OTHER_VERSION: None in resolved.values(),
    }
    if choosing and not unread.get(policy.select.kind):
        by_image = policy.select.kind == "outdated"
        recipes = launched_now(aws, group, resolved) if by_image else known
        members = world.instances.values()
        told = choose(members, recipes, machines or {}, policy, now, group.protects_new)
    specs = tuple(recipe.spec for recipe in known)
    stopped, uncertain = off_clock(aws.offset, policy)
    return Assessment(
        obstacles=(
            *obstacles,
            *stopped,
            *blocking(world, told, policy, refresh, own),
            *alarmed(alarms),
            *told.problems,
        ),
        warnings=(
            *cautions(world, specs),
            *waits.cautions(policy, world.group, own),
            *uneasy(alarms),
            *uncertain,
        ),
        world=world,
        choice=told,
        specs=specs,
        known_failures=frozenset(a.id for a in activities if a.launch and a.failed),
        typical_launch=_typical_launch(activities),
        unused=without,
        waits=follow,
        young=_young(world, machines or {}, policy, now),
        tellers=(frozenset(world.targets) - without)
        or frozenset(
            hook.name for hook in own.hooks or () if hook.launch and not policy.healthy_for
        ),
    )


def _young(
    world: World, machines: Mapping[str, Machine], policy: Policy, now: float
) -> frozenset[str]:
    """
    Members of which nobody knows that they have served for ``healthy_for``: still on their way, or
    launched so short a time ago that they may have been.
    """
    since = now - policy.healthy_for - policy.ready_timeout
    return frozenset(
        key
        for key, instance in world.instances.items()
        if instance.lifecycle.startswith("Pending")
        or (policy.healthy_for and key in machines and machines[key].launched_at > since)
    )


def _own_times(aws: Aws, group: Group, read: Callable[[Callable[[], T], T], T]) -> OwnTimes:
    """How long the group lets instances come and go; read once, not at every turn."""
    hooks = read(lambda: tuple(map(to_hook, aws.hooks(group.name))), None)
    return waits.of(group, hooks, read(lambda: aws.drains(group), None))


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
        protects_new=group.protects_new,
        unused=assessment.unused,
        young=dict.fromkeys(assessment.young),
        tellers=assessment.tellers,
        waits=seconds(assessment.waits),
        serving=serving,
        counted_launch_failures=assessment.known_failures,
        extremes=Extremes(serving, world.capacity),
    )
