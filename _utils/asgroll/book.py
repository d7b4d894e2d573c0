"""
The counts of one observation, and whose turn it is: what every rule of the planner is stated in.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from asgroll import steps
from asgroll.model import Roll
from asgroll.ordering import in_order
from asgroll.policy import Policy
from asgroll.tracker import serves
from asgroll.world import STANDBY, Instance, World


@dataclass
class Book:
    """The counts of one observation, in capacity units, that every rule is stated in."""

    live: int
    floor: int
    surge: int
    serving: int = 0
    alive: int = 0
    unready: int = 0
    smallest: int = 1
    victims: list[Instance] = field(default_factory=list)
    standby: list[Instance] = field(default_factory=list)
    serving_ids: set[str] = field(default_factory=set)
    #: whose end costs capacity: they serve, or are not known for ``settle_time`` not to. One answer
    #: may lack a target that gets traffic
    costly_ids: set[str] = field(default_factory=set)
    #: victims that a load balancer drains though we did not ask: somebody is terminating them,
    #: and a second termination with decrement would only lower the desired capacity
    leaving_anyway: set[str] = field(default_factory=set)
    zones: dict[str, int] = field(default_factory=dict)
    held: int = 0
    #: held above the desired capacity: AWS has launched for its own sake (Capacity Rebalancing, an
    #: uneven zone) or is about to scale in, and will take as much away. It is nobody's to spend.
    extra: int = 0
    #: victims that a person has parked or protected meanwhile
    spared: list[str] = field(default_factory=list)
    #: victims whose turn comes after the next checkpoint
    later: int = 0


def count(world: World, roll: Roll, policy: Policy, now: float) -> Book:
    """Add up an observation."""
    weights, live = roll.weights, roll.live
    surge, unavailable = policy.window(live, weights)
    if not policy.raise_max:
        surge = max(0, min(surge, world.group.max_size - live))
    book = Book(live=live, floor=live - unavailable, surge=surge, smallest=min(weights))
    for instance in world.instances.values():
        _count_one(book, instance, roll, policy)
    believed = now - policy.settle_time
    young = {key for key in roll.young if key in world.instances}  # it may serve, or be about to
    book.costly_ids = (
        book.serving_ids
        | young
        | {key for key in world.instances if roll.not_serving.get(key, world.taken_at) > believed}
    )
    book.extra = max(0, book.held - roll.expected_desired)
    return book


def _count_one(book: Book, instance: Instance, roll: Roll, policy: Policy) -> None:
    key, weight = instance.id, instance.weight
    if key in roll.terminations:
        return
    if instance.lifecycle == STANDBY and key in roll.victims:
        wanted = roll.victims[key].standby or policy.standby == "replace"
        (book.standby.append(instance) if wanted else book.spared.append(key))
        return
    if not instance.holds_capacity:
        return
    book.held += weight
    book.zones[instance.zone] = book.zones.get(instance.zone, 0) + 1
    if serves(instance, roll):
        book.serving += weight
        book.serving_ids.add(key)
    elif key not in roll.initial:
        book.unready += weight
    if key in roll.victims and key not in roll.vanished:
        if protected_since(instance, roll, policy):
            book.spared.append(key)
            return
        book.alive += weight
        book.victims.append(instance)
        if instance.answer.draining:
            book.leaving_anyway.add(key)


def hold_back(book: Book, roll: Roll, policy: Policy) -> None:
    """Up to a checkpoint the victims that come after it count like any other member."""
    allowed = steps.allowed(roll, policy)
    known = len(book.victims) + len(book.standby)
    if known <= allowed:
        return
    book.victims = list(islice(order(book, roll, policy), allowed))
    book.alive = sum(victim.weight for victim in book.victims)
    book.standby = []
    book.later = known - len(book.victims)


def protected_since(instance: Instance, roll: Roll, policy: Policy) -> bool:
    """
    Whether somebody has protected an instance from scale-in since the roll began. What a group that
    protects what it launches has launched since is no sign of that.
    """
    victim = roll.victims.get(instance.id)
    at_start = victim is not None and victim.protected
    by_group = roll.protects_new and instance.id in roll.replacements
    wished = instance.protected and not (at_start or by_group)
    return wished and policy.protected != "replace"


def order(book: Book, roll: Roll, policy: Policy) -> Iterator[Instance]:
    """Victims in the order in which they go: those that do not serve, then as the policy says."""
    idle = [v for v in book.victims if v.id not in book.costly_ids]
    busy = [v for v in book.victims if v.id in book.costly_ids]
    return in_order(
        (idle, busy),
        policy.order,
        book.zones,
        book.surge // book.smallest,
        lambda victim: (roll.victims[victim.id].launched_at or 0.0, victim.id),
    )
