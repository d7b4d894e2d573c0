"""What happens in a roll or to a group, as events; the only place that spells a step or a tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import quote

PREFIX = "salt/asgcycle"
#: The outputter that renders progress and answers (``_output/asgcycle.py``).
OUTPUTTER = "asgcycle"


class Step(str, Enum):
    """
    The steps of a roll, and at the end what happens without one. Integrations match on these words:
    they are a contract.
    """

    STARTED = "started"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    MAX_SET = "max-set"
    DESIRED_SET = "desired-set"
    DESIRED_CHANGED = "desired-changed"
    LAUNCHED = "launched"
    READY = "ready"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    VANISHED = "vanished"
    FAILED = "failed"
    WAITING = "waiting"
    RETRYING = "retrying"
    CHECKPOINT = "checkpoint"
    ORDERED = "ordered"
    RESTORING = "restoring"
    FINISHED = "finished"
    SKIPPING = "skipping"  # new instances may skip a check
    SKIPPED = "skip-ended"
    ABANDONED = "abandoned"  # launches in a row


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened at ``at``; ``text`` is for people, ``data`` for programs."""

    step: Step
    at: float
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


def tag(group: str, step: Step) -> str:
    """``salt/asgcycle/<group>/<step>``; a slash in a group's name is escaped."""
    return f"{PREFIX}/{quote(group, safe=' :@+,=')}/{step.value}"
