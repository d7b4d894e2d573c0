"""How long a roll waits: what the group has itself, and what cannot work."""

import pytest

from asgroll import waits
from asgroll.waits import OwnTimes
from asgroll.world import Hook
from tests.unit.asgroll.build import policy, world

HOUR = 3600.0
IN = Hook("in", launch=True, timeout=HOUR, limit=48 * HOUR)
OUT = Hook("out", launch=False, timeout=HOUR, limit=48 * HOUR)


def derived(own, **keys):
    return waits.seconds(waits.derived(policy(**keys), own))


@pytest.mark.parametrize(
    ("own", "found"),
    [
        pytest.param(OwnTimes(), {}, id="nothing of its own"),
        pytest.param(OwnTimes(drains={"web": 300.0}), {}, id="AWS's default draining"),
        pytest.param(OwnTimes(warmup=120.0), {"healthy_for": 120.0}, id="a warmup"),
        pytest.param(OwnTimes(warmup=0.0), {}, id="a warmup of nothing"),
        pytest.param(
            OwnTimes(warmup=1200.0),
            {"healthy_for": 1200.0, "ready_timeout": 1500.0},
            id="a warmup longer than the default deadline",
        ),
        pytest.param(OwnTimes(hooks=(IN,)), {"ready_timeout": HOUR + 300}, id="AWS's default hook"),
        pytest.param(
            OwnTimes(hooks=(OUT,), drains={"a": 30.0, "web": 300.0}),
            {"drain_timeout": HOUR + 600},
            id="a termination hook after the slowest draining",
        ),
        pytest.param(OwnTimes(hooks=None, drains=None), {}, id="not known"),
    ],
)
def test_a_time_that_nobody_has_set_follows_the_group(own, found):
    assert derived(own) == found
    everything = {"healthy_for": 0, "ready_timeout": "15m", "drain_timeout": "15m"}
    assert derived(own, **everything) == {}, "somebody has set them"


def test_hooks_of_one_kind_wait_side_by_side():
    quick = Hook("quick", launch=True, timeout=60.0, limit=6000.0)
    assert derived(OwnTimes(hooks=(quick, IN))) == {"ready_timeout": HOUR + 300}


def test_what_the_defaults_become_is_never_refused():
    own = OwnTimes(1200.0, 0.0, (IN, OUT), {"web": 3600.0})
    settled = waits.settled(policy(), derived(own))
    assert waits.too_short(settled, own) == waits.impossible(settled) == []
    assert settled.drain_timeout > 2 * HOUR


def test_what_somebody_sets_later_goes_before_what_the_group_had():
    kept = {"healthy_for": 120.0, "ready_timeout": 4000.0}
    settled = waits.settled(policy(healthy_for="30s"), kept)
    assert (settled.healthy_for, settled.ready_timeout) == (30.0, 4000.0)


@pytest.mark.parametrize(
    ("own", "keys", "words"),
    [
        (
            OwnTimes(hooks=(IN,)),
            {"ready_timeout": "15m"},
            [
                "ready_timeout: 15m",
                "hook in waits, 1h",
                "with heartbeats 2d",
                "ready_timeout: 1h5m",
            ],
        ),
        (
            OwnTimes(drains={"web": 300.0}),
            {"drain_timeout": "5m"},
            ["drain_timeout: 5m", "web drains for 5m", "set drain_timeout: 10m"],
        ),
        (
            OwnTimes(hooks=(OUT,), drains={"web": 300.0}),
            {"drain_timeout": "1h"},
            ["the 1h5m", "web drains for 5m, the termination hook out waits 1h", "1h10m"],
        ),
    ],
)
def test_what_is_too_short_is_named_with_both_numbers_and_what_to_set(own, keys, words):
    (text,) = waits.too_short(policy(**keys), own)
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("own", "keys"),
    [
        (OwnTimes(hooks=(IN,)), {"ready_timeout": "61m"}),
        (OwnTimes(drains={"web": 300.0}), {"drain_timeout": "301s"}),
        (OwnTimes(drains={"web": 0.0}), {"drain_timeout": "1s"}),
    ],
)
def test_what_is_longer_than_the_groups_own_is_enough(own, keys):
    assert waits.too_short(policy(**keys), own) == []


def test_a_warmup_that_does_not_fit_into_the_deadline_names_both():
    chosen = policy(ready_timeout="15m")
    settled = waits.settled(chosen, waits.seconds(waits.derived(chosen, OwnTimes(warmup=1200.0))))
    (text,) = waits.impossible(settled)
    assert "healthy_for: 20m (the group's DefaultInstanceWarmup)" in text
    assert "ready_timeout: 15m" in text
    assert "set ready_timeout: 25m" in text


def said(own, group=None, **keys):
    view = world(health_check="ELB", **(group or {}))
    return waits.cautions(policy(**keys), view.group, own)


def test_a_hook_that_lets_silent_instances_into_service_is_told():
    proceeds = Hook("in", launch=True, timeout=300.0, limit=30000.0, proceeds=True)
    assert (
        "lets an instance into service that has said nothing for 5m"
        in said(OwnTimes(hooks=(proceeds,)))[0]
    )
    assert said(OwnTimes(hooks=(IN, OUT))) == []


def test_a_deadline_beyond_what_heartbeats_can_reach_is_told():
    short = Hook("in", launch=True, timeout=30.0, limit=3000.0)
    (text,) = said(OwnTimes(hooks=(short,)), ready_timeout="2h")
    assert "after 50m at the latest" in text
    assert "ready_timeout: 2h" in text
    assert said(OwnTimes(hooks=(short,))) == []


def test_a_grace_period_shorter_than_the_warmup_is_told():
    (text,) = said(OwnTimes(warmup=300.0, grace=60.0))
    assert "grace period of 1m is shorter than the DefaultInstanceWarmup of 5m" in text
    assert said(OwnTimes(warmup=300.0, grace=300.0)) == []
