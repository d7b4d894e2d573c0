"""A history before it happens, as data: a group, a policy, what goes wrong, who dies when.

Everything here is frozen and prints as the Python that makes it, so that a story that failed can be
pasted into a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.lab.world import Fault

#: What a process does that a crash can come before or after: its writes to the journal (a snapshot,
#: an entry about a call, a closing report) and its calls to AWS, by operation.
SNAPSHOT, ENTRY, REPORT = "snapshot", "entry", "report"


@dataclass(frozen=True)
class Crash:
    """The process is killed: just before or just after the ``nth`` time that it does ``what``."""

    when: str
    what: str
    nth: int


@dataclass(frozen=True)
class Signal:
    """A person asks the process to stop at the beginning of its ``turn``."""

    turn: int


@dataclass(frozen=True)
class Rival:
    """In a pause of the first process after ``turn``, somebody starts ``verb`` for the group."""

    turn: int
    verb: str
    master: str = "first"


@dataclass(frozen=True)
class Taking:
    """
    What a person does next: after ``gap`` seconds ``verb`` (resume, abort, or recover once the
    journal is lost), which may end early.
    """

    verb: str
    gap: float
    end: Crash | Signal | None = None
    master: str = "first"


@dataclass(frozen=True)
class Story:
    """
    :ivar scenario: what ``tests.lab.scenario.build`` takes.
    :ivar policy: keys of the policy.
    :ivar faults: what goes wrong in AWS, and what others do.
    :ivar end: how the first process ends early, if it does.
    :ivar takings: what is done about it, one after the other.
    :ivar rival: somebody who tries to work on the group at the same time.
    """

    scenario: Mapping[str, Any]
    policy: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    end: Crash | Signal | None = None
    takings: tuple[Taking, ...] = ()
    rival: Rival | None = None
