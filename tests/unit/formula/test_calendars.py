"""Calendar expressions, in minutes of the week from midnight of Sunday."""

import pytest

from aptpolicy import calendars

DAY = 1440


def clock(day, hour, minute=0):
    return day * DAY + hour * 60 + minute


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*-*-* 06:00:00", [clock(day, 6) for day in range(7)]),
        ("06:00", [clock(day, 6) for day in range(7)]),
        ("*-*-* 06,18:00:00", [clock(day, hour) for day in range(7) for hour in (6, 18)]),
        ("Mon..Fri *-*-* 04:05:06", [clock(day, 4, 5) for day in range(1, 6)]),
        ("Sat,Sun *-*-* 01:00:00", [clock(0, 1), clock(6, 1)]),
        ("Fri..Mon 02:00", [clock(day, 2) for day in (0, 1, 5, 6)]),
        ("Mon,Wed..Thu 02:00", [clock(day, 2) for day in (1, 3, 4)]),
        ("weekly", [clock(1, 0)]),
        ("daily", [clock(day, 0) for day in range(7)]),
        ("Sun *-*-* 00/12:30:00", [clock(0, 0, 30), clock(0, 12, 30)]),
        ("Sun *-*-* 01..02:15/30:00", [clock(0, h, m) for h in (1, 2) for m in (15, 45)]),
        ("Saturday *-*-* *:00:00", [clock(6, hour) for hour in range(24)]),
    ],
)
def test_an_expression_is_read_as_systemd_reads_it(expression, expected):
    assert list(calendars.minutes_of_week(expression)) == sorted(expected)


@pytest.mark.parametrize(
    "expression",
    ["*-*-01 06:00:00", "2027-01-01 06:00:00", "monthly", "*-*-* 06:00:00 UTC", "", "x", "Xyz 6:00",
     "*-*-* 25:00:00", "*-*-* 6:x:00"],
)  # fmt: skip
def test_what_does_not_repeat_every_week_is_refused_and_not_guessed(expression):
    with pytest.raises(ValueError, match=r"."):
        calendars.minutes_of_week(expression)


@pytest.mark.parametrize(
    ("text", "minutes"), [("0", 0), ("12h", 720), ("1h 30min", 90), ("1d", 1440), ("90s", 2)]
)
def test_a_time_span_is_read_as_systemd_prints_it(text, minutes):
    assert calendars.span_minutes(text) == minutes


def test_a_time_span_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no time span"):
        calendars.span_minutes("soon")
