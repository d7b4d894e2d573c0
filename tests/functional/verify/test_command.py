"""What it refuses before it makes anything, and what `--clean` leaves alone."""

import subprocess

import pytest

from tests.functional.verify.conftest import BIN, run_id
from tests.lab.world.faults import Fault
from tests.lab.world.history import Call

CHANGES = ("Create", "Delete", "Update", "Put", "Set", "Terminate", "Attach", "Authorize")


def changed(verify):
    return [
        record.operation
        for record in verify.lab.world.history
        if isinstance(record, Call) and record.operation.startswith(CHANGES)
    ]


def test_without_a_terminal_and_without_yes_it_shows_the_cost_and_makes_nothing(verify):
    code, out, err = verify()
    assert code == 2
    assert "costs: at most 0." in out
    assert "instance minutes" in out
    assert f"--clean {run_id(out)}" in out
    assert err == "bin/verify-aws: there is no terminal to ask at; --yes agrees beforehand\n"
    assert changed(verify) == []
    assert not verify.transcript.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "bounds,weather"], "--only: unknown weather; there are cold-start"),
        (["--subnets", "subnet-0123456789abcdef0"], "--subnets subnet-0123456789abcdef0: "),
        (["--speed", "0.5"], "--speed: 1 or more"),
        (["--subnets", ""], "--subnets: at least one subnet is needed"),
        (["--clean", "../x"], "a run's id is eight hexadecimal digits"),
        (["--transcript", "/nowhere/t.jsonl"], "No such file or directory; give a new file"),
        (["--profile", "nobody"], "nobody"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line(verify, arguments, said):
    code, _, err = verify("--yes", *arguments)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert changed(verify) == []


def test_the_time_of_aws_cannot_be_chosen():
    done = subprocess.run(
        [str(BIN), "--region", "eu-central-1", "--subnets", "subnet-1", "--speed", "2"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "--speed: the time of AWS cannot be chosen" in done.stderr


def test_the_image_is_found_by_its_public_parameter_and_has_to_be_known(verify):
    # the lab's images say nothing of their architecture
    registered = verify.ec2.register_image(Name="image")["ImageId"]
    code, _, err = verify("--image", registered, "--instance-type", "")
    assert code == 2
    assert "architecture unknown; give --instance-type as well" in err
    code, out, _ = verify("--image", "")
    assert code == 2
    assert "of 2 t3.nano" in out
    code, _, err = verify("--image", "", "--os", "debian")
    assert code == 2
    assert "give --image ami-… instead" in err


def test_a_refusal_in_the_middle_is_a_failure_that_leaves_nothing(verify):
    verify.lab.world.inject(Fault(kind="denied", operation="CreateAutoScalingGroup"))
    code, out, _ = verify("--yes", "--only", "bounds")
    assert code == 3
    assert "CreateAutoScalingGroup was refused: AccessDenied" in " ".join(out.split())
    assert verify.nothing_is_left(), verify.left()


def test_a_rule_that_differs_is_a_finding_with_its_own_exit_code(verify):
    verify.lab.world.inject(Fault(kind="denied", operation="ExitStandby"))
    code, out, err = verify("--yes", "--only", "ids", "--no-balancer")
    assert (code, err) == (1, "")
    said = " ".join(out.split())
    assert "DIFFERS 1: ME-3" in said
    assert "leaving Standby from InService: expected ValidationError, seen AccessDenied" in said
    assert verify.nothing_is_left(), verify.left()


def foreign(verify, run):
    """A target group of a run's name, a group and a template, none of them with its tag."""
    vpc = verify.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    name = f"asgcycle-verify-{run}"
    verify.elb.create_target_group(Name=name, Protocol="TCP", Port=80, VpcId=vpc)
    made = verify.ec2.create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"ImageId": "ami-1"}
    )
    verify.scaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=0,
        LaunchTemplate={
            "LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"],
            "Version": "1",
        },
        VPCZoneIdentifier=verify.subnets,
    )


def test_what_has_not_the_tag_is_never_touched(verify):
    foreign(verify, "0a1b2c3d")
    before = verify.left()
    code, out, _ = verify.clean("0a1b2c3d")
    assert code == 3
    assert "has not the tag asgcycle-verify=0a1b2c3d, so it is left alone" in out
    assert verify.left() == before


def tagged(verify, run):
    specification = {
        "ResourceType": "launch-template",
        "Tags": [{"Key": "asgcycle-verify", "Value": run}],
    }
    verify.ec2.create_launch_template(
        LaunchTemplateName=f"t-{run}",
        LaunchTemplateData={"ImageId": "ami-1"},
        TagSpecifications=[specification],
    )


def test_clean_without_an_id_takes_the_one_run_there_is_and_refuses_to_choose(verify):
    tagged(verify, "00000001")
    tagged(verify, "00000002")
    code, _, err = verify.clean()
    assert code == 2
    assert "--clean: there are 00000001, 00000002; say which" in err
    assert verify.clean("00000001")[0] == 0
    assert len(verify.left()["templates"]) == 1
    code, out, _ = verify("--clean", makes=False)
    assert code == 2  # not agreed
    assert "run 00000002: launch template" in out
    assert verify.clean()[0] == 0
    assert verify.nothing_is_left()
