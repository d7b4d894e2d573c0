"""The judge: a good roll passes, and a hand-made history that breaks a promise is caught."""

from __future__ import annotations

import pytest

from tests.lab.inprocess import InProcessAWS
from tests.lab.invariants import check, examine
from tests.lab.world import history as h
from tests.unit.lab.rolling import Roll, world

TG = "arn:tg"


class Story:
    """A history written by hand: three old instances a, b, c that serve."""

    def __init__(self, desired: int = 3, weight: int = 1) -> None:
        self.now = 0.0
        self.records: list[h.Record] = []
        self.add(h.GroupChange, "web", "created", "setup")
        sizes = {"min": 1, "max": 4, "desired": desired}
        for field, value in sizes.items():
            self.add(h.Size, "web", field, 0, value, "setup")
        self.add(h.Attachment, "web", TG, True, "setup")
        self.sizes = sizes
        for key in "abc":
            self.launch(key, "setup", weight=weight).serve(key)
        self.since = len(self.records)
        self.look()

    def add(self, kind: type, *fields: object) -> Story:
        self.records.append(kind(self.now, *fields))
        return self

    def later(self, seconds: float = 10.0) -> Story:
        self.now += seconds
        return self

    def call(self, operation: str, service: str = "autoscaling") -> Story:
        return self.add(h.Call, service, operation, (), "caller", "ok")

    def look(self) -> Story:
        return self.call("DescribeAutoScalingGroups").call("DescribeTargetHealth", "elbv2")

    def size(self, field: str, value: int, actor: str = "caller") -> Story:
        before, self.sizes[field] = self.sizes[field], value
        return self.add(h.Size, "web", field, before, value, actor)

    def launch(
        self, key: str, actor: str = "caller", reason: str = "desired", weight: int = 1
    ) -> Story:
        self.add(h.Launch, "web", key, "zone", "t3.micro", weight, "1", actor, reason)
        return self.add(h.Lifecycle, "web", key, "", "Pending")

    def serve(self, key: str) -> Story:
        self.add(h.Lifecycle, "web", key, "Pending", "InService")
        return self.add(h.TargetHealth, TG, key, "initial", "healthy")

    def end(self, key: str, actor: str = "caller", decrement: bool = False) -> Story:
        if decrement:
            self.size("desired", self.sizes["desired"] - 1, actor)
        self.add(h.Termination, "web", key, actor, "request", decrement)
        self.add(h.Lifecycle, "web", key, "InService", "Terminating")
        return self.add(h.TargetHealth, TG, key, "healthy", "draining")

    def fails(self, key: str) -> Story:
        return self.add(h.TargetHealth, TG, key, "healthy", "unhealthy")

    def rules(self, victims: str = "abc", surge: int = 1, unavailable: int = 0, **options) -> list:
        options.setdefault("finished", False)
        found = check(self.records, "web", set(victims), surge, unavailable, **options)
        return [violation.rule for violation in found]


def good_story() -> Story:
    """One victim after the other, surge one, everything restored."""
    story = Story().size("max", 5).size("desired", 4)
    for victim, new in zip("abc", "xyz", strict=True):
        story.later().launch(new).serve(new).later().look()
        story.end(victim, decrement=victim == "c")
    return story.size("max", 4)


def test_a_story_that_keeps_every_promise_has_no_violation():
    assert good_story().rules(finished=True) == []


def test_i1_a_termination_that_leaves_too_few_is_caught():
    assert Story().end("a").rules() == ["I1"]
    assert Story().end("a").rules(unavailable=1) == []
    assert Story().end("a").end("b").rules(unavailable=1) == ["I1"]


def test_i1_an_instance_that_is_in_service_but_not_healthy_in_its_target_group_does_not_serve():
    story = Story().size("desired", 4).launch("x")
    story.add(h.Lifecycle, "web", "x", "Pending", "InService")
    story.add(h.TargetHealth, TG, "x", "unused", "initial")
    assert story.later().look().end("a").rules() == ["I1"]


def test_i1_terminating_one_that_does_not_serve_is_never_wrong():
    assert Story().fails("a").end("a").rules() == []


def test_i1_a_dip_by_others_after_the_last_look_is_not_the_callers():
    story = Story().size("desired", 4).launch("x").serve("x").later().look().later(1)
    report = examine(story.fails("b").end("a").records, "web", set("abc"), 1, 0, finished=False)
    assert (report.violations, report.summary.excused) == ((), 1)


def test_i1_a_dip_by_others_that_the_caller_could_have_seen_is_no_excuse():
    story = Story().size("desired", 4).launch("x").serve("x").fails("b").later().look()
    story.later(1).end("a")
    assert story.rules() == ["I1"]
    assert story.rules(unseen=60) == []


def test_i1_the_floor_follows_what_others_want():
    story = Story().size("desired", 2, "operator").later().look()
    assert story.end("a").rules() == []


def test_i1_counts_units_where_instances_have_weights():
    story = Story(desired=6, weight=2)
    assert story.end("a").rules(unavailable=1) == ["I1"]
    assert story.rules(unavailable=2) == []


def test_i2_a_launch_above_live_and_surge_is_caught():
    story = Story().size("desired", 5).launch("x").launch("y")
    assert story.rules() == ["I2"]
    assert story.rules(surge=2) == []


def test_i2_grants_aws_its_rebalancing():
    story = Story().size("desired", 4).launch("x").launch("y", "aws", "rebalance")
    assert story.rules() == []
    assert story.launch("z", "aws", "rebalance").rules() == ["I2"]


def test_i2_follows_a_scale_out_by_others():
    story = Story().size("desired", 4, "policy").launch("x", "policy").size("desired", 5)
    assert story.launch("y").rules() == []


def test_i3_terminating_somebody_else_is_caught():
    assert Story().end("c").rules(victims="ab", unavailable=1) == ["I3"]


def test_i3_aws_choosing_for_a_lowered_desired_is_the_callers_doing():
    story = Story().size("desired", 2).add(h.Termination, "web", "c", "caller", "scale-in", False)
    assert "I3" in story.rules(victims="ab", unavailable=3)


def test_i3_failed_and_surplus_replacements_are_reported_apart():
    story = Story().size("desired", 5).launch("x").launch("y").serve("y").later().look()
    story.add(h.Termination, "web", "x", "caller", "request", False)
    story.add(h.Lifecycle, "web", "x", "Pending", "Terminating")
    story.end("y", decrement=True)
    report = examine(story.records, "web", set("abc"), 2, 0, finished=False)
    assert report.violations == ()
    assert report.replacements_terminated == (("x", "failed"), ("y", "surplus"))


def test_i3_a_replacement_that_serves_is_not_to_be_replaced_again():
    story = Story().size("desired", 4).launch("x").serve("x").later().look().end("x")
    assert story.rules() == ["I3"]
    assert story.rules(failed={"x"}) == []


def test_i4_more_launches_for_the_caller_than_it_has_to_show_are_caught():
    story = Story().size("desired", 4).launch("x").serve("x").later().look().end("a")
    assert story.launch("y").rules() == []
    assert story.launch("z").rules(surge=2) == ["I4"]


def test_i4_a_replacement_that_aws_ended_and_that_was_called_off_is_paid_for():
    story = Story().size("desired", 4).launch("x")
    story.add(h.Termination, "web", "x", "aws", "unhealthy", False)
    story.add(h.Lifecycle, "web", "x", "Pending", "Terminating").size("desired", 3)
    assert story.rules(finished=True) == []
    story.launch("y")
    assert story.rules(finished=True) == ["I4"]


def test_i4_a_launch_that_stands_in_for_one_that_others_caused_is_paid_for():
    story = Story().size("desired", 4).launch("x").serve("x").later().look()
    story.end("a", "operator").size("desired", 3)
    assert story.rules(finished=True) == []
    assert story.rules(victims="bc", finished=True) == ["I4"]


def test_i4_launches_that_aws_or_others_cause_are_theirs():
    story = Story().fails("a").end("a", "aws").launch("x", "aws", "unhealthy")
    story.size("desired", 4, "policy").launch("y", "policy")
    assert story.rules() == []


@pytest.mark.parametrize(("field", "value"), [("min", 0), ("max", 5), ("desired", 4)])
def test_i5_a_size_that_is_not_restored_is_caught(field, value):
    assert Story().size(field, value).rules(finished=True) == ["I5"]


def test_i5_suspended_processes_that_are_not_resumed_are_caught():
    story = Story().add(h.Processes, "web", (), ("AZRebalance",), "caller")
    assert story.rules(finished=True) == ["I5"]
    story.add(h.Processes, "web", ("AZRebalance",), (), "caller")
    assert story.rules(finished=True) == []


def test_i5_what_others_changed_has_to_stay_as_they_wanted_it():
    story = Story().size("max", 6).size("max", 9, "operator").size("desired", 4, "policy")
    story.add(h.Processes, "web", (), ("HealthCheck",), "operator")
    assert story.rules(finished=True) == []
    assert story.size("max", 4).rules(finished=True) == ["I5"]
    story.add(h.Processes, "web", ("HealthCheck",), (), "caller")
    assert story.rules(finished=True) == ["I5", "I5"]


@pytest.mark.parametrize(
    ("field", "bound", "clamped", "live"), [("min", 4, 4, 4), ("max", 2, 2, 2), ("max", 3, 3, 3)]
)
def test_live_stays_within_the_bounds_that_others_set(field, bound, clamped, live):
    story = Story().size("max", 9).size("desired", 4).later()
    story.size(field, bound, "operator")
    if clamped != 4:
        story.size("desired", clamped, "operator")  # AWS clamps what includes our surge
    story.later().size("max", bound if field == "max" else 4)
    assert story.sizes["desired"] == live
    assert story.rules(finished=True) == []


def test_live_follows_a_minimum_and_a_maximum_that_others_set_together():
    story = Story().later().size("min", 5, "operator").size("max", 8, "operator")
    assert story.size("desired", 5, "operator").rules(finished=True) == []


def test_i5_does_not_apply_to_a_group_that_is_gone():
    story = Story().size("max", 9).add(h.GroupChange, "web", "deleted", "aws")
    assert story.rules(finished=True) == []


def test_the_summary_counts_what_happened():
    summary = examine(good_story().records, "web", set("abc"), 1, 0).summary
    assert (summary.lowest_serving, summary.highest_total) == (3, 4)
    assert (summary.launches, summary.caller_launches, summary.victims_terminated) == (3, 3, 3)
    assert summary.reads == {"DescribeAutoScalingGroups": 4, "DescribeTargetHealth": 4}


def test_a_careful_roll_on_the_lab_keeps_every_promise_with_v_plus_one_mutations():
    lab = world(6, suspended=["AZRebalance"])
    aws = InProcessAWS(lab)
    roll = Roll(aws)
    roll.run()
    aws.clock.sleep(600)
    report = examine(lab.history, "web", roll.victims, 1, 0)
    assert report.violations == ()
    assert report.summary.mutations == {
        "SetDesiredCapacity": 1,
        "TerminateInstanceInAutoScalingGroup": 6,
    }
    assert (report.summary.lowest_serving, report.summary.highest_total) == (6, 7)
    assert len(lab.serving(lab.group("web"))) == 6
    assert {item.launch.version for item in lab.group("web").instances.values()} == {"2"}


def test_a_careless_roll_on_the_lab_is_convicted():
    lab = world(6)
    aws = InProcessAWS(lab)
    roll = Roll(aws, surge=1, reserve=2)
    roll.run()
    broken = check(lab.history, "web", roll.victims, 1, 0, finished=False)
    assert {violation.rule for violation in broken} == {"I1"}
    assert check(lab.history, "web", roll.victims, 1, 2, finished=False) == []


@pytest.mark.parametrize("seed", range(5))
def test_rolls_through_the_lab_are_deterministic(seed):
    runs = []
    for _ in range(2):
        faults = ({"kind": "spot_reclaim", "at": 100, "pick": "random"},)
        lab = world(5, faults=faults)
        lab.random.seed(seed)
        aws = InProcessAWS(lab)
        Roll(aws).run()
        runs.append(lab.history.plain())
    assert runs[0] == runs[1]
    assert runs[0]
