"""The program that follows a dated snapshot: which day, and why not the one that is wanted."""

import datetime
import importlib.util
import json
import urllib.error
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "unattended-upgrades/files/salt_snapshot.py"
NOW = datetime.datetime(2027, 1, 15, 5, tzinfo=datetime.timezone.utc).timestamp()
CONFIG = {
    "delay": 2,
    "date": "%Y%m%d",
    "go_back": 3,
    "sources": [
        {"url": "https://m/{date}/debian", "suite": "trixie"},
        {"url": "https://m/{date}/security", "suite": "trixie-security"},
    ],
}


@pytest.fixture
def program():
    spec = importlib.util.spec_from_file_location("salt_snapshot_under_test", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def release(date, until=None):
    fields = f"Hash: SHA256\n\nOrigin: Debian\nDate: {date}\n"
    return fields + (f"Valid-Until: {until}\n" if until else "") + "SHA256:\n 00 1 main\n"


class Mirror:
    """What a mirror has, by day; ``down`` are the days for which it does not answer."""

    def __init__(self, program, days, down=()):
        self.program, self.days, self.down, self.asked = program, days, down, []

    def __call__(self, place):
        day = place.split("/")[3]
        self.asked.append(place)
        if day in self.down:
            raise self.program.Unknown(f"{place}: no route to host")
        if day not in self.days:
            raise self.program.Missing(f"{place}: 404")
        return self.days[day]


MADE = release("Wed, 13 Jan 2027 02:00:00 UTC")
OLDER = release("Tue, 12 Jan 2027 02:00:00 UTC")


def play(program, tmp_path, mirror, **changes):
    folder = tmp_path / "etc/asgcycle"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "snapshot.json").write_text(json.dumps({**CONFIG, **changes}))
    code = program.main(str(tmp_path), NOW, mirror)
    return code, json.loads((tmp_path / program.RECORD).read_text())


def mirrors(tmp_path):
    return [path.read_text() for path in sorted(tmp_path.glob("etc/asgcycle/snapshot/*.mirror"))]


def test_the_day_that_the_delay_asks_for_is_followed_in_every_source(program, tmp_path):
    mirror = Mirror(program, {"20270113": MADE, "20270115": MADE})
    code, record = play(program, tmp_path, mirror)
    assert code == 0
    assert (record["wanted"], record["follows"], record["why"]) == ("2027-01-13",) * 2 + ([],)
    assert mirrors(tmp_path) == ["https://m/20270113/debian\n", "https://m/20270113/security\n"]
    assert mirror.asked == [
        "https://m/20270113/debian/dists/trixie/InRelease",
        "https://m/20270113/security/dists/trixie-security/InRelease",
    ]


def test_when_it_is_not_there_the_newest_older_one_is_followed_and_never_a_newer(program, tmp_path):
    mirror = Mirror(program, {"20270114": MADE, "20270112": OLDER})
    code, record = play(program, tmp_path, mirror)
    assert code == 1
    assert record["follows"] == "2027-01-12"
    assert "20270113" in record["why"][0]
    assert not any("20270114" in place for place in mirror.asked)


def test_a_snapshot_counts_only_when_every_source_has_it(program, tmp_path):
    def mirror(place):
        if "20270113/security" in place:
            raise program.Missing(place)
        return OLDER

    assert play(program, tmp_path, mirror)[1]["follows"] == "2027-01-12"


def test_a_mirror_that_does_not_answer_is_unknown_and_what_is_followed_stays(program, tmp_path):
    play(program, tmp_path, Mirror(program, {"20270113": MADE}))
    before = mirrors(tmp_path)
    code, record = play(program, tmp_path, Mirror(program, {}, down=("20270113",)))
    assert code == 1
    assert record["follows"] == "2027-01-13"
    assert "no route" in record["why"][-1]
    assert mirrors(tmp_path) == before


def test_when_there_is_none_at_all_that_is_said_and_nothing_is_followed(program, tmp_path, capsys):
    code, record = play(program, tmp_path, Mirror(program, {}))
    assert code == 1
    assert record["follows"] is None
    assert len(record["why"]) == 5
    assert "3 days before" in capsys.readouterr().out
    assert mirrors(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (release("Fri, 15 Jan 2027 02:00:00 UTC"), "later than its day"),
        (release("Thu, 14 Jan 2027 00:00:00 UTC"), "later than its day"),
        (release("Mon, 04 Jan 2027 02:00:00 UTC", "Mon, 11 Jan 2027 02:00:00 UTC"), "expired"),
        ("<html>Welcome</html>", "no Release file"),
    ],
)
def test_what_is_no_snapshot_of_its_day_counts_as_missing(program, tmp_path, text, why):
    code, record = play(program, tmp_path, Mirror(program, {"20270113": text}))
    assert code == 1
    assert record["follows"] is None
    assert why in record["why"][0]


@pytest.mark.parametrize(
    "text",
    [
        release("Wed, 13 Jan 2027 23:59:59 UTC"),
        # expired by now, but not on its day: apt does not look at it for a snapshot
        release("Tue, 12 Jan 2027 02:00:00 UTC", "Wed, 13 Jan 2027 02:00:00 UTC"),
        release("Sat, 11 Jan 2025 02:00:00 UTC"),  # of a point release long ago, without an end
    ],
)
def test_what_was_valid_on_its_day_is_followed(program, tmp_path, text):
    assert play(program, tmp_path, Mirror(program, {"20270113": text}))[0] == 0


def test_a_higher_delay_goes_back_to_an_older_day(program, tmp_path):
    mirror = Mirror(program, {"20270113": MADE, "20270112": OLDER})
    play(program, tmp_path, mirror)
    assert play(program, tmp_path, mirror, delay=3)[1]["follows"] == "2027-01-12"


@pytest.mark.parametrize(("code", "kind"), [(404, "Missing"), (403, "Missing"), (503, "Unknown")])
def test_answers_of_a_mirror_are_told_apart(program, monkeypatch, code, kind):
    def fail(place, timeout):
        raise urllib.error.HTTPError(place, code, "", {}, None)

    monkeypatch.setattr(program.urllib.request, "urlopen", fail)
    with pytest.raises(getattr(program, kind), match=str(code)):
        program.head("https://m/x")


def test_a_folder_on_this_machine_is_read_too(program, tmp_path):
    (tmp_path / "InRelease").write_text("Date: x\n")
    assert program.head(f"file:{tmp_path}/InRelease") == "Date: x\n"
    with pytest.raises(program.Missing):
        program.head(f"file:{tmp_path}/nothing")
    with pytest.raises(program.Unknown):
        program.head("http://127.0.0.1:1/x")
