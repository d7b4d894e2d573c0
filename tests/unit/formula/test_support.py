"""Until when a release gets security updates, and what is said near and after the end."""

import calendar
import time

import pytest

from aptpolicy.patched import support
from aptpolicy.patched.origins import System
from tests.unit.formula.machine import NOW

DEBIAN = """\
version,codename,series,created,release,eol,eol-lts,eol-elts
11,Bullseye,bullseye,2019-07-06,2021-08-14,2024-08-14,2026-08-31,2031-06-30
12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30
14,Forky,forky,2025-08-09
,Sid,sid,1993-08-16
"""
UBUNTU = """\
version,codename,series,created,release,eol,eol-server,eol-esm,eol-legacy
25.10,Questing Quokka,questing,2025-04-17,2025-10-09,2026-07-09
22.04 LTS,Jammy Jellyfish,jammy,2021-10-14,2022-04-21,2027-06-01,2027-06-01,2032-04-09,2034-04-25
99.04,Broken Badger,broken,2025-04-17,2025-10-09
"""
TABLES = {"Debian": DEBIAN, "Ubuntu": UBUNTU}


def repository(origin, archive="x", site=""):
    return {"origin": origin, "label": origin, "archive": archive, "site": site}


ESM = repository("UbuntuESM", "jammy-infra-security")
LEGACY = repository("UbuntuESM", "jammy-infra-legacy-security")
ELTS = repository("Freexian", site="deb.freexian.com")


@pytest.mark.parametrize(
    ("system", "repositories", "until"),
    [
        (System("Debian", "bookworm", "12"), [], "2028-06-30"),
        (System("Debian", "bullseye", "11"), [repository("Debian")], "2026-08-31"),
        (System("Debian", "bullseye", "11"), [ELTS], "2031-06-30"),
        (System("Debian", "bullseye", "11"), None, "2026-08-31"),
        (System("Debian", "forky", ""), [], None),
        (System("Debian", "sid", ""), [], None),
        (System("Ubuntu", "jammy", "22.04"), [], "2027-06-01"),
        (System("Ubuntu", "jammy", "22.04"), [ESM], "2032-04-09"),
        (System("Ubuntu", "jammy", "22.04"), [ESM, LEGACY], "2034-04-25"),
        (System("Ubuntu", "questing", "25.10"), [], "2026-07-09"),
    ],
)
def test_the_last_day_is_that_of_the_archives_that_are_there(system, repositories, until):
    table = TABLES[system.distribution]
    assert support.of(system, table, repositories) == {"until": until, "unknown": None}


@pytest.mark.parametrize(
    ("system", "table", "words"),
    [
        (System("Debian", "bookworm", "12"), None, "not installed"),
        (System("Debian", "duke", "15"), DEBIAN, "does not know duke"),
        (System("Ubuntu", "broken", "99.04"), UBUNTU, "no end of broken"),
        (System("Linuxmint", "virginia", "21"), UBUNTU, "no table of Linuxmint"),
    ],
)
def test_what_the_tables_do_not_say_is_unknown(system, table, words):
    found = support.of(system, table, [])
    assert found["until"] is None
    assert words in found["unknown"]


def at(day):
    return calendar.timegm(time.strptime(day, "%Y-%m-%d")) + 3600


@pytest.mark.parametrize(
    ("day", "unsupported", "warned"),
    [
        ("2026-06-01", False, False),
        ("2026-06-02", False, True),
        ("2026-08-31", False, True),
        ("2026-09-01", True, False),
    ],
)
def test_ninety_days_before_the_end_there_is_a_warning_and_after_it_a_verdict(
    day, unsupported, warned
):
    found = {"until": "2026-08-31", "unknown": None}
    said, warning = support.judged(found, System("Debian", "bullseye", "11"), at(day))
    assert (bool(said), bool(warning)) == (unsupported, warned)
    assert "Debian 11" in (said or warning or "Debian 11")


def test_a_release_past_its_end_is_unsupported_and_is_to_be_replaced(machine):
    machine.support = {"until": "2026-08-31", "unknown": None}
    status = machine.view().status()
    assert (status["verdict"], status["needed"]) == ("unsupported", "replace")
    assert "2026-08-31" in status["reasons"][0]["message"]


def test_the_warning_changes_no_verdict(machine):
    machine.support = {"until": time.strftime("%Y-%m-%d", time.gmtime(NOW)), "unknown": None}
    status = machine.view().status()
    assert status["verdict"] == "ok"
    assert "gets no security updates after" in status["warnings"][0]


def test_an_end_that_is_not_known_is_said_and_is_not_ok(machine):
    machine.support = {"until": None, "unknown": "distro-info-data is not installed"}
    status = machine.view().status()
    assert status["verdict"] == "unknown"
    assert "distro-info-data is not installed" in status["reasons"][0]["message"]
