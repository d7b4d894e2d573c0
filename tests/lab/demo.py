"""`bin/demo`: plan and roll a group in the emulated AWS through real `salt-run` processes."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from tests.lab.http import LabServer

REPO = Path(__file__).resolve().parents[2]

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


def write_master(folder: Path, defaults: dict[str, Any]) -> Path:
    """
    Configuration of a Salt master that lives in ``folder`` and is never started as a daemon.

    :param defaults: the pillar ``asgcycle:defaults``.
    :return: the folder for ``salt-run --config-dir``.
    """
    conf, pillar = folder / "conf", folder / "pillar"
    for path in (conf, pillar, folder / "states", folder / "cache" / "proc"):
        path.mkdir(parents=True)
    (pillar / "top.sls").write_text(yaml.safe_dump({"base": {"*": ["asgcycle"]}}))
    (pillar / "asgcycle.sls").write_text(yaml.safe_dump({"asgcycle": {"defaults": defaults}}))
    master = {
        "id": "demo_master",
        "user": _user(),
        "root_dir": str(folder),
        "pki_dir": str(folder / "pki"),
        "cachedir": str(folder / "cache"),
        "sock_dir": str(folder / "sock"),
        "log_file": str(folder / "log"),
        "log_level": "error",
        "file_roots": {"base": [str(folder / "states")]},
        "pillar_roots": {"base": [str(pillar)]},
        "module_dirs": [str(REPO)],
    }
    (conf / "master").write_text(yaml.safe_dump(master))
    return conf


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


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
        conf = write_master(Path(folder), {"poll_interval": POLL, "settle_time": SETTLE})
        environment = os.environ | {
            "AWS_ENDPOINT_URL": lab.endpoint_url,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            environment.pop(name, None)
        code = 0
        for verb in ("plan", "roll"):
            command = [f"asgcycle.{verb}", args.group, *_policy(args)]
            print(f"\n$ salt-run {shlex.join(command)}", flush=True)
            salt_run = [str(Path(sys.executable).with_name("salt-run"))]
            code = subprocess.run(
                [*salt_run, "--config-dir", str(conf), *command], env=environment, check=False
            ).returncode
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
