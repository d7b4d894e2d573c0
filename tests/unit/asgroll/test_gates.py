"""What "ready" means."""

import pytest

from asgroll.gates import heeding, judge, unused
from asgroll.world import Verdict
from tests.unit.asgroll.build import instance, judged, world


@pytest.mark.parametrize(
    ("fields", "targets", "ready", "why"),
    [
        pytest.param({}, {}, True, "", id="no load balancer"),
        pytest.param({}, {"web": {"i-1": "healthy"}}, True, "", id="healthy"),
        pytest.param({}, {"lb": {"i-1": "InService"}}, True, "", id="classic load balancer"),
        pytest.param(
            {},
            {"web": {"i-1": ("initial", "Elb.RegistrationInProgress")}},
            False,
            "web: initial (Elb.RegistrationInProgress)",
            id="initial",
        ),
        pytest.param({}, {"web": {"i-1": "unused"}}, False, "web: unused", id="unused"),
        pytest.param({}, {"web": {"i-1": "draining"}}, False, "web: draining", id="draining"),
        pytest.param(
            {},
            {"web": {"i-1": ("healthy", "", "", "zonal_shift_active")}},
            False,
            "web: healthy (zonal_shift_active)",
            id="healthy in a zone that traffic is shifted away from",
        ),
        pytest.param(
            {},
            {"web": {"i-1": ("healthy", "", "", "unknown")}},
            False,
            "web: healthy (unknown)",
            id="whether it gets traffic is not known",
        ),
        pytest.param(
            {},
            {"web": {"i-1": ("healthy", "", "", "zonal_shift_delegated_to_dns")}},
            False,
            "web: healthy (zonal_shift_delegated_to_dns)",
            id="whether it gets traffic is not told",
        ),
        pytest.param({}, {"web": {}}, False, "web: not registered", id="not registered"),
        pytest.param(
            {},
            {"web": {"i-1": "healthy"}, "api": {"i-1": "unhealthy"}},
            False,
            "api: unhealthy",
            id="every target group counts",
        ),
        pytest.param(
            {"healthy": False}, {}, False, "InService, Unhealthy", id="unhealthy in the group"
        ),
        pytest.param(
            {"lifecycle": "Pending:Wait"},
            {"web": {"i-1": "healthy"}},
            False,
            "Pending:Wait",
            id="healthy before it is in service",
        ),
    ],
)
def test_an_instance_is_ready_when_the_group_and_every_load_balancer_say_so(
    fields, targets, ready, why
):
    answer = judged(world(instance("i-1", **fields)), targets).instances["i-1"].answer
    assert (answer.verdict is Verdict.READY, answer.why) == (ready, why)


NOT_IN_USE = ("unused", "Target.NotInUse")
HIDDEN = ("healthy", "", "", "zonal_shift_delegated_to_dns")


def ready(view, accept=(), without=()):
    """Who is ready once what a person has accepted is taken out of the view."""
    answers = judge(heeding(view, accept, without)).instances
    return {key for key, item in answers.items() if item.answer.verdict is Verdict.READY}


def test_a_drain_anywhere_is_seen_behind_another_reason():
    targets = {"a": {"i-1": "unhealthy"}, "b": {"i-1": "draining"}}
    answer = judged(world(instance("i-1")), targets).instances["i-1"].answer
    assert (answer.why, answer.draining) == ("a: unhealthy", True)


def test_a_target_group_is_unused_when_none_of_its_targets_is_in_use():
    members = world(instance("i-1"), instance("i-2"))
    half = {"i-1": "healthy", "i-2": NOT_IN_USE}
    view = judged(
        members,
        {"none": dict.fromkeys(("i-1", "i-2"), NOT_IN_USE), "half": half, "empty": {}},
    )
    assert unused(view) == {"none"}


def test_an_unused_target_group_counts_until_somebody_accepts_it_and_again_once_it_is_used():
    view = judged(world(instance("i-1")), {"a": {"i-1": "healthy"}, "b": {"i-1": NOT_IN_USE}})
    assert ready(view) == set()
    assert ready(view, without={"a", "b"}) == {"i-1"}
    attached = judged(world(instance("i-1")), {"a": {"i-1": "healthy"}, "b": {"i-1": "initial"}})
    assert ready(attached, without={"b"}) == set()


def test_a_shift_that_is_not_told_may_be_accepted_and_one_that_is_active_may_not():
    view = judged(
        world(instance("i-1"), instance("i-2")),
        {"web": {"i-1": HIDDEN, "i-2": ("healthy", "", "", "zonal_shift_active")}},
    )
    assert ready(view) == set()
    assert ready(view, accept=["unseen-zonal-shift", "zonal-shift"]) == {"i-1"}
