"""The IAM policy in docs/ is what is called: not less, and not more."""

import json
from pathlib import Path

from asgroll import inform, preflight
from asgroll.aws import Aws
from asgroll.engine import Engine
from asgroll.journal import MemoryJournal
from asgroll.lease import Lease
from asgroll.policy import parse
from tests.lab.inprocess import InProcessAWS, VirtualClock
from tests.lab.scenario import build
from tests.lab.world.history import Call

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "iam-policy.json"
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
    clock, aws = VirtualClock(world), Aws(InProcessAWS(world).client)
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
    return {
        f"{PREFIX[record.service]}:{record.operation}"
        for record in world.history
        if isinstance(record, Call) and record.actor == "caller"
    }


def test_the_documented_policy_allows_exactly_the_calls_that_are_made():
    statements = json.loads(DOCUMENT.read_text())["Statement"]
    allowed = [action for statement in statements for action in statement["Action"]]
    assert len(allowed) == len(set(allowed))
    made = calls_of_a_roll() | calls_of_a_roll(faults=[{"kind": "never_healthy"}])
    assert made == set(allowed)


def test_what_changes_something_is_limited_to_groups():
    for statement in json.loads(DOCUMENT.read_text())["Statement"]:
        changes = [
            action
            for action in statement["Action"]
            if not action.partition(":")[2].startswith(("Describe", "Get"))
        ]
        if changes:
            assert statement["Resource"].startswith("arn:*:autoscaling:")
