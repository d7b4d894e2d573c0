"""Holding packages: the list of the policy is the whole list, and holds of others stay."""

from tests.formula import system
from tests.formula.conftest import FORMULA, REPOSITORY

HOLD = "unattended-upgrades-package-hold-unattended_upgrades-held"
FIRST_BOOT_PACKAGES = REPOSITORY / FORMULA / "userdata" / "files" / "packages-apt.sh"


def _apply(minion, policy):
    minion.pillar({"unattended_upgrades": policy})
    result = minion.apply(FORMULA)
    assert not result.failed, result.failed
    return result


def _run(minion):
    return minion.call("unattended_upgrades.run").value


def _held(minion):
    return minion.host.run("apt-mark", "showhold").lines


def test_a_held_package_stays_and_status_says_so(small):
    _apply(small, {"hold": ["plain"]})
    assert _held(small) == ["plain"]
    ran = _run(small)
    assert ran["result"] is True
    assert "plain" not in ran["upgraded"]
    versions = system.installed(small.host)
    assert (versions["plain"], versions["plain-tools"]) == ("1", "2")
    excluded = small.call("unattended_upgrades.pending").value["excluded"]
    assert [(one["name"], one["reason"]) for one in excluded] == [("plain", "held")]
    assert "plain" in small.call("unattended_upgrades.status").said


def test_a_package_that_is_no_longer_to_be_held_is_released_and_upgraded(small):
    _apply(small, {"hold": ["plain", "plain-tools"]})
    assert _apply(small, {"hold": ["plain-tools", "plain"]}).changed == {}
    _apply(small, {"hold": ["plain-tools"]})
    assert _held(small) == ["plain-tools"]
    _apply(small, {})
    assert _held(small) == []
    assert _apply(small, {}).changed == {}
    assert {"plain", "plain-tools"} <= set(_run(small)["upgraded"])


def test_a_hold_by_somebody_else_stays_also_when_the_policy_had_named_it(small):
    small.host.run("apt-mark", "hold", "plain")
    _apply(small, {"hold": ["plain", "plain-tools"]})
    _apply(small, {})
    assert _held(small) == ["plain"]


def test_a_test_run_announces_holds_and_places_none(small):
    small.pillar({"unattended_upgrades": {"hold": ["plain"]}})
    announced = small.apply(FORMULA, test=True).states_of(HOLD)
    assert announced["result"] is None
    assert announced["changes"] == {"held": ["plain"]}
    assert _held(small) == []


def test_what_is_not_installed_is_not_held_and_can_be_installed(small):
    small.host.run("apt-get", "remove", "-qy", "plain")
    told = _apply(small, {"hold": ["plain", "never-heard-of"]}).states_of(HOLD)
    assert told["result"] is True
    assert "Not held, as not installed: plain, never-heard-of." in told["comment"]
    small.host.run("apt-get", "install", "-qy", "plain")
    _apply(small, {"hold": ["plain", "never-heard-of"]})
    assert _held(small) == ["plain"]


def test_what_the_first_boot_has_held_is_released_like_the_formulas_own(small):
    _first_boot_holds(small, "plain plain-tools never-heard-of")
    assert _held(small) == ["plain", "plain-tools"]
    _apply(small, {"hold": ["plain-tools"]})
    assert _held(small) == ["plain-tools"]


def test_what_the_image_has_held_stays_after_the_first_boot_too(small):
    small.host.run("apt-mark", "hold", "plain")
    _first_boot_holds(small, "plain")
    _apply(small, {})
    assert _held(small) == ["plain"]


def _first_boot_holds(minion, names):
    script = FIRST_BOOT_PACKAGES.read_text(encoding="utf-8")
    minion.host.write("/run/packages.sh", script)
    minion.host.sh(f". /run/packages.sh; HOLD='{names}'; hold")


def test_clean_ends_the_holds_of_the_policy_and_no_others(small):
    small.host.run("apt-mark", "hold", "plain-tools")
    _apply(small, {"hold": ["plain"]})
    assert not small.apply(f"{FORMULA}.clean").failed
    assert _held(small) == ["plain-tools"]
