"""Questions about a host, answered from a folder that looks like one and canned commands."""

import json
import os

import pytest

from aptpolicy import observe
from aptpolicy.system import CommandFailed, Host, Result, run_command
from tests.unit.formula.systems import BOOKWORM, policy

NOW = 1_800_000_000.0
SECURITY = {"origin": "Debian", "label": "Debian-Security", "archive": "oldstable-security",
            "codename": "bookworm-security", "component": "main", "site": "s"}  # fmt: skip
MAIN = {"origin": "Debian", "label": "Debian", "archive": "oldstable", "codename": "bookworm",
        "component": "main", "site": "m"}  # fmt: skip


def package(name, *newer, held=False):
    versions = [
        {"version": version, "repositories": places, "priority": priority}
        for version, places, priority in newer
    ]
    return {"name": name, "arch": "amd64", "installed": "1", "held": held, "newer": versions}


class Machine:
    """A host below ``root`` whose commands answer what the test puts into ``answers``."""

    def __init__(self, root):
        self.root = root
        self.dump = (
            'Unattended-Upgrade::Origins-Pattern:: "origin=Debian,'
            'codename=${distro_codename}-security,label=Debian-Security";\n'
            'APT::Periodic::Unattended-Upgrade "1";\n'
        )
        self.probed = {"repositories": [SECURITY, MAIN], "packages": [], "broken": [],
                       "tool_version": "2.9.1"}  # fmt: skip
        self.shown = "ActiveState=active\nUnitFileState=enabled\n"
        self.fails = {}

    def run(self, argv, seconds):
        for word, error in self.fails.items():
            if word in " ".join(argv):
                return Result(100, "", error)
        if argv[0] == "apt-config":
            return Result(0, self.dump, "")
        if argv[0] == "systemctl":
            return Result(0, self.shown, "")
        return Result(0, json.dumps(self.probed), "")

    def write(self, path, text="", age=0.0):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        os.utime(target, (NOW - age, NOW - age))

    @property
    def host(self):
        return Host(self.root, self.run)

    def view(self, intended=None):
        meant = (intended, ()) if intended else None
        return observe.View.read(self.host, BOOKWORM, NOW, meant)


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    found.write("var/lib/apt/lists/x_InRelease", age=60)
    os.utime(tmp_path / "var/lib/apt/lists", (NOW - 60, NOW - 60))
    found.write("var/lib/apt/periodic/upgrade-stamp", age=3600)
    return found


def test_a_healthy_host_is_ok(machine):
    status = machine.view().status()
    assert status["verdict"] == "ok"
    assert status["pending_security"] == 0
    assert status["last_success"] == "2027-01-15T07:00:00+00:00"


def test_security_updates_are_told_apart_from_others(machine):
    machine.probed["packages"] = [
        package("vim", ("2", [1], 500)),
        package("libc6", ("2", [0, 1], 500)),
        package("nginx", ("3", [1], 500), ("2", [0], 500)),
    ]
    pending = machine.view().pending()
    assert [(p["name"], p["candidate"], p["allowed"]) for p in pending["packages"]] == [
        ("libc6", "2", True),
        ("nginx", "2", True),
    ]
    everything = machine.view().pending(security_only=False)
    assert {p["name"]: p["allowed"] for p in everything["packages"]} == {
        "vim": False, "libc6": True, "nginx": True,
    }  # fmt: skip


def test_a_version_that_a_pin_forbids_is_not_pending(machine):
    machine.probed["packages"] = [package("libc6", ("2", [0], -1))]
    assert machine.view().pending()["count"] == 0


def test_held_and_blacklisted_packages_are_marked_and_block(machine):
    machine.dump += 'Unattended-Upgrade::Package-Blacklist:: "linux-";\n'
    machine.probed["packages"] = [
        package("linux-image", ("2", [0], 500)),
        package("nginx", ("2", [0], 500), held=True),
    ]
    status = machine.view().status()
    assert status["verdict"] == "blocked"
    assert {r["code"] for r in status["reasons"]} == {"held", "blacklisted"}
    assert status["pending_allowed"] == 0


def test_when_apt_cannot_be_asked_numbers_are_unknown_and_the_reason_is_told(machine):
    machine.fails["probe.py"] = "no module named apt_pkg"
    view = machine.view()
    assert view.status()["pending_security"] is None
    assert "apt_pkg" in view.pending()["error"]
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
    (problem,) = machine.view().verify()["problems"]
    assert "origin1" in problem
    assert "colon" in problem


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
    machine.probed["repositories"] = []
    view = machine.view()
    assert view.verify()["lists_missing"]
    assert view.status()["verdict"] == "stale"


def test_timers_are_only_asked_where_systemd_runs(machine):
    assert observe.timers(machine.host) == {}
    (machine.root / "run/systemd/system").mkdir(parents=True)
    machine.shown = "ActiveState=inactive\nUnitFileState=disabled\nNextElapseUSecRealtime=\n"
    found = observe.timers(machine.host)
    assert found["apt-daily.timer"] == {
        "active": False, "enabled": False, "next": None, "last": None, "calendar": [],
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


def test_the_reboot_flag_is_read_with_its_packages_and_a_scheduled_reboot(machine):
    machine.write("run/reboot-required")
    machine.write("run/reboot-required.pkgs", "linux-image\nlibc6\nlinux-image\n")
    machine.write("run/systemd/shutdown/scheduled", "USEC=1800000000000000\nMODE=reboot\n")
    assert observe.reboot(machine.host) == {
        "required": True,
        "packages": ["linux-image", "libc6"],
        "scheduled": "2027-01-15T08:00:00+00:00",
    }
    assert machine.view().status()["verdict"] == "reboot_pending"


RECORD = {"success": False, "time": "2027-01-15T07:30:00+00:00", "packages_upgraded": ["a"],
          "packages_kept_back": ["b"], "reboot_required": True}  # fmt: skip
RECORD_PATH = "var/lib/unattended-upgrades/salt-last-run.json"


def test_the_last_run_comes_from_the_plugin_when_it_is_the_newest_trace(machine):
    machine.write(RECORD_PATH, json.dumps(RECORD))
    assert observe.last_run(machine.host) == {"source": "plugin", **RECORD}
    assert machine.view().status()["verdict"] == "blocked"


COMPLETED, SUCCEEDED = "unattended-upgrades-stamp", "upgrade-stamp"


@pytest.mark.parametrize(
    ("success", "stamps", "source"),
    [
        (True, {COMPLETED: 4, SUCCEEDED: 5}, "plugin"),
        (True, {COMPLETED: 3600, SUCCEEDED: 3601}, "stamps"),
        (False, {COMPLETED: 4}, "plugin"),
        (False, {COMPLETED: 4, SUCCEEDED: -86400}, "plugin"),
        (False, {COMPLETED: 4, SUCCEEDED: 60}, "stamps"),
        (False, {COMPLETED: 3600}, "stamps"),
    ],
)
def test_the_stamp_that_ends_a_run_belongs_to_its_record(machine, success, stamps, source):
    _recorded_an_hour_ago(machine, success, stamps)
    found = observe.last_run(machine.host)
    assert found["source"] == source
    assert found["success"] is (success if source == "plugin" else True)


def test_a_failed_run_blocks_and_its_stamp_is_no_success(machine):
    _recorded_an_hour_ago(machine, False, {COMPLETED: 4, SUCCEEDED: -86400})
    status = machine.view().status()
    assert status["verdict"] == "blocked"
    assert [reason["code"] for reason in status["reasons"]] == ["last_run_failed"]
    assert status["last_success"] == observe.iso(NOW - 3600 - 86400)


@pytest.mark.parametrize(("seconds_ago", "verdict"), [(30, "blocked"), (90, "ok")])
def test_an_update_that_a_run_has_left_although_it_was_there_blocks(machine, seconds_ago, verdict):
    machine.probed["packages"] = [package("libc6", ("2", [0], 500))]
    machine.write(f"var/lib/apt/periodic/{COMPLETED}", age=seconds_ago)  # lists: 60 seconds ago
    status = machine.view().status()
    assert status["verdict"] == verdict
    assert [reason["code"] for reason in status["reasons"]] == ["left"] * (verdict == "blocked")


def _recorded_an_hour_ago(machine, success, stamps):
    """Leave the plugin's record, and each stamp so many seconds after it."""
    recorded = {**RECORD, "success": success, "time": observe.iso(NOW - 3600)}
    machine.write(RECORD_PATH, json.dumps(recorded))
    (machine.root / "var/lib/apt/periodic" / SUCCEEDED).unlink()
    for name, seconds_later in stamps.items():
        machine.write(f"var/lib/apt/periodic/{name}", age=3600 - seconds_later)


@pytest.mark.parametrize(
    "text", ["", "{", '{"time": "no time"}', '{"time": "2027-01-01T00:00:00+00:00"}', "[]"]
)
def test_an_old_or_unreadable_record_gives_way_to_the_stamps(machine, text):
    machine.write(RECORD_PATH, text)
    found = observe.last_run(machine.host)
    assert found["source"] == "stamps"
    assert found["time"] == "2027-01-15T07:00:00+00:00"


def test_without_any_trace_nothing_is_claimed_about_the_last_run(tmp_path):
    found = observe.last_run(Host(tmp_path, None))
    assert set(found.values()) == {None}


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
    path, pid, age = machine.host.lock_holder()
    assert (path, pid) == ("/var/lib/dpkg/lock-frontend", 4711)
    assert age == pytest.approx(10000 - 100000 / os.sysconf("SC_CLK_TCK"))
    assert machine.host.lock_holder(ignore=("var/lib/dpkg/lock-frontend",)) is None


def test_a_command_that_is_missing_or_slow_is_unknown_not_absent():
    with pytest.raises(CommandFailed, match="not installed"):
        run_command(["/nonexistent/tool"], 1)
    with pytest.raises(CommandFailed, match="no answer within"):
        run_command(["sleep", "5"], 0.05)
