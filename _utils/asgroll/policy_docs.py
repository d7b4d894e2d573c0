"""Writes docs/policy.md from the table of keys: ``python -m asgroll.policy_docs``."""

from __future__ import annotations

import sys

from asgroll.accepting import ACCEPTABLE
from asgroll.policy import KEYS, Policy
from asgroll.values import format_duration

_HEAD = """\
# Policy keys

How a group is rolled. This page is made from the code (`python -m asgroll.policy_docs`).

Weakest first: `asgcycle:defaults`, `asgcycle:environments:<environment of the group>`, every
matching pattern of `asgcycle:groups` from the shortest to the longest, the group's exact name
there, the command line. An unknown key or a bad value anywhere on this way is refused.

Amounts are numbers of instances or percentages of the live desired capacity; a percentage of
`surge` rounds up, of `max_unavailable` down. Those of `canary`, `checkpoints` (rounded up) and
`max_failures` (rounded down) are of the instances to replace. In a weighted group a number of
instances stands for that many times the largest (surge) or smallest (max_unavailable) weight.
Durations are seconds or like `90s`, `15m`, `1h30m`, `14d`.

| key | default | meaning |
|---|---|---|
"""

_ACCEPT = """
## What `accept` takes

What speaks against a roll is refused, each with what to do about it. These may be accepted instead:

| value | who accepts it knows |
|---|---|
"""


_SUSPEND = """
## What `suspend` takes

Processes of the group that rest while it is rolled; those that rested before stay as they are.
Launch, Terminate, AddToLoadBalancer and HealthCheck cannot be named: a roll needs them (EC2 Auto
Scaling user guide, "Suspend and resume Amazon EC2 Auto Scaling processes").

| value | while it rests |
|---|---|
"""

#: Each of ``policy.SUSPENDABLE``, with what its rest means for a roll.
SUSPENDED = {
    "AZRebalance": "AWS does not terminate instances of its own choice to even out the zones.",
    "AlarmNotification": "Scaling policies do nothing: the group does not grow under load either.",
    "ScheduledActions": "Scheduled actions whose time comes during the roll are not made up for.",
    "ReplaceUnhealthy": (
        "Unhealthy instances stay until the roll is over, unless the roll replaces them."
    ),
    "InstanceRefresh": "No instance refresh begins or goes on.",
}

_OUTDATED = """
## What `outdated` means

An instance is outdated when it is not what its group would launch now. Each of these is enough:

- **launch template or version**: what it was launched from is none of what the group names, with
  `$Latest` and `$Default` resolved to numbers;
- **mixed instances policy**: the override for its instance type names another template. Where there
  are overrides, they alone say what is launched;
- **instance type**: the overrides name types, and its own is none of them. Types that are asked for
  by attributes (`InstanceRequirements`) may be any;
- **image**: the one it runs is not the one that a launch would take now;
- **launch configuration**: another name, or a deleted one. AWS then shows none, and neither of an
  instance that was attached by hand.

The image that a launch would take is the override's own, or that of the version or configuration;
a Systems Manager parameter (`resolve:ssm:…`) is resolved by EC2 as at a launch. The image that an
instance runs is what Auto Scaling shows after its root volume was replaced, else what EC2 shows.

Not compared: weights, and what was changed on the machine. `plan` shows for each instance why it is
replaced or kept. What cannot be told (a call is denied, EC2 does not know the instance yet) is
never taken for up to date: it is an obstacle that names the reason, and `list` shows `?`.
"""


def page() -> str:
    """The whole page as text."""
    policy = Policy()
    rows = [
        f"| `{name}` | {_default(name, getattr(policy, name))} | {_cell(key.about)} |\n"
        for name, key in KEYS.items()
    ]
    accepted = [f"| `{name}` | {_cell(meaning)} |\n" for name, meaning in ACCEPTABLE.items()]
    suspended = [f"| `{name}` | {_cell(effect)} |\n" for name, effect in SUSPENDED.items()]
    tables = (_HEAD, *rows, _ACCEPT, *accepted, _SUSPEND, *suspended)
    return "".join(tables) + _OUTDATED


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(name: str, value) -> str:
    if value in (None, ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{format_duration(value)}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    return f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(page())
