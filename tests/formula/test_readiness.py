"""The state of the readiness agent on real systems, and the agent itself over the real apt."""

import json
import time

import pytest

from tests.formula import system
from tests.hosts.repository import Deb

STATE = "unattended-upgrades.readiness"
AGENT = "asgcycle-ready"
TOP = "/srv/salt/local/top.sls"
CURRENT = 13
READY_DEADLINE_S = 60
POLL_S = 0.2
CHECKS = ["reboot", "security-updates", "highstate"]
"""There is no cloud-init in these systems; tests/e2e has it."""

SECURITY = {"Origin": "Debian", "Label": "Debian-Security", "Codename": "trixie-security"}


def apply(minion, checks=None, **readiness):
    """Apply the state and return what it returned."""
    minion.pillar({"unattended_upgrades": {"readiness": {"checks": checks or CHECKS, **readiness}}})
    minion.host.write(TOP, "base:\n  '*':\n    - role\n")
    minion.host.write(
        "/srv/salt/local/role.sls", "/etc/role:\n  file.managed:\n    - contents: web\n"
    )
    result = minion.apply(STATE)
    assert not result.failed, result.failed
    return result


def await_journal(host, words, times=1):
    """Return the agent's journal once it has so many lines with ``words``."""
    end = time.monotonic() + READY_DEADLINE_S
    while time.monotonic() < end:
        lines = host.run("journalctl", "-u", AGENT, "-o", "cat").lines
        if sum(words in line for line in lines) >= times:
            return lines
        time.sleep(POLL_S)
    raise AssertionError(f"no {words!r} in {lines}")


@pytest.fixture(scope="module")
def repository_with_update(repository):
    """Publish a package that a security suite has a newer version of."""
    repository.publish("main-pocket", [Deb("plain", "1")], Origin="Debian", Label="Debian")
    repository.publish("trixie-security", [Deb("plain", "2")], **SECURITY)
    return repository


@pytest.fixture
def small(ground, repository_with_update, running):
    """Return a host that knows the local repository alone, with ``plain`` 1 installed."""
    layers = ground.applied(CURRENT)
    bind = repository_with_update.bind
    minion = running.enter_context(ground.on(layers, binds=(bind,)))
    minion.host.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
    repository_with_update.configure(minion.host, "main-pocket", "trixie-security")
    minion.host.run("apt-get", "install", "-qy", "plain=1")
    return minion


def test_what_the_security_archive_has_pending_keeps_a_system_from_being_ready(start, release):
    minion = start(release, applied=True)
    apply(minion)
    await_journal(minion.host, "not ready: security-updates: pending: ")
    pending = minion.host.run(AGENT, "pending").lines
    assert set(pending) == set(system.security_pending(minion.host))
    assert minion.host.run(AGENT, "--once", check=False).exit == 1
    assert not minion.host.exists("/run/asgcycle/ready")


def test_a_system_is_ready_once_its_updates_are_in_and_its_highstate_is_clean(small):
    apply(small)
    await_journal(small.host, "not ready: security-updates: pending: plain")
    assert not small.host.exists("/etc/role")
    small.host.run("unattended-upgrade")
    await_journal(small.host, "asgcycle: ready instance=")
    assert small.host.read("/etc/role") == "web\n"
    assert json.loads(small.host.read("/run/asgcycle/ready"))["checks"] == CHECKS
    assert small.host.run(AGENT, "--once").lines == ["ready"]


def test_the_state_changes_nothing_when_applied_again_even_after_the_agent_has_ended(small):
    apply(small, checks=["reboot"])
    await_journal(small.host, "asgcycle: ready instance=")
    assert apply(small, checks=["reboot"]).changed == {}


def test_a_highstate_that_restarts_the_agent_comes_to_its_end(small):
    apply(small, checks=["reboot"])
    await_journal(small.host, "asgcycle: ready instance=")
    small.host.run("systemctl", "stop", AGENT)
    small.host.run("rm", "-rf", "/run/asgcycle")
    small.pillar(
        {"unattended_upgrades": {"readiness": {"checks": ["highstate"], "timeout": "40m"}}}
    )
    small.host.write(TOP, f"base: {{'*': [{STATE}, role]}}")
    small.host.write("/etc/asgcycle/ready.json", '{"checks": ["highstate"]}')
    small.host.run("systemctl", "start", AGENT)
    await_journal(small.host, "asgcycle: ready instance=", times=2)
    assert json.loads(small.host.read("/etc/asgcycle/ready.json"))["timeout"] == 2400
    assert small.host.read("/etc/role") == "web\n"
    started = small.host.run("journalctl", "-u", AGENT, "-o", "cat", "-g", "^Started").lines
    assert len(started) == 3


def test_the_hook_that_user_data_brought_is_kept(small):
    hook = {"group": "web", "name": "asgcycle-ready", "heartbeat": 300, "region": None}
    small.host.write("/etc/asgcycle/ready.json", json.dumps({"hook": hook}))
    apply(small, checks=["reboot"])
    assert json.loads(small.host.read("/etc/asgcycle/ready.json"))["hook"] == hook
    await_journal(small.host, "asgcycle: hook asgcycle-ready: ")  # there is no AWS here


def test_without_a_hook_the_agents_part_for_it_is_not_installed(small):
    apply(small, checks=["reboot"])
    assert small.host.exists("/usr/local/lib/asgcycle/asgcycle_checks.py")
    assert not small.host.exists("/usr/local/lib/asgcycle/asgcycle_hook.py")


def test_a_held_package_and_one_that_the_policy_leaves_out_do_not_count(small):
    apply(small, checks=["reboot"])
    assert small.host.run(AGENT, "pending").lines == ["plain"]
    small.host.run("apt-mark", "hold", "plain")
    assert small.host.run(AGENT, "pending").lines == []
    small.host.run("apt-mark", "unhold", "plain")
    small.host.write(
        "/etc/apt/apt.conf.d/zzz-local", 'Unattended-Upgrade::Package-Blacklist { "pl"; };'
    )
    assert small.host.run(AGENT, "pending").lines == []


def test_the_agent_takes_the_definition_of_patched_from_the_master_as_after_user_data(small):
    apply(small, checks=["security-updates"])
    small.host.run("systemctl", "stop", AGENT)
    small.host.run("rm", "-rf", "/usr/local/lib/asgcycle/patched", "/run/asgcycle")
    small.host.run("apt-mark", "hold", "plain")
    small.host.run("systemctl", "start", AGENT)
    await_journal(small.host, "asgcycle: ready instance=")
    again = apply(small, checks=["security-updates"])
    assert again.changed == {}


def test_cleaning_removes_all_of_it(small):
    apply(small)
    small.host.run("systemctl", "is-active", AGENT)
    result = small.apply(f"{STATE}.clean")
    assert not result.failed
    for path in (
        "/usr/local/sbin/asgcycle-ready",
        "/usr/local/lib/asgcycle",
        "/etc/asgcycle/ready.json",
        "/run/asgcycle",
    ):
        assert not small.host.exists(path)
    assert small.host.run("systemctl", "is-active", AGENT, check=False).exit != 0
    assert small.apply(f"{STATE}.clean").changed == {}
