"""Questions about a host, answered from a folder that looks like one and canned commands."""

import dataclasses
import os

import pytest

from aptpolicy import inforce, observe
from aptpolicy.system import CommandFailed, Host, Result, run_command
from tests.unit.formula.machine import DAY, NOW, package
from tests.unit.formula.systems import BOOKWORM, policy


def test_a_healthy_host_is_ok(machine):
    status = machine.view().status()
    assert status["verdict"] == "ok"
    assert status["pending_security"] == 0
    assert status["last_success"] == "2027-01-15T07:00:00+00:00"


def test_security_updates_are_told_apart_from_others(machine):
    machine.facts["packages"] = [
        package("vim", ("2", [1], True)),
        package("libc6", ("2", [0, 1], True)),
        package("nginx", ("3", [1], True), ("2", [0], True)),
    ]
    pending = machine.view().pending()
    assert [(p["name"], p["candidate"]) for p in pending["packages"]] == [
        ("libc6", "2"),
        ("nginx", "2"),
    ]
    everything = machine.view().pending(security_only=False)
    assert [p["name"] for p in everything["packages"]] == ["libc6", "nginx"]
    assert [(p["name"], p["reason"]) for p in everything["excluded"]] == [("vim", "not_allowed")]


RELEASE = "origin=Debian,codename=${distro_codename},label=Debian"


def test_point_releases_are_counted_apart(machine):
    machine.facts["packages"] = [
        package("vim", ("2", [1], True)),
        package("libc6", ("2", [0, 1], True)),
    ]
    status = machine.view().status()
    assert (status["pending_security"], status["pending_point_release"]) == (1, 0)
    assert status["excluded_point_release"] == 1
    machine.dump += f'Unattended-Upgrade::Origins-Pattern:: "{RELEASE}";\n'
    view = machine.view()
    status, pending = view.status(), view.pending()
    assert (status["pending_security"], status["pending_point_release"]) == (1, 1)
    assert status["excluded_point_release"] == 0
    assert [one["kind"] for one in pending["packages"]] == ["security"]
    assert pending["counts"]["pending"] == {"security": 1, "point_release": 1, "other": 0}
    assert [p["kinds"] for p in view.policy_answer()["patterns"]] == [
        ["security"],
        ["point_release"],
    ]


def test_security_alone_is_said_to_leave_out_point_releases(machine):
    (note,) = machine.view().policy_answer()["notes"]
    assert "point releases" in note
    machine.dump += f'Unattended-Upgrade::Origins-Pattern:: "{RELEASE}";\n'
    assert machine.view().policy_answer()["notes"] == []


SCHEDULE = (
    "ActiveState=active\nRandomizedDelayUSec=0\n"
    "TimersCalendar={ OnCalendar=*-*-* 06:02:00 ; next_elapse=(null) }\n\n"
    "LoadState=loaded\n"
)
FETCHES = "ExecStartPre={ path=/x ; argv[]=/usr/bin/apt-get -qq -y update ; pid=0 }\n"


def test_the_hours_to_install_are_those_of_the_schedule_in_effect(machine):
    (machine.root / "run/systemd/system").mkdir(parents=True)
    machine.dump += 'APT::Periodic::Update-Package-Lists "always";\n'
    machine.shown = SCHEDULE + FETCHES
    found = machine.view().policy_answer()["hours_to_install"]
    assert (found["best"], found["worst"], found["unknown"]) == (0.0, 24.0, None)
    machine.shown = SCHEDULE  # both timers at one time: the fetch may come too late for the run
    assert machine.view().policy_answer()["hours_to_install"]["worst"] == 24.0
    machine.shown = SCHEDULE.replace("RandomizedDelayUSec=0", "RandomizedDelayUSec=1h")
    assert machine.view().policy_answer()["hours_to_install"]["worst"] == 49.0
    machine.dump += 'APT::Periodic::Enable "0";\n'
    assert machine.view().policy_answer()["hours_to_install"]["worst"] is None


def test_hours_that_cannot_be_computed_are_unknown_with_the_reason(machine):
    found = machine.view().policy_answer()["hours_to_install"]
    assert found == {**dict.fromkeys(("best", "typical", "worst")), "unknown": found["unknown"]}
    assert "systemd" in found["unknown"]
    (machine.root / "run/systemd/system").mkdir(parents=True)
    machine.shown = SCHEDULE.replace("*-*-*", "*-*-01")
    assert "every week" in machine.view().policy_answer()["hours_to_install"]["unknown"]


def test_a_version_that_a_pin_forbids_is_not_pending_but_excluded(machine):
    machine.facts["packages"] = [package("libc6", ("2", [0], False))]
    pending = machine.view().pending()
    assert pending["count"] == 0
    assert [(p["name"], p["reason"]) for p in pending["excluded"]] == [("libc6", "pinned")]
    assert [r["code"] for r in machine.view().status()["reasons"]] == ["pinned"]


def test_held_and_blacklisted_packages_are_marked_and_block(machine):
    machine.dump += 'Unattended-Upgrade::Package-Blacklist:: "linux-";\n'
    machine.facts["packages"] = [
        package("linux-image", ("2", [0], True)),
        package("nginx", ("2", [0], True), held=True),
    ]
    status = machine.view().status()
    assert status["verdict"] == "blocked"
    assert {r["code"] for r in status["reasons"]} == {"held", "blacklisted"}
    assert (status["pending_security"], status["excluded_security"]) == (0, 2)


def test_when_apt_cannot_be_asked_numbers_are_unknown_and_the_reason_is_told(machine):
    machine.fails["/patched"] = "no module named apt_pkg"
    view = machine.view()
    assert view.status()["pending_security"] is None
    assert "apt_pkg" in view.pending()["unknown"][0]["why"]
    assert not view.verify()["ok"]
    assert not view.verify()["lists_missing"]


def test_a_broken_apt_configuration_is_an_error_not_an_answer(machine):
    machine.fails["apt-config"] = "E: Syntax error"
    with pytest.raises(CommandFailed, match="Syntax error"):
        machine.view()


def test_patterns_that_match_no_security_repository_are_a_problem(machine):
    machine.dump = machine.dump.replace("oldstable", "x").replace(
        "codename=${distro_codename}-security", "archive=stable"
    )
    view = machine.view()
    assert view.status()["verdict"] == "misconfigured"
    assert "no origin pattern matches a security repository" in view.verify()["problems"]
    assert view.verify()["unmatched_patterns"] == [
        "origin=Debian,archive=stable,label=Debian-Security"
    ]


def test_an_unreadable_pattern_is_told_with_its_reason(machine):
    machine.dump += 'Unattended-Upgrade::Allowed-Origins:: "origin1";\n'
    problems = [p for p in machine.view(policy()).verify()["problems"] if "origin1" in p]
    assert any("colon" in problem for problem in problems)
    assert "unknown" in [r["code"] for r in machine.view().status()["reasons"]]


def test_where_nothing_is_deployed_the_policy_does_not_hold(machine):
    found = machine.view().verify()
    assert not found["ok"]
    assert observe.NOT_DEPLOYED in found["problems"]
    assert observe.NOT_DEPLOYED not in machine.view(policy()).verify()["problems"]


def test_an_overridden_setting_names_the_file_that_overrides_it(machine):
    machine.write("etc/apt/apt.conf.d/zzz-later", 'Unattended-Upgrade::Mail "x";')
    machine.write("etc/apt/apt.conf.d/50early", 'Unattended-Upgrade::Mail "y";')
    found = machine.view(policy({"mail": {"to": "ops"}})).verify()
    mail = next(d for d in found["differences"] if d["key"] == "Unattended-Upgrade::Mail")
    assert mail["where"] == ["/etc/apt/apt.conf.d/zzz-later"]


def test_each_pattern_is_shown_with_the_repositories_it_matches(machine):
    (pattern,) = machine.view().policy_answer()["patterns"]
    assert pattern["matches"] == ["Debian-Security:bookworm-security/main"]


def test_missing_lists_are_told_apart_from_lists_that_match_nothing(machine):
    machine.repositories = []
    machine.facts["packages"] = None
    view = machine.view()
    assert view.verify()["lists_missing"]
    assert "no_lists" in [reason["code"] for reason in view.status()["reasons"]]


def test_timers_are_only_asked_where_systemd_runs(machine):
    assert observe.timers(machine.host) == {}
    (machine.root / "run/systemd/system").mkdir(parents=True)
    machine.shown = "ActiveState=inactive\nUnitFileState=disabled\nNextElapseUSecRealtime=\n"
    found = observe.timers(machine.host)
    assert found["apt-daily.timer"] == {
        "active": False, "enabled": False, "masked": [], "next": None, "last": None,
        "calendar": [],
    }  # fmt: skip
    assert machine.view().status()["verdict"] == "misconfigured"


def test_all_calendars_of_a_timer_are_shown(machine):
    (machine.root / "run/systemd/system").mkdir(parents=True)
    machine.shown = (
        "ActiveState=active\nUnitFileState=enabled\n"
        "TimersCalendar={ OnCalendar=*-*-* 18:02:00 ; next_elapse=(null) }\n"
        "TimersCalendar={ OnCalendar=*-*-* 06:02:00 ; next_elapse=(null) }\n"
    )
    found = observe.timers(machine.host)["apt-daily.timer"]["calendar"]
    assert found == ["*-*-* 18:02:00", "*-*-* 06:02:00"]


@pytest.mark.parametrize(
    ("mailer", "problems"), [(None, 1), ("usr/sbin/sendmail", 0), ("usr/bin/mail", 0)]
)
def test_mail_that_nothing_on_the_host_could_send_is_a_problem_of_verify(machine, mailer, problems):
    machine.dump += 'Unattended-Upgrade::Mail "root";\n'
    if mailer:
        machine.write(mailer)
    found = [one for one in machine.view().verify()["problems"] if "mail to root" in one]
    assert len(found) == problems


def test_the_reboot_flag_is_read_with_its_packages_and_a_scheduled_reboot(machine):
    machine.write("run/reboot-required")
    machine.write("run/reboot-required.pkgs", "linux-image\nlibc6\nlinux-image\n")
    machine.write("run/systemd/shutdown/scheduled", "USEC=1800000000000000\nMODE=reboot\n")
    assert inforce.reboot(machine.host) == {
        "required": True,
        "packages": ["linux-image", "libc6"],
        "reasons": [
            {
                "action": "reboot",
                "what": "/run/reboot-required",
                "why": "asked for by linux-image, libc6",
            }
        ],
        "scheduled": "2027-01-15T08:00:00+00:00",
    }
    assert machine.view().status()["verdict"] == "reboot_pending"


def test_an_interrupted_dpkg_is_seen_by_its_journal(machine):
    machine.write("var/lib/dpkg/updates/tmp.i")
    assert not machine.host.interrupted()
    machine.write("var/lib/dpkg/updates/0001")
    assert machine.host.interrupted()


def test_a_held_lock_is_found_by_its_inode_without_touching_the_lock(machine):
    machine.write("var/lib/dpkg/lock-frontend")
    inode = (machine.root / "var/lib/dpkg/lock-frontend").stat().st_ino
    machine.write("proc/locks", f"1: POSIX  ADVISORY  WRITE 4711 08:01:{inode} 0 EOF\n")
    machine.write("proc/uptime", "10000.00 1.0\n")
    fields = " ".join(["S", *["0"] * 18, "100000"])
    machine.write("proc/4711/stat", f"4711 (apt (x) get) {fields} 0 0\n")
    _opened(machine, 4711, "var/lib/dpkg/lock-frontend")
    path, pid, age = machine.host.lock_holder()
    assert (path, pid) == ("/var/lib/dpkg/lock-frontend", 4711)
    assert age == pytest.approx(10000 - 100000 / os.sysconf("SC_CLK_TCK"))
    assert machine.host.lock_holder(ignore=("var/lib/dpkg/lock-frontend",)) is None


def test_a_lock_with_the_same_inode_number_on_another_file_system_is_not_ours(machine):
    machine.write("var/lib/dpkg/lock-frontend")
    machine.write("var/elsewhere")
    inode = (machine.root / "var/lib/dpkg/lock-frontend").stat().st_ino
    machine.write("proc/locks", f"1: POSIX  ADVISORY  WRITE 4711 00:19:{inode} 0 EOF\n")
    _opened(machine, 4711, "var/elsewhere")
    assert machine.host.lock_holder() is None


def _opened(machine, pid, path):
    folder = machine.root / f"proc/{pid}/fd"
    folder.mkdir(parents=True)
    (folder / "3").symlink_to(machine.root / path)


def test_a_failing_update_does_not_make_lists_young_where_apt_tells_of_successes(machine):
    machine.dump += 'APT::Update::Post-Invoke-Success:: "touch update-success-stamp";\n'
    machine.write("var/lib/apt/lists/partial/left", age=0)
    os.utime(machine.root / "var/lib/apt/lists", (NOW - 9 * DAY, NOW - 9 * DAY))
    assert [r["code"] for r in machine.view().status()["reasons"]] == ["old_lists"]
    machine.write("var/lib/apt/periodic/update-success-stamp", age=DAY)
    assert machine.view().status()["verdict"] == "ok"


def test_systemd_that_does_not_answer_is_a_reason_not_a_crash(machine):
    (machine.root / "run/systemd/system").mkdir(parents=True)
    machine.fails["systemctl"] = "Failed to connect to bus"
    status = machine.view().status()
    assert [r["code"] for r in status["reasons"]] == ["unknown"]
    assert "Failed to connect to bus" in status["reasons"][0]["message"]
    assert any("Failed to connect" in problem for problem in machine.view().verify()["problems"])


def test_a_masked_service_is_told_although_its_timer_is_active(machine):
    (machine.root / "run/systemd/system").mkdir(parents=True)
    machine.shown += "\nLoadState=masked\nActiveState=inactive\n"
    assert observe.timers(machine.host)["apt-daily.timer"]["masked"] == ["apt-daily.service"]
    assert {r["code"] for r in machine.view().status()["reasons"]} == {"masked"}
    assert any("systemctl unmask" in problem for problem in machine.view().verify()["problems"])


def test_a_policy_without_its_package_is_not_in_effect(machine):
    system = dataclasses.replace(BOOKWORM, tool_version=None)
    view = observe.View.read(machine.host, system, NOW)
    assert observe.NOT_INSTALLED in view.verify()["problems"]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("installed 2.12", "2.12"),
        ("triggers-pending 2.12", "2.12"),
        ("half-configured 2.12", "2.12"),
        ("config-files 2.12", None),
        ("not-installed ", None),
        ("", None),
    ],
)
def test_the_tool_is_there_in_every_state_that_has_its_files(tmp_path, said, version):
    host = Host(tmp_path, lambda argv, seconds: Result(0, said, ""))
    assert host.tool_version() == version


def test_an_answer_about_packages_that_is_no_json_is_unknown(machine):
    host = Host(machine.root, lambda argv, seconds: Result(0, "Warning: …", ""))
    with pytest.raises(CommandFailed, match="cannot be read"):
        host.patched()


def test_only_files_that_apt_reads_are_named_as_overriding(machine):
    for name in ("zzz.bak", "zzz-later.conf", "zzz_too"):
        machine.write(f"etc/apt/apt.conf.d/{name}", 'Unattended-Upgrade::Mail "x";')
    (machine.root / "etc/apt/apt.conf.d/zzzz-folder").mkdir()
    found = machine.host.later_files_naming("Unattended-Upgrade::Mail", "zz-salt")
    assert found == ("/etc/apt/apt.conf.d/zzz-later.conf", "/etc/apt/apt.conf.d/zzz_too")


def test_what_a_strict_whitelist_leaves_out_is_not_counted_as_installable(machine):
    machine.facts["packages"] = [package("libc6", ("2", [0], True))]
    machine.dump += (
        'Unattended-Upgrade::Package-Whitelist:: "nginx";\n'
        'Unattended-Upgrade::Package-Whitelist-Strict "true";\n'
    )
    status = machine.view().status()
    assert status["pending_security"] == 0
    assert [r["code"] for r in status["reasons"]] == ["not_whitelisted"]


def test_where_apt_cannot_be_asked_the_reason_is_that_and_not_missing_lists(machine):
    machine.fails["/patched"] = "E:Type 'dbe' is not known"
    status = machine.view().status()
    assert [(r["verdict"], r["code"]) for r in status["reasons"]] == [("unknown", "unknown")]


def test_a_command_that_is_missing_or_slow_is_unknown_not_absent():
    with pytest.raises(CommandFailed, match="not installed"):
        run_command(["/nonexistent/tool"], 1)
    with pytest.raises(CommandFailed, match="no answer within"):
        run_command(["sleep", "5"], 0.05)
