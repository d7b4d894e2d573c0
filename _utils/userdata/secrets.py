"""
What looks like a secret.

Every process on an instance can read its user data through the metadata service, and whoever may
describe the instance can read it too: no secret belongs there.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from typing import Any

_LOOKS = (
    ("a private key", re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")),
    ("an AWS access key", re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")),
    (
        "an AWS secret access key",
        re.compile(r"(?i)secret_?access_?key\W{1,6}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"),
    ),
    # also without a user, as Redis has it; not what a shell puts in
    ("a password in a URL", re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@'\"]*:(?!\$)[^\s/@'\"]+@")),
    ("a token of GitHub", re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_)\w{30,}")),
    ("a token of GitLab", re.compile(r"(?<![A-Za-z0-9])glpat-[\w-]{20,}")),
    ("a token of Vault", re.compile(r"(?<![A-Za-z0-9])hv[sb]\.[\w-]{20,}")),
    ("a token of Slack", re.compile(r"(?<![A-Za-z0-9])xox[abpr]-[A-Za-z0-9-]{10,}")),
    ("a hashed password", re.compile(r"(?<![\w$])\$(?:[156y]|2[aby])\$[^\s$]+\$[^\s]{8,}")),
)
#: How names end whose values are secrets: keys in cloud-config and in minion configurations (such
#: as mysql.pass, s3.key, proxy_password), variables of a shell.
_NAMED = (
    r"(?:pass|passwd|password|passphrase|pwd|secret|token|(?:api|private|secret|access)_?key"
    r"|s3\.key|rsa_private|chpasswd|ssh_keys)"
)
_NAME = re.compile(rf"(?:.*[_.-])?{_NAMED}")
#: A variable with such a name and a value of its own, not a path or what another command gives.
_VARIABLE = re.compile(
    rf"(?m)^\s*(?:export\s+)?(?:[A-Z0-9_]*_)?{_NAMED.upper()}=['\"]?[^\s'\"$`/;]{{4}}"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
#: What is long enough to be an encoded key, in one line as cloud-config has it.
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}={0,2}")


def in_text(text: str) -> Iterator[str]:
    """What a text holds that looks like a secret, in words and never the secret itself."""
    for name, pattern in _LOOKS:
        match = pattern.search(text)
        if match:
            yield f"{name} ({_line(text, match)})"
    match = _VARIABLE.search(text)
    if match:
        yield f"a value of a variable that is named for a secret ({_line(text, match)})"
    for match in _BASE64.finditer(text):
        hidden = _decoded(match[0])
        for name, pattern in _LOOKS:
            if pattern.search(hidden):
                yield f"{name} in base64 ({_line(text, match)})"


def _line(text: str, match: re.Match) -> str:
    return f"line {text.count(chr(10), 0, match.start()) + 1}"


def _decoded(encoded: str) -> str:
    """What a base64 text says, unpacked where it is gzip; empty when it is neither."""
    try:
        content = base64.b64decode(encoded)
        if content[:2] == b"\x1f\x8b":
            content = zlib.decompress(content, wbits=31)
    except (ValueError, zlib.error):
        return ""
    return content.decode("utf-8", errors="replace")


def in_data(value: Any, path: str = "") -> Iterator[str]:
    """The same for nested data: ``path: what``."""
    if isinstance(value, dict):
        for key, entry in value.items():
            below = f"{path}:{key}" if path else str(key)
            if _NAME.fullmatch(_HUMP.sub("_", str(key)).lower()) and _given(entry):
                yield f"{below}: a value under such a name"
            else:
                yield from in_data(entry, below)
    elif isinstance(value, (list, tuple)):
        for number, entry in enumerate(value):
            yield from in_data(entry, f"{path}[{number}]")
    elif isinstance(value, str):
        yield from (f"{path}: {what}" for what in in_text(value))


def _given(value: Any) -> bool:
    """Whether there is a value; true and false, as in ``lock_passwd``, are no secrets."""
    return not isinstance(value, bool) and value not in (None, "", {}, [])
