"""Who is replaced and who is kept, and why."""

from dataclasses import replace

import pytest

from asgroll.selection import OTHER_VERSION, choose
from asgroll.values import Select
from asgroll.world import Machine, Recipe
from tests.unit.asgroll.build import NOW, OLD_SPEC, SPEC, instance, policy

DAY = 86400.0
OLD = instance("i-0000000000000000a")
CURRENT = instance("i-0000000000000000b", spec=SPEC)
LAUNCHED = {OLD.id: Machine(NOW - 20 * DAY, "ami-1"), CURRENT.id: Machine(NOW - 2 * DAY, "ami-2")}
RECIPES = (Recipe(SPEC, "ami-2"),)


def chosen(*members, launched=None, **keys):
    return choose(members, RECIPES, LAUNCHED if launched is None else launched, policy(**keys), NOW)


@pytest.mark.parametrize(
    ("select", "victims"),
    [
        ("all", [OLD.id, CURRENT.id]),
        ("outdated", [OLD.id]),
        ({"older_than": "14d"}, [OLD.id]),
        ({"instances": [CURRENT.id]}, [CURRENT.id]),
    ],
)
def test_select(select, victims):
    found = chosen(OLD, CURRENT, select=select)
    assert list(found.victims) == victims
    assert set(found.kept) == {OLD.id, CURRENT.id} - set(victims)
    assert found.problems == ()


def test_reasons_are_told():
    found = chosen(OLD, CURRENT, select="outdated")
    assert found.victims[OLD.id].why == f"runs {OLD_SPEC}"
    assert found.kept[CURRENT.id] == "is up to date"


def test_what_is_not_known_to_be_up_to_date_is_a_problem_once_for_each_reason():
    members = [instance(f"i-0000000000000000{n}", spec=SPEC) for n in "cdef0"]
    found = chosen(*members, launched={}, select="outdated")
    assert (found.victims, found.kept) == ({}, {})
    (said,) = found.problems
    assert said.startswith("select: whether to replace i-0000000000000000c, ")
    assert " and 2 more is not known: EC2 does not tell which image it runs" in said


def test_the_way_back_asks_for_the_version_only():
    older = replace(policy(), select=Select(OTHER_VERSION))
    moved = (Recipe(SPEC, "ami-3"), Recipe("lt-0bb:1", unknown="denied"))
    found = choose([OLD, CURRENT], moved, LAUNCHED, older, NOW)
    assert set(found.victims) == {OLD.id}
    assert found.problems == ()


def test_unknown_instances_are_all_named():
    ids = ["i-0000000000000000c", "i-0000000000000000d"]
    found = chosen(OLD, select={"instances": ids})
    assert len(found.problems) == 2
    assert all(key in text for key, text in zip(ids, found.problems, strict=True))


def test_an_unknown_age_is_not_a_young_one():
    found = chosen(OLD, launched={}, select={"older_than": "14d"})
    assert found.victims == {}
    assert "does not tell when" in found.problems[0]


@pytest.mark.parametrize("kind", ["protected", "standby"])
@pytest.mark.parametrize("answer", ["replace", "skip", "refuse"])
def test_protected_and_standby_follow_the_policy(kind, answer):
    fields = {"protected": True} if kind == "protected" else {"lifecycle": "Standby"}
    special = instance("i-0000000000000000e", **fields)
    found = chosen(special, launched={special.id: Machine(NOW)}, **{kind: answer})
    assert (special.id in found.victims) is (answer == "replace")
    assert (special.id in found.kept) is (answer == "skip")
    assert bool(found.problems) is (answer == "refuse")


def test_instances_on_their_way_out_are_nobodys_victims():
    assert chosen(instance("i-0000000000000000f", lifecycle="Terminating:Wait")).victims == {}


def test_the_oldest_comes_first():
    assert list(chosen(CURRENT, OLD).victims) == [OLD.id, CURRENT.id]


def of_a_protecting_group(*members, **keys):
    launched = {i.id: Machine(NOW) for i in members}
    return choose(members, RECIPES, launched, policy(**keys), NOW, protects_new=True)


@pytest.mark.parametrize("answer", ["skip", "refuse"])
def test_protection_that_all_have_from_their_group_is_ignored(answer):
    members = [instance(key, protected=True) for key in (OLD.id, CURRENT.id)]
    found = of_a_protecting_group(*members, protected=answer)
    assert (set(found.victims), found.problems) == ({OLD.id, CURRENT.id}, ())
    assert chosen(*members, protected=answer).victims == {}, "the group does not protect"


def test_where_some_are_not_protected_somebody_may_have_chosen_those_that_are():
    found = of_a_protecting_group(instance(OLD.id, protected=True), CURRENT, protected="skip")
    assert (set(found.victims), set(found.kept)) == ({CURRENT.id}, {OLD.id})


def test_a_victim_that_its_group_is_about_to_protect_is_not_protected_by_a_person():
    found = of_a_protecting_group(CURRENT, instance(OLD.id, lifecycle="Pending"))
    assert {key: v.protected for key, v in found.victims.items()} == {
        OLD.id: True,
        CURRENT.id: False,
    }
