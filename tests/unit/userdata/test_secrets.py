"""What looks like a secret is refused, and never shown in the refusal."""

import base64
import gzip
from dataclasses import replace

import pytest
import yaml

from tests.unit.userdata.build import LEAST, armored, composed, refusals
from userdata import secrets, settings
from userdata.errors import UserDataError


def encoded(content):
    return base64.b64encode(content).decode()


LETTERS = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYzz"
SECRETS = {
    "an RSA key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    "an OpenSSH key": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
    "a PGP key": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
    "an access key": "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
    "a temporary access key": "ASIAIOSFODNN7EXAMPLE",
    "a secret access key": f"aws_secret_access_key = {LETTERS}",
    "a secret access key in JSON": f'"SecretAccessKey": "{LETTERS}"',
    "a password in a URL": "http://joe:hunter2@proxy.example.com:3128/",
    "a token of GitHub": "ghp_" + "a1B2" * 9,
    "a token of Slack": "xoxb-1234567890-abcdef",
    "a password in a URL without a user": "redis://:hunter2@cache.example.com:6379/0",
    "a token of GitLab": "glpat-" + "a1B2c3D4e5" * 2,
    "a token of Vault": "hvs." + "CAES" * 6,
    "a variable of a shell": "export DB_PASSWORD='hunter2'",
    "an access key in base64": encoded(b"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"),
    "a private key in base64": encoded(b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w"),
    "a packed private key in base64": encoded(gzip.compress(b"-----BEGIN PRIVATE KEY-----\nMII")),
    "a hashed password": "$6$salt$" + "x" * 86,
    "a webhook of Slack": "https://hooks.slack.com/services/" + "T0/B0/" + "x" * 24,
    "a token of an app of Slack": "xapp-1-" + "A1" * 12,
    "a key of Google": "AIza" + "x" * 35,
    "a key of Stripe": "sk_live_" + "x1" * 12,
    "a token of npm": "npm_" + "x1" * 18,
    "a token of PyPI": "pypi-AgEI" + "x1" * 30,
    "a key of SendGrid": "SG." + "x" * 22 + "." + "y" * 43,
    "a key of age": "AGE-SECRET-KEY-1" + "QP" * 29,
    "a token (JWT)": "eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 20,
}
HARMLESS = {
    "a public key": armored(),
    "a key of ssh": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ joe@example.com",
    "a checksum": "sha256:" + "0a" * 32,
    "a URL with a port": "http://proxy.example.com:3128/a@b",
    "words": "AKIA is how access keys begin; PRIVATE KEY",
    "shell": 'say "$1$2$3"',
    "a password that the instance fetches": "DB_PASSWORD=$(aws ssm get-parameter --name db)",
    "a password from a variable": 'curl "https://$USER:$TOKEN@git.example.com/"',
    "a file with a password": "export DB_PASSWORD_FILE=/run/db DB_HOST=db",
    "where a password is": "DB_PASSWORD=/run/secrets/db",
    "something else in base64": encoded(b"a text that is long enough to be looked into"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_found_wherever_it_stands(name):
    assert list(secrets.in_text(f"first line\n  {SECRETS[name]}\n"))
    part = {"name": "a.sh", "type": "text/x-shellscript", "content": SECRETS[name]}
    for section in ({"extra": {"runcmd": [SECRETS[name]]}}, {"parts": [part]}):
        said = refusals({**LEAST, **section})
        assert any("is refused in user data" in message for message in said)
        assert SECRETS[name] not in str(said)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_resembles_a_secret_passes(name):
    assert list(secrets.in_text(HARMLESS[name])) == []


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "passwd",
        "private_key",
        "chpasswd",
        "Token",
        "proxy_password",
        "mysql.pass",
        "s3.key",
        "client-secret",
        "apiKey",
        "DB_PASSWORD",
    ],
)
def test_a_key_that_is_named_for_a_secret_is_refused_by_its_name(key):
    said = refusals({**LEAST, "extra": {"users": [{"name": "joe", key: "hunter2"}]}})
    assert said == [
        f"pillar 1: extra:users[0]:{key}: a value under such a name is refused in user data."
    ]


@pytest.mark.parametrize("key", ["lock_passwd", "ssh_pwauth", "public_key", "compass", "s3.keyid"])
def test_a_key_that_only_resembles_such_a_name_passes(key):
    value = True if key == "lock_passwd" else "anything"
    assert refusals({**LEAST, "extra": {"users": [{"name": "joe", key: value}]}}) == []


@pytest.mark.parametrize("value", ["*", "!", "RANDOM", "sdb://vault/web/password"])
def test_what_stands_for_no_password_or_for_one_that_the_minion_fetches_passes(value):
    assert refusals({**LEAST, "minion": {"master": "m", "mysql.pass": value}}) == []


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"extra": {"users": [{"passwd": "sdb://vault/joe"}]}}, "extra:users[0]:passwd"),
        ({"grains": {"role": "sdb://vault/role"}}, "grains:role"),
        (
            {"parts": [{"name": "a", "type": "text/x-shellscript", "content": "x sdb://a/b"}]},
            "parts[0]:content",
        ),
    ],
)
def test_a_value_from_sdb_is_refused_where_nothing_would_resolve_it(section, path):
    (said,) = refusals({**LEAST, **section})
    assert said.startswith(f"pillar 1: {path}: a value from sdb:// is refused in user data.")
    assert "minion" in said


USERS = {"extra": {"users": [{"name": "joe", "passwd": "hunter2"}, {"passwd": "hunter3"}]}}
KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w\n"
SCRIPT = {"name": "a.sh", "type": "text/x-shellscript", "content": f"#!/bin/sh\n: '{KEY}'\n"}
ACCEPTABLE = {
    "extra:users[0]:passwd": {"extra": {"users": [{"passwd": "$6$salt$" + "x" * 86}]}},
    "parts[0]:content": {"parts": [SCRIPT]},
    "minion:mysql.pass": {"minion": {"master": "m", "mysql.pass": KEY}},
    "proxy": {"proxy": "http://joe:hunter2@proxy.example.com:3128"},
    "extra:runcmd[1]": {"extra": {"runcmd": ["true", f"echo '{KEY}'"]}},
}


@pytest.mark.parametrize("name", ACCEPTABLE)
def test_what_is_accepted_by_its_name_passes_and_gets_into_the_user_data(name):
    section = {**LEAST, **ACCEPTABLE[name]}
    assert [said for said in refusals(section) if said.startswith(f"pillar 1: {name}: ")]
    found = settings.parse([("pillar", {**section, "accept": [name]})])
    assert any(word in composed(found).text for word in ("hunter2", "MIIEvQIB", "$6$salt"))


def test_only_what_is_named_passes():
    assert refusals({**LEAST, **USERS, "accept": ["extra:users[0]:passwd"]}) == [
        "pillar 1: extra:users[1]:passwd: a value under such a name is refused in user data."
    ]
    found = settings.parse([("pillar", {**LEAST, "accept": ["extra:users[0]:passwd"]})])
    with pytest.raises(UserDataError) as refused:
        composed(replace(found, extra={"runcmd": ["true", f"echo '{KEY}'"]}))
    assert "a private key" in str(refused.value)


def test_a_refused_value_is_not_shown_though_another_is_accepted():
    said = refusals({**LEAST, "proxy": "ftp://joe:hunter2@proxy", "accept": ["proxy"]})
    assert said
    assert "hunter2" not in str(said)


def test_the_strongest_layer_says_what_is_accepted():
    weak = {**LEAST, **USERS, "accept": ["extra:users[0]:passwd", "extra:users[1]:passwd"]}
    assert refusals(weak) == []
    assert len(refusals(weak, {"accept": []})) == 2


def test_names_that_are_no_list_are_refused():
    assert "a list of names" in str(refusals({**LEAST, "accept": "proxy"}))


PROXY = {
    "unattended_upgrades": {"download": {"http_proxy": "http://joe:hunter2@proxy.example.com"}}
}
PROXY_NAME = "unattended_upgrades:download:http_proxy"


def test_a_proxy_of_the_formula_with_a_password_is_refused_or_accepted_for_root_alone():
    found = settings.parse([("pillar", LEAST)])
    with pytest.raises(UserDataError) as refused:
        composed(found, PROXY)
    assert str(refused.value) == f"{PROXY_NAME}: a password in a URL is refused in user data."
    accepted = settings.parse([("pillar", {**LEAST, "accept": [PROXY_NAME]})])
    files = yaml.safe_load(composed(accepted, PROXY).text)["write_files"]
    (private,) = [one for one in files if "hunter2" in one["content"]]
    assert private["permissions"] == "0600"
    assert private["path"] == "/etc/apt/apt.conf.d/zz-salt-unattended-upgrades-proxy"


def test_where_a_secret_stands_is_told_by_line():
    assert list(secrets.in_text("a\nb\nAKIAIOSFODNN7EXAMPLE")) == ["an AWS access key (line 3)"]
