"""The hours that docs/formula.md names are those that the arithmetic gives."""

import re
from pathlib import Path

import pytest
import yaml

from aptpolicy import latency, plans
from tests.unit.formula.systems import policy

DOCUMENT = (Path(__file__).parents[3] / "docs/formula.md").read_text(encoding="utf-8")
TABLE = DOCUMENT.partition("| schedule | best |")[2].partition("\n\n")[0]
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TABLE.splitlines()[2:]]


def pillar_of(cell):
    """The pillar that the settings of a row make, given as ``key:key: value`` in backticks."""
    pillar = {}
    for text in re.findall(r"`([^`]+)`", cell):
        path, _, value = text.rpartition(": ") if "[" not in text else text.partition(": ")
        below = pillar
        *parents, leaf = path.split(":")
        for parent in parents:
            below = below.setdefault(parent, {})
        below[leaf] = yaml.safe_load(value)
    return pillar


def test_the_table_is_there():
    assert len(ROWS) >= 5
    assert pillar_of(ROWS[0][0]) == {}
    assert pillar_of(ROWS[1][0])["periodic"] == {"unattended_upgrade": "always"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].partition(":")[0])
def test_each_row_is_what_its_settings_give(row):
    found = latency.summary(plans.of_policy(policy(pillar_of(row[0]))))
    assert [found[name] for name in ("best", "typical", "worst")] == [float(x) for x in row[1:]]
