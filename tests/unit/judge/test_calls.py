"""I8: the reads of a turn do not grow with the number of victims."""

from __future__ import annotations

import pytest

from tests.judge.calls import too_many
from tests.lab.world import history as h
from tests.unit.judge.story import CLASSIC, GROUP, TG, Story

OTHER = "arn:other"


def rolling(**settings) -> Story:
    """A process that has looked twice: its preflight is over."""
    return Story(**settings).later(15).look()


def found(story: Story, begins: tuple[int, ...] = ()) -> list[str]:
    said = too_many(story.records, GROUP, begins or (story.since,))
    return said[1] if said else []


def test_a_turn_reads_the_group_and_each_balancer():
    story = rolling(balancers=(TG, OTHER, CLASSIC))
    for _ in range(5):
        story.later(15).look()
    assert found(story) == []


def test_a_read_for_each_instance_is_caught():
    story = rolling()
    for key in "abc":
        story.call("DescribeInstances", "ec2", InstanceIds=key)
    assert found(story) == ["DescribeInstances", "DescribeInstances"]


def test_a_balancer_that_is_not_the_groups_is_caught():
    story = rolling().call("DescribeTargetHealth", "elbv2", TargetGroupArn=OTHER)
    assert found(story) == ["DescribeTargetHealth"]


def test_a_call_that_is_repeated_counts_once():
    story = rolling()
    story.call("DescribeTargetHealth", "elbv2", "Throttling", TargetGroupArn=TG).look()
    assert found(story) == []


@pytest.mark.parametrize(
    ("puzzle", "expected"),
    [
        (lambda story: story, ["DescribeScalingActivities"]),
        (lambda story: story.size("desired", 4), []),
        (lambda story: story.size("min", 2, "operator"), []),
        (lambda story: story.end("a", "aws"), []),
        (lambda story: story.add(h.LaunchFailed, GROUP, "caller", "capacity"), []),
    ],
)
def test_activities_are_read_only_where_something_is_to_be_explained(puzzle, expected):
    story = rolling().later(900).look().later(15).look()
    puzzle(story).later(60).look().call("DescribeScalingActivities").later(15).look()
    assert found(story) == expected


def test_who_has_just_begun_or_is_about_to_end_may_read_activities():
    assert found(rolling().call("DescribeScalingActivities").later(15).look()) == []
    assert found(rolling().later(900).look().call("DescribeScalingActivities")) == []


def test_instance_refreshes_are_read_once_a_minute():
    story = rolling().call("DescribeInstanceRefreshes").later(61).look()
    story.call("DescribeInstanceRefreshes").later(15).look()
    assert found(story) == []
    assert found(story.call("DescribeInstanceRefreshes")) == ["DescribeInstanceRefreshes"]


def test_what_is_read_before_the_second_look_is_preflight():
    story = Story().call("DescribeLifecycleHooks").call("DescribePolicies")
    assert found(story) == []
    assert found(story.later(1).look().call("DescribePolicies")) == ["DescribePolicies"]


def test_another_process_has_a_preflight_of_its_own():
    story = rolling()
    begins = (story.since, len(story.records))
    story.look().call("DescribePolicies").later(15).look()
    assert found(story, begins) == []
    assert found(story) == ["DescribePolicies"]


def test_what_comes_with_the_end_is_no_turn():
    assert found(rolling().call("DeleteTags").call("DescribeLaunchTemplates")) == []
