"""Plays a story in the in-process lab: processes that live, die and follow each other.

A process reaches the outside through two doors only, its journal (the real one, serialised as Salt
serialises it, over a store in memory) and the clients of AWS. Both count what goes through and
let it die there. A dead process does nothing any more, whatever its ``finally`` clauses want.
"""

from __future__ import annotations

import contextlib
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import salt.payload

from asgroll import journal, preflight, report
from asgroll.aws import Aws
from asgroll.engine import Engine
from asgroll.errors import AsgrollError, Busy
from asgroll.gates import GATES
from asgroll.model import Phase, Roll
from asgroll.policy import Policy, parse
from tests.functional.roll.harness import GROUP, READS
from tests.lab.inprocess import InProcessAWS, VirtualClock
from tests.lab.scenario import build
from tests.lab.world import World
from tests.proof.story import ENTRY, SNAPSHOT, Crash, Signal, Story, Taking

# Virtual seconds after which a process counts as endless: up to 6 instances one by one, each at
# worst with its deadlines, and every failure budget used up.
LONGEST = 12 * 3600.0
# Virtual seconds after the last trouble, before a person puts back what is left.
QUIET = 1800.0
# Tries of a person to put everything back once nothing goes wrong any more.
TRIES = 3


class Killed(BaseException):
    """The process is gone. No ``except Exception`` may hold it up."""


class EndlessError(Exception):
    """The process still worked when its virtual time was up."""


@dataclass
class Process:
    """One life: where it ends, and what it has done so far."""

    number: int
    end: Crash | Signal | None
    done: Counter[str] = field(default_factory=Counter)
    dead: bool = False

    def through(self, what: str, act: Callable[[], Any]) -> Any:
        """Do something that a crash may come before or after."""
        if self.dead:
            raise Killed
        self.done[what] += 1
        self._die("before", what)
        try:
            return act()
        finally:
            self._die("after", what)

    def _die(self, when: str, what: str) -> None:
        end = self.end
        if not isinstance(end, Crash) or (end.when, end.what) != (when, what):
            return
        if self.done[what] == end.nth:
            self.dead = True
            raise Killed


class Gateway(InProcessAWS):
    """The clients of one process; ``log`` takes its changes with the place in the history."""

    def __init__(self, world: World, process: Process, at_change: Callable[[Process], None]):
        super().__init__(world, validate_output=False)
        self._process, self._at_change = process, at_change

    def _call(self, client: Any, service: str, operation: str, params: dict[str, Any]) -> Any:
        def call() -> Any:
            if not operation.startswith(READS):
                self._at_change(self._process)
            return super(Gateway, self)._call(client, service, operation, params)

        return self._process.through(operation, call)


class Cache:
    """A ``salt.cache.Cache`` of one process over a store that outlives it."""

    def __init__(self, play: Play, process: Process):
        self._store, self._intended, self._process = play.store, play.intended, process

    def store(self, bank: str, key: str, data: Any) -> None:
        """Write an entry, as bytes."""
        what = SNAPSHOT if bank == journal.BANK else ENTRY
        if what == ENTRY:
            last = data["entries"][-1]
            self._intended.update([last["fields"]["to"]] if last["kind"] == "SetDesired" else [])

        def write() -> None:
            self._store[bank, key] = salt.payload.dumps(data)

        self._process.through(what, write)

    def fetch(self, bank: str, key: str) -> Any:
        """Read an entry; Salt answers with an empty dictionary where there is none."""
        found = self._store.get((bank, key))
        return {} if found is None else salt.payload.loads(found)

    def contains(self, bank: str, key: str) -> bool:
        """Say whether there is such an entry."""
        return (bank, key) in self._store

    def list(self, bank: str) -> list[str]:
        """Return the keys of a bank."""
        return [key for kept, key in self._store if kept == bank]


@dataclass
class Play:
    """
    A story as it went.

    :ivar before: place in the history where the roll began, with these ``victims``.
    :ivar intended: desired capacities that were asked for, whether the call was sent or not.
    :ivar ended: each process's verb and how it ended.
    :ivar wrong: what broke a promise that the lab's history cannot show.
    """

    story: Story
    world: World
    policy: Policy
    directory: str
    clock: VirtualClock
    store: dict[tuple[str, str], bytes] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    before: int = 0
    victims: frozenset[str] = frozenset()
    intended: set[int] = field(default_factory=set)
    arn: str = ""
    refused: tuple[str, ...] = ()
    ended: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    # -- what processes do --------------------------------------------------------------------

    def start(self, verb: str, end: Crash | Signal | None) -> Roll | None:
        """Run one process to its end, however it ends; None unless it ended by itself."""
        process = Process(len(self.processes) + 1, end)
        self.processes.append(process)
        try:
            with journal.lock(self.directory, self.arn, GROUP):
                found = getattr(self, f"_{verb}")(process)
        except Killed:
            found, how = None, "killed"
        except Busy:
            found, how = None, "busy"
        except EndlessError:
            found, how = None, "endless"
            self.wrong.append(f"end: process {process.number} ({verb}) does not end")
        except AsgrollError as exc:
            found, how = None, f"refused ({exc})"
        else:
            how = found.phase.value if found is not None else "refused"
        process.dead = True
        self.ended.append(f"{verb}: {how}")
        return found

    def _roll(self, process: Process) -> Roll | None:
        earlier = self._journal(process).load(self.arn, GROUP)
        aws = self._aws(process)
        found = preflight.assess(aws, GROUP, self.policy, self.clock.now())
        found = preflight.with_earlier(found, earlier)
        if found.obstacles or not found.choice.victims:
            self.refused = found.obstacles
            return None
        self._judged_from_here()
        begun = preflight.begin(found, f"r{process.number}", self.clock.now())
        return self._work(process, aws, begun)

    def _judged_from_here(self) -> None:
        members = self.world.groups[GROUP].instances
        self.before = len(self.world.history)
        self.victims = frozenset(k for k, item in members.items() if item.lifecycle != "Standby")

    def _resume(self, process: Process) -> Roll | None:
        known = self._journal(process).load(self.arn, GROUP)
        if known is None:
            return self._roll(process)
        if known.phase.ended and not report.open_ended(known):
            return None
        aws = self._aws(process)
        found = preflight.assess(aws, GROUP, self.policy, self.clock.now(), choosing=False)
        if found.obstacles:
            return None
        return self._work(process, aws, known.reopened(Phase.ROLLING, self.clock.now()))

    def _abort(self, process: Process) -> Roll | None:
        known = self._journal(process).load(self.arn, GROUP)
        if known is None or (known.phase.ended and not report.leftovers(known)):
            return None
        ending = known.reopened(Phase.RESTORING, self.clock.now(), "aborted by a person")
        return self._work(process, self._aws(process), ending)

    def _work(self, process: Process, aws: Aws, begun: Roll) -> Roll:
        start = self.world.now
        engine: Engine

        def sleep(seconds: float) -> None:
            if self.world.now - start > LONGEST:
                raise EndlessError
            rival = self.story.rival
            if rival is not None and process.number == 1 and engine.turns == rival.turn:
                self.start(rival.verb, None)
            self.clock.sleep(seconds)

        def stop() -> str | None:
            end = process.end
            return "SIGTERM" if isinstance(end, Signal) and engine.turns >= end.turn else None

        engine = Engine(
            aws,
            self._journal(process),
            self.policy,
            clock=self.clock.now,
            sleep=sleep,
            report=lambda event, roll: None,
            stop=stop,
            gates=GATES,
        )
        return engine.run(begun)

    def _journal(self, process: Process) -> journal.CacheJournal:
        return journal.CacheJournal(Cache(self, process))

    def _aws(self, process: Process) -> Aws:
        return Aws(Gateway(self.world, process, self._changing).client)

    def _changing(self, process: Process) -> None:
        others = [p.number for p in self.processes if p is not process and not p.dead]
        if others:
            self.wrong.append(f"I6: processes {others} and {process.number} work at once")

    # -- what people do -----------------------------------------------------------------------

    def known(self) -> Roll | None:
        """Return the roll as the next process would find it."""
        return self._journal(Process(0, None)).load(self.arn, GROUP)

    def take(self, taking: Taking) -> None:
        """Let a person go on with what there is."""
        self.clock.sleep(taking.gap)
        self.start(taking.verb, taking.end)

    def settle(self) -> None:
        """Put back what is left once nothing goes wrong any more: now it has to succeed."""
        for _ in range(TRIES):
            roll = self.known()
            gone = GROUP not in self.world.groups or self.world.groups[GROUP].status
            if gone or roll is None or (roll.phase.ended and not report.leftovers(roll)):
                return
            self.world.faults.clear()
            self.clock.sleep(QUIET)
            self.start("abort", None)
        self.wrong.append(f"I5: {TRIES} aborts in quiet times have left {report.leftovers(roll)}")


def play(story: Story, directory: str) -> Play:
    """
    Let a story happen, to its very end: nothing is left open.

    :param directory: where the locks are; the same one may serve one story after another.
    """
    world = build(copy.deepcopy(dict(story.scenario)))
    for fault in story.faults:
        world.inject(fault)
    policy = parse([("story", story.policy)])
    made = Play(story, world, policy, directory, VirtualClock(world), before=len(world.history))
    made.arn = world.groups[GROUP].arn
    made.start("roll", story.end)
    for taking in story.takings:
        made.take(taking)
    made.settle()
    return made


@contextlib.contextmanager
def pieces(*replaced: tuple[Any, str, Any]) -> Iterator[None]:
    """Put other parts into the machine for a while: (module or class, name, part)."""
    kept = [(owner, name, owner.__dict__[name]) for owner, name, _ in replaced]
    try:
        for owner, name, part in replaced:
            setattr(owner, name, part)
        yield
    finally:
        for owner, name, part in kept:
            setattr(owner, name, part)
