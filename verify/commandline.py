"""`bin/verify-aws`: arguments, the question before it spends, signals, exit codes."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from verify import cleaning, costs, finding, telling
from verify.account import Account, Refused, Unusable
from verify.playing import Play
from verify.probes import BALANCED, NAMES, PROBES, ROLL, UNHEARD, Probe
from verify.settings import RUN_ID, Run, new_id
from verify.stage import TooLate
from verify.transcript import FORMAT, Transcript

EPILOG = """\
exit codes: 0 every rule that was asked for agrees, 1 a rule differs (a finding, not a failure),
2 refused, nothing was made, 3 something failed, is unclear, or is left

docs/verify-aws.md says what it makes, what it costs, which permissions it needs, how to read the
result. Nobody has to run it, and no rule counts as tried on AWS without a transcript.
"""
#: After these it deletes what was made before it ends.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asks us to end; what was made is deleted before that."""


class OneLine(argparse.ArgumentParser):
    """Says what is wrong in one line, without the whole usage before it."""

    def error(self, message: str) -> None:
        """End with the message."""
        self.exit(telling.REFUSED, f"{self.prog}: {message} (try {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    made = OneLine(
        prog="bin/verify-aws",
        description="Check on an AWS account of yours the rules on which asgcycle is built.\n"
        "Makes one small group, asks, rolls it once, deletes everything, writes a transcript.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--region", required=True, help="where")
    made.add_argument("--subnets", default="", metavar="ID,ID", help="of one VPC, one a zone")
    made.add_argument("--profile", help="profile of the AWS configuration files")
    made.add_argument("--os", choices=finding.PARAMETERS, default="amazon-linux", dest="system")
    made.add_argument("--image", default="", metavar="AMI", help="instead of --os")
    made.add_argument("--instance-type", default="", metavar="TYPE", help="the smallest there is")
    made.add_argument("--internet-facing", action="store_true", help="the load balancer is")
    made.add_argument(
        "--allow-from", default="", metavar="CIDR,…", help="who may reach the application besides"
    )
    made.add_argument("--no-balancer", action="store_true", help="no load balancer, no roll")
    made.add_argument(
        "--only", default="", metavar="NAME,…", help=f"of: {', '.join((*NAMES, ROLL))}"
    )
    made.add_argument("--transcript", type=Path, metavar="FILE", help="a new file")
    made.add_argument("--yes", action="store_true", help="do not ask before it spends")
    made.add_argument(
        "--clean", nargs="?", const="", metavar="RUN", help="delete what a run has left, and end"
    )
    other = made.add_argument_group("another endpoint than AWS, as bin/lab")
    other.add_argument("--endpoint-url", metavar="URL")
    other.add_argument("--application-url", metavar="URL", help="where the application answers")
    other.add_argument(
        "--speed", type=float, default=1.0, metavar="X", help="how fast its time runs (1)"
    )
    return made


def main(argv: list[str] | None = None) -> int:
    """Do what the arguments say; return the exit code."""
    made = parser()
    args = made.parse_args(argv)
    if args.speed != 1 and not args.endpoint_url:
        made.error("--speed: the time of AWS cannot be chosen; it goes with --endpoint-url")
    if args.speed < 1:
        made.error("--speed: 1 or more")
    probes, rolls = _chosen(made, args.only, args.no_balancer)
    run = _run(args)
    try:
        if args.clean is not None:
            return _clean(made, run, args.clean, args.yes)
        if not run.subnets:
            made.error("--subnets: at least one subnet is needed")
        return _verify(run, args, probes, rolls)
    except (Unusable, Refused, finding.Unfit) as why:
        _say(f"bin/verify-aws: {why}", sys.stderr)
        return telling.REFUSED


def _run(args: argparse.Namespace) -> Run:
    return Run(
        id=new_id(),
        region=args.region,
        subnets=_list(args.subnets),
        image=args.image,
        instance_type=args.instance_type,
        balanced=not args.no_balancer,
        scheme="internet-facing" if args.internet_facing else "internal",
        allow_from=_list(args.allow_from),
        endpoint_url=args.endpoint_url,
        application_url=args.application_url,
        profile=args.profile,
        speed=args.speed,
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _chosen(
    made: argparse.ArgumentParser, only: str, no_balancer: bool
) -> tuple[list[Probe], bool]:
    wanted = _list(only) or (*NAMES, ROLL)
    unknown = [name for name in wanted if name not in (*NAMES, ROLL)]
    if unknown:
        made.error(f"--only: unknown {', '.join(unknown)}; there are {', '.join((*NAMES, ROLL))}")
    probes = [
        probe
        for probe in PROBES
        if probe.name in wanted and not (no_balancer and probe.when in (UNHEARD, BALANCED))
    ]
    return probes, ROLL in wanted and not no_balancer


# -- a run ----------------------------------------------------------------------------------------


def _verify(run: Run, args: argparse.Namespace, probes: list[Probe], rolls: bool) -> int:
    account = Account(run)
    number, who = finding.identity(account)
    network = finding.network(account, run)
    image = run.image or finding.image(account, args.system)
    kind = run.instance_type or finding.smallest_type(account, image)
    run = replace(run, image=image, instance_type=kind)
    cost = costs.estimate(run, probes, rolls)
    zones = len(set(network.zones.values()))
    for line in telling.beforehand(run, number, who, cost, zones):
        _say(line)
    if not _agreed(args.yes):
        return telling.REFUSED
    path = args.transcript or Path(f"verify-aws-{run.id}.jsonl")
    try:
        transcript = Transcript(path, run, secrets=(number, who))
    except OSError as wrong:
        raise finding.Unfit(f"--transcript {path}: {wrong.strerror}; give a new file") from wrong
    with contextlib.closing(transcript):
        transcript.write("run", **_head(run, probes, rolls, zones))
        return _carry_out(run, account, transcript, network, probes, rolls, cost)


def _head(run: Run, probes: list[Probe], rolls: bool, zones: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "region": run.region,
        "endpoint": "other" if run.endpoint_url else "AWS",
        "zones": zones,
        "balanced": run.balanced,
        "instance_type": run.instance_type,
        "probes": [probe.name for probe in probes],
        "rolls": rolls,
        "boto3": boto3.__version__,
    }


def _agreed(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        _say("bin/verify-aws: there is no terminal to ask at; --yes agrees beforehand", sys.stderr)
        return False
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False


def _carry_out(
    run: Run,
    account: Account,
    transcript: Transcript,
    network: Any,
    probes: list[Probe],
    rolls: bool,
    cost: costs.Cost,
) -> int:
    terminal = telling.Terminal(_say)
    play = Play(run, account, transcript, network, probes, rolls, terminal)
    problem = ""
    with _signals(terminal) as cleaning_begins:
        try:
            play.all()
        except Stopped as stopped:
            problem = f"stopped by {stopped}"
        except (TooLate, Refused, Unusable) as why:
            problem = str(why)
        finally:
            cleaning_begins()
            account.listener = None
            left = _cleaned(account, run, terminal)
    lines, code = telling.summary(play.played, probes, left, problem, cost)
    transcript.write(
        "end",
        code=code,
        problem=transcript.text(problem),
        left=len(left),
        calls=dict(sorted(account.calls.items())),
    )
    for line in [*lines, f"{'transcript':<12}{os.path.relpath(transcript.path)}"]:
        _say(line)
    return code


def _cleaned(account: Account, run: Run, terminal: telling.Terminal) -> list[str]:
    try:
        return cleaning.clean(account, run, terminal.step)
    except (Refused, Unusable) as why:
        again = f"bin/verify-aws --region {run.region} --clean {run.id}"
        return [f"what is left is not known ({why}); try later: {again}"]


@contextlib.contextmanager
def _signals(terminal: telling.Terminal) -> Iterator[Any]:
    """Let a signal end the play; while it cleans up signals are only answered."""
    state = {"cleaning": False}

    def handle(number: int, _: Any) -> None:
        if state["cleaning"]:
            terminal.step("deleting what was made; that has to end first")
            return
        state["cleaning"] = True
        raise Stopped(signal.Signals(number).name)

    def cleaning_begins() -> None:
        state["cleaning"] = True

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield cleaning_begins
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# -- cleaning up after a crash --------------------------------------------------------------------


def _clean(made: argparse.ArgumentParser, run: Run, wanted: str, yes: bool) -> int:
    account = Account(run)
    if wanted and not RUN_ID.fullmatch(wanted):
        made.error(f"--clean {wanted}: a run's id is eight hexadecimal digits")
    if not wanted:
        found = cleaning.runs(account)
        if not found:
            _say("nothing with the tag asgcycle-verify is left")
            return telling.AGREES
        if len(found) > 1:
            made.error(f"--clean: there are {', '.join(found)}; say which")
        wanted = found[0]
    run = replace(run, id=wanted)
    things = cleaning.left(account, run)
    if not things:
        _say(f"nothing of run {wanted} is left")
        return telling.AGREES
    for thing in things:
        _say(f"run {wanted}: {thing}")
    if not _agreed(yes):
        return telling.REFUSED
    left = cleaning.clean(account, run, _say)
    for text in left:
        _say(f"LEFT {text}")
    if left:
        return telling.FAILED
    _say(f"nothing of run {wanted} is left")
    return telling.AGREES


def _say(text: str, stream: Any = None) -> None:
    # a terminal that was closed must not keep us from deleting
    with contextlib.suppress(OSError):
        print(text, file=stream or sys.stdout, flush=True)
