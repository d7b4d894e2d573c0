"""I2 to I5: a good roll passes, and a hand-made history that breaks a promise is caught."""

from __future__ import annotations

import pytest

from tests.judge.invariants import NEVER, NoApplicationsError, examine
from tests.judge.wants import Interval
from tests.lab.world import history as h
from tests.unit.judge.story import GROUP, TG, Story


def good_story() -> Story:
    """One victim after the other, surge one, everything restored."""
    story = Story().size("max", 5).size("desired", 4)
    for victim, new in zip("abc", "xyz", strict=True):
        story.later().launch(new).serve(new).later().look()
        story.end(victim, decrement=victim == "c")
    return story.size("max", 4)


def test_a_story_that_keeps_every_promise_has_no_violation():
    assert good_story().rules(finished=True) == []


def test_a_history_that_does_not_say_which_applications_answer_is_refused():
    records = [r for r in good_story().records if not isinstance(r, h.Application)]
    with pytest.raises(NoApplicationsError, match="no Application record"):
        examine(records, GROUP, set("abc"), 1, 0)


# -- I2 ---------------------------------------------------------------------------------------


def test_i2_a_launch_above_what_is_wanted_and_surge_is_caught():
    story = Story().size("desired", 5).launch("x").launch("y")
    assert story.rules() == ["I2"]
    assert story.rules(surge=2) == []


@pytest.mark.parametrize("reason", ["rebalance", "capacity rebalance", "refresh", "maintenance"])
def test_i2_grants_aws_what_it_adds_by_itself_until_that_is_gone(reason):
    story = Story().size("desired", 4).launch("x").launch("y", "aws", reason)
    assert story.rules() == []
    story.end("a", "aws").size("desired", 5).launch("z")
    assert story.rules() == ["I2"]


def test_i2_follows_a_scale_out_by_others():
    story = Story().size("desired", 4, "policy").launch("x", "policy").look().size("desired", 5)
    assert story.launch("y").rules() == []


def test_i2_a_surge_on_top_of_a_total_that_others_have_lowered_is_caught():
    story = Story(desired=6, members="abcdef", bounds=(1, 9)).size("desired", 4, "operator")
    story.end("e", "operator").end("f", "operator").later().look().size("desired", 6)
    assert story.launch("x").rules() == []
    assert story.launch("y").rules() == ["I2"]


def test_i2_grants_the_last_of_the_heavy_ones_its_overshoot():
    story = Story(desired=6, weight=2).size("desired", 7).launch("x", weight=2)
    assert story.rules() == []
    assert "I2" in story.size("desired", 10).launch("y", weight=2).rules()


# -- I3 ---------------------------------------------------------------------------------------


def test_i3_terminating_somebody_else_is_caught():
    assert Story().end("c").rules(victims="ab", unavailable=1) == ["I3"]


@pytest.mark.parametrize("operation", sorted(NEVER))
def test_i3_taking_capacity_away_in_another_way_than_by_termination_is_caught(operation):
    assert Story().call(operation).rules() == ["I3"]
    assert Story().call(operation, outcome="AccessDenied").rules() == []


def test_i3_aws_chooses_when_others_have_terminated_the_same_one_since_the_last_look():
    story = Story().size("desired", 4).launch("x").serve("x").later().look().later(1)
    story.end("a", "operator", decrement=True).size("desired", 2, "caller", "by")
    story.add(h.Termination, GROUP, "x", "caller", "scale-in", False)
    assert story.rules() == []
    story.add(h.Termination, GROUP, "b", "caller", "scale-in", False)
    assert "I3" in story.rules(victims="a")
    story = Story().size("desired", 4).launch("x").serve("x").end("a", "operator", decrement=True)
    story.later().look().size("desired", 2, "caller", "by")
    story.add(h.Termination, GROUP, "x", "caller", "scale-in", False)
    assert "I3" in story.rules()


def test_i3_failed_and_surplus_replacements_are_reported_apart():
    story = Story().size("desired", 5).launch("x").launch("y").serve("y").later().look()
    story.add(h.Termination, GROUP, "x", "caller", "request", False)
    story.add(h.Lifecycle, GROUP, "x", "Pending", "Terminating")
    story.end("y", decrement=True)
    report = story.report(surge=2)
    assert report.violations == ()
    assert report.replacements_terminated == (("x", "failed"), ("y", "surplus"))


def test_i3_a_replacement_that_serves_is_not_to_be_replaced_again():
    story = Story().size("desired", 4).launch("x").serve("x").later().look().end("x")
    assert story.rules() == ["I3"]
    assert story.rules(failed={"x"}) == []


def test_i3_a_replacement_that_began_to_serve_after_the_last_look_may_pass_for_failed():
    story = Story().size("desired", 4).launch("x").later().look().later(1).serve("x").end("x")
    assert story.rules() == []


def test_i3_a_surplus_is_none_when_it_takes_from_what_others_want():
    story = Story().size("desired", 4).launch("x").serve("x").later().look()
    story.end("a", "operator", decrement=True).later().look()
    assert story.end("x", decrement=True).rules(unavailable=2) == []
    story = Story(bounds=(1, 9)).size("desired", 4).launch("x").serve("x").later().look()
    story.size("desired", 5, "operator").later().look()
    assert story.end("x", decrement=True).rules(unavailable=9) == ["I3"]


def test_i3_a_decrement_that_aws_applies_only_later_is_counted_at_once():
    story = Story().size("desired", 4).launch("x").serve("x").launch("y").serve("y").later().look()
    for key in "xy":
        story.add(h.Termination, GROUP, key, "caller", "request", True)
        story.add(h.Lifecycle, GROUP, key, "InService", "Terminating")
    assert story.rules(surge=2) == ["I3"]
    story.later().size("desired", 3, "caller", "by")
    assert story.rules(surge=2) == ["I3"]


# -- I4 ---------------------------------------------------------------------------------------


def test_i4_more_launches_for_the_caller_than_it_has_to_show_are_caught():
    story = Story().size("desired", 4).launch("x").serve("x").later().look().end("a")
    assert story.launch("y").rules() == []
    assert story.launch("z").rules(surge=2) == ["I4"]


def test_i4_a_replacement_that_aws_ended_and_that_was_called_off_is_paid_for():
    story = Story().size("desired", 4).launch("x")
    story.add(h.Termination, GROUP, "x", "aws", "unhealthy", False)
    story.add(h.Lifecycle, GROUP, "x", "Pending", "Terminating").size("desired", 3)
    assert story.rules(finished=True) == []
    story.launch("y")
    assert story.rules(finished=True) == ["I4"]


def test_i4_a_launch_that_stands_in_for_one_that_others_caused_is_paid_for():
    story = Story().size("desired", 4).launch("x").serve("x").later().look()
    story.end("a", "operator").size("desired", 3)
    assert story.rules(finished=True) == []
    assert story.rules(victims="bc", finished=True) == ["I4"]


def test_i4_what_others_have_made_their_own_is_paid_for():
    story = Story(bounds=(1, 9)).size("desired", 4).launch("x").serve("x")
    story.size("desired", 6, "operator").launch("y", "operator").launch("z", "operator")
    assert story.later().look().rules(finished=False) == []


def test_i4_what_is_given_back_to_others_is_theirs():
    story = Story(bounds=(1, 9)).size("desired", 6, "operator").size("desired", 4)
    story.launch("x", "operator").serve("x").later().look().size("desired", 7)
    for key in "yzw":
        story.launch(key).serve(key)
    assert story.later().look().rules(finished=False) == []
    assert story.launch("v").rules(surge=9) == ["I4"]


def test_i4_a_decrement_for_one_that_others_had_terminated_calls_its_replacement_off():
    story = Story().size("desired", 4).launch("x").serve("x").later().look()
    story.end("a", "operator").size("desired", 3, "caller", "by")
    assert story.rules(finished=True) == []


def test_i4_launches_that_aws_or_others_cause_are_theirs():
    story = Story().fails("a").end("a", "aws").launch("x", "aws", "unhealthy")
    story.size("desired", 4, "policy").launch("y", "policy")
    assert story.rules() == []


# -- I5 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("field", "value"), [("min", 0), ("max", 5), ("desired", 4)])
def test_i5_a_size_that_is_not_restored_is_caught(field, value):
    assert Story().size(field, value).rules(finished=True) == ["I5"]


def test_i5_suspended_processes_that_are_not_resumed_are_caught():
    story = Story().add(h.Processes, GROUP, (), ("AZRebalance",), "caller")
    assert story.rules(finished=True) == ["I5"]
    story.add(h.Processes, GROUP, ("AZRebalance",), (), "caller")
    assert story.rules(finished=True) == []


def suspends(story: Story, actor: str) -> Story:
    if actor == "caller":  # as it rests already, nothing changes
        names = (("ScalingProcesses", ("AZRebalance",)),)
        return story.add(h.Call, "autoscaling", "SuspendProcesses", names, "caller", "ok")
    return story.add(h.Processes, GROUP, (), ("AZRebalance",), actor)


def test_i5_a_process_that_others_suspended_between_look_and_call_may_pass_for_ones_own():
    story = suspends(suspends(Story().later(), "operator").later(1), "caller")
    story.later().look().add(h.Processes, GROUP, ("AZRebalance",), (), "caller")
    assert story.rules(finished=True) == []


def test_i5_a_process_that_others_had_suspended_before_the_last_look_is_theirs():
    story = suspends(suspends(Story().later(), "operator").later(5).look().later(1), "caller")
    story.later().look().add(h.Processes, GROUP, ("AZRebalance",), (), "caller")
    assert story.rules(finished=True) == ["I5"]
    assert story.rules(finished=True, unseen=6) == []


def test_i5_nobody_can_see_what_was_resumed_and_suspended_anew_between_two_looks():
    def resumed(look_between: bool) -> Story:
        story = Story().add(h.Processes, GROUP, (), ("AZRebalance",), "caller").look().later(60)
        story.add(h.Processes, GROUP, ("AZRebalance",), (), "operator").later(600)
        story = story.look().later(5) if look_between else story
        story.add(h.Processes, GROUP, (), ("AZRebalance",), "operator").later(600).look()
        return story.add(h.Processes, GROUP, ("AZRebalance",), (), "caller")

    assert resumed(look_between=False).rules(finished=True) == []
    assert resumed(look_between=True).rules(finished=True) == ["I5"]


@pytest.mark.parametrize(("decrement", "rules"), [(True, []), (False, ["I5"])])
def test_i5_a_decrement_that_aws_never_makes_may_leave_more(decrement, rules):
    story = Story().size("desired", 4).launch("x").serve("x").end("a").later(60)
    story.add(h.Termination, GROUP, "b", "caller", "request", decrement)
    story.add(h.Lifecycle, GROUP, "b", "InService", "Terminating").later(60)
    story.add(h.Lifecycle, GROUP, "b", "Terminating", "Terminated").later(60).look()
    assert "I5" in story.size("desired", 2).rules(finished=True, unavailable=2)
    assert story.size("desired", 4).rules(finished=True, unavailable=2) == rules


def test_i5_what_others_changed_has_to_stay_as_they_wanted_it():
    story = Story().size("max", 6).size("max", 9, "operator").size("desired", 4, "policy").look()
    story.add(h.Processes, GROUP, (), ("HealthCheck",), "operator")
    assert story.rules(finished=True) == []
    assert story.size("max", 4).rules(finished=True) == ["I5"]
    story.add(h.Processes, GROUP, ("HealthCheck",), (), "caller")
    assert story.rules(finished=True) == ["I5", "I5"]


def test_i5_ten_set_during_a_roll_of_six_with_surge_two_that_ends_with_eight_is_caught():
    """Others' 10 in place of our 8 is a 10: no two of them are the roll's to give back."""
    story = Story(desired=6, members="abcdef", bounds=(1, 12)).size("desired", 8)
    story.launch("u").serve("u").launch("v").serve("v").later().look()
    story.size("desired", 10, "operator")
    for key in "wx":
        story.launch(key, "operator").serve(key)
    story.later().look().end("a", decrement=True).end("b", decrement=True)
    report = story.report("abcdef", surge=2, finished=True)
    assert [v.rule for v in report.violations] == ["I1", "I1", "I5"]
    assert "desired is 8, not 10" in report.violations[-1].message
    assert report.summary.wanted == Interval(10, 10)


@pytest.mark.parametrize("at_the_end", [6, 7])
def test_i5_any_capacity_that_somebody_may_have_meant_is_right(at_the_end):
    story = Story(desired=6, members="abcdef", bounds=(1, 12)).size("desired", 8).look()
    story.size("desired", 7, "operator").later().look()
    if at_the_end != 7:
        story.size("desired", at_the_end)
    assert story.rules("abcdef", surge=2, finished=True) == []


def test_i5_follows_a_minimum_and_a_maximum_that_others_set_together():
    story = Story().later().size("min", 5, "operator").size("max", 8, "operator")
    story.size("desired", 5, "operator", "bound").look()
    assert story.rules(finished=True) == []


def test_i5_does_not_apply_to_a_group_that_is_gone():
    story = Story().size("max", 9).add(h.GroupChange, GROUP, "deleted", "aws")
    assert story.rules(finished=True) == []


# -- figures ----------------------------------------------------------------------------------


def test_the_summary_counts_what_happened():
    summary = good_story().report(finished=True).summary
    assert (summary.lowest_serving, summary.highest_total) == (3, 4)
    assert (summary.launches, summary.caller_launches, summary.victims_terminated) == (3, 3, 3)
    assert summary.reads == {"DescribeAutoScalingGroups": 4, "DescribeTargetHealth": 4}
    assert (summary.wanted, summary.seconds) == (Interval(3, 3), 60.0)


def test_the_lowest_serving_is_what_users_saw_whoever_did_it():
    story = Story().later().add(h.Override, TG, "a", "zonal_shift_active").answers("b", False)
    assert story.report().summary.lowest_serving == 1
