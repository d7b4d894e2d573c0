"""Who serves: the application answers and traffic reaches it."""

from __future__ import annotations

import pytest

from tests.judge.fleet import Fleet
from tests.lab.world import history as h
from tests.unit.judge.story import CLASSIC, GROUP, TG, Story

OTHER = "arn:other"


def fleet(story: Story) -> Fleet:
    made = Fleet(GROUP)
    for index, record in enumerate(story.records):
        made.apply(record, index)
    return made


def serves(story: Story) -> str:
    return "".join(sorted(fleet(story).serves))


def test_an_instance_in_service_whose_application_does_not_answer_does_not_serve():
    story = Story(balancers=()).launch("x").in_service("x")
    assert serves(story) == "abc"
    assert serves(story.answers("x")) == "abcx"


def test_a_healthy_target_whose_application_has_stopped_does_not_serve_but_shows():
    made = fleet(Story().answers("a", False))
    assert made.serves == {"b", "c"}
    assert made.members["a"].shows


@pytest.mark.parametrize("state", ["draining", "unhealthy", "initial", "unused", "unavailable"])
def test_a_target_in_any_other_state_than_healthy_does_not_serve(state):
    assert serves(Story().target("a", "healthy", state)) == "bc"


@pytest.mark.parametrize("state", ["zonal_shift_active", "zonal_shift_delegated_to_dns", "unknown"])
def test_a_healthy_target_under_an_override_does_not_serve_until_it_ends(state):
    story = Story().add(h.Override, TG, "a", state)
    assert serves(story) == "bc"
    assert not fleet(story).members["a"].shows
    assert serves(story.add(h.Override, TG, "a", "no_override")) == "abc"


def test_every_balancer_has_to_carry_traffic_to_it():
    story = Story(balancers=(TG, OTHER, CLASSIC))
    assert serves(story) == "abc"
    story.target("a", "healthy", "unhealthy", OTHER).target("b", "InService", "out", CLASSIC)
    assert serves(story) == "c"


def test_a_target_group_without_listener_is_left_out_while_another_carries_traffic():
    story = Story(balancers=(TG, OTHER)).add(h.Listener, OTHER, False)
    assert serves(story.target("a", "healthy", "unused", OTHER)) == "abc"
    assert serves(story.target("a", "healthy", "unhealthy", TG)) == "bc"
    assert serves(story.add(h.Listener, OTHER, True)) == "bc"


def test_targets_of_a_group_that_nothing_listens_for_serve_by_their_application_alone():
    story = Story().add(h.Listener, TG, False).target("a", "healthy", "unused")
    assert serves(story) == "abc"
    assert serves(story.answers("b", False)) == "ac"


def test_an_instance_on_its_way_out_is_no_capacity_without_load_balancer():
    story = Story(balancers=()).add(h.Lifecycle, GROUP, "a", "InService", "Terminating")
    assert serves(story) == "bc"
    assert serves(story.add(h.Lifecycle, GROUP, "b", "InService", "Standby")) == "c"


def test_an_application_that_began_before_its_machine_joined_the_group_counts_from_then_on():
    story = Story(balancers=()).add(h.Application, "", "x", True)
    assert serves(story) == "abc"
    assert serves(story.add(h.Lifecycle, GROUP, "x", "Pending", "InService")) == "abcx"


def test_units_and_totals_follow_the_weights():
    made = fleet(Story(desired=6, weight=2).launch("x", weight=3).target("a", "healthy", "unused"))
    assert (made.serving, made.total, made.heaviest) == (4, 9, 3)


def test_records_of_another_group_are_not_its_own():
    story = Story().add(h.Launch, "db", "z", "zone", "t3.micro", 1, "1", "aws", "desired")
    story.add(h.Lifecycle, "db", "z", "", "InService").add(h.Application, "db", "z", True)
    assert (serves(story), fleet(story).total) == ("abc", 3)


def test_when_an_instance_began_and_ceased_to_show_is_known_with_the_place():
    story = Story(balancers=(TG, OTHER)).later().target("a", "healthy", "unhealthy", OTHER)
    story.later().target("a", "healthy", "unhealthy", TG)
    member = fleet(story).members["a"]
    assert (member.shows, member.hidden_at, member.hidden_by) == (False, 10.0, OTHER)
    assert (member.shown_at, member.served, member.serves) == (0.0, True, False)
