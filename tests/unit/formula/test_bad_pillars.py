"""A bad pillar never becomes a fragment: it is refused with its key, value and what is allowed."""

import pytest

from aptpolicy import keys
from aptpolicy.compiled import compiled
from tests.unit.formula.bad_pillars import HAND_WRITTEN, WRONG_BY_KIND, every
from tests.unit.formula.systems import BOOKWORM, refusals

EVERY = every()


def test_there_are_more_than_a_hundred_bad_pillars_and_many_by_hand():
    assert len(EVERY) > 100
    assert len(HAND_WRITTEN) >= 30


def test_every_kind_of_value_has_wrong_ones():
    assert {key.kind for key in keys.KEYS + keys.FORMULA_KEYS} == set(WRONG_BY_KIND)


@pytest.mark.parametrize(("pillar", "key"), EVERY, ids=lambda value: repr(value)[:60])
def test_a_bad_pillar_is_refused_and_its_key_is_named(pillar, key):
    messages = refusals(pillar)
    assert messages
    path = f"unattended_upgrades:{key}" if key else "unattended_upgrades"
    assert any(message.startswith(f"{path}: ") for message in messages), messages
    assert all("allowed: " in message for message in messages)


@pytest.mark.parametrize(("pillar", "key"), EVERY, ids=lambda value: repr(value)[:60])
def test_a_bad_pillar_yields_nothing_that_could_be_written(pillar, key):
    result = compiled(pillar, None, BOOKWORM, "web1")
    assert not result["ok"]
    assert result["errors"]
    assert "fragment" not in result
    assert "timers" not in result


def test_all_problems_are_told_at_once():
    messages = refusals({"mial": 1, "mail": {"to": 7}, "reboot": {"time": 1320}})
    assert len(messages) == 3


def test_an_unknown_key_gets_the_nearest_known_one_as_a_hint():
    (message,) = refusals({"blacklst": ["nginx"]})
    assert "Did you mean blacklist?" in message


def test_an_unquoted_time_is_explained():
    (message,) = refusals({"reboot": {"time": 1320}})
    assert "1320" in message
    assert "quotes" in message


def test_a_refused_value_is_shown_even_from_a_pillar_that_prints_stars():
    class Masked(list):
        def __repr__(self):
            return "**********"

    (message,) = refusals({"update_days": Masked(["Moonday"])})
    assert "['Moonday']" in message


def test_the_password_of_a_refused_proxy_is_not_shown():
    (message,) = refusals({"download": {"http_proxy": "http://user:secret@"}})
    assert "secret" not in message
