"""The agent's files: what an instance without a hook is given is enough, and none is too large."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from tests.unit.readiness.agent import SOURCE, config, console, host
from tests.unit.userdata.build import chosen, composed

FILES = sorted(path for path in SOURCE.parent.iterdir() if path.suffix in ("", ".py"))
LARGEST = 400  # lines
HOOK = {"group": "web", "name": "asgcycle-ready", "heartbeat": 300}


@pytest.fixture
def given(tmp_path):
    """The agent as user data without a hook brings it, and a host below ``root`` to run it on."""
    root = tmp_path / "root"
    host(root)
    for entry in yaml.safe_load(composed(chosen()).text)["write_files"]:
        path = tmp_path / entry["path"].rpartition("/")[2]
        path.write_text(entry["content"])
    return tmp_path


def run(given, **settings):
    """Run that agent until it ends: ``(exit code, what it said of errors)``."""
    root = given / "root"
    (root / "etc/asgcycle").mkdir(parents=True)
    (root / "etc/asgcycle/ready.json").write_text(json.dumps(config(root, **settings)))
    command = [sys.executable, "-B", str(given / "asgcycle-ready"), "--root", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_without_a_hook_the_agent_does_not_need_its_part_for_hooks(given):
    assert run(given, checks=["cloud-init", "highstate"]) == (0, "")
    assert console(given / "root") == ["asgcycle: ready instance=unknown"]


def test_a_hook_without_the_part_for_hooks_is_refused_with_what_to_do(given):
    code, said = run(given, checks=["reboot"], hook=HOOK)
    assert code == 2
    assert said == (
        "asgcycle-ready: asgcycle_hook.py is missing; apply unattended-upgrades.readiness\n"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_is_too_large(path):
    assert len(path.read_text().splitlines()) <= LARGEST
