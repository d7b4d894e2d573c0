"""What a good pillar means."""

import pytest

from aptpolicy import checks, compiled, fragment
from aptpolicy import policy as policies
from aptpolicy.versions import OperatingSystem, from_grains, numbers
from tests.unit.formula.systems import (
    BOOKWORM,
    JAMMY,
    MINT,
    NOBLE,
    RASPBIAN,
    RESOLUTE,
    SID,
    TESTING,
    TRIXIE,
    policy,
    refusals,
)


def written(pillar=None, system=BOOKWORM, **more):
    return dict(fragment.directives(policy(pillar, system, **more)))


def test_without_a_pillar_security_updates_are_installed_daily_and_nothing_reboots():
    settings = written(None)
    assert settings["APT::Periodic::Update-Package-Lists"] == "always"
    assert settings["APT::Periodic::Unattended-Upgrade"] == "1"
    assert settings["Unattended-Upgrade::Automatic-Reboot"] == "false"
    assert policy(None).enabled


def test_switched_off_means_the_periodic_run_is_off_while_lists_are_still_fetched():
    settings = written({"enabled": False})
    assert settings["APT::Periodic::Unattended-Upgrade"] == "0"
    assert settings["APT::Periodic::Update-Package-Lists"] == "always"
    assert not policy({"enabled": False}).enabled


@pytest.mark.parametrize("interval", [0, "0", "0h"])
def test_an_interval_of_zero_switches_the_policy_off_and_says_so(interval):
    result = policy({"periodic": {"unattended_upgrade": interval}})
    assert not result.enabled


def test_a_null_is_as_good_as_no_key():
    assert written({"mail": None, "blacklist": None}) == written({})


def test_an_overlay_is_chosen_by_the_grain_and_may_unset_a_key():
    pillar = {
        "mail": {"to": "all@example.org", "report": "always"},
        "environments": {"prod": {"mail": {"to": "ops@example.org", "report": None}}},
    }
    settings = written(pillar, grain_environment="prod")
    assert settings["Unattended-Upgrade::Mail"] == "ops@example.org"
    assert "Unattended-Upgrade::MailReport" not in settings


def test_the_pillar_key_environment_wins_over_the_grain():
    pillar = {
        "environment": "dev",
        "environments": {"dev": {"blacklist": ["dev"]}, "prod": {"blacklist": ["prod"]}},
    }
    settings = written(pillar, grain_environment="prod")
    assert settings["Unattended-Upgrade::Package-Blacklist"] == ("dev",)


def test_environments_without_a_name_warn_that_the_base_applies():
    (warning,) = policy({"environments": {"dev": {}}}).warnings
    assert "the base applies" in warning


def test_a_lower_layer_fills_what_the_pillar_leaves_open():
    layer = {"mail.to": "low@example.org", "mail.report": "always"}
    settings = written({"mail": {"to": "high@example.org"}}, fallback=layer)
    assert settings["Unattended-Upgrade::Mail"] == "high@example.org"
    assert settings["Unattended-Upgrade::MailReport"] == "always"


@pytest.mark.parametrize(
    ("name", "pillar", "lacking", "having"),
    [
        ("Allow-APT-Mark-Fallback", {"allow_apt_mark_fallback": False},
         OperatingSystem("Ubuntu", "focal", "20.04"), BOOKWORM),
        ("Dirs::Plugins", {"plugin_dirs": ["/opt/plugins"]}, BOOKWORM, TRIXIE),
        ("Automatic-Reboot-IgnoredUsers",
         {"reboot": {"policy": "when_needed", "ignored_users": ["deploy"]}}, TRIXIE, SID),
        ("Automatic-Reboot-WithSystemUsers",
         {"reboot": {"policy": "when_needed", "with_system_users": False}}, TRIXIE, TESTING),
        ("Postpone-For-Days", {"postpone_for_days": 3}, NOBLE, RESOLUTE),
        ("Postpone-Wait-Time", {"postpone_wait_time": 60}, TRIXIE, RESOLUTE),
    ],
)  # fmt: skip
def test_a_key_the_installed_version_does_not_know_is_left_out_with_a_warning(
    name, pillar, lacking, having
):
    key = f"Unattended-Upgrade::{name}"
    old = policy(pillar, lacking)
    assert key not in dict(fragment.directives(old))
    assert any("left out" in warning for warning in old.warnings)
    new = policy(pillar, having)
    assert key in dict(fragment.directives(new))
    assert not any("left out" in warning for warning in new.warnings)


def test_the_installed_version_counts_more_than_the_one_of_the_release():
    backported = OperatingSystem("Debian", "bookworm", "12", "2.13~bpo12+1")
    assert backported.tool_is_at_least("2.13")
    assert not BOOKWORM.tool_is_at_least("2.11")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.9.1+nmu3", (2, 9, 1)), ("1:2.12ubuntu5", (2, 12)), ("unknown", ())],
)
def test_a_version_is_compared_by_its_leading_numbers(version, expected):
    assert numbers(version) == expected


def test_grains_of_testing_without_a_release_number_are_enough():
    grains = {"os": "Debian", "oscodename": "forky", "lsb_distrib_id": "Debian GNU/Linux"}
    assert from_grains(grains) == OperatingSystem("Debian", "forky", "")


@pytest.mark.parametrize(
    ("pillar", "words"),
    [
        ({"periodic": {"unattended_upgrade": "12h"}}, "midnight"),
        ({"periodic": {"verbose": 2}}, "half a megabyte"),
        ({"mail": {"to": "a", "report": "always", "only_on_error": True}}, "ignored"),
        ({"mail": {"report": "always"}}, "without mail.to"),
        ({"whitelist": ["nginx"]}, "whitelist_strict"),
        ({"reboot": {"time": "04:00"}}, "policy is never"),
        ({"third_party": {"docker": {"origin": "Docker"}}}, "docker"),
        ({"needrestart": {"never_restart": ["nginx"]}}, "sshd"),
    ],
)
def test_what_is_probably_not_meant_is_warned_about(pillar, words):
    assert any(words in warning for warning in policy(pillar).warnings)


def test_sparing_ssh_or_one_big_step_silences_the_sshd_warning():
    for more in ({}, {"never_restart": ["ssh"]}):
        assert not policy({"needrestart": {"mode": "automatic", **more}}).warnings
    whole = {"needrestart": {"never_restart": ["nginx"]}, "minimal_steps": False}
    assert not policy(whole).warnings


def test_a_third_party_named_in_origins_becomes_a_pattern_and_no_warning():
    pillar = {
        "origins": ["security", "release", "docker"],
        "third_party": {"docker": {"origin": "Docker", "label": "Docker, CE"}},
    }
    result = policy(pillar)
    assert r"origin=Docker,label=Docker\, CE" in result.patterns
    assert not result.warnings


@pytest.mark.parametrize(
    ("system", "origins", "told"),
    [
        (BOOKWORM, ["security"], True),
        (BOOKWORM, ["security", "release"], False),
        (BOOKWORM, ["security", "origin=Debian,archive=oldstable"], False),
        (BOOKWORM, ["security", "updates"], True),
        (BOOKWORM, None, False),
        (TESTING, ["security"], False),
        (NOBLE, ["security"], False),
        # a mirror with an origin of its own: neither archive of Debian is missed
        (BOOKWORM, ["origin=Acme"], False),
        (BOOKWORM, ["security", "origin=Acme"], True),
    ],
)
def test_security_alone_says_that_it_leaves_out_point_releases(system, origins, told):
    found = policy({"origins": origins}, system).warnings
    assert (checks.LEAVES_OUT in found) is told


@pytest.mark.parametrize(
    ("pillar", "told"),
    [
        ({"timers": {"upgrade": {"at": ["06:00", "18:00"]}}}, "only the first of a day"),
        ({"periodic": {"unattended_upgrade": "12h"}}, "at most once a day"),
    ],
)  # fmt: skip
def test_a_schedule_that_does_less_than_it_seems_to_says_so(pillar, told):
    assert told in " ".join(policy(pillar).warnings)


def test_a_run_each_time_the_timer_fires_needs_no_warning():
    pillar = {"timers": {"upgrade": {"at": ["06:00", "18:00"]}}}
    pillar["periodic"] = {"unattended_upgrade": "always", "update_package_lists": "always"}
    assert policy(pillar).warnings == ()


@pytest.mark.parametrize("system", [TESTING, SID])
def test_testing_and_sid_allow_the_main_archive_and_say_so(system):
    result = policy(None, system)
    assert any("label=Debian" in p and "Security" not in p for p in result.patterns)
    assert any("main archive" in warning for warning in result.warnings)


def test_a_derivative_without_words_asks_for_raw_patterns():
    (message, *_) = refusals({}, MINT)
    assert "raw pattern" in message
    assert policy({"origins": ["origin=linuxmint"]}, MINT).patterns == ("origin=linuxmint",)
    assert policy({}, RASPBIAN).patterns


@pytest.mark.parametrize(
    ("dpkg", "options"),
    [
        ({}, ("--force-confdef", "--force-confold")),
        ({"conffile": "replace"}, ("--force-confnew",)),
        ({"conffile": "ask"}, ()),
        ({"options": ["--force-confnew"]}, ("--force-confnew",)),
        ({"conffile": "keep", "options": ["--force-unsafe-io"]},
         ("--force-confdef", "--force-confold", "--force-unsafe-io")),
    ],
)  # fmt: skip
def test_the_conffile_policy_becomes_options_of_dpkg(dpkg, options):
    assert written({"dpkg": dpkg})["DPkg::Options"] == options


def test_reboot_times_are_spread_but_the_same_for_the_same_minion():
    pillar = {"reboot": {"policy": "when_needed", "time": "23:50", "spread": "30m"}}
    times = {policies.reboot_time(policy(pillar, minion_id=f"web{number}")) for number in range(50)}
    assert len(times) > 10
    assert all(t >= "23:50" or t < "00:20" for t in times)
    again = policies.reboot_time(policy(pillar, minion_id="web1"))
    assert again == policies.reboot_time(policy(pillar, minion_id="web1"))


@pytest.mark.parametrize(("when", "prefix"), [("now", "now"), ("+5", "+")])
def test_other_reboot_times_keep_their_form(when, prefix):
    pillar = {"reboot": {"policy": "when_needed", "time": when, "spread": "30m"}}
    assert policies.reboot_time(policy(pillar, JAMMY)).startswith(prefix)


@pytest.mark.parametrize(
    "pillar",
    [
        {"update_days": ["Mon"], "periodic": {"unattended_upgrade": "12h"}},
        {"update_days": ["Mon"], "periodic": {"unattended_upgrade": "always"}},
        {"update_days": list(range(7)), "periodic": {"unattended_upgrade": 7}},
        {"periodic": {"unattended_upgrade": 7}},
        {"update_days": ["Mon"], "timers": {"upgrade": {"days": ["Mon"]}}},
        {"update_days": ["Mon", "Tue"],
         "timers": {"upgrade": {"days": ["Mon"], "at": ["23:30"]}}},
        {"update_days": ["Mon"],
         "timers": {"upgrade": {"days": ["Mon"], "at": ["06:00", "23:30"]}}},
        {"update_days": ["Mon"], "timers": {"upgrade": {"at": ["23:30"]}}},
    ],
)  # fmt: skip
def test_days_of_the_timer_and_update_days_that_meet_are_accepted(pillar):
    assert refusals(pillar) == []


@pytest.mark.parametrize(
    ("regex", "prefix"), [("libc*", "lib"), ("linux-*", "linux"), ("linux-.*", None), ("a$", None)]
)
def test_a_wildcard_in_the_blacklist_is_warned_about(regex, prefix):
    notes = [note for note in policy({"blacklist": [regex]}).warnings if "wildcard" in note]
    assert bool(notes) == bool(prefix)
    assert all(f"begins with {prefix!r}" in note for note in notes)


def test_upgrades_at_shutdown_are_warned_about():
    warnings = policy({"install_on_shutdown": True}).warnings
    assert any("never patched" in note for note in warnings)


@pytest.mark.parametrize("options", [["--force-nonsense"], ["--force-unsafe-io"]])
def test_options_that_the_installed_dpkg_does_not_know_are_refused(options):
    def dpkg_error(asked):
        return "unknown force option" if "--force-nonsense" in asked else None

    answer = compiled.compiled(
        {"dpkg": {"options": options}}, None, BOOKWORM, "web1", dpkg_error=dpkg_error
    )
    assert answer["ok"] == (options != ["--force-nonsense"])
    assert all("dpkg:options" in error and "unknown force" in error for error in answer["errors"])


def test_each_update_of_the_lists_that_did_not_fail_leaves_a_stamp():
    assert "update-success-stamp" in fragment.render(policy(None))
