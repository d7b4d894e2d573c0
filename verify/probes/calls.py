"""What calls answer to ids, names and tokens that are not there; launch templates."""

from __future__ import annotations

from typing import Any

from verify.account import Answer
from verify.stage import NOBODY, Stage
from verify.things import user_data

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
HOOK = "asgcycle-verify-probe"
#: One more than DescribeAutoScalingInstances takes, and than DescribeAutoScalingGroups returns.
TOO_MANY_IDS, TOO_MANY_GROUPS = 51, 101


def ids(stage: Stage) -> None:
    """TE-4, TE-5, ME-3, EC-1, EC-2, AP-3: instances that are not there."""
    member = stage.serving()[0]
    refused = "ValidationError"
    stage.refused("TE-4", "an instance of no group", refused, stage.terminate(NOBODY))
    other = stage.scale("SetInstanceProtection", InstanceIds=[NOBODY], ProtectedFromScaleIn=False)
    stage.refused("TE-5", "an instance not of the group", refused, other)
    out = stage.scale("ExitStandby", InstanceIds=[member])
    stage.refused("ME-3", "leaving Standby from InService", refused, out)
    unknown = _ec2(stage, InstanceIds=[member, NOBODY])
    stage.refused("EC-1", "by ids", "InvalidInstanceID.NotFound", unknown)
    by_filter = [{"Name": "instance-id", "Values": [member, NOBODY]}]
    found = _ec2(stage, Filters=by_filter).data.get("Reservations", ())
    stage.found("EC-1", "by a filter", 1, sum(len(item["Instances"]) for item in found))
    both = _ec2(stage, InstanceIds=[member], MaxResults=5)
    stage.refused("EC-2", "ids and MaxResults", "InvalidParameterCombination", both)
    rows = stage.account.must(
        "autoscaling", "DescribeAutoScalingInstances", InstanceIds=[member, NOBODY]
    )["AutoScalingInstances"]
    stage.found("AP-3", "instances answered", 1, len(rows))
    stage.found("AP-3", "health", ["HEALTHY"], [row["HealthStatus"] for row in rows])


def _ec2(stage: Stage, **params: Any) -> Answer:
    return stage.account.ask("ec2", "DescribeInstances", **params)


def limits(stage: Stage) -> None:
    """AP-1, AP-2, AP-6, AP-7: pages, limits, other services."""
    ask = stage.account.ask
    token = ask("autoscaling", "DescribeAutoScalingGroups", NextToken="no-such-token")
    stage.refused("AP-1", "an unknown token", "InvalidNextToken", token)
    many = [f"i-0123456789abc{number:04x}" for number in range(TOO_MANY_IDS)]
    ids_answer = ask("autoscaling", "DescribeAutoScalingInstances", InstanceIds=many)
    stage.refused("AP-2", f"{TOO_MANY_IDS} ids", "ValidationError", ids_answer)
    rows = ask("autoscaling", "DescribeAutoScalingGroups", MaxRecords=TOO_MANY_GROUPS)
    stage.refused("AP-2", f"MaxRecords {TOO_MANY_GROUPS}", "ValidationError", rows)
    stage.found("AP-6", "GetCallerIdentity", "ok", ask("sts", "GetCallerIdentity").code)
    alarms = ask("cloudwatch", "DescribeAlarms", AlarmNames=[f"{stage.run.name}-none"])
    stage.found("AP-7", "an unknown alarm", [], alarms.data.get("MetricAlarms", alarms.code))


def hook_settings(stage: Stage) -> None:
    """HK-6, HK-9: hooks without an instance that waits for them."""
    member, refused = stage.serving()[0], "ValidationError"
    result = {"InstanceId": member, "LifecycleActionResult": "CONTINUE"}
    nobody = stage.scale("CompleteLifecycleAction", LifecycleHookName=HOOK, **result)
    stage.refused("HK-6", "an unknown hook", refused, nobody)
    for seconds in (29, 7201):
        wrong = stage.scale(
            "PutLifecycleHook",
            LifecycleHookName=HOOK,
            LifecycleTransition=LAUNCHING,
            HeartbeatTimeout=seconds,
        )
        stage.refused("HK-9", f"a timeout of {seconds} s", refused, wrong)
    stage.must(
        "PutLifecycleHook",
        LifecycleHookName=HOOK,
        LifecycleTransition=LAUNCHING,
        HeartbeatTimeout=60,
        DefaultResult="CONTINUE",
    )
    stage.must("PutLifecycleHook", LifecycleHookName=HOOK, HeartbeatTimeout=120)
    kept = stage.must("DescribeLifecycleHooks", LifecycleHookNames=[HOOK])["LifecycleHooks"][0]
    stage.found("HK-9", "what a change does not name", "CONTINUE", kept["DefaultResult"])
    idle = stage.scale("CompleteLifecycleAction", LifecycleHookName=HOOK, **result)
    stage.refused("HK-6", "an action that is not active", refused, idle)


def templates(stage: Stage) -> None:
    """EC-3, EC-4, EC-5, EC-7, EC-8, EC-9: launch template versions."""
    made = _create(stage, "1", "one", InstanceType=stage.run.instance_type)
    data = made.data["LaunchTemplateVersion"]["LaunchTemplateData"]
    stage.found("EC-5", "taken over from the source", True, data.get("UserData") == user_data(1))
    number = _number(made)
    again = _create(stage, "1", "one", InstanceType=stage.run.instance_type)
    stage.found("EC-7", "the same token", True, again.ok and _number(again) == number)
    other = _create(stage, "1", "one", InstanceType="m5.large")
    stage.refused("EC-7", "other parameters", "IdempotentParameterMismatch", other)
    _numbers(stage, number)
    _deletions(stage, number)
    member = stage.serving()[0]
    seen = stage.account.must(
        "ec2", "DescribeInstanceAttribute", InstanceId=member, Attribute="userData"
    )["UserData"]["Value"]
    known = [user_data(1)]
    stage.found("EC-4", "user data as launched", True, seen in known)


def _create(stage: Stage, source: str, token: str, **data: Any) -> Answer:
    return stage.account.ask(
        "ec2",
        "CreateLaunchTemplateVersion",
        LaunchTemplateId=stage.template,
        SourceVersion=source,
        ClientToken=f"{stage.run.name}-{token}",
        LaunchTemplateData=data,
    )


def _number(answer: Answer) -> int:
    return answer.data["LaunchTemplateVersion"]["VersionNumber"]


def _versions(stage: Stage, **which: Any) -> Answer:
    return stage.account.ask(
        "ec2", "DescribeLaunchTemplateVersions", LaunchTemplateId=stage.template, **which
    )


def _numbers(stage: Stage, newest: int) -> None:
    rows = _versions(stage).data.get("LaunchTemplateVersions", ())
    listed = [row["VersionNumber"] for row in rows]
    stage.found("EC-9", "newest first", sorted(listed, reverse=True), listed)
    rows = _versions(stage, MinVersion="1", MaxVersion="1").data.get("LaunchTemplateVersions", ())
    stage.found("EC-9", "from 1 to 1", [1], [row["VersionNumber"] for row in rows])
    pages = _versions(stage, MaxResults=1)
    stage.found("EC-9", "another page", True, bool(newest > 1 and pages.data.get("NextToken")))


def _deletions(stage: Stage, number: int) -> None:
    def delete(version: str) -> Answer:
        return stage.account.ask(
            "ec2",
            "DeleteLaunchTemplateVersions",
            LaunchTemplateId=stage.template,
            Versions=[version],
        )

    delete("1")
    stage.found("EC-3", "the default version stays", True, _versions(stage, Versions=["1"]).ok)
    delete(str(number))
    code = "InvalidLaunchTemplateId.VersionNotFound"
    stage.refused("EC-8", "a deleted version", code, _versions(stage, Versions=[str(number)]))
    after = _create(stage, "1", "two", InstanceType=stage.run.instance_type)
    stage.found("EC-8", "its number is not given again", number + 1, _number(after))
