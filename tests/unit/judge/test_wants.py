"""What others want is a total, whatever the caller's surge is in the number that is shown."""

from __future__ import annotations

import pytest

from tests.judge.wants import Interval, Wants
from tests.lab.world import history as h


class Group:
    """Six wanted between 2 and 12, and a caller with a surge of two on top of them."""

    def __init__(self, desired=6, surge=2, bounds=(2, 12), lags=(0.0,), causes=True):
        self.now = 0.0
        self.sizes = {"min": bounds[0], "max": bounds[1], "desired": desired}
        self.wants = Wants(self.sizes, lags, causes=causes)
        if surge:
            self.size("desired", desired + surge, "caller")
        self.look()

    def size(self, name, value, actor="operator", how="set"):
        self.now += 1
        record = h.Size(self.now, "web", name, self.sizes[name], value, actor, how)
        self.sizes[name] = value
        self.wants.size(record)
        return self

    def look(self, leaving=()):
        self.now += 1
        self.wants.look(self.now, leaving)
        return self

    @property
    def wanted(self):
        return (self.wants.wanted.low, self.wants.wanted.high)


@pytest.mark.parametrize(
    ("name", "value", "how", "wanted"),
    [
        ("desired", 10, "set", (10, 10)),
        ("desired", 9, "set", (9, 9)),
        ("desired", 7, "set", (6, 7)),
        ("desired", 6, "set", (6, 6)),
        ("desired", 5, "set", (5, 5)),
        ("desired", 10, "by", (8, 10)),
        ("desired", 7, "by", (5, 7)),
        ("desired", 3, "by", (1, 3)),
        ("max", 7, "set", (6, 6)),
        ("max", 5, "set", (5, 5)),
        ("min", 7, "set", (7, 7)),
        ("min", 4, "set", (6, 6)),
    ],
)
def test_what_somebody_does_to_six_that_show_eight(name, value, how, wanted):
    group = Group(bounds=(0, 12)).size(name, value, how=how)
    if name == "max":
        group.size("desired", min(8, value), how="bound")
    assert group.look().wanted == wanted


def test_ten_set_to_a_group_of_ten_that_shows_fifteen_is_ten():
    assert Group(10, 5, bounds=(1, 20)).size("desired", 10).look().wanted == (10, 10)


def test_the_callers_own_changes_are_nobody_elses_wish():
    group = Group().size("desired", 7, "caller", "by").size("desired", 9, "caller").look()
    assert group.size("max", 20, "caller").look().wanted == (6, 6)
    assert group.wants.bounds == {"min": {2}, "max": {12}}


def test_room_that_only_the_callers_raise_of_the_maximum_gave_is_not_others():
    group = Group(bounds=(2, 6), surge=0).size("max", 9, "caller").size("desired", 8, "caller")
    assert group.look().size("desired", 9).look().wanted == (6, 6)


def test_a_minimum_above_the_maximum_that_the_caller_had_raised_raises_theirs():
    group = Group(bounds=(2, 6), surge=0).size("max", 9, "caller").size("desired", 8, "caller")
    group.size("min", 7).look()
    assert (group.wanted, group.wants.bounds) == ((7, 7), {"min": {7}, "max": {7}})


def test_a_change_that_the_caller_has_overwritten_before_it_could_see_it_may_stand_or_not():
    group = Group(surge=0).size("desired", 9).size("desired", 8, "caller").look()
    assert group.wanted == (6, 9)


def test_a_change_that_the_caller_could_see_stands():
    group = Group(surge=0).size("desired", 9).look().size("desired", 8, "caller").look()
    assert group.wanted == (9, 9)


def test_changes_that_cancel_each_other_between_two_looks_may_stand_or_not():
    group = Group().size("desired", 4).size("desired", 8).look()
    assert group.wanted == (6, 8)


def test_changes_that_cancel_each_other_count_once_somebody_could_see_between_them():
    assert Group().size("desired", 4).look().size("desired", 8).look().wanted == (8, 8)


def test_a_decrement_of_the_callers_between_does_not_hide_what_others_did():
    group = Group().size("desired", 10).size("desired", 9, "caller", "by").look()
    assert group.wanted == (10, 10)


def test_a_change_after_a_decrement_of_the_callers_may_have_come_before_it():
    group = Group().size("desired", 7, "caller", "by").size("desired", 9).look()
    assert group.wanted == (9, 10)


def test_a_size_that_the_caller_asked_for_without_an_answer_may_be_its_own():
    group = Group(surge=0)
    group.wants.unheard("desired", 8)
    assert group.size("desired", 8).look().wanted == (6, 8)
    assert group.size("desired", 9).look().wanted == (9, 9)


def test_what_the_caller_asked_for_before_its_last_look_is_settled():
    group = Group(surge=0)
    group.wants.unheard("desired", 8)
    assert group.look().size("desired", 8).look().wanted == (8, 8)


def test_what_a_process_meant_when_it_died_stays_open_until_another_goes_to_work():
    group = Group(surge=0)
    group.wants.meant("desired", 8)
    assert group.look().size("desired", 8).look().wanted == (6, 8)
    group = Group(surge=0)
    group.wants.meant("desired", 8)
    group.look().wants.works()
    assert group.size("desired", 8).look().wanted == (8, 8)


def test_a_decrement_that_a_process_meant_when_it_died_may_have_lowered_what_others_set():
    def four_set(leaving, works=False):
        group = Group()
        group.wants.meant("i-1", 1)
        if works:
            group.wants.works()
        return group.size("desired", 4).look(leaving).wanted

    assert four_set(leaving=["i-1"]) == (4, 5)
    assert four_set(leaving=["i-2"]) == (4, 4)
    assert four_set(leaving=["i-1"], works=True) == (4, 4)


def test_without_causes_a_number_that_aws_may_not_have_lowered_is_taken_as_it_stands():
    def nine_set_before_two_are_taken(causes):
        group = Group(causes=causes)
        return group.size("desired", 9).size("desired", 7, "caller", "by").look().wanted

    assert nine_set_before_two_are_taken(causes=True) == (9, 9)
    assert nine_set_before_two_are_taken(causes=False) == (7, 9)


def test_a_maximum_that_the_caller_has_overwritten_or_asked_for_may_be_its_own():
    group = Group().size("max", 10).size("max", 14, "caller").look()
    assert group.wants.bounds["max"] == {10, 12}
    group = Group()
    group.wants.unheard("max", 14)
    assert group.size("max", 14).look().wants.bounds["max"] == {12, 14}


def test_until_the_next_look_the_change_may_be_unknown():
    group = Group().size("desired", 10)
    assert group.wanted == (6, 10)
    assert group.look().wanted == (10, 10)


def test_answers_that_lag_show_a_change_only_later():
    group = Group(lags=(0.0, 5.0)).size("desired", 10).look()
    assert group.wanted == (6, 10)
    group.now += 10
    assert group.look().wanted == (10, 10)


def test_an_interval_prints_as_a_number_when_it_is_one():
    assert [str(Interval(6, 6)), str(Interval(6, 8))] == ["6", "6 to 8"]
    assert 7 in Interval(6, 8)
    assert 9 not in Interval(6, 8)
