"""The one error of this library."""

from __future__ import annotations

from asgroll.errors import PolicyError


class UserDataError(PolicyError):
    """
    The user data cannot be made.

    ``problems`` is a tuple of messages; each names the key or file, the value (unless it may be a
    secret) and what is allowed.
    """
