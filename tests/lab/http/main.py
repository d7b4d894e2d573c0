"""`bin/lab`: an emulated AWS for a person, with what happens in it told line by line."""

from __future__ import annotations

import argparse
import re
import signal
import sys
import textwrap
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from moto.core.exceptions import ServiceException

from tests.lab.http.narration import narrate
from tests.lab.http.server import LOOPBACK, LabServer
from tests.lab.scenario import build
from tests.lab.world.assumptions import OTHERS, checked
from tests.lab.world.faults import KINDS, Fault

USAGE_ERROR = 2
#: How often, in real seconds, the lab looks whether something has happened.
LOOK_SECONDS = 0.2
#: What a fault does when nothing more is said: often enough to be seen, not so often that nothing
#: works any more. Times are virtual seconds after the start.
FAULT_DEFAULTS: dict[str, dict[str, Any]] = {
    "throttle": {"probability": 0.2},
    "latency": {"seconds": 1.0},
    "lost_answer": {"probability": 0.1},
    "denied": {"operation": "TerminateInstanceInAutoScalingGroup"},
    "scaling_activity_in_progress": {"probability": 0.3},
    "resource_contention": {"probability": 0.3},
    "html_error": {"probability": 0.1},
    "member_missing": {"probability": 0.1, "pick": "random"},
    "member_twice": {"probability": 0.1, "pick": "random"},
    "group_twice": {"probability": 0.1},
    "target_missing": {"probability": 0.1, "pick": "random"},
    "target_twice": {"probability": 0.1, "pick": "random"},
    "empty_answer": {"probability": 0.1},
    "launch_fails_first": {"probability": 0.3},
    "stale_reads": {"seconds": 3.0},
    "slow_boot": {"probability": 0.3, "factor": 5.0},
    "bad_image": {"probability": 0.5},
    "never_healthy": {"probability": 0.3},
    "slow_launch": {"probability": 0.3, "seconds": 20.0},
    "clock_skew": {"seconds": 600.0},
    "application_stops": {"at": 30, "until": 90, "share": 0.5},
    "zonal_shift": {"at": 30, "until": 90, "zone": "b"},
    "zonal_autoshift": {"at": 30, "until": 90, "zone": "b"},
    "listener_removed": {"at": 30},
    "listener_added": {"at": 90},
    "rebalance_recommendation": {"at": 30},
    "az_outage": {"at": 30, "until": 90, "zone": "b"},
    "spot_reclaim": {"at": 30},
    "instance_dies": {"at": 30},
    "operator_sets": {"at": 30, "desired": 4},
    "operator_terminates": {"at": 30},
    "operator_refreshes": {"at": 30},
    "scale_out": {"at": 30},
    "scale_in": {"at": 30},
    "template_version": {"at": 30},
}
#: For a person who watches: AWS does by itself in seconds what otherwise takes minutes.
QUICK = {
    "reaction": 1.0,
    "running": 1.0,
    "registration": 2.0,
    "check_interval": 1.0,
    "termination": 3.0,
    "health_check": 3.0,
    "retry": 5.0,
    "rebalance": 20.0,
}


def _told_assumptions() -> str:
    told = (f"{rule}={'|'.join(names)}" for rule, names in OTHERS.items())
    return textwrap.fill("  " + "  ".join(told), 80, subsequent_indent="  ", break_on_hyphens=False)


EPILOG = f"""\
faults: --fault KIND or --fault KIND,key=value,…; for example
  --fault throttle                                    every fifth call, at random
  --fault throttle,operation=SetDesiredCapacity,count=3
  --fault lost_answer,operation=TerminateInstanceInAutoScalingGroup,nth=2,applied=false
  --fault az_outage,at=20,until=60,zone=b
{textwrap.fill("kinds: " + ", ".join(sorted(KINDS)), 80, subsequent_indent="  ")}

assumed rules of AWS (tests/lab/RULES.md) and what else they may be:
{_told_assumptions()}

A scenario file can say more: several groups, hooks, weights, launch configurations.
See tests/lab/README.md and the files in tests/lab/scenarios.
"""


class UsageError(Exception):
    """What the person has given makes no sense; the text says why, in one line."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of `bin/lab`'s arguments."""
    made = OneLine(
        prog="bin/lab",
        description="Start an emulated AWS (Auto Scaling, EC2, load balancing) on this machine.\n"
        "Point AWS_ENDPOINT_URL at it and use boto3, the AWS CLI or salt-run.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("scenario", nargs="?", help="YAML file; without one, a group as below")
    group = made.add_argument_group("the group (without a scenario file)")
    group.add_argument("--group", default="web", metavar="NAME", help="its name (web)")
    group.add_argument("--size", type=count, default=6, metavar="N", help="instances (6)")
    group.add_argument("--min", type=count, metavar="N", help="minimum size (half of --size)")
    group.add_argument("--max", type=count, metavar="N", help="maximum size (--size and 2)")
    group.add_argument("--zones", type=zone_count, default=3, metavar="N", help="zones, 1–3 (3)")
    group.add_argument(
        "--boot", type=seconds, default=4.0, metavar="S", help="median boot time, virtual s (4)"
    )
    group.add_argument(
        "--drain", type=seconds, default=5.0, metavar="S", help="deregistration delay, s (5)"
    )
    made.add_argument(
        "--fault", action="append", default=[], metavar="KIND", help="what goes wrong: see below"
    )
    made.add_argument(
        "--assume",
        action="append",
        default=[],
        metavar="RULE=HOW",
        help="another behaviour of an assumed rule: see below",
    )
    made.add_argument("--seed", type=int, help="seed of everything random (0)")
    made.add_argument(
        "--speed", type=positive, default=1.0, metavar="X", help="virtual s in a real one (1)"
    )
    made.add_argument("--host", default=LOOPBACK, help=f"address to listen on ({LOOPBACK})")
    made.add_argument("--port", type=count, default=0, help="port to listen on (a free one)")
    made.add_argument("--calls", action="store_true", help="tell of reading calls, too")
    made.add_argument("--quiet", action="store_true", help="do not tell what happens")
    return made


class OneLine(argparse.ArgumentParser):
    """Says what is wrong in one line, without the whole usage before it."""

    def error(self, message: str) -> None:
        """End with the message."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (try {self.prog} --help)\n")


def count(text: str) -> int:
    """Return a whole number of at least 0."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def zone_count(text: str) -> int:
    """Return a number of availability zones."""
    if text not in {"1", "2", "3"}:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1, 2 or 3")
    return int(text)


def seconds(text: str) -> float:
    """Return a duration of at least 0 seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 or more")
    return value


def positive(text: str) -> float:
    """Return a number above 0."""
    value = seconds(text)
    if value == 0:
        raise argparse.ArgumentTypeError("0 is not above 0")
    return value


def fault_of(text: str) -> dict[str, Any]:
    """Return the fault that ``KIND,key=value,…`` describes, as a scenario has it.

    Raises:
        UsageError: an unknown kind or key.
    """
    kind, *pairs = text.split(",")
    kind = kind.strip().replace("-", "_")
    given: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--fault {text}: {pair!r} is not key=value")
        given[key.strip()] = yaml.safe_load(value)
    wanted = {"kind": kind, **(given or FAULT_DEFAULTS.get(kind, {}))}
    try:
        Fault(**wanted)
    except (TypeError, ValueError) as wrong:
        raise UsageError(f"--fault {text}: {wrong}") from None
    return wanted


def assumption_of(text: str) -> tuple[str, str]:
    """Return rule and behaviour that ``RULE=HOW`` names.

    Raises:
        UsageError: no such rule, or no such behaviour of it.
    """
    rule, _, name = text.partition("=")
    try:
        checked({rule: name})
    except ValueError as wrong:
        raise UsageError(f"--assume {text}: {wrong}") from None
    return rule, name


def scenario_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the scenario that the arguments ask for.

    Raises:
        UsageError: a file that cannot be read, or sizes that contradict each other.
    """
    spec = _from_file(arguments.scenario) if arguments.scenario else _from_options(arguments)
    if arguments.seed is not None:
        spec["seed"] = arguments.seed
    spec["faults"] = [*spec.get("faults", []), *(fault_of(text) for text in arguments.fault)]
    if arguments.assume:
        assumed = dict(assumption_of(text) for text in arguments.assume)
        spec["assumptions"] = {**spec.get("assumptions", {}), **assumed}
    return spec


def _from_file(name: str) -> dict[str, Any]:
    try:
        spec = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    except OSError as wrong:
        raise UsageError(f"{name}: {wrong.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as wrong:
        raise UsageError(f"{name}: not YAML: {' '.join(str(wrong).split())}") from None
    if not isinstance(spec, dict):
        raise UsageError(f"{name}: not a scenario: a mapping is needed at the top")
    return spec


def _from_options(arguments: argparse.Namespace) -> dict[str, Any]:
    size = arguments.size
    low = size // 2 if arguments.min is None else arguments.min
    high = size + 2 if arguments.max is None else arguments.max
    if not low <= size <= high:
        raise UsageError(f"--size {size} must be between --min {low} and --max {high}")
    images = [f"ami-0000000000000000{number}" for number in (1, 2)]
    group = {
        "min": low,
        "max": high,
        "desired": size,
        "zones": list("abc"[: arguments.zones]),
        "health_check_type": "ELB",
        "target_groups": [
            {"name": _balancer_name(arguments.group), "deregistration_delay": arguments.drain}
        ],
        "template": {
            "name": arguments.group,
            "versions": [{"ImageId": image} for image in images],
            "default": 2,
            "launched_on": 1,
        },
    }
    boot = {"median": arguments.boot}
    return {"boot": boot, "delays": QUICK, "groups": {arguments.group: group}}


def _balancer_name(group: str) -> str:
    # Target groups are named by at most 32 letters, digits and hyphens (API reference).
    return re.sub("[^A-Za-z0-9-]+", "-", group)[:32].strip("-") or "lab"


def introduction(lab: LabServer, speed: float) -> str:
    """Return what a person has to know: where, how, and what there is."""
    world = lab.world
    lines = [
        f"The lab listens on {lab.endpoint_url}, "
        f"{speed:g} virtual second{'s' if speed != 1 else ''} in a real one.",
        "In another terminal:",
        f"  export AWS_ENDPOINT_URL={lab.endpoint_url} AWS_DEFAULT_REGION={world.region} "
        "AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing",
        "There is:",
        *(f"  {_group_line(group)}" for group in world.groups.values()),
        *(f"  fault {_fault_line(fault)}" for fault in world.faults),
        "Ctrl-C ends it.",
        "",
    ]
    return "\n".join(lines)


def _group_line(group: Any) -> str:
    versions = sorted({item.launch.version or "" for item in group.instances.values()})
    launched = f", launched from version {', '.join(versions)}" if any(versions) else ""
    behind = [
        name.split("/")[1] if name.startswith("arn:") else name for name in group.load_balancers
    ]
    return (
        f"group {group.name}: {len(group.instances)} instances (min {group.min_size}, desired "
        f"{group.desired}, max {group.max_size}) in {', '.join(group.zones)}{launched}"
        + (f", behind {', '.join(behind)}" if behind else "")
    )


def _fault_line(fault: Fault) -> str:
    until = "" if fault.until is None else f" until {fault.until:g} s"
    params = "".join(f", {key}={value}" for key, value in fault.params)
    return f"{fault.kind} from {fault.at:g} s{until}{params}"


def tell(lab: LabServer, since: int, calls: bool) -> int:
    """Print what has happened from record `since` on; return where to go on."""
    with lab.lock:
        lab.tick()
        records = lab.world.history[since:]
    _print(filter(None, (narrate(record, calls) for record in records)))
    return since + len(records)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the lab until somebody ends it; return the exit code."""
    arguments = parser().parse_args(argv)
    try:
        spec = scenario_of(arguments)
        build(spec)
        lab = LabServer(spec, speed=arguments.speed, host=arguments.host, port=arguments.port)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with lab:
            _serve(lab, arguments)
    except (UsageError, ServiceException, ValueError, OSError) as wrong:
        print(f"bin/lab: {wrong}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        pass
    return 0


def _serve(lab: LabServer, arguments: argparse.Namespace) -> None:
    print(introduction(lab, arguments.speed), flush=True)
    told = len(lab.world.history)
    while True:
        time.sleep(LOOK_SECONDS)
        if arguments.quiet:
            lab.tick()
        else:
            told = tell(lab, told, arguments.calls)


if __name__ == "__main__":
    sys.exit(main())
