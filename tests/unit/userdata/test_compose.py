"""The user data of each system and setting, as instances get it."""

import json
import random

import pytest
import yaml

from tests.unit.userdata.build import (
    EVERY,
    GOLDEN,
    REPOSITORY,
    SYSTEMS,
    armored,
    chosen,
    composed,
    master_files,
    outlined,
    request,
    states,
)
from tests.unit.userdata.write_golden import name
from userdata import compose, mime
from userdata.errors import UserDataError

HOOK = {
    "group": "web",
    "name": "asgcycle-ready",
    "region": None,
    "endpoint_url": None,
    "heartbeat": 300,
}


def files_of(built):
    found = yaml.safe_load(built.text)["write_files"]
    return {entry["path"]: entry["content"] for entry in found}


@pytest.mark.parametrize("combination", EVERY, ids=".".join)
def test_every_system_and_setting_is_as_it_was_reviewed(combination):
    assert outlined(*combination) == name(*combination).read_text()


def test_no_golden_file_is_left_over():
    assert sorted(GOLDEN.glob("*")) == sorted(name(*combination) for combination in EVERY)


@pytest.mark.parametrize("system", ["debian", "amazon-linux-2023"])
def test_equal_input_gives_equal_bytes(system):
    more = {"parts": [{"name": "x.sh", "type": "text/x-shellscript", "content": "#!/bin/sh\n"}]}
    assert composed(chosen(system, **more)).content == composed(chosen(system, **more)).content


@pytest.mark.parametrize(("hook", "room"), [(None, 2048), (HOOK, 256)], ids=["no hook", "hook"])
def test_with_a_large_key_there_is_room_for_cloud_config_of_ones_own(hook, room):
    # as large as an RSA key of 4096 bits with a subkey and its signatures
    key = armored(b"\x99" + random.Random(7).randbytes(2300))
    salt = {**REPOSITORY, "key": key}
    built = composed(chosen("ubuntu", salt=salt), hook=hook)
    assert len(built.content) <= mime.LIMIT - room


def test_the_apt_policy_is_the_one_the_formula_will_write():
    built = composed(chosen(), {"unattended_upgrades": {"blacklist": ["docker-ce"]}})
    text = files_of(built)["/etc/apt/apt.conf.d/zz-salt-unattended-upgrades"]
    assert 'Unattended-Upgrade::Package-Blacklist {\n    "docker-ce";\n};' in text


def test_the_grain_environment_chooses_the_overlay_of_the_policy():
    pillar = {"unattended_upgrades": {"environments": {"prod": {"blacklist": ["nginx"]}}}}
    assert '"nginx"' in str(files_of(composed(chosen(), pillar)))
    pillar["unattended_upgrades"]["environments"]["dev"] = {}
    assert '"nginx"' not in str(files_of(composed(chosen(), pillar, environment="dev")))


def test_a_pillar_that_the_formula_would_refuse_is_refused_before_anything_boots():
    with pytest.raises(UserDataError) as refused:
        composed(chosen(), {"unattended_upgrades": {"blocklist": ["x"]}})
    assert "pillar of the new instance: unattended_upgrades:blocklist" in str(refused.value)


def test_checks_that_would_hold_before_the_upgrade_are_refused():
    with pytest.raises(UserDataError) as refused:
        composed(chosen(), {"unattended_upgrades": {"readiness": {"checks": ["reboot"]}}})
    assert "unattended_upgrades:readiness:checks" in str(refused.value)


def test_held_packages_are_held_before_the_upgrade():
    built = composed(chosen(), {"unattended_upgrades": {"hold": ["docker-ce", "nginx"]}})
    assert "HOLD='docker-ce nginx'\n" in files_of(built)["/etc/asgcycle/first-boot.conf"]


def test_the_minion_has_grains_and_options_but_no_id_in_its_files():
    found = files_of(composed(chosen(minion={"master": ["a", "b"], "log_level": "info"})))
    assert yaml.safe_load(found["/etc/salt/grains"]) == {
        "environment": "prod",
        "group": "web",
        "role": "web",
    }
    assert yaml.safe_load(found["/etc/salt/minion.d/asgcycle.conf"]) == {
        "log_level": "info",
        "master": ["a", "b"],
    }


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_agent_waits_for_what_the_formula_will_say(system):
    pillar = {"unattended_upgrades": {"readiness": {"checks": ["cloud-init"], "timeout": "20m"}}}
    found = json.loads(files_of(composed(chosen(system), pillar))["/etc/asgcycle/ready.json"])
    assert (found["checks"], found["timeout"]) == (["cloud-init"], 1200)


def test_extra_cloud_config_is_put_behind_ours():
    extra = {"runcmd": ["echo hi"], "write_files": [{"path": "/etc/motd", "content": "hi"}]}
    data = yaml.safe_load(composed(chosen(extra=extra)).text)
    assert data["runcmd"] == ["echo hi"]
    assert data["write_files"][-1]["path"] == "/etc/motd"
    assert len(data["write_files"]) > 1


def test_extra_cloud_config_never_replaces_our_files():
    with pytest.raises(UserDataError, match="extra:write_files: has to be a list"):
        composed(chosen(extra={"write_files": {"path": "/etc/motd"}}))


def test_a_template_of_ones_own_is_rendered_with_the_pillar_of_the_instance():
    (states() / "own.jinja").write_text(
        "#cloud-config\nruncmd: [{{ pillar['motto'] | json }}, {{ group | json }}]\n"
    )
    built = composed(chosen(template="salt://own.jinja"), {"motto": "festina lente"})
    assert yaml.safe_load(built.text) == {"runcmd": ["festina lente", "web"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#cloud-config\na: 1\nb: {{ nothing }}\n", "salt://bad.jinja, line 3: "),
        ("#cloud-config\na: {{ 'x' \n", "salt://bad.jinja, line 2: "),
        ("#cloud-config\na: [1\n", "not YAML"),
        ("#cloud-config\n- a\n", "mapping of keys, not to list"),
        ("#cloud-config\njust words\n", "mapping of keys, not to str"),
        ("a: 1\n", "the first line has to be #cloud-config"),
    ],
)
def test_a_template_that_gives_no_cloud_config_is_named_with_its_line(text, said):
    (states() / "bad.jinja").write_text(text)
    with pytest.raises(UserDataError) as refused:
        composed(chosen(template="salt://bad.jinja"))
    assert said in str(refused.value)
    assert "salt://bad.jinja" in str(refused.value)


def test_a_template_that_is_not_there_is_named():
    with pytest.raises(UserDataError, match="salt://no/such: not on the master's file server"):
        composed(chosen(template="salt://no/such"))


def test_a_secret_that_the_template_brings_is_refused_and_not_shown():
    (states() / "leaky.jinja").write_text("#cloud-config\nkey: AKIAABCDEFGHIJKLMNOP\n")
    with pytest.raises(UserDataError) as refused:
        composed(chosen(template="salt://leaky.jinja"))
    assert "an AWS access key" in str(refused.value)
    assert "AKIA" not in str(refused.value)


def test_half_a_character_is_refused_with_the_name_of_the_part():
    parts = [{"name": "own.sh", "type": "text/x-shellscript", "content": "#!/bin/sh\n: \ud83d\n"}]
    with pytest.raises(UserDataError, match=r"own\.sh: holds half a character"):
        composed(chosen(parts=parts))


def test_texts_in_any_script_arrive_as_they_were_written():
    extra = {"runcmd": ["echo 'Grüße 🐧'"]}
    assert yaml.safe_load(composed(chosen(extra=extra)).text)["runcmd"] == ["echo 'Grüße 🐧'"]


def test_grains_of_any_script_pass_through_the_template():
    found = files_of(composed(chosen(grains={"role": "läuft 🐧"})))
    assert yaml.safe_load(found["/etc/salt/grains"])["role"] == "läuft 🐧"


def test_the_agent_is_told_of_the_groups_launch_hook():
    found = files_of(composed(chosen(), hook=HOOK))
    assert json.loads(found["/etc/asgcycle/ready.json"])["hook"] == HOOK


@pytest.mark.parametrize(
    ("hook", "pillar", "brought"),
    [
        (None, {}, False),
        (HOOK, {}, True),
        (None, {"unattended_upgrades": {"readiness": {"hook": {"group": "web"}}}}, True),
    ],
    ids=["no hook", "hook of the group", "hook of the policy"],
)
def test_the_agents_part_for_the_hook_is_brought_only_where_there_is_one(hook, pillar, brought):
    found = files_of(composed(chosen(), pillar, hook=hook))
    assert ("/usr/local/lib/asgcycle/asgcycle_hook.py" in found) == brought


def test_variables_are_plain_data():
    given = compose.variables(request(chosen("ubuntu")), master_files().read)
    assert json.loads(json.dumps(given)) == given
