"""Time of one turn's decisions for a large group: fold and plan, without any I/O."""

from __future__ import annotations

import argparse
import statistics
import time

from asgroll.model import Replacement, Roll, Victim
from asgroll.planner import plan
from asgroll.policy import parse
from asgroll.tracker import fold
from asgroll.world import Group, Instance, World


def scene(size: int, surge: int) -> tuple[World, Roll]:
    """A group half way through its roll: half the victims gone, ``surge`` new ones booting."""
    zones = ("a", "b", "c")
    old = [Instance(f"i-{n:017x}", zones[n % 3], "InService", True) for n in range(size)]
    half = size // 2
    fresh = [
        Instance(f"i-{n:017x}", zones[n % 3], "InService", True) for n in range(size, size + half)
    ]
    booting = [
        Instance(f"i-{n:017x}", zones[n % 3], "Pending", True)
        for n in range(size + half, size + half + surge)
    ]
    members = [*old[half:], *fresh, *booting]
    desired = len(members)
    world = World(Group("web", 0, 2 * size, desired), {i.id: i for i in members}, taken_at=100.0)
    known = {i.id: Replacement(i.id, i.zone, 0.0, ready_at=1.0, healthy_since=1.0) for i in fresh}
    known |= {i.id: Replacement(i.id, i.zone, 90.0) for i in booting}
    roll = Roll(
        id="bench",
        group="web",
        arn="",
        started_at=0.0,
        progress_at=90.0,
        initial=frozenset(i.id for i in old),
        victims={i.id: Victim(i.id, i.zone) for i in old},
        specs=("",),
        max_size=2 * size,
        desired=size,
        expected_desired=desired,
        delta=desired - size,
        replacements=known,
        vanished=frozenset(i.id for i in old[:half]),
    )
    return world, roll


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000, help="instances (default 10,000)")
    parser.add_argument("--runs", type=int, default=20, help="measured turns (default 20)")
    args = parser.parse_args()
    policy = parse([("bench", {"surge": "5%"})])
    world, roll = scene(args.size, args.size // 20)
    figures: dict[str, list[float]] = {"fold": [], "plan": []}
    decided = 0
    for _ in range(args.runs):
        start = time.perf_counter()
        folded = fold(roll, world, policy, 101.0)
        middle = time.perf_counter()
        decided = len(plan(world, folded, policy, 101.0))
        figures["fold"].append(middle - start)
        figures["plan"].append(time.perf_counter() - middle)
    print(f"one turn, {args.size} instances, {len(world.instances)} members, {decided} actions")
    for name, seconds in figures.items():
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        print(f"  {name}, ms: min {low * 1e3:.1f}, median {middle * 1e3:.1f}, max {high * 1e3:.1f}")


if __name__ == "__main__":
    main()
