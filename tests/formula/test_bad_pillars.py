"""A pillar that is wrong is refused by name before anything is written, and apt goes on working."""

import pytest

from tests.formula import system
from tests.formula.conftest import FORMULA

CURRENT = 13
INVALID = "unattended-upgrades-policy-invalid"

BAD = [
    ("an unknown key", {"blacklst": ["x"]}, "blacklst", "blacklst"),
    ("a text for a list", {"blacklist": {"a": 1}}, "blacklist", "{'a': 1}"),
    ("a regex that does not compile", {"blacklist": ["*x"]}, "blacklist", "*x"),
    ("a quote in a value", {"blacklist": ['a"b']}, "blacklist", 'a"b'),
    ("a line break in a value", {"mail": {"to": "root\nx"}}, "mail:to", "root"),
    ("an unquoted 22:00", {"reboot": {"policy": "when_needed", "time": 1320}}, "time", "1320"),
    ("a strict whitelist without a list", {"whitelist_strict": True}, "whitelist", "True"),
    ("an origin without =", {"origins": ["Debian"]}, "origins", "Debian"),
    ("an origin with an unknown macro", {"origins": ["origin=${x}"]}, "origins", "${x}"),
    ("an origin with an unknown matcher", {"origins": ["colour=red"]}, "origins", "colour"),
    ("a legacy origin without :", {"allowed_origins": ["origin1"]}, "allowed_origins", "origin1"),
    ("a day that does not exist", {"update_days": ["Mox"]}, "update_days", "Mox"),
    ("a mail report that is none", {"mail": {"to": "root", "report": "x"}}, "report", "x"),
    ("a boolean in words", {"minimal_steps": "perhaps"}, "minimal_steps", "perhaps"),
    ("a negative interval", {"periodic": {"autoclean_interval": -1}}, "autoclean_interval", "-1"),
    ("apt-formula where there is none", {"use_apt_formula": True}, "use_apt_formula", "True"),
    ("a pillar that is a list", ["enabled"], "unattended_upgrades", "enabled"),
]


@pytest.fixture(scope="module")
def minion(ground):
    with ground.host(CURRENT, applied=True) as minion:
        yield minion


@pytest.fixture(scope="module")
def before(minion):
    """What /etc and apt's configuration were while the pillar was right."""
    return system.etc(minion.host), system.configuration(minion.host)


def _refusal(result):
    """Return what the one failing state says, in its name too: test=True replaces comments."""
    assert list(result.failed) == list(result.states)
    (state,) = result.states.values()
    return f"{state['name']}\n{state['comment']}"


@pytest.mark.parametrize("test", [False, True], ids=["apply", "test=True"])
@pytest.mark.parametrize(
    ("policy", "key", "value"), [bad[1:] for bad in BAD], ids=[b[0] for b in BAD]
)
def test_it_is_refused_with_its_key_and_value_and_nothing_is_written(
    minion, before, policy, key, value, test
):
    minion.pillar({"unattended_upgrades": policy})
    result = minion.apply(FORMULA, test=test)
    assert [state_id.split("_|-")[1] for state_id in result.states] == [INVALID]
    refusal = _refusal(result)
    assert key in refusal
    assert value in refusal
    assert (system.etc(minion.host), system.configuration(minion.host)) == before


def test_every_error_of_a_pillar_is_named_at_once(minion):
    minion.pillar(
        {"unattended_upgrades": {"blacklst": [], "update_days": ["Mox"], "minimal_steps": 7}}
    )
    refusal = _refusal(minion.apply(FORMULA))
    assert all(word in refusal for word in ("blacklst", "Mox", "minimal_steps"))


def test_apt_and_unattended_upgrades_still_work_after_all_of_them(minion):
    minion.host.run("apt-get", "check")
    assert system.origins(minion.host)
