"""The modules as Salt loads and documents them."""

import pytest

import aptpolicy.system
from tests.functional.formula.conftest import needs_dpkg

FUNCTIONS = {
    "unattended_upgrades": {
        "compile", "status", "pending", "policy", "verify", "run", "dry_run", "last_run",
        "kept_back", "reboot_required", "timers", "migrate", "needed", "restart", "hold",
        "write_proxies", "refresh_grain",
    },
    "cloudinit": {"status", "wait", "schema", "boot_facts"},
}  # fmt: skip


@pytest.fixture
def synced(minion):
    return minion()


@pytest.mark.parametrize("module", FUNCTIONS)
def test_exactly_the_public_functions_are_loaded_and_each_has_an_example(synced, module):
    docs = synced.documentation(module)
    assert {name.partition(".")[2] for name in docs} == FUNCTIONS[module]
    for name, text in docs.items():
        assert "CLI Example:" in text, name
        assert f"salt '*' {name}" in text


def test_off_debian_the_module_says_why_it_is_not_there(minion):
    other = minion(grains={"os": "Rocky", "os_family": "RedHat"})
    assert "unattended_upgrades.status" not in other.functions
    reason = other.functions.missing_fun_string("unattended_upgrades.status")
    assert "only Debian and its derivatives have it" in reason


@needs_dpkg
def test_the_compiled_policy_has_the_documented_shape(synced):
    found = synced.call("unattended_upgrades.compile")
    assert found["ok"], found["errors"]
    assert set(found) == {
        "ok", "errors", "warnings", "enabled", "environment", "assert_effective",
        "include_apt_repositories", "lookup", "fragment", "fragment_shown", "directives",
        "upgrade_config", "upgrade_drop_in", "packages", "reboot_flag", "hold", "needrestart",
        "plugin", "patched", "grain_refresh", "readiness", "timers", "services", "snapshot",
        "apt_formula",
    }  # fmt: skip


@needs_dpkg
def test_another_pillar_is_compiled_anew_although_answers_are_kept(synced):
    before = synced.call("unattended_upgrades.compile")
    assert synced.call("unattended_upgrades.compile") == before
    for pillar in ({"blacklist": ["nginx"]}, {1: 2, "a": 3}):
        synced.functions.pack["__pillar__"] = {"unattended_upgrades": pillar}
        assert synced.call("unattended_upgrades.compile") != before


@needs_dpkg
def test_status_reads_this_machine(synced):
    found = synced.call("unattended_upgrades.status")
    assert found["verdict"] in {
        "ok", "stale", "blocked", "reboot_pending", "misconfigured", "disabled",
    }  # fmt: skip
    assert all(set(reason) == {"verdict", "code", "message"} for reason in found["reasons"])
    assert found["checked_seconds"] > 0


@needs_dpkg
def test_the_grain_counts_once_and_then_remembers(synced, monkeypatch):
    first = synced.grain("unattended_upgrades")
    counted = {"pending_security", "excluded_security", "supported_until"}
    assert set(first) == {"reboot_required", "restart_required"} | counted
    assert isinstance(first["pending_security"], int)
    monkeypatch.setattr(aptpolicy.system.Host, "patched", _fail)
    again = synced.grain("unattended_upgrades")
    assert {name: again[name] for name in counted} == {name: first[name] for name in counted}


def _fail(*arguments):
    raise AssertionError("counted again although nothing has changed")
