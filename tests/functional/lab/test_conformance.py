"""How a run of moto's tests is judged; the run itself is `bin/lab conformance`."""

from __future__ import annotations

import pytest
import yaml

from tests.lab.conformance.__main__ import EXPECTED, compare, parse, report

OUTPUT = """\
=================== short test summary info ===================
PASSED tests/test_a.py::test_one
PASSED tests/test_a.py::test_two[1-2]
FAILED tests/test_a.py::test_three - AssertionError: PASSED tests/x
ERROR tests/test_b.py::test_four
"""
RESULTS = {
    "tests/test_a.py::test_one": "PASSED",
    "tests/test_a.py::test_two[1-2]": "PASSED",
    "tests/test_a.py::test_three": "FAILED",
    "tests/test_b.py::test_four": "ERROR",
}
LISTED = ["tests/test_a.py::test_three", "tests/test_b.py::test_four"]


def test_results_are_read_from_the_summary():
    assert parse(OUTPUT) == RESULTS


def test_exactly_the_listed_failures_agree():
    comparison = compare(RESULTS, LISTED)
    assert comparison.agrees
    assert report(RESULTS, comparison) == 0


@pytest.mark.parametrize(
    ("listed", "field", "tests"),
    [
        (LISTED[1:], "unexpected", ("tests/test_a.py::test_three",)),
        ([*LISTED, "tests/test_a.py::test_one"], "passing", ("tests/test_a.py::test_one",)),
        ([*LISTED, "tests/test_c.py::test_gone"], "missing", ("tests/test_c.py::test_gone",)),
    ],
)
def test_any_other_outcome_fails(listed, field, tests):
    comparison = compare(RESULTS, listed)
    assert getattr(comparison, field) == tests
    assert report(RESULTS, comparison) == 1


def test_a_run_without_results_fails():
    assert report({}, compare({}, [])) == 1


def test_every_expected_difference_has_a_reason_of_one_line():
    expected = yaml.safe_load(EXPECTED.read_text())
    assert expected
    for test, reason in expected.items():
        assert "::" in test
        assert isinstance(reason, str)
        assert 0 < len(reason) < 100
