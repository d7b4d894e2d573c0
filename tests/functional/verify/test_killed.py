"""A killed run leaves nothing once `--clean` has been there; a signal cleans up by itself."""

import signal

import pytest

from tests.functional.verify.conftest import children, ends, kill, run_id
from tests.lab.world.faults import Fault


def templated(world):
    return bool(world.templates.templates) and not world.groups


def grouped(world):
    return any(group.instances for group in world.groups.values())


def probing(world):
    return "Pending:Wait" in states(world)


def rolling(world):
    return any("asgcycle:lease" in group.tags for group in world.groups.values()) and any(
        group.units > 2 for group in world.groups.values()
    )


def cleaning(world):
    return any(group.status for group in world.groups.values())


def states(world):
    return [item.lifecycle for group in world.groups.values() for item in group.instances.values()]


#: Moment → what to play, and how the lab shows that it has come.
MOMENTS = {
    "after the template": ("bounds", templated),
    "after the group": ("bounds", grouped),
    "in mid-probe": ("launch-hooks", probing),
    "in mid-roll": ("roll", rolling),
    "in mid-clean": ("bounds,attach", cleaning),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_leaves_nothing_after_clean(verify, moment):
    only, come = MOMENTS[moment]
    if moment == "after the template":
        # holds the next call up for a while
        verify.lab.world.inject(Fault(kind="throttle", operation="CreateAutoScalingGroup", count=5))
    process = verify.start("--yes", "--only", only)
    verify.until(come, seconds=90)
    orphans = children(process.pid)
    run = run_id(kill(process))
    assert verify.left()["templates"]

    code, out, err = verify.clean(run)
    assert (code, err) == (0, ""), out
    assert out.endswith(f"nothing of run {run} is left\n")
    assert verify.nothing_is_left(), verify.left()
    assert verify.clean(run)[0] == 0
    assert verify.clean()[1] == "nothing with the tag asgcycle-verify is left\n"
    assert bool(orphans) == (moment == "in mid-roll")
    # a roll whose group is gone ends by itself, and makes nothing
    assert all(ends(pid, 90) for pid in orphans)
    assert verify.nothing_is_left(), verify.left()


@pytest.mark.parametrize(
    ("number", "only", "come"),
    [(signal.SIGTERM, "launch-hooks", probing), (signal.SIGINT, "roll", rolling)],
)
def test_a_signal_lets_it_clean_up_first(verify, number, only, come):
    process = verify.start("--yes", "--only", only)
    verify.until(come, seconds=90)
    process.send_signal(number)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 3, err
    assert f"stopped by {signal.Signals(number).name}" in out
    assert "left        nothing" in out
    assert verify.nothing_is_left(), verify.left()
    assert verify.lines()[-1]["kind"] == "end"
