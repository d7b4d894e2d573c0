"""
The exceptions of asgroll: one base, temporary and permanent apart, each saying what to do next.

Whether a call that changes something *was applied* decides what may happen next, so that is what
the tree distinguishes: a ``Throttled`` call was not applied, an ``Unclear`` one may have been.
"""

from __future__ import annotations


class AsgrollError(Exception):
    """Base of all errors of this library."""


class PolicyError(AsgrollError):
    """
    The configuration is not usable.

    ``problems`` is a tuple of messages; each names the key, the value and what is allowed.
    """

    def __init__(self, problems):
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class JournalError(AsgrollError):
    """The journal cannot be read or written. Never to be taken for "there is no roll"."""


class Busy(AsgrollError):
    """Somebody else is working on the same group."""


class Taken(Busy):
    """Another master holds the group's lease."""


class MarkError(AsgrollError):
    """A tag that a roll has left on its group cannot be read. Never to be taken for "none"."""


class NoWayBackError(AsgrollError):
    """There is nothing that a group could be rolled back to."""


class AwsError(AsgrollError):
    """
    AWS, or the way to it, answered with an error.

    :param message: what happened and what to do, for a person.
    :param operation: the API operation, for example ``SetDesiredCapacity``.
    :param code: AWS's error code, or the name of the botocore exception.
    """

    def __init__(self, message, *, operation="", code=""):
        super().__init__(message)
        self.operation = operation
        self.code = code


class Temporary(AwsError):
    """The call was certainly not applied; the same call may succeed later."""


class Throttled(Temporary):
    """AWS limits our rate."""


class Conflict(Temporary):
    """Something else is going on in the group (ScalingActivityInProgress, ResourceContention)."""


class Expired(Temporary):
    """AWS refuses credentials that it has accepted before: their time is up, others may come."""


class Unclear(AwsError):
    """No usable answer: the call may have been applied or not. Observe before deciding again."""


class Denied(AwsError):
    """Credentials are missing, expired or lack a permission."""


class Refused(AwsError):
    """AWS understood the call and refuses it; repeating it unchanged is no use."""


class Missing(Refused):
    """The thing named does not exist."""


class Unreachable(AwsError):
    """No session can be made: no credentials, no such profile, no such region."""
