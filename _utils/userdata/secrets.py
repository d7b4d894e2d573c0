"""
What looks like a secret.

Every process on an instance can read its user data through the metadata service, and whoever may
describe the instance can read it too: no secret belongs there.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
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
    ("a token of an app of Slack", re.compile(r"(?<![A-Za-z0-9])xapp-\d-[A-Za-z0-9-]{10,}")),
    ("a webhook of Slack", re.compile(r"hooks\.slack\.com/(?:services|workflows)/[\w/]{20,}")),
    ("a key of Google", re.compile(r"(?<![\w-])AIza[\w-]{35}(?![\w-])")),
    ("a key of Stripe", re.compile(r"(?<![A-Za-z0-9])[sr]k_live_[A-Za-z0-9]{16,}")),
    ("a token of npm", re.compile(r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}")),
    ("a token of PyPI", re.compile(r"(?<![A-Za-z0-9])pypi-AgEI[\w-]{40,}")),
    ("a key of SendGrid", re.compile(r"(?<![\w.])SG\.[\w-]{16,}\.[\w-]{16,}")),
    ("a key of age", re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]{20,}")),
    ("a token (JWT)", re.compile(r"(?<![\w.-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
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
#: In the place of a password: none, none that fits, or one that cloud-init makes up.
_NO_PASSWORD = frozenset({"*", "!", "!!", "!*", "RANDOM"})
#: What only a minion's configuration resolves (Salt, "Using SDB URIs in Files").
_SDB = re.compile(r"sdb://\S+")
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


@dataclass(frozen=True)
class Found:
    """Something at ``path`` of nested data that looks like a secret: what, and what to do."""

    path: str
    what: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what} is refused in user data.{self.advice}"


def in_setting(name: str, value: Any) -> Iterator[Found]:
    """
    What a setting of user data holds that looks like a secret.

    A reference to SDB is none where the minion resolves it; elsewhere nothing does, and what it
    stands for would have to be put there by the master.
    """
    yield from in_data({name: value})
    if name != "minion":
        for path, text in _texts({name: value}):
            if _SDB.search(text):
                yield Found(
                    path,
                    "a value from sdb://",
                    " Only the minion's configuration (minion) resolves it, on the instance.",
                )


def in_data(value: Any, path: str = "") -> Iterator[Found]:
    """What nested data hold that looks like a secret, by its text or the name of its key."""
    if isinstance(value, dict):
        for key, entry in value.items():
            below = _below(path, key)
            if _NAME.fullmatch(_HUMP.sub("_", str(key)).lower()) and _given(entry):
                yield Found(below, "a value under such a name")
            else:
                yield from in_data(entry, below)
    elif isinstance(value, (list, tuple)):
        for number, entry in enumerate(value):
            yield from in_data(entry, f"{path}[{number}]")
    elif isinstance(value, str):
        yield from (Found(path, what) for what in in_text(value))


def without(value: Any, paths: Collection[str], path: str = "") -> Any:
    """Nested data with empty texts in the place of what stands at ``paths``."""
    if path in paths:
        return ""
    if isinstance(value, dict):
        return {key: without(entry, paths, _below(path, key)) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without(entry, paths, f"{path}[{n}]") for n, entry in enumerate(value)]
    return value


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each text of nested data with its path."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _texts(entry, _below(path, key))
    elif isinstance(value, (list, tuple)):
        for number, entry in enumerate(value):
            yield from _texts(entry, f"{path}[{number}]")
    elif isinstance(value, str):
        yield path, value


def _below(path: str, key: Any) -> str:
    return f"{path}:{key}" if path else str(key)


def _given(value: Any) -> bool:
    """
    Whether there is a value; true and false, as in ``lock_passwd``, are no secrets, nor is what
    stands for none, or a reference that the minion resolves.
    """
    if isinstance(value, str) and (value in _NO_PASSWORD or _SDB.fullmatch(value)):
        return False
    return not isinstance(value, bool) and value not in (None, "", {}, [])
