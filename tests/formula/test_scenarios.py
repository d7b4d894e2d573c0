"""What administrators and accidents do to a system, and what the formula then does and says."""

import pytest

from tests.formula import system
from tests.formula.conftest import FORMULA, VENDOR
from tests.hosts.repository import Deb

EFFECTIVE = "unattended-upgrades-config-effective-unattended_upgrades-effective"
ANSWER_S = 20
RUN_DEADLINE_S = 60
SHORT_S = 2
FCNTL_HOLDER = """
import fcntl, sys
handle = open(sys.argv[1], "w")
fcntl.lockf(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def _apply(minion, policy):
    minion.pillar({"unattended_upgrades": policy})
    result = minion.apply(FORMULA)
    assert not result.failed, result.failed
    return result


def _run(minion, deadline=RUN_DEADLINE_S):
    return minion.call("unattended_upgrades.run", deadline=deadline).value


def _versions(minion, *names):
    found = system.installed(minion.host)
    return {name: found.get(name) for name in names}


def test_a_vendors_repository_is_left_alone_until_it_is_named(small):
    assert "vendor-tool" not in _run(small)["upgraded"]
    _apply(
        small,
        {
            "origins": ["security", "vendor"],
            "third_party": {"vendor": {"origin": "Vendor Inc", "suite": "vendor"}},
        },
    )
    assert _run(small)["upgraded"] == ["vendor-tool"]
    assert _versions(small, "vendor-tool") == {"vendor-tool": "2"}


def test_a_blacklisted_package_stays_and_its_namesakes_do_not(small):
    _apply(small, {"blacklist": ["plain$"]})
    assert _run(small)["result"] is True
    assert _versions(small, "plain", "plain-tools") == {"plain": "1", "plain-tools": "2"}
    excluded = small.call("unattended_upgrades.pending").value["excluded"]
    assert [(one["name"], one["reason"]) for one in excluded] == [("plain", "blacklisted")]


def test_a_strict_whitelist_lets_only_its_packages_through(small):
    _apply(small, {"whitelist": ["plain-tools$"], "whitelist_strict": True})
    assert _run(small)["upgraded"] == ["plain-tools"]


def test_a_changed_conffile_is_kept_and_the_package_upgraded(small):
    small.host.write("/etc/configured.conf", "mine\n")
    assert _run(small)["result"] is True
    assert _versions(small, "configured") == {"configured": "2"}
    assert small.host.read("/etc/configured.conf") == "mine\n"


def test_a_changed_conffile_is_replaced_when_the_policy_says_so(small):
    small.host.write("/etc/configured.conf", "mine\n")
    _apply(small, {"dpkg": {"conffile": "replace"}})
    assert _run(small)["result"] is True
    assert small.host.read("/etc/configured.conf") == "packaged 2\n"


def test_a_conffile_question_holds_the_package_back_and_status_tells(small):
    small.host.write("/etc/configured.conf", "mine\n")
    _apply(small, {"dpkg": {"conffile": "ask"}})
    ran = _run(small)
    assert _versions(small, "configured", "plain") == {"configured": "1", "plain": "2"}
    assert small.host.read("/etc/configured.conf") == "mine\n"
    status = small.call("unattended_upgrades.status").value
    assert ran["result"] is False
    assert any("configured" in line for line in ran["output"])
    assert status["verdict"] == "blocked", status
    assert "last_run_failed" in [reason["code"] for reason in status["reasons"]]


def test_an_update_that_a_run_leaves_blocks_where_no_plugin_tells_of_the_failure(small):
    small.host.write("/etc/configured.conf", "mine\n")
    _apply(small, {"dpkg": {"conffile": "ask"}})
    small.host.sh("rm /etc/unattended-upgrades/plugins/salt_last_run.py")
    assert _run(small)["result"] is False
    status = small.call("unattended_upgrades.status").value
    assert status["verdict"] == "blocked", status
    (left,) = [reason for reason in status["reasons"] if reason["code"] == "left"]
    assert "configured" in left["message"]


def test_a_crash_that_no_plugin_tells_of_is_a_failed_run(small):
    assert _run(small)["result"] is True
    small.host.write("/etc/apt/apt.conf", 'Unattended-Upgrade::Origins-Pattern:: "nonsense";\n')
    assert small.host.run("unattended-upgrade", check=False).exit
    small.host.run("rm", "/etc/apt/apt.conf")
    last = small.call("unattended_upgrades.last_run").value
    assert (last["source"], last["success"]) == ("log", False)
    status = small.call("unattended_upgrades.status").value
    assert [reason["code"] for reason in status["reasons"]] == ["last_run_failed"]


@pytest.mark.parametrize("option", ["--dry-run", "--download-only"])
def test_what_installs_nothing_is_no_run(small, option):
    small.host.run("unattended-upgrade", option)
    status = small.call("unattended_upgrades.status").value
    assert [reason["code"] for reason in status["reasons"]] == ["never_ran"], status
    assert status["last_success"] is None


def test_a_download_after_a_run_is_no_newer_run(small):
    assert _run(small)["result"] is True
    before = small.call("unattended_upgrades.last_run").value
    small.host.run("unattended-upgrade", "--download-only")
    assert small.call("unattended_upgrades.last_run").value == before


def test_without_the_plugin_the_log_tells_the_last_run_in_any_language(small):
    small.host.sh("rm /etc/unattended-upgrades/plugins/salt_last_run.py")
    small.host.run("env", "LANGUAGE=de", "LANG=de_DE.UTF-8", "unattended-upgrade")
    log = small.host.read("/var/log/unattended-upgrades/unattended-upgrades.log")
    assert "All upgrades installed" not in log, "the tool did not write German"
    last = small.call("unattended_upgrades.last_run").value
    assert (last["source"], last["success"]) == ("log", True)
    assert last["packages_upgraded"] == ["configured", "plain", "plain-tools"]
    assert small.call("unattended_upgrades.status").value["verdict"] == "ok"


def test_a_masked_service_fails_the_apply_and_misconfigures_the_status(small):
    small.host.run("systemctl", "mask", system.DAILY_UPGRADE)
    result = small.apply(FORMULA)
    assert _ids(result.failed) == [EFFECTIVE]
    assert f"systemctl unmask {system.DAILY_UPGRADE}" in result.states_of(EFFECTIVE)["comment"]
    status = small.call("unattended_upgrades.status").value
    assert "masked" in [reason["code"] for reason in status["reasons"]], status


def test_lists_that_can_no_longer_be_fetched_grow_old(small):
    assert _run(small)["result"] is True
    small.host.run("apt-get", "update")
    assert small.call("unattended_upgrades.status").value["verdict"] == "ok"
    stamp = "/var/lib/apt/periodic/update-success-stamp"
    small.host.sh(f"touch -d '9 days ago' {stamp} /var/lib/apt/lists")
    small.host.write("/run/gone.list", "deb http://127.0.0.1:9/gone any main\n")
    nowhere = ("-o", "Dir::Etc::sourcelist=/run/gone.list", "-o", "Dir::Etc::sourceparts=/dev/null")
    small.host.run("apt-get", "update", *nowhere, "-o", "APT::Get::List-Cleanup=false")
    status = small.call("unattended_upgrades.status").value
    assert [reason["code"] for reason in status["reasons"]] == ["old_lists"], status


def test_a_configuration_that_apt_cannot_read_is_a_verdict(small):
    small.host.write("/etc/apt/apt.conf", "this is no configuration {\n")
    status = small.call("unattended_upgrades.status")
    assert status.value["verdict"] == "misconfigured", status.said
    assert [reason["code"] for reason in status.value["reasons"]] == ["apt_configuration"]


def test_sources_that_apt_cannot_read_are_a_reason(small):
    small.host.write("/etc/apt/sources.list", "dbe nonsense\n")
    status = small.call("unattended_upgrades.status").value
    assert status["verdict"] == "unknown", status
    assert [reason["code"] for reason in status["reasons"]] == ["unknown"]


@pytest.fixture
def locked(small):
    """The same host while another process holds dpkg's lock the way that dpkg does."""
    holder = small.host.popen("python3", "-c", FCNTL_HOLDER, "/var/lib/dpkg/lock-frontend")
    assert holder.stdout.readline() == "held\n"
    yield small
    holder.stdin.close()
    holder.wait(10)
    holder.stdout.close()


def test_a_run_while_dpkg_is_locked_fails_and_says_why(locked):
    ran = _run(locked, deadline=SHORT_S)
    assert ran["result"] is False
    assert "lock" in ran["comment"].lower()
    assert _versions(locked, "plain") == {"plain": "1"}


def test_a_second_apply_does_not_need_the_lock(locked):
    again = locked.apply(FORMULA)
    assert not again.failed
    assert again.changed == {}


def test_status_and_pending_answer_while_another_process_holds_the_lock(locked):
    status = locked.call("unattended_upgrades.status", deadline_s=ANSWER_S).value
    waiting = locked.call("unattended_upgrades.pending", deadline_s=ANSWER_S).value
    assert status["pending_security"] == waiting["count"] == 3
    assert "installed" in [one["what"] for one in waiting["unknown"]]
    assert "unknown" in [reason["code"] for reason in status["reasons"]]


@pytest.fixture
def half_configured(small, packages):
    """The same host after a package whose postinst fails until somebody repairs it."""
    broken = Deb("broken", "1", scripts={"postinst": "test -e /run/repaired"})
    packages.publish("accident", [broken], **VENDOR)
    packages.configure(small.host, "accident", name="accident")
    small.host.run("apt-get", "install", "-qy", "broken", check=False)
    audited = small.host.run("dpkg", "--audit").stdout
    assert "broken" in audited
    return small


def test_status_of_a_half_configured_system_is_blocked_and_names_the_package(half_configured):
    status = half_configured.call("unattended_upgrades.status").value
    assert status["verdict"] == "blocked", status
    assert "broken" in str(status["reasons"])


def test_a_run_mends_an_interrupted_dpkg_first(half_configured):
    half_configured.host.write("/run/repaired", "")
    assert _run(half_configured)["result"] is True
    assert half_configured.host.run("dpkg", "--audit").stdout == ""
    assert _versions(half_configured, "plain") == {"plain": "2"}


def test_a_missing_sources_list_fails_the_apply_with_the_reason(small):
    small.host.sh("rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
    result = small.apply(FORMULA)
    assert _ids(result.failed) == [EFFECTIVE]
    assert "check the apt sources" in result.states_of(EFFECTIVE)["comment"]


def test_a_missing_sources_list_is_a_reason_of_the_status(small):
    small.host.sh("rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
    status = small.call("unattended_upgrades.status").value
    assert status["verdict"] not in ("ok", "disabled")
    assert "no_lists" in [reason["code"] for reason in status["reasons"]]


def test_sources_without_a_security_archive_fail_the_apply_and_misconfigure_the_status(
    small, packages
):
    small.host.sh("rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
    packages.configure(small.host, "main-pocket", "vendor")
    result = small.apply(FORMULA)
    assert _ids(result.failed) == [EFFECTIVE]
    assert "no origin pattern matches" in result.states_of(EFFECTIVE)["comment"]
    assert small.call("unattended_upgrades.status").value["verdict"] == "misconfigured"


def test_a_setting_overridden_in_apt_conf_fails_the_apply_and_names_the_key(small):
    small.host.write("/etc/apt/apt.conf", 'APT::Periodic::Unattended-Upgrade "0";\n')
    result = small.apply(FORMULA)
    assert _ids(result.failed) == [EFFECTIVE]
    assert "APT::Periodic::Unattended-Upgrade" in result.said
    assert small.call("unattended_upgrades.verify").value["ok"] is False


def test_origins_added_to_the_packaged_file_do_not_get_into_the_policy(small):
    path = "/etc/apt/apt.conf.d/50unattended-upgrades"
    added = 'Unattended-Upgrade::Origins-Pattern:: "origin=Vendor Inc";\n'
    small.host.write(path, small.host.read(path) + added)
    assert all("Vendor" not in pattern for pattern in system.origins(small.host))


def test_a_reboot_request_is_seen(small):
    assert _run(small)["result"] is True
    small.host.sh("touch /run/reboot-required; echo plain > /run/reboot-required.pkgs")
    assert small.call("unattended_upgrades.reboot_required").value["required"] is True
    assert small.call("unattended_upgrades.status").value["verdict"] == "reboot_pending"


def test_a_dry_run_leaves_no_trace(small):
    traces = (
        "cd /var/lib/unattended-upgrades /var/lib/apt/periodic 2>/dev/null; "
        "stat -c '%n %Y %s' /var/lib/apt/periodic/* /var/lib/unattended-upgrades/* "
        "/var/log/unattended-upgrades/* 2>/dev/null || true"
    )
    small.host.sh(
        "mkdir -p /var/lib/unattended-upgrades; echo old > /var/lib/unattended-upgrades/kept-back"
    )
    before = small.host.sh(traces).stdout
    told = small.call("unattended_upgrades.dry_run").value
    assert set(told["would_upgrade"]) == {"plain", "plain-tools", "configured"}
    assert small.host.sh(traces).stdout == before
    assert _versions(small, "plain") == {"plain": "1"}


def test_a_disabled_policy_stops_the_daily_run(small):
    _apply(small, {"enabled": False})
    assert system.run_daily_upgrade(small.host) == "success"
    assert _versions(small, "plain") == {"plain": "1"}
    assert small.call("unattended_upgrades.status").value["verdict"] == "disabled"


def test_the_state_upgraded_brings_the_system_up_to_date_now_and_then_changes_nothing(small):
    state = ("state.single", "unattended_upgrades.upgraded")
    announced = small.call(*state, name="now", test=True)
    assert [one["result"] for one in announced.states.values()] == [None]
    assert _versions(small, "plain") == {"plain": "1"}
    first, second = (small.call(*state, name="now") for _ in range(2))
    assert not first.failed
    assert first.changed
    assert _versions(small, "plain", "vendor-tool") == {"plain": "2", "vendor-tool": "1"}
    assert not second.failed
    assert second.changed == {}


def test_under_a_strict_whitelist_the_state_upgraded_wants_no_more_than_it_may(small):
    _apply(small, {"whitelist": ["plain$"], "whitelist_strict": True})
    first = small.call("state.single", "unattended_upgrades.upgraded", name="now")
    assert not first.failed, first.failed
    assert first.changed
    assert _versions(small, "plain", "plain-tools") == {"plain": "2", "plain-tools": "1"}


def test_the_grain_lets_the_master_select_by_reboot_and_waiting_updates(small):
    small.call("saltutil.sync_grains")
    assert small.call("unattended_upgrades.status").value["pending_security"] == 3
    small.host.sh("touch /run/reboot-required")
    grain = small.call("grains.get", "unattended_upgrades").value
    assert grain.pop("supported_until") > "2028"
    assert grain == {
        "reboot_required": True,
        "restart_required": False,
        "pending_security": 3,
        "excluded_security": 0,
    }


def _ids(results):
    return [key.split("_|-")[1] for key in results]
