"""cloud-init, read from the files it leaves behind."""

import json
import os

import pytest

from aptpolicy import cloud
from aptpolicy.system import CommandFailed, Host, Result

DONE = {
    "datasource": "DataSourceEc2Local",
    "stage": None,
    "init-local": {"start": 1_800_000_000.0, "finished": 1_800_000_001.0, "errors": []},
    "modules-final": {"start": 1_800_000_050.0, "finished": 1_800_000_060.5, "errors": []},
}


class Instance:
    def __init__(self, root):
        self.root = root
        self.asked = []
        self.answer = Result(0, "Valid cloud-config: document\n", "")
        self.host = Host(root, self.run)

    def run(self, argv, seconds):
        self.asked.append(argv)
        if self.answer is None:
            raise CommandFailed("cloud-init: not installed")
        return self.answer

    def write(self, path, text="", changed=None):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        if changed:
            os.utime(target, (changed, changed))

    def ran(self, status=None, result=None):
        self.write("usr/bin/cloud-init")
        if status is not None:
            self.write(cloud.STATUS, json.dumps({"v1": status}))
        if result is not None:
            self.write(cloud.RESULT, json.dumps({"v1": result}))


@pytest.fixture
def instance(tmp_path):
    return Instance(tmp_path)


RESULT = {"datasource": "DataSourceEc2Local", "errors": []}
FAILED = {**DONE, "init-local": {"start": 1.0, "errors": ["no datasource"]}}
RECOVERED = {**DONE, "modules-final": {"finished": 2.0, "recoverable_errors": {"WARNING": ["x"]}}}


@pytest.mark.parametrize(
    ("status", "result", "word"),
    [
        (None, None, "not_started"),
        ({**DONE, "stage": "init"}, None, "running"),
        (DONE, RESULT, "done"),
        (RECOVERED, RESULT, "degraded"),
        (FAILED, RESULT, "error"),
        (DONE, {"errors": ["late"]}, "error"),
    ],
)
def test_the_state_is_read_from_the_files(instance, status, result, word):
    instance.ran(status, result)
    assert cloud.status(instance.host)["status"] == word


def test_a_host_without_cloud_init_is_told_apart_from_one_where_it_is_disabled(instance):
    assert cloud.status(instance.host)["status"] == "not_installed"
    instance.write(cloud.DISABLED)
    assert cloud.status(instance.host)["status"] == "disabled"


def test_a_finished_run_has_its_times_and_datasource(instance):
    instance.ran(DONE, RESULT)
    found = cloud.status(instance.host)
    assert found["started"] == "2027-01-15T08:00:00+00:00"
    assert found["finished"] == "2027-01-15T08:01:00+00:00"
    assert found["datasource"] == "DataSourceEc2Local"


def test_a_half_written_status_is_not_an_exception(instance):
    instance.ran()
    instance.write(cloud.STATUS, '{"v1": {')
    assert cloud.status(instance.host)["status"] == "not_started"


def test_waiting_ends_when_cloud_init_does(instance):
    instance.ran({**DONE, "stage": "init"})
    moments = []

    def sleep(seconds):
        moments.append(seconds)
        if len(moments) == 3:
            instance.ran(DONE, RESULT)

    found = cloud.wait(instance.host, 60, lambda: sum(moments), sleep)
    assert found["status"] == "done"
    assert not found["timed_out"]


def test_waiting_ends_at_the_deadline_and_tells_what_was_last_seen(instance):
    instance.ran({**DONE, "stage": "init"})
    moments = []
    found = cloud.wait(instance.host, 10, lambda: sum(moments), moments.append)
    assert found["timed_out"]
    assert found["status"] == "running"


def test_a_valid_document_is_valid(instance):
    found = cloud.schema(instance.host, "#cloud-config\npackages: [nginx]\n")
    assert found == {"valid": True, "errors": [], "exit_code": 0}
    assert instance.asked[0][:2] == ["cloud-init", "schema"]


def test_what_cloud_init_says_against_a_document_is_passed_on(instance):
    instance.answer = Result(1, "", "Error: packages: 5 is not an array\n")
    found = cloud.schema(instance.host, "#cloud-config\npackages: 5\n")
    assert found["valid"] is False
    assert found["errors"] == ["Error: packages: 5 is not an array"]


def test_a_document_with_a_template_header_is_refused_without_asking(instance):
    found = cloud.schema(instance.host, "## template: jinja\n#cloud-config\n")
    assert found["valid"] is False
    assert not instance.asked


def test_without_cloud_init_validity_is_unknown(instance):
    instance.answer = None
    assert cloud.schema(instance.host, "#cloud-config\n")["valid"] is None


@pytest.mark.parametrize(("upgraded", "rebooted"), [(1_799_999_000, True), (1_800_000_500, False)])
def test_a_boot_after_the_upgrade_is_told_from_one_before(instance, upgraded, rebooted):
    instance.write("proc/stat", "cpu 1 2\nbtime 1800000000\nprocesses 3\n")
    instance.write(cloud.UPGRADE_MARKER, changed=upgraded)
    assert cloud.boot_facts(instance.host)["rebooted_since_upgrade"] is rebooted


def test_boots_are_counted_by_the_first_stage_of_each(instance):
    line = "2027 - util.py[DEBUG]: Cloud-init v. 22.4.2 running '{}' at Fri.\n"
    instance.write(cloud.LOG, (line.format("init-local") + line.format("init")) * 2)
    assert cloud.boot_facts(instance.host)["boots"] == 2


def test_a_host_that_is_no_instance_has_no_facts_but_raises_nothing(instance):
    assert set(cloud.boot_facts(instance.host).values()) == {None}


def test_the_first_instance_of_an_image_has_no_previous_one(instance):
    instance.write(f"{cloud.DATA}/instance-id", "i-1\n")
    instance.write(f"{cloud.DATA}/previous-instance-id", "NO_PREVIOUS_INSTANCE_ID\n")
    found = cloud.boot_facts(instance.host)
    assert (found["instance_id"], found["previous_instance_id"]) == ("i-1", None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"v1": null}', '{"v1": []}', "{}"])
def test_a_status_file_without_an_answer_is_a_start_that_is_still_to_come(instance, text):
    instance.write("usr/bin/cloud-init")
    instance.write(cloud.STATUS, text)
    assert cloud.status(instance.host)["status"] == "not_started"
