"""The way from the master's file roots to a runner that works; no daemon is needed for it."""

import pytest

from tests.lab.salt_run import SaltRun

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def salt_run(tmp_path_factory, file_root):
    """A master of which nothing is known but where the files are."""
    return SaltRun(
        tmp_path_factory.mktemp("master"),
        NOWHERE,
        file_roots={"base": [str(file_root)]},
        module_dirs=[],
    )


def test_without_its_library_the_runner_says_what_to_run(salt_run):
    synced = salt_run("saltutil.sync_runners")
    assert synced.documents == [["runners.asgcycle"]]
    done = salt_run("asgcycle.plan", "web", out=None)
    assert "No module named 'asgroll'" in done.out
    assert "`salt-run saltutil.sync_all`" in done.out
    assert "Traceback" not in done.out + done.err


def test_one_command_installs_everything(salt_run):
    (synced,) = salt_run("saltutil.sync_all").documents
    assert synced["output"] == ["output.asgcycle"]
    assert {"utils.asgroll.engine", "utils.asgroll.planner"} <= set(synced["utils"])
    done = salt_run("asgcycle.plan", "web", out=None)
    assert done.code == 2
    assert done.out.splitlines()[0].startswith("web: refused")
    assert NOWHERE in done.out
