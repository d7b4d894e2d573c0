"""Launches: time, templates, zones, capacity, failures. Each test names its line of RULES.md."""

from __future__ import annotations

from tests.lab.world import BootTimes, Delays, Fault, TemplateRef, World


def test_LA1_a_launch_is_in_service_once_ec2_says_running_answering_or_not(bench):
    lab = bench(2)
    lab.world.set_desired_capacity("web", 3)
    lab.wait(lab.world.delays.reaction)
    (key,) = lab.ids("Pending")
    new = lab.world.instances[key]
    lab.wait(lab.world.delays.running)
    assert (new.lifecycle, new.state, new.answers) == ("InService", "running", False)
    assert new.in_service_at == new.launch_time + lab.world.delays.running < new.up_at


def test_LA13_a_slow_launch_stays_pending_for_longer(bench):
    lab = bench(2, faults=[{"kind": "slow_launch", "seconds": 500, "count": 1}])
    lab.world.set_desired_capacity("web", 4)
    lab.wait(500)
    (slow,) = lab.ids("Pending")
    assert not lab.world.instances[slow].answers
    lab.wait(20)
    assert lab.ids("Pending") == []
    assert lab.world.instances[slow].answers


def test_LA2_latest_and_default_are_resolved_at_each_launch_and_kept_by_the_instance(bench):
    lab = bench(2)
    assert {item.launch.version for item in lab.group.instances.values()} == {"1"}
    lab.world.set_desired_capacity("web", 3)
    lab.wait(200)
    template = lab.world.templates.find(None, "web")
    lab.world.templates.create_launch_template_version(template, {"ImageId": "ami-00000003"})
    lab.world.set_desired_capacity("web", 4)
    lab.wait(200)
    lab.world.update_group("web", max_size=6, launch=TemplateRef(template.id, "web", "$Latest"))
    lab.world.set_desired_capacity("web", 5)
    lab.wait(200)
    versions = [item.launch.version for item in lab.group.instances.values()]
    assert versions == ["1", "1", "2", "2", "3"]


def test_LA3_an_instance_shows_the_launch_configuration_it_was_launched_on(bench):
    lab = bench(
        2, configuration={"name": "new"}, launched_on_configuration={"name": "old"}, template={}
    )
    lab.world.set_desired_capacity("web", 3)
    lab.wait(200)
    found = lab.aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]
    shown = [item["LaunchConfigurationName"] for item in found["Instances"]]
    assert (found["LaunchConfigurationName"], shown) == ("new", ["old", "old", "new"])


def test_LA4_a_launch_goes_to_the_zone_with_the_fewest_instances(bench):
    lab = bench(4, instance_zones=["a", "a", "b", "b"])
    lab.world.set_desired_capacity("web", 6)
    lab.wait(10)
    assert [item.zone[-1] for item in lab.group.instances.values()][4:] == ["c", "c"]


def test_LA5_without_capacity_in_a_zone_another_is_taken_and_without_any_the_group_retries(bench):
    lab = bench(3, faults=[{"kind": "insufficient_capacity", "zone": "a", "until": 100}])
    lab.world.set_desired_capacity("web", 4)
    lab.wait(10)
    assert lab.world.instances[lab.ids("Pending")[0]].zone.endswith("b")

    lab = bench(3, faults=[{"kind": "insufficient_capacity", "until": 100}])
    lab.world.set_desired_capacity("web", 4)
    lab.wait(10)
    status, _, message = lab.activities()[0]
    assert status == "Failed"
    assert message.startswith("We currently do not have sufficient t3.micro capacity")
    assert message.endswith("Launching EC2 instance failed.")
    assert {record.reason for record in lab.since("LaunchFailed")} == {
        "InsufficientInstanceCapacity"
    }
    lab.wait(300)
    assert len(lab.ids("InService")) == 4


def test_LA6_weights_count_units_and_the_last_launch_may_overshoot(bench):
    overrides = [{"type": "m5.xlarge", "weight": 4}, {"type": "m5.large", "weight": 2}]
    lab = bench(8, max=20, mixed={"overrides": overrides})
    assert lab.group.units >= 8
    before = lab.group.units
    lab.world.set_desired_capacity("web", before + 1)
    lab.wait(300)
    assert lab.group.units == before + 4
    row = lab.aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]
    assert row["Instances"][-1]["WeightedCapacity"] == "4"
    assert row["Instances"][-1]["InstanceType"] == "m5.xlarge"


def test_FA19_a_launch_that_fails_in_one_zone_succeeds_in_another_a_little_later(bench):
    lab = bench(3)
    lab.world.inject(Fault("launch_fails_first", nth=1, seconds=20))
    lab.world.set_desired_capacity("web", 4)
    lab.wait(10)
    (failed,) = lab.group.activities
    assert (failed.status, "eu-central-1a" in failed.message) == ("Failed", True)
    assert lab.since("Launch") == []
    lab.wait(20)
    assert [record.zone for record in lab.since("Launch")] == ["eu-central-1b"]
    assert [status for status, *_ in lab.activities()] == ["PreInService", "Failed"]
    assert [record.reason for record in lab.since("LaunchFailed")] == [
        "InsufficientInstanceCapacity"
    ]


def test_FA19_without_seconds_the_second_try_comes_after_five_to_sixty(bench):
    seen = set()
    for seed in range(8):
        lab = bench(3, seed=seed)
        lab.world.inject(Fault("launch_fails_first", count=1, group="web"))
        lab.world.set_desired_capacity("web", 4)
        lab.wait(70)
        (failed,), (launched,) = lab.since("LaunchFailed"), lab.since("Launch")
        seen.add(launched.time - failed.time)
    assert min(seen) >= 5
    assert max(seen) <= 60
    assert len(seen) == 8


def test_LA7_an_image_that_does_not_exist_fails_the_launch_with_its_id(bench):
    lab = bench(2, faults=[{"kind": "bad_image", "mode": "missing", "version": 2}])
    lab.world.set_desired_capacity("web", 3)
    lab.wait(10)
    status, _, message = lab.activities()[0]
    assert status == "Failed"
    assert message == "The image id '[ami-00000002]' does not exist. Launching EC2 instance failed."


def test_LA8_a_machine_that_ends_in_pending_fails_its_activity_and_is_replaced(bench):
    lab = bench(2, faults=[{"kind": "bad_image", "count": 1}])
    lab.world.set_desired_capacity("web", 3)
    lab.wait(600)
    failed = [message for status, _, message in lab.activities() if status == "Failed"]
    assert len(failed) == 1
    assert failed[0].startswith("Instance became unhealthy while waiting for instance to be in")
    assert "Client.InternalError" in failed[0]
    assert [record.actor for record in lab.since("Launch")] == ["caller", "aws"]
    assert len(lab.ids("InService")) == 3


def test_LA9_a_suspended_launch_launches_nothing_until_it_is_resumed(bench):
    lab = bench(2)
    lab.world.suspend_processes("web", ["Launch"])
    lab.world.set_desired_capacity("web", 3)
    lab.wait(600)
    assert len(lab.ids()) == 2
    lab.world.resume_processes("web", ["Launch"])
    lab.wait(600)
    assert len(lab.ids("InService")) == 3


def test_LA10_the_cause_of_a_launch_names_the_request_and_the_capacities(bench):
    lab = bench(2)
    lab.world.set_desired_capacity("web", 3)
    lab.wait(10)
    cause = lab.group.activities[0].cause
    assert "a user request explicitly set group desired capacity changing the desired" in cause
    assert "increasing the capacity from 2 to 3" in cause


def test_LA11_without_any_delay_everything_has_happened_when_the_call_returns():
    world = World(boot=BootTimes(median=0), delays=Delays.none())
    template = world.templates.create_launch_template("web", {})
    arn = world.create_target_group("web").arn
    ref = TemplateRef(template.id, "web")
    group = world.create_group("web", 1, 5, 3, template=ref, target_group_arns=[arn])
    assert len(world.serving(group)) == 3
    world.terminate_instance("i-00000000000000001", decrement=False)
    assert sorted(group.instances) == [f"i-{number:017x}" for number in (2, 3, 4)]
    assert len(world.serving(group)) == 3
    assert world.now == world.start


def test_LA12_a_launch_that_always_fails_does_not_stop_the_clock_even_without_delays():
    faults = [Fault("bad_image", until=10)]
    world = World(boot=BootTimes(median=0), delays=Delays.none(), faults=faults)
    template = world.templates.create_launch_template("web", {})
    world.create_group("web", 1, 1, 1, template=TemplateRef(template.id, "web"))
    world.advance(world.start + 20)
    assert len(world.serving(world.group("web"))) == 1
