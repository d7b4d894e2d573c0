"""The server itself: several in one process, what it leaves behind, its own API."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from moto.ec2.models import ec2_backends

from tests.lab.http import LabServer
from tests.lab.scenario import build

from .conftest import WEB, Aws


def ask(lab, path, data=None):
    """Make a control request; return status and answer."""
    body = None if data is None else json.dumps(data).encode()
    connection = HTTPConnection(urlsplit(lab.endpoint_url).netloc, timeout=5)
    with closing(connection):
        connection.request("GET" if data is None else "POST", path, body=body)
        answer = connection.getresponse()
        return answer.status, json.load(answer)


def has_ended(connection):
    """Say whether the other end has closed, or reset, a connection."""
    connection.settimeout(5)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_servers_one_after_another_do_not_see_each_other():
    for name in ("one", "two"):
        scenario = {"groups": {name: WEB["groups"]["web"]}}
        with LabServer(scenario, manual=True) as lab:
            aws = Aws(lab)
            rows = aws.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
            assert [row["AutoScalingGroupName"] for row in rows] == [name]
            assert len(aws.ec2.describe_instances()["Reservations"]) == 6
            assert len(aws.ec2.describe_launch_templates()["LaunchTemplates"]) == 1
            aws.ec2.create_launch_template(
                LaunchTemplateName=f"{name}-more", LaunchTemplateData={"ImageId": "ami-1"}
            )


def test_two_runs_of_the_same_calls_give_the_same_answers():
    answers = []
    for _ in range(2):
        with LabServer(WEB, manual=True) as lab:
            aws = Aws(lab)
            aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=8)
            lab.advance(600)
            subnets = aws.ec2.describe_subnets()["Subnets"]
            answers.append((aws.group(), [row["SubnetId"] for row in subnets]))
    assert answers[0] == answers[1]


def test_a_second_server_at_the_same_time_is_refused(start):
    start()
    with pytest.raises(RuntimeError, match="another LabServer"), LabServer(WEB):
        pass


def test_stopping_leaves_no_thread_no_open_port_and_nothing_in_moto():
    before = set(threading.enumerate())
    with LabServer(WEB) as lab:
        aws = Aws(lab)
        aws.group()
        port = int(lab.endpoint_url.rsplit(":", 1)[1])
        silent = socket.create_connection(("127.0.0.1", port))
        deadline = time.monotonic() + 5
        while len(set(threading.enumerate()) - before) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert set(threading.enumerate()) == before
    assert has_ended(silent)
    silent.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert not ec2_backends["123456789012"]["eu-central-1"].launch_templates


def test_an_error_inside_the_block_stops_the_server_too():
    with pytest.raises(ZeroDivisionError), LabServer(WEB):
        raise ZeroDivisionError
    with LabServer(WEB) as lab:
        assert Aws(lab).group()["DesiredCapacity"] == 6


def test_a_port_in_use_is_one_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = f"cannot listen on 127.0.0.1:{port}: Address already in use"
        with pytest.raises(OSError, match=wanted), LabServer(WEB, port=port):
            pass


def test_a_world_can_be_given_instead_of_a_scenario(start):
    world = build(WEB)
    aws = start(world)
    assert aws.lab.world is world
    assert len(aws.ids()) == 6


def test_time_runs_as_fast_as_it_is_told(start):
    aws = start(manual=False, speed=1000)
    before = aws.lab.world.now
    time.sleep(0.1)
    aws.group()
    assert aws.lab.world.now - before > 90


def test_every_call_is_in_the_history_with_its_outcome(aws):
    aws.group()
    aws.ec2.describe_vpcs()
    rows = [row for row in aws.lab.history() if row["kind"] == "Call"]
    assert [(row["service"], row["operation"], row["outcome"]) for row in rows] == [
        ("autoscaling", "DescribeAutoScalingGroups", "ok"),
        ("ec2", "DescribeVpcs", "ok"),
    ]


def test_another_region_is_another_world(start):
    aws = start()
    there = aws.client("autoscaling", region_name="us-east-1")
    assert there.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert len(aws.ids()) == 6


def test_an_unknown_region_is_refused_as_a_wrong_signature(aws):
    nowhere = aws.client("autoscaling", region_name="mars-north-1")
    with pytest.raises(ClientError, match="scoped to a valid region, not 'mars-north-1'") as no:
        nowhere.describe_auto_scaling_groups()
    assert no.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_an_assumed_role_of_another_account_sees_the_same_instances(aws):
    role = "arn:aws:iam::999999999999:role/roller"
    given = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    ec2 = aws.client(
        "ec2",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    assert len(ec2.describe_instances()["Reservations"]) == 6


def test_time_begins_now_unless_it_is_manual(start):
    before = int(time.time())  # the lab begins on a whole second
    assert before <= start(manual=False).lab.world.start <= time.time()


def test_a_defect_of_the_lab_is_answered_as_an_internal_failure_and_logged(aws, caplog):
    aws.lab.world.groups["web"].zones = None
    with pytest.raises(ClientError, match="InternalFailure") as broken:
        aws.group()
    assert broken.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "the lab failed at autoscaling:DescribeAutoScalingGroups" in caplog.text


def test_a_call_to_a_service_beyond_the_lab_reaches_moto(aws):
    sts = aws.client("sts")
    assert sts.get_caller_identity()["Account"] == "123456789012"


def test_calls_from_many_threads_at_once_all_take_effect(aws):
    def write(key):
        aws.autoscaling.create_or_update_tags(
            Tags=[{"ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": key}]
        )
        return len(aws.ec2.describe_instances()["Reservations"])

    keys = [f"key-{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, keys)) == [6] * 16
    assert sorted(tag["Key"] for tag in aws.group()["Tags"]) == sorted(keys)


# -- the control API ------------------------------------------------------------------------------


def test_history_over_http_starts_where_it_is_asked_to(aws):
    _, everything = ask(aws.lab, "/lab/history")
    assert [row["kind"] for row in everything[:2]] == ["Listener", "GroupChange"]
    _, rest = ask(aws.lab, f"/lab/history?since={len(everything) - 1}")
    assert rest == everything[-1:]


def test_the_world_over_http_shows_groups_as_they_truly_are(aws):
    status, world = ask(aws.lab, "/lab/world")
    assert status == 200
    assert world["groups"]["web"]["serving"] == 6
    assert set(world["groups"]["web"]["instances"]) == set(aws.ids())
    aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=7)
    aws.lab.advance(20)
    _, world = ask(aws.lab, "/lab/world")
    new = world["groups"]["web"]["instances"][aws.ids()[-1]]
    assert (new["lifecycle"], new["answers"]) == ("InService", False)
    assert world["groups"]["web"]["serving"] == 6


def test_time_moves_when_asked_over_http(aws):
    aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=7)
    before = aws.lab.world.now
    assert ask(aws.lab, "/lab/advance", {"seconds": 600}) == (200, {"now": before + 600})
    assert len(aws.ids(state="InService")) == 7


def test_a_fault_can_be_added_over_http(aws):
    status, answer = ask(aws.lab, "/lab/fault", {"kind": "denied", "operation": "DescribeVpcs"})
    assert (status, answer["injected"]["kind"]) == (200, "denied")
    with pytest.raises(aws.ec2.exceptions.ClientError, match="UnauthorizedOperation"):
        aws.ec2.describe_vpcs()


WRONG = [
    ("/lab/nothing", None, 404, "no such request"),
    ("/lab/history?since=x", None, 400, "must be the index of a record"),
    ("/lab/fault", {"kind": "gremlins"}, 400, "unknown fault 'gremlins'"),
    ("/lab/fault", {}, 400, "not a fault"),
    ("/lab/fault", ["throttle"], 400, "expected a JSON object"),
    ("/lab/advance", {"seconds": -1}, 400, "N of 0 or more"),
]


@pytest.mark.parametrize(("path", "data", "status", "text"), WRONG)
def test_a_wrong_control_request_is_answered_with_the_reason(aws, path, data, status, text):
    got, answer = ask(aws.lab, path, data)
    assert got == status
    assert text in answer["error"]


def test_a_reset_starts_the_scenario_anew(aws):
    aws.autoscaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=8)
    assert ask(aws.lab, "/moto-api/reset", {}) == (200, {"status": "ok"})
    assert aws.group()["DesiredCapacity"] == 6
