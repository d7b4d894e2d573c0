"""
The kinds of values that the settings are made of.

As in ``asgroll.values`` a parser returns the value, or raises ValueError saying what is allowed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgroll.values import url

#: Types of MIME parts that cloud-init runs as they are (cloud-init, "User data formats").
#: ``text/cloud-config`` is not among them: a second one would replace our lists of files.
PART_TYPES = (
    "text/x-shellscript",
    "text/cloud-boothook",
    "text/x-include-url",
    "text/x-include-once-url",
    "text/jinja2",
)
#: Set by user data itself, or words that mean something else where pillar is rendered.
RESERVED_GRAINS = frozenset(
    {"environment", "group", "id", "launch_template_version", "minion", "pillarenv", "saltenv"}
)
#: Keys of cloud-config that are not for ``extra``, and why.
NOT_EXTRA = {
    "power_state": "the key reboot says whether and when",
    "salt_minion": "the keys minion and grains say it",
    "ssh_keys": "host keys are made on the instance",
}
_CLOUD_CONFIG = re.compile(r"(?m)^\s*#cloud-config")
_PART_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SALT_VERSION = re.compile(r"\d{4}\.\d{1,2}(?:\.\d+)?")
_RELEASEVER = re.compile(r"latest|image|2023\.\d+\.\d{8}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Machines as ``uname -m`` names them on EC2.
MACHINES = ("x86_64", "aarch64")
_ARMOR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\n(?:[A-Za-z]+: [^\n]*\n)*\n"
    r"([A-Za-z0-9+/=\n]+?)\n(?:=([A-Za-z0-9+/]{4})\n)?-----END PGP PUBLIC KEY BLOCK-----\n?"
)


@dataclass(frozen=True)
class Part:
    """A further part of the user data: a file name, a MIME type and its text."""

    name: str
    type: str
    content: str


def plain(value: Any) -> Any:
    """Copy into plain containers: those of Salt's pillar are of its own types."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def mapping(value: Any) -> dict:
    """A mapping whose keys are texts."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError("a mapping whose keys are texts")
    return plain(value)


def minion(value: Any) -> dict:
    """Options of the minion's configuration; its id is never one of them."""
    options = mapping(value)
    if "id" in options:
        raise ValueError("options without id: the minion id is always the instance id")
    return options


def extra(value: Any) -> dict:
    """Top-level keys of a cloud-config, but for those that would work against ours."""
    options = mapping(value)
    wrong = [f"{key} ({why})" for key, why in NOT_EXTRA.items() if key in options]
    if wrong:
        raise ValueError("cloud-config without " + ", ".join(wrong))
    return options


def version(value: Any) -> str:
    """An exact release of Salt."""
    if not isinstance(value, str) or not _SALT_VERSION.fullmatch(value):
        raise ValueError("an exact version in quotes, like '3008.3'")
    return value


def release(value: Any) -> str:
    """The number of a distribution's release; YAML reads 12 and 24.04 as numbers."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("the number of a release in quotes, like '12' or '24.04'")
    return str(value)


def releasever(value: Any) -> str:
    """A release of Amazon Linux 2023's repositories."""
    if not isinstance(value, str) or not _RELEASEVER.fullmatch(value):
        raise ValueError("latest, image (what the AMI is locked to), or like 2023.6.20250115")
    return value


def names(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise ValueError("a list of names, like [extra:users[0]:passwd]")
    return tuple(value)


def salt_path(value: Any) -> str:
    """A file of the master's file server."""
    if not isinstance(value, str) or not re.fullmatch(r"salt://\S+[^/\s]", value):
        raise ValueError("a file of the master's file server, like salt://web/user-data.jinja")
    return value


def public_key(value: Any) -> str:
    """
    An ASCII-armored OpenPGP public key, checked as far as its checksum (RFC 9580, section 6).
    """
    allowed = (
        "an ASCII-armored public key, whole: from BEGIN PGP PUBLIC KEY BLOCK to END, in a block "
        "scalar (key: |)"
    )
    if not isinstance(value, str):
        raise ValueError(allowed)
    text = "\n".join(line.strip() for line in value.strip().splitlines()) + "\n"
    match = _ARMOR.fullmatch(text)
    if match is None:
        raise ValueError(allowed)
    try:
        packets = base64.b64decode(match[1].replace("\n", ""), validate=True)
    except binascii.Error as exc:
        raise ValueError(f"{allowed}; this one is cut or altered") from exc
    checksum = base64.b64decode(match[2]) if match[2] else crc24(packets)
    # the first packet of a key is a public-key packet, tag 6, in the old or the new format
    if checksum != crc24(packets) or packets[:1] not in (b"\x98", b"\x99", b"\x9a", b"\xc6"):
        raise ValueError(f"{allowed}; this one is cut or altered")
    return text


def crc24(data: bytes) -> bytes:
    """The checksum of ASCII armor (RFC 9580, section 6.1)."""
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc.to_bytes(3, "big")


def archives(value: Any) -> dict[str, dict[str, str]]:
    """Where to fetch Salt for each kind of machine, and the checksum that pins it."""
    allowed = (
        "{" + ": {url: …, sha256: …}, ".join(MACHINES) + ": {url: …, sha256: …}}, or one of it"
    )
    if not isinstance(value, Mapping) or not value or not set(value) <= set(MACHINES):
        raise ValueError(allowed)
    for entry in value.values():
        good = isinstance(entry, Mapping) and set(entry) == {"url", "sha256"}
        if not good or not _SHA256.fullmatch(str(entry["sha256"])):
            raise ValueError(f"{allowed}, with the 64 digits of SHA-256")
        url(entry["url"])
    return plain(value)


def sha256(value: Any) -> str:
    """The checksum of a file."""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("the 64 digits of a SHA-256, in quotes")
    return value


def parts(value: Any) -> tuple[Part, ...]:
    """Further MIME parts, in their order."""
    allowed = (
        "a list of {name: a file name, type: one of " + ", ".join(PART_TYPES) + ", content: a "
        "text}; more cloud-config goes under extra"
    )
    if not isinstance(value, (list, tuple)):
        raise ValueError(allowed)
    found = []
    for entry in value:
        good = isinstance(entry, Mapping) and set(entry) == {"name", "type", "content"}
        if not good or not all(isinstance(text, str) for text in entry.values()):
            raise ValueError(allowed)
        if entry["type"] not in PART_TYPES or not _PART_NAME.fullmatch(entry["name"]):
            raise ValueError(allowed)
        if entry["type"] == "text/jinja2" and _CLOUD_CONFIG.search(entry["content"]):
            raise ValueError(f"{allowed}, not into text/jinja2, where it would replace ours")
        found.append(Part(**entry))
    if len({part.name for part in found}) < len(found):
        raise ValueError("a list whose names differ")
    return tuple(found)


def grains(value: Any) -> dict:
    """Grains that user data does not set itself."""
    found = mapping(value)
    if set(found) & RESERVED_GRAINS:
        raise ValueError("grains other than " + ", ".join(sorted(RESERVED_GRAINS)))
    return found
