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


def page() -> str:
    """The whole page as text."""
    policy = Policy()
    rows = [
        f"| `{name}` | {_default(name, getattr(policy, name))} | {_cell(key.about)} |\n"
        for name, key in KEYS.items()
    ]
    accepted = [f"| `{name}` | {_cell(meaning)} |\n" for name, meaning in ACCEPTABLE.items()]
    return _HEAD + "".join(rows) + _ACCEPT + "".join(accepted)


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
