"""The modules with salt-ssh, whose ssh is a script that runs everything on this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.functional.formula.conftest import PARTS, needs_dpkg
from tests.lab.salt_run import REPO

pytestmark = needs_dpkg

SSH = """#!/bin/bash
options() {
    while [ $# -gt 0 ]; do
        case "$1" in -[opli]) shift 2 ;; -*) shift ;; *) break ;; esac
    done
    rest=("$@")
}
options "$@"
options "${rest[@]:1}"
exec env -i PATH=/usr/bin:/bin HOME=/nonexistent /bin/sh -c "${rest[*]}"
"""
SCP = '#!/bin/bash\ntarget="${@: -1}"\nexec cp "${@: -2:1}" "${target#*:}"\n'


@pytest.fixture
def salt_ssh(tmp_path):
    for name in ("conf", "bin", "pillar", "cache/proc"):
        (tmp_path / name).mkdir(parents=True)
    for name, text in (("ssh", SSH), ("scp", SCP)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    for part in PARTS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPO / part, tmp_path / "root" / part, ignore=ignored)
    config = {
        "root_dir": str(tmp_path),
        "cachedir": str(tmp_path / "cache"),
        "pki_dir": str(tmp_path / "pki"),
        "log_file": str(tmp_path / "log"),
        "user": "root",
        "file_roots": {"base": [str(tmp_path / "root")]},
        "pillar_roots": {"base": [str(tmp_path / "pillar")]},
    }
    (tmp_path / "conf" / "master").write_text(yaml.safe_dump(config))
    host = {
        "host": "127.0.0.1",
        "user": "root",
        "thin_dir": str(tmp_path / "thin"),
        "priv": "agent-forwarding",
    }
    (tmp_path / "conf" / "roster").write_text(yaml.safe_dump({"web1": host}))

    def run(*arguments, **environment):
        path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
        done = subprocess.run(
            [
                Path(sys.executable).parent / "salt-ssh",
                *("-c", tmp_path / "conf", "--roster-file", tmp_path / "conf" / "roster"),
                *("--ignore-host-keys", "--out=json", *arguments),
            ],
            env={**os.environ, "PATH": path, **environment},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return done.stdout + done.stderr

    return run


def test_without_the_packages_the_module_says_where_to_read_what_to_do(salt_ssh):
    said = salt_ssh("web1", "unattended_upgrades.reboot_required")
    assert "the packages aptpolicy, asgroll, userdata are neither in" in said
    assert "for salt-ssh see docs/formula.md" in said
    assert "no attribute" not in said


def test_with_the_packages_in_what_is_sent_modules_and_states_work(salt_ssh, tmp_path):
    """As docs/formula.md says it."""
    shown = "--thin-extra-modules=aptpolicy,asgcycle_reload -t"
    assert shown in (REPO / "docs" / "formula.md").read_text()
    sent = {"PYTHONPATH": str(tmp_path / "root" / "_utils")}
    said = salt_ssh(*shown.split(), "web1", "unattended_upgrades.reboot_required", **sent)
    assert '"required":' in said, said
    state = ["state.apply", "unattended-upgrades.service", "test=True"]
    said = salt_ssh(*shown.split(), "web1", *state, **sent)
    assert "unattended-upgrades-service-upgrade-timer-file-managed" in said, said
    assert "policy-invalid" not in said
