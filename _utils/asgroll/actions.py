"""What the planner may ask for, as frozen instructions: the engine sends them, nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from asgroll.model import Cause, Phase


@dataclass(frozen=True, slots=True)
class Suspend:
    """Suspend these scaling processes (names that are not suspended yet)."""

    processes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resume:
    """Resume exactly the processes that we suspended."""

    processes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetMax:
    """Raise MaxSize for the roll, or put it back (``restore``)."""

    to: int
    restore: bool = False


@dataclass(frozen=True, slots=True)
class SetDesired:
    """Set DesiredCapacity from ``before`` to ``to``."""

    before: int
    to: int


@dataclass(frozen=True, slots=True)
class Terminate:
    """Terminate exactly this instance through the group, with or without lowering desired."""

    instance: str
    weight: int
    decrement: bool
    cause: Cause
    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do now; ``why`` is for the person who watches."""

    why: str


@dataclass(frozen=True, slots=True)
class Bake:
    """A checkpoint is reached: watch the group before going on."""

    why: str


@dataclass(frozen=True, slots=True)
class Proceed:
    """A checkpoint is passed: go on to the next one."""

    why: str


@dataclass(frozen=True, slots=True)
class Restore:
    """Stop replacing and put back what was changed; ``outcome`` is how the roll will end."""

    outcome: Phase
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The roll has ended."""

    outcome: Phase
    reason: str


Action = (
    Suspend | Resume | SetMax | SetDesired | Terminate | Wait | Bake | Proceed | Restore | Finish
)
