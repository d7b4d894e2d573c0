"""Real processes killed with SIGKILL at random moments of a roll: `resume` ends it like any."""

from __future__ import annotations

import copy
import random
import subprocess
import threading
import time

import pytest

from tests.functional.runner.conftest import FAST, QUICK
from tests.judge.invariants import examine
from tests.lab.http import LabServer
from tests.lab.salt_run import SaltRun
from tests.lab.world.history import Call

# 25 kills: five groups at once, each roll killed five times before it may end.
GROUPS = ("one", "two", "three", "four", "five")
KILLS = 5
SIZE = 10
# Each life ends after at most so many calls, about ten of them before the first turn: on a slow
# machine a roll of this size still lives through five of them.
MOST_CALLS = 18
# Seconds after which a process that has made no further call is a failed test.
PATIENCE = 300.0
SEED = 2_026


def scenario():
    spec = copy.deepcopy(QUICK) | {"start": time.time()}
    pattern = spec["groups"].pop("web")
    for name in GROUPS:
        group = copy.deepcopy(pattern) | {"min": SIZE, "max": SIZE, "desired": SIZE}
        group["tags"] = {"team": name}
        group["template"]["name"] = name
        group["target_groups"][0]["name"] = name
        spec["groups"][name] = group
    return spec


def state(group):
    return (
        (group.min_size, group.max_size, group.desired),
        dict(group.suspended),
        dict(group.tags),
    )


class Killed:
    """The rolls of one group, one process after the other."""

    def __init__(self, lab, salt_run, name, seed):
        self.lab, self.salt, self.name, self.chance = lab, salt_run, name, random.Random(seed)
        self.moments, self.last, self.problem = [], None, None

    def calls(self):
        """How many calls about this group AWS has seen."""
        with self.lab.lock:
            return sum(
                isinstance(record, Call) and self.name in str(record.params)
                for record in self.lab.world.history
            )

    def on_record(self):
        """Whether the journal knows the roll: killed before that, it has changed nothing yet."""
        bank = self.salt.folder / "cache" / "asgcycle" / "rolls"
        return bank.is_dir() and any(f" {self.name}." in entry.name for entry in bank.iterdir())

    def work(self):
        try:
            for _ in range(KILLS):
                self.kill("resume" if self.on_record() else "roll")
            self.last = self.salt("asgcycle.resume", self.name)
        except BaseException as exc:  # of a thread: the test raises it
            self.problem = exc
            raise

    def kill(self, verb):
        moment = self.chance.randint(3, MOST_CALLS)
        process = self.salt.start(
            f"asgcycle.{verb}", self.name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before, deadline = self.calls(), time.monotonic() + PATIENCE
        while self.calls() < before + moment:
            assert process.poll() is None, f"{verb} of {self.name} ended before call {moment}"
            assert time.monotonic() < deadline, f"no call {moment} of {self.name}"
            time.sleep(self.chance.uniform(0.001, 0.02))
        process.kill()
        process.wait()
        self.moments.append(moment)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The five rolls after all kills, with the lab and what the groups were like before."""
    with LabServer(scenario()) as lab:
        salt_run = SaltRun(tmp_path_factory.mktemp("salt"), lab.endpoint_url)
        salt_run.pillar({"asgcycle": {"defaults": FAST}})
        before = {name: state(lab.world.groups[name]) for name in GROUPS}
        victims = {name: frozenset(lab.world.groups[name].instances) for name in GROUPS}
        rolls = [Killed(lab, salt_run, name, SEED + n) for n, name in enumerate(GROUPS)]
        threads = [threading.Thread(target=roll.work) for roll in rolls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield {roll.name: roll for roll in rolls}, lab, before, victims


@pytest.mark.parametrize("name", GROUPS)
def test_a_roll_killed_five_times_is_resumed_to_its_end(killed, name):
    rolls, lab, before, victims = killed
    roll = rolls[name]
    assert roll.problem is None
    assert len(roll.moments) == KILLS
    assert roll.last.code == 0, roll.last.out + roll.last.err
    answer = roll.last.of(name)
    assert (answer["status"], answer["left_changed"]) == ("done", {})
    assert state(lab.world.groups[name]) == before[name]
    verdict = examine(lab.world.history, name, victims[name], 1, 0)
    assert verdict.violations == ()
    failed = [key for key, why in verdict.replacements_terminated if why == "failed"]
    assert verdict.summary.launches == len(victims[name]) + len(failed)
    assert not victims[name] & set(lab.world.groups[name].instances)
