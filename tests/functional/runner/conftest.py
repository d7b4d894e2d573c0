"""An emulated AWS over HTTP, and `salt-run` processes that talk to it."""

import copy
import os
import time
from types import SimpleNamespace

import boto3
import pytest
import salt.config
import salt.loader

from tests.judge.invariants import check
from tests.lab.http import LabServer
from tests.lab.salt_run import PATIENCE, SaltRun
from tests.lab.world.faults import Fault
from tests.lab.world.history import Call

#: Seconds: an application takes one to answer, so that a roll of three takes a few.
QUICK = {
    "seed": 7,
    "boot": {"median": 0.8, "sigma": 0.1},
    "delays": {
        "reaction": 0.1,
        "running": 0.1,
        "registration": 0.2,
        "check_interval": 0.2,
        "termination": 0.2,
        "health_check": 0.3,
        "retry": 0.5,
    },
    "groups": {
        "web": {
            "min": 3,
            "max": 3,
            "desired": 3,
            "zones": ["a", "b", "c"],
            "health_check_type": "ELB",
            # More than the application takes, or the group would replace whatever is new.
            "grace_period": 5,
            "target_groups": [{"name": "web", "deregistration_delay": 0.3}],
            "template": {
                "name": "web",
                "versions": [
                    {"ImageId": "ami-00000000000000001"},
                    {"ImageId": "ami-00000000000000002"},
                ],
                "default": 2,
                "use": "2",
                "launched_on": 1,
            },
        }
    },
}
#: Settings that fit these times.
FAST = {"poll_interval": 0.2, "settle_time": 1, "ready_timeout": 20, "drain_timeout": 20}


class Stage:
    """One emulated AWS, one master's configuration, and what the history says afterwards."""

    def __init__(self, lab, salt_run, monkeypatch):
        self.lab, self.salt, self.monkeypatch = lab, salt_run, monkeypatch
        self.before = sizes(lab.world)

    def run(self, *arguments, **options):
        """A real `salt-run` process."""
        return self.salt(*arguments, **options)

    def call(self, function, *arguments, **policy):
        """The runner's function as Salt's loader offers it, in this process: much quicker."""
        for name in [n for n in os.environ if n.startswith("AWS_")]:
            self.monkeypatch.delenv(name)
        for name, value in self.salt.environment.items():
            if name.startswith("AWS_"):
                self.monkeypatch.setenv(name, value)
        opts = salt.config.client_config(str(self.salt.conf / "master"))
        runners = salt.loader.runner(opts, context={})
        runners.pack["__jid_event__"] = SimpleNamespace(print_func=None)  # nobody listens
        return runners[function](*arguments, **policy)

    def client(self, service):
        """A client of our own to the emulated AWS, beside what is tested."""
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        endpoint = self.salt.environment["AWS_ENDPOINT_URL"]
        return boto3.client(service, "eu-central-1", endpoint_url=endpoint, **keys)

    def fault(self, **fault):
        """Something that goes wrong from now on."""
        with self.lab.lock:
            world = self.lab.world
            world.inject(Fault(at=world.now - world.start, **fault))

    def mutations(self):
        """Operations that changed something, as AWS's own log has them."""
        reading = ("Describe", "Get")
        return [
            record.operation
            for record in self.lab.world.history
            if isinstance(record, Call)
            and record.actor == "caller"
            and not record.operation.startswith(reading)
        ]

    def wait_for(self, operation, times=1):
        """Until the emulated AWS has answered this call so many times."""
        deadline = time.monotonic() + PATIENCE
        while self.mutations().count(operation) < times:
            assert time.monotonic() < deadline, f"no {operation} came"
            time.sleep(0.05)

    def restored(self):
        """Whether sizes and processes are as they were before."""
        return sizes(self.lab.world) == self.before

    def violations(self, victims=("all",), surge=1, max_unavailable=0):
        world = self.lab.world
        chosen = initial(world) if victims == ("all",) else set(victims)
        return check(world.history, "web", chosen, surge, max_unavailable)

    def violations_but_for_what_is_left(self, **bounds):
        """Without I5: the roll is paused, and what it changed is meant to be in place."""
        return [v for v in self.violations(**bounds) if v.rule != "I5"]


def initial(world):
    return {f"i-{n:017x}" for n in range(1, 4)} & set(world.instances)


def sizes(world):
    group = world.groups["web"]
    return (group.min_size, group.max_size, group.desired, tuple(sorted(group.suspended)))


@pytest.fixture
def stage(tmp_path, request, monkeypatch):
    """``@pytest.mark.parametrize("stage", [spec changes], indirect=True)`` changes the world."""
    spec = copy.deepcopy(QUICK) | {"start": time.time()}
    changes = getattr(request, "param", {})
    spec["groups"]["web"] |= changes.get("web", {})
    spec |= {k: v for k, v in changes.items() if k != "web"}
    with LabServer(spec) as lab:
        salt_run = SaltRun(tmp_path / "salt", lab.endpoint_url)
        salt_run.pillar({"asgcycle": {"defaults": FAST}})
        yield Stage(lab, salt_run, monkeypatch)
