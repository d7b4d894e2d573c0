"""Health checks, target groups, load balancers. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest

from tests.lab.world import Fault

DIES = {"kind": "instance_dies", "at": 10, "pick": 0}


def test_HE1_every_instance_starts_healthy_and_that_proves_nothing(bench):
    lab = bench(2, faults=[{"kind": "never_healthy"}])
    lab.world.set_desired_capacity("web", 3)
    lab.wait(300)
    new = lab.group.instances[lab.ids()[-1]]
    assert (new.lifecycle, new.health, lab.target(new.id)) == ("InService", "Healthy", "unhealthy")


@pytest.mark.parametrize(("kind", "replaced"), [("EC2", False), ("ELB", True)])
def test_HE2_only_a_group_with_elb_checks_replaces_what_its_targets_call_unhealthy(
    bench, kind, replaced
):
    lab = bench(3, health_check_type=kind, faults=[{**DIES, "how": "app"}])
    key = lab.ids()[0]
    lab.wait(300)
    assert (key not in lab.group.instances) is replaced
    if replaced:
        causes = [item.cause for item in lab.group.activities]
        assert any("an ELB system health check failure" in cause for cause in causes)


def test_HE3_the_grace_period_holds_elb_checks_back(bench):
    lab = bench(
        2, health_check_type="ELB", grace_period=500, faults=[{"kind": "never_healthy", "count": 1}]
    )
    lab.world.set_desired_capacity("web", 3)
    lab.wait(400)
    new = lab.ids()[-1]
    assert (lab.target(new), lab.group.instances[new].lifecycle) == ("unhealthy", "InService")
    lab.wait(300)
    assert lab.states(new)[-1] == "Terminated"


def test_HE4_with_replaceunhealthy_suspended_an_unhealthy_instance_stays_until_resumed(bench):
    lab = bench(3, suspended=["ReplaceUnhealthy"], faults=[DIES])
    key = lab.ids()[0]
    lab.wait(300)
    assert (lab.group.instances[key].lifecycle, lab.group.instances[key].health) == (
        "InService",
        "Unhealthy",
    )
    lab.world.resume_processes("web", ["ReplaceUnhealthy"])
    lab.wait(300)
    assert len(lab.world.serving(lab.group)) == 3


def test_HE4_what_died_before_it_entered_service_is_replaced_once_that_is_resumed(bench):
    lab = bench(3, suspended=["ReplaceUnhealthy"], faults=[{"kind": "bad_image", "count": 1}])
    lab.world.set_desired_capacity("web", 4)
    lab.wait(300)
    key = lab.ids()[-1]
    assert (lab.group.instances[key].lifecycle, lab.group.instances[key].health) == (
        "Pending",
        "Unhealthy",
    )
    lab.world.resume_processes("web", ["ReplaceUnhealthy"])
    lab.wait(300)
    assert key not in lab.group.instances
    assert len(lab.world.serving(lab.group)) == 4


def test_HE5_with_healthcheck_suspended_the_group_notices_nothing(bench):
    lab = bench(3, suspended=["HealthCheck"], faults=[DIES])
    key = lab.ids()[0]
    lab.wait(300)
    assert lab.group.instances[key].health == "Healthy"
    assert lab.world.instances[key].state == "terminated"


def test_HE6_a_caller_can_call_an_instance_unhealthy_and_the_grace_period_counts_unless_told(bench):
    lab = bench(3, grace_period=10**9)
    key = lab.ids()[0]
    lab.world.set_instance_health(key, "Unhealthy")
    assert lab.group.instances[key].health == "Healthy"
    lab.world.set_instance_health(key, "Unhealthy", respect_grace=False)
    lab.wait(300)
    assert key not in lab.group.instances
    assert [record.actor for record in lab.since("Launch")] == ["caller"]


def test_HE7_failed_status_checks_replace_an_instance(bench):
    lab = bench(3, faults=[{**DIES, "how": "system"}])
    key = lab.ids()[0]
    lab.wait(12)
    status = lab.aws.client("ec2").describe_instance_status(InstanceIds=[key])
    assert status["InstanceStatuses"][0]["SystemStatus"]["Status"] == "impaired"
    lab.wait(300)
    assert key not in lab.group.instances
    assert len(lab.world.serving(lab.group)) == 3


def test_TG1_a_registered_target_is_initial_until_its_first_check_passes(bench):
    lab = bench(2, boot={"median": 10, "sigma": 0})
    lab.world.set_desired_capacity("web", 3)
    lab.wait(5)
    (key,) = lab.ids("Pending")
    assert lab.target(key) is None
    lab.wait(lab.world.delays.running)
    assert lab.target(key) == "initial"
    lab.wait(lab.world.delays.registration)
    assert lab.target(key) == "healthy"


def test_TG2_draining_takes_what_each_target_group_says_and_termination_waits_for_the_slowest(
    bench,
):
    groups = [
        {"name": "slow", "deregistration_delay": 120},
        {"name": "fast", "deregistration_delay": 0},
    ]
    lab = bench(3, target_groups=groups)
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=False)
    slow, fast = (lab.world.target_groups[arn] for arn in lab.group.target_group_arns)
    assert (slow.targets[key].state, key in fast.targets) == ("draining", False)
    lab.wait(119)
    assert lab.world.instances[key].state == "running"
    lab.wait(2)
    assert (key in slow.targets, lab.world.instances[key].state) == (False, "shutting-down")


def test_TG3_a_target_that_is_not_registered_is_unused_when_asked_for(bench):
    lab = bench(2)
    (arn,) = lab.group.target_group_arns
    client = lab.aws.client("elbv2")
    asked = client.describe_target_health(TargetGroupArn=arn, Targets=[{"Id": "i-123"}])
    (row,) = asked["TargetHealthDescriptions"]
    assert row["TargetHealth"]["State"] == "unused"
    assert row["TargetHealth"]["Reason"] == "Target.NotRegistered"
    assert len(client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]) == 2
    with pytest.raises(client.exceptions.TargetGroupNotFoundException):
        client.describe_target_health(TargetGroupArn=arn + "0")


def test_TG4_an_instance_launched_without_addtoloadbalancer_is_never_registered(bench):
    lab = bench(2, suspended=["AddToLoadBalancer"])
    lab.world.set_desired_capacity("web", 3)
    lab.wait(200)
    lab.world.resume_processes("web")
    lab.wait(200)
    assert (lab.ids()[-1], lab.target(lab.ids()[-1])) == (lab.ids("InService")[-1], None)


def test_TG5_a_classic_load_balancer_has_its_own_words_and_drains_only_when_told(bench):
    lab = bench(2, target_groups=[], load_balancers=[{"name": "old", "draining": 60}])
    client = lab.aws.client("elb")
    lab.world.set_desired_capacity("web", 3)
    lab.wait(5)
    lab.world.advance(lab.world.instances[lab.ids()[-1]].up_at)

    def states():
        rows = client.describe_instance_health(LoadBalancerName="old")["InstanceStates"]
        return [(row["InstanceId"], row["State"]) for row in rows]

    first, second, new = lab.ids()
    assert states() == [(first, "InService"), (second, "InService"), (new, "OutOfService")]
    lab.world.terminate_instance(first, decrement=False)
    lab.wait(59)
    assert first in dict(states())
    lab.wait(2)
    assert first not in dict(states())
    with pytest.raises(client.exceptions.ClientError, match="Could not find EC2 instance"):
        client.describe_instance_health(LoadBalancerName="old", Instances=[{"InstanceId": first}])


def test_TG6_attaching_a_target_group_registers_the_members_and_detaching_drains_them(bench):
    lab = bench(2)
    arn = lab.world.create_target_group("second").arn
    lab.world.attach("web", [arn])
    assert lab.world.serving(lab.group) == []
    lab.wait(20)
    assert len(lab.world.serving(lab.group)) == 2
    lab.world.detach("web", [arn])
    states = {target.state for target in lab.world.target_groups[arn].targets.values()}
    assert states == {"draining"}
    assert len(lab.world.serving(lab.group)) == 2


CHECKS = {"health_check_interval": 20, "unhealthy_threshold": 3, "healthy_threshold": 2}


@pytest.mark.parametrize("kind", ["target_groups", "load_balancers"])
def test_TG7_health_follows_the_application_by_threshold_and_interval(bench, kind):
    stops = {"kind": "application_stops", "at": 5, "until": 150, "instance": "i-00000000000000001"}
    lab = bench(2, **{"target_groups": [], kind: [{"name": "lb", **CHECKS}]}, faults=[stops])
    key = lab.ids()[0]
    lab.wait(400)
    changes = [(r.time - lab.world.start, r.after) for r in lab.since("TargetHealth")]
    changes = [change for change in changes if change[0]]
    # Checks at 0, 20, 40 …: silent at 20, 40 and 60; answering at 160 and 180.
    assert changes == [(60.0, "unhealthy"), (180.0, "healthy")]
    assert lab.group.instances[key].health == "Healthy"


def test_TG7_a_pause_shorter_than_the_threshold_goes_unnoticed(bench):
    stops = [{"kind": "application_stops", "at": at, "until": at + 30, "pick": 0} for at in (5, 50)]
    lab = bench(2, target_groups=[{"name": "lb", **CHECKS}], faults=stops)
    lab.wait(400)
    assert [r.answers for r in lab.since("Application") if r.time > lab.world.start] == [
        False,
        True,
        False,
        True,
    ]
    assert [r for r in lab.since("TargetHealth") if r.time > lab.world.start] == []


def test_TG7_a_slow_application_is_unhealthy_before_it_is_healthy(bench):
    lab = bench(2, boot={"median": 300, "sigma": 0})
    lab.world.set_desired_capacity("web", 3)
    lab.wait(400)
    new = lab.ids()[-1]
    assert [r.after for r in lab.since("TargetHealth") if r.instance == new] == [
        "initial",
        "unhealthy",
        "healthy",
    ]


def states_told(lab) -> list[tuple[str, str]]:
    """Return (state, override) of every target as DescribeTargetHealth tells it."""
    (arn,) = lab.group.target_group_arns
    rows = lab.aws.client("elbv2").describe_target_health(TargetGroupArn=arn)
    return [
        (row["TargetHealth"]["State"], row["AdministrativeOverride"]["State"])
        for row in rows["TargetHealthDescriptions"]
    ]


def test_TG8_without_a_listener_targets_are_unused_and_carry_no_traffic(bench):
    lab = bench(2, target_groups=[{"name": "lb", "listener": False}])
    (arn,) = lab.group.target_group_arns
    client = lab.aws.client("elbv2")
    rows = client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert {row["TargetHealth"]["Reason"] for row in rows} == {"Target.NotInUse"}
    (shown,) = client.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert shown["LoadBalancerArns"] == []
    # It carries nothing: whoever answers is taken to serve.
    assert len(lab.world.serving(lab.group)) == 2
    lab.world.inject(Fault("listener_added", at=lab.world.elapsed))
    assert {state for state, _ in states_told(lab)} == {"initial"}
    lab.wait(30)
    assert {state for state, _ in states_told(lab)} == {"healthy"}
    assert [record.attached for record in lab.since("Listener")] == [False, True]


def test_TG8_a_listener_taken_away_makes_targets_unused(bench):
    lab = bench(2, faults=[{"kind": "listener_removed", "at": 10}])
    lab.wait(20)
    assert {state for state, _ in states_told(lab)} == {"unused"}


@pytest.mark.parametrize(
    ("kind", "actor"), [("zonal_shift", "operator"), ("zonal_autoshift", "aws")]
)
def test_TG9_a_zonal_shift_overrides_the_targets_of_its_zone(bench, kind, actor):
    lab = bench(3, faults=[{"kind": kind, "at": 10, "until": 400, "zone": "b"}])
    second = lab.ids()[1]
    lab.wait(20)
    assert states_told(lab) == [
        ("healthy", "no_override"),
        ("healthy", "zonal_shift_active"),
        ("healthy", "no_override"),
    ]
    assert second not in [item.id for item in lab.world.serving(lab.group)]
    assert [call.actor for call in lab.since("Call") if call.operation == kind] == [actor]
    # What is launched into the zone meanwhile is overridden from its registration on.
    lab.world.terminate_instance(second, decrement=False)
    lab.wait(300)
    new = lab.ids()[-1]
    assert lab.group.instances[new].zone.endswith("b")
    assert states_told(lab)[-1] == ("healthy", "zonal_shift_active")
    lab.wait(100)
    assert {override for _, override in states_told(lab)} == {"no_override"}
    for key in (second, new):
        told = [record.state for record in lab.since("Override") if record.instance == key]
        assert told == ["zonal_shift_active", "no_override"]


def test_TG10_an_autoshift_can_concern_one_target_group_only(bench):
    fault = {"kind": "zonal_autoshift", "zone": "a", "target_group": "two"}
    lab = bench(3, target_groups=["one", "two"], faults=[fault])
    (first, *_) = lab.ids()
    overridden = [
        name.targets[first].override
        for name in (lab.world.target_groups[arn] for arn in lab.group.target_group_arns)
    ]
    assert overridden == ["no_override", "zonal_shift_active"]


def test_ME1_standby_leaves_the_load_balancer_and_is_replaced_unless_desired_is_decremented(
    bench, refused
):
    lab = bench(3)
    first, second, _ = lab.ids()
    lab.world.enter_standby("web", [first], decrement=False)
    assert (lab.group.instances[first].lifecycle, lab.target(first)) == ("Standby", "draining")
    lab.wait(300)
    assert len(lab.ids("InService")) == 3
    lab.world.enter_standby("web", [second], decrement=True)
    assert lab.group.desired == 2
    with refused("ValidationError", "min-size=2"):
        lab.world.enter_standby("web", [lab.ids("InService")[0]], decrement=True)


def test_ME2_leaving_standby_raises_desired_within_the_maximum(bench, refused):
    lab = bench(2, standby=1, max=3)
    (key,) = lab.ids("Standby")
    lab.world.exit_standby("web", [key])
    lab.wait(20)
    assert (lab.group.desired, lab.target(key)) == (3, "healthy")
    lab = bench(2, standby=1, max=2)
    with refused("ValidationError", "would exceed its max-size"):
        lab.world.exit_standby("web", lab.ids("Standby"))


def test_ME3_only_an_instance_in_service_enters_standby_and_only_one_in_standby_leaves(
    bench, refused
):
    lab = bench(2, standby=1)
    (resting,), working = lab.ids("Standby"), lab.ids("InService")[0]
    with refused("ValidationError", f"The instance {resting} is not in InService."):
        lab.world.enter_standby("web", [resting], decrement=False)
    with refused("ValidationError", f"The instance {working} is not in Standby."):
        lab.world.exit_standby("web", [working])


def test_ME4_an_instance_in_standby_is_not_health_checked(bench):
    lab = bench(2, standby=1)
    (key,) = lab.ids("Standby")
    lab.world.terminate_instances([key])
    lab.wait(300)
    assert lab.group.instances[key].lifecycle == "Standby"
    assert not lab.since("Launch")


def test_ME5_protection_keeps_scale_in_away(bench):
    lab = bench(3, protected=2)
    free = lab.ids()[2]
    lab.world.set_desired_capacity("web", 2)
    lab.wait(300)
    assert free not in lab.ids()
    lab = bench(3, protected=3)
    lab.world.set_desired_capacity("web", 2)
    lab.wait(300)
    assert len(lab.ids("InService")) == 3


def test_ME6_a_detached_instance_runs_on_outside_the_group(bench, refused):
    lab = bench(3)
    key = lab.ids()[0]
    lab.world.detach_instances("web", [key], decrement=True)
    lab.wait(300)
    assert (lab.group.desired, len(lab.ids())) == (2, 2)
    assert (lab.world.instances[key].state, lab.target(key)) == ("running", None)
    with refused("ValidationError", "No managed instance found"):
        lab.world.terminate_instance(key, decrement=False)


def test_ME7_an_attached_instance_raises_desired_and_is_registered(bench, refused):
    lab = bench(3)
    key = lab.ids()[0]
    lab.world.detach_instances("web", [key], decrement=True)
    lab.wait(60)
    lab.world.attach_instances("web", [key])
    lab.wait(60)
    assert (lab.group.desired, len(lab.world.serving(lab.group))) == (3, 3)
    with refused("ValidationError", "is already part of AutoScalingGroup:web"):
        lab.world.attach_instances("web", [key])
