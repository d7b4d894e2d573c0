"""How AWS's answers are read."""

import pytest

from asgroll.awswords import to_group, to_instance, to_targets

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
