"""Looks for a story that breaks an invariant, and makes it short. One way in for tests and soak."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.proof.drawing import by_seed_alone
from tests.proof.generators import stories
from tests.proof.playing import play
from tests.proof.story import Story
from tests.proof.verdict import broken, rules


class Violated(Exception):
    """What Hypothesis is to look for."""


@dataclass
class Search:
    """What has been looked at. ``story`` broke an invariant, as ``lines`` say; None: none did."""

    seed: int
    histories: int = 0
    story: Story | None = None
    lines: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)

    def told(self) -> str:
        """Return the failure as text, the story as the Python that makes it."""
        said = "\n".join(f"  {line}" for line in self.lines)
        return f"seed {self.seed}, history {self.histories}:\n{said}\nSTORY = {self.story!r}\n"


def explore(
    number: int,
    histories: int,
    *,
    rule: str = "",
    shrink: bool = True,
) -> Search:
    """
    Play so many stories drawn from seed ``number`` until one breaks an invariant.

    :param rule: look for a violation of this one only, for example ``I5``.
    :param shrink: make the story that was found as short as possible.
    """
    search = Search(number)
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]

    @seed(number)
    @settings(
        max_examples=histories,
        phases=phases,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(stories())
    def look(story: Story) -> None:
        made = play(story, _directory().name)
        lines = broken(made)
        if search.story is None:
            search.histories += 1
            search.ends.update(end.split(" (")[0] for end in made.ended)
        if rule in rules(lines) if rule else lines:
            search.story, search.lines = story, lines
            raise Violated

    # the last one that was played is the shortest
    with by_seed_alone(), contextlib.suppress(Violated):
        look()
    return search


@functools.cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    """Where the locks are: one folder for all stories of a process, removed at its end."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="asgcycle-proof-", dir=memory)
