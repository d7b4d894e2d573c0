"""The reasons not to start, and what should be known before."""

from dataclasses import replace

import pytest

from asgroll.model import Phase, Victim
from asgroll.obstacles import blocking, cautions
from asgroll.preflight import Assessment, begin, with_earlier
from asgroll.selection import Choice
from asgroll.waits import OwnTimes
from asgroll.world import Hook
from tests.unit.asgroll.build import NOW, instance, judged, policy, roll, world

OLD = [instance(f"i-old{n}") for n in range(3)]
CHOICE = Choice({i.id: Victim(i.id, i.zone) for i in OLD})


QUICK = Hook("in", launch=True, timeout=60, limit=6000)
HOOKED = OwnTimes(hooks=(QUICK,))


def reasons(view=None, refresh=None, choice=CHOICE, own=HOOKED, **keys):
    return blocking(view or world(*OLD), choice, policy(**keys), refresh, own)


def test_a_sound_group_has_no_obstacle():
    assert reasons() == []


@pytest.mark.parametrize(
    ("group", "keys", "said"),
    [
        ({"suspended": ("Launch",)}, {}, "Launch is suspended: no replacement would ever start"),
        ({"suspended": ("Terminate",)}, {}, "Terminate is suspended"),
        ({"suspended": ("AddToLoadBalancer",)}, {}, "AddToLoadBalancer is suspended"),
        ({"status": "Delete in progress"}, {}, "being deleted"),
        ({"target_groups": ("arn:x/web/1",)}, {}, "health check type is EC2"),
        ({"load_balancers": ("lb",)}, {}, "health check type is EC2"),
        (
            {"target_groups": ("arn:x/web/1",), "health_check": "EC2, EBS"},
            {},
            "health check type is EC2, EBS",
        ),
        ({"operator": "eks.amazonaws.com"}, {}, "managed by eks.amazonaws.com"),
        (
            {"capacity_type": "vcpu"},
            {},
            "count vcpu (DesiredCapacityType), and AWS shows no weight",
        ),
        ({"weighted": True}, {}, "shows no weight of i-old0, i-old1, i-old2"),
        ({"other_traffic_sources": ("vpc-lattice: tg",)}, {}, "cannot be checked"),
        ({"warm_pool": True}, {}, "has a warm pool"),
        ({"maximum": 3}, {"raise_max": False}, "no room to surge: desired 3 = max 3"),
        ({}, {"surge": 0, "max_unavailable": "10%"}, "10% of 3 rounds down to 0"),
    ],
)
def test_obstacles(group, keys, said):
    (text,) = reasons(world(*OLD, **group), **keys)
    assert said in text


@pytest.mark.parametrize(
    ("group", "code"),
    [
        ({"target_groups": ("arn:x/web/1",)}, "health-check-type"),
        ({"other_traffic_sources": ("vpc-lattice: tg",)}, "traffic-source"),
        ({"warm_pool": True}, "warm-pool"),
    ],
)
def test_some_obstacles_may_be_accepted_by_name(group, code):
    (text,) = reasons(world(*OLD, **group))
    assert f"accept: [{code}]" in text
    assert reasons(world(*OLD, **group), accept=[code]) == []


def weighed(*weights, **group):
    """Obstacles of a group whose members have these weights."""
    members = [instance(f"i-{n}", weight=w, weighted=True) for n, w in enumerate(weights)]
    choice = Choice({i.id: Victim(i.id, i.zone, i.weight) for i in members})
    keys = group.pop("keys", {})
    return reasons(world(*members, maximum=40, weighted=True, **group), choice=choice, **keys)


@pytest.mark.parametrize("desired", [9, 12, 15])
def test_a_weighted_group_may_be_off_its_size_by_its_heaviest_instance(desired):
    assert weighed(2, 3, 3, 4, desired=desired) == []


@pytest.mark.parametrize("desired", [4, 20])
def test_weights_that_add_up_to_something_else_are_refused(desired):
    (text,) = weighed(2, 3, 3, 4, desired=desired)
    assert f"add up to 12, but the desired capacity is {desired}" in text
    assert weighed(2, 3, 3, 4, desired=desired, keys={"accept": ["capacity-units"]}) == []


def test_what_counts_processors_may_be_accepted_where_aws_shows_what_each_brings():
    (text,) = weighed(2, 4, capacity_type="vcpu")
    assert "accept: [capacity-units]" in text
    assert weighed(2, 4, capacity_type="vcpu", keys={"accept": ["capacity-units"]}) == []


def test_one_instance_without_a_weight_among_others_is_refused():
    view = world(instance("i-a", weight=2, weighted=True), instance("i-b"))
    (text,) = reasons(view, choice=Choice(), accept=["capacity-units"])
    assert "count weights, and AWS shows no weight of i-b" in text


@pytest.mark.parametrize(
    ("kinds", "asks"),
    [("EC2", False), ("EBS", False), ("EC2,EBS", False), ("ELB", True), ("EBS, ELB", True)],
)
def test_which_health_checks_ask_the_load_balancer(kinds, asks):
    assert world(health_check=kinds).group.asks_load_balancers is asks


def test_a_window_narrower_than_the_heaviest_victim_is_refused():
    members = [instance("i-light", weight=1), instance("i-heavy", weight=3)]
    choice = Choice({i.id: Victim(i.id, i.zone, i.weight) for i in members})
    (text,) = reasons(world(*members), choice=choice, surge=0, max_unavailable=1)
    assert "weighs 3 units" in text
    assert reasons(world(*members), choice=choice, surge=1) == []


ZONED = [instance(f"i-{zone}", zone) for zone in "abc"]
NOT_IN_USE = ("unused", "Target.NotInUse")


def reached(state, *others, **keys):
    """Obstacles when i-a is in this state in the target group web, the other two healthy."""
    members = {"i-a": state, "i-b": "healthy", "i-c": "healthy", **dict(others)}
    view = judged(
        world(*ZONED, target_groups=("arn:x/web/1",), health_check="ELB"), {"web": members}
    )
    choice = Choice({i.id: Victim(i.id, i.zone) for i in ZONED})
    return blocking(view, choice, policy(**keys), None, OwnTimes())


@pytest.mark.parametrize(
    ("override", "code", "said"),
    [
        ("zonal_shift_active", "zonal-shift", "web (zonal_shift_active: 1 in a)"),
        ("unknown", "zonal-shift", "web (unknown: 1 in a)"),
        (
            "zonal_shift_delegated_to_dns",
            "unseen-zonal-shift",
            "web (zonal_shift_delegated_to_dns: 1 in a)",
        ),
    ],
)
def test_traffic_that_is_kept_away_is_named_with_target_group_and_zone(override, code, said):
    (text,) = reached(("healthy", "", "", override))
    assert said in text
    assert f"accept: [{code}]" in text
    assert reached(("healthy", "", "", override), accept=[code]) == []


def test_a_target_group_that_no_listener_forwards_to_is_named_and_nothing_besides():
    others = (("i-b", NOT_IN_USE), ("i-c", NOT_IN_USE))
    (text,) = reached(NOT_IN_USE, *others, healthy_for="1m")
    assert "no listener of a load balancer forwards to web (Target.NotInUse)" in text
    assert "accept: [unused-target-group]" in text


def test_a_target_in_a_zone_without_its_load_balancer_is_no_unused_target_group():
    assert reached(NOT_IN_USE) == []


def test_nobody_who_serves_is_an_obstacle_with_the_first_reason():
    others = (("i-b", "unhealthy"), ("i-c", "initial"))
    (text,) = reached(("unhealthy", "Target.Timeout"), *others)
    assert "none of 3 instances serves now (i-a: web: unhealthy (Target.Timeout))" in text
    assert reached("unhealthy", *others, accept=["nobody-serves"]) == []
    assert reached("unhealthy", ("i-b", "healthy")) == []


def test_in_service_alone_says_nothing_of_an_application():
    (text,) = reasons(own=OwnTimes())
    assert "nothing tells when a new instance is ready" in text
    for way_out in ("asgcycle.hook web create=True", "healthy_for", "accept: [no-readiness]"):
        assert way_out in text
    assert reasons(own=OwnTimes(), accept=["no-readiness"]) == []


@pytest.mark.parametrize(
    ("own", "keys"),
    [
        pytest.param(HOOKED, {}, id="a launch hook"),
        pytest.param(OwnTimes(), {"healthy_for": "90s"}, id="a time to wait"),
        pytest.param(OwnTimes(hooks=None), {}, id="hooks that could not be read are not absent"),
    ],
)
def test_ready_is_what_something_else_than_the_machine_says(own, keys):
    assert reasons(own=own, **keys) == []


def test_a_termination_hook_says_nothing_of_a_new_instance():
    out = OwnTimes(hooks=(replace(QUICK, launch=False),))
    assert len(reasons(own=out)) == 1


def test_a_target_group_without_a_listener_checks_nobodys_health():
    others = (("i-b", NOT_IN_USE), ("i-c", NOT_IN_USE))
    accepted = ["unused-target-group", "nobody-serves"]
    (text,) = reached(NOT_IN_USE, *others, accept=accepted)
    assert "accept: [no-readiness]" in text
    assert reached(NOT_IN_USE, *others, accept=[*accepted, "no-readiness"]) == []


def test_an_active_instance_refresh_is_named():
    (text,) = reasons(refresh="0815 (Baking)")
    assert "instance refresh 0815 (Baking)" in text


def test_an_empty_group_is_an_obstacle():
    (text,) = reasons(world(desired=0), choice=Choice())
    assert "no instances" in text


def test_all_obstacles_are_found_at_once():
    view = world(*OLD, suspended=("Launch", "Terminate"), maximum=3, warm_pool=True)
    assert len(reasons(view, refresh="x (InProgress)", raise_max=False)) == 5


def test_unpinned_templates_and_instances_that_do_not_serve_are_told():
    view = world(OLD[0], instance("i-sick", ready=False), specs=("lt-0aa:$Latest",))
    texts = cautions(view, ("lt-0aa:7",))
    assert "lt-0aa:$Latest (now lt-0aa:7)" in texts[0]
    assert "1 of 2 do not serve now: i-sick" in texts[1]


def test_a_roll_with_obstacles_cannot_begin():
    with pytest.raises(ValueError, match="cannot begin"):
        begin(Assessment(("no",), world=world(*OLD)), "r1", NOW)


def test_the_set_of_victims_is_frozen_at_the_beginning():
    found = begin(Assessment((), world=world(*OLD), choice=CHOICE, specs=("x:1",)), "r1", NOW)
    assert set(found.victims) == found.initial == {i.id for i in OLD}
    assert (found.desired, found.expected_desired, found.delta) == (3, 3, 0)


@pytest.mark.parametrize(
    ("earlier", "blocks"),
    [
        (None, False),
        (roll(*OLD, phase=Phase.DONE), False),
        (roll(*OLD, phase=Phase.HALTED), False),
        (roll(*OLD, phase=Phase.ROLLING), True),
        (roll(*OLD, phase=Phase.HALTED, delta=1), True),
        (roll(*OLD, phase=Phase.STOPPED, max_set=9), True),
        (roll(*OLD, phase=Phase.HALTED, suspended=frozenset({"AZRebalance"})), True),
    ],
)
def test_an_earlier_roll_that_left_something_behind_has_to_be_ended_first(earlier, blocks):
    found = with_earlier(Assessment(()), earlier)
    assert bool(found.obstacles) is blocks
    if blocks:
        assert "asgcycle.abort web" in found.obstacles[0]


def test_it_does_not_hide_other_obstacles():
    found = with_earlier(Assessment(("other",)), replace(roll(*OLD), delta=1))
    assert len(found.obstacles) == 2
