"""
Decides what to do next. Pure: ``plan(world, roll, policy, now) -> list[Action]``.

A sliding window by relative accounting. With *live* the desired capacity as the outside world
wants it, *alive* the capacity of the victims still in the group, S the surge and U
``max_unavailable``:

* the desired capacity wanted at any moment is ``live + min(S, alive)``: raised by SetDesired,
  lowered only by terminating an instance of our choice with decrement;
* a victim may go while what serves without it is at least ``live − U``;
* no barrier: every turn uses whatever capacity has become ready. Only a checkpoint that the
  policy asks for is one: up to it the roll works as if the later victims were none.
"""

from __future__ import annotations

from asgroll import steps
from asgroll.accounting import unsettled
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
from asgroll.book import Book, count, hold_back, order, protected_since
from asgroll.gates import lost, unused
from asgroll.model import Cause, Phase, Replacement, Roll
from asgroll.policy import Policy
from asgroll.tracker import describe
from asgroll.values import format_duration
from asgroll.world import World


def plan(world: World, roll: Roll, policy: Policy, now: float) -> list[Action]:
    """
    What to do after this observation, in order; empty once the roll has ended.

    :param world: one observation, already folded into ``roll``.
    :param now: seconds since the epoch.
    :return: actions; the caller stops at the first one whose call does not clearly succeed.
    """
    if roll.phase.ended:
        return []
    if world.group.deleting:
        return [Finish(Phase.HALTED, f"the group is being deleted ({world.group.status})")]
    unsure = unsettled(roll, world.group)
    if unsure:
        return [Wait(unsure)]
    book = count(world, roll, policy, now)
    if roll.phase is Phase.RESTORING:
        return _restore(world, roll, policy, book, now)
    hold_back(book, roll, policy)
    if roll.idle_since is not None and now - roll.idle_since < policy.settle_time:
        return [Wait(f"to be sure that {_idle(world)} gets no traffic any more")]
    if roll.lost_since is not None and now - roll.lost_since < policy.settle_time:
        return [Wait(f"to be sure that {_lost(world, roll)} is not the group's any more")]
    halt = _halt_reason(world, roll, policy, now)
    if halt:
        ends_here = policy.on_failure == "pause"
        return [(Finish if ends_here else Restore)(Phase.HALTED, halt)]
    actions = [*_prepare(world, roll, policy, book), *_clear_failed(world, roll, policy)]
    actions += _replace(roll, policy, book, actions)
    return actions or _wait_or_end(world, roll, policy, book, now)


def _wait_or_end(world: World, roll: Roll, policy: Policy, book: Book, now: float) -> list[Action]:
    waiting = _waiting_for(world, roll, policy, book)
    if waiting:
        return [Wait(waiting)]
    if roll.delta and not (book.victims or book.later):
        return _shed(world, roll, policy, book, now) or [Wait("for the surplus to be removable")]
    dark = _dark(roll)
    if dark:
        return [Wait(f"for {', '.join(sorted(dark))} to serve again")]
    late = [t.id for t in roll.terminations.values() if t.gone_at is None]
    if late:
        return [Restore(Phase.HALTED, f"still in the group after drain_timeout: {', '.join(late)}")]
    if book.later:
        return [_at_checkpoint(world, roll, policy, book, now)]
    if book.spared:
        named = ", ".join(book.spared)
        return [Restore(Phase.DONE, f"left alone, parked or protected meanwhile: {named}")]
    old = _still_old(world, roll)
    if old:
        return [Restore(Phase.HALTED, f"still of the kind that was to be replaced: {old}")]
    return [Restore(Phase.DONE, "")]


def _dark(roll: Roll) -> dict[str, float]:
    """Replacements that were ready and do not serve any more, and since when."""
    return {
        key: since
        for key, since in roll.not_serving.items()
        if key in roll.replacements and roll.replacements[key].ready_at is not None
    }


def _still_old(world: World, roll: Roll) -> str:
    """
    Members that are no victims and run what only victims ran: missing from the answer by which the
    set was chosen, or launched after somebody has turned back what the group launches from.
    """
    replaced = {victim.spec for victim in roll.victims.values()} - set(roll.specs)
    found = [
        f"{key} ({known.spec})"
        for key, known in roll.replacements.items()
        if key in world.instances and known.gone_at is None and known.spec in replaced
    ]
    return ", ".join(found) if roll.specs else ""


def _at_checkpoint(world: World, roll: Roll, policy: Policy, book: Book, now: float) -> Action:
    limit, _ = steps.current(roll, policy)
    manual = policy.approve == "manual"
    approval = f"`salt-run asgcycle.approve {roll.group}`"
    if roll.baking_since is None:
        reached = f"checkpoint: {limit} of {len(roll.victims)} replaced"
        return Bake(f"{reached}, to be approved with {approval}" if manual else reached)
    if now - roll.baking_since < policy.bake:
        return Wait(f"for the checkpoint at {limit} to bake for {format_duration(policy.bake)}")
    uneasy = [f"{name} is {state}" for name, state in world.alarms.items() if state != "OK"]
    if uneasy:
        return Wait(f"at the checkpoint for the alarms to be OK: {', '.join(uneasy)}")
    if manual and not roll.approved:
        return Wait(f"for approval: {approval}")
    return Proceed(f"checkpoint passed, {book.later} more to replace")


# --- rolling -------------------------------------------------------------------------------------


def _halt_reason(world: World, roll: Roll, policy: Policy, now: float) -> str:
    if world.refresh:
        return (
            f"instance refresh {world.refresh} replaces instances of this group as well; wait for "
            "its end or cancel it"
        )
    if roll.idle_since is not None:
        return (
            f"no listener forwards to {_idle(world)} any more (Target.NotInUse): nobody can be "
            "seen to serve there; attach one, or detach it from the group"
        )
    if roll.lost_since is not None:
        return (
            f"{_lost(world, roll)} is not the group's any more, and told who is ready; attach it "
            "again, or resume if that was meant"
        )
    forgiven = roll.forgiven if policy.count_failures == "consecutive" else 0
    failures = [failure for failure in roll.failures[forgiven:] if not failure.made_up]
    counted = len(failures)
    if counted > policy.max_failures.units(len(roll.victims), 1, up=False):
        last = failures[-1]
        row = " in a row" if policy.count_failures == "consecutive" else ""
        return (
            f"{counted} failures{row}, {policy.max_failures} allowed; "
            f"the last: {last.what}: {last.why}"
        )
    dark = {key: since for key, since in _dark(roll).items() if now - since > policy.ready_timeout}
    if dark:
        for_ = format_duration(policy.ready_timeout)
        return f"replaced, but not serving any more for {for_}: {', '.join(sorted(dark))}"
    alarmed = [name for name, state in world.alarms.items() if state == "ALARM"]
    if alarmed:
        return f"in state ALARM: {', '.join(alarmed)}"
    if roll.baking_since is not None:
        return ""
    limit = policy.ready_timeout + policy.drain_timeout
    if now - roll.progress_at > limit:
        return f"no progress for {format_duration(limit)} (ready_timeout + drain_timeout)"
    return ""


def _idle(world: World) -> str:
    return ", ".join(sorted(unused(world)))


def _lost(world: World, roll: Roll) -> str:
    return ", ".join(sorted(lost(world, roll.tellers or ())))


def _prepare(world: World, roll: Roll, policy: Policy, book: Book) -> list[Action]:
    """Suspend what should be suspended, make headroom, raise the desired capacity."""
    if not book.victims:
        return _give_back(world, roll)
    actions: list[Action] = []
    missing = [p for p in policy.suspend if p not in world.group.suspended]
    if missing:
        actions.append(Suspend(tuple(missing)))
    wanted = book.live + min(book.surge, book.alive)
    if wanted > world.group.max_size:
        actions.append(SetMax(wanted))
    if wanted > roll.expected_desired:
        actions.append(SetDesired(before=roll.expected_desired, to=wanted))
    return actions


def _give_back(world: World, roll: Roll) -> list[Action]:
    """What a change of ours has taken from what others had set meanwhile."""
    if roll.delta >= 0:
        return []
    raised = [SetMax(roll.live)] if roll.live > world.group.max_size else []
    return [*raised, SetDesired(before=roll.expected_desired, to=roll.live)]


def _clear_failed(world: World, roll: Roll, policy: Policy) -> list[Action]:
    """
    A replacement past its deadline is terminated; the group launches another one by itself. One
    that serves after all may go on to be ready.
    """
    return [
        Terminate(key, known.weight, False, Cause.FAILED, "did not become ready in time")
        for key, known in roll.replacements.items()
        if known.failed_at is not None
        and known.healthy_since is None
        and not known.settled
        and key not in roll.terminations
        and key in world.instances
        and not protected_since(world.instances[key], roll, policy)
    ]


def _replace(roll: Roll, policy: Policy, book: Book, planned: list[Action]) -> list[Action]:
    """Terminate as many victims as the floor allows, those that do not serve first."""
    delta = roll.delta + sum(a.to - a.before for a in planned if isinstance(a, SetDesired))
    alive = book.alive
    spare = book.serving - book.extra - book.floor
    # Capacity on its way: what the group wants but does not have ready. A victim that does not
    # serve costs nothing, but replacing all of them at once would bet the group on one health
    # check; so they share the window with the others.
    settled = book.held - book.extra - book.unready
    window = book.surge + (book.live - book.floor) - (book.live + delta - settled)
    actions: list[Action] = []
    for victim in order(book, roll, policy):
        weight = victim.weight
        costly = victim.id in book.costly_ids
        if (spare if costly else window) < weight or victim.id in book.leaving_anyway:
            continue
        surplus = delta - min(book.surge, alive - weight)
        decrement = surplus >= weight
        why = "" if costly else f"did not serve: {describe(victim)}"
        actions.append(Terminate(victim.id, weight, decrement, Cause.VICTIM, why))
        alive -= weight
        if costly:
            spare -= weight
        if decrement:
            delta -= weight
        else:
            window -= weight
    return actions + _standby(book)


def _standby(book: Book) -> list[Action]:
    return [Terminate(i.id, i.weight, False, Cause.VICTIM, "was in Standby") for i in book.standby]


def _waiting_for(world: World, roll: Roll, policy: Policy, book: Book) -> str:
    """What the roll still waits for, in words; empty when nothing is left to wait for."""
    pending = [r for r in roll.replacements.values() if not r.settled]
    if pending:
        return _say_unready(world, pending)
    if roll.missing:
        return f"to be sure that {', '.join(roll.missing)} has left the group"
    if world.capacity < roll.expected_desired:
        return f"for the group to launch: it has {world.capacity} of {roll.expected_desired}"
    if book.victims:
        return (
            f"for capacity: {book.serving} serving, {book.floor} needed, "
            f"{len(book.victims)} still to replace"
        )
    leaving = [t for t in roll.terminations.values() if t.gone_at is None and not t.overdue]
    if leaving:
        first = world.instances.get(leaving[0].id)
        state = first.lifecycle if first else "leaving"
        return f"for {len(leaving)} to leave the group: {leaving[0].id} is {state}"
    return ""


def _say_unready(world: World, pending: list[Replacement]) -> str:
    first = pending[0]
    instance = world.instances.get(first.id)
    state = describe(instance) if instance else "not listed"
    return f"for {len(pending)} new to be ready: {first.id}: {state}"


# --- restoring -----------------------------------------------------------------------------------


def _restore(world: World, roll: Roll, policy: Policy, book: Book, now: float) -> list[Action]:
    """Give back our share of the desired capacity, then MaxSize, then the processes."""
    waited = 0.0 if roll.restoring_since is None else now - roll.restoring_since
    if waited > 2 * policy.ready_timeout:
        return [Finish(roll.outcome, _leftover(roll))]
    if roll.delta < 0:
        return _give_back(world, roll)
    if roll.delta:
        if roll.gave_up or waited > policy.ready_timeout:
            return [*put_back(roll), Finish(roll.outcome, _leftover(roll))]
        return _shed(world, roll, policy, book, now) or [
            Wait(f"to give back {roll.delta} of the desired capacity")
        ]
    return [*put_back(roll), Finish(roll.outcome, roll.reason)]


def _leftover(roll: Roll) -> str:
    left = "not everything could be put back"
    return f"{roll.reason}; {left}" if roll.reason else left


def put_back(roll: Roll) -> list[Action]:
    """
    What can be put back without looking: the suspended processes, and MaxSize, also where an answer
    that lags behind our raise shows it untouched. Not while our share of the desired capacity is
    still in place: AWS would choose whom to terminate.
    """
    actions: list[Action] = []
    if roll.max_set is not None and not roll.delta:
        actions.append(SetMax(max(roll.max_size, roll.expected_desired), restore=True))
    if roll.suspended:
        actions.append(Resume(tuple(sorted(roll.suspended))))
    return actions


def _shed(world: World, roll: Roll, policy: Policy, book: Book, now: float) -> list[Action]:
    """
    Lower the desired capacity by our share without letting AWS choose whom to terminate: first
    what does not serve yet, then victims, then, where none of them fits, the newest of what we
    launched.
    """
    delta, spare = roll.delta, book.serving - book.extra - book.floor
    actions: list[Action] = []
    for instance, serving, cause in _shed_candidates(world, roll, policy, book):
        if instance.weight > delta or (serving and instance.weight > spare):
            continue
        why = "no longer needed" if cause is Cause.SURPLUS else ""
        actions.append(Terminate(instance.id, instance.weight, True, cause, why))
        delta -= instance.weight
        spare -= instance.weight if serving else 0
    if actions:
        return actions
    # One settle_time for AWS to launch, another for its answers to show it: lowered while a launch
    # is under way or owed, the group would terminate one of AWS's choice.
    launches_nothing = _owes_nothing_for(roll, now) >= 2 * policy.settle_time
    nothing_to_choose = book.held <= book.live and launches_nothing
    smaller_than_any = book.held and delta < min(
        i.weight for i in world.instances.values() if i.holds_capacity
    )
    if nothing_to_choose or smaller_than_any:
        return [SetDesired(before=roll.expected_desired, to=book.live)]
    return []


def _shed_candidates(world: World, roll: Roll, policy: Policy, book: Book):
    new = sorted(
        (r for r in roll.replacements.values() if r.gone_at is None and r.id in world.instances),
        key=lambda r: (r.seen_at, r.id),
        reverse=True,
    )
    new = [
        r
        for r in new
        if r.id not in roll.terminations
        and not protected_since(world.instances[r.id], roll, policy)
    ]
    short = book.serving < book.floor  # then what serves, though not yet for healthy_for, stays
    for known in new:
        if known.ready_at is None and not (short and known.healthy_since is not None):
            yield world.instances[known.id], False, Cause.SURPLUS
    for victim in () if roll.keep_old else order(book, roll, policy):
        if victim.id not in book.leaving_anyway:
            yield victim, victim.id in book.costly_ids, Cause.VICTIM
    # in a weighted group every victim that is left may be more than our share
    if roll.keep_old or all(victim.weight > roll.delta for victim in book.victims):
        for known in new:
            if known.ready_at is not None:
                yield world.instances[known.id], known.id in book.costly_ids, Cause.SURPLUS


def _owes_nothing_for(roll: Roll, now: float) -> float:
    """
    Seconds for which AWS has launched nothing although the group is short. What it replaces one of
    ours by may come only once that has gone: no source says when.
    """
    if roll.short_since is None:
        return 0.0
    replaced = [term for term in roll.terminations.values() if not term.decrement]
    if any(term.gone_at is None for term in replaced):
        return 0.0
    return now - max([roll.short_since, *(term.gone_at for term in replaced)])
