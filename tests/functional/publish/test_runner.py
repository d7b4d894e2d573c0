"""The runner's ``publish`` and ``hook`` as Salt offers them, over HTTP, with pillar's user data."""

import gzip
import time

import pytest

from asgroll import journal, marks

from .conftest import HOOK, USER_DATA


@pytest.fixture
def stage(salted):
    return salted


def test_what_is_published_is_what_the_next_roll_brings_in(stage):
    shown, _ = stage.do("user_data")
    old = {i["InstanceId"] for i in stage.members()}
    data, code = stage.do("publish")
    assert (code, data["status"]) == (0, "published"), data
    template = data["from_specs"][0].partition(":")[0]
    assert (data["from_specs"], data["to_specs"]) == ([f"{template}:2"], [f"{template}:3"])
    assert data["previous"] == f"{template}:2"
    done = stage.run("asgcycle.roll", "web", "select=outdated")
    rolled = done.of("web")
    assert (done.code, rolled["replaced"], rolled["warnings"]) == (0, 3, [])
    new = [i["InstanceId"] for i in stage.members() if i["LifecycleState"] == "InService"]
    assert len(new) == 3
    assert not old & {i["InstanceId"] for i in stage.members()}
    assert {gzip.decompress(stage.booted_with(key)).decode() for key in new} == {shown["user_data"]}
    assert stage.violations() == []
    done = stage.mutations()
    data, code = stage.do("publish")
    assert (code, data["status"], stage.mutations()) == (0, "unchanged", done)
    assert data["previous"] == f"{template}:2"


@pytest.mark.parametrize("flag", ["test", "dry_run"])
def test_a_dry_run_shows_the_difference(stage, flag):
    data, code = stage.do("publish", **{flag: True})
    assert (code, data["status"], stage.mutations()) == (0, "planned", [])
    assert "+#cloud-config" in data["diff"]


@pytest.mark.parametrize("function", ["plan", "roll"])
def test_a_roll_is_cautioned_when_the_user_data_is_not_what_pillar_says(stage, function):
    options = {"test": True} if function == "roll" else {}
    data, code = stage.do(function, **options)
    assert code == 0
    assert any("is not what pillar says" in text for text in data["warnings"])
    stage.do("publish")
    assert not any("pillar" in text for text in stage.do(function, **options)[0]["warnings"])


def test_a_plan_asks_nothing_more_where_pillar_has_no_user_data(stage):
    def reads():
        before = len(stage.lab.history())
        assert stage.do("plan")[1] == 0
        return len([r for r in stage.lab.history()[before:] if "operation" in r])

    with_user_data = reads()
    stage.pillar(None)
    assert reads() == with_user_data - 2


def test_a_plan_says_when_the_user_data_cannot_be_made(stage):
    stage.pillar({"os": "plan9"})
    data, code = stage.do("plan")
    assert code == 0
    assert any("cannot be made" in text and "plan9" in text for text in data["warnings"])


@pytest.mark.parametrize(
    ("pillar", "said"),
    [
        ({"user_data": None}, "pillar has no user_data for web; set asgcycle:groups:web:user_data"),
        ({"user_data": {"os": "debian", "upgarde": "all"}}, "upgarde"),
        ({"user_data": ["debian"]}, "must be a mapping of keys"),
        ({"user_data": {**USER_DATA, "template": "salt://none.jinja"}}, "none.jinja"),
        ({"launch_hook": {"timeout": "1s"}}, "a duration from 30s to 2h"),
        ({"launch_hook": 5}, "must be a mapping of keys"),
        ({"surgee": 1}, "unknown key 'surgee'"),
    ],
)
def test_a_pillar_that_cannot_be_published(stage, pillar, said):
    stage.pillar(**pillar)
    data, code = stage.do("publish")
    assert (code, data["status"], stage.mutations()) == (2, "refused", [])
    assert any(said in text for text in data["obstacles"]), data


@pytest.mark.parametrize(
    ("pillar", "said"),
    [
        ("asgcycle: {{ nothing.at.all }}", "does not render"),
        ({"asgcycle": {"groups": {"web": {"environment": "prdo"}}}}, "environment 'prdo'"),
        ({"asgcycle": ["web"]}, "must be a mapping"),
    ],
)
def test_a_pillar_that_is_broken(stage, pillar, said):
    stage.salt.pillar(pillar)
    data, code = stage.do("publish")
    assert (code, stage.mutations()) == (2, [])
    assert any(said in text for text in data["obstacles"]), data


def test_a_template_with_an_error_is_named_with_its_line(stage):
    template = stage.salt.folder / "states" / "own.jinja"
    template.write_text("#cloud-config\n{{ nothing.at.all }}\n")
    stage.pillar({**USER_DATA, "template": "salt://own.jinja"})
    data, code = stage.do("publish")
    assert (code, stage.mutations()) == (2, [])
    assert "salt://own.jinja, line 2" in data["obstacles"][0]


@pytest.mark.parametrize(
    ("arguments", "policy", "said"),
    [
        (["nope"], {}, "there is no Auto Scaling Group 'nope'"),
        ([], {}, "give the name of an Auto Scaling Group"),
        (["web", "db"], {}, "'db' is not understood"),
        (["web"], {"test": "yes"}, "test: 'yes' is not allowed; give True or False"),
        (["web"], {"tset": True}, "unknown key 'tset'"),
        (["web"], {"user_data": {"os": "ubuntu"}}, "user_data: is set in pillar only"),
        (["web"], {"launch_hook": {"timeout": "1h"}}, "launch_hook: is set in pillar only"),
    ],
)
@pytest.mark.parametrize("function", ["publish", "hook"])
def test_bad_arguments(stage, function, arguments, policy, said):
    found = stage.call(f"asgcycle.{function}", *arguments, **policy)
    ((_, data),) = found["data"].items()
    assert (found["retcode"], stage.mutations()) == (2, [])
    assert any(said in text for text in data["obstacles"]), data


def test_a_publish_while_a_roll_is_paused_says_what_that_means(stage):
    stage.pillar(on_failure="pause", max_failures=0, ready_timeout="3s")
    stage.fault(kind="never_healthy")
    assert stage.run("asgcycle.roll", "web").code == 3
    data, code = stage.do("publish")
    assert (code, data["status"]) == (0, "published")
    assert any("resume web` goes on with what is published now" in t for t in data["warnings"])


@pytest.mark.parametrize("function", ["publish", "hook"])
def test_a_group_that_is_being_rolled_is_left_alone(stage, function):
    stage.pillar(launch_hook=HOOK)
    cache = stage.salt.folder / "cache"
    arn = stage.lab.world.groups["web"].arn
    with journal.lock(cache, arn, "web"):
        options = {"create": True} if function == "hook" else {}
        data, code = stage.do(function, **options)
    assert (code, stage.mutations()) == (2, [])
    assert "another process on this master" in data["obstacles"][0]


@pytest.mark.parametrize("function", ["publish", "hook"])
def test_a_group_that_another_master_works_on_is_left_alone(stage, function):
    stage.pillar(launch_hook=HOOK)
    claim = marks.Claim("other_master", "r1", "x", time.time() + 600)
    with stage.lab.lock:
        stage.lab.world.create_or_update_tags([("web", marks.LEASE, claim.text(), False)])
    options = {"create": True} if function == "hook" else {}
    data, code = stage.do(function, **options)
    assert (code, stage.mutations()) == (2, [])
    assert "other_master works on web (roll r1)" in data["obstacles"][0]


def test_the_hook_is_created_after_user_data_that_knows_it(stage):
    stage.pillar(launch_hook=HOOK, ready_timeout="10m")
    assert stage.do("publish")[1] == 0
    assert stage.do("hook")[0]["status"] == "missing"
    data, code = stage.do("hook", create=True)
    assert (code, data["status"], data["warnings"]) == (0, "created", [])
    assert stage.do("hook")[0]["status"] == "present"
    assert stage.do("hook", remove=True)[0]["status"] == "removed"


def test_a_hook_of_which_user_data_knows_nothing_is_refused(stage):
    data, code = stage.do("hook", create=True)
    assert (code, stage.mutations()) == (2, [])
    assert "pillar has no launch_hook for web" in data["obstacles"][0]


def test_a_hook_before_its_user_data_is_warned_of(stage):
    stage.pillar(launch_hook=HOOK)
    data, code = stage.do("hook", create=True)
    assert code == 0
    assert any("is not what pillar says" in text for text in data["warnings"])


def test_creating_and_removing_exclude_each_other(stage):
    data, code = stage.do("hook", create=True, remove=True)
    assert (code, stage.mutations()) == (2, [])
    assert data["obstacles"] == ["create and remove exclude each other"]


def test_a_publish_as_a_process_ends_with_the_exit_code_and_reads_well(stage):
    done = stage.run("asgcycle.publish", "web", out=None)
    assert done.code == 0, done.out + done.err
    assert "web: published" in done.out
    assert "next: `salt-run asgcycle.roll web select=outdated` brings it in" in done.out
    stage.pillar(None)
    done = stage.run("asgcycle.publish", "web", out=None)
    assert done.code == 2
    assert "Nothing was changed." in done.out
