"""
Ours, models of other tools and the lower bound, rolling the same groups: a page and a plot.

The page is written to ``--output`` and the rows are printed as they are measured.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.peers import ansible, bouncer, ours, plot, refresh, report, roller
from benchmarks.peers.report import OURS, Row
from benchmarks.peers.stage import Case, Measured, Stage

REPO = Path(__file__).resolve().parents[2]
MODELS = {
    OURS: ours,
    "Instance Refresh": refresh,
    "Ansible replace_all_instances": ansible,
    "bouncer batch-canary": bouncer,
    "aws-asg-roller": roller,
}
ONE_AT_A_TIME = ("aws-asg-roller",)
PAGE, PLOT = "results.md", "makespan.svg"


def main() -> None:
    args = _arguments()
    rows = _rows(_cases(args))
    many = [_many(groups, args.seed) for groups in args.groups]
    _write(args, rows, many)


def _write(args: argparse.Namespace, rows: Sequence[Row], many: Sequence[dict]) -> None:
    cases = {
        f"{row.case.size}, surge {row.case.surge}": {
            roll.tool: roll.seconds / row.case.lower_bound for roll in row.rolls
        }
        for row in rows
    }
    title = "Makespan as a multiple of the lower bound (instances, surge)"
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / PLOT).write_text(plot.draw(title, cases), encoding="utf-8")
    text = report.page(_command(args), rows, many, MODELS, PLOT)
    (args.output / PAGE).write_text(text, encoding="utf-8")
    print(f"written: {args.output / PAGE}, {args.output / PLOT}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench peers", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", type=_numbers, default=[20, 100, 1000], metavar="20,100,…")
    parser.add_argument("--surges", type=_shares, default=["1%", "5%", "10%"], metavar="1%,5%,…")
    parser.add_argument(
        "--groups", type=_numbers, default=[1, 100, 1000], metavar="1,100,…", help="rolled at once"
    )
    parser.add_argument("--output", type=Path, default=REPO / "docs" / "benchmarks")
    return parser.parse_args()


def _cases(args: argparse.Namespace) -> list[Case]:
    """Each size with each surge once: several percentages of a small group are the same number."""
    shares: dict[tuple[int, int], list[str]] = {}
    for size in args.sizes:
        for share in args.surges:
            surge = math.ceil(size * float(share.rstrip("%")) / 100)
            shares.setdefault((size, surge), []).append(share)
    return [Case(*key, args.seed, tuple(found)) for key, found in shares.items()]


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _shares(text: str) -> list[str]:
    return [f"{float(part.rstrip('%')):g}%" for part in text.split(",")]


def _command(args: argparse.Namespace) -> str:
    given = [f"--seed {args.seed}"]
    for name, wanted in (("sizes", [20, 100, 1000]), ("surges", ["1%", "5%", "10%"])):
        if getattr(args, name) != wanted:
            given.append(f"--{name} {','.join(map(str, getattr(args, name)))}")
    if args.groups != [1, 100, 1000]:
        given.append(f"--groups {','.join(map(str, args.groups))}")
    return " ".join(["bin/bench peers", *given])


def _rows(cases: Sequence[Case], processes: int | None = None) -> list[Row]:
    """All tools on all cases, as many at once as there are processors."""
    pairs = dict.fromkeys((_played(case, name), name) for case in cases for name in MODELS)
    rolls = {}
    with ProcessPoolExecutor(processes) as pool:
        done = pool.map(_roll, [case for case, _ in pairs], [name for _, name in pairs])
        for (case, name), roll in zip(pairs, done, strict=True):
            rolls[case, name] = roll
            print(
                f"{case.size} instances, surge {case.surge}, {name}: {roll.seconds:.0f} s",
                flush=True,
            )
    return [Row(case, tuple(rolls[_played(case, n), n] for n in MODELS)) for case in cases]


def _played(case: Case, name: str) -> Case:
    """The case that a tool is measured on: to those that replace one at a time all are the same."""
    return replace(case, surge=1, shares=()) if name in ONE_AT_A_TIME else case


def _roll(case: Case, name: str) -> Measured:
    return Stage(case).measure(name, MODELS[name].roll)


def _many(groups: int, seed: int) -> dict:
    """A process of its own, so that its memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.many", f"--groups={groups}", f"--seed={seed}"],
        cwd=REPO,
        check=True,
        capture_output=True,
        text=True,
    )
    print(f"{groups} groups at once: {done.stdout.strip()}", flush=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
