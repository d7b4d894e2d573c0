"""`salt-run asgcycle.user_data`: what it shows, and what it refuses. AWS is not asked: there is
none at the endpoint."""

import copy
import gzip
import hashlib
import json

import pytest
import salt.config
import salt.loader
import yaml

from tests.lab.salt_run import REPO, SaltRun

NOWHERE = "http://127.0.0.1:9"
GOOD = {
    "asgcycle": {
        "defaults": {
            "user_data": {"os": "debian", "release": "12", "minion": {"master": "salt.example.com"}}
        },
        "environments": {"prod": {"user_data": {"reboot": "always"}}},
        "groups": {"web": {"environment": "prod", "user_data": {"grains": {"role": "web"}}}},
    }
}
DEFAULTS = GOOD["asgcycle"]["defaults"]
HOOK = {"launch_hook": {"name": "ready-or-not"}}


@pytest.fixture
def salt_run(tmp_path):
    run = SaltRun(tmp_path / "salt", NOWHERE)
    (run.folder / "states" / "unattended-upgrades").symlink_to(REPO / "unattended-upgrades")
    run.pillar(GOOD)
    return run


def call(salt_run, *arguments, **policy):
    """The runner's function as Salt's loader offers it, in this process."""
    opts = salt.config.client_config(str(salt_run.conf / "master"))
    return salt.loader.runner(opts, context={})["asgcycle.user_data"](*arguments, **policy)


def changed(**user_data):
    """The good pillar with other settings for every group."""
    pillar = copy.deepcopy(GOOD)
    pillar["asgcycle"]["defaults"]["user_data"].update(user_data)
    return pillar


def test_a_process_prints_the_document_under_its_size_and_exits_with_0(salt_run):
    done = salt_run("asgcycle.user_data", "web", out=None)
    assert done.code == 0
    head, document = done.out.split("\n\n", 1)
    assert "of 16384 bytes, compressed" in head
    assert document.startswith("#cloud-config\n")
    assert "    REBOOT=always\n" in document


def test_json_has_the_document_whole(salt_run):
    found = salt_run("asgcycle.user_data", "web").of("web")
    assert found["result"] is True
    assert found["parts"][0]["size"] == len(found["user_data"].encode())


@pytest.fixture
def agent_file(salt_run, tmp_path):
    (salt_run.folder / "states" / "_utils").symlink_to(REPO / "_utils")
    return tmp_path / "agent.tar"


def test_the_agent_is_written_with_its_checksum_and_user_data_with_both_is_small(
    salt_run, agent_file
):
    shown = salt_run("asgcycle.agent").of("agent")
    assert shown["status"] == "shown"
    done = salt_run("asgcycle.agent", f"file={agent_file}")
    assert done.code == 0
    found = done.of("agent")
    content = agent_file.read_bytes()
    assert found["sha256"] == shown["sha256"] == hashlib.sha256(content).hexdigest()
    assert (found["status"], found["size"]) == ("written", len(content))
    assert found["sha256"] in found["next"]
    assert salt_run("asgcycle.agent", f"file={agent_file}").of("agent")["status"] == "unchanged"
    place = {"url": "http://mirror.example.com/agent.tar", "sha256": found["sha256"]}
    salt_run.pillar(changed(agent=place))
    small = call(salt_run, "web")["data"]["web"]
    assert (small["warnings"], small["compressed"]) == ([], False)
    assert len(gzip.compress(small["user_data"].encode())) < small["limit"] / 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("file=agent.tar",), "give an absolute path"),
        (("file=/nowhere/agent.tar",), "there is no folder /nowhere"),
        (("path=/srv/agent.tar",), "path: is not known here"),
        (("web",), "'web' is not understood"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_and_none_is(salt_run, agent_file, arguments, words):
    done = salt_run("asgcycle.agent", *arguments)
    assert done.code == 2
    assert words in str(done.of("agent")["obstacles"])
    assert not agent_file.exists()


def test_without_the_library_in_the_file_roots_the_agent_is_not_made(salt_run, tmp_path):
    done = salt_run("asgcycle.agent", f"file={tmp_path}/agent.tar")
    assert done.code == 2
    assert "salt://_utils/aptpolicy/patched" in str(done.of("agent")["obstacles"])
    assert not (tmp_path / "agent.tar").exists()


def test_the_grains_of_the_group_choose_the_pillar_of_the_instance(salt_run):
    (salt_run.folder / "pillar" / "top.sls").write_text(
        "base:\n  '*': [data]\n  'G@role:web and G@environment:prod':\n"
        "    - match: compound\n    - web\n"
    )
    (salt_run.folder / "pillar" / "web.sls").write_text(
        "unattended_upgrades: {blacklist: [only-on-web]}\n"
    )
    assert '"only-on-web"' in call(salt_run, "web")["data"]["web"]["user_data"]
    assert '"only-on-web"' not in call(salt_run, "batch")["data"]["batch"]["user_data"]


def test_it_is_the_same_whoever_asks_and_from_where(salt_run):
    salt_run.pillar({"asgcycle": {**GOOD["asgcycle"], "defaults": {**DEFAULTS, **HOOK}}})
    assert call(salt_run, "web") == call(salt_run, "web", region="eu-west-1", surge=2)


def test_the_agent_learns_of_the_launch_hook_that_pillar_asks_for(salt_run):
    salt_run.pillar({"asgcycle": {**GOOD["asgcycle"], "defaults": {**DEFAULTS, **HOOK}}})
    document = yaml.safe_load(call(salt_run, "web")["data"]["web"]["user_data"])
    files = {entry["path"]: entry["content"] for entry in document["write_files"]}
    assert json.loads(files["/etc/asgcycle/ready.json"])["hook"] == {
        "group": "web",
        "name": "ready-or-not",
        "region": None,
        "endpoint_url": None,
        "heartbeat": 300,
    }


UNKNOWN_ENVIRONMENT = copy.deepcopy(GOOD)
UNKNOWN_ENVIRONMENT["asgcycle"]["groups"]["web"]["environment"] = "qa"
NOT_A_MAPPING = {"asgcycle": {"defaults": {"user_data": ["os: debian"]}}}
BAD = {
    "unknown key": (changed(updates="all"), ["unknown key 'updates'"]),
    "bad value": (changed(upgrade="some"), ["upgrade: 'some'", "security, all, none"]),
    "not a mapping": (NOT_A_MAPPING, ["asgcycle:defaults:user_data: must be a mapping of keys"]),
    "no pillar": ({}, ["there is no user_data for this group"]),
    "no such environment": (UNKNOWN_ENVIRONMENT, ["environment 'qa' of group web is not in"]),
    "a secret": (changed(proxy="http://joe:hunter2@proxy/"), ["proxy: a password in a URL"]),
    "no such template": (changed(template="salt://none"), ["salt://none: not on the master's"]),
    "template error": (changed(template="salt://bad.jinja"), ["salt://bad.jinja, line 2: "]),
    "template with a module that fails": (
        changed(template="salt://raises.jinja"),
        ["salt://raises.jinja"],
    ),
    "no formula": (changed(template="salt://empty.jinja"), ["salt://empty.jinja"]),
    "pillar that does not render": (
        "asgcycle: {{ nothing }}\n",
        ["the pillar of the master (test_master) does not render"],
    ),
    "a policy that the formula refuses": (
        {**GOOD, "unattended_upgrades": {"reboot": "never"}},
        ["pillar of the new instance: unattended_upgrades:reboot"],
    ),
    "too large": (
        changed(extra={"runcmd": [str(hash((n, "x"))) for n in range(4000)]}),
        ["EC2 takes 16384", "cloud-config.yaml"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_its_reason(salt_run, case):
    states = salt_run.folder / "states"
    (states / "bad.jinja").write_text("#cloud-config\n{{ nothing }}\n")
    (states / "raises.jinja").write_text("#cloud-config\n{{ salt['no.such']() }}\n")
    (states / "empty.jinja").write_text("")
    pillar, said = BAD[case]
    salt_run.pillar(pillar)
    answer = call(salt_run, "web")
    assert answer["retcode"] == 2
    assert answer["data"]["web"]["result"] is False
    told = "\n".join(answer["data"]["web"]["obstacles"])
    assert [text for text in said if text not in told] == []
    assert "hunter2" not in told


def test_a_refusal_is_exit_code_2_of_the_process(salt_run):
    salt_run.pillar(changed(upgrade="some"))
    done = salt_run("asgcycle.user_data", "web", out=None)
    assert done.code == 2
    assert "Nothing was changed." in done.out


def test_a_master_without_the_formula_in_its_file_roots_is_told_so(salt_run):
    (salt_run.folder / "states" / "unattended-upgrades").unlink()
    (told,) = call(salt_run, "web")["data"]["web"]["obstacles"]
    assert "not on the master's file server; add this formula" in told


def test_a_call_that_is_not_understood_is_refused(salt_run):
    assert "give the name of" in str(call(salt_run))
    assert "one group, then key=value pairs" in str(call(salt_run, "web", "batch"))
    assert "unknown key 'upgrade'" in str(call(salt_run, "web", upgrade="all"))
