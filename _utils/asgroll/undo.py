"""Rolling back: pin what ran before, and replace what is new by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from asgroll import launch, preflight, report, rollback, verbs
from asgroll.awslaunch import AwsLaunch
from asgroll.errors import Missing, NoWayBackError
from asgroll.master import Master
from asgroll.model import Roll
from asgroll.policy import Policy
from asgroll.values import Select


def roll(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Replace the selected instances; with ``on_failure: rollback`` go back when it fails."""
    if policy.on_failure == "rollback":
        _refuse_without_a_way_back(master, name, arn, policy, aws)
    return _or_back(verbs.roll(master, name, arn, policy, aws), master, name, arn, policy, aws)


def resume(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Go on with a roll; with ``on_failure: rollback`` go back when it fails."""
    return _or_back(verbs.resume(master, name, arn, policy, aws), master, name, arn, policy, aws)


def _or_back(
    answer: dict, master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch
) -> dict:
    """Where a roll has halted and may go back, do so; both are told, and the first one's code."""
    failed = answer["retcode"] == report.HALTED and answer["data"][name]["status"] == "halted"
    if policy.on_failure != "rollback" or not failed:
        return answer
    back = go_back(master, name, arn, policy, aws)
    answer["data"][f"{name} (rollback)"] = back["data"][name]
    return answer


def go_back(master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch) -> dict:
    """Pin what the group launched from before its last roll, and replace what is new."""
    with master.lock(arn, name):
        verbs.refuse_others(master, aws.group(name))
        known = verbs.last_roll(master, name, arn)
        if known is not None and (not known.phase.ended or report.leftovers(known)):
            old = known.with_(keep_old=True)
            ended = verbs.put_back(master, name, old, policy, aws, "before going back")
            if ended["retcode"]:
                return ended
        wanted = _policy_back(policy)
        found = preflight.assess(aws, name, wanted, master.now(), choosing=False)
        if found.obstacles:
            return verbs.refusal(name, found.obstacles)
        now = aws.launch(name)
        back = _targets(now, known, aws)
        aws.point(name, launch.repointed(now.settings, back))
        if launch.PREVIOUS_TAG in now.group.tags:
            aws.untag(name, [launch.PREVIOUS_TAG])
        return _replace_the_new(master, name, wanted, aws, back)


def _policy_back(policy: Policy) -> Policy:
    """
    The way back has no checkpoints and heeds no alarm: that one rings may be why it is taken, and
    where it ends has served before.
    """
    return replace(
        policy,
        select=Select("outdated"),
        on_failure="pause",
        alarms=(),
        canary=None,
        checkpoints=(),
        bake=0.0,
        approve="auto",
    )


def _replace_the_new(
    master: Master, name: str, policy: Policy, aws: AwsLaunch, back: Mapping[str, str]
) -> dict:
    pinned = f"{name} launches from {', '.join(sorted(back.values()))} again"
    found = preflight.assess(aws, name, policy, master.now())
    if found.obstacles:
        stuck = {"result": False, "status": "halted", "comment": pinned}
        return verbs.shape({name: stuck | {"obstacles": list(found.obstacles)}}, report.HALTED)
    if not found.choice.victims:
        comment = f"{pinned}; no instance was launched from anything else"
        return verbs.shape({name: {"result": True, "status": "done", "comment": comment}}, 0)
    begun = verbs.begin(found, master.now()).with_(rollback=True)
    return verbs.run(master, name, begun, policy, aws, (pinned, *found.warnings))


def _targets(now: launch.Launch, known: Roll | None, aws: AwsLaunch) -> dict[str, str]:
    """What to pin, all of it still there; raises NoWayBackError or Missing."""
    stands_for = {written: aws.resolve(written) for written in now.written}
    recorded = dict(zip(now.written, launch.previous(now), strict=False))
    back = rollback.targets(stands_for, rollback.ran_before(known), recorded)
    for spec in back.values():
        gone = aws.configuration(spec) is None if not now.templated else not aws.resolve(spec)
        if gone:
            raise Missing(f"the launch configuration {spec} does not exist any more")
    return back


def _refuse_without_a_way_back(
    master: Master, name: str, arn: str, policy: Policy, aws: AwsLaunch
) -> None:
    """A roll that promises to go back has to know where to, before it begins."""
    found = preflight.assess(aws, name, policy, master.now())
    if found.obstacles or not found.choice.victims:
        return  # the roll itself tells
    now = aws.launch(name)
    stands_for = {written: aws.resolve(written) for written in now.written}
    recorded = dict(zip(now.written, launch.previous(now), strict=False))
    ran = [victim.spec for victim in found.choice.victims.values()]
    try:
        rollback.targets(stands_for, ran, recorded)
    except NoWayBackError as exc:
        raise NoWayBackError(f"on_failure: rollback: {exc}; set on_failure: pause") from exc
