"""The structure that the library promises: who may import what, and how large a module may be."""

import ast

import pytest

from tests.unit.userdata.build import REPO

LIBRARY = REPO / "_utils" / "userdata"
MODULES = {path.stem: path for path in LIBRARY.glob("*.py")}
#: Who renders on the master, and who shows it to people.
KNOW_SALT = ("onmaster", "show")
LARGEST = 400  # lines


def imported(name):
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("name", sorted(set(MODULES) - set(KNOW_SALT)))
def test_what_decides_has_no_salt_no_aws_no_clock_and_no_files(name):
    outside = {module.split(".")[0] for module in imported(name)}
    assert not outside & {
        "salt",
        "boto3",
        "botocore",
        "time",
        "datetime",
        "random",
        "os",
        "pathlib",
    }
    own = {module.split(".")[1] for module in imported(name) if module.startswith("userdata.")}
    assert not own & set(KNOW_SALT)


def test_only_kinds_of_values_and_the_policy_are_shared_with_the_roller():
    shared = {
        module
        for name in set(MODULES) - set(KNOW_SALT)
        for module in imported(name)
        if module.startswith("asgroll.")
    }
    assert shared <= {"asgroll.values", "asgroll.values.url", "asgroll.errors.PolicyError"}


@pytest.mark.parametrize("path", MODULES.values(), ids=MODULES)
def test_no_module_is_too_large(path):
    assert len(path.read_text().splitlines()) <= LARGEST
