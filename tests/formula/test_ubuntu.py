"""The Ubuntu path, run and not only rendered: on a host that presents itself as Ubuntu, against a
signed repository with the Release fields of Ubuntu's archive and of its ESM repositories."""

import pytest

from tests.formula import system
from tests.formula.conftest import FORMULA
from tests.hosts.repository import Deb
from tests.hosts.ubuntu import Ubuntu

UBUNTU = Ubuntu()
NAME = UBUNTU.codename
BASE_RELEASE = 12
"""The Debian release underneath: its unattended-upgrades is the version of Ubuntu 24.04."""

UPDATES = {
    f"{NAME}-security": Deb("from-security", "2", depends="new-in-release"),
    f"{NAME}-updates": Deb("from-updates", "2"),
    f"{NAME}-backports": Deb("from-backports", "2"),
    f"{NAME}-apps-security": Deb("from-esm-apps", "2"),
    f"{NAME}-infra-security": Deb("from-esm-infra", "2"),
    f"{NAME}-apps-legacy-security": Deb("from-esm-apps-legacy", "2"),
    f"{NAME}-infra-legacy-security": Deb("from-esm-infra-legacy", "2"),
}
SECURITY = {deb.name for deb in UPDATES.values()} - {"from-updates", "from-backports"}


@pytest.fixture(scope="module")
def archive(repository):
    """Publish version 1 of each package in the release pocket, version 2 where its name says.

    The security update needs a package that only the release pocket has.
    """
    fields = UBUNTU.suites()
    released = [Deb(deb.name, "1") for deb in UPDATES.values()] + [Deb("new-in-release", "1")]
    repository.publish(NAME, released, **fields[NAME])
    for suite, deb in UPDATES.items():
        repository.publish(suite, [deb], **fields[suite])
    return repository


@pytest.fixture(scope="module")
def layers(ground, archive, tmp_path_factory):
    """Return the layers of a host that looks like Ubuntu, with its package but not our policy."""
    with ground.host(BASE_RELEASE, binds=(archive.bind,)) as minion:
        host = minion.host
        host.run("apt-get", "install", "-qy", "unattended-upgrades")
        UBUNTU.disguise(host)
        UBUNTU.packaged_configuration(host)
        archive.configure(host, NAME, *UPDATES)
        host.run("apt-get", "install", "-qy", *(f"{deb.name}=1" for deb in UPDATES.values()))
        return ground.freeze(minion, "ubuntu")


@pytest.fixture
def ubuntu(ground, layers, archive, running):
    """Return a minion on that host with the formula's modules and no pillar."""
    minion = running.enter_context(ground.on(layers, binds=(archive.bind,)))
    minion.pillar({"unattended_upgrades": {}})
    minion.call("saltutil.sync_all")
    return minion


def _apply(minion, policy):
    minion.pillar({"unattended_upgrades": policy})
    result = minion.apply(FORMULA)
    assert not result.failed, result.failed
    return result


def _second_versions(minion):
    found = system.installed(minion.host)
    return {deb.name for deb in UPDATES.values() if found[deb.name] == "2"}


def test_the_host_looks_like_ubuntu_to_salt_and_to_unattended_upgrades(ubuntu):
    assert ubuntu.call("grains.get", "osfinger").value == "Ubuntu-24.04"
    assert ubuntu.call("grains.get", "os_family").value == "Debian"
    assert f"o=Ubuntu,a={NAME}-security" in system.origins(ubuntu.host)


def test_security_and_esm_updates_are_installed_and_no_others(ubuntu):
    _apply(ubuntu, {})
    assert system.run_daily_upgrade(ubuntu.host) == "success"
    assert _second_versions(ubuntu) == SECURITY


def test_a_dependency_comes_from_the_release_pocket(ubuntu):
    _apply(ubuntu, {})
    assert "new-in-release" not in system.installed(ubuntu.host)
    assert ubuntu.call("unattended_upgrades.run", deadline=60).value["result"] is True
    assert system.installed(ubuntu.host)["new-in-release"] == "1"


def test_the_updates_pocket_is_taken_when_asked_for_and_esm_when_left_out_is_not(ubuntu):
    _apply(ubuntu, {"origins": ["release", "security", "updates"]})
    assert ubuntu.call("unattended_upgrades.run", deadline=60).value["result"] is True
    assert _second_versions(ubuntu) == {"from-security", "from-updates"}


def test_the_packaged_allowed_origins_do_not_survive(ubuntu):
    assert any("ESM" in origin for origin in system.origins(ubuntu.host))
    own = {
        "origins": ["vendor"],
        "third_party": {"vendor": {"origin": "Vendor"}},
        "assert_effective": False,
    }
    _apply(ubuntu, own)
    assert system.origins(ubuntu.host) == ["origin=Vendor"]


def test_a_second_apply_changes_nothing(ubuntu):
    _apply(ubuntu, {})
    assert _apply(ubuntu, {}).changed == {}


def test_pending_counts_security_and_esm(ubuntu):
    _apply(ubuntu, {})
    waiting = ubuntu.call("unattended_upgrades.pending").value["packages"]
    assert {one["name"] for one in waiting} == SECURITY
    assert all(one["security"] for one in waiting)
