"""A pillar that is wrong is refused by name before anything is written, and apt goes on working."""

import json
from pathlib import Path

import pytest

from aptpolicy import keys
from tests.formula import system
from tests.formula.conftest import FORMULA
from tests.unit.formula.bad_pillars import HAND_WRITTEN, WRONG_BY_KIND, nested

CURRENT = 13
INVALID = "unattended-upgrades-policy-invalid"
SCRIPT = Path(__file__).with_name("refusals.py")

ALL_KEYS = keys.KEYS + keys.FORMULA_KEYS
KEY_OF_KIND = {kind: next(k for k in ALL_KEYS if k.kind == kind) for kind in WRONG_BY_KIND}
VALUES_OF_A_KIND = 3
"""Tried of each kind on a real system; the unit tests try all of them with every key."""

GENERATED = [
    (nested(KEY_OF_KIND[kind].name, value), KEY_OF_KIND[kind].name.replace(".", ":"))
    for kind, values in WRONG_BY_KIND.items()
    for value in values[:VALUES_OF_A_KIND]
]
NO_APT_FORMULA_HERE = ({"use_apt_formula": True}, "use_apt_formula")
UNKNOWN_TO_DPKG = ({"dpkg": {"options": ["--force-nonsense"]}}, "dpkg:options")
BAD = [*HAND_WRITTEN, NO_APT_FORMULA_HERE, UNKNOWN_TO_DPKG, *GENERATED]


@pytest.fixture(scope="module")
def minion(ground):
    with ground.host(CURRENT, applied=True) as minion:
        yield minion


@pytest.fixture(scope="module")
def before(minion):
    """What /etc and apt's configuration were while the pillar was right."""
    minion.pillar({})
    return system.etc(minion.host), system.configuration(minion.host)


@pytest.fixture(scope="module")
def answers(minion, before):
    """Apply each of the bad pillars, in one process: each then takes a fraction of a second."""
    pillars = json.dumps([pillar for pillar, _ in BAD])
    ran = minion.python(SCRIPT, FORMULA, stdin=pillars)
    return [json.loads(line) for line in ran.lines]


def _refusal(states):
    """Return what the one failing state says, in its name too: test=True replaces comments."""
    ((state_id, state),) = states.items()
    assert state_id.split("_|-")[1] == INVALID
    assert state["result"] is False
    return f"{state['name']}\n{state['comment']}"


def test_more_than_a_hundred_bad_pillars_are_tried(answers):
    assert len(answers) == len(BAD) > 100


@pytest.mark.parametrize("number", range(len(BAD)), ids=lambda number: repr(BAD[number][0])[:60])
def test_it_is_refused_by_name_and_apt_can_still_read_its_configuration(answers, number):
    _, key = BAD[number]
    lines = _refusal(answers[number]["states"]).splitlines()
    named = f"unattended_upgrades:{key}: " if key else "unattended_upgrades: "
    assert [line for line in lines if line.startswith(named) and "allowed: " in line], lines
    assert answers[number]["apt_config"] == 0


def test_none_of_them_has_written_anything_and_apt_works(minion, before, answers):
    assert (system.etc(minion.host), system.configuration(minion.host)) == before
    minion.host.run("apt-get", "check")
    assert system.origins(minion.host)


@pytest.mark.parametrize("test", [False, True], ids=["apply", "test=True"])
def test_every_error_of_a_pillar_is_named_at_once(minion, test):
    minion.pillar(
        {"unattended_upgrades": {"blacklst": [], "update_days": ["Mox"], "minimal_steps": 7}}
    )
    refusal = _refusal(minion.apply(FORMULA, test=test).states)
    assert all(word in refusal for word in ("blacklst", "Mox", "minimal_steps"))
