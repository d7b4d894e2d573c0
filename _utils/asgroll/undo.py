"""Rolling back: pin what ran before, and replace what is new by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from asgroll import launch, preflight, report, rollback, verbs, wayback
from asgroll.awslaunch import AwsLaunch
from asgroll.errors import AsgrollError, AwsError, NoWayBackError, Unclear
from asgroll.master import Master
from asgroll.model import Roll
from asgroll.policy import Policy
from asgroll.selection import OTHER_VERSION
from asgroll.values import Select


def roll(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Replace the selected instances; with ``on_failure: rollback`` go back when it fails."""
    return _or_back(verbs.roll(master, name, arn, policy, aws), master, name, arn, policy, aws)


def resume(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Go on with a roll; with ``on_failure: rollback`` go back when it fails."""
    known = verbs.last_roll(master, name, arn)
    if known is not None and known.rollback:
        policy = _policy_back(policy)
    elif known is not None and policy.on_failure == "rollback":
        ran, now = rollback.ran_before(known), master.now()
        problems, _ = wayback.against(name, ran, policy, aws, now, known.specs)
        if problems:
            return verbs.refusal(name, problems)
    return _or_back(verbs.resume(master, name, arn, policy, aws), master, name, arn, policy, aws)


def _or_back(
    answer: dict, master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch
) -> dict:
    """Where a roll has halted and may go back, do so; both are told, and the first one's code."""
    told = answer["data"][name]
    failed = answer["retcode"] == report.HALTED and told["status"] == "halted"
    if policy.on_failure != "rollback" or not failed:
        return answer
    if told.get("signal"):
        told["warnings"].append(f"not gone back by itself: {told['signal']} came meanwhile")
        return answer
    try:
        back = go_back(master, name, arn, policy, aws)
    except AsgrollError as exc:  # the report of the roll that failed has to be seen all the same
        back = verbs.refusal(name, [str(exc)])
    answer["data"][f"{name} (rollback)"] = back["data"][name]
    return answer


def go_back(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """
    Pin what the group launched from before its last roll, and replace what is new.

    It can die at any line: called again it goes on. What can be refused is refused before anything
    is changed; what fails later is told together with what was changed.
    """
    wanted = _policy_back(policy)
    with master.lock(arn, name):
        known = verbs.last_roll(master, name, arn)
        found = preflight.assess(aws, name, wanted, master.now(), choosing=False)
        found = preflight.with_marks(found, known, wanted, master.owner(), master.now())
        if found.obstacles:
            return verbs.refusal(name, found.obstacles)
        if known is not None and _on_its_way_back(known, found):
            return verbs.go_on(master, name, known, wanted, aws)
        way = _way_back(master, name, known, wanted, aws)
        done: list[str] = []
        if known is not None and (not known.phase.ended or report.leftovers(known)):
            why, keep = "before going back", not known.rollback
            ended = verbs.put_back(master, name, known, wanted, aws, why, keep_old=keep)
            if ended["retcode"] or ended["data"][name]["signal"]:
                return _not_gone_back(ended, name)
            done.append(f"roll {known.id} was aborted")
        try:
            if done:  # a while ago
                way = _way_back(master, name, known, wanted, aws)
            warnings = [*way.unknown, *way.notes, *_pin(name, way.now, way.back, aws, done)]
            return _replace_the_new(master, name, wanted, aws, done, warnings)
        except AsgrollError as exc:
            if not done:
                raise
            return _stuck(name, done, [str(exc)])


def _on_its_way_back(known: Roll, found: preflight.Assessment) -> bool:
    """Whether the last roll is a rollback that has not reached its end, and still could."""
    unfinished = not known.phase.ended or report.open_ended(known)
    return known.rollback and unfinished and set(known.specs) == set(found.specs)


def _not_gone_back(ended: dict, name: str) -> dict:
    """The answer when the roll before was to be aborted, and that is all that was done."""
    told, code = ended["data"][name], ended["retcode"]
    if not code:  # all is put back, but a signal came meanwhile
        told |= {"result": False, "reason": f"stopped by {told['signal']}, not gone back yet"}
    told["next"] = told.get("next") or f"`salt-run asgcycle.rollback {name}` goes back"
    return verbs.shape({name: told}, code or report.STOPPED)


def _stuck(name: str, done: list[str], obstacles: list[str]) -> dict:
    """The answer when something speaks against going on after something was changed."""
    told = {"result": False, "status": "halted", "comment": "; ".join(done)}
    told["obstacles"] = obstacles
    told["next"] = f"`salt-run asgcycle.rollback {name}` goes on"
    return verbs.shape({name: told}, report.HALTED)


def _pin(
    name: str, now: launch.Launch, back: Mapping[str, str], aws: AwsLaunch, done: list[str]
) -> list[str]:
    """Make the group launch from what ran before; returns warnings."""
    settings = launch.repointed(now.settings, back)
    pinned = f"launches from {', '.join(replace(now, settings=settings).written)} again"
    if back:
        try:
            aws.point(name, settings)
        except Unclear:
            done.append(f"it is not known whether {name} {pinned}")
            raise
    done.append(f"{name} {pinned}")
    if launch.PREVIOUS_TAG in now.group.tags:
        try:
            aws.untag(name, [launch.PREVIOUS_TAG])
        except AwsError as exc:
            return [f"the tag {launch.PREVIOUS_TAG} stays, it is outdated: {exc}"]
    return []


def _policy_back(policy: Policy) -> Policy:
    """
    The way back has no checkpoints and heeds no alarm: that one rings may be why it is taken, and
    where it ends has served before. Nor does it matter that nobody serves now.
    """
    return replace(
        policy,
        select=Select(OTHER_VERSION),
        on_failure="pause",
        alarms=(),
        canary=None,
        checkpoints=(),
        bake=0.0,
        approve="auto",
        accept=(*policy.accept, "nobody-serves", "zonal-shift"),
    )


def _replace_the_new(
    master: Master,
    name: str,
    policy: Policy,
    aws: AwsLaunch,
    done: list[str],
    warnings: list[str],
) -> dict:
    found = preflight.assess(aws, name, policy, master.now())
    if found.obstacles:
        return _stuck(name, done, list(found.obstacles))
    if not found.choice.victims:
        comment = f"{'; '.join(done)}; no instance was launched from anything else"
        told = {"result": True, "status": "done", "comment": comment, "warnings": warnings}
        return verbs.shape({name: told}, report.DONE)
    begun = verbs.begin(found, master.now()).with_(rollback=True)
    return verbs.run(master, name, begun, policy, aws, (*done, *warnings, *found.warnings))


def _way_back(
    master: Master, name: str, known: Roll | None, policy: Policy, aws: AwsLaunch
) -> wayback.Way:
    """
    How the group launches now, and what to pin, as far as it is known still there.

    :raises NoWayBackError: nothing is known to go back to, or it cannot be launched any more.
    :raises Taken: another master has the lease of the group.
    """
    now = aws.launch(name)
    verbs.refuse_others(master, now.group)
    rolled_out = known.specs if known is not None else ()
    ran = rollback.ran_before(known)
    way = wayback.find(aws, now, ran, policy, master.now(), rolled_out)
    if way.obstacles:
        raise NoWayBackError("; ".join(way.obstacles))
    return way
