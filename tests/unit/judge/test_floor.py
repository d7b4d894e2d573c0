"""I1: serving never below what is wanted − max_unavailable through the caller's doing."""

from __future__ import annotations

import pytest

from tests.lab.world import history as h
from tests.unit.judge.story import GROUP, TG, Story


def surged(**settings) -> Story:
    """Three wanted, and a fourth that serves and that the caller has seen."""
    story = Story(**settings).size("desired", 4).launch("x").serve("x")
    return story.later().look()


def test_a_termination_that_leaves_too_few_is_caught():
    assert Story().end("a").rules() == ["I1"]
    assert Story().end("a").rules(unavailable=1) == []
    assert Story().end("a").end("b").rules(unavailable=1) == ["I1"]


def test_a_termination_that_leaves_enough_is_right():
    assert surged().end("a").rules() == []
    assert surged().end("a").end("b").rules() == ["I1"]


def test_a_group_of_six_without_load_balancer_whose_new_applications_are_slow_is_caught():
    """InService comes when EC2 says running; here 0 of 6 answer at last."""
    story = Story(desired=6, members="abcdef", bounds=(2, 8), balancers=()).size("desired", 7)
    for old, new in zip("abcdef", "uvwxyz", strict=True):
        story.later(30).launch(new).later(60).in_service(new).look().later(1).end(old)
    report = story.report("abcdef")
    assert {violation.rule for violation in report.violations} == {"I1"}
    assert len(report.violations) == 6
    assert report.summary.lowest_serving == 0


def test_the_same_group_is_rolled_well_by_who_waits_for_the_applications():
    story = Story(desired=6, members="abcdef", bounds=(2, 8), balancers=()).size("desired", 7)
    for old, new in zip("abcdef", "uvwxyz", strict=True):
        story.later(30).launch(new).later(60).in_service(new).later(90).answers(new).look()
        story.later(1).end(old, decrement=old == "f")
    report = story.report("abcdef", finished=True)
    assert report.violations == ()
    assert report.summary.lowest_serving == 6


@pytest.mark.parametrize("state", ["initial", "draining", "unhealthy", "unused"])
def test_a_new_instance_whose_target_is_not_healthy_is_not_counted(state):
    story = Story().size("desired", 4).launch("x").in_service("x").answers("x")
    story.target("x", "unused", state).later().look().end("a")
    assert story.rules() == ["I1"]


def test_a_new_instance_under_an_override_is_not_counted():
    story = surged().add(h.Override, TG, "x", "zonal_shift_active").later().look()
    assert story.end("a").rules() == ["I1"]


def test_a_target_group_that_has_lost_its_listener_does_not_speak_for_applications():
    story = Story().size("desired", 4).launch("x").in_service("x")
    for key in "abcx":
        story.target(key, "healthy", "unused")
    story.add(h.Listener, TG, False).later().look().end("a")
    assert story.rules() == ["I1"]


def test_terminating_one_that_does_not_serve_is_never_wrong():
    assert Story().fails("a").end("a").rules() == []


def test_one_that_the_group_calls_unhealthy_is_about_to_go_and_not_counted():
    story = surged().add(h.Health, GROUP, "x", "Healthy", "Unhealthy", "aws").later().look()
    assert story.end("a").rules() == ["I1"]


def test_terminating_one_that_the_group_calls_unhealthy_is_what_aws_is_about_to_do():
    story = Story().add(h.Health, GROUP, "a", "Healthy", "Unhealthy", "aws").later().look()
    assert story.end("a").rules() == []


# -- what nobody could know -------------------------------------------------------------------


def test_what_failed_after_the_last_look_is_excused():
    report = surged().later(1).fails("b").end("a").report()
    assert (report.violations, report.summary.excused) == ((), 1)


def test_what_others_terminated_after_the_last_look_is_excused():
    story = surged().later(1).end("b", "operator").end("a")
    assert story.rules() == []


def test_what_could_have_been_seen_is_no_excuse():
    story = surged().fails("b").later().look().later(1).end("a")
    assert story.rules() == ["I1"]
    assert story.rules(unseen=60) == []


def test_only_as_many_are_excused_as_have_failed_unseen():
    assert surged().later(1).fails("b").end("a").end("c").rules() == ["I1"]


def test_an_application_that_stopped_and_that_no_health_check_has_found_out_is_excused():
    story = surged().answers("b", False).later().look().later(60).end("a")
    assert story.rules() == []
    story = surged(balancers=()).answers("b", False).later().look().later(600).look().end("a")
    assert story.rules() == []


def test_an_application_that_has_never_answered_is_no_excuse():
    story = Story().size("desired", 4).launch("x").in_service("x").target("x", "initial", "healthy")
    assert story.later().look().end("a").rules() == ["I1"]


def test_one_that_began_to_show_and_failed_after_the_last_look_was_never_counted():
    story = Story().size("desired", 4).launch("x").later().look()
    story.later(1).serve("x").later(1).fails("x").later(1).end("a")
    assert story.rules() == ["I1"]


def test_who_does_not_read_the_targets_has_no_excuse():
    story = surged().later(1).fails("b")
    for _ in range(2):
        story.later(15).call("DescribeAutoScalingGroups")
    assert story.end("a").rules() == ["I1"]


def test_a_look_that_was_denied_is_no_look_and_an_old_one_no_excuse():
    story = surged().later(1).fails("b").later(1)
    story.call("DescribeTargetHealth", "elbv2", "AccessDenied", TargetGroupArn=TG)
    assert story.end("a").rules() == []
    story = surged().later(1).fails("b").later(600).end("a")
    assert story.rules() == ["I1"]


# -- what is wanted ---------------------------------------------------------------------------


def test_the_floor_follows_what_others_want():
    assert Story().size("desired", 2, "operator").later().look().end("a").rules() == []
    story = surged().size("max", 9).size("desired", 5, "operator").later().look()
    assert story.end("a").rules() == ["I1"]


def test_a_demand_that_nobody_could_know_of_is_excused():
    assert surged().later(1).size("desired", 5, "operator").end("a").rules() == []


def test_ten_set_to_a_group_of_ten_with_surge_five_that_ends_with_five_is_caught():
    """Others' 10 in place of our 15 is a 10: AWS takes five away, and the roll five more."""
    old, new = "abcdefghij", "uvwxy"
    story = Story(desired=10, members=old, bounds=(1, 15)).size("desired", 15)
    for key in new:
        story.launch(key).serve(key)
    story.later().look().size("desired", 10, "operator")
    for key in new:
        story.end(key, "operator")
    story.later().look()
    for key in old[:5]:
        story.end(key, decrement=True)
    report = story.report(old, surge=5, finished=True)
    assert [v.rule for v in report.violations] == ["I1"] * 5 + ["I5"]
    assert report.summary.lowest_serving == 5
    assert "desired is 5, not 10" in report.violations[-1].message


def test_units_count_where_instances_have_weights():
    story = Story(desired=6, weight=2)
    assert story.end("a").rules(unavailable=1) == ["I1"]
    assert story.rules(unavailable=2) == []


# -- until it has really stopped --------------------------------------------------------------


def slow_to_leave(story: Story, key: str) -> Story:
    """The caller terminates one whose target goes on for a while."""
    story.add(h.Termination, GROUP, key, "caller", "request", False)
    return story.add(h.Lifecycle, GROUP, key, "InService", "Terminating")


def test_those_that_are_doomed_and_still_answer_are_not_counted_on():
    story = slow_to_leave(surged(), "a").later(5).look()
    assert story.rules() == []
    assert slow_to_leave(story, "b").rules() == ["I1"]


def test_what_fails_after_the_termination_is_not_the_callers():
    story = slow_to_leave(surged(), "a").later(5).fails("b").target("a", "healthy", "draining")
    assert story.rules() == []


def test_aws_choosing_for_a_desired_capacity_that_the_caller_lowered_is_its_doing():
    story = Story().size("desired", 2)
    story.add(h.Termination, GROUP, "c", "caller", "scale-in", False)
    assert story.rules() == ["I1"]
    assert story.rules(victims="ab") == ["I3", "I1"]
