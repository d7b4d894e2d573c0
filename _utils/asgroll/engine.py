"""
The loop: observe → fold → plan → journal the intent → act → journal the outcome → report → sleep.

Clock, sleep, gateway, journal and reporter are injected. The view of the world is rebuilt every
turn, so a roll can be stopped at any line and taken up again from its journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from asgroll import changes, outcome, pace, waits
from asgroll.actions import (
    Action,
    Bake,
    Finish,
    Proceed,
    Restore,
    Resume,
    SetDesired,
    SetMax,
    Suspend,
    Terminate,
    Wait,
)
from asgroll.aws import Aws
from asgroll.errors import (
    AwsError,
    Expired,
    JournalError,
    MarkError,
    Missing,
    Refused,
    Temporary,
    Throttled,
    Unclear,
)
from asgroll.events import Event, Step
from asgroll.gates import GATES, Gate
from asgroll.journal import How, Journal
from asgroll.keeper import Keeper
from asgroll.lease import Lease, Standing, Unleased
from asgroll.look import Look
from asgroll.model import Phase, Roll
from asgroll.planner import plan, put_back
from asgroll.policy import Policy
from asgroll.report import leftovers
from asgroll.tracker import fold
from asgroll.values import format_duration
from asgroll.world import World

#: Decisions are not acted on with a view older than this; the rest waits for a new observation.
MAX_VIEW_AGE_SECONDS = 10.0
#: So many views in a row have to be slow before slow ones are acted on.
VIEWS_TO_JUDGE_BY = 3
#: Refusals of AWS in a row after which repeating is no use.
MAX_REFUSALS = 3
#: Under throttling the pause doubles up to this many times poll_interval, but not beyond the
#: longest pause (unless poll_interval itself is longer).
MAX_SLOWDOWN = 8
LONGEST_PAUSE_SECONDS = 60.0
#: Observations that have to fail in a row, besides the time, before a roll gives up.
MIN_BLIND_TURNS = 5

Reporter = Callable[[Event, Roll], None]


class Engine:
    """
    Runs one roll.

    :param clock: seconds since the epoch.
    :param sleep: pauses for some seconds; may return early when a stop is asked for.
    :param report: called with each event and the roll at that moment.
    :param stop: why the roll should stop (a signal's name), or None.
    :param lease: keeps other masters away; also brings the orders that people give.
    """

    def __init__(
        self,
        aws: Aws,
        journal: Journal,
        policy: Policy,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        report: Reporter,
        stop: Callable[[], str | None] = lambda: None,
        gates: tuple[Gate, ...] = GATES,
        lease: Lease | Unleased | None = None,
    ):
        self._aws, self._policy = aws, policy
        self._clock, self._sleep, self._report, self._stop = clock, sleep, report, stop
        self._look = Look(aws, policy, gates, self._cannot_see)
        self._lease = lease or Unleased()
        self._keeper = Keeper(journal, self._lease, clock, policy.lease_time)
        self._slowdown, self._again = 1, False
        self._view_seconds: deque[float] = deque(maxlen=VIEWS_TO_JUDGE_BY)
        self._blind_since: float | None = None
        self._blind_turns = 0
        self._said = ""
        self.turns = 0
        #: why the lease could not be given back; empty when it was
        self.leftover = ""

    def run(self, roll: Roll) -> Roll:
        """
        Work until the roll has ended, and return it as it ended.

        :raises Taken: another master works on the group; nothing was changed.
        :raises JournalError: the journal cannot be written before anything was changed. Later on
            the roll ends by putting back what it changed, because it could not be taken up again.
        """
        self._policy = waits.settled(self._policy, roll.waits)
        begun, roll = roll, self._held(self._lease.acquire(roll))
        try:
            roll = self._keeper.begin(roll)
        except JournalError:
            self._lease.release(roll)
            raise
        self._emit(roll, Step.STARTED, f"{len(roll.victims)} to replace in {roll.group}")
        if leftovers(begun) and not leftovers(roll):
            text = "what this roll had changed was put back by somebody else: its note is gone"
            self._emit(roll, Step.RESTORING, text)
        while not roll.phase.ended:
            roll = self.turn(roll)
            if not (roll.phase.ended or self._again):
                self._sleep(self._pause(roll))
        self.leftover = self._lease.release(roll)
        self._emit(roll, Step.FINISHED, roll.reason or roll.phase.value, result=roll.phase.value)
        return roll

    def _held(self, roll: Roll) -> Roll:
        """What is waited for runs from now: taking the lease may have lasted."""
        now = self._clock()
        return roll.with_(
            progress_at=now,
            resumed_at=now if roll.resumed_at else 0.0,
            restoring_since=None if roll.restoring_since is None else now,
        )

    @property
    def overtaken(self) -> bool:
        """Whether another process had gone on with the roll before it ended here."""
        return self._keeper.overtaken

    def _pause(self, roll: Roll) -> float:
        if self._slowdown == 1 and not self._blind_turns:
            now = self._clock()
            pause = pace.pause(roll, self._policy, now)
            return min(pause, self._look.due_in(roll, now))
        usual = self._policy.poll_interval
        return max(usual, min(usual * self._slowdown, LONGEST_PAUSE_SECONDS))

    def turn(self, roll: Roll) -> Roll:
        """One turn of the loop."""
        self.turns += 1
        self._again = False
        now = self._clock()
        roll = self._heed_stop(self._heed_successor(roll), now)
        if roll.phase.ended:
            return self._save(roll)
        try:
            world = self._look.at(roll, now)
        except AwsError as exc:
            roll = self._blind(roll, exc, now)
        else:
            self._blind_since, self._blind_turns = None, 0
            self._slowdown = max(1, self._slowdown // 2)
            self._view_seconds.append(self._clock() - now)
            roll = self._work(roll, world, now)
        return self._heed_lost_journal(self._save(roll))

    # --- the journal

    def _save(self, roll: Roll) -> Roll:
        return self._keeper.save(self._heed_successor(roll))

    def _heed_successor(self, roll: Roll) -> Roll:
        if roll.phase.ended or not self._keeper.look():
            return roll
        why = "another process has gone on with this roll meanwhile"
        return self._end(roll, Phase.HALTED, why, self._clock())

    def _heed_lost_journal(self, roll: Roll) -> Roll:
        if self._keeper.lost and roll.phase is Phase.ROLLING:
            return self._restore(roll, Phase.HALTED, self._keeper.lost, self._clock())
        return roll

    # --- observing

    def _blind(self, roll: Roll, exc: AwsError, now: float) -> Roll:
        """Nothing is decided without a view; a view that stays away ends the roll."""
        if self._look.group_is_gone(exc, now):
            return self._end(roll, Phase.HALTED, f"the group is gone: {exc}", now)
        if not isinstance(exc, (Temporary, Unclear, Missing)):
            return self._end_blind(roll, str(exc), now)
        if self._blind_since is None:
            self._blind_since = now
        self._blind_turns += 1
        waited = now - self._blind_since
        if waited > self._policy.ready_timeout and self._blind_turns >= MIN_BLIND_TURNS:
            return self._end_blind(roll, f"no view for {format_duration(waited)}: {exc}", now)
        self._slow_down(exc)
        self._say(roll, Step.RETRYING, str(exc))
        return roll

    def _end_blind(self, roll: Roll, reason: str, now: float) -> Roll:
        """End without a view; unless a pause is wanted, put back what needs no view."""
        if roll.phase is Phase.RESTORING or self._policy.on_failure != "pause":
            for action in put_back(roll):
                roll, _ = self._change(roll, action)
        return self._end(roll, Phase.HALTED, reason, now)

    def _slow_down(self, exc: AwsError) -> None:
        if isinstance(exc, Throttled):
            self._slowdown = min(MAX_SLOWDOWN, self._slowdown * 2)

    # --- acting

    def _work(self, roll: Roll, world: World, now: float) -> Roll:
        if world.group.arn != roll.arn:
            reason = f"the group was deleted, and another one of the same name is {world.group.arn}"
            return self._end(roll, Phase.HALTED, reason, now)
        try:
            standing, why = self._lease.heed(world, self._clock() - now)
        except MarkError as exc:
            standing, why = Standing.LOST, str(exc)
        if standing is Standing.LOST:
            return self._end(roll, Phase.HALTED, why, now)
        before, roll = roll, fold(roll, world, self._policy, now)
        for event in changes.between(before, roll, world, now):
            self._report(event, roll)
        if before.pending is not None and roll.pending is None:
            roll = self._save(roll)  # played back later, the next change must not hide this one
        roll = self._heed_order(roll, world, now)
        if standing is Standing.UNSURE:
            self._say(roll, Step.WAITING, f"waiting {why}")
            return roll
        return roll if roll.phase.ended else self._carry_out(roll, world, now)

    def _carry_out(self, roll: Roll, world: World, now: float) -> Roll:
        """Plan, and do what is planned as long as this view is good for it."""
        actions = plan(world, roll, self._policy, now)
        try:
            actions = self._lease.note(roll, actions)
        except AwsError as exc:
            return self._not_noted(roll, exc, now)
        failed = False
        for action in actions:
            if failed and isinstance(action, Finish):
                break
            if self._too_old(world, action):
                self._again = True
                break
            roll, go_on = self._act(roll, action)
            if not go_on:
                if not (roll.phase is Phase.RESTORING and isinstance(action, (SetMax, Resume))):
                    break
                failed = True  # the other of the two may work all the same
        return roll

    def _not_noted(self, roll: Roll, exc: AwsError, now: float) -> Roll:
        """What the group cannot be told of is not done."""
        if isinstance(exc, (Temporary, Unclear)):
            self._slow_down(exc)
            self._say(roll, Step.RETRYING, str(exc))
            return roll
        return self._end(roll, Phase.HALTED, str(exc), now)

    def _too_old(self, world: World, action: Action) -> bool:
        """
        Whether a termination would rest on an old view. Where AWS has become slow for good, the
        quickest of the last views is the measure: otherwise nothing would ever be done.
        """
        if not isinstance(action, Terminate):
            return False
        enough = len(self._view_seconds) == VIEWS_TO_JUDGE_BY
        slowness = 1.5 * min(self._view_seconds) if enough else 0.0
        allowed = max(MAX_VIEW_AGE_SECONDS, slowness)
        return self._clock() - world.taken_at > allowed

    def _act(self, roll: Roll, action: Action) -> tuple[Roll, bool]:
        """Carry out one action; the flag says whether the next one may follow from this view."""
        now = self._clock()
        if isinstance(action, Wait):
            self._say(roll, Step.WAITING, f"waiting {action.why}")
            return roll, True
        if isinstance(action, Bake):
            self._emit(roll, Step.CHECKPOINT, action.why)
            return roll.with_(baking_since=now, approved=False), True
        if isinstance(action, Proceed):
            self._again = True
            self._emit(roll, Step.CHECKPOINT, action.why)
            return roll.with_(step=roll.step + 1, baking_since=None, progress_at=now), True
        if isinstance(action, Finish):
            return self._end(roll, action.outcome, action.reason, now), False
        if isinstance(action, Restore):
            return self._restore(roll, action.outcome, action.reason, now), False
        return self._change(roll, action)

    def _change(self, roll: Roll, action: Action) -> tuple[Roll, bool]:
        """Send one change to AWS, with its intent and its outcome in the journal."""
        if not self._lease.valid():
            return roll, False
        if not self._keeper.intent(roll, action, self._clock()):
            return self._heed_lost_journal(roll), False
        how, problem, began = How.APPLIED, None, self._clock()
        try:
            self._send(roll, action)
        except Unclear as exc:
            how, problem = How.UNCLEAR, exc
        except AwsError as exc:
            how, problem = How.NOT_APPLIED, exc
        # after the call: a lost answer has taken a read timeout to be given up
        now = self._clock()
        self._keeper.outcome(roll, action, how, now)
        if isinstance(problem, Unclear):
            self._say(roll, Step.RETRYING, f"{problem}; looking before deciding again")
            return outcome.unclear(roll, action, now), False
        if isinstance(problem, Temporary) and not isinstance(problem, Expired):
            self._slow_down(problem)
            self._say(roll, Step.RETRYING, str(problem))
            return roll, False
        if problem is not None:
            return self._refused(roll, action, problem, now)
        roll = outcome.applied(roll, action, now, began)
        self._report(changes.of_action(action, roll, now), roll)
        return roll, roll.pending is None or bool(roll.pending.applied)

    def _send(self, roll: Roll, action: Action) -> None:
        if isinstance(action, Terminate):
            self._aws.terminate(action.instance, decrement=action.decrement)
        elif isinstance(action, SetDesired):
            self._aws.set_desired(roll.group, action.to)
        elif isinstance(action, SetMax):
            self._aws.set_max(roll.group, action.to)
        elif isinstance(action, Suspend):
            self._aws.suspend(roll.group, action.processes)
        elif isinstance(action, Resume):
            self._aws.resume(roll.group, action.processes)

    def _refused(self, roll: Roll, action: Action, exc: AwsError, now: float) -> tuple[Roll, bool]:
        """
        A denied call ends the roll; a refused one is tried on fresh views a few times, and so is
        one with credentials that were good for the view just before.
        """
        roll = roll.with_(refusals=roll.refusals + 1)
        self._say(roll, Step.RETRYING, str(exc))
        final = not isinstance(exc, (Refused, Expired))
        if not final and roll.refusals < MAX_REFUSALS:
            return roll, False
        if roll.phase is Phase.RESTORING:
            reason = "; ".join(filter(None, (roll.reason, f"not put back: {exc}")))
            sizes = isinstance(action, (Terminate, SetDesired))
            self._again = sizes
            return roll.with_(reason=reason, refusals=0, gave_up=roll.gave_up or sizes), not sizes
        if roll.terminations and self._policy.on_failure == "pause":
            return self._end(roll, Phase.HALTED, str(exc), now), False
        return self._restore(roll, Phase.HALTED, str(exc), now), False

    # --- ending

    def _heed_stop(self, roll: Roll, now: float) -> Roll:
        why = self._stop()
        if why is None or roll.phase is not Phase.ROLLING:
            return roll
        if self._policy.on_signal == "pause":
            return self._end(roll, Phase.STOPPED, f"paused by {why}", now)
        return self._restore(roll, Phase.STOPPED, f"stopped by {why}", now)

    def _heed_order(self, roll: Roll, world: World, now: float) -> Roll:
        """Do what a person has asked for with ``pause``, ``abort`` or ``approve``."""
        try:
            order = self._lease.order(world, roll)
        except MarkError as exc:
            self._say(roll, Step.WAITING, str(exc))
            return roll
        if order is None:
            return roll
        roll = roll.with_(heeded=order.text())
        if roll.phase is not Phase.ROLLING:
            self._emit(roll, Step.ORDERED, f"{order.what} by {order.by}: too late, it is ending")
            return roll
        if order.what == "approve":
            if roll.baking_since is None:
                self._emit(roll, Step.ORDERED, f"approval by {order.by}: nothing waits for one")
                return roll
            self._emit(roll, Step.ORDERED, f"approved by {order.by}")
            return roll.with_(approved=True)
        if order.what == "pause":
            return self._end(roll, Phase.STOPPED, f"paused by {order.by}", now)
        return self._restore(roll, Phase.STOPPED, f"aborted by {order.by}", now)

    def _restore(self, roll: Roll, how: Phase, reason: str, now: float) -> Roll:
        self._again = True
        roll = roll.with_(
            phase=Phase.RESTORING, outcome=how, reason=reason, restoring_since=now, refusals=0
        )
        self._emit(roll, Step.RESTORING, reason or "all replaced: putting sizes back")
        return roll

    def _end(self, roll: Roll, how: Phase, reason: str, now: float) -> Roll:
        self._again = False
        return roll.with_(phase=how, outcome=how, reason=reason or roll.reason, ended_at=now)

    # --- reporting

    def _cannot_see(self, roll: Roll, text: str) -> None:
        self._say(roll, Step.RETRYING, text)

    def _say(self, roll: Roll, step: Step, text: str) -> None:
        """Report a state of affairs once, not every turn."""
        if text != self._said:
            self._said = text
            self._emit(roll, step, text)

    def _emit(self, roll: Roll, step: Step, text: str, **data) -> None:
        self._report(Event(step, self._clock(), text, data), roll)
