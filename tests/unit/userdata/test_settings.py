"""Which settings are taken, and what is said about those that are not."""

import json
import re

import pytest
import yaml

from tests.unit.userdata.build import LEAST, ONEDIR, REPOSITORY, armored, composed, refusals
from userdata import formula, settings
from userdata.kinds import Part


def parsed(*sections):
    return settings.parse([(f"pillar {n}", section) for n, section in enumerate(sections, 1)])


def test_later_layers_win_and_mappings_are_merged_by_key():
    found = parsed(
        {**LEAST, "grains": {"role": "web", "tier": {"a": 1}}, "upgrade": "all"},
        {"grains": {"tier": {"b": 2}}, "minion": {"log_level": "info"}},
        {"upgrade": "none", "release": None},
    )
    assert found.grains == {"role": "web", "tier": {"a": 1, "b": 2}}
    assert found.minion == {"master": "salt.example.com", "log_level": "info"}
    assert (found.upgrade, found.release) == ("none", "")


@pytest.mark.parametrize(
    ("system", "release"), [("debian", "14"), ("ubuntu", "25.10"), ("ubuntu", "26.04")]
)
def test_releases_of_tomorrow_need_no_new_version_of_this(system, release):
    found = parsed({**LEAST, "os": system, "release": release})
    assert found.release == release
    policy = formula.from_pillar({}, found, {})
    assert "${distro_codename}-security" in policy.fragment


def test_numbers_that_yaml_makes_of_releases_are_understood():
    assert parsed({**LEAST, "release": 12}).release == "12"
    assert parsed({**LEAST, "os": "ubuntu", "release": 24.04}).release == "24.04"


def test_parts_keep_their_order():
    one = {"name": "a.sh", "type": "text/x-shellscript", "content": "#!/bin/sh\n"}
    found = parsed({**LEAST, "parts": [one, {**one, "name": "b.sh"}]})
    assert found.parts == (Part(**one), Part(**{**one, "name": "b.sh"}))


def test_every_problem_of_every_layer_is_told_at_once():
    said = refusals({"os": "beos", "upgrad": "all"}, {"os": "debian", "reboot": True})
    assert len(said) == 3
    assert said[0].startswith("pillar 1: os: 'beos' is not allowed; give one of debian, ubuntu")
    assert "pillar 1: unknown key 'upgrad'. Did you mean upgrade?" in said[1]
    assert said[2].startswith("pillar 2: reboot: True is not allowed; give one of if_required")


PART = {"name": "a.sh", "type": "text/x-shellscript", "content": ""}
BAD = {
    "nothing": ({}, "there is no user_data for this group"),
    "no os": ({"minion": {"master": "m"}}, "os: is missing; give one of debian"),
    "no master": ({"os": "debian"}, "minion: master is missing"),
    "a minion id": ({**LEAST, "minion": {"id": "web1"}}, "the minion id is always the instance id"),
    "a release of another system": ({**LEAST, "release": "24.04"}, "give '11' or a later one"),
    "a release that is too old": ({**LEAST, "release": "10"}, "give '11' or a later one"),
    "no release of Ubuntu": (
        {**LEAST, "os": "ubuntu", "release": "26.05"},
        "give '20.04' or a later one",
    ),
    "a release that YAML has shortened": (
        {**LEAST, "os": "ubuntu", "release": 25.10},
        "give '20.04' or a later one",
    ),
    "a release where there is none": (
        {"os": "amazon-linux-2", "release": "2", "minion": {"master": "m"}},
        "'2' is not one of os: amazon-linux-2; give none",
    ),
    "a mirror for Amazon Linux": (
        {"os": "amazon-linux-2023", "minion": {"master": "m"}, "apt": {"mirror": "http://m/"}},
        "apt.mirror: is for Debian and Ubuntu",
    ),
    "releasever for Debian": ({**LEAST, "dnf": {"releasever": "latest"}}, "is for Amazon Linux"),
    "a word for releasever": (
        {**LEAST, "os": "amazon-linux-2023", "dnf": {"releasever": "newest"}},
        "give latest, image",
    ),
    "a section that is a text": ({**LEAST, "salt": "repository"}, "salt: must be a mapping"),
    "an unknown key of a section": ({**LEAST, "salt": {"sorce": "x"}}, "Did you mean salt.source?"),
    "a version that is no version": (
        {**LEAST, "salt": {**REPOSITORY, "version": "latest"}},
        "an exact version in quotes",
    ),
    "a version that YAML made a number": (
        {**LEAST, "salt": {**REPOSITORY, "version": 3008.1}},
        "an exact version in quotes",
    ),
    "a repository without version and key": (
        {**LEAST, "salt": {"source": "repository"}},
        "salt.version: is missing",
    ),
    "a version for what is preinstalled": (
        {**LEAST, "salt": {"version": "3008.3"}},
        "salt.version: means nothing with salt.source: preinstalled",
    ),
    "an archive without its checksum": (
        {**LEAST, "salt": {"source": "onedir", "archives": {"x86_64": {"url": "http://m/"}}}},
        "with the 64 digits of SHA-256",
    ),
    "onedir without archives": (
        {**LEAST, "salt": {"source": "onedir"}},
        "salt.archives: is missing; salt.source: onedir needs it",
    ),
    "an archive for a repository": (
        {**LEAST, "salt": {**REPOSITORY, "archives": ONEDIR["archives"]}},
        "salt.archives: means nothing with salt.source: repository; it is for onedir",
    ),
    "a mirror that is no URL": ({**LEAST, "apt": {"mirror": "mirror"}}, "a URL like"),
    "grains that are a list": ({**LEAST, "grains": ["role"]}, "a mapping whose keys are texts"),
    "host keys": ({**LEAST, "extra": {"ssh_keys": {}}}, "host keys are made on the instance"),
    "a reboot of cloud-init's own": (
        {**LEAST, "extra": {"power_state": {"mode": "reboot"}}},
        "cloud-config without power_state (the key reboot says whether and when)",
    ),
    "cloud-config as a part": (
        {**LEAST, "parts": [{**PART, "type": "text/cloud-config"}]},
        "more cloud-config goes under extra",
    ),
    "cloud-config in a template": (
        {
            **LEAST,
            "parts": [
                {**PART, "type": "text/jinja2", "content": "## template: jinja\n#cloud-config\n"}
            ],
        },
        "where it would replace ours",
    ),
    "two parts of one name": ({**LEAST, "parts": [PART, PART]}, "a list whose names differ"),
    "a template that is a path": ({**LEAST, "template": "/srv/x"}, "like salt://web/"),
    "a grain that user data sets itself": (
        {**LEAST, "grains": {"group": "other"}},
        "grains other than environment, group",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_are_refused_with_what_is_allowed(case):
    section, said = BAD[case]
    assert any(said in message for message in refusals(section))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "3008",
        armored().replace("PUBLIC", "PRIVATE"),
        armored()[:-30],
        armored().replace("BQYH", "BQYI"),
        armored(b"\x00\x01\x02"),
    ],
)
def test_a_key_that_is_cut_or_altered_is_refused_without_showing_it(key):
    said = refusals({**LEAST, "salt": {**REPOSITORY, "key": key}})
    assert len(said) >= 1
    assert "an ASCII-armored public key" in said[-1]
    assert "CwwN" not in str(said)


def test_a_key_is_taken_as_pillars_indent_it():
    indented = "\n".join(f"  {line}" for line in armored().splitlines())
    found = parsed({**LEAST, "salt": {**REPOSITORY, "key": indented}})
    assert found.salt_key == armored()


AL2023 = {"os": "amazon-linux-2023", "minion": {"master": "m"}}


@pytest.mark.parametrize(
    ("section", "asked", "warned"),
    [
        ({}, "", False),
        ({"dnf": {"releasever": "image"}}, "", False),
        ({"dnf": {"releasever": "2023.6.20250115"}}, "2023.6.20250115", False),
        ({"dnf": {"releasever": "latest"}}, "latest", True),
    ],
)
def test_the_upgrade_and_the_check_behind_it_ask_one_release_and_latest_is_warned_about(
    section, asked, warned
):
    built = composed(parsed({**AL2023, **section}))
    files = {one["path"]: one["content"] for one in yaml.safe_load(built.text)["write_files"]}
    upgrade = re.search(r"(?m)^RELEASEVER=(.*)$", files["/etc/asgcycle/first-boot.conf"])
    check = json.loads(files["/etc/asgcycle/ready.json"]).get("releasever", "")
    assert (upgrade[1] if upgrade else "", check) == (asked, asked)
    assert bool(built.warnings) is warned
    assert not warned or "production" in built.warnings[0]
