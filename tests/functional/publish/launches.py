"""Launches that a hook abandons, one after the other."""

from __future__ import annotations

import time
from typing import Any

from tests.lab.world.hooks import LAUNCHING

PATIENCE_S = 60
HOOK = "asgcycle-ready"
SAID = "asgcycle: not ready: security-updates: apt-get update: E: no answer\n"
TIMED_OUT = "asgcycle: not ready: timeout: gave up after 3000 s"


def abandon(stage: Any, times: int = 3, said: str = SAID) -> list[str]:
    """
    Let so many launches of ``web`` print ``said`` and be abandoned; return their ids.

    The group is a little larger than before from then on, and keeps trying.
    """
    world = stage.lab.world
    with stage.lab.lock:
        group = world.groups["web"]
        before = set(group.instances)
        world.update_group("web", max_size=group.max_size + 1)
        world.put_lifecycle_hook("web", HOOK, LAUNCHING, heartbeat_timeout=300)
        world.set_desired_capacity("web", group.desired + 1)
    found: list[str] = []
    end = time.monotonic() + PATIENCE_S
    while len(found) < times:
        assert time.monotonic() < end, f"only {found} were launched"
        time.sleep(0.05)
        stage.members()  # the clock goes on with each call
        with stage.lab.lock:
            new = [
                one
                for one in (world.instances[key] for key in group.instances)
                if one.id not in before and one.id not in found and one.lifecycle == "Pending:Wait"
            ]
            for one in new[: times - len(found)]:
                one.printed += (*said.splitlines(), TIMED_OUT)
                world.complete_lifecycle_action("web", HOOK, "ABANDON", one.id, actor="op")
                found.append(one.id)
    return found


def come_through(stage: Any) -> None:
    """Let the next launch of ``web`` be continued, and wait until it is in service."""
    world, end = stage.lab.world, time.monotonic() + PATIENCE_S
    group = world.groups["web"]
    while time.monotonic() < end:
        time.sleep(0.05)
        stage.members()  # the clock goes on with each call
        with stage.lab.lock:
            members = [world.instances[key] for key in group.instances]
            for one in members:
                if one.lifecycle == "Pending:Wait":
                    world.complete_lifecycle_action("web", HOOK, "CONTINUE", one.id, actor="op")
            served = [one for one in members if one.lifecycle == "InService"]
            if len(served) == group.desired:
                return
    raise AssertionError("no launch came through")
