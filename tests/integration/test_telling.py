"""What the bus of a running master hears without a roll: a broken glass, abandoned launches."""

import time

from tests.functional.publish import launches
from tests.functional.publish.conftest import clients


def heard(master, since, *steps):
    """The events of ``web`` since then, once one of each step has come."""
    wanted = {f"salt/asgcycle/web/{step}" for step in steps}
    return {
        event.tag.rpartition("/")[2]: event.data
        for event in master.events(
            "salt/asgcycle/web/*", since, until=lambda e: wanted <= {one.tag for one in e}
        )
    }


def test_a_broken_glass_is_an_event_with_its_end_and_so_is_its_end(master, stage):
    since = time.time()
    done = stage.run("asgcycle.hook", "web", "skip=security-updates", "for=2h")
    assert done.code == 0, done.out + done.err
    assert stage.run("asgcycle.hook", "web", "skip=none").code == 0
    told = heard(master, since, "skipping", "skip-ended")
    assert told["skipping"]["checks"] == ["security-updates"]
    assert abs(told["skipping"]["until"] - since - 7200) < 120
    assert told["skipping"]["group"] == "web"
    assert told["skip-ended"]["text"] == "new instances skip nothing"


def test_abandoned_launches_are_an_event_with_the_reason(master, stage):
    stage.autoscaling = clients(stage.lab)("autoscaling")
    stage.members = lambda: stage.autoscaling.describe_auto_scaling_groups()
    last = launches.abandon(stage, 3)[-1]
    since = time.time()
    assert stage.run("asgcycle.status", "web").code == 3
    told = heard(master, since, "abandoned")["abandoned"]
    assert (told["count"], told["instance"]) == (3, last)
    assert told["reason"] == launches.SAID.strip()
    assert "skip=security-updates for=2h" in told["text"]
