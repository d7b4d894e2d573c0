"""What a turn looks at beside the group, and when one answer is enough."""

import pytest

from asgroll.errors import Missing, Temporary
from asgroll.look import REFRESH_SECONDS, Look
from asgroll.model import PendingChange, Phase
from tests.unit.asgroll.build import NOW, instance, policy, roll, world

OLD = [instance(f"i-old{n}") for n in range(2)]
GONE = Missing("there is no Auto Scaling Group", operation="DescribeAutoScalingGroups")


class Answers:
    """An AWS whose answers are given; counts what it is asked."""

    def __init__(self, view=None, refresh=None):
        self.view, self.refresh, self.asked = view or world(*OLD), refresh, []

    def observe(self, name, now):
        return self.view

    def active_refresh(self, name):
        self.asked.append("refresh")
        if isinstance(self.refresh, Exception):
            raise self.refresh
        return self.refresh

    def activities(self, name):
        self.asked.append("activities")
        return ()


def look(answers, **keys):
    texts = []
    return Look(answers, policy(**keys), (), lambda roll, text: texts.append(text)), texts


def test_an_instance_refresh_is_looked_for_once_a_minute():
    answers = Answers()
    looking, _ = look(answers)
    for second in range(0, 181, 15):
        looking.at(roll(*OLD), NOW + second)
    assert answers.asked == ["refresh"] * 3  # the preflight has just looked
    assert looking.due_in(roll(*OLD), NOW + 185) == REFRESH_SECONDS - 5


def test_a_refresh_that_was_seen_stays_seen_until_the_next_look_for_one():
    answers = Answers(refresh="r-1 (InProgress)")
    looking, _ = look(answers)
    assert looking.at(roll(*OLD), NOW - 60).refresh == ""
    assert looking.at(roll(*OLD), NOW).refresh == "r-1 (InProgress)"
    answers.refresh = None
    assert looking.at(roll(*OLD), NOW + 59).refresh == "r-1 (InProgress)"
    assert looking.at(roll(*OLD), NOW + 60).refresh == ""


def test_while_sizes_are_put_back_nobody_looks_for_a_refresh():
    answers = Answers()
    looking, _ = look(answers)
    ending = roll(*OLD, phase=Phase.RESTORING)
    looking.at(ending, NOW)
    assert (answers.asked, looking.due_in(ending, NOW)) == ([], float("inf"))


def test_a_look_for_a_refresh_that_fails_is_said_and_hides_nothing_else():
    looking, texts = look(Answers(refresh=Temporary("Rate exceeded", operation="…")))
    looking.at(roll(*OLD), NOW - 60)
    assert looking.at(roll(*OLD), NOW).group.name == "web"
    assert texts == ["cannot see whether an instance refresh runs: Rate exceeded"]


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        pytest.param({}, False, id="nothing to explain"),
        pytest.param({"short_since": NOW, "expected_desired": 3}, True, id="it lacks somebody"),
        pytest.param({"short_since": NOW}, False, id="it lacks nobody any more"),
        pytest.param({"sent": PendingChange(NOW, 2, 3, True)}, True, id="what stood there before"),
    ],
)
def test_activities_are_read_only_where_they_tell_something(fields, read):
    answers = Answers()
    look(answers)[0].at(roll(*OLD, **fields), NOW)
    assert ("activities" in answers.asked) is read


def test_one_answer_without_the_group_is_not_its_end():
    looking, _ = look(Answers(), settle_time=10)
    assert not looking.group_is_gone(GONE, NOW)
    assert not looking.group_is_gone(GONE, NOW + 9)
    looking.at(roll(*OLD), NOW + 9)  # there it is again
    assert not looking.group_is_gone(GONE, NOW + 10)
    assert looking.group_is_gone(GONE, NOW + 20)


def test_even_without_a_settle_time_it_takes_two_answers():
    looking, _ = look(Answers(), settle_time=0)
    assert not looking.group_is_gone(GONE, NOW)
    assert looking.group_is_gone(GONE, NOW)


def test_another_thing_that_is_missing_is_not_the_group():
    other = Missing("no such target group", operation="DescribeTargetHealth")
    looking, _ = look(Answers(), settle_time=0)
    assert not any(looking.group_is_gone(other, NOW) for _ in range(3))
