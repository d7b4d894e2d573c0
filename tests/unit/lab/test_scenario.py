"""Scenarios: what they build and what they refuse."""

from __future__ import annotations

import pytest
import yaml

from tests.lab.scenario import DEFAULT_AGE, EXAMPLE, ScenarioError, build
from tests.lab.world import KINDS, BootTimes, Fault


def test_the_example_builds_a_group_in_service_on_its_old_version():
    world = build(yaml.safe_load(EXAMPLE))
    group = world.group("web")
    assert len(world.serving(group)) == 6
    assert {item.launch.version for item in group.instances.values()} == {"1"}
    assert {item.zone for item in group.instances.values()} == {f"eu-central-1{z}" for z in "abc"}
    assert sum(item.protected for item in group.instances.values()) == 1
    first = next(iter(group.instances.values()))
    assert first.launch_time == world.start - DEFAULT_AGE
    assert world.boot == BootTimes(60, 0.3, 0.05, 300)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"sed": 1}, "scenario: unknown key sed; allowed: account, alarms, assumptions"),
        ({"boot": {"mean": 1}}, "boot: unknown key mean"),
        ({"delays": {"draining": 1}}, "delays: unknown key draining"),
        ({"groups": {"web": {"size": 3}}}, "groups.web: unknown key size"),
        ({"groups": {"web": []}}, "groups.web: a mapping is needed"),
        ({"groups": {"web": {"template": {"ami": 1}}}}, "groups.web.template: unknown key ami"),
        ({"groups": {"web": {"target_groups": [{"nam": "x"}]}}}, "target_groups: unknown key nam"),
        ({"groups": {"web": {"hooks": [{"nam": "x"}]}}}, "groups.web.hooks: unknown key nam"),
        ({"faults": [{"kind": "flood"}]}, "unknown fault 'flood'; there are: alarm, application"),
        ({"faults": [{"kind": "throttle", "who": 1}]}, "fault throttle: unknown key who; allowed"),
        ({"faults": [{"at": 3}]}, "faults: "),
    ],
)
def test_what_a_scenario_does_not_know_is_refused_by_name(spec, text):
    with pytest.raises(ScenarioError) as error:
        build(spec)
    assert text in str(error.value)


def test_initial_standby_instances_come_on_top_of_desired_and_serve_nobody():
    world = build({"groups": {"web": {"max": 3, "desired": 2, "standby": 1}}})
    states = [item.lifecycle for item in world.group("web").instances.values()]
    assert states == ["InService", "InService", "Standby"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_fault_can_be_built_and_injected(kind):
    world = build(yaml.safe_load(EXAMPLE))
    world.inject(Fault(kind, at=5))
    world.advance(world.now + 1000)
    assert world.faults[-1].kind == kind


def test_the_same_scenario_has_the_same_history_and_another_seed_another_one():
    spec = yaml.safe_load(EXAMPLE)
    spec["faults"] = [{"kind": "scale_out", "at": 5, "by": 2}]

    def run(seed: int) -> list:
        world = build({**spec, "seed": seed})
        world.advance(world.now + 1000)
        return world.history.plain()

    assert run(1) == run(1)
    assert run(1) != run(2)
