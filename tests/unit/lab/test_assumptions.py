"""The switches as such: the table, RULES.md, what is given, what is drawn."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.lab.scenario import ScenarioError, build
from tests.lab.world import World
from tests.lab.world.assumptions import OTHERS, TABLE, checked, draw

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "lab" / "RULES.md"


def rows() -> dict[str, str]:
    """Return the sources in RULES.md by the ids of the rules."""
    lines = re.findall(r"^\| ([A-Z]{2}-\d+) \| .* \| (.*) \|$", RULES.read_text(), re.MULTILINE)
    return dict(lines)


def test_every_assumed_rule_is_a_switch_and_every_switch_an_assumed_rule():
    assumed = {rule for rule, source in rows().items() if "assumed" in source}
    assert sorted(assumed ^ set(TABLE)) == []
    assert len(OTHERS) > 30


@pytest.mark.parametrize("rule", sorted(TABLE))
def test_RULES_md_shows_what_was_tried_or_why_nothing_is_drawn(rule):
    source, entry = rows()[rule], TABLE[rule]
    if entry.others:
        assert f"(tried too: {', '.join(f'`{name}`' for name in entry.others)})" in source
    else:
        assert entry.why_kept
        assert f"(not drawn: {entry.why_kept})" in source


def test_every_other_behaviour_has_a_test_that_names_it():
    text = "".join(path.read_text() for path in HERE.glob("test_otherwise*.py"))
    named = set(re.findall(r'"([A-Z]{2}-\d+)", "([a-z-]+)"', text))
    wanted = {(rule, name) for rule, names in OTHERS.items() for name in names}
    assert sorted(wanted - named) == []
    assert sorted(named - wanted) == []


def test_a_world_takes_the_defaults_where_nobody_says_otherwise():
    world = World(assumptions={"TE-8": "refused"})
    assert world.assumes("TE-8", "refused")
    assert world.assumes("TE-9", "all-or-none")
    assert build({"assumptions": {"TE-8": "refused"}}).assumptions == world.assumptions


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"XX-1": "no"}, "assumptions: XX-1 is no assumed rule; there are: AS-2, "),
        ({"TE-8": "no"}, "assumptions: TE-8 cannot be 'no'; allowed: counts-again, ignored, "),
        (["TE-8"], "assumptions: a mapping is needed, not ['TE-8']"),
    ],
)
def test_what_is_no_rule_or_no_behaviour_is_refused_by_name(given, text):
    with pytest.raises(ScenarioError) as error:
        build({"assumptions": given})
    assert text in str(error.value)


def test_what_is_drawn_is_the_same_for_the_same_seed_and_every_behaviour_comes():
    assert draw(random.Random(7)) == draw(random.Random(7)) != draw(random.Random(8))
    assert draw(random.Random(7), share=0) == {}
    rng, seen = random.Random(1), set()
    for _ in range(400):
        drawn = draw(rng)
        checked(drawn)
        seen |= set(drawn.items())
    assert seen == {(rule, name) for rule, names in OTHERS.items() for name in names}
