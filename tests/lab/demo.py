"""`bin/demo`: plan and roll a group in the emulated AWS through real `salt-run` processes."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.lab.http import LabServer
from tests.lab.salt_run import SaltRun

#: Seconds; a real instance takes minutes, the demo shows the same in less than one.
BOOT, DRAIN, POLL, SETTLE = 3.0, 2.0, 0.5, 1.0

#: Story → what it tells, and the faults that tell it (times are seconds after the start).
STORIES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "throttle": (
        "AWS limits our rate for ten seconds in the middle of the roll",
        [{"kind": "throttle", "at": 12, "until": 22, "service": "autoscaling"}],
    ),
    "lost-answer": (
        "a termination is carried out, but its answer never arrives",
        [
            {
                "kind": "lost_answer",
                "operation": "TerminateInstanceInAutoScalingGroup",
                "nth": 2,
                "applied": True,
            }
        ],
    ),
    "az-outage": (
        "one of the three zones goes down and comes back",
        [{"kind": "az_outage", "at": 14, "until": 24, "zone": "eu-central-1b"}],
    ),
    "bad-image": (
        "the new template's image does not boot: the roll halts, nothing is lost",
        [{"kind": "bad_image"}],
    ),
    "spot": (
        "AWS takes back an instance in the middle of the roll",
        [{"kind": "spot_reclaim", "at": 14, "pick": "oldest"}],
    ),
}


def scenario(group: str, size: int, faults: list[dict[str, Any]]) -> dict[str, Any]:
    """A group of ``size`` in three zones behind a target group, its template just updated."""
    return {
        "seed": 7,
        "start": time.time(),
        "boot": {"median": BOOT, "sigma": 0.2},
        "delays": {"reaction": 0.3, "registration": 0.7, "termination": 0.5},
        "groups": {
            group: {
                "min": size,
                "max": size,
                "desired": size,
                "zones": ["a", "b", "c"],
                "health_check_type": "ELB",
                "target_groups": [{"name": group, "deregistration_delay": DRAIN}],
                "template": {
                    "name": group,
                    "versions": [
                        {"ImageId": "ami-00000000000000001"},
                        {"ImageId": "ami-00000000000000002"},
                    ],
                    "default": 2,
                    "use": "2",
                    "launched_on": 1,
                },
            }
        },
        "faults": faults,
    }


def main(argv: list[str] | None = None) -> int:
    """Tell a story; the exit code is the roll's."""
    args = _arguments(argv)
    told, faults = STORIES.get(args.fault, ("", []))
    if told:
        print(f"The story: {told}.")
    with (
        tempfile.TemporaryDirectory(prefix="asgcycle-demo-") as folder,
        LabServer(scenario(args.group, args.size, faults)) as lab,
    ):
        salt = SaltRun(Path(folder), lab.endpoint_url)
        salt.pillar({"asgcycle": {"defaults": {"poll_interval": POLL, "settle_time": SETTLE}}})
        code = 0
        for verb in ("plan", "roll"):
            command = [f"asgcycle.{verb}", args.group, *_policy(args)]
            print(f"\n$ salt-run {shlex.join(command)}", flush=True)
            code = salt.start(*command).wait()
        print(f"\nexit code {code}")
    return code


def _policy(args: argparse.Namespace) -> list[str]:
    given = [f"surge={args.surge}"]
    if args.max_unavailable != "0":
        given.append(f"max_unavailable={args.max_unavailable}")
    return given


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/demo",
        description="Roll a group in an emulated AWS with the real salt-run.",
        epilog="stories: " + "; ".join(f"{name}: {told}" for name, (told, _) in STORIES.items()),
    )
    parser.add_argument("--group", default="web", help="name of the group (default web)")
    parser.add_argument("--size", type=int, default=6, help="number of instances (default 6)")
    parser.add_argument("--surge", default="2", help="a number or a percentage (default 2)")
    parser.add_argument("--max-unavailable", default="0", help="a number or a percentage")
    parser.add_argument("--fault", choices=STORIES, help="tell another story")
    args = parser.parse_args(argv)
    if args.size < 1:
        parser.error("--size: at least 1")
    return args


if __name__ == "__main__":
    sys.exit(main())
