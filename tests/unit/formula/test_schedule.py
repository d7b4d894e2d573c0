"""Offsets, calendars and timer drop-ins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aptpolicy import policy as policies
from aptpolicy import schedule
from aptpolicy.errors import Refused
from tests.unit.formula.systems import policy


@given(st.text(min_size=1), st.integers(min_value=1, max_value=1440))
def test_an_offset_stays_in_its_window_and_never_changes(minion_id, spread):
    first = schedule.offset_minutes(minion_id, "upgrade", spread)
    assert 0 <= first < spread
    assert first == schedule.offset_minutes(minion_id, "upgrade", spread)


def test_a_fleet_is_spread_evenly():
    spread, fleet = 60, 6000
    minutes = [schedule.offset_minutes(f"i-{n:017x}", "upgrade", spread) for n in range(fleet)]
    most = max(minutes.count(minute) for minute in range(spread))
    assert most < 2 * fleet / spread


def test_download_and_upgrade_are_spread_apart():
    pairs = {schedule.offset_minutes("web1", p, 1440) for p in ("download", "upgrade", "reboot")}
    assert len(pairs) == 3


@pytest.mark.parametrize(
    ("times", "days", "offset", "expected"),
    [
        (["06:00"], (), 0, ("*-*-* 06:00:00",)),
        (["06:00", "18:00"], (), 61, ("*-*-* 07:01:00", "*-*-* 19:01:00")),
        (["23:30"], (), 45, ("*-*-* 00:15:00",)),
        (["02:00"], (1, 5), 10, ("Mon,Fri *-*-* 02:10:00",)),
        (["23:30"], (6,), 45, ("Sun *-*-* 00:15:00",)),
        (["23:30"], (0, 6), 45, ("Sun,Mon *-*-* 00:15:00",)),
    ],
)
def test_a_calendar_takes_the_day_along_past_midnight(times, days, offset, expected):
    assert schedule.calendars(times, days, offset) == expected


@pytest.mark.parametrize(
    ("span", "minutes"), [("90m", 90), ("12h", 720), ("1h30m", 90), (15, 15), ("0m", 0)]
)
def test_a_span_is_read_in_minutes(span, minutes):
    assert schedule.span_minutes(span) == minutes


@pytest.mark.parametrize("span", ["", "x", "25h", -1, True, None, "1d"])
def test_a_span_that_is_none_is_refused(span):
    with pytest.raises(Refused):
        schedule.span_minutes(span)


def test_a_timer_forgets_the_packaged_schedule_first():
    text = schedule.drop_in(policies.timers(policy(None))[0])
    lines = text.splitlines()
    assert lines.index("OnCalendar=") < lines.index(
        next(x for x in lines if x.startswith("OnCalendar=*"))
    )
    assert "RandomizedDelaySec=0min" in lines
    assert "Persistent=true" in lines


def test_a_raw_calendar_is_kept_and_spread_by_systemd_itself():
    pillar = {"timers": {"upgrade": {"calendar": "Mon *-*-* 02:00", "spread": "30m"}}}
    timer = policies.timers(policy(pillar))[1]
    assert timer.calendars == ("Mon *-*-* 02:00",)
    assert "FixedRandomDelay=true" in schedule.drop_in(timer)


def test_unmanaged_timers_are_not_written():
    assert policies.timers(policy({"timers": {"manage": False}})) == ()
