"""A roll made anew from the marks on its group, to put back what it has changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from asgroll import marks
from asgroll.model import Cause, Phase, Replacement, Roll, Termination
from asgroll.world import Instance, World


def recovered(world: World, due: marks.Due, launched: Mapping[str, float], now: float) -> Roll:
    """
    What a lost journal would say, as far as it is needed to put things back.

    Whom the roll meant to replace is lost with the journal, so nobody who was there before it
    began is terminated: what is too much goes from the instances that were launched since.

    :param due: what the group says has to be put back.
    :param launched: launch times (epoch seconds) of those that EC2 knows.
    """
    group = world.group
    before = frozenset(
        key
        for key, instance in world.instances.items()
        if _was_there(instance, launched.get(key), due.started_at)
    )
    live = due.desired - due.delta
    desired = max(marks.expected(due, world), live)
    return Roll(
        id=due.roll,
        group=group.name,
        arn=group.arn,
        started_at=due.started_at,
        initial=before,
        victims={},
        specs=(),  # what it was to launch from is lost as well
        max_size=due.max_size,
        desired=group.desired,
        expected_desired=desired,
        protects_new=group.protects_new,
        delta=desired - live,
        replacements={
            key: Replacement(
                key, instance.zone, launched.get(key) or now, instance.weight, instance.spec
            )
            for key, instance in world.instances.items()
            if key not in before
        },
        terminations={
            key: _termination(world, key, weight, now)
            for key, weight in due.leaving
            if marks.leaves(world, key)
        },
        cut=sum(weight for key, weight in due.leaving if marks.leaves(world, key)),
        max_set=due.max_set,
        suspended=due.suspended & group.suspended,
        phase=Phase.RESTORING,
        outcome=Phase.STOPPED,
        reason="put back from the marks on the group",
        restoring_since=now,
        progress_at=now,
        resumed_at=now,
    )


def _termination(world: World, key: str, weight: int, now: float) -> Termination:
    gone_at = None if key in world.instances else now
    return Termination(key, now, Cause.VICTIM, True, leaving_at=now, gone_at=gone_at, weight=weight)


def _was_there(instance: Instance, launched_at: float | None, started_at: float) -> bool:
    """
    Whether an instance was in the group before the roll. Where EC2 cannot tell it counts as there,
    unless it never came further than Pending: EC2 forgets an instance that died an hour ago.
    """
    if launched_at is None:
        return not instance.lifecycle.startswith("Pending")
    return launched_at <= started_at
