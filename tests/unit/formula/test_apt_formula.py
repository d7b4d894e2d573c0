"""Pillars written for apt-formula go on working, and what it drops or breaks is right here.

The numbers are those of the bug list of apt-formula 0.12.0 in docs/formula.md.
"""

import pytest

from aptpolicy import aptformula, fragment, origins
from aptpolicy.compiled import compiled, read_policy
from tests.unit.formula.systems import (
    BOOKWORM,
    BULLSEYE,
    JAMMY,
    MINT,
    NOBLE,
    RASPBIAN,
    TESTING,
    TRIXIE,
    debian,
    policy,
    ubuntu,
)

# The unattended part of apt-formula's own pillar.example, in our words.
THEIR_EXAMPLE = {
    "allowed_origins": ["origin1", "origin2"],
    "package_blacklist": ["package1", "package2"],
    "origins_patterns": [
        "origin=SaltStack",
        "origin=Debian,archive=stable,label=Debian-Security",
        "origin=Debian,archive=oldstable,label=Debian-Security",
    ],
    "auto_fix_interrupted_dpkg": True,
    "minimal_steps": False,
    "install_on_shutdown": False,
    "mail": "root",
    "sender": "root",
    "mail_report": "only-on-error",
    "remove_unused_dependencies": True,
    "automatic_reboot": False,
    "dl_limit": 0,
    "enabled": 1,
    "update_package_lists": 1,
    "download_upgradeable_packages": 1,
    "unattended_upgrade": 1,
    "auto_clean_interval": 7,
    "verbose": 2,
    "syslog_enable": True,
    "syslog_facility": "auth",
    "dpkg_options": "--force-confold",
    "update_days": ["Mon", "Fri"],
    "package_whitelist_strict": False,
    "keep_debs_after_install": False,
}


def read(unattended, system=BOOKWORM):
    """``(what the fragment says, findings by key)`` for a pillar ``apt:unattended``."""
    result, refused = read_policy(None, {"unattended": unattended}, system, "web1", composed=True)
    assert refused == ()
    _, findings = aptformula.read({"unattended": unattended}, system)
    return dict(fragment.directives(result)), {finding.key: finding for finding in findings}


def allows(written, system, repository):
    patterns = written["Unattended-Upgrade::Origins-Pattern"]
    return any(origins.matches(pattern, repository, system) for pattern in patterns)


def test_their_own_example_becomes_a_policy_that_works():
    written, findings = read(THEIR_EXAMPLE)
    assert written["Unattended-Upgrade::Package-Blacklist"] == ("package1", "package2")
    assert written["Unattended-Upgrade::MinimalSteps"] == "false"
    assert written["Unattended-Upgrade::SyslogFacility"] == "auth"
    assert written["Unattended-Upgrade::Update-Days"] == ("1", "5")
    assert written["APT::Periodic::Verbose"] == "2"
    security = debian("oldstable-security", "bookworm-security", "Debian-Security")
    assert allows(written, BOOKWORM, security)
    assert {"allowed_origins", "origins_patterns"} <= set(findings)


@pytest.mark.parametrize("hook", ["unattended_config_template", "periodic_config_template"])
def test_bug_1_template_hooks_are_reported_as_never_used(hook):
    _, findings = read({hook: "salt://mine.jinja"})
    assert "never found" in findings[hook].problem


@pytest.mark.parametrize(
    ("system", "archive"),
    [(BULLSEYE, "oldoldstable"), (BOOKWORM, "oldstable"), (TRIXIE, "stable")],
    ids=lambda value: getattr(value, "codename", value),
)
def test_bug_2_default_origins_match_the_security_archive_of_debian(system, archive):
    written, findings = read({"mail": "root"}, system)
    codename = f"{system.codename}-security"
    assert allows(written, system, debian(f"{archive}-security", codename, "Debian-Security"))
    assert "matches no repository" in findings["origins_patterns"].problem


def test_bug_2_default_origins_have_the_release_pocket_and_esm_on_ubuntu():
    written, _ = read({"mail": "root"}, JAMMY)
    for repository in (ubuntu("jammy"), ubuntu("jammy-apps-security", "UbuntuESMApps")):
        assert allows(written, JAMMY, repository)


@pytest.mark.parametrize("report", ["always", "on-change", "only-on-error"])
def test_bug_3_mail_report_is_what_the_pillar_says(report):
    written, findings = read({"mail": "root", "mail_report": report})
    assert written["Unattended-Upgrade::MailReport"] == report
    assert ("mail_report" in findings) is (report != "only-on-error")


def test_bug_3_mail_only_on_error_still_does_what_it_says():
    written, _ = read({"mail": "root", "mail_only_on_error": True})
    assert written["Unattended-Upgrade::MailReport"] == "only-on-error"


def test_bug_3_nothing_is_reported_where_their_switch_was_really_off():
    _, findings = read({"mail_report": "always", "mail_only_on_error": False})
    assert "mail_report" not in findings


def test_bug_4_switching_the_upgrades_off_switches_them_off():
    written, findings = read({"unattended_upgrade": 0, "update_package_lists": "0"})
    assert written["APT::Periodic::Unattended-Upgrade"] == "0"
    assert written["APT::Periodic::Update-Package-Lists"] == "0"
    assert "no effect" in findings["unattended_upgrade"].problem
    assert fragment.FRAGMENT_NAME > "20auto-upgrades"


@pytest.mark.parametrize(("value", "written_as"), [(False, "0"), (True, "1"), ("0", "0")])
def test_bug_5_periodic_switches_are_integers(value, written_as):
    written, _ = read({"enabled": value})
    assert written["APT::Periodic::Enable"] == written_as


def test_bug_6_an_unquoted_time_is_the_time_that_was_meant():
    written, findings = read({"automatic_reboot": True, "automatic_reboot_time": 1320})
    assert written["Unattended-Upgrade::Automatic-Reboot-Time"] == "22:00"
    assert findings["automatic_reboot_time"].value == 1320


def test_bug_7_a_strict_whitelist_without_a_list_does_not_crash_the_run():
    written, findings = read({"package_whitelist_strict": True})
    assert written["Unattended-Upgrade::Package-Whitelist-Strict"] == "false"
    assert "crashes" in findings["package_whitelist_strict"].problem


def test_bug_7_origins_that_crash_the_run_are_left_out_and_reported():
    written, findings = read({"allowed_origins": ["origin1"], "origins_patterns": ["x=y"]})
    assert not any("origin1" in p for p in written["Unattended-Upgrade::Origins-Pattern"])
    assert written["Unattended-Upgrade::Allowed-Origins"] == ()
    assert "crashes" in findings["allowed_origins"].problem
    assert "crashes" in findings["origins_patterns"].problem


def test_bug_8_one_day_as_a_text_counts():
    written, findings = read({"update_days": "Mon"})
    assert written["Unattended-Upgrade::Update-Days"] == ("1",)
    assert "update_days" in findings


def test_bug_8_several_options_of_dpkg_are_several_options():
    written, _ = read({"dpkg_options": ["--force-confold", "--force-confdef"]})
    assert written["DPkg::Options"] == ("--force-confold", "--force-confdef")
    written, _ = read({"dpkg_options": "--force-confold --force-confdef"})
    assert written["DPkg::Options"] == ("--force-confold", "--force-confdef")


def test_bug_9_a_cleaned_folder_is_reported():
    _, findings = aptformula.read({"clean_apt_conf_d": True}, BOOKWORM)
    assert [finding.key for finding in findings] == ["clean_apt_conf_d"]


@pytest.mark.parametrize("system", [RASPBIAN, MINT, TESTING], ids=lambda s: s.codename)
def test_bug_10_where_its_map_cannot_be_rendered_the_formula_stands_alone(system):
    pillar = {"origins": ["origin=Anything"]}
    works = system is not TESTING
    result = compiled(pillar, None, system, "web1", has_apt_formula=True, apt_formula_works=works)
    assert result["ok"]
    assert not result["apt_formula"]["used"]


def test_bug_11_what_it_cannot_set_can_be_set_and_is_checked():
    result = compiled({"timers": {"upgrade": {"at": ["02:00"]}}}, None, BOOKWORM, "web1")
    assert set(result["timers"]) == {"apt-daily.timer", "apt-daily-upgrade.timer"}


def test_a_key_it_never_read_is_reported():
    _, findings = read({"remove_unused_kernel_packages": True})
    assert "does not read" in findings["remove_unused_kernel_packages"].problem


def test_our_pillar_wins_over_theirs():
    layer, _ = aptformula.read({"unattended": {"mail": "old@example.org"}}, BOOKWORM)
    result = policy({"mail": {"to": "new@example.org"}}, fallback=layer)
    assert result.get("mail.to") == "new@example.org"


@pytest.mark.parametrize("apt_pillar", [None, {}, [], {"unattended": None}, {"unattended": []}])
def test_no_pillar_of_theirs_is_no_layer_and_no_finding(apt_pillar):
    assert aptformula.read(apt_pillar, BOOKWORM) == ({}, ())


def test_their_security_pocket_of_ubuntu_becomes_the_word():
    layer, findings = aptformula.read(
        {"unattended": {"allowed_origins": ["${distro_id}:${distro_codename}-security"]}}, NOBLE
    )
    assert layer["origins"] == ["security"]
    assert findings == ()


# -- composition ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "available", "works", "used"),
    [
        ("auto", True, True, True),
        ("auto", False, True, False),
        ("auto", True, False, False),
        (False, True, True, False),
        (True, True, True, True),
    ],
)
def test_apt_formula_is_built_on_when_it_is_there_and_wanted(wish, available, works, used):
    result = compiled({"use_apt_formula": wish}, None, BOOKWORM, "web1",
                      has_apt_formula=available, apt_formula_works=works)  # fmt: skip
    assert result["ok"]
    assert result["apt_formula"]["used"] is used


@pytest.mark.parametrize(("available", "works"), [(False, True), (True, False)])
def test_asking_for_an_apt_formula_that_cannot_be_used_is_a_clear_error(available, works):
    result = compiled({"use_apt_formula": True}, None, BOOKWORM, "web1",
                      has_apt_formula=available, apt_formula_works=works)  # fmt: skip
    (error,) = result["errors"]
    assert error.startswith("unattended_upgrades:use_apt_formula: True is refused")


@pytest.mark.parametrize("value", ['a"b', "a\nb"])
def test_a_text_that_its_template_would_break_apt_with_is_refused_when_it_is_used(value):
    pillar = {"unattended": {"mail": value}}
    composed = compiled({}, pillar, BOOKWORM, "web1", has_apt_formula=True)
    assert composed["errors"][0].startswith("apt:unattended:mail: ")
    assert compiled({}, pillar, BOOKWORM, "web1")["ok"]


def test_a_calendar_that_systemd_refuses_is_refused_with_its_words():
    pillar = {"timers": {"upgrade": {"calendar": "sometimes"}}}
    said = {"sometimes": "no such time"}
    result = compiled(pillar, None, BOOKWORM, "web1", calendar_error=said.get)
    (error,) = result["errors"]
    assert "timers:upgrade:calendar" in error
    assert "no such time" in error
