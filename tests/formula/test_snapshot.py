"""An environment that follows dated snapshots: what apt takes, what the host says of it.

The mirror is a signed repository of the test's own; the days are today and before, of UTC.
"""

from __future__ import annotations

import datetime
import json

import pytest

from tests.formula import system
from tests.formula.conftest import CURRENT, FORMULA, SECURITY
from tests.hosts.repository import MOUNT, Deb

TODAY = datetime.datetime.now(datetime.timezone.utc).date()
MAIN = {"Origin": "Debian", "Label": "Debian", "Codename": "trixie"}
SOURCES = [
    f"file:{MOUNT}/snapshots/{{date}} {{codename}} main",
    f"file:{MOUNT}/snapshots/{{date}} {{codename}}-security main",
]


def ago(days):
    return TODAY - datetime.timedelta(days=days)


@pytest.fixture(scope="module")
def archive(repository):
    """Keep a snapshot for each day: version 3 of today, 2 of yesterday (expired by now), 1."""
    repository.publish("trixie", [Deb("plain", "1")], **MAIN)
    for days in (3, 1, 0):
        version = {3: "1", 1: "2", 0: "3"}[days]
        repository.publish("trixie-security", [Deb("plain", version)], **SECURITY)
        repository.snapshot(ago(days), ago(1) if days == 1 else None)
    return repository


@pytest.fixture(scope="module")
def layers(ground, archive):
    """Return a host without any other source, with version 1 and the policy of no delay applied."""
    with ground.host(CURRENT, applied=True, binds=(archive.bind,)) as minion:
        minion.host.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*")
        minion.host.sh("rm -rf /var/lib/apt/lists/*")
        deb = f"{MOUNT}/snapshots/{ago(3):%Y%m%d}/pool/trixie/plain_1_all.deb"
        minion.host.run("dpkg", "-i", deb)
        applied = _apply(minion, 1)
        assert not applied.failed, applied.failed
        return ground.freeze(minion, "snapshot")


@pytest.fixture
def minion(ground, layers, archive, running):
    return running.enter_context(ground.on(layers, binds=(archive.bind,)))


def _apply(minion, delay, **more):
    keyring = f"{MOUNT}/key.gpg"
    snapshot = {"sources": SOURCES, "delay": delay, "keyring": keyring, **more}
    minion.pillar({"unattended_upgrades": {"snapshot": snapshot}})
    return minion.apply(FORMULA)


def _version(minion):
    return system.installed(minion.host)["plain"]


def _pending(minion):
    packages = minion.call("unattended_upgrades.pending").value["packages"]
    return [(one["name"], one["candidate"]) for one in packages]


def test_what_the_snapshot_does_not_hold_yet_is_not_pending_and_the_day_is_said(minion):
    assert _pending(minion) == [("plain", "2")]
    status = minion.call("unattended_upgrades.status").value
    assert status["snapshot"]["follows"] == ago(1).isoformat()
    assert (status["snapshot"]["delay"], status["snapshot"]["lag_days"]) == (1, 0)
    # its Release files have expired since, which counts for no snapshot
    assert not [one for one in status["reasons"] if one["code"] == "unknown"], status["reasons"]
    assert minion.call("unattended_upgrades.verify").value["ok"] is True


def test_applying_again_changes_nothing(minion):
    again = _apply(minion, 1)
    assert (again.failed, again.changed) == ({}, {})


def test_the_daily_run_installs_what_the_day_holds_and_no_more(minion):
    assert system.run_daily_upgrade(minion.host) == "success"
    assert _version(minion) == "2"


def test_the_day_moves_on_by_itself_before_the_daily_run(minion):
    config = json.loads(minion.host.read("/etc/asgcycle/snapshot.json"))
    # a day later, as far as this host can tell
    minion.host.write("/etc/asgcycle/snapshot.json", json.dumps({**config, "delay": 0}))
    assert system.run_daily_upgrade(minion.host) == "success"
    assert _version(minion) == "3"
    status = minion.call("unattended_upgrades.status").value
    assert status["snapshot"]["follows"] == TODAY.isoformat()


def test_a_day_without_a_snapshot_is_made_up_for_by_an_older_one_and_said(minion):
    applied = _apply(minion, 2)
    assert not applied.failed, applied.failed
    status = minion.call("unattended_upgrades.status").value
    assert status["snapshot"]["follows"] == ago(3).isoformat()
    assert any("1 days older" in warning for warning in status["warnings"])
    assert f"{ago(2):%Y%m%d}" in status["snapshot"]["why"][0]


def test_no_snapshot_at_all_fails_the_state_and_is_no_silence(ground, archive, running):
    minion = running.enter_context(ground.host(CURRENT, applied=True, binds=(archive.bind,)))
    minion.host.sh("rm -rf /etc/apt/sources.list.d/* /etc/apt/sources.list")
    applied = _apply(minion, 30)
    assert any("snapshot-cmd-run" in name for name in applied.failed), applied.failed
    status = minion.call("unattended_upgrades.status").value
    assert status["verdict"] != "ok"
    assert "No snapshot is followed" in json.dumps(status["reasons"])
    assert "7 days before" in json.dumps(status["snapshot"]["why"])


def test_a_mirror_that_is_gone_keeps_the_lists_and_the_day_that_there_are(minion):
    config = json.loads(minion.host.read("/etc/asgcycle/snapshot.json"))
    for source in config["sources"]:
        source["url"] = "http://127.0.0.1:9/{date}"
    minion.host.write("/etc/asgcycle/snapshot.json", json.dumps(config))
    assert system.run_daily_upgrade(minion.host) == "success"
    assert _version(minion) == "2"
    status = minion.call("unattended_upgrades.status").value
    assert status["snapshot"]["follows"] == ago(1).isoformat()
    assert "127.0.0.1:9" in json.dumps(status["warnings"])


def test_the_archive_itself_beside_the_snapshot_fails_the_state_by_name(minion, archive):
    archive.configure(minion.host, "trixie-security")
    applied = _apply(minion, 1)
    (comment,) = applied.failed.values()
    assert f"file:{MOUNT} trixie-security brings updates past the snapshot" in comment


def test_without_the_key_nothing_of_it_is_left(minion):
    minion.pillar({"unattended_upgrades": {"assert_effective": False}})
    assert not minion.apply(FORMULA).failed
    left = minion.host.sh("find /etc /usr/local /var/lib -name '*snapshot*' -path '*s[al][lg]*'")
    assert [path for path in left.lines if "extmods" not in path and "cache" not in path] == []
    shown = minion.host.run("systemctl", "show", "apt-daily.service", "-p", "ExecStartPre").stdout
    assert "salt_snapshot" not in shown
