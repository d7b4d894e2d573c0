"""What can be wrong with a policy, and how it is told."""

import re
from dataclasses import dataclass

PILLAR_ROOT = "unattended_upgrades"
_LOGIN = re.compile(r"://[^\s'\"]*@")


def without_logins(text):
    """The text with ``(hidden)`` in place of the user and password of each URL."""
    return _LOGIN.sub("://(hidden)@", text)


@dataclass(frozen=True)
class Problem:
    """One refused setting.

    ``key`` is the pillar key below ``unattended_upgrades`` in dotted form, ``value`` what was
    found there, ``allowed`` what may stand there, ``advice`` what to do now, ``root`` another
    pillar than ours.
    """

    key: str
    value: object
    allowed: str
    advice: str = ""
    root: str = PILLAR_ROOT

    def __str__(self):
        path = ":".join([self.root, *self.key.split(".")]) if self.key else self.root
        text = f"{path}: {self.value!r} is refused; allowed: {self.allowed}."
        # What is told ends in a job's return, and a value may be a proxy with its password.
        return without_logins(f"{text} {self.advice}".rstrip())


class AptPolicyError(Exception):
    """Base of everything this library raises on purpose."""


class PolicyRefused(AptPolicyError):
    """The pillar cannot become a policy; ``problems`` lists every reason at once."""

    def __init__(self, problems):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Refused(AptPolicyError):
    """One value is refused; the caller knows the key."""

    def __init__(self, allowed, advice=""):
        self.allowed = allowed
        self.advice = advice
        super().__init__(allowed)
