"""A whole roll of a large group in virtual time: CPU seconds, turns, makespan, calls."""

from __future__ import annotations

import argparse
import time
from collections import Counter

from asgroll import preflight, report
from asgroll.aws import Aws
from asgroll.engine import Engine
from asgroll.journal import MemoryJournal
from asgroll.policy import parse
from asgroll.values import format_duration
from tests.lab.inprocess import InProcessAWS, VirtualClock
from tests.lab.scenario import build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=5_000, help="instances (default 5,000)")
    parser.add_argument("--surge", default="5%", help="a number or a percentage (default 5%%)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    world = build(
        {
            "seed": args.seed,
            "boot": {"median": 90, "sigma": 0.4, "straggler_share": 0.02, "straggler_seconds": 600},
            "groups": {
                "web": {
                    "min": 0,
                    "max": args.size,
                    "desired": args.size,
                    "zones": ["a", "b", "c"],
                    "health_check_type": "ELB",
                    "grace_period": 1200,
                    "target_groups": [{"name": "web", "deregistration_delay": 30}],
                    "template": {
                        "name": "web",
                        "versions": [{"ImageId": "ami-1"}, {"ImageId": "ami-2"}],
                        "default": 2,
                        "use": "2",
                        "launched_on": 1,
                    },
                }
            },
        }
    )
    clock = VirtualClock(world)
    aws = Aws(InProcessAWS(world, validate_output=False).client, clock.now)
    policy = parse([("bench", {"surge": args.surge, "ready_timeout": "30m"})])
    started = time.process_time()
    found = preflight.assess(aws, "web", policy, clock.now())
    if found.obstacles:
        raise SystemExit("\n".join(found.obstacles))
    steps: Counter[str] = Counter()
    engine = Engine(
        aws,
        MemoryJournal(),
        policy,
        clock=clock.now,
        sleep=clock.sleep,
        report=lambda event, roll: steps.update([event.step.value]),
    )
    ended = engine.run(preflight.begin(found, "bench", clock.now()))
    spent = time.process_time() - started
    summary = report.summary(ended, policy, aws.calls, clock.now())
    print(f"{args.size} instances, surge {args.surge}: {summary['status']} {summary['reason']}")
    print(f"  CPU {spent:.1f} s for {engine.turns} turns, the emulated AWS included")
    print(
        f"  virtual time {format_duration(summary['wall_seconds'])}, "
        f"ideal {format_duration(summary['ideal_seconds'])}"
    )
    print(
        f"  launches {summary['launches']}, lowest serving {summary['lowest_serving']}, "
        f"highest total {summary['highest_total']}"
    )
    print(f"  calls {sum(aws.calls.values())}: {dict(aws.calls)}")


if __name__ == "__main__":
    main()
