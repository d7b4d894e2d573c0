"""The agent and the launch lifecycle hook, over HTTP; time in the emulated AWS is manual."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.functional.readiness.conftest import HOOK, await_that
from tests.lab.http import LabServer
from tests.lab.world.faults import Fault
from tests.lab.world.history import Call, Lifecycle
from tests.unit.readiness.agent import agent, config, edges, hook, host

INSTANCE_POLICY = Path(__file__).resolve().parents[3] / "docs" / "iam-instance-policy.json"
HOOK_TIMEOUT = 120
GROUP = {
    "min": 0,
    "max": 4,
    "desired": 0,
    "zones": ["a"],
    "template": {"versions": [{"ImageId": "ami-00000000000000001"}]},
    "hooks": [
        {
            "name": HOOK,
            "transition": "autoscaling:EC2_INSTANCE_LAUNCHING",
            "heartbeat_timeout": HOOK_TIMEOUT,
            "default_result": "ABANDON",
        }
    ],
}


@pytest.fixture
def lab():
    with LabServer({"boot": {"median": 10}, "groups": {"web": GROUP}}, manual=True) as found:
        yield found


def launch(lab, count=1, seconds=60):
    """Launch instances and return their ids after so many seconds."""
    lab.world.set_desired_capacity("web", count)
    lab.advance(seconds)
    return sorted(lab.world.groups["web"].instances)


def state(lab, instance_id):
    """Return the true lifecycle state of an instance."""
    return lab.world.instances[instance_id].lifecycle


def states(lab, instance_id):
    """Return all the lifecycle states that an instance has had."""
    rows = (record for record in lab.world.history if isinstance(record, Lifecycle))
    return [record.after for record in rows if record.instance == instance_id]


def calls(lab, operation):
    """Return the outcomes of a call."""
    rows = (record for record in lab.world.history if isinstance(record, Call))
    return [record.outcome for record in rows if record.operation == operation]


def test_no_instance_is_in_service_before_its_own_gate(lab, machine):
    first, second = (machine(key, lab.endpoint_url) for key in launch(lab, 2))
    for one in (first, second):
        one.boot()
        one.await_console("not ready: reboot")
    lab.advance(HOOK_TIMEOUT - 70)
    assert {state(lab, one.id) for one in (first, second)} == {"Pending:Wait"}
    first.open_gate()
    assert first.ended() == 0
    lab.advance(30)
    assert (state(lab, first.id), state(lab, second.id)) == ("InService", "Pending:Wait")
    assert f"asgcycle: ready instance={first.id}" in first.console()
    second.open_gate()
    assert second.ended() == 0
    lab.advance(30)
    assert state(lab, second.id) == "InService"
    assert first.imds.refused == second.imds.refused == []


def test_the_policy_for_the_instance_names_the_calls_that_are_made(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    one.boot()
    await_that(lambda: calls(lab, "DescribeTags"), "a look at the tag")
    one.open_gate()
    assert one.ended() == 0
    made = {
        f"{record.service}:{record.operation}"
        for record in lab.world.history
        if isinstance(record, Call)
        and ("Lifecycle" in record.operation or record.operation == "DescribeTags")
    }
    statements = json.loads(INSTANCE_POLICY.read_text())["Statement"]
    assert {action for one in statements for action in one["Action"]} == made
    for one in statements:  # what changes something is limited to groups
        reads = all(":Describe" in action for action in one["Action"])
        assert (one["Resource"] == "*") == reads


def test_heartbeats_keep_the_hook_waiting_and_without_them_it_runs_out(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    one.boot()
    for _ in range(5):
        seen = calls(lab, "RecordLifecycleActionHeartbeat").count("ok")
        await_that(
            lambda seen=seen: calls(lab, "RecordLifecycleActionHeartbeat").count("ok") > seen,
            "a heartbeat",
        )
        lab.advance(HOOK_TIMEOUT - 20)
        assert state(lab, one.id) == "Pending:Wait"
    one.kill()
    lab.advance(HOOK_TIMEOUT + 20)
    lab.advance(60)
    assert states(lab, one.id)[-1] == "Terminated"
    assert "InService" not in states(lab, one.id)


def test_at_its_own_timeout_the_agent_leaves_the_hook_to_run_out(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    one.configure(timeout=1)
    one.boot()
    assert one.ended() == 1
    assert one.console()[-1] == "asgcycle: not ready: timeout: gave up after 1 s"
    assert calls(lab, "CompleteLifecycleAction") == []
    lab.advance(HOOK_TIMEOUT + 60)
    assert states(lab, one.id)[-1] == "Terminated"


def test_an_agent_that_is_ready_too_early_tries_again(lab, machine):
    launched = launch(lab, seconds=1)
    while not launched:
        launched = launch(lab, seconds=1)
    (key,) = launched
    assert state(lab, key) == "Pending"
    one = machine(key, lab.endpoint_url)
    one.open_gate()
    one.boot()
    await_that(lambda: calls(lab, "CompleteLifecycleAction"), "an early answer")
    lab.advance(60)
    assert one.ended() == 0
    lab.advance(30)
    assert state(lab, key) == "InService"


def test_a_throttled_and_a_denied_answer_are_told_and_tried_again(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    for kind in ("throttle", "denied"):
        lab.world.inject(Fault(kind, operation="CompleteLifecycleAction", count=1))
    one.open_gate()
    one.boot()
    assert one.ended() == 0
    lab.advance(30)
    assert state(lab, one.id) == "InService"
    told = "\n".join(one.console())
    assert f"hook {HOOK}: CompleteLifecycleAction: Throttling" in told
    assert f"hook {HOOK}: CompleteLifecycleAction: AccessDenied" in told
    assert one.console()[-1] == f"asgcycle: hook {HOOK} completed"


class Time:
    """A clock that only sleeping moves."""

    now = 0.0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def finish(one, **settings):
    """Run the agent of a machine in this process, in its own time: ``(exit code, seconds)``."""
    one.configure(**settings)
    machine, time = edges.Host(str(one.root)), Time()
    found = agent.Agent(machine, agent.configuration(machine), time.clock, time.sleep)
    return found.wait(), time.now


def test_a_later_boot_of_an_instance_in_service_completes_nothing(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    one.open_gate()
    assert finish(one)[0] == 0
    lab.advance(30)
    assert state(lab, one.id) == "InService"
    before = len(states(lab, one.id))
    (one.root / "proc/sys/kernel/random/boot_id").write_text("boot-2\n")
    code, seconds = finish(one)
    assert code == 0
    assert seconds >= hook.HOOK_SECONDS
    assert len(states(lab, one.id)) == before
    assert calls(lab, "CompleteLifecycleAction").count("ok") == 1
    assert "nothing waits for it" in one.console()[-1]


def test_a_hook_that_the_group_does_not_have_is_told_and_ends_in_a_failed_unit(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    one.open_gate()
    ours = {"group": "web", "name": "reday", "endpoint_url": lab.endpoint_url, "heartbeat": 300}
    assert finish(one, hook=ours)[0] == 1
    assert state(lab, one.id) == "Pending:Wait"
    assert "Lifecycle Hook not found with name reday" in "\n".join(one.console())


def test_heartbeats_that_are_denied_are_told_on_the_console_once(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    lab.world.inject(Fault("denied", operation="RecordLifecycleActionHeartbeat"))
    one.boot()
    await_that(
        lambda: len(calls(lab, "RecordLifecycleActionHeartbeat")) > 2, "some more heartbeats"
    )
    told = [line for line in one.console() if "RecordLifecycleActionHeartbeat" in line]
    assert len(told) == 1
    assert f"hook {HOOK}: RecordLifecycleActionHeartbeat: AccessDenied" in told[0]


def test_an_instance_on_its_way_out_completes_nothing(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    one.imds.target = "Terminated"
    one.open_gate()
    assert finish(one)[0] == 0
    assert calls(lab, "CompleteLifecycleAction") == []


def test_a_hook_that_may_not_be_completed_ends_in_a_failed_unit_and_the_marker_stays(lab, machine):
    (one,) = (machine(key, lab.endpoint_url) for key in launch(lab))
    lab.world.inject(Fault("denied", operation="CompleteLifecycleAction"))
    one.open_gate()
    assert finish(one)[0] == 1
    assert (one.root / "run/asgcycle/ready").exists()
    assert state(lab, one.id) == "Pending:Wait"


def test_without_a_metadata_service_the_hook_is_not_touched(lab, tmp_path):
    ours = {"group": "web", "name": HOOK, "endpoint_url": lab.endpoint_url, "heartbeat": 300}
    time = Time()
    found = agent.Agent(
        host(tmp_path), config(tmp_path, hook=ours, checks=["reboot"]), time.clock, time.sleep
    )
    assert found.wait() == 1
    assert calls(lab, "CompleteLifecycleAction") == []
