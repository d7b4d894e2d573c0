"""How two transcripts are compared: unknown is never agreement."""

import pytest

from tests.lab.conformance.transcripts import compare, told
from verify import rules

HEAD = {"kind": "run", "format": 1, "probes": ["bounds", "terminations", "refresh"]}


def finding(rule, seen, point="p", text="", probe="x"):
    return {
        "kind": "finding",
        "probe": probe,
        "rule": rule,
        "point": point,
        "expected": "e",
        "seen": seen,
        "text": text,
    }


def verdicts(real, lab):
    compared = compare([HEAD, *real], [HEAD, *lab])
    assert {one.rule for one in compared} == rules.known().keys()
    return {one.rule: (one.verdict, "; ".join(one.said)) for one in compared}


@pytest.mark.parametrize(
    ("real", "lab", "verdict", "said"),
    [
        ([finding("TE-8", 0)], [finding("TE-8", 0)], "agrees", ""),
        ([finding("TE-8", 1)], [finding("TE-8", 0)], "differs", "p: seen 1, the lab 0"),
        (
            [finding("TE-8", 1, text="instance-4 is gone")],
            [finding("TE-8", 1, text="instance-9 is gone")],
            "agrees",
            "",
        ),
        (
            [finding("TE-8", 1, text="no")],
            [finding("TE-8", 1, text="never")],
            "agrees in other words",
            "p: “no”, the lab “never”",
        ),
        ([finding("TE-8", 1)], [], "not probed", "in the lab: its probe did not come so far"),
        ([], [finding("TE-8", 1)], "not probed", "its probe did not come so far"),
        (
            [finding("TE-8", 1), {"kind": "unclear", "rule": "TE-8", "why": "too late"}],
            [finding("TE-8", 1)],
            "not probed",
            "too late",
        ),
        (
            [finding("TE-8", 1)],
            [finding("TE-8", 1), {"kind": "unclear", "rule": "TE-8", "why": "too late"}],
            "not probed",
            "in the lab: too late",
        ),
        (
            [finding("TE-8", 1), finding("TE-8", 2, "q")],
            [finding("TE-8", 0), {"kind": "unclear", "rule": "TE-8", "why": "too late"}],
            "differs",
            "p: seen 1, the lab 0",
        ),
    ],
)
def test_a_rule_has_one_verdict(real, lab, verdict, said):
    assert verdicts(real, lab)["TE-8"] == (verdict, said)


def test_a_rule_that_was_not_asked_for_says_why():
    found = verdicts([], [])
    assert found["HK-1"] == ("not probed", "its probe was not chosen")
    assert found["AS-1"] == ("not probed", "its probe did not come so far")
    assert found["FA-2"][0] == "not probed"
    assert "about the emulated AWS itself" in found["FA-2"][1]


def test_the_roll_is_no_rule_of_aws():
    assert "I1" not in verdicts([finding("I1", False, probe="roll")], [])


def test_the_report_fits_and_counts():
    compared = compare(
        [HEAD, finding("TE-8", 1, text="because " * 30), finding("AS-1", 1)],
        [HEAD, finding("TE-8", 0), finding("AS-1", 1)],
    )
    lines = told(compared)
    assert max(map(len, lines)) <= 80
    assert "agrees: 1 AS-1" in lines
    assert "differs: 1 TE-8" in lines
