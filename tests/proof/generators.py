"""Random stories: groups, policies, faults, crashes and people. The only place that draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.functional.roll.harness import GROUP, MUTATIONS, spec
from tests.lab.world import Fault
from tests.lab.world.assumptions import OTHERS
from tests.proof.story import ENTRY, SNAPSHOT, Crash, Rival, Signal, Story, Taking

# A roll of this size takes 100 to 1,500 s; later faults would strike nobody.
WITHIN = st.integers(0, 900)
READS = ("DescribeAutoScalingGroups", "DescribeTargetHealth", "DescribeInstanceHealth")
TERMINATE = "TerminateInstanceInAutoScalingGroup"
# Seconds: five times what the slowest application of a blind group can take.
PATIENCE = 300
# What makes an application begin later or never: in a blind group nobody can know.
UNKNOWABLE = {"slow_boot", "never_healthy", "application_stops"}
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
def assumptions(draw):
    """Draw what AWS may do otherwise than the lab assumes: a few rules at a time, or none."""
    rules = draw(st.sets(st.sampled_from(sorted(OTHERS)), max_size=8))
    return {rule: draw(st.sampled_from(OTHERS[rule])) for rule in sorted(rules)}


def seldom(draw):
    """Draw whether something is so that most groups do not have."""
    return draw(st.integers(0, 5)) == 5


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
        assumptions=draw(assumptions()),
        mixed=WEIGHTS if weights and seldom(draw) else None,
        capacity_rebalance=True if seldom(draw) else None,
        maintenance={"min": 100, "max": draw(st.sampled_from([110, 200]))}
        if seldom(draw)
        else None,
        launch_before_terminate=seldom(draw),
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
        delays={
            "reaction": draw(st.sampled_from([0, 5, 30])),
            "running": draw(st.sampled_from([10, 0, 40])),
            "registration": draw(st.sampled_from([15, 0, 40])),
        },
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


def blind(scenario):
    """Whether nothing at AWS knows the applications: no load balancer, no agent of a hook."""
    group = scenario["groups"][GROUP]
    hooked = any(hook["name"] == "in" for hook in group["hooks"])
    return not (group["target_groups"] or group["load_balancers"] or hooked)


def with_patience(scenario, policy):
    """
    Return the two as they fit each other: in a blind group only ``healthy_for`` can stand for the
    application, so it is longer than any application there takes.
    """
    if not blind(scenario):
        return scenario, policy
    boot = {**scenario["boot"], "median": min(scenario["boot"]["median"], 20), "straggler_share": 0}
    patient = {"healthy_for": PATIENCE, "ready_timeout": "20m"}
    return {**scenario, "boot": boot}, {**policy, **patient}


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
# One odd answer, or a few in a row.
ODD = {"nth": st.integers(2, 40), "count": st.integers(1, 2)}
ROWS = {**ODD, "pick": PICKS, "members": st.integers(1, 3)}
ANSWER_FAULTS = st.one_of(
    st.builds(Fault, st.just("empty_answer"), **ODD),
    st.builds(Fault, st.just("group_twice"), **ODD),
    *(
        st.builds(Fault, st.just(kind), **ROWS)
        for kind in ("member_missing", "member_twice", "target_missing", "target_twice")
    ),
)
LAUNCH_FAULTS = st.one_of(
    st.builds(Fault, st.just("never_healthy"), nth=st.integers(1, 6), count=st.integers(1, 4)),
    st.builds(Fault, st.just("bad_image"), nth=st.integers(1, 6), count=st.integers(1, 4)),
    st.builds(Fault, st.just("slow_boot"), nth=st.integers(1, 6), seconds=st.just(700)),
    st.builds(
        Fault, st.just("slow_launch"), nth=st.integers(1, 6), seconds=st.sampled_from([60, 400])
    ),
    st.builds(Fault, st.just("launch_fails_first"), nth=st.integers(1, 6), count=st.integers(1, 3)),
    within("insufficient_capacity", zone=st.sampled_from([None, "a", "b"])),
    once("spot_reclaim", pick=PICKS, count=st.integers(1, 3)),
    once("rebalance_recommendation", pick=PICKS, count=st.integers(1, 3)),
    once("instance_dies", pick=PICKS, how=st.sampled_from(["machine", "system", "app"])),
    within("az_outage", zone=st.sampled_from(["a", "b"])),
    once("application_stops", pick=PICKS, count=st.integers(1, 3)),
    within("application_stops", pick=PICKS, count=st.integers(1, 3)),
)
TRAFFIC_FAULTS = st.one_of(
    within("zonal_shift", zone=st.sampled_from(["a", "b"])),
    once("zonal_shift", zone=st.sampled_from(["a", "b"])),
    within("zonal_autoshift", zone=st.sampled_from(["a", "b"])),
    once("listener_removed", target_group=st.sampled_from(["a", "b"])),
    once("listener_added", target_group=st.sampled_from(["a", "b"])),
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
    once("operator_sets", desired=st.integers(1, 10)),
    once("scheduled_action", desired=st.integers(1, 10)),
    before_termination("operator_sets", desired=st.integers(1, 10)),
    before_termination("scale_in", by=st.integers(1, 3)),
    once("target_tracking", target=st.just(100), load=st.integers(100, 900)),
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


def hidden(fault):
    """Whether a fault may keep an application from ever answering, without AWS's noticing."""
    return fault.kind in UNKNOWABLE or fault.get("how") == "app"


FAULTS = st.one_of(CALL_FAULTS, ANSWER_FAULTS, LAUNCH_FAULTS, TRAFFIC_FAULTS, ACTORS)


@st.composite
def stories(draw):
    """Draw a whole story."""
    scenario, policy = with_patience(draw(scenarios()), draw(policies()))
    faults = draw(st.lists(FAULTS, max_size=3))
    return Story(
        scenario,
        policy,
        tuple(fault for fault in faults if not (blind(scenario) and hidden(fault))),
        draw(st.one_of(st.none(), CRASHES, SIGNALS)),
        tuple(draw(st.lists(TAKINGS, max_size=3))),
        draw(st.one_of(st.none(), st.none(), st.none(), RIVALS)),
    )
