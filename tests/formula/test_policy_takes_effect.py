"""The formula as it is by default, on each release: what it changes, and what that makes happen."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import pytest

from tests.formula import system
from tests.formula.conftest import FORMULA, OLDEST, PILLARS, RELEASES
from tests.hosts.minion import Minion
from tests.hosts.repository import Deb, Repository
from tests.hosts.roots import CODENAMES

CURRENT = 13
ATTEMPTS = 2
RUNS_AT_A_TIME = 2
UPGRADED = (OLDEST, *RELEASES)
SAID_OF = {OLDEST: ("unsupported",)}
"""Debian 11 gets no more updates, its LTS included."""

FIRST_PLUGIN_VERSION = (2, 11)
PLUGIN = "/etc/unattended-upgrades/plugins/salt_last_run.py"

OTHERS = {
    "vendor-stable": {"Origin": "Vendor", "Label": "Vendor", "Codename": "any"},
    "stable-updates": {"Origin": "Debian", "Label": "Debian", "Codename": "{codename}-updates"},
    "point-release": {"Origin": "Debian", "Label": "Debian", "Codename": "{codename}"},
}
"""Suites with an update each that is no security update."""

LEFT_ALONE = ("vendor-stable", "stable-updates")
"""Those that the default leaves alone: Debian's own archive is taken, as its package does."""


def _apply(minion, **keywords):
    result = minion.apply(FORMULA, **keywords)
    assert isinstance(result.value, dict), result.done
    return result


def _prepared(minion):
    """Give a fresh minion the default pillar and the formula's modules."""
    minion.pillar_file(PILLARS / "default.sls")
    minion.call("saltutil.sync_all")
    return minion


def test_the_first_apply_installs_the_package_and_writes_one_fragment(ground, release):
    ground.applied(release)
    first = ground.first_result(release)
    assert first.exit == 0
    assert not first.failed
    package = first.states_of("unattended-upgrades-package-install-pkg-installed")
    assert "unattended-upgrades" in package["changes"]
    assert first.states_of("unattended-upgrades-config-fragment-file-managed")["changes"]


def test_without_its_modules_the_formula_says_how_to_get_them_and_that_works(start):
    minion = start(CURRENT)
    minion.pillar_file(PILLARS / "default.sls")
    refused = _apply(minion)
    assert "sync_mods=all" in str(refused.failed)
    assert not minion.host.exists(system.FRAGMENT)
    other = start(CURRENT)  # the refused attempt has fetched the modules already
    other.pillar_file(PILLARS / "default.sls")
    advised = _apply(other, sync_mods="all", test=True)
    assert not advised.failed, advised.failed
    assert advised.states_of("unattended-upgrades-package-install-pkg-installed")["result"] is None


def test_applying_again_after_a_reboot_changes_nothing(start, release):
    minion = start(release, applied=True)
    again = [_apply(minion) for _ in range(ATTEMPTS)]
    assert [one.failed for one in again] == [{}] * ATTEMPTS
    assert [one.changed for one in again] == [{}] * ATTEMPTS


def test_a_test_run_on_a_fresh_system_announces_changes_and_makes_none(start, release):
    minion = _prepared(start(release))
    before = (system.etc(minion.host), system.installed(minion.host))
    announced = _apply(minion, test=True)
    assert not announced.failed
    assert (
        announced.states_of("unattended-upgrades-package-install-pkg-installed")["result"] is None
    )
    assert announced.states_of("unattended-upgrades-config-fragment-file-managed")["result"] is None
    assert (system.etc(minion.host), system.installed(minion.host)) == before


def test_a_test_run_after_an_apply_announces_nothing(start, release):
    announced = _apply(start(release, applied=True), test=True)
    assert announced.changed == {}
    assert {one["result"] for one in announced.states.values()} == {True}


def test_the_effective_configuration_allows_what_the_package_allows(start, release):
    minion = start(release, applied=True)
    effective = system.configuration(minion.host)
    patterns = effective["Unattended-Upgrade::Origins-Pattern"]
    name = CODENAMES[release]
    ours = {
        f"origin=Debian,codename={name}-security,label=Debian-Security",
        f"origin=Debian,codename={name},label=Debian",
    }
    assert {pattern.replace("${distro_codename}", name) for pattern in patterns} == ours
    assert "Unattended-Upgrade::Allowed-Origins" not in effective
    assert set(system.origins(minion.host)) == ours
    minion.host.run("rm", system.FRAGMENT)
    # The third pattern of the package is for releases before bullseye.
    assert set(system.origins(minion.host)) - ours == {
        f"origin=Debian,codename={name},label=Debian-Security"
    }


def test_the_daily_run_is_switched_on_and_never_reboots_by_itself(start, release):
    effective = system.configuration(start(release, applied=True).host)
    assert effective["APT::Periodic::Update-Package-Lists"] == "always"
    assert effective["APT::Periodic::Unattended-Upgrade"] == "1"
    assert effective["Unattended-Upgrade::Automatic-Reboot"] == "false"


@pytest.mark.parametrize("path", sorted(system.UCF_MANAGED))
def test_the_files_that_the_package_manages_are_untouched(start, release, path):
    host = start(release, applied=True).host
    original = f"/usr/share/unattended-upgrades/{system.UCF_MANAGED[path]}"
    assert host.read(path) == host.read(original)


def test_clean_gives_back_the_effective_configuration_of_before(start):
    minion = _prepared(start(CURRENT))
    minion.host.run("apt-get", "install", "-qy", "unattended-upgrades", "needrestart")
    before, units = system.configuration(minion.host), _timer_files(minion.host)
    assert not _apply(minion).failed
    assert system.configuration(minion.host) != before
    assert not minion.apply(f"{FORMULA}.service.clean").failed
    assert not minion.apply(f"{FORMULA}.config.clean").failed
    assert system.configuration(minion.host) == before
    assert _timer_files(minion.host) == units


def test_clean_of_everything_leaves_no_file_of_the_formula_and_a_working_apt(start, release):
    minion = start(release, applied=True)
    cleaned = minion.apply(f"{FORMULA}.clean")
    assert not cleaned.failed
    left = minion.host.sh("find /etc -iname '*salt*' ! -path '/etc/salt*'").lines
    assert left == []
    assert "unattended-upgrades" not in system.installed(minion.host)
    assert not any("Unattended-Upgrade::" in key for key in _set_keys(minion.host))
    minion.host.run("apt-get", "check")


def _set_keys(host):
    """Return the keys that files below apt.conf.d set, without those of a removed package."""
    kept_by_dpkg = set(system.UCF_MANAGED)
    files = set(host.sh("grep -l Unattended-Upgrade /etc/apt/apt.conf.d/* || true").lines)
    return [line for path in files - kept_by_dpkg for line in host.read(path).splitlines()]


def _timer_files(host):
    units = ("apt-daily.timer", "apt-daily-upgrade.timer")
    return [host.run("systemctl", "cat", unit).stdout for unit in units]


@dataclass(frozen=True)
class Upgraded:
    """One real unattended run, started the way that its timer starts it, and what it did."""

    release: int
    minion: Minion
    dry_run: dict
    pending_by_module: dict
    status_before: dict
    pending: dict
    before: dict
    result: str
    after: dict

    @property
    def changed(self):
        """The versions that are new since before the run, by package."""
        return {name: new for name, new in self.after.items() if self.before.get(name) != new}


@contextmanager
def _upgraded(ground, release, directory):
    """Apply, add repositories with updates that are none of security's business, and upgrade."""
    with ExitStack() as stack:
        repository = Repository(directory)
        for suite, fields in OTHERS.items():
            named = {key: text.format(codename=CODENAMES[release]) for key, text in fields.items()}
            repository.publish(suite, [Deb(suite, "1"), Deb(suite, "2")], **named)
        host = ground.host(release, applied=True, binds=(repository.bind,))
        minion = stack.enter_context(host)
        repository.configure(minion.host, *OTHERS)
        minion.host.run("apt-get", "install", "-qy", *(f"{suite}=1" for suite in OTHERS))
        yield Upgraded(
            release=release,
            minion=minion,
            dry_run=minion.call("unattended_upgrades.dry_run").value,
            pending_by_module=minion.call("unattended_upgrades.pending").value,
            status_before=minion.call("unattended_upgrades.status").value,
            pending=system.security_pending(minion.host),
            before=system.installed(minion.host),
            result=system.run_daily_upgrade(minion.host),
            after=system.installed(minion.host),
        )


@pytest.fixture(scope="module")
def upgrades(ground, tmp_path_factory):
    """Start the runs of all releases, two at a time, as they take half a minute each."""
    with ExitStack() as stack, ThreadPoolExecutor(RUNS_AT_A_TIME) as pool:

        def upgrade(release, directory):
            return stack.enter_context(_upgraded(ground, release, directory / "repository"))

        running = {}
        for release in UPGRADED:
            with suppress(pytest.skip.Exception):
                ground.applied(release)
            # Not in the thread: the first to ask for a directory empties the one around it.
            directory = tmp_path_factory.mktemp(f"debian{release}")
            running[release] = pool.submit(upgrade, release, directory)
        yield running
        # The hosts must be stopped before the threads end that have started them.
        stack.close()


@pytest.fixture(params=UPGRADED, ids="debian{}".format)
def upgraded(upgrades, request):
    return upgrades[request.param].result()


def test_a_real_run_installs_every_pending_security_update(upgraded):
    assert upgraded.result == "success"
    assert upgraded.pending
    assert upgraded.changed.items() >= upgraded.pending.items()


def test_a_real_run_installs_nothing_else(upgraded):
    taken = set(OTHERS) - set(LEFT_ALONE)
    assert set(upgraded.changed) == set(upgraded.pending) | taken
    assert set(upgraded.before) - set(upgraded.after) == set()
    host = upgraded.minion.host
    assert system.security_pending(host) == {}
    assert set(system.upgradable(host)) >= set(LEFT_ALONE)
    assert not set(system.upgradable(host)) & taken


def test_the_dry_run_had_announced_exactly_that(upgraded):
    assert set(upgraded.dry_run["would_upgrade"]) == set(upgraded.pending) | {"point-release"}


def test_pending_had_named_the_same_packages_and_versions_as_apt(upgraded):
    named = {one["name"]: one["candidate"] for one in upgraded.pending_by_module["packages"]}
    assert named == upgraded.pending
    assert all(one["security"] for one in upgraded.pending_by_module["packages"])


def test_status_counts_what_waits_before_the_run(upgraded):
    assert upgraded.status_before["pending_security"] == len(upgraded.pending)
    assert upgraded.status_before["pending_point_release"] == 1
    assert upgraded.status_before["excluded_point_release"] == 0
    assert upgraded.pending_by_module["counts"]["pending"]["point_release"] == 1


def test_after_the_run_nothing_is_left_but_to_put_it_into_force(upgraded):
    asked = [upgraded.minion.call("unattended_upgrades.status").value for _ in range(ATTEMPTS)]
    assert [status["pending_security"] for status in asked] == [0] * ATTEMPTS
    reasons = {one["verdict"] for status in asked for one in status["reasons"]}
    assert reasons <= {"restart_pending", "reboot_pending", *SAID_OF.get(upgraded.release, ())}


def test_the_last_run_is_known_from_the_plugin_or_else_from_the_log(upgraded):
    version = upgraded.after["unattended-upgrades"]
    numbers = tuple(int(part) for part in version.partition("+")[0].split(".")[:2])
    has_plugins = numbers >= FIRST_PLUGIN_VERSION
    last = upgraded.minion.call("unattended_upgrades.last_run").value
    assert upgraded.minion.host.exists(PLUGIN) == has_plugins
    assert last["source"] == ("plugin" if has_plugins else "log")
    assert last["success"] is True
    assert set(last["packages_upgraded"]) == set(upgraded.pending) | {"point-release"}


def test_verify_finds_the_intent_in_effect(upgraded):
    verified = upgraded.minion.call("unattended_upgrades.verify").value
    assert verified["ok"] is True, json.dumps(verified)


def test_on_the_oldest_release_applying_again_changes_nothing(start):
    minion = start(OLDEST, applied=True)
    again = _apply(minion)
    assert not again.failed
    assert again.changed == {}
    labels = [pattern.partition("label=")[2] for pattern in system.origins(minion.host)]
    assert sorted(labels) == ["Debian", "Debian-Security"]


def test_security_alone_leaves_point_releases_alone_and_says_so(start, release):
    minion = start(release, applied=True)
    minion.pillar({"unattended_upgrades": {"origins": ["security"]}})
    applied = minion.apply(FORMULA)
    assert not applied.failed, applied.failed
    assert all("label=Debian-Security" in pattern for pattern in system.origins(minion.host))
    (note,) = minion.call("unattended_upgrades.policy").value["notes"]
    assert "point releases" in note
    effective = applied.states_of(
        "unattended-upgrades-config-effective-unattended_upgrades-effective"
    )
    assert note in effective["warnings"]
