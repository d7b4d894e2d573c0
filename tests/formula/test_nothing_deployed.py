"""A real system on which nobody has applied the formula is never said to be in order."""

from tests.formula import system


def test_verify_and_status_are_not_ok_where_nothing_is_deployed_and_updates_wait(start, release):
    minion = start(release)
    minion.call("saltutil.sync_all")
    minion.host.run("apt-get", "update", "-q")
    waiting = system.security_pending(minion.host)
    assert waiting
    verified = minion.call("unattended_upgrades.verify").value
    assert verified["ok"] is False
    assert any("no policy is deployed here" in problem for problem in verified["problems"])
    status = minion.call("unattended_upgrades.status").value
    assert status["verdict"] != "ok"
