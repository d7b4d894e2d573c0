"""
What each function of the runner does: validate, wire, call, shape the answer.

Every verb takes the ``Master`` first and answers ``{"data": {group: {"result": bool, …}},
"outputter": "asgcycle", "retcode": n}``, which salt-run, orchestration and the job cache all
understand. Whatever a user can cause becomes a message and exit code 2.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from asgroll import inform, marks, preflight, publishing, report, skipping, wayback
from asgroll.awslaunch import AwsLaunch
from asgroll.engine import Engine
from asgroll.errors import AsgrollError, AwsError, JournalError, MarkError, PolicyError, Taken
from asgroll.events import OUTPUTTER
from asgroll.master import Master
from asgroll.model import Phase, Roll
from asgroll.policy import SECTIONS, Policy
from asgroll.recovery import recovered
from asgroll.stopping import EndedAtOnce, StopSignals
from asgroll.world import Group

#: One group's work: ``work(master, group, arn, policy, aws)`` → an answer.
Work = Callable[[Master, str, str, Policy, AwsLaunch], dict]


def refusal(name: str, problems) -> dict:
    """The answer when nothing was changed, with every reason."""
    data = {"result": False, "status": "refused", "obstacles": list(problems)}
    return shape({name or "asgcycle": data}, report.REFUSED)


def shape(data: Mapping[str, Any], code: int) -> dict:
    """What salt-run, orchestration and the job cache all understand (see ``state.orchestrate``)."""
    return {"data": data, "outputter": OUTPUTTER, "retcode": code}


def of_group(
    master: Master,
    group: Any,
    extra: tuple,
    arguments: Mapping[str, Any],
    work: Work,
    *,
    choosing: bool = True,
) -> dict:
    """
    Do ``work`` on one group with its policy from pillar and arguments.

    :param choosing: False where the instances to replace are not for the caller to choose.
    """
    name = "" if group is None else str(group).strip()
    problems = []
    if not choosing and "select" in arguments:
        problems.append("select: the instances to replace are known already; leave it out")
    if not name:
        problems.append("give the name of an Auto Scaling Group, like: salt-run asgcycle.roll web")
    if extra:
        given = " ".join(map(str, extra))
        problems.append(f"one group, then key=value pairs; {given!r} is not understood")
    problems += [
        f"{key}: is set in pillar only; `asgcycle.user_data` shows what another value would give"
        for key in SECTIONS
        if key in arguments
    ]
    try:
        policy = master.policy(name, arguments)
    except PolicyError as exc:
        return refusal(name, [*problems, *exc.problems])
    if problems:
        return refusal(name, problems)
    try:
        aws = master.aws(policy)
        arn = aws.identify(name)
        return work(master, name, arn, policy, aws)
    except PolicyError as exc:
        return refusal(name, exc.problems)
    except AsgrollError as exc:
        return refusal(name, [str(exc)])


def inventory(master: Master, extra: tuple, arguments: Mapping[str, Any]) -> dict:
    """The groups of the region."""
    if extra:
        given = " ".join(map(str, extra))
        return refusal("", [f"list takes key=value pairs only; {given!r} is not understood"])
    try:
        chosen = master.policy("", arguments)
        found = inform.inventory(master.aws(chosen))
    except PolicyError as exc:
        return refusal("", exc.problems)
    except AsgrollError as exc:
        return refusal("", [str(exc)])
    return shape(found or {"asgcycle": {"result": True, "comment": "no group here"}}, 0)


def history(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """The rolls of a group that have ended, newest first."""
    rolls = [inform.in_brief(kept) for kept in master.journal().history(arn, name)]
    comment = "" if rolls else f"no roll of {name} has ended yet"
    return shape({name: {"result": True, "comment": comment, "rolls": rolls}}, 0)


def closing_report(roll_id: str | None) -> Work:
    """The closing report of one roll that has ended, by default the last."""

    def work(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
        kept = master.journal().history(arn, name)
        found = [r for r in kept if roll_id in (None, r["roll_id"])]
        if found:
            return shape({name: {**found[0], "next": ""}}, 0)
        have = ", ".join(r["roll_id"] for r in kept[:5]) or "none"
        asked = f"roll {roll_id}" if roll_id else "any roll"
        return refusal(name, [f"no report of {asked} of {name} is kept (there: {have})"])

    return work


def _assess(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch):
    """What is found before starting, an earlier roll that left something behind included."""
    found = preflight.assess(aws, name, policy, master.now())
    found = wayback.promised(found, name, policy, aws, master.now())
    earlier = master.journal().load(arn, name)
    with contextlib.suppress(Taken, MarkError):  # `with_marks` tells; nobody shall abort that one
        if found.world is not None:
            refuse_others(master, found.world.group)
        found = preflight.with_earlier(found, earlier)
    found = preflight.with_marks(found, earlier, policy, master.owner(), master.now())
    skips = found.world and skipping.told(found.world.group, master.now())
    told = (skips,) if skips else ()
    return replace(found, warnings=(*told, *found.warnings, *cautions(master, name, aws)))


def cautions(master: Master, name: str, aws: AwsLaunch) -> list[str]:
    """What is not as pillar says about what new instances boot with; asks once, before a roll."""
    try:
        wanted = master.user_data(name)
        said = publishing.caution(aws, name, wanted.content) if wanted else ""
        return [said] if said else []
    except PolicyError as exc:
        return [f"the user data in pillar cannot be made: {problem}" for problem in exc.problems]
    except AwsError as exc:
        return [f"whether the group's user data is what pillar says is not known: {exc}"]


def last_roll(master: Master, name: str, arn: str) -> Roll | None:
    """The last roll of this very group; one of the same name that was deleted does not count."""
    known = master.journal().load(arn, name)
    return known if known is not None and known.arn == arn else None


def plan(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Show what a roll would do."""
    if master.locked(arn, name):
        return refusal(name, [f"{name} is being rolled now; see `salt-run asgcycle.status {name}`"])
    found = _assess(master, name, arn, policy, aws)
    planned = None if found.obstacles else preflight.begin(found, "planned", master.now())
    data, code = inform.plan(name, found, planned, policy)
    return shape({name: data}, code)


def roll(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Replace the selected instances."""
    with master.lock(arn, name):
        found = _assess(master, name, arn, policy, aws)
        if found.obstacles:
            return refusal(name, found.obstacles)
        if not found.choice.victims:
            comment = "nothing to replace: no instance is selected"
            return shape({name: {"result": True, "status": "done", "comment": comment}}, 0)
        begun = begin(found, master.now())
        return run(master, name, begun, policy, aws, found.warnings)


def begin(found: preflight.Assessment, now: float) -> Roll:
    """A new roll, under an id that YAML cannot take for a number."""
    return preflight.begin(found, f"r{uuid.uuid4().hex[:11]}", now)


def resume(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Go on with a roll that was paused or interrupted."""
    with master.lock(arn, name):
        known = last_roll(master, name, arn)
        if known is None or (known.phase.ended and not report.open_ended(known)):
            return refusal(name, [f"{name} has no roll that could go on"])
        found = preflight.assess(aws, name, policy, master.now(), choosing=False)
        if found.obstacles:
            return refusal(name, found.obstacles)
        refuse_others(master, found.world.group)  # the roll itself looks only with `lease: true`
        return go_on(master, name, known, policy, aws)


def go_on(master: Master, name: str, known: Roll, policy: Policy, aws: AwsLaunch) -> dict:
    """Take a roll up again under the lock that the caller holds."""
    return run(master, name, known.reopened(Phase.ROLLING, master.now()), policy, aws)


def pause(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Ask a running roll, on whatever master, to stop and keep what capacity it has added."""
    return _ask(master, name, arn, aws, "pause")


def approve(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Let a roll that waits at a checkpoint go on."""
    return _ask(master, name, arn, aws, "approve")


def _ask(master: Master, name: str, arn: str, aws: AwsLaunch, what: str) -> dict:
    """Write an order on the group; the roll reads it with its next observation."""
    held = marks.claim(aws.group(name))
    now = master.now()
    if held is None or held.until <= now:
        if master.locked(arn, name):
            problem = (
                f"a process on this master works on {name} and has no lease (lease: false, or it "
                f"has just begun), so it cannot be told to {what}: Ctrl-C or SIGTERM stops it"
            )
            return refusal(name, [problem])
        return refusal(
            name,
            [
                f"no roll with a lease works on {name} now, so there is nobody to {what}; see "
                f"`salt-run asgcycle.status {name}`"
            ],
        )
    order = marks.Order(what, held.roll, marks.plain(master.user()), now)
    aws.tag(name, {marks.ORDER: order.text()})
    comment = (
        f"{what} was asked of roll {held.roll} on {held.owner}, which sees it with its next look "
        f"at the group; `salt-run asgcycle.status {name}` there tells"
    )
    return shape({name: {"result": True, "status": "asked", "comment": comment}}, 0)


def _at_work(master: Master, name: str, arn: str, aws: AwsLaunch) -> bool:
    """Whether a process with a lease works on the group now, here or on another master."""
    held = marks.claim(aws.group(name))
    if held is None or held.until <= master.now():
        return False
    # a lease of ours that nobody here holds the lock for is that of a process that died
    return master.locked(arn, name) or held.owner != owner_of(master)


def abort(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """End a roll, running or not, and put back what it changed."""
    if _at_work(master, name, arn, aws):
        return _ask(master, name, arn, aws, "abort")
    with master.lock(arn, name):
        known = last_roll(master, name, arn)
        if known is None or (known.phase.ended and not report.leftovers(known)):
            return refusal(name, [f"{name} has no roll that left anything to put back"])
        return put_back(master, name, known, policy, aws, "aborted by a person")


def recover(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Put back what a roll has changed, from the group's own tags, when its journal is lost."""
    with master.lock(arn, name):
        world = aws.observe(name, master.now())
        refuse_others(master, world.group)
        due = marks.due(world.group)
        if due is None or due.nothing or due.roll == _settled(master, name, arn):
            return _tidy(name, world.group, aws)
        if _remembers(master, name, arn, due.roll):
            problem = f"the journal here knows roll {due.roll}: "
            return refusal(name, [problem + f"use `salt-run asgcycle.abort {name}`"])
        ending = recovered(world, due, aws.launch_times(world.instances), master.now())
        # nothing of the roll is known but these marks: who serves, serves
        return _ending(master, name, ending, replace(policy, healthy_for=0.0), aws)


def _tidy(name: str, group: Group, aws: AwsLaunch) -> dict:
    """Delete the tags of a roll that has died with nothing left to put back."""
    left = [key for key in marks.OWN if key in group.tags]
    if not left:
        return refusal(name, [f"{name} carries no marks of a roll: nothing to put back"])
    aws.untag(name, left)
    comment = f"nothing was left to put back; deleted the outdated tags {', '.join(left)}"
    return shape({name: {"result": True, "status": "done", "comment": comment}}, report.DONE)


def _remembers(master: Master, name: str, arn: str, roll_id: str) -> bool:
    try:
        known = last_roll(master, name, arn)
    except JournalError:
        return False  # damaged: that is what the marks are for
    return known is not None and known.id == roll_id


def owner_of(master: Master) -> str:
    """Who we are, as a lease says it."""
    return marks.plain(master.owner())


def refuse_others(master: Master, group: Group) -> None:
    """Raise Taken when another master has the lease of a group; the lock tells of our own."""
    held = marks.claim(group)
    if held and held.until > master.now() and held.owner != owner_of(master):
        raise Taken(marks.taken(held, group.name, master.now()))


def put_back(
    master: Master,
    name: str,
    known: Roll,
    policy: Policy,
    aws: AwsLaunch,
    why: str,
    *,
    keep_old: bool = False,
) -> dict:
    """
    End a roll that is not running, and put back what it changed.

    :param keep_old: what is too much goes from the replacements, not from the victims.
    """
    ending = known.reopened(Phase.RESTORING, master.now(), why).with_(keep_old=keep_old)
    return _ending(master, name, ending, policy, aws)


def _ending(master: Master, name: str, ending: Roll, policy: Policy, aws: AwsLaunch) -> dict:
    answer = run(master, name, ending, policy, aws)
    told = answer["data"][name]
    if told["status"] != "interrupted" and not told.get("left_changed"):
        answer["data"][name]["result"], answer["retcode"] = True, 0
    return answer


def run(
    master: Master, name: str, begun: Roll, policy: Policy, aws: AwsLaunch, warnings: tuple = ()
) -> dict:
    """Drive the engine with real time, real signals, the journal and the event bus."""
    settled = _settled(master, name, begun.arn)
    begun = begun.with_(owner=owner_of(master))
    with StopSignals() as stop, master.bus(policy) as bus:
        engine = Engine(
            aws,
            master.journal(),
            policy,
            clock=master.steady_clock(),
            sleep=stop.sleep,
            report=bus.report,
            stop=stop.why,
            lease=master.lease(aws, policy, stop.sleep, settled),
        )
        try:
            ended = engine.run(begun)
        except EndedAtOnce as exc:
            return _ended_at_once(master, begun, str(exc))
    evidence = inform.evidence(aws, ended)
    data = report.summary(ended, policy, aws.calls, master.now())
    data["warnings"] = [*warnings, *filter(None, [engine.leftover])]
    data["turns"] = engine.turns
    data["signal"] = stop.why()
    data["next"] = inform.next_step(ended)
    try:
        if not engine.overtaken:  # then the report is the other's
            master.journal().archive(ended, data)
    except JournalError as exc:
        data["warnings"].append(f"this report is not kept: {exc}")
    data["evidence"] = evidence  # may show what is not for everybody: not kept
    return shape({name: data}, report.exit_code(ended))


def _settled(master: Master, name: str, arn: str) -> str:
    """The last roll's id when it has put everything back, whatever its tag may still say."""
    try:
        last = last_roll(master, name, arn)
    except JournalError:
        return ""  # damaged: then the marks are what counts
    over = last is not None and last.phase.ended and not report.leftovers(last)
    return last.id if over else ""


def _ended_at_once(master: Master, begun: Roll, signal: str) -> dict:
    """The answer after a second signal: what the journal knows, as a next process finds it."""
    data = {"result": False, "status": "interrupted"}
    reason = f"ended at once by a second signal ({signal})"
    try:
        known = last_roll(master, begun.group, begun.arn)
    except JournalError as exc:
        reason += f"; what it has left is not known: {exc}"
    else:
        if known is not None and known.id == begun.id:
            data = inform.status(known, running=False)
        else:  # not even begun
            data["status"], reason = "stopped", f"{reason}, before anything was changed"
    data |= {"result": False, "reason": reason, "signal": signal}
    return shape({begun.group: data}, report.STOPPED)
