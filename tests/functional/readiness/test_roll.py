"""A roll of a group with the launch hook; each new instance has the agent as a process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.readiness.conftest import HOOK
from tests.functional.runner.conftest import initial, stage  # noqa: F401 - a fixture
from tests.lab.world.history import Call, Lifecycle

HOOK_TIMEOUT_S = 4
LOOK_S = 0.05
LAUNCH_HOOK = {
    "name": HOOK,
    "transition": "autoscaling:EC2_INSTANCE_LAUNCHING",
    "heartbeat_timeout": HOOK_TIMEOUT_S,
    "default_result": "ABANDON",
}


class Fleet(threading.Thread):
    """Boots an agent on every new instance; the first one never gets past its gate."""

    def __init__(self, lab: Any, machine: Any) -> None:
        super().__init__(daemon=True)
        self.lab, self.machine = lab, machine
        self.old = initial(lab.world)
        self.booted: dict[str, Any] = {}
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(LOOK_S):
            with self.lab.lock:
                new = sorted(set(self.lab.world.instances) - self.old - set(self.booted))
            for key in new:
                self.boot(key)

    def boot(self, key: str) -> None:
        """Boot one instance: the first closed and soon giving up, the others open."""
        one = self.booted[key] = self.machine(key, self.lab.endpoint_url)
        if len(self.booted) == 1:
            one.configure(timeout=1)
        else:
            one.open_gate()
        one.boot()


@pytest.fixture
def fleet(stage: Any, machine: Any) -> Iterator[Fleet]:  # noqa: F811 - that fixture
    found = Fleet(stage.lab, machine)
    found.start()
    yield found
    found.over.set()
    found.join()


# F811: that fixture
@pytest.mark.parametrize("stage", [{"web": {"hooks": [LAUNCH_HOOK]}}], indirect=True)
def test_an_instance_that_never_gets_ready_is_abandoned_and_the_roll_goes_on(stage, fleet):  # noqa: F811
    done = stage.run("asgcycle.roll", "web", "max_failures=2")
    found = done.of("web")
    assert (done.code, found["result"], found["status"]) == (0, True, "done"), done.out
    assert (found["replaced"], found["launches"]) == (3, 4)
    first, *others = fleet.booted
    (failure,) = found["failures"]
    assert first in failure
    assert stage.violations() == []
    assert stage.restored()

    history = stage.lab.world.history
    completed = {
        dict(record.params).get("InstanceId"): record.time
        for record in history
        if isinstance(record, Call)
        and (record.operation, record.outcome) == ("CompleteLifecycleAction", "ok")
    }
    in_service = {
        record.instance: record.time
        for record in history
        if isinstance(record, Lifecycle)
        and record.after == "InService"
        and record.instance in fleet.booted
    }
    assert set(in_service) == set(completed) == set(others)
    assert all(completed[key] <= in_service[key] for key in others)
    assert fleet.booted[first].console()[-1] == ("asgcycle: not ready: timeout: gave up after 1 s")
