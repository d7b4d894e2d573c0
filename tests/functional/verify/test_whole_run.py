"""A whole run against the lab: every probe agrees, the roll loses nothing, nothing is left."""

import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.functional.test_iam_policy import PREFIX
from tests.functional.verify.conftest import BIN, REGION, SPEED, Verify
from tests.lab.conformance.transcripts import SCENARIO
from tests.lab.http import LabServer
from verify.probes import PROBES

LAB = BIN.with_name("lab")
POLICY = BIN.parents[1] / "docs" / "verify-aws-policy.json"
#: Asked by AWS itself when the group is made, without a call of ours (docs/verify-aws.md).
CHECKED_BESIDES = {
    "ec2:RunInstances",
    "ec2:CreateTags",
    "elasticloadbalancing:AddTags",
    "iam:CreateServiceLinkedRole",
}
#: Before anything is made, where the image or its type is not given.
OF_THE_IMAGE = {"ssm:GetParameter", "ec2:DescribeImages"}


@pytest.fixture
def application(verify):
    """What a load balancer would do: an answer as long as one target is healthy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with verify.lab.lock:
                verify.lab.tick()
                groups = verify.lab.world.target_groups.values()
                states = [target.state for group in groups for target in group.targets.values()]
            self.send_response(200 if "healthy" in states else 503)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def actions(calls):
    """Calls as the transcript counts them, under IAM's names."""
    pairs = (call.split(":") for call in calls)
    return {
        f"{PREFIX.get(service, service)}:{operation}"
        for service, operation in pairs
        if service != "sts"  # needs no permission
    }


def test_a_whole_run_agrees_leaves_nothing_and_tells_nothing_of_the_account(verify, application):
    code, out, err = verify("--yes", "--application-url", application)
    assert (code, err) == (0, ""), out
    assert verify.nothing_is_left(), verify.left()
    assert "left        nothing" in out
    assert re.search(r"roll +roll I1 I2 I3 I4 I5 agree", out)
    assert max(map(len, out.splitlines())) <= 80

    lines = verify.lines()
    found = [line for line in lines if line["kind"] == "finding"]
    assert {line["rule"] for line in found} >= {rule for probe in PROBES for rule in probe.rules}
    requests = next(line for line in found if line["point"] == "requests without an answer")
    assert requests["seen"] == 0
    text = verify.transcript.read_text()
    for trace in ("123456789012", "AKIA", "arn:aws:sts", "OwnerId", "i-0000000"):
        assert trace not in text
    assert not re.search(r"\b(ami|lt|sg|vpc|subnet)-[0-9a-f]{8}", text)

    statements = json.loads(POLICY.read_text())["Statement"]
    allowed = {action for statement in statements for action in statement["Action"]}
    assert actions(lines[-1]["calls"]) | CHECKED_BESIDES | OF_THE_IMAGE == allowed


#: A lab that does otherwise in some rules than the one that `bin/lab conformance` starts.
OTHERWISE = {
    **SCENARIO,
    "assumptions": {
        "AS-2": "other-words",
        "AS-4": "later",
        "AS-12": "ignored",
        "TE-8": "refused",
    },
}
DIFFERENT = {"AS-4", "AS-12", "TE-8"}
PLAYED = ("bounds", "bounds-move", "processes", "terminations")


def test_a_transcript_names_the_rules_in_which_the_lab_is_otherwise(tmp_path):
    with LabServer({"region": REGION, **OTHERWISE}, speed=SPEED) as lab:
        verify = Verify(lab, tmp_path)
        code, out, _ = verify("--yes", "--only", ",".join(PLAYED), "--no-balancer")
    assert code == 1, out
    assert set(re.search(r"^DIFFERS +3: (.*)$", out, re.MULTILINE)[1].split()) == DIFFERENT
    done = subprocess.run(
        [str(LAB), "conformance", "--transcript", str(verify.transcript)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("transcript of another endpoint than AWS, eu-central-1, 4 probes")
    said = " ".join(done.stdout.split())
    assert "TE-8 differs: terminating it again: seen ValidationError" in said
    assert "the lab ok" in said
    assert "AS-2 agrees in other words: desired below the minimum: “" in said
    assert "agrees in other words: 1 AS-2" in said
    assert set(said.rpartition("differs: 3 ")[2].split()) == DIFFERENT
    agreeing = said.partition("agrees: ")[2].partition("agrees in other words")[0].split()[1:]
    possible = {rule for probe in PROBES if probe.name in PLAYED for rule in probe.rules}
    assert set(agreeing) == possible - {*DIFFERENT, "AS-2"}
    assert "its probe was not chosen" in said


def test_what_is_no_transcript_is_refused_in_one_line(tmp_path):
    (tmp_path / "t").write_text("[]")
    done = subprocess.run(
        [str(LAB), "conformance", "--transcript", str(tmp_path / "t")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == f"bin/lab conformance: {tmp_path}/t:1: no line of a transcript\n"
