"""Orders from another terminal, two masters, a lost journal: by `salt-run` processes over HTTP."""

import shutil
import signal
import subprocess
import time

import pytest

from asgroll import marks
from tests.functional.runner.conftest import FAST
from tests.lab.salt_run import SaltRun

TERMINATE = "TerminateInstanceInAutoScalingGroup"
SLOW = {"boot": {"median": 3.0, "sigma": 0.1}}
#: Slow enough for other processes to start meanwhile.
VERY_SLOW = {"boot": {"median": 40.0, "sigma": 0.1}}


def answer(done, group="web"):
    assert "Traceback (most recent call last)" not in done.out + done.err
    return done.of(group)


def start(salt_run, *arguments):
    return salt_run.start(
        "--out=json", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process):
    """The exit code and all that was printed."""
    out, err = process.communicate(timeout=120)
    assert "Traceback (most recent call last)" not in out + err
    return process.returncode, out


def killed(stage, *arguments, operation=TERMINATE):
    """A roll whose process is killed once AWS has answered this call."""
    process = start(stage.salt, "asgcycle.roll", "web", *arguments)
    stage.wait_for(operation)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def own_tags(stage):
    return sorted(key for key in stage.lab.world.groups["web"].tags if key in marks.OWN)


def wait_out_the_lease(stage):
    text, _ = stage.lab.world.groups["web"].tags[marks.LEASE]
    until = float(text.partition("until=")[2])
    time.sleep(max(0.0, until + 1 - time.time()))


@pytest.fixture
def other(stage, tmp_path):
    """A second master: a cache folder of its own, so another owner."""
    second = SaltRun(tmp_path / "other", stage.lab.endpoint_url, id="other_master")
    second.pillar({"asgcycle": {"defaults": FAST}})
    return second


# -- pause, approve, abort -------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [VERY_SLOW], indirect=True)
def test_pause_from_another_terminal_stops_a_roll_and_keeps_its_capacity(stage):
    process = start(stage.salt, "asgcycle.roll", "web", "ready_timeout=5m")
    stage.wait_for("SetDesiredCapacity")
    asked = stage.call("asgcycle.pause", "web")
    assert (asked["retcode"], asked["data"]["web"]["status"]) == (0, "asked")
    code, out = ended(process)
    assert code == 4
    assert '"reason": "paused by ' in out
    assert own_tags(stage) == [marks.RESTORE]
    assert stage.lab.world.groups["web"].desired == 4
    told = stage.call("asgcycle.status", "web")
    assert told["data"]["web"]["status"] == "paused"

    done = stage.run("asgcycle.abort", "web")
    assert (done.code, answer(done)["left_changed"]) == (0, {})
    assert stage.restored()
    assert own_tags(stage) == []


@pytest.mark.parametrize("stage", [VERY_SLOW], indirect=True)
def test_a_second_master_can_abort_a_roll(stage, other):
    process = start(stage.salt, "asgcycle.roll", "web", "ready_timeout=5m")
    stage.wait_for("SetDesiredCapacity")
    asked = other("asgcycle.abort", "web")
    assert (asked.code, answer(asked)["status"]) == (0, "asked")
    assert "was asked of roll r" in answer(asked)["comment"]
    code, out = ended(process)
    assert code == 4
    assert '"reason": "aborted by ' in out
    assert stage.restored()
    assert own_tags(stage) == []


def test_a_roll_waits_at_a_checkpoint_until_it_is_approved(stage):
    process = start(stage.salt, "asgcycle.roll", "web", "canary=1", "approve=manual")
    stage.wait_for(TERMINATE)
    deadline = time.monotonic() + 60
    while True:  # an approval before the checkpoint is reached approves nothing
        asked = stage.call("asgcycle.approve", "web")
        if stage.mutations().count(TERMINATE) > 1 or process.poll() is not None:
            break
        assert asked["retcode"] == 0, asked
        assert time.monotonic() < deadline
        time.sleep(0.5)
    code, out = ended(process)
    assert code == 0
    assert "asgcycle.approve web" in out
    assert "approved by " in out
    assert stage.restored()
    assert own_tags(stage) == []
    assert stage.violations() == []


def test_there_is_nobody_to_pause_where_nothing_runs(stage):
    for verb in ("pause", "approve"):
        found = stage.call(f"asgcycle.{verb}", "web")
        assert found["retcode"] == 2
        assert "nobody to" in found["data"]["web"]["obstacles"][0]
    assert stage.mutations() == []


@pytest.mark.parametrize("stage", [VERY_SLOW], indirect=True)
def test_a_roll_without_a_lease_cannot_be_paused_and_it_is_said_how_to_stop_it(stage):
    process = start(stage.salt, "asgcycle.roll", "web", "ready_timeout=5m", "lease=false")
    stage.wait_for("SetDesiredCapacity")
    refused = stage.call("asgcycle.pause", "web")
    assert refused["retcode"] == 2
    assert "Ctrl-C or SIGTERM stops it" in refused["data"]["web"]["obstacles"][0]
    process.send_signal(signal.SIGTERM)
    code, _ = ended(process)
    assert code == 4
    assert stage.restored()


# -- a lost journal --------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
def test_recover_puts_a_group_back_whose_journal_was_deleted_in_mid_roll(stage):
    killed(stage, "surge=2")
    shutil.rmtree(stage.salt.folder / "cache" / "asgcycle" / "rolls")
    refused = stage.run("asgcycle.roll", "web")
    assert refused.code == 2
    assert "asgcycle.recover web" in " ".join(answer(refused)["obstacles"])
    done = stage.run("asgcycle.recover", "web")
    assert (done.code, answer(done)["left_changed"]) == (0, {})
    assert stage.restored()
    assert own_tags(stage) == []
    assert stage.violations(surge=2) == []


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
def test_recover_works_without_the_whole_cache_once_the_lease_has_run_out(stage):
    """The folder also tells who we are: without it the old lease is somebody else's."""
    killed(stage, "lease_time=30s", "surge=2")
    shutil.rmtree(stage.salt.folder / "cache" / "asgcycle")
    refused = stage.run("asgcycle.recover", "web")
    assert refused.code == 2
    assert "works on web (roll r" in answer(refused)["obstacles"][0]
    wait_out_the_lease(stage)
    done = stage.run("asgcycle.recover", "web")
    assert (done.code, answer(done)["left_changed"]) == (0, {})
    assert stage.restored()
    assert own_tags(stage) == []


def test_recover_is_refused_where_there_is_nothing_to_put_back(stage):
    found = stage.call("asgcycle.recover", "web")
    assert found["retcode"] == 2
    assert "nothing to put back" in found["data"]["web"]["obstacles"][0]
    assert stage.mutations() == []


@pytest.mark.parametrize("kept", [True, False], ids=["with its journal", "without"])
def test_recover_deletes_the_marks_of_a_roll_that_died_with_nothing_left_to_put_back(stage, kept):
    done = stage.call("asgcycle.roll", "web", surge=3)
    roll = done["data"]["web"]["roll_id"] if kept else "r-lost"
    delta = 1 if kept else 0  # the journal knows that it was put back, the note does not
    due = marks.Due(roll, 0.0, 3 + delta, delta, 3, None, frozenset())
    claim = marks.Claim("gone_master", roll, "1", 1.0)
    with stage.lab.lock:
        found = [(marks.RESTORE, due), (marks.LEASE, claim)]
        stage.lab.world.create_or_update_tags(
            [("web", key, mark.text(), False) for key, mark in found]
        )
    before = [call for call in stage.mutations() if call != "DeleteTags"]
    found = stage.call("asgcycle.recover", "web")
    assert (found["retcode"], found["data"]["web"]["status"]) == (0, "done")
    assert own_tags(stage) == []
    assert [call for call in stage.mutations() if call != "DeleteTags"] == before


# -- two masters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
def test_of_two_masters_that_race_for_a_group_one_rolls_and_the_other_is_refused(stage, other):
    racers = [start(stage.salt, "asgcycle.roll", "web"), start(other, "asgcycle.roll", "web")]
    found = sorted(ended(process) for process in racers)
    assert [code for code, _ in found] == [0, 2]
    refused = found[1][1]
    assert "works on web (roll r" in refused
    assert "its lease ends in" in refused
    assert stage.mutations().count("SetDesiredCapacity") == 1
    assert stage.violations() == []
    assert stage.restored()
    assert own_tags(stage) == []


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
def test_another_master_takes_over_from_a_dead_one_after_its_lease(stage, other):
    killed(stage, "lease_time=30s")
    refused = other("asgcycle.recover", "web")
    assert refused.code == 2
    assert "test_master." in answer(refused)["obstacles"][0]
    wait_out_the_lease(stage)
    blocked = other("asgcycle.roll", "web")
    assert blocked.code == 2
    assert "has not put everything back" in answer(blocked)["obstacles"][0]
    done = other("asgcycle.recover", "web")
    assert (done.code, answer(done)["left_changed"]) == (0, {})
    assert stage.restored()
    assert own_tags(stage) == []


def test_without_a_lease_no_tag_is_written(stage):
    done = stage.run("asgcycle.roll", "web", "lease=false", "surge=3")
    assert done.code == 0, done.out
    assert "CreateOrUpdateTags" not in stage.mutations()
    assert stage.restored()


# -- history and report ----------------------------------------------------------------------------


def test_history_and_report_show_what_was_rolled(stage):
    nothing = stage.call("asgcycle.history", "web")
    assert nothing["data"]["web"]["comment"] == "no roll of web has ended yet"
    ids = [answer(stage.run("asgcycle.roll", "web", "surge=3"))["roll_id"] for _ in range(2)]
    shown = stage.run("asgcycle.history", "web", out=None)
    lines = [line.split() for line in shown.out.splitlines() if line.strip().startswith("r")]
    assert [line[0] for line in lines] == ["roll", *reversed(ids)]
    assert all(line[-2:] == ["3/3", "lt-00000000000000001:2"] for line in lines[1:]), shown.out
    first = stage.call("asgcycle.report", "web", roll_id=ids[0])
    assert (first["retcode"], first["data"]["web"]["roll_id"]) == (0, ids[0])
    missing = stage.call("asgcycle.report", "web", roll_id="r0")
    assert missing["retcode"] == 2
    assert f"(there: {ids[1]}, {ids[0]})" in missing["data"]["web"]["obstacles"][0]
