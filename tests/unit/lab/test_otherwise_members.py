"""What AWS may do instead of what the lab assumes: terminations, members, zones, refreshes."""

from __future__ import annotations

import pytest

from tests.lab.world import ApiError, Fault

from .conftest import otherwise

HEAVY = {"mixed": {"overrides": [{"type": "m5.xlarge", "weight": 4}]}}


def refusal(act) -> tuple[str, str]:
    """Return code and text of the refusal of ``act()``."""
    with pytest.raises(ApiError) as error:
        act()
    return error.value.code, error.value.message


def shown(lab) -> dict[str, str]:
    """Return the members that one answer lists: id → lifecycle state."""
    (group,) = lab.aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return {row["InstanceId"]: row["LifecycleState"] for row in group["Instances"]}


# -- terminations ---------------------------------------------------------------------------------


def test_a_replacement_is_launched_once_the_terminated_instance_has_left(bench):
    lab = bench(3, **otherwise("TE-1", "when-gone"))
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=False)
    lab.wait(58)
    assert (key in lab.group.instances, lab.since("Launch")) == (True, [])
    lab.wait(10)
    assert key not in lab.group.instances
    assert [(r.actor, r.reason) for r in lab.since("Launch")] == [("caller", "request")]
    lab.wait(300)
    assert (lab.group.desired, len(lab.ids("InService")), lab.group.held) == (3, 3, 0)


def test_a_replacement_of_an_unhealthy_instance_does_not_wait(bench):
    lab = bench(3, **otherwise("TE-1", "when-gone"))
    lab.world.set_instance_health(lab.ids()[0], "Unhealthy")
    lab.wait(10)
    assert len(lab.since("Launch")) == 1


def test_a_decrement_lowers_desired_when_the_instance_has_left(bench):
    lab = bench(4, **otherwise("TE-2", "when-gone"))
    lab.world.terminate_instance(lab.ids()[0], decrement=True)
    lab.wait(50)
    assert (lab.group.desired, lab.since("Launch")) == (4, [])
    lab.wait(20)
    assert (lab.group.desired, len(lab.ids())) == (3, 3)
    assert [(r.after, r.actor, r.how) for r in lab.since("Size")] == [(3, "caller", "by")]


def test_such_a_decrement_counts_against_the_minimum_at_once(bench):
    lab = bench(3, **otherwise("TE-2", "when-gone"))
    lab.world.terminate_instance(lab.ids()[0], decrement=True)
    _, text = refusal(lambda: lab.world.terminate_instance(lab.ids()[1], decrement=True))
    assert "desiredSize equals minSize" in text


def test_a_new_desired_capacity_cancels_such_a_decrement(bench):
    lab = bench(4, **otherwise("TE-2", "when-gone"))
    lab.world.terminate_instance(lab.ids()[0], decrement=True)
    lab.world.set_desired_capacity("web", 4)
    lab.wait(300)
    assert (lab.group.desired, len(lab.ids("InService"))) == (4, 4)
    assert [record.actor for record in lab.since("Launch")] == ["caller"]


def test_a_decrement_is_refused_when_too_few_would_be_in_service(bench):
    lab = bench(3, **otherwise("TE-3", "in-service"))
    lab.world.set_desired_capacity("web", 4)
    lab.world.update_group("web", min_size=3)
    lab.wait(10)
    first = lab.ids("InService")[0]
    _, text = refusal(lambda: lab.world.terminate_instance(first, decrement=True))
    assert "desiredSize equals minSize" in text
    lab.wait(200)
    lab.world.terminate_instance(first, decrement=True)


def test_a_terminating_instance_is_listed_no_longer(bench):
    lab = bench(3, **otherwise("TE-6", "hidden"))
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=True)
    assert key not in shown(lab)
    client = lab.aws.client("autoscaling")
    assert client.describe_auto_scaling_instances(InstanceIds=[key])["AutoScalingInstances"] == []
    assert lab.target(key) == "draining"


def test_a_terminating_instance_leaves_when_its_machine_begins_to_shut_down(bench):
    lab = bench(3, **otherwise("TE-6", "until-shutdown"))
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=True)
    lab.wait(29)
    assert shown(lab)[key] == "Terminating"
    lab.wait(2)
    assert (key in shown(lab), lab.world.instances[key].state) == (False, "shutting-down")
    lab.wait(30)
    assert lab.world.instances[key].state == "terminated"


def test_a_terminated_instance_lingers_for_a_minute(bench):
    lab = bench(3, **otherwise("TE-6", "lingers"))
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=False)
    lab.wait(65)
    assert shown(lab)[key] == "Terminated"
    lab.wait(60)
    assert key not in shown(lab)
    lab.wait(200)
    assert len(lab.ids("InService")) == 3


def test_a_decrement_takes_one_unit_whatever_the_instance_weighs(bench):
    lab = bench(8, max=20, **HEAVY, **otherwise("TE-7", "one"))
    lab.world.terminate_instance(lab.ids()[0], decrement=True)
    assert lab.group.desired == 7


def test_terminating_again_does_nothing(bench):
    lab = bench(4, min=0, **otherwise("TE-8", "ignored"))
    key = lab.ids()[0]
    first = lab.world.terminate_instance(key, decrement=True)
    assert lab.world.terminate_instance(key, decrement=True).id == first.id
    assert lab.group.desired == 3


def test_terminating_again_is_refused(bench):
    lab = bench(4, min=0, **otherwise("TE-8", "refused"))
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=True)
    code, text = refusal(lambda: lab.world.terminate_instance(key, decrement=True))
    assert (code, text) == (
        "ValidationError",
        f"The instance {key} is not in InService or Standby.",
    )
    assert lab.group.desired == 3


def test_terminating_again_is_refused_as_if_there_was_no_such_instance(bench):
    lab = bench(4, min=0, **otherwise("TE-8", "not-found"))
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=True)
    _, text = refusal(lambda: lab.world.terminate_instance(key, decrement=True))
    assert text.endswith(f"No managed instance found for instance ID {key}")
    assert key in shown(lab)


def test_of_several_instances_those_end_that_can(bench):
    lab = bench(4, min=2, **otherwise("TE-9", "in-part"))
    client = lab.aws.client("autoscaling")
    answer = client.terminate_instance_in_auto_scaling_group(
        InstanceIds=[*lab.ids()[:3], "i-123"],
        AutoScalingGroupName="web",
        ShouldDecrementDesiredCapacity=True,
    )
    assert (len(answer["Activities"]), lab.group.desired) == (2, 2)
    assert len(lab.ids("Terminating")) == 2
    with pytest.raises(client.exceptions.ClientError, match="i-123"):
        client.terminate_instance_in_auto_scaling_group(
            InstanceIds=["i-123"],
            AutoScalingGroupName="web",
            ShouldDecrementDesiredCapacity=False,
        )


def test_a_call_is_refused_while_terminate_is_suspended(bench):
    lab = bench(4, **otherwise("TE-13", "refused"))
    lab.world.suspend_processes("web", ["Terminate"])
    code, _ = refusal(lambda: lab.world.terminate_instance(lab.ids()[0], decrement=True))
    assert (code, lab.group.desired, len(lab.ids("InService"))) == ("ValidationError", 4, 4)


def test_a_call_is_held_until_terminate_is_resumed(bench):
    lab = bench(4, **otherwise("TE-13", "held"))
    keys = lab.ids()[:2]
    lab.world.suspend_processes("web", ["Terminate"])
    activity = lab.world.terminate_instance(keys[0], decrement=True)
    lab.world.terminate_instance(keys[1], decrement=False)
    lab.wait(300)
    assert (activity.status, lab.group.desired, len(lab.ids("InService"))) == ("InProgress", 3, 4)
    lab.world.resume_processes("web", ["Terminate"])
    lab.wait(300)
    assert [record.instance for record in lab.since("Termination")] == keys
    assert (lab.group.desired, len(lab.ids("InService")), len(lab.since("Launch"))) == (3, 3, 1)


def test_a_call_on_an_instance_that_is_still_pending_is_refused(bench):
    lab = bench(2, **otherwise("TE-14", "refused"))
    lab.world.set_desired_capacity("web", 3)
    lab.wait(8)
    (key,) = lab.ids("Pending")
    code, text = refusal(lambda: lab.world.terminate_instance(key, decrement=False))
    assert (code, key in text) == ("ValidationError", True)


def test_terminating_in_standby_with_decrement_lowers_desired(bench):
    lab = bench(4, standby=1, **otherwise("TE-15", "counted"))
    lab.world.terminate_instance(lab.ids("Standby")[0], decrement=True)
    assert lab.group.desired == 3


# -- load balancers -------------------------------------------------------------------------------


def newcomer(lab, seconds: float) -> tuple[str, str | None]:
    """Launch an instance; return its lifecycle and target state after so long."""
    lab.world.set_desired_capacity("web", 4)
    lab.wait(seconds)
    key = lab.ids()[3]
    return lab.group.instances[key].lifecycle, lab.target(key)


QUICK = {"delays": {"registration": 5}, "boot": {"median": 1}}


def test_an_instance_is_registered_before_it_is_in_service(bench):
    lab = bench(3, **QUICK, **otherwise("TG-1", "before"))
    assert newcomer(lab, 25) == ("Pending", "healthy")
    lab.wait(20)
    assert len(lab.ids("InService")) == 4


def test_an_instance_is_registered_after_it_has_entered_service(bench):
    lab = bench(3, **QUICK, **otherwise("TG-1", "after"))
    assert newcomer(lab, 25) == ("InService", None)
    lab.wait(25)
    assert lab.target(lab.ids()[3]) == "healthy"


# -- members --------------------------------------------------------------------------------------


def test_leaving_standby_stops_at_the_maximum(bench):
    lab = bench(3, max=3, standby=1, **otherwise("ME-2", "capped"))
    lab.world.exit_standby("web", lab.ids("Standby"))
    assert lab.group.desired == 3
    lab.wait(300)
    assert len(lab.ids("InService")) == 3


# -- zones ----------------------------------------------------------------------------------------


def test_zones_are_evened_out_with_the_next_reaction(bench):
    lab = bench(4, instance_zones=["a", "a", "a", "b"], **otherwise("AZ-5", "at-once"))
    lab.world.set_desired_capacity("web", 4)
    lab.wait(20)
    assert [record.reason for record in lab.since("Launch")] == ["rebalance"]


def test_zones_are_not_evened_out_above_the_maximum(bench):
    placed = {"instance_zones": ["a", "a", "a", "b"], "max": 4}
    usual, other = bench(4, **placed), bench(4, **placed, **otherwise("AZ-5", "never-above-max"))
    for lab in (usual, other):
        lab.wait(400)
    assert usual.since("Launch")
    assert not other.since("Launch")


def victims(lab) -> list[str]:
    """Let the group shrink by one; return who goes."""
    lab.world.set_desired_capacity("web", lab.group.desired - 1)
    lab.wait(10)
    return [record.instance for record in lab.since("Termination")]


def test_the_newest_of_those_that_the_policies_leave_goes(bench):
    lab = bench(3, zones=["a"], **otherwise("AZ-8", "newest"))
    assert victims(lab) == [lab.ids()[2]]


def test_any_of_those_that_the_policies_leave_goes(bench):
    gone = set()
    for seed in range(12):
        gone |= set(victims(bench(3, zones=["a"], seed=seed, **otherwise("AZ-8", "any"))))
    assert len(gone) == 3


def growing(bench, **other):
    """Return a bench whose group has one instance in Pending, as old versions as the others."""
    lab = bench(3, zones=["a"], template={"versions": [{}], "launched_on": 1}, **other)
    lab.world.set_desired_capacity("web", 4)
    lab.wait(8)
    return lab


def test_scale_in_takes_what_is_pending_first(bench):
    assert victims(growing(bench)) == ["i-00000000000000001"]
    assert victims(growing(bench, **otherwise("AZ-9", "pending-first"))) == ["i-00000000000000004"]


def test_scale_in_takes_nothing_that_is_pending(bench):
    lab = growing(
        bench, termination_policies=["NewestInstance"], **otherwise("AZ-9", "in-service-only")
    )
    assert victims(lab) == ["i-00000000000000003"]


# -- replacements that are launched first ---------------------------------------------------------


def test_what_a_call_terminates_while_its_successor_boots_is_replaced_twice(bench):
    risk = {"kind": "rebalance_recommendation", "at": 10, "pick": 0}
    slow = {"kind": "slow_launch", "seconds": 60, "count": 1}
    other = otherwise("CR-2", "twice")
    lab = bench(3, capacity_rebalance=True, faults=[risk, slow], **other)
    lab.wait(12)
    lab.world.terminate_instance(lab.ids()[0], decrement=False)
    lab.wait(900)
    assert len(lab.since("Launch")) == 2
    assert [record.reason for record in lab.since("Termination")] == ["request", "scale-in"]
    assert len(lab.ids("InService")) == lab.group.units == 3


def test_nobody_is_launched_first_where_there_is_no_room_for_a_whole_one(bench):
    dies = {"kind": "instance_dies", "at": 10, "pick": 0, "how": "system"}
    policy = {"min": 100, "max": 110}
    lab = bench(3, maintenance=policy, faults=[dies], **otherwise("MP-2", "none"))
    victim = lab.ids()[0]
    lab.wait(40)
    assert lab.group.instances[victim].lifecycle == "Terminating"


@pytest.mark.parametrize("decrement", [False, True])
def test_a_call_without_decrement_waits_for_the_replacement(bench, decrement):
    policy = {"min": 100, "max": 110}
    lab = bench(4, min=2, maintenance=policy, **otherwise("MP-7", "waits"))
    first = lab.ids()[0]
    answer = lab.aws.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=decrement
    )
    lab.world.terminate_instance(first, decrement=False)  # again: nothing more happens
    assert answer["Activity"]["Description"].startswith(f"Terminating EC2 instance: {first}")
    assert (lab.group.instances[first].lifecycle == "InService") is not decrement
    lab.wait(600)
    assert first not in lab.group.instances
    assert [(r.actor, r.reason) for r in lab.since("Launch")] == (
        [] if decrement else [("caller", "request")]
    )
    assert [(r.instance, r.actor) for r in lab.since("Termination")] == [(first, "caller")]
    assert all(status != "PreInService" for status, _, _ in lab.activities())


# -- instance refresh -----------------------------------------------------------------------------


def test_a_refresh_that_is_started_while_suspended_stays_pending(bench):
    lab = bench(3, suspended=["InstanceRefresh"], **otherwise("IR-6", "pending"))
    lab.world.inject(Fault("operator_refreshes"))
    lab.wait(300)
    assert lab.group.refreshes[0].status == "Pending"
    lab.world.resume_processes("web")
    lab.wait(60)
    assert lab.group.refreshes[0].status == "InProgress"


def test_a_refresh_is_not_started_while_suspended(bench):
    lab = bench(3, suspended=["InstanceRefresh"], **otherwise("IR-6", "refused"))
    code, _ = refusal(lambda: lab.world.start_instance_refresh("web"))
    assert (code, lab.group.refreshes) == ("ValidationError", [])


def test_a_refresh_is_listed_half_a_minute_late(bench):
    lab = bench(4, **otherwise("IR-7", "late"))
    client = lab.aws.client("autoscaling")
    lab.world.start_instance_refresh("web")
    lab.wait(25)
    query = {"AutoScalingGroupName": "web"}
    assert client.describe_instance_refreshes(**query)["InstanceRefreshes"] == []
    assert lab.since("Termination")
    lab.wait(10)
    assert client.describe_instance_refreshes(**query)["InstanceRefreshes"]
