"""CloudWatch: the state of alarms. Nothing measures anything here: faults set the states."""

from __future__ import annotations

from typing import Any

from tests.lab.world import World


def describe_alarms(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """DescribeAlarms by names; names that there are not are left out of the answer."""
    wanted = params.get("AlarmNames") or sorted(world.alarms)
    found = [name for name in wanted if name in world.alarms]
    return {
        "MetricAlarms": [{"AlarmName": name, "StateValue": world.alarms[name]} for name in found],
        "CompositeAlarms": [],
    }


OPERATIONS = {"DescribeAlarms": describe_alarms}
