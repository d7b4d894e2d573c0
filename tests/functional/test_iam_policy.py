"""The IAM policy in docs/ is what is called: not less, and not more."""

import json
import re
import time
from pathlib import Path

import pytest

from asgroll import inform, marks, preflight, publishing, wayback
from asgroll.aws import Aws
from asgroll.awslaunch import AwsLaunch
from asgroll.engine import Engine
from asgroll.journal import MemoryJournal
from asgroll.lease import Lease
from asgroll.policy import parse
from tests.functional.publish import launches
from tests.functional.publish.conftest import HOOK, salted  # noqa: F401 - a fixture
from tests.lab.inprocess import InProcessAWS, VirtualClock
from tests.lab.scenario import build
from tests.lab.world.history import Call

REPO = Path(__file__).resolve().parents[2]
DOCUMENT, TABLE = REPO / "docs" / "iam-policy.json", REPO / "docs" / "iam.md"
RUNNER = REPO / "_runners" / "asgcycle.py"
#: UpdateAutoScalingGroup with a launch template asks for the one, resolving a parameter in a launch
#: template for the other, without a call of ours.
CHECKED_BESIDES = {"ec2:RunInstances", "ssm:GetParameters"}
#: IAM's names for the services.
PREFIX = {"autoscaling": "autoscaling", "ec2": "ec2", "cloudwatch": "cloudwatch"} | dict.fromkeys(
    ("elb", "elbv2"), "elasticloadbalancing"
)


def calls_of_a_roll(**changes):
    """Every action of one inventory and one roll, as the emulated AWS has logged them."""
    spec = {
        "groups": {
            "web": {
                "min": 2,
                "max": 2,
                "desired": 2,
                "zones": ["a", "b"],
                "health_check_type": "ELB",
                "target_groups": ["web"],
                "load_balancers": ["classic"],
                "template": {"name": "web", "versions": [{"ImageId": "ami-1"}]},
            }
        },
        "alarms": {"5xx": "OK"},
        **changes,
    }
    world = build(spec)
    clock = VirtualClock(world)
    aws = Aws(InProcessAWS(world).client, clock.now)
    inform.inventory(aws)
    policy = parse([("test", {"max_failures": 0, "on_failure": "abort", "alarms": ["5xx"]})])
    found = preflight.assess(aws, "web", policy, clock.now())
    assert found.obstacles == ()
    engine = Engine(
        aws,
        MemoryJournal(),
        policy,
        clock=clock.now,
        sleep=clock.sleep,
        report=lambda event, roll: None,
        lease=Lease(
            aws, "m", "r", clock=clock.now, sleep=clock.sleep, lease_time=300, settle_time=1
        ),
    )
    ended = engine.run(preflight.begin(found, "r1", clock.now()))
    inform.evidence(aws, ended)
    return actions(world)


def actions(world):
    """Every action that callers have asked for, as the emulated AWS has logged them."""
    return {
        f"{PREFIX[record.service]}:{record.operation}"
        for record in world.history
        if isinstance(record, Call) and record.actor == "caller"
    }


def calls_of_a_plan(configuration=None):
    """Every action of looking before a roll, on a group with a template or a configuration."""
    versions = [{"ImageId": "ami-1"}, {"ImageId": "ami-2"}]
    template = {"name": "web", "versions": versions, "default": 2, "launched_on": 1}
    launch = {"configuration": configuration} if configuration else {"template": template}
    group = {"desired": 1, "target_groups": ["web"], "load_balancers": ["classic"], **launch}
    world = build({"groups": {"web": group}, "alarms": {"5xx": "OK"}})
    aws = AwsLaunch(InProcessAWS(world).client, lambda: world.now)
    policy = parse([("test", {"alarms": ["5xx"], "on_failure": "rollback"})])
    found = preflight.assess(aws, "web", policy, world.now)
    wayback.promised(found, "web", policy, aws, world.now)
    publishing.caution(aws, "web", b"#cloud-config")
    return actions(world)


def of_configuration(stage):
    """Let the group launch from a launch configuration."""
    stage.autoscaling.create_launch_configuration(
        LaunchConfigurationName="old", ImageId="ami-00000000000000001", InstanceType="t3.micro"
    )
    stage.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName="web", LaunchConfigurationName="old"
    )


def publishes(stage):
    stage.fault(kind="denied", operation="UpdateAutoScalingGroup", count=1)
    stage.do("publish")
    stage.do("publish")
    of_configuration(stage)
    stage.do("publish")


def compares(stage):
    stage.do("user_data", diff=True)
    of_configuration(stage)
    stage.do("user_data", diff=True)


def lists(stage):
    stage.call("asgcycle.list")
    of_configuration(stage)
    stage.call("asgcycle.list")


def keeps_a_hook(stage):
    stage.pillar(launch_hook=HOOK)
    skips = {"skip": "security-updates", "for": "2h"}
    for options in ({}, {"create": True}, skips, {"skip": "none"}, {"remove": True}):
        stage.do("hook", **options)
    of_configuration(stage)
    stage.do("hook")


def gives_orders(stage):
    claim = marks.Claim("other_master", "r1", "x", time.time() + 600)
    with stage.lab.lock:
        stage.lab.world.create_or_update_tags([("web", marks.LEASE, claim.text(), False)])
    for function in ("pause", "approve"):
        stage.do(function)


def asks_how_launches_went(stage):
    launches.abandon(stage)
    stage.call("asgcycle.status", "web")


#: Rows of the table that are asked through the runner, over HTTP.
THROUGH_THE_RUNNER = {
    "`status`, `user_data`, `agent`": lambda stage: [
        stage.call("asgcycle.status"),
        stage.do("user_data"),
        stage.call("asgcycle.agent"),
    ],
    "`status` of one group": asks_how_launches_went,
    "`user_data` with `diff=True`": compares,
    "`list`": lists,
    "`history`, `report`": lambda stage: [stage.do("history"), stage.do("report")],
    "`pause`, `approve`": gives_orders,
    "`publish`": publishes,
    "`hook`": keeps_a_hook,
}
ROLLS = "`roll`, `resume`, `abort`, `recover`, `rollback`"
#: What tests themselves call to set the stage.
OF_THE_STAGE = {"autoscaling:CreateLaunchConfiguration", "autoscaling:UpdateAutoScalingGroup"}


def table():
    """Row of the table in docs/iam.md → its actions."""
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", TABLE.read_text(), re.MULTILINE)
    return {name: set(said.split()) - {"none"} for name, said in rows}


@pytest.mark.parametrize("row", THROUGH_THE_RUNNER)
def test_a_function_needs_what_its_row_says(salted, row):  # noqa: F811 - that fixture
    THROUGH_THE_RUNNER[row](salted)
    made = actions(salted.lab.world)
    if row in ("`hook`", "`list`", "`user_data` with `diff=True`"):
        made -= OF_THE_STAGE
    assert made == table()[row]


def test_a_plan_needs_what_its_row_says():
    configuration = {"name": "web"}
    assert calls_of_a_plan() | calls_of_a_plan(configuration) == table()["`plan`"]


def test_a_roll_needs_what_its_row_says():
    made = calls_of_a_roll() | calls_of_a_roll(faults=[{"kind": "never_healthy"}])
    assert made | table()["`plan`"] == table()[ROLLS]


def test_a_rollback_needs_no_more_than_a_roll(salted):  # noqa: F811 - that fixture
    assert salted.do("roll")[1] == 0
    assert salted.do("rollback")[1] == 0
    assert actions(salted.lab.world) <= table()[ROLLS]


def test_every_function_of_the_runner_has_a_row():
    functions = set(re.findall(r"^def ([a-z_]+)\(", RUNNER.read_text(), re.MULTILINE))
    public = {name.rstrip("_") for name in functions if not name.startswith("_")}
    named = {name for row in table() for name in re.findall(r"`(\w+)`", row)}
    assert named == public


def test_the_policy_is_the_union_of_the_rows_and_what_aws_checks_besides():
    statements = json.loads(DOCUMENT.read_text())["Statement"]
    allowed = [action for statement in statements for action in statement["Action"]]
    assert len(allowed) == len(set(allowed))
    assert set(allowed) == set().union(*table().values()) | CHECKED_BESIDES


def test_what_changes_something_is_limited_to_its_kind_of_thing():
    for statement in json.loads(DOCUMENT.read_text())["Statement"]:
        changes = [
            action
            for action in statement["Action"]
            if not action.partition(":")[2].startswith(("Describe", "Get"))
        ]
        if set(changes) & CHECKED_BESIDES:
            assert "ec2:LaunchTemplate" in statement["Condition"]["ArnLike"]
        elif changes:
            service = changes[0].partition(":")[0]
            assert statement["Resource"].startswith(f"arn:*:{service}:")
