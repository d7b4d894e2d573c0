"""What publishing changes about what a group launches from: tables without AWS."""

import base64
import datetime
import gzip

import botocore.session
import pytest

from asgroll import launch
from asgroll.launch import Launch, Source
from asgroll.world import Group

OLD, NEW = b"#!/bin/sh\necho old\n", b"#!/bin/sh\necho new\n"
TEMPLATE = {"LaunchTemplateId": "lt-0aa", "LaunchTemplateName": "web"}
ARM = {"LaunchTemplateId": "lt-0bb", "LaunchTemplateName": "arm"}
DISK = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": "snap-1", "VolumeSize": 8}}
MIXED = {
    "LaunchTemplate": {
        "LaunchTemplateSpecification": {**TEMPLATE, "Version": "6"},
        "Overrides": [
            {"InstanceType": "m5.large", "WeightedCapacity": "2"},
            {"InstanceType": "m6g.large", "LaunchTemplateSpecification": {**ARM, "Version": "3"}},
            {"InstanceRequirements": {"VCpuCount": {"Min": 2}}, "ImageId": "ami-1"},
        ],
    },
    "InstancesDistribution": {"OnDemandBaseCapacity": 1, "SpotMaxPrice": "0.1"},
}


def group(raw, recorded="", **fields):
    tags = {"asgcycle:previous": recorded} if recorded else {}
    found = Group(name="web", min_size=1, max_size=3, desired=2, tags=tags, **fields)
    return Launch(found, launch.settings_of(raw))


def version(number, user_data=OLD, key="lt-0aa", **data):
    return Source(key, str(number), {"UserData": launch.encoded(user_data), **data})


def on(written, **given):
    return group({"LaunchTemplate": {**TEMPLATE, "Version": written}}, **given)


def decide(found, *sources, made=(), content=NEW):
    read = dict(zip(found.written, sources, strict=True))
    return launch.decide(found, read, dict(made), content)


# --- reading a group -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "settings", "written"),
    [
        (
            {"LaunchTemplate": {**TEMPLATE, "Version": "6"}},
            {"LaunchTemplate": {"LaunchTemplateId": "lt-0aa", "Version": "6"}},
            ("lt-0aa:6",),
        ),
        (
            {"LaunchTemplate": {"LaunchTemplateName": "web", "Version": "6"}},
            {"LaunchTemplate": {"LaunchTemplateName": "web", "Version": "6"}},
            ("web:6",),
        ),
        (
            {"LaunchTemplate": TEMPLATE},
            {"LaunchTemplate": {"LaunchTemplateId": "lt-0aa"}},
            ("lt-0aa:$Default",),
        ),
        (
            {"LaunchConfigurationName": "web: 1"},
            {"LaunchConfigurationName": "web: 1"},
            ("web: 1",),
        ),
        ({}, {}, ()),
    ],
)
def test_what_a_group_launches_from_as_an_update_takes_it(raw, settings, written):
    found = group(raw)
    assert (found.settings, found.written) == (settings, written)


def test_a_mixed_instances_policy_keeps_everything_but_the_versions():
    found = group({"MixedInstancesPolicy": MIXED})
    assert found.written == ("lt-0aa:6", "lt-0bb:3")
    changed = launch.repointed(found.settings, {"lt-0aa:6": "lt-0aa:7", "lt-0bb:3": "lt-0bb:4"})
    policy = changed["MixedInstancesPolicy"]
    base = policy["LaunchTemplate"]["LaunchTemplateSpecification"]
    overrides = policy["LaunchTemplate"]["Overrides"]
    assert base == {"LaunchTemplateId": "lt-0aa", "Version": "7"}
    assert overrides[0] == MIXED["LaunchTemplate"]["Overrides"][0]
    assert overrides[1] == {
        "InstanceType": "m6g.large",
        "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-0bb", "Version": "4"},
    }
    assert overrides[2] == MIXED["LaunchTemplate"]["Overrides"][2]
    assert policy["InstancesDistribution"] == MIXED["InstancesDistribution"]


def test_a_group_that_names_no_version_gets_one():
    found = group({"LaunchTemplate": TEMPLATE})
    assert launch.repointed(found.settings, {"lt-0aa:$Default": "lt-0aa:2"}) == {
        "LaunchTemplate": {"LaunchTemplateId": "lt-0aa", "Version": "2"}
    }


# --- deciding ------------------------------------------------------------------------------------


def test_other_user_data_makes_a_version_on_top_of_the_one_in_use():
    found = decide(on("6"), version(6, ImageId="ami-1"))
    (step,) = found.steps
    assert step.make == {"UserData": base64.b64encode(NEW).decode()}
    assert found.previous == "lt-0aa:6"
    assert found.changes == (
        "new version of lt-0aa: version 6 with this user data",
        "tag asgcycle:previous=lt-0aa:6",
    )


def test_the_same_user_data_changes_nothing():
    found = decide(on("6"), version(6, NEW))
    assert (found.changes, found.previous, found.obstacles) == ((), "", ())


def test_the_same_user_data_compressed_in_another_way_changes_nothing():
    found = decide(on("6"), version(6, gzip.compress(NEW, 1)), content=gzip.compress(NEW, 9))
    assert found.changes == ()


def test_a_version_that_is_there_already_is_used():
    found = decide(on("6"), version(6), made={"lt-0aa:6": version(8, NEW)})
    (step,) = found.steps
    assert (step.spec, step.make) == ("lt-0aa:8", None)
    assert found.changes[0] == "use version 8 of lt-0aa, which has this user data"


@pytest.mark.parametrize("written", ["$Latest", "$Default"])
def test_what_is_not_pinned_is_explained_and_pinned(written):
    found = decide(on(written), version(6, NEW))
    assert found.changes == (f"pin lt-0aa:{written} to version 6",)
    assert f"launches from lt-0aa:{written}, which is version 6 now" in found.warnings[0]
    assert found.previous == ""  # the content stays, so a rollback still leads where it led


def test_templates_of_overrides_get_the_same_user_data_and_are_all_recorded():
    sources = version(6), version(3, NEW, key="lt-0bb")
    found = decide(group({"MixedInstancesPolicy": MIXED}), *sources)
    assert [bool(step.make) for step in found.steps] == [True, False]
    assert found.previous == "lt-0aa:6 lt-0bb:3"


def test_too_many_templates_for_the_tag_are_refused():
    overrides = [
        {"LaunchTemplateSpecification": {"LaunchTemplateId": f"lt-{n:017x}", "Version": "1"}}
        for n in range(20)
    ]
    policy = {"LaunchTemplate": {**MIXED["LaunchTemplate"], "Overrides": overrides}}
    found = group({"MixedInstancesPolicy": policy})
    sources = [version(1, key=written.partition(":")[0]) for written in found.written]
    assert "do not fit into the tag" in decide(found, *sources).obstacles[0]


def test_every_obstacle_is_found_at_once():
    found = launch.decide(group({}, status="Delete in progress"), {}, {}, b"x" * 16385)
    said = " ".join(found.obstacles)
    assert len(found.obstacles) == 3
    for part in ("being deleted", "neither a launch template nor", "16385 bytes, EC2 takes 16384"):
        assert part in said


# --- launch templates ----------------------------------------------------------------------------


def test_snapshots_are_given_again_because_a_source_version_does_not_pass_them_on():
    data = launch.template_data(version(6, BlockDeviceMappings=[DISK]), NEW)
    assert data == {"UserData": launch.encoded(NEW), "BlockDeviceMappings": [DISK]}


def test_what_is_shown_of_a_block_device_may_be_asked_for():
    model = botocore.session.Session().get_service_model("ec2")
    shown = model.shape_for("LaunchTemplateBlockDeviceMapping").members
    taken = model.shape_for("LaunchTemplateBlockDeviceMappingRequest").members
    assert shown.keys() <= taken.keys()
    assert shown["Ebs"].members.keys() <= taken["Ebs"].members.keys()


@pytest.mark.parametrize(
    ("other", "content", "wrong"),
    [
        ({"ImageId": "ami-1", "UserData": launch.encoded(NEW)}, NEW, []),
        ({"ImageId": "ami-1", "UserData": launch.encoded(NEW), "KeyName": ""}, NEW, []),
        ({"ImageId": "ami-2", "UserData": launch.encoded(NEW)}, NEW, ["ImageId"]),
        ({"UserData": launch.encoded(NEW)}, NEW, ["ImageId"]),
        ({"ImageId": "ami-1", "KeyName": "k"}, NEW, ["KeyName", "UserData"]),
        ({"ImageId": "ami-1"}, b"", []),
    ],
)
def test_what_differs_besides_user_data_is_named(other, content, wrong):
    assert launch.differing(version(6, ImageId="ami-1"), other, content) == wrong


# --- launch configurations -----------------------------------------------------------------------

CONFIGURATION = {
    "LaunchConfigurationName": "web",
    "LaunchConfigurationARN": "arn:aws:autoscaling:…",
    "CreatedTime": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
    "ImageId": "ami-1",
    "KeyName": "",
    "KernelId": "",
    "RamdiskId": "",
    "SecurityGroups": ["sg-1"],
    "ClassicLinkVPCId": "vpc-1",
    "ClassicLinkVPCSecurityGroups": ["sg-2"],
    "UserData": launch.encoded(OLD),
    "InstanceType": "t3.micro",
    "BlockDeviceMappings": [DISK],
    "InstanceMonitoring": {"Enabled": False},
    "SpotPrice": "0.1",
    "IamInstanceProfile": "web",
    "EbsOptimized": False,
    "AssociatePublicIpAddress": True,
    "PlacementTenancy": "dedicated",
    "MetadataOptions": {"HttpTokens": "required"},
}


def configuration(name="web", **changes):
    data = {**CONFIGURATION, "LaunchConfigurationName": name, **changes}
    return Source(name, data=data)


def test_a_configuration_is_copied_with_every_field_that_was_given():
    request = launch.configuration_request(configuration(), NEW)
    name = request.pop("LaunchConfigurationName")
    never_given = {"KeyName", "KernelId", "RamdiskId", "LaunchConfigurationARN", "CreatedTime"}
    kept = CONFIGURATION.keys() - never_given - {"UserData", "LaunchConfigurationName"}
    assert request.pop("UserData") == launch.encoded(NEW)
    assert request == {key: CONFIGURATION[key] for key in kept}
    assert name.startswith("web-asgcycle-")


def test_every_field_that_is_shown_may_be_asked_for():
    model = botocore.session.Session().get_service_model("autoscaling")
    shown = set(model.shape_for("LaunchConfiguration").members)
    taken = set(model.operation_model("CreateLaunchConfiguration").input_shape.members)
    assert shown - taken == {"LaunchConfigurationARN", "CreatedTime"}
    assert shown == set(CONFIGURATION), "a new field: is it carried over?"


def test_the_name_of_a_configuration_says_what_is_in_it():
    def name(source, content):
        return launch.configuration_request(source, content)["LaunchConfigurationName"]

    first = name(configuration(), NEW)
    assert name(configuration(), NEW) == first
    assert name(configuration(), OLD) != first
    assert name(configuration(ImageId="ami-2"), NEW) != first
    assert name(configuration(first), NEW) == first  # suffixes do not pile up
    assert len(name(configuration("x" * 255), NEW)) == 255


def test_a_configuration_of_that_name_with_other_contents_is_an_obstacle():
    source, found = configuration(), group({"LaunchConfigurationName": "web"})
    name = launch.configuration_request(source, NEW)["LaunchConfigurationName"]
    other = configuration(name, ImageId="ami-2", UserData=launch.encoded(NEW))
    decided = decide(found, source, made={"web": other})
    assert f"launch configuration {name} already, with other ImageId" in decided.obstacles[0]
    same = configuration(name, UserData=launch.encoded(NEW))
    assert decide(found, source, made={"web": same}).obstacles == ()


# --- rollback data -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (on("7", recorded="lt-0aa:6"), ("lt-0aa:6",)),
        (on("7"), ()),
        # stopped between recording and pointing: nothing to go back to
        (on("6", recorded="lt-0aa:6"), ()),
        (group({"MixedInstancesPolicy": MIXED}, "lt-0aa:5 lt-0bb:3"), ("lt-0aa:5", "lt-0bb:3")),
        (group({"LaunchConfigurationName": "web 2"}, "web 1"), ("web 1",)),
        (group({"LaunchConfigurationName": "web 1"}, "web 1"), ()),
        # the group has changed to another kind since
        (group({"LaunchConfigurationName": "web"}, "lt-0aa:6"), ()),
        (on("7", recorded="web-1"), ()),
    ],
)
def test_where_a_rollback_leads(found, expected):
    assert launch.previous(found) == expected


# --- for people ----------------------------------------------------------------------------------


def test_a_diff_shows_what_is_inside_gzip():
    lines = launch.diff(gzip.compress(OLD), gzip.compress(NEW), "lt-0aa:6", "pillar")
    assert lines == [
        "--- lt-0aa:6",
        "+++ pillar",
        "@@ -1,2 +1,2 @@",
        " #!/bin/sh",
        "-echo old",
        "+echo new",
    ]


def test_a_roll_is_cautioned_only_when_the_user_data_is_another():
    found = on("6")
    assert launch.stale(found, [version(6, NEW)], NEW) == ""
    assert "lt-0aa:6 is not what pillar says" in launch.stale(found, [version(6)], NEW)
