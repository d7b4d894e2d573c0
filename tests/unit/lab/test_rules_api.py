"""The wire rules: pages, limits, faults of single calls. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ParamValidationError
from botocore.parsers import ResponseParserError

from tests.lab.inprocess import InProcessAWS
from tests.lab.scenario import build

SET = {"AutoScalingGroupName": "web", "DesiredCapacity": 4}


def many(groups: int) -> InProcessAWS:
    """Return clients for a world of many small groups."""
    return InProcessAWS(build({"groups": {f"g{n:03}": {"max": 1} for n in range(groups)}}))


def code_of(error: pytest.ExceptionInfo) -> tuple[str, int]:
    """Return the code and the HTTP status of a ClientError."""
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_AP1_an_answer_ends_at_the_page_size_and_a_token_leads_on():
    client = many(120).client("autoscaling")
    first = client.describe_auto_scaling_groups()
    assert len(first["AutoScalingGroups"]) == 50
    pages = list(client.get_paginator("describe_auto_scaling_groups").paginate())
    names = [group["AutoScalingGroupName"] for page in pages for group in page["AutoScalingGroups"]]
    assert [len(page["AutoScalingGroups"]) for page in pages] == [50, 50, 20]
    assert names == [f"g{n:03}" for n in range(120)]
    with pytest.raises(client.exceptions.InvalidNextToken):
        client.describe_auto_scaling_groups(NextToken="nonsense")


def test_AP2_more_than_a_call_allows_is_refused(bench):
    lab = bench(2)
    client = lab.aws.client("autoscaling")
    for call in (
        lambda: client.describe_auto_scaling_groups(MaxRecords=101),
        lambda: client.describe_auto_scaling_groups(AutoScalingGroupNames=["x"] * 51),
        lambda: client.describe_auto_scaling_instances(InstanceIds=["i-1"] * 51),
        lambda: lab.aws.client("elbv2").describe_target_groups(TargetGroupArns=["a"] * 21),
        lambda: client.set_instance_protection(
            AutoScalingGroupName="web", InstanceIds=["i-1"] * 51, ProtectedFromScaleIn=True
        ),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code_of(error) == ("ValidationError", 400)
    names = ["web", *"abcdefghij"] * 6
    found = client.describe_auto_scaling_groups(AutoScalingGroupNames=names, MaxRecords=100)
    assert len(found["AutoScalingGroups"]) == 1


def test_AP3_describing_instances_leaves_unknown_ids_out_and_spells_health_in_capitals(bench):
    lab = bench(2)
    found = lab.aws.client("autoscaling").describe_auto_scaling_instances(
        InstanceIds=[lab.ids()[0], "i-123"]
    )["AutoScalingInstances"]
    assert [(item["InstanceId"], item["HealthStatus"]) for item in found] == [
        (lab.ids()[0], "HEALTHY")
    ]


def test_AP4_parameters_are_validated_before_anything_is_sent(bench):
    lab = bench(2)
    calls = len(lab.since("Call"))
    with pytest.raises(ParamValidationError):
        lab.aws.client("autoscaling").set_desired_capacity(AutoScalingGroupName="web")
    assert len(lab.since("Call")) == calls


def test_AP5_each_call_costs_time_and_is_written_down_with_its_outcome(bench):
    lab = bench(2)
    before = lab.world.now
    client = lab.aws.client("autoscaling")
    client.set_desired_capacity(**SET)
    with pytest.raises(ClientError):
        client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=9)
    assert lab.world.now == pytest.approx(before + 2 * lab.aws.call_seconds)
    assert [(call.operation, call.outcome, call.actor) for call in lab.since("Call")] == [
        ("SetDesiredCapacity", "ok", "caller"),
        ("SetDesiredCapacity", "ValidationError", "caller"),
    ]
    assert dict(lab.since("Call")[0].params) == SET


def test_AP6_identity_and_roles_are_answered(bench):
    lab = bench(2)
    client = lab.aws.client("sts")
    assert client.get_caller_identity()["Account"] == lab.world.account
    role = "arn:aws:iam::123456789012:role/roller"
    user = client.assume_role(RoleArn=role, RoleSessionName="me")["AssumedRoleUser"]
    assert user["Arn"].endswith("assumed-role/roller/me")


@pytest.mark.parametrize(
    ("kind", "service", "code"),
    [
        ("throttle", "autoscaling", ("Throttling", 400)),
        ("throttle", "ec2", ("RequestLimitExceeded", 503)),
        ("denied", "autoscaling", ("AccessDenied", 403)),
        ("denied", "ec2", ("UnauthorizedOperation", 403)),
        ("expired_token", "autoscaling", ("ExpiredToken", 403)),
        ("expired_token", "ec2", ("RequestExpired", 400)),
    ],
)
def test_FA1_each_service_refuses_in_its_own_words(bench, kind, service, code):
    lab = bench(2, faults=[{"kind": kind, "service": service}])
    client = lab.aws.client(service)
    call = "describe_instances" if service == "ec2" else "describe_auto_scaling_groups"
    with pytest.raises(ClientError) as error:
        getattr(client, call)()
    assert code_of(error) == code
    assert lab.aws.client("sts").get_caller_identity()


@pytest.mark.parametrize(("applied", "desired"), [(True, 4), (False, 3)])
def test_FA2_a_lost_answer_leaves_open_whether_the_call_was_applied(bench, applied, desired):
    fault = {"kind": "lost_answer", "operation": "SetDesiredCapacity", "applied": applied}
    lab = bench(3, faults=[fault])
    with pytest.raises(ConnectionClosedError):
        lab.aws.client("autoscaling").set_desired_capacity(**SET)
    assert lab.group.desired == desired
    assert lab.since("Call")[-1].outcome == ("lost:applied" if applied else "lost")


def test_FA3_a_denied_call_names_the_action_and_changes_nothing(bench):
    lab = bench(3, faults=[{"kind": "denied", "operation": "SetDesiredCapacity"}])
    client = lab.aws.client("autoscaling")
    with pytest.raises(ClientError, match="not authorized to perform: autoscaling:SetDesired"):
        client.set_desired_capacity(**SET)
    assert lab.group.desired == 3
    assert client.describe_auto_scaling_groups()["AutoScalingGroups"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("scaling_activity_in_progress", ("ScalingActivityInProgress", 400)),
        ("resource_contention", ("ResourceContention", 500)),
    ],
)
def test_FA4_an_activity_or_an_update_in_the_way_refuses_capacity_calls_only(bench, kind, code):
    lab = bench(3, faults=[{"kind": kind}])
    client = lab.aws.client("autoscaling")
    client.describe_auto_scaling_groups()
    with pytest.raises(ClientError) as error:
        client.set_desired_capacity(**SET)
    assert code_of(error) == code
    assert lab.group.desired == 3


def test_FA5_an_html_page_instead_of_an_answer_is_no_client_error(bench):
    lab = bench(3, faults=[{"kind": "html_error", "operation": "DescribeAutoScalingGroups"}])
    with pytest.raises(ResponseParserError):
        lab.aws.client("autoscaling").describe_auto_scaling_groups()


def outcomes(bench, calls: int = 6, **fault) -> str:
    """Return which of some calls, ten seconds apart, a throttle hits: x or ·."""
    lab = bench(2, faults=[{"kind": "throttle", **fault}])
    marks = ""
    for _ in range(calls):
        try:
            lab.aws.client("sts").get_caller_identity()
            marks += "·"
        except ClientError:
            marks += "x"
        lab.wait(10)
    return marks


@pytest.mark.parametrize(
    ("fault", "marks"),
    [
        ({}, "xxxxxx"),
        ({"nth": 3}, "··x···"),
        ({"count": 2}, "xx····"),
        ({"nth": 2, "count": 3}, "·xxx··"),
        ({"at": 15, "until": 35}, "··xx··"),
        ({"operation": "AssumeRole"}, "······"),
        ({"service": "ec2"}, "······"),
    ],
)
def test_FA6_a_fault_is_limited_by_window_call_and_number(bench, fault, marks):
    assert outcomes(bench, **fault) == marks


def test_FA7_a_fault_by_chance_is_the_same_for_the_same_seed(bench):
    marks = outcomes(bench, calls=40, probability=0.5)
    assert outcomes(bench, calls=40, probability=0.5) == marks
    assert 5 < marks.count("x") < 35


def test_FA8_latency_passes_before_the_answer(bench):
    lab = bench(2, faults=[{"kind": "latency", "seconds": 7}])
    before = lab.world.now
    lab.aws.client("sts").get_caller_identity()
    assert lab.world.now == pytest.approx(before + 7 + lab.aws.call_seconds)


def test_FA9_stale_reads_show_what_was_before_a_change_for_as_long_as_they_say(bench):
    lab = bench(3, delays={"stale_reads": 5})
    autoscaling, elbv2 = lab.aws.client("autoscaling"), lab.aws.client("elbv2")
    key, (arn,) = lab.ids()[0], lab.group.target_group_arns

    def seen() -> tuple[int, str, str]:
        group = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
        rows = elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        health = {row["Target"]["Id"]: row["TargetHealth"]["State"] for row in rows}
        return (
            group["DesiredCapacity"],
            group["Instances"][0]["LifecycleState"],
            health[key],
        )

    lab.world.terminate_instance(key, decrement=True)
    assert lab.group.desired == 2
    assert seen() == (3, "InService", "healthy")
    lab.wait(5)
    assert seen() == (2, "Terminating", "draining")


def test_FA10_a_scaling_policy_stays_in_bounds_and_respects_alarmnotification(bench):
    out = {"kind": "scale_out", "at": 10, "by": 9}
    lab = bench(3, faults=[out])
    lab.wait(11)
    assert (lab.group.desired, lab.since("Size")[-1].actor) == (5, "policy")
    lab = bench(3, faults=[out], suspended=["AlarmNotification"])
    lab.wait(11)
    assert lab.group.desired == 3


def test_FA11_a_scheduled_action_respects_scheduledactions(bench):
    action = {"kind": "scheduled_action", "at": 10, "desired": 4}
    for suspended, desired in (([], 4), (["ScheduledActions"], 3)):
        lab = bench(3, faults=[action], suspended=suspended)
        lab.wait(11)
        assert lab.group.desired == desired


def test_FA12_a_reclaimed_spot_instance_says_so_and_is_replaced(bench):
    lab = bench(3, faults=[{"kind": "spot_reclaim", "at": 10, "pick": "newest"}])
    key = lab.ids()[-1]
    lab.wait(300)
    (row,) = lab.aws.client("ec2").describe_instances(InstanceIds=[key])["Reservations"]
    assert row["Instances"][0]["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    assert len(lab.world.serving(lab.group)) == 3


def test_FA13_an_event_can_wait_for_the_nth_call_and_strikes_just_before_it(bench):
    fault = {"kind": "operator_sets", "max": 3, "operation": "SetDesiredCapacity", "nth": 2}
    lab = bench(3, faults=[fault])
    client = lab.aws.client("autoscaling")
    client.set_desired_capacity(**SET)
    with pytest.raises(ClientError, match="above max value 3"):
        client.set_desired_capacity(**SET)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "operator_terminates", "decrement": True}, {"desired": 2}),
        ({"kind": "operator_sets", "min": 1, "max": 9, "desired": 5}, {"desired": 5}),
        ({"kind": "operator_suspends", "processes": ["Launch"]}, {"suspended": ["Launch"]}),
        ({"kind": "operator_refreshes"}, {"refreshes": 1}),
        ({"kind": "operator_deletes"}, {"gone": True}),
        ({"kind": "template_version"}, {"default": 3}),
        ({"kind": "template_default", "version": 1}, {"default": 1}),
        ({"kind": "template_version_deleted", "version": 1}, {"versions": [2]}),
        ({"kind": "operator_launches", "version": 1}, {"launches": "1"}),
    ],
)
def test_FA14_an_operator_does_what_a_scenario_says_and_is_named(bench, fault, expected):
    lab = bench(3, faults=[{"at": 10, **fault}])
    lab.wait(200)
    gone = "web" not in lab.world.groups
    template = lab.world.templates.find(None, "web")
    seen = {
        "gone": gone,
        "default": template.default,
        "versions": lab.world.templates.numbers(template),
        "launches": lab.group.template.version,
        "desired": lab.group.desired,
        "suspended": list(lab.group.suspended),
        "refreshes": len(lab.group.refreshes),
    }
    assert {key: seen[key] for key in expected} == expected
    (call,) = lab.since("Call")
    assert (call.operation, call.actor, call.outcome) == (fault["kind"], "operator", "ok")


def test_FA15_slow_boots_take_as_much_longer_as_they_say(bench):
    normal, slow = bench(2), bench(2, faults=[{"kind": "slow_boot", "factor": 2, "seconds": 100}])
    times = []
    for lab in (normal, slow):
        lab.world.set_desired_capacity("web", 3)
        lab.wait(10)
        item = lab.world.instances[lab.ids("Pending")[0]]
        times.append(item.up_at - item.launch_time)
    assert times[1] == pytest.approx(2 * times[0] + 100)


def test_AP7_alarms_that_there_are_have_a_state_and_others_are_left_out():
    client = InProcessAWS(build({"alarms": {"slow": "OK", "5xx": "ALARM"}})).client("cloudwatch")
    found = client.describe_alarms(AlarmNames=["5xx", "none"], AlarmTypes=["MetricAlarm"])
    assert [(a["AlarmName"], a["StateValue"]) for a in found["MetricAlarms"]] == [("5xx", "ALARM")]


def test_FA16_an_alarm_goes_into_the_state_that_is_asked_for(bench):
    lab = bench(2, faults=[{"kind": "alarm", "at": 50, "name": "slow"}])
    lab.world.alarms["slow"] = "OK"
    seen = []
    for _ in range(2):
        seen.append(lab.world.alarms["slow"])
        lab.wait(60)
    assert seen == ["OK", "ALARM"]
