"""Reading apt-config's dump and comparing it with what was meant."""

import pytest

from aptpolicy import effective

DUMP = """\
APT "";
APT::Periodic "";
APT::Periodic::Enable "1";
APT::Periodic::Unattended-Upgrade "12h";
Unattended-Upgrade "";
Unattended-Upgrade::Mail "root";
Unattended-Upgrade::Origins-Pattern "";
Unattended-Upgrade::Origins-Pattern:: "origin=Debian";
Unattended-Upgrade::Origins-Pattern:: "origin=Docker";
Unattended-Upgrade::Package-Blacklist "";
Unattended-Upgrade::Package-Blacklist::nginx "apache2";
Dpkg::Options:: "--force-confold";
"""
CONFIGURATION = effective.parse(DUMP)


def test_a_setting_that_took_effect_is_no_difference():
    meant = [
        ("Unattended-Upgrade::Mail", "root"),
        ("Unattended-Upgrade::Origins-Pattern", ("origin=Debian", "origin=Docker")),
    ]
    assert effective.differences(meant, CONFIGURATION) == ()


@pytest.mark.parametrize(
    ("meant", "found"),
    [
        (("Unattended-Upgrade::Mail", "ops"), "root"),
        (("Unattended-Upgrade::Sender", "ops"), None),
        (("Unattended-Upgrade::Origins-Pattern", ("origin=Debian",)),
         ["origin=Debian", "origin=Docker"]),
        (("Unattended-Upgrade::Update-Days", ("1",)), []),
    ],
)  # fmt: skip
def test_an_overridden_setting_is_told_with_what_is_in_effect(meant, found):
    (difference,) = effective.differences([meant], CONFIGURATION)
    assert difference.key == meant[0]
    assert difference.effective == found


def test_names_compare_without_regard_to_case_as_in_apt():
    assert CONFIGURATION.listing("DPkg::Options") == ("--force-confold",)


def test_a_list_entry_that_a_missing_semicolon_turned_into_a_name_is_still_an_entry():
    assert CONFIGURATION.listing("Unattended-Upgrade::Package-Blacklist") == ("apache2",)


def test_an_empty_value_equals_an_absent_one():
    assert effective.differences([("Unattended-Upgrade::Sender", "")], CONFIGURATION) == ()


@pytest.mark.parametrize(
    ("dump", "enabled"),
    [
        ("", True),
        ('APT::Periodic::Enable "0";', False),
        ('APT::Periodic::Enable "1";', True),
    ],
)
def test_the_daily_jobs_are_on_unless_an_integer_switches_them_off(dump, enabled):
    assert effective.parse(dump).is_on("APT::Periodic::Enable") is enabled


def test_an_interval_that_nobody_set_is_off():
    assert not effective.parse("").is_on("APT::Periodic::Unattended-Upgrade")
    assert CONFIGURATION.is_on("APT::Periodic::Unattended-Upgrade")


def test_a_section_shows_lists_as_lists():
    section = CONFIGURATION.section("Unattended-Upgrade")
    assert section["Unattended-Upgrade::Origins-Pattern"] == ["origin=Debian", "origin=Docker"]
    assert section["Unattended-Upgrade::Mail"] == "root"
