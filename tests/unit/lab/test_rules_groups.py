"""Groups: sizes, deletion, processes, tags. Each test names its line of RULES.md."""

from __future__ import annotations

import pytest

from tests.lab.world import PROCESSES, Fault, MixedPolicy, Override


def test_AS1_a_desired_capacity_above_the_maximum_is_refused(bench, refused):
    lab = bench(3)
    text = "New SetDesiredCapacity value 9 is above max value 5 for the AutoScalingGroup."
    with refused("ValidationError", text):
        lab.world.set_desired_capacity("web", 9)
    assert lab.group.desired == 3


def test_AS2_a_desired_capacity_below_the_minimum_is_refused(bench, refused):
    lab = bench(3)
    with refused("ValidationError", "value 1 is below min value 2"):
        lab.world.set_desired_capacity("web", 1)


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ({"min_size": 9}, "Max bound must be greater than or equal to min bound"),
        ({"desired": 9}, "Desired capacity:9 must be between the specified min size:2"),
        ({"desired": 1}, "Desired capacity:1 must be between"),
    ],
)
def test_AS3_sizes_that_contradict_each_other_are_refused(bench, refused, sizes, text):
    lab = bench(3)
    with refused("ValidationError", text):
        lab.world.update_group("web", **sizes)
    assert (lab.group.min_size, lab.group.desired) == (2, 3)


@pytest.mark.parametrize(("sizes", "desired"), [({"min_size": 4}, 4), ({"max_size": 2}, 2)])
def test_AS4_a_moved_bound_takes_desired_with_it(bench, sizes, desired):
    lab = bench(3)
    lab.world.update_group("web", **sizes)
    lab.wait(600)
    assert (lab.group.desired, len(lab.ids("InService"))) == (desired, desired)


def test_AS5_a_second_group_of_the_same_name_is_refused(bench, refused):
    lab = bench(3)
    with refused("AlreadyExists", "AutoScalingGroup by this name already exists"):
        lab.world.create_group("web", 0, 1, template=lab.group.template)


def test_AS6_a_group_with_instances_is_not_deleted_without_force(bench, refused):
    lab = bench(2, min=0)
    with refused("ResourceInUse", "while there are instances"):
        lab.world.delete_group("web")
    lab.world.set_desired_capacity("web", 0)
    lab.wait(10)
    with refused("ScalingActivityInProgress", "scaling activities in progress"):
        lab.world.delete_group("web")
    lab.wait(600)
    lab.world.delete_group("web")
    assert "web" not in lab.world.groups


def test_AS7_a_forced_deletion_shows_a_status_and_refuses_changes_until_it_is_gone(bench, refused):
    lab = bench(2)
    lab.world.delete_group("web", force=True)
    assert lab.group.status == "Delete in progress"
    with refused("ValidationError", "may not be modified while it is pending delete"):
        lab.world.set_desired_capacity("web", 0)
    lab.wait(300)
    assert "web" not in lab.world.groups
    assert not lab.since("Launch")


def test_AS8_a_cooldown_that_is_honoured_blocks_with_the_activity_named(bench, refused):
    lab = bench(3)
    lab.world.set_desired_capacity("web", 4)
    lab.wait(10)
    with refused("ScalingActivityInProgress", "is in progress and blocks this action"):
        lab.world.set_desired_capacity("web", 5, honor_cooldown=True)
    lab.world.set_desired_capacity("web", 5, honor_cooldown=False)
    lab.wait(lab.group.cooldown + 10)
    lab.world.set_desired_capacity("web", 4, honor_cooldown=True)
    assert lab.group.desired == 4


def test_AS9_an_unknown_group_is_left_out_of_describes_and_refused_elsewhere(bench):
    client = bench(2).aws.client("autoscaling")
    found = client.describe_auto_scaling_groups(AutoScalingGroupNames=["web", "nope"])
    assert [item["AutoScalingGroupName"] for item in found["AutoScalingGroups"]] == ["web"]
    with pytest.raises(client.exceptions.ClientError, match="name not found") as error:
        client.set_desired_capacity(AutoScalingGroupName="nope", DesiredCapacity=1)
    assert error.value.response["Error"]["Code"] == "ValidationError"


def test_AS10_an_update_leaves_alone_what_it_does_not_name(bench):
    lab = bench(2, mixed={"overrides": [{"type": "m5.large", "weight": 1}]})
    before = lab.group.mixed
    assert isinstance(before, MixedPolicy)
    lab.world.update_group("web", max_size=9)
    assert lab.group.mixed is before
    assert before.overrides == (Override("m5.large", 1),)


def test_AS11_leaving_out_the_processes_means_all_of_them(bench):
    lab = bench(2)
    lab.world.suspend_processes("web")
    assert set(lab.group.suspended) == set(PROCESSES)
    lab.world.resume_processes("web", ["Launch"])
    assert set(lab.group.suspended) == set(PROCESSES) - {"Launch"}
    lab.world.resume_processes("web")
    assert lab.group.suspended == {}


def test_AS12_an_unknown_process_is_refused(bench, refused):
    lab = bench(2)
    with refused("ValidationError", "Nonsense"):
        lab.world.suspend_processes("web", ["Nonsense"])


def test_AS14_the_history_says_whether_a_size_was_set_changed_by_an_amount_or_moved(bench):
    lab = bench(4, min=1, max=9)
    lab.world.set_desired_capacity("web", 5)
    lab.world.terminate_instance(lab.ids()[0], decrement=True)
    lab.world.enter_standby("web", lab.ids()[1:2], decrement=True)
    lab.world.exit_standby("web", lab.ids("Standby"))
    lab.world.detach_instances("web", lab.ids("InService")[:1], decrement=True)
    lab.world.update_group("web", min_size=5)
    lab.world.update_group("web", min_size=1, desired=6, actor="operator")
    lab.world.inject(Fault("scale_in", by=2))
    lab.world.inject(Fault("scheduled_action", desired=7))
    sizes = [(r.after, r.how) for r in lab.since("Size") if r.field == "desired"]
    assert sizes == [
        (5, "set"),
        (4, "by"),
        (3, "by"),
        (4, "by"),
        (3, "by"),
        (5, "bound"),
        (6, "set"),
        (4, "by"),
        (7, "set"),
    ]


def test_AS13_tags_arrive_with_the_group_and_the_last_writer_wins(bench):
    lab = bench(2)
    client = lab.aws.client("autoscaling")

    def tag(value):
        client.create_or_update_tags(
            Tags=[
                {
                    "ResourceId": "web",
                    "ResourceType": "auto-scaling-group",
                    "Key": "lease",
                    "Value": value,
                    "PropagateAtLaunch": False,
                }
            ]
        )

    tag("me")
    tag("you")
    group = client.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    assert [(item["Key"], item["Value"]) for item in group["Tags"]] == [("lease", "you")]
    assert client.describe_tags()["Tags"] == group["Tags"]
    client.delete_tags(
        Tags=[{"ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": "lease"}]
    )
    assert client.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Tags"] == []
