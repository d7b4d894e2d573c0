"""Random stories: groups, policies, faults, crashes and people. The only place that draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.functional.roll.harness import MUTATIONS, spec
from tests.lab.world import Fault
from tests.proof.story import ENTRY, SNAPSHOT, Crash, Rival, Signal, Story, Taking

# A roll of this size takes 100 to 1,500 s; later faults would strike nobody.
WITHIN = st.integers(0, 900)
READS = ("DescribeAutoScalingGroups", "DescribeTargetHealth", "DescribeInstanceHealth")
TERMINATE = "TerminateInstanceInAutoScalingGroup"
PICKS = st.sampled_from(["oldest", "newest", "random", "2", "4"])
PROCESSES = ["AZRebalance", "AlarmNotification", "ReplaceUnhealthy"]
WEIGHTS = {
    "overrides": [{"type": "m5.large", "weight": 1}, {"type": "m5.xlarge", "weight": 2}],
    "distribution": {"OnDemandPercentageAboveBaseCapacity": 50},
}
HOOKS = {
    "in": {
        "transition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "heartbeat_timeout": 240,
        "completes_after": 25,
    },
    "out": {
        "transition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "heartbeat_timeout": 120,
        "completes_after": 35,
    },
}


@st.composite
def scenarios(draw, weights=True, largest=6):
    """Draw a group: size, limits, zones, weights, load balancers, hooks, times."""
    desired = draw(st.integers(1, largest))
    hooks = draw(st.sets(st.sampled_from(sorted(HOOKS))))
    balanced = draw(st.booleans())
    load_balancers = ["old"] if draw(st.integers(0, 3)) == 3 else []
    if not (balanced or load_balancers):
        hooks = hooks | {"in"}  # without anything that tells when a new instance is ready: refused
    return spec(
        desired=desired,
        min=draw(st.integers(0, desired)),
        max=desired + draw(st.integers(0, 4)),
        zones=draw(st.sampled_from([["a"], ["a", "b"], ["a", "b", "c"]])),
        seed=draw(st.integers(0, 10_000)),
        mixed=WEIGHTS if weights and draw(st.integers(0, 5)) == 5 else None,
        target_groups=draw(st.sampled_from([["a"], ["a", "b"]])) if balanced else [],
        load_balancers=load_balancers,
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
        "suspend": draw(st.sampled_from([["AZRebalance"], [], PROCESSES])),
        "ready_timeout": draw(st.sampled_from(["5m", "10m"])),
        "drain_timeout": "5m",
        "healthy_for": draw(st.sampled_from([0, 0, 20])),
        "poll_interval": draw(st.sampled_from([15, 5, 40])),
        "max_failures": draw(st.integers(0, 12)),
        "on_failure": draw(st.sampled_from(["pause", "abort"])),
        "on_signal": draw(st.sampled_from(["abort", "pause"])),
    }


def once(kind, **params):
    """Draw a thing that happens once, at some time."""
    return st.builds(Fault, st.just(kind), WITHIN, **params)


def before_termination(kind, **params):
    """
    Draw a thing that happens once, just before one of our terminations.

    Not before SetDesiredCapacity: the API has no compare-and-set, so what others do to the desired
    capacity in that instant is overwritten.
    """
    return st.builds(
        Fault,
        st.just(kind),
        operation=st.just(TERMINATE),
        nth=st.integers(1, 6),
        **params,
    )


def within(kind, **params):
    """Draw a thing that holds for a while."""
    return st.tuples(WITHIN, st.integers(30, 600)).flatmap(
        lambda window: st.builds(
            Fault, st.just(kind), st.just(window[0]), st.just(sum(window)), **params
        )
    )


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
    within("denied", operation=st.sampled_from((*MUTATIONS, *READS))),
    within("expired_token"),
)
LAUNCH_FAULTS = st.one_of(
    st.builds(Fault, st.just("never_healthy"), nth=st.integers(1, 6), count=st.integers(1, 4)),
    st.builds(Fault, st.just("bad_image"), nth=st.integers(1, 6), count=st.integers(1, 4)),
    st.builds(Fault, st.just("slow_boot"), nth=st.integers(1, 6), seconds=st.just(700)),
    within("insufficient_capacity", zone=st.sampled_from([None, "a", "b"])),
    once("spot_reclaim", pick=PICKS, count=st.integers(1, 3)),
    once("instance_dies", pick=PICKS, how=st.sampled_from(["machine", "system", "app"])),
    within("az_outage", zone=st.sampled_from(["a", "b"])),
)
TERMINATED = {
    "pick": PICKS,
    "decrement": st.booleans(),
    "through": st.sampled_from(["autoscaling", "ec2"]),
}
ACTORS = st.one_of(
    once("scale_out", by=st.integers(1, 3)),
    once("scale_in", by=st.integers(1, 3)),
    once("operator_terminates", **TERMINATED),
    before_termination("operator_terminates", **TERMINATED),
    once("operator_sets", max=st.integers(6, 15)),
    once("operator_sets", min=st.integers(0, 4)),
    once("operator_sets", desired=st.integers(1, 8)),
    once("scheduled_action", desired=st.integers(1, 8)),
    once("operator_resumes", processes=st.just(("AZRebalance",))),
    once("operator_suspends", processes=st.sampled_from([(p,) for p in PROCESSES])),
    once("template_version", data=st.just({"ImageId": "ami-00000000000000003"})),
    once("template_default", version=st.sampled_from([1, 2])),
    once("operator_deletes"),
    once("operator_refreshes", preferences=st.just({})),
)
CRASHES = st.one_of(
    st.builds(
        Crash,
        st.sampled_from(["before", "after"]),
        st.sampled_from([ENTRY, *MUTATIONS, "CreateOrUpdateTags", "DeleteTags"]),
        st.integers(1, 8),
    ),
    st.builds(
        Crash,
        st.sampled_from(["before", "after"]),
        st.sampled_from([SNAPSHOT, "DescribeAutoScalingGroups"]),
        st.integers(1, 30),
    ),
    st.builds(
        Crash,
        st.sampled_from(["before", "after"]),
        st.sampled_from(["DescribeTargetHealth", "DescribeScalingActivities"]),
        st.integers(1, 30),
    ),
)
MASTERS = st.sampled_from(["first", "second"])
SIGNALS = st.builds(Signal, st.integers(1, 30))
TAKINGS = st.builds(
    Taking,
    st.sampled_from(["resume", "resume", "abort", "recover"]),
    st.sampled_from([0, 1, 20, 300, 3000]),
    st.one_of(st.none(), CRASHES, SIGNALS),
    MASTERS,
)
RIVALS = st.builds(Rival, st.integers(1, 20), st.sampled_from(["resume", "abort", "roll"]), MASTERS)


FAULTS = st.one_of(CALL_FAULTS, LAUNCH_FAULTS, ACTORS)


@st.composite
def stories(draw):
    """Draw a whole story."""
    return Story(
        draw(scenarios()),
        draw(policies()),
        tuple(draw(st.lists(FAULTS, max_size=3))),
        draw(st.one_of(st.none(), CRASHES, SIGNALS)),
        tuple(draw(st.lists(TAKINGS, max_size=3))),
        draw(st.one_of(st.none(), st.none(), st.none(), RIVALS)),
    )
