"""The one error of this library."""

from __future__ import annotations


class UserDataError(Exception):
    """
    The user data cannot be made.

    ``problems`` is a tuple of messages; each names the key or file, the value (unless it may be a
    secret) and what is allowed.
    """

    def __init__(self, problems):
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))
