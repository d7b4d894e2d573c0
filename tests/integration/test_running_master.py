"""Rolls under a running master: events, the job cache, orchestration, exit codes."""

import signal
import subprocess
import time

import pytest
import yaml
from salt.state import STATE_INTERNAL_KEYWORDS

from asgroll.policy import KEYS
from tests.functional.runner.conftest import QUICK, Stage
from tests.integration.conftest import ALARM, REACTION
from tests.lab.http import LabServer
from tests.lab.salt_run import Done

TRACEBACK = "Traceback (most recent call last)"
NEVER = {"faults": [{"kind": "never_healthy"}]}
HALTING = {"max_failures": 0, "ready_timeout": 2}


class Roll:
    """One roll that went well, and what was heard of it."""

    def __init__(self, master):
        since = time.time()
        with LabServer(QUICK | {"start": since}) as lab:
            master.environment["AWS_ENDPOINT_URL"] = lab.endpoint_url
            stage = Stage(lab, master, monkeypatch=None)
            self.done = stage.run("asgcycle.roll", "web")
            self.violations, self.restored = stage.violations(), stage.restored()
        self.events = master.events(
            "salt/asgcycle/*", since, until=lambda e: e and e[-1].tag.endswith("/finished")
        )
        self.job = master.job("asgcycle.roll", since)


@pytest.fixture(scope="module")
def rolled(master):
    return Roll(master)


def orchestrate(master, states):
    """Exit code of `salt-run state.orchestrate` with these states, and how each of them went."""
    with master.daemon.state_tree.base.temp_file("orch.sls", yaml.safe_dump(states)):
        done = master("state.orchestrate", "orch")
    assert TRACEBACK not in done.out + done.err
    went = done.documents[-1]["data"][master.daemon.id].values()
    return done.code, {state["__id__"]: state for state in went}


def runner_state(**arguments):
    """A state that calls ``asgcycle.roll``."""
    given = {"name": "asgcycle.roll"} | arguments
    return {"salt.runner": [{key: value} for key, value in given.items()]}


def orchestrated(master, **arguments):
    """Exit code, result of the state, and answer of a roll of ``web`` by ``salt.runner``."""
    code, went = orchestrate(master, {"replace": runner_state(group="web", **arguments)})
    state = went["replace"]
    return code, state["result"], state["changes"]["return"]["data"]["web"]


def test_one_command_installs_runner_library_and_outputter(master):
    assert master.synced["runners"] == ["runners.asgcycle"]
    assert master.synced["output"] == ["output.asgcycle"]
    assert {"utils.asgroll.engine", "utils.asgroll.planner"} <= set(master.synced["utils"])


# --- 0: done -------------------------------------------------------------------------------------


def test_a_roll_exits_0_and_its_answer_is_the_last_json_document(rolled):
    assert rolled.done.code == 0, rolled.done.out + rolled.done.err
    found = rolled.done.of("web")
    assert (found["result"], found["status"], found["replaced"]) == (True, "done", 3)
    assert rolled.violations == []
    assert rolled.restored


def test_the_bus_tells_the_whole_story_in_order(rolled):
    steps = [event.tag.removeprefix("salt/asgcycle/web/") for event in rolled.events]
    assert steps[0] == "started"
    assert steps[-1] == "finished"
    assert steps.index("suspended") < steps.index("max-set") < steps.index("desired-set")
    for step in ("launched", "ready", "terminating", "terminated"):
        assert steps.count(step) == 3
    assert steps.index("launched") < steps.index("ready") < steps.index("terminating")
    assert steps.index("terminated") < steps.index("resumed")


def test_each_event_says_of_which_roll_it_is_and_how_far_that_is(rolled):
    data = [event.data for event in rolled.events]
    assert {d["group"] for d in data} == {"web"}
    assert {d["roll_id"] for d in data} == {rolled.done.of("web")["roll_id"]}
    assert [f"salt/asgcycle/web/{d['step']}" for d in data] == [e.tag for e in rolled.events]
    assert [d["at"] for d in data] == sorted(d["at"] for d in data)
    assert all(d["text"] and d["victims"] == 3 and d["serving"] >= 3 for d in data)
    assert (data[0]["replaced"], data[-1]["replaced"]) == (0, 3)


def test_the_terminal_gets_the_same_events_once_each(rolled):
    told = [d["event"]["message"] for d in rolled.done.documents if "event" in d]
    assert [m["step"] for m in told] == [event.data["step"] for event in rolled.events]


def test_the_job_is_a_success_and_its_stored_return_is_the_answer(master, rolled):
    assert rolled.job["success"] is True
    (stored,) = master("jobs.lookup_jid", rolled.job["jid"]).documents
    assert stored[master.daemon.id]["return"] == rolled.done.documents[-1]


def test_people_see_a_line_for_each_event_and_a_table(stage):
    done = stage.run("asgcycle.roll", "web", "surge=3", out=None)
    assert done.code == 0
    lines = done.out.splitlines()
    assert "[..........] 0/3 replaced" in lines[0]
    assert sum("[##########] 3/3 replaced" in line for line in lines) > 0
    assert any(line.split()[:2] == ["old", "zone"] for line in lines)
    assert "{" not in done.out


def test_orchestrate_passes_on_a_roll_that_is_done(stage, master):
    victim = "i-00000000000000002"
    code, result, found = orchestrated(master, select={"instances": [victim]})
    assert (code, result, found["status"], found["replaced"]) == (0, True, "done", 1)
    assert stage.violations(victims=[victim]) == []


def test_a_detached_roll_tells_its_end_by_its_return_event(stage, master):
    since = time.time()
    started = stage.run("asgcycle.roll", "web", "surge=3", "--async")
    assert started.code == 0
    job = master.job("asgcycle.roll", since)
    assert (job["success"], job["return"]["data"]["web"]["status"]) == (True, "done")
    assert stage.violations(surge=3) == []
    assert stage.restored()


def test_states_that_run_in_parallel_have_results_of_their_own(stage, master):
    states = {
        "good": runner_state(group="web", surge=3, parallel=True),
        "bad": runner_state(group="wbe", parallel=True),
    }
    code, results = orchestrate(master, states)
    assert code != 0
    assert {name: state["result"] for name, state in results.items()} == {
        "good": True,
        "bad": False,
    }
    assert stage.violations(surge=3) == []


def test_a_reaction_rolls_in_a_thread_of_the_master(stage, master):
    since = time.time()
    reaction = {"roll": {"runner.asgcycle.roll": [{"args": [{"group": "web"}, {"surge": 3}]}]}}
    # the environment of the master was made before this test's endpoint
    reaction["roll"]["runner.asgcycle.roll"][0]["args"].append(
        {"endpoint_url": stage.lab.endpoint_url}
    )
    with master.daemon.state_tree.base.temp_file(REACTION, yaml.safe_dump(reaction)):
        assert master("event.send", ALARM).documents == [True]
        job = master.job("asgcycle.roll", since)
    assert (job["user"], job["success"]) == ("Reactor", True)
    assert stage.violations(surge=3) == []
    assert stage.restored()


# --- 2: refused ----------------------------------------------------------------------------------


def test_a_refusal_exits_2_and_is_a_job_without_success(stage, master):
    since = time.time()
    done = stage.run("asgcycle.roll", "web", "surge=0")
    assert (done.code, done.of("web")["status"]) == (2, "refused")
    assert TRACEBACK not in done.out + done.err
    assert master.job("asgcycle.roll", since)["success"] is False


def test_orchestrate_hands_every_key_over_and_fails_on_a_refusal(stage, master):
    wrong = {key: {"not": "allowed"} for key in KEYS}
    kept_by_salt = {key: wrong.pop(key) for key in STATE_INTERNAL_KEYWORDS & set(KEYS)}
    assert set(kept_by_salt) == {"order"}  # the documentation says that only this one is
    code, result, found = orchestrated(master, **wrong, kwarg=kept_by_salt)
    assert code != 0
    assert (result, found["status"]) == (False, "refused")
    said = " ".join(found["obstacles"])
    assert [key for key in KEYS if f" {key}: " not in said] == []
    assert stage.mutations() == []


# --- 3: halted -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [NEVER], indirect=True)
def test_a_halt_exits_3_and_is_a_job_without_success(stage, master):
    since = time.time()
    done = stage.run("asgcycle.roll", "web", *(f"{k}={v}" for k, v in HALTING.items()))
    assert (done.code, done.of("web")["status"]) == (3, "halted")
    assert master.job("asgcycle.roll", since)["success"] is False
    steps = [event.data["step"] for event in master.events("salt/asgcycle/web/*", since)]
    assert "failed" in steps


@pytest.mark.parametrize("stage", [NEVER], indirect=True)
def test_orchestrate_fails_on_a_halt(stage, master):
    code, result, found = orchestrated(master, **HALTING)
    assert code != 0
    assert (result, found["status"]) == (False, "halted")


# --- 4: stopped ----------------------------------------------------------------------------------


def test_a_stop_exits_4_and_is_a_job_without_success(stage, master):
    since = time.time()
    process = stage.salt.start(
        "--out=json", "asgcycle.roll", "web", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    stage.wait_for("SetDesiredCapacity")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 4, said
    assert master.job("asgcycle.roll", since)["success"] is False
    assert stage.restored()


def test_orchestrate_fails_on_a_stop(stage, master):
    states = yaml.safe_dump({"replace": runner_state(group="web")})
    with master.daemon.state_tree.base.temp_file("orch.sls", states):
        process = stage.salt.start(
            "--out=json",
            "state.orchestrate",
            "orch",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        stage.wait_for("SetDesiredCapacity")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    done = Done(process.returncode, out, err)
    assert process.returncode != 0
    assert TRACEBACK not in done.out + done.err
    (state,) = done.documents[-1]["data"][master.daemon.id].values()
    assert state["result"] is False
    assert state["changes"]["return"]["data"]["web"]["status"] == "stopped"
    assert stage.restored()


# --- without the master --------------------------------------------------------------------------


def test_a_roll_goes_on_when_the_master_stops(stage, master):
    process = stage.salt.start(
        "asgcycle.roll", "web", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    stage.wait_for("SetDesiredCapacity")
    with master.daemon.stopped():
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert TRACEBACK not in said
    assert "3 of 3 replaced" in said
    assert stage.violations() == []
    assert stage.restored()
