"""Which processes others want to rest, and of which nobody can tell who put them to rest.

SuspendProcesses answers nothing and has no compare-and-set (API reference). Who suspends a process
that somebody has suspended after the last look cannot know that it rested already, and resumes it.
Nor can who has suspended a process see that others have resumed it and suspended it anew between
two looks, however far apart: nobody looks while a roll is paused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.judge.fleet import GROUP_ITSELF
from tests.judge.looks import Looks
from tests.lab.world import history as h

SUSPEND = "SuspendProcesses"


@dataclass(slots=True)
class Resting:
    """
    Follows the processes that rest.

    :ivar wanted: those that rest as others want it.
    :ivar anybodys: those of which the caller cannot know whether others want them to.
    """

    wanted: frozenset[str]
    anybodys: set[str] = field(default_factory=set)
    _theirs: dict[str, float] = field(default_factory=dict)
    _resumed: dict[str, float] = field(default_factory=dict)

    def change(self, record: h.Processes, looks: Looks) -> None:
        """Take a change into account."""
        if record.actor == "caller":
            return
        gone = set(record.before) - set(record.after)
        come = set(record.after) - set(record.before)
        self.anybodys -= gone
        ours = gone - self.wanted
        self.wanted = (self.wanted - gone) | come
        self._resumed.update(dict.fromkeys(ours, record.time))
        last = looks.group - looks.unseen
        self.anybodys |= {name for name in come if self._resumed.pop(name, last - 1) >= last}
        self._theirs.update(dict.fromkeys(come, record.time))

    def call(self, record: h.Call, looks: Looks) -> None:
        """Take a call of the caller's that took effect into account."""
        if record.operation == SUSPEND:
            since = looks.since(GROUP_ITSELF, record.time)
            named = dict(record.params).get("ScalingProcesses", ())
            self.anybodys |= {name for name in named if self._theirs.get(name, 0.0) >= since}

    def wrong(self, suspended: frozenset[str]) -> bool:
        """Whether others than these should rest."""
        return bool((suspended ^ self.wanted) - self.anybodys)
