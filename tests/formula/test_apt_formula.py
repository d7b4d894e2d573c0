"""Composed with apt-formula: its states run, our policy is what takes effect.

By default against a stand-in of its interface (fixtures/apt). With the environment variable
APT_FORMULA_DIR naming a checkout of the real one, each test runs against that too.
"""

import os
from pathlib import Path

import pytest
import yaml

from tests.formula import system
from tests.formula.conftest import FORMULA
from tests.hosts.minion import LOCAL_ROOT
from tests.hosts.repository import Deb

CURRENT = 13
STAND_IN = Path(__file__).parent / "fixtures" / "apt"
CHECKOUT_VARIABLE = "APT_FORMULA_DIR"
PACKAGES = "apt_unattended_pkgs"
BASE_FILES = (
    "/etc/apt/apt.conf.d/50unattended-upgrades",
    "/etc/apt/apt.conf.d/10periodic",
)
INVALID = "unattended-upgrades-policy-invalid"


@pytest.fixture(scope="module", params=["stand-in", "real"])
def apt_formula(request):
    """Return the directory that a file root shows as ``apt``."""
    if request.param == "stand-in":
        return STAND_IN
    checkout = os.environ.get(CHECKOUT_VARIABLE)
    if not checkout:
        pytest.skip(f"set {CHECKOUT_VARIABLE} to a checkout of apt-formula to test against it")
    return Path(checkout) / "apt"


@pytest.fixture(scope="module")
def archive(repository):
    """Publish a security update."""
    security = {"Origin": "Debian", "Label": "Debian-Security", "Codename": "trixie-security"}
    debs = [Deb("plain", "1"), Deb("plain", "2")]
    repository.publish("trixie-security", debs, **security)
    return repository


@pytest.fixture
def minion(start, apt_formula, archive):
    """A host where the formula was applied before apt-formula came into the file roots."""
    binds = (archive.bind, (apt_formula, f"{LOCAL_ROOT}/apt"))
    minion = start(CURRENT, applied=True, binds=binds)
    minion.host.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
    archive.configure(minion.host, "trixie-security")
    minion.host.run("apt-get", "install", "-qy", "plain=1")
    minion.host.sh("touch /usr/sbin/sendmail")  # a policy with mail needs a mailer
    return minion


def _apply(minion, pillar):
    """Apply with a pillar given as YAML text: what YAML makes of it is part of some bugs."""
    minion.pillar(yaml.safe_load(pillar))
    result = minion.apply(FORMULA)
    assert not result.failed, result.failed
    return system.configuration(minion.host)


def _ids(result):
    return [key.split("_|-")[1] for key in result.states]


def test_its_states_are_part_of_the_run_and_ours_come_after(minion):
    minion.pillar({})
    result = minion.apply(FORMULA)
    assert not result.failed, result.failed
    order = sorted(result.states.values(), key=lambda state: state["__run_num__"])
    names = [state["__id__"] for state in order]
    assert set(names) >= {PACKAGES, *BASE_FILES}
    fragment = names.index("unattended-upgrades-config-fragment-file-managed")
    assert all(names.index(one) < fragment for one in (PACKAGES, *BASE_FILES))


def test_its_default_patterns_match_nothing_and_ours_install_what_waits(minion):
    _apply(minion, "{}")
    assert system.origins(minion.host) == [
        "origin=Debian,codename=trixie,label=Debian",
        "origin=Debian,codename=trixie-security,label=Debian-Security",
    ]
    assert minion.call("unattended_upgrades.run", deadline=60).value["upgraded"] == ["plain"]


def test_a_second_apply_changes_nothing(minion):
    _apply(minion, "{}")
    second = minion.apply(FORMULA)
    assert second.changed == {}
    assert not second.failed


def test_its_lookup_is_honoured(minion):
    _apply(minion, "apt: {lookup: {unattended_config: 51unattended}}")
    assert minion.host.exists("/etc/apt/apt.conf.d/51unattended")


@pytest.mark.parametrize("asked", [True, False])
def test_its_repositories_are_included_only_when_asked_for(minion, asked):
    vendor = {"url": "http://127.0.0.1:9/", "distro": "any", "comps": ["main"]}
    apt = {"repositories": {"vendor": vendor}}
    policy = {"include_apt_repositories": asked}
    minion.pillar({"apt": apt, "unattended_upgrades": policy})
    low = minion.call("state.show_low_sls", FORMULA).value
    assert any(chunk["__sls__"] == "apt.repositories" for chunk in low) == asked


@pytest.mark.parametrize("used", [True, "auto"])
def test_without_it_auto_stands_alone_and_true_is_a_clear_error(start, used):
    alone = start(CURRENT, applied=True)
    alone.pillar({"unattended_upgrades": {"use_apt_formula": used}})
    result = alone.apply(FORMULA)
    if used == "auto":
        assert not result.failed
        assert PACKAGES not in _ids(result)
    else:
        assert _ids(result) == [INVALID]
        assert "use_apt_formula" in str(result.failed)


def test_false_leaves_it_out_although_it_is_there(minion):
    minion.pillar({"unattended_upgrades": {"use_apt_formula": False}})
    result = minion.apply(FORMULA)
    assert not result.failed
    assert PACKAGES not in _ids(result)


# Pillars written for apt-formula, what apt-formula made of them, and what must be in effect now.
MENDED = {
    "mail_report is not overwritten by only-on-error": (
        "{mail: root, mail_report: always}",
        {"Unattended-Upgrade::MailReport": "always"},
    ),
    "the packaged 20auto-upgrades does not beat the pillar": (
        "{unattended_upgrade: 0}",
        {"APT::Periodic::Unattended-Upgrade": "0"},
    ),
    "a boolean becomes an integer that APT::Periodic reads": (
        "{enabled: false}",
        {"APT::Periodic::Enable": "0"},
    ),
    "an unquoted 22:00 is a time again": (
        "{automatic_reboot: true, automatic_reboot_time: 22:00}",
        {
            "Unattended-Upgrade::Automatic-Reboot": "true",
            "Unattended-Upgrade::Automatic-Reboot-Time": "22:00",
        },
    ),
    "a day given as a text is a list": (
        "{update_days: Mon}",
        {"Unattended-Upgrade::Update-Days": ["1"]},  # its number: Sunday is 0
    ),
    "a list of dpkg options is a list": (
        "{dpkg_options: ['--force-confold', '--force-unsafe-io']}",
        {"DPkg::Options": ["--force-confold", "--force-unsafe-io"]},
    ),
}


@pytest.mark.parametrize(("pillar", "wanted"), MENDED.values(), ids=MENDED)
def test_a_pillar_of_apt_formula_takes_effect(minion, pillar, wanted):
    effective = _apply(minion, f"apt: {{unattended: {pillar}}}")
    for key, value in wanted.items():
        found = effective.get(key)
        if isinstance(value, list):
            assert set(value) <= set(found), key
        else:
            assert found == value, key
    assert minion.call("unattended_upgrades.migrate").value


@pytest.mark.parametrize(
    "pillar",
    ["{package_whitelist_strict: true}", "{allowed_origins: [origin1]}"],
    ids=["a strict whitelist without a list", "an origin of its own example"],
)
def test_a_pillar_that_crashed_every_run_no_longer_does(minion, pillar):
    _apply(minion, f"apt: {{unattended: {pillar}}}")
    ran = minion.call("unattended_upgrades.run", deadline=60).value
    assert ran["result"] is True, ran
    assert ran["upgraded"] == ["plain"]


def test_a_pillar_that_would_break_apt_is_refused_with_its_key(minion):
    minion.pillar({"apt": {"unattended": {"mail": 'a"b'}}})
    result = minion.apply(FORMULA)
    assert _ids(result) == [INVALID]
    assert "apt:unattended" in str(result.failed)
    minion.host.run("apt-get", "check")


def test_a_template_hook_that_never_worked_is_reported(minion):
    hook = "apt: {unattended: {unattended_config_template: 'salt://mine.jinja'}}"
    minion.pillar(yaml.safe_load(hook))
    told = minion.call("unattended_upgrades.migrate").value
    assert "unattended_config_template" in [finding["key"].rpartition(":")[2] for finding in told]
