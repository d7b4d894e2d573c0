"""The benchmarks still run; what they measure is not asserted here."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.peers.__main__ import MODELS

REPO = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["benchmarks.planner", "--size", "120", "--runs", "1"], "one turn, 120 instances"),
        (["benchmarks.lab_describe", "--size", "6", "--runs", "2"], "6 instances over HTTP"),
        (["benchmarks.virtual_roll", "--size", "12", "--surge", "3"], "lowest serving 12"),
    ],
    ids=["planner", "lab_describe", "virtual_roll"],
)
def test_a_benchmark_runs(arguments, said):
    assert said in run(*arguments)


def run(*arguments):
    """Run a benchmark's module and return what it says."""
    path = os.pathsep.join([str(REPO), str(REPO / "_utils")])
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=REPO,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- ours against others: benchmarks.peers

SMALL = ["--seed", "3", "--sizes", "12", "--surges", "25%", "--groups", "2"]
COMMITTED = REPO / "docs" / "benchmarks" / "results.md"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small run of the comparison: the directory it has written."""
    output = tmp_path_factory.mktemp("peers")
    run("benchmarks.peers", *SMALL, "--output", str(output))
    return output


def tables(page):
    """The tables of a page, each a list of its rows' cells."""
    found, rows = [], []
    for line in [*page.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            found.append(rows)
            rows = []
    return found


def headings(page):
    return [line for line in page.splitlines() if line.startswith("#")]


def test_the_comparison_measures_each_tool_once_beside_the_bound_and_the_ideal(small):
    makespans = tables((small / "results.md").read_text())[0]
    assert [row[2] for row in makespans[2:]] == ["*lower bound*", "*ideal*", *MODELS]


def test_a_tool_that_keeps_all_serving_is_not_faster_than_the_lower_bound(small):
    makespans = tables((small / "results.md").read_text())[0]
    kept = [float(row[4]) for row in makespans[4:] if row[5] == "12"]
    assert len(kept) >= 4
    assert min(kept) >= 1


def test_every_row_of_the_page_has_all_columns(small):
    for table in tables((small / "results.md").read_text()):
        assert {len(row) for row in table} == {len(table[0])}


def test_the_plot_has_a_mark_for_each_tool_in_each_case(small):
    picture = ElementTree.parse(small / "makespan.svg").getroot()  # noqa: S314 - we wrote it
    marks = [e for e in picture if e.tag.endswith(("circle", "polygon"))]
    assert len(marks) == 2 * len(MODELS)  # the legend and one case


def test_the_committed_page_is_of_the_same_form(small):
    fresh, committed = (small / "results.md").read_text(), COMMITTED.read_text()
    assert headings(committed) == headings(fresh)
    assert [t[:2] for t in tables(committed)] == [t[:2] for t in tables(fresh)]
    assert re.search(r"Made by `bin/bench peers --seed \d+", committed)


def test_the_same_seed_gives_the_same_figures(small, tmp_path):
    run("benchmarks.peers", *SMALL, "--output", str(tmp_path))
    again, first = ((place / "results.md").read_text() for place in (tmp_path, small))
    assert tables(again)[:2] == tables(first)[:2]
    assert (tmp_path / "makespan.svg").read_text() == (small / "makespan.svg").read_text()
