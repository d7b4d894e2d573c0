"""What the policy keeps to itself on a real system: passwords of proxies, dpkg's options, mail."""

import pytest

from tests.formula import system
from tests.formula.conftest import FORMULA

PROXY = "http://joe:hunter2@proxy.example.org:3128/"
PRIVATE = f"{system.FRAGMENT}-proxy"
POLICY = {"unattended_upgrades": {"download": {"http_proxy": PROXY}}}
EFFECTIVE = "unattended-upgrades-config-effective-unattended_upgrades-effective"
LOG = "/var/log/salt/minion"
WRITTEN = "unattended-upgrades-config-proxy-unattended_upgrades-proxies_written"


def _applied(minion, pillar, **keywords):
    minion.pillar(pillar)
    result = minion.apply(FORMULA, **keywords)
    assert not result.failed, result.failed
    return result


def _said(result):
    return result.done.stdout + result.done.stderr


def test_a_proxys_password_is_where_only_root_reads_it_and_in_no_return(small):
    small.host.write("/etc/salt/minion.d/log.conf", f"log_level_logfile: info\nlog_file: {LOG}\n")
    told = _applied(small, POLICY, test=True)
    assert told.states_of(WRITTEN)["changes"] == {PRIVATE: "written"}
    assert not small.host.exists(PRIVATE)
    result = _applied(small, POLICY)
    assert small.host.sh(f"stat -c '%a %U' {PRIVATE}").stdout == "600 root\n"
    assert system.configuration(small.host)["Acquire::http::Proxy"] == PROXY
    asked = [
        small.call(f"unattended_upgrades.{name}")
        for name in ("compile", "verify", "policy", "status", "dry_run")
    ]
    shown = small.call("state.show_sls", FORMULA)
    assert small.host.read(LOG)
    for one in (told, result, shown, *asked):
        assert "hunter2" not in _said(one)
    assert "hunter2" not in small.host.read(LOG)
    assert small.host.sh("grep -rl hunter2 /etc /var /run /tmp || true").lines == [PRIVATE]
    assert _applied(small, POLICY).changed == {}


@pytest.mark.parametrize("user", ["nobody", "_apt"])
def test_others_use_apt_without_it(small, user):
    _applied(small, POLICY)
    done = small.host.run("setpriv", f"--reuid={user}", "--clear-groups", "apt-cache", "policy")
    assert "hunter2" not in done.stdout + done.stderr
    assert small.host.run("setpriv", f"--reuid={user}", "cat", PRIVATE, check=False).exit


def test_a_change_of_it_by_hand_is_told_and_put_right_without_the_password(small):
    _applied(small, POLICY)
    small.host.write(PRIVATE, 'Acquire::http::Proxy "http://joe:other1@proxy.example.org";\n')
    small.host.run("chmod", "644", PRIVATE)
    verified = small.call("unattended_upgrades.verify")
    assert verified.value["ok"] is False
    assert "Acquire::http::Proxy" in str(verified.value["problems"])
    result = _applied(small, POLICY)
    assert small.host.sh(f"stat -c %a {PRIVATE}").stdout == "600\n"
    for one in (verified, result):
        assert "hunter2" not in _said(one)
        assert "other1" not in _said(one)


def test_a_password_that_a_former_version_has_written_for_all_goes_without_a_diff(small):
    small.host.sh(f"echo 'Acquire::http::Proxy \"{PROXY}\";' >> {system.FRAGMENT}")
    result = _applied(small, POLICY)
    assert "hunter2" not in _said(result)
    assert "hunter2" not in small.host.read(system.FRAGMENT)


@pytest.mark.parametrize("by", ["the pillar", "clean"])
def test_it_goes_with_the_proxy(small, by):
    _applied(small, POLICY)
    if by == "clean":
        assert not small.apply(f"{FORMULA}.config.clean").failed
    else:
        assert "hunter2" not in _said(_applied(small, {"unattended_upgrades": {}}))
    assert not small.host.exists(PRIVATE)


def test_whoever_calls_apt_by_hand_has_the_hosts_own_options_for_dpkg(small):
    mine = "/etc/apt/apt.conf.d/50mine"
    small.host.write(mine, 'DPkg::Options:: "--force-unsafe-io";\n')
    assert not small.apply(FORMULA).failed
    assert system.configuration(small.host)["DPkg::Options"] == ["--force-unsafe-io"]
    shown = small.host.run("systemctl", "show", "-p", "Environment", system.DAILY_UPGRADE).stdout
    assert "APT_CONFIG=/etc/unattended-upgrades/apt.conf" in shown
    small.host.write("/etc/configured.conf", "mine\n")
    assert system.run_daily_upgrade(small.host) == "success"
    assert system.installed(small.host)["configured"] == "2"
    assert small.host.read("/etc/configured.conf") == "mine\n"


def test_an_option_of_the_host_that_is_against_the_policy_fails_the_apply(small):
    small.host.write("/etc/apt/apt.conf.d/50mine", 'DPkg::Options:: "--force-confnew";\n')
    result = small.apply(FORMULA)
    assert [key.split("_|-")[1] for key in result.failed] == [EFFECTIVE]
    assert "DPkg::Options" in str(result.failed)


def test_mail_without_a_mailer_is_a_problem_until_there_is_one(small):
    small.pillar({"unattended_upgrades": {"mail": {"to": "root"}}})
    result = small.apply(FORMULA)
    assert [key.split("_|-")[1] for key in result.failed] == [EFFECTIVE]
    assert "msmtp-mta" in result.states_of(EFFECTIVE)["comment"]
    small.host.write("/usr/sbin/sendmail", "#!/bin/sh\ncat >/run/mail\n")
    small.host.run("chmod", "755", "/usr/sbin/sendmail")
    assert not small.apply(FORMULA).failed
    assert small.call("unattended_upgrades.run").value["result"] is True
    assert "plain" in small.host.read("/run/mail")
