"""RULES.md and the tests that name its rules cover each other."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "lab" / "RULES.md"


def listed() -> list[str]:
    """Return the ids in RULES.md, in order."""
    return re.findall(r"^\| ([A-Z]{2}-\d+) \|", RULES.read_text(), re.MULTILINE)


def named() -> set[str]:
    """Return the ids that tests name."""
    text = "".join(path.read_text() for path in HERE.glob("test_rules_*.py"))
    return {f"{a}-{n}" for a, n in re.findall(r"^def test_([A-Z]{2})(\d+)_", text, re.MULTILINE)}


def test_every_rule_has_a_test():
    assert sorted(set(listed()) - named()) == []
    assert len(listed()) > 50


def test_every_rule_test_has_its_rule():
    assert sorted(named() - set(listed())) == []


def test_every_rule_is_listed_once_with_a_source():
    assert len(listed()) == len(set(listed()))
    rows = [line for line in RULES.read_text().splitlines() if re.match(r"\| [A-Z]{2}-", line)]
    assert [row for row in rows if len(row.strip("|").split("|")) != 3] == []
    assert [row for row in rows if not row.strip("| ").split("|")[-1].strip()] == []
