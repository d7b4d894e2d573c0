"""The schedule, as systemd itself has loaded it."""

import re

import pytest

from tests.formula import system
from tests.formula.conftest import FORMULA

CURRENT = 13
UPGRADE, DOWNLOAD = "apt-daily-upgrade.timer", "apt-daily.timer"
ON_CALENDAR = re.compile(r"OnCalendar=(.+?) ;")
TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d))?$")
SIX, HOUR_S = 6 * 3600, 3600


@pytest.fixture
def minion(start):
    return start(CURRENT, applied=True)


@pytest.fixture(scope="module")
def as_applied(ground):
    """A host for the tests that only look."""
    with ground.host(CURRENT, applied=True) as minion:
        yield minion


def _apply(minion, timers):
    minion.pillar({"unattended_upgrades": {"timers": timers}})
    result = minion.apply(FORMULA)
    assert not result.failed, result.failed
    return result


def _shown(minion, unit, *names):
    shown = minion.host.run("systemctl", "show", unit, "-p", ",".join(names)).lines
    return dict(line.split("=", 1) for line in shown)


def _calendar(minion, unit):
    """Return the calendar expressions of a timer that systemd has loaded."""
    lines = minion.host.run("systemctl", "show", unit, "-p", "TimersCalendar").stdout
    return ON_CALENDAR.findall(lines)


def _second_of_day(expression):
    hour, minute, second = TIME.search(expression).groups()
    return int(hour) * 3600 + int(minute) * 60 + int(second or 0)


@pytest.mark.parametrize("unit", [UPGRADE, DOWNLOAD])
def test_the_drop_in_is_loaded_and_the_timer_runs(as_applied, unit):
    shown = _shown(as_applied, unit, "DropInPaths", "NeedDaemonReload", "ActiveState", "LoadState")
    assert f"{unit}.d/50-salt-unattended-upgrades.conf" in shown["DropInPaths"]
    assert shown["NeedDaemonReload"] == "no"
    assert (shown["LoadState"], shown["ActiveState"]) == ("loaded", "active")


def test_the_upgrade_is_due_once_within_the_hour_after_six(as_applied):
    (expression,) = _calendar(as_applied, UPGRADE)
    as_applied.host.run("systemd-analyze", "calendar", expression)
    assert SIX <= _second_of_day(expression) < SIX + HOUR_S


def test_the_offset_is_all_of_the_spread_and_systemd_adds_none(as_applied):
    assert _shown(as_applied, UPGRADE, "RandomizedDelayUSec") == {"RandomizedDelayUSec": "0"}


def test_an_upgrade_begins_with_a_fetch_of_the_lists_however_young_they_are(minion):
    host = minion.host
    host.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
    repository = "/srv/nowhere"
    host.write("/etc/apt/sources.list", f"deb [trusted=yes] file:{repository} ./\n")
    host.sh(f"mkdir -p {repository}; touch {repository}/Packages")
    host.sh("touch /var/lib/apt/periodic/update-stamp")  # somebody has fetched today already
    assert system.run_daily_upgrade(host) == "success"
    assert host.sh("ls /var/lib/apt/lists | grep Packages").lines
    shown = minion.call("unattended_upgrades.policy").value["hours_to_install"]
    assert (shown["best"], shown["worst"], shown["unknown"]) == (0.0, 24.0, None)


def test_without_that_fetch_an_upgrade_has_the_lists_of_the_other_timer(minion):
    _apply(minion, {"upgrade": {"fetch": False}})
    before = minion.host.run("systemctl", "show", "apt-daily-upgrade.service", "-p", "ExecStartPre")
    assert "apt-get" not in before.stdout
    assert minion.call("unattended_upgrades.policy").value["hours_to_install"]["worst"] > 24


def test_a_minion_keeps_its_offset_and_others_have_others(minion):
    found = {}
    for name in ("web-1", "web-2", "web-3", "web-1"):
        minion.host.write("/etc/salt/minion.d/id.conf", f"id: {name}\n")
        _apply(minion, {"upgrade": {"spread": "12h"}})
        found.setdefault(name, []).append(_calendar(minion, UPGRADE))
    assert found["web-1"][0] == found["web-1"][1]
    assert len({str(seen[0]) for seen in found.values()}) == len(found)


def test_a_changed_schedule_is_what_systemd_goes_by_at_once(minion):
    _apply(minion, {"upgrade": {"at": ["23:30"], "days": ["Sat"], "spread": "0m"}})
    (expression,) = _calendar(minion, UPGRADE)
    assert expression.startswith("Sat")
    assert _second_of_day(expression) == 23 * 3600 + 30 * 60
    assert _shown(minion, UPGRADE, "NeedDaemonReload") == {"NeedDaemonReload": "no"}


def test_several_times_a_day_are_several_calendar_entries(minion):
    _apply(minion, {"download": {"at": ["01:00", "13:00"], "spread": "0m"}})
    seen = {_second_of_day(expression) for expression in _calendar(minion, DOWNLOAD)}
    assert seen == {1 * 3600, 13 * 3600}


def test_a_raw_calendar_expression_is_taken_as_it_is(minion):
    _apply(minion, {"upgrade": {"calendar": "Mon..Fri *-*-* 04:05:06", "spread": "0m"}})
    assert _calendar(minion, UPGRADE) == ["Mon..Fri *-*-* 04:05:06"]


def test_a_calendar_that_systemd_cannot_read_is_refused_before_anything_is_written(minion):
    before = _calendar(minion, UPGRADE)
    minion.pillar({"unattended_upgrades": {"timers": {"upgrade": {"calendar": "Mox 25:00"}}}})
    result = minion.apply(FORMULA)
    assert result.failed
    assert "Mox 25:00" in str(result.failed)
    assert _calendar(minion, UPGRADE) == before


def test_unmanaged_timers_stay_as_debian_ships_them(start):
    fresh = start(CURRENT)
    fresh.call("saltutil.sync_all")
    fresh.host.run("apt-get", "install", "-qy", "unattended-upgrades")
    original = _calendar(fresh, UPGRADE)
    _apply(fresh, {"manage": False})
    assert _calendar(fresh, UPGRADE) == original
    assert not fresh.host.exists(f"/etc/systemd/system/{UPGRADE}.d")


def test_clean_gives_the_timers_back(minion, start):
    original = _calendar(start(CURRENT), UPGRADE)
    assert not minion.apply(f"{FORMULA}.service.clean").failed
    assert _calendar(minion, UPGRADE) == original
    assert _shown(minion, UPGRADE, "ActiveState") == {"ActiveState": "active"}
