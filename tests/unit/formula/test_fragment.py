"""The fragment: what apt reads back is what was meant."""

import os
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aptpolicy import compiled, effective, fragment, keys
from tests.unit.formula.bad_pillars import nested
from tests.unit.formula.systems import NOBLE, SID, policy

APT_CONFIG = shutil.which("apt-config")
needs_apt = pytest.mark.skipif(not APT_CONFIG, reason="apt-config is not installed here")

GOOD_BY_KIND = {
    "bool": True, "flag": 0, "count": 12, "interval": "always", "verbosity": 1,
    "backup_level": 3, "regexes": [r"linux-.*", r"foo\.bar$"], "days": ["Mon", "sunday", 3],
    "strings": ["--force-unsafe-io"], "users": ["deploy", "backup"], "text": "a // b # c; {d}",
    "path": "/var/log/uu", "paths": ["/opt/one", "/opt/two"], "filename": "uu.log",
    "proxy": "http://proxy.example.org:3128/", "reboot_policy": "when_needed",
    "reboot_time": "04:30", "dev_release": "auto", "legacy_origins": ["A:b"],
    "origins": ["security", "origin=A,label=B"],
}  # fmt: skip


def good_value(key):
    return key.choices[0] if key.kind == "choice" else GOOD_BY_KIND[key.kind]


def read_back(result, tmp_path, upgrade=True):
    """What apt makes of a policy: of all of it, or of what one has who calls apt by hand."""
    path, environment = tmp_path / "fragment", {}
    path.write_text(fragment.render(result) + fragment.private(result))
    if upgrade:
        environment["APT_CONFIG"] = str(tmp_path / "upgrade")
        tmp_path.joinpath("upgrade").write_text(fragment.upgrade_config(result))
    done = subprocess.run(
        [APT_CONFIG, "dump", "-c", path],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return effective.parse(done.stdout)


@needs_apt
@pytest.mark.parametrize("key", keys.KEYS, ids=lambda key: key.name)
def test_every_key_of_the_table_can_be_set_and_takes_effect(key, tmp_path):
    pillar = nested(key.name, good_value(key))
    if key.name == "whitelist_strict":
        pillar["whitelist"] = ["nginx"]
    system = SID if not key.ubuntu_since else UBUNTU_LATEST
    result = policy(pillar, system)
    meant = fragment.directives(result)
    assert key.apt in dict(meant)
    assert effective.differences(meant, read_back(result, tmp_path)) == ()


UBUNTU_LATEST = SID.__class__("Ubuntu", "resolute", "26.04")


@needs_apt
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"),
                                  exclude_characters='"'), min_size=1, max_size=80))  # fmt: skip
def test_any_text_that_is_accepted_comes_back_from_apt_unchanged(text, tmp_path):
    if not text.strip():
        return
    result = policy({"mail": {"to": text}})
    configuration = read_back(result, tmp_path)
    assert configuration.scalar("Unattended-Upgrade::Mail") == text


@needs_apt
@pytest.mark.parametrize("dpkg", [{}, {"conffile": "replace", "options": ["--force-unsafe-io"]}])
def test_whoever_calls_apt_by_hand_gets_none_of_dpkgs_options(dpkg, tmp_path):
    result = policy({"dpkg": dpkg})
    assert read_back(result, tmp_path, upgrade=False).listing("DPkg::Options") == ()
    assert read_back(result, tmp_path).listing("DPkg::Options") == result.dpkg_options
    assert "DPkg::Options" not in fragment.render(result)


PASSWORD = "http://joe:hunter2@proxy.example.org:3128/"


@needs_apt
def test_a_proxy_with_a_password_is_only_in_the_file_that_only_root_reads(tmp_path):
    pillar = {"download": {"http_proxy": PASSWORD, "https_proxy": "http://proxy.example.org"}}
    result = policy(pillar)
    assert "hunter2" not in fragment.render(result)
    assert "https::Proxy" in fragment.render(result)
    assert fragment.private(result).count("Proxy") == 1
    assert read_back(result, tmp_path).scalar("Acquire::http::Proxy") == PASSWORD


def test_without_a_password_there_is_no_such_file():
    assert fragment.private(policy({"download": {"http_proxy": "http://proxy:3128"}})) == ""
    assert fragment.private(policy(None)) == ""


def test_what_is_compiled_and_what_differs_tells_no_password():
    pillar = {"download": {"http_proxy": PASSWORD}}
    found = compiled.compiled(pillar, None, SID, "i-1")
    assert found["ok"]
    assert "hunter2" not in str(found)
    assert ["Acquire::http::Proxy", "http://(hidden)@proxy.example.org:3128/"] in found[
        "directives"
    ]
    dump = effective.parse('Acquire::http::Proxy "http://joe:other@proxy.example.org";\n')
    (one,) = [
        difference
        for difference in effective.differences(fragment.directives(policy(pillar)), dump)
        if "Proxy" in difference.key
    ]
    assert "hunter2" not in str(one)
    assert "other" not in str(one)


@pytest.mark.parametrize(
    "pillar",
    [
        {"download": {"http_prox": PASSWORD}},
        {"download": PASSWORD},
        {"extra_packages": [PASSWORD]},
        {"environments": {"prod": {"download": {"https_proxy": "http://joe:hunter2@"}}}},
        {"download": {"http_proxy": "http://joe:hunter2 with@strange@host"}},
    ],
)
def test_a_refused_pillar_tells_no_password(pillar):
    found = compiled.compiled(pillar, None, SID, "i-1")
    assert not found["ok"]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(("present", "shown"), [(None, True), ("x", True), (PASSWORD, False)])
def test_no_diff_is_shown_of_a_file_that_a_former_version_wrote_a_password_into(present, shown):
    found = compiled.compiled(None, None, SID, "i-1", present=present)
    assert found["fragment_shown"] is shown


def test_every_list_is_cleared_before_it_is_set():
    text = fragment.render(policy({"blacklist": ["nginx"], "update_days": ["Mon"]}))
    for name, value in fragment.directives(policy({"blacklist": ["nginx"]})):
        if isinstance(value, tuple) and name != fragment.DPKG_OPTIONS:
            assert f"#clear {name};" in text
            if value:
                assert text.index(f"#clear {name};") < text.index(f"{name} {{")


def test_lists_that_could_silently_stop_upgrades_are_cleared_even_when_nobody_sets_them():
    text = fragment.render(policy(None))
    for name in ("Allowed-Origins", "Package-Blacklist", "Package-Whitelist", "Update-Days"):
        assert f"#clear Unattended-Upgrade::{name};" in text


def test_days_are_written_as_numbers_which_no_locale_can_break():
    written = dict(fragment.directives(policy({"update_days": ["Fri", "Monday", 0]})))
    assert written["Unattended-Upgrade::Update-Days"] == ("0", "1", "5")


def test_periodic_switches_are_integers():
    written = dict(fragment.directives(policy({"periodic": {"enable": False}})))
    assert written["APT::Periodic::Enable"] == "0"


def test_ignored_users_are_one_text_for_the_tool():
    pillar = {"reboot": {"policy": "when_needed", "ignored_users": ["a", "b"]}}
    written = dict(fragment.directives(policy(pillar, SID)))
    assert written["Unattended-Upgrade::Automatic-Reboot-IgnoredUsers"] == "a,b"


def test_hosts_without_a_proxy_are_named_for_http_and_https():
    pillar = {"download": {"http_proxy": "http://p:1", "no_proxy_hosts": ["mirror.example.org"]}}
    written = dict(fragment.directives(policy(pillar)))
    assert written["Acquire::http::Proxy::mirror.example.org"] == "DIRECT"
    assert written["Acquire::https::Proxy::mirror.example.org"] == "DIRECT"


def test_next_to_apt_formula_whatever_its_templates_force_is_said_again():
    alone = dict(fragment.directives(policy(None)))
    composed = dict(fragment.directives(policy(None, composed=True)))
    assert "Unattended-Upgrade::MailReport" not in alone
    assert composed["Unattended-Upgrade::MailReport"] == "on-change"
    assert composed["Unattended-Upgrade::MinimalSteps"] == "true"
    assert composed["APT::Periodic::Verbose"] == "0"


def test_only_on_error_survives_the_composition():
    pillar = {"mail": {"to": "root", "only_on_error": True}}
    composed = dict(fragment.directives(policy(pillar, composed=True)))
    assert composed["Unattended-Upgrade::MailReport"] == "only-on-error"


def test_needrestart_is_managed_on_debian_and_left_alone_on_ubuntu_and_where_the_pillar_says_so():
    said = fragment.needrestart(policy(None))
    assert "$nrconf{restart} = 'a';" in said
    for unit in ("ssh", "salt-minion"):
        assert f"qr(^{unit}\\.service$)}} = 0;" in said
    assert fragment.needrestart(policy({"needrestart": {"mode": "unmanaged"}})) is None
    assert fragment.needrestart(policy(None, NOBLE)) is None
    assert "$nrconf{restart} = 'l';" in fragment.needrestart(
        policy({"needrestart": {"mode": "list"}}, NOBLE)
    )


@pytest.mark.skipif(not shutil.which("perl"), reason="perl is not installed here")
def test_the_needrestart_snippet_is_perl_that_says_what_was_meant(tmp_path):
    pillar = {"needrestart": {"mode": "automatic", "never_restart": ["ssh", "a@b.service"]}}
    path = tmp_path / "snippet.conf"
    path.write_text(fragment.needrestart(policy(pillar)))
    script = (
        'our %nrconf; do $ARGV[0] or die $@; print $nrconf{restart}, " ", join ",", '
        "grep { my $unit = $_; grep { $unit =~ $_ } keys %{$nrconf{override_rc}} } @ARGV[1..3];"
    )
    units = ["ssh.service", "a@b.service", "sshx.service"]
    done = subprocess.run(["perl", "-e", script, path, *units], capture_output=True, text=True)
    assert done.stdout == "a ssh.service,a@b.service", done.stderr
