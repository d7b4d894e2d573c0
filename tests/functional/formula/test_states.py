"""The state files as Salt compiles them: what would run, in which order, and what never does."""

import pytest

from tests.functional.formula.conftest import needs_dpkg
from tests.unit.formula.bad_pillars import HAND_WRITTEN

pytestmark = needs_dpkg

PACKAGE = ("unattended-upgrades-package-install-pkg-installed", "pkg.installed")
HOLD = (
    "unattended-upgrades-package-hold-unattended_upgrades-held",
    "unattended_upgrades.held",
)
PROXY = (
    "unattended-upgrades-config-proxy-unattended_upgrades-proxies_written",
    "unattended_upgrades.proxies_written",
)
UPGRADE = ("unattended-upgrades-config-upgrade-file-managed", "file.managed")
UPGRADE_SERVICES = ("unattended-upgrades-config-upgrade-services-file-managed", "file.managed")
NO_REBOOT_FLAG = ("unattended-upgrades-config-reboot-file-absent", "file.absent")
FRAGMENT = ("unattended-upgrades-config-fragment-file-managed", "file.managed")
NEEDRESTART = ("unattended-upgrades-config-needrestart-file-managed", "file.managed")
EFFECTIVE = (
    "unattended-upgrades-config-effective-unattended_upgrades-effective",
    "unattended_upgrades.effective",
)
TIMERS = [
    ("unattended-upgrades-service-download-timer-file-managed", "file.managed"),
    ("unattended-upgrades-service-upgrade-timer-file-managed", "file.managed"),
]
SERVICES = [
    ("unattended-upgrades-service-download-service-file-absent", "file.absent"),
    ("unattended-upgrades-service-upgrade-service-file-managed", "file.managed"),
]
NO_SNAPSHOT = ("unattended-upgrades-config-snapshot-file-absent", "file.absent")
# These minions have no master, which could select them by their grain.
WITHOUT_MASTER = ("unattended-upgrades-grain-refreshed-test-nop", "test.nop")
INVALID = ("unattended-upgrades-policy-invalid", "test.fail_without_changes")
STATE_FILES = [
    "unattended-upgrades",
    "unattended-upgrades.package",
    "unattended-upgrades.config",
    "unattended-upgrades.service",
    "unattended-upgrades.grain",
    "unattended-upgrades.readiness",
    "unattended-upgrades.clean",
    "unattended-upgrades.package.clean",
    "unattended-upgrades.config.clean",
    "unattended-upgrades.service.clean",
    "unattended-upgrades.grain.clean",
    "unattended-upgrades.readiness.clean",
]
THEIR_FILES = ("50unattended-upgrades", "10periodic")
APT_UNATTENDED = """\
{%- from "apt/map.jinja" import apt as apt_map with context %}
apt_unattended_pkgs:
  pkg.installed:
    - pkgs: {{ apt_map.pkgs | json }}
{%- for name in [apt_map.unattended_config, apt_map.periodic_config] %}
{{ apt_map.confd_dir }}/{{ name }}:
  file.managed:
    - contents: "// stand-in"
{%- endfor %}
"""
APT_MAP = """\
{%- set apt = {"pkgs": ["unattended-upgrades"], "confd_dir": "/etc/apt/apt.conf.d",
               "unattended_config": "50unattended-upgrades", "periodic_config": "10periodic"} %}
"""


def steps(found):
    """Without what depends on whether systemd runs on this machine."""
    of_systemd = ("module-run", "service-running", "service-dead")
    return [step for step in found if not step[0].endswith(of_systemd)]


@pytest.fixture
def apt_formula(tmp_path):
    """A stand-in that has apt-formula's file names, state IDs and map."""
    root = tmp_path / "apt-formula"
    (root / "apt").mkdir(parents=True)
    (root / "apt" / "unattended.sls").write_text(APT_UNATTENDED)
    (root / "apt" / "repositories.sls").write_text("apt_repositories:\n  test.nop\n")
    (root / "apt" / "map.jinja").write_text(APT_MAP)
    return root


def test_package_fragment_check_and_timers_run_in_this_order(minion):
    assert steps(minion().low("unattended-upgrades")) == [
        PACKAGE,
        HOLD,
        PROXY,
        FRAGMENT,
        NEEDRESTART,
        UPGRADE,
        *[UPGRADE_SERVICES] * 2,  # a step for each of apt's services
        *[NO_REBOOT_FLAG] * 2,
        *[NO_SNAPSHOT] * 5,  # a step for each name
        EFFECTIVE,
        *TIMERS,
        *SERVICES,
        WITHOUT_MASTER,
    ]


@pytest.mark.parametrize("sls", STATE_FILES)
def test_every_state_file_compiles_on_its_own(minion, sls):
    found = minion().low(sls)
    assert found
    assert all(isinstance(step, tuple) for step in found), found
    assert INVALID not in found


@pytest.mark.parametrize("sls", STATE_FILES)
def test_with_a_bad_pillar_no_state_file_does_anything_but_fail(minion, sls):
    pillar = {"unattended_upgrades": {"reboot": {"time": 1320}}}
    assert minion().low(sls, pillar) == [INVALID]


@pytest.mark.parametrize("test", [True, False])
def test_the_failing_state_shows_every_problem_in_both_modes(minion, test):
    pillar = {"unattended_upgrades": {"reboot": {"time": 1320}, "mial": 1}}
    found = minion().call("state.apply", "unattended-upgrades", pillar=pillar, test=test)
    (result,) = found.values()
    assert result["result"] is False
    assert result["changes"] == {}
    for words in ("unattended_upgrades:reboot:time: 1320", "unattended_upgrades:mial: 1"):
        assert words in result["name"]


def test_bad_pillars_written_by_hand_all_end_in_the_failing_state(minion):
    machine = minion()
    machine.low("unattended-upgrades.config")
    for pillar, key in HAND_WRITTEN[:12]:
        found = machine.low("unattended-upgrades.config", {"unattended_upgrades": pillar})
        assert found == [INVALID], key


def test_cleaning_goes_from_readiness_and_timers_to_configuration_to_package(minion):
    names = [name for name, _ in steps(minion().low("unattended-upgrades.clean"))]
    expected = [
        "readiness-clean-file-absent",
        "grain-clean-test-nop",
        "service-clean-file-absent",
        "config-clean-file-absent",
        "package-clean-unattended_upgrades-held",
        "package-clean-pkg-removed",
    ]
    seen = list(dict.fromkeys(name.removeprefix("unattended-upgrades-") for name in names))
    assert seen == expected


def test_options_of_the_pillar_bring_their_states(minion):
    pillar = {
        "needrestart": {"mode": "automatic", "never_restart": ["ssh.service"]},
        "timers": {"manage": False},
        "assert_effective": False,
    }
    found = steps(minion().low("unattended-upgrades", {"unattended_upgrades": pillar}))
    assert NEEDRESTART in found
    assert EFFECTIVE not in found
    assert not set(TIMERS) & set(found)


def test_a_needrestart_that_is_no_longer_managed_loses_its_snippet(minion):
    pillar = {"unattended_upgrades": {"needrestart": {"mode": "unmanaged"}}}
    found = steps(minion().low("unattended-upgrades.config", pillar))
    assert ("unattended-upgrades-config-needrestart-file-absent", "file.absent") in found
    assert NEEDRESTART not in found


def test_timers_that_are_no_longer_managed_lose_their_drop_ins(minion):
    pillar = {"unattended_upgrades": {"timers": {"manage": False}}}
    found = steps(minion().low("unattended-upgrades.service", pillar))
    assert found[-4:] == [
        ("unattended-upgrades-service-download-timer-file-absent", "file.absent"),
        ("unattended-upgrades-service-upgrade-timer-file-absent", "file.absent"),
        SERVICES[0],
        ("unattended-upgrades-service-upgrade-service-file-absent", "file.absent"),
    ]


def test_a_snapshot_is_followed_before_the_policy_is_asserted(minion):
    sources = ["https://mirror.example.org/{date}/debian {codename} main"]
    pillar = {"unattended_upgrades": {"snapshot": {"sources": sources, "delay": 2}}}
    found = steps(minion().low("unattended-upgrades", pillar))
    own = [step for step in found if "-snapshot-" in step[0]]
    assert [function for _, function in own] == ["file.managed"] * 3 + ["cmd.run"]
    assert found.index(own[-1]) < found.index(EFFECTIVE)
    assert NO_SNAPSHOT not in found


def test_the_lookup_moves_what_is_written(minion):
    pillar = {"unattended_upgrades": {"lookup": {"confd_dir": "/opt/apt.conf.d"}}}
    chunks = minion().call("state.show_low_sls", "unattended-upgrades.config", pillar=pillar)
    names = [chunk["name"] for chunk in chunks]
    assert "/opt/apt.conf.d/zz-salt-unattended-upgrades" in names


def test_with_apt_formula_in_the_file_roots_its_states_come_first(minion, apt_formula):
    machine = minion(roots=[apt_formula])
    names = [name for name, _ in machine.low("unattended-upgrades.config")]
    theirs = ["apt_unattended_pkgs", "/etc/apt/apt.conf.d/50unattended-upgrades",
              "/etc/apt/apt.conf.d/10periodic"]  # fmt: skip
    assert names[:3] == theirs
    assert names[3] == PACKAGE[0]


def test_its_files_are_checked_and_come_after_the_package(minion, apt_formula):
    machine = minion(roots=[apt_formula])
    high = machine.call("state.show_sls", "unattended-upgrades.package")
    extended = {name: state["file"] for part in high["__extend__"] for name, state in part.items()}
    assert set(extended) == {f"/etc/apt/apt.conf.d/{n}" for n in THEIR_FILES}
    for options in extended.values():
        assert {"check_cmd": "apt-config dump -c"} in options
        assert {"require": [{"pkg": "apt_unattended_pkgs"}]} in options


def test_its_repositories_come_along_only_when_asked_for(minion, apt_formula):
    machine = minion(roots=[apt_formula])
    asked = {"unattended_upgrades": {"include_apt_repositories": True}}
    assert "apt_repositories" in dict(machine.low("unattended-upgrades.package", asked))
    assert "apt_repositories" not in dict(machine.low("unattended-upgrades.package"))


def test_apt_formula_is_left_alone_when_it_is_not_wanted(minion, apt_formula):
    machine = minion(roots=[apt_formula])
    pillar = {"unattended_upgrades": {"use_apt_formula": False}}
    assert "apt_unattended_pkgs" not in dict(machine.low("unattended-upgrades.package", pillar))


def test_wanting_apt_formula_without_having_it_is_a_clear_error(minion):
    pillar = {"unattended_upgrades": {"use_apt_formula": True}}
    assert minion().low("unattended-upgrades", pillar) == [INVALID]


def test_a_first_run_without_synced_modules_says_what_to_do(minion):
    machine = minion(synced=False)
    found = machine.call("state.apply", "unattended-upgrades", test=True)
    (result,) = found.values()
    assert result["result"] is False
    assert "saltutil.sync_all" in result["name"]
    assert "sync_mods=all" in result["name"]


def test_on_another_family_of_systems_the_run_says_so(minion):
    machine = minion(grains={"os": "Rocky", "os_family": "RedHat"})
    found = machine.call("state.apply", "unattended-upgrades", test=True)
    (result,) = found.values()
    assert "not for Rocky" in result["name"]
