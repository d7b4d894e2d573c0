"""The structure that the library promises: who may import what, and how large a module may be."""

import ast
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[3] / "_utils" / "asgroll"
MODULES = {path.stem: ast.parse(path.read_text()) for path in LIBRARY.glob("*.py")}
PURE = (
    "planner",
    "book",
    "steps",
    "ordering",
    "pace",
    "tracker",
    "accounting",
    "outcome",
    "selection",
    "outdated",
    "gates",
    "changes",
    "report",
    "marks",
    "recovery",
    "launch",
    "rollback",
    "awswords",
    "obstacles",
    "clock",
    "waits",
)
DATA = ("accepting", "world", "model", "actions", "policy", "values", "errors", "events")
KNOW_AWS = ("aws", "awserrors", "session")
KNOW_SALT = ("master", "bus")
#: Lines; a module above it has more than one reason to change.
LARGEST = 420


def imported(name):
    found = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{a.name}" for a in node.names}
    return found


def own(name):
    return {n.split(".")[1] for n in imported(name) if n.startswith("asgroll.")}


def outside(name):
    return {n.split(".")[0] for n in imported(name)} - {"asgroll", ""}


@pytest.mark.parametrize("name", sorted(set(MODULES) - set(KNOW_SALT)))
def test_only_the_master_and_its_bus_know_salt(name):
    assert "salt" not in outside(name)


@pytest.mark.parametrize("name", sorted(set(MODULES) - set(KNOW_AWS)))
def test_only_the_gateway_knows_boto3(name):
    assert not outside(name) & {"boto3", "botocore"}


@pytest.mark.parametrize("name", PURE + DATA)
def test_what_decides_has_no_clock_no_network_and_no_files(name):
    assert not outside(name) & {
        "time",
        "datetime",
        "random",
        "os",
        "socket",
        "threading",
        "pathlib",
    }
    above = {"verbs", "engine", "preflight", "journal", "stopping"}
    assert not own(name) & {*KNOW_AWS, *KNOW_SALT, *above}


@pytest.mark.parametrize("name", DATA)
def test_data_knows_only_data(name):
    assert own(name) <= set(DATA)


def test_no_import_goes_round_in_a_circle():
    done, left = set(), {name: own(name) & set(MODULES) - {name} for name in MODULES}
    while left:
        free = {name for name, needs in left.items() if needs <= done}
        assert free, f"a circle among {sorted(left)}"
        done |= free
        left = {name: needs for name, needs in left.items() if name not in free}


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.py")), ids=lambda p: p.stem)
def test_no_module_is_too_large(path):
    assert len(path.read_text().splitlines()) <= LARGEST
