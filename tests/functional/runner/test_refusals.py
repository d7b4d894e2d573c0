"""Bad input: one message each that says what is wrong and what to do, and nothing is changed."""

import pytest
import salt.cache
import salt.config

from asgroll.journal import BANK, CacheJournal
from asgroll.model import Phase
from tests.unit.asgroll.build import NOW, roll

NOWHERE = "http://127.0.0.1:9"


def refused(stage, *arguments, group="web", **policy):
    found = stage.call("asgcycle.roll", *arguments, **policy)
    assert found["retcode"] == 2, found
    assert set(found["data"]) == {group}
    assert found["data"][group]["result"] is False
    assert found["data"][group]["status"] == "refused"
    assert stage.mutations() == []
    return found["data"][group]["obstacles"]


@pytest.mark.parametrize(
    ("arguments", "policy", "group", "said"),
    [
        ([], {}, "asgcycle", "give the name of an Auto Scaling Group"),
        (["nope"], {}, "nope", "there is no Auto Scaling Group 'nope'"),
        (["web", "db"], {}, "web", "'db' is not understood"),
        (["web"], {"region": "eu-centrl-1"}, "web", "did you mean eu-central-1?"),
        (["web"], {"profile": "nope"}, "web", "profile (nope) could not be found"),
        (["web"], {"endpoint_url": NOWHERE}, "web", "cannot connect"),
        (["web"], {"surge": 0}, "web", "leaves no room to replace anything"),
        (["web"], {"surge": 0, "max_unavailable": "10%"}, "web", "rounds down to 0"),
        (["web"], {"raise_max": False}, "web", "no room to surge: desired 3 = max 3"),
        (["web"], {"select": "instances:i-0123456789abcdef0"}, "web", "is not an instance of"),
        (["web"], {"select": "newest"}, "web", "select: 'newest' is not allowed"),
        (["web"], {"surgee": 2}, "web", "unknown key 'surgee'. Did you mean surge?"),
    ],
)
def test_bad_arguments(stage, arguments, policy, group, said):
    texts = refused(stage, *arguments, group=group, **policy)
    assert any(said in text for text in texts), texts


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ({"web": {"suspended": ["Launch", "Terminate"]}}, ["Launch is susp", "Terminate is susp"]),
        ({"web": {"health_check_type": "EC2"}}, ["health check type is EC2"]),
        ({"web": {"min": 0, "desired": 0}}, ["has no instances"]),
        ({"web": {"protected": 1}}, ["protected from scale-in; set protected: skip"]),
        (
            {"faults": [{"kind": "denied", "operation": "DescribeTargetHealth"}]},
            ["DescribeTargetHealth", "docs/iam-policy.json"],
        ),
        (
            {"faults": [{"kind": "html_error", "operation": "DescribeScalingActivities"}]},
            ["is there a proxy or a login page"],
        ),
        (
            {"faults": [{"kind": "operator_refreshes", "at": 0, "group": "web"}]},
            ["instance refresh"],
        ),
        ({"faults": [{"kind": "expired_token"}]}, ["expired"]),
    ],
    indirect=["stage"],
)
def test_a_group_that_cannot_be_rolled(stage, said):
    texts = " ".join(refused(stage, "web"))
    assert all(part in texts for part in said), texts


def test_everything_is_found_at_once(stage):
    stage.fault(kind="operator_suspends", group="web", processes=["Launch"])
    stage.fault(kind="denied", operation="DescribeInstanceRefreshes")
    texts = refused(stage, "web", raise_max=False, select="instances:i-0123456789abcdef0")
    assert len(texts) == 3


def test_no_credentials(stage):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del stage.salt.environment[name]
    (text,) = refused(stage, "web")
    assert "no usable AWS credentials" in text


def test_no_region(stage):
    del stage.salt.environment["AWS_DEFAULT_REGION"]
    (text,) = refused(stage, "web")
    assert "no AWS region is set" in text


@pytest.mark.parametrize(
    ("pillar", "said"),
    [
        ({"asgcycle": {"defaults": {"surgee": 1}}}, "asgcycle:defaults: unknown key 'surgee'"),
        ({"asgcycle": {"groups": {"we*": {"surge": "x"}}}}, "asgcycle:groups:we*: surge: 'x'"),
        ("asgcycle: {{ nothing.at.all }}", "does not render"),
    ],
)
def test_a_bad_pillar(stage, pillar, said):
    stage.salt.pillar(pillar)
    assert any(said in text for text in refused(stage, "web"))


@pytest.mark.parametrize("function", ["asgcycle.plan", "asgcycle.resume", "asgcycle.abort"])
def test_the_other_verbs_refuse_in_the_same_way(stage, function):
    found = stage.call(function, "nope")
    assert found["retcode"] == 2
    assert "there is no Auto Scaling Group 'nope'" in found["data"]["nope"]["obstacles"][0]


@pytest.mark.parametrize("function", ["asgcycle.resume", "asgcycle.abort"])
def test_there_is_nothing_to_take_up_or_end(stage, function):
    found = stage.call(function, "web")
    assert (found["retcode"], stage.mutations()) == (2, [])
    assert "web has no roll that" in found["data"]["web"]["obstacles"][0]


def test_a_plan_tells_obstacles_and_victims_together(stage):
    found = stage.call("asgcycle.plan", "web", raise_max=False)["data"]["web"]
    assert found["status"] == "refused"
    assert len(found["instances"]) == 3


@pytest.mark.parametrize(
    ("function", "arguments", "policy", "said"),
    [
        ("asgcycle.status", ["web", "db"], {}, "not db"),
        ("asgcycle.status", ["web"], {"region": "eu-central-1"}, "not region"),
        ("asgcycle.list", ["web"], {}, "'web' is not understood"),
        ("asgcycle.list", [], {"regoin": "eu-central-1"}, "Did you mean region?"),
    ],
)
def test_status_and_list_take_what_they_take(stage, function, arguments, policy, said):
    found = stage.call(function, *arguments, **policy)
    ((_, data),) = found["data"].items()
    assert (found["retcode"], said in data["obstacles"][0]) == (2, True), data


def test_status_tells_what_it_can_read_beside_what_it_cannot(stage):
    folder = str(stage.salt.folder / "cache")
    cache = salt.cache.Cache({**salt.config.master_config(None), "cachedir": folder})
    CacheJournal(cache).save(roll(phase=Phase.DONE, ended_at=NOW))
    cache.store(BANK, "broken", {"schema": 99})
    every = stage.call("asgcycle.status")
    assert (every["data"]["web"]["status"], every["retcode"]) == ("done", 3)
    assert "schema 99" in every["data"]["unreadable"]["obstacles"][0]
    assert stage.call("asgcycle.status", "web")["retcode"] == 0
    assert stage.call("asgcycle.status", "db")["retcode"] == 2  # it may be the unreadable one
