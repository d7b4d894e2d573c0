"""What is outdated, as a person sees it, over HTTP."""

import pytest

OLD, NEW = "ami-00000000000000001", "ami-00000000000000002"
BY_PARAMETER = {
    "web": {"template": {"name": "web", "versions": [{"ImageId": "resolve:ssm:/golden"}]}},
    "parameters": {"/golden": OLD},
}


@pytest.mark.parametrize("stage", [BY_PARAMETER], indirect=True)
def test_a_plan_says_why_each_instance_is_outdated(stage):
    up_to_date = stage.call("asgcycle.plan", "web", select="outdated")
    assert up_to_date["data"]["web"]["instances"] == []
    assert {row["why"] for row in up_to_date["data"]["web"]["kept"]} == {"is up to date"}
    stage.client("ssm").put_parameter(Name="/golden", Value=NEW, Type="String", Overwrite=True)
    found = stage.call("asgcycle.plan", "web", select="outdated")
    assert (found["retcode"], found["data"]["web"]["victims"]) == (0, 3)
    whys = {row["why"] for row in found["data"]["web"]["instances"]}
    assert whys == {f"runs {OLD}; launched now: {NEW}"}
    assert stage.call("asgcycle.list")["data"]["web"]["outdated"] == 3


@pytest.mark.parametrize("stage", [BY_PARAMETER], indirect=True)
def test_a_parameter_that_is_gone_is_named(stage):
    stage.client("ssm").delete_parameter(Name="/golden")
    refused = stage.call("asgcycle.plan", "web", select="outdated")
    assert refused["retcode"] == 2
    (said,) = refused["data"]["web"]["obstacles"]
    assert "/golden does not exist" in said
    assert stage.call("asgcycle.list")["data"]["web"]["outdated"] is None
