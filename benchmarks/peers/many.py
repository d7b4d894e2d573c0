"""
CPU and memory of many rolls at once in one process: one thread each, in virtual time.

``python -m benchmarks.peers.many --groups 100`` prints one line of JSON. The emulated AWS lives in
the same process; its CPU seconds are told apart, its memory is not.
"""

from __future__ import annotations

import argparse
import heapq
import json
import resource
import threading
import time
from collections import Counter
from typing import Any

from asgroll.aws import Aws
from benchmarks.peers.ours import policy_of, run
from benchmarks.peers.stage import group_of, world_of
from tests.lab.inprocess import InProcessAWS
from tests.lab.world import World

SIZE, SURGE = 20, 2
_STACK_BYTES = 512 * 1024
_KIB = 1024.0


class Turns:
    """Lets one thread run at a time: the one that wakes first in virtual time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asleep: list[tuple[float, int, threading.Event]] = []
        self._count = 0
        self.lab_cpu = 0.0
        self.ended = threading.Event()

    def begin(self) -> threading.Event:
        """A place in the queue for a thread that has not started yet."""
        return self._lie_down(self._world.now)

    def _lie_down(self, until: float) -> threading.Event:
        woken = threading.Event()
        self._count += 1
        heapq.heappush(self._asleep, (until, self._count, woken))
        return woken

    def sleep(self, seconds: float) -> None:
        """Pause the calling thread and let the next one run."""
        woken = self._lie_down(self._world.now + seconds)
        self.wake()
        woken.wait()

    def wake(self) -> None:
        """Let the next thread run, or say that all have ended."""
        if not self._asleep:
            self.ended.set()
            return
        until, _, woken = heapq.heappop(self._asleep)
        started = time.thread_time()
        self._world.advance(until)
        self.lab_cpu += time.thread_time() - started
        woken.set()


class TimedAWS(InProcessAWS):
    """The emulated AWS with its own CPU seconds; a call takes no virtual time."""

    def __init__(self, world: World) -> None:
        super().__init__(world, call_seconds=0.0, validate_output=False)
        self.cpu = 0.0

    def _call(self, *args: Any) -> dict[str, Any]:
        started = time.thread_time()
        try:
            return super()._call(*args)
        finally:
            self.cpu += time.thread_time() - started


def measure(groups: int, seed: int) -> dict[str, Any]:
    """Roll so many groups at once; figures as plain numbers."""
    names = [f"g{number:04}" for number in range(groups)]
    world, ledger = world_of({name: group_of(SIZE, SURGE, name) for name in names}, seed)
    gateway, turns = TimedAWS(world), Turns(world)
    for service in ("autoscaling", "ec2", "elbv2", "elb"):
        gateway.client(service)
    policy = policy_of(SURGE)
    ends: list[str] = []
    threading.stack_size(_STACK_BYTES)

    def work(name: str, woken: threading.Event) -> None:
        woken.wait()
        try:
            ended = run(
                name, Aws(gateway.client, gateway.clock.now), policy, gateway.clock.now, turns.sleep
            )
            ends.append(ended.phase.value)
        finally:
            turns.wake()

    before, began, started = _peak(), world.now, time.process_time()
    threads = [threading.Thread(target=work, args=(name, turns.begin())) for name in names]
    for thread in threads:
        thread.start()
    turns.wake()
    turns.ended.wait()
    for thread in threads:
        thread.join()
    cpu, lab_cpu = time.process_time() - started, gateway.cpu + turns.lab_cpu
    if ends != ["done"] * groups:
        raise SystemExit(f"not all of {groups} rolls have ended well: {Counter(ends)}")
    return {
        "groups": groups,
        "instances": ledger.launches,
        "cpu_seconds": round(cpu - lab_cpu, 1),
        "lab_cpu_seconds": round(lab_cpu, 1),
        "virtual_seconds": round(world.now - began),
        "peak_mib": round(_peak() / _KIB),
        "growth_mib": round((_peak() - before) / _KIB),
        "calls": sum(ledger.calls.values()),
    }


def _peak() -> float:
    """The largest resident size of this process up to now, KiB (Linux)."""
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=100, help="groups at once (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(json.dumps(measure(args.groups, args.seed)))


if __name__ == "__main__":
    main()
