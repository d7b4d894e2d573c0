"""What AWS may do instead of what the lab assumes: groups, launches, activities, faults.

Each test shows that the other behaviour really happens.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from botocore.exceptions import ClientError

from tests.lab.world import ApiError, Fault

from .conftest import otherwise

SAY_NOTHING = "The request could not be completed in the current state of the resource."
FAILS = Fault("bad_image", mode="missing")


def refusal(act) -> tuple[str, str]:
    """Return code and text of the refusal of ``act()``."""
    with pytest.raises(ApiError) as error:
        act()
    return error.value.code, error.value.message


# -- refusals -------------------------------------------------------------------------------------


def _hook(lab):
    lab.world.put_lifecycle_hook("web", "in", "autoscaling:EC2_INSTANCE_LAUNCHING")


def _two_groups(lab):
    lab.world.create_group("other", 0, 1, 0, template=lab.group.template)
    lab.world.attach_instances("other", lab.ids()[:1])


def _two_refreshes(lab):
    lab.world.start_instance_refresh("web")
    lab.world.start_instance_refresh("web")


def _rollback(lab):
    lab.world.start_instance_refresh("web")
    lab.world.rollback_instance_refresh("web")


ACTS = {
    "AS-2": lambda lab: lab.world.set_desired_capacity("web", 1),
    "AS-3": lambda lab: lab.world.update_group("web", min_size=9),
    "AS-9": lambda lab: lab.world.set_desired_capacity("nope", 1),
    "HK-6": lambda lab: lab.world.complete_lifecycle_action("web", "nope", "CONTINUE", "i-1"),
    "HK-9": lambda lab: lab.world.put_lifecycle_hook("web", "in", heartbeat_timeout=5),
    "ME-1": lambda lab: lab.world.enter_standby("web", lab.ids()[:2], decrement=True),
    "ME-3": lambda lab: lab.world.exit_standby("web", lab.ids()[:1]),
    "ME-7": _two_groups,
}
MODELLED = {
    "IR-2": _two_refreshes,
    "IR-3": lambda lab: lab.world.cancel_instance_refresh("web"),
    "IR-4": _rollback,
}
REWORDED = [
    ("AS-2", "other-words"),
    ("AS-3", "other-words"),
    ("AS-9", "other-words"),
    ("HK-6", "other-words"),
    ("HK-9", "other-words"),
    ("ME-1", "other-words"),
    ("ME-3", "other-words"),
    ("ME-7", "other-words"),
    ("IR-2", "other-words"),
    ("IR-3", "other-words"),
    ("IR-4", "other-words"),
]
RECODED = [
    ("AS-2", "other-code"),
    ("AS-3", "other-code"),
    ("AS-9", "other-code"),
    ("HK-6", "other-code"),
    ("HK-9", "other-code"),
    ("ME-1", "other-code"),
    ("ME-3", "other-code"),
    ("ME-7", "other-code"),
]


@pytest.mark.parametrize(("rule", "name"), REWORDED)
def test_the_same_refusal_in_other_words(bench, rule, name):
    act = {**ACTS, **MODELLED}[rule]
    usual, other = bench(3), bench(3, **otherwise(rule, name))
    code, text = refusal(lambda: act(usual))
    assert text != SAY_NOTHING
    assert refusal(lambda: act(other)) == (code, SAY_NOTHING)


@pytest.mark.parametrize(("rule", "name"), RECODED)
def test_the_same_refusal_with_another_code(bench, rule, name):
    usual, other = bench(3), bench(3, **otherwise(rule, name))
    assert refusal(lambda: ACTS[rule](usual))[0] == "ValidationError"
    assert refusal(lambda: ACTS[rule](other)) == ("ValidationException", SAY_NOTHING)


def test_other_codes_for_throttled_denied_and_expired_calls(bench):
    lab = bench(2, **otherwise("FA-1", "exceptions"))
    client, codes = lab.aws.client("autoscaling"), []
    for kind in ("throttle", "denied", "expired_token"):
        lab.world.inject(Fault(kind, nth=1))
        with pytest.raises(ClientError) as error:
            client.describe_auto_scaling_groups()
        codes.append(error.value.response["Error"]["Code"])
    assert codes == ["ThrottlingException", "AccessDeniedException", "ExpiredTokenException"]


# -- groups ---------------------------------------------------------------------------------------


def test_desired_follows_a_bound_a_little_later(bench):
    lab = bench(3, **otherwise("AS-4", "later"))
    lab.world.update_group("web", min_size=4)
    assert (lab.group.min_size, lab.group.desired) == (4, 3)
    lab.wait(10)
    assert lab.group.desired == 4
    assert [(r.after, r.how) for r in lab.since("Size")] == [(4, "set"), (4, "bound")]


def test_the_cooldown_counts_from_the_end_of_an_activity(bench):
    lab = bench(3, cooldown=60, boot={"median": 50, "sigma": 0}, **otherwise("AS-8", "ended"))
    lab.world.set_desired_capacity("web", 4)
    while lab.group.activities == type(lab.group.activities)() or not lab.group.activities[0].end:
        lab.wait(1)
    lab.wait(55)
    code, _ = refusal(lambda: lab.world.set_desired_capacity("web", 5, honor_cooldown=True))
    assert code == "ScalingActivityInProgress"
    lab.wait(6)
    lab.world.set_desired_capacity("web", 5, honor_cooldown=True)


def test_an_unknown_process_is_left_out(bench):
    lab = bench(3, **otherwise("AS-12", "ignored"))
    lab.world.suspend_processes("web", ["Nonsense", "AZRebalance"])
    assert list(lab.group.suspended) == ["AZRebalance"]
    lab.world.suspend_processes("web", ["Nonsense"])
    assert list(lab.group.suspended) == ["AZRebalance"]


def test_a_group_of_an_operator_refuses_changes_as_not_valid(bench):
    lab = bench(3, operator="ecs.amazonaws.com", **otherwise("AS-16", "validation"))
    client = lab.aws.client("autoscaling")
    with pytest.raises(ClientError, match="is managed by ecs") as error:
        client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=4)
    assert error.value.response["Error"]["Code"] == "ValidationError"


# -- launches -------------------------------------------------------------------------------------


def launched_zones(lab, count: int) -> str:
    """Launch ``count`` instances one after the other; return their zones' letters."""
    for _ in range(count):
        lab.world.set_desired_capacity("web", lab.group.desired + 1)
        lab.wait(10)
    return "".join(record.zone[-1] for record in lab.since("Launch"))


def test_the_last_of_equal_zones_is_taken(bench):
    assert launched_zones(bench(3, max=9), 3) == "abc"
    assert launched_zones(bench(3, max=9, **otherwise("LA-4", "last")), 3) == "cba"


def test_any_of_equal_zones_is_taken(bench):
    first = {
        launched_zones(bench(3, max=9, seed=seed, **otherwise("LA-4", "any")), 1)
        for seed in range(12)
    }
    assert first == {"a", "b", "c"}


def test_a_zone_without_capacity_fails_first_and_another_is_tried_with_the_next_launch(bench):
    lab = bench(3, **otherwise("LA-5", "fails-first"))
    lab.world.inject(Fault("insufficient_capacity", zone="a"))
    assert launched_zones(lab, 1) == ""
    assert [status for status, *_ in lab.activities()] == ["Failed"]
    lab.wait(30)
    assert launched_zones(lab, 0) == "b"


def test_a_zone_without_capacity_is_tried_until_it_has_some(bench):
    lab = bench(3, **otherwise("LA-5", "same-zone"))
    lab.world.inject(Fault("insufficient_capacity", zone="a", until=100))
    lab.world.set_desired_capacity("web", 4)
    lab.wait(95)
    assert len(lab.since("LaunchFailed")) >= 3
    assert launched_zones(lab, 0) == ""
    lab.wait(30)
    assert launched_zones(lab, 0) == "a"


def test_what_a_heavy_launch_overshoots_by_is_taken_back_where_it_fits(bench):
    kinds = [{"type": "m5.large", "weight": 1}, {"type": "m5.2xlarge", "weight": 4}]
    ends = []
    for other in ({}, otherwise("LA-6", "shrinks")):
        lab = bench(6, max=20, mixed={"overrides": kinds}, **other)
        lab.world.inject(Fault("insufficient_capacity", instance_type="m5.large"))
        lab.world.set_desired_capacity("web", lab.group.units + 1)
        lab.wait(300)
        ends.append(lab.group.units - lab.group.desired)
    assert ends[0] > ends[1] >= 0


def test_the_activity_of_a_machine_that_ends_in_pending_is_cancelled(bench):
    lab = bench(2, **otherwise("LA-8", "cancelled"))
    lab.world.inject(Fault("bad_image", count=1))
    lab.world.set_desired_capacity("web", 3)
    lab.wait(200)
    assert lab.activities()[-1][0] == "Cancelled"


def test_the_activity_of_a_machine_that_ends_in_pending_does_not_say_why(bench):
    lab = bench(2, **otherwise("LA-8", "other-words"))
    lab.world.inject(Fault("bad_image", count=1))
    lab.world.set_desired_capacity("web", 3)
    lab.wait(200)
    status, _, message = lab.activities()[-1]
    assert status == "Failed"
    assert "Client.InternalError" not in message


def test_a_group_waits_longer_after_each_failed_launch(bench):
    lab = bench(2, **otherwise("LA-12", "longer"))
    lab.world.inject(FAILS)
    lab.world.set_desired_capacity("web", 3)
    lab.wait(2200)
    times = [record.time for record in lab.since("LaunchFailed")]
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps == [30, 60, 120, 240, 480, 600, 600]


# -- activities -----------------------------------------------------------------------------------


def newest_cause(lab, *sizes: int) -> str:
    """Return the cause of the launch that setting desired to ``sizes`` in a row leads to."""
    for size in sizes:
        lab.world.set_desired_capacity("web", size)
    lab.wait(10)
    return lab.group.activities[0].cause


def test_a_cause_in_other_words(bench):
    lab = bench(2, **otherwise("CA-1", "other-words"))
    assert newest_cause(lab, 3) == "The capacity of the group was adjusted."


def test_only_the_latest_change_stands_in_a_cause(bench):
    lab = bench(2, max=9, **otherwise("CA-2", "latest"))
    cause = newest_cause(lab, 8, 3)
    assert "from 2 to 8" not in cause
    assert "from 8 to 3" in cause


def test_what_was_taken_back_stands_in_the_next_cause(bench):
    lab = bench(2, max=9, **otherwise("CA-2", "taken-back-too"))
    lab.world.set_desired_capacity("web", 8)
    lab.world.set_desired_capacity("web", 2)
    lab.wait(10)
    cause = newest_cause(lab, 3)
    assert [text in cause for text in ("2 to 8", "8 to 2", "2 to 3")] == [True, True, True]


def test_no_change_stands_in_a_cause(bench):
    cause = newest_cause(bench(2, **otherwise("CA-2", "none")), 3)
    assert "user request" not in cause
    assert "increasing the capacity from 2 to 3" in cause


def test_an_activity_is_listed_twenty_seconds_late(bench):
    lab = bench(2, **otherwise("CA-7", "late"))
    client = lab.aws.client("autoscaling")
    lab.world.set_desired_capacity("web", 3)
    lab.wait(10)
    assert len(lab.group.activities) == 1
    assert client.describe_scaling_activities(AutoScalingGroupName="web")["Activities"] == []
    lab.wait(15)
    assert client.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]


def test_each_of_several_launches_and_terminations_names_its_own_step(bench):
    lab = bench(2, max=9, **otherwise("CA-8", "own-step"))
    newest_cause(lab, 4)
    lab.wait(300)
    newest_cause(lab, 2)
    steps = [item.cause.split(" capacity from ")[-1].split(".")[0] for item in lab.group.activities]
    assert steps == ["3 to 2", "4 to 3", "3 to 4", "2 to 3"]


# -- who sets totals ------------------------------------------------------------------------------


def test_target_tracking_is_proportional_to_desired(bench):
    wanted = []
    for other in ({}, otherwise("DM-2", "desired")):
        lab = bench(4, max=30, target_tracking={"target": 10, "load": 80}, **other)
        lab.world.suspend_processes("web", ["Launch"])
        lab.world.set_desired_capacity("web", 6)
        lab.wait(200)
        wanted.append(lab.group.desired)
    assert wanted == [8, 12]


# -- stale reads ----------------------------------------------------------------------------------


def stale(lab) -> tuple[int, int]:
    """Return desired and the number of members that one read of the group shows."""
    (group,) = lab.aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return group["DesiredCapacity"], len(group["Instances"])


def test_members_lag_behind_the_sizes(bench):
    lab = bench(3, delays={"stale_reads": 60}, **otherwise("FA-9", "members-lag"))
    lab.world.set_desired_capacity("web", 4)
    lab.wait(10)
    assert stale(lab) == (4, 3)
    lab.wait(60)
    assert stale(lab) == (4, 4)


def test_sizes_lag_behind_the_members(bench):
    lab = bench(3, delays={"stale_reads": 60}, **otherwise("FA-9", "sizes-lag"))
    lab.world.set_desired_capacity("web", 4)
    lab.wait(10)
    assert stale(lab) == (3, 4)
    lab.wait(60)
    assert stale(lab) == (4, 4)


def test_reads_go_to_one_replica_that_is_current_and_one_that_is_not(bench):
    lab = bench(3, delays={"stale_reads": 60}, **otherwise("FA-9", "replicas"))
    lab.world.set_desired_capacity("web", 4)
    lab.wait(10)
    assert [stale(lab) for _ in range(4)] == [(4, 4), (3, 3), (4, 4), (3, 3)]


def test_the_number_of_a_deleted_version_is_given_again(bench):
    lab = bench(2, **otherwise("EC-8", "reused"))
    client = lab.aws.client("ec2")
    made = {"LaunchTemplateName": "web", "LaunchTemplateData": {"ImageId": "ami-00000009"}}
    numbers = []
    for _ in range(2):
        version = client.create_launch_template_version(**made)["LaunchTemplateVersion"]
        numbers.append(version["VersionNumber"])
        client.delete_launch_template_versions(LaunchTemplateName="web", Versions=["3"])
    assert numbers == [3, 3]
