"""Plays random histories for as long as wanted, in several processes, and tells what broke.

The histories are drawn in batches; each batch has a seed of its own, so that any of them can be
played again: ``bin/soak --seed SEED`` with as many histories as one batch has.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.proof.exploring import Search, explore

# Histories of one seed: few enough that Hypothesis's memory of what it has tried stays small.
BATCH = 500
# Seconds between two lines of progress.
TELL_EVERY = 30.0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="bin/soak", description=__doc__.splitlines()[0])
    parser.add_argument("histories", nargs="?", type=_positive, default=100_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first batch (default 1)")
    parser.add_argument("--workers", type=_positive, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    batches = list(_batches(given.histories, given.seed))
    first, last = batches[0][0], batches[-1][0]
    print(f"{given.histories:,} histories, seeds {first} to {last}, {given.workers} workers")
    began, done, ends, failed = time.monotonic(), 0, Counter(), 0
    told = began
    for search in _played(batches, given.workers):
        done += search.histories
        ends.update(search.ends)
        if search.story is not None:
            failed += 1
            print(f"\nVIOLATION, {search.told()}again: bin/soak {BATCH} --seed {search.seed}\n")
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            print(_progress(done, given.histories, told - began, failed), flush=True)
    for end, number in sorted(ends.items()):
        print(f"  {end:20} {number:>9,}")
    minutes = (time.monotonic() - began) / 60
    print(
        f"{done:,} histories in {minutes:.1f} min, violations in {failed} of {len(batches)} seeds"
    )
    return 1 if failed else 0


def _positive(text: str) -> int:
    number = int(text.replace(",", ""))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _batches(histories: int, seed: int) -> Iterator[tuple[int, int]]:
    """Yield the seed and the size of each batch."""
    for start in range(0, histories, BATCH):
        yield seed + start // BATCH, min(BATCH, histories - start)


def _played(batches: list[tuple[int, int]], workers: int) -> Iterator[Search]:
    if workers == 1:
        yield from map(_play, batches)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(_play, batches)


def _play(batch: tuple[int, int]) -> Search:
    return explore(*batch)


def _progress(done: int, wanted: int, seconds: float, failed: int) -> str:
    rate = done / seconds
    left = max(0, wanted - done) / rate / 60
    return f"{done:,} histories, {rate:.0f} a second, {left:.0f} min left, {failed} seeds violated"


if __name__ == "__main__":
    sys.exit(main())
