"""
Folds one observation into what a roll remembers. Pure: the clock is an argument.

The tracker answers "what has happened", the planner "what to do about it".
"""

from __future__ import annotations

from dataclasses import replace

from asgroll.accounting import account
from asgroll.gates import lost, unused
from asgroll.model import Extremes, Failure, Phase, Replacement, Roll, Termination
from asgroll.policy import Policy
from asgroll.values import format_duration
from asgroll.world import IN_SERVICE, Instance, Verdict, World

#: Seconds in which a group that could not launch in one zone has tried another one, in all public
#: accounts of it (5 to 60), and a look more.
LAUNCH_PATIENCE_SECONDS = 90.0


def serves(instance: Instance, roll: Roll) -> bool:
    """
    True when the instance carries load now and we have not asked for its end.

    One that is new, or was when the roll began, counts only once it was ready for ``healthy_for``.
    """
    if not _good(instance) or instance.id in roll.terminations:
        return False
    if instance.id in roll.initial:
        return instance.id not in roll.young
    known = roll.replacements.get(instance.id)
    return known is not None and known.ready_at is not None


def fold(roll: Roll, world: World, policy: Policy, now: float) -> Roll:
    """
    The roll after seeing ``world`` at ``now``: sizes accounted for, instances followed, failures
    counted, extremes noted. Safe to repeat with the same observation.
    """
    if world.group.deleting:  # its sizes say nothing any more
        return roll
    before = roll
    roll = account(roll, world, policy, now)
    roll = _follow_terminations(roll, world, policy, now)
    roll = _follow_victims(roll, world, policy, now)
    roll = _follow_replacements(roll, world, policy, now)
    roll = _follow_young(roll, world, policy, now)
    roll = _count_launch_failures(roll, world, policy, now)
    short = world.capacity < roll.expected_desired
    since = (roll.short_since or now) if short else None
    idle_since = (roll.idle_since or now) if unused(world) else None
    tellers = roll.tellers
    if tellers is None:
        tellers = frozenset(world.targets) | (world.hooks or frozenset())
    lost_since = (roll.lost_since or now) if lost(world, tellers) else None
    serving, not_serving = 0, {}
    for key, instance in world.instances.items():
        if serves(instance, roll):
            serving += instance.weight
        elif instance.holds_capacity and key not in roll.terminations:
            not_serving[key] = roll.not_serving.get(key, now)
    roll = roll.with_(
        short_since=since,
        idle_since=idle_since,
        tellers=tellers,
        lost_since=lost_since,
        not_serving=not_serving,
        serving=serving,
        extremes=_extremes(roll, world, policy, serving),
    )
    return roll.with_(progress_at=now) if _progressed(before, roll) else roll


# --- instances -----------------------------------------------------------------------------------


def _follow_terminations(roll: Roll, world: World, policy: Policy, now: float) -> Roll:
    terminations = dict(roll.terminations)
    failures = roll.failures
    for key, term in roll.terminations.items():
        if term.gone_at is not None:
            continue
        instance = world.instances.get(key)
        waited = now - term.asked_at
        late = now - max(term.asked_at, roll.resumed_at) > policy.drain_timeout
        if instance is None or instance.lifecycle == "Terminated":
            terminations[key] = _absent(term, instance, policy, now)
            continue
        if term.missing_since is not None:
            term = terminations[key] = replace(term, missing_since=None)
        if instance.leaving:
            if term.leaving_at is None:
                term = replace(term, leaving_at=now, unclear=False)
            if late and not term.overdue:
                failures += (_overdue(term.id, instance, waited, now),)
                term = replace(term, overdue=True)
            terminations[key] = term
        elif term.unclear and waited >= policy.settle_time and roll.pending is None:
            del terminations[key]  # the call whose answer was lost did not take effect
        elif late and not term.overdue:
            failures += (_overdue(term.id, instance, waited, now),)
            terminations[key] = replace(term, overdue=True)
    return roll.with_(terminations=terminations, failures=failures)


def _absent(
    term: Termination, instance: Instance | None, policy: Policy, now: float
) -> Termination:
    """
    Gone for good: it was seen leaving, or is said to be terminated. Otherwise one answer may lack
    a member that is there, so it has to be absent for ``settle_time``.
    """
    since = now if term.missing_since is None else term.missing_since
    sure = term.leaving_at is not None or instance is not None
    if sure or now - since >= policy.settle_time:
        leaving = since if term.leaving_at is None else term.leaving_at
        return replace(term, leaving_at=leaving, gone_at=since, unclear=False)
    return replace(term, missing_since=since)


def _overdue(key: str, instance: Instance, waited: float, now: float) -> Failure:
    return Failure(
        now,
        f"{key} has not left the group",
        f"{instance.lifecycle} {format_duration(waited)} after its termination was asked for",
    )


def _follow_victims(roll: Roll, world: World, policy: Policy, now: float) -> Roll:
    """
    A victim that vanished without us counts as done: what replaces it is as good as any.

    One answer may lack a member that is there, so it has to be absent for ``settle_time``; one
    that shows up again is a victim again.
    """
    missing: dict[str, float] = {}
    vanished: set[str] = set()
    for key in roll.victims:
        if key in roll.terminations:
            continue
        instance = world.instances.get(key)
        if instance is not None:
            if instance.leaving:
                vanished.add(key)
        elif key in roll.vanished or now - roll.missing.get(key, now) >= policy.settle_time:
            vanished.add(key)
        else:
            missing[key] = roll.missing.get(key, now)
    return roll.with_(missing=missing, vanished=frozenset(vanished))


def _follow_replacements(roll: Roll, world: World, policy: Policy, now: float) -> Roll:
    replacements = dict(roll.replacements)
    for key, instance in world.instances.items():
        if key not in roll.initial and key not in replacements:
            replacements[key] = Replacement(
                key, instance.zone, now, weight=instance.weight, spec=instance.spec
            )
    failures: list[Failure] = []
    # a scale-in that is not believed yet may have taken them already
    looming = max(0, roll.expected_desired - world.group.desired)
    excused = roll.excused + looming
    for key, known in replacements.items():
        if known.gone_at is not None:
            continue
        instance = world.instances.get(key)
        seen = _seen(known, instance, policy, now) if instance else _missing(known, policy, now)
        if seen.gone_at is not None and key not in roll.terminations:
            if excused >= seen.weight:
                excused -= seen.weight
            elif seen.failed_at is None:
                failures.append(Failure(now, f"new instance {key} is gone", _died(seen)))
        elif _too_late(seen, roll, policy, now):
            seen = replace(seen, failed_at=now)
            failures.append(_not_ready(seen, instance, now))
        replacements[key] = seen
    before = roll.failures
    if len(replacements) > len(roll.replacements):  # a launch makes up for those that failed
        before = tuple(replace(f, made_up=f.made_up or f.launch) for f in before)
    ready = any(
        new.ready_at is not None
        and (old := roll.replacements.get(key)) != new
        and (old is None or old.ready_at is None)
        for key, new in replacements.items()
    )
    return roll.with_(
        replacements=replacements,
        forgiven=len(roll.failures) if ready else roll.forgiven,
        failures=(*before, *failures),
        excused=excused - looming,
    )


def _follow_young(roll: Roll, world: World, policy: Policy, now: float) -> Roll:
    """Members of the beginning that serve for ``healthy_for`` by now are young no more."""
    young: dict[str, float | None] = {}
    for key, since in roll.young.items():
        instance = world.instances.get(key)
        if instance is None or not _good(instance):
            young[key] = None
            continue
        began = now if since is None else since
        if now - began < policy.healthy_for:
            young[key] = began
    return roll.with_(young=young)


def _good(instance: Instance) -> bool:
    ready = instance.answer.verdict is Verdict.READY
    return instance.lifecycle == IN_SERVICE and instance.healthy and ready


def _seen(known: Replacement, instance: Instance, policy: Policy, now: float) -> Replacement:
    if known.missing_since is not None:
        known = replace(known, missing_since=None)
    if instance.leaving:
        return replace(known, gone_at=now)
    if known.ready_at is not None:
        return known
    if not _good(instance):
        return known if known.healthy_since is None else replace(known, healthy_since=None)
    since = now if known.healthy_since is None else known.healthy_since
    if now - since >= policy.healthy_for:
        return replace(known, healthy_since=since, ready_at=now, failed_at=None)
    return replace(known, healthy_since=since)


def _missing(known: Replacement, policy: Policy, now: float) -> Replacement:
    """Absent from one answer may be a stale answer; absent for ``settle_time`` is gone."""
    if known.missing_since is None:
        known = replace(known, missing_since=now)
    if now - known.missing_since >= policy.settle_time:
        return replace(known, gone_at=now)
    return known


def _died(known: Replacement) -> str:
    state = "after it was ready" if known.ready_at is not None else "before it was ready"
    return f"it left the group {state}, not through us"


def _too_late(known: Replacement, roll: Roll, policy: Policy, now: float) -> bool:
    """Serving now, it only has to go on for ``healthy_for``: it fails when it stops instead."""
    return (
        not known.settled
        and known.healthy_since is None
        and known.failed_at is None
        and known.id not in roll.terminations
        and now - max(known.seen_at, roll.resumed_at) > policy.ready_timeout
    )


def _not_ready(known: Replacement, instance: Instance | None, now: float) -> Failure:
    last = describe(instance) if instance else "not listed in the group"
    after = format_duration(now - known.seen_at)
    return Failure(now, f"new instance {known.id} not ready after {after}", last)


def describe(instance: Instance) -> str:
    """What keeps an instance from serving, in words: lifecycle, health, gates."""
    if instance.lifecycle != IN_SERVICE:
        return instance.lifecycle
    if not instance.healthy:
        return f"{instance.lifecycle}, Unhealthy"
    return instance.answer.why or instance.answer.verdict.value


def _count_launch_failures(roll: Roll, world: World, policy: Policy, now: float) -> Roll:
    """
    Failed launches of instances that never showed up in the group; the others are followed.

    A launch that fails in one zone is tried in another within a minute, so failures count only once
    nothing has been launched for ``LAUNCH_PATIENCE_SECONDS``, and a launch makes up for all before.
    """
    if roll.short_since is None:
        return roll
    launched = [new.seen_at for new in roll.replacements.values()]
    lacking_since = max(roll.short_since, roll.resumed_at, *launched)
    if now - lacking_since < LAUNCH_PATIENCE_SECONDS:
        return roll
    new = [
        a
        for a in world.activities
        if a.launch and a.failed and a.id not in roll.counted_launch_failures
    ]
    if not new:
        return roll
    failures = tuple(
        Failure(a.started_at, "a launch failed", a.message or a.description, launch=True)
        for a in new
        if a.instance not in roll.replacements
        and a.started_at >= lacking_since - policy.settle_time
    )
    counted = roll.counted_launch_failures | {a.id for a in new}
    return roll.with_(failures=roll.failures + failures, counted_launch_failures=counted)


# --- what the run has seen -----------------------------------------------------------------------


def _extremes(roll: Roll, world: World, policy: Policy, serving: int) -> Extremes:
    _, unavailable = policy.window(roll.live, roll.weights)
    below = max(0, roll.live - unavailable - serving)
    old = roll.extremes
    if old is None:
        return Extremes(serving, world.capacity, below)
    return Extremes(
        min(old.lowest_serving, serving),
        max(old.highest_total, world.capacity),
        max(old.below_floor, below),
    )


def _progressed(before: Roll, after: Roll) -> bool:
    return _marks(before) != _marks(after) or before.phase is not Phase.ROLLING


def _marks(roll: Roll) -> tuple:
    ready = sum(1 for r in roll.replacements.values() if r.ready_at is not None)
    gone = sum(1 for t in roll.terminations.values() if t.gone_at is not None)
    return (
        len(roll.replacements),
        ready,
        len(roll.terminations),
        gone,
        len(roll.vanished),
        len(roll.failures),
        roll.expected_desired,
    )
