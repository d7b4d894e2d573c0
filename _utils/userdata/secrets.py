"""
What looks like a secret.

Every process on an instance can read its user data through the metadata service, and whoever may
describe the instance can read it too: no secret belongs there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_LOOKS = (
    ("a private key", re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")),
    ("an AWS access key", re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")),
    (
        "an AWS secret access key",
        re.compile(r"(?i)secret_?access_?key\W{1,6}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"),
    ),
    ("a password in a URL", re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@'\"]+:[^\s/@'\"]+@")),
    ("a token of GitHub", re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_)\w{30,}")),
    ("a token of Slack", re.compile(r"(?<![A-Za-z0-9])xox[abpr]-[A-Za-z0-9-]{10,}")),
    ("a hashed password", re.compile(r"(?<![\w$])\$(?:[156y]|2[aby])\$[^\s$]+\$[^\s]{8,}")),
)
#: Names of keys whose values are secrets in cloud-config and in minion configurations.
_NAMES = frozenset(
    {
        "api_key",
        "aws_secret_access_key",
        "chpasswd",
        "hashed_passwd",
        "passwd",
        "password",
        "plain_text_passwd",
        "private_key",
        "rsa_private",
        "secret",
        "secret_key",
        "ssh_keys",
        "token",
    }
)


def in_text(text: str) -> Iterator[str]:
    """What a text holds that looks like a secret, in words and never the secret itself."""
    for name, pattern in _LOOKS:
        match = pattern.search(text)
        if match:
            yield f"{name} (line {text.count(chr(10), 0, match.start()) + 1})"


def in_data(value: Any, path: str = "") -> Iterator[str]:
    """The same for nested data: ``path: what``."""
    if isinstance(value, dict):
        for key, entry in value.items():
            below = f"{path}:{key}" if path else str(key)
            if str(key).lower() in _NAMES and entry not in (None, "", {}, []):
                yield f"{below}: a value under such a name"
            else:
                yield from in_data(entry, below)
    elif isinstance(value, (list, tuple)):
        for number, entry in enumerate(value):
            yield from in_data(entry, f"{path}[{number}]")
    elif isinstance(value, str):
        yield from (f"{path}: {what}" for what in in_text(value))
