"""
Desired capacity and MaxSize: which part of them is ours, and what others want. Pure.

Whoever else sets the desired capacity names a total: `set-desired-capacity`, a scheduled action,
Terraform, ExactCapacity, and target tracking, which is proportional to the capacity that it finds,
ours included (EC2 Auto Scaling user guide, "target tracking scaling policies"). So

* upwards the live capacity is what they have set: 10 set while 6 were live and 8 shown → 10;
* downwards it is the smaller of the two: 7 set while 6 were live and 8 shown → 6, 5 set → 5. A
  scaling policy that takes one off what it finds may have meant 7 or 5; a live capacity that rose
  at each of its steps would never come down;
* in doubt the group keeps more. A termination with decrement lowers whatever stands there, so what
  is seen after it may have been named before it: 3 seen after one of ours may have been 4.

One odd answer never decides: what is not as expected has to be seen for ``settle_time``, and until
then nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from asgroll.model import PendingChange, Roll, Termination
from asgroll.policy import Policy
from asgroll.world import Activity, Group, World

#: How AWS words a SetDesiredCapacity in an activity's Cause (public answers, for instance
#: kubernetes/autoscaler#6117). The first figure is what stood there just before the call.
_REQUEST = re.compile(
    r"user request explicitly set group desired capacity changing the desired capacity "
    r"from (\d+) to (\d+)"
)
#: The same of a termination with decrement, which lowers whatever stands there (EC2 Auto Scaling
#: user guide, "verify a scaling activity").
_SHRUNK = re.compile(
    r"instance (i-[0-9a-f]+) was taken out of service in response to a user request, "
    r"shrinking the capacity from (\d+) to (\d+)"
)
#: How long the activities are read for the Cause of a change of ours. A group reacts within a
#: minute, and a launch that fails is an activity as well.
CAUSE_SECONDS = 150.0
#: By how much an activity may seem older than our call, whose time is ours: AWS's is corrected by
#: what is known of the two clocks (``aws.activities``).
CAUSE_SKEW_SECONDS = 2.0


def account(roll: Roll, world: World, policy: Policy, now: float) -> Roll:
    """The roll after comparing the sizes of a group with what we expect and have asked for."""
    roll = _follow_max(roll, world.group, policy, now)
    pending = roll.pending
    if pending is not None:
        late = now - pending.at >= policy.settle_time
        if pending.applied:
            if world.group.desired != pending.after and not late:
                return roll
        elif pending.instance:
            settled = _settle_decrement(roll, pending, world, late)
            if settled is None:
                return roll
            roll = settled
        elif world.group.desired == pending.after:
            change = pending.after - pending.before
            roll = roll.with_(
                delta=roll.delta + change, expected_desired=pending.after, sent=pending
            )
        elif not late:
            return roll
        roll = roll.with_(pending=None)
    roll = _unexplained(roll, world, policy, now)
    if roll.doubted is not None:
        return roll
    roll = _what_stood_there(roll, world.activities, now)
    # Limits that our surge hides. A raised MinSize: without us AWS would have scaled out to it.
    # A scale-out into the room that only our raised MaxSize gives: it would not have happened.
    live = min(max(roll.live, world.group.min_size), roll.max_size)
    return roll.with_(delta=roll.expected_desired - live)


def unsettled(roll: Roll, group: Group) -> str:
    """What of the sizes is not known yet, in words: nothing is decided before. Else empty."""
    if roll.pending is not None:
        return f"for the group to show desired {roll.pending.after}"
    if roll.doubted is not None:
        return f"to be sure that desired is {roll.doubted}, no old answer"
    if roll.late:
        return "to see whether AWS lowers desired once those that leave have gone"
    if roll.max_set is not None and group.max_size not in (roll.max_set, roll.max_size):
        return f"to be sure that MaxSize is {group.max_size}, no old answer"
    return ""


def _unexplained(roll: Roll, world: World, policy: Policy, now: float) -> Roll:
    """A desired capacity that is not what we expect is somebody's change, or an old answer."""
    seen = world.group.desired
    if roll.late and not _owed(roll, policy, now):
        roll = roll.with_(late=0)
    if seen == roll.expected_desired:
        return roll.with_(doubted=None, cut=0)
    drop = roll.expected_desired - seen
    if 0 < drop <= roll.late:  # what AWS had not lowered yet when others named another number
        return roll.with_(
            expected_desired=seen, delta=roll.delta - drop, late=roll.late - drop, doubted=None
        )
    since = roll.doubted_at if roll.doubted == seen else now
    if roll.expected_desired < seen <= roll.expected_desired + _owed(roll, policy, now):
        since = now  # AWS may lower it only once the instance has gone: no source says when
    if now - since < policy.settle_time:
        return roll.with_(doubted=seen, doubted_at=since)
    return _outside_change(roll.with_(doubted=None), world)


def _owed(roll: Roll, policy: Policy, now: float) -> int:
    """Units of our terminations with decrement that are under way, or were a moment ago."""
    return sum(
        term.weight
        for term in roll.terminations.values()
        if term.decrement and (term.gone_at is None or now - term.gone_at < policy.settle_time)
    )


def _outside_change(roll: Roll, world: World) -> Roll:
    """Somebody else has set the desired capacity, or a bound has moved it there."""
    seen, raised = world.group.desired, world.group.desired > roll.expected_desired
    named = _named(roll, world)
    live = named if raised else min(roll.live, named)
    return roll.with_(
        late=min(roll.cut, seen) if named == seen else 0,
        expected_desired=seen,
        delta=seen - live,
        excused=roll.excused + max(0, roll.expected_desired - seen),
        cut=0,
    )


def _named(roll: Roll, world: World) -> int:
    """
    What others have named, where terminations of ours may have lowered it since.

    Where no Cause tells, what lies between the number before our terminations and the one after may
    also be that AWS has not lowered it: then it is taken as it stands. Else in doubt more.
    """
    seen, before = world.group.desired, roll.expected_desired + roll.cut
    told = _told(roll, world.activities, seen)
    if told is not None:
        return told
    if roll.expected_desired < seen and (seen <= before or seen == world.group.min_size):
        return seen
    return seen + roll.cut


def _told(roll: Roll, activities: Iterable[Activity], seen: int) -> int | None:
    """
    What others have named, by the Causes of our latest terminations: each says what stood there
    just before it. None where one of them does not tell.
    """
    causes = _shrunk(activities)
    stood, named, units = roll.expected_desired + roll.cut, None, 0
    for term in _latest(roll, roll.cut):
        if term.id not in causes:
            return None
        units += term.weight
        before, after = causes[term.id]
        named = before if before != stood else named
        stood = after
    if units < roll.cut:
        return None
    return named if seen == stood else seen


def _latest(roll: Roll, units: int) -> list[Termination]:
    """Our last terminations with decrement that come to so many units, in their order."""
    found: list[Termination] = []
    for term in reversed(roll.terminations.values()):
        if term.decrement and units > 0:
            found.append(term)
            units -= term.weight
    return found[::-1]


def _settle_decrement(roll: Roll, pending: PendingChange, world: World, late: bool) -> Roll | None:
    """
    Decide whether a terminate-with-decrement took effect; None while it cannot be told: the desired
    capacity may fall only once the instance has gone.

    In doubt it counts as applied: taking too little off our own share would leave the live
    capacity looking smaller than it is, and serving could dip.
    """
    instance = world.instances.get(pending.instance)
    left = instance is None or instance.leaving
    ending = left and instance is not None and instance.lifecycle != "Terminated"
    drop = pending.before - world.group.desired
    most = pending.before - pending.after
    told = _shrunk(world.activities).get(pending.instance) if left else None
    if told is not None:
        amount = told[0] - told[1]
    elif left and drop == most:
        amount = most
    elif not late or ending:
        return None
    elif left and drop:
        amount = drop if 0 < drop < most else most
    else:
        return roll
    return roll.with_(
        delta=roll.delta - amount,
        expected_desired=roll.expected_desired - amount,
        cut=roll.cut + amount,
    )


def _shrunk(activities: Iterable[Activity]) -> dict[str, tuple[int, int]]:
    """By instance, from what to what its termination has lowered the desired capacity."""
    return {
        key: (int(before), int(after))
        for activity in activities
        for key, before, after in _SHRUNK.findall(activity.cause)
    }


def _follow_max(roll: Roll, group: Group, policy: Policy, now: float) -> Roll:
    """
    A MaxSize that is neither ours nor the one we found is somebody's new wish: adopt it. So is one
    that a raised MinSize needs: without our own raise AWS would have refused that.
    """
    roll = roll.with_(max_size=max(roll.max_size, group.min_size))
    if group.max_size in (roll.max_set, roll.max_size):
        return roll
    if roll.max_set is not None and now - roll.max_set_at < policy.settle_time:
        return roll
    return roll.with_(max_size=group.max_size, max_set=None)


# --- what our own change has overwritten ---------------------------------------------------------


def _what_stood_there(roll: Roll, activities: Iterable[Activity], now: float) -> Roll:
    """
    SetDesiredCapacity has no compare-and-set: somebody may have set another total between our look
    and our call. The Cause of what follows from the call tells, and then it is theirs again.
    """
    sent = roll.sent
    if sent is None:
        return roll
    told = _from(activities, sent)
    if told is None:
        return roll.with_(sent=None) if now - sent.at > CAUSE_SECONDS else roll
    roll = roll.with_(sent=None)
    live, (stood, at) = roll.live, told
    if stood > sent.before:
        live = max(live, stood)
    elif stood < sent.before and roll.expected_desired == sent.after and at >= sent.at:
        live = min(live, stood)  # lowered, and nobody has changed it since
    return roll.with_(
        delta=roll.expected_desired - live, excused=roll.excused + max(0, stood - sent.after)
    )


def _from(activities: Iterable[Activity], sent: PendingChange) -> tuple[int, float] | None:
    """
    What stood there just before a change of ours, as far as an activity tells, and when that began:
    what others have asked for shortly before may read the same.
    """
    for activity in activities:
        if activity.started_at < sent.at - CAUSE_SKEW_SECONDS:
            continue
        for before, after in reversed(_REQUEST.findall(activity.cause)):
            if int(after) == sent.after:
                return int(before), activity.started_at
    return None
