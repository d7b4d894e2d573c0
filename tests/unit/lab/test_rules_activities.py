"""Scaling activities and what they say. Each test names its line of RULES.md."""

from __future__ import annotations

import json

from tests.lab.world import Fault


def causes(lab, kind="Launching"):
    """Return the causes of the activities of one kind, oldest first, without their times."""
    found = [item for item in lab.group.activities if item.description.startswith(kind)]
    stamp = lab.world.stamp(lab.world.start)[:11]
    return [
        " ".join(
            "At T" if word == "At" else word for word in item.cause.split() if stamp not in word
        )
        for item in reversed(found)
    ]


def described(lab):
    """Return the newest activity as DescribeScalingActivities shows it."""
    client = lab.aws.client("autoscaling")
    return client.describe_scaling_activities(AutoScalingGroupName="web")["Activities"][0]


STARTED = (
    "At T an instance was started in response to a difference between desired and actual "
    "capacity, increasing the capacity from {} to {}."
)


def test_CA1_a_cause_names_who_changed_desired_from_what_to_what(bench):
    lab = bench(2, max=20)
    lab.world.set_desired_capacity("web", 3)
    lab.wait(10)
    lab.world.update_group("web", desired=4)
    lab.wait(10)
    lab.world.update_group("web", min_size=5)
    lab.wait(10)
    lab.world.inject(Fault("scheduled_action", desired=6))
    lab.wait(10)
    lab.world.inject(Fault("scale_out", by=1))
    lab.wait(10)
    update = "update of AutoScalingGroup constraints to"
    assert causes(lab) == [
        "At T a user request explicitly set group desired capacity changing the desired capacity "
        "from 2 to 3. " + STARTED.format(2, 3),
        f"At T a user request {update} min: 2, max: 20, desired: 4 changing the desired capacity "
        "from 3 to 4. " + STARTED.format(3, 4),
        f"At T a user request {update} min: 5, max: 20, desired: 5 changing the desired capacity "
        "from 4 to 5. " + STARTED.format(4, 5),
        f"At T a scheduled action {update} min: 5, max: 20, desired: 6 changing the desired "
        "capacity from 5 to 6. " + STARTED.format(5, 6),
        "At T a monitor alarm lab in state ALARM triggered policy lab changing the desired "
        "capacity from 6 to 7. " + STARTED.format(6, 7),
    ]


def test_CA2_changes_before_the_group_acts_stand_in_one_cause_one_after_the_other(bench):
    lab = bench(2, max=20)
    lab.world.set_desired_capacity("web", 9)
    lab.wait(1)
    lab.world.set_desired_capacity("web", 4)
    lab.wait(10)
    both = (
        "At T a user request explicitly set group desired capacity changing the desired capacity "
        "from 2 to 9. "
        "At T a user request explicitly set group desired capacity changing the desired capacity "
        "from 9 to 4. "
    )
    assert causes(lab) == [both + STARTED.format(2, 4)] * 2


def test_CA2_what_was_changed_back_before_the_group_acts_stands_nowhere(bench):
    lab = bench(2, max=20)
    lab.world.set_desired_capacity("web", 9)
    lab.world.set_desired_capacity("web", 2)
    lab.wait(10)
    lab.world.set_desired_capacity("web", 3)
    lab.wait(10)
    assert [cause.count("explicitly") for cause in causes(lab)] == [1]


def test_CA7_an_activity_is_listed_as_soon_as_it_begins(bench):
    lab = bench(2)
    lab.world.terminate_instance(lab.ids()[0], decrement=False)
    assert described(lab)["StatusCode"] == "WaitingForELBConnectionDraining"


def test_CA8_each_of_several_launches_and_terminations_names_the_whole_step(bench):
    lab = bench(2, max=20)
    lab.world.set_desired_capacity("web", 4)
    lab.wait(300)
    lab.world.set_desired_capacity("web", 2)
    lab.wait(10)
    steps = [item.cause.split(" capacity from ")[-1].split(".")[0] for item in lab.group.activities]
    assert steps == ["4 to 2", "4 to 2", "2 to 4", "2 to 4"]


def test_CA3_the_cause_of_a_termination_names_the_change_or_the_request_or_the_check(bench):
    lab = bench(5, min=0)
    first, second = lab.ids()[:2]
    lab.world.terminate_instance(first, decrement=True)
    lab.world.terminate_instance(second, decrement=False)
    lab.wait(200)
    lab.world.set_desired_capacity("web", 3)
    lab.wait(10)
    third = lab.ids("InService")[0]
    lab.world.set_instance_health(third, "Unhealthy")
    lab.wait(10)
    found = causes(lab, "Terminating")
    taken = "was taken out of service in response to"
    assert found[:2] == [
        f"At T instance {first} {taken} a user request, shrinking the capacity from 5 to 4.",
        f"At T instance {second} {taken} a user request.",
    ]
    assert found[2].startswith(
        "At T a user request explicitly set group desired capacity changing the desired capacity "
        f"from 4 to 3. At T an instance {taken} a difference between desired and actual capacity, "
        "shrinking the capacity from 4 to 3. At T instance i-"
    )
    assert found[2].endswith(" was selected for termination.")
    assert found[3] == f"At T an instance {taken} a user health-check."
    assert causes(lab)[1:] == [
        "At T an instance was launched in response to an unhealthy instance needing to be replaced."
    ]


def test_CA4_details_name_subnet_and_zone_also_of_a_launch_that_failed(bench):
    lab = bench(2, zones=["a", "b"], subnets="subnet-0a,subnet-0b")
    lab.world.inject(Fault("insufficient_capacity"))
    lab.world.set_desired_capacity("web", 3)
    lab.wait(10)
    failed = described(lab)
    assert json.loads(failed["Details"]) == {
        "Subnet ID": "subnet-0a",
        "Availability Zone": "eu-central-1a",
    }
    lab.world.terminate_instance(lab.ids()[1], decrement=False)
    assert json.loads(described(lab)["Details"])["Subnet ID"] == "subnet-0b"


def test_CA5_a_failed_activity_ends_its_description_with_the_reason(bench):
    lab = bench(2)
    lab.world.inject(Fault("bad_image", mode="missing"))
    lab.world.set_desired_capacity("web", 3)
    lab.wait(10)
    failed = described(lab)
    text = "The image id '[ami-00000002]' does not exist. Launching EC2 instance failed."
    assert (failed["StatusCode"], failed["StatusMessage"]) == ("Failed", text)
    assert failed["Description"] == f"Launching a new EC2 instance.  Status Reason: {text}"
    assert failed["StartTime"] == failed["EndTime"]


def test_CA6_a_termination_that_drains_says_so_in_its_description(bench):
    lab = bench(3)
    key = lab.ids()[0]
    lab.world.terminate_instance(key, decrement=False)
    drains = described(lab)
    assert drains["StatusCode"] == "WaitingForELBConnectionDraining"
    assert drains["Description"] == (
        f"Terminating EC2 instance: {key} - Waiting For ELB Connection Draining."
    )
    lab.wait(70)
    client = lab.aws.client("autoscaling")
    found = client.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    assert f"Terminating EC2 instance: {key}" in [item["Description"] for item in found]
