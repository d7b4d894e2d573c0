"""Publishing when calls fail, answers get lost, and other people change the group."""

import pytest

from .conftest import NEW, NEWER


def test_a_lost_answer_to_making_a_version_is_cleared_by_looking(stage):
    stage.fault(kind="lost_answer", operation="CreateLaunchTemplateVersion", count=1, applied=True)
    data, code = stage.publish()
    assert (code, data["status"], stage.version()) == (0, "published", "3")
    assert max(stage.versions()) == 3


def test_a_version_that_somebody_has_deleted_is_made_anew(stage):
    stage.publish(NEW)
    template = stage.group()["LaunchTemplate"]["LaunchTemplateId"]
    stage.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName="web", LaunchTemplate={"LaunchTemplateId": template, "Version": "2"}
    )
    stage.ec2.delete_launch_template_versions(LaunchTemplateName="web", Versions=["3"])
    data, code = stage.publish(NEW)
    assert (code, data["status"], stage.version()) == (0, "published", "4"), data
    assert stage.user_data(4) == NEW


def test_a_call_that_never_arrived_is_told_and_the_next_publish_makes_the_version(stage):
    stage.fault(kind="lost_answer", operation="CreateLaunchTemplateVersion", count=1, applied=False)
    data, code = stage.publish()
    assert (code, stage.version()) == (2, "2")
    assert "CreateLaunchTemplateVersion: no answer" in data["obstacles"][0]
    assert stage.publish()[1] == 0
    assert max(stage.versions()) == 3


@pytest.mark.parametrize("operation", ["CreateOrUpdateTags", "UpdateAutoScalingGroup"])
def test_a_version_that_a_failed_publish_has_left_is_used_by_the_next(stage, operation):
    stage.fault(kind="denied", operation=operation, count=1)
    data, code = stage.publish()
    assert (code, stage.version(), max(stage.versions())) == (2, "2", 3)
    assert "was made and is not in use; the next publish uses it" in data["left"][0]
    data, code = stage.publish()
    assert (code, stage.version(), max(stage.versions())) == (0, "3", 3)


def test_a_refused_update_takes_the_tag_away_again(stage):
    stage.fault(kind="denied", operation="UpdateAutoScalingGroup", count=1)
    stage.publish()
    assert stage.tag() is None


def test_a_refused_update_puts_the_recorded_version_back(stage):
    stage.publish(NEW)
    recorded = stage.tag()
    stage.fault(kind="denied", operation="UpdateAutoScalingGroup", count=1)
    data, code = stage.publish(NEWER)
    assert (code, stage.version(), stage.tag()) == (2, "3", recorded)
    assert "docs/iam-policy.json" in data["obstacles"][0]


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_to_setting_the_group_is_cleared_by_looking(stage, applied):
    stage.fault(kind="lost_answer", operation="UpdateAutoScalingGroup", count=1, applied=applied)
    data, code = stage.publish()
    assert stage.version() == ("3" if applied else "2")
    assert (code, data["status"]) == ((0, "published") if applied else (3, "unclear"))
    if not applied:
        assert "publish web` again" in data["next"]
        assert stage.publish()[1] == 0


def test_a_lost_answer_to_writing_the_tag_is_cleared_by_looking(stage):
    stage.fault(kind="lost_answer", operation="CreateOrUpdateTags", count=1, applied=True)
    assert stage.publish()[1] == 0
    assert stage.tag().endswith(":2")


def test_a_group_that_somebody_changes_before_it_is_set_is_left_so(stage):
    stage.fault(
        kind="operator_launches", group="web", version=1, operation="CreateLaunchTemplateVersion"
    )
    data, code = stage.publish()
    assert (code, data["status"], stage.version()) == (2, "refused", "1")
    assert "somebody has changed what web launches from meanwhile" in data["obstacles"][0]
    assert stage.mutations() == ["CreateLaunchTemplateVersion"]


def test_a_group_that_somebody_changes_right_after_is_told(stage):
    # launch (assess), launch (before), update, and then this look
    stage.fault(
        kind="operator_launches",
        group="web",
        version=1,
        operation="DescribeAutoScalingGroups",
        nth=3,
    )
    data, code = stage.publish()
    assert (code, data["status"], stage.version()) == (3, "overtaken", "1")
    assert "somebody has set it to" in data["obstacles"][0]


def test_descriptions_that_lag_behind_are_waited_for(stage):
    stage.fault(kind="stale_reads", seconds=3)
    stage.lab.advance(10)
    data, code = stage.publish()
    assert (code, data["warnings"]) == (0, [])


def test_an_update_that_cannot_be_read_back_is_told_and_not_taken_for_a_failure(stage):
    stage.fault(kind="denied", operation="DescribeAutoScalingGroups", nth=3, count=9)
    data, code = stage.publish()
    assert code == 0
    assert "cannot be read again" in data["warnings"][0]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "denied", "operation": "DescribeAutoScalingGroups"}, "iam-policy.json"),
        ({"kind": "denied", "operation": "DescribeLaunchTemplateVersions"}, "iam-policy.json"),
        ({"kind": "denied", "operation": "DescribeInstanceRefreshes"}, "iam-policy.json"),
        ({"kind": "denied", "operation": "CreateLaunchTemplateVersion"}, "iam-policy.json"),
        ({"kind": "html_error", "operation": "DescribeLaunchTemplateVersions"}, "a proxy or"),
        ({"kind": "expired_token"}, "expired"),
        ({"kind": "operator_refreshes", "group": "web"}, "instance refresh"),
        ({"kind": "operator_deletes", "group": "web"}, "being deleted"),
    ],
)
def test_what_stands_against_a_publish_is_told_and_nothing_is_changed(stage, fault, said):
    stage.fault(**fault)
    stage.lab.advance(1)
    data, code = stage.publish()
    assert (code, data["status"], stage.mutations()) == (2, "refused", [])
    assert any(said in text for text in data["obstacles"]), data


def test_a_version_deleted_meanwhile_is_named(stage):
    stage.ec2.modify_launch_template(LaunchTemplateName="web", DefaultVersion="1")
    stage.fault(kind="template_version_deleted", template="web", version=2)
    stage.lab.advance(1)
    data, code = stage.publish()
    assert (code, stage.mutations()) == (2, ["ModifyLaunchTemplate"])
    assert "version 2 of the launch template lt-" in data["obstacles"][0]
    assert "does not exist: every launch fails" in data["obstacles"][0]


def test_user_data_over_the_limit_is_refused(stage):
    data, code = stage.publish(b"x" * 16385)
    assert (code, stage.mutations()) == (2, [])
    assert "16385 bytes" in data["obstacles"][0]


def test_everything_that_stands_against_it_is_told_at_once(stage):
    stage.fault(kind="denied", operation="DescribeInstanceRefreshes")
    stage.fault(kind="denied", operation="DescribeLaunchTemplateVersions")
    data, _ = stage.publish(b"x" * 16385)
    assert len(data["obstacles"]) == 3
