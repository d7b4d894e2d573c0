"""Applications, and whom their users reach. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest

HOOK = {"name": "up", "transition": "autoscaling:EC2_INSTANCE_LAUNCHING", "completes_after": 5}


def answered(lab, instance: str) -> list[tuple[float, bool]]:
    """Return (seconds since the start, answers) of one application."""
    records = [record for record in lab.since("Application") if record.instance == instance]
    return [(record.time - lab.world.start, record.answers) for record in records]


def launched(lab) -> str:
    """Return the id of one more instance, just launched."""
    lab.world.set_desired_capacity("web", lab.group.desired + 1)
    lab.wait(lab.world.delays.reaction)
    return lab.ids()[-1]


def test_UP1_an_application_answers_after_the_boot_time_that_the_seed_draws(bench):
    times = []
    for _ in range(2):
        lab = bench(2)
        new = [launched(lab), launched(lab)]
        lab.wait(300)
        began = lab.world.start
        ready = {key: began + answered(lab, key)[0][0] for key in new}
        times.append([ready[key] - lab.world.instances[key].launch_time for key in new])
        assert all(ready[key] == lab.world.instances[key].up_at for key in new)
    assert times[0] == pytest.approx(times[1])
    assert times[0][0] != times[0][1]


def test_UP1_what_is_there_at_the_beginning_answers(bench):
    lab = bench(2, standby=1)
    assert [record.answers for record in lab.since("Application")] == [True, True, True]
    assert [item.answers for item in lab.group.instances.values()] == [True, True, True]


def test_UP2_an_application_ends_with_its_machine_and_not_before(bench):
    lab = bench(3, target_groups=[{"name": "web", "deregistration_delay": 100}])
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=False)
    lab.wait(99)
    assert (lab.group.instances[key].lifecycle, answered(lab, key)) == ("Terminating", [(0, True)])
    lab.wait(5)
    assert answered(lab, key) == [(0, True), (100, False)]


@pytest.mark.parametrize("how", ["machine", "system"])
def test_UP2_a_machine_that_fails_takes_its_application_with_it(bench, how):
    lab = bench(3, faults=[{"kind": "instance_dies", "at": 10, "pick": 0, "how": how}])
    key = lab.ids()[0]
    lab.wait(11)
    assert answered(lab, key) == [(0, True), (10, False)]


def test_UP3_an_application_stops_and_comes_back_and_a_group_without_elb_checks_keeps_it(bench):
    lab = bench(4, faults=[{"kind": "application_stops", "at": 10, "until": 500, "share": 0.5}])
    first, second, *others = lab.ids()
    lab.wait(400)
    assert [lab.target(key) for key in (first, second)] == ["unhealthy", "unhealthy"]
    assert [item.id for item in lab.world.serving(lab.group)] == others
    lab.wait(200)
    assert answered(lab, first) == answered(lab, second) == [(0, True), (10, False), (500, True)]
    assert [lab.group.instances[key].health for key in (first, second)] == ["Healthy", "Healthy"]
    assert len(lab.world.serving(lab.group)) == 4


def test_UP4_the_agent_completes_a_launch_hook_once_the_application_answers(bench):
    lab = bench(2, hooks=[HOOK], boot={"median": 100, "sigma": 0})
    key = launched(lab)
    lab.wait(99)
    assert lab.group.instances[key].lifecycle == "Pending:Wait"
    lab.wait(1)
    assert (lab.group.instances[key].lifecycle, lab.group.instances[key].answers) == (
        "InService",
        True,
    )


def test_UP4_an_agent_that_does_not_know_the_application_completes_too_early(bench):
    lab = bench(2, hooks=[{**HOOK, "knows_application": False}], boot={"median": 100, "sigma": 0})
    key = launched(lab)
    lab.wait(20)
    assert (lab.group.instances[key].lifecycle, lab.group.instances[key].answers) == (
        "InService",
        False,
    )


def test_UP4_an_application_that_never_answers_leaves_its_hook_to_the_timeout(bench):
    hook = {**HOOK, "heartbeat_timeout": 200}
    lab = bench(2, hooks=[hook], faults=[{"kind": "never_healthy", "count": 1}])
    key = launched(lab)
    lab.wait(205)
    assert lab.group.instances[key].lifecycle == "Pending:Wait"
    lab.wait(100)
    assert lab.states(key)[-1] == "Terminated"


def test_UP5_users_are_served_by_whoever_answers_and_is_reached(bench):
    groups = [{"name": "one"}, {"name": "idle", "listener": False}]
    lab = bench(2, target_groups=groups, load_balancers=["old"])
    assert len(lab.world.serving(lab.group)) == 2
    key = launched(lab)
    lab.wait(lab.world.delays.running)
    assert lab.group.instances[key].lifecycle == "InService"
    assert len(lab.world.serving(lab.group)) == 2
    lab.wait(300)
    assert len(lab.world.serving(lab.group)) == 3


def test_UP5_without_a_load_balancer_whoever_answers_serves(bench):
    lab = bench(2, target_groups=[], boot={"median": 300, "sigma": 0})
    key = launched(lab)
    lab.wait(200)
    assert lab.group.instances[key].lifecycle == "InService"
    assert key not in [item.id for item in lab.world.serving(lab.group)]
    lab.wait(100)
    assert key in [item.id for item in lab.world.serving(lab.group)]
