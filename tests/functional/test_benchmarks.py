"""The benchmarks still run; what they measure is not asserted here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    assert said in done.stdout
