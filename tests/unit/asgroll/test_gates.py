"""What "ready" means."""

import pytest

from asgroll.model import Verdict
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
            {"web": {"i-1": ("unavailable", "Target.HealthCheckDisabled")}},
            True,
            "",
            id="health checks are disabled",
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
