"""What a user meets who has not synced everything yet; no daemon is needed for it."""

from tests.lab.salt_run import SaltRun

NOWHERE = "http://127.0.0.1:9"


def test_without_its_library_the_runner_says_what_to_run(tmp_path, file_root):
    salt_run = SaltRun(
        tmp_path / "master", NOWHERE, file_roots={"base": [str(file_root)]}, module_dirs=[]
    )
    synced = salt_run("saltutil.sync_runners")
    assert synced.documents == [["runners.asgcycle"]]
    done = salt_run("asgcycle.plan", "web", out=None)
    assert "No module named 'asgcycle_reload'" in done.out
    assert "`salt-run saltutil.sync_all`" in done.out
    assert "Traceback" not in done.out + done.err
