"""Short-cuts for tests of the lab."""

from __future__ import annotations

import pytest

from tests.lab.inprocess import InProcessAWS
from tests.lab.world import ApiError, World
from tests.unit.lab import rolling

# Keys of a bench that belong to the scenario, not to its group.
TOP = ("seed", "delays", "boot", "assumptions")


class Bench:
    """A world with one group ``web`` and the few questions that tests ask it."""

    def __init__(self, desired: int = 3, **group: object) -> None:
        faults = group.pop("faults", ())
        options = {key: group.pop(key) for key in TOP if key in group}
        spec = {**rolling.spec(desired, **group), "faults": list(faults), **options}
        self.world: World = rolling.build(spec)
        self.group = self.world.group("web")
        self.aws = InProcessAWS(self.world)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.world.advance(self.world.now + seconds)

    def ids(self, *states: str) -> list[str]:
        """Return the ids of the members in these states (all by default)."""
        items = self.group.instances.values()
        return [item.id for item in items if not states or item.lifecycle in states]

    def states(self, instance_id: str) -> list[str]:
        """Return the lifecycle states an instance has gone through."""
        return [r.after for r in self.since("Lifecycle") if r.instance == instance_id]

    def since(self, kind: str) -> list:
        """Return the records of one kind that are not of the set-up."""
        actors = ("setup",)
        return [
            record
            for record in self.world.history
            if type(record).__name__ == kind and getattr(record, "actor", "") not in actors
        ]

    def target(self, instance_id: str) -> str | None:
        """Return the state of an instance in the target group."""
        (arn,) = self.group.target_group_arns
        found = self.world.target_groups[arn].targets.get(instance_id)
        return found.state if found else None

    def activities(self) -> list[tuple[str, str, str | None]]:
        """Return (status, description, message) of the activities, newest first."""
        return [(item.status, item.description, item.message) for item in self.group.activities]


@pytest.fixture
def bench() -> type[Bench]:
    """Return the class of test benches."""
    return Bench


@pytest.fixture
def refused():
    """Return a context that expects a refusal with this code and part of its text."""

    def expect(code: str, text: str = ""):
        return _Refused(code, text)

    return expect


class _Refused:
    def __init__(self, code: str, text: str) -> None:
        self.code, self.text = code, text

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        assert isinstance(error, ApiError), f"not refused: {error!r}"
        assert error.code == self.code
        assert self.text in error.message
        return True


def otherwise(rule: str, name: str) -> dict[str, dict[str, str]]:
    """Return the setting of a bench whose AWS behaves otherwise than the lab assumes."""
    return {"assumptions": {rule: name}}
