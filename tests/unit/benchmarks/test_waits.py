"""The bound counts with the times from launch to healthy that the lab really gives."""

import pytest

from benchmarks.peers.stage import healthy_after
from tests.lab.scenario import build
from tests.lab.world.history import TargetHealth

GROUP = {"min": 0, "max": 1, "desired": 0, "health_check_type": "ELB", "target_groups": ["web"]}


@pytest.mark.parametrize("boot", [0, 5, 10, 24, 25, 26, 35, 36, 90, 95, 700])
def test_a_target_is_healthy_when_the_bound_says_so(boot):
    group = {**GROUP, "grace_period": 1200}
    world = build({"boot": {"median": boot, "sigma": 0}, "groups": {"web": group}})
    world.set_desired_capacity("web", 1)
    world.advance(world.now + 2000)
    (healthy,) = [r.time for r in world.history.of(TargetHealth) if r.after == "healthy"]
    (instance,) = world.instances.values()
    assert healthy - instance.launch_time == pytest.approx(healthy_after(boot))
