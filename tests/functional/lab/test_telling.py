"""What `bin/lab` says of the history, and how its time moves."""

from __future__ import annotations

import typing

import pytest

from tests.lab.http.narration import SENTENCES, narrate
from tests.lab.http.timekeeping import ManualTime, WallTime
from tests.lab.world import history

NOON = 12 * 3600.0


def test_there_is_a_sentence_for_every_kind_of_record():
    assert set(SENTENCES) == set(typing.get_args(history.Record))


LINES = [
    (
        history.Call(NOON, "autoscaling", "SetDesiredCapacity", (("D", 7),), "caller", "ok"),
        "12:00:00  caller    SetDesiredCapacity(D=7)",
    ),
    (
        history.Call(NOON, "ec2", "DescribeInstances", (), "caller", "Throttling"),
        "12:00:00  caller    DescribeInstances() → Throttling",
    ),
    (history.Call(NOON, "ec2", "DescribeInstances", (), "caller", "ok"), None),
    (
        history.Lifecycle(NOON, "web", "i-1", "", "Pending"),
        "12:00:00  web       i-1 (new) → Pending",
    ),
    (
        history.Lifecycle(NOON, "web", "i-1", "Terminated", ""),
        "12:00:00  web       i-1 Terminated → (left the group)",
    ),
    (
        history.TargetHealth(NOON, "arn:x:targetgroup/front/1", "i-1", "initial", "healthy"),
        "12:00:00  front     i-1 initial → healthy",
    ),
    (
        history.Size(NOON, "web", "desired", 6, 7, "policy"),
        "12:00:00  web       desired 6 → 7 (policy)",
    ),
    (
        history.Processes(NOON, "web", ("AZRebalance",), (), "caller"),
        "12:00:00  web       suspended: nothing",
    ),
]


@pytest.mark.parametrize(("record", "line"), LINES)
def test_a_record_becomes_a_line(record, line):
    assert narrate(record) == line


def test_reading_calls_are_told_when_asked_for():
    call = history.Call(NOON, "ec2", "DescribeInstances", (), "caller", "ok")
    assert narrate(call, calls=True) == "12:00:00  caller    DescribeInstances()"


def test_wall_time_runs_at_its_speed_can_skip_and_waits_in_real_seconds():
    real, slept = [100.0], []
    clock = WallTime(1000.0, 10.0, monotonic=lambda: real[0], sleep=slept.append)
    real[0] += 3
    assert clock.now() == 1030.0
    clock.skip(5)
    assert clock.now() == 1035.0
    clock.wait(20)
    assert slept == [2.0]


def test_manual_time_moves_only_when_it_is_moved():
    clock = ManualTime(1000.0)
    clock.skip(5)
    clock.wait(2)
    assert clock.now() == 1007.0
