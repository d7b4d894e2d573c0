"""Parts that break one invariant each: the proof is worth something only if it finds them all.

Each is a mistake that one could make. ``BROKEN[name]`` is the invariant that it breaks, and what
``playing.pieces`` takes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from asgroll import accounting, engine, journal, planner, tracker
from asgroll.actions import Action, Terminate
from asgroll.aws import Aws
from asgroll.model import Roll, Victim
from asgroll.planner import Book
from asgroll.policy import Policy
from asgroll.world import World
from tests.proof.playing import Gateway


def floor_one_too_low(*observed: Any, count=planner.count) -> Book:
    """Terminate as soon as all but one of those that are needed serve."""
    book = count(*observed)
    book.floor -= 1
    return book


def surge_one_too_large(*observed: Any, count=planner.count) -> Book:
    """Ask for one more than the policy allows."""
    book = count(*observed)
    book.surge += 1
    return book


def chosen_anew(roll: Roll, world: World, policy: Policy, now: float, fold=tracker.fold) -> Roll:
    """Choose the victims again when a roll is resumed, among all that are there then."""
    if roll.resumed_at and roll.progress_at == roll.resumed_at:
        now_there = {i.id: Victim(i.id, i.zone, i.weight) for i in world.instances.values()}
        roll = roll.with_(victims={**roll.victims, **now_there})
    return fold(roll, world, policy, now)


def taken_as_a_difference(roll: Roll, world: World) -> Roll:
    """Take what others set for a change by the difference, the surge that was in it still ours."""
    return roll.with_(expected_desired=world.group.desired)


def always_replaced(*arguments: Any, replace_=planner._replace) -> list[Action]:
    """Never lower the desired capacity by a victim that goes."""
    return [
        replace(action, decrement=False) if isinstance(action, Terminate) else action
        for action in replace_(*arguments)
    ]


def entries_ignored(roll: Roll, entry: Any) -> Roll:
    """Go on from the last snapshot, whatever was sent after it."""
    return roll


@contextlib.contextmanager
def no_lock(*arguments: Any) -> Iterator[None]:
    """Let everybody in."""
    yield


def asked_one_by_one(aws: Aws, name: str, now: float, observe=Aws.observe) -> World:
    """Ask EC2 about each instance in every turn."""
    world = observe(aws, name, now)
    for instance in world.instances:
        aws.launch_times([instance])
    return world


def ready_once_in_service(
    self: Gateway, client: Any, service: str, operation: str, params: dict, call=Gateway._call
) -> Any:
    """Take for healthy in the load balancers whatever is registered there."""
    answer = call(self, client, service, operation, params)
    for target in answer.get("TargetHealthDescriptions", ()):
        target["TargetHealth"] = {"State": "healthy"}
    for state in answer.get("InstanceStates", ()):
        state["State"] = "InService"
    return answer


OLD_ACCOUNTING = (accounting, "_outside_change", taken_as_a_difference)

BROKEN = {
    "floor one too low": ("I1", (planner, "count", floor_one_too_low)),
    "in service is ready": ("I1", (Gateway, "_call", ready_once_in_service)),
    "surge one too large": ("I2", (planner, "count", surge_one_too_large)),
    "victims chosen anew": ("I3", (engine, "fold", chosen_anew)),
    "always replaced": ("I4", (planner, "_replace", always_replaced)),
    "entries ignored": ("I5", (journal, "_played_back", entries_ignored)),
    "no lock": ("I6", (journal, "lock", no_lock)),
    "asked one by one": ("I8", (Aws, "observe", asked_one_by_one)),
}
