"""`asgcycle.user_data web diff=True`: against what the group launches with, over HTTP."""

import base64
import copy

import pytest

from tests.functional.runner.conftest import QUICK, Stage
from tests.lab.http import LabServer
from tests.lab.salt_run import REPO, SaltRun

USER_DATA = {"os": "debian", "release": "12", "minion": {"master": "salt.example.com"}}


class Published(Stage):
    def diff(self, **arguments):
        answer = self.call("asgcycle.user_data", "web", diff=True, **arguments)
        return answer["data"]["web"], answer["retcode"]


@pytest.fixture
def stage(tmp_path, monkeypatch):
    spec = copy.deepcopy(QUICK)
    old = base64.b64encode(b"#cloud-config\nruncmd: [old]\n").decode()
    spec["groups"]["web"]["template"]["versions"][1]["UserData"] = old
    with LabServer(spec) as lab:
        salt_run = SaltRun(tmp_path / "salt", lab.endpoint_url)
        formula = salt_run.folder / "states" / "unattended-upgrades"
        formula.symlink_to(REPO / "unattended-upgrades")
        salt_run.pillar({"asgcycle": {"defaults": {"user_data": USER_DATA}}})
        yield Published(lab, salt_run, monkeypatch)


def test_the_difference_is_shown_line_by_line_and_nothing_changed(stage):
    data, code = stage.diff()
    assert (code, data["status"]) == (0, "different")
    assert data["against"] == data["diff"][0].removeprefix("--- ").split(",")
    assert data["against"][0].endswith(":2")
    assert "-runcmd: [old]" in data["diff"]
    assert "+    UPGRADE=security" in data["diff"]
    assert "asgcycle.publish web" in data["next"]
    assert stage.mutations() == []


def test_what_has_been_published_is_the_same(stage):
    assert stage.call("asgcycle.publish", "web")["retcode"] == 0
    data, code = stage.diff()
    assert (code, data["status"], data["diff"]) == (0, "same", [])
    assert stage.diff(user_data={"upgrade": "all"})[0]["status"] == "different"


def test_a_terminal_shows_the_lines_and_what_to_type_next(stage):
    done = stage.run("asgcycle.user_data", "web", "diff=True", out=None)
    assert done.code == 0
    assert "web: different" in done.out
    assert "  | -runcmd: [old]" in done.out
    assert "next: `salt-run asgcycle.publish web`" in done.out


@pytest.mark.parametrize(
    "operation", ["DescribeAutoScalingGroups", "DescribeLaunchTemplateVersions"]
)
def test_without_permission_to_look_it_is_refused(stage, operation):
    stage.fault(kind="denied", operation=operation)
    data, code = stage.diff()
    assert code == 2
    assert "permission" in str(data["obstacles"])


def test_a_group_that_is_not_there_is_told(stage):
    answer = stage.call("asgcycle.user_data", "nobody", diff=True)
    assert answer["retcode"] == 2
    assert "there is no Auto Scaling Group 'nobody'" in str(answer["data"])


def test_something_else_than_yes_or_no_is_refused(stage):
    answer = stage.call("asgcycle.user_data", "web", diff="maybe")
    assert answer["data"]["web"]["obstacles"] == [
        "diff: 'maybe' is not allowed; give True or False."
    ]
