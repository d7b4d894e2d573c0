"""The table of probes, the reasons for what is not probed, and the costs fit each other."""

import re

import pytest

from verify import costs, rules, telling
from verify.playing import Played
from verify.probes import NAMES, PROBES
from verify.settings import Run
from verify.stage import Finding

RUN = Run(id="0a1b2c3d", region="eu-central-1", subnets=("a", "b"), instance_type="t3.nano")
PROBED = {rule for probe in PROBES for rule in probe.rules}


def test_every_rule_that_is_probed_or_excused_is_listed():
    assert PROBED - rules.known().keys() == set()
    assert rules.why_not().keys() - rules.known().keys() == set()


def test_no_rule_is_both_probed_and_excused():
    assert PROBED & rules.why_not().keys() == set()


def test_most_rules_are_probed():
    assert len(PROBED) > 60


def test_probes_have_names_of_their_own_and_say_which_rules_they_answer():
    assert len(set(NAMES)) == len(NAMES)
    for probe in PROBES:
        for rule in probe.rules:
            assert rule in _named(probe.play.__doc__), probe.name


def _named(text):
    """The rules that a docstring names, ranges like IR-2 to IR-7 included."""
    found = set(re.findall(r"[A-Z]{2}-\d+", text))
    for kind, first, last in re.findall(r"([A-Z]{2})-(\d+) to \1-(\d+)", text):
        found |= {f"{kind}-{number}" for number in range(int(first), int(last))}
    return found


def test_costs_grow_with_what_is_done_and_name_their_basis():
    few = costs.estimate(RUN, PROBES[:2], rolls=False)
    everything = costs.estimate(RUN)
    assert 0 < few.dollars < everything.dollars < 1
    assert few.minutes < everything.minutes
    assert everything.instance_minutes >= 2 * everything.minutes
    assert "us-east-1" in costs.BASIS
    assert "2025" in costs.BASIS


def test_an_unknown_price_is_not_called_nothing():
    run = Run(id=RUN.id, region=RUN.region, subnets=RUN.subnets, instance_type="x9.huge")
    cost = costs.estimate(run)
    assert cost.dollars is None
    told = "\n".join(telling.beforehand(run, "123456789012", "arn", cost, 2))
    assert "unknown, for the price of x9.huge is not known here" in told


def played(*findings, unclear=None):
    return Played(list(findings), unclear or {})


GOOD = Finding("AS-1", "a", "x", "x")
BAD = Finding("AS-2", "b", "ValidationError", "ok")


@pytest.mark.parametrize(
    ("result", "left", "problem", "code"),
    [
        (played(GOOD), [], "", 0),
        (played(GOOD, BAD), [], "", 1),
        (played(GOOD, BAD), ["group x: is still there"], "", 3),
        (played(GOOD), [], "stopped by SIGTERM", 3),
        (played(GOOD, unclear={"TE-1": "too late"}), [], "", 3),
    ],
)
def test_the_exit_code_says_what_came_of_it(result, left, problem, code):
    lines, seen = telling.summary(result, PROBES, left, problem, costs.estimate(RUN))
    assert seen == code
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert ("left        nothing" in text) == (not left)
    assert ("AS-2 b: expected ValidationError, seen ok" in text) == (BAD in result.findings)


def test_every_rule_has_exactly_one_place_in_the_sum():
    lines, _ = telling.summary(played(GOOD, BAD), PROBES, [], "", costs.estimate(RUN))
    words = [word for line in lines if "expected" not in line for word in line.split()]
    for rule in rules.known():
        assert words.count(rule) == 1, rule
