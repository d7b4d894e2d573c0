"""What became of the last run, from the plugin's record, the tool's log, apt's history, stamps."""

import datetime
import gzip
import json

import pytest

from aptpolicy import effective, runs
from aptpolicy.system import Host
from tests.unit.formula.machine import NOW, package

LOG = "var/log/unattended-upgrades/unattended-upgrades.log"
HISTORY = "var/log/apt/history.log"
STARTED, DONE = runs.STARTED, runs.COMPLETED[0]
NOTHING = runs.COMPLETED[1]
GERMAN = {STARTED: "Das Skript startet", DONE: "Alle Aktualisierungen installiert"}


def last_run(host, dump=""):
    return runs.last_run(host, runs.Traces.of(host, effective.parse(dump)))


RECORD = {"success": False, "time": "2027-01-15T07:30:00+00:00", "packages_upgraded": ["a"],
          "packages_kept_back": ["b"], "reboot_required": True}  # fmt: skip
RECORD_PATH = "var/lib/unattended-upgrades/salt-last-run.json"


def test_the_last_run_comes_from_the_plugin_when_it_is_the_newest_trace(machine):
    machine.write(RECORD_PATH, json.dumps(RECORD))
    assert last_run(machine.host) == {"source": "plugin", **RECORD}
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
    found = last_run(machine.host)
    assert found["source"] == source
    assert found["success"] is (success if source == "plugin" else True)


def test_a_failed_run_blocks_and_its_stamp_is_no_success(machine):
    _recorded_an_hour_ago(machine, False, {COMPLETED: 4, SUCCEEDED: -86400})
    status = machine.view().status()
    assert status["verdict"] == "blocked"
    assert [reason["code"] for reason in status["reasons"]] == ["last_run_failed"]
    assert status["last_success"] == runs.iso(NOW - 3600 - 86400)


@pytest.mark.parametrize(("seconds_ago", "verdict"), [(30, "blocked"), (90, "ok")])
def test_an_update_that_a_run_has_left_although_it_was_there_blocks(machine, seconds_ago, verdict):
    machine.facts["packages"] = [package("libc6", ("2", [0], True))]
    machine.write(f"var/lib/apt/periodic/{COMPLETED}", age=seconds_ago)  # lists: 60 seconds ago
    status = machine.view().status()
    assert status["verdict"] == verdict
    assert [reason["code"] for reason in status["reasons"]] == ["left"] * (verdict == "blocked")


def _recorded_an_hour_ago(machine, success, stamps):
    """Leave the plugin's record, and each stamp so many seconds after it."""
    recorded = {**RECORD, "success": success, "time": runs.iso(NOW - 3600)}
    machine.write(RECORD_PATH, json.dumps(recorded))
    (machine.root / "var/lib/apt/periodic" / SUCCEEDED).unlink()
    for name, seconds_later in stamps.items():
        machine.write(f"var/lib/apt/periodic/{name}", age=3600 - seconds_later)


@pytest.mark.parametrize(
    "text", ["", "{", '{"time": "no time"}', '{"time": "2027-01-01T00:00:00+00:00"}', "[]"]
)
def test_an_old_or_unreadable_record_gives_way_to_the_stamps(machine, text):
    machine.write(RECORD_PATH, text)
    found = last_run(machine.host)
    assert found["source"] == "stamps"
    assert found["time"] == "2027-01-15T07:00:00+00:00"


def test_without_any_trace_nothing_is_claimed_about_the_last_run(tmp_path):
    found = last_run(Host(tmp_path, None))
    assert set(found.values()) == {None}


def logged(*lines):
    """A log: each line is (seconds ago, level, message)."""
    text = ""
    for ago, level, said in lines:
        when = datetime.datetime.fromtimestamp(NOW - ago)
        text += f"{when:%Y-%m-%d %H:%M:%S},000 {level} {said}\n"
    return text


def run_of(ago, *said, level="INFO"):
    """The lines of a run that started ``ago`` seconds ago, one second for each."""
    spoken = [("INFO", STARTED), ("INFO", "Initial blacklist: "), *((level, text) for text in said)]
    return [(ago - second, *line) for second, line in enumerate(spoken)]


def _outcome(machine, *lines, **stamps):
    machine.write(LOG, logged(*lines))
    (machine.root / "var/lib/apt/periodic/upgrade-stamp").unlink()
    for name, age in stamps.items():
        machine.write(f"var/lib/apt/periodic/{name.replace('_', '-')}", age=age)
    return last_run(machine.host)


CONFFILE = runs.FAILED[0].replace("%s", "nginx")
MAIL = runs.HARMLESS[0]


@pytest.mark.parametrize(
    ("lines", "success"),
    [
        (run_of(60, DONE), True),
        (run_of(60, NOTHING), True),
        ([*run_of(60, DONE), (56, "ERROR", MAIL)], True),
        ([*run_of(60, DONE), (56, "ERROR", "Lock file is already taken, exiting")], True),
        ([*run_of(60, "Unclean dpkg state detected", level="WARNING"), (55, "INFO", DONE)], True),
        (run_of(60, "Lock could not be acquired", level="ERROR"), False),
        ([*run_of(60, CONFFILE, level="WARNING"), (55, "INFO", DONE)], False),
        ([*run_of(60, "An error occurred"), (55, "ERROR", "x\nTraceback:\n  File x")], False),
        (run_of(9000, "Lock could not be acquired", level="ERROR") + run_of(60, DONE), True),
        ([*run_of(90000, DONE), (60, "WARNING", runs.FAILED[2])], False),
    ],
)
def test_the_log_tells_whether_the_last_run_succeeded(machine, lines, success):
    found = _outcome(machine, *lines)
    assert (found["source"], found["success"]) == ("log", success)


@pytest.mark.parametrize(
    "newer",
    [
        run_of(60),  # apt-daily's download has no end
        run_of(60, "Option --dry-run given, *not* performing real actions", DONE),
        [(60, "INFO", "Skipping update check: today is 1,Mon,Monday but patch days are 0")],
    ],
)
def test_downloads_dry_runs_and_skipped_days_are_no_runs(machine, newer):
    lines = run_of(90_000, DONE) + newer
    found = _outcome(machine, *lines, unattended_upgrades_stamp=10_000, upgrade_stamp=50)
    assert found["time"] == runs.iso(NOW - 90_000 + 2)
    status = machine.view().status()
    assert status["last_success"] == found["time"]


def test_a_dry_run_neither_blocks_nor_hides_that_nothing_was_ever_installed(machine):
    machine.facts["packages"] = [package("libc6", ("2", [0], True))]
    dry = run_of(30, "Option --dry-run given, *not* performing real actions", DONE)
    _outcome(machine, *dry, unattended_upgrades_stamp=26)
    status = machine.view().status()
    assert [reason["code"] for reason in status["reasons"]] == ["never_ran"]
    assert status["last_success"] is None


def test_days_that_are_no_update_days_do_not_count_as_successes(machine):
    machine.facts["packages"] = [package("libc6", ("2", [0], True))]
    skipped = (60, "INFO", "Skipping update check: today is 1,Mon,Monday but patch days are 0")
    _outcome(machine, *run_of(9 * 86_400, DONE), skipped, upgrade_stamp=59)
    assert [r["code"] for r in machine.view().status()["reasons"]] == ["old_run"]


def test_a_crash_of_the_tool_is_newer_than_the_plugins_last_record(machine):
    machine.write(RECORD_PATH, json.dumps({**RECORD, "success": True}))  # half an hour ago
    found = _outcome(machine, *run_of(60, "An error occurred", level="ERROR"))
    assert (found["source"], found["success"]) == ("log", False)


@pytest.mark.parametrize(("before", "source"), [(0.2, "log"), (-2.2, "plugin")])
def test_a_crash_within_a_second_of_the_record_is_told_from_the_run_that_it_is_of(
    machine, before, source
):
    written = datetime.datetime.fromtimestamp(NOW - 60 - before, datetime.timezone.utc)
    record = {**RECORD, "success": True, "time": written.isoformat(timespec="milliseconds")}
    machine.write(RECORD_PATH, json.dumps(record))
    assert _outcome(machine, *run_of(60, "An error occurred", level="ERROR"))["source"] == source


def test_a_run_without_a_last_word_is_one_when_its_stamp_follows(machine):
    lines = run_of(60, "Packages that will be upgraded: nginx")
    assert _outcome(machine, *lines, unattended_upgrades_stamp=57)["success"] is None
    machine.write("var/lib/apt/periodic/upgrade-stamp", age=56)
    assert last_run(machine.host)["success"] is True


def test_the_stamp_of_a_dry_run_does_not_end_the_download_before_it(machine):
    dry = run_of(30, "Option --dry-run given, *not* performing real actions", DONE)
    found = _outcome(machine, *run_of(60), *dry, unattended_upgrades_stamp=26)
    assert found["source"] is None


class Catalog:
    def gettext(self, text):
        return GERMAN.get(text, text)


def test_runs_are_told_in_the_language_of_the_host(machine):
    text = logged((60, "INFO", GERMAN[STARTED]), (50, "INFO", GERMAN[DONE]))
    (run,), _ = runs.parse_log(text, runs.Messages([Catalog()]))
    assert run.completed
    assert runs.parse_log(text, runs.Messages())[0] == ()


def test_a_broken_catalog_and_a_line_without_a_time_are_passed_over(machine):
    machine.write("usr/share/locale/de/LC_MESSAGES/unattended-upgrades.mo", "no catalog")
    machine.write(LOG, "2026-13-77 99:00:00,000 INFO x\n" + logged(*run_of(60, DONE)))
    assert last_run(machine.host)["success"] is True


def test_after_the_monthly_rotation_the_last_run_is_found_in_the_rotated_log(machine):
    machine.write(LOG + ".1.gz")
    (machine.root / (LOG + ".1.gz")).write_bytes(gzip.compress(logged(*run_of(60, DONE)).encode()))
    assert last_run(machine.host)["source"] == "log"


def test_the_log_is_read_where_the_configuration_puts_it(machine):
    machine.write("srv/log/uu.log", logged(*run_of(60, DONE)))
    dump = 'Unattended-Upgrade::LogDir "/srv/log";\nUnattended-Upgrade::LogFile "uu.log";\n'
    assert last_run(machine.host, dump)["source"] == "log"


def block(ago, command, upgrade):
    when = datetime.datetime.fromtimestamp(NOW - ago)
    return (
        f"\nStart-Date: {when:%Y-%m-%d  %H:%M:%S}\nCommandline: {command}\n"
        f"Upgrade: {upgrade}\nEnd-Date: {when:%Y-%m-%d  %H:%M:%S}\n"
    )


def test_the_packages_are_those_the_tool_upgraded_during_the_run(machine):
    history = (
        block(90_000, "/usr/bin/unattended-upgrade", "old:amd64 (1, 2)")
        + block(59, "/usr/bin/unattended-upgrade", "perl-base:amd64 (5, 6), libc6:i386 (2, 3)")
        + block(58, "/usr/bin/unattended-upgrade --dry-run", "dry:amd64 (1, 2)")
        + block(58, "apt-get install vim", "vim:amd64 (1, 2)")
    )
    machine.write(HISTORY, history)
    found = _outcome(machine, *run_of(60, DONE))
    assert found["packages_upgraded"] == ["libc6", "perl-base"]


def test_without_apts_history_the_packages_are_unknown(machine):
    assert _outcome(machine, *run_of(60, DONE))["packages_upgraded"] is None
