"""The postrun plugin, called as unattended-upgrades calls it."""

import importlib.util
import json
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "unattended-upgrades" / "files" / "salt_last_run.py"
RESULT = {
    "plugin_api": "1.0",
    "hostname": "web1",
    "success": True,
    "result": "All upgrades installed",
    "packages_upgraded": ["libc6"],
    "packages_kept_back": [],
    "packages_removed": [],
    "packages_kept_installed": [],
    "reboot_required": True,
    "log_dpkg": "many lines",
    "log_unattended_upgrades": "more lines",
}


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("salt_last_run", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RECORD", str(tmp_path / "record.json"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return module


def run(plugin):
    plugin.UnattendedUpgradesPluginSaltLastRun().postrun(dict(RESULT))
    return json.loads(Path(plugin.RECORD).read_text())


def test_the_class_has_the_name_that_is_looked_for(plugin):
    names = [name for name in dir(plugin) if name.startswith("UnattendedUpgradesPlugin")]
    assert len(names) == 1


def test_the_record_has_the_result_and_its_time_but_not_the_logs(plugin):
    record = run(plugin)
    assert record["success"] is True
    assert record["packages_upgraded"] == ["libc6"]
    assert record["time"].endswith("+00:00")
    assert not any("log" in name for name in record)


def test_a_newer_run_replaces_the_record_as_a_whole(plugin):
    Path(plugin.RECORD).write_text('{"old": true}')
    assert "old" not in run(plugin)
    assert [p.name for p in Path(plugin.RECORD).parent.iterdir()] == ["record.json"]


def test_the_master_gets_the_record_as_an_event_where_salt_call_is_installed(plugin, tmp_path):
    told = tmp_path / "told"
    script = tmp_path / "salt-call"
    script.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > {told}\n')
    script.chmod(0o755)
    record = run(plugin)
    words = told.read_text().splitlines()
    assert words[1:3] == ["event.send", "unattended-upgrades/run"]
    assert json.loads(words[3]) == record
