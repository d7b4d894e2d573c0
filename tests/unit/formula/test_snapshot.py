"""What a host is told to follow, and what it says of it."""

import json

import pytest

from aptpolicy import compiled, snapshot
from tests.unit.formula.machine import DAY, MAIN, NOW, SECURITY
from tests.unit.formula.systems import BOOKWORM, policy

SOURCES = [
    "https://m/{date}/debian/ {codename} main contrib",
    "https://m/{date}/security {codename}-security main",
]
PILLAR = {"snapshot": {"sources": SOURCES, "delay": 2}}
TODAY = "2027-01-15"  # of NOW
WANTED = "2027-01-13"
PROGRAM = f"/usr/bin/python3 {snapshot.PROGRAM}"


def line(place, suite, repositories):
    uri = f"{snapshot.URI}{place}.mirror" if isinstance(place, int) else place
    return {"uri": uri, "suite": suite, "repositories": repositories, "problem": None}


@pytest.fixture
def following(machine):
    machine.write(snapshot.CONFIG, json.dumps({"delay": 2}))
    machine.facts["sources"] = [line(0, "bookworm", [1]), line(1, "bookworm-security", [0])]

    def follow(day, why=()):
        record = {"wanted": WANTED, "follows": day, "checked": "x", "why": list(why)}
        machine.write(snapshot.RECORD, json.dumps(record))
        return machine.view()

    return follow


def codes(status):
    return [reason["code"] for reason in status["reasons"]]


def test_the_files_name_the_release_the_day_and_no_more():
    found = snapshot.written(
        policy({**PILLAR, "snapshot": {**PILLAR["snapshot"], "keyring": "/k"}})
    )
    assert json.loads(found["config"]) == {
        "date": "%Y%m%d",
        "delay": 2,
        "go_back": 7,
        "sources": [
            {"url": "https://m/{date}/debian", "suite": "bookworm"},
            {"url": "https://m/{date}/security", "suite": "bookworm-security"},
        ],
    }
    options = "check-valid-until=no signed-by=/k"
    assert found["sources"].splitlines()[1:] == [
        f"deb [{options}] mirror+file:/etc/asgcycle/snapshot/0.mirror bookworm main contrib",
        f"deb [{options}] mirror+file:/etc/asgcycle/snapshot/1.mirror bookworm-security main",
    ]


def test_valid_until_is_switched_off_nowhere_else():
    found = compiled.compiled(PILLAR, None, BOOKWORM, "web1")
    assert "valid" not in found["fragment"].lower()


def test_apts_services_follow_before_they_fetch():
    written = compiled.compiled(PILLAR, None, BOOKWORM, "web1")["services"]
    lines = written["apt-daily-upgrade.service"].splitlines()
    fetch = "ExecStartPre=-/usr/bin/apt-get -qq -y update"
    assert lines.index(f"ExecStartPre=-{PROGRAM}") < lines.index(fetch)
    assert PROGRAM in written["apt-daily.service"]
    unmanaged = {**PILLAR, "timers": {"manage": False}}
    assert set(compiled.compiled(unmanaged, None, BOOKWORM, "web1")["services"]) == set(written)
    assert set(compiled.compiled({}, None, BOOKWORM, "w")["services"]) == {
        "apt-daily-upgrade.service"
    }


def test_without_sources_nothing_is_followed():
    assert snapshot.written(policy({})) is None
    assert policy({"snapshot": {"sources": SOURCES}}).get("snapshot.delay", 0) == 0


def test_an_environment_says_its_delay():
    pillar = {"snapshot": {"sources": SOURCES}}
    pillar["environments"] = {"prod": {"snapshot": {"delay": 3}}, "dev": {"snapshot": None}}
    found = {name: policy({**pillar, "environment": name}) for name in ("prod", "dev")}
    assert {name: snapshot.followed_by(one) for name, one in found.items()} == {
        "prod": 3,
        "dev": None,
    }


def test_a_host_that_follows_the_day_is_ok_and_says_which(following):
    view = following(WANTED)
    status = view.status()
    assert (status["verdict"], status["warnings"]) == ("ok", [])
    assert status["snapshot"] == {
        "delay": 2, "wanted": WANTED, "follows": WANTED, "lag_days": 0, "checked": "x", "why": [],
    }  # fmt: skip
    assert not any("snapshot" in problem for problem in view.verify()["problems"])


def test_from_midnight_until_it_looks_again_nothing_is_said(following):
    assert following("2027-01-12").status()["warnings"] == []


def test_an_older_day_is_a_warning_with_the_reason_and_at_last_stale(following):
    why = ["https://m/20270113/…: 404"]
    status = following("2027-01-12", why).status()
    assert status["verdict"] == "ok"
    assert "1 days older" in status["warnings"][0]
    assert "404" in status["warnings"][0]
    assert codes(following("2027-01-09", why).status()) == ["snapshot"]
    assert "4 days older" in following("2027-01-09", why).verify()["problems"][-1]


def test_no_snapshot_at_all_is_said_and_never_ok(following, machine):
    view = following(None, ["no snapshot of the 7 days before either"])
    assert "7 days before" in view.status()["reasons"][0]["message"]
    assert not view.verify()["ok"]
    (machine.root / snapshot.RECORD).unlink()
    assert codes(machine.view().status()) == ["snapshot"]


def test_a_day_that_is_newer_than_the_delay_allows_is_never_ok(following):
    assert "newer than the delay" in following("2027-01-14").status()["reasons"][0]["message"]


def test_a_policy_with_a_snapshot_that_is_not_deployed_does_not_hold(machine):
    problems = machine.view(policy(PILLAR)).verify()["problems"]
    assert snapshot.NOT_DEPLOYED in problems


def test_a_source_that_brings_updates_past_the_snapshot_is_named(following, machine):
    machine.facts["sources"].append(line("http://deb.example.org/debian-security", "s", [0]))
    view = following(WANTED)
    status = view.status()
    assert (status["verdict"], codes(status)) == ("misconfigured", ["past_the_snapshot"])
    assert "deb.example.org/debian-security s" in status["reasons"][0]["message"]
    assert any("past the snapshot" in problem for problem in view.verify()["problems"])


def test_a_vendor_that_the_policy_allows_is_only_a_warning(following, machine):
    vendor = {**MAIN, "origin": "Vendor", "label": "Vendor", "codename": "v", "archive": "v"}
    machine.repositories = [SECURITY, MAIN, vendor]
    machine.facts["sources"].append(line("http://vendor.example.org", "v", [2]))
    assert following(WANTED).status()["warnings"] == []
    machine.dump += 'Unattended-Upgrade::Origins-Pattern:: "origin=Vendor";\n'
    status = following(WANTED).status()
    assert status["verdict"] == "ok"
    assert "followed without delay" in status["warnings"][0]


def test_the_hours_to_install_count_the_delay(following, machine):
    (machine.root / "run/systemd/system").mkdir(parents=True)
    machine.dump += 'APT::Periodic::Update-Package-Lists "always";\n'
    machine.shown = (
        "ActiveState=active\nUnitFileState=enabled\nRandomizedDelayUSec=0\n"
        "TimersCalendar={ OnCalendar=*-*-* 06:00:00 ; next_elapse=(null) }\n\n"
        "ExecStartPre={ argv[]=/usr/bin/apt-get -qq -y update ; }\n"
    )
    hours = following(WANTED).policy_answer()["hours_to_install"]
    assert hours["worst"] - hours["best"] + 2 > 48
    assert hours["worst"] > 72


def test_now_is_the_day_that_the_tests_speak_of():
    assert snapshot.told(_Host({snapshot.CONFIG: '{"delay": 0}'}), NOW)["wanted"] == TODAY
    assert snapshot.told(_Host({snapshot.CONFIG: '{"delay": 0}'}), NOW - DAY)["wanted"] < TODAY


class _Host:
    def __init__(self, files):
        self.text = files.get
