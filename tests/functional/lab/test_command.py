"""`bin/lab` as a person starts it."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.functional.lab.conftest import ONE_ATTEMPT, SESSION
from tests.lab.http import main
from tests.lab.scenario import build
from tests.lab.world.assumptions import OTHERS
from tests.lab.world.faults import KINDS, Fault

REPO = Path(__file__).resolve().parents[3]
LAB = REPO / "bin" / "lab"
SCENARIOS = sorted((REPO / "tests" / "lab" / "scenarios").glob("*.yaml"))


def run(*arguments):
    return subprocess.run(
        [LAB, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_it_says_where_it_is_tells_what_happens_and_ends_on_a_signal():
    command = [LAB, "--group", "app", "--size", "4", "--boot", "1", "--speed", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as lab:
        endpoint = re.search(r"http://127\.0\.0\.1:\d+", lab.stdout.readline())[0]
        client = SESSION.client(
            "autoscaling",
            endpoint_url=endpoint,
            region_name="eu-central-1",
            config=ONE_ATTEMPT,
        )
        client.set_desired_capacity(AutoScalingGroupName="app", DesiredCapacity=5)
        lines = []
        for line in lab.stdout:
            lines.append(line.strip())
            if line.rstrip().endswith("Pending → InService"):
                break
        lab.send_signal(signal.SIGINT)
        assert lab.wait(10) == 0
    told = "\n".join(lines)
    assert f"export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION=eu-central-1" in told
    assert "group app: 4 instances (min 2, desired 4, max 6)" in told
    assert "desired 4 → 5 (caller)" in told
    assert "SetDesiredCapacity(AutoScalingGroupName=app, DesiredCapacity=5)" in told


WRONG = [
    (["--size", "many"], "argument --size: 'many' is not a whole number"),
    (["--speed", "0"], "argument --speed: 0 is not above 0"),
    (["--zones", "9"], "'9' is not 1, 2 or 3"),
    (["--max", "2"], "--size 6 must be between --min 3 and --max 2"),
    (["--fault", "gremlins"], "unknown fault 'gremlins'; there are: "),
    (["--fault", "throttle,often=yes"], "unknown key often; allowed: "),
    (["--fault", "throttle,often"], "'often' is not key=value"),
    (["--assume", "TE-8"], "TE-8 cannot be ''; allowed: counts-again, ignored, refused"),
    (["--assume", "XX-1=no"], "XX-1 is no assumed rule; there are: AS-2, "),
    (["no-such-file.yaml"], "no-such-file.yaml: No such file or directory"),
    (["--what"], "unrecognized arguments: --what"),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG)
def test_a_wrong_argument_is_one_clear_line_and_exit_2(arguments, text, capsys):
    try:
        code = main.main(arguments)
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr().err
    assert code == 2
    assert said.count("\n") == 1
    assert text in said


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("- 1", "a mapping is needed at the top"),
        ("a: [", "not YAML"),
        ("colour: red", "unknown key colour"),
        ("groups: {web: {sise: 3}}", "groups.web: unknown key sise"),
        ("groups: {web: {target_groups: [a_b]}}", "Target group name 'a_b'"),
    ],
)
def test_a_wrong_scenario_is_one_clear_line_and_exit_2(tmp_path, capsys, content, text):
    path = tmp_path / "wrong.yaml"
    path.write_text(content)
    assert main.main([str(path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert text in said


def test_the_process_itself_exits_2_without_a_traceback():
    done = run("--fault", "gremlins")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_help_names_every_kind_of_fault():
    done = run("--help")
    assert done.returncode == 0
    words = set(re.findall(r"\w+", done.stdout))
    assert words >= set(KINDS)


@pytest.mark.parametrize("kind", sorted(main.FAULT_DEFAULTS))
def test_the_defaults_of_a_fault_make_a_fault(kind):
    Fault(kind, **main.FAULT_DEFAULTS[kind])


def test_other_assumptions_reach_the_scenario_and_help_names_them():
    arguments = main.parser().parse_args(["--assume", "TE-8=refused", "--assume", "FA-9=replicas"])
    assert main.scenario_of(arguments)["assumptions"] == {"TE-8": "refused", "FA-9": "replicas"}
    text = " ".join(main.parser().format_help().split())
    assert all(f"{rule}={'|'.join(names)}" in text for rule, names in OTHERS.items())


def test_values_of_a_fault_have_the_types_that_they_look_like():
    assert main.fault_of("lost-answer,nth=2,applied=false,operation=SetDesiredCapacity") == {
        "kind": "lost_answer",
        "nth": 2,
        "applied": False,
        "operation": "SetDesiredCapacity",
    }


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_every_scenario_that_is_shipped_can_be_built_and_served(path, start):
    spec = yaml.safe_load(path.read_text())
    world = build(spec)
    aws = start(spec)
    for name, group in world.groups.items():
        assert len(aws.ids(name)) == len(group.instances) > 0
