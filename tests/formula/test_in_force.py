"""A real upgrade of Debian 12: what still runs the old libraries, and what puts it right.

What the formula says is compared with /proc/*/maps, read by grep.
"""

import re

import pytest

from tests.formula.conftest import FORMULA

RELEASE = 12
MODE = {"unattended_upgrades": {"needrestart": {"mode": "unmanaged"}}}
STALE = r"grep -lE ' ..x. .* /(usr/(s?bin|lib)|lib|s?bin).* \(deleted\)$' /proc/[0-9]*/maps || true"
RUN_S = 900


def stale_units(host):
    """Return the units of processes that run replaced files, by grep alone."""
    found = set()
    for path in host.sh(STALE).lines:
        groups = host.sh(f"cat {path.replace('maps', 'cgroup')} 2>/dev/null || true").stdout
        unit = re.search(r"/([^/\n]+\.(?:service|scope))", groups)
        found.add(unit[1] if unit else None)
    return found - {None}


def named(reasons):
    return {one["what"] for one in reasons if one["what"].endswith((".service", ".scope"))}


@pytest.fixture(scope="module")
def upgraded(ground):
    """Return the layers of a system after a run, and what was seen while it still ran."""
    with ground.host(RELEASE, applied=True) as minion:
        minion.pillar(MODE)
        assert not minion.apply(FORMULA).failed
        ran = minion.call("unattended_upgrades.run", deadline=RUN_S, deadline_s=RUN_S).value
        seen = {
            "ran": ran,
            "stale": stale_units(minion.host),
            "status": minion.call("unattended_upgrades.status").value,
            "needed": minion.call("unattended_upgrades.needed").value,
            "told": minion.call("unattended_upgrades.restart", test=True).value,
            "restart": minion.call("unattended_upgrades.restart").value,
            "stale_after": stale_units(minion.host),
            "status_after": minion.call("unattended_upgrades.status").value,
            "grain": minion.call("grains.get", "unattended_upgrades").value,
        }
        return ground.freeze(minion, "upgraded"), seen


def test_after_an_upgrade_status_names_every_unit_that_runs_replaced_files(upgraded):
    _, seen = upgraded
    assert seen["ran"]["upgraded"]
    assert "init.scope" in seen["stale"]
    assert named(seen["needed"]["reasons"]) == seen["stale"]
    assert seen["status"]["verdict"] in ("restart_pending", "reboot_pending"), seen["status"]
    messages = " ".join(one["message"] for one in seen["status"]["reasons"])
    assert all(unit in messages for unit in seen["stale"])


def test_in_test_mode_restart_tells_what_it_then_does(upgraded):
    _, seen = upgraded
    assert seen["told"]["restart"] == seen["restart"]["restart"] == seen["needed"]["services"]
    assert seen["told"]["reexec"] is True
    assert seen["restart"]["failed"] == {}


def test_after_a_restart_nothing_runs_replaced_files_but_what_needs_a_reboot(upgraded):
    _, seen = upgraded
    left = {one["what"] for one in seen["restart"]["left"] if one["action"] != "ends"}
    assert seen["stale_after"] <= left | {None}
    assert "init.scope" not in seen["stale_after"]
    if left:
        assert seen["restart"]["action"] == "reboot"
        assert seen["status_after"]["verdict"] == "reboot_pending"
        assert seen["grain"]["reboot_required"] is True
    else:
        assert seen["status_after"]["verdict"] == "ok", seen["status_after"]
    assert seen["grain"]["restart_required"] is False


def test_after_a_reboot_everything_is_in_force(ground, upgraded):
    layers, _ = upgraded
    with ground.on(layers) as minion:
        assert stale_units(minion.host) == set()
        assert minion.call("unattended_upgrades.needed").value["action"] == "nothing"
        status = minion.call("unattended_upgrades.status").value
        assert (status["verdict"], status["reboot_required"]) == ("ok", False), status
