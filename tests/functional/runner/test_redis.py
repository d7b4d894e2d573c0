"""The journal in a real Redis that several masters share."""

import signal
import subprocess

import pytest

from tests.functional.runner.conftest import FAST, Stage
from tests.functional.runner.test_orders import wait_out_the_lease
from tests.lab import redis_server
from tests.lab.redis_server import RedisServer
from tests.lab.salt_run import SaltRun

TERMINATE = "TerminateInstanceInAutoScalingGroup"
SLOW = {"boot": {"median": 3.0, "sigma": 0.1}}
pytestmark = pytest.mark.parametrize("stage", [SLOW], indirect=True)


@pytest.fixture
def redis():
    missing = redis_server.install()
    if missing:
        pytest.skip(missing)
    with RedisServer() as server:
        yield server


@pytest.fixture
def masters(stage, redis, tmp_path, monkeypatch):
    """Two masters with caches of their own that share one journal."""

    def master(name):
        salt_run = SaltRun(tmp_path / name, stage.lab.endpoint_url, id=name, **redis.master())
        salt_run.pillar({"asgcycle": {"defaults": FAST}})
        return Stage(stage.lab, salt_run, monkeypatch)

    return master("one"), master("two")


def answer(done):
    assert "Traceback (most recent call last)" not in done.out + done.err
    return done.of("web")


def start(stage, *arguments):
    return stage.salt.start(
        "--out=json", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_roll_is_remembered_in_redis_for_every_master(masters):
    one, two = masters
    done = one.run("asgcycle.roll", "web", "surge=3")
    assert (done.code, answer(done)["replaced"]) == (0, 3), done.out
    assert not (one.salt.folder / "cache" / "asgcycle" / "rolls").exists()
    told = two.run("asgcycle.status", "web")
    assert (told.code, answer(told)["status"]) == (0, "done")
    shown = two.run("asgcycle.history", "web")
    assert [row["roll_id"] for row in answer(shown)["rolls"]] == [answer(done)["roll_id"]]


def test_another_master_goes_on_with_a_killed_roll_once_its_lease_has_run_out(masters):
    one, two = masters
    process = start(one, "asgcycle.roll", "web", "lease_time=60s")
    one.wait_for(TERMINATE)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    told = one.run("asgcycle.status", "web")
    assert (told.code, answer(told)["status"]) == (3, "interrupted")
    told = two.run("asgcycle.status", "web")
    assert (told.code, answer(told)["status"]) == (0, "rolling"), "it may live, for all two knows"
    assert answer(told)["reason"].startswith("one.")
    refused = two.run("asgcycle.roll", "web")
    assert refused.code == 2
    assert "asgcycle.abort" not in " ".join(answer(refused)["obstacles"])
    early = two.run("asgcycle.resume", "web")
    assert early.code == 2
    assert "one." in answer(early)["obstacles"][0]
    assert "works on web" in answer(early)["obstacles"][0]
    wait_out_the_lease(two)
    done = two.run("asgcycle.resume", "web")
    assert (done.code, answer(done)["replaced"]) == (0, 3), done.out
    assert one.restored()
    assert one.violations() == []
    assert not one.lab.world.groups["web"].tags


def test_a_redis_that_stops_in_mid_roll_ends_the_roll_by_putting_everything_back(masters, redis):
    one, two = masters
    process = start(one, "asgcycle.roll", "web")
    one.wait_for(TERMINATE)
    redis.stop()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, out + err
    assert "Traceback (most recent call last)" not in out + err
    assert "the journal cannot write" in out
    assert one.restored()
    assert one.violations() == []
    assert not one.lab.world.groups["web"].tags

    for verb in ("status", "roll"):
        refused = two.run(f"asgcycle.{verb}", "web")
        assert refused.code == 2, (verb, refused.out)
        assert "Redis" in " ".join(answer(refused)["obstacles"]), verb
    assert one.restored()

    redis.start()
    told = one.run("asgcycle.status", "web")
    assert (told.code, answer(told)["status"]) == (3, "interrupted")
    ended = two.run("asgcycle.abort", "web")
    assert (ended.code, answer(ended)["left_changed"]) == (0, {})
    assert one.restored()
    assert one.violations() == []


def test_a_roll_does_not_begin_without_its_redis(masters, redis):
    one, _ = masters
    redis.stop()
    refused = one.run("asgcycle.roll", "web")
    assert refused.code == 2
    assert "Redis" in " ".join(answer(refused)["obstacles"])
    assert one.mutations() == []
    told = one.run("asgcycle.status")
    assert told.code == 2
