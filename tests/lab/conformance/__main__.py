"""Run moto's own tests against the lab and compare the failures with `expected.yaml`.

The tests come with moto's source distribution, which is downloaded into the repository's cache
folder and not kept in git. Exit code 0: exactly the expected tests fail. Exit code 1: they differ.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path

import yaml

# The tests launch moto's sample images, which the lab leaves out otherwise.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "true"

from tests.lab.conformance import transcripts
from tests.lab.http import LabServer
from tests.lab.world.model import Delays

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[2] / ".cache" / "conformance"
EXPECTED = HERE / "expected.yaml"
#: What of moto's tests concerns what the lab answers.
SELECTION = (
    "tests/test_autoscaling",
    "tests/test_elbv2/test_elbv2_target_health.py",
    "tests/test_elb",
)
#: An AWS that does everything at once: moto's tests do not wait.
SCENARIO = {
    "region": "us-east-1",
    "start": time.time(),
    "boot": {"median": 0, "sigma": 0},
    "delays": {field.name: 0 for field in fields(Delays)},
}
RESULT = re.compile(r"^(PASSED|FAILED|ERROR|XFAIL|XPASS) (\S+)", re.MULTILINE)
FAILING = frozenset({"FAILED", "ERROR"})


@dataclass(frozen=True)
class Comparison:
    """How the failures of a run differ from the expected ones."""

    unexpected: tuple[str, ...]
    passing: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Say whether exactly the expected tests failed."""
        return not (self.unexpected or self.passing or self.missing)


def compare(results: dict[str, str], expected: Iterable[str]) -> Comparison:
    """Compare `results` (test id → pytest's word) with the ids of the `expected` failures."""
    failed = {test for test, word in results.items() if word in FAILING}
    listed = set(expected)
    return Comparison(
        unexpected=tuple(sorted(failed - listed)),
        passing=tuple(sorted((listed - failed) & results.keys())),
        missing=tuple(sorted(listed - results.keys())),
    )


def parse(output: str) -> dict[str, str]:
    """Return test id → word from the short summary of ``pytest -rA``."""
    return {test: word for word, test in RESULT.findall(output)}


def moto_tests() -> Path:
    """Return the folder that holds moto's ``tests``, downloading them when they are not there."""
    release = version("moto")
    unpacked = CACHE / f"moto-{release}"
    if not (unpacked / "tests").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        archive = CACHE / f"moto-{release}.tar.gz"
        if not archive.exists():
            _download(release)
        only = f"moto-{release}/tests"
        subprocess.run(["tar", "-xzf", str(archive), "-C", str(CACHE), only], check=True)
    return unpacked


def _download(release: str) -> None:
    command = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", f"moto=={release}"]
    subprocess.run([*_pip(), *command, "--dest", str(CACHE)], check=True)


def _pip() -> list[str]:
    # A virtual environment made by uv has no pip of its own; the Python it was made from has.
    for python in (sys.executable, str(Path(sys.base_prefix, "bin", "python3"))):
        probe = [python, "-m", "pip", "--version"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return probe[:3]
    raise SystemExit("conformance: no pip found; install python3-pip")


def run(endpoint: str, folder: Path, extra: list[str]) -> str:
    """Run the selected tests against `endpoint` and return what pytest printed."""
    keep = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment = {
        **keep,
        "TEST_SERVER_MODE": "true",
        "TEST_SERVER_MODE_ENDPOINT": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), "--rootdir", "."]
    options = ["-rA", "-q", "--tb=short", "-p", "no:cacheprovider", *(extra or SELECTION)]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    (CACHE / "last-run.log").write_text(done.stdout + done.stderr)
    return done.stdout


def main() -> int:
    """Run, compare, say what differs; see the module."""
    parser = argparse.ArgumentParser(prog="bin/lab conformance", description=__doc__)
    parser.add_argument("test", nargs="*", help="run only these tests (and compare nothing)")
    transcripts.add_argument(parser)
    arguments = parser.parse_args()
    if arguments.transcript:
        return transcripts.main(arguments.transcript)
    folder = moto_tests()
    with LabServer(SCENARIO) as lab:
        output = run(lab.endpoint_url, folder, arguments.test)
    if arguments.test:
        print(output)
        return 0
    results = parse(output)
    expected = yaml.safe_load(EXPECTED.read_text()) or {}
    return report(results, compare(results, expected))


def report(results: dict[str, str], comparison: Comparison) -> int:
    """Print the outcome; return the exit code."""
    failed = sum(word in FAILING for word in results.values())
    for title, tests in (
        ("fails and is not listed", comparison.unexpected),
        ("passes although listed as a difference", comparison.passing),
        ("is listed but was not run", comparison.missing),
    ):
        for test in tests:
            print(f"{title}: {test}")
    print(f"{len(results) - failed} passed, {failed} failed as listed or above")
    print(f"details: {CACHE / 'last-run.log'}")
    return 0 if results and comparison.agrees else 1


if __name__ == "__main__":
    sys.exit(main())
