"""A roll made anew from the marks on its group, to put back what it has changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from asgroll import marks
from asgroll.model import Phase, Roll, World


def recovered(world: World, due: marks.Due, launched: Mapping[str, float], now: float) -> Roll:
    """
    What a lost journal would say, as far as it is needed to put things back.

    Whom the roll meant to replace is lost with the journal, so nobody who was there before it
    began is terminated: what is too much goes from the instances that were launched since.

    :param due: what the group says has to be put back.
    :param launched: launch times (epoch seconds); who has none counts as there before.
    """
    group = world.group
    before = frozenset(
        key for key in world.instances if launched.get(key, due.started_at) <= due.started_at
    )
    return Roll(
        id=due.roll,
        group=group.name,
        arn=group.arn,
        started_at=due.started_at,
        initial=before,
        victims={},
        specs=group.specs,
        max_size=due.max_size,
        desired=group.desired,
        expected_desired=group.desired,
        delta=marks.share_left(due, world),
        max_set=due.max_set,
        suspended=due.suspended & group.suspended,
        phase=Phase.RESTORING,
        outcome=Phase.STOPPED,
        reason="put back from the marks on the group",
        restoring_since=now,
        progress_at=now,
        resumed_at=now,
    )
