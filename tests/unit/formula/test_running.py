"""Running the tool: locks, deadline, no trace of a dry run. A small script plays the tool."""

import fcntl
import os
import subprocess

import pytest

from aptpolicy import running
from aptpolicy.system import KEPT_BACK, Host, Result


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Stage:
    """A folder as root, with a tool of the test's making."""

    def __init__(self, root):
        self.root = root
        self.versions = [
            "libc6 amd64 1\nlibc6 i386 1\nnginx all 1\n",
            "libc6 amd64 1\nlibc6 i386 1\nnginx all 2\nlinux-image amd64 9\n",
        ]
        self.clock = Clock()
        self.tool = root / running.TOOL
        self.tool.parent.mkdir(parents=True)
        (root / "var/lib/apt").mkdir(parents=True)
        (root / "var/lib/unattended-upgrades").mkdir(parents=True)
        self.script("exit 0")

    def script(self, text):
        self.tool.write_text(f"#!/bin/sh\n{text}\n")
        self.tool.chmod(0o755)

    def run(self, argv, seconds):
        if argv[0] == "dpkg-query":
            return Result(0, self.versions.pop(0), "")
        return Result(0, 'Unattended-Upgrade::Mail "root";\nX::Y "a"b";\n', "")

    @property
    def runner(self):
        return running.Runner(Host(self.root, self.run), self.clock, self.clock.sleep)


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def test_a_run_tells_what_was_upgraded_and_what_was_kept_back(stage):
    kept = stage.root / KEPT_BACK
    stage.script(f"echo 'All done'; echo apache2 > {kept}")
    answer = stage.runner.run(10)
    assert answer["result"] is True
    assert answer["upgraded"] == ["nginx"]
    assert answer["kept_back"] == ["apache2"]
    assert answer["output"] == ["All done"]


def test_a_failing_run_is_a_failure_with_its_exit_code(stage):
    stage.script("echo 'Lock file is already taken'; exit 1")
    answer = stage.runner.run(10)
    assert answer["result"] is False
    assert answer["exit_code"] == 1


def test_a_held_daily_lock_is_waited_for_until_the_deadline(stage):
    with open(stage.root / running.DAILY_LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = stage.runner.run(30)
    assert answer["timed_out"]
    assert answer["exit_code"] is None
    assert "daily job" in answer["comment"]
    assert stage.clock.now >= 30


def test_the_daily_lock_is_held_while_the_tool_runs_and_free_afterwards(stage):
    lock = stage.root / running.DAILY_LOCK
    stage.script(f"flock -n {lock} true && echo free || echo held")
    assert stage.runner.run(10)["output"] == ["held"]
    assert subprocess.run(["flock", "-n", lock, "true"]).returncode == 0


def test_a_missing_tool_is_told_in_words(stage):
    stage.tool.unlink()
    answer = stage.runner.run(10)
    assert answer["result"] is False
    assert "not installed" in answer["comment"]


class Stuck:
    """A process that ignores its first wait and, if told so, the request to stop."""

    def __init__(self, stops):
        self.stops = stops
        self.terminated = 0

    def wait(self, seconds):
        if self.terminated and self.stops:
            return 1
        raise subprocess.TimeoutExpired("tool", seconds)

    def terminate(self):
        self.terminated += 1


@pytest.mark.parametrize(("stops", "code"), [(True, 1), (False, None)])
def test_at_the_deadline_the_run_is_asked_to_stop_and_never_killed(stage, stops, code):
    process = Stuck(stops)
    runner = stage.runner
    runner.popen = lambda *args, **kwargs: process
    answer = runner.run(5)
    assert answer["timed_out"]
    assert answer["result"] is False
    assert answer["exit_code"] is code
    assert process.terminated == 1


def test_a_dry_run_tells_what_would_be_upgraded_and_restores_kept_back(stage):
    kept = stage.root / KEPT_BACK
    kept.write_text("apache2")
    os.utime(kept, (1000, 1000))
    stage.script(f"rm {kept}; echo 'Packages that will be upgraded: nginx curl'; cat $APT_CONFIG")
    answer = stage.runner.dry_run(10)
    assert answer["would_upgrade"] == ["curl", "nginx"]
    assert kept.read_text() == "apache2"
    assert kept.stat().st_mtime == 1000
    configuration = "\n".join(answer["output"])
    assert 'Dir::Etc::parts "/dev/null";' in configuration
    assert 'Unattended-Upgrade::Mail "";' in configuration
    assert "X::Y" not in configuration


def test_a_dry_run_removes_a_kept_back_file_that_was_not_there(stage):
    kept = stage.root / KEPT_BACK
    stage.script(f"echo apache2 > {kept}")
    stage.runner.dry_run(10)
    assert not kept.exists()
