"""How AWS's answers are read."""

import pytest

from asgroll.awswords import (
    to_classic_drain,
    to_drain,
    to_group,
    to_hook,
    to_instance,
    to_targets,
)

GROUP = {
    "AutoScalingGroupName": "web",
    "MinSize": 1,
    "MaxSize": 3,
    "DesiredCapacity": 2,
    "LaunchTemplate": {"LaunchTemplateId": "lt-0aa", "Version": "7"},
}


def target(state, port=80, key="i-1", override=None):
    raw = {"Target": {"Id": key, "Port": port}, "TargetHealth": {"State": state}}
    return raw | ({"AdministrativeOverride": {"State": override}} if override else {})


def read(*targets):
    return to_targets({"TargetHealthDescriptions": list(targets)})


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        (("healthy", "unhealthy"), "unhealthy"),
        (("unhealthy", "healthy"), "unhealthy"),
        (("unhealthy", "draining"), "draining"),
        (("draining", "initial"), "draining"),
        (("healthy", "healthy"), "healthy"),
    ],
)
def test_of_several_ports_of_an_instance_the_worst_counts(states, worst):
    found = read(*(target(state, port) for port, state in enumerate(states)))
    assert found["i-1"].state == worst


@pytest.mark.parametrize("order", [(None, "zonal_shift_active"), ("zonal_shift_active", None)])
def test_a_port_without_traffic_counts_though_it_is_healthy(order):
    found = read(*(target("healthy", port, override=o) for port, o in enumerate(order)))
    assert not found["i-1"].gets_traffic


@pytest.mark.parametrize(
    ("override", "traffic"),
    [
        (None, True),
        ("no_override", True),
        ("zonal_shift_active", False),
        ("zonal_shift_delegated_to_dns", False),
        ("unknown", False),
        ("something_new", False),
    ],
)
def test_any_override_but_none_keeps_traffic_away(override, traffic):
    assert read(target("healthy", override=override))["i-1"].gets_traffic is traffic


def test_what_a_group_counts_and_who_manages_it():
    plain = to_group(GROUP)
    assert (plain.capacity_type, plain.operator, plain.weighted) == ("units", "", False)
    overrides = [{"InstanceType": "m5.large", "WeightedCapacity": "2"}]
    spec = {"LaunchTemplateSpecification": GROUP["LaunchTemplate"], "Overrides": overrides}
    group = to_group(
        GROUP
        | {
            "DesiredCapacityType": "vcpu",
            "Operator": {"Principal": "eks.amazonaws.com"},
            "NewInstancesProtectedFromScaleIn": True,
            "MixedInstancesPolicy": {"LaunchTemplate": spec},
        }
    )
    assert (group.capacity_type, group.operator) == ("vcpu", "eks.amazonaws.com")
    assert (group.weighted, group.protects_new) == (True, True)


@pytest.mark.parametrize(
    ("raw", "known"), [({}, (1, False)), ({"WeightedCapacity": "4"}, (4, True))]
)
def test_a_weight_that_is_not_shown_counts_as_one_and_is_known_to_be_missing(raw, known):
    found = to_instance({"InstanceId": "i-1", "LifecycleState": "InService", **raw})
    assert (found.weight, found.weighted) == known


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ({"HeartbeatTimeout": 30, "GlobalTimeout": 3000}, (30.0, 3000.0)),
        ({"HeartbeatTimeout": 60}, (60.0, 6000.0)),
        ({"HeartbeatTimeout": 7200}, (7200.0, 172800.0)),
        ({}, (3600.0, 172800.0)),
    ],
)
def test_how_long_a_hook_waits(raw, found):
    hook = to_hook({"LifecycleHookName": "in", **raw})
    assert (hook.timeout, hook.limit) == found


@pytest.mark.parametrize(
    ("kind", "launch"), [("EC2_INSTANCE_LAUNCHING", True), ("EC2_INSTANCE_TERMINATING", False)]
)
@pytest.mark.parametrize(("result", "proceeds"), [("CONTINUE", True), ("ABANDON", False)])
def test_what_a_hook_holds_back_and_what_becomes_of_it(kind, launch, result, proceeds):
    transition = f"autoscaling:{kind}"
    raw = {"LifecycleHookName": "x", "LifecycleTransition": transition, "DefaultResult": result}
    assert (to_hook(raw).launch, to_hook(raw).proceeds) == (launch, proceeds)


@pytest.mark.parametrize(("raw", "warmup"), [({}, None), ({"DefaultInstanceWarmup": -1}, None)])
def test_a_warmup_that_is_not_enabled_is_none(raw, warmup):
    assert to_group(GROUP | raw).warmup is warmup
    assert to_group(GROUP | {"DefaultInstanceWarmup": 0}).warmup == 0.0


def test_how_long_load_balancers_drain():
    key = "deregistration_delay.timeout_seconds"
    other = {"Key": "stickiness.enabled", "Value": "false"}
    assert to_drain({"Attributes": [other, {"Key": key, "Value": "30"}]}) == 30.0
    assert to_drain({"Attributes": [other]}) == 300.0
    for draining, found in (
        ({"Enabled": True, "Timeout": 10}, 10.0),
        ({"Enabled": True}, 300.0),
        ({"Enabled": False, "Timeout": 300}, 0.0),
    ):
        answer = {"LoadBalancerAttributes": {"ConnectionDraining": draining}}
        assert to_classic_drain(answer) == found
