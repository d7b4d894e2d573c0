"""Paging, timestamps, absent members, and rows that are kept between answers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
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
    """Return the page size asked for.

    Raises:
        ApiError: more than AWS allows.
    """
    size = int(params.get(key) or default)
    if size > most:
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{size}' at '{key[0].lower()}{key[1:]}' failed "
            f"to satisfy constraint: Member must have value less than or equal to {most}",
        )
    return size


def too_many(member: str, most: int) -> ApiError:
    """Return the refusal of a list that is too long."""
    return ApiError(
        "ValidationError",
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: Member "
        f"must have length less than or equal to {most}",
    )


class Rows:
    """The rendered rows of a group's instances or a target group's targets.

    Only what has changed is rendered again, so that a describe of thousands costs what changed
    since the last one. The rows are shared between answers: readers do not change them.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._rows: dict[str, dict[str, Any]] = {}

    def current(
        self,
        changes: Sequence[str],
        things: Mapping[str, Any],
        render: Callable[[Any], dict[str, Any]],
    ) -> list[dict[str, Any]]:
        """Return the rows of all ``things``; ``changes`` are the keys changed so far, in order."""
        for key in dict.fromkeys(changes[self._seen :]):
            if key in things:
                self._rows[key] = render(things[key])
            else:
                self._rows.pop(key, None)
        self._seen = len(changes)
        return list(self._rows.values())
