"""Parts of user data → the bytes that EC2 stores."""

from __future__ import annotations

import hashlib
import quopri
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from userdata.errors import UserDataError
from userdata.kinds import Part

#: Bytes of raw user data (Amazon EC2 user guide, "Run commands at launch").
LIMIT = 16 * 1024
CLOUD_CONFIG = "text/cloud-config"
#: zlib writes the header of gzip, without a time in it; how much memory its blocks may take.
_GZIP, _MEMORY = 16 + zlib.MAX_WBITS, range(1, 10)


@dataclass(frozen=True)
class PartSize:
    """One part as it is told to people: its file name, MIME type and size in bytes."""

    name: str
    type: str
    size: int


@dataclass(frozen=True)
class UserData:
    """
    What instances boot with.

    ``content`` is what EC2 stores, before its base64; ``text`` the same as people read it;
    ``parts`` names every part; ``compressed`` tells whether ``content`` is gzip; ``warnings`` says
    what is allowed but not advised.
    """

    content: bytes
    text: str
    parts: tuple[PartSize, ...]
    compressed: bool
    warnings: tuple[str, ...] = ()


def pack(parts: Sequence[Part]) -> UserData:
    """
    One part as it is, several as MIME multi-part, compressed when it is over the limit.

    Equal parts give equal bytes: nothing in them depends on time or chance.

    :raises UserDataError: it is over 16 KB compressed as well; with the size of each part.
    """
    text = parts[0].content if len(parts) == 1 else _multipart(parts)
    sizes = tuple(PartSize(p.name, p.type, len(p.content.encode())) for p in parts)
    raw = text.encode()
    if len(raw) <= LIMIT:
        return UserData(raw, text, sizes, compressed=False)
    squeezed = _squeezed(raw)
    if len(squeezed) > LIMIT:
        each = ", ".join(f"{p.name} {p.size} bytes" for p in sizes)
        raise UserDataError(
            [
                f"the user data is {len(squeezed)} bytes compressed ({each}), EC2 takes {LIMIT}; "
                "let a part fetch what is large (text/x-include-url), or leave it to Salt."
            ]
        )
    return UserData(squeezed, text, sizes, compressed=True)


def _squeezed(raw: bytes) -> bytes:
    """gzip in the form that is smallest: how much zlib takes into one block decides of some 2 %."""
    forms = []
    for memory in _MEMORY:
        form = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, _GZIP, memory)
        forms.append(form.compress(raw) + form.flush())
    return min(forms, key=len)


def _multipart(parts: Sequence[Part]) -> str:
    digest = hashlib.sha256(repr([(p.name, p.type, p.content) for p in parts]).encode())
    boundary = f"==asgcycle-{digest.hexdigest()[:32]}=="
    lines = [f'Content-Type: multipart/mixed; boundary="{boundary}"', "MIME-Version: 1.0", ""]
    for part in parts:
        lines += [f"--{boundary}", *_headed(part)]
    return "\n".join([*lines, f"--{boundary}--", ""])


def _headed(part: Part) -> list[str]:
    """
    cloud-init parses the message as text, in which raw 8bit bytes are lost; quoted-printable
    survives and, unlike base64, compresses well.
    """
    plain = part.content.isascii()
    body = part.content if plain else quopri.encodestring(part.content.encode()).decode()
    return [
        f'Content-Type: {part.type}; charset="utf-8"',
        "MIME-Version: 1.0",
        f"Content-Transfer-Encoding: {'7bit' if plain else 'quoted-printable'}",
        f'Content-Disposition: attachment; filename="{part.name}"',
        "",
        body,
    ]
