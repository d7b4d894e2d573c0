"""What looks like a secret is refused, and never shown in the refusal."""

import base64
import gzip

import pytest

from tests.unit.userdata.build import LEAST, armored, refusals
from userdata import secrets


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


def test_where_a_secret_stands_is_told_by_line():
    assert list(secrets.in_text("a\nb\nAKIAIOSFODNN7EXAMPLE")) == ["an AWS access key (line 3)"]
