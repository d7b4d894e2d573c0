import os

import pytest

from tests.unit.formula.machine import NOW, Machine


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    found.write("var/lib/apt/lists/x_InRelease", age=60)
    os.utime(tmp_path / "var/lib/apt/lists", (NOW - 60, NOW - 60))
    found.write("var/lib/apt/periodic/upgrade-stamp", age=3600)
    found.write("proc/1/maps")
    return found
