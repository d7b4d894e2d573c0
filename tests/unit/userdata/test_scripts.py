"""The shell parts: every shell that may run them can read them, and shellcheck is content."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.userdata.build import REPO
from userdata import compose

SCRIPTS = sorted((REPO / "unattended-upgrades" / "userdata" / "files").glob("*.sh"))
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def complaints(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_shells_of_every_system_can_read_it(shell, script):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed on this machine")
    assert complaints(shell, "-n", str(script)) == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script):
    assert complaints(str(SHELLCHECK), str(script)) == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_without_its_comments_a_script_is_the_same_to_a_shell(script, tmp_path):
    bare = tmp_path / "bare.sh"
    bare.write_text(compose.bare(script.read_text()))
    assert bare.read_text().count("\n") < script.read_text().count("\n")
    assert bare.read_text().startswith("#!") == script.read_text().startswith("#!")
    assert complaints("sh", "-n", str(bare)) == ""
    assert printed(bare) == printed(script)


def printed(script):
    """What bash has understood of a script: each function, written anew from its parse."""
    lines = script.read_text().splitlines()
    names = [line.partition("(")[0] for line in lines if line.partition("(")[2][:1] == ")"]
    body = script.read_text().partition('\n[ -e "$DONE/joined" ]')[0]  # what is run begins there
    shown = subprocess.run(
        ["bash", "-c", f"{body}\ndeclare -f {' '.join(names)}"], capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_shellcheck_would_say_something(tmp_path):
    bad = tmp_path / "bad.sh"
    bad.write_text("#!/bin/sh\nrm -rf $1/*\n")
    assert "SC2086" in complaints(str(SHELLCHECK), str(bad))
