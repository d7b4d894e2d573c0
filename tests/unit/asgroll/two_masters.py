"""Several masters in one virtual time: each AWS call takes a while, and others work meanwhile.

Every master is a thread, but only one of them runs at any moment: whoever has to wait hands over to
the one whose time comes next. So a run is decided by its seed alone.
"""

from __future__ import annotations

import copy
import heapq
import random
import threading
from collections.abc import Callable

from asgroll.aws import Aws
from asgroll.errors import AsgrollError, Unclear
from asgroll.lease import Lease, Standing
from tests.functional.roll.harness import GROUP, spec
from tests.lab.inprocess import InProcessAWS
from tests.lab.scenario import build
from tests.unit.asgroll.build import roll

LEASE_TIME = 60.0
#: botocore takes long to make its clients; they are the same for every world.
_GATEWAY = InProcessAWS(build(copy.deepcopy(spec())), call_seconds=0.0)


class Stage:
    """The world, its clock, and who has to go on when."""

    def __init__(self, seed: int = 0):
        self.world = _GATEWAY.world = build(copy.deepcopy(spec()))
        self.random = random.Random(seed)
        self.masters: list[Master] = []
        self.overlaps: list[str] = []
        self._due: list[tuple[float, int, threading.Event]] = []
        self._number = 0
        self._idle = threading.Event()
        self._problems: list[BaseException] = []

    def start(self, work: Callable[[], None], at: float = 0.0) -> None:
        """Let ``work`` begin at a time; it may call ``pause``."""

        def body() -> None:
            turn.wait()
            try:
                work()
            except BaseException as exc:  # noqa: BLE001 - ``run`` raises it
                self._problems.append(exc)
            finally:
                self._idle.set()

        turn = threading.Event()
        self._queue(at, turn)
        threading.Thread(target=body, daemon=True).start()

    def pause(self, seconds: float) -> None:
        """Let the others work for so long."""
        turn = threading.Event()
        self._queue(seconds, turn)
        self._idle.set()
        turn.wait()

    def _queue(self, seconds: float, turn: threading.Event) -> None:
        self._number += 1
        heapq.heappush(self._due, (self.world.now + max(0.0, seconds), self._number, turn))

    def run(self) -> None:
        """Work until nobody has anything left to do."""
        while self._due:
            at, _, turn = heapq.heappop(self._due)
            self._judge(at)
            self.world.advance(max(at, self.world.now))
            self._idle.clear()
            turn.set()
            self._idle.wait()
            self._judge(self.world.now)
        for problem in self._problems:
            raise problem

    def _judge(self, at: float) -> None:
        """Nobody else may act while somebody may; validity only ends while nobody works."""
        acting = [m.name for m in self.masters if m.lease.valid()]
        if len(acting) > 1:
            self.overlaps.append(f"{' and '.join(acting)} at {at - self.world.start:.1f} s")


class SlowAws(Aws):
    """A gateway whose calls take time before and after they take effect, and may go wrong."""

    def __init__(self, stage: Stage, delay: Callable[[], float], lag: Callable[[], float]):
        super().__init__(_GATEWAY.client, lambda: stage.world.now)
        self._stage, self._delay, self._lag = stage, delay, lag
        #: what goes wrong with a call; what is unclear has taken effect
        self.broken: Callable[[str], Exception | None] = lambda operation: None

    def _call(self, service, operation, *, change=False, **params):
        self._stage.pause(self._delay())
        problem = self.broken(operation)
        if problem is not None and not isinstance(problem, Unclear):
            raise problem
        answer = super()._call(service, operation, change=change, **params)
        if not change:
            self._stage.pause(self._lag())  # the answer is as old as this when it arrives
        self._stage.pause(self._delay())
        if problem is not None:
            raise problem
        return answer


class Master:
    """One master that takes the lease, works for some turns and gives it back."""

    def __init__(
        self, stage: Stage, name: str, *, delay=lambda: 0.05, lag=lambda: 0.0, lease_time=LEASE_TIME
    ):
        self.stage, self.name = stage, name
        self.aws = SlowAws(stage, delay, lag)
        self.roll = roll(id=f"r-{name}", group=GROUP)
        self.lease = Lease(
            self.aws,
            name,
            f"run-{name}",
            clock=lambda: stage.world.now,
            sleep=stage.pause,
            lease_time=lease_time,
            settle_time=10.0,
        )
        self.turns = 0
        self.told = ""
        stage.masters.append(self)

    def work(self, turns: int = 8, poll: Callable[[], float] = lambda: 5.0) -> None:
        """A roll as far as the lease is concerned."""
        try:
            self.lease.acquire(self.roll)
        except AsgrollError as exc:
            self.told = str(exc)
            return
        for _ in range(turns):
            begun = self.stage.world.now
            world = self.aws.observe(GROUP, begun)
            standing, self.told = self.lease.heed(world, self.stage.world.now - begun)
            if standing is Standing.LOST:
                break
            self.turns += standing is Standing.HELD
            self.stage.pause(poll())
        self.lease.release(self.roll)
