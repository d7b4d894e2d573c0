"""What looks like a secret is refused, and never shown in the refusal."""

import pytest

from tests.unit.userdata.build import LEAST, armored, refusals
from userdata import secrets

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
    "a hashed password": "$6$salt$" + "x" * 86,
}
HARMLESS = {
    "a public key": armored(),
    "a key of ssh": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ joe@example.com",
    "a checksum": "sha256:" + "0a" * 32,
    "a URL with a port": "http://proxy.example.com:3128/a@b",
    "words": "AKIA is how access keys begin; PRIVATE KEY",
    "shell": 'say "$1$2$3"',
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


@pytest.mark.parametrize("key", ["password", "passwd", "private_key", "chpasswd", "Token"])
def test_a_key_that_is_named_for_a_secret_is_refused_by_its_name(key):
    said = refusals({**LEAST, "extra": {"users": [{"name": "joe", key: "hunter2"}]}})
    assert said == [
        f"pillar 1: extra:users[0]:{key}: a value under such a name is refused in user data."
    ]


def test_where_a_secret_stands_is_told_by_line():
    assert list(secrets.in_text("a\nb\nAKIAIOSFODNN7EXAMPLE")) == ["an AWS access key (line 3)"]
