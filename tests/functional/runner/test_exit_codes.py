"""The contract of results and exit codes, by running `salt-run` as a process."""

import os
import signal
import subprocess
import time

import pytest
import yaml

TRACEBACK = "Traceback (most recent call last)"


def answer(done, group="web"):
    assert TRACEBACK not in done.out + done.err
    return done.of(group)


# --- 0: done -------------------------------------------------------------------------------------


def test_a_roll_replaces_every_instance_and_exits_0(stage):
    done = stage.run("asgcycle.roll", "web")
    found = answer(done)
    assert done.code == 0, done.out
    assert (found["result"], found["status"]) == (True, "done")
    assert (found["replaced"], found["victims"], found["launches"]) == (3, 3, 3)
    assert (found["lowest_serving"], found["highest_total"]) == (3, 4)
    assert stage.violations() == []
    assert stage.restored()
    assert stage.mutations().count("TerminateInstanceInAutoScalingGroup") == 3
    assert stage.mutations().count("SetDesiredCapacity") == 1


def test_progress_under_json_is_one_document_per_event(stage):
    done = stage.run("asgcycle.roll", "web", "surge=3")
    steps = [d["event"]["message"]["step"] for d in done.documents if "event" in d]
    assert steps[0] == "started"
    assert steps[-1] == "finished"
    assert steps.count("ready") == 3
    assert done.documents[-1]["retcode"] == 0


def test_yaml_is_plain_data(stage):
    done = stage.run("asgcycle.plan", "web", out="yaml")
    assert yaml.safe_load(done.out)["data"]["web"]["victims"] == 3


def test_a_plan_changes_nothing_and_exits_0(stage):
    done = stage.run("asgcycle.plan", "web", "surge=2")
    found = answer(done)
    assert done.code == 0
    assert [row["why"] for row in found["instances"]] == ["all are replaced"] * 3
    assert found["changes"] == [
        "suspend AZRebalance, InstanceRefresh (unless it is already), resume at the end",
        "max 3 → 5, back to 3 at the end",
        "desired 3 → 5, back to the live capacity at the end",
    ]
    assert stage.mutations() == []


def test_roll_with_test_true_is_a_plan(stage):
    done = stage.run("asgcycle.roll", "web", "test=True")
    assert (done.code, answer(done)["status"]) == (0, "planned")
    assert stage.mutations() == []


@pytest.mark.parametrize("stage", [{"web": {}}], indirect=True)
def test_nothing_selected_is_done_at_once(stage):
    done = stage.run("asgcycle.roll", "web", "select=older_than:100w")
    assert (done.code, answer(done)["comment"]) == (
        0,
        "nothing to replace: no instance is selected",
    )
    assert stage.mutations() == []


def test_list_shows_sizes_and_outdated_instances(stage):
    done = stage.run("asgcycle.list")
    found = answer(done)
    assert (done.code, found["desired"], found["outdated"], found["in_service"]) == (0, 3, 3, 3)


def test_status_without_any_roll_says_so(stage):
    done = stage.run("asgcycle.status")
    assert (done.code, done.of("asgcycle")["comment"]) == (0, "no roll is on record")


# --- 2: refused before anything changed ----------------------------------------------------------


def test_several_mistakes_are_told_at_once_and_exit_2(stage):
    done = stage.run("asgcycle.roll", "web", "surge=two", "sruge=1", "order=random", "now")
    found = answer(done)
    assert (done.code, found["result"], found["status"]) == (2, False, "refused")
    assert len(found["obstacles"]) == 4
    assert any("'sruge'. Did you mean surge?" in text for text in found["obstacles"])
    assert any("'now' is not understood" in text for text in found["obstacles"])
    assert stage.mutations() == []


def test_a_first_change_that_is_denied_leaves_nothing_changed_and_exits_2(stage):
    stage.fault(kind="denied", operation="SetDesiredCapacity")
    done = stage.run("asgcycle.roll", "web")
    found = answer(done)
    assert done.code == 2
    assert "SetDesiredCapacity" in found["reason"]
    assert stage.restored()


# --- 3: halted on failures -----------------------------------------------------------------------

NEVER = {"faults": [{"kind": "never_healthy"}]}


@pytest.mark.parametrize("stage", [NEVER], indirect=True)
def test_a_halted_roll_keeps_its_capacity_says_what_is_left_and_exits_3(stage):
    done = stage.run("asgcycle.roll", "web", "max_failures=0", "ready_timeout=3")
    found = answer(done)
    assert done.code == 3
    assert (found["result"], found["status"], found["replaced"]) == (False, "halted", 0)
    assert found["left_changed"]["desired"] == {"now": 4, "should_be": 3}
    assert "asgcycle.abort web" in found["next"]
    assert any(key.startswith("console of i-") for key in found["evidence"])
    assert stage.violations_but_for_what_is_left() == []

    again = stage.run("asgcycle.roll", "web")
    assert again.code == 2
    assert "an earlier roll" in " ".join(answer(again)["obstacles"])
    told = stage.run("asgcycle.status", "web")
    assert (told.code, answer(told)["status"]) == (3, "paused")

    ended = stage.run("asgcycle.abort", "web")
    assert (ended.code, answer(ended)["result"]) == (0, True)
    assert stage.restored()


@pytest.mark.parametrize("stage", [NEVER], indirect=True)
def test_on_failure_abort_puts_everything_back(stage):
    done = stage.run(
        "asgcycle.roll", "web", "max_failures=0", "ready_timeout=3", "on_failure=abort"
    )
    found = answer(done)
    assert (done.code, found["status"], found["left_changed"]) == (3, "halted", {})
    assert stage.restored()


# --- 4: stopped by a person ----------------------------------------------------------------------


def start(stage, *arguments):
    return stage.salt.start(
        "--out=json", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_puts_everything_back_and_exits_4(stage, number):
    process = start(stage, "asgcycle.roll", "web")
    stage.wait_for("TerminateInstanceInAutoScalingGroup")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 4, out + err
    assert TRACEBACK not in out + err
    assert f'"reason": "stopped by {number.name}"' in out
    assert stage.restored()
    assert stage.violations() == []


def test_a_signal_can_pause_instead_and_resume_goes_on(stage):
    process = start(stage, "asgcycle.roll", "web", "on_signal=pause")
    stage.wait_for("TerminateInstanceInAutoScalingGroup")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 4
    assert not stage.restored()
    done = stage.run("asgcycle.resume", "web")
    assert (done.code, answer(done)["replaced"]) == (0, 3)
    assert stage.restored()
    assert stage.violations() == []


def test_a_second_signal_ends_at_once_and_says_what_is_left(stage):
    # restoring cannot get on, because terminating is refused for now
    stage.fault(
        kind="scaling_activity_in_progress", operation="TerminateInstanceInAutoScalingGroup"
    )
    process = start(stage, "asgcycle.roll", "web")
    stage.wait_for("SetDesiredCapacity")
    process.send_signal(signal.SIGINT)
    stage.wait_for("TerminateInstanceInAutoScalingGroup")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 4, out + err
    assert TRACEBACK not in out + err
    assert "ended at once by a second signal (SIGINT)" in out
    assert "asgcycle.abort web" in out


def test_two_signals_before_anything_was_changed_say_so(stage):
    process = start(stage, "asgcycle.roll", "web")
    stage.wait_for("CreateOrUpdateTags")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 4, out + err
    assert TRACEBACK not in out + err
    assert "before anything was changed" in out
    assert stage.restored()


def test_a_killed_roll_is_interrupted_and_resume_finishes_it(stage):
    process = start(stage, "asgcycle.roll", "web")
    stage.wait_for("TerminateInstanceInAutoScalingGroup")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    told = stage.run("asgcycle.status", "web")
    assert (told.code, answer(told)["status"]) == (3, "interrupted")
    done = stage.run("asgcycle.resume", "web")
    assert (done.code, answer(done)["replaced"]) == (0, 3)
    assert stage.restored()
    assert stage.violations() == []


def test_a_second_roll_of_the_same_group_is_kept_out(stage):
    stage.fault(kind="slow_boot", seconds=600)
    process = start(stage, "asgcycle.roll", "web", "ready_timeout=10m")
    stage.wait_for("SetDesiredCapacity")
    second = stage.run("asgcycle.roll", "web")
    assert second.code == 2
    assert "another process on this master" in " ".join(answer(second)["obstacles"])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 4
    assert stage.violations() == []


def test_a_reader_that_goes_away_does_not_stop_a_roll(stage):
    reading, writing = os.pipe()
    process = stage.salt.start("asgcycle.roll", "web", stdout=writing, stderr=subprocess.DEVNULL)
    os.close(writing)
    os.close(reading)
    process.wait(60)
    assert stage.violations() == []
    assert stage.restored()
    assert stage.mutations().count("TerminateInstanceInAutoScalingGroup") == 3
