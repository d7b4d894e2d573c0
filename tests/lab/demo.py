"""`bin/demo`: plan and roll a group in the emulated AWS through real `salt-run` processes."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.lab.http import LabServer
from tests.lab.salt_run import SaltRun
from tests.lab.world.faults import Fault

#: Seconds; a real instance takes minutes, the demo shows the same in less than one.
BOOT, DRAIN, POLL, SETTLE = 3.0, 2.0, 0.5, 1.0

#: Story → what it tells, and the faults that tell it. Times are seconds after the roll has raised
#: the desired capacity; a fault without a time holds from the beginning.
STORIES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "throttle": (
        "AWS limits our rate for eight seconds in the middle of the roll",
        [{"kind": "throttle", "at": 5, "until": 13, "service": "autoscaling"}],
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
        [{"kind": "az_outage", "at": 5, "until": 15, "zone": "eu-central-1b"}],
    ),
    "bad-image": (
        "the new template's image does not boot: the roll halts, nothing is lost",
        [{"kind": "bad_image"}],
    ),
    "spot": (
        "AWS takes back an instance in the middle of the roll",
        [{"kind": "spot_reclaim", "at": 5, "pick": "oldest"}],
    ),
}


def scenario(group: str, size: int) -> dict[str, Any]:
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
    }


class Trouble(threading.Thread):
    """Brings a story's faults into the emulated AWS, timed by what the roll does."""

    def __init__(self, lab: LabServer, faults: list[dict[str, Any]]):
        super().__init__(daemon=True)
        self._lab, self._faults, self._over = lab, faults, threading.Event()

    def run(self) -> None:
        timed = [fault for fault in self._faults if "at" in fault]
        self._inject([fault for fault in self._faults if "at" not in fault])
        while timed and not self._over.wait(0.1):
            if self._rolling():
                self._inject(timed)
                return

    def _rolling(self) -> bool:
        with self._lab.lock:
            return any(
                getattr(record, "operation", "") == "SetDesiredCapacity"
                for record in self._lab.world.history
            )

    def _inject(self, faults: list[dict[str, Any]]) -> None:
        with self._lab.lock:
            world = self._lab.world
            now = world.now - world.start
            for fault in faults:
                times = {k: now + fault[k] for k in ("at", "until") if k in fault}
                world.inject(Fault(**(fault | times)))

    def stop(self) -> None:
        """End the thread, whether or not the roll has come so far."""
        self._over.set()
        self.join()


def main(argv: list[str] | None = None) -> int:
    """Tell a story; the exit code is the roll's."""
    args = _arguments(argv)
    told, faults = STORIES.get(args.fault, ("", []))
    if told:
        print(f"The story: {told}.")
    with (
        tempfile.TemporaryDirectory(prefix="asgcycle-demo-") as folder,
        LabServer(scenario(args.group, args.size)) as lab,
    ):
        trouble = Trouble(lab, faults)
        trouble.start()
        salt = SaltRun(Path(folder), lab.endpoint_url)
        salt.pillar({"asgcycle": {"defaults": {"poll_interval": POLL, "settle_time": SETTLE}}})
        code = 0
        for verb in ("plan", "roll"):
            command = [f"asgcycle.{verb}", args.group, *_policy(args)]
            print(f"\n$ salt-run {shlex.join(command)}", flush=True)
            code = salt.start(*command).wait()
        trouble.stop()
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
