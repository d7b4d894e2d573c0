"""Random groups, policies, faults and interfering people: the invariants hold, the roll ends.

Virtual time throughout. The lab's own history is the judge (``tests/lab/invariants.py``).
"""

from __future__ import annotations

import os
import re

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from asgroll.model import Phase
from tests.functional.roll.harness import (
    MUTATIONS,
    assert_kept,
    begin,
    broken,
    finish,
    judge,
    roll,
    spec,
)
from tests.lab.world import Fault
from tests.lab.world import history as h

# The same examples at every run; more of other ones with ASGROLL_EXAMPLES (and a seed of
# pytest's --hypothesis-seed).
EXAMPLES = int(os.environ.get("ASGROLL_EXAMPLES", "0"))
CHECKED = settings(
    max_examples=EXAMPLES or 40,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# Seconds of virtual time by which any roll here must have ended: up to 9 instances one by one,
# each at worst with its deadlines, and every failure budget used up.
LONGEST = 12 * 3600.0
# A roll of this size takes 100 to 1,500 s; later faults would strike nobody.
WITHIN = st.integers(0, 900)
READS = ("DescribeAutoScalingGroups", "DescribeTargetHealth", "DescribeInstanceHealth")
TERMINATE = "TerminateInstanceInAutoScalingGroup"
PICKS = st.sampled_from(["oldest", "newest", "random", "2", "4"])
WEIGHTS = {
    "overrides": [{"type": "m5.large", "weight": 1}, {"type": "m5.xlarge", "weight": 2}],
    "distribution": {"OnDemandPercentageAboveBaseCapacity": 50},
}
HOOKS = {
    "in": {"transition": "autoscaling:EC2_INSTANCE_LAUNCHING", "completes_after": 25},
    "out": {"transition": "autoscaling:EC2_INSTANCE_TERMINATING", "completes_after": 35},
}


@st.composite
def scenarios(draw, weights=True):
    """Draw a group: size, limits, zones, weights, load balancers, hooks, times."""
    desired = draw(st.integers(1, 9))
    hooks = draw(st.sets(st.sampled_from(sorted(HOOKS))))
    balanced = draw(st.booleans())
    return spec(
        desired=desired,
        min=draw(st.integers(0, desired)),
        max=desired + draw(st.integers(0, 4)),
        zones=draw(st.sampled_from([["a"], ["a", "b"], ["a", "b", "c"]])),
        seed=draw(st.integers(0, 10_000)),
        mixed=WEIGHTS if weights and draw(st.integers(0, 5)) == 5 else None,
        target_groups=draw(st.sampled_from([["a"], ["a", "b"]])) if balanced else [],
        load_balancers=["old"] if draw(st.integers(0, 3)) == 3 else [],
        health_check_type="ELB",
        hooks=[{"name": name, **HOOKS[name]} for name in sorted(hooks)],
        boot={
            "median": draw(st.sampled_from([0, 20, 60])),
            "sigma": 0.4,
            "straggler_share": draw(st.sampled_from([0, 0.2])),
            "straggler_seconds": 200,
        },
        delays={"reaction": draw(st.sampled_from([0, 5, 30]))},
    )


@st.composite
def policies(draw):
    """Draw a policy that leaves room to replace anything."""
    surge = draw(st.integers(0, 4))
    return {
        "surge": surge,
        "max_unavailable": draw(st.integers(0 if surge else 1, 3)),
        "order": draw(st.sampled_from(["zone", "oldest", "newest"])),
        "ready_timeout": draw(st.sampled_from(["5m", "10m"])),
        "drain_timeout": "5m",
        "poll_interval": draw(st.sampled_from([5, 15, 40])),
        "max_failures": draw(st.integers(0, 12)),
        "on_failure": draw(st.sampled_from(["pause", "abort"])),
    }


def once(kind, **params):
    """Draw a thing that happens once, at some time."""
    return st.builds(Fault, st.just(kind), WITHIN, **params)


def at_calls(kind, operations, **params):
    """Draw a fault that hits some calls from the roll's beginning on."""
    return st.builds(
        Fault,
        st.just(kind),
        st.just(1),
        operation=st.sampled_from(operations),
        nth=st.integers(1, 8),
        count=st.integers(1, 3),
        **params,
    )


def now_and_then(kind, operations, **params):
    """Draw a fault that hits calls at random."""
    return st.builds(
        Fault,
        st.just(kind),
        st.just(1),
        operation=st.just(tuple(operations)),
        probability=st.sampled_from([0.05, 0.2]),
        **params,
    )


CALL_FAULTS = st.one_of(
    at_calls("lost_answer", MUTATIONS, applied=st.booleans()),
    now_and_then("lost_answer", MUTATIONS, applied=st.booleans()),
    now_and_then("lost_answer", READS),
    at_calls("throttle", MUTATIONS),
    now_and_then("throttle", (*MUTATIONS, *READS)),
    at_calls("scaling_activity_in_progress", MUTATIONS),
    at_calls("resource_contention", MUTATIONS),
    now_and_then("html_error", (*MUTATIONS, *READS)),
    st.builds(Fault, st.just("latency"), st.just(1), seconds=st.sampled_from([1, 6, 20])),
    st.builds(Fault, st.just("stale_reads"), seconds=st.sampled_from([2, 6, 12])),
)
LAUNCH_FAULTS = st.one_of(
    st.builds(Fault, st.just("never_healthy"), nth=st.integers(1, 6), count=st.integers(1, 4)),
    st.builds(Fault, st.just("bad_image"), nth=st.integers(1, 6), count=st.integers(1, 4)),
    st.builds(Fault, st.just("slow_boot"), nth=st.integers(1, 6), seconds=st.just(700)),
    WITHIN.flatmap(
        lambda at: st.builds(
            Fault,
            st.just("insufficient_capacity"),
            st.just(at),
            st.integers(at + 30, at + 600),
            zone=st.sampled_from([None, "a", "b"]),
        )
    ),
    once("spot_reclaim", pick=PICKS, count=st.integers(1, 3)),
    once("instance_dies", pick=PICKS, how=st.sampled_from(["machine", "system", "app"])),
    WITHIN.flatmap(
        lambda at: st.builds(
            Fault,
            st.just("az_outage"),
            st.just(at),
            st.integers(at + 30, at + 400),
            zone=st.sampled_from(["a", "b"]),
        )
    ),
)
ACTORS = st.one_of(
    once("scale_out", by=st.integers(1, 3)),
    once("scale_in", by=st.integers(1, 3)),
    once(
        "operator_terminates",
        pick=PICKS,
        decrement=st.booleans(),
        through=st.sampled_from(["autoscaling", "ec2"]),
    ),
    once("operator_sets", max=st.integers(6, 15)),
    once("operator_sets", min=st.integers(0, 4)),
    once("operator_resumes", processes=st.just(("AZRebalance",))),
    once("template_version", data=st.just({"ImageId": "ami-00000000000000003"})),
)


def forgiven(outcome, found):
    """
    Drop what nobody could know after a pause: a scale-in by just our surge looks like somebody's
    giving the surge back. The roll believes the latter, which errs towards more capacity.
    """
    scaled_in = any(
        isinstance(r, h.Size)
        and r.field == "desired"
        and r.actor != "caller"
        and r.after < r.before
        for r in outcome.world.history
    )
    more = re.compile(r"I5 .*: desired is (\d+), not (\d+)")
    return [
        line
        for line in found
        if not (scaled_in and (m := more.match(line)) and int(m[1]) > int(m[2]))
    ]


def assert_held(outcome, but_for=lambda outcome, found: found):
    """Assert the invariants; a roll that AWS kept from putting things back must own up to it."""
    found = but_for(outcome, broken(outcome))
    if any(said in outcome.roll.reason for said in ("no view for", "could be put back")):
        left = [line for line in found if line.startswith("I5")]
        assert bool(left) <= bool(outcome.summary["left_changed"])
        found = [line for line in found if line not in left]
    assert found == []


def tell(outcome):
    """Count for Hypothesis's statistics how rolls ended."""
    event(outcome.phase)
    if outcome.roll is None:
        assert outcome.mutations() == {}
        assume(False)


@CHECKED
@given(scenarios(weights=False), policies())
def test_any_group_is_replaced_with_as_many_launches_as_victims(scenario, policy):
    # Long enough for the slowest boot: nothing counts as failed.
    outcome = roll(scenario, deadline=LONGEST, **{**policy, "ready_timeout": "1h"})
    tell(outcome)
    assert_kept(outcome)
    assert outcome.phase == "done"
    assert outcome.old_left() == set()
    assert outcome.verdict.summary.launches == len(outcome.victims)


@CHECKED
@given(scenarios(), policies(), st.lists(CALL_FAULTS, min_size=1, max_size=3))
def test_whatever_calls_fail_the_invariants_hold(scenario, policy, faults):
    outcome = roll(scenario, faults=faults, deadline=LONGEST, **policy)
    tell(outcome)
    assert_held(outcome)


@CHECKED
@given(
    scenarios(),
    policies(),
    st.lists(st.one_of(LAUNCH_FAULTS, ACTORS), min_size=1, max_size=4),
)
def test_whatever_happens_to_instances_and_sizes_the_invariants_hold(scenario, policy, faults):
    outcome = roll(scenario, faults=faults, deadline=LONGEST, **policy)
    tell(outcome)
    assert_held(outcome)


@CHECKED
@given(
    scenarios(),
    policies(),
    st.lists(st.one_of(CALL_FAULTS, LAUNCH_FAULTS, ACTORS), max_size=4),
    st.integers(1, 40),
    st.sampled_from([Phase.ROLLING, Phase.RESTORING]),
)
def test_whenever_it_is_paused_it_can_be_resumed_or_aborted(scenario, policy, faults, turn, phase):
    run = begin(scenario, faults=faults, on_signal="pause", **policy)
    tell(run.outcome)
    finish(run, stop=lambda world, number: "SIGINT" if number >= turn else None, deadline=LONGEST)
    if run.outcome.phase == "stopped":
        run.clock.sleep(300)
        run.outcome.roll = run.outcome.roll.reopened(phase, run.clock.now())
        finish(run, deadline=2 * LONGEST)
    judge(run.outcome, policy)
    assert_held(run.outcome, forgiven)
