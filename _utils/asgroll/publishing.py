"""
Publishing user data: a new launch template version, and the group pinned to it.

``assess`` reads and decides (through ``asgroll.launch``), ``publish`` carries it out. It can die at
any line: what is already there is found and used by the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from asgroll import launch
from asgroll.awslaunch import AwsLaunch
from asgroll.errors import AsgrollError, AwsError, Unclear
from asgroll.launch import Launch, Publication, Source, Step
from asgroll.policy import Policy
from asgroll.report import DONE, HALTED, REFUSED

T = TypeVar("T")


class Overtaken(AsgrollError):
    """Somebody else has changed what the group launches from."""


def assess(aws: AwsLaunch, name: str, content: bytes) -> tuple[Launch | None, Publication]:
    """
    Read all that a publish depends on and decide; changes nothing.

    :param content: the user data, raw.
    :return: how the group launches now (None when that cannot be read), and what would be done.
        A call that fails becomes an obstacle with its reason.
    """
    failed: list[str] = []
    try:
        found = aws.launch(name)
    except AwsError as exc:
        return None, Publication(obstacles=(str(exc),))
    try:
        refresh = aws.active_refresh(name)
        if refresh:
            failed.append(
                f"instance refresh {refresh} may set what the group launches from when it ends; "
                "wait for its end or cancel it"
            )
    except AwsError as exc:
        failed.append(str(exc))
    try:
        sources = aws.sources(found)
        made = {
            source.spec: other
            for source in sources.values()
            if not launch.same(source.user_data, content)
            and (other := aws.alternatives(source, content))
        }
    except AwsError as exc:
        failed.append(str(exc))
        sources, made = {}, {}
    decided = launch.decide(found, sources, made, content)
    return found, replace(decided, obstacles=(*decided.obstacles, *failed))


def publish(
    aws: AwsLaunch,
    name: str,
    content: bytes,
    policy: Policy,
    sleep: Callable[[float], None],
    *,
    test: bool = False,
) -> tuple[dict[str, Any], int]:
    """
    Make the group launch with this user data.

    :param content: the user data, raw.
    :param policy: ``settle_time`` and ``poll_interval`` say how long AWS's answers may lag behind.
    :param test: only say what would be done, with a diff.
    :return: flat keys, and the exit code: 0 done (or nothing to do), 2 refused and the group is as
        it was, 3 it is not known, or not us, what the group launches from now.
    """
    found, decided = assess(aws, name, content)
    data = _told(found, decided, content)
    if decided.obstacles or found is None:
        return {**data, "result": False, "status": "refused"}, REFUSED
    if not decided.changes:
        data["comment"] = f"{', '.join(data['to_specs'])} has this user data already"
        return {**data, "status": "unchanged"}, DONE
    if test:
        sources = [step.source for step in decided.steps]
        return {**data, "status": "planned", "diff": launch.difference(sources, content)}, DONE
    act = _Act(aws, found, decided, content, policy, sleep)
    try:
        data["to_specs"] = act.run()
    except AwsError as exc:
        data |= {"result": False, "obstacles": [str(exc)], "left": act.left()}
        if act.unsure:
            return {**data, "status": "unclear", "next": _again(name)}, HALTED
        return {**data, "status": "refused"}, REFUSED
    except Overtaken as exc:
        data |= {"result": False, "obstacles": [str(exc)], "left": act.left()}
        status, code = ("overtaken", HALTED) if act.unsure else ("refused", REFUSED)
        return {**data, "status": status, "next": _again(name)}, code
    data["warnings"] += act.warnings
    data["next"] = f"`salt-run asgcycle.roll {name} select=outdated` brings it in"
    return {**data, "status": "published"}, DONE


def caution(aws: AwsLaunch, name: str, content: bytes) -> str:
    """
    One line when the group launches with other user data than ``content``, else empty.

    :raises AwsError: it cannot be read.
    """
    found = aws.launch(name)
    return launch.stale(found, aws.sources(found).values(), content)


def _told(found: Launch | None, decided: Publication, content: bytes) -> dict[str, Any]:
    return {
        "result": True,
        "obstacles": list(decided.obstacles),
        "warnings": list(decided.warnings),
        "changes": list(decided.changes),
        "from_specs": list(dict.fromkeys(step.source.spec for step in decided.steps)),
        "to_specs": list(dict.fromkeys(step.spec or "new" for step in decided.steps)),
        "previous": decided.previous or (found.recorded if found else ""),
        "bytes": len(content),
        "sha256": launch.digest(content),
    }


def _again(name: str) -> str:
    return f"look at the group, then `salt-run asgcycle.publish {name}` again"


class _Act:
    """One publish being carried out."""

    def __init__(
        self,
        aws: AwsLaunch,
        found: Launch,
        decided: Publication,
        content: bytes,
        policy: Policy,
        sleep: Callable[[float], None],
    ):
        self._aws, self._found, self._decided, self._content = aws, found, decided, content
        self._name = found.group.name
        self._policy, self._sleep = policy, sleep
        self._made: list[str] = []
        #: whether the group may launch from something else than before
        self.unsure = False
        self.warnings: list[str] = []

    def run(self) -> list[str]:
        """
        :return: what the group launches from now.
        :raises AwsError: a call failed; ``unsure`` says whether the group may have changed.
        :raises Overtaken: somebody else changed the group meanwhile.
        """
        # the group may name one version in several ways, such as 7 and $Latest: one is made of it
        made = {s.source.spec: s for s in self._decided.steps if not s.spec}
        new = {spec: self._make(step) for spec, step in made.items()}
        specs = {s.written: s.spec or new[s.source.spec] for s in self._decided.steps}
        self._same_as_before()
        if self._decided.previous:
            self._remember(self._decided.previous)
        self._point(specs)
        return list(dict.fromkeys(specs.values()))

    def left(self) -> list[str]:
        """What was made and is not used."""
        return [
            f"{spec} was made and is not in use; the next publish uses it" for spec in self._made
        ]

    def _make(self, step: Step) -> str:
        """Create a version or a configuration, and prove that only the user data differs."""
        source, content = step.source, self._content
        try:
            if source.version:
                made: Source | None = self._aws.create_version(source, step.make, content)
            else:
                self._aws.create_configuration(step.make, content)
                made = self._until(lambda: self._aws.alternatives(source, content))
        except Unclear:
            made = self._until(lambda: self._aws.alternatives(source, content))
            if made is None:
                raise
        if made is None:
            raise Overtaken(
                f"the launch configuration {step.make['LaunchConfigurationName']} was made and "
                "cannot be found; somebody has deleted it, or AWS is slow: publish again"
            )
        self._made.append(made.spec)
        wrong = launch.differing(source, made.data, content)
        if wrong:
            raise Overtaken(
                f"{made.spec} was made from {source.spec} and differs in {', '.join(wrong)}, not "
                "only in user data: it is not used"
            )
        return made.spec

    def _same_as_before(self) -> None:
        now = self._aws.launch(self._name)
        if now.settings != self._found.settings:
            raise Overtaken(
                f"somebody has changed what {self._name} launches from meanwhile: "
                f"{_say(self._found.written)} → {_say(now.written)}; it was left so"
            )

    def _remember(self, value: str) -> None:
        """
        Before the group is pointed elsewhere: the other way round, a crash in between would leave
        a tag that leads a rollback too far back.
        """
        try:
            self._aws.tag(self._name, {launch.PREVIOUS_TAG: value})
        except Unclear:
            if not self._until(lambda: self._aws.launch(self._name).recorded == value):
                raise

    def _point(self, specs: dict[str, str]) -> None:
        settings = launch.repointed(self._found.settings, specs)
        wanted = replace(self._found, settings=settings).written
        self.unsure = True
        try:
            self._aws.point(self._name, settings)
        except Unclear:
            if self._shown() == self._found.written:
                raise
        except AwsError:
            self.unsure = False
            self._put_tag_back()
            raise
        try:
            now = self._shown()
        except AwsError as exc:
            self.warnings.append(f"AWS has taken the change, but it cannot be read again: {exc}")
            now = wanted
        if now == self._found.written:
            self.warnings.append(
                f"AWS has taken the change but still shows {_say(now)}; look again before a roll"
            )
        elif now != wanted:
            raise Overtaken(
                f"{self._name} was set to {_say(wanted)}, and somebody has set it to {_say(now)} "
                "right after"
            )
        self.unsure = False
        self._made.clear()

    def _shown(self) -> tuple[str, ...]:
        """What the group launches from as shown, once it no longer shows the old."""
        before, seen = self._found.written, self._found.written

        def changed() -> bool:
            nonlocal seen
            seen = self._aws.launch(self._name).written
            return seen != before

        self._until(changed)
        return seen

    def _put_tag_back(self) -> None:
        if not self._decided.previous:
            return
        with suppress(AwsError):  # the failed call is what the operator has to hear of
            if self._found.recorded:
                self._aws.tag(self._name, {launch.PREVIOUS_TAG: self._found.recorded})
            else:
                self._aws.untag(self._name, [launch.PREVIOUS_TAG])

    def _until(self, look: Callable[[], T]) -> T:
        """What ``look`` finds, asked again until it finds something or settle_time is over."""
        waited = 0.0
        while not (found := look()) and waited < self._policy.settle_time:
            self._sleep(self._policy.poll_interval)
            waited += self._policy.poll_interval
        return found


def _say(written: tuple[str, ...]) -> str:
    return ", ".join(written) or "nothing"
