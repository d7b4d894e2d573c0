"""`bin/verify-aws` as a process, against the lab over HTTP."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import boto3
import pytest

from tests.lab.conformance.transcripts import IMAGE, SCENARIO
from tests.lab.http import LabServer

BIN = Path(__file__).resolve().parents[3] / "bin" / "verify-aws"
REGION = "eu-central-1"
#: Virtual seconds in a real one. The states that a probe has to see last a second then.
SPEED = 40
#: Real seconds after which a process that should have ended is a failed test.
PATIENCE = 240


class Verify:
    """One lab, and processes of `bin/verify-aws` that talk to it."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.ec2, self.elb, self.scaling = map(self.client, ("ec2", "elbv2", "autoscaling"))
        zones = {}
        for subnet in self.ec2.describe_subnets()["Subnets"]:
            zones.setdefault(subnet["AvailabilityZone"], subnet["SubnetId"])
        self.subnets = ",".join(zones[zone] for zone in sorted(zones)[:2])

    def client(self, service):
        return boto3.client(service, endpoint_url=self.lab.endpoint_url, region_name=REGION)

    @property
    def transcript(self):
        return self.folder / "transcript.jsonl"

    def start(self, *arguments, makes=True):
        """Start a process; with what every run needs unless it only deletes."""
        given = ["--region", REGION, "--endpoint-url", self.lab.endpoint_url]
        given += ["--speed", str(SPEED)]
        if makes:
            given += ["--subnets", self.subnets, "--image", IMAGE, "--instance-type", "t3.nano"]
            given += ["--transcript", str(self.transcript)]
        environment = {
            **{key: value for key, value in os.environ.items() if key != "AWS_ENDPOINT_URL"},
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }
        return subprocess.Popen(
            [str(BIN), *given, *arguments],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments, makes=True):
        """Run a process to its end; return exit code, output, errors."""
        process = self.start(*arguments, makes=makes)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def clean(self, *arguments):
        """`--clean`, agreed beforehand."""
        return self("--clean", *arguments, "--yes", makes=False)

    def until(self, true, seconds=60):
        """Look at the lab, under its lock, until something is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self.lab.lock:
                self.lab.tick()
                if true(self.lab.world):
                    return
            time.sleep(0.005)
        raise AssertionError("the moment did not come")

    def left(self):
        """Everything that a run makes and that the lab still has, from its own state."""
        with self.lab.lock:
            self.lab.tick()
            world, stores = self.lab.world, self.lab._application.regions.home.stores
            alive = [item.id for item in world.instances.values() if item.alive]
            return {
                "groups": list(world.groups),
                "instances": alive,
                "templates": list(stores.ec2.launch_templates),
                "balancers": list(stores.elbv2.load_balancers),
                "target groups": list(stores.elbv2.target_groups),
                "security groups": [
                    group.name
                    for of_vpc in stores.ec2.groups.values()
                    for group in of_vpc.values()
                    if group.name != "default"
                ],
            }

    def nothing_is_left(self):
        return not any(self.left().values())

    def lines(self):
        return [json.loads(line) for line in self.transcript.read_text().splitlines()]


def run_id(text):
    """The id of the run that an output tells of."""
    return re.search(r"^run ([0-9a-f]{8}) in", text, re.MULTILINE)[1]


def children(pid):
    """The ids of the processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(rest[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def ends(pid, seconds):
    """Whether a process has ended within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def kill(process):
    """End a process as the machine's death would."""
    process.send_signal(signal.SIGKILL)
    out, _ = process.communicate(timeout=PATIENCE)
    return out


@pytest.fixture
def verify(tmp_path):
    with LabServer({"region": REGION, **SCENARIO}, speed=SPEED) as lab:
        yield Verify(lab, tmp_path)
