"""What a transcript tells, and whose account it was, which it does not."""

import datetime
import json

import pytest

from verify.settings import Run
from verify.transcript import Scrubber, Transcript, Unreadable, alike, read

RUN = Run(id="0a1b2c3d", region="eu-central-1", subnets=("subnet-0123456789abcdef0",))


def scrubber():
    return Scrubber(RUN, start=1000.0, secrets=("210987654321", "arn:aws:sts::210987654321:x"))


@pytest.mark.parametrize(
    "told",
    [
        "User: arn:aws:sts::123456789012:assumed-role/Admin/alice@example.com is not authorized",
        "arn:aws-cn:iam::123456789012:user/alice@example.com",
        "You are not authorized. Encoded authorization failure message: alice@example.com-xyz",
        "The key AKIAALICEEXAMPLECOM1 of account 123456789012",
        "ASIAALICEEXAMPLECOM1 has expired",
        "owner 210987654321",
        "10.20.30.40/16 and 203.0.113.7",
        "alice-example-com-1.eu-central-1.elb.amazonaws.com",
        "ip-10-20-30-40.eu-central-1.compute.internal",
        "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/0123456789abcdef",
    ],
)
def test_nothing_of_the_account_is_left_in_a_text(told):
    seen = scrubber().text(told)
    for trace in (
        "123456789012",
        "210987654321",
        "alice",
        "ALICE",
        "10.20.30",
        "10-20-30",
        "203.0.113",
        "0123456789abcdef",
    ):
        assert trace not in seen


def test_an_id_has_the_same_placeholder_everywhere():
    scrub = scrubber()
    first, second = "i-0123456789abcdef0", "i-0fedcba9876543210"
    assert scrub.text(f"{second} {first}") == "instance-1 instance-2"
    assert scrub.request({"InstanceIds": [first]}) == {"InstanceIds": ["instance-2"]}
    assert scrub.text("asgcycle-verify-0a1b2c3d") == "asgcycle-verify-RUN"


def test_of_an_answer_only_what_is_known_to_be_harmless_is_told():
    answer = {
        "OwnerId": "123456789012",
        "SomethingNew": "secret",
        "Reservations": [{"OwnerId": "123456789012", "Instances": [{"PrivateIpAddress": "x"}]}],
    }
    assert scrubber().answer(answer) == {"Reservations": [{"Instances": [{}]}]}


def test_tags_of_other_people_are_left_out():
    tags = {
        "Tags": [{"Key": "cost-center", "Value": "x"}, {"Key": "asgcycle-verify", "Value": "y"}]
    }
    assert scrubber().answer(tags) == {"Tags": [{"Key": "asgcycle-verify", "Value": "y"}]}


def test_times_are_seconds_since_the_start():
    moment = datetime.datetime.fromtimestamp(1012.34, datetime.timezone.utc)
    assert scrubber().answer({"StartTime": moment}) == {"StartTime": 12.3}
    assert scrubber().text("At 2026-01-02T03:04:05Z it") == "At TIME it"


def test_texts_of_two_runs_are_alike_whatever_numbers_their_ids_have():
    assert alike("instance-3 is not part of asgcycle-verify-RUN.") == alike(
        "instance-17 is not part of asgcycle-verify-RUN."
    )
    assert alike("is above max value 3") != alike("is above max value 4")


def test_each_line_is_on_the_disk_at_once_and_the_same_answer_is_written_once(tmp_path):
    written = Transcript(tmp_path / "t", RUN)
    written.write("run", format=1)
    for _ in range(3):
        written.call("ec2", "DescribeInstances", {}, {"Reservations": []})
    written.call("ec2", "DescribeInstances", {}, {"Reservations": [{}]})
    lines = [json.loads(line) for line in (tmp_path / "t").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["run", "call", "again", "call"]
    assert lines[2]["times"] == 2
    assert read(tmp_path / "t") == lines
    written.close()


def test_a_transcript_is_never_written_over(tmp_path):
    (tmp_path / "t").write_text("kept")
    with pytest.raises(FileExistsError):
        Transcript(tmp_path / "t", RUN)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "does not begin"),
        ("{", "Expecting"),
        ("[1]\n", ":1: no line"),
        ('{"kind": "call"}\n', "does not begin"),
        ('{"kind": "run", "format": 99}\n', "format 99; this reads format 1"),
    ],
)
def test_what_is_no_transcript_is_refused_with_the_reason(tmp_path, content, said):
    (tmp_path / "t").write_text(content)
    with pytest.raises(Unreadable, match=said):
        read(tmp_path / "t")
    with pytest.raises(Unreadable, match="No such file"):
        read(tmp_path / "missing")
