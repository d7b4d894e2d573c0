"""Paging, timestamps, absent members."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from tests.lab.world import ApiError


def moment(epoch: float) -> datetime:
    """Return an instant as botocore parses it."""
    return datetime.fromtimestamp(epoch, timezone.utc)


def page(
    items: Sequence[Any], token: str | None, size: int, code: str = "InvalidNextToken"
) -> tuple[Sequence[Any], str | None]:
    """Return one page of ``items`` and the token of the next, None on the last.

    Raises:
        ApiError: the token was not given out by this API.
    """
    start = 0
    if token:
        try:
            start = int(base64.b64decode(token.encode(), validate=True))
        except (binascii.Error, ValueError):
            raise ApiError(code, f"The token '{token}' is invalid.") from None
    end = start + size
    more = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return items[start:end], more


def without_none(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the members that are not set: AWS leaves them out."""
    return {key: value for key, value in row.items() if value is not None}


def limit(params: dict[str, Any], key: str, default: int, most: int) -> int:
    """Return the page size asked for, bounded the way AWS bounds it."""
    return min(int(params.get(key) or default), most)
