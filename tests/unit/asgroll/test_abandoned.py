"""Which launches were abandoned in a row, and what is said about them."""

import pytest

from asgroll import abandoned
from asgroll.errors import Denied
from asgroll.world import Activity

HOOK = (
    "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token 1 was "
    "abandoned: Heartbeat Timeout"
)
LAUNCH = "Launching a new EC2 instance: i-0000000000000000{}"
STATES = {
    "a": ("Cancelled", HOOK),
    "f": ("Failed", HOOK),  # AWS has been seen to call it by either name
    "s": ("Successful", ""),
    "n": ("Failed", "We currently do not have sufficient capacity"),
    "c": ("Cancelled", "Scale-in"),
    "w": ("MidLifecycleAction", ""),
}


def activities(story):
    """One launch a letter, newest first; a termination is a t."""
    for number, letter in enumerate(story):
        if letter == "t":
            yield Activity(str(number), 0.0, 1.0, "Successful", "Terminating EC2 instance: i-1")
            continue
        status, message = STATES[letter]
        ended = None if letter == "w" else 1.0
        yield Activity(str(number), 0.0, ended, status, LAUNCH.format(number), message)


@pytest.mark.parametrize(
    ("story", "count"),
    [
        ("", None),
        ("aa", None),
        ("aas", None),
        ("aasa", None),
        ("saaa", None),
        ("aaa", 3),
        ("tatata", 3),
        ("wanaca", 3),
        ("afas", 3),
        ("aaaas", 4),
        ("nnnn", None),
    ],
)
def test_only_a_launch_that_came_through_ends_the_row(story, count):
    found = abandoned.in_a_row(activities(story))
    assert (found.count if found else None) == count


def test_the_last_one_is_named():
    found = abandoned.in_a_row(activities("wtaaa"))
    assert found.instance == "i-00000000000000002"


class Console:
    """AWS as far as it is asked here."""

    def __init__(self, answer):
        self.answer = answer

    def console(self, instance):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


SAID = """[ 12.3] asgcycle: upgrading: security
asgcycle: not ready: reboot: the master has not accepted the key of this minion
[ 99.1] asgcycle: not ready: security-updates: pending: openssl
asgcycle: not ready: timeout: gave up after 3000 s
"""


@pytest.mark.parametrize(
    ("console", "why"),
    [
        (SAID, "asgcycle: not ready: security-updates: pending: openssl"),
        ("asgcycle: failed: the upgrade did not work\n", "asgcycle: failed: the upgrade did not"),
        ("Linux version 6.1\n", "its console has no line of the readiness agent"),
        ("", "its console has no line of the readiness agent"),
        (Denied("no permission"), "its console is not known: no permission"),
    ],
)
def test_the_reason_is_what_the_agent_has_said_last_beside_its_timeout(console, why):
    found = abandoned.Abandoned(3, "i-1", HOOK)
    assert abandoned.reason(Console(console), found).startswith(why)


@pytest.mark.parametrize(
    ("why", "check"),
    [
        ("asgcycle: not ready: reboot: /run/reboot-required", "reboot"),
        ("asgcycle: not ready: security-updates: pending: x", "security-updates"),
        ("asgcycle: failed: the package lists cannot be read", "security-updates"),
    ],
)
def test_what_is_told_names_the_reason_and_what_to_type(why, check):
    text = abandoned.told("web", abandoned.Abandoned(4, "i-1", HOOK), why)
    assert "the last 4 launches were abandoned" in text
    assert why in text
    assert HOOK in text
    assert f"`salt-run asgcycle.hook web skip={check} for=2h`" in text
