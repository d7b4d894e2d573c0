"""Plays a story in the in-process lab: processes that live, die and follow each other.

A process reaches the outside through two doors only, its journal (the real one, serialised as Salt
serialises it, over a store in memory) and the clients of AWS. Both count what goes through and
let it die there. A dead process does nothing any more, whatever its ``finally`` clauses want.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import salt.payload

from asgroll import journal, lease, marks, report, verbs
from asgroll.aws import Aws
from asgroll.errors import AsgrollError, Busy, Taken
from asgroll.model import Roll
from asgroll.policy import Policy, parse
from tests.functional.roll.harness import GROUP, READS
from tests.lab.inprocess import InProcessAWS, VirtualClock
from tests.lab.scenario import build
from tests.lab.world import World
from tests.proof.story import ENTRY, REPORT, SNAPSHOT, Crash, Signal, Story, Taking

# Virtual seconds after which a process counts as endless: up to 6 instances one by one, each at
# worst with its deadlines, and every failure budget used up.
LONGEST = 12 * 3600.0
# Virtual seconds after the last trouble, before a person puts back what is left.
QUIET = 1800.0
# Calls that leave sizes, processes and instances alone.
TAGGING = ("CreateOrUpdateTags", "DeleteTags")
# What the journal calls the changes of sizes, and which sizes those are.
SIZES = {"SetDesired": "desired", "SetMax": "max"}
# Tries of a person to put everything back once nothing goes wrong any more.
TRIES = 3


class Killed(BaseException):
    """The process is gone. No ``except Exception`` may hold it up."""


class EndlessError(Exception):
    """The process still worked when its virtual time was up."""


@dataclass
class Process:
    """One life: where in the history it begins, how it ends, and what it has done so far."""

    number: int
    end: Crash | Signal | None
    master: str = "first"
    begins: int = 0
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

    def __init__(
        self, world: World, process: Process, at_change: Callable[[Process, str, dict], None]
    ):
        super().__init__(world, validate_output=False)
        self._process, self._at_change = process, at_change

    def _call(self, client: Any, service: str, operation: str, params: dict[str, Any]) -> Any:
        def call() -> Any:
            if not operation.startswith(READS):
                self._at_change(self._process, operation, params)
            return super(Gateway, self)._call(client, service, operation, params)

        return self._process.through(operation, call)


class Cache:
    """A ``salt.cache.Cache`` of one process over a store that outlives it."""

    def __init__(self, play: Play, process: Process):
        self._play, self._store, self._process = play, play.store, process

    def store(self, bank: str, key: str, data: Any) -> None:
        """Write an entry, as bytes."""
        what = {journal.BANK: SNAPSHOT, journal.TURN_BANK: ENTRY}.get(bank, REPORT)
        if what == ENTRY:
            last = data["entries"][-1]
            fields = last["fields"]
            if last["kind"] in SIZES:
                self._play.intends(SIZES[last["kind"]], fields["to"])
            elif last["how"] == journal.How.INTENDED.value and fields.get("decrement"):
                self._play.intends(fields["instance"], fields["weight"])

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

    def flush(self, bank: str, key: str) -> None:
        """Drop an entry."""
        self._store.pop((bank, key), None)

    def list(self, bank: str) -> list[str]:
        """Return the keys of a bank."""
        return [key for kept, key in self._store if kept == bank]


class LabMaster:
    """A Salt master in the lab, as far as one process needs it (``asgroll.master.Master``)."""

    def __init__(self, play: Play, process: Process):
        self._play, self._process = play, process
        self._directory = os.path.join(play.directory, process.master)

    def journal(self) -> journal.CacheJournal:
        """The journal in a cache that all masters share."""
        return journal.CacheJournal(Cache(self._play, self._process))

    def lock(self, arn: str, group: str) -> contextlib.AbstractContextManager[None]:
        """The group's lock on this master."""
        return journal.lock(self._directory, arn, group)

    def locked(self, arn: str, group: str) -> bool:
        """Whether a process on this master holds the lock."""
        return journal.locked(self._directory, arn, group)

    def owner(self) -> str:
        """The same for all processes of this master."""
        return self._process.master

    def user_data(self, group: str) -> None:
        """Pillar has none for any group."""

    def user(self) -> str:
        """Who typed the command."""
        return "somebody"

    def now(self) -> float:
        """Virtual time."""
        return self._play.world.now

    def steady_clock(self) -> Callable[[], float]:
        """Virtual time."""
        return self._play.clock.now

    def bus(self, policy: Policy) -> contextlib.AbstractContextManager[Any]:
        """Nobody listens; the turns are counted for what happens at one of them."""
        return contextlib.nullcontext(Deaf())

    def lease(
        self, aws: Aws, policy: Policy, sleep: Callable[[float], None], settled: str = ""
    ) -> lease.Lease:
        """The lease of this process."""
        return lease.Lease(
            aws,
            self.owner(),
            f"run{self._process.number}",
            clock=self.now,
            sleep=sleep,
            lease_time=policy.lease_time,
            settle_time=policy.settle_time,
            settled=settled,
        )


class Deaf:
    """An event bus that nobody listens to."""

    def report(self, event: Any, roll: Roll) -> None:
        """Tell nobody."""


class Wishes:
    """``StopSignals`` of one process in virtual time."""

    def __init__(self, play: Play, process: Process):
        self._play, self._process, self._turns = play, process, 0
        self._began = play.world.now

    def __enter__(self) -> Wishes:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Nothing was changed."""

    def why(self) -> str | None:
        """Asked once at the beginning of each turn."""
        self._turns += 1
        end = self._process.end
        return "SIGTERM" if isinstance(end, Signal) and self._turns >= end.turn else None

    def sleep(self, seconds: float) -> None:
        """Let time pass; a rival may try its luck meanwhile."""
        if self._play.world.now - self._began > LONGEST:
            raise EndlessError
        self._play.meanwhile(self._process, self._turns)
        self._play.clock.sleep(seconds)


@dataclass
class Play:
    """
    A story as it went.

    :ivar before: place in the history where the first roll began; all rolls had these ``victims``.
    :ivar intended: sizes that were to be asked for, whether the call was sent or not: place in the
        history, which, how many; and terminations with decrement: place, instance, weight.
    :ivar recovered: whether somebody had to do without the journal: then nobody knows the victims.
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
    intended: list[tuple[int, str, int]] = field(default_factory=list)
    arn: str = ""
    recovered: bool = False
    ended: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    # -- what processes do --------------------------------------------------------------------

    def start(self, verb: str, end: Crash | Signal | None = None, master: str = "first") -> None:
        """Run one process to its end, however it ends."""
        process = Process(len(self.processes) + 1, end, master, len(self.world.history))
        self.processes.append(process)
        if verb == "resume" and self.known() is None:
            verb = "roll"
        chosen = self.victims
        if verb == "roll" and self.known() is None and not self._left():
            self._choose()
        aws = Aws(Gateway(self.world, process, self._changing).client, self.clock.now)
        try:
            with pieces((verbs, "StopSignals", lambda: Wishes(self, process))):
                answer = getattr(verbs, verb)(
                    LabMaster(self, process), GROUP, self.arn, self.policy, aws
                )
            how = answer["data"][GROUP]["status"]
        except Killed:
            how = "killed"
        except (Busy, Taken):
            how = "kept away"
        except EndlessError:
            how = "endless"
            self.wrong.append(f"end: process {process.number} ({verb}) does not end")
        except AsgrollError as exc:
            how = f"refused ({exc})"
        process.dead = True
        if how == "done" and verb in ("roll", "resume") and not self.recovered:
            self._all_replaced(process)
        if how.startswith("refused") and self.known() is None:
            self.victims = chosen  # it never began
        self.ended.append(f"{verb}: {how}")

    def _choose(self) -> None:
        """A new roll may replace everybody; what an earlier one has begun is judged with it."""
        members = self.world.groups[GROUP].instances if GROUP in self.world.groups else {}
        apart = ("Standby", "Terminat")
        chosen = {key for key, item in members.items() if not item.lifecycle.startswith(apart)}
        self.victims = self.victims | chosen

    def _all_replaced(self, process: Process) -> None:
        """A roll that says it is done has left none of its victims in service."""
        members = self.world.groups[GROUP].instances
        left = [key for key in sorted(self.victims & set(members)) if members[key].counts]
        if left:
            self.wrong.append(f"end: process {process.number} is done, but there is {left}")

    def meanwhile(self, process: Process, turn: int) -> None:
        """What somebody else does while a process sleeps."""
        rival = self.story.rival
        if rival is not None and process.number == 1 and turn == rival.turn:
            self.start(rival.verb, master=rival.master)

    def _changing(self, process: Process, operation: str, params: dict[str, Any]) -> None:
        if operation == "CreateOrUpdateTags":
            self._note({tag["Key"]: tag["Value"] for tag in params["Tags"]})
        others = [p.number for p in self.processes if p is not process and not p.dead]
        if others and operation not in TAGGING:
            self.wrong.append(f"I6: processes {others} and {process.number} work at once")

    def _note(self, tags: dict[str, str]) -> None:
        """What the group is told of before the journal is, was meant to be sent as well."""
        due = marks.due(SimpleNamespace(name=GROUP, tags=tags))
        if due is not None and due.before is not None:
            self.intends("desired", due.desired)

    def intends(self, name: str, value: int) -> None:
        """Note what a process is about to ask for: it may die before anybody hears of it."""
        self.intended.append((len(self.world.history), name, value))

    # -- what people do -----------------------------------------------------------------------

    def known(self) -> Roll | None:
        """Return the roll as the next process would find it."""
        return LabMaster(self, Process(0, None)).journal().load(self.arn, GROUP)

    def take(self, taking: Taking) -> None:
        """Let a person go on with what there is."""
        self.clock.sleep(taking.gap)
        if taking.verb == "recover":
            self.store.clear()  # the journal is lost, with the master or its disk
            self.recovered = True
        self.start(taking.verb, taking.end, taking.master)

    def settle(self) -> None:
        """Put back what is left once nothing goes wrong any more: now it has to succeed."""
        for _ in range(TRIES):
            verb = self._left()
            if not verb:
                return
            self.world.faults.clear()
            for balancer in self.world.target_groups.values():
                for zone in sorted(balancer.shifted):
                    self.world.shift(balancer, zone, away=False)
            self.clock.sleep(QUIET)
            self.start(verb)
        if self._left():
            self.wrong.append(f"I5: {TRIES} times {verb} in quiet times have left something")

    def _left(self) -> str:
        """What has to be done because of what is left; empty when nothing is."""
        group = self.world.groups.get(GROUP)
        if group is None or group.status:
            return ""
        roll = self.known()
        if roll is not None:
            return "" if roll.phase.ended and not report.leftovers(roll) else "abort"
        noted = SimpleNamespace(name=GROUP, tags={key: tag[0] for key, tag in group.tags.items()})
        due = marks.due(noted)
        return "recover" if due is not None and not due.nothing else ""


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
